// SPDX-License-Identifier: GPL-2.0
/*
 * Named caches: arguments, alignment, constructors and destructors, what a
 * cache's memory may serve next, and taking one down.
 */
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "fixture.h"
#include "suites.h"

static size_t caches_of(struct goalloc_heap *heap)
{
	return list_count_nodes(&heap->caches);
}

static void cache_basics(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = test_heap(test, "kunit-cache"), .align = 16 };
	struct goalloc_cache *cache = test_cache(test, "basics", 40, &args, 0);
	u8 *obj;

	KUNIT_EXPECT_STREQ(test, goalloc_cache_name(cache), "basics");
	KUNIT_EXPECT_EQ(test, goalloc_cache_object_size(cache), 40U);
	obj = goalloc_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, 40));
	KUNIT_EXPECT_EQ(test, goalloc_size(obj), 48);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + 39), args.heap);
	memset(obj, 0xff, 48);
	goalloc_cache_free(cache, obj);
	obj = goalloc_cache_alloc_node(cache, GFP_ATOMIC | __GFP_ZERO, 0);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, 40));
	goalloc_free(obj);
	goalloc_cache_free(cache, NULL);
	goalloc_cache_free(cache, hide(ZERO_SIZE_PTR));
	goalloc_cache_destroy(NULL);
}

struct thing {
	u64 a;
	u8 b[50];
} __aligned(32);

static void cache_of_struct(struct kunit *test)
{
	struct goalloc_cache *cache = GOALLOC_CACHE(thing, GOALLOC_NOSCAN);
	struct thing *t, *u;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_EXPECT_STREQ(test, goalloc_cache_name(cache), "thing");
	KUNIT_EXPECT_EQ(test, goalloc_cache_object_size(cache), (unsigned int)sizeof(*t));
	t = goalloc_cache_alloc(cache, GFP_KERNEL);
	u = goalloc_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, t && IS_ALIGNED((unsigned long)t, 32));
	KUNIT_EXPECT_TRUE(test, u && IS_ALIGNED((unsigned long)u, 32));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(t), goalloc_heap_default());
	KUNIT_EXPECT_EQ(test, span_containing((unsigned long)t)->spanclass, 1);
	goalloc_cache_free(cache, u);
	goalloc_cache_free(cache, t);
	goalloc_cache_destroy(cache);
}

/* Each is refused by itself, and nothing of it stays. */
static void cache_bad_args(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int size;
		struct goalloc_cache_args args;
		unsigned long flags;
	} bad[] = {
		{ NULL, 64 },
		{ "", 64 },
		{ ".hidden", 64 },
		{ "a/b", 64 },
		{ "caf\xe9", 64 },
		{ "with space", 64 },
		{ "a-name-that-has-forty-eight-letters-is-too-long-", 64 },
		{ "zero", 0 },
		{ "huge", SZ_4M + 1 },
		{ "huge", UINT_MAX },
		{ "align", 64, { .align = 24 } },
		{ "align", 64, { .align = SZ_8M } },
		{ "align", 64, { .align = 0x80000000 } },
		{ "flags", 64, {}, GOALLOC_CACHE_FLAGS_MASK + 1 },
		{ "flags", 64, {}, BIT(31) },
		{ "range", 64, { .useroffset = 60, .usersize = 5 } },
		{ "range", 64, { .useroffset = 65, .usersize = 1 } },
		{ "range", 64, { .useroffset = 8, .usersize = UINT_MAX } },
		{ "range", 64, { .useroffset = 8 } },
		{ "range", 64, { .usersize = 8 }, GOALLOC_NO_USERCOPY },
	};
	struct goalloc_heap *heap = test_heap(test, "kunit-cache");
	struct goalloc_cache *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct goalloc_cache_args args = bad[i].args;

		args.heap = heap;
		cache = goalloc_cache_create(bad[i].name, bad[i].size, &args, bad[i].flags);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(cache), -EINVAL, "no. %u", i);
		KUNIT_EXPECT_EQ(test, caches_of(heap), 0);
	}

	/* What is just good enough. */
	for (i = 0; i < 2; i++) {
		struct goalloc_cache_args args = {
			.heap = heap, .align = SZ_4M, .useroffset = i * 64, .usersize = i,
		};

		cache = goalloc_cache_create("a-name-that-has-forty-seven-letters-is-accepted",
					     i ? 65 : SZ_4M, &args,
					     GOALLOC_CACHE_FLAGS_MASK &
					     ~(GOALLOC_PANIC | GOALLOC_NO_USERCOPY));
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
		goalloc_cache_destroy(cache);
	}
	KUNIT_EXPECT_EQ(test, caches_of(heap), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->pages), 0L);
}

static void cache_names(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-cache");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache_args other = { .heap = test_heap(test, "kunit-other") };
	struct goalloc_cache *cache;

	test_cache(test, "twin", 64, &args, 0);
	cache = goalloc_cache_create("twin", 32, &args, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(cache), -EEXIST);
	KUNIT_EXPECT_EQ(test, caches_of(heap), 1);
	test_cache(test, "twin", 32, &other, 0);
	/* A name is free again once its cache is gone. */
	cache = goalloc_cache_create("passing", 64, &args, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	goalloc_cache_destroy(cache);
	test_cache(test, "passing", 64, &args, 0);
}

/* Several objects each, and pages in between, or they would be aligned by chance. */
static void check_align(struct kunit *test, struct goalloc_heap *heap, unsigned int size,
			unsigned int align, unsigned long flags, unsigned int expect)
{
	struct goalloc_cache_args args = { .heap = heap, .align = align };
	struct goalloc_cache *cache = goalloc_cache_create("aligned", size, &args, flags);
	void *pages[5];
	u8 *objs[5];
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		pages[i] = goalloc_heap_alloc(heap, GOALLOC_PAGE_SIZE, GFP_KERNEL);
		objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)objs[i], expect),
				      "size %u align %u", size, align);
		KUNIT_EXPECT_GE(test, goalloc_size(objs[i]), size);
		memset(objs[i], i, size);
	}
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], i, size));
		goalloc_cache_free(cache, objs[i]);
	}
	goalloc_free_bulk(ARRAY_SIZE(pages), pages);
	goalloc_cache_destroy(cache);
}

static void cache_align(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-cache");
	unsigned int align;

	for (align = 1; align <= SZ_64K; align *= 4) {
		check_align(test, heap, 1, align, 0, max(align, 8U));
		check_align(test, heap, align + 1, align, 0, max(align, 8U));
		check_align(test, heap, 3 * align, align, 0, max(align, 8U));
	}
	check_align(test, heap, 100, SZ_8K, 0, SZ_8K);
	check_align(test, heap, 20000, SZ_32K, 0, SZ_32K);
	check_align(test, heap, SZ_1M + 8, SZ_1M, 0, SZ_1M);
}

/* Small objects share a cache line, but none straddles one. */
static void cache_line_align(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-cache");
	unsigned int line = cache_line_size(), size;

	for (size = 1; size <= 2 * line; size += size < 10 ? 1 : 5)
		check_align(test, heap, size, 0, GOALLOC_HWCACHE_ALIGN,
			    min_t(unsigned int, roundup_pow_of_two(max(size, 8U)), line));
	check_align(test, heap, 8, 2 * line, GOALLOC_HWCACHE_ALIGN, 2 * line);
}

/* The range that may be copied, from its first to its last byte. */
static void cache_usercopy(struct kunit *test)
{
	struct goalloc_cache_args args = {
		.heap = test_heap(test, "kunit-cache"), .useroffset = 16, .usersize = 32,
	};
	struct goalloc_cache *cache = test_cache(test, "range", 64, &args, 0);
	u8 *obj = goalloc_cache_zalloc(cache, GFP_KERNEL);
	void __user *user = user_page(test);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, obj + 16, 32), 0UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, obj + 47, 1), 0UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_from_user(obj + 16, user, 32), 0UL);
	goalloc_cache_free(cache, obj);
}

static void cache_bulk(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = test_heap(test, "kunit-cache") };
	struct goalloc_cache *cache = test_cache(test, "bulk", 1000, &args, 0);
	void **objs = kunit_kcalloc(test, 200, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	/* What one CPU frees another does not find at once. */
	pin(test);
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, 200, objs), 200);
	KUNIT_EXPECT_EQ(test, heap_live(args.heap), 200ULL);
	goalloc_cache_free(cache, objs[7]);
	objs[7] = NULL;
	goalloc_cache_free_bulk(cache, 200, objs);
	KUNIT_EXPECT_EQ(test, heap_live(args.heap), 0ULL);

	/* 200 objects need 25 pages. */
	goalloc_cache_shrink(cache);
	goalloc_heap_set_limit(args.heap, 24 * GOALLOC_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_NOWARN, 200, objs),
			0);
	KUNIT_EXPECT_EQ(test, heap_live(args.heap), 0ULL);
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, 192, objs), 192);
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_ATOMIC | __GFP_NOWARN, 1,
						       objs + 192), 0);
	goalloc_cache_free_bulk(cache, 192, objs);
}

static void cache_mempool(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = test_heap(test, "kunit-cache") };
	struct goalloc_cache *cache = test_cache(test, "pool", 120, &args, 0);
	mempool_t *pool = mempool_create(3, goalloc_mempool_alloc_cache,
					 goalloc_mempool_free_cache, cache);
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_EQ(test, heap_live(args.heap), 3ULL);
	obj = mempool_alloc(pool, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj), args.heap);
	mempool_free(obj, pool);
	mempool_destroy(pool);
}

static void cache_destroy_live(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-cache");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = goalloc_cache_create("full", 700, &args, 0);
	struct goalloc_heap_stats stats;
	void *objs[23];

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, 23, objs), 23);
	goalloc_cache_free_bulk(cache, 3, objs);
	log_watch(test);
	goalloc_cache_destroy(cache);
	if (log_usable()) {
		KUNIT_EXPECT_TRUE(test, log_has("heap kunit-cache, cache full: 20 live objects:"));
		KUNIT_EXPECT_TRUE(test, log_has("destroyed with 20 live objects"));
	}
	KUNIT_EXPECT_EQ(test, caches_of(heap), 0);
	KUNIT_EXPECT_NULL(test, goalloc_owner(objs[10]));
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.live_objects, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.mallocs, 23ULL);
	KUNIT_EXPECT_EQ(test, stats.frees, 23ULL);
	KUNIT_EXPECT_EQ(test, stats.span_bytes, 0ULL);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(cache_basics),
	KUNIT_CASE(cache_of_struct),
	KUNIT_CASE(cache_bad_args),
	KUNIT_CASE(cache_names),
	KUNIT_CASE(cache_align),
	KUNIT_CASE(cache_line_align),
	KUNIT_CASE(cache_usercopy),
	KUNIT_CASE(cache_bulk),
	KUNIT_CASE(cache_mempool),
	KUNIT_CASE(cache_destroy_live),
	{}
};

struct kunit_suite goalloc_cache_suite = {
	.name = "goalloc_cache",
	.test_cases = cache_cases,
};
