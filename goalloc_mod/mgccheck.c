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
#include <linux/slab.h>

#include "mgc.h"

/* What looked so, and will be looked at again. */
#define SUSPECTS 64

struct suspect {
	unsigned long holder;
	const unsigned long *at;
	unsigned long addr;
};

struct check {
	struct gc_heap *gc;
	unsigned int missed;
	unsigned int n;
	struct suspect suspects[SUSPECTS];
};

/* Whether @addr is in a live object of the heap, and that is marked; preemption is off. */
static bool is_live(const struct gc_heap *gc, unsigned long addr, bool *marked)
{
	struct mspan *span = addr ? span_of(addr) : NULL;
	u32 slot;

	/* Pairs with the release that published the span. */
	if (!span || smp_load_acquire(&span->state) != MSPAN_SMALL ||
	    span->central->heap != gc->heap)
		return false;
	slot = mul_u64_u32_shr(addr - span->base, span->divmul, 32);
	if (slot >= span->nelems || !mspan_slot_is_live(span, slot))
		return false;
	*marked = (u64)atomic64_read(&span->bits[slot >> MSPAN_GROUP_SHIFT].mark) &
		  BIT_ULL(slot & 63);
	/* Freed by hand, and marked for that, between the two looks. */
	return *marked || mspan_slot_is_live(span, slot);
}

static void report_missed(struct check *check, unsigned long holder, unsigned long addr)
{
	if (!check->missed++)
		pr_err("heap %s: checkmark: an object at %p is not marked, but what is at %p points to it\n",
		       check->gc->heap->name, (void *)addr, (void *)holder);
}

/* A word of a root. */
static void check_root_word(struct check *check, unsigned long addr)
{
	bool marked;

	preempt_disable();
	if (is_live(check->gc, addr, &marked) && !marked)
		report_missed(check, 0, addr);
	preempt_enable();
}

/* A word of an object; preemption is off. */
static void check_word(struct check *check, unsigned long holder, const unsigned long *at)
{
	/* Old or new, what it points to is marked. */
	unsigned long addr = data_race(READ_ONCE(*at));
	bool marked;

	if (check->n < SUSPECTS && is_live(check->gc, addr, &marked) && !marked)
		check->suspects[check->n++] = (struct suspect){ holder, at, addr };
}

/*
 * An object that was just allocated is black, and may have had in it what its slot held
 * before. When the sections that there were are over it is as they left it.
 */
static void check_again(struct check *check)
{
	struct gc_heap *gc = check->gc;
	unsigned int i;

	if (check->n)
		gc_section_wait(gc);
	for (i = 0; i < check->n; i++) {
		const struct suspect *s = &check->suspects[i];
		bool marked;

		preempt_disable();
		/* Whoever writes it: it is what it was, or it is not. */
		if (is_live(gc, s->holder, &marked) && marked &&
		    /* As in check_word(). */
		    data_race(READ_ONCE(*s->at)) == s->addr &&
		    is_live(gc, s->addr, &marked) && !marked)
			report_missed(check, s->holder, s->addr);
		preempt_enable();
	}
}

static void check_object(struct check *check, const struct goalloc_gc_type *type,
			 unsigned long obj, unsigned long bytes)
{
	unsigned long at;
	unsigned int i, k;

	for (at = obj; at + type->size <= obj + bytes; at += type->size)
		for (i = 0; i < type->nptrs; i++)
			for (k = 0; k < type->ptrs[i].n; k++)
				check_word(check, obj,
					   (unsigned long *)at + type->ptrs[i].first + k);
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
	unsigned long addr;
	size_t i;

	for (i = 0; i < root->nwords; i++) {
		/* As in check_word(). */
		addr = (unsigned long)data_race(READ_ONCE(root->base[i]));
		check_root_word(check, addr);
		cond_resched();
	}
}

static void check_handle(unsigned long obj, void *check)
{
	check_root_word(check, obj);
}

/**
 * gc_check_marks() - look for reachable objects that are not marked
 * @gc: the heap's collector, between the end of marking and the phase DRAIN
 *
 * Context: may sleep; the heap's thread.
 * Return: how many pointers to some were found, as far as there is room to remember them.
 */
u64 gc_check_marks(struct gc_heap *gc)
{
	struct check *check = kzalloc(sizeof(*check), GFP_KERNEL);
	struct gc_root *root;
	u64 missed;

	if (!check)
		return 0;
	check->gc = gc;
	mutex_lock(&gc->roots_lock);
	list_for_each_entry(root, &gc->roots, node)
		check_root(check, root);
	mutex_unlock(&gc->roots_lock);
	gc_visit_handles(gc, check_handle, check);
	mheap_walk(check_span, check);
	check_again(check);
	missed = check->missed;
	kfree(check);
	return missed;
}

/* Go's gctrace, as far as it applies: a line for a cycle that has ended. */
void gc_print_trace(struct gc_heap *gc, u64 ns, u64 swept)
{
	const struct goalloc_gc_stats *stats = &gc->stats;

	pr_info("gc %llu %s: %llu us mark, %ld->%llu KiB, %lu KiB goal, %llu objects swept\n",
		stats->num_gc, gc->heap->name, div_u64(ns, NSEC_PER_USEC),
		max(gc->live_at_mark, 0L) >> 10, stats->heap_marked >> 10, gc->goal >> 10, swept);
}
