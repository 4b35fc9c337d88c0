// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator, on made-up addresses. Also built in user space.
 *
 * Most cases follow those of Go's TestPageAlloc: pages that are in use, then
 * what is asked for, and what must come of it.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "pagealloc_model.h"
#include "suites.h"

/*
 * Cases: arenas, by pages; runs that are free at the start, all else is in use;
 * and requests with their outcome. A run of no pages ends a list.
 */
struct alloc_case {
	const char *name;
	u32 arenas[NARENAS];
	struct run free[8];
	struct run allocs[8]; /* page NONE: refused */
};

#define ALL_FREE(nr, npages) { nr, 0, npages }

static const struct alloc_case alloc_cases[] = {
	{
		"AllFree1",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, 1 }, { 0, 1, 1 }, { 0, 2, 1 }, { 0, 3, 1 }, { 0, 4, 1 } },
	},
	{
		"ManyArena1",
		{ CHUNK, CHUNK, CHUNK, CHUNK },
		{ { 3, 511, 1 } },
		{ { 3, 511, 1 }, { 0, NONE, 1 } },
	},
	{
		"NotContiguous1",
		{ CHUNK, CHUNK },
		{ ALL_FREE(1, CHUNK) },
		{ { 1, 0, 1 }, { 1, 1, 1 }, { 1, 2, 1 } },
	},
	{
		"AllFree2",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, 2 }, { 0, 2, 2 }, { 0, 4, 2 }, { 0, 6, 2 }, { 0, 8, 2 } },
	},
	{
		"Straddle2",
		{ 2 * CHUNK },
		{ { 0, CHUNK - 1, 2 } },
		{ { 0, CHUNK - 1, 2 }, { 0, NONE, 1 } },
	},
	{
		"AllFree5",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, 5 }, { 0, 5, 5 }, { 0, 10, 5 }, { 0, 15, 5 }, { 0, 20, 5 } },
	},
	{
		"AllFree64",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, 64 }, { 0, 64, 64 }, { 0, 128, 64 } },
	},
	{
		"AllFree65",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, 65 }, { 0, 65, 65 }, { 0, 130, 65 } },
	},
	{
		"StraddleWord64",
		{ CHUNK },
		{ { 0, 10, 63 }, { 0, 100, 64 }, { 0, 300, 65 } },
		{ { 0, 100, 64 }, { 0, 300, 65 }, { 0, NONE, 64 }, { 0, 10, 63 } },
	},
	{
		"ExhaustChunk-3",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, CHUNK - 3 }, { 0, NONE, CHUNK - 3 }, { 0, CHUNK - 3, 1 },
		  { 0, CHUNK - 2, 2 }, { 0, NONE, 1 }, { 0, NONE, CHUNK - 3 } },
	},
	{
		"AllFreeChunk",
		{ CHUNK },
		{ ALL_FREE(0, CHUNK) },
		{ { 0, 0, CHUNK }, { 0, NONE, CHUNK }, { 0, NONE, 1 } },
	},
	{
		"StraddleChunk",
		{ 2 * CHUNK },
		{ { 0, CHUNK / 2, CHUNK } },
		{ { 0, CHUNK / 2, CHUNK }, { 0, NONE, CHUNK }, { 0, NONE, 1 } },
	},
	{
		"StraddleChunk+1",
		{ 2 * CHUNK },
		{ { 0, CHUNK / 2, CHUNK + 1 } },
		{ { 0, CHUNK / 2, CHUNK }, { 0, NONE, CHUNK }, { 0, CHUNK / 2 + CHUNK, 1 },
		  { 0, NONE, 1 } },
	},
	{
		"AllFreeChunk*2",
		{ 2 * CHUNK },
		{ ALL_FREE(0, 2 * CHUNK) },
		{ { 0, 0, 2 * CHUNK }, { 0, NONE, 2 * CHUNK }, { 0, NONE, 1 } },
	},
	{
		"NotContiguousChunk*2",
		{ CHUNK, CHUNK, 2 * CHUNK },
		{ ALL_FREE(0, CHUNK), ALL_FREE(1, CHUNK), ALL_FREE(2, 2 * CHUNK) },
		{ { 2, 0, 2 * CHUNK }, { 0, NONE, 2 * CHUNK }, { 0, 0, 1 } },
	},
	{
		"StraddleChunk*2",
		{ 3 * CHUNK },
		{ { 0, CHUNK / 2, 2 * CHUNK } },
		{ { 0, CHUNK / 2, 2 * CHUNK }, { 0, NONE, 2 * CHUNK }, { 0, NONE, 1 } },
	},
	{
		"StraddleChunk*5/4",
		{ 4 * CHUNK },
		{ { 0, CHUNK * 3 / 4, CHUNK / 2 }, { 0, 2 * CHUNK - CHUNK / 4, CHUNK * 3 / 2 } },
		{ { 0, 2 * CHUNK - CHUNK / 4, CHUNK * 5 / 4 }, { 0, NONE, CHUNK * 5 / 4 },
		  { 0, CHUNK * 3 / 4, 1 } },
	},
	{
		"AllFreeChunk*7+5",
		{ 8 * CHUNK },
		{ ALL_FREE(0, 8 * CHUNK) },
		{ { 0, 0, 7 * CHUNK + 5 }, { 0, NONE, 7 * CHUNK + 5 }, { 0, 7 * CHUNK + 5, 1 } },
	},
	{
		"WholeArena",
		{ CHUNK, GOALLOC_ARENA_PAGES },
		{ ALL_FREE(0, CHUNK), ALL_FREE(1, GOALLOC_ARENA_PAGES) },
		{ { 1, 0, GOALLOC_ARENA_PAGES }, { 0, NONE, CHUNK + 1 }, { 0, 0, CHUNK } },
	},
	{
		"EndOfArena",
		{ 3 * CHUNK + 77, CHUNK },
		{ { 0, 3 * CHUNK, 77 }, ALL_FREE(1, CHUNK) },
		{ { 1, 0, 78 }, { 0, 3 * CHUNK, 77 }, { 1, 78, 1 } },
	},
	{
		"OnePageArena",
		{ 1, 2, 1 },
		{ ALL_FREE(0, 1), ALL_FREE(1, 2), ALL_FREE(2, 1) },
		{ { 1, 0, 2 }, { 0, 0, 1 }, { 2, 0, 1 }, { 0, NONE, 1 } },
	},
	{
		"LowestThatFits",
		{ 2 * CHUNK },
		{ { 0, 3, 1 }, { 0, 9, 2 }, { 0, 20, 4 }, { 0, 60, 8 }, { 0, 600, 70 } },
		{ { 0, 20, 3 }, { 0, 600, 66 }, { 0, 60, 8 }, { 0, 3, 1 }, { 0, 9, 2 },
		  { 0, 23, 1 }, { 0, 666, 4 } },
	},
};

static void alloc_case_desc(const struct alloc_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(pagealloc_alloc, alloc_cases, alloc_case_desc);

static void make_case(struct kunit *test, const struct alloc_case *c)
{
	const struct run *r;
	u32 nr;

	for (nr = 0; nr < NARENAS && c->arenas[nr]; nr++) {
		pa_add(test, nr, c->arenas[nr]);
		pa_use_all(test, nr);
	}
	for (r = c->free; r->npages; r++)
		pa_free(test, r->nr, r->page, r->npages);
	pa_check(test);
}

static void pagealloc_alloc(struct kunit *test)
{
	const struct alloc_case *c = test->param_value;
	const struct run *r;

	make_case(test, c);
	for (r = c->allocs; r->npages; r++) {
		if (r->page == NONE)
			pa_expect_no_alloc(test, r->npages, 1);
		else
			pa_expect_alloc(test, r->npages, 1, r->nr, r->page);
		pa_check(test);
	}
}

/* The other way round: what the cases allocate is freed again, and found again. */
static void pagealloc_free(struct kunit *test)
{
	const struct alloc_case *c = test->param_value;
	const struct run *r;
	u32 round;

	make_case(test, c);
	for (round = 0; round < 3; round++) {
		for (r = c->allocs; r->npages; r++)
			if (r->page != NONE)
				pa_expect_alloc(test, r->npages, 1, r->nr, r->page);
		for (r = c->allocs; r->npages; r++)
			if (r->page != NONE) {
				pa_free(test, r->nr, r->page, r->npages);
				pa_free_bad(test, r->nr, r->page, r->npages);
				pa_check(test);
			}
	}
	/* What was free at the start is free in one piece. */
	for (r = c->free; r->npages; r++) {
		struct pagealloc_test *t = test->priv;
		const struct palloc_arena *a = &t->arena[r->nr].a;

		KUNIT_ASSERT_TRUE(test, pa_is_free(&t->pa, r->nr, r->page, r->npages));
		KUNIT_ASSERT_TRUE(test, r->page + r->npages == a->npages ||
				  test_bit(r->page + r->npages, a->bits));
	}
}

static const u32 exhaust_sizes[] = { 1, 2, 3, 4, 5, 8, 16, 64, 1024, 1025, 2048, 2049 };

static void exhaust_desc(const u32 *npages, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u pages", *npages);
}

KUNIT_ARRAY_PARAM(pagealloc_exhaust, exhaust_sizes, exhaust_desc);

/* Runs of one length come in address order until no more fit. */
static void pagealloc_exhaust(struct kunit *test)
{
	static const u32 arenas[] = { 4 * CHUNK, 4 * CHUNK - 1, 300, 4 * CHUNK + 1 };
	u32 npages = *(const u32 *)test->param_value, nr, i, round;

	for (nr = 0; nr < ARRAY_SIZE(arenas); nr++)
		pa_add(test, nr, arenas[nr]);

	for (round = 0; round < 2; round++) {
		for (nr = 0; nr < ARRAY_SIZE(arenas); nr++)
			for (i = 0; i + npages <= arenas[nr]; i += npages)
				pa_expect_alloc(test, npages, 1, nr, i);
		pa_expect_no_alloc(test, npages, 1);
		pa_check(test);
		/* back to front, so that each is merged with what follows */
		for (nr = ARRAY_SIZE(arenas); nr--;)
			for (i = arenas[nr] / npages; i--;)
				pa_free(test, nr, i * npages, npages);
		pa_check(test);
	}
}

/* Everything, then one page, and so on: the hints must keep up. */
static void pagealloc_alternate(struct kunit *test)
{
	const u32 all = 8 * CHUNK;
	int i;

	pa_add(test, 0, all);
	for (i = 0; i < 3; i++) {
		pa_expect_alloc(test, all, 1, 0, 0);
		pa_expect_no_alloc(test, 1, 1);
		pa_free(test, 0, 0, all);
		pa_expect_alloc(test, 1, 1, 0, 0);
		pa_expect_no_alloc(test, all, 1);
		pa_expect_alloc(test, all - 1, 1, 0, 1);
		pa_free(test, 0, 0, 1);
		pa_expect_no_alloc(test, 2, 1);
		pa_free(test, 0, 1, all - 1);
		pa_check(test);
	}
}

/*
 * A hint may point to where there is nothing any more, or above something that
 * came later (Go issue 40191 was of this kind).
 */
static void pagealloc_hints(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;

	/* nothing at all */
	pa_expect_no_alloc(test, 1, 1);
	pa_check(test);

	/* an arena that comes after a failed search */
	pa_add(test, 0, 2);
	pa_expect_alloc(test, 1, 1, 0, 0);
	pa_expect_alloc(test, 1, 1, 0, 1);
	pa_expect_no_alloc(test, 1, 1);
	pa_add(test, 1, 3 * CHUNK);
	pa_expect_alloc(test, 1, 1, 1, 0);
	pa_check(test);

	/* a free below the hints, of arenas and of pages, and between them */
	pa_expect_alloc(test, 2 * CHUNK, 1, 1, 1);
	pa_expect_alloc(test, 1, 1, 1, 2 * CHUNK + 1);
	pa_free(test, 1, CHUNK + 9, 2);
	pa_expect_alloc(test, 1, 1, 1, CHUNK + 9);
	pa_free(test, 0, 1, 1);
	pa_expect_alloc(test, 1, 1, 0, 1);
	pa_expect_alloc(test, 1, 1, 1, CHUNK + 10);
	pa_expect_alloc(test, 1, 1, 1, 2 * CHUNK + 2);
	pa_check(test);

	/* a long run leaves a shorter one below it alone */
	pa_free(test, 1, 5, 3);
	pa_free(test, 1, 40, 4);
	pa_expect_alloc(test, 4, 1, 1, 40);
	pa_expect_alloc(test, 2, 1, 1, 5);
	pa_expect_alloc(test, 1, 1, 1, 7);
	pa_check(test);

	/* the arena that the hint points to goes, and another takes its number */
	pa_free(test, 0, 0, 2);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	pa_check(test);
	pa_expect_alloc(test, 1, 1, 1, 2 * CHUNK + 3);
	pa_add(test, 0, CHUNK);
	pa_expect_alloc(test, 1, 1, 0, 0);
	pa_check(test);

	/* all gone */
	pa_free(test, 0, 0, 1);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	pa_free(test, 1, 0, 2 * CHUNK + 4);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 1));
	t->arena[1].there = false;
	pa_check(test);
	pa_expect_no_alloc(test, 1, 1);
	pa_expect_no_alloc(test, CHUNK, 1);
}

static void pagealloc_arenas(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	struct palloc_arena *spare = &t->arena[7].a;
	u32 nr, page;

	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 0U);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, pa_base(0), 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, pa_base(0), 8193), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, pa_base(0) + 4096, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 9), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add_full(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 9),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, GOALLOC_MAX_ARENAS));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, ~0U));
	pa_check(test);

	/* the last page of the address space */
	nr = palloc_add(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 8);
	KUNIT_EXPECT_EQ(test, nr, 0U);
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, nr));

	pa_add(test, 0, 100);
	pa_add(test, 1, 1000);
	pa_add(test, 2, 8192);
	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 8192U);
	pa_check(test);

	/* the lowest number is used again */
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 1));
	t->arena[1].there = false;
	pa_expect_alloc(test, 1000, 1, 2, 0);
	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 7192U);
	pa_add(test, 1, 1001);
	pa_add(test, 3, 10);
	pa_check(test);

	/* pages in use keep an arena */
	pa_expect_alloc(test, 1, 1, 0, 0);
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 2));
	pa_check(test);
	pa_free(test, 0, 0, 1);
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	pa_check(test);

	/* one of the full kind, of more pages than others may have */
	KUNIT_EXPECT_EQ(test, palloc_add_full(&t->pa, spare, pa_base(7), 20000), 0);
	KUNIT_EXPECT_EQ(test, t->pa.total, 20000UL + 1001 + 8192 + 10);
	KUNIT_EXPECT_EQ(test, t->pa.nfree, 1001UL + 7192 + 10);
	KUNIT_EXPECT_EQ(test, t->pa.narenas, 4U);
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 1, 1, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, 1U);
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, nr, page, 1));
	KUNIT_EXPECT_FALSE(test, palloc_free(&t->pa, 0, 0, 1));
	KUNIT_EXPECT_FALSE(test, palloc_free(&t->pa, 0, 0, 20000));
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 0));
	pa_check(test);
}

/* What callers get wrong is refused, and changes nothing. */
static void pagealloc_misuse(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;

	pa_add(test, 0, 600);
	pa_add(test, 1, 8192);

	pa_expect_no_alloc(test, 0, 1);
	pa_expect_no_alloc(test, GOALLOC_ARENA_PAGES + 1, 1);
	pa_expect_no_alloc(test, ~0U, 1);
	pa_expect_no_alloc(test, 1, 0);
	pa_expect_no_alloc(test, 1, 3);
	pa_expect_no_alloc(test, 1, 2 * GOALLOC_ARENA_PAGES);
	pa_expect_no_alloc(test, 1, 1U << 31);

	pa_expect_alloc(test, 100, 1, 0, 0);
	pa_expect_alloc(test, 600, 1, 1, 0);
	pa_free_bad(test, 0, 0, 0);
	pa_free_bad(test, 0, 0, 101);
	pa_free_bad(test, 0, 100, 1);
	pa_free_bad(test, 0, 99, 2);
	pa_free_bad(test, 0, 600, 1);
	pa_free_bad(test, 0, 0, ~0U);
	pa_free_bad(test, 0, 50, ~0U - 20);
	pa_free_bad(test, 0, ~0U, 2);
	pa_free_bad(test, 2, 0, 1);
	pa_free_bad(test, GOALLOC_MAX_ARENAS, 0, 1);
	pa_free_bad(test, ~0U, 0, 1);
	pa_check(test);

	/* a hole in the middle */
	pa_free(test, 1, 300, 1);
	pa_free_bad(test, 1, 0, 600);
	pa_free_bad(test, 1, 300, 1);
	pa_check(test);

	KUNIT_EXPECT_TRUE(test, pa_is_free(&t->pa, 1, 300, 1));
	KUNIT_EXPECT_FALSE(test, pa_is_free(&t->pa, 1, 299, 2));
}

/* The page of an arena where an address of that alignment comes first, at or after @page. */
static u32 aligned_page(u32 nr, u32 page, u32 align)
{
	while ((pa_base(nr) / GOALLOC_PAGE_SIZE + page) % align)
		page++;
	return page;
}

/* Alignment is that of the address; bases are not aligned. */
static void pagealloc_align(struct kunit *test)
{
	static const u32 lengths[] = { 1, 2, 3, 4, 63, 64, 65, 100, 512, 513, 2000 };
	u32 align, i;

	pa_add(test, 0, 8192);
	for (align = 1; align <= 4096; align *= 2)
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			u32 page = aligned_page(0, 0, align);
			u32 next = aligned_page(0, page + lengths[i], align);
			u32 rest = next + lengths[i] <= 8192;

			pa_expect_alloc(test, lengths[i], align, 0, page);
			if (rest)
				pa_expect_alloc(test, lengths[i], align, 0, next);
			pa_check(test);
			pa_free(test, 0, page, lengths[i]);
			if (rest)
				pa_free(test, 0, next, lengths[i]);
		}
}

/* Where in the order of arenas an aligned run may be skipped. */
static void pagealloc_align_order(struct kunit *test)
{
	u32 at[4], nr;

	for (nr = 0; nr < 4; nr++) {
		pa_add(test, nr, 1000);
		pa_use_all(test, nr);
		at[nr] = aligned_page(nr, 100, 4);
	}
	/* arena 0 has 4 pages, not aligned; 1 has 4, aligned; 2 has 7; 3 has 4, aligned */
	pa_free(test, 0, at[0] + 1, 4);
	pa_free(test, 1, at[1], 4);
	pa_free(test, 2, at[2] + 1, 7);
	pa_free(test, 3, at[3], 4);

	/* 2 has room for any alignment, so 1 is passed over */
	pa_expect_alloc(test, 4, 4, 2, at[2] + 4);
	/* none has now: look at each */
	pa_expect_alloc(test, 4, 4, 1, at[1]);
	pa_expect_alloc(test, 4, 4, 3, at[3]);
	pa_expect_no_alloc(test, 4, 4);
	/* and without alignment */
	pa_expect_alloc(test, 4, 1, 0, at[0] + 1);
	pa_expect_alloc(test, 3, 1, 2, at[2] + 1);
	pa_expect_no_alloc(test, 1, 1);
	pa_check(test);
}

/* The tree over the arenas, at its corners and at random. */
static void pagealloc_many_arenas(struct kunit *test)
{
	static const u32 corners[] = { 0,   1,	15,  16,   17,	 255, 256,
					257, 271, 272, 4079, 4080, 4095 };
	struct pagealloc_test *t = test->priv;
	struct page_alloc *pa = &t->pa;
	struct palloc_arena *arenas;
	u32 nr, page, i, j;

	arenas = kvcalloc(GOALLOC_MAX_ARENAS, sizeof(*arenas), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, arenas);

	for (i = 0; i < GOALLOC_MAX_ARENAS; i++)
		KUNIT_EXPECT_EQ(test, palloc_add(pa, &arenas[i], pa_base(i), 8), (int)i);
	KUNIT_EXPECT_EQ(test, palloc_add(pa, &t->arena[0].a, pa_base(i), 8), -ENOSPC);
	KUNIT_EXPECT_EQ(test, palloc_add_full(pa, &t->arena[0].a, pa_base(i), 8), -ENOSPC);

	/* in address order, all of them */
	for (i = 0; i < GOALLOC_MAX_ARENAS; i++) {
		KUNIT_EXPECT_TRUE(test, palloc_alloc(pa, 8, 1, &nr, &page));
		KUNIT_EXPECT_EQ(test, nr, i);
	}
	KUNIT_EXPECT_FALSE(test, palloc_alloc(pa, 1, 1, &nr, &page));
	KUNIT_EXPECT_EQ(test, palloc_largest(pa), 0U);

	/* runs of two lengths, the longer one always in the higher arena */
	for (i = 0; i < ARRAY_SIZE(corners); i++)
		for (j = i + 1; j < ARRAY_SIZE(corners); j++) {
			KUNIT_EXPECT_TRUE(test, palloc_free(pa, corners[i], 3, 2));
			KUNIT_EXPECT_TRUE(test, palloc_free(pa, corners[j], 1, 5));
			KUNIT_EXPECT_EQ(test, palloc_largest(pa), 5U);
			KUNIT_EXPECT_TRUE(test, palloc_alloc(pa, 5, 1, &nr, &page));
			KUNIT_EXPECT_EQ(test, nr, corners[j]);
			KUNIT_EXPECT_FALSE(test, palloc_alloc(pa, 3, 1, &nr, &page));
			KUNIT_EXPECT_TRUE(test, palloc_alloc(pa, 1, 1, &nr, &page));
			KUNIT_EXPECT_EQ(test, nr, corners[i]);
			KUNIT_EXPECT_TRUE(test, palloc_alloc(pa, 1, 1, &nr, &page));
			KUNIT_EXPECT_EQ(test, nr, corners[i]);
			KUNIT_EXPECT_EQ(test, page, 4U);
			KUNIT_EXPECT_FALSE(test, palloc_alloc(pa, 1, 1, &nr, &page));
			KUNIT_EXPECT_EQ(test, pa->nfree, 0UL);
		}

	/*
	 * An aligned run: 0 and every other corner have two pages, one of them
	 * aligned; the last has three.
	 */
	for (i = 0; i < ARRAY_SIZE(corners); i++) {
		u32 at = aligned_page(corners[i], 0, 2) + 1;
		u32 npages = i + 1 == ARRAY_SIZE(corners) ? 3 : 2;

		KUNIT_EXPECT_TRUE(test, palloc_free(pa, corners[i], at, npages));
	}
	KUNIT_EXPECT_TRUE(test, palloc_alloc(pa, 2, 2, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, corners[ARRAY_SIZE(corners) - 1]);
	KUNIT_EXPECT_FALSE(test, palloc_alloc(pa, 2, 2, &nr, &page));

	kvfree(arenas);
}

/* The number of arenas that are searched for an aligned run has an end. */
static void pagealloc_align_tries(struct kunit *test)
{
	const u32 n = 40;
	struct pagealloc_test *t = test->priv;
	struct palloc_arena *arenas;
	u32 nr, page, i;

	arenas = kvcalloc(n, sizeof(*arenas), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, arenas);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, &arenas[i], pa_base(i), 8), (int)i);
		KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 8, 1, &nr, &page));
	}
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, i, aligned_page(i, 1, 2) - 1, 2));
	/* the first and 16 more are looked at */
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, 16, aligned_page(16, 1, 2) + 1, 1));
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 1, 1, &nr, &page));
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, nr, page, 1));
	/* three pages are room for any alignment: make it two that are aligned */
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 3, 1, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, 16U);
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, 16, page + 1, 2));
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 2, 2, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, 16U);
	/* one further on is not found, though without alignment it is */
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, 30, aligned_page(30, 1, 2) + 1, 1));
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 3, 1, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, 30U);
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, 30, page + 1, 2));
	KUNIT_EXPECT_FALSE(test, palloc_alloc(&t->pa, 2, 2, &nr, &page));
	kvfree(arenas);
}

static struct kunit_case pagealloc_cases[] = {
	KUNIT_CASE_PARAM(pagealloc_alloc, pagealloc_alloc_gen_params),
	KUNIT_CASE_PARAM(pagealloc_free, pagealloc_alloc_gen_params),
	KUNIT_CASE_PARAM(pagealloc_exhaust, pagealloc_exhaust_gen_params),
	KUNIT_CASE(pagealloc_alternate),
	KUNIT_CASE(pagealloc_hints),
	KUNIT_CASE(pagealloc_arenas),
	KUNIT_CASE(pagealloc_misuse),
	KUNIT_CASE(pagealloc_align),
	KUNIT_CASE(pagealloc_align_order),
	KUNIT_CASE(pagealloc_align_tries),
	KUNIT_CASE(pagealloc_many_arenas),
	{}
};

struct kunit_suite goalloc_pagealloc_suite = {
	.name = "goalloc_pagealloc",
	.init = pa_init,
	.exit = pa_exit,
	.test_cases = pagealloc_cases,
};
