// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse amid the work of all others: refused, counted by the heap it hit, and
 * the object in question unharmed, as its holder finds when it comes to that.
 *
 * A second free of an object would be as good as any once another got the slot,
 * so those hit a heap that only one context at a time uses.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/err.h>
#include <linux/string.h>

#include "torture.h"

static struct goalloc_heap *private_heap;
static atomic_t private_busy;
static u64 private_misuse; /* @private_busy */

static const struct pen *another_heap(const struct pen *pen)
{
	return pen->heap == pens[1].heap ? &pens[2] : &pens[1];
}

static const struct pen *another_cache(struct torturer *t, const struct pen *pen)
{
	const struct pen *other = &pens[rnd(t) % NR_PENS];

	return other->cache && !other->mortal && other != pen ? other : NULL;
}

static void expect_one(struct torturer *t, struct pen *pen)
{
	if (pen)
		atomic64_inc(&pen_of_heap(pen)->misuse);
	t->calls[CALL_MISUSE][t->ctx]++;
}

static void foreign_free(struct torturer *t)
{
	unsigned long word, addr = (unsigned long)&word;

	expect_one(t, NULL);
	OPTIMIZER_HIDE_VAR(addr);
	goalloc_free((void *)addr);
}

static void double_free(struct torturer *t)
{
	unsigned long addr;
	void *p, *q;

	if (atomic_cmpxchg_acquire(&private_busy, 0, 1))
		return;
	/* The second one may be in the same span, and keep it. */
	p = goalloc_heap_alloc(private_heap, 64, GFP_NOWAIT | __GFP_NOWARN);
	q = goalloc_heap_alloc(private_heap, 64, GFP_NOWAIT | __GFP_NOWARN);
	addr = (unsigned long)p;
	goalloc_heap_free(private_heap, p);
	if (addr) {
		OPTIMIZER_HIDE_VAR(addr);
		private_misuse++;
		t->calls[CALL_MISUSE][t->ctx]++;
		goalloc_free((void *)addr);
	}
	goalloc_free(q);
	atomic_set_release(&private_busy, 0);
}

/**
 * misuse_rcu() - a second free of what was given to goalloc_free_rcu()
 * @t: whoever frees it
 * @pen: of the object
 * @p: the object; the caller is in an RCU read section since before the first
 */
void misuse_rcu(struct torturer *t, struct pen *pen, void *p)
{
	unsigned long addr = (unsigned long)p;

	expect_one(t, pen);
	OPTIMIZER_HIDE_VAR(addr);
	goalloc_free((void *)addr);
}

/* Of an object that the caller holds, and keeps. */
static void hit(struct torturer *t, const struct obj *o)
{
	unsigned long addr = (unsigned long)o->p;
	const struct pen *other;
	void *p;

	OPTIMIZER_HIDE_VAR(addr);
	switch (rnd(t) % 4) {
	case 0:
		if (o->size < 2)
			return;
		expect_one(t, o->pen);
		goalloc_free((void *)addr + 1 + rnd(t) % (o->size - 1));
		break;
	case 1:
		expect_one(t, o->pen);
		goalloc_heap_free(another_heap(o->pen)->heap, (void *)addr);
		break;
	case 2:
		other = another_cache(t, o->pen);
		if (!other)
			return;
		expect_one(t, o->pen);
		goalloc_cache_free(other->cache, (void *)addr);
		break;
	default:
		if (!o->pen->cache)
			return;
		expect_one(t, o->pen);
		p = goalloc_realloc((void *)addr, 2 * o->size, GFP_NOWAIT | __GFP_NOWARN);
		if (p)
			torture_fail("realloc of %p of a cache gave %p", o->p, p);
		break;
	}
}

/**
 * misuse_op() - misuse goalloc once
 * @t: a thread
 * @o: one of its entries, in use or not
 */
void misuse_op(struct torturer *t, const struct obj *o)
{
	if (o->p && !one_in(t, 4))
		hit(t, o);
	else if (one_in(t, 2))
		double_free(t);
	else
		foreign_free(t);
}

int misuse_create(void)
{
	private_misuse = 0;
	private_heap = goalloc_heap_create("torture-misuse", 0);
	if (!IS_ERR_OR_NULL(private_heap))
		return 0;
	pr_err("cannot make a heap for misuse: %ld\n", PTR_ERR(private_heap));
	private_heap = NULL;
	return -ENOMEM;
}

void misuse_destroy(void)
{
	struct goalloc_heap_stats stats;

	if (!private_heap)
		return;
	goalloc_heap_stats(private_heap, &stats);
	if (stats.live_objects)
		torture_fail("heap %s: all was freed, but %llu objects are live",
			     goalloc_heap_name(private_heap), stats.live_objects);
	/* Where the span went with its last object, nobody knows whose it was. */
	if (stats.misuse > private_misuse)
		torture_fail("heap %s: counts %llu misuses of %llu",
			     goalloc_heap_name(private_heap), stats.misuse, private_misuse);
	goalloc_heap_destroy(private_heap);
	private_heap = NULL;
}
