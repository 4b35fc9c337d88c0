// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_graph: sockets that are passed through sockets, in a managed heap.
 *
 *	insmod goalloc_graph.ko ops=10000000 seconds=10 threads=2
 *	cat /sys/kernel/debug/goalloc_graph
 *
 * Threads on each CPU do as many operations, or as many as they can in that time. Then,
 * or when the module is removed, all is closed and collected, and nothing may be left:
 * the log and the file in debugfs say what happened.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "graph.h"

#define MAX_OPS		1000000000000ULL
#define MAX_SECONDS	86400
#define HEAP_LIMIT	SZ_64M
#define ID_SHIFT	48 /* objects of one thread */

static unsigned long long ops = 1000000;
module_param(ops, ullong, 0444);
MODULE_PARM_DESC(ops, "operations of all threads together, 1 to 1000000000000 (default 1000000)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "writers, and as many readers, up to 64; 0 is one for each CPU (default)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "time for them, up to 86400; 0 is as long as it takes (default)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0 draws one (default)");

struct graph graph;

static struct graph_thread *all; /* writers first */
static struct task_struct *conductor;
static struct dentry *file;
static atomic_t writers_left;
static const char *state = "running";

/**
 * graph_fail() - say what is wrong; all threads stop
 * @fmt: as printk() has it
 *
 * What is wrong may lead anywhere, so only the first is said.
 */
void graph_fail(const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	if (atomic_inc_return(&graph.failures) != 1)
		return;
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_err("%pV\n", &vaf);
	va_end(args);
}

/**
 * graph_writer_ends() - a writer has done what it had to do
 */
void graph_writer_ends(void)
{
	if (atomic_dec_and_test(&writers_left))
		wake_up(&graph.wait);
}

static u64 sum_of(enum count what)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < 2 * threads; i++)
		sum += READ_ONCE(all[i].count[what]);
	return sum;
}

static u64 live_objects(void)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(graph.heap, &stats);
	return stats.live_objects;
}

static void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s: %llu\n", name, value);
}

static int goalloc_graph_show(struct seq_file *m, void *unused)
{
	struct goalloc_gc_stats gc;

	goalloc_gc_stats(graph.heap, &gc);
	seq_printf(m, "State: %s\n", READ_ONCE(state));
	show_value(m, "Seed", seed);
	show_value(m, "Operations", sum_of(C_OPS));
	show_value(m, "Sockets", sum_of(C_SOCKETS));
	show_value(m, "Closed", sum_of(C_CLOSED));
	show_value(m, "Messages", sum_of(C_MESSAGES));
	show_value(m, "Received", sum_of(C_RECEIVED));
	show_value(m, "PassedSockets", sum_of(C_PASSED));
	show_value(m, "Named", sum_of(C_NAMED));
	show_value(m, "FoundByName", sum_of(C_FOUND));
	show_value(m, "NamesInUse", atomic_read(&graph.names_left));
	show_value(m, "RingsCutLoose", sum_of(C_CUT));
	show_value(m, "RingsReclaimed", atomic64_read(&graph.rings_gone));
	show_value(m, "Visits", sum_of(C_VISITS));
	show_value(m, "Refused", sum_of(C_REFUSED));
	show_value(m, "LiveObjects", live_objects());
	show_value(m, "ReclaimedObjects", gc.objects_swept);
	show_value(m, "Cycles", gc.num_gc);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(goalloc_graph);

static void stop_threads(void)
{
	unsigned int i;

	for (i = 0; i < 2 * threads; i++) {
		if (IS_ERR_OR_NULL(all[i].task))
			continue;
		kthread_stop(all[i].task);
		put_task_struct(all[i].task);
		all[i].task = NULL;
	}
}

static void close_all(void)
{
	unsigned int i, ring;
	int section = goalloc_gc_lock(graph.heap);

	for (i = 0; i < graph.nfiles; i++) {
		ring = i % NR_FILES == NR_FILES - 1;
		if (ring && goalloc_gc_load(&graph.files[i]))
			count(&all[i / NR_FILES], C_CUT, 1);
		goalloc_gc_assign(graph.heap, &graph.files[i], NULL);
	}
	goalloc_gc_unlock(graph.heap, section);
}

/*
 * The first cycle finds that all is unreachable; names stay until their finalizers have
 * run, and go in the second, or the third if the last one ran into that.
 */
static void collect_all(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < 3; i++) {
		err = goalloc_gc_collect(graph.heap);
		if (err)
			graph_fail("a collection ended with %d", err);
		if (!wait_event_idle_timeout(graph.wait, !atomic_read(&graph.names_left), 30 * HZ))
			graph_fail("%d names were not finalized", atomic_read(&graph.names_left));
	}
}

static void judge(void)
{
	u64 cut = sum_of(C_CUT), gone = atomic64_read(&graph.rings_gone), live = live_objects();
	struct goalloc_gc_stats gc;

	goalloc_gc_stats(graph.heap, &gc);
	pr_info("%llu sockets made, %llu messages, %llu sockets passed in them, %llu named\n",
		sum_of(C_SOCKETS), sum_of(C_MESSAGES), sum_of(C_PASSED), sum_of(C_NAMED));
	pr_info("%llu circles cut loose, %llu of them reclaimed; %llu visits by readers\n", cut,
		gone, sum_of(C_VISITS));
	pr_info("%llu objects reclaimed in %llu cycles, %llu still live\n", gc.objects_swept,
		gc.num_gc, live);
	if (cut != gone)
		graph_fail("%llu circles are left", cut - gone);
	if (live)
		graph_fail("%llu objects are left", live);
	if (gc.missed)
		graph_fail("checkmark: %llu objects were missed", gc.missed);
	if (!atomic_read(&graph.failures))
		pr_info("PASS: all closed, nothing is left\n");
	else
		pr_err("FAIL: seed %lu\n", seed);
	WRITE_ONCE(state, atomic_read(&graph.failures) ? "FAIL" : "PASS");
}

/* Waits for the writers, or for the end of time, or of the module; and sums up. */
static int conduct(void *unused)
{
	long limit = seconds ? seconds * HZ : MAX_SCHEDULE_TIMEOUT;

	wait_event_idle_timeout(graph.wait, !atomic_read(&writers_left) || kthread_should_stop(),
				limit);
	stop_threads();
	close_all();
	/* What was damaged is not to be collected: it may lead anywhere. */
	if (!atomic_read(&graph.failures))
		collect_all();
	judge();
	wait_event_idle(graph.wait, kthread_should_stop());
	return 0;
}

static int make_thread(unsigned int i, int *cpu)
{
	struct graph_thread *t = &all[i];
	bool writer = i < threads;

	t->next_id = (u64)(i + 1) << ID_SHIFT;
	prandom_seed_state(&t->rnd, seed + i * 0x9e3779b9UL);
	if (writer) {
		t->files = &graph.files[i * NR_FILES];
		t->quota = ops / threads + (i < ops % threads);
	}
	t->task = kthread_create(writer ? writer_fn : reader_fn, t, "graph_%s/%u",
				 writer ? "writer" : "reader", i);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	get_task_struct(t->task);
	*cpu = cpumask_next(*cpu, cpu_online_mask);
	if (*cpu >= nr_cpu_ids)
		*cpu = cpumask_first(cpu_online_mask);
	kthread_bind(t->task, *cpu);
	return 0;
}

static int start_threads(void)
{
	unsigned int i;
	int cpu = -1, err;

	atomic_set(&writers_left, threads);
	for (i = 0; i < 2 * threads; i++) {
		err = make_thread(i, &cpu);
		if (err)
			return err;
	}
	conductor = kthread_create(conduct, NULL, "graph_conductor");
	if (IS_ERR(conductor))
		return PTR_ERR(conductor);
	for (i = 0; i < 2 * threads; i++)
		wake_up_process(all[i].task);
	wake_up_process(conductor);
	return 0;
}

static int make_heap(void)
{
	int err;

	graph.nfiles = threads * NR_FILES;
	graph.files = kvcalloc(graph.nfiles, sizeof(*graph.files), GFP_KERNEL);
	if (!graph.files)
		return -ENOMEM;
	graph.heap = goalloc_heap_create("goalloc_graph", GOALLOC_HEAP_GC);
	if (IS_ERR(graph.heap)) {
		kvfree(graph.files);
		return PTR_ERR(graph.heap);
	}
	err = goalloc_heap_set_limit(graph.heap, HEAP_LIMIT) ?: sockets_init() ?: names_init() ?:
	      goalloc_gc_root_add(graph.heap, graph.files, graph.nfiles, GOALLOC_GC_ROOT_PRECISE);
	if (err) {
		goalloc_heap_destroy(graph.heap);
		kvfree(graph.files);
	}
	return err;
}

static void destroy_heap(void)
{
	names_exit();
	goalloc_gc_root_remove(graph.heap, graph.files);
	goalloc_heap_destroy(graph.heap);
	kvfree(graph.files);
}

static int check_params(void)
{
	if (!ops || ops > MAX_OPS) {
		pr_err("ops=%llu: must be 1 to %llu\n", ops, MAX_OPS);
		return -EINVAL;
	}
	if (threads > MAX_THREADS) {
		pr_err("threads=%u: must be at most %u\n", threads, MAX_THREADS);
		return -EINVAL;
	}
	if (seconds > MAX_SECONDS) {
		pr_err("seconds=%u: must be at most %u\n", seconds, MAX_SECONDS);
		return -EINVAL;
	}
	return 0;
}

static int __init graph_init(void)
{
	int err = check_params();

	if (err)
		return err;
	if (!threads)
		threads = min_t(unsigned int, num_online_cpus(), MAX_THREADS);
	while (!seed)
		seed = get_random_u32();
	init_waitqueue_head(&graph.wait);
	all = kvcalloc(2 * threads, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	err = make_heap();
	if (err)
		goto free;
	err = start_threads();
	if (err)
		goto stop;
	file = debugfs_create_file("goalloc_graph", 0400, NULL, NULL, &goalloc_graph_fops);
	return 0;

stop:
	stop_threads();
	destroy_heap();
free:
	kvfree(all);
	return err;
}

static void __exit graph_exit(void)
{
	kthread_stop(conductor);
	debugfs_remove(file);
	destroy_heap();
	kvfree(all);
}

module_init(graph_init);
module_exit(graph_exit);

MODULE_DESCRIPTION("Sockets that are passed through sockets, in a managed heap of goalloc");
MODULE_LICENSE("GPL");
