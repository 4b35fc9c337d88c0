// SPDX-License-Identifier: GPL-2.0
/*
 * GOALLOC_TYPE_STABLE: what was an object of such a cache is nothing else as long
 * as the cache is there, is counted, and goes with it.
 */
#include <linux/bsearch.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "../goalloc_mod/mstats.h"
#include "fixture.h"
#include "suites.h"

#define SPANS 8U
#define SIZE 512U

/**
 * struct stable - kunit's priv
 * @heap: the heap
 * @cache: the cache
 * @pages: of a heap in which the cache is all there is
 * @nr: slots of SPANS spans
 * @objs: objects
 * @base: where they were, in order
 */
struct stable {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	long pages;
	unsigned int nr;
	void **objs;
	void **base;
};

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static void alloc_all(struct kunit *test, struct stable *s)
{
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(s->cache, GFP_KERNEL, s->nr, s->objs),
			(int)s->nr);
}

/* A cache that had many objects, and has none now. */
static void prepare(struct kunit *test, unsigned long flags)
{
	struct stable *s = test->priv;
	struct goalloc_cache_args args = { .heap = s->heap };

	s->cache = test_cache(test, "stable", SIZE, &args, flags);
	s->nr = SPANS * s->cache->central.nelems;
	s->objs = kunit_kcalloc(test, 2 * s->nr, sizeof(*s->objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->objs);
	s->base = s->objs + s->nr;
	alloc_all(test, s);
	memcpy(s->base, s->objs, s->nr * sizeof(*s->objs));
	sort(s->base, s->nr, sizeof(*s->base), by_address, NULL);
	s->pages = atomic_long_read(&s->heap->pages);
	KUNIT_EXPECT_GE(test, s->pages, (long)(SPANS * s->cache->central.npages));
	goalloc_cache_free_bulk(s->cache, s->nr, s->objs);
}

static int stable_init(struct kunit *test)
{
	struct stable *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	pin(test);
	wait_for_pages(test);
	s->heap = test_heap(test, "kunit-stable");
	test->priv = s;
	return 0;
}

/* Whether some of @size bytes at @obj were an object of the cache. */
static bool overlaps(const struct stable *s, const void *obj, size_t size)
{
	unsigned int low = 0, high = s->nr;

	/* The first one that ends behind @obj. */
	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (s->base[mid] + SIZE > obj)
			high = mid;
		else
			low = mid + 1;
	}
	return low < s->nr && s->base[low] < obj + size;
}

/* How many objects, of other caches, classes and heaps, are where the cache's were. */
static unsigned int reused(struct kunit *test, struct stable *s)
{
	static const size_t sizes[] = { 8, SIZE, 3000, GOALLOC_PAGE_SIZE, SZ_32K, SZ_64K };
	struct goalloc_cache_args args = { .heap = s->heap };
	struct goalloc_cache *other = test_cache(test, "other", SIZE, &args, 0);
	unsigned int per = 400, nr = per * (ARRAY_SIZE(sizes) + 2), i, found = 0;
	void **objs = kunit_kcalloc(test, nr, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < nr; i++) {
		size_t size = i / per < ARRAY_SIZE(sizes) ? sizes[i / per] : SIZE;

		if (i / per < ARRAY_SIZE(sizes))
			objs[i] = goalloc_heap_alloc(s->heap, size, GFP_KERNEL);
		else if (i % 2)
			objs[i] = goalloc_cache_alloc(other, GFP_KERNEL);
		else
			objs[i] = goalloc_alloc(SIZE, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
		found += overlaps(s, objs[i], size);
	}
	goalloc_free_bulk(nr, objs);
	return found;
}

/* Nothing makes it give its spans back: not time, not shrinking, not others' needs. */
static void stable_addresses(struct kunit *test)
{
	struct stable *s = test->priv;
	struct span_sums sums;
	unsigned int i;

	prepare(test, GOALLOC_TYPE_STABLE);
	goalloc_cache_shrink(s->cache);
	goalloc_heap_shrink(s->heap);
	mcentral_drop_empty(&s->cache->central);
	mheap_reap_now();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->heap->pages), s->pages);
	central_span_sums(&s->cache->central, NULL, &sums);
	KUNIT_EXPECT_EQ(test, sums.empty_spans, (u64)SPANS);
	KUNIT_EXPECT_EQ(test, sums.live, 0ULL);
	KUNIT_EXPECT_EQ(test, reused(test, s), 0U);

	/* It has all it needs. */
	alloc_all(test, s);
	for (i = 0; i < s->nr; i++)
		KUNIT_EXPECT_NOT_NULL(test, bsearch(&s->objs[i], s->base, s->nr,
						    sizeof(*s->base), by_address));
	goalloc_cache_free_bulk(s->cache, s->nr, s->objs);
	expect_recount(test);
}

/* The test sees it where it is not so. */
static void stable_not(struct kunit *test)
{
	struct stable *s = test->priv;

	prepare(test, 0);
	goalloc_cache_shrink(s->cache);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->heap->pages), 0L);
	KUNIT_EXPECT_GT(test, reused(test, s), 0U);
}

/* What it pins counts towards the heap's limit, until the cache goes. */
static void stable_limit(struct kunit *test)
{
	struct stable *s = test->priv;
	void *obj;

	prepare(test, GOALLOC_TYPE_STABLE);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(s->heap, s->pages * GOALLOC_PAGE_SIZE), 0);
	obj = goalloc_heap_alloc(s->heap, 3000, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, obj);
	goalloc_free(obj);
	alloc_all(test, s);
	goalloc_cache_free_bulk(s->cache, s->nr, s->objs);

	test_cache_forget(test, s->cache);
	goalloc_cache_destroy(s->cache);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->heap->pages), 0L);
	obj = goalloc_heap_alloc(s->heap, 3000, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	goalloc_free(obj);
	goalloc_heap_set_limit(s->heap, ULONG_MAX);
	expect_recount(test);
}

/* Small objects, and such as have a span of their own; live ones, and pinned spans. */
static void stable_heap_destroy(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-stable-too", 0);
	struct goalloc_cache_args args = { .heap = heap };
	static const unsigned int sizes[] = { 8, 512, SZ_64K };
	char name[] = "stable-0";
	unsigned int i, k;
	void *objs[64];

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	for (i = 0; i < ARRAY_SIZE(sizes); i++, name[7]++) {
		struct goalloc_cache *cache;

		cache = goalloc_cache_create(name, sizes[i], &args, GOALLOC_TYPE_STABLE);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
		for (k = 0; k < ARRAY_SIZE(objs); k++) {
			objs[k] = goalloc_cache_alloc(cache, GFP_KERNEL);
			KUNIT_EXPECT_NOT_NULL(test, objs[k]);
		}
		/* All but one. */
		goalloc_cache_free_bulk(cache, ARRAY_SIZE(objs) - 1, objs);
	}
	goalloc_heap_shrink(heap);
	KUNIT_EXPECT_GE(test, atomic_long_read(&heap->pages), 8L * (long)ARRAY_SIZE(objs));
	log_watch(test);
	goalloc_heap_destroy(heap);
	if (log_usable())
		KUNIT_EXPECT_TRUE(test, log_has("destroyed with 3 live objects"));
	KUNIT_EXPECT_NULL(test, goalloc_owner(objs[0]));
	expect_recount(test);
}

static struct kunit_case stable_cases[] = {
	KUNIT_CASE(stable_addresses),
	KUNIT_CASE(stable_not),
	KUNIT_CASE(stable_limit),
	KUNIT_CASE(stable_heap_destroy),
	{}
};

struct kunit_suite goalloc_stable_suite = {
	.name = "goalloc_stable",
	.init = stable_init,
	.test_cases = stable_cases,
};
