// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the file of a heap that shows and switches the debugging of its objects.
 */

#include "debug.h"
#include "debugfs.h"

static int heap_debug_show(struct seq_file *m, void *unused)
{
	struct goalloc_heap *heap = m->private;
	struct goalloc_cache *cache;
	char text[8];

	seq_puts(m, "# Z red zones, P poisoning, U stacks, Q quarantine; of new objects\n");
	seq_printf(m, "%-24s %s\n", "heap", debug_letters(READ_ONCE(heap->debug), text));
	mutex_lock(&heaps_lock);
	list_for_each_entry(cache, &heap->caches, node)
		seq_printf(m, "%-24s %s\n", cache->name,
			   debug_letters(cache->debug | heap->debug, text));
	mutex_unlock(&heaps_lock);
	seq_printf(m, "# %u objects in quarantine\n", quarantine_held(heap));
	return 0;
}

static int heap_debug_open(struct inode *inode, struct file *file)
{
	if (!control_allowed(file))
		return -EPERM;
	return single_open(file, heap_debug_show, inode->i_private);
}

/* "LETTERS", "LETTERS CACHE" or "check". */
static int heap_debug_act(struct goalloc_heap *heap, char *text)
{
	char *name = text, *first = strsep(&name, " ");
	unsigned int flags;

	if (!strcmp(first, "check") && !name)
		return debug_check(heap) ? -EUCLEAN : 0;
	if (debug_parse(first, &flags))
		return -EINVAL;
	return name ? debug_set_named(heap, strim(name), flags) :
		      goalloc_heap_set_debug(heap, flags);
}

static ssize_t heap_debug_write(struct file *file, const char __user *buf, size_t count,
				loff_t *ppos)
{
	struct goalloc_heap *heap = file_inode(file)->i_private;
	char text[GOALLOC_NAME_MAX + 16];
	int err = control_text(buf, count, *ppos, text, sizeof(text)) ?: heap_debug_act(heap, text);

	return err ?: count;
}

const struct file_operations heap_debug_fops = {
	.owner = THIS_MODULE,
	.open = heap_debug_open,
	.read = seq_read,
	.write = heap_debug_write,
	.llseek = seq_lseek,
	.release = single_release,
};
