// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a cache's slots and objects over their lives: construction,
 * destruction, freeing after a grace period, and type-stable memory.
 */
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "fixture.h"
#include "suites.h"

#define MAGIC 0x676f616c6c6f6321ULL
#define SPANS 6U

/* 16 to a span. */
struct built {
	u64 magic;
	u64 uses;
	struct rcu_head rcu;
	u8 rest[480];
};

static atomic_t nctor, ndtor;

static void build(void *obj)
{
	struct built *b = obj;

	atomic_inc(&nctor);
	b->magic = MAGIC;
	b->uses = 0;
	memset(b->rest, 0x31, sizeof(b->rest));
}

static void unbuild(void *obj)
{
	struct built *b = obj;

	atomic_inc(&ndtor);
	b->magic = ~MAGIC;
}

/**
 * struct lifetime - kunit's priv
 * @args: of the cache
 * @cache: of struct built
 * @nr: slots of SPANS spans
 * @objs: as many
 */
struct lifetime {
	struct goalloc_cache_args args;
	struct goalloc_cache *cache;
	unsigned int nr;
	struct built **objs;
};

static struct lifetime *prepare(struct kunit *test, void (*ctor)(void *), void (*dtor)(void *),
				unsigned long flags)
{
	struct lifetime *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->args = (struct goalloc_cache_args){
		.heap = test_heap(test, "kunit-lifetime"), .ctor = ctor, .dtor = dtor,
	};
	l->cache = test_cache(test, "built", sizeof(struct built), &l->args, flags);
	l->nr = SPANS * l->cache->central.nelems;
	l->objs = kunit_kcalloc(test, l->nr, sizeof(*l->objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->objs);
	atomic_set(&nctor, 0);
	atomic_set(&ndtor, 0);
	pin(test);
	return l;
}

static void fill(struct kunit *test, struct lifetime *l)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		if (!l->objs[i])
			l->objs[i] = goalloc_cache_alloc(l->cache, GFP_KERNEL);
	for (i = 0; i < l->nr; i++)
		KUNIT_ASSERT_NOT_NULL(test, l->objs[i]);
}

static void drain(struct lifetime *l)
{
	goalloc_cache_free_bulk(l->cache, l->nr, (void **)l->objs);
	memset(l->objs, 0, l->nr * sizeof(*l->objs));
}

static unsigned int slot_of(const struct built *b)
{
	return mspan_slot(span_containing((unsigned long)b), (unsigned long)b);
}

static void lifetime_ctor_once(struct kunit *test)
{
	struct lifetime *l = prepare(test, build, NULL, 0);
	unsigned int i, round, rounds = 20;
	u64 uses = 0;

	KUNIT_EXPECT_EQ(test, atomic_read(&nctor), 0);
	for (round = 0; round < rounds; round++) {
		fill(test, l);
		KUNIT_EXPECT_EQ(test, atomic_read(&nctor), (int)l->nr);
		for (i = 0; i < l->nr; i++) {
			KUNIT_EXPECT_EQ(test, l->objs[i]->magic, MAGIC);
			KUNIT_EXPECT_NULL(test, memchr_inv(l->objs[i]->rest, 0x31, 480));
			l->objs[i]->uses++;
		}
		/* One of each span stays, so no span dies. */
		for (i = 0; i < l->nr; i++) {
			if (slot_of(l->objs[i]) == round % l->cache->central.nelems)
				continue;
			goalloc_cache_free(l->cache, l->objs[i]);
			l->objs[i] = NULL;
		}
	}
	fill(test, l);
	for (i = 0; i < l->nr; i++)
		uses += l->objs[i]->uses;
	/* Built anew, a slot would have forgotten how often it was used. */
	KUNIT_EXPECT_EQ(test, uses, (u64)rounds * l->nr);
	KUNIT_EXPECT_EQ(test, atomic_read(&nctor), (int)l->nr);
	drain(l);
}

/* Memory that was something else meanwhile is built anew before it is handed out. */
static void lifetime_ctor_again(struct kunit *test)
{
	struct lifetime *l = prepare(test, build, NULL, 0);
	void *page[2 * SPANS];
	unsigned int i;

	fill(test, l);
	drain(l);
	goalloc_cache_shrink(l->cache);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = goalloc_heap_alloc(l->args.heap, GOALLOC_PAGE_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
		memset(page[i], 0xdb, GOALLOC_PAGE_SIZE);
	}
	goalloc_free_bulk(ARRAY_SIZE(page), page);
	goalloc_heap_shrink(l->args.heap);
	fill(test, l);
	KUNIT_EXPECT_EQ(test, atomic_read(&nctor), 2 * (int)l->nr);
	for (i = 0; i < l->nr; i++)
		KUNIT_EXPECT_EQ(test, l->objs[i]->magic, MAGIC);
	drain(l);
}

static void lifetime_dtor_once(struct kunit *test)
{
	struct lifetime *l = prepare(test, NULL, unbuild, 0);
	unsigned int i;

	fill(test, l);
	for (i = 0; i < l->nr; i++)
		l->objs[i]->magic = MAGIC;
	goalloc_free(l->objs[0]);
	goalloc_heap_free(l->args.heap, l->objs[1]);
	goalloc_free_bulk(2, (void **)l->objs + 2);
	goalloc_free_sensitive(l->objs[4]);
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), 5);
	memset(l->objs, 0, 5 * sizeof(*l->objs));

	goalloc_free_rcu(l->objs[5], rcu);
	goalloc_free_rcu(l->objs[6], rcu);
	goalloc_rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), 7);
	l->objs[5] = NULL;
	l->objs[6] = NULL;
	drain(l);
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), (int)l->nr);
}

/* Neither a refused free nor tearing the cache down is a free. */
static void lifetime_dtor_not(struct kunit *test)
{
	struct lifetime *l = prepare(test, NULL, unbuild, 0);
	struct built *b = goalloc_cache_alloc(l->cache, GFP_KERNEL);
	struct built *c = goalloc_cache_alloc(l->cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_NOT_NULL(test, c);
	goalloc_free(hide(b));
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), 1);
	goalloc_free(hide(b));
	goalloc_free(hide((void *)c + 8));
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), 1);
	KUNIT_EXPECT_EQ(test, heap_live(l->args.heap), 1ULL);
	test_cache_forget(test, l->cache);
	goalloc_cache_destroy(l->cache);
	KUNIT_EXPECT_EQ(test, atomic_read(&ndtor), 1);
}

static bool among(const struct lifetime *l, const void *obj)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		if (l->objs[i] == obj)
			return true;
	return false;
}

/* Until the grace period is over an object is there, unchanged, and nobody's. */
static void lifetime_free_rcu(struct kunit *test)
{
	struct lifetime *l = prepare(test, NULL, NULL, 0);
	struct built **again = kunit_kcalloc(test, l->nr, sizeof(*again), GFP_KERNEL);
	struct built *more[3 * 16];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, again);
	fill(test, l);
	rcu_read_lock();
	for (i = 0; i < l->nr; i++) {
		l->objs[i]->magic = i;
		goalloc_free_rcu(l->objs[i], rcu);
	}
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = goalloc_cache_alloc(l->cache, GFP_ATOMIC);
		KUNIT_EXPECT_NOT_NULL(test, more[i]);
		KUNIT_EXPECT_FALSE(test, among(l, more[i]));
	}
	for (i = 0; i < l->nr; i++)
		KUNIT_EXPECT_EQ(test, l->objs[i]->magic, (u64)i);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, heap_live(l->args.heap), (u64)ARRAY_SIZE(more));
	goalloc_rcu_barrier();

	/* Now they can be had again. */
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(l->cache, GFP_KERNEL, l->nr,
						       (void **)again), (int)l->nr);
	for (i = 0; i < l->nr && !among(l, again[i]); i++)
		;
	KUNIT_EXPECT_LT(test, i, l->nr);
	goalloc_cache_free_bulk(l->cache, l->nr, (void **)again);
	goalloc_cache_free_bulk(l->cache, ARRAY_SIZE(more), (void **)more);
}

#define OTHERS 64U

/* Pages of 8 KiB each, until one is what was an object: its number, or OTHERS. */
static unsigned int others(struct lifetime *l, void **other, gfp_t gfp)
{
	unsigned int i, k;

	for (i = 0; i < OTHERS; i++) {
		other[i] = goalloc_heap_alloc(l->args.heap, GOALLOC_PAGE_SIZE, gfp);
		for (k = 0; other[i] && k < l->nr; k++)
			if ((unsigned long)l->objs[k] - (unsigned long)other[i] <
			    GOALLOC_PAGE_SIZE)
				return i;
	}
	return OTHERS;
}

/* Freed memory is nothing else before a grace period, and is that soon after. */
static void lifetime_type_stable(struct kunit *test)
{
	struct lifetime *l = prepare(test, NULL, NULL, GOALLOC_TYPESAFE_BY_RCU);
	void **other = kunit_kcalloc(test, OTHERS, sizeof(*other), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, other);
	fill(test, l);
	for (i = 0; i < l->nr; i++)
		l->objs[i]->magic = i;
	rcu_read_lock();
	goalloc_cache_free_bulk(l->cache, l->nr, (void **)l->objs);
	KUNIT_EXPECT_EQ(test, others(l, other, GFP_ATOMIC), OTHERS);
	KUNIT_EXPECT_NOT_NULL(test, other[OTHERS - 1]);
	/* Contents survive a free. */
	for (i = 0; i < l->nr; i++)
		KUNIT_EXPECT_EQ(test, READ_ONCE(l->objs[i]->magic), (u64)i);
	rcu_read_unlock();
	goalloc_free_bulk(OTHERS, other);
	memset(other, 0, OTHERS * sizeof(*other));

	goalloc_heap_shrink(l->args.heap);
	KUNIT_EXPECT_LT(test, others(l, other, GFP_KERNEL), OTHERS);
	goalloc_free_bulk(OTHERS, other);
}

/* Cleared before it is free: the slot tells, where contents survive. */
static void lifetime_free_sensitive(struct kunit *test)
{
	struct lifetime *l = prepare(test, NULL, NULL, GOALLOC_TYPESAFE_BY_RCU);
	struct built *b = goalloc_cache_alloc(l->cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	memset(b, 0x7e, sizeof(*b));
	rcu_read_lock();
	goalloc_free_sensitive(hide(b));
	KUNIT_EXPECT_NULL(test, memchr_inv(hide(b), 0, sizeof(*b)));
	rcu_read_unlock();
}

static struct kunit_case lifetime_cases[] = {
	KUNIT_CASE(lifetime_ctor_once),
	KUNIT_CASE(lifetime_ctor_again),
	KUNIT_CASE(lifetime_dtor_once),
	KUNIT_CASE(lifetime_dtor_not),
	KUNIT_CASE(lifetime_free_rcu),
	KUNIT_CASE(lifetime_type_stable),
	KUNIT_CASE(lifetime_free_sensitive),
	{}
};

struct kunit_suite goalloc_lifetime_suite = {
	.name = "goalloc_lifetime",
	.test_cases = lifetime_cases,
};
