// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupts of each CPU that rewire the graph amid what its threads do: hard ones
 * from an hrtimer and from an irq_work, soft ones from a tasklet. They take sections of
 * their own, in the middle of others.
 *
 * A side is used by its own CPU, in its own context. A CPU that goes offline may leave its
 * timer to another: @busy keeps the second one out.
 */
#define pr_fmt(fmt) "goalloc_gctorture: " fmt

#include "gctorture.h"
#include "../../../../../goalloc_mod/compat.h"

struct sides __percpu *sides;

static struct torturer *side_here(enum side_kind kind)
{
	return &raw_cpu_ptr(sides)->side[kind];
}

/* A few mutations amid whatever this CPU was doing. */
static void strike(struct torturer *t)
{
	unsigned int n;
	int section;

	if (atomic_cmpxchg_acquire(&t->busy, 0, 1))
		return;
	section = goalloc_gc_lock(world.heap);
	for (n = 1 + rnd(t) % 3; n; n--)
		graph_mutate(t);
	graph_check_held(t);
	goalloc_gc_unlock(world.heap, section);
	atomic_set_release(&t->busy, 0);
}

static void strike_soft(struct tasklet_struct *tasklet)
{
	strike(container_of(tasklet, struct torturer, tasklet));
}

static enum hrtimer_restart strike_timer(struct hrtimer *timer)
{
	struct torturer *t = container_of(timer, struct torturer, timer);

	if (one_in(t, 2))
		tasklet_schedule(&side_here(SIDE_SOFT)->tasklet);
	strike(t);
	return HRTIMER_NORESTART;
}

static void strike_work(struct irq_work *work)
{
	strike(container_of(work, struct torturer, work));
}

/**
 * sides_invite() - have interrupts strike within the next operation, or before it
 * @t: the thread whose random numbers decide
 */
void sides_invite(struct torturer *t)
{
	struct torturer *hard = side_here(SIDE_HARD);

	if (one_in(t, 16))
		hrtimer_start(&hard->timer, ns_to_ktime(rnd(t) % 8192),
			      HRTIMER_MODE_REL_PINNED_HARD);
	else if (one_in(t, 64))
		irq_work_queue(&hard->work);
}

void sides_start(void)
{
	struct torturer *side;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		side = per_cpu_ptr(sides, cpu)->side;
		for (i = 0; i < NR_SIDES; i++)
			side[i].side = true;
		hrtimer_setup(&side[SIDE_HARD].timer, strike_timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
		side[SIDE_HARD].work = IRQ_WORK_INIT_HARD(strike_work);
		tasklet_setup(&side[SIDE_SOFT].tasklet, strike_soft);
	}
}

/* No thread invites them any more. */
void sides_stop(void)
{
	struct torturer *side;
	int cpu;

	for_each_possible_cpu(cpu) {
		side = per_cpu_ptr(sides, cpu)->side;
		hrtimer_cancel(&side[SIDE_HARD].timer);
		irq_work_sync(&side[SIDE_HARD].work);
		tasklet_kill(&side[SIDE_SOFT].tasklet);
	}
}
