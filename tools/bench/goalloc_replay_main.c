// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a recorded trace (tools/bench/README.traces) against one allocator.
 *
 * The packed trace is read and checked when the module is loaded. Then debugfs
 * goalloc_replay is written to go on: the number of events that shall be done,
 * or "drain" to free all that is left. Reading it says how far it is:
 *
 *	replay, events done, nanoseconds they took, pages of objects in no slab
 *
 * Between two writes others may be asked what they hold. Events run on the CPU
 * that the trace has them on, one after the other; a machine with fewer CPUs
 * folds them. The time is that of the events, without the ways between CPUs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "goalloc_replay.h"

static char *trace = "";
module_param(trace, charp, 0444);
MODULE_PARM_DESC(trace, "Path of a packed trace");

static char *side = "goalloc";
module_param(side, charp, 0444);
MODULE_PARM_DESC(side, "Who serves it: goalloc, caches or kmalloc (default goalloc)");

/* Events that run without a pause. */
#define BATCH 2048
#define MAX_BYTES (sizeof(struct replay_head) + REPLAY_MAX_EVENTS * sizeof(u64))

static const struct replay_side *server;
static struct dentry *file;
static void *packed;
static const struct replay_head *head;
static const u64 *events;
static struct replay_obj *objs;

static DEFINE_MUTEX(replay_lock); /* guards all that follows, and @objs */
static u32 done;
static u64 spent; /* nanoseconds */
static bool broken;

struct batch {
	const u64 *events;
	u32 n;
};

/* Each event in its range, and in an order that can be. */
static int check_events(void)
{
	unsigned long *live = bitmap_zalloc(head->nids, GFP_KERNEL);
	const char *wrong = NULL;
	u32 i;

	if (!live)
		return -ENOMEM;
	for (i = 0; i < head->nevents && !wrong; i++) {
		u32 id = event_id(events[i]), size = event_size(events[i]);

		if (id >= head->nids)
			wrong = "no such object";
		else if (event_cpu(events[i]) >= head->ncpus)
			wrong = "no such CPU";
		else if (size > REPLAY_MAX_SIZE)
			wrong = "too large";
		else if (size && __test_and_set_bit(id, live))
			wrong = "allocated already";
		else if (!size && !__test_and_clear_bit(id, live))
			wrong = "not there to be freed";
	}
	bitmap_free(live);
	if (!wrong)
		return 0;
	pr_err("%s: event %u: %s\n", trace, i, wrong);
	return -EINVAL;
}

static int check_trace(size_t bytes)
{
	const char *wrong = NULL;

	if (bytes < sizeof(*head) || memcmp(head->magic, REPLAY_MAGIC, sizeof(head->magic)))
		wrong = "not a packed trace";
	else if (head->version != REPLAY_VERSION)
		wrong = "not a version that is known here";
	else if (!head->nevents || head->nevents > REPLAY_MAX_EVENTS)
		wrong = "no events, or too many";
	else if (bytes != sizeof(*head) + head->nevents * sizeof(*events))
		wrong = "truncated, or something follows";
	else if (!head->nids || head->nids > REPLAY_MAX_IDS)
		wrong = "no objects, or too many";
	else if (!head->ncpus || head->ncpus > REPLAY_MAX_CPUS)
		wrong = "no CPUs, or too many";
	if (!wrong)
		return check_events();
	pr_err("%s: %s\n", trace, wrong);
	return -EINVAL;
}

/* The whole file; not kernel_read_file(), which is for what the kernel trusts. */
static ssize_t read_file(void)
{
	struct file *from = filp_open(trace, O_RDONLY, 0);
	ssize_t n = -ENOMEM;
	loff_t size, pos = 0;

	if (IS_ERR(from))
		return PTR_ERR(from);
	size = i_size_read(file_inode(from));
	if (size <= MAX_BYTES)
		packed = vmalloc(size + 1);
	if (packed)
		n = kernel_read(from, packed, size, &pos);
	filp_close(from, NULL);
	return n;
}

static int read_trace(void)
{
	ssize_t n = read_file();
	int err;

	if (n < 0) {
		pr_err("trace=%s: cannot be read (%zd)\n", trace, n);
		return n;
	}
	head = packed;
	events = packed + sizeof(*head);
	err = check_trace(n);
	if (err)
		return err;
	objs = kvcalloc(head->nids, sizeof(*objs), GFP_KERNEL);
	return objs ? 0 : -ENOMEM;
}

/* Runs on the CPU that the events are from. */
static int run_batch(void *data)
{
	const struct batch *batch = data;
	u64 begin = ktime_get_ns();
	int err = server->run(batch->events, batch->n, objs);

	spent += ktime_get_ns() - begin;
	return err;
}

static int run_on_cpu(u32 cpu, const u64 *from, u32 n)
{
	struct batch batch = { .events = from, .n = n };
	int err;

	cpu = cpumask_nth(cpu % num_online_cpus(), cpu_online_mask);
	err = smp_call_on_cpu(cpu, run_batch, &batch, false);
	if (!err)
		return 0;
	broken = true;
	pr_err("%s: %s, below event %td: %d\n", trace, side, from - events + n, err);
	return err;
}

/* How many events from @from on one CPU does without a pause. */
static u32 batch_size(u32 from, u32 to)
{
	u32 n = 1;

	while (from + n < to && n < BATCH &&
	       event_cpu(events[from + n]) == event_cpu(events[from]))
		n++;
	return n;
}

static int run_to(u32 to)
{
	int err = 0;

	while (done < to && !err) {
		u32 n = batch_size(done, to);

		err = run_on_cpu(event_cpu(events[done]), &events[done], n);
		done += n;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return err;
}

/* Free what the trace leaves, or what was left when it was given up. */
static int drain(void)
{
	int err = 0;
	u32 id;

	done = head->nevents;
	for (id = 0; id < head->nids; id++) {
		u64 event = id;

		if (objs[id].size)
			err = server->run(&event, 1, objs) ?: err;
		cond_resched();
	}
	if (!err && replay_pages) {
		pr_err("%s: %s: %lu pages too many\n", trace, side, replay_pages);
		err = -EUCLEAN;
	}
	return err;
}

static int replay_show(struct seq_file *m, void *unused)
{
	mutex_lock(&replay_lock);
	seq_printf(m, "replay %u %llu %lu\n", done, spent, replay_pages);
	mutex_unlock(&replay_lock);
	return 0;
}

static int replay_open(struct inode *inode, struct file *filp)
{
	return single_open(filp, replay_show, NULL);
}

static ssize_t replay_write(struct file *filp, const char __user *buf, size_t count, loff_t *ppos)
{
	char text[16];
	int err;
	u32 to;

	if (*ppos || !count || count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = '\0';

	mutex_lock(&replay_lock);
	if (broken)
		err = -EIO;
	else if (sysfs_streq(text, "drain"))
		err = drain();
	else if (kstrtou32(text, 10, &to) || to < done || to > head->nevents)
		err = -EINVAL;
	else
		err = run_to(to);
	mutex_unlock(&replay_lock);
	return err ?: count;
}

static const struct file_operations replay_fops = {
	.owner = THIS_MODULE,
	.open = replay_open,
	.read = seq_read,
	.write = replay_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init replay_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < replay_nsides && !server; i++)
		if (!strcmp(side, replay_sides[i].name))
			server = &replay_sides[i];
	if (!server) {
		pr_err("side=%s: must be goalloc, caches or kmalloc\n", side);
		return -EINVAL;
	}
	err = read_trace();
	if (!err)
		err = server->start();
	if (err) {
		kvfree(objs);
		vfree(packed);
		return err;
	}
	file = debugfs_create_file("goalloc_replay", 0600, NULL, NULL, &replay_fops);
	return 0;
}
module_init(replay_init);

static void __exit replay_exit(void)
{
	debugfs_remove(file);
	drain();
	server->stop();
	kvfree(objs);
	vfree(packed);
}
module_exit(replay_exit);

MODULE_DESCRIPTION("Recorded allocations, served by goalloc or by its peers");
MODULE_LICENSE("GPL");
