// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers: threads that scan for whichever heap marks, one a CPU, at the lowest priority
 * (Go's idle mark workers). They are made with the first managed heap, and stay.
 *
 * A heap is on the list of those that want help while it scans; helpers_lock, a spinlock
 * that is held for a few instructions, guards the list. A helper is counted in the
 * heap's @busy while it is at it, and the heap waits for that to be 0.
 */
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "mgc.h"

static DEFINE_SPINLOCK(helpers_lock);
static LIST_HEAD(wanting);
static DECLARE_WAIT_QUEUE_HEAD(helpers_wait);

static DEFINE_MUTEX(threads_lock); /* guards the next two */
static struct task_struct **threads;
static unsigned int nthreads;

/* A heap that has something to scan; its @busy says that it is being helped. */
static struct gc_heap *find_heap_to_help(void)
{
	struct gc_heap *gc, *found = NULL;

	spin_lock(&helpers_lock);
	list_for_each_entry(gc, &wanting, helpers) {
		if (READ_ONCE(gc->stop) || !gc_has_gray(gc))
			continue;
		/* Before the first span is taken: the heap's thread looks the other way round. */
		atomic_inc(&gc->busy);
		found = gc;
		/* The others shall have their turn. */
		list_move_tail(&gc->helpers, &wanting);
		break;
	}
	spin_unlock(&helpers_lock);
	return found;
}

static bool any_gray(void)
{
	struct gc_heap *gc;
	bool any = false;

	spin_lock(&helpers_lock);
	list_for_each_entry(gc, &wanting, helpers)
		any |= !READ_ONCE(gc->stop) && gc_has_gray(gc);
	spin_unlock(&helpers_lock);
	return any;
}

static int helper_fn(void *unused)
{
	struct gc_clock clock;
	struct gc_heap *gc;

	set_user_nice(current, MAX_NICE);
	while (!kthread_should_stop()) {
		wait_event_interruptible(helpers_wait, kthread_should_stop() || any_gray());
		gc = find_heap_to_help();
		if (!gc)
			continue;
		gc_clock_start(&clock);
		while (!READ_ONCE(gc->stop) && gc_scan_some(gc, UINT_MAX))
			;
		gc_limiter_add(gc, &clock);
		/* What was queued is on a list by now. The lock keeps the heap meanwhile. */
		spin_lock(&helpers_lock);
		if (atomic_dec_and_test(&gc->busy))
			wake_up(&gc->wait);
		spin_unlock(&helpers_lock);
		cond_resched();
	}
	return 0;
}

/* Let helpers know that there is something to scan. */
void gc_work_wake(void)
{
	/* A helper that is missed is told again with the next span. */
	if (waitqueue_active(&helpers_wait))
		wake_up(&helpers_wait);
}

/* The heap scans from now on. */
void gc_work_help(struct gc_heap *gc)
{
	spin_lock(&helpers_lock);
	list_add_tail(&gc->helpers, &wanting);
	spin_unlock(&helpers_lock);
}

/* And not any more: nobody helps when this returns. May sleep. */
void gc_work_done(struct gc_heap *gc)
{
	spin_lock(&helpers_lock);
	list_del_init(&gc->helpers);
	spin_unlock(&helpers_lock);
	wait_event(gc->wait, !atomic_read(&gc->busy));
	/* The last one may not have woken us yet, and the heap may go after this. */
	spin_lock(&helpers_lock);
	spin_unlock(&helpers_lock);
}

/* Helpers, if there are none; one CPU needs none. May sleep. */
void gc_work_start(void)
{
	unsigned int n = num_online_cpus() - 1;

	mutex_lock(&threads_lock);
	if (!threads && n) {
		/* CPUs may come, and the next heap finds more. */
		threads = kcalloc(num_possible_cpus(), sizeof(*threads), GFP_KERNEL);
	}
	while (threads && nthreads < n) {
		struct task_struct *thread = kthread_run(helper_fn, NULL, "goalloc_gc/%u",
							 nthreads);

		/* Fewer will do. */
		if (IS_ERR(thread))
			break;
		threads[nthreads++] = thread;
	}
	mutex_unlock(&threads_lock);
}

void gc_work_stop(void)
{
	while (nthreads)
		kthread_stop(threads[--nthreads]);
	kfree(threads);
	threads = NULL;
}
