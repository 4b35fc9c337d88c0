// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the leak report of a heap.
 *
 * Owns nothing. A report is made when the file is opened, and is its reader's until that
 * is closed; it needs the heap, caches and objects no more. What it shows of objects is
 * where, how large and how old they are: not what is in them.
 */
#include <linux/jiffies.h>

#include "debug.h"
#include "debugfs.h"
#include "mleaks.h"

static void show_header(struct seq_file *m)
{
	seq_printf(m, "%-24s %10s %10s %12s %10s %7s %s\n", "class", "size", "kept",
		   "kept_bytes", "age_ms", "pid", "address");
}

static void show_leak(struct seq_file *m, const struct leak *leak)
{
	seq_printf(m, "%-24s %10lu", leak->span->name, leak->bytes);
	if (leak->head)
		seq_printf(m, " %10llu %12llu", leak->kept, leak->kept_bytes);
	else
		seq_printf(m, " %10s %12s", "-", "-");
	if (leak->recorded)
		seq_printf(m, " %10u %7d", leak->age_ms, leak->pid);
	else
		seq_printf(m, " %10s %7s", "-", "-");
	/* kptr_restrict decides by who reads. */
	seq_printf(m, " %pK\n", (void *)leak->addr);
	debug_show_stack(m, leak->stack);
}

static void show_total(struct seq_file *m, const struct leak_total *total)
{
	seq_printf(m, "# of %s: %llu objects, %llu bytes\n", total->span->name, total->objects,
		   total->bytes);
}

/* Where pointers were looked for, and what that is worth. */
static void show_sureness(struct seq_file *m, const struct goalloc_leaks *leaks)
{
	const struct leak_counts *c = &leaks->counts;
	bool used = c->allocs || c->frees || c->changed || c->young;

	seq_printf(m, "# %zu of %llu objects of heap %s cannot be reached, %llu bytes; %llu heads\n",
		   leaks->nleaks, c->objects, leaks->name, c->bytes, c->heads);
	seq_printf(m, "# looked at: %llu bytes of data of %llu modules; %llu modules unknown\n",
		   c->module_bytes, c->modules, c->modules_missed);
	seq_printf(m, "# looked at: %llu bytes of %llu registered ranges; %llu unreadable\n",
		   c->range_bytes, c->ranges, c->unreadable);
	seq_printf(m, "# looked at: %llu pointers of %llu iterators\n", c->found, c->iterators);
	seq_printf(m, "# looked at: %llu slots of other heaps\n", c->others);
	seq_puts(m, "# not looked at: stacks, registers, memory of the kernel's that is not registered\n");
	seq_printf(m, "# reached by words that point into them only: %llu objects\n", c->interior);
	seq_printf(m, "# in use, so not listed, nor what they point to: %llu written to, %llu new\n",
		   c->changed, c->young);
	seq_printf(m, "# sure: the heap was %s; %llu~ allocations and %llu~ frees meanwhile\n",
		   used ? "in use" : "quiet", c->allocs, c->frees);
}

/* Line 0 is the header; then leaks, totals, and the rest. */
static void show_line(struct seq_file *m, const struct goalloc_leaks *leaks, u64 i)
{
	if (!i)
		show_header(m);
	else if (i <= leaks->nleaks)
		show_leak(m, &leaks->leaks[i - 1]);
	else if (i <= leaks->nleaks + leaks->ntotals)
		show_total(m, &leaks->totals[i - 1 - leaks->nleaks]);
	else
		show_sureness(m, leaks);
}

static u64 lines(const struct goalloc_leaks *leaks)
{
	return leaks->nleaks + leaks->ntotals + 2;
}

/* All of a report. May sleep. */
void leaks_print(struct seq_file *m, const struct goalloc_leaks *leaks)
{
	u64 i;

	for (i = 0; i < lines(leaks); i++) {
		show_line(m, leaks, i);
		cond_resched();
	}
}
EXPORT_SYMBOL_FOR_TEST(leaks_print);

/**
 * goalloc_leaks_report() - look for objects of a heap that nothing points to
 * @heap: a heap that is not managed; the caller keeps it from being destroyed
 * @m: where the report is printed, as in debugfs; or NULL
 *
 * See Documentation/debugging.rst for what counts as reachable. The objects are not
 * touched. It takes at least 200 ms, and memory: some bits for each slot, and some 100 bytes
 * for each span, and for each object that cannot be reached.
 *
 * Context: may sleep; not in an iterator, nor with a lock held that one takes.
 * Return: how many there are; -EINVAL without @heap; -ENODEV if it is no heap, or being
 * destroyed; -EOPNOTSUPP if it is managed; -EBUSY if another report of it is being made;
 * -EAGAIN if it grows too fast; -ENOMEM; -EINTR if the task is being killed.
 */
long goalloc_leaks_report(struct goalloc_heap *heap, struct seq_file *m)
{
	struct goalloc_leaks *leaks = leaks_make(heap);
	long nleaks;

	if (IS_ERR(leaks))
		return PTR_ERR(leaks);
	if (m)
		leaks_print(m, leaks);
	nleaks = leaks->nleaks;
	leaks_free(leaks);
	return nleaks;
}
EXPORT_SYMBOL_GPL(goalloc_leaks_report);

/* The position is the line. */
static void *leaks_start(struct seq_file *m, loff_t *pos)
{
	return *pos < lines(m->private) ? pos : NULL;
}

static void *leaks_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return leaks_start(m, pos);
}

static void leaks_stop(struct seq_file *m, void *v)
{
}

static int leaks_show(struct seq_file *m, void *v)
{
	show_line(m, m->private, *(loff_t *)v);
	return 0;
}

static const struct seq_operations leaks_seq_ops = {
	.start = leaks_start,
	.next = leaks_next,
	.stop = leaks_stop,
	.show = leaks_show,
};

/* Whoever destroys the heap waits for this, which sees it; but not for who reads. */
static int heap_leaks_open(struct inode *inode, struct file *file)
{
	struct goalloc_leaks *leaks = leaks_make(inode->i_private);
	int err;

	if (IS_ERR(leaks))
		return PTR_ERR(leaks);
	err = seq_open(file, &leaks_seq_ops);
	if (err)
		leaks_free(leaks);
	else
		((struct seq_file *)file->private_data)->private = leaks;
	return err;
}

static int heap_leaks_release(struct inode *inode, struct file *file)
{
	leaks_free(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

const struct file_operations heap_leaks_fops = {
	.owner = THIS_MODULE,
	.open = heap_leaks_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = heap_leaks_release,
};
