/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc's leak report: which objects of a heap does nothing point to?
 *
 * Objects are looked for from the data of modules, from the objects of other heaps, from
 * ranges of memory that were registered (goalloc_gc_root_add() with GOALLOC_GC_ROOT_LEAKS,
 * for any heap), and from what iterators report. The kernel-doc stands with the definitions;
 * Documentation/debugging.rst explains.
 */
#ifndef _LINUX_GOALLOC_LEAKS_H
#define _LINUX_GOALLOC_LEAKS_H

#include <linux/goalloc_gc.h>

struct goalloc_leaks;
struct seq_file;

/**
 * typedef goalloc_leaks_fn - report pointers that a leak report cannot find by itself
 * @leaks: the report, for goalloc_leaks_found()
 * @data: what goalloc_leaks_iterator_add() was called with
 *
 * Called twice in each report. It may sleep, and take locks, but for those under which a
 * range or an iterator is added or removed, or a heap destroyed; and it does none of that.
 */
typedef void (*goalloc_leaks_fn)(struct goalloc_leaks *leaks, void *data);

int __goalloc_leaks_iterator_add(struct goalloc_heap *heap, goalloc_leaks_fn fn, void *data,
				 struct module *owner);
int goalloc_leaks_iterator_remove(struct goalloc_heap *heap, goalloc_leaks_fn fn, void *data);

/**
 * goalloc_leaks_iterator_add() - tell leak reports of pointers that they cannot find
 * @heap: the heap; the iterator goes with it
 * @fn: called by each report, of whichever heap
 * @data: passed on
 *
 * For what is not plain pointers in registered memory: the buckets of an rhashtable, the
 * nodes of an xarray, pointers with tags. When the calling module goes and did not
 * remove it, it goes, too, with a message.
 *
 * Context: may sleep; not in an iterator.
 * Return: 0, -EINVAL without @heap or @fn, -EEXIST if it is registered, -ENOMEM.
 */
#define goalloc_leaks_iterator_add(heap, fn, data)                             \
	__goalloc_leaks_iterator_add(heap, fn, data, THIS_MODULE)

void goalloc_leaks_found(struct goalloc_leaks *leaks, const void *ptr);
long goalloc_leaks_report(struct goalloc_heap *heap, struct seq_file *m);

#endif /* _LINUX_GOALLOC_LEAKS_H */
