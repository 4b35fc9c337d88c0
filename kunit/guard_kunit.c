// SPDX-License-Identifier: GPL-2.0
/*
 * GOALLOC_HEAP_GUARD: a write beyond a span is seen, and named; and nothing else
 * changes for the heap's objects. Not instrumented, or KASAN would see it first.
 */
#include <linux/delay.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fixture.h"
#include "suites.h"

/**
 * struct guarded - kunit's priv
 * @heap: a heap with guards
 * @cache: a cache of it
 */
struct guarded {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
};

static void destroy_heap(void *heap)
{
	goalloc_heap_destroy(heap);
}

static int guard_init(struct kunit *test)
{
	struct guarded *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct goalloc_cache_args args = {};

	KUNIT_ASSERT_NOT_NULL(test, g);
	pin(test);
	g->heap = goalloc_heap_create("kunit-guard", GOALLOC_HEAP_GUARD);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g->heap);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_heap, g->heap), 0);
	args.heap = g->heap;
	g->cache = test_cache(test, "guarded", 96, &args, 0);
	test->priv = g;
	return 0;
}

static long overruns(struct goalloc_heap *heap)
{
	return atomic_long_read(&heap->misuse[MISUSE_OVERRUN]);
}

/* Where the last byte of the object at @p's span ends that anybody may write. */
static u8 *end_of(void *p)
{
	struct mspan *span = span_containing((unsigned long)p);

	if (span->elemsize)
		return (u8 *)span->base + span->nelems * span->elemsize;
	return (u8 *)span->base + goalloc_size(p);
}

static void poke(u8 *at, u8 value)
{
	WRITE_ONCE(*at, value);
}

/* Of all sizes: behind their last byte, and far behind. Asking finds each once. */
static void guard_asked(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 100, 3000, 9472, 32768, SZ_64K, SZ_1M + 1 };
	struct guarded *g = test->priv;
	long before = overruns(g->heap);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = hide(goalloc_heap_alloc(g->heap, sizes[i], GFP_KERNEL)), *end;

		KUNIT_ASSERT_NOT_NULL(test, obj);
		end = end_of(obj);
		memset(obj, 0xb7, goalloc_size(obj));
		KUNIT_EXPECT_EQ(test, goalloc_heap_check(g->heap), 0UL);
		poke(end, 0);
		KUNIT_EXPECT_EQ_MSG(test, goalloc_heap_check(g->heap), 1UL, "%zu", sizes[i]);
		KUNIT_EXPECT_EQ(test, goalloc_heap_check(g->heap), 0UL);
		poke(end + GOALLOC_PAGE_SIZE - 1, 0xff);
		KUNIT_EXPECT_EQ_MSG(test, goalloc_heap_check(g->heap), 1UL, "%zu", sizes[i]);
		KUNIT_EXPECT_EQ(test, overruns(g->heap) - before, 2L);
		before += 2;
		goalloc_free(obj);
		KUNIT_EXPECT_EQ(test, goalloc_heap_check(g->heap), 0UL);
	}
}

/* Nobody asks: the span's end finds it, however that comes. */
static void guard_at_death(struct kunit *test)
{
	struct guarded *g = test->priv;
	u8 *obj = goalloc_cache_alloc(g->cache, GFP_KERNEL), *large;

	large = goalloc_heap_alloc(g->heap, SZ_128K, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, obj && large);
	poke(end_of(obj) + 5, 1);
	poke(end_of(large) + 7, 1);
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 0L);
	goalloc_free(large);
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 1L);
	goalloc_cache_free(g->cache, obj);
	goalloc_cache_shrink(g->cache);
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 2L);

	/* With their owner, alive. */
	obj = goalloc_cache_alloc(g->cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	poke(end_of(obj), 1);
	test_cache_forget(test, g->cache);
	goalloc_cache_destroy(g->cache);
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 3L);
}

/* The log says whose span it was, and what is behind it. */
static void guard_report(struct kunit *test)
{
	struct guarded *g = test->priv;
	u8 *obj = goalloc_cache_alloc(g->cache, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	log_watch(test);
	/* One that is not printed yet would be the only one. */
	msleep(100);
	for (i = 2; i < 5; i++)
		poke(end_of(obj) + i, 0x11);
	KUNIT_EXPECT_EQ(test, goalloc_heap_check(g->heap), 1UL);
	for (i = 0; log_usable() && i < 100 && !log_has("bytes; next to it: "); i++)
		msleep(20);
	if (log_usable()) {
		KUNIT_EXPECT_TRUE(test, log_has("misuse: write beyond the objects of a span: "));
		KUNIT_EXPECT_TRUE(test, log_has("(heap kunit-guard, cache guarded, arena "));
		KUNIT_EXPECT_TRUE(test, log_has("behind the last of 85 slots of 96 bytes)"));
		KUNIT_EXPECT_TRUE(test, log_has("), 3 bytes; next to it: "));
	}
	goalloc_cache_free(g->cache, obj);
}

/* The guard is no part of any object, and its pages are counted. */
static void guard_bounds(struct kunit *test)
{
	static const size_t sizes[] = { 8, 4096, 32768, SZ_64K, SZ_1M + 1 };
	struct guarded *g = test->priv;
	void __user *user = user_page(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = goalloc_heap_zalloc(g->heap, sizes[i], GFP_KERNEL), *end;
		struct mspan *span = span_containing((unsigned long)obj);
		long misuse = atomic_long_read(&g->heap->misuse[MISUSE_USERCOPY]);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		end = end_of(obj);
		KUNIT_EXPECT_EQ(test, goalloc_size(obj), goalloc_size_roundup(sizes[i]));
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, goalloc_size(obj)));
		KUNIT_EXPECT_GE(test, span->base + ((size_t)span->npages << GOALLOC_PAGE_SHIFT),
				(unsigned long)end + GOALLOC_PAGE_SIZE);
		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + sizes[i] - 1), g->heap);
		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(end), NULL);
		end = obj + goalloc_size(obj);
		KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, end - 1, 1), 0UL);
		KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, end - 1, 2), 2UL);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&g->heap->misuse[MISUSE_USERCOPY]),
				misuse + 1);
		obj = goalloc_realloc(obj, sizes[i] * 3, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, obj);
		goalloc_free(obj);
	}
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 0L);
	goalloc_heap_shrink(g->heap);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->heap->pages), 0L);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(g->heap, GOALLOC_PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(g->heap, 64, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(g->heap, 2 * GOALLOC_PAGE_SIZE), 0);
	goalloc_free(goalloc_heap_alloc(g->heap, 64, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&g->heap->pages), 2L);
	expect_recount(test);
}

/* Spans and guards that come and go, and are used up to the last byte. */
static void guard_churn(struct kunit *test)
{
	struct guarded *g = test->priv;
	unsigned int round, i;
	void *objs[64];

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(objs); i++) {
			objs[i] = goalloc_heap_alloc(g->heap, 40 << (i + round) % 12, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[i]);
			memset(objs[i], i, goalloc_size(objs[i]));
		}
		goalloc_free_bulk(ARRAY_SIZE(objs), objs);
		if (round % 4 == 0)
			goalloc_heap_shrink(g->heap);
	}
	KUNIT_EXPECT_EQ(test, goalloc_heap_check(g->heap), 0UL);
	KUNIT_EXPECT_EQ(test, overruns(g->heap), 0L);
	expect_recount(test);
}

static void guard_flags(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-flags", GOALLOC_HEAP_FLAGS_MASK + 1);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(heap), -EINVAL);
	heap = test_heap(test, "kunit-plain");
	KUNIT_EXPECT_EQ(test, goalloc_heap_check(heap), 0UL);
}

static struct kunit_case guard_cases[] = {
	KUNIT_CASE(guard_asked),
	KUNIT_CASE(guard_at_death),
	KUNIT_CASE(guard_report),
	KUNIT_CASE(guard_bounds),
	KUNIT_CASE(guard_churn),
	KUNIT_CASE(guard_flags),
	{}
};

struct kunit_suite goalloc_guard_suite = {
	.name = "goalloc_guard",
	.init = guard_init,
	.test_cases = guard_cases,
};
