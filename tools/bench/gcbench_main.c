// SPDX-License-Identifier: GPL-2.0
/*
 * What a managed heap costs, in time, or in instructions where a nanosecond is one
 * (tools/vm/run -I).
 *
 * The module parameter "what" says which of the measurements whoever reads debugfs
 * goalloc_gcbench has made. Each has a managed heap of its own, which must be empty
 * in the end: the row "left" has the objects that are not reclaimed. A row has what was
 * measured, of whom, the figure and its unit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "../../goalloc_mod/goalloc_internal.h"
#include "gcbench.h"

#define OUTPUT_BYTES SZ_64K

static char *what = "trees";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "What to measure: trees, mark, delay or costs (default trees)");

unsigned int gcbench_depth = 16;
module_param_named(depth, gcbench_depth, uint, 0444);
MODULE_PARM_DESC(depth, "Depth of the deepest trees but one: 6 to 20 (default 16)");

unsigned int gcbench_section = 8;
module_param_named(section, gcbench_section, uint, 0444);
MODULE_PARM_DESC(section, "Depth of trees that are made in one section: 1 to 21 (default 8)");

bool gcbench_quick;
module_param_named(quick, gcbench_quick, bool, 0444);
MODULE_PARM_DESC(quick, "Less of it (default 0)");

bool gcbench_native;
module_param_named(native, gcbench_native, bool, 0444);
MODULE_PARM_DESC(native, "Measure time: medians (default 0: instructions)");

static const struct measurement {
	const char *name;
	int (*fn)(struct seq_file *m);
} measurements[] = {
	{ "trees", gcbench_trees },
	{ "mark", gcbench_mark },
	{ "delay", gcbench_delay },
	{ "costs", gcbench_costs },
};

GOALLOC_GC_LAYOUT(node_layout, struct gcbench_node, left, right);

static DEFINE_MUTEX(measuring); /* guards the next two */
struct goalloc_heap *gcbench_heap;
struct goalloc_gc_type *gcbench_type;

static const struct measurement *chosen;
static struct dentry *file;

/**
 * gcbench_row() - print what was measured
 * @m: where to
 * @op: what
 * @side: of whom
 * @hundredths: the figure
 * @unit: of which
 */
void gcbench_row(struct seq_file *m, const char *op, const char *side, u64 hundredths,
		 const char *unit)
{
	seq_printf(m, "%s\t%s\t%llu.%02llu\t%s\n", op, side, hundredths / 100, hundredths % 100,
		   unit);
}

/* Bytes of pages that hold objects of the heap, or did of any until a grace period ago. */
u64 gcbench_held(void)
{
	u64 pages = atomic_long_read(&gcbench_heap->pages);

	/* Others may be changing that. */
	return (pages + data_race(READ_ONCE(mheap.pages_parked))) << GOALLOC_PAGE_SHIFT;
}

/* Whatever is unreachable now is gone when this returns. */
int gcbench_collect(void)
{
	return goalloc_gc_collect(gcbench_heap);
}

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 gcbench_median(u64 *values, unsigned int n)
{
	sort(values, n, sizeof(*values), compare_u64, NULL);
	return values[n / 2];
}

static int measure(struct seq_file *m)
{
	struct goalloc_heap_stats stats;
	struct goalloc_gc_stats gc;
	int err;

	gcbench_heap = goalloc_heap_create("gcbench", GOALLOC_HEAP_GC);
	if (IS_ERR(gcbench_heap))
		return PTR_ERR(gcbench_heap);
	gcbench_type = goalloc_gc_type_create(gcbench_heap, &node_layout);
	err = PTR_ERR_OR_ZERO(gcbench_type);
	if (!err)
		err = chosen->fn(m);
	goalloc_gc_stats(gcbench_heap, &gc);
	if (!err)
		err = gcbench_collect();
	goalloc_heap_stats(gcbench_heap, &stats);
	goalloc_heap_destroy(gcbench_heap);
	if (err)
		return err;
	gcbench_row(m, "cycles", chosen->name, gc.num_gc * 100, "cycles");
	gcbench_row(m, "in-cycles", chosen->name, gc.cycle_ns * 100, "ns");
	gcbench_row(m, "marking", chosen->name, gc.mark_ns * 100, "ns");
	gcbench_row(m, "assists", chosen->name, gc.assist_ns * 100, "ns");
	gcbench_row(m, "sweeping", chosen->name, gc.sweep_ns * 100, "ns");
	gcbench_row(m, "marked", chosen->name, gc.objects_marked * 100, "objects");
	gcbench_row(m, "longest-wait", chosen->name, gc.max_section_ns * 100, "ns");
	gcbench_row(m, "left", chosen->name, stats.live_objects * 100, "objects");
	return 0;
}

static int rows_show(struct seq_file *m, void *unused)
{
	int err;

	mutex_lock(&measuring);
	err = measure(m);
	mutex_unlock(&measuring);
	return err;
}

/* Where the buffer is too small, seq_file shows again: it would measure again. */
static int rows_open(struct inode *inode, struct file *filp)
{
	return single_open_size(filp, rows_show, NULL, OUTPUT_BYTES);
}

static const struct file_operations rows_fops = {
	.owner = THIS_MODULE,
	.open = rows_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int check_parameters(void)
{
	unsigned int i;

	if (gcbench_depth < 6 || gcbench_depth > 20) {
		pr_err("depth=%u: must be 6 to 20\n", gcbench_depth);
		return -EINVAL;
	}
	if (!gcbench_section || gcbench_section > 21) {
		pr_err("section=%u: must be 1 to 21\n", gcbench_section);
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(measurements); i++) {
		if (!strcmp(what, measurements[i].name)) {
			chosen = &measurements[i];
			return 0;
		}
	}
	pr_err("what=%s: there is no such measurement\n", what);
	return -EINVAL;
}

static int __init gcbench_init(void)
{
	int err = check_parameters();

	if (err)
		return err;
	file = debugfs_create_file("goalloc_gcbench", 0400, NULL, NULL, &rows_fops);
	return 0;
}
module_init(gcbench_init);

static void __exit gcbench_exit(void)
{
	debugfs_remove(file);
}
module_exit(gcbench_exit);

GOALLOC_IMPORT_FOR_TEST();
MODULE_DESCRIPTION("What goalloc's managed heaps cost");
MODULE_LICENSE("GPL");
