// SPDX-License-Identifier: GPL-2.0
/*
 * Other places to run a loop in: a hard interrupt, all CPUs at once, and two of
 * them with a ring between. And the control, which shows whether a CPU was
 * there all the time.
 */
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bench.h"

#define CONTROL_LOOPS 50000

/* A loop for one CPU, and when it ran. */
struct task {
	struct work_struct work;
	const struct bench_side *side; /* NULL: the control */
	struct bench_op op;
	unsigned int n;
	struct bench_place place;
	u64 start;
	u64 end;
};

static DEFINE_PER_CPU(struct task, tasks);
static struct bench_ring ring;
static atomic_t missing; /* CPUs that have not come yet */

static noinline void control_loop(void)
{
	unsigned long x = 1;
	unsigned int i;

	for (i = 0; i < CONTROL_LOOPS; i++) {
		x = x * 5 + i;
		OPTIMIZER_HIDE_VAR(x);
	}
}

static void task_fn(struct work_struct *work)
{
	struct task *task = container_of(work, struct task, work);

	atomic_dec(&missing);
	while (atomic_read(&missing) > 0)
		cpu_relax();
	task->start = ktime_get_ns();
	if (task->side)
		task->side->run(&task->op, task->n, &task->place);
	else
		control_loop();
	task->end = ktime_get_ns();
}

static void set_task(struct task *task, const struct bench_op *op,
		     const struct bench_side *side, unsigned int n)
{
	task->side = side;
	task->n = n;
	if (!op)
		return;
	task->op = *op;
	task->place.order = here.order;
}

/* From the first start to the last end. */
static u64 run_tasks(const struct cpumask *cpus)
{
	u64 start = U64_MAX, end = 0;
	unsigned int cpu;

	atomic_set(&missing, cpumask_weight(cpus));
	for_each_cpu(cpu, cpus)
		schedule_work_on(cpu, &per_cpu_ptr(&tasks, cpu)->work);
	for_each_cpu(cpu, cpus) {
		struct task *task = per_cpu_ptr(&tasks, cpu);

		flush_work(&task->work);
		start = min(start, task->start);
		end = max(end, task->end);
	}
	return end - start;
}

/* Each CPU does @n. */
u64 time_on_all(const struct bench_op *op, const struct bench_side *side, unsigned int n)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		set_task(per_cpu_ptr(&tasks, cpu), op, side, n);
	return run_tasks(cpu_online_mask);
}

/* The first CPU allocates, the second frees. */
u64 time_across(const struct bench_op *op, const struct bench_side *side, unsigned int n)
{
	unsigned int from = cpumask_first(cpu_online_mask);
	unsigned int to = cpumask_next(from, cpu_online_mask);
	struct bench_op consume = *op;
	struct cpumask cpus;

	consume.shape = SHAPE_CONSUME;
	set_task(per_cpu_ptr(&tasks, from), op, side, n);
	set_task(per_cpu_ptr(&tasks, to), &consume, side, n);
	cpumask_clear(&cpus);
	cpumask_set_cpu(from, &cpus);
	cpumask_set_cpu(to, &cpus);
	return run_tasks(&cpus);
}

/* The slowest CPU's, if it runs on all. */
u64 time_control(bool everywhere)
{
	unsigned int cpu;
	u64 t, slowest = 0;

	if (!everywhere) {
		t = ktime_get_ns();
		control_loop();
		return ktime_get_ns() - t;
	}
	time_on_all(NULL, NULL, 0);
	for_each_online_cpu(cpu) {
		struct task *task = per_cpu_ptr(&tasks, cpu);

		slowest = max(slowest, task->end - task->start);
	}
	return slowest;
}

static struct task irq_task;

static void irq_fn(struct irq_work *work)
{
	irq_task.start = ktime_get_ns();
	irq_task.side->run(&irq_task.op, irq_task.n, &here);
	irq_task.end = ktime_get_ns();
}

static struct irq_work irq = IRQ_WORK_INIT_HARD(irq_fn);

u64 time_in_hardirq(const struct bench_op *op, const struct bench_side *side, unsigned int n)
{
	set_task(&irq_task, op, side, n);
	irq_work_queue(&irq);
	irq_work_sync(&irq);
	return irq_task.end - irq_task.start;
}

int cpus_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct task *task = per_cpu_ptr(&tasks, cpu);

		INIT_WORK(&task->work, task_fn);
		task->place.ring = &ring;
		task->place.objs = kvcalloc(BENCH_MAX_BATCH, sizeof(void *), GFP_KERNEL);
		if (!task->place.objs)
			return -ENOMEM;
	}
	return 0;
}

void cpus_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(&tasks, cpu)->place.objs);
}
