// SPDX-License-Identifier: GPL-2.0
/*
 * mgc: the collector's cycles, one thread for each managed heap.
 *
 *	0  all spans are swept, and so all marks 0
 *	1  phase = MARK: stores shade, claims blacken
 *	2  each CPU is visited: the free slots of what it owns become black
 *	3  a grace period (G1): every section that is left began after 1 and 2. What is
 *	   reachable now is the snapshot.
 *	4  roots are scanned, and what was shaded
 *	5  a grace period: if something was queued since all was scanned, 4 again
 *	6  weak references are closed, unless one was used since; phase = DRAIN and the next
 *	   generation, in one store
 *	7  a grace period: no section is left that saw MARK, so nobody will shade
 *	8  phase = OFF; spans are swept, by who needs them and here
 *
 * The world is never stopped. Why it loses nothing, and what each step is for, is in
 * Documentation/gc.rst, with the models in tools/models that each of them was taken out of.
 *
 * This thread is the only one that writes the heap's word.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "mgc.h"
#include "trace.h"

/* Of one CPU's time the thread gets a quarter, if others want it: Go's share. */
#define GC_NICE 5

DEFINE_STATIC_KEY_FALSE(gc_testing);
EXPORT_SYMBOL_FOR_TEST(gc_testing);
struct gc_test gc_test;
EXPORT_SYMBOL_FOR_TEST(gc_test);

static void set_word(struct gc_heap *gc, enum gc_phase phase, u32 generation)
{
	unsigned long word = ((unsigned long)generation << GC_PHASE_BITS) | phase;

	/* One store: who claims a span must not find the one without the other. */
	/* Release: with what was done in the phase before. */
	smp_store_release(&gc->heap->gc_word.word, word);
	/* Before anything is looked at that others write, who read the word after that. */
	smp_mb();
}

static void set_phase(struct gc_heap *gc, enum gc_phase phase)
{
	set_word(gc, phase, gc_generation(gc_word(gc->heap)));
}

/* Wait for all sections that there are. */
static void wait_for_sections(struct gc_heap *gc)
{
	u64 begin = ktime_get_ns(), ns;

	gc_section_wait(gc);
	ns = ktime_get_ns() - begin;
	if (ns > gc->stats.max_section_ns)
		WRITE_ONCE(gc->stats.max_section_ns, ns);
	if (ns > NSEC_PER_SEC)
		pr_warn_ratelimited("heap %s: a section lasted for over a second; the collector waited\n",
				    gc->heap->name);
}

/* Everything that is queued is scanned, by this thread and its helpers. */
static void drain(struct gc_heap *gc)
{
	struct gc_clock clock;

	gc_clock_start(&clock);
	for (;;) {
		while (!READ_ONCE(gc->stop) && gc_scan_some(gc, UINT_MAX))
			if (READ_ONCE(gc->gray))
				gc_work_wake();
		if (READ_ONCE(gc->stop))
			break;
		if (!atomic_read(&gc->busy))
			break;
		gc_limiter_add(gc, &clock);
		wait_event_interruptible(gc->wait, !atomic_read(&gc->busy) || gc_has_gray(gc) ||
					 READ_ONCE(gc->stop));
		gc_clock_start(&clock);
	}
	gc_limiter_add(gc, &clock);
}

/*
 * Scan until nothing is left, and find out what was queued by then. Who queues adds to a
 * list first, and counts then: what is counted here is on a list, and was found there.
 */
static unsigned long drain_all(struct gc_heap *gc)
{
	unsigned long nqueued;
	bool more;

	do {
		drain(gc);
		nqueued = gc_nqueued(gc);
		/* Pairs with the one in gc_count(). */
		smp_rmb();
		more = gc_has_gray(gc);
		/* A helper says that it is busy before it takes a span: mgcwork.c. */
		smp_rmb();
		more |= atomic_read(&gc->busy) > 0;
	} while (!READ_ONCE(gc->stop) && more);
	return nqueued;
}

/* Steps 4 to 6; false if the heap goes. */
static bool mark_all(struct gc_heap *gc)
{
	unsigned long nqueued;
	bool clean;

	gc_scan_roots(gc);
	gc_scan_finalizers(gc);
	do {
		nqueued = drain_all(gc);
		gc_point(gc, GC_AT_DRAINED);
		if (!gc_omits(GC_REPEAT))
			wait_for_sections(gc);
		clean = gc_omits(GC_STICKY) ? !gc_has_gray(gc) : gc_nqueued(gc) == nqueued;
		if (!clean && !gc_omits(GC_REPEAT))
			continue;
		gc_point(gc, GC_AT_CLEAN);
		if (gc_close_weak(gc, nqueued))
			return !READ_ONCE(gc->stop);
	} while (!READ_ONCE(gc->stop));
	return false;
}

static void count_marked(struct gc_heap *gc)
{
	u64 bytes = 0, objects = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		bytes += local_read(&per_cpu_ptr(gc->cpu, cpu)->marked);
		objects += local_read(&per_cpu_ptr(gc->cpu, cpu)->objects);
	}
	WRITE_ONCE(gc->stats.objects_marked, gc->stats.objects_marked + objects);
	/* What was allocated meanwhile is live, too. */
	WRITE_ONCE(gc->runway, atomic_long_read(&gc->live) - gc->live_at_mark);
	atomic_long_add((long)bytes - gc->live_at_mark, &gc->live);
	WRITE_ONCE(gc->stats.heap_marked, bytes);
}

/* A cycle, from phase OFF to phase OFF. The marks of one that is given up stay. */
static void cycle(struct gc_heap *gc)
{
	u64 begin = ktime_get_ns(), ns, swept = atomic64_read(&gc->swept);
	u32 generation = gc_generation(gc_word(gc->heap));

	/* Step 0 was the end of the last cycle. */
	gc_mark_reset(gc);
	gc->live_at_mark = atomic_long_read(&gc->live);
	trace_goalloc_gc_begin(gc->heap->name, generation, gc->live_at_mark, gc->goal);

	set_phase(gc, GC_MARK);
	gc_point(gc, GC_AT_MARK);
	mcache_visit(gc->heap, gc_visit_slot);
	if (!gc_omits(GC_G1))
		wait_for_sections(gc);
	/* Pairs with gc_blacken(). */
	smp_store_release(&gc->g1, true);
	gc_point(gc, GC_AT_G1);

	gc_work_help(gc);
	if (!mark_all(gc)) {
		gc_work_done(gc);
		return;
	}
	gc_work_done(gc);
	if (READ_ONCE(gc->checkmark))
		WRITE_ONCE(gc->stats.missed, gc->stats.missed + gc_check_marks(gc));

	if (gc_omits(GC_ONE_STORE)) {
		set_word(gc, GC_OFF, generation);
		gc_point(gc, GC_AT_DRAIN);
	}
	set_word(gc, GC_DRAIN, generation + 1);
	gc_point(gc, GC_AT_DRAIN);
	if (!gc_omits(GC_STEP7))
		wait_for_sections(gc);
	count_marked(gc);
	gc->weak_final = false;
	WRITE_ONCE(gc->g1, false);
	set_phase(gc, GC_OFF);
	gc_pace(gc);
	ns = ktime_get_ns() - begin;
	WRITE_ONCE(gc->stats.cycle_ns, gc->stats.cycle_ns + ns);
	trace_goalloc_gc_marked(gc->heap->name, generation, gc->stats.heap_marked, ns);
	gc_point(gc, GC_AT_OFF);

	begin = ktime_get_ns();
	gc_sweep_begin(gc);
	gc_point(gc, GC_AT_SWEEP);
	gc_sweep_all(gc);
	WRITE_ONCE(gc->stats.sweep_ns, gc->stats.sweep_ns + ktime_get_ns() - begin);
	WRITE_ONCE(gc->stats.last_gc, ktime_get_real_ns());
	WRITE_ONCE(gc->stats.num_gc, gc->stats.num_gc + 1);
	swept = atomic64_read(&gc->swept) - swept;
	trace_goalloc_gc_swept(gc->heap->name, generation, swept, ktime_get_ns() - begin);
	if (READ_ONCE(gc->trace))
		gc_print_trace(gc, ns, swept);
}

/*
 * In what context soever. No lock of the scheduler's is held where interrupts are on; where
 * an architecture has no interrupt for it, irq_work comes with the next tick.
 */
void mgc_kick(struct gc_heap *gc)
{
	if (READ_ONCE(gc->kicked))
		return;
	WRITE_ONCE(gc->kicked, true);
	if (in_task() && !irqs_disabled())
		wake_up_process(gc->thread);
	else
		irq_work_queue(&gc->irq);
}
EXPORT_SYMBOL_FOR_TEST(mgc_kick);

/**
 * mgc_pressure() - memory is short: what could a collection bring?
 * @kick: have those heaps collect that have grown by an eighth
 *
 * Context: any that may be reclaiming; waits for nothing.
 * Return: bytes of objects that were allocated since the last cycles.
 */
unsigned long mgc_pressure(bool kick)
{
	struct goalloc_heap *heap;
	unsigned long bytes = 0;

	/* Whoever holds it may be waiting for memory. */
	if (!mutex_trylock(&heaps_lock))
		return 0;
	list_for_each_entry(heap, &heaps, node) {
		struct gc_heap *gc = heap->gc;
		long marked, grown;

		if (!gc)
			continue;
		marked = READ_ONCE(gc->stats.heap_marked);
		grown = atomic_long_read(&gc->live) - marked;
		if (grown <= marked / 8)
			continue;
		bytes += grown;
		if (kick)
			mgc_kick(gc);
	}
	mutex_unlock(&heaps_lock);
	return bytes;
}
EXPORT_SYMBOL_FOR_TEST(mgc_pressure);

static void kick_irq_fn(struct irq_work *work)
{
	struct gc_heap *gc = container_of(work, struct gc_heap, irq);

	gc_section_wake(gc);
	wake_up(&gc->wait);
}

static bool wanted(struct gc_heap *gc)
{
	return READ_ONCE(gc->stop) || READ_ONCE(gc->kicked) ||
	       (unsigned long)atomic_long_read(&gc->asked) != gc->begun;
}

static int gc_thread_fn(void *data)
{
	struct gc_heap *gc = data;

	set_user_nice(current, GC_NICE);
	for (;;) {
		unsigned long asked;
		bool forced;

		wait_event_interruptible(gc->wait, wanted(gc));
		if (READ_ONCE(gc->stop))
			break;
		asked = atomic_long_read(&gc->asked);
		forced = asked != gc->begun;
		WRITE_ONCE(gc->begun, asked);
		WRITE_ONCE(gc->kicked, false);
		/* What was asked for is seen by the cycle, and it was not begun before. */
		smp_mb();
		cycle(gc);
		if (READ_ONCE(gc->stop))
			break;
		if (forced)
			WRITE_ONCE(gc->stats.num_forced, gc->stats.num_forced + 1);
		/* Who waits sees what the cycle did. */
		smp_store_release(&gc->done, asked);
		wake_up(&gc->wait);
	}
	/* kthread_stop() wants it to be there. */
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

static bool ended(struct gc_heap *gc, unsigned long ticket)
{
	/* Pairs with the release after the cycle. */
	return (long)(smp_load_acquire(&gc->done) - ticket) >= 0;
}

/**
 * goalloc_gc_collect() - reclaim what cannot be reached now
 * @heap: a managed heap
 *
 * Waits for a cycle that begins after the call, and for its sweep. Sections are waited
 * for: a caller that is in one, as far as that is known (lockdep, or the module
 * parameter gc_debug), is refused, for it would wait for itself.
 *
 * Context: may sleep; not in a section, nor where CPUs are brought up or down.
 * Return: 0; -EDEADLK in a section; -EINTR if a fatal signal came; -ESHUTDOWN if the heap
 * goes; -EINVAL if it is not managed.
 */
int goalloc_gc_collect(struct goalloc_heap *heap)
{
	struct gc_heap *gc = gc_heap_of(heap);
	unsigned long ticket;
	int err;

	might_sleep();
	if (!gc)
		return -EINVAL;
	if (gc_in_section(gc)) {
		WARN_ONCE(1, "goalloc: heap %s: a collection is waited for in a section\n",
			  heap->name);
		return -EDEADLK;
	}
	atomic_inc(&gc->waiting);
	ticket = atomic_long_inc_return(&gc->asked);
	wake_up(&gc->wait);
	err = wait_event_killable(gc->wait, READ_ONCE(gc->stop) || ended(gc, ticket));
	if (err)
		err = -EINTR;
	else if (READ_ONCE(gc->stop))
		err = -ESHUTDOWN;
	/* Pairs with mgc_stop(): from here on the heap may be gone. */
	atomic_dec_return_release(&gc->waiting);
	return err;
}
EXPORT_SYMBOL_GPL(goalloc_gc_collect);

/**
 * goalloc_gc_stats() - what the collector of a heap has done
 * @heap: a managed heap
 * @stats: filled in; with zeroes if it is not managed
 *
 * Context: any but NMI.
 */
void goalloc_gc_stats(struct goalloc_heap *heap, struct goalloc_gc_stats *stats)
{
	struct gc_heap *gc = gc_heap_of(heap);

	if (!gc) {
		memset(stats, 0, sizeof(*stats));
		return;
	}
	/* One by one each is what it was at some moment. */
	*stats = data_race(gc->stats);
	/* What the caches hand out and get back is not counted at one moment. */
	stats->heap_live = max(atomic_long_read(&gc->live), 0L);
	stats->next_gc = READ_ONCE(gc->goal);
	stats->mark_ns = atomic64_read(&gc->mark_ns);
	stats->assist_ns = atomic64_read(&gc->assist_ns);
	stats->objects_swept = atomic64_read(&gc->swept);
	stats->spans_freed = atomic64_read(&gc->spans_freed);
}
EXPORT_SYMBOL_GPL(goalloc_gc_stats);

/* Any context. */
void gc_missing(const struct goalloc_heap *heap)
{
	pr_err_ratelimited("heap %s is not managed\n", heap->name);
}

/* The heap is managed; nobody knows it yet. May sleep. */
int mgc_create(struct goalloc_heap *heap)
{
	struct gc_heap *gc = kzalloc(sizeof(*gc), GFP_KERNEL);
	int err = -ENOMEM;

	if (!gc)
		return -ENOMEM;
	gc->heap = heap;
	gc->cpu = alloc_percpu(struct gc_cpu);
	if (!gc->cpu)
		goto free;
	/* Of one heap a section may destroy another. */
	lockdep_register_key(&gc->section_key);
	lockdep_init_map(&gc->section_map, "goalloc_gc_section", &gc->section_key, 0);
	INIT_LIST_HEAD(&gc->types);
	init_waitqueue_head(&gc->wait);
	init_irq_work(&gc->irq, kick_irq_fn);
	INIT_LIST_HEAD(&gc->helpers);
	raw_spin_lock_init(&gc->gray_lock);
	mutex_init(&gc->roots_lock);
	INIT_LIST_HEAD(&gc->roots);
	xa_init_flags(&gc->handles, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	raw_spin_lock_init(&gc->special_lock);
	INIT_LIST_HEAD(&gc->weak);
	INIT_LIST_HEAD(&gc->finalizers);
	INIT_LIST_HEAD(&gc->to_finalize);
	INIT_WORK(&gc->finalize_work, gc_finalize_work_fn);
	init_irq_work(&gc->final_irq, gc_final_irq_fn);
	gc->percent = 100;
	gc->limit = ULONG_MAX / 2;
	gc_pace(gc);
	gc_work_start();
	span_gc_start();
	heap->gc = gc;
	gc->thread = kthread_run(gc_thread_fn, gc, "goalloc_gc:%.20s", heap->name);
	if (!IS_ERR(gc->thread)) {
		/* Who kicks it may do so when it has ended. */
		get_task_struct(gc->thread);
		return 0;
	}
	err = PTR_ERR(gc->thread);
	heap->gc = NULL;
	lockdep_unregister_key(&gc->section_key);
	free_percpu(gc->cpu);
free:
	kfree(gc);
	return err;
}

/**
 * mgc_stop() - the heap goes: no cycle from now on
 * @heap: a managed heap, which nobody uses any more
 *
 * A cycle that runs is given up; what it has marked stays so, for the spans go.
 *
 * Context: may sleep.
 */
void mgc_stop(struct goalloc_heap *heap)
{
	struct gc_heap *gc = heap->gc;

	WRITE_ONCE(gc->stop, true);
	wake_up(&gc->wait);
	kthread_stop(gc->thread);
	/* Who waits for a cycle has been woken. */
	while (atomic_read_acquire(&gc->waiting))
		schedule_timeout_uninterruptible(1);
	/* A barrier, or a section that frees, may be under way, */
	gc_section_wait(gc);
	/* or may have to see yet whether somebody waits. */
	synchronize_rcu();
	flush_work(&gc->finalize_work);
	/* Whoever queued it has ended. */
	irq_work_sync(&gc->irq);
	/* Spans may die again. */
	set_phase(gc, GC_OFF);
}

/* The heap has gone, with its spans. May sleep. */
void mgc_destroy(struct goalloc_heap *heap)
{
	struct gc_heap *gc = heap->gc;

	if (!gc->stop)
		mgc_stop(heap);
	gc_free_specials(gc);
	gc_free_roots(gc);
	gc_free_types(gc);
	put_task_struct(gc->thread);
	lockdep_unregister_key(&gc->section_key);
	free_percpu(gc->cpu);
	kfree(gc);
}
