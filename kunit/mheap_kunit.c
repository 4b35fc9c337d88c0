// SPDX-License-Identifier: GPL-2.0
/*
 * The mheap: memory is conserved, by a recount of every page; and what
 * happens when there is none left, or too little.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../goalloc_mod/mstats.h"
#include "fixture.h"
#include "suites.h"

#define SLOTS 500

/**
 * struct mheap_test - kunit's priv
 * @heap: the heap
 * @max_mb: the parameter, as it was
 * @low_mb: the parameter, as it was
 */
struct mheap_test {
	struct goalloc_heap *heap;
	unsigned long max_mb;
	unsigned int low_mb;
};

static int mheap_init(struct kunit *test)
{
	struct mheap_test *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->max_mb = max_mb;
	m->low_mb = low_mb;
	wait_for_pages(test);
	m->heap = test_heap(test, "kunit-mheap");
	test->priv = m;
	return 0;
}

static void mheap_exit(struct kunit *test)
{
	struct mheap_test *m = test->priv;

	if (!m)
		return;
	max_mb = m->max_mb;
	low_mb = m->low_mb;
}

static unsigned long sys_mb(void)
{
	return READ_ONCE(mheap.pages_sys) >> (20 - GOALLOC_PAGE_SHIFT);
}

/* A size of a random order of magnitude, up to 512 KiB, large ones rarely. */
static size_t any_size(struct rnd_state *rnd)
{
	u32 n = prandom_u32_state(rnd);

	return 1 + (prandom_u32_state(rnd) & (n % 16 ? (16U << n % 11) - 1 : SZ_512K - 1));
}

/* One of a history's steps: free the object of a slot, or make one. */
static void step(struct goalloc_heap *heap, struct rnd_state *rnd, void **objs)
{
	unsigned int at = prandom_u32_state(rnd) % SLOTS;

	if (objs[at]) {
		goalloc_heap_free(heap, objs[at]);
		objs[at] = NULL;
	} else {
		objs[at] = goalloc_heap_alloc(heap, any_size(rnd), GFP_KERNEL | __GFP_NOWARN);
	}
}

/* What a heap holds at one moment: idle CPUs give their spans back when they like. */
static void sums_of(struct kunit *test, struct goalloc_heap *heap, struct span_sums *sums)
{
	unsigned int tries = 0;
	u64 pages;

	do {
		memset(sums, 0, sizeof(*sums));
		heap_span_sums(heap->id, sums);
		pages = atomic_long_read(&heap->pages);
		/* The limit does not see what CPUs keep. */
		pages += sums->kept_pages;
	} while (sums->pages != pages && tries++ < 10);
	KUNIT_EXPECT_EQ(test, sums->pages, pages);
}

static void mheap_random_history(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	void **objs = kunit_kcalloc(test, SLOTS, sizeof(*objs), GFP_KERNEL);
	struct span_sums all, ours;
	struct rnd_state rnd;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	prandom_seed_state(&rnd, 42);
	for (i = 1; i <= 6000; i++) {
		step(m->heap, &rnd, objs);
		if (i % 1000)
			continue;
		if (i % 2000)
			goalloc_heap_shrink(m->heap);
		expect_recount(test);
		mheap_span_sums(&all);
		sums_of(test, m->heap, &ours);
		KUNIT_EXPECT_GE(test, all.pages, ours.live_bytes >> GOALLOC_PAGE_SHIFT);
		KUNIT_EXPECT_GE(test, ours.pages << GOALLOC_PAGE_SHIFT, ours.live_bytes);
		KUNIT_EXPECT_LE(test, ours.live, ours.slots);
	}
	goalloc_free_bulk(SLOTS, objs);
	goalloc_heap_shrink(m->heap);
	sums_of(test, m->heap, &ours);
	KUNIT_EXPECT_EQ(test, ours.spans, 0ULL);
	expect_recount(test);
}

static int hammer(void *arg)
{
	struct goalloc_heap *heap = arg;
	struct rnd_state rnd;
	void **objs = kcalloc(SLOTS, sizeof(*objs), GFP_KERNEL);

	prandom_seed_state(&rnd, 7);
	while (objs && !kthread_should_stop()) {
		step(heap, &rnd, objs);
		cond_resched();
	}
	while (!kthread_should_stop())
		msleep(20);
	if (objs)
		goalloc_free_bulk(SLOTS, objs);
	kfree(objs);
	return 0;
}

/* The sum holds at each moment, and the recount once all is quiet. */
static void mheap_sum_under_load(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	struct task_struct *threads[2];
	struct mheap_snapshot snap;
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(hammer, m->heap, "kunit-hammer/%u", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, threads[i]);
	}
	for (i = 0; i < 2000; i++) {
		mheap_snapshot(&snap);
		bad += snap.sys != snap.small + snap.large + snap.parked + snap.free;
		if (i % 50 == 0)
			msleep(20);
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
	KUNIT_EXPECT_EQ(test, bad, 0U);
	goalloc_heap_shrink(m->heap);
	expect_recount(test);
}

/**
 * struct hoard - objects that took all memory there was
 * @nr: how many
 * @objs: the objects
 */
struct hoard {
	unsigned int nr;
	void *objs[4096];
};

/* All free pages, in pieces that get smaller. */
static struct hoard *hoard_all(struct kunit *test, struct goalloc_heap *heap, gfp_t gfp)
{
	struct hoard *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	size_t size = SZ_1M;

	KUNIT_ASSERT_NOT_NULL(test, h);
	while (h->nr < ARRAY_SIZE(h->objs)) {
		void *obj = goalloc_heap_alloc(heap, size, gfp | __GFP_NOWARN);

		if (obj)
			h->objs[h->nr++] = obj;
		else if (size > GOALLOC_MAX_SMALL)
			size /= 2;
		else if (size > GOALLOC_PAGE_SIZE)
			size = GOALLOC_PAGE_SIZE;
		else
			break;
	}
	return h;
}

static void hoard_free(struct hoard *h)
{
	goalloc_free_bulk(h->nr, h->objs);
	h->nr = 0;
}

/* No more memory is to be had: each call says so, and what there is stays good. */
static void mheap_growth_fails(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	unsigned long fails = mheap.grow_fails;
	struct goalloc_cache_args args = { .heap = m->heap };
	struct goalloc_cache *cache = test_cache(test, "starved", 4000, &args, 0);
	u8 *small = goalloc_heap_alloc(m->heap, 100, GFP_KERNEL), *p;
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct hoard *h;
	unsigned int i;
	void *objs[64];

	KUNIT_ASSERT_NOT_NULL(test, small);
	memset(small, 0x99, 100);
	max_mb = sys_mb();
	h = hoard_all(test, m->heap, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, h->nr, 0U);
	KUNIT_EXPECT_LE(test, sys_mb(), max_mb);
	KUNIT_EXPECT_GT(test, mheap.grow_fails, fails);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(m->heap, SZ_64K, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(m->heap, ((size_t)arena_mb << 20) + 1, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_cache_alloc(cache, gfp));
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, gfp, 64, objs), 0);
	KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(small), SZ_1M, gfp));
	KUNIT_EXPECT_NULL(test, memchr_inv(small, 0x99, 100));

	/* Room in spans is room, though not in one that another CPU owns. */
	goalloc_heap_shrink(m->heap);
	p = goalloc_heap_alloc(m->heap, 100, gfp);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_heap_free(m->heap, p);
	/* One page given back serves another class, after the reaper. */
	KUNIT_EXPECT_EQ(test, heap_live(m->heap), h->nr + 1ULL);
	for (i = h->nr - 4; i < h->nr; i++) {
		goalloc_heap_free(m->heap, h->objs[i]);
		h->objs[i] = NULL;
	}
	goalloc_heap_shrink(m->heap);
	p = goalloc_cache_alloc(cache, gfp);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_cache_free(cache, p);
	expect_recount(test);

	hoard_free(h);
	max_mb = m->max_mb;
	p = goalloc_heap_alloc(m->heap, SZ_1M, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_heap_free(m->heap, p);
	goalloc_heap_free(m->heap, small);
}

/* Dead spans of other classes are the last resort of who may sleep. */
static void mheap_parked_is_memory(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct hoard *h;
	void *pages[64], *p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = goalloc_heap_alloc(m->heap, GOALLOC_PAGE_SIZE, gfp);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	max_mb = sys_mb();
	h = hoard_all(test, m->heap, gfp);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(m->heap, 3 * GOALLOC_PAGE_SIZE, gfp));
	goalloc_free_bulk(ARRAY_SIZE(pages), pages);
	p = goalloc_heap_alloc(m->heap, 3 * GOALLOC_PAGE_SIZE, gfp);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_heap_free(m->heap, p);
	hoard_free(h);
}

/* Callers that must not sleep get what is there, and NULL. */
static void mheap_atomic_without_pages(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct goalloc_cache_args args = { .heap = m->heap };
	struct goalloc_cache *cache = test_cache(test, "atomic", 200, &args, 0);
	struct hoard *h;
	void *p;

	max_mb = sys_mb();
	h = hoard_all(test, m->heap, GFP_ATOMIC);
	KUNIT_EXPECT_GT(test, h->nr, 0U);
	preempt_disable();
	p = goalloc_heap_alloc(m->heap, 32768, gfp);
	preempt_enable();
	KUNIT_EXPECT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(m->heap, SZ_1M, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(m->heap, ((size_t)arena_mb << 20) + 1, gfp));
	KUNIT_EXPECT_NULL(test, goalloc_cache_alloc(cache, gfp));
	/* A heap that never was in use, too. */
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(test_heap(test, "kunit-first"), 64, gfp));

	max_mb = m->max_mb;
	hoard_free(h);
	p = goalloc_cache_alloc(cache, gfp);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goalloc_cache_free(cache, p);
}

/* Below the watermark the worker makes an arena, before anybody has to wait. */
static void mheap_watermark_grows(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	struct hoard *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned long grows = mheap.grows;
	struct mheap_snapshot before, after;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, h);
	mheap_snapshot(&before);
	while (READ_ONCE(mheap.pages.nfree) >> (20 - GOALLOC_PAGE_SHIFT) >= low_mb &&
	       h->nr < ARRAY_SIZE(h->objs)) {
		h->objs[h->nr] = goalloc_heap_alloc(m->heap, SZ_256K, GFP_NOWAIT);
		KUNIT_ASSERT_NOT_NULL(test, h->objs[h->nr]);
		h->nr++;
	}
	/* It may have failed lately, and then it waits for a second. No CPU keeps 2 MiB. */
	for (i = 0; i < 500 && mheap.grows == grows; i++) {
		goalloc_heap_free(m->heap, goalloc_heap_alloc(m->heap, SZ_2M, GFP_NOWAIT));
		msleep(20);
	}
	KUNIT_EXPECT_GT(test, mheap.grows, grows);
	wait_for_pages(test);
	mheap_snapshot(&after);
	KUNIT_EXPECT_GT(test, after.narenas, before.narenas);

	/* Arenas that are empty go, the reserve stays. */
	hoard_free(h);
	goalloc_heap_shrink(m->heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_LE(test, after.narenas, before.narenas);
	KUNIT_EXPECT_GE(test, after.narenas, initial_arenas);
	KUNIT_EXPECT_GE(test, after.free, (unsigned long)low_mb << (20 - GOALLOC_PAGE_SHIFT));
	expect_recount(test);
}

/* One object keeps its arena, and no other. */
static void mheap_pinned_arena(struct kunit *test)
{
	struct mheap_test *m = test->priv;
	size_t size = ((size_t)arena_mb << 20) / 4 * 3;
	struct mheap_snapshot before, after;
	void *objs[3];
	unsigned int i;

	goalloc_heap_shrink(m->heap);
	mheap_snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goalloc_heap_alloc(m->heap, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	goalloc_heap_free(m->heap, objs[0]);
	goalloc_heap_free(m->heap, objs[2]);
	goalloc_heap_shrink(m->heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_EQ(test, after.large, before.large + (size >> GOALLOC_PAGE_SHIFT));
	KUNIT_EXPECT_LE(test, after.narenas, before.narenas + 1);
	memset(objs[1], 1, size);
	KUNIT_EXPECT_EQ(test, goalloc_size(objs[1]), size);
	goalloc_heap_free(m->heap, objs[1]);
	goalloc_heap_shrink(m->heap);
	mheap_snapshot(&after);
	KUNIT_EXPECT_LE(test, after.narenas, before.narenas);
}

static struct kunit_case mheap_cases[] = {
	KUNIT_CASE(mheap_random_history),
	KUNIT_CASE(mheap_sum_under_load),
	KUNIT_CASE(mheap_growth_fails),
	KUNIT_CASE(mheap_parked_is_memory),
	KUNIT_CASE(mheap_atomic_without_pages),
	KUNIT_CASE(mheap_watermark_grows),
	KUNIT_CASE(mheap_pinned_arena),
	{}
};

struct kunit_suite goalloc_mheap_suite = {
	.name = "goalloc_mheap",
	.init = mheap_init,
	.exit = mheap_exit,
	.test_cases = mheap_cases,
};
