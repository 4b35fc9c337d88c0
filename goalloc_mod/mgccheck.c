// SPDX-License-Identifier: GPL-2.0
/*
 * Checkmark mode: a second look, after marking and before anything is swept, for what
 * the first one missed (Go's gccheckmark).
 *
 * It need not mark again. If what each root points to is marked, and what each marked
 * object points to, then all that is reachable is marked. That holds at any moment after
 * the end of marking, whatever mutators do, for stores still shade: so nothing has to be
 * stopped to look.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/sched.h>

#include "mgc.h"

struct check {
	struct gc_heap *gc;
	u64 missed;
};

/* A pointer that was found in @holder, an object, or 0 for a root; preemption is off. */
static void check_word(struct check *check, unsigned long holder, unsigned long addr)
{
	struct mspan *span = addr ? span_of(addr) : NULL;
	struct slot_group *g;
	u32 slot;
	u64 bit;

	/* Pairs with the release that published the span. */
	if (!span || smp_load_acquire(&span->state) != MSPAN_SMALL ||
	    span->central->heap != check->gc->heap)
		return;
	slot = mul_u64_u32_shr(addr - span->base, span->divmul, 32);
	if (slot >= span->nelems || !mspan_slot_is_live(span, slot))
		return;
	g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	bit = BIT_ULL(slot & 63);
	/* Freed by hand, and marked for that, between the two looks. */
	if ((u64)atomic64_read(&g->mark) & bit || !mspan_slot_is_live(span, slot))
		return;
	if (!check->missed++)
		pr_err("heap %s: checkmark: an object of %s at %p is not marked, but what is at %p points to it\n",
		       check->gc->heap->name,
		       span->central->cache ? span->central->cache->name : "a class",
		       (void *)addr, (void *)holder);
}

/* What mutators write meanwhile is shaded first, and so is marked, whichever is read. */
static void check_words(struct check *check, unsigned long holder, void **words, size_t n)
{
	unsigned long addr;

	for (; n; n--, words++) {
		/* Old or new, it is marked. */
		addr = (unsigned long)data_race(READ_ONCE(*words));
		check_word(check, holder, addr);
	}
}

static void check_object(struct check *check, const struct goalloc_gc_type *type,
			 unsigned long obj, unsigned long bytes)
{
	unsigned long at;
	unsigned int i;

	for (at = obj; at + type->size <= obj + bytes; at += type->size)
		for (i = 0; i < type->nptrs; i++)
			check_words(check, obj, (void **)at + type->ptrs[i].first,
				    type->ptrs[i].n);
}

/* All marked objects of a span; a walk over all spans calls this with preemption off. */
static void check_span(struct mspan *span, void *data)
{
	const struct mcentral *central = READ_ONCE(span->central);
	struct check *check = data;
	unsigned int slot;

	if (span->state != MSPAN_SMALL || central->heap != check->gc->heap ||
	    !mcentral_has_pointers(central))
		return;
	for (slot = 0; slot < span->nelems; slot++) {
		struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];

		if (!((u64)atomic64_read(&g->mark) & BIT_ULL(slot & 63)) ||
		    !mspan_slot_is_live(span, slot))
			continue;
		check_object(check, central->type,
			     span->base + (unsigned long)slot * span->elemsize, span->elemsize);
	}
}

static void check_root(struct check *check, const struct gc_root *root)
{
	size_t i;

	for (i = 0; i < root->nwords; i++) {
		preempt_disable();
		check_words(check, 0, &root->base[i], 1);
		preempt_enable();
		cond_resched();
	}
}

/**
 * gc_check_marks() - look for reachable objects that are not marked
 * @gc: the heap's collector, between the end of marking and the phase DRAIN
 *
 * Context: may sleep; the heap's thread.
 * Return: how many pointers to some were found.
 */
u64 gc_check_marks(struct gc_heap *gc)
{
	struct check check = { .gc = gc };
	struct goalloc_gc_handle *handle;
	struct gc_root *root;
	unsigned long id;

	mutex_lock(&gc->roots_lock);
	list_for_each_entry(root, &gc->roots, node)
		if (root->kind != GOALLOC_GC_ROOT_LEAKS)
			check_root(&check, root);
	mutex_unlock(&gc->roots_lock);
	rcu_read_lock();
	xa_for_each(&gc->handles, id, handle) {
		preempt_disable();
		check_word(&check, 0, (unsigned long)handle->obj);
		preempt_enable();
	}
	rcu_read_unlock();
	mheap_walk(check_span, &check);
	return check.missed;
}

/* Go's gctrace, as far as it applies: a line for a cycle that has ended. */
void gc_print_trace(struct gc_heap *gc, u64 ns)
{
	const struct goalloc_gc_stats *stats = &gc->stats;

	pr_info("gc %llu %s: %llu us mark, %ld->%llu KiB, %lu KiB goal, %llu objects swept\n",
		stats->num_gc, gc->heap->name, div_u64(ns, NSEC_PER_USEC), gc->live_at_mark >> 10,
		stats->heap_marked >> 10, gc->goal >> 10, (u64)atomic64_read(&gc->swept));
}
