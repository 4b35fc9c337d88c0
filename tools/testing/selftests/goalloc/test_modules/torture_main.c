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

#define OPS_MAX		1000000000000UL
#define SECONDS_MAX	(7 * 24 * 3600)
#define THREADS_MAX	1024
#define BATCH		64
#define PROGRESS_SECONDS 5
#define FAILURES_SHOWN	20
#define SCALE_MAX	1000000U

static unsigned long ops = 1000000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "operations of all threads together, 1 to 1000000000000 (default 1000000)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "time for them, up to a week; 0 is as long as it takes (default)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads, up to 1024; 0 is two for each CPU online (default)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0 draws one, and prints it (default)");

unsigned int rare = 1;
module_param(rare, uint, 0444);
MODULE_PARM_DESC(rare, "interrupts, large objects, and heaps and caches that go are so many times rarer (default 1)");

unsigned int sample = 1;
module_param(sample, uint, 0444);
MODULE_PARM_DESC(sample, "one object in so many is filled and checked as a whole, others at both ends (default 1)");

unsigned int misuse;
module_param(misuse, uint, 0444);
MODULE_PARM_DESC(misuse, "one operation in so many is preceded by a misuse; 0 is none (default)");

bool scarce;
module_param(scarce, bool, 0644);
MODULE_PARM_DESC(scarce, "memory is short: allocations may fail (default off)");

static bool irqs = true;
module_param(irqs, bool, 0444);
MODULE_PARM_DESC(irqs, "allocate and free in interrupts, too (default on)");

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
u64 __percpu *dtor_runs;

static DEFINE_MUTEX(seats_lock); /* @torturers, for who reads the parameter progress */
static struct torturer *torturers;
static struct obj *objs;
static unsigned long nobjs;
static unsigned long began, deadline; /* jiffies */
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

static bool goes_on(const struct torturer *t)
{
	return t->nops < t->quota && !READ_ONCE(stop) && atomic_read(&failures) < FAILURES_SHOWN &&
	       (!seconds || time_before(jiffies, deadline));
}

static int torturer_fn(void *data)
{
	struct torturer *t = data;
	u64 until;

	faults_mark(faults);
	while (goes_on(t)) {
		for (until = min(t->quota, t->nops + BATCH); t->nops < until;) {
			torture_op(t);
			if (irqs)
				sides_invite(t);
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
	t->key = torture_mix(seed + *taken * 0x9e3779b97f4a7c15ULL);
	return 0;
}

static int seat_all(void)
{
	unsigned long taken = 0;
	unsigned int i;
	int cpu, ret;

	nobjs = (unsigned long)threads * THREAD_OBJS +
		(unsigned long)nr_cpu_ids * NR_SIDES * IRQ_OBJS + NR_EXCHANGE;
	objs = kvcalloc(nobjs, sizeof(*objs), GFP_KERNEL);
	torturers = kvcalloc(threads, sizeof(*torturers), GFP_KERNEL);
	sides = alloc_percpu(struct sides);
	dtor_runs = alloc_percpu(u64);
	if (!objs || !torturers || !sides || !dtor_runs)
		return -ENOMEM;

	for (i = 0; i < NR_EXCHANGE; i++)
		exchange[i] = &objs[taken++];
	for (i = 0; i < threads; i++) {
		ret = seat(&torturers[i], THREAD_OBJS, &taken);
		if (ret)
			return ret;
		torturers[i].quota = ops / threads + (i < ops % threads);
	}
	for_each_possible_cpu(cpu) {
		for (i = 0; i < NR_SIDES; i++) {
			ret = seat(&per_cpu_ptr(sides, cpu)->side[i], IRQ_OBJS, &taken);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void unseat_all(void)
{
	unsigned int i;
	int cpu;

	mutex_lock(&seats_lock);
	for (i = 0; torturers && i < threads; i++)
		kfree(torturers[i].slot);
	kvfree(torturers);
	torturers = NULL;
	mutex_unlock(&seats_lock);
	if (sides)
		for_each_possible_cpu(cpu)
			for (i = 0; i < NR_SIDES; i++)
				kfree(per_cpu_ptr(sides, cpu)->side[i].slot);
	free_percpu(sides);
	free_percpu(dtor_runs);
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

/* Operations of the threads so far. */
static u64 done(void)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < threads; i++)
		sum += READ_ONCE(torturers[i].nops);
	return sum;
}

static int describe_progress(char *buf, size_t size)
{
	unsigned long msecs = jiffies_to_msecs(jiffies - began) + 1;
	u64 n = done();

	int len;

	len = scnprintf(buf, size, "%llu operations in %lu s, %llu a second, ", n, msecs / 1000,
			div64_u64(n * 1000, msecs));
	if (seconds)
		len += scnprintf(buf + len, size - len, "%ld s left, ",
				 max(0L, (long)(deadline - jiffies) / HZ));
	else
		len += scnprintf(buf + len, size - len, "%lu in all, ", ops);
	return len + scnprintf(buf + len, size - len, "%d failures", atomic_read(&failures));
}

static int get_progress(char *buf, const struct kernel_param *kp)
{
	int len = 0;

	mutex_lock(&seats_lock);
	if (torturers && began)
		len = describe_progress(buf, PAGE_SIZE - 1);
	mutex_unlock(&seats_lock);
	return len + scnprintf(buf + len, PAGE_SIZE - len, "\n");
}

static const struct kernel_param_ops progress_ops = { .get = get_progress };
module_param_cb(progress, &progress_ops, NULL, 0444);
MODULE_PARM_DESC(progress, "of a run (read only)");

static void wait_for_threads(void)
{
	char line[128];
	unsigned int i;
	long left;

	do {
		left = wait_for_completion_interruptible_timeout(&all_done, PROGRESS_SECONDS * HZ);
		if (left < 0) {
			WRITE_ONCE(stop, true);
			wait_for_completion(&all_done);
		} else if (!left) {
			describe_progress(line, sizeof(line));
			pr_info("%s\n", line);
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

	sides_stop();
	for (i = 0; i < NR_EXCHANGE; i++)
		if (exchange[i]->p)
			torture_free(last, exchange[i]);
}

/* What all of them did together. */
struct sum {
	u64 nops;
	u64 count[C_NR];
	u64 calls[CALL_NR][CTX_NR];
};

static void add_up(struct sum *sum, const struct torturer *t)
{
	unsigned int i, ctx;

	sum->nops += t->nops;
	for (i = 0; i < C_NR; i++)
		sum->count[i] += t->count[i];
	for (i = 0; i < CALL_NR; i++)
		for (ctx = 0; ctx < CTX_NR; ctx++)
			sum->calls[i][ctx] += t->calls[i][ctx];
}

static void print_calls(const struct sum *sum)
{
	static const char *const names[CALL_NR] = {
		[CALL_ALLOC] = "alloc", [CALL_FREE] = "free", [CALL_FREE_RCU] = "free_rcu",
		[CALL_REALLOC] = "realloc", [CALL_ALLOC_BULK] = "alloc_bulk",
		[CALL_FREE_BULK] = "free_bulk", [CALL_LOOK] = "look",
		[CALL_NOTHING] = "nothing", [CALL_MISUSE] = "misuse",
	};
	unsigned int i;

	pr_info("%-10s %12s %12s %12s %12s %12s %12s %12s\n", "calls", "process", "no_preempt",
		"no_softirq", "no_irq", "softirq", "hardirq", "nmi");
	for (i = 0; i < CALL_NR; i++) {
		const u64 *n = sum->calls[i];

		pr_info("%-10s %12llu %12llu %12llu %12llu %12llu %12llu %12llu\n", names[i],
			n[CTX_SLEEP], n[CTX_PREEMPT], n[CTX_BH], n[CTX_IRQ], n[CTX_SOFTIRQ],
			n[CTX_HARDIRQ], n[CTX_NMI]);
	}
}

/* What the threads drew for their first operations; with it, whether all got that far. */
static void print_digest(void)
{
	u64 digest = 0;
	unsigned int i;

	for (i = 0; i < threads; i++) {
		if (torturers[i].nops < min_t(u64, DIGEST_OPS, torturers[i].quota))
			return;
		digest = torture_mix(digest ^ torturers[i].digest);
	}
	pr_info("streams of seed %lu with %u threads: %016llx\n", seed, threads, digest);
}

static void judge(u64 usecs)
{
	struct sum *sum = kzalloc(sizeof(*sum), GFP_KERNEL);
	u64 nops, dtors = 0, misuses = 0, *n;
	unsigned int i;
	int cpu;

	if (!sum) {
		torture_fail("no memory to add up");
		return;
	}
	n = sum->count;
	for (i = 0; i < threads; i++)
		add_up(sum, &torturers[i]);
	nops = sum->nops;
	for_each_possible_cpu(cpu) {
		for (i = 0; i < NR_SIDES; i++)
			add_up(sum, &per_cpu_ptr(sides, cpu)->side[i]);
		dtors += *per_cpu_ptr(dtor_runs, cpu);
	}
	pr_info("%llu operations by %u threads and %llu in interrupts, %llu ms\n", nops, threads,
		sum->nops - nops, usecs / 1000);
	print_calls(sum);
	print_digest();
	pr_info("%llu objects allocated, %llu freed, %llu through other hands, %llu destructors\n",
		n[C_ALLOC], n[C_FREE], n[C_REMOTE], n[C_DTOR]);
	pr_info("%llu heaps and caches buried, %llu shrunk, %llu limits set, %llu caches gone under a reader\n",
		n[C_BURIED], n[C_SHRINK], n[C_LIMITS], n[C_TYPESAFE]);
	pr_info("refused: %llu of %llu atomic allocations, %llu by the limit, %llu by faults\n",
		n[C_ATOMIC_FAIL], n[C_ATOMIC], n[C_LIMIT_FAIL], n[C_FAULT_FAIL]);
	for (i = 0; i < CTX_NR; i++)
		misuses += sum->calls[CALL_MISUSE][i];
	pr_info("%llu misuses\n", misuses);

	if (n[C_ALLOC] != n[C_FREE])
		torture_fail("%llu objects allocated, %llu freed", n[C_ALLOC], n[C_FREE]);
	if (n[C_DTOR] != dtors)
		torture_fail("%llu destructors due, %llu ran", n[C_DTOR], dtors);
	if (!faults && !scarce && n[C_ATOMIC_FAIL] > 100 &&
	    n[C_ATOMIC_FAIL] > n[C_ATOMIC] / 10)
		torture_fail("%llu of %llu atomic allocations failed", n[C_ATOMIC_FAIL],
			     n[C_ATOMIC]);
	if (atomic_long_read(&large_bytes))
		torture_fail("%ld bytes of large objects left", atomic_long_read(&large_bytes));
	kfree(sum);
}

static int torture_run(void)
{
	struct torturer *last;
	ktime_t begin = ktime_get();
	int ret;

	pr_info("%lu operations by %u threads, seed %lu\n", ops, threads, seed);
	ret = seat_all();
	if (ret)
		return ret;
	last = &torturers[0];
	ret = pens_create(last) ?: misuse_create();
	if (!ret) {
		began = jiffies;
		deadline = began + (unsigned long)seconds * HZ;
		sides_start();
		ret = start_threads();
		if (!ret)
			wait_for_threads();
		drain(last);
	}
	pens_destroy(last);
	misuse_destroy();
	if (!ret)
		judge(ktime_us_delta(ktime_get(), begin));
	return ret;
}

static int check_params(void)
{
	if (!ops || ops > OPS_MAX) {
		pr_err("ops=%lu: must be 1 to %lu\n", ops, OPS_MAX);
		return -EINVAL;
	}
	if (seconds > SECONDS_MAX) {
		pr_err("seconds=%u: must be at most %u\n", seconds, SECONDS_MAX);
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
	if (!rare || rare > SCALE_MAX) {
		pr_err("rare=%u: must be 1 to %u\n", rare, SCALE_MAX);
		return -EINVAL;
	}
	if (!sample || sample > SCALE_MAX) {
		pr_err("sample=%u: must be 1 to %u\n", sample, SCALE_MAX);
		return -EINVAL;
	}
	return 0;
}

static int __init torture_init(void)
{
	int ret = check_params();

	if (ret)
		return ret;
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
