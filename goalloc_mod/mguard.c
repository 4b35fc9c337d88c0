// SPDX-License-Identifier: GPL-2.0
/*
 * Guards: a page behind the objects of each span of a heap that asks for them
 * (GOALLOC_HEAP_GUARD, or guard_pages=1 for all heaps), against writes that run
 * out of a span's end, or ahead of the start of the next one.
 *
 * Nothing that is exported can unmap a page in the middle of an arena, so a guard
 * does not fault. It is part of its span, in no slot, and filled with a pattern that
 * is looked at when the span dies, and on request; KASAN, which is told of it, sees
 * the write itself. Between arenas vmalloc() leaves a page that does fault.
 *
 * This file is not instrumented: it is what reads guards. @span->guard is set
 * before the span is published, and so is the pattern written.
 */
#include <linux/mm.h>

#include "goalloc_internal.h"
#include "track.h"

#define PATTERN_BYTE 0xb7
#define PATTERN (PATTERN_BYTE * 0x0101010101010101ULL)

/* From the last object on: what the span's pages have left over goes with it. */
static u64 *guard_start(const struct mspan *span)
{
	if (span->elemsize)
		return (u64 *)(span->base + (size_t)span->nelems * span->elemsize);
	return (u64 *)(span->base + mspan_large_bytes(span));
}

static u64 *guard_end(const struct mspan *span)
{
	return (u64 *)(span->base + ((size_t)span->npages << GOALLOC_PAGE_SHIFT));
}

/**
 * mguard_fill() - make the guard of a new span
 * @span: the span, not published yet; none is made if its @guard is 0
 *
 * Context: any; mheap.lock may be held.
 */
void mguard_fill(struct mspan *span)
{
	u64 *start = guard_start(span), *end = guard_end(span), *p;

	if (!span->guard)
		return;
	for (p = start; p < end; p++)
		WRITE_ONCE(*p, PATTERN);
	track_poison(start, (void *)end - (void *)start, GOALLOC_KASAN_ZONE);
}

/* The bytes of @v that are not the pattern's, as a mask; bit 0 is that of the lowest address. */
static unsigned int changed(u64 v)
{
	const u8 *b = (const u8 *)&v;
	unsigned int i, mask = 0;

	for (i = 0; i < sizeof(v); i++)
		mask |= (b[i] != PATTERN_BYTE) << i;
	return mask;
}

/**
 * mguard_check() - look at the guard of a span, and report damage
 * @span: a span with @guard, whose pages stay; its central does, too
 *
 * Damage is repaired, so that it is found once.
 *
 * Context: any, locks may be held.
 * Return: whether it was damaged.
 */
bool mguard_check(struct mspan *span)
{
	u64 *start = guard_start(span), *end = guard_end(span), *p;
	unsigned long first = 0;
	unsigned int bytes = 0;

	for (p = start; p < end; p++) {
		u64 v = READ_ONCE(*p);
		unsigned int mask;

		if (likely(v == PATTERN))
			continue;
		mask = changed(v);
		if (!bytes)
			first = (unsigned long)p + __ffs(mask);
		bytes += hweight8(mask);
		WRITE_ONCE(*p, PATTERN);
	}
	if (likely(!bytes))
		return false;
	report_overrun(span, first, bytes);
	return true;
}

struct check {
	struct goalloc_heap *heap;
	struct guard_counts *counts;
};

static void count_guard(struct mspan *span, const struct check *check)
{
	if (!span->guard || (check->heap && span->central->heap != check->heap))
		return;
	check->counts->damaged += mguard_check(span);
	check->counts->spans++;
	check->counts->bytes += (void *)guard_end(span) - (void *)guard_start(span);
}

static void check_span(struct mspan *span, void *data)
{
	unsigned long flags;

	if (!READ_ONCE(span->guard))
		return;
	/* A small one's pages stay while preemption is off. */
	if (READ_ONCE(span->state) == MSPAN_SMALL) {
		count_guard(span, data);
		return;
	}
	raw_spin_lock_irqsave(&mheap.lock, flags);
	if (READ_ONCE(span->state) != MSPAN_DEAD)
		count_guard(span, data);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
}

/**
 * mguard_check_all() - look at all guards
 * @heap: of this heap; NULL for all
 * @counts: what there was, added up
 *
 * Context: may sleep.
 */
void mguard_check_all(struct goalloc_heap *heap, struct guard_counts *counts)
{
	struct check check = { heap, counts };

	mheap_walk(check_span, &check);
}

/**
 * goalloc_heap_check() - look for writes beyond the spans of a heap
 * @heap: the heap
 *
 * Each damaged guard is counted as misuse of the heap, printed once for each class or
 * cache, and repaired. A heap without GOALLOC_HEAP_GUARD has no guards.
 *
 * Context: may sleep.
 * Return: how many guards were damaged.
 */
unsigned long goalloc_heap_check(struct goalloc_heap *heap)
{
	struct guard_counts counts = {};

	mguard_check_all(heap, &counts);
	return counts.damaged;
}
EXPORT_SYMBOL_GPL(goalloc_heap_check);
