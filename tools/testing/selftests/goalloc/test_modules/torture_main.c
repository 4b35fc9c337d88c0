// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_torture: random operations on goalloc, from every CPU and from
 * interrupts, against a reference model.
 *
 *	insmod goalloc_torture.ko ops=1000000 threads=4 seed=0
 *
 * runs to the end and says PASS or FAIL in the log, and in
 * /sys/module/goalloc_torture/parameters/verdict, which reads "running" until
 * then. A one in .../parameters/stop, or a signal to insmod, ends it early.
 * Loading succeeds whatever the verdict.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "faults.h"
#include "torture.h"

#define OPS_MAX		4000000000UL
#define THREADS_MAX	1024
#define BATCH		64
#define PROGRESS_SECONDS 5
#define FAILURES_SHOWN	20

static unsigned long ops = 1000000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "operations of all threads together, 1 to 4000000000 (default 1000000)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads, up to 1024; 0 is two for each CPU online (default)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0 draws one, and prints it (default)");

static bool irqs = true;
module_param(irqs, bool, 0444);
MODULE_PARM_DESC(irqs, "allocate and free in hard interrupts, too (default on)");

bool faults;
module_param(faults, bool, 0444);
MODULE_PARM_DESC(faults, "mark the threads for fault injection: what they do may fail (default off)");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "write 1 to end the run");

static char verdict[64] = "running";
module_param_string(verdict, verdict, sizeof(verdict), 0444);
MODULE_PARM_DESC(verdict, "the result: running, PASS or FAIL (read only)");

atomic_t failures;

static struct torturer *torturers;
static struct torturer __percpu *irq_sides;
static struct obj *objs;
static unsigned long nobjs;
static atomic_long_t ops_left;
static atomic_t threads_left;
static DECLARE_COMPLETION(all_done);

void torture_fail(const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;
	int n = atomic_inc_return(&failures);

	if (n > FAILURES_SHOWN)
		return;
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_err("failure %d: %pV\n", n, &vaf);
	va_end(args);
}

/* A few operations in a hard interrupt, amid whatever this CPU was doing. */
static void strike(struct torturer *t)
{
	unsigned int n;

	if (atomic_cmpxchg_acquire(&t->busy, 0, 1))
		return;
	for (n = 1 + rnd(t) % 3; n; n--)
		torture_op(t);
	atomic_set_release(&t->busy, 0);
}

static enum hrtimer_restart strike_timer(struct hrtimer *timer)
{
	strike(container_of(timer, struct torturer, timer));
	return HRTIMER_NORESTART;
}

static void strike_work(struct irq_work *work)
{
	strike(container_of(work, struct torturer, work));
}

/* Has an interrupt strike within the next operation, or before it. */
static void invite(struct torturer *t)
{
	struct torturer *side = raw_cpu_ptr(irq_sides);

	if (one_in(t, 8))
		hrtimer_start(&side->timer, ns_to_ktime(rnd(t) % 8192),
			      HRTIMER_MODE_REL_PINNED_HARD);
	else if (one_in(t, 64))
		irq_work_queue(&side->work);
}

static int torturer_fn(void *data)
{
	struct torturer *t = data;
	long n;

	faults_mark(faults);
	while (!READ_ONCE(stop) && atomic_read(&failures) < FAILURES_SHOWN) {
		n = BATCH + min(0L, atomic_long_sub_return(BATCH, &ops_left));
		if (n <= 0)
			break;
		while (n--) {
			if (irqs)
				invite(t);
			torture_op(t);
		}
		cond_resched();
	}
	torture_drain(t);
	if (atomic_dec_and_test(&threads_left))
		complete(&all_done);
	return 0;
}

/* Hands the next @n entries of the model to a torturer. */
static int seat(struct torturer *t, unsigned int n, unsigned long *taken)
{
	unsigned int i;

	t->slot = kcalloc(n, sizeof(*t->slot), GFP_KERNEL);
	if (!t->slot)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		t->slot[i] = &objs[(*taken)++];
	t->nslots = n;
	prandom_seed_state(&t->rnd, seed + *taken * 0x9e3779b97f4a7c15ULL);
	return 0;
}

static int seat_all(void)
{
	unsigned long taken = 0;
	unsigned int i;
	int cpu, ret;

	nobjs = (unsigned long)threads * THREAD_OBJS + (unsigned long)nr_cpu_ids * IRQ_OBJS +
		NR_EXCHANGE;
	objs = kvcalloc(nobjs, sizeof(*objs), GFP_KERNEL);
	torturers = kvcalloc(threads, sizeof(*torturers), GFP_KERNEL);
	irq_sides = alloc_percpu(struct torturer);
	if (!objs || !torturers || !irq_sides)
		return -ENOMEM;

	for (i = 0; i < NR_EXCHANGE; i++)
		exchange[i] = &objs[taken++];
	for (i = 0; i < threads; i++) {
		ret = seat(&torturers[i], THREAD_OBJS, &taken);
		if (ret)
			return ret;
	}
	for_each_possible_cpu(cpu) {
		struct torturer *t = per_cpu_ptr(irq_sides, cpu);

		ret = seat(t, IRQ_OBJS, &taken);
		if (ret)
			return ret;
		t->irq = true;
		hrtimer_setup(&t->timer, strike_timer, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
		t->work = IRQ_WORK_INIT_HARD(strike_work);
	}
	return 0;
}

static void unseat_all(void)
{
	unsigned int i;
	int cpu;

	for (i = 0; torturers && i < threads; i++)
		kfree(torturers[i].slot);
	kvfree(torturers);
	if (irq_sides)
		for_each_possible_cpu(cpu)
			kfree(per_cpu_ptr(irq_sides, cpu)->slot);
	free_percpu(irq_sides);
	kvfree(objs);
}

static int start_threads(void)
{
	unsigned int i;
	int cpu = -1;

	atomic_set(&threads_left, threads);
	for (i = 0; i < threads; i++) {
		struct torturer *t = &torturers[i];

		t->task = kthread_create(torturer_fn, t, "torture/%u", i);
		if (IS_ERR(t->task)) {
			pr_err("cannot make thread %u: %ld\n", i, PTR_ERR(t->task));
			while (i--)
				kthread_stop(torturers[i].task);
			return -ENOMEM;
		}
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		kthread_bind(t->task, cpu);
	}
	for (i = 0; i < threads; i++) {
		get_task_struct(torturers[i].task);
		wake_up_process(torturers[i].task);
	}
	return 0;
}

static void progress(void)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(pens[1].heap, &stats);
	pr_info("%ld of %lu operations, %llu objects live in heap %s, %d failures\n",
		ops - max(atomic_long_read(&ops_left), 0L), ops, stats.live_objects,
		goalloc_heap_name(pens[1].heap), atomic_read(&failures));
}

static void wait_for_threads(void)
{
	unsigned int i;
	long left;

	do {
		left = wait_for_completion_interruptible_timeout(&all_done, PROGRESS_SECONDS * HZ);
		if (left < 0) {
			WRITE_ONCE(stop, true);
			wait_for_completion(&all_done);
		} else if (!left) {
			progress();
		}
	} while (!left);
	for (i = 0; i < threads; i++) {
		kthread_stop(torturers[i].task);
		put_task_struct(torturers[i].task);
	}
}

/* What the interrupts and the exchange still hold. */
static void drain(struct torturer *last)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct torturer *t = per_cpu_ptr(irq_sides, cpu);

		hrtimer_cancel(&t->timer);
		irq_work_sync(&t->work);
		t->irq = false;
		torture_drain(t);
	}
	for (i = 0; i < NR_EXCHANGE; i++)
		if (exchange[i]->p)
			torture_free(last, exchange[i]);
}

static void add_up(u64 *sum, const struct torturer *t)
{
	unsigned int i;

	for (i = 0; i < C_NR; i++)
		sum[i] += t->count[i];
}

static void judge(u64 usecs)
{
	u64 sum[C_NR] = {}, irq[C_NR] = {};
	unsigned int i;
	int cpu;

	for (i = 0; i < threads; i++)
		add_up(sum, &torturers[i]);
	for_each_possible_cpu(cpu)
		add_up(irq, per_cpu_ptr(irq_sides, cpu));
	pr_info("%llu operations by %u threads and %llu in interrupts, %llu ms\n", sum[C_OPS],
		threads, irq[C_OPS], usecs / 1000);
	for (i = 0; i < C_NR; i++)
		sum[i] += irq[i];
	pr_info("%llu allocated, %llu freed, %llu of them by RCU, %llu reallocated, %llu in bulk calls, %llu through other hands\n",
		sum[C_ALLOC], sum[C_FREE], sum[C_RCU], sum[C_REALLOC], sum[C_BULK], sum[C_REMOTE]);
	pr_info("%llu heaps and caches buried, %llu shrunk, %llu objects looked at without lock, %llu caches gone under a reader\n",
		sum[C_BURIED], sum[C_SHRINK], sum[C_PEEK], sum[C_TYPESAFE]);
	pr_info("refused: %llu of %llu atomic allocations, %llu by the limit, %llu by faults\n",
		sum[C_ATOMIC_FAIL], sum[C_ATOMIC], sum[C_LIMIT_FAIL], sum[C_FAULT_FAIL]);

	if (sum[C_ALLOC] != sum[C_FREE])
		torture_fail("%llu objects allocated, %llu freed", sum[C_ALLOC], sum[C_FREE]);
	if (sum[C_DTOR] != atomic64_read(&dtor_runs))
		torture_fail("%llu destructors due, %llu ran", sum[C_DTOR],
			     (u64)atomic64_read(&dtor_runs));
	if (!faults && sum[C_ATOMIC_FAIL] > 100 && sum[C_ATOMIC_FAIL] > sum[C_ATOMIC] / 10)
		torture_fail("%llu of %llu atomic allocations failed", sum[C_ATOMIC_FAIL],
			     sum[C_ATOMIC]);
	if (atomic_long_read(&large_bytes))
		torture_fail("%ld bytes of large objects left", atomic_long_read(&large_bytes));
}

static int torture_run(void)
{
	struct torturer *last;
	ktime_t begin = ktime_get();
	int ret;

	pr_info("%lu operations by %u threads, seed %lu\n", ops, threads, seed);
	atomic_long_set(&ops_left, ops);
	ret = seat_all();
	if (ret)
		return ret;
	last = &torturers[0];
	ret = pens_create(last);
	if (!ret) {
		ret = start_threads();
		if (!ret)
			wait_for_threads();
		drain(last);
	}
	pens_destroy(last);
	if (!ret)
		judge(ktime_us_delta(ktime_get(), begin));
	return ret;
}

static int __init torture_init(void)
{
	int ret;

	if (!ops || ops > OPS_MAX) {
		pr_err("ops=%lu: must be 1 to %lu\n", ops, OPS_MAX);
		return -EINVAL;
	}
	if (threads > THREADS_MAX) {
		pr_err("threads=%u: must be at most %u\n", threads, THREADS_MAX);
		return -EINVAL;
	}
	if (faults && !IS_ENABLED(CONFIG_FAULT_INJECTION)) {
		pr_err("faults=1: this kernel injects none\n");
		return -EINVAL;
	}
	strscpy(verdict, "running", sizeof(verdict));
	if (!threads)
		threads = 2 * num_online_cpus();
	while (!seed)
		seed = get_random_u32();

	ret = torture_run();
	unseat_all();
	if (ret)
		snprintf(verdict, sizeof(verdict), "FAIL could not run: %d", ret);
	else if (atomic_read(&failures))
		snprintf(verdict, sizeof(verdict), "FAIL %d failures, seed %lu",
			 atomic_read(&failures), seed);
	else
		snprintf(verdict, sizeof(verdict), "PASS");
	pr_info("%s\n", verdict);
	return 0;
}

static void __exit torture_exit(void)
{
}

module_init(torture_init);
module_exit(torture_exit);

MODULE_DESCRIPTION("Random operations on goalloc against a reference model");
MODULE_LICENSE("GPL");
