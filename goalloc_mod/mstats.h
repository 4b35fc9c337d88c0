/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the views and the tests count from arenas and spans; see mstats.c.
 */
#ifndef GOALLOC_MSTATS_H
#define GOALLOC_MSTATS_H

#include "goalloc_internal.h"

/* Pages that are looked at in one go, under mheap.lock. */
#define ARENA_CHUNK_PAGES PALLOC_CHUNK_PAGES

/**
 * struct arena_chunk - some pages of an arena, copied at one moment
 * @first: the first page, a multiple of ARENA_CHUNK_PAGES
 * @npages: how many there are
 * @starts: a bit for each page where a live span starts
 * @used: a bit for each page that is not free
 */
struct arena_chunk {
	u32 first;
	u32 npages;
	DECLARE_BITMAP(starts, ARENA_CHUNK_PAGES);
	DECLARE_BITMAP(used, ARENA_CHUNK_PAGES);
};

/**
 * struct span_copy - a span, as it was a moment ago
 * @central: to look at in the RCU section that copied the span, and to compare
 *	with later
 * @heap_id: of its heap
 * @arena: number of the arena
 * @page: first page in the arena
 * @npages: pages
 * @elemsize: bytes from slot to slot; of a large object all its bytes
 * @total: slots
 * @live: slots handed out; those that wait for a grace period are not counted
 * @owner: enum mspan_owner
 * @state: MSPAN_SMALL or MSPAN_LARGE
 * @spanclass: size class << 1 | noscan
 */
struct span_copy {
	const struct mcentral *central;
	u32 heap_id;
	u32 arena;
	u32 page;
	u32 npages;
	u64 elemsize;
	u16 total;
	u16 live;
	u16 owner;
	u8 state;
	u8 spanclass;
};

/**
 * struct span_sums - what a set of spans holds
 * @spans: spans
 * @pages: their pages
 * @live: slots handed out
 * @large: those of them that are large
 * @live_bytes: their bytes, slot size each
 * @slots: all slots
 * @cached_spans: spans that CPUs own, or keep for large objects
 * @cached_pages: their pages
 * @kept_pages: those of them that are in large spans without an object
 * @cached_free: their slots that are not handed out
 * @full_spans: other spans with no free slot
 * @empty_spans: other spans with no live slot
 */
struct span_sums {
	u64 spans;
	u64 pages;
	u64 live;
	u64 large;
	u64 live_bytes;
	u64 slots;
	u64 cached_spans;
	u64 cached_pages;
	u64 kept_pages;
	u64 cached_free;
	u64 full_spans;
	u64 empty_spans;
};

static inline bool span_is_cached(const struct span_copy *span)
{
	return span->owner != MSPAN_NONE && span->owner != MSPAN_WORKER;
}

/* Heaps that have spans in one arena; the rest is only known to be there. */
#define ARENA_PINS 4
/* Free runs are counted by the binary logarithm of their length. */
#define ARENA_RUN_KINDS 14

/**
 * struct arena_usage - what is in an arena, or in all of them
 * @pages: all pages
 * @inuse: pages of live spans, those that CPUs own included
 * @free: free pages
 * @largest: pages of the longest free run
 * @runs: free runs of 1, 2 to 3, 4 to 7, ... pages
 * @spans: live spans
 * @unused: bytes of slots that are not handed out
 * @tail: bytes behind the last slot of a span
 * @run: pages of the free run that the walk is in
 * @npins: entries of @pins
 * @more_pins: there are more heaps than fit
 * @pins: heaps that have spans here, and objects they have handed out
 */
struct arena_usage {
	u64 pages;
	u64 inuse;
	u64 free;
	u64 largest;
	u64 runs[ARENA_RUN_KINDS];
	u64 spans;
	u64 unused;
	u64 tail;
	u64 run;
	unsigned int npins;
	bool more_pins;
	struct arena_pin {
		u32 heap_id;
		u64 live;
		char name[GOALLOC_NAME_MAX];
	} pins[ARENA_PINS];
};

/**
 * struct central_counts - what a set of centrals has counted since it was made
 * @centrals: how many
 * @installed: those of them that have their per-CPU slots
 * @holding: per-CPU slots that hold a span
 * @nalloc: allocations
 * @nrefill: those that had to look for room first
 * @ncentral: those that went past the per-CPU slots
 * @nremote: frees into spans that the freeing CPU did not own
 */
struct central_counts {
	u64 centrals;
	u64 installed;
	u64 holding;
	u64 nalloc;
	u64 nrefill;
	u64 ncentral;
	u64 nremote;
};

/**
 * struct large_counts - the large objects of a heap
 * @nalloc: allocations
 * @live: objects
 */
struct large_counts {
	u64 nalloc;
	u64 live;
};

/* Until process context had a chance to make them, a central shares the dummy. */
static inline bool central_has_slots(const struct mcentral *central)
{
	return READ_ONCE(central->slots) != mcache_dummy;
}

/* Pages that are neither free nor in a live span: dead spans wait there. */
static inline u64 arena_usage_parked(const struct arena_usage *usage)
{
	u64 known = usage->free + usage->inuse;

	return usage->pages > known ? usage->pages - known : 0;
}

struct heap_arena *arena_get(unsigned int nr);
unsigned int arena_next(unsigned int nr);
void arena_copy_chunk(struct heap_arena *arena, u32 page, struct arena_chunk *chunk);
bool arena_next_span(struct heap_arena *arena, u32 page, struct span_copy *span);
u32 arena_span_end(struct heap_arena *arena, u32 page, struct span_copy *span);
bool span_copy(struct heap_arena *arena, u32 page, struct span_copy *span);
void spans_walk(void (*fn)(const struct span_copy *span, void *data), void *data);
void span_sums_add(struct span_sums *sums, const struct span_copy *span);
void mheap_span_sums(struct span_sums *sums);
void heap_span_sums(u32 heap_id, struct span_sums *sums);
void central_span_sums(const struct mcentral *central, const struct mcentral *debugged,
		       struct span_sums *sums);
bool arena_usage_add(unsigned int nr, struct arena_usage *usage);
void central_counts_add(struct mcentral *central, struct central_counts *counts);
void heap_counts(struct goalloc_heap *heap, struct central_counts *counts);
void heap_large_counts(struct goalloc_heap *heap, struct large_counts *counts);
u64 heap_misuse(const struct goalloc_heap *heap);
bool mheap_recount(struct mheap_snapshot *snap);

#endif /* GOALLOC_MSTATS_H */
