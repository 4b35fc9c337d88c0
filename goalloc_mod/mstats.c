// SPDX-License-Identifier: GPL-2.0
/*
 * Counting: what arenas, spans and centrals hold, for debugfs, for
 * goalloc_heap_stats() and for the tests.
 *
 * Owns no data. Nothing that is counted here is kept as a running total on an
 * allocation path, so a count is a walk over the spans of all arenas, and it
 * must not stall them: a walk looks at ARENA_CHUNK_PAGES pages at a time,
 * copies their bitmaps under mheap.lock, and looks at the spans one by one
 * without a lock. An arena is found by its number in an RCU read-side section
 * and stays until that ends, and so do a live span's geometry, its central and
 * its heap. What a walk finds is exact when nobody allocates or frees
 * meanwhile, and else a sum of things that were true at some time during it.
 *
 * Called by the views (debugfs*.c) and the tests, in process context.
 */
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/sched.h>

#include "mgc.h"
#include "mstats.h"

/* The arena with this number, or NULL; in an RCU section as long as it is used. */
struct heap_arena *arena_get(unsigned int nr)
{
	return nr < GOALLOC_MAX_ARENAS ? READ_ONCE(mheap.arenas[nr]) : NULL;
}

/**
 * arena_next() - the first number from @nr on that an arena has just now
 * @nr: where to begin
 *
 * Return: the number, or GOALLOC_MAX_ARENAS.
 */
unsigned int arena_next(unsigned int nr)
{
	while (nr < GOALLOC_MAX_ARENAS && !READ_ONCE(mheap.arenas[nr]))
		nr++;
	return nr;
}

/* Pages at which a span may start: a dedicated arena has one. */
static u32 arena_slots(const struct heap_arena *arena)
{
	return arena->dedicated ? 1 : arena->bytes >> GOALLOC_PAGE_SHIFT;
}

/**
 * arena_copy_chunk() - copy what the page allocator knows of some pages
 * @arena: the arena; in the RCU section that found it
 * @page: a page
 * @chunk: where to; it has no pages if @page is beyond the end
 */
void arena_copy_chunk(struct heap_arena *arena, u32 page, struct arena_chunk *chunk)
{
	u32 slots = arena_slots(arena);
	unsigned long flags;
	unsigned int words;

	chunk->first = round_down(page, ARENA_CHUNK_PAGES);
	chunk->npages = 0;
	if (chunk->first >= slots)
		return;
	chunk->npages = min(slots - chunk->first, ARENA_CHUNK_PAGES);
	words = BITS_TO_LONGS(chunk->npages);

	raw_spin_lock_irqsave(&mheap.lock, flags);
	memcpy(chunk->starts, arena->starts + BIT_WORD(chunk->first), words * sizeof(long));
	if (!arena->dedicated)
		memcpy(chunk->used, arena->pages.bits + BIT_WORD(chunk->first),
		       words * sizeof(long));
	raw_spin_unlock_irqrestore(&mheap.lock, flags);

	if (arena->dedicated)
		bitmap_fill(chunk->used, ARENA_CHUNK_PAGES);
}

/* A large span may die, and its mspan be another's, at any time without the lock. */
static bool copy_large(struct heap_arena *arena, struct mspan *span, struct span_copy *copy)
{
	unsigned long flags;
	u8 state;

	raw_spin_lock_irqsave(&mheap.lock, flags);
	/* It may be freed, or kept, without the lock, but not be another's. */
	state = READ_ONCE(span->state);
	copy->central = span->central;
	copy->npages = span->npages;
	copy->elemsize = mspan_large_bytes(span);
	copy->owner = READ_ONCE(span->owner);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);

	copy->state = MSPAN_LARGE;
	copy->total = 1;
	copy->live = state == MSPAN_LARGE;
	if (state == MSPAN_LARGE)
		copy->owner = MSPAN_NONE;
	return state == MSPAN_LARGE || state == MSPAN_KEPT;
}

/**
 * span_copy() - copy the span that starts at a page
 * @arena: the arena; in the RCU section that found it
 * @page: a page of it
 * @copy: where to
 *
 * Return: false if no live span starts there now.
 */
bool span_copy(struct heap_arena *arena, u32 page, struct span_copy *copy)
{
	struct mspan *span = &arena->mspans[page];

	copy->arena = arena->nr;
	copy->page = page;
	/* Pairs with the release at birth: the geometry is seen with the state. */
	copy->state = smp_load_acquire(&span->state);
	switch (copy->state) {
	case MSPAN_SMALL:
		copy->central = span->central;
		copy->npages = span->npages;
		copy->elemsize = span->elemsize;
		copy->total = span->nelems;
		copy->live = mspan_live(span);
		copy->owner = READ_ONCE(span->owner);
		break;
	case MSPAN_LARGE:
	case MSPAN_KEPT:
		if (copy_large(arena, span, copy))
			break;
		fallthrough;
	default:
		return false;
	}
	copy->spanclass = copy->central->spanclass;
	copy->heap_id = copy->central->heap_id;
	return true;
}

/**
 * arena_next_span() - the first live span that starts at a page or behind it
 * @arena: the arena; in the RCU section that found it
 * @page: where to begin
 * @span: where to copy it to
 *
 * Return: false if there is none.
 */
bool arena_next_span(struct heap_arena *arena, u32 page, struct span_copy *span)
{
	struct arena_chunk chunk;

	for (;;) {
		unsigned int i;

		arena_copy_chunk(arena, page, &chunk);
		if (!chunk.npages)
			return false;
		i = page - chunk.first;
		for_each_set_bit_from(i, chunk.starts, chunk.npages)
			if (span_copy(arena, chunk.first + i, span))
				return true;
		page = chunk.first + ARENA_CHUNK_PAGES;
	}
}

/**
 * arena_span_end() - where the span before a page ends
 * @arena: the arena; in the RCU section that found it
 * @page: a page
 * @span: where to copy the last live span that starts ahead of @page to
 *
 * Return: the page behind that span, or 0.
 */
u32 arena_span_end(struct heap_arena *arena, u32 page, struct span_copy *span)
{
	struct arena_chunk chunk;

	while (page) {
		unsigned int i, n;

		arena_copy_chunk(arena, page - 1, &chunk);
		n = min(page - chunk.first, chunk.npages);
		i = find_last_bit(chunk.starts, n);
		if (i < n)
			return span_copy(arena, chunk.first + i, span) ?
				       span->page + span->npages : 0;
		page = chunk.first;
	}
	return 0;
}

/**
 * spans_walk() - look at every live span
 * @fn: called with a copy of each; it may not sleep
 * @data: passed on
 *
 * Context: may sleep.
 */
void spans_walk(void (*fn)(const struct span_copy *span, void *data), void *data)
{
	struct arena_chunk chunk;
	struct heap_arena *arena;
	struct span_copy span;
	unsigned int nr, i;
	u32 page;

	for (nr = arena_next(0); nr < GOALLOC_MAX_ARENAS; nr = arena_next(nr + 1)) {
		for (page = 0;; page += ARENA_CHUNK_PAGES) {
			chunk.npages = 0;
			rcu_read_lock();
			arena = arena_get(nr);
			if (arena)
				arena_copy_chunk(arena, page, &chunk);
			for_each_set_bit(i, chunk.starts, chunk.npages)
				if (span_copy(arena, page + i, &span))
					fn(&span, data);
			rcu_read_unlock();
			if (!chunk.npages)
				break;
			cond_resched();
		}
	}
}

void span_sums_add(struct span_sums *sums, const struct span_copy *span)
{
	unsigned int unused = span->total - span->live;

	sums->spans++;
	sums->pages += span->npages;
	sums->live += span->live;
	if (span->state == MSPAN_LARGE)
		sums->large += span->live;
	sums->live_bytes += span->live * span->elemsize;
	sums->slots += span->total;
	if (span_is_cached(span)) {
		sums->cached_spans++;
		sums->cached_pages += span->npages;
		sums->cached_free += unused;
		if (span->state == MSPAN_LARGE)
			sums->kept_pages += span->npages;
	} else if (!unused) {
		sums->full_spans++;
	} else if (!span->live) {
		sums->empty_spans++;
	}
}

struct sums_filter {
	bool (*match)(const struct span_copy *span, const struct sums_filter *filter);
	const struct mcentral *central;
	const struct mcentral *debugged;
	u32 heap_id;
	struct span_sums *sums;
};

static void add_if_match(const struct span_copy *span, void *data)
{
	const struct sums_filter *filter = data;

	if (!filter->match || filter->match(span, filter))
		span_sums_add(filter->sums, span);
}

static void filtered_sums(struct sums_filter *filter)
{
	memset(filter->sums, 0, sizeof(*filter->sums));
	spans_walk(add_if_match, filter);
}

static bool match_central(const struct span_copy *span, const struct sums_filter *filter)
{
	return span->central == filter->central ||
	       (filter->debugged && span->central == filter->debugged);
}

static bool match_heap(const struct span_copy *span, const struct sums_filter *filter)
{
	return span->heap_id == filter->heap_id;
}

/**
 * mheap_span_sums() - what the spans of all heaps hold
 * @sums: the result
 *
 * Context: may sleep, as all that walk over spans.
 */
void mheap_span_sums(struct span_sums *sums)
{
	struct sums_filter filter = { .sums = sums };

	filtered_sums(&filter);
}
EXPORT_SYMBOL_FOR_TEST(mheap_span_sums);

/**
 * heap_span_sums() - what the spans of a heap hold
 * @heap_id: the heap, which need not exist any more
 * @sums: the result
 */
void heap_span_sums(u32 heap_id, struct span_sums *sums)
{
	struct sums_filter filter = { .match = match_heap, .heap_id = heap_id, .sums = sums };

	filtered_sums(&filter);
}
EXPORT_SYMBOL_FOR_TEST(heap_span_sums);

/**
 * central_span_sums() - what the spans of a class or cache hold
 * @central: the central, which is compared and not looked at
 * @debugged: that of the cache's objects under debugging, or NULL; the same
 * @sums: the result
 */
void central_span_sums(const struct mcentral *central, const struct mcentral *debugged,
		       struct span_sums *sums)
{
	struct sums_filter filter = {
		.match = match_central,
		.central = central,
		.debugged = debugged,
		.sums = sums,
	};

	filtered_sums(&filter);
}
EXPORT_SYMBOL_FOR_TEST(central_span_sums);

static void end_run(struct arena_usage *usage)
{
	if (!usage->run)
		return;
	usage->runs[min_t(unsigned int, ilog2(usage->run), ARENA_RUN_KINDS - 1)]++;
	usage->largest = max(usage->largest, usage->run);
	usage->run = 0;
}

static void add_pin(struct arena_usage *usage, const struct span_copy *span)
{
	struct arena_pin *pin = usage->pins;

	while (pin < usage->pins + usage->npins && pin->heap_id != span->heap_id)
		pin++;
	if (pin == usage->pins + ARENA_PINS) {
		usage->more_pins = true;
		return;
	}
	if (pin == usage->pins + usage->npins) {
		usage->npins++;
		pin->heap_id = span->heap_id;
		pin->live = 0;
		strscpy(pin->name, span->central->heap->name, sizeof(pin->name));
	}
	pin->live += span->live;
}

/* In the RCU section that found the arena. */
static void add_chunk(struct arena_usage *usage, struct heap_arena *arena,
		      const struct arena_chunk *chunk)
{
	unsigned int i;

	/* Not the sum of the chunks: a dedicated arena has one, of one page. */
	if (!chunk->first)
		usage->pages += arena->bytes >> GOALLOC_PAGE_SHIFT;
	for (i = 0; i < chunk->npages; i++) {
		struct span_copy span;

		if (!test_bit(i, chunk->used)) {
			usage->free++;
			usage->run++;
			continue;
		}
		end_run(usage);
		if (!test_bit(i, chunk->starts) || !span_copy(arena, chunk->first + i, &span))
			continue;
		usage->spans++;
		usage->inuse += span.npages;
		usage->unused += (span.total - span.live) * span.elemsize;
		usage->tail += ((u64)span.npages << GOALLOC_PAGE_SHIFT) -
			       span.total * span.elemsize;
		add_pin(usage, &span);
	}
}

/**
 * arena_usage_add() - count what is in an arena
 * @nr: its number
 * @usage: what it is added to
 *
 * Context: may sleep.
 * Return: false if there is no such arena.
 */
bool arena_usage_add(unsigned int nr, struct arena_usage *usage)
{
	struct arena_chunk chunk;
	struct heap_arena *arena;
	u32 page;

	for (page = 0;; page += ARENA_CHUNK_PAGES) {
		chunk.npages = 0;
		rcu_read_lock();
		arena = arena_get(nr);
		if (arena) {
			arena_copy_chunk(arena, page, &chunk);
			add_chunk(usage, arena, &chunk);
		}
		rcu_read_unlock();
		if (!chunk.npages)
			break;
		cond_resched();
	}
	/* A run ends at the end of its arena. */
	end_run(usage);
	return page > 0;
}

/**
 * central_counts_add() - add up a central's counters
 * @central: the central
 * @counts: what they are added to
 *
 * Context: whatever keeps the central, and its slots, from going away.
 */
void central_counts_add(struct mcentral *central, struct central_counts *counts)
{
	unsigned int cpu;

	counts->centrals++;
	counts->nalloc += READ_ONCE(central->nalloc);
	counts->ncentral += READ_ONCE(central->nalloc);
	if (!central_has_slots(central))
		return;
	counts->installed++;
	for_each_possible_cpu(cpu) {
		const struct mcache_slot *slot = per_cpu_ptr(central->slots, cpu);

		counts->nalloc += READ_ONCE(slot->nalloc);
		counts->nrefill += READ_ONCE(slot->nrefill);
		counts->nremote += READ_ONCE(slot->nremote);
		counts->holding += READ_ONCE(slot->span) || READ_ONCE(slot->fspan);
	}
}

static void add_central(struct mcentral *central, void *data)
{
	central_counts_add(central, data);
}

/**
 * heap_counts() - add up the counters of a heap's classes and caches
 * @heap: the heap
 * @counts: what they are added to; large objects and caches that have gone count
 *	as allocations
 *
 * Context: heaps_lock is held.
 */
void heap_counts(struct goalloc_heap *heap, struct central_counts *counts)
{
	lockdep_assert_held(&heaps_lock);
	visit_centrals(heap, NULL, add_central, counts);
	counts->nalloc += READ_ONCE(heap->large_allocs) + heap->gone_allocs;
}

/**
 * heap_large_counts() - count a heap's large objects
 * @heap: the heap; whoever calls keeps it
 * @counts: the result
 *
 * Context: may sleep.
 */
void heap_large_counts(struct goalloc_heap *heap, struct large_counts *counts)
{
	struct central_counts slots = {};
	struct span_sums sums;
	unsigned int scan;

	heap_span_sums(heap->id, &sums);
	counts->live = sums.large;
	for (scan = 0; scan < 2; scan++) {
		struct mcentral *central = READ_ONCE(heap->plain[scan]);

		if (central)
			central_counts_add(central, &slots);
	}
	counts->nalloc = max(READ_ONCE(heap->large_allocs) + slots.nalloc, counts->live);
}

/* Refused frees and the like, of all kinds. */
u64 heap_misuse(const struct goalloc_heap *heap)
{
	u64 n = 0;
	int i;

	for (i = 0; i < MISUSE_NR; i++)
		n += atomic_long_read(&heap->misuse[i]);
	return n;
}

/**
 * goalloc_heap_stats() - what a heap holds
 * @heap: the heap; the caller keeps it from being destroyed
 * @stats: the result
 *
 * Walks over all spans, so this is for showing to people, not for allocation
 * paths. The numbers are exact when nobody uses the heap meanwhile. Objects
 * that wait for a grace period (goalloc_free_rcu()) count as freed.
 *
 * Context: may sleep.
 */
void goalloc_heap_stats(struct goalloc_heap *heap, struct goalloc_heap_stats *stats)
{
	struct central_counts counts = {};
	unsigned long limit;
	struct span_sums sums;

	/* Live objects first: an object is not live before it is counted. */
	heap_span_sums(heap->id, &sums);
	mutex_lock(&heaps_lock);
	heap_counts(heap, &counts);
	mutex_unlock(&heaps_lock);

	limit = READ_ONCE(heap->limit);
	stats->live_objects = sums.live;
	stats->live_bytes = sums.live_bytes;
	stats->mallocs = max(counts.nalloc, sums.live);
	stats->frees = stats->mallocs - sums.live;
	stats->span_bytes = sums.pages << GOALLOC_PAGE_SHIFT;
	stats->limit = limit > ULONG_MAX >> GOALLOC_PAGE_SHIFT ? ULONG_MAX :
							       limit << GOALLOC_PAGE_SHIFT;
	stats->misuse = heap_misuse(heap);
}
EXPORT_SYMBOL_GPL(goalloc_heap_stats);

/* Count a run of pages, and the block of slot bits that goes with it. */
static u32 recount_run(struct heap_arena *arena, u32 page, bool start,
		       struct mheap_snapshot *snap)
{
	struct mspan *span = &arena->mspans[page];
	u32 npages = READ_ONCE(span->npages);
	bool small = true;

	/* As in span_copy(). */
	switch (smp_load_acquire(&span->state)) {
	case MSPAN_SMALL:
		snap->small += npages;
		break;
	case MSPAN_LARGE:
	case MSPAN_LIMBO:
	case MSPAN_KEPT:
		snap->large += npages;
		small = false;
		break;
	default:
		snap->parked += npages;
	}
	if (start != (READ_ONCE(span->state) != MSPAN_DEAD))
		return 0;
	if (small && !span->debug && !mcentral_is_managed(span->central) &&
	    mspanbits_kind(span->nelems) >= 0)
		snap->nbits_used[mspanbits_kind(span->nelems)]++;
	return npages;
}

/* In the RCU section that found the arena. */
static bool recount_arena(struct heap_arena *arena, struct mheap_snapshot *snap)
{
	u32 page, slots = arena_slots(arena), left = 0;
	struct arena_chunk chunk;

	for (page = 0; page < slots; page++) {
		unsigned int i = page % ARENA_CHUNK_PAGES;
		bool used, start;

		if (!i)
			arena_copy_chunk(arena, page, &chunk);
		used = test_bit(i, chunk.used);
		start = test_bit(i, chunk.starts);

		/* Nothing may begin, or be free, inside a span. */
		if (left ? start || !used : start && !used)
			return false;
		if (!used) {
			snap->free++;
			continue;
		}
		if (!left)
			left = recount_run(arena, page, start, snap);
		if (!left--)
			return false;
	}
	snap->narenas++;
	snap->sys += arena->bytes >> GOALLOC_PAGE_SHIFT;
	return arena->dedicated || !left;
}

/**
 * mheap_recount() - count by looking at every page what mheap_snapshot() reads
 * @snap: the result; @nbits stays 0
 *
 * Each page has to be free, or in one span that is alive or parked: exactly
 * what the mheap's totals say, as long as nobody allocates or frees meanwhile.
 *
 * Context: may sleep.
 * Return: false if the page allocator's bits and the spans contradict each
 * other.
 */
bool mheap_recount(struct mheap_snapshot *snap)
{
	unsigned int nr;
	bool ok = true;

	memset(snap, 0, sizeof(*snap));
	for (nr = arena_next(0); nr < GOALLOC_MAX_ARENAS; nr = arena_next(nr + 1)) {
		struct heap_arena *arena;

		rcu_read_lock();
		arena = arena_get(nr);
		if (arena && !recount_arena(arena, snap))
			ok = false;
		rcu_read_unlock();
		cond_resched();
	}
	return ok;
}
EXPORT_SYMBOL_FOR_TEST(mheap_recount);
