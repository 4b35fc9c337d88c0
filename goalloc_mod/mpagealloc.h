/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page allocator: see mpagealloc.c. Whoever calls holds the mheap lock.
 */
#ifndef GOALLOC_MPAGEALLOC_H
#define GOALLOC_MPAGEALLOC_H

#include <linux/bitops.h>
#include <linux/types.h>

#include "msize.h"

#define GOALLOC_MAX_ARENAS 4096
#define GOALLOC_ARENA_PAGES 8192 /* 64 MiB */

#define PALLOC_CHUNK_SHIFT 9
#define PALLOC_CHUNK_PAGES BIT(PALLOC_CHUNK_SHIFT) /* 4 MiB */
#define PALLOC_CHUNK_WORDS (PALLOC_CHUNK_PAGES / BITS_PER_LONG)
#define PALLOC_CHUNKS (GOALLOC_ARENA_PAGES / PALLOC_CHUNK_PAGES)

#define PALLOC_FANOUT 16

/* Free pages of a chunk: at its start, the longest run, and at its end. */
struct palloc_sum {
	u16 start;
	u16 max;
	u16 end;
};

/**
 * struct palloc_arena - pages of one arena
 * @base: address of page 0, aligned to the page size
 * @npages: of the arena; at most GOALLOC_ARENA_PAGES unless @full
 * @nfree: of those, free
 * @search: no page below this one is free
 * @max: longest free run; too much, perhaps, if this is the stale arena
 * @stale: chunks whose longest run may be too much
 * @full: one allocation for good; the fields below are not in use
 * @sum: by chunk
 * @bits: by page, 1 = allocated; pages from @npages on count as allocated
 */
struct palloc_arena {
	unsigned long base;
	u32 npages;
	u32 nfree;
	u32 search;
	u16 max;
	u16 stale;
	bool full;
	struct palloc_sum sum[PALLOC_CHUNKS];
	unsigned long bits[GOALLOC_ARENA_PAGES / BITS_PER_LONG];
};

/**
 * struct page_alloc - pages of all arenas
 * @arena: by number; NULL where there is none
 * @leaf: longest free run of each arena; 0 where there is none
 * @mid: the largest of 16 @leaf
 * @top: the largest of 16 @mid
 * @search: no arena below this one has a free page
 * @stale: the one arena whose @leaf may be too much, or GOALLOC_MAX_ARENAS
 * @narenas: arenas there are
 * @total: their pages
 * @nfree: their free pages
 */
struct page_alloc {
	struct palloc_arena *arena[GOALLOC_MAX_ARENAS];
	u16 leaf[GOALLOC_MAX_ARENAS];
	u16 mid[GOALLOC_MAX_ARENAS / PALLOC_FANOUT];
	u16 top[GOALLOC_MAX_ARENAS / PALLOC_FANOUT / PALLOC_FANOUT];
	u32 search;
	u32 stale;
	u32 narenas;
	unsigned long total;
	unsigned long nfree;
};

#define PALLOC_NONE (~0U) /* no page */

/* Chunks that have pages. */
static inline u32 palloc_chunks(const struct palloc_arena *a)
{
	return (a->npages + PALLOC_CHUNK_PAGES - 1) >> PALLOC_CHUNK_SHIFT;
}

/* mpallocbits.c */
void palloc_settle_chunk(struct palloc_arena *a, u32 chunk);
u32 palloc_find(struct palloc_arena *a, u32 npages, u32 align);

/* mpagealloc.c */
void palloc_init(struct page_alloc *pa);
int palloc_add(struct page_alloc *pa, struct palloc_arena *a, unsigned long base, u32 npages);
int palloc_add_full(struct page_alloc *pa, struct palloc_arena *a, unsigned long base,
		    u32 npages);
bool palloc_remove(struct page_alloc *pa, u32 nr);
bool palloc_alloc(struct page_alloc *pa, u32 npages, u32 align_pages, u32 *nr, u32 *page);
bool palloc_free(struct page_alloc *pa, u32 nr, u32 page, u32 npages);
u32 palloc_largest(struct page_alloc *pa);

#endif /* GOALLOC_MPAGEALLOC_H */
