// SPDX-License-Identifier: GPL-2.0
/*
 * random_slots: the order in which a span's slots are handed out. The parameter
 * is read where slots are taken, so the tests may change it; no test here is run
 * by chance alone: what it says of random orders fails once in 2^60 times at most.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "fixture.h"
#include "suites.h"

#define ROUNDS 24U

/**
 * struct random_test - kunit's priv
 * @args: of the caches
 * @was: the parameter, as it was
 */
struct random_test {
	struct goalloc_cache_args args;
	bool was;
};

static int order_test_init(struct kunit *test)
{
	struct random_test *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->args.heap = test_heap(test, "kunit-random");
	r->was = random_slots;
	test->priv = r;
	pin(test);
	return 0;
}

static void order_test_exit(struct kunit *test)
{
	struct random_test *r = test->priv;

	if (r)
		random_slots = r->was;
}

/* The numbers of a new span's slots, in the order in which they come. */
static unsigned int order_of(struct kunit *test, unsigned int size, bool bulk, u16 *order)
{
	struct random_test *r = test->priv;
	struct goalloc_cache *cache = goalloc_cache_create("order", size, &r->args, 0);
	unsigned int i, n;
	void **objs;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	n = cache->central.nelems;
	objs = kunit_kcalloc(test, n, sizeof(*objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objs);
	if (bulk)
		KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, n, objs), (int)n);
	for (i = 0; i < n; i++) {
		struct mspan *span;

		if (!bulk)
			objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		span = span_containing((unsigned long)objs[i]);
		order[i] = mspan_slot(span, (unsigned long)objs[i]);
		KUNIT_EXPECT_PTR_EQ(test, span, span_containing((unsigned long)objs[0]));
	}
	goalloc_cache_free_bulk(cache, n, objs);
	goalloc_cache_destroy(cache);
	kunit_kfree(test, objs);
	return n;
}

/* Each slot came once. Returns how often the next one came right behind another. */
static unsigned int neighbours(struct kunit *test, const u16 *order, unsigned int n)
{
	DECLARE_BITMAP(seen, MSPAN_MAX_ELEMS);
	unsigned int i, next = 0;

	bitmap_zero(seen, MSPAN_MAX_ELEMS);
	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_LT(test, order[i], n);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit(order[i], seen));
		next += i && order[i] == order[i - 1] + 1;
	}
	return next;
}

static u16 *orders(struct kunit *test)
{
	u16 *order = kunit_kcalloc(test, 2 * MSPAN_MAX_ELEMS, sizeof(*order), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, order);
	return order;
}

static void random_off(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 64, 100, 512, 6784 };
	u16 *order = orders(test);
	unsigned int i, bulk, n;

	random_slots = false;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (bulk = 0; bulk < 2; bulk++) {
			n = order_of(test, sizes[i], bulk, order);
			KUNIT_EXPECT_EQ(test, neighbours(test, order, n), n - 1);
			KUNIT_EXPECT_EQ(test, order[0], 0);
		}
}

/* Sizes of 16, 2 and 1 groups a span, and one whose last group is short. */
static void random_differs(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 64, 128, 100 };
	u16 *a = orders(test), *b = a + MSPAN_MAX_ELEMS;
	unsigned int i, bulk, n;

	random_slots = true;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (bulk = 0; bulk < 2; bulk++) {
			n = order_of(test, sizes[i], bulk, a);
			order_of(test, sizes[i], bulk, b);
			KUNIT_EXPECT_NE(test, memcmp(a, b, n * sizeof(*a)), 0);
			/* One in eight, as a rule. */
			KUNIT_EXPECT_LT(test, neighbours(test, a, n), n / 2);
			KUNIT_EXPECT_LT(test, neighbours(test, b, n), n / 2);
		}
}

/* A few of many: whatever is next is not what is next to it. */
static void random_rate(struct kunit *test)
{
	unsigned int round, n = 0, next = 0;
	u16 *order = orders(test);

	random_slots = true;
	for (round = 0; round < ROUNDS; round++) {
		unsigned int slots = order_of(test, 64, round % 2, order);

		next += neighbours(test, order, slots);
		n += slots;
	}
	kunit_info(test, "%u of %u slots came right behind their neighbour", next, n);
	KUNIT_EXPECT_LT(test, next, n / 5);
}

/* Spans that no CPU owns have few slots; the first one is any of them. */
static void random_first(struct kunit *test)
{
	static const unsigned int sizes[] = { 64, 6784 };
	u16 *order = orders(test);
	unsigned int i, round, first;

	random_slots = true;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (first = 0, round = 0; round < ROUNDS; round++) {
			order_of(test, sizes[i], false, order);
			first += !order[0];
		}
		KUNIT_EXPECT_LT(test, first, ROUNDS);
	}
}

static void free_object(void *obj)
{
	goalloc_free(obj);
}

/* What others free comes back in random order as well, and is zero if it is to be. */
static void random_again(struct kunit *test)
{
	struct random_test *r = test->priv;
	struct goalloc_cache *cache = test_cache(test, "again", 64, &r->args, 0);
	unsigned int n = cache->central.nelems, i, round;
	void **objs = kunit_kcalloc(test, n, sizeof(*objs), GFP_KERNEL);
	u16 *order = orders(test);
	unsigned int cpu = other_cpu(test);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	random_slots = true;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < n; i++) {
			objs[i] = goalloc_cache_zalloc(cache, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[i]);
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], 0, 64));
			memset(objs[i], 0xdb, 64);
			order[i] = mspan_slot(span_containing((unsigned long)objs[i]),
					      (unsigned long)objs[i]);
		}
		KUNIT_EXPECT_LT(test, neighbours(test, order, n), n / 2);
		for (i = 0; i < n; i++)
			on_cpu(cpu, free_object, objs[i]);
		/* Nobody owns the span any more. */
		goalloc_cache_shrink(cache);
	}
	KUNIT_EXPECT_EQ(test, heap_live(r->args.heap), 0ULL);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE(random_off),
	KUNIT_CASE(random_differs),
	KUNIT_CASE(random_rate),
	KUNIT_CASE(random_first),
	KUNIT_CASE(random_again),
	{}
};

struct kunit_suite goalloc_random_suite = {
	.name = "goalloc_random",
	.init = order_test_init,
	.exit = order_test_exit,
	.test_cases = random_cases,
};
