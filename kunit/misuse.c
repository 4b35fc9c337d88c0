// SPDX-License-Identifier: GPL-2.0
/*
 * The fixture of the misuse tests; see misuse.h.
 */
#include <linux/sort.h>
#include <linux/string.h>

#include "misuse.h"

static const char *const texts[MISUSE_NR] = {
	[MISUSE_DOUBLE_FREE] = "misuse: double free: ",
	[MISUSE_LATE_DOUBLE_FREE] = "misuse: two frees at the same time: ",
	[MISUSE_FREE_RCU_PENDING] = "misuse: second free within a grace period: ",
	[MISUSE_INTERIOR] = "misuse: not the start of an object: ",
	[MISUSE_FOREIGN] = "misuse: not goalloc's memory: ",
	[MISUSE_DEAD] = "misuse: no objects there, or no longer: ",
	[MISUSE_WRONG_CACHE] = "misuse: object is not of cache ",
	[MISUSE_WRONG_HEAP] = "misuse: object is not of heap ",
	[MISUSE_BAD_GFP] = "misuse: GFP flags that cannot be served",
	[MISUSE_USERCOPY] = "misuse: user copy beyond an object's bounds: ",
	[MISUSE_REALLOC] = "misuse: realloc of a named cache's object: ",
	[MISUSE_WRONG_RESERVE] = "misuse: object is not of the reserve's kind: ",
};

/* What was counted so far. */
void misuse_look(struct kunit *test, struct misuse_counts *counts)
{
	struct misuse_fixture *f = test->priv;
	struct goalloc_heap_stats stats = {};
	int kind;

	for (kind = 0; kind < MISUSE_NR; kind++) {
		counts->mheap[kind] = atomic_long_read(&mheap.misuse[kind]);
		counts->heap[kind] = atomic_long_read(&f->heap->misuse[kind]);
		stats.misuse += counts->heap[kind];
	}
	counts->reports = atomic_long_read(&mheap.reports);
	if (!f->rcu)
		goalloc_heap_stats(f->heap, &stats);
	counts->stats = stats.misuse;
	counts->live = stats.live_objects;
}

/* Since then there were @n misuses of that kind, and nothing else happened. */
void misuse_check(struct kunit *test, const struct misuse_counts *before,
		  enum goalloc_misuse kind, bool in_heap, unsigned int n, bool printed)
{
	bool what = log_has(texts[kind]), who = log_has(test->name);
	bool where = log_has("(heap kunit-misuse, ");
	struct misuse_counts after;
	int i;

	misuse_look(test, &after);
	for (i = 0; i < MISUSE_NR; i++) {
		long counted = i == kind ? n : 0;

		KUNIT_EXPECT_EQ_MSG(test, after.mheap[i] - before->mheap[i], counted, "%s",
				    misuse_name(i));
		KUNIT_EXPECT_EQ_MSG(test, after.heap[i] - before->heap[i],
				    in_heap ? counted : 0L, "%s", misuse_name(i));
	}
	KUNIT_EXPECT_EQ(test, after.stats - before->stats, in_heap ? (u64)n : 0ULL);
	KUNIT_EXPECT_EQ(test, after.live, before->live);
	KUNIT_EXPECT_EQ(test, after.reports - before->reports, (long)printed);
	if (!printed || !log_usable())
		return;
	KUNIT_EXPECT_TRUE(test, what);
	KUNIT_EXPECT_TRUE(test, who);
	if (kind != MISUSE_BAD_GFP)
		KUNIT_EXPECT_EQ(test, where, in_heap);
}

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* Take what both the cache and the class have, and more: no slot comes twice. */
static void check_slots(struct kunit *test, struct misuse_fixture *f)
{
	unsigned int half = 4 * GOALLOC_PAGE_SIZE / VICTIM_SIZE, nr = 2 * half + WITNESSES, i;
	void **objs = kunit_kcalloc(test, 2 * nr, sizeof(*objs), GFP_KERNEL);
	void **sorted = objs + nr;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < half; i++) {
		objs[i] = goalloc_cache_alloc(f->cache, GFP_KERNEL);
		objs[half + i] = goalloc_heap_alloc(f->heap, VICTIM_SIZE, GFP_KERNEL);
	}
	memcpy(objs + 2 * half, f->witness, sizeof(f->witness));
	memcpy(sorted, objs, nr * sizeof(*objs));
	sort(sorted, nr, sizeof(*sorted), by_address, NULL);
	KUNIT_EXPECT_NOT_NULL(test, sorted[0]);
	for (i = 1; i < nr; i++)
		KUNIT_EXPECT_GE(test, (unsigned long)sorted[i],
				(unsigned long)sorted[i - 1] + VICTIM_SIZE);

	for (i = 0; i < 2 * half; i++)
		if (objs[i])
			memset(objs[i], 0x5a, VICTIM_SIZE);
	goalloc_free_bulk(2 * half, objs);
}

int misuse_init(struct kunit *test)
{
	struct misuse_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct goalloc_cache_args args = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	pin(test);
	in_address_order(test);
	f->heap = test_heap(test, "kunit-misuse");
	args.heap = f->heap;
	f->cache = test_cache(test, "victims", VICTIM_SIZE, &args, 0);
	test->priv = f;
	log_watch(test);
	for (i = 0; i < WITNESSES; i++) {
		f->witness[i] = i % 2 ? cache_victim(test) : heap_victim(test, VICTIM_SIZE);
		memset(f->witness[i], 0xa0 + i, VICTIM_SIZE);
	}
	return 0;
}

/* The misuse is over, and the heap goes on unharmed. */
void misuse_exit(struct kunit *test)
{
	struct misuse_fixture *f = test->priv;
	unsigned int i;

	if (!f)
		return;
	check_slots(test, f);
	KUNIT_EXPECT_EQ(test, heap_live(f->heap), (u64)WITNESSES);
	for (i = 0; i < WITNESSES; i++) {
		if (!f->witness[i])
			continue;
		KUNIT_EXPECT_NULL(test, memchr_inv(f->witness[i], 0xa0 + i, VICTIM_SIZE));
		goalloc_heap_free(f->heap, f->witness[i]);
	}
}
