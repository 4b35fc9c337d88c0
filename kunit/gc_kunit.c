// SPDX-License-Identifier: GPL-2.0
/*
 * Managed heaps: what is reachable stays, what is not goes; types, arrays, roots, handles,
 * weak references, finalizers, freeing by hand.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../goalloc_mod/debug.h"
#include "gc_world.h"
#include "suites.h"

static void tree(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	unsigned int i, depth = 10;

	for (i = 0; i < 4; i++) {
		enter(w);
		goalloc_gc_assign(w->heap, &w->root[0], make_tree(w, depth));
		leave(w);
		expect_live(test, w, BIT(depth) - 1);
		enter(w);
		KUNIT_EXPECT_EQ(test, check_tree(test, goalloc_gc_load(&w->root[0]), depth),
				BIT(depth) - 1);
		leave(w);
	}
	enter(w);
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	expect_live(test, w, 0);
	expect_recount(test);
}

static void circles(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *a, *b;
	unsigned int i;

	enter(w);
	for (i = 0; i < 1000; i++) {
		a = new_node(w, 1);
		b = new_node(w, 2);
		KUNIT_ASSERT_TRUE(test, a && b);
		goalloc_gc_assign(w->heap, &a->left, b);
		goalloc_gc_assign(w->heap, &b->right, a);
		goalloc_gc_assign(w->heap, &a->right, a);
		if (i == 500)
			goalloc_gc_assign(w->heap, &w->root[1], b);
	}
	leave(w);
	expect_live(test, w, 2);
	expect_live(test, w, 2);
	enter(w);
	b = goalloc_gc_load(&w->root[1]);
	KUNIT_EXPECT_EQ(test, goalloc_gc_load(&b->right)->id, 1UL);
	goalloc_gc_assign(w->heap, &w->root[1], NULL);
	leave(w);
	expect_live(test, w, 0);
}

static void arrays(struct kunit *test)
{
	static const size_t lengths[] = { 1, 2, 3, 100, 1000, 5000, 40000, 200000 };
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *array, *n;
	size_t i, len, k;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		len = lengths[i];
		enter(w);
		array = goalloc_gc_alloc_array(w->node, len, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, array);
		goalloc_gc_assign(w->heap, &w->root[0], array);
		for (k = 0; k < len; k += len / 7 + 1) {
			n = new_node(w, k);
			KUNIT_ASSERT_NOT_NULL(test, n);
			goalloc_gc_assign(w->heap, &array[k].right, n);
		}
		leave(w);
		expect_live(test, w, 1 + DIV_ROUND_UP(len, len / 7 + 1));
		enter(w);
		array = goalloc_gc_load(&w->root[0]);
		for (k = 0; k < len; k += len / 7 + 1)
			KUNIT_EXPECT_EQ(test, goalloc_gc_load(&array[k].right)->canary, CANARY ^ k);
		leave(w);
	}
	enter(w);
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_array(w->node, 0, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_array(w->node, SIZE_MAX / 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_array(w->node, SZ_64M / 32, GFP_KERNEL));
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	expect_live(test, w, 0);
}

/* Pointer-free objects: of a type, of sizes, and those that share a block. */
static void noscan(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *n;
	void *p;
	size_t size;

	enter(w);
	for (size = 1; size < SZ_1M; size += size / 3 + 1) {
		p = goalloc_gc_alloc_noscan(w->heap, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
		memset(p, 0xee, size);
	}
	n = new_node(w, 7);
	KUNIT_ASSERT_NOT_NULL(test, n);
	p = goalloc_gc_alloc(w->plain, GFP_KERNEL);
	goalloc_gc_assign(w->heap, &n->left, p);
	/* What a pointer-free object has is not followed. */
	((unsigned long *)p)[1] = (unsigned long)new_node(w, 8);
	goalloc_gc_assign(w->heap, &w->root[2], n);
	leave(w);
	expect_live(test, w, 2);
}

static void tiny(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_heap_stats stats;
	unsigned char *p[64];
	unsigned int i, other;
	u64 live;

	pin(test);
	enter(w);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goalloc_gc_alloc_noscan(w->heap, 3 + i % 5, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], i, 3 + i % 5);
		for (other = 0; other < i; other++)
			KUNIT_EXPECT_EQ(test, p[other][2], (unsigned char)other);
	}
	live = heap_live(w->heap);
	KUNIT_EXPECT_LE(test, live, (u64)ARRAY_SIZE(p) / 2 + 8);
	/* Others are in the block. */
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goalloc_free(hide(p[i]));
	goalloc_heap_stats(w->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.misuse, (u64)ARRAY_SIZE(p));
	KUNIT_EXPECT_EQ(test, heap_live(w->heap), live);
	/* And nobody's to clear, or to fill. */
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		goalloc_free_sensitive(hide(p[i]));
		KUNIT_EXPECT_EQ(test, goalloc_size(hide(p[i])), 0);
		KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p[i]), 8, GFP_KERNEL));
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		KUNIT_EXPECT_EQ(test, p[i][2], (unsigned char)i);
	/* An interior pointer keeps the block. */
	for (i = 0; i < 4; i++)
		goalloc_gc_assign(w->heap, &w->root[i], (void *)p[i * 16 + 1]);
	leave(w);
	KUNIT_ASSERT_EQ(test, goalloc_gc_collect(w->heap), 0);
	KUNIT_EXPECT_LE(test, heap_live(w->heap), 4ULL);
	KUNIT_EXPECT_GE(test, heap_live(w->heap), 1ULL);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, ((unsigned char __force *)w->root[i])[2], i * 16 + 1);
	enter(w);
	for (i = 0; i < 4; i++)
		goalloc_gc_assign(w->heap, &w->root[i], NULL);
	leave(w);
	expect_live(test, w, 0);
}

static void handles(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_gc_handle *handle[10];
	struct gnode *n;
	unsigned int i;

	enter(w);
	for (i = 0; i < ARRAY_SIZE(handle); i++) {
		n = make_tree(w, 3);
		handle[i] = goalloc_gc_handle_create(w->heap, n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, handle[i]);
	}
	leave(w);
	expect_live(test, w, 7 * ARRAY_SIZE(handle));
	for (i = 0; i < ARRAY_SIZE(handle); i++) {
		KUNIT_EXPECT_PTR_EQ(test, goalloc_gc_handle_get(handle[i]), handle[i]);
		goalloc_gc_handle_put(handle[i]);
		enter(w);
		KUNIT_EXPECT_EQ(test, check_tree(test, goalloc_gc_handle_object(handle[i]), 3), 7);
		leave(w);
		goalloc_gc_handle_put(handle[i]);
		expect_live(test, w, 7 * (ARRAY_SIZE(handle) - 1 - i));
	}
}

static void weak(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_gc_weak *weak[2];
	struct gnode *n;

	enter(w);
	n = new_node(w, 1);
	weak[0] = goalloc_gc_weak_create(w->heap, n, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, weak[0]);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_gc_weak_get(weak[0]), (void *)n);
	n = new_node(w, 2);
	weak[1] = goalloc_gc_weak_create(w->heap, n, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, weak[1]);
	goalloc_gc_assign(w->heap, &w->root[0], n);
	KUNIT_EXPECT_NULL(test, goalloc_gc_weak_create(w->heap, w, GFP_KERNEL));
	leave(w);
	expect_live(test, w, 1);
	enter(w);
	KUNIT_EXPECT_NULL(test, goalloc_gc_weak_get(weak[0]));
	n = goalloc_gc_weak_get(weak[1]);
	KUNIT_ASSERT_NOT_NULL(test, n);
	KUNIT_EXPECT_EQ(test, n->id, 2UL);
	/* What is freed by hand is gone at once. */
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	goalloc_free(n);
	KUNIT_EXPECT_NULL(test, goalloc_gc_weak_get(weak[1]));
	leave(w);
	goalloc_gc_weak_destroy(weak[0]);
	goalloc_gc_weak_destroy(weak[1]);
	expect_live(test, w, 0);
}

struct finals {
	struct world *w;
	unsigned int n;
	unsigned long ids[16];
	bool revive;
};

static void finalize(void *obj, void *data)
{
	struct finals *f = data;
	struct gnode *n = obj;

	if (f->n < ARRAY_SIZE(f->ids))
		f->ids[f->n] = n->canary == (CANARY ^ n->id) ? n->id : 0;
	f->n++;
	if (f->revive)
		goalloc_gc_assign(f->w->heap, &f->w->root[3], n);
}

static void finalizers(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct finals f = { .w = w };
	struct gnode *a, *b;

	/* One points to the other: it is first. */
	enter(w);
	a = new_node(w, 1);
	b = new_node(w, 2);
	KUNIT_ASSERT_TRUE(test, a && b);
	goalloc_gc_assign(w->heap, &a->left, b);
	goalloc_gc_assign(w->heap, &w->root[0], a);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, a, finalize, &f, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, b, finalize, &f, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, b, finalize, &f, GFP_KERNEL),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, &a->left, finalize, &f, GFP_KERNEL),
			-EINVAL);
	leave(w);
	expect_live(test, w, 2);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, f.n, 0);

	enter(w);
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	expect_live(test, w, 2);
	irq_work_sync(&w->heap->gc->final_irq);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, f.n, 1);
	KUNIT_EXPECT_EQ(test, f.ids[0], 1UL);
	f.revive = true;
	expect_live(test, w, 1);
	irq_work_sync(&w->heap->gc->final_irq);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, f.n, 2);
	KUNIT_EXPECT_EQ(test, f.ids[1], 2UL);
	/* It came back, and is not finalized again. */
	expect_live(test, w, 1);
	enter(w);
	KUNIT_ASSERT_NOT_NULL(test, goalloc_gc_load(&w->root[3]));
	KUNIT_EXPECT_EQ(test, goalloc_gc_load(&w->root[3])->id, 2UL);
	goalloc_gc_assign(w->heap, &w->root[3], NULL);
	leave(w);
	expect_live(test, w, 0);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, f.n, 2);

	/* Taken away, and freed by hand: never called. */
	enter(w);
	a = new_node(w, 3);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, a, finalize, &f, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, a, NULL, NULL, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, a, NULL, NULL, GFP_KERNEL),
			-ENOENT);
	b = new_node(w, 4);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, b, finalize, &f, GFP_KERNEL), 0);
	goalloc_free(b);
	leave(w);
	/* What was kept for it goes without a cycle. */
	irq_work_sync(&w->heap->gc->final_irq);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, w->heap->gc->nto_finalize, 0UL);
	expect_live(test, w, 0);
	gc_final_wait();
	KUNIT_EXPECT_EQ(test, f.n, 2);
}

static void by_hand(struct kunit *test)
{
	struct goalloc_heap_stats stats;
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *n, *again;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		enter(w);
		n = make_tree(w, 10);
		KUNIT_ASSERT_NOT_NULL(test, n);
		goalloc_gc_assign(w->heap, &w->root[0], NULL);
		goalloc_free((void __force *)n->left);
		again = hide(n);
		goalloc_free(n);
		goalloc_free(again);
		goalloc_heap_stats(w->heap, &stats);
		KUNIT_EXPECT_EQ(test, stats.misuse, i + 1ULL);
		n = goalloc_gc_alloc_array(w->node, 5000, GFP_KERNEL);
		goalloc_free(n);
		leave(w);
		expect_live(test, w, 0);
	}
}

/* A finalizer goes, and another comes. */
static void set_again(struct world *w)
{
	struct gnode *n;
	int section;

	if (w->rounds++ == 1000)
		return;
	arm(w, GC_AT_FINALIZER)->fn = set_again;
	section = goalloc_gc_lock(w->heap);
	n = goalloc_gc_load(&w->root[0]);
	goalloc_gc_set_finalizer(w->heap, n, NULL, NULL, GFP_KERNEL);
	goalloc_gc_set_finalizer(w->heap, n, finalize, w, GFP_KERNEL);
	goalloc_gc_unlock(w->heap, section);
}

/* The walk over finalizers ends, whoever sets some meanwhile. */
static void finalizers_without_end(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *n;

	testing(test, w, 0);
	enter(w);
	n = new_node(w, 1);
	KUNIT_ASSERT_NOT_NULL(test, n);
	goalloc_gc_assign(w->heap, &w->root[0], n);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, n, finalize, w, GFP_KERNEL), 0);
	leave(w);
	arm(w, GC_AT_FINALIZER)->fn = set_again;
	KUNIT_EXPECT_EQ(test, goalloc_gc_collect(w->heap), 0);
	KUNIT_EXPECT_EQ(test, w->rounds, 1);
	enter(w);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(w->heap, n, NULL, NULL, GFP_KERNEL), 0);
	leave(w);
}

/* More than one span takes, where no memory may be asked for. */
#define IN_HARDIRQ 300

static void fill_in_hardirq(void *arg)
{
	struct world *w = arg;
	unsigned int i;
	struct gnode *n;

	enter(w);
	for (i = 0; i < IN_HARDIRQ; i++) {
		n = goalloc_gc_alloc(w->node, GFP_ATOMIC);
		if (!n)
			break;
		goalloc_gc_assign(w->heap, &n->left, goalloc_gc_load(&w->root[0]));
		goalloc_gc_assign(w->heap, &w->root[0], n);
	}
	leave(w);
}

static void hardirq(struct kunit *test)
{
	struct goalloc_gc_stats before, stats;
	struct world *w = make_world(test, "kunit-gc");

	in_a_hardirq(fill_in_hardirq, w);
	expect_live(test, w, IN_HARDIRQ);
	goalloc_gc_stats(w->heap, &before);
	enter(w);
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	expect_live(test, w, 0);
	goalloc_heap_shrink(w->heap);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_GT(test, stats.spans_freed, before.spans_freed);
	KUNIT_EXPECT_LE(test, stats.heap_live, (u64)PAGE_SIZE);
}

static void copying(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct gnode *from, *to;
	unsigned int i;

	enter(w);
	from = goalloc_gc_alloc_array(w->node, 10, GFP_KERNEL);
	to = goalloc_gc_alloc_array(w->node, 10, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, from && to);
	for (i = 0; i < 10; i++) {
		from[i].id = i;
		from[i].canary = CANARY ^ i;
		goalloc_gc_assign(w->heap, &from[i].right, new_node(w, i));
	}
	goalloc_gc_copy(w->node, to, from, 10);
	KUNIT_EXPECT_EQ(test, memcmp(to, from, 10 * sizeof(*to)), 0);
	goalloc_gc_assign(w->heap, &w->root[0], to);
	leave(w);
	expect_live(test, w, 11);
}

/* By itself, when enough was allocated; and never, if so told. */
static void pacing(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_gc_stats stats;
	unsigned int i, k;

	goalloc_gc_set_percent(w->heap, -1);
	enter(w);
	for (k = 0; k < 4000; k++)
		KUNIT_ASSERT_NOT_NULL(test, new_node(w, k));
	leave(w);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.num_gc, 0ULL);
	KUNIT_EXPECT_EQ(test, heap_live(w->heap), 4000ULL);
	goalloc_gc_set_percent(w->heap, 100);
	goalloc_gc_set_limit(w->heap, SZ_64K);
	for (i = 0; i < 1000 && !stats.num_gc; i++) {
		enter(w);
		for (k = 0; k < 40; k++)
			KUNIT_ASSERT_NOT_NULL(test, new_node(w, k));
		leave(w);
		usleep_range(1000, 1100);
		goalloc_gc_stats(w->heap, &stats);
	}
	KUNIT_EXPECT_GT(test, stats.num_gc, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.num_forced, 0ULL);
	expect_live(test, w, 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_percent(w->heap, 1000000), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_limit(w->heap, 0), -EINVAL);
}

/* Memory is short: what has grown is collected, and at its limit a heap asks for that. */
static void pressure(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_gc_stats stats = {};
	unsigned int i, k;

	goalloc_gc_set_percent(w->heap, -1);
	enter(w);
	for (k = 0; k < 4000; k++)
		KUNIT_ASSERT_NOT_NULL(test, new_node(w, k));
	leave(w);
	KUNIT_EXPECT_GE(test, mgc_pressure(false), 4000 * sizeof(struct gnode));
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.num_gc, 0ULL);
	for (i = 0; i < 1000 && !stats.num_gc; i++) {
		mgc_pressure(true);
		usleep_range(1000, 1100);
		goalloc_gc_stats(w->heap, &stats);
	}
	KUNIT_EXPECT_EQ(test, heap_live(w->heap), 0ULL);

	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(w->heap, SZ_256K), 0);
	enter(w);
	for (k = 0; k < 100000; k++)
		if (!goalloc_gc_alloc(w->node, GFP_KERNEL | __GFP_NOWARN))
			break;
	leave(w);
	KUNIT_EXPECT_LT(test, k, 100000U);
	for (i = 0; i < 1000 && heap_live(w->heap); i++)
		usleep_range(1000, 1100);
	enter(w);
	KUNIT_EXPECT_NOT_NULL(test, goalloc_gc_alloc(w->node, GFP_KERNEL));
	leave(w);
	expect_live(test, w, 0);
}

/* What must not be done with a managed heap, or outside of one. */
static void refusals(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	struct goalloc_gc_layout layout = *gnode_layout;
	struct goalloc_gc_ptrs ptrs[2] = { { 2, 1 }, { 1, 1 } };

	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(w->heap, 64, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(w->heap, SZ_64K, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc_noscan(w->heap, 64, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_debug(w->heap, GOALLOC_DEBUG_POISON), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_debug(w->heap, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, goalloc_cache_set_debug(w->node->cache, GOALLOC_DEBUG_POISON),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, debug_set_named(w->heap, w->node->cache->name, GOALLOC_DEBUG_POISON),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc_noscan(w->heap, 64, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_cache_create("c", 64,
			&(struct goalloc_cache_args){ .heap = w->heap }, 0)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_gc_type_create(goalloc_heap_default(), &layout)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_gc_type_create(w->heap, &layout)), -EEXIST);
	layout.name = "other";
	layout.size -= 4;
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_gc_type_create(w->heap, &layout)), -EINVAL);
	layout.size += 4;
	layout.ptrs = ptrs;
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_gc_type_create(w->heap, &layout)), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(w->heap, w->root, 1, GOALLOC_GC_ROOT_PRECISE),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(w->heap, NULL, 1, GOALLOC_GC_ROOT_PRECISE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(w->heap, (char *)w + 1, 1,
						  GOALLOC_GC_ROOT_PRECISE), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(w->heap, w), -ENOENT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(goalloc_heap_create("kunit-gc", GOALLOC_HEAP_GC)), -EEXIST);
	enter(w);
	KUNIT_EXPECT_NULL(test, goalloc_realloc(new_node(w, 1), 128, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc(w->node, GFP_KERNEL | __GFP_HIGHMEM));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_array(w->node, 2, GFP_KERNEL | __GFP_HIGHMEM));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_noscan(w->heap, 8, GFP_KERNEL | __GFP_HIGHMEM));
	leave(w);
	expect_live(test, w, 0);
}

/* A heap whose objects are freed by hand has no collector to be asked of. */
static void unmanaged(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-no-gc", 0);
	struct goalloc_gc_stats stats = { .num_gc = 1 };
	int section;
	void *obj;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	obj = goalloc_heap_alloc(heap, 64, GFP_KERNEL);
	log_watch(test);
	section = goalloc_gc_lock(heap);
	KUNIT_EXPECT_LT(test, section, 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_collect(heap), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_percent(heap, 50), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_limit(heap, SZ_1M), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(heap, obj, NULL, NULL, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_NULL(test, goalloc_gc_handle_create(heap, obj, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_weak_create(heap, obj, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_noscan(heap, 8, GFP_KERNEL));
	goalloc_gc_unlock(heap, section);
	goalloc_gc_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.num_gc, 0ULL);
	if (log_usable())
		KUNIT_EXPECT_TRUE(test, log_has("heap kunit-no-gc is not managed"));
	goalloc_free(obj);
	goalloc_heap_destroy(heap);
}

/* At the heap's limit there is no more, of any size; below it there is. */
static void at_limit(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc");
	unsigned long bytes = SZ_64K;

	goalloc_gc_set_percent(w->heap, -1);
	/* And the guard, where heaps have them by default. */
	if (w->heap->flags & GOALLOC_HEAP_GUARD)
		bytes += GOALLOC_PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(w->heap, bytes), 0);
	enter(w);
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_noscan(w->heap, SZ_64K + 1, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->heap->pages), 0L);
	KUNIT_EXPECT_NOT_NULL(test, goalloc_gc_alloc_noscan(w->heap, SZ_64K, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc(w->node, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goalloc_gc_alloc_array(w->node, 10, GFP_KERNEL));
	leave(w);
	expect_live(test, w, 0);
	enter(w);
	KUNIT_EXPECT_NOT_NULL(test, goalloc_gc_alloc(w->node, GFP_KERNEL));
	leave(w);
	expect_live(test, w, 0);
}

static void never(void *obj, void *data)
{
	struct kunit *test = data;

	KUNIT_FAIL(test, "a finalizer runs");
}

/* A heap goes, and what was made in it does not: that is said, and nothing is called. */
static void left_behind(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-gc-left", GOALLOC_HEAP_GC);
	struct goalloc_gc_handle *handle;
	struct goalloc_gc_weak *weak;
	struct goalloc_gc_type *type;
	struct gnode *n;
	int section;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	type = goalloc_gc_type_create(heap, gnode_layout);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	section = goalloc_gc_lock(heap);
	n = goalloc_gc_alloc(type, GFP_KERNEL);
	handle = goalloc_gc_handle_create(heap, n, GFP_KERNEL);
	weak = goalloc_gc_weak_create(heap, n, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(heap, n, never, test, GFP_KERNEL), 0);
	goalloc_gc_unlock(heap, section);
	KUNIT_EXPECT_TRUE(test, n && handle && weak);
	log_watch(test);
	goalloc_heap_destroy(heap);
	if (log_usable()) {
		KUNIT_EXPECT_TRUE(test, log_has("kunit-gc-left is destroyed with 1 handles"));
		KUNIT_EXPECT_TRUE(test, log_has("is destroyed with 1 weak references"));
	}
	kfree(handle);
	kfree(weak);
	expect_recount(test);
}

/* A heap that goes while it marks, with all that it has. */
static void teardown(struct kunit *test)
{
	struct goalloc_heap *heap;
	struct goalloc_gc_type *type;
	static struct gnode __gc *root;
	struct gnode *n;
	int i, k, s;

	for (i = 0; i < 8; i++) {
		root = NULL;
		heap = goalloc_heap_create("kunit-gc-gone", GOALLOC_HEAP_GC);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
		type = goalloc_gc_type_create(heap, gnode_layout);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
		KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(heap, &root, 1,
							  GOALLOC_GC_ROOT_PRECISE), 0);
		s = goalloc_gc_lock(heap);
		for (k = 0; k < 5000; k++) {
			n = goalloc_gc_alloc(type, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, n);
			goalloc_gc_assign(heap, &n->left, goalloc_gc_load(&root));
			goalloc_gc_assign(heap, &root, n);
		}
		goalloc_gc_unlock(heap, s);
		mgc_kick(heap->gc);
		if (i)
			usleep_range(i * 200, i * 200 + 50);
		goalloc_heap_destroy(heap);
	}
	expect_recount(test);
}

static struct kunit_case gc_cases[] = {
	KUNIT_CASE(tree),
	KUNIT_CASE(circles),
	KUNIT_CASE(arrays),
	KUNIT_CASE(noscan),
	KUNIT_CASE(tiny),
	KUNIT_CASE(handles),
	KUNIT_CASE(weak),
	KUNIT_CASE(finalizers),
	KUNIT_CASE(by_hand),
	KUNIT_CASE(hardirq),
	KUNIT_CASE(finalizers_without_end),
	KUNIT_CASE(copying),
	KUNIT_CASE(pacing),
	KUNIT_CASE(pressure),
	KUNIT_CASE(refusals),
	KUNIT_CASE(unmanaged),
	KUNIT_CASE(at_limit),
	KUNIT_CASE(left_behind),
	KUNIT_CASE(teardown),
	{}
};

struct kunit_suite goalloc_gc_suite = {
	.name = "goalloc_gc",
	.test_cases = gc_cases,
};
