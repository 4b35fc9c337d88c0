// SPDX-License-Identifier: GPL-2.0
/*
 * The maple tree with lib/test_maple_tree.c, in one module. The kernel makes the
 * tree's cache while it boots, and keeps it: here it is made before the test, and
 * goes after it. For that run has taken the test's module_init() and module_exit().
 */
#include "maple_tree.c"
#include "test_maple_tree.c"

static int __init foreign_maple_init(void)
{
	int err;

	maple_tree_init();
	err = maple_tree_seed();
	if (err)
		kmem_cache_destroy(maple_node_cache);
	return err;
}

static void __exit foreign_maple_exit(void)
{
	maple_tree_harvest();
	kmem_cache_destroy(maple_node_cache);
}

module_init(foreign_maple_init);
module_exit(foreign_maple_exit);
