// SPDX-License-Identifier: GPL-2.0
/*
 * Large objects, and the spans that CPUs keep when one was freed.
 */
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../goalloc_mod/mcache.h"
#include "../goalloc_mod/mstats.h"
#include "fixture.h"
#include "suites.h"

#define KEPT_MAX ((size_t)MCACHE_LARGE_PAGES << GOALLOC_PAGE_SHIFT)

struct large_test {
	struct goalloc_heap *heap;
};

static int large_init(struct kunit *test)
{
	struct large_test *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->heap = test_heap(test, "kunit-large");
	test->priv = l;
	pin(test);
	/* The first one installs the CPUs' slots. */
	p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	goalloc_free(p);
	goalloc_heap_shrink(l->heap);
	return 0;
}

static u64 kept(const struct goalloc_heap *heap)
{
	struct span_sums sums;

	heap_span_sums(heap->id, &sums);
	return sums.kept_pages << GOALLOC_PAGE_SHIFT;
}

/* The next object of that length is where the last one was; another is not. */
static void large_is_kept(struct kunit *test)
{
	static const size_t sizes[] = { GOALLOC_MAX_SMALL + 1, SZ_64K, 100000, SZ_1M };
	struct large_test *l = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *p = goalloc_heap_alloc(l->heap, sizes[i], GFP_KERNEL), *q, *r;
		size_t all = goalloc_size(p);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, goalloc_size(p), all);
		memset(p, 0x5a, all);
		goalloc_heap_free(l->heap, hide(p));
		KUNIT_EXPECT_EQ(test, kept(l->heap), (u64)all);
		KUNIT_EXPECT_EQ(test, heap_live(l->heap), 0ULL);

		r = goalloc_heap_alloc(l->heap, sizes[i] + SZ_1M, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, r);
		KUNIT_EXPECT_PTR_NE(test, p, r);
		q = goalloc_heap_alloc(l->heap, sizes[i], GFP_KERNEL | __GFP_ZERO);
		KUNIT_EXPECT_PTR_EQ(test, p, q);
		KUNIT_EXPECT_EQ(test, goalloc_size(q), all);
		KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, all));
		KUNIT_EXPECT_EQ(test, kept(l->heap), 0ULL);
		KUNIT_EXPECT_EQ(test, heap_live(l->heap), 2ULL);
		goalloc_free(q);
		goalloc_free(r);
	}
}

/* One span a CPU, the last; none that is too long; none for ever. */
static void large_keeps_little(struct kunit *test)
{
	struct large_test *l = test->priv;
	void *p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
	void *q = goalloc_heap_alloc(l->heap, SZ_128K, GFP_KERNEL);
	void *r = goalloc_heap_alloc(l->heap, KEPT_MAX + 1, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p && q && r);
	goalloc_free(p);
	goalloc_free(q);
	goalloc_free(r);
	KUNIT_EXPECT_EQ(test, kept(l->heap), (u64)SZ_128K);
	expect_recount(test);
	goalloc_heap_shrink(l->heap);
	KUNIT_EXPECT_EQ(test, kept(l->heap), 0ULL);
	expect_recount(test);
}

/* What a CPU keeps is nothing that the limit forbids, nor in its way. */
static void large_kept_is_free(struct kunit *test)
{
	struct large_test *l = test->priv;
	void *p, *q;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(l->heap, SZ_256K), 0);
	p = goalloc_heap_alloc(l->heap, SZ_256K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	goalloc_free(p);
	q = goalloc_heap_alloc(l->heap, SZ_128K, GFP_ATOMIC);
	KUNIT_EXPECT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(l->heap, SZ_256K, GFP_ATOMIC | __GFP_NOWARN));
	goalloc_free(q);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(l->heap, ULONG_MAX), 0);
}

/* Empty spans of other classes are not in the way of who may sleep. */
static void large_at_limit(struct kunit *test)
{
	struct large_test *l = test->priv;
	void *objs[20], *p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goalloc_heap_alloc(l->heap, SZ_2K, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	goalloc_free_bulk(ARRAY_SIZE(objs), objs);
	/* Room for what this CPU owns, and no more. */
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(l->heap, SZ_64K + SZ_8K), 0);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(l->heap, SZ_64K, GFP_ATOMIC | __GFP_NOWARN));
	p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_free(p);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(l->heap, ULONG_MAX), 0);
}

static void free_there(void *arg)
{
	goalloc_free(arg);
}

/* A CPU keeps what was freed on it, and gives nothing of it to another. */
static void large_freed_elsewhere(struct kunit *test)
{
	struct large_test *l = test->priv;
	unsigned int cpu = other_cpu(test);
	void *p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	on_cpu(cpu, free_there, p);
	KUNIT_EXPECT_EQ(test, kept(l->heap), (u64)SZ_64K);
	q = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_NE(test, p, q);
	goalloc_free(q);
	KUNIT_EXPECT_EQ(test, kept(l->heap), 2ULL * SZ_64K);
}

/* A kept span has no object: from no address in it. */
static void large_kept_is_dead(struct kunit *test)
{
	struct large_test *l = test->priv;
	void *p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL), *q;
	long before = atomic_long_read(&mheap.misuse[MISUSE_DEAD]);

	KUNIT_ASSERT_NOT_NULL(test, p);
	goalloc_free(hide(p));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(hide(p)), NULL);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(hide(p) + SZ_16K), NULL);
	KUNIT_EXPECT_FALSE(test, span_containing((unsigned long)p));
	goalloc_free(hide(p));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&mheap.misuse[MISUSE_DEAD]), before + 1);
	KUNIT_EXPECT_EQ(test, kept(l->heap), (u64)SZ_64K);
	q = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, hide(p));
	goalloc_free(q);
}

/* Alignment counts as much as length. */
static void large_kept_alignment(struct kunit *test)
{
	struct large_test *l = test->priv;
	void *objs[16];
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goalloc_heap_alloc(l->heap, SZ_64K - 1, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		/* Of the same length, but at any page. */
		goalloc_free(goalloc_heap_alloc(l->heap, SZ_8K + 1, GFP_KERNEL));
	}
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		void *p;

		goalloc_free(objs[i]);
		p = goalloc_heap_alloc(l->heap, SZ_64K, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		bad += !IS_ALIGNED((unsigned long)p, SZ_64K);
		objs[i] = p;
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	goalloc_free_bulk(ARRAY_SIZE(objs), objs);
}

static struct kunit_case large_cases[] = {
	KUNIT_CASE(large_is_kept),
	KUNIT_CASE(large_keeps_little),
	KUNIT_CASE(large_kept_is_free),
	KUNIT_CASE(large_at_limit),
	KUNIT_CASE(large_freed_elsewhere),
	KUNIT_CASE(large_kept_is_dead),
	KUNIT_CASE(large_kept_alignment),
	{}
};

struct kunit_suite goalloc_large_suite = {
	.name = "goalloc_large",
	.init = large_init,
	.test_cases = large_cases,
};
