// SPDX-License-Identifier: GPL-2.0
/*
 * init_on_alloc and init_on_free, wherever objects come from and however they go.
 * What is skipped here for want of a boot parameter runs in tools/testing/run
 * hardened. Not instrumented: it reads what has been freed, and writes to it, so
 * that one of the two does not hide that the other fails.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "fixture.h"
#include "suites.h"

#define DIRT 0xd7
#define NR 96U

/* 8 bytes would be the rcu_head's alone. */
struct dirty {
	u8 bytes[100];
	struct rcu_head rcu;
};

static bool all_are(const void *p, u8 value, size_t size)
{
	const u8 *b = p;
	size_t i;

	for (i = 0; i < size; i++)
		if (READ_ONCE(b[i]) != value)
			return false;
	return true;
}

static void soil(void *p, u8 value, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		WRITE_ONCE(((u8 *)p)[i], value);
}

static void want_alloc(struct kunit *test)
{
	if (!want_init_on_alloc(0))
		kunit_skip(test, "needs init_on_alloc=1");
}

static void want_free(struct kunit *test)
{
	if (!want_init_on_free())
		kunit_skip(test, "needs init_on_free=1");
}

static struct goalloc_cache *dirty_cache(struct kunit *test, unsigned long flags)
{
	struct goalloc_cache_args args = { .heap = test_heap(test, "kunit-init") };

	pin(test);
	return test_cache(test, "dirty", sizeof(struct dirty), &args, flags);
}

static struct goalloc_heap *heap_of_cache(struct goalloc_cache *cache)
{
	return cache->central.heap;
}

/* Bulk, of objects that were dirty, and that are the same: none is new. */
static void alloc_bulk(struct kunit *test, struct goalloc_cache *cache, u8 expect)
{
	void *objs[NR];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, NR, objs), (int)NR);
	goalloc_cache_free_bulk(cache, NR, objs);
	for (i = 0; i < NR; i++)
		soil(objs[i], DIRT, sizeof(struct dirty));
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, NR, objs), (int)NR);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_TRUE(test, all_are(objs[i], expect, sizeof(struct dirty)));
	goalloc_cache_free_bulk(cache, NR, objs);
}

static void init_alloc_bulk(struct kunit *test)
{
	want_alloc(test);
	alloc_bulk(test, dirty_cache(test, 0), 0);
}

static void init_alloc_stable(struct kunit *test)
{
	want_alloc(test);
	alloc_bulk(test, dirty_cache(test, GOALLOC_TYPE_STABLE), 0);
}

/* SLUB's exception: what is typesafe keeps what it had. */
static void init_typesafe(struct kunit *test)
{
	struct goalloc_cache *cache = dirty_cache(test, GOALLOC_TYPESAFE_BY_RCU);
	u8 *keep = goalloc_cache_zalloc(cache, GFP_KERNEL);
	u8 *obj = goalloc_cache_zalloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, keep && obj);
	soil(obj, DIRT, sizeof(struct dirty));
	goalloc_cache_free(cache, obj);
	KUNIT_EXPECT_TRUE(test, all_are(obj, DIRT, sizeof(struct dirty)));
	goalloc_cache_free(cache, keep);
}

static void init_alloc_large(struct kunit *test)
{
	static const size_t sizes[] = { SZ_32K + 1, SZ_256K, SZ_1M, SZ_2M + 5 };
	struct goalloc_heap *heap = test_heap(test, "kunit-init");
	unsigned int i, round;

	want_alloc(test);
	pin(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (round = 0; round < 3; round++) {
			void *obj = hide(goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL));
			void *dead = hide(obj);

			KUNIT_ASSERT_NOT_NULL(test, obj);
			KUNIT_EXPECT_TRUE(test, all_are(obj, 0, goalloc_size(obj)));
			goalloc_free(obj);
			soil(dead, DIRT, sizes[i]);
		}
}

/* Bytes that realloc() adds, in place and by moving, from slots that were dirty. */
static void init_alloc_realloc(struct kunit *test)
{
	static const size_t sizes[] = { 20, 30, 47, 200, 100, 208, 3000, 5000, 40000, 70000 };
	struct goalloc_heap *heap = test_heap(test, "kunit-init");
	void *dirt[ARRAY_SIZE(sizes)];
	unsigned int i;
	size_t had = 0;
	u8 *obj;

	want_alloc(test);
	pin(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		dirt[i] = goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, dirt[i]);
	}
	goalloc_free_bulk(ARRAY_SIZE(dirt), dirt);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		soil(hide(dirt[i]), DIRT, sizes[i]);

	obj = goalloc_heap_alloc(heap, 10, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = goalloc_realloc(obj, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		if (sizes[i] > had)
			KUNIT_EXPECT_TRUE_MSG(test, all_are(obj + had, 0, sizes[i] - had),
					      "to %zu", sizes[i]);
		soil(obj, DIRT, sizes[i]);
		had = sizes[i];
	}
	goalloc_free(obj);
}

/* Each way to free an object of a span that stays. */
static void free_ways(struct kunit *test, struct goalloc_cache *cache)
{
	struct dirty *keep, *objs[6];
	unsigned int i;

	keep = goalloc_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, keep);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		soil(objs[i], DIRT, sizeof(*objs[i]));
	}
	goalloc_cache_free(cache, objs[0]);
	goalloc_free(objs[1]);
	goalloc_heap_free(heap_of_cache(cache), objs[2]);
	goalloc_cache_free_bulk(cache, 2, (void **)&objs[3]);
	goalloc_free_rcu(objs[5], rcu);
	goalloc_rcu_barrier();
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		KUNIT_EXPECT_TRUE_MSG(test, all_are(objs[i], 0, sizeof(*objs[i])), "way %u", i);
	goalloc_cache_free(cache, keep);
}

static void init_free_ways(struct kunit *test)
{
	want_free(test);
	free_ways(test, dirty_cache(test, 0));
}

static void init_free_stable(struct kunit *test)
{
	want_free(test);
	free_ways(test, dirty_cache(test, GOALLOC_TYPE_STABLE));
}

struct large_dirty {
	u8 bytes[SZ_128K];
	struct rcu_head rcu;
};

/* A live object beside them keeps the arena. */
static void init_free_large(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-init");
	struct large_dirty *obj;
	unsigned int way;
	void *keep;

	want_free(test);
	keep = goalloc_heap_alloc(heap, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, keep);
	for (way = 0; way < 3; way++) {
		obj = goalloc_heap_alloc(heap, sizeof(*obj), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		soil(obj, DIRT, sizeof(*obj));
		if (way == 0)
			goalloc_free(obj);
		else if (way == 1)
			goalloc_free_bulk(1, (void **)&obj);
		else
			goalloc_free_rcu(obj, rcu);
		goalloc_rcu_barrier();
		KUNIT_EXPECT_TRUE_MSG(test, all_are(obj, 0, sizeof(*obj)), "way %u", way);
	}
	goalloc_free(keep);
}

/* What shrinking by realloc() leaves behind. */
static void init_free_realloc(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-init");
	u8 *keep, *obj, *new;

	want_free(test);
	keep = goalloc_heap_alloc(heap, 4000, GFP_KERNEL);
	obj = goalloc_heap_alloc(heap, 4000, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, keep && obj);
	soil(obj, DIRT, 4000);
	new = goalloc_realloc(hide(obj), 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_TRUE(test, all_are(new, DIRT, 100));
	KUNIT_EXPECT_TRUE(test, all_are(obj, 0, 4000));
	goalloc_free(new);
	goalloc_free(keep);
}

/* Whatever the parameters say. */
static void init_sensitive(struct kunit *test)
{
	struct goalloc_cache *cache = dirty_cache(test, 0);
	u8 *keep = goalloc_cache_alloc(cache, GFP_KERNEL);
	u8 *obj = goalloc_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, keep && obj);
	soil(obj, DIRT, sizeof(struct dirty));
	goalloc_free_sensitive(obj);
	KUNIT_EXPECT_TRUE(test, all_are(obj, 0, sizeof(struct dirty)));
	goalloc_cache_free(cache, keep);
}

static struct kunit_case init_cases[] = {
	KUNIT_CASE(init_alloc_bulk),
	KUNIT_CASE(init_alloc_stable),
	KUNIT_CASE(init_typesafe),
	KUNIT_CASE(init_alloc_large),
	KUNIT_CASE(init_alloc_realloc),
	KUNIT_CASE(init_free_ways),
	KUNIT_CASE(init_free_stable),
	KUNIT_CASE(init_free_large),
	KUNIT_CASE(init_free_realloc),
	KUNIT_CASE(init_sensitive),
	{}
};

struct kunit_suite goalloc_init_suite = {
	.name = "goalloc_init",
	.test_cases = init_cases,
};
