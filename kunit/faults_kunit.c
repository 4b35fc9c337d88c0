// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had: heaps, caches and their objects, arenas, debugging.
 */
#include <linux/sizes.h>

#include "../goalloc_mod/debug.h"
#include "faults.h"
#include "fixture.h"
#include "suites.h"

static int faults_init(struct kunit *test)
{
	want_faults(test);
	return 0;
}

/* Nobody else makes any meanwhile. */
static unsigned int count_heaps(void)
{
	struct goalloc_heap *heap;
	unsigned int n = 0;

	list_for_each_entry(heap, &heaps, node)
		n++;
	return n;
}

struct making {
	unsigned int heaps; /* that others have */
	struct goalloc_heap *heap;
	struct goalloc_cache_args args;
	struct goalloc_cache *cache;
};

static int make_heap(void *data)
{
	struct making *making = data;

	making->heap = goalloc_heap_create("kunit-faults", 0);
	return PTR_ERR_OR_ZERO(making->heap);
}

/* Nothing is left behind; or else it works, whatever it lacks. */
static void heap_is_whole(struct kunit *test, void *data, int err)
{
	struct making *making = data;
	void *obj;

	KUNIT_EXPECT_EQ(test, count_heaps(), making->heaps + !err);
	if (err)
		return;
	obj = goalloc_heap_alloc(making->heap, 100, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	goalloc_heap_free(making->heap, obj);
	KUNIT_EXPECT_EQ(test, heap_live(making->heap), 0ULL);
	goalloc_heap_destroy(making->heap);
	KUNIT_EXPECT_EQ(test, count_heaps(), making->heaps);
}

static void heap(struct kunit *test)
{
	struct making making = { .heaps = count_heaps() };

	KUNIT_EXPECT_GE(test, fail_each(test, make_heap, heap_is_whole, &making), 1U);
}

static int make_cache(void *data)
{
	struct making *making = data;

	making->cache = goalloc_cache_create("faults", 100, &making->args, 0);
	return PTR_ERR_OR_ZERO(making->cache);
}

static void cache_is_whole(struct kunit *test, void *data, int err)
{
	struct making *making = data;
	void *obj;

	KUNIT_EXPECT_EQ(test, list_empty(&making->args.heap->caches), !!err);
	if (err)
		return;
	obj = goalloc_cache_alloc(making->cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	goalloc_cache_free(making->cache, obj);
	KUNIT_EXPECT_EQ(test, heap_live(making->args.heap), 0ULL);
	goalloc_cache_destroy(making->cache);
}

static void cache(struct kunit *test)
{
	struct making making = { .args.heap = test_heap(test, "kunit-faults") };

	KUNIT_EXPECT_GE(test, fail_each(test, make_cache, cache_is_whole, &making), 1U);
	/* With a central of what is debugged, or without. */
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(making.args.heap, GOALLOC_DEBUG_REDZONE), 0);
	KUNIT_EXPECT_GE(test, fail_each(test, make_cache, cache_is_whole, &making), 1U);
}

/* Objects of one size, in a heap that has no span for it at first. */
struct getting {
	struct goalloc_heap *heap;
	size_t size;
	u64 before; /* objects that there are all the time */
	void *obj;
};

static int get(void *data)
{
	struct getting *getting = data;

	getting->obj = goalloc_heap_alloc(getting->heap, getting->size, GFP_KERNEL);
	return getting->obj ? 0 : -ENOMEM;
}

static void give_back(struct kunit *test, void *data, int err)
{
	struct getting *getting = data;

	KUNIT_EXPECT_EQ(test, heap_live(getting->heap), getting->before + !err);
	if (err)
		return;
	memset(getting->obj, 0x5a, getting->size);
	goalloc_free(getting->obj);
	goalloc_heap_shrink(getting->heap);
}

/* The central is kmalloc'ed; a span and its slots' bits are there. */
static void object(struct kunit *test)
{
	static const size_t sizes[] = { 8, 100, SZ_32K, SZ_1M };
	struct getting getting = { .heap = test_heap(test, "kunit-faults") };
	unsigned int i, failed;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		getting.size = sizes[i];
		failed = fail_each(test, get, give_back, &getting);
		KUNIT_EXPECT_GE_MSG(test, failed, 1U, "%zu bytes", sizes[i]);
	}
	expect_recount(test);
}

/* Arenas that could not be had, and those that could, since load. */
static unsigned long grow_fails(void)
{
	return READ_ONCE(mheap.grow_fails);
}

static unsigned long grows(void)
{
	return READ_ONCE(mheap.grows);
}

/* One object that has an arena for itself. */
static void dedicated(struct kunit *test)
{
	struct getting getting = {
		.heap = test_heap(test, "kunit-faults"),
		.size = ((size_t)arena_mb << 20) + 1,
	};
	unsigned long fails;
	unsigned int failed;

	if (get(&getting))
		kunit_skip(test, "so much memory cannot be had");
	give_back(test, &getting, 0);
	fails = grow_fails();
	failed = fail_each(test, get, give_back, &getting);
	KUNIT_EXPECT_GE(test, failed, 2U);
	KUNIT_EXPECT_EQ(test, grow_fails(), fails + failed);
	KUNIT_EXPECT_EQ(test, mheap.ndedicated, 0U);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&getting.heap->pages), 0L);
	expect_recount(test);
}

static unsigned int usual_low_mb, usual_arena_mb;

static void usual_arenas(void *ctx)
{
	low_mb = usual_low_mb;
	arena_mb = usual_arena_mb;
}

/* Until the test ends no arena comes ahead of time, and those that come are small. */
static void small_arenas(struct kunit *test)
{
	usual_low_mb = low_mb;
	usual_arena_mb = arena_mb;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, usual_arenas, NULL), 0);
	low_mb = 0;
	arena_mb = 8;
}

/* Allocate until no more can be had. Returns the objects, linked, with @all at the end. */
static void **take_all(struct goalloc_heap *heap, size_t size, void **all)
{
	void **obj;

	fail_all(true);
	while ((obj = goalloc_heap_alloc(heap, size, GFP_KERNEL))) {
		*obj = all;
		all = obj;
	}
	fail_all(false);
	return all;
}

static void free_all(void **all)
{
	while (all) {
		void **obj = all;

		all = *obj;
		goalloc_free(obj);
	}
}

/* All pages are handed out, and no more can be had: then there has to be another arena. */
static void arena(struct kunit *test)
{
	struct getting getting = { .heap = test_heap(test, "kunit-faults"), .size = SZ_1M };
	unsigned long fails, grown;
	unsigned int failed;
	void **all;

	small_arenas(test);
	all = goalloc_heap_zalloc(getting.heap, SZ_1M, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	fails = grow_fails();
	grown = grows();
	all = take_all(getting.heap, SZ_1M, all);
	KUNIT_EXPECT_GT(test, grow_fails(), fails);
	KUNIT_EXPECT_EQ(test, grows(), grown);

	/* A smaller one will do, */
	getting.before = heap_live(getting.heap);
	fails = grow_fails();
	KUNIT_EXPECT_EQ(test, fail_each(test, get, give_back, &getting), 0U);
	KUNIT_EXPECT_EQ(test, grow_fails(), fails);
	KUNIT_EXPECT_GT(test, grows(), grown);
	/* but none is smaller than this. */
	arena_mb = 4;
	failed = fail_each(test, get, give_back, &getting);
	KUNIT_EXPECT_GE(test, failed, 1U);
	KUNIT_EXPECT_EQ(test, grow_fails(), fails + failed);
	free_all(all);
	expect_recount(test);
}

/* Spans of the smallest objects have bits in blocks that are kept ahead: those come to an end. */
static void slot_bits(struct kunit *test)
{
	struct getting getting = { .heap = test_heap(test, "kunit-faults"), .size = 8 };
	const unsigned int *blocks = &mheap.nbits[MSPANBITS_KINDS - 1];
	void **all;
	u64 spans;

	/* It keeps a record of each object, and gives up when it cannot. */
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		kunit_skip(test, "kmemleak would run out of memory");
	small_arenas(test);
	pin(test);
	all = goalloc_heap_zalloc(getting.heap, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	spans = 1 + *blocks;
	all = take_all(getting.heap, 8, all);
	KUNIT_EXPECT_EQ(test, *blocks, 0U);
	KUNIT_EXPECT_EQ(test, heap_live(getting.heap), spans * GOALLOC_MAX_NELEMS);
	getting.before = heap_live(getting.heap);
	KUNIT_EXPECT_EQ(test, get(&getting), 0);
	give_back(test, &getting, 0);
	free_all(all);
	expect_recount(test);
}

/* What cannot be debugged for want of memory is an ordinary object. */
static void debugged_object(struct kunit *test)
{
	static const size_t sizes[] = { 100, SZ_1M };
	struct getting getting = { .heap = test_heap(test, "kunit-faults") };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(getting.heap, GOALLOC_DEBUG_REDZONE), 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		getting.size = sizes[i];
		KUNIT_EXPECT_EQ(test, fail_each(test, get, give_back, &getting), 0U);
	}
	/* Not so for want of room, with what a large one needs for that at hand. */
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(getting.heap, SZ_512K), 0);
	KUNIT_EXPECT_EQ(test, get(&getting), -ENOMEM);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&getting.heap->pages), 0L);
}

struct debugging {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	const char *name;
};

static int debug_heap(void *data)
{
	struct debugging *d = data;

	return goalloc_heap_set_debug(d->heap, GOALLOC_DEBUG_REDZONE);
}

static int debug_cache(void *data)
{
	struct debugging *d = data;

	return goalloc_cache_set_debug(d->cache, GOALLOC_DEBUG_REDZONE);
}

static int debug_named(void *data)
{
	struct debugging *d = data;

	return debug_set_named(d->heap, "faults", GOALLOC_DEBUG_REDZONE);
}

static void debug_is_set(struct kunit *test, void *data, int err)
{
	struct debugging *d = data;
	void *obj;

	KUNIT_EXPECT_EQ(test, d->cache->central.debug, err ? 0 : GOALLOC_DEBUG_REDZONE);
	if (!err)
		KUNIT_EXPECT_NOT_NULL(test, d->cache->debugged);
	obj = goalloc_cache_alloc(d->cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	goalloc_cache_free(d->cache, obj);
}

/* Heap and cache need something for that, which they keep. */
static void set_debug(struct kunit *test)
{
	static int (*const ways[])(void *data) = { debug_heap, debug_cache, debug_named };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		struct goalloc_cache_args args = { .heap = test_heap(test, "kunit-faults") };
		struct debugging d = { .heap = args.heap };

		d.cache = test_cache(test, "faults", 100, &args, 0);
		KUNIT_EXPECT_GE_MSG(test, fail_each(test, ways[i], debug_is_set, &d), 1U,
				    "way %u", i);
		test_cache_forget(test, d.cache);
		test_heap_forget(test, d.heap);
		goalloc_heap_destroy(d.heap);
	}
}

static struct kunit_case faults_cases[] = {
	KUNIT_CASE(heap),
	KUNIT_CASE(cache),
	KUNIT_CASE(object),
	KUNIT_CASE(dedicated),
	KUNIT_CASE(arena),
	KUNIT_CASE(slot_bits),
	KUNIT_CASE(debugged_object),
	KUNIT_CASE(set_debug),
	{}
};

struct kunit_suite goalloc_faults_suite = {
	.name = "goalloc_faults",
	.attr.speed = KUNIT_SPEED_VERY_SLOW,
	.init = faults_init,
	.test_cases = faults_cases,
};
