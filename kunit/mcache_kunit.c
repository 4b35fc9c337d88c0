// SPDX-License-Identifier: GPL-2.0
/*
 * The spans that a CPU owns: one because it frees into it, when it takes that,
 * what others do to it meanwhile, and how it gets home; and when it leaves the
 * one that it allocates from to others who free into it.
 */
#include <linux/cpu.h>

#include "fixture.h"
#include "suites.h"

#define SIZE 512U
#define SLOTS 16U /* of a span */
#define SPANS 4U

/**
 * struct kept - kunit's priv
 * @heap: the heap
 * @cache: a cache of it
 * @central: of that
 * @cpu: where the test runs
 * @objs: live objects, see at(); the last span is the CPU's own
 */
struct kept {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	struct mcentral *central;
	unsigned int cpu;
	void *objs[SPANS * SLOTS];
};

/* The object in a slot of one of the spans. */
static void **at(struct kept *k, unsigned int span, unsigned int slot)
{
	return &k->objs[span * SLOTS + slot];
}

static int kept_init(struct kunit *test)
{
	struct kept *k = kunit_kzalloc(test, sizeof(*k), GFP_KERNEL);
	struct goalloc_cache_args args = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, k);
	if (want_init_on_free())
		kunit_skip(test, "no CPU keeps a span to clear objects in it");
	k->cpu = pin(test);
	in_address_order(test);
	k->heap = test_heap(test, "kunit-mcache");
	args.heap = k->heap;
	k->cache = test_cache(test, "kept", SIZE, &args, 0);
	k->central = &k->cache->central;
	for (i = 0; i < SPANS * SLOTS; i++) {
		k->objs[i] = goalloc_cache_alloc(k->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, k->objs[i]);
	}
	test->priv = k;
	return 0;
}

static void kept_exit(struct kunit *test)
{
	struct kept *k = test->priv;

	if (!k || !k->cache)
		return;
	goalloc_free_bulk(SPANS * SLOTS, k->objs);
	KUNIT_EXPECT_EQ(test, heap_live(k->heap), 0ULL);
	expect_recount(test);
}

static struct mcache_slot *slot_of(struct kept *k, unsigned int cpu)
{
	return per_cpu_ptr(k->central->slots, cpu);
}

static struct mspan *span_at(struct kept *k, unsigned int nr)
{
	return span_containing((unsigned long)*at(k, nr, SLOTS - 1));
}

static void drop(struct kept *k, unsigned int nr, unsigned int i)
{
	goalloc_cache_free(k->cache, *at(k, nr, i));
	*at(k, nr, i) = NULL;
}

static void expect_kept(struct kunit *test, const struct mspan *span, unsigned int cpu)
{
	struct kept *k = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, slot_of(k, cpu)->fspan, span);
	KUNIT_EXPECT_EQ(test, span->owner, cpu + 1);
	/* Or a second owner could come. */
	KUNIT_EXPECT_EQ(test, span->queued, 1);
	KUNIT_EXPECT_EQ(test, span->flags, 0);
}

static void expect_listed(struct kunit *test, const struct mspan *span)
{
	KUNIT_EXPECT_EQ(test, span->owner, MSPAN_NONE);
	KUNIT_EXPECT_TRUE(test, span->flags & MSPAN_LINKED);
}

/* The first free makes a full span the CPU's; the next ones are plain stores. */
static void mcache_keeps_freed(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *a = span_at(k, 0), *b = span_at(k, 1);
	u64 nremote;

	KUNIT_ASSERT_EQ(test, a->nelems, SLOTS);
	KUNIT_EXPECT_EQ(test, a->queued, 0);
	nremote = slot_of(k, k->cpu)->nremote;
	drop(k, 0, 3);
	expect_kept(test, a, k->cpu);
	KUNIT_EXPECT_EQ(test, slot_of(k, k->cpu)->nremote, nremote + 1);
	drop(k, 0, 7);
	goalloc_free(*at(k, 0, 9));
	*at(k, 0, 9) = NULL;
	KUNIT_EXPECT_EQ(test, slot_of(k, k->cpu)->nremote, nremote + 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&a->bits->rfree), (s64)BIT(3));
	KUNIT_EXPECT_EQ(test, a->bits->free, BIT_ULL(7) | BIT_ULL(9));
	KUNIT_EXPECT_EQ(test, heap_live(k->heap), (u64)SPANS * SLOTS - 3);

	/* One at a time; what was let go is not taken again. */
	drop(k, 1, 0);
	expect_kept(test, b, k->cpu);
	expect_listed(test, a);
	KUNIT_EXPECT_EQ(test, atomic64_read(&a->bits->rfree), 0LL);
	drop(k, 0, 0);
	expect_kept(test, b, k->cpu);
	KUNIT_EXPECT_EQ(test, a->owner, MSPAN_NONE);
}

/* It is the next to be allocated from, without a look at the central. */
static void mcache_allocates_freed(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *a = span_at(k, 0), *b = span_at(k, 1);
	unsigned int i;

	drop(k, 1, 0);
	for (i = 0; i < 5; i++)
		drop(k, 0, 2 * i);
	expect_kept(test, a, k->cpu);
	expect_listed(test, b);
	for (i = 0; i < 5; i++) {
		*at(k, 0, 2 * i) = goalloc_cache_alloc(k->cache, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)*at(k, 0, 2 * i)), a);
	}
	KUNIT_EXPECT_PTR_EQ(test, slot_of(k, k->cpu)->span, a);
	KUNIT_EXPECT_NULL(test, slot_of(k, k->cpu)->fspan);
	*at(k, 1, 0) = goalloc_cache_alloc(k->cache, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)*at(k, 1, 0)), b);
}

struct there {
	struct kept *k;
	unsigned int nr;
	unsigned int i;
};

static void drop_there(void *arg)
{
	struct there *t = arg;

	drop(t->k, t->nr, t->i);
}

/* What others free into it waits for its owner, and is not lost. */
static void mcache_shares_freed(struct kunit *test)
{
	struct kept *k = test->priv;
	struct there t = { k, 0, 1 };
	struct mspan *a = span_at(k, 0);

	drop(k, 0, 0);
	on_cpu(other_cpu(test), drop_there, &t);
	expect_kept(test, a, k->cpu);
	KUNIT_EXPECT_EQ(test, atomic64_read(&a->bits->rfree), 3LL);
	/* As an interrupt in the middle of a section finds it. */
	preempt_disable();
	WRITE_ONCE(slot_of(k, k->cpu)->busy, 1);
	drop(k, 0, 2);
	WRITE_ONCE(slot_of(k, k->cpu)->busy, 0);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, atomic64_read(&a->bits->rfree), 7LL);
	goalloc_cache_shrink(k->cache);
	KUNIT_EXPECT_NULL(test, slot_of(k, k->cpu)->fspan);
	expect_listed(test, a);
	KUNIT_EXPECT_EQ(test, a->bits->free, 7ULL);
}

/* Two CPUs free into one full span: one owns it, and the other does not. */
static void mcache_keeps_one(struct kunit *test)
{
	struct kept *k = test->priv;
	struct there t = { k, 0, 1 };
	unsigned int cpu = other_cpu(test);
	struct mspan *a = span_at(k, 0);

	on_cpu(cpu, drop_there, &t);
	drop(k, 0, 0);
	expect_kept(test, a, cpu);
	KUNIT_EXPECT_NULL(test, slot_of(k, k->cpu)->fspan);
	KUNIT_EXPECT_EQ(test, atomic64_read(&a->bits->rfree), 3LL);
}

/* All of its objects may go while it is kept; it is let go as an empty span. */
static void mcache_empties_freed(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *a = span_at(k, 0);
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		drop(k, 0, i);
	expect_kept(test, a, k->cpu);
	KUNIT_EXPECT_EQ(test, mspan_live(a), 0U);
	drop(k, 1, 0);
	expect_listed(test, a);
	KUNIT_EXPECT_TRUE(test, a->flags & MSPAN_EMPTY);
}

/* A cache that goes takes it along; who frees after that finds no span to keep. */
static void mcache_closes(struct kunit *test)
{
	struct kept *k = test->priv;
	unsigned int i;

	drop(k, 0, 0);
	expect_kept(test, span_at(k, 0), k->cpu);
	WRITE_ONCE(k->central->closed, true);
	drop(k, 1, 0);
	expect_kept(test, span_at(k, 0), k->cpu);
	expect_listed(test, span_at(k, 1));
	for (i = 0; i < SPANS * SLOTS; i++)
		goalloc_free(k->objs[i]);
	test_cache_forget(test, k->cache);
	goalloc_cache_destroy(k->cache);
	k->cache = NULL;
	KUNIT_EXPECT_EQ(test, atomic_long_read(&k->heap->pages), 0L);
	expect_recount(test);
}

/* All of the CPU's own span is handed out; another CPU frees @nr objects of it. */
static void drop_behind(struct kunit *test, unsigned int nr)
{
	struct kept *k = test->priv;
	struct there t = { k, SPANS - 1 };

	KUNIT_ASSERT_PTR_EQ(test, slot_of(k, k->cpu)->span, span_at(k, SPANS - 1));
	for (t.i = 0; t.i < nr; t.i++)
		on_cpu(other_cpu(test), drop_there, &t);
}

static struct mspan *span_of_next(struct kunit *test)
{
	struct kept *k = test->priv;
	void *obj = goalloc_cache_alloc(k->cache, GFP_KERNEL);
	struct mspan *span = span_containing((unsigned long)obj);

	KUNIT_EXPECT_NOT_NULL(test, obj);
	goalloc_cache_free(k->cache, obj);
	return span;
}

/* The owner of a span in which others free leaves it to them, unless they are far on. */
static void mcache_leaves_shared(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *d = span_at(k, SPANS - 1);

	drop_behind(test, 3);
	KUNIT_EXPECT_PTR_NE(test, span_of_next(test), d);
	expect_listed(test, d);
	KUNIT_EXPECT_EQ(test, d->bits->free, 7ULL);
}

static void mcache_stays_with_room(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *d = span_at(k, SPANS - 1);
	struct there t = { k };

	/* There is another. */
	on_cpu(other_cpu(test), drop_there, &t);
	t.nr = 1;
	on_cpu(other_cpu(test), drop_there, &t);
	expect_listed(test, span_at(k, 0));
	drop_behind(test, SLOTS / 2);
	KUNIT_EXPECT_PTR_EQ(test, span_of_next(test), d);
	KUNIT_EXPECT_EQ(test, d->owner, k->cpu + 1);
}

/* Nothing else is to be had: it does with that. */
static void mcache_stays_at_limit(struct kunit *test)
{
	struct kept *k = test->priv;
	struct mspan *d = span_at(k, SPANS - 1);

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(k->heap, SPANS * GOALLOC_PAGE_SIZE), 0);
	drop_behind(test, 1);
	KUNIT_EXPECT_PTR_EQ(test, span_of_next(test), d);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(k->heap, ULONG_MAX), 0);
}

/* Nor is anything kept from others there. */
static void mcache_lists_at_limit(struct kunit *test)
{
	struct kept *k = test->priv;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(k->heap, SPANS * GOALLOC_PAGE_SIZE), 0);
	drop(k, 0, 0);
	expect_listed(test, span_at(k, 0));
	KUNIT_EXPECT_NULL(test, slot_of(k, k->cpu)->fspan);
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_limit(k->heap, ULONG_MAX), 0);
	drop(k, 1, 0);
	expect_kept(test, span_at(k, 1), k->cpu);
}

static void do_nothing(void *obj)
{
}

/* Objects that need work before they die are not freed by the short way. */
static void mcache_keeps_no_dtor(struct kunit *test)
{
	struct kept *k = test->priv;
	struct goalloc_cache_args args = { .heap = k->heap, .dtor = do_nothing };
	struct goalloc_cache *cache = test_cache(test, "dtor", SIZE, &args, 0);
	void *objs[2 * SLOTS];

	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(objs), objs),
			(int)ARRAY_SIZE(objs));
	goalloc_cache_free(cache, objs[0]);
	KUNIT_EXPECT_NULL(test, per_cpu_ptr(cache->central.slots, k->cpu)->fspan);
	KUNIT_EXPECT_TRUE(test, span_containing((unsigned long)objs[1])->flags & MSPAN_LINKED);
	goalloc_cache_free_bulk(cache, ARRAY_SIZE(objs) - 1, objs + 1);
}

/* A CPU goes offline with it. */
static void mcache_cpu_offline(struct kunit *test)
{
	struct kept *k = test->priv;
	struct there t = { k, 0, 1 };
	unsigned int cpu = other_cpu(test);
	struct mspan *a = span_at(k, 0);
	int err;

	on_cpu(cpu, drop_there, &t);
	expect_kept(test, a, cpu);
	err = remove_cpu(cpu);
	if (err)
		kunit_skip(test, "CPU %u cannot go offline: %d", cpu, err);
	KUNIT_EXPECT_NULL(test, slot_of(k, cpu)->fspan);
	expect_listed(test, a);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

static struct kunit_case mcache_cases[] = {
	KUNIT_CASE(mcache_keeps_freed),
	KUNIT_CASE(mcache_allocates_freed),
	KUNIT_CASE(mcache_shares_freed),
	KUNIT_CASE(mcache_keeps_one),
	KUNIT_CASE(mcache_empties_freed),
	KUNIT_CASE(mcache_closes),
	KUNIT_CASE(mcache_keeps_no_dtor),
	KUNIT_CASE(mcache_leaves_shared),
	KUNIT_CASE(mcache_stays_with_room),
	KUNIT_CASE(mcache_stays_at_limit),
	KUNIT_CASE(mcache_lists_at_limit),
	KUNIT_CASE_SLOW(mcache_cpu_offline),
	{}
};

struct kunit_suite goalloc_mcache_suite = {
	.name = "goalloc_mcache",
	.init = kept_init,
	.exit = kept_exit,
	.test_cases = mcache_cases,
};
