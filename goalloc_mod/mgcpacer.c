// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing: when a cycle begins, and who pays for it.
 *
 * What is live is counted by spans, on the slow path: a span that is claimed counts as
 * if all its free slots were allocated, and one that is given back the other way round
 * (Go's heapLive). A cycle corrects the count by what it found. The goal is what was
 * reachable, and gc_percent of that more, at least GC_MIN_GOAL in proportion, and not
 * beyond the memory limit; a cycle begins ahead of it, by as much as was allocated while
 * the last one ran.
 *
 * Who allocates beyond the goal while the heap marks, and may sleep, scans a little
 * first. That stops when the collector took more than half of a CPU for long: a bucket
 * fills with its time and leaks with the clock's (Go's GC CPU limiter).
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "mgc.h"

/* Go's heapMinimum, of gc_percent 100. */
#define GC_MIN_GOAL (4UL << 20)

/* CPU time that the collector may be ahead of its half. */
#define GC_BUCKET_NS NSEC_PER_SEC

/* Spans that an assist scans. */
#define GC_ASSIST_SPANS 4

static long free_bytes(const struct mspan *span)
{
	unsigned int k, n = 0;

	for (k = 0; k < mspan_groups(span); k++)
		n += hweight64(READ_ONCE(span->bits[k].free));
	return (long)n * span->elemsize;
}

/**
 * gc_charge() - count what is in a span's free slots
 * @span: the caller owns it
 * @taken: they are about to be handed out; else what is left of them was not
 *
 * Context: any but NMI, preemption off.
 */
void gc_charge(struct mspan *span, bool taken)
{
	struct gc_heap *gc = span->central->heap->gc;
	long bytes = free_bytes(span), live;

	if (!taken) {
		atomic_long_sub(bytes, &gc->live);
		return;
	}
	live = atomic_long_add_return(bytes, &gc->live);
	if (unlikely(live >= (long)READ_ONCE(gc->trigger)) &&
	    gc_phase(gc_word(gc->heap)) == GC_OFF)
		mgc_kick(gc);
}

/**
 * gc_pace() - set the next cycle's goal and trigger
 * @gc: the heap's collector, in phase OFF
 *
 * Context: any but NMI.
 */
void gc_pace(struct gc_heap *gc)
{
	unsigned long marked = READ_ONCE(gc->stats.heap_marked), limit = READ_ONCE(gc->limit);
	long percent = READ_ONCE(gc->percent), runway = READ_ONCE(gc->runway), room;
	unsigned long goal = ULONG_MAX / 2;

	if (percent >= 0)
		goal = max(marked + marked / 100 * percent, GC_MIN_GOAL / 100 * percent);
	goal = max(min(goal, limit), marked + 1);
	room = goal - marked;
	/* Go's bounds: not before 70 % of the way, nor after 95 %. */
	runway = clamp(runway + runway / 8, room / 20, room / 10 * 3);
	WRITE_ONCE(gc->goal, goal);
	WRITE_ONCE(gc->trigger, goal - runway);
}

/* The collector used a CPU for @ns. Any context. */
void gc_limiter_add(struct gc_heap *gc, u64 ns)
{
	atomic64_add(ns, &gc->mark_ns);
	atomic64_add(ns, &gc->bucket);
}

/* Whether it has used no more than it may; leaks the bucket. */
static bool below_limit(struct gc_heap *gc)
{
	u64 now = ktime_get_ns(), last = READ_ONCE(gc->bucket_time);
	s64 level = atomic64_read(&gc->bucket);

	/* Of several who look at once one leaks it. */
	if (now - last > NSEC_PER_MSEC && cmpxchg64(&gc->bucket_time, last, now) == last) {
		s64 leak = min_t(u64, (now - last) / 2, LLONG_MAX);

		level = atomic64_sub_return(min(leak, level), &gc->bucket);
		if (level > 2 * GC_BUCKET_NS)
			atomic64_set(&gc->bucket, 2 * GC_BUCKET_NS);
	}
	return level <= GC_BUCKET_NS;
}

/**
 * gc_assist() - help to mark, if the heap grows faster than that is done
 * @gc: its collector
 * @gfp: of the allocation
 *
 * Never waits for the collector, which may be waiting for the caller's section.
 *
 * Context: in a section; scans if @gfp allows to sleep; no lock held.
 */
void gc_assist(struct gc_heap *gc, gfp_t gfp)
{
	u64 begin, ns;

	if (likely(gc_phase(gc_word(gc->heap)) != GC_MARK) || !READ_ONCE(gc->g1))
		return;
	if (!gfpflags_allow_blocking(gfp) || !in_task() ||
	    atomic_long_read(&gc->live) < (long)READ_ONCE(gc->goal) || !below_limit(gc))
		return;
	begin = ktime_get_ns();
	if (gc_scan_some(gc, GC_ASSIST_SPANS))
		gc_count(gc);
	ns = ktime_get_ns() - begin;
	atomic64_add(ns, &gc->assist_ns);
	gc_limiter_add(gc, ns);
}

/**
 * goalloc_gc_set_percent() - how much a heap may grow between cycles
 * @heap: a managed heap
 * @percent: of what was reachable (Go's GOGC); negative for no cycles but those that
 *	are asked for, or that the limit brings about
 *
 * Context: any but NMI.
 * Return: 0, or -EINVAL if it is over 100000.
 */
int goalloc_gc_set_percent(struct goalloc_heap *heap, int percent)
{
	if (percent > 100000)
		return -EINVAL;
	WRITE_ONCE(heap->gc->percent, percent);
	gc_pace(heap->gc);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_gc_set_percent);

/**
 * goalloc_gc_set_limit() - bytes of objects beyond which cycles begin in any case
 * @heap: a managed heap
 * @bytes: as many (Go's GOMEMLIMIT); ULONG_MAX for none. goalloc_heap_set_limit() bounds
 *	the memory, and makes allocations fail; this does not.
 *
 * Context: any but NMI.
 * Return: 0, or -EINVAL if it is 0.
 */
int goalloc_gc_set_limit(struct goalloc_heap *heap, unsigned long bytes)
{
	if (!bytes)
		return -EINVAL;
	WRITE_ONCE(heap->gc->limit, min(bytes, ULONG_MAX / 2));
	gc_pace(heap->gc);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_gc_set_limit);
