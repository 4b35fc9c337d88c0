/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_H
#define USERSPACE_H

/*
 * Included ahead of every file: takes the place of goalloc_mod/compat.h, since
 * there is no kernel here whose version could differ.
 */
#define GOALLOC_COMPAT_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/kernel.h>

#define EXPORT_SYMBOL_FOR_TEST(sym) extern typeof(sym) sym

#endif /* USERSPACE_H */
