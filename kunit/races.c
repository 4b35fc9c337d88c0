// SPDX-License-Identifier: GPL-2.0
/*
 * The fixture of the race tests; see races.h.
 */
#include <linux/sort.h>
#include <linux/string.h>

#include "races.h"

#define SOMEONE 1000 /* who owns a span when no CPU does */

int race_init(struct kunit *test)
{
	const struct race_kind *kind = test->param_value;
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct goalloc_cache_args args = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	pin(test);
	in_address_order(test);
	r->heap = test_heap(test, "kunit-races");
	args.heap = r->heap;
	r->cache = test_cache(test, "racers", kind->size, &args, 0);
	r->central = &r->cache->central;
	/* A freed-into span is listed: the steps here stand for those of others. */
	WRITE_ONCE(r->central->closed, true);
	r->nr = kind->slots;
	for (i = 0; i < r->nr; i++) {
		r->objs[i] = goalloc_cache_alloc(r->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, r->objs[i]);
	}
	/* The CPU lets go of the span when it needs another. */
	goalloc_cache_free(r->cache, goalloc_cache_alloc(r->cache, GFP_KERNEL));

	r->span = span_containing((unsigned long)r->objs[0]);
	r->g = r->span->bits;
	for (i = 0; i < r->nr; i++)
		KUNIT_ASSERT_EQ(test, mspan_slot(r->span, (unsigned long)r->objs[i]), (int)i);
	KUNIT_ASSERT_EQ(test, r->span->nelems, r->nr);
	KUNIT_ASSERT_EQ(test, r->span->owner, MSPAN_NONE);
	KUNIT_ASSERT_EQ(test, r->span->queued, 0);
	KUNIT_ASSERT_EQ(test, r->span->flags, 0);
	test->priv = r;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* Take some spans' worth, the one in question included: no slot comes twice. */
void race_exit(struct kunit *test)
{
	struct race *r = test->priv;
	unsigned int nr, i, here = 0;
	void *objs[6 * MAX_SLOTS];

	if (!r)
		return;
	nr = 6 * r->nr;
	memcpy(objs, r->objs, r->nr * sizeof(*objs));
	for (i = 0; i < nr; i++) {
		if (i >= r->nr || !objs[i])
			objs[i] = goalloc_cache_alloc(r->cache, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
		here += span_containing((unsigned long)objs[i]) == r->span;
	}
	sort(objs, nr, sizeof(*objs), by_address, NULL);
	for (i = 1; i < nr; i++)
		KUNIT_EXPECT_PTR_NE(test, objs[i], objs[i - 1]);
	/* None is lost either. */
	KUNIT_EXPECT_EQ(test, here, r->nr);
	KUNIT_EXPECT_EQ(test, heap_live(r->heap), (u64)nr);
	goalloc_free_bulk(nr, objs);
	expect_recount(test);
}

/* A freer's first step. */
void step_free(struct kunit *test, struct race *r, unsigned int slot)
{
	track_free(r->central, r->objs[slot], r->span->elemsize);
	KUNIT_EXPECT_TRUE(test, mspan_try_free(r->span, slot));
	r->objs[slot] = NULL;
}

/* All of a freer's steps. */
void free_all_of(struct race *r, unsigned int slot)
{
	goalloc_cache_free(r->cache, r->objs[slot]);
	r->objs[slot] = NULL;
}

/* The freer that loses a race has looked before the other's store; its cmpxchg follows. */
void step_second_free(struct race *r, unsigned int slot)
{
	atomic64_or(BIT_ULL(slot), &r->g->rfree);
}

/* The span's owner frees a slot. */
void step_put(struct race *r, unsigned int slot)
{
	track_free(r->central, r->objs[slot], r->span->elemsize);
	WRITE_ONCE(r->g->free, r->g->free | BIT_ULL(slot));
	r->objs[slot] = NULL;
}

/* The span's owner hands out a slot. */
void step_take(struct kunit *test, struct race *r, unsigned int slot)
{
	KUNIT_EXPECT_EQ(test, slot_group_merge(r->g, ~0ULL), 0ULL);
	KUNIT_ASSERT_TRUE(test, r->g->free & BIT_ULL(slot));
	WRITE_ONCE(r->g->free, r->g->free & ~BIT_ULL(slot));
	r->objs[slot] = (void *)r->span->base + slot * r->span->elemsize;
	track_alloc(r->central, r->objs[slot], r->span->elemsize, GFP_KERNEL);
}

void step_claim(struct kunit *test, struct race *r)
{
	struct mspan *span;

	preempt_disable();
	span = mcentral_claim(r->central, SOMEONE, false);
	preempt_enable();
	KUNIT_ASSERT_PTR_EQ(test, span, r->span);
	KUNIT_EXPECT_EQ(test, r->span->owner, SOMEONE);
	/* Or it would get a second owner. */
	KUNIT_EXPECT_EQ(test, r->span->queued, 1);
}

void step_add(struct kunit *test, struct race *r)
{
	KUNIT_EXPECT_FALSE(test, r->span->flags & MSPAN_LINKED);
	preempt_disable();
	mcentral_add(r->central, r->span);
	preempt_enable();
}

/* Make the span somebody's, full as it is. */
void own_full(struct kunit *test, struct race *r)
{
	free_all_of(r, 0);
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
	step_claim(test, r);
	step_take(test, r, 0);
}
