// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_gctorture: a graph of managed objects that is rewired at random, by threads on
 * all CPUs and by interrupts, while it is walked, and collected all the time.
 *
 *	insmod goalloc_gctorture.ko mutations=10000000 writers=4 readers=4 seed=0
 *
 * runs to the end and says PASS or FAIL in the log, and in
 * /sys/module/goalloc_gctorture/parameters/verdict. A one in .../parameters/stop, or a
 * signal to insmod, ends it early. Loading succeeds whatever the verdict.
 *
 * What must hold: an object that can be reached, or is held in a section, is the one that
 * was made (its number and its canary say so), and is allocated; checkmark mode misses
 * nothing; what nothing points to is gone after one whole cycle. In the end all roots are
 * dropped, and nothing is left.
 *
 * omit=BITS leaves out remedies of the collector (enum gc_remedy of mgc.h), which is to be
 * seen: the run must fail. stretch=NS makes the moments longer in which it matters.
 */
#define pr_fmt(fmt) "goalloc_gctorture: " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "gctorture.h"
#include "../../../../../goalloc_mod/mgc.h"

#define MUTATIONS_MAX	1000000000000UL
#define THREADS_MAX	256
#define STRETCH_MAX	1000000U
#define FAILURES_SHOWN	20
#define PROGRESS_SECONDS 5
#define SEQ_SHIFT	40 /* objects of one thread */

static unsigned long mutations = 1000000;
module_param(mutations, ulong, 0444);
MODULE_PARM_DESC(mutations, "pointers that are stored, by all threads together, 1 to 1000000000000 (default 1000000)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "time for them; 0 is as long as it takes (default)");

static unsigned int writers;
module_param(writers, uint, 0444);
MODULE_PARM_DESC(writers, "threads that rewire the graph, up to 256; 0 is one for each CPU online (default)");

static int readers = -1;
module_param(readers, int, 0444);
MODULE_PARM_DESC(readers, "threads that walk it, up to 256; -1 is one for every two CPUs online (default)");

unsigned int max_kb = 1024;
module_param(max_kb, uint, 0444);
MODULE_PARM_DESC(max_kb, "KiB of reachable objects at which more is cut off than added (default 1024)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0 draws one, and prints it (default)");

static bool irqs = true;
module_param(irqs, bool, 0444);
MODULE_PARM_DESC(irqs, "rewire it in interrupts, too (default on)");

static unsigned int pause_ms;
module_param(pause_ms, uint, 0444);
MODULE_PARM_DESC(pause_ms, "between cycles (default 0)");

static unsigned long omit;
module_param(omit, ulong, 0444);
MODULE_PARM_DESC(omit, "remedies to leave out, bits of enum gc_remedy (default 0)");

static unsigned int stretch;
module_param(stretch, uint, 0444);
MODULE_PARM_DESC(stretch, "nanoseconds to wait at most where a race is decided, up to 1000000 (default 0)");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "write 1 to end the run");

static char verdict[64] = "running";
module_param_string(verdict, verdict, sizeof(verdict), 0444);
MODULE_PARM_DESC(verdict, "the result: running, PASS or FAIL (read only)");

atomic_t failures;

static struct torturer *torturers; /* writers, readers, and one of heaps */
static struct task_struct *driver;
static unsigned long deadline; /* jiffies */
static atomic_t writers_left;
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

/* What was found wrong may be followed into memory that is no graph: the first is enough. */
bool torture_over(void)
{
	return READ_ONCE(stop) || atomic_read(&failures) ||
	       (seconds && time_after_eq(jiffies, deadline));
}

u64 torture_num_gc(void)
{
	return READ_ONCE(world.heap->gc->stats.num_gc);
}

static int writer_fn(void *data)
{
	struct torturer *t = data;
	unsigned int n;
	int section;

	while (t->count[C_MUTATIONS] < t->quota && !torture_over()) {
		section = goalloc_gc_lock(world.heap);
		for (n = 1 + rnd(t) % 32; n && !atomic_read(&failures); n--) {
			graph_mutate(t);
			if (irqs)
				sides_invite(t);
		}
		if (one_in(t, 256))
			usleep_range(100, 2000);
		graph_check_held(t);
		goalloc_gc_unlock(world.heap, section);
		witness_end(t);
		if (one_in(t, 64))
			heaps_roots_op(t);
		/* On a CPU of its own a writer would seldom let the collector have it. */
		if (one_in(t, 16))
			usleep_range(50, 200);
		cond_resched();
	}
	if (atomic_dec_and_test(&writers_left))
		complete(&all_done);
	return 0;
}

static int reader_fn(void *data)
{
	struct torturer *t = data;
	unsigned int n;
	int section;

	while (!kthread_should_stop()) {
		section = goalloc_gc_lock(world.heap);
		for (n = 1 + rnd(t) % 16; n && !torture_over(); n--)
			graph_walk(t, 1 + rnd(t) % 32);
		if (one_in(t, 32))
			usleep_range(100, 5000);
		if (!atomic_read(&failures))
			graph_check_held(t);
		goalloc_gc_unlock(world.heap, section);
		cond_resched();
		if (one_in(t, 8) || torture_over())
			usleep_range(100, 1000);
	}
	return 0;
}

/* One cycle after the other. */
static int driver_fn(void *data)
{
	while (!kthread_should_stop()) {
		int err = goalloc_gc_collect(world.heap);

		if (err)
			torture_fail("a collection ended with %d", err);
		if (READ_ONCE(world.heap->gc->stats.missed))
			torture_fail("checkmark: %llu objects were missed",
				     world.heap->gc->stats.missed);
		if (pause_ms)
			msleep(pause_ms);
		cond_resched();
	}
	return 0;
}

/* Where a race is decided: whoever is there takes longer, now and then. */
static void stretch_point(struct gc_heap *gc, enum gc_test_point point, void *data)
{
	static atomic_t calls;
	u64 mixed = torture_mix(atomic_inc_return(&calls) ^ seed);

	if (gc == world.heap->gc && mixed % 16 == 0)
		ndelay(min(1 + (unsigned int)(mixed >> 8) % stretch, 20000U));
}

static void testing_on(void)
{
	if (!omit && !stretch)
		return;
	gc_test.omit = omit;
	gc_test.point = stretch ? stretch_point : NULL;
	static_branch_enable(&gc_testing);
}

static void testing_off(void)
{
	if (!omit && !stretch)
		return;
	static_branch_disable(&gc_testing);
	/* Nobody is at a point any more. */
	synchronize_rcu();
	gc_test.omit = 0;
	gc_test.point = NULL;
}

static unsigned int nthreads(void)
{
	return writers + readers + 1;
}

static int seat_all(void)
{
	u64 number = 0;
	unsigned int i;
	int cpu, kind;

	torturers = kvcalloc(nthreads(), sizeof(*torturers), GFP_KERNEL);
	sides = alloc_percpu(struct sides);
	if (!torturers || !sides)
		return -ENOMEM;
	for (i = 0; i < nthreads(); i++) {
		torturers[i].seq = ++number << SEQ_SHIFT;
		torturers[i].state = torture_mix(seed + number);
		if (i < writers)
			torturers[i].quota = mutations / writers + (i < mutations % writers);
	}
	for_each_possible_cpu(cpu) {
		for (kind = 0; kind < NR_SIDES; kind++) {
			struct torturer *t = &per_cpu_ptr(sides, cpu)->side[kind];

			t->seq = ++number << SEQ_SHIFT;
			t->state = torture_mix(seed + number);
		}
	}
	return 0;
}

static void unseat_all(void)
{
	kvfree(torturers);
	torturers = NULL;
	free_percpu(sides);
}

static int seat_thread(unsigned int i, int *cpu)
{
	int (*fn)(void *) = i < writers ? writer_fn : i < writers + readers ? reader_fn : heaps_fn;
	const char *what = i < writers ? "writer" : i < writers + readers ? "reader" : "heaps";
	struct torturer *t = &torturers[i];
	struct task_struct *task;

	task = kthread_create(fn, t, "gct_%s/%u", what, i);
	if (IS_ERR(task))
		return PTR_ERR(task);
	*cpu = cpumask_next(*cpu, cpu_online_mask);
	if (*cpu >= nr_cpu_ids)
		*cpu = cpumask_first(cpu_online_mask);
	/* Its interrupts are that CPU's; the others go where they like. */
	if (i < writers)
		kthread_bind(task, *cpu);
	t->task = get_task_struct(task);
	return 0;
}

static void stop_threads(void)
{
	unsigned int i;

	WRITE_ONCE(stop, true);
	for (i = 0; i < nthreads(); i++) {
		if (!torturers[i].task)
			continue;
		kthread_stop(torturers[i].task);
		put_task_struct(torturers[i].task);
		torturers[i].task = NULL;
	}
	if (driver)
		kthread_stop(driver);
	driver = NULL;
}

static int start_threads(void)
{
	unsigned int i;
	int cpu = -1, err;

	atomic_set(&writers_left, writers);
	for (i = 0; i < nthreads(); i++) {
		err = seat_thread(i, &cpu);
		if (err)
			return err;
	}
	driver = kthread_run(driver_fn, NULL, "gct_driver");
	if (IS_ERR(driver)) {
		err = PTR_ERR(driver);
		driver = NULL;
		return err;
	}
	for (i = 0; i < nthreads(); i++)
		wake_up_process(torturers[i].task);
	return 0;
}

static u64 sum_of(enum count what, bool interrupts)
{
	unsigned int i, kind;
	u64 sum = 0;
	int cpu;

	for (i = 0; !interrupts && i < nthreads(); i++)
		sum += READ_ONCE(torturers[i].count[what]);
	if (interrupts)
		for_each_possible_cpu(cpu)
			for (kind = 0; kind < NR_SIDES; kind++)
				sum += READ_ONCE(per_cpu_ptr(sides, cpu)->side[kind].count[what]);
	return sum;
}

static void wait_for_writers(void)
{
	long left;

	do {
		left = wait_for_completion_interruptible_timeout(&all_done, PROGRESS_SECONDS * HZ);
		if (left < 0) {
			WRITE_ONCE(stop, true);
			wait_for_completion(&all_done);
		} else if (!left) {
			pr_info("%llu mutations of %lu, %llu visits, %llu cycles, %u failures\n",
				sum_of(C_MUTATIONS, false), mutations, sum_of(C_VISITS, false),
				torture_num_gc(), atomic_read(&failures));
		}
	} while (!left);
}

static void drop_own(struct torturer *t)
{
	unsigned int i;

	for (i = 0; i < NR_WITNESSES; i++)
		goalloc_gc_weak_destroy(t->witness[i].weak);
	for (i = 0; i < NR_KEPT; i++) {
		if (!t->kept[i].handle)
			continue;
		goalloc_gc_weak_destroy(t->kept[i].weak);
		goalloc_gc_handle_put(t->kept[i].handle);
	}
}

static u64 live_objects(void)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(world.heap, &stats);
	return stats.live_objects;
}

/* A whole cycle, and the finalizers that were found to be due. */
static void collect(void)
{
	int err = goalloc_gc_collect(world.heap);

	if (err)
		torture_fail("a collection ended with %d", err);
	irq_work_sync(&world.heap->gc->final_irq);
	gc_final_wait();
}

/*
 * Nobody is about, and nothing is reachable but by finalizers. Those of two objects in a
 * row take a cycle each, and one more takes the second object.
 */
static void quiesce(void)
{
	u64 finals, live;
	unsigned int i;

	for (i = 0; i < writers; i++)
		drop_own(&torturers[i]);
	/* Those that are due already must not revive anything after the roots are dropped. */
	WRITE_ONCE(fin_revive, false);
	gc_final_wait();
	graph_drop_roots();
	collect();
	finals = sum_of(C_FINALIZERS, false) - atomic64_read(&finalizers_run);
	collect();
	live = live_objects();
	if (live > 2 * finals)
		torture_fail("%llu objects are left after two cycles, and %llu finalizers were",
			     live, finals);
	collect();
	live = live_objects();
	if (live)
		torture_fail("%llu objects are left after three cycles", live);
	if (sum_of(C_FINALIZERS, false) != atomic64_read(&finalizers_run))
		torture_fail("%llu finalizers were set, %lld ran", sum_of(C_FINALIZERS, false),
			     atomic64_read(&finalizers_run));
}

static void judge(u64 usecs)
{
	struct goalloc_heap_stats heap;
	struct goalloc_gc_stats gc;

	goalloc_heap_stats(world.heap, &heap);
	goalloc_gc_stats(world.heap, &gc);
	pr_info("%llu mutations by %u writers, %llu in interrupts, %llu ms\n",
		sum_of(C_MUTATIONS, false), writers, sum_of(C_MUTATIONS, true), usecs / 1000);
	pr_info("%llu visits by threads, %llu in interrupts; %llu probes\n",
		sum_of(C_VISITS, false), sum_of(C_VISITS, true),
		sum_of(C_PROBES, false) + sum_of(C_PROBES, true));
	pr_info("%llu objects allocated, %llu refused; %llu arrays, %llu copies, %llu freed by hand\n",
		sum_of(C_ALLOCS, false) + sum_of(C_ALLOCS, true),
		sum_of(C_NO_MEMORY, false) + sum_of(C_NO_MEMORY, true), sum_of(C_ARRAYS, false),
		sum_of(C_COPIES, false), sum_of(C_BY_HAND, false) + sum_of(C_BY_HAND, true));
	pr_info("%llu ends witnessed, %llu handles, %llu finalizers, %llu ranges, %llu heaps\n",
		sum_of(C_WITNESSES, false), sum_of(C_HANDLES, false),
		sum_of(C_FINALIZERS, false), sum_of(C_ROOTS, false), sum_of(C_HEAPS, false));
	pr_info("%llu cycles, %llu us each; %llu objects marked, %llu swept, %llu missed\n",
		gc.num_gc, div64_u64(gc.cycle_ns, max(gc.num_gc, 1ULL) * NSEC_PER_USEC),
		gc.objects_marked, gc.objects_swept, gc.missed);
	if (gc.missed)
		torture_fail("checkmark: %llu objects were missed", gc.missed);
	if (heap.misuse)
		torture_fail("%llu misuses", heap.misuse);
}

static int torture_run(void)
{
	ktime_t begin = ktime_get();
	int err;

	pr_info("%lu mutations by %u writers, %d readers, seed %lu\n", mutations, writers, readers,
		seed);
	err = seat_all() ?: world_create();
	if (err)
		return err;
	world.heap->gc->checkmark = true;
	fin_revive = true;
	deadline = jiffies + (unsigned long)seconds * HZ;
	sides_start();
	testing_on();
	err = start_threads();
	if (!err)
		wait_for_writers();
	stop_threads();
	sides_stop();
	testing_off();
	if (!err) {
		quiesce();
		judge(ktime_us_delta(ktime_get(), begin));
	}
	world_destroy();
	return err;
}

static int check_params(void)
{
	if (!mutations || mutations > MUTATIONS_MAX) {
		pr_err("mutations=%lu: must be 1 to %lu\n", mutations, MUTATIONS_MAX);
		return -EINVAL;
	}
	if (writers > THREADS_MAX) {
		pr_err("writers=%u: must be at most %u\n", writers, THREADS_MAX);
		return -EINVAL;
	}
	if (readers < -1 || readers > THREADS_MAX) {
		pr_err("readers=%d: must be -1 to %u\n", readers, THREADS_MAX);
		return -EINVAL;
	}
	if (stretch > STRETCH_MAX) {
		pr_err("stretch=%u: must be at most %u\n", stretch, STRETCH_MAX);
		return -EINVAL;
	}
	return 0;
}

static int __init gctorture_init(void)
{
	int err = check_params();

	if (err)
		return err;
	if (!writers)
		writers = num_online_cpus();
	if (readers < 0)
		readers = DIV_ROUND_UP(num_online_cpus(), 2);
	while (!seed)
		seed = get_random_u32();

	err = torture_run();
	unseat_all();
	if (err)
		snprintf(verdict, sizeof(verdict), "FAIL could not run: %d", err);
	else if (atomic_read(&failures))
		snprintf(verdict, sizeof(verdict), "FAIL %d failures, seed %lu",
			 atomic_read(&failures), seed);
	else
		snprintf(verdict, sizeof(verdict), "PASS");
	pr_info("%s\n", verdict);
	return 0;
}

static void __exit gctorture_exit(void)
{
}

module_init(gctorture_init);
module_exit(gctorture_exit);

MODULE_DESCRIPTION("A graph of managed objects, rewired at random while it is collected");
MODULE_LICENSE("GPL");
GOALLOC_IMPORT_FOR_TEST();
