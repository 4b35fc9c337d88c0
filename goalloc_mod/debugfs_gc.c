// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the file of a managed heap that shows what its collector does, and steers it.
 *
 * Owns nothing. What it shows are the collector's own counters, each read for itself.
 */
#include <linux/kstrtox.h>

#include "debugfs.h"
#include "mgc.h"

/* What is set to no limit, or cannot be reached. */
static void show_bytes(struct seq_file *m, const char *name, unsigned long bytes)
{
	if (bytes < ULONG_MAX / 2)
		show_value(m, name, bytes);
	else
		seq_printf(m, "%s:%*s\n", name, 48 - (int)strlen(name), "max");
}

static void show_cycles(struct seq_file *m, struct gc_heap *gc)
{
	static const char *const phases[] = { "off", "mark", "drain" };
	unsigned long word = gc_word(gc->heap);
	struct goalloc_gc_stats stats;

	goalloc_gc_stats(gc->heap, &stats);
	seq_printf(m, "Phase:%43s\n", phases[gc_phase(word)]);
	show_value(m, "Generation", gc_generation(word));
	show_value(m, "NumGC", stats.num_gc);
	show_value(m, "NumForcedGC", stats.num_forced);
	show_bytes(m, "NextGC", stats.next_gc);
	show_value(m, "LastGC", stats.last_gc);
	/* Of several CPUs' additions one may be seen ahead of another. */
	show_approx(m, "HeapLive", max_t(s64, stats.heap_live, 0));
	show_value(m, "HeapMarked", stats.heap_marked);
	show_value(m, "CycleTotalNs", stats.cycle_ns);
	show_value(m, "MarkCPUNs", stats.mark_ns);
	show_value(m, "AssistTotalNs", stats.assist_ns);
	show_value(m, "SweepTotalNs", stats.sweep_ns);
	show_value(m, "LongestWaitNs", stats.max_section_ns);
	show_value(m, "ObjectsMarked", stats.objects_marked);
	show_value(m, "ObjectsSwept", stats.objects_swept);
	show_value(m, "SpansFreed", stats.spans_freed);
	show_value(m, "Finalized", stats.finalized);
	show_value(m, "CheckmarkMissed", stats.missed);
}

int heap_gc_show(struct seq_file *m, void *unused)
{
	struct goalloc_heap *heap = m->private;
	struct gc_heap *gc = heap->gc;
	int percent = READ_ONCE(gc->percent);
	u64 roots, handles;

	gc_count_roots(gc, &roots, &handles);
	seq_puts(m, "# Name: value; values marked ~ are approximate\n");
	show_cycles(m, gc);
	show_value(m, "Roots", roots);
	show_value(m, "Handles", handles);
	show_value(m, "WeakReferences", READ_ONCE(gc->nspecials[GC_WEAK]));
	show_value(m, "Finalizers", READ_ONCE(gc->nspecials[GC_FINALIZER]));
	show_value(m, "FinalizersDue", READ_ONCE(gc->nto_finalize));
	if (percent < 0)
		seq_printf(m, "GCPercent:%39s\n", "off");
	else
		show_value(m, "GCPercent", percent);
	show_bytes(m, "GCMemoryLimit", READ_ONCE(gc->limit));
	show_value(m, "Trace", READ_ONCE(gc->trace));
	show_value(m, "Checkmark", READ_ONCE(gc->checkmark));
	return 0;
}
EXPORT_SYMBOL_FOR_TEST(heap_gc_show);

static int heap_gc_open(struct inode *inode, struct file *file)
{
	if (!control_allowed(file))
		return -EPERM;
	return single_open(file, heap_gc_show, inode->i_private);
}

static int set_percent(struct goalloc_heap *heap, const char *text)
{
	int percent, err;

	if (!strcmp(text, "off"))
		return goalloc_gc_set_percent(heap, -1);
	err = kstrtoint(text, 0, &percent);
	return err ?: goalloc_gc_set_percent(heap, percent);
}

static int set_limit(struct goalloc_heap *heap, char *text)
{
	unsigned long bytes;
	int err = parse_limit(text, &bytes);

	return err ?: goalloc_gc_set_limit(heap, bytes);
}

/* 0 or 1, and no other word for it. */
static int set_flag(bool *flag, const char *text)
{
	if (strcmp(text, "0") && strcmp(text, "1"))
		return -EINVAL;
	WRITE_ONCE(*flag, text[0] == '1');
	return 0;
}

/* What is written to the file: a word, or a word and a value. May sleep. */
int heap_gc_act(struct goalloc_heap *heap, char *text)
{
	char *value = text, *what = strsep(&value, " ");

	if (!value)
		return strcmp(what, "collect") ? -EINVAL : goalloc_gc_collect(heap);
	value = strim(value);
	if (!strcmp(what, "percent"))
		return set_percent(heap, value);
	if (!strcmp(what, "limit"))
		return set_limit(heap, value);
	if (!strcmp(what, "trace"))
		return set_flag(&heap->gc->trace, value);
	if (!strcmp(what, "checkmark"))
		return set_flag(&heap->gc->checkmark, value);
	return -EINVAL;
}
EXPORT_SYMBOL_FOR_TEST(heap_gc_act);

static ssize_t heap_gc_write(struct file *file, const char __user *buf, size_t count,
			     loff_t *ppos)
{
	struct goalloc_heap *heap = file_inode(file)->i_private;
	char text[48];
	int err = control_text(buf, count, *ppos, text, sizeof(text)) ?: heap_gc_act(heap, text);

	return err ?: count;
}

const struct file_operations heap_gc_fops = {
	.owner = THIS_MODULE,
	.open = heap_gc_open,
	.read = seq_read,
	.write = heap_gc_write,
	.llseek = seq_lseek,
	.release = single_release,
};
