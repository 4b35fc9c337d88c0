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
 * Who allocates beyond the goal, and may sleep, scans or sweeps a little first, or gives
 * the collector a little of the CPU's time. That stops when the collector took more than
 * half of a CPU for long: a bucket fills with its time and leaks with the clock's (Go's GC
 * CPU limiter).
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "mgc.h"

/* Go's heapMinimum, of gc_percent 100. */
#define GC_MIN_GOAL (4UL << 20)

/* CPU time that the collector may be ahead of its half. */
#define GC_BUCKET_NS NSEC_PER_SEC

/* Spans that an assist scans, or sweeps. */
#define GC_ASSIST_SPANS 16

/* How long an assist gives way that finds nothing to scan, in microseconds. */
#define GC_PAUSE_US 50

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

static unsigned long switches(void)
{
	return current->nvcsw + current->nivcsw;
}

/* For how long the task had a CPU. */
static u64 cpu_ns(void)
{
	/* As of the last tick or switch, which is the writer. */
	return data_race(READ_ONCE(current->se.sum_exec_runtime));
}

/* From now on the task works for the collector. */
void gc_clock_start(struct gc_clock *clock)
{
	clock->ns = ktime_get_ns();
	clock->cpu_ns = cpu_ns();
	clock->switches = switches();
}

/*
 * Up to now it did. If it had to wait for a CPU meanwhile, the scheduler knows how long it
 * had one, give or take a tick.
 */
void gc_limiter_add(struct gc_heap *gc, const struct gc_clock *clock)
{
	u64 ns = ktime_get_ns() - clock->ns;

	if (switches() != clock->switches)
		ns = min(ns, cpu_ns() - clock->cpu_ns);
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

/* Scan or sweep a little; whether there was something to. */
static bool help(struct mcentral *central)
{
	struct gc_heap *gc = central->heap->gc;
	struct gc_clock clock;
	bool found;

	switch (gc_phase(gc_word(gc->heap))) {
	case GC_MARK:
		if (!READ_ONCE(gc->g1))
			return false;
		gc_clock_start(&clock);
		found = gc_scan_some(gc, GC_ASSIST_SPANS);
		if (found)
			gc_count(gc);
		gc_limiter_add(gc, &clock);
		return found;
	case GC_OFF:
		return gc_sweep_central(central, GC_ASSIST_SPANS, false);
	default:
		return false;
	}
}

/**
 * gc_assist() - help the collector, if the heap grows faster than that goes
 * @central: that is allocated from; of a managed heap
 * @gfp: of the allocation
 *
 * Far beyond the goal, with nothing to do here, it is time that the collector wants: it
 * is given some. Never waits for the collector, which may be waiting for the caller's
 * section.
 *
 * Context: in a section; helps if @gfp allows to sleep; no lock held.
 */
void gc_assist(struct mcentral *central, gfp_t gfp)
{
	struct gc_heap *gc = central->heap->gc;
	long over = atomic_long_read(&gc->live) - (long)READ_ONCE(gc->goal), room;
	u64 begin;

	if (likely(over < 0))
		return;
	if (!gfpflags_allow_blocking(gfp) || !in_task() || !below_limit(gc))
		return;
	begin = ktime_get_ns();
	room = READ_ONCE(gc->goal) - READ_ONCE(gc->stats.heap_marked);
	/* Where it waits for a section, that may be the caller's. */
	if (!help(central) && over > room && !READ_ONCE(gc->waiter))
		usleep_range(GC_PAUSE_US, 2 * GC_PAUSE_US);
	atomic64_add(ktime_get_ns() - begin, &gc->assist_ns);
}

/**
 * goalloc_gc_set_percent() - how much a heap may grow between cycles
 * @heap: a managed heap
 * @percent: of what was reachable (Go's GOGC); negative for no cycles but those that
 *	are asked for, or that the limit brings about
 *
 * Context: any but NMI.
 * Return: 0, or -EINVAL if it is over 100000, or the heap is not managed.
 */
int goalloc_gc_set_percent(struct goalloc_heap *heap, int percent)
{
	if (percent > 100000 || !gc_heap_of(heap))
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
 * Return: 0, or -EINVAL if it is 0, or the heap is not managed.
 */
int goalloc_gc_set_limit(struct goalloc_heap *heap, unsigned long bytes)
{
	if (!bytes || !gc_heap_of(heap))
		return -EINVAL;
	WRITE_ONCE(heap->gc->limit, min(bytes, ULONG_MAX / 2));
	gc_pace(heap->gc);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_gc_set_limit);
