// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had: managed heaps, and all that is made in one.
 */
#include "faults.h"
#include "gc_world.h"
#include "suites.h"

static int faults_gc_init(struct kunit *test)
{
	want_faults(test);
	return 0;
}

struct making {
	struct goalloc_heap *heap;
	struct goalloc_gc_type *type;
};

static int make_heap(void *data)
{
	struct making *making = data;

	making->heap = goalloc_heap_create("kunit-gc-faults", GOALLOC_HEAP_GC);
	return PTR_ERR_OR_ZERO(making->heap);
}

/* What failed has left no name behind, or the next attempt says -EEXIST. */
static void heap_collects(struct kunit *test, void *data, int err)
{
	struct making *making = data;
	struct goalloc_gc_type *type;
	int section;

	if (err)
		return;
	type = goalloc_gc_type_create(making->heap, gnode_layout);
	KUNIT_ASSERT_FALSE(test, IS_ERR(type));
	section = goalloc_gc_lock(making->heap);
	KUNIT_EXPECT_NOT_NULL(test, goalloc_gc_alloc(type, GFP_KERNEL));
	goalloc_gc_unlock(making->heap, section);
	KUNIT_EXPECT_EQ(test, goalloc_gc_collect(making->heap), 0);
	KUNIT_EXPECT_EQ(test, heap_live(making->heap), 0ULL);
	goalloc_heap_destroy(making->heap);
}

/* The heap, its collector, and the collector's thread. */
static void gc_heap_create(struct kunit *test)
{
	struct making making = {};

	KUNIT_EXPECT_GE(test, fail_each(test, make_heap, heap_collects, &making), 3U);
}

static int make_type(void *data)
{
	struct making *making = data;

	making->type = goalloc_gc_type_create(making->heap, gnode_layout);
	return PTR_ERR_OR_ZERO(making->type);
}

static void type_is_there(struct kunit *test, void *data, int err)
{
	struct making *making = data;

	KUNIT_EXPECT_EQ(test, list_empty(&making->heap->gc->types), !!err);
	KUNIT_EXPECT_EQ(test, list_empty(&making->heap->caches), !!err);
	if (err)
		return;
	/* It stays as long as its heap, and the next attempt may be one more. */
	goalloc_heap_destroy(making->heap);
	making->heap = goalloc_heap_create("kunit-gc-faults", GOALLOC_HEAP_GC);
	KUNIT_ASSERT_FALSE(test, IS_ERR(making->heap));
}

static void type_create(struct kunit *test)
{
	struct making making = { .heap = goalloc_heap_create("kunit-gc-faults", GOALLOC_HEAP_GC) };

	KUNIT_ASSERT_FALSE(test, IS_ERR(making.heap));
	KUNIT_EXPECT_GE(test, fail_each(test, make_type, type_is_there, &making), 2U);
	goalloc_heap_destroy(making.heap);
}

/* What refers to an object, in a world of its own. */
struct referring {
	struct world *w;
	struct gnode *obj; /* which w->root[0] keeps */
	struct gnode __gc *words[1];
	struct goalloc_gc_handle *handle;
	struct goalloc_gc_weak *weak;
};

static struct referring *refer(struct kunit *test)
{
	struct referring *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->w = make_world(test, "kunit-gc-faults");
	enter(r->w);
	r->obj = new_node(r->w, 1);
	KUNIT_ASSERT_NOT_NULL(test, r->obj);
	goalloc_gc_assign(r->w->heap, &r->w->root[0], r->obj);
	leave(r->w);
	return r;
}

static int add_root(void *data)
{
	struct referring *r = data;

	return goalloc_gc_root_add(r->w->heap, r->words, 1, GOALLOC_GC_ROOT_PRECISE);
}

static void root_is_there(struct kunit *test, void *data, int err)
{
	struct referring *r = data;

	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(r->w->heap, r->words), err ? -ENOENT : 0);
}

static void root(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, add_root, root_is_there, refer(test)), 1U);
}

static int make_handle(void *data)
{
	struct referring *r = data;

	enter(r->w);
	r->handle = goalloc_gc_handle_create(r->w->heap, r->obj, GFP_KERNEL);
	leave(r->w);
	return r->handle ? 0 : -ENOMEM;
}

static unsigned int count_handles(struct goalloc_heap *heap)
{
	struct goalloc_gc_handle *handle;
	unsigned int n = 0;
	unsigned long id;

	xa_for_each(&heap->gc->handles, id, handle)
		n++;
	return n;
}

static void handle_is_there(struct kunit *test, void *data, int err)
{
	struct referring *r = data;

	KUNIT_EXPECT_EQ(test, count_handles(r->w->heap), (unsigned int)!err);
	goalloc_gc_handle_put(r->handle);
	KUNIT_EXPECT_EQ(test, count_handles(r->w->heap), 0U);
}

static void handle(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, make_handle, handle_is_there, refer(test)), 1U);
}

static int make_weak(void *data)
{
	struct referring *r = data;

	enter(r->w);
	r->weak = goalloc_gc_weak_create(r->w->heap, r->obj, GFP_KERNEL);
	leave(r->w);
	return r->weak ? 0 : -ENOMEM;
}

static void weak_is_there(struct kunit *test, void *data, int err)
{
	struct referring *r = data;
	struct gc_heap *gc = r->w->heap->gc;

	KUNIT_EXPECT_EQ(test, atomic_long_read(&gc->nweak), (long)!err);
	KUNIT_EXPECT_EQ(test, gc->nspecials[GC_WEAK], (unsigned long)!err);
	goalloc_gc_weak_destroy(r->weak);
	KUNIT_EXPECT_EQ(test, gc->nspecials[GC_WEAK], 0UL);
}

static void weak(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, make_weak, weak_is_there, refer(test)), 1U);
}

static void finalize(void *obj, void *data)
{
}

static int set_finalizer(void *data)
{
	struct referring *r = data;
	int err;

	enter(r->w);
	err = goalloc_gc_set_finalizer(r->w->heap, r->obj, finalize, NULL, GFP_KERNEL);
	leave(r->w);
	return err;
}

static void finalizer_is_there(struct kunit *test, void *data, int err)
{
	struct referring *r = data;

	enter(r->w);
	KUNIT_EXPECT_EQ(test, r->w->heap->gc->nspecials[GC_FINALIZER], (unsigned long)!err);
	KUNIT_EXPECT_EQ(test,
			goalloc_gc_set_finalizer(r->w->heap, r->obj, NULL, NULL, GFP_KERNEL),
			err ? -ENOENT : 0);
	leave(r->w);
}

static void finalizer(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, set_finalizer, finalizer_is_there, refer(test)), 1U);
}

/* An object in a heap that has no span for it. */
struct getting {
	struct world *w;
	size_t n; /* nodes in an array, or 0 for one that is none */
	size_t noscan; /* or bytes without pointers */
};

static int get(void *data)
{
	struct getting *g = data;
	void *obj;

	enter(g->w);
	if (g->noscan)
		obj = goalloc_gc_alloc_noscan(g->w->heap, g->noscan, GFP_KERNEL);
	else if (g->n)
		obj = goalloc_gc_alloc_array(g->w->node, g->n, GFP_KERNEL);
	else
		obj = goalloc_gc_alloc(g->w->node, GFP_KERNEL);
	leave(g->w);
	return obj ? 0 : -ENOMEM;
}

static void is_collected(struct kunit *test, void *data, int err)
{
	struct getting *g = data;

	KUNIT_EXPECT_LE(test, heap_live(g->w->heap), err ? 0ULL : 1ULL);
	expect_live(test, g->w, 0);
	goalloc_heap_shrink(g->w->heap);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->w->heap->pages), 0L);
}

/* What the collector keeps of a span, and the central of all but single objects. */
static void object(struct kunit *test)
{
	static const struct getting ways[] = {
		{}, { .n = 10 }, { .n = 100000 }, { .noscan = 5 }, { .noscan = 100 },
		{ .noscan = SZ_1M },
	};
	struct world *w = make_world(test, "kunit-gc-faults");
	unsigned int i;

	goalloc_gc_set_percent(w->heap, -1);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		struct getting g = ways[i];

		g.w = w;
		KUNIT_EXPECT_GE_MSG(test, fail_each(test, get, is_collected, &g), 1U, "way %u", i);
	}
	expect_recount(test);
}

static struct kunit_case faults_gc_cases[] = {
	KUNIT_CASE(gc_heap_create),
	KUNIT_CASE(type_create),
	KUNIT_CASE(root),
	KUNIT_CASE(handle),
	KUNIT_CASE(weak),
	KUNIT_CASE(finalizer),
	KUNIT_CASE(object),
	{}
};

struct kunit_suite goalloc_faults_gc_suite = {
	.name = "goalloc_faults_gc",
	.attr.speed = KUNIT_SPEED_VERY_SLOW,
	.init = faults_gc_init,
	.test_cases = faults_gc_cases,
};
