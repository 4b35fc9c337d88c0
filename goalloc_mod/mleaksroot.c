// SPDX-License-Identifier: GPL-2.0
/*
 * Leak reports: where pointers to objects are looked for outside of heaps. Registered
 * ranges and iterators, the data of modules, and what lies in reserves.
 *
 * leaks_lock, a mutex, guards the lists of ranges, iterators and modules; it is taken with
 * no other lock of goalloc's held. It is held while any of them is looked at or called, so
 * that it stays. Those of all heaps are, in each report: who knows what points where.
 *
 * Of modules all are looked at that were loaded after goalloc, for nobody else can call it:
 * their variables, the per-CPU ones included. More is in there than pointers to objects,
 * which at worst hides a leak.
 *
 * Not instrumented by KASAN, as what it calls: there are red zones between variables.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "mgc.h"
#include "mleaks.h"

static DEFINE_MUTEX(leaks_lock);
static LIST_HEAD(ranges);
static LIST_HEAD(iterators);
static LIST_HEAD(modules);
static unsigned int modules_missed; /* since there was no memory for that */

/* Words that may point to objects. */
struct leak_range {
	struct list_head node;
	struct goalloc_heap *heap;
	const void *base;
	size_t bytes;
	struct module *owner;
};

struct leak_iterator {
	struct list_head node;
	struct goalloc_heap *heap;
	goalloc_leaks_fn fn;
	void *data;
	struct module *owner;
};

struct leak_module {
	struct list_head node;
	struct module *mod;
};

/* leaks_lock is held. */
static struct leak_range *find_range(const struct goalloc_heap *heap, const void *base)
{
	struct leak_range *range;

	list_for_each_entry(range, &ranges, node)
		if (range->heap == heap && range->base == base)
			return range;
	return NULL;
}

/**
 * leaks_range_add() - words that may point to objects, for leak reports
 * @heap: with which they go
 * @base: the first; aligned
 * @nwords: how many, in bounds
 * @owner: with which they go, too
 *
 * Context: may sleep.
 * Return: 0, -EEXIST, -ENOMEM.
 */
int leaks_range_add(struct goalloc_heap *heap, void *base, size_t nwords, struct module *owner)
{
	struct leak_range *range = kmalloc(sizeof(*range), GFP_KERNEL);
	int err;

	if (!range)
		return -ENOMEM;
	range->heap = heap;
	range->base = base;
	range->bytes = nwords * sizeof(void *);
	range->owner = owner;
	mutex_lock(&leaks_lock);
	err = find_range(heap, base) ? -EEXIST : 0;
	if (!err)
		list_add_tail(&range->node, &ranges);
	mutex_unlock(&leaks_lock);
	if (err)
		kfree(range);
	return err;
}

/* Whether there was such a range; nobody looks at it any more. May sleep. */
bool leaks_range_remove(struct goalloc_heap *heap, void *base)
{
	struct leak_range *range;
	bool found;

	mutex_lock(&leaks_lock);
	range = find_range(heap, base);
	found = range;
	if (found)
		list_del(&range->node);
	mutex_unlock(&leaks_lock);
	kfree(range);
	return found;
}

/* Whether there is such a range. May sleep. */
bool leaks_range_exists(struct goalloc_heap *heap, const void *base)
{
	bool found;

	mutex_lock(&leaks_lock);
	found = find_range(heap, base);
	mutex_unlock(&leaks_lock);
	return found;
}

/* How many a heap has. May sleep. */
u64 leaks_ranges(struct goalloc_heap *heap)
{
	struct leak_range *range;
	u64 n = 0;

	mutex_lock(&leaks_lock);
	list_for_each_entry(range, &ranges, node)
		n += range->heap == heap;
	mutex_unlock(&leaks_lock);
	return n;
}

/* leaks_lock is held. */
static struct leak_iterator *find_iterator(const struct goalloc_heap *heap, goalloc_leaks_fn fn,
					   const void *data)
{
	struct leak_iterator *it;

	list_for_each_entry(it, &iterators, node)
		if (it->heap == heap && it->fn == fn && it->data == data)
			return it;
	return NULL;
}

int __goalloc_leaks_iterator_add(struct goalloc_heap *heap, goalloc_leaks_fn fn, void *data,
				 struct module *owner)
{
	struct leak_iterator *it;
	int err;

	if (!heap || !fn) {
		pr_err("heap %s: a leak iterator needs a heap and a function\n",
		       heap ? heap->name : "(null)");
		return -EINVAL;
	}
	it = kmalloc(sizeof(*it), GFP_KERNEL);
	if (!it)
		return -ENOMEM;
	it->heap = heap;
	it->fn = fn;
	it->data = data;
	it->owner = owner;
	mutex_lock(&leaks_lock);
	err = find_iterator(heap, fn, data) ? -EEXIST : 0;
	if (!err)
		list_add_tail(&it->node, &iterators);
	mutex_unlock(&leaks_lock);
	if (err) {
		pr_err("heap %s: leak iterator %ps is registered already\n", heap->name, fn);
		kfree(it);
	}
	return err;
}
EXPORT_SYMBOL_GPL(__goalloc_leaks_iterator_add);

/**
 * goalloc_leaks_iterator_remove() - leak reports do not call an iterator any more
 * @heap: the heap
 * @fn: what goalloc_leaks_iterator_add() was called with
 * @data: likewise
 *
 * On return it does not run, and is not called again.
 *
 * Context: may sleep; not in an iterator, nor with a lock held that one takes.
 * Return: 0, or -ENOENT if there is no such iterator.
 */
int goalloc_leaks_iterator_remove(struct goalloc_heap *heap, goalloc_leaks_fn fn, void *data)
{
	struct leak_iterator *it;

	mutex_lock(&leaks_lock);
	it = find_iterator(heap, fn, data);
	if (it)
		list_del(&it->node);
	mutex_unlock(&leaks_lock);
	if (!it) {
		pr_err("there is no leak iterator %ps of heap %p\n", fn, heap);
		return -ENOENT;
	}
	kfree(it);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_leaks_iterator_remove);

/*
 * Whether there is memory. A fault in vmalloc space ends nowhere in User-Mode Linux, where
 * its page tables are brought up to date again and again.
 */
static bool readable(const void *at)
{
	unsigned long word;

	if (is_vmalloc_addr(at))
		return vmalloc_to_page(at);
	return !copy_from_kernel_nofault(&word, at, sizeof(word));
}

/* Page by page: nobody else has looked whether it is there. */
static void scan_range(struct goalloc_leaks *leaks, const struct leak_range *range)
{
	unsigned long at = (unsigned long)range->base, end = at + range->bytes;

	leaks->counts.ranges++;
	leaks->counts.range_bytes += range->bytes;
	while (at < end && !leaks->err) {
		unsigned long stop = min(end - 1, at | ~PAGE_MASK) + 1;

		if (readable((const void *)at))
			leaks_scan(leaks, at, stop - at);
		else
			leaks->counts.unreadable += stop - at;
		at = stop;
	}
}

static void scan_module(struct goalloc_leaks *leaks, struct module *mod)
{
	unsigned long addr, bytes;
	unsigned int i;
	int cpu;

	leaks->counts.modules++;
	for (i = 0; goalloc_module_data(mod, i, &addr, &bytes); i++) {
		leaks->counts.module_bytes += bytes;
		leaks_scan(leaks, addr, bytes);
	}
	for_each_possible_cpu(cpu) {
		goalloc_module_percpu(mod, cpu, &addr, &bytes);
		leaks->counts.module_bytes += bytes;
		leaks_scan(leaks, addr, bytes);
	}
}

/* What is set aside is nobody's, and not lost. */
static void scan_reserves(struct goalloc_leaks *leaks)
{
	unsigned long objs[64];
	unsigned int at = 0;
	u64 id = 0;

	while (!leaks->err && reserve_copy(&id, &at, objs, ARRAY_SIZE(objs))) {
		leaks_scan(leaks, (unsigned long)objs, sizeof(objs));
		leaks_breathe(leaks, sizeof(objs));
	}
}

/**
 * leaks_scan_roots() - visit what points to objects from outside of heaps
 * @leaks: the report
 *
 * Context: may sleep.
 */
void leaks_scan_roots(struct goalloc_leaks *leaks)
{
	struct leak_iterator *it;
	struct leak_range *range;
	struct leak_module *module;

	mutex_lock(&leaks_lock);
	leaks->counts.modules_missed = modules_missed;
	list_for_each_entry(module, &modules, node)
		scan_module(leaks, module->mod);
	list_for_each_entry(range, &ranges, node)
		scan_range(leaks, range);
	list_for_each_entry(it, &iterators, node) {
		if (leaks->err)
			break;
		leaks->counts.iterators++;
		it->fn(leaks, it->data);
	}
	mutex_unlock(&leaks_lock);
	scan_reserves(leaks);
}

/* A module is loaded: its data is looked at. May sleep. */
void leaks_add_module(struct module *mod)
{
	struct leak_module *module = kmalloc(sizeof(*module), GFP_KERNEL);

	mutex_lock(&leaks_lock);
	if (module) {
		module->mod = mod;
		list_add_tail(&module->node, &modules);
	} else {
		modules_missed++;
	}
	mutex_unlock(&leaks_lock);
}
EXPORT_SYMBOL_FOR_TEST(leaks_add_module);

/* With a heap, or else with a module: what was registered with it, is its, or lies in it. */
static bool goes(const struct goalloc_heap *heap, const struct module *mod,
		 const struct goalloc_heap *with, const struct module *owner, const void *addr)
{
	if (heap)
		return with == heap;
	return owner == mod || within_module((unsigned long)addr, mod);
}

/* Of ranges and iterators; leaks_lock is held. Returns how many went. */
static unsigned int forget(const struct goalloc_heap *heap, const struct module *mod)
{
	struct leak_iterator *it, *next_it;
	struct leak_range *range, *next_range;
	unsigned int n = 0;

	list_for_each_entry_safe(range, next_range, &ranges, node) {
		if (!goes(heap, mod, range->heap, range->owner, range->base))
			continue;
		list_del(&range->node);
		kfree(range);
		n++;
	}
	list_for_each_entry_safe(it, next_it, &iterators, node) {
		if (!goes(heap, mod, it->heap, it->owner, it->fn))
			continue;
		list_del(&it->node);
		kfree(it);
		n++;
	}
	return n;
}

/* What is a module's, or in it, goes with it. May sleep. */
void leaks_forget_module(struct module *mod)
{
	struct leak_module *module, *next;
	unsigned int n;

	mutex_lock(&leaks_lock);
	n = forget(NULL, mod);
	list_for_each_entry_safe(module, next, &modules, node) {
		if (module->mod != mod)
			continue;
		list_del(&module->node);
		kfree(module);
	}
	mutex_unlock(&leaks_lock);
	if (n)
		pr_err("module %s goes without removing %u ranges or iterators for leak reports\n",
		       module_name(mod), n);
}
EXPORT_SYMBOL_FOR_TEST(leaks_forget_module);

/* A heap goes, and what was registered with it. May sleep. */
void leaks_forget_heap(struct goalloc_heap *heap)
{
	mutex_lock(&leaks_lock);
	forget(heap, NULL);
	mutex_unlock(&leaks_lock);
}

/* Nobody calls us any more; other modules may be there all the same. */
void leaks_exit(void)
{
	struct leak_module *module, *next;

	list_for_each_entry_safe(module, next, &modules, node)
		kfree(module);
}
