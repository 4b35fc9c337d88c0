// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator in random histories, compared with its model. Also built in
 * user space.
 */
#include <linux/errno.h>

#include "pagealloc_model.h"
#include "suites.h"

/* Operations of a random history; user space affords more. */
#ifndef PAGEALLOC_KUNIT_OPS
#define PAGEALLOC_KUNIT_OPS 5000
#endif

static u32 rnd(struct pagealloc_test *t, u32 below)
{
	/* Knuth's MMIX generator, of which the low bits are poor */
	t->seed = t->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(t->seed >> 33) % below;
}

/* The lowest aligned run of an arena, and its longest run, page by page. */
static u32 model_find_in(const struct model_arena *m, u32 npages, u32 align, u32 *longest)
{
	u32 first = m->a.base / GOALLOC_PAGE_SIZE % align, found = NONE, run = 0, page;

	*longest = 0;
	for (page = 0; m->there && page < m->a.npages; page++) {
		run = m->used[page] ? 0 : run + 1;
		if (run > *longest)
			*longest = run;
		if (found == NONE && run >= npages) {
			u32 start = page + 1 - npages;

			if ((first + start) % align == 0)
				found = start;
		}
	}
	return found;
}

/* What palloc_alloc() documents. */
static bool model_find(struct pagealloc_test *t, u32 npages, u32 align, u32 *nr, u32 *page)
{
	u32 longest, first;

	for (first = 0; first < NARENAS; first++) {
		*page = model_find_in(&t->arena[first], npages, align, &longest);
		*nr = first;
		if (longest >= npages)
			break;
	}
	if (first == NARENAS || *page != NONE)
		return first < NARENAS;

	for (*nr = first + 1; *nr < NARENAS; ++*nr) {
		*page = model_find_in(&t->arena[*nr], npages, align, &longest);
		if (longest >= npages + align - 1)
			return true;
	}
	for (*nr = first + 1; *nr < NARENAS; ++*nr) {
		*page = model_find_in(&t->arena[*nr], npages, align, &longest);
		if (*page != NONE)
			return true;
	}
	return false;
}

static void random_alloc(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	u32 npages, align = 1, nr = 0, page = 0, want_nr = 0, want_page = 0;
	bool want, got;

	if (t->nlive == MAX_LIVE)
		return;
	switch (rnd(t, 10)) {
	case 0 ... 4:
		npages = 1;
		break;
	case 5 ... 6:
		npages = 1 + rnd(t, 16);
		break;
	case 7:
		npages = 1 + rnd(t, 130);
		break;
	case 8:
		npages = 1 + rnd(t, 1100);
		break;
	default:
		npages = 1 + rnd(t, 8192);
	}
	if (rnd(t, 2))
		align = 1U << rnd(t, npages == 1 ? 4 : 11);

	want = model_find(t, npages, align, &want_nr, &want_page);
	got = pa_alloc(test, npages, align, &nr, &page);
	KUNIT_ASSERT_EQ_MSG(test, got, want, "%u pages, alignment %u", npages, align);
	if (!got)
		return;
	KUNIT_ASSERT_EQ_MSG(test, nr, want_nr, "%u pages, alignment %u", npages, align);
	KUNIT_ASSERT_EQ_MSG(test, page, want_page, "%u pages, alignment %u", npages, align);
	t->live[t->nlive++] = (struct run){ nr, page, npages };
}

static void random_free(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	struct run *r;
	u32 part;

	if (!t->nlive)
		return;
	r = &t->live[rnd(t, t->nlive)];
	/* Now and then only a part, at either end. */
	part = rnd(t, 8) ? r->npages : 1 + rnd(t, r->npages);
	if (rnd(t, 2)) {
		pa_free(test, r->nr, r->page + r->npages - part, part);
	} else {
		pa_free(test, r->nr, r->page, part);
		r->page += part;
	}
	r->npages -= part;
	if (!r->npages)
		*r = t->live[--t->nlive];
}

static void random_bad_free(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	u32 nr = rnd(t, NARENAS), page = rnd(t, 8192), npages = 1 + rnd(t, 20), i;
	const struct model_arena *m = &t->arena[nr];
	bool ok = m->there && page + npages <= m->a.npages;

	for (i = page; ok && i < page + npages; i++)
		ok = m->used[i];
	if (!ok)
		pa_free_bad(test, nr, page, npages);
}

static void random_arena(struct kunit *test)
{
	static const u32 sizes[] = { 8192, 8191, 512, 513, 2047, 100, 64, 1 };
	struct pagealloc_test *t = test->priv;
	u32 nr = rnd(t, NARENAS), i;
	struct model_arena *m = &t->arena[nr];
	bool empty = m->there;

	if (!m->there) {
		for (nr = 0; t->arena[nr].there; nr++)
			;
		pa_add(test, nr, sizes[rnd(t, ARRAY_SIZE(sizes))]);
		return;
	}
	for (i = 0; empty && i < m->a.npages; i++)
		empty = !m->used[i];
	KUNIT_ASSERT_EQ(test, palloc_remove(&t->pa, nr), empty);
	m->there = !empty;
}

static const u64 seeds[] = { 1, 2, 3, 40191, 0xdecafbad };

static void seed_desc(const u64 *seed, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "seed %llu", (unsigned long long)*seed);
}

KUNIT_ARRAY_PARAM(pagealloc_random, seeds, seed_desc);

static void pagealloc_random(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	u32 i, growing = 0;

	t->seed = *(const u64 *)test->param_value;
	for (i = 0; i < 3; i++)
		random_arena(test);

	for (i = 0; i < PAGEALLOC_KUNIT_OPS; i++) {
		u32 what = rnd(t, 1000);

		/* Fill, empty, and stay around the middle, by turns. */
		if (i % 1024 == 0)
			growing = 300 + rnd(t, 5) * 100;
		if (what < 2)
			random_arena(test);
		else if (what < 20)
			random_bad_free(test);
		else if (rnd(t, 1000) < growing)
			random_alloc(test);
		else
			random_free(test);
		if (i % 256 == 0)
			pa_check(test);
	}

	while (t->nlive)
		random_free(test);
	pa_check(test);
	KUNIT_EXPECT_EQ(test, t->pa.nfree, t->pa.total);
}

static struct kunit_case pagealloc_random_cases[] = {
	KUNIT_CASE_PARAM(pagealloc_random, pagealloc_random_gen_params),
	{}
};

struct kunit_suite goalloc_pagealloc_random_suite = {
	.name = "goalloc_pagealloc_random",
	.init = pa_init,
	.exit = pa_exit,
	.test_cases = pagealloc_random_cases,
};
