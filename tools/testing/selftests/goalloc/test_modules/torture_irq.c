// SPDX-License-Identifier: GPL-2.0
/*
 * The interrupts of each CPU that strike amid what its threads do: hard ones
 * from an hrtimer and from an irq_work, soft ones from a tasklet, and where an
 * x86 CPU can send itself one, NMIs.
 *
 * A side is used by its own CPU, in its own context. A CPU that goes offline may
 * leave its timer to another: @busy keeps the second one out.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/percpu.h>
#include <linux/smp.h>

#include "torture.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

struct sides __percpu *sides;

/* A few operations amid whatever this CPU was doing. */
static void strike(struct torturer *t)
{
	unsigned int n;

	if (atomic_cmpxchg_acquire(&t->busy, 0, 1))
		return;
	for (n = 1 + t->nops % 3; n; n--)
		torture_op(t);
	atomic_set_release(&t->busy, 0);
}

static struct torturer *side_here(enum context ctx)
{
	return &raw_cpu_ptr(sides)->side[ctx - CTX_FIRST_SIDE];
}

#ifdef CONFIG_X86_LOCAL_APIC
static int strike_nmi(unsigned int type, struct pt_regs *regs)
{
	struct torturer *t = side_here(CTX_NMI);

	if (!xchg(&t->due, 0))
		return NMI_DONE;
	strike(t);
	return NMI_HANDLED;
}

static bool nmis;

static void nmis_start(void)
{
	if (!boot_cpu_has(X86_FEATURE_APIC) ||
	    register_nmi_handler(NMI_LOCAL, strike_nmi, 0, "goalloc_torture")) {
		pr_info("there will be no NMIs\n");
		return;
	}
	nmis = true;
}

static void nmis_stop(void)
{
	if (nmis)
		unregister_nmi_handler(NMI_LOCAL, "goalloc_torture");
	nmis = false;
}

/* In a hard interrupt, so that it hits what that interrupted as well as itself. */
static void nmi_send(void)
{
	if (!nmis)
		return;
	WRITE_ONCE(side_here(CTX_NMI)->due, 1);
	apic->send_IPI(smp_processor_id(), NMI_VECTOR);
}
#else
static void nmis_start(void)
{
	pr_info("there are no NMIs on this machine\n");
}

static void nmis_stop(void)
{
}

static void nmi_send(void)
{
}
#endif

static void strike_soft(struct tasklet_struct *tasklet)
{
	strike(container_of(tasklet, struct torturer, tasklet));
}

static enum hrtimer_restart strike_timer(struct hrtimer *timer)
{
	struct torturer *t = container_of(timer, struct torturer, timer);

	if (t->nops % 2)
		tasklet_schedule(&side_here(CTX_SOFTIRQ)->tasklet);
	if (t->nops % 4 == 0)
		nmi_send();
	strike(t);
	return HRTIMER_NORESTART;
}

static void strike_work(struct irq_work *work)
{
	nmi_send();
	strike(container_of(work, struct torturer, work));
}

/**
 * sides_invite() - have interrupts strike within the next operation, or before it
 * @t: the thread whose random numbers decide
 */
void sides_invite(struct torturer *t)
{
	struct torturer *hard = side_here(CTX_HARDIRQ);

	if (one_in(t, 8 * rare))
		hrtimer_start(&hard->timer, ns_to_ktime(rnd(t) % 8192),
			      HRTIMER_MODE_REL_PINNED_HARD);
	else if (one_in(t, 64 * rare))
		irq_work_queue(&hard->work);
}

void sides_start(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct torturer *side = per_cpu_ptr(sides, cpu)->side;
		struct torturer *hard = &side[CTX_HARDIRQ - CTX_FIRST_SIDE];

		for (i = 0; i < NR_SIDES; i++)
			side[i].ctx = CTX_FIRST_SIDE + i;
		hrtimer_setup(&hard->timer, strike_timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
		hard->work = IRQ_WORK_INIT_HARD(strike_work);
		tasklet_setup(&side[CTX_SOFTIRQ - CTX_FIRST_SIDE].tasklet, strike_soft);
	}
	nmis_start();
}

/* No thread invites them any more; what they hold is drained as a thread would. */
void sides_stop(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct torturer *side = per_cpu_ptr(sides, cpu)->side;
		struct torturer *hard = &side[CTX_HARDIRQ - CTX_FIRST_SIDE];

		hrtimer_cancel(&hard->timer);
		irq_work_sync(&hard->work);
		tasklet_kill(&side[CTX_SOFTIRQ - CTX_FIRST_SIDE].tasklet);
	}
	nmis_stop();
	for_each_possible_cpu(cpu) {
		struct torturer *side = per_cpu_ptr(sides, cpu)->side;

		for (i = 0; i < NR_SIDES; i++) {
			side[i].ctx = CTX_SLEEP;
			torture_drain(&side[i]);
		}
	}
}
