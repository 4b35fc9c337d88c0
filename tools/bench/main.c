// SPDX-License-Identifier: GPL-2.0
/*
 * What operations cost, here and in the kernel's own allocators, by
 * ktime_get_ns(). In a VM that counts instructions (tools/vm/run -I) a
 * nanosecond is an instruction, and the result repeats on any machine;
 * elsewhere (native=1) these are times, and wander.
 *
 * Whoever reads debugfs goalloc_bench/rows has the chosen groups measured, and
 * gets a line for each operation and side: their names, what the figure is (min,
 * median; fails: no memory, no figure), the figure for one object, allocated and
 * freed, its unit, its deviation, and the rounds that count of those there were.
 * goalloc_bench/latency has such lines too, and the bins of its histograms.
 * The loops are counted in: "floor" is what they cost with empty functions.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define OUTPUT_BYTES SZ_256K

static char *group = "core";
module_param(group, charp, 0444);
MODULE_PARM_DESC(group, "What to measure: first, fresh, core, small, sizes, large, arenas, fragmented, native, latency, or some of them with commas between (default core)");

bool native;
module_param(native, bool, 0444);
MODULE_PARM_DESC(native, "Measure time: medians, and more of it (default 0: instructions)");

bool quick;
module_param(quick, bool, 0444);
MODULE_PARM_DESC(quick, "Fewer rounds (default 0)");

struct bench_place here;

static const char *const group_names[GROUP_NR] = {
	[GROUP_FIRST] = "first",
	[GROUP_FRESH] = "fresh",
	[GROUP_CORE] = "core",
	[GROUP_SMALL] = "small",
	[GROUP_SIZES] = "sizes",
	[GROUP_LARGE] = "large",
	[GROUP_ARENAS] = "arenas",
	[GROUP_FRAGMENTED] = "fragmented",
	[GROUP_NATIVE] = "native",
	[GROUP_LATENCY] = "latency",
};

static DEFINE_MUTEX(measuring);
static unsigned long groups; /* bits: enum bench_group */
static u16 order[BENCH_MAX_BATCH];
static struct dentry *dir;

/* The order in which a batch is freed. */
const u16 *bench_order(const struct bench_op *op)
{
	u32 random = 1;
	unsigned int i;

	for (i = 0; i < op->batch; i++)
		order[i] = op->order == ORDER_LIFO ? op->batch - 1 - i : i;
	for (i = op->batch; op->order == ORDER_RANDOM && i > 1; i--) {
		random = random * 1664525 + 1013904223;
		swap(order[i - 1], order[(random >> 8) % i]);
	}
	return order;
}

static int rows_show(struct seq_file *m, void *unused)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&measuring);
	for (i = 0; !err && i < bench_nops; i++)
		if (groups & BIT(bench_ops[i].group))
			err = measure_op(m, &bench_ops[i]);
	mutex_unlock(&measuring);
	return err;
}

/* Where the buffer is too small, seq_file shows again: it would measure again. */
static int rows_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, rows_show, NULL, OUTPUT_BYTES);
}

static int latency_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, latency_show, NULL, OUTPUT_BYTES);
}

static const struct file_operations rows_fops = {
	.owner = THIS_MODULE,
	.open = rows_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct file_operations latency_fops = {
	.owner = THIS_MODULE,
	.open = latency_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int parse_groups(void)
{
	char *names = kstrdup(group, GFP_KERNEL), *rest = names, *name;
	int i = -ENOMEM;

	while (rest) {
		name = strsep(&rest, ",");
		i = match_string(group_names, GROUP_NR, name);
		if (i < 0) {
			pr_err("group=%s: there is no group \"%s\"\n", group, name);
			break;
		}
		groups |= BIT(i);
	}
	kfree(names);
	return min(i, 0);
}

static void clean_up(void)
{
	debugfs_remove(dir);
	unprepare();
	cpus_exit();
	measure_exit();
	sides_exit();
	kvfree(here.objs);
}

static int __init bench_init(void)
{
	int err = parse_groups();

	if (err)
		return err;
	if (groups & BIT(GROUP_NATIVE) && num_online_cpus() < 2) {
		pr_err("group=%s: two CPUs are needed, there is one\n", group);
		return -EINVAL;
	}
	here.objs = kvcalloc(BENCH_MAX_OBJS, sizeof(*here.objs), GFP_KERNEL);
	err = here.objs ? sides_init() : -ENOMEM;
	if (!err)
		err = measure_init();
	if (!err)
		err = cpus_init();
	if (!err)
		err = prepare();
	if (err) {
		clean_up();
		return err;
	}
	dir = debugfs_create_dir("goalloc_bench", NULL);
	debugfs_create_file("rows", 0400, dir, NULL, &rows_fops);
	if (groups & BIT(GROUP_LATENCY))
		debugfs_create_file("latency", 0400, dir, NULL, &latency_fops);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	clean_up();
}
module_exit(bench_exit);

MODULE_DESCRIPTION("What goalloc's operations cost, and those of others");
MODULE_LICENSE("GPL");
