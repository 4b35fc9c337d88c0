/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the API share about objects.
 */
#ifndef GOALLOC_MALLOC_H
#define GOALLOC_MALLOC_H

#include <linux/sched/mm.h>

#include "goalloc_internal.h"

/**
 * struct object_info - what is known of a live object
 * @heap: its heap
 * @cache: its cache, or NULL
 * @base: its first byte
 * @size: bytes of its slot
 * @noscan: holds no pointers
 * @useroffset: with @cache: where what may be copied to and from user space begins
 * @usersize: with @cache: how much that is
 * @debug: is under debugging: @size is what was asked for
 */
struct object_info {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	unsigned long base;
	size_t size;
	bool noscan;
	bool debug;
	unsigned int useroffset;
	unsigned int usersize;
};

/* mlookup.c */
enum goalloc_misuse misuse_no_span(unsigned long addr);
enum goalloc_misuse misuse_slot(const struct mspan *span, unsigned int slot);
enum goalloc_misuse misuse_large(const struct mspan *span, u8 state);
bool object_lookup(const void *obj, struct object_info *info, enum goalloc_misuse *kind);
bool object_containing(const void *addr, struct object_info *info, enum goalloc_misuse *kind);

/* malloc.c */
void *refuse_gfp(const struct goalloc_cache *cache, unsigned long ip);
void zero_large(void *obj, size_t size, bool may_block);
int goalloc_bulk(struct mcentral *central, gfp_t gfp, size_t nr, void **objs);

/* mfree.c */
void goalloc_unalloc(void *obj);
void goalloc_end_large(struct mspan *span);
bool goalloc_bury(const struct mspan *span, void *obj, size_t size, unsigned long ip);

/* mlimbo.c */
void mlimbo_end_large(struct mspan *span);
bool mlimbo_quarantine(struct mcentral *central, struct mspan *span, unsigned int slot,
		       unsigned long addr);

/* The alignment that an object of @size bytes has, if @size is not 0. */
static inline size_t goalloc_align(size_t size)
{
	return clamp_t(size_t, size & -size, 8, GOALLOC_LARGE_ALIGN_MAX);
}

/* Let lockdep and might_sleep() judge every call, and not only those that miss. */
static __always_inline void goalloc_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) || IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))
		might_alloc(gfp);
}

#endif /* GOALLOC_MALLOC_H */
