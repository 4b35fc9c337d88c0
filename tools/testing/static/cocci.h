/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For spatch alone: what it cannot parse unless it is told what it stands for.
 */
#define __goalloc_attrs
#define __malloc
#define __gc
#define __force
#define __alloc_size(...)
