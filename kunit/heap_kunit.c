// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps: names, limits, statistics, owners, and taking one down with all it
 * holds.
 */
#include <linux/list.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "fixture.h"
#include "suites.h"

static void heap_names(struct kunit *test)
{
	static const char *const bad[] = {
		NULL, "", ".", ".x", "a/b", "two words", "tab\t", "umlaut\xc3\xa4", "x\n",
		"caf\xe9",
		"a-name-that-has-forty-eight-letters-is-too-long-",
	};
	size_t nr = list_count_nodes(&heaps);
	struct goalloc_heap *heap;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		heap = goalloc_heap_create(bad[i], 0);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(heap), -EINVAL, "no. %u", i);
	}
	for (i = fls(GOALLOC_HEAP_FLAGS_MASK); i < BITS_PER_LONG; i += 7)
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(goalloc_heap_create("flags", BIT(i))),
				-EINVAL);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&heaps), nr);

	heap = goalloc_heap_create("a-name-that-has-forty-seven-letters-is-accepted", 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_STREQ(test, goalloc_heap_name(heap),
			   "a-name-that-has-forty-seven-letters-is-accepted");
	KUNIT_EXPECT_PTR_EQ(test, heap->owner, THIS_MODULE);
	goalloc_heap_destroy(heap);

	heap = test_heap(test, "kunit-heap");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(goalloc_heap_create("kunit-heap", 0)), -EEXIST);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(goalloc_heap_create("default", 0)), -EEXIST);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&heaps), nr + 1);
}

static void heap_default(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_default();

	KUNIT_EXPECT_STREQ(test, goalloc_heap_name(heap), "default");
	goalloc_heap_destroy(heap);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_heap_default(), heap);
	goalloc_free(goalloc_alloc(8, GFP_KERNEL));
	goalloc_heap_destroy(NULL);
}

/* No id comes back, though names do. */
static void heap_ids(struct kunit *test)
{
	struct goalloc_heap *heap;
	u32 last = 0;
	int i;

	for (i = 0; i < 10; i++) {
		heap = goalloc_heap_create("kunit-heap", 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
		KUNIT_EXPECT_GT(test, heap->id, last);
		last = heap->id;
		goalloc_heap_destroy(heap);
	}
}

/* An empty heap costs no pages, and one that was used gives them all back. */
static void heap_empty(struct kunit *test)
{
	struct mheap_snapshot before, after;
	struct goalloc_heap *heap;
	void *p, *q;

	wait_for_pages(test);
	goalloc_heap_shrink(goalloc_heap_default());
	mheap_snapshot(&before);
	heap = goalloc_heap_create("kunit-heap", 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_EQ(test, after.small + after.large, before.small + before.large);
	p = goalloc_heap_alloc(heap, 10, GFP_KERNEL);
	q = goalloc_heap_alloc(heap, SZ_1M, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NOT_NULL(test, q);
	goalloc_heap_destroy(heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_EQ(test, after.small, before.small);
	KUNIT_EXPECT_EQ(test, after.large, before.large);
	KUNIT_EXPECT_EQ(test, after.parked, before.parked);
	KUNIT_EXPECT_EQ(test, after.nbits_used[2], before.nbits_used[2]);
	expect_recount(test);
}

/* Objects of 64 bytes until there are no more. */
static unsigned int fill(struct goalloc_heap *heap, void **objs, unsigned int max)
{
	unsigned int n = 0;

	while (n < max) {
		objs[n] = goalloc_heap_alloc(heap, 64, GFP_KERNEL | __GFP_NOWARN);
		if (!objs[n])
			break;
		n++;
	}
	return n;
}

static void heap_limit(struct kunit *test)
{
	unsigned int per_page = GOALLOC_PAGE_SIZE / 64, n;
	void **objs = kunit_kcalloc(test, 8 * per_page, sizeof(*objs), GFP_KERNEL);
	struct goalloc_heap *heap = test_heap(test, "kunit-heap");
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct goalloc_heap_stats stats;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	pin(test);
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.limit, (u64)ULONG_MAX);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(heap, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(heap, GOALLOC_PAGE_SIZE - 1), -EINVAL);

	/* The smallest that lets anything through: one span, and no other class. */
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(heap, GOALLOC_PAGE_SIZE + 100), 0);
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.limit, (u64)GOALLOC_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fill(heap, objs, 8 * per_page), per_page);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 64, GFP_ATOMIC | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 8, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 40000, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, ((size_t)arena_mb << 20) + 1, gfp));
	goalloc_heap_free(heap, objs[3]);
	objs[3] = goalloc_heap_alloc(heap, 64, gfp);
	KUNIT_EXPECT_NOT_NULL(test, objs[3]);

	goalloc_heap_set_limit(heap, 4 * GOALLOC_PAGE_SIZE);
	n = per_page + fill(heap, objs + per_page, 7 * per_page);
	KUNIT_EXPECT_EQ(test, n, 4 * per_page);
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.span_bytes, (u64)stats.limit);

	/* Below what is held: nothing goes, nothing is added. */
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(heap, 2 * GOALLOC_PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 64, gfp));
	KUNIT_EXPECT_EQ(test, heap_live(heap), (u64)n);
	goalloc_free_bulk(n, objs);
	goalloc_heap_shrink(heap);
	KUNIT_EXPECT_EQ(test, fill(heap, objs, 8 * per_page), 2 * per_page);
	goalloc_free_bulk(2 * per_page, objs);

	/* Large objects count with all their pages. */
	goalloc_heap_shrink(heap);
	goalloc_heap_set_limit(heap, 6 * GOALLOC_PAGE_SIZE);
	objs[0] = goalloc_heap_alloc(heap, 40000, gfp);
	KUNIT_EXPECT_NOT_NULL(test, objs[0]);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 40000, gfp));
	goalloc_heap_free(heap, objs[0]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->pages), 0L);
}

#define MODEL 400

/* What was handed out, by a model's account, is what the statistics say. */
static void heap_stats(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-heap");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "some", 200, &args, 0);
	void **objs = kunit_kcalloc(test, MODEL, sizeof(*objs), GFP_KERNEL);
	u64 live = 0, bytes = 0, mallocs = 0, frees = 0;
	struct goalloc_heap_stats stats;
	struct rnd_state rnd;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 6000; i++) {
		unsigned int at = prandom_u32_state(&rnd) % MODEL;
		size_t size = 1 + (prandom_u32_state(&rnd) & ((32 << at % 12) - 1));

		if (objs[at]) {
			bytes -= goalloc_size(objs[at]);
			goalloc_heap_free(heap, objs[at]);
			objs[at] = NULL;
			live--;
			frees++;
		} else {
			objs[at] = at % 5 ? goalloc_heap_alloc(heap, size, GFP_KERNEL) :
					    goalloc_cache_alloc(cache, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[at]);
			bytes += goalloc_size(objs[at]);
			live++;
			mallocs++;
		}
		if (i % 500)
			continue;
		goalloc_heap_stats(heap, &stats);
		KUNIT_EXPECT_EQ(test, stats.live_objects, live);
		KUNIT_EXPECT_EQ(test, stats.live_bytes, bytes);
		KUNIT_EXPECT_EQ(test, stats.mallocs, mallocs);
		KUNIT_EXPECT_EQ(test, stats.frees, frees);
		KUNIT_EXPECT_GE(test, stats.span_bytes, bytes);
		KUNIT_EXPECT_EQ(test, stats.misuse, 0ULL);
	}
	goalloc_free_bulk(MODEL, objs);
	goalloc_heap_shrink(heap);
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.mallocs, stats.frees);
	KUNIT_EXPECT_EQ(test, stats.span_bytes, 0ULL);
}

static void heap_destroy_live(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-full", 0);
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache;
	struct mheap_snapshot before, after;
	size_t nr = list_count_nodes(&heaps);
	void *objs[7];
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	cache = goalloc_cache_create("left", 300, &args, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	mheap_snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = i < 3 ? goalloc_cache_alloc(cache, GFP_KERNEL) :
			  goalloc_heap_alloc(heap, i < 5 ? 64 : SZ_1M, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	goalloc_free(objs[6]);
	log_watch(test);
	/* The cache goes with it. */
	goalloc_heap_destroy(heap);
	if (log_usable()) {
		KUNIT_EXPECT_TRUE(test, log_has("heap kunit-full, cache left: 3 live objects:"));
		KUNIT_EXPECT_TRUE(test, log_has("(64 bytes): 2 live objects:"));
		KUNIT_EXPECT_TRUE(test, log_has("kunit-full was destroyed with 6 live objects"));
	}
	KUNIT_EXPECT_EQ(test, list_count_nodes(&heaps), nr - 1);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		KUNIT_EXPECT_NULL(test, goalloc_owner(hide(objs[i])));
	mheap_snapshot(&after);
	KUNIT_EXPECT_EQ(test, after.large, before.large);
	expect_recount(test);
}

/* Two heaps share arenas, but no span. */
static void heap_isolation(struct kunit *test)
{
	struct goalloc_heap *heap[2] = {
		test_heap(test, "kunit-heap"), test_heap(test, "kunit-other"),
	};
	void *objs[2][100];
	unsigned int i, h;

	for (i = 0; i < 100; i++) {
		for (h = 0; h < 2; h++) {
			objs[h][i] = goalloc_heap_alloc(heap[h], 100 + i, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[h][i]);
			memset(objs[h][i], h, 100 + i);
		}
	}
	for (i = 0; i < 100; i++) {
		for (h = 0; h < 2; h++) {
			void *obj = objs[h][i];
			struct mspan *span = span_containing((unsigned long)obj);

			KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + 50), heap[h]);
			KUNIT_EXPECT_PTR_EQ(test, span->central->heap, heap[h]);
			KUNIT_EXPECT_NULL(test, memchr_inv(obj, h, 100 + i));
			goalloc_heap_free(heap[h], obj);
			KUNIT_EXPECT_NULL(test, goalloc_owner(hide(obj)));
		}
	}
}

/* More than the arenas there are have room for; those that came go again. */
static void heap_shrink(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-heap");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "shrunk", 5000, &args, 0);
	void *small = goalloc_cache_alloc(cache, GFP_KERNEL), **objs;
	struct mheap_snapshot before, grown, after;
	unsigned int nr, i, n;
	unsigned long bytes;

	KUNIT_ASSERT_NOT_NULL(test, small);
	goalloc_heap_shrink(heap);
	mheap_snapshot(&before);
	nr = (before.free >> (22 - GOALLOC_PAGE_SHIFT)) + 2;
	objs = kunit_kcalloc(test, nr, sizeof(*objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (n = 0; n < nr; n++) {
		objs[n] = goalloc_heap_alloc(heap, SZ_4M - SZ_64K, GFP_KERNEL | __GFP_NOWARN);
		if (!objs[n])
			break;
	}
	KUNIT_ASSERT_EQ(test, n, nr);
	mheap_snapshot(&grown);
	KUNIT_EXPECT_GT(test, grown.narenas, before.narenas);
	for (i = 0; i < n; i++)
		goalloc_heap_free(heap, objs[i]);
	goalloc_cache_free(cache, small);

	bytes = goalloc_cache_shrink(cache);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->pages), 0L);
	bytes += goalloc_heap_shrink(heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_LE(test, after.narenas, before.narenas);
	KUNIT_EXPECT_GE(test, bytes, (grown.sys - before.sys) << GOALLOC_PAGE_SHIFT);
	KUNIT_EXPECT_GE(test, after.free, (unsigned long)low_mb << (20 - GOALLOC_PAGE_SHIFT));
	expect_recount(test);
}

struct giver {
	struct delayed_work work;
	void *obj;
};

static void give_back(struct work_struct *work)
{
	goalloc_free(container_of(to_delayed_work(work), struct giver, work)->obj);
}

/* Reclaim cannot make room, and waits for who does if it must not fail. */
static void heap_nofail_in_reclaim(struct kunit *test)
{
	static const size_t sizes[] = { GOALLOC_PAGE_SIZE, 5 * GOALLOC_PAGE_SIZE };
	struct goalloc_heap *heap = test_heap(test, "kunit-nofail");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct giver giver;
		unsigned int reclaim;
		void *obj, *none;

		KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(heap, sizes[i]), 0);
		giver.obj = goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, giver.obj);
		INIT_DELAYED_WORK_ONSTACK(&giver.work, give_back);

		reclaim = memalloc_noreclaim_save();
		none = goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL | __GFP_NOWARN);
		schedule_delayed_work(&giver.work, HZ / 10);
		obj = goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL | __GFP_NOFAIL);
		memalloc_noreclaim_restore(reclaim);

		flush_delayed_work(&giver.work);
		destroy_delayed_work_on_stack(&giver.work);
		KUNIT_EXPECT_NULL(test, none);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		goalloc_free(obj);
		goalloc_heap_shrink(heap);
	}
}

static struct kunit_case heap_cases[] = {
	KUNIT_CASE(heap_nofail_in_reclaim),
	KUNIT_CASE(heap_names),
	KUNIT_CASE(heap_default),
	KUNIT_CASE(heap_ids),
	KUNIT_CASE(heap_empty),
	KUNIT_CASE(heap_limit),
	KUNIT_CASE(heap_stats),
	KUNIT_CASE(heap_destroy_live),
	KUNIT_CASE(heap_isolation),
	KUNIT_CASE(heap_shrink),
	{}
};

struct kunit_suite goalloc_heap_suite = {
	.name = "goalloc_heap",
	.test_cases = heap_cases,
};
