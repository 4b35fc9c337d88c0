// SPDX-License-Identifier: GPL-2.0
/*
 * The races of the slot protocol (mspan.h), by forced schedules: what two
 * sides do at the same time is done here step by step, in the order that once
 * went wrong or would, with a span of a running cache. Each schedule ends with
 * every slot issued once.
 */
#include <linux/delay.h>
#include <linux/string.h>

#include "races.h"
#include "suites.h"

/* With and without CPUs that own spans: they take slots in ways of their own. */
static const struct race_kind kinds[] = {
	{ "central", 8704, 5 },
	{ "cpu", 1024, 8 },
};

static void describe_kind(const struct race_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(race, kinds, describe_kind);

static long late_frees(struct race *r)
{
	return atomic_long_read(&r->heap->misuse[MISUSE_LATE_DOUBLE_FREE]);
}

/* Two frees, both past their checks; the owner's merge finds out. */
static void race_late_at_merge(struct kunit *test)
{
	struct race *r = test->priv;

	own_full(test, r);
	step_put(r, 2);
	step_second_free(r, 2);
	KUNIT_EXPECT_FALSE(test, mspan_slot_is_live(r->span, 2));
	KUNIT_EXPECT_EQ(test, mspan_live(r->span), r->nr - 1);
	KUNIT_EXPECT_FALSE(test, mspan_try_free(r->span, 2));
	KUNIT_EXPECT_EQ(test, slot_group_merge(r->g, ~0ULL), BIT_ULL(2));
	KUNIT_EXPECT_EQ(test, slot_group_merge(r->g, ~0ULL), 0ULL);
	KUNIT_EXPECT_EQ(test, r->g->free, BIT_ULL(2));
	KUNIT_EXPECT_TRUE(test, mspan_disown(r->span));
	step_add(test, r);
}

/* The same through the allocator, which must not issue the slot before that. */
static void race_late_in_use(struct kunit *test)
{
	struct race *r = test->priv;
	long late = late_frees(r), reports = atomic_long_read(&mheap.reports);
	void *objs[3 * MAX_SLOTS];
	unsigned int i;

	own_full(test, r);
	step_put(r, 2);
	KUNIT_EXPECT_TRUE(test, mspan_disown(r->span));
	step_second_free(r, 2);
	step_add(test, r);
	log_watch(test);
	for (i = 0; i < 3 * r->nr; i++) {
		objs[i] = goalloc_cache_alloc(r->cache, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	KUNIT_EXPECT_EQ(test, late_frees(r), late + 1);
	KUNIT_EXPECT_FALSE(test, mspan_available(r->span));
	goalloc_free_bulk(3 * r->nr, objs);

	for (i = 0; i < 100 && atomic_long_read(&mheap.reports) == reports; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&mheap.reports), reports + 1);
	if (log_usable()) {
		KUNIT_EXPECT_TRUE(test, log_has("misuse: two frees at the same time: "));
		KUNIT_EXPECT_TRUE(test, log_has("heap kunit-races, cache racers, "));
	}
}

/* Nobody merges a dead span: the page heap finds out. */
static void race_late_at_page_heap(struct kunit *test)
{
	struct race *r = test->priv;
	long late = late_frees(r);
	unsigned int i;

	own_full(test, r);
	for (i = 0; i < r->nr; i++)
		step_put(r, i);
	KUNIT_EXPECT_TRUE(test, mspan_disown(r->span));
	/* So that there is a place for one that is kept. */
	mcentral_drop_empty(r->central);
	step_add(test, r);
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_EMPTY);
	step_second_free(r, 1);
	mcentral_drop_empty(r->central);
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_DEAD);
	KUNIT_EXPECT_EQ(test, late_frees(r), late);
	mheap_reap_now();
	KUNIT_EXPECT_EQ(test, late_frees(r), late + 1);
}

/* The slot that a promise was for is gone by the time it is kept. */
static void race_stale_promise(struct kunit *test)
{
	struct race *r = test->priv;
	void *objs[2 * MAX_SLOTS];
	unsigned int i;

	step_free(test, r, 1);
	/* A second freer lists the span, an owner comes and goes. */
	free_all_of(r, 2);
	step_claim(test, r);
	step_take(test, r, 1);
	step_take(test, r, 2);
	KUNIT_EXPECT_FALSE(test, mspan_disown(r->span));
	KUNIT_EXPECT_TRUE(test, mspan_promise(r->span));
	step_add(test, r);
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
	KUNIT_EXPECT_FALSE(test, mspan_available(r->span));

	/* Who finds it so lets go of it and looks further. */
	for (i = 0; i < 2 * r->nr; i++) {
		objs[i] = goalloc_cache_alloc(r->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_PTR_NE(test, span_containing((unsigned long)objs[i]), r->span);
	}
	KUNIT_EXPECT_EQ(test, r->span->queued, 0);
	KUNIT_EXPECT_EQ(test, r->span->owner, MSPAN_NONE);
	KUNIT_EXPECT_EQ(test, r->span->flags, 0);
	goalloc_free_bulk(2 * r->nr, objs);
	/* It can be promised again. */
	free_all_of(r, 3);
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
}

/* A full span's owner lets go while its first slot is freed: one of both lists it. */
static void race_disown_after_free(struct kunit *test)
{
	struct race *r = test->priv;

	own_full(test, r);
	step_free(test, r, 1);
	KUNIT_EXPECT_FALSE(test, mspan_promise(r->span));
	KUNIT_EXPECT_TRUE(test, mspan_disown(r->span));
	step_add(test, r);
}

static void race_disown_before_free(struct kunit *test)
{
	struct race *r = test->priv;

	own_full(test, r);
	KUNIT_EXPECT_FALSE(test, mspan_disown(r->span));
	step_free(test, r, 1);
	KUNIT_EXPECT_TRUE(test, mspan_promise(r->span));
	step_add(test, r);
}

static void race_disown_between(struct kunit *test)
{
	struct race *r = test->priv;

	/* Between the freer's bit and its look at queued ... */
	own_full(test, r);
	step_free(test, r, 1);
	KUNIT_EXPECT_TRUE(test, mspan_disown(r->span));
	KUNIT_EXPECT_FALSE(test, mspan_promise(r->span));
	step_add(test, r);

	/* ... and the freer between the owner's store and its look at the bits. */
	step_claim(test, r);
	step_take(test, r, 1);
	WRITE_ONCE(r->span->owner, MSPAN_NONE);
	WRITE_ONCE(r->span->queued, 0);
	step_free(test, r, 1);
	KUNIT_EXPECT_TRUE(test, mspan_promise(r->span));
	KUNIT_EXPECT_TRUE(test, mspan_available(r->span));
	KUNIT_EXPECT_FALSE(test, mspan_promise(r->span));
	step_add(test, r);
}

/* A span that is promised, but not linked yet, must not die, empty as it is. */
static void race_kill_unlinked(struct kunit *test)
{
	struct race *r = test->priv;
	unsigned int i;

	step_free(test, r, 0);
	KUNIT_EXPECT_TRUE(test, mspan_promise(r->span));
	for (i = 1; i < r->nr; i++)
		free_all_of(r, i);
	KUNIT_EXPECT_TRUE(test, mspan_all_free(r->span));
	mcentral_drop_empty(r->central);
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_SMALL);
	KUNIT_EXPECT_EQ(test, r->span->flags, 0);
	/* Linked, it is seen to be empty under the same lock. */
	step_add(test, r);
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_EMPTY);
}

/* Torn down while a promise was under way: not before that is kept. */
static void race_kill_promised(struct kunit *test)
{
	struct race *r = test->priv;
	unsigned long npartial;
	unsigned int i;

	step_free(test, r, 0);
	KUNIT_EXPECT_TRUE(test, mspan_promise(r->span));
	for (i = 1; i < r->nr; i++)
		free_all_of(r, i);
	npartial = r->central->npartial;
	preempt_disable();
	/* In an NMI the node is on another list until then. */
	KUNIT_EXPECT_FALSE(test, mcentral_kill(r->span));
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_SMALL);
	KUNIT_EXPECT_EQ(test, r->span->flags, 0);
	mcentral_add(r->central, r->span);
	KUNIT_EXPECT_TRUE(test, mcentral_kill(r->span));
	preempt_enable();
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_DEAD);
	KUNIT_EXPECT_EQ(test, r->span->flags, MSPAN_PARKED);
	KUNIT_EXPECT_EQ(test, r->central->npartial, npartial);
	KUNIT_EXPECT_EQ(test, r->central->leaked, 0UL);
}

/* Torn down, but another had it dead already: it does not die twice. */
static void race_kill_dead(struct kunit *test)
{
	struct race *r = test->priv;
	unsigned long nparked;
	unsigned int i;

	for (i = 0; i < r->nr; i++)
		free_all_of(r, i);
	preempt_disable();
	mcentral_drop_empty(r->central);
	nparked = r->central->nparked;
	mcentral_kill(r->span);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, r->span->flags, MSPAN_PARKED);
	KUNIT_EXPECT_EQ(test, r->central->nparked, nparked);
	KUNIT_EXPECT_EQ(test, r->central->npartial, 0UL);
	/* The fixture recounts the pages. */
}

/* A dead span stays promised; a free that came late finds each slot free; it comes back. */
static void race_parked(struct kunit *test)
{
	struct race *r = test->priv;
	void *objs[3 * MAX_SLOTS], *first = r->objs[0];
	long dead = atomic_long_read(&mheap.misuse[MISUSE_DEAD]);
	unsigned int i;

	for (i = 0; i < r->nr; i++)
		free_all_of(r, i);
	rcu_read_lock();
	mcentral_drop_empty(r->central);
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_DEAD);
	KUNIT_EXPECT_EQ(test, r->span->queued, 1);
	for (i = 0; i < r->nr; i++)
		KUNIT_EXPECT_FALSE(test, mspan_try_free(r->span, i));
	KUNIT_EXPECT_FALSE(test, mspan_promise(r->span));
	goalloc_free(hide(first));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&mheap.misuse[MISUSE_DEAD]), dead + 1);
	KUNIT_EXPECT_NULL(test, goalloc_owner(hide(first)));

	for (i = 0; i < 3 * r->nr; i++) {
		objs[i] = goalloc_cache_alloc(r->cache, GFP_ATOMIC);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_SMALL);
	KUNIT_EXPECT_EQ(test, mspan_live(r->span), r->nr);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(hide(first)), r->heap);
	goalloc_free_bulk(3 * r->nr, objs);
}

/* A full span is not listed for a slot in limbo, but for what becomes of it. */
static void race_limbo_unlisted(struct kunit *test)
{
	struct race *r = test->priv;

	rcu_read_lock();
	__goalloc_free_rcu(r->objs[1], r->objs[1]);
	KUNIT_EXPECT_EQ(test, r->span->queued, 0);
	KUNIT_EXPECT_EQ(test, r->span->flags, 0);
	KUNIT_EXPECT_FALSE(test, mspan_available(r->span));
	rcu_read_unlock();
	r->objs[1] = NULL;
	goalloc_rcu_barrier();
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
	KUNIT_EXPECT_TRUE(test, mspan_available(r->span));
}

/* A slot in limbo is free to nobody, until its grace period is over. */
static void race_limbo(struct kunit *test)
{
	struct race *r = test->priv;

	KUNIT_EXPECT_TRUE(test, mspan_try_limbo(r->span, 1));
	KUNIT_EXPECT_FALSE(test, mspan_try_limbo(r->span, 1));
	KUNIT_EXPECT_FALSE(test, mspan_try_free(r->span, 1));
	KUNIT_EXPECT_FALSE(test, mspan_slot_is_live(r->span, 1));
	KUNIT_EXPECT_FALSE(test, mspan_available(r->span));
	preempt_disable();
	mcentral_freed(r->central, r->span);
	preempt_enable();

	step_claim(test, r);
	KUNIT_EXPECT_EQ(test, slot_group_merge(r->g, ~0ULL), 0ULL);
	KUNIT_EXPECT_EQ(test, r->g->free, 0ULL);
	KUNIT_EXPECT_FALSE(test, mspan_disown(r->span));
	KUNIT_EXPECT_TRUE(test, mspan_in_limbo(r->span));

	track_free(r->central, r->objs[1], r->span->elemsize);
	r->objs[1] = NULL;
	mspan_end_limbo(r->span, 1);
	preempt_disable();
	mcentral_freed(r->central, r->span);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
	KUNIT_EXPECT_FALSE(test, mspan_in_limbo(r->span));
}

/*
 * Freed, and given to free_rcu at the same time: the loser's limbo bit hides
 * the rightful free from an owner that lets go, so the loser has to promise.
 */
static void race_limbo_loses(struct kunit *test)
{
	struct race *r = test->priv;

	own_full(test, r);
	atomic64_or(BIT_ULL(1), &r->g->limbo);
	step_free(test, r, 1);
	KUNIT_EXPECT_FALSE(test, mspan_promise(r->span));
	KUNIT_EXPECT_EQ(test, slot_group_merge(r->g, ~0ULL), 0ULL);
	KUNIT_EXPECT_FALSE(test, mspan_disown(r->span));

	KUNIT_EXPECT_FALSE(test, mspan_try_free(r->span, 1));
	mspan_end_limbo(r->span, 1);
	preempt_disable();
	mcentral_freed(r->central, r->span);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_LINKED);
	KUNIT_EXPECT_TRUE(test, mspan_available(r->span));
}

/* A span with a slot in limbo is not empty, dead or alive. */
static void race_limbo_keeps_span(struct kunit *test)
{
	struct race *r = test->priv;
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, mspan_try_limbo(r->span, 0));
	for (i = 1; i < r->nr; i++)
		free_all_of(r, i);
	KUNIT_EXPECT_FALSE(test, mspan_all_free(r->span));
	mcentral_drop_empty(r->central);
	KUNIT_EXPECT_EQ(test, r->span->state, MSPAN_SMALL);
	track_free(r->central, r->objs[0], r->span->elemsize);
	r->objs[0] = NULL;
	mspan_end_limbo(r->span, 0);
	preempt_disable();
	mcentral_freed(r->central, r->span);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, r->span->flags & MSPAN_EMPTY);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE_PARAM(race_late_at_merge, race_gen_params),
	KUNIT_CASE_PARAM(race_late_in_use, race_gen_params),
	KUNIT_CASE_PARAM(race_late_at_page_heap, race_gen_params),
	KUNIT_CASE_PARAM(race_stale_promise, race_gen_params),
	KUNIT_CASE_PARAM(race_disown_after_free, race_gen_params),
	KUNIT_CASE_PARAM(race_disown_before_free, race_gen_params),
	KUNIT_CASE_PARAM(race_disown_between, race_gen_params),
	KUNIT_CASE_PARAM(race_kill_unlinked, race_gen_params),
	KUNIT_CASE_PARAM(race_kill_promised, race_gen_params),
	KUNIT_CASE_PARAM(race_kill_dead, race_gen_params),
	KUNIT_CASE_PARAM(race_parked, race_gen_params),
	KUNIT_CASE_PARAM(race_limbo_unlisted, race_gen_params),
	KUNIT_CASE_PARAM(race_limbo, race_gen_params),
	KUNIT_CASE_PARAM(race_limbo_loses, race_gen_params),
	KUNIT_CASE_PARAM(race_limbo_keeps_span, race_gen_params),
	{}
};

struct kunit_suite goalloc_races_suite = {
	.name = "goalloc_races",
	.init = race_init,
	.exit = race_exit,
	.test_cases = race_cases,
};
