// SPDX-License-Identifier: GPL-2.0
/*
 * Roots of managed heaps: registered ranges, and counted handles.
 *
 * Both are scanned after the first grace period, while the heap marks, and written to
 * meanwhile: what a root points to is shaded when it comes, and when it goes, so that
 * the scanner need not see it.
 *
 * A range is memory of its owner, who takes it away: roots_lock, a mutex, is held while
 * one is scanned, and to remove it. Handles are in an xarray, which is walked under RCU.
 * Ranges for leak reports alone are mleaksroot.c's, of heaps of both kinds.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "mgc.h"
#include "mleaks.h"

/* While the heap marks: what these words point to is reachable, or was. In a section. */
static void shade_words(struct gc_heap *gc, void **words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned long addr = (unsigned long)READ_ONCE(words[i]);

		preempt_disable();
		if (addr && gc_phase(gc_word(gc->heap)) == GC_MARK)
			gc_shade(gc, addr);
		preempt_enable();
	}
}

static void shade_root(struct gc_heap *gc, const struct gc_root *root)
{
	int section = goalloc_gc_lock(gc->heap);

	shade_words(gc, root->base, root->nwords);
	goalloc_gc_unlock(gc->heap, section);
}

static struct gc_root *find_root(struct gc_heap *gc, void **base)
{
	struct gc_root *root;

	list_for_each_entry(root, &gc->roots, node)
		if (root->base == base)
			return root;
	return NULL;
}

static bool root_exists(struct gc_heap *gc, void **base)
{
	bool found;

	mutex_lock(&gc->roots_lock);
	found = find_root(gc, base);
	mutex_unlock(&gc->roots_lock);
	return found;
}

/* A range that the collector looks at. */
static int add_root(struct gc_heap *gc, void *base, size_t nwords, struct module *owner)
{
	struct gc_root *root;
	int err;

	if (leaks_range_exists(gc->heap, base))
		return -EEXIST;
	root = kmalloc(sizeof(*root), GFP_KERNEL);
	if (!root)
		return -ENOMEM;
	root->base = base;
	root->nwords = nwords;
	root->owner = owner;

	mutex_lock(&gc->roots_lock);
	err = find_root(gc, base) ? -EEXIST : 0;
	if (!err)
		list_add_tail(&root->node, &gc->roots);
	mutex_unlock(&gc->roots_lock);
	if (err) {
		kfree(root);
		return err;
	}
	/* The scanner may have been by. The section is one that it waits for. */
	shade_root(gc, root);
	return 0;
}

int __goalloc_gc_root_add(struct goalloc_heap *heap, void *base, size_t nwords,
			  enum goalloc_gc_root_kind kind, struct module *owner)
{
	struct gc_heap *gc = heap->gc;
	unsigned long bytes, end;
	int err = -EINVAL;

	if ((!gc && kind != GOALLOC_GC_ROOT_LEAKS) || kind > GOALLOC_GC_ROOT_LEAKS)
		goto bad;
	if (!base || !nwords || !IS_ALIGNED((unsigned long)base, sizeof(void *)) ||
	    check_mul_overflow(nwords, sizeof(void *), &bytes) ||
	    check_add_overflow((unsigned long)base, bytes, &end))
		goto bad;
	if (kind != GOALLOC_GC_ROOT_LEAKS)
		err = add_root(gc, base, nwords, owner);
	else if (gc && root_exists(gc, base))
		err = -EEXIST;
	else
		err = leaks_range_add(heap, base, nwords, owner);
	if (!err)
		return 0;
bad:
	pr_err("heap %s: root %p of %zu words cannot be added (%d)\n", heap->name, base, nwords,
	       err);
	return err;
}
EXPORT_SYMBOL_GPL(__goalloc_gc_root_add);

/* Whether there was such a root. */
static bool remove_root(struct gc_heap *gc, void **base)
{
	struct gc_root *root;

	mutex_lock(&gc->roots_lock);
	root = find_root(gc, base);
	if (root) {
		/*
		 * Sections may have loaded from it: what they hold was reachable at the
		 * snapshot. While it is a root nothing is marked too late: gc-remove-late.
		 */
		shade_root(gc, root);
		list_del(&root->node);
	}
	mutex_unlock(&gc->roots_lock);
	if (!root)
		return false;
	kfree(root);
	return true;
}

/**
 * goalloc_gc_root_remove() - what a range points to need not be reachable any more
 * @heap: the heap
 * @base: what goalloc_gc_root_add() was called with
 *
 * On return neither the collector nor a leak report looks at the range, which may go.
 *
 * Context: may sleep; not in a section, nor in an iterator of leak reports.
 * Return: 0, or -ENOENT if there is no such root.
 */
int goalloc_gc_root_remove(struct goalloc_heap *heap, void *base)
{
	if ((heap->gc && remove_root(heap->gc, base)) || leaks_range_remove(heap, base))
		return 0;
	pr_err("heap %s: there is no root %p\n", heap->name, base);
	return -ENOENT;
}
EXPORT_SYMBOL_GPL(goalloc_gc_root_remove);

/* Roots that are a module's, or in it, go with it; heaps_lock is held. */
void gc_forget_roots(struct gc_heap *gc, struct module *mod)
{
	struct gc_root *root, *next;
	unsigned int n = 0;

	mutex_lock(&gc->roots_lock);
	list_for_each_entry_safe(root, next, &gc->roots, node) {
		if (root->owner != mod && !within_module((unsigned long)root->base, mod))
			continue;
		list_del(&root->node);
		kfree(root);
		n++;
	}
	mutex_unlock(&gc->roots_lock);
	if (n)
		pr_err("heap %s: module %s goes without removing %u roots; they go with it\n",
		       gc->heap->name, module_name(mod), n);
}
EXPORT_SYMBOL_FOR_TEST(gc_forget_roots);

/**
 * goalloc_gc_handle_create() - make a root of an object
 * @heap: its heap
 * @obj: the object
 * @gfp: for the handle
 *
 * Its last reference goes before the heap does.
 *
 * Context: in a section; as @gfp says, but not hardirq or NMI, nor with preemption off on
 * PREEMPT_RT.
 * Return: the handle, with one reference, or NULL, also if the heap is not managed.
 */
struct goalloc_gc_handle *goalloc_gc_handle_create(struct goalloc_heap *heap, void *obj,
						   gfp_t gfp)
{
	struct gc_heap *gc = gc_heap_of(heap);
	struct goalloc_gc_handle *handle;

	if (!gc)
		return NULL;
	handle = kmalloc(sizeof(*handle), gfp);
	if (!handle)
		return NULL;
	handle->heap = heap;
	handle->obj = obj;
	refcount_set(&handle->refs, 1);
	if (xa_alloc_bh(&gc->handles, &handle->id, handle, xa_limit_32b, gfp)) {
		kfree(handle);
		return NULL;
	}
	shade_words(gc, &handle->obj, 1);
	return handle;
}
EXPORT_SYMBOL_GPL(goalloc_gc_handle_create);

/**
 * goalloc_gc_handle_get() - one more reference
 * @handle: of which the caller has one
 *
 * Context: any.
 * Return: @handle.
 */
struct goalloc_gc_handle *goalloc_gc_handle_get(struct goalloc_gc_handle *handle)
{
	refcount_inc(&handle->refs);
	return handle;
}
EXPORT_SYMBOL_GPL(goalloc_gc_handle_get);

/**
 * goalloc_gc_handle_put() - one reference less; without any the object is no root
 * @handle: the handle, or NULL
 *
 * Context: any but hardirq or NMI, nor with preemption off on PREEMPT_RT.
 */
void goalloc_gc_handle_put(struct goalloc_gc_handle *handle)
{
	struct goalloc_heap *heap;
	int section;

	if (!handle || !refcount_dec_and_test(&handle->refs))
		return;
	heap = handle->heap;
	section = goalloc_gc_lock(heap);
	xa_erase_bh(&heap->gc->handles, handle->id);
	shade_words(heap->gc, &handle->obj, 1);
	goalloc_gc_unlock(heap, section);
	kfree_rcu(handle, rcu);
}
EXPORT_SYMBOL_GPL(goalloc_gc_handle_put);

/**
 * goalloc_gc_handle_object() - the object of a handle
 * @handle: the handle
 *
 * Context: any but NMI; in a section.
 * Return: the object.
 */
void *goalloc_gc_handle_object(const struct goalloc_gc_handle *handle)
{
	/* It does not change; the phase is read after this, as goalloc_gc_load() has it. */
	return smp_load_acquire(&handle->obj);
}
EXPORT_SYMBOL_GPL(goalloc_gc_handle_object);

/* Call @fn for what handles refer to, in an RCU section. May sleep in between. */
void gc_visit_handles(struct gc_heap *gc, void (*fn)(unsigned long obj, void *data), void *data)
{
	struct goalloc_gc_handle *handle;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&gc->handles, id, handle) {
		fn((unsigned long)handle->obj, data);
		if (need_resched()) {
			/* The walk goes on from an index, and needs nothing of this entry. */
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

static void shade_handle(unsigned long obj, void *gc)
{
	preempt_disable();
	gc_shade(gc, obj);
	preempt_enable();
}

/* Shade what is reachable from roots; the heap's thread, while it marks. May sleep. */
void gc_scan_roots(struct gc_heap *gc)
{
	struct gc_root *root;

	mutex_lock(&gc->roots_lock);
	list_for_each_entry(root, &gc->roots, node) {
		gc_point(gc, GC_AT_ROOT);
		gc_scan_words(gc, root->base, root->nwords);
	}
	mutex_unlock(&gc->roots_lock);
	gc_visit_handles(gc, shade_handle, gc);
}

/* For debugfs. May sleep. */
void gc_count_roots(struct gc_heap *gc, u64 *roots, u64 *handles)
{
	struct goalloc_gc_handle *handle;
	struct gc_root *root;
	unsigned long id;
	u64 n = leaks_ranges(gc->heap);

	mutex_lock(&gc->roots_lock);
	list_for_each_entry(root, &gc->roots, node)
		n++;
	mutex_unlock(&gc->roots_lock);
	*roots = n;
	n = 0;
	xa_for_each(&gc->handles, id, handle) {
		n++;
		cond_resched();
	}
	*handles = n;
}

/* The heap goes. */
void gc_free_roots(struct gc_heap *gc)
{
	struct goalloc_gc_handle *handle;
	struct gc_root *root, *next;
	unsigned long id, n = 0;

	list_for_each_entry_safe(root, next, &gc->roots, node)
		kfree(root);
	xa_for_each(&gc->handles, id, handle)
		n++;
	if (n)
		pr_err("heap %s is destroyed with %lu handles\n", gc->heap->name, n);
	xa_destroy(&gc->handles);
}
