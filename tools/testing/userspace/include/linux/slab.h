/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_SLAB_H
#define USERSPACE_SLAB_H

#include <stdlib.h>

#include <linux/types.h>

#define GFP_KERNEL 0U

static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return calloc(n, size);
}

static inline void kvfree(const void *p)
{
	free((void *)p);
}

#endif /* USERSPACE_SLAB_H */
