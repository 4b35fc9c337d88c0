// SPDX-License-Identifier: GPL-2.0
/*
 * Grace periods: waiting for all sections of a heap that there are.
 *
 * It is SRCU's algorithm. Sections count where they begin and where they end, on two
 * sides in turn: who waits looks whether the other side is idle, has new sections begin
 * there, and waits for this one. A section that read the side before it changed, and
 * counts after, is waited for by the next grace period, or has begun after this one:
 *
 *	who begins			who waits
 *	  side; begun[side]++		  stores of the phase before
 *	  smp_mb()			  smp_mb()
 *	  loads				  sum of ended[side], smp_mb(), sum of begun[side]
 *
 * Either the count is seen, or the stores are. And what a section did is seen when its
 * end was counted: smp_mb() ahead of that, and after the sums.
 *
 * What srcu_struct does beyond it costs here: callbacks and work items that look again
 * after some jiffies, where the heap's thread alone waits, and is woken by the section
 * that ends.
 */
#include <linux/irq_work.h>
#include <linux/sched.h>

#include "mgc.h"

/* Whether no section is left on a side. */
static bool idle(struct gc_heap *gc, unsigned int side)
{
	unsigned long begun = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += local_read(&per_cpu_ptr(gc->cpu, cpu)->ended[side]);
	/* Ends first: no section ends that did not begin. And see above. */
	smp_mb();
	for_each_possible_cpu(cpu)
		begun += local_read(&per_cpu_ptr(gc->cpu, cpu)->begun[side]);
	return begun == ended;
}

static void wait_for_side(struct gc_heap *gc, unsigned int side)
{
	unsigned long long_ago = jiffies + HZ;

	while (!idle(gc, side)) {
		if (unlikely(time_after(jiffies, long_ago))) {
			gc_name_sections(gc);
			long_ago = jiffies + 60 * HZ;
		}
		set_current_state(TASK_IDLE);
		WRITE_ONCE(gc->waiter, current);
		/* A section that ends before this is seen to have; or it sees who waits. */
		smp_mb();
		/* One that did not see it is found a jiffy later. */
		if (!idle(gc, side))
			schedule_timeout(1);
		__set_current_state(TASK_RUNNING);
	}
	WRITE_ONCE(gc->waiter, NULL);
}

/**
 * gc_section_wait() - wait for all sections that there are
 * @gc: the heap's collector; its thread, or that has gone
 *
 * A full barrier, before and after.
 *
 * Context: may sleep; not in a section.
 */
void gc_section_wait(struct gc_heap *gc)
{
	unsigned int side = gc->side;

	goalloc_lock_map_sync(&gc->section_map);
	/* What was stored is seen by sections that are not. */
	smp_mb();
	wait_for_side(gc, !side);
	WRITE_ONCE(gc->side, !side);
	/* Sections that are not on the other side are on this one. */
	smp_mb();
	wait_for_side(gc, side);
	/* What they did comes before what comes next. */
	smp_mb();
}

/* Wake who waits, if nobody has; for the irq_work, and below. */
void gc_section_wake(struct gc_heap *gc)
{
	struct task_struct *waiter = xchg(&gc->waiter, NULL);

	if (waiter)
		wake_up_process(waiter);
}

/*
 * The end of a section was counted, and somebody waits; preemption is off, so that the
 * heap is there yet. No lock of the scheduler's is held where interrupts are on.
 */
void gc_section_ended(struct gc_heap *gc)
{
	if (in_task() && !irqs_disabled())
		gc_section_wake(gc);
	else
		irq_work_queue(&gc->irq);
}
