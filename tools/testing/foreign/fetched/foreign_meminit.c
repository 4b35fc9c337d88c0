// SPDX-License-Identifier: GPL-2.0
/*
 * lib/test_meminit.c as it is, which has no way to unload it.
 */
#include "test_meminit.c"

static void __exit foreign_meminit_exit(void)
{
}

module_exit(foreign_meminit_exit);
