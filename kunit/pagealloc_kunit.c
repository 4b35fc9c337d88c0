// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator, on made-up addresses. Also built in user space.
 *
 * Most cases follow those of Go's TestPageAlloc: pages that are in use, then
 * what is asked for, and what must come of it. In addition random histories
 * are compared with a model that keeps a byte a page and looks at each.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "../goalloc_mod/mpagealloc.h"
#include "suites.h"

#define CHUNK ((u32)PALLOC_CHUNK_PAGES)
#define NARENAS 8
#define NONE (~0U)

/* Operations of a random history; user space affords more. */
#ifndef PAGEALLOC_KUNIT_OPS
#define PAGEALLOC_KUNIT_OPS 5000
#endif

struct model_arena {
	struct palloc_arena a;
	bool there;
	bool used[GOALLOC_ARENA_PAGES];
};

struct run {
	u32 nr, page, npages;
};

#define MAX_LIVE 4096

struct pagealloc_test {
	struct page_alloc pa;
	struct model_arena arena[NARENAS];
	u64 seed;
	u32 nlive;
	struct run live[MAX_LIVE];
};

static int pagealloc_init(struct kunit *test)
{
	struct pagealloc_test *t = kvcalloc(1, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	palloc_init(&t->pa);
	test->priv = t;
	return 0;
}

static void pagealloc_exit(struct kunit *test)
{
	kvfree(test->priv);
}

/* Made up, apart from each other, and not aligned to more than a page. */
static unsigned long arena_base(u32 nr)
{
	return 0xffffc90000000000UL + nr * 0x10000000UL + (nr * 7 + 1) * GOALLOC_PAGE_SIZE;
}

static void add(struct kunit *test, u32 nr, u32 npages)
{
	struct pagealloc_test *t = test->priv;
	struct model_arena *m = &t->arena[nr];

	KUNIT_ASSERT_EQ(test, palloc_add(&t->pa, &m->a, arena_base(nr), npages), (int)nr);
	m->there = true;
	memset(m->used, 0, sizeof(m->used));
}

/* Look at every page, and see that all that is kept about them is right. */
static void check(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	unsigned long total = 0, nfree = 0;
	u32 narenas = 0, nr, i;

	for (nr = 0; nr < NARENAS; nr++) {
		const struct model_arena *m = &t->arena[nr];
		const struct palloc_arena *a = &m->a;
		u32 run = 0, max = 0, arena_nfree = 0, chunk_max = 0, start = 0, lowest = NONE;

		if (!m->there) {
			KUNIT_ASSERT_TRUE(test, !t->pa.arena[nr]);
			KUNIT_ASSERT_EQ(test, t->pa.leaf[nr], 0);
			continue;
		}
		narenas++;
		total += a->npages;
		KUNIT_ASSERT_TRUE(test, t->pa.arena[nr] == a);

		for (i = 0; i < GOALLOC_ARENA_PAGES; i++) {
			bool used = i >= a->npages || m->used[i];
			const struct palloc_sum *sum = &a->sum[i / CHUNK];
			u32 in_chunk = i % CHUNK + 1;

			if (used != test_bit(i, a->bits))
				KUNIT_ASSERT_EQ_MSG(test, test_bit(i, a->bits), used,
						    "arena %u page %u", nr, i);
			if (in_chunk == 1) {
				start = 0;
				chunk_max = 0;
			}
			run = used ? 0 : run + 1;
			arena_nfree += !used;
			if (!used && lowest == NONE)
				lowest = i;
			max = max(max, run);
			if (min(run, in_chunk) > chunk_max)
				chunk_max = min(run, in_chunk);
			if (run >= in_chunk)
				start = in_chunk;
			if (in_chunk < CHUNK)
				continue;
			KUNIT_ASSERT_EQ_MSG(test, (u32)sum->start, start, "%u:%u", nr, i);
			/* may be too much, if it is marked so */
			KUNIT_ASSERT_LE_MSG(test, chunk_max, (u32)sum->max, "%u:%u", nr, i);
			if (!(a->stale & BIT(i / CHUNK)))
				KUNIT_ASSERT_EQ_MSG(test, (u32)sum->max, chunk_max, "%u:%u", nr, i);
			KUNIT_ASSERT_EQ_MSG(test, (u32)sum->end, min(run, CHUNK), "%u:%u", nr, i);
		}
		KUNIT_ASSERT_LE(test, max, (u32)a->max);
		if (t->pa.stale != nr)
			KUNIT_ASSERT_EQ(test, (u32)a->max, max);
		KUNIT_ASSERT_EQ(test, t->pa.leaf[nr], a->max);
		KUNIT_ASSERT_EQ(test, a->nfree, arena_nfree);
		KUNIT_ASSERT_LE(test, a->search, lowest);
		if (arena_nfree)
			KUNIT_ASSERT_LE(test, t->pa.search, nr);
		nfree += arena_nfree;
	}

	for (i = 0; i < ARRAY_SIZE(t->pa.mid); i++) {
		u32 max = 0;

		for (nr = i * PALLOC_FANOUT; nr < (i + 1) * PALLOC_FANOUT; nr++)
			max = max_t(u32, max, t->pa.leaf[nr]);
		KUNIT_ASSERT_EQ(test, (u32)t->pa.mid[i], max);
	}
	for (i = 0; i < ARRAY_SIZE(t->pa.top); i++) {
		u32 max = 0;

		for (nr = i * PALLOC_FANOUT; nr < (i + 1) * PALLOC_FANOUT; nr++)
			max = max_t(u32, max, t->pa.mid[nr]);
		KUNIT_ASSERT_EQ(test, (u32)t->pa.top[i], max);
	}
	KUNIT_ASSERT_EQ(test, t->pa.narenas, narenas);
	KUNIT_ASSERT_EQ(test, t->pa.total, total);
	KUNIT_ASSERT_EQ(test, t->pa.nfree, nfree);
}

static void set_used(struct kunit *test, u32 nr, u32 page, u32 npages, bool used)
{
	struct pagealloc_test *t = test->priv;

	while (npages--)
		t->arena[nr].used[page++] = used;
}

/* Allocate, and enter in the model what came of it. */
static bool alloc(struct kunit *test, u32 npages, u32 align, u32 *nr, u32 *page)
{
	struct pagealloc_test *t = test->priv;
	u32 i;

	if (!palloc_alloc(&t->pa, npages, align, nr, page))
		return false;
	KUNIT_ASSERT_LT(test, *nr, (u32)NARENAS);
	KUNIT_ASSERT_TRUE(test, t->arena[*nr].there);
	KUNIT_ASSERT_LE(test, *page + npages, t->arena[*nr].a.npages);
	for (i = *page; i < *page + npages; i++)
		KUNIT_ASSERT_FALSE_MSG(test, t->arena[*nr].used[i], "%u:%u is in use", *nr, i);
	KUNIT_ASSERT_EQ(test,
			(arena_base(*nr) + *page * GOALLOC_PAGE_SIZE) %
				(align * GOALLOC_PAGE_SIZE),
			0UL);
	set_used(test, *nr, *page, npages, true);
	return true;
}

static void expect_alloc(struct kunit *test, u32 npages, u32 align, u32 nr, u32 page)
{
	u32 got_nr = 0, got_page = 0;

	KUNIT_ASSERT_TRUE_MSG(test, alloc(test, npages, align, &got_nr, &got_page),
			      "%u pages, expected at %u:%u", npages, nr, page);
	KUNIT_ASSERT_EQ(test, got_nr, nr);
	KUNIT_ASSERT_EQ(test, got_page, page);
}

static void expect_no_alloc(struct kunit *test, u32 npages, u32 align)
{
	u32 nr, page;

	KUNIT_ASSERT_FALSE_MSG(test, alloc(test, npages, align, &nr, &page), "%u pages", npages);
}

static bool is_free(const struct page_alloc *pa, u32 nr, u32 page, u32 npages)
{
	return find_next_bit(pa->arena[nr]->bits, page + npages, page) >= page + npages;
}

static void free_pages_ok(struct kunit *test, u32 nr, u32 page, u32 npages)
{
	struct pagealloc_test *t = test->priv;

	KUNIT_ASSERT_FALSE(test, is_free(&t->pa, nr, page, npages));
	KUNIT_ASSERT_TRUE_MSG(test, palloc_free(&t->pa, nr, page, npages), "%u:%u, %u pages",
			      nr, page, npages);
	set_used(test, nr, page, npages, false);
	KUNIT_ASSERT_TRUE(test, is_free(&t->pa, nr, page, npages));
}

static void free_pages_bad(struct kunit *test, u32 nr, u32 page, u32 npages)
{
	struct pagealloc_test *t = test->priv;

	KUNIT_ASSERT_FALSE_MSG(test, palloc_free(&t->pa, nr, page, npages), "%u:%u, %u pages",
			       nr, page, npages);
}

static void use_all(struct kunit *test, u32 nr)
{
	struct pagealloc_test *t = test->priv;

	expect_alloc(test, t->arena[nr].a.npages, 1, nr, 0);
}

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
		add(test, nr, c->arenas[nr]);
		use_all(test, nr);
	}
	for (r = c->free; r->npages; r++)
		free_pages_ok(test, r->nr, r->page, r->npages);
	check(test);
}

static void pagealloc_alloc(struct kunit *test)
{
	const struct alloc_case *c = test->param_value;
	const struct run *r;

	make_case(test, c);
	for (r = c->allocs; r->npages; r++) {
		if (r->page == NONE)
			expect_no_alloc(test, r->npages, 1);
		else
			expect_alloc(test, r->npages, 1, r->nr, r->page);
		check(test);
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
				expect_alloc(test, r->npages, 1, r->nr, r->page);
		for (r = c->allocs; r->npages; r++)
			if (r->page != NONE) {
				free_pages_ok(test, r->nr, r->page, r->npages);
				free_pages_bad(test, r->nr, r->page, r->npages);
				check(test);
			}
	}
	/* What was free at the start is free in one piece. */
	for (r = c->free; r->npages; r++) {
		struct pagealloc_test *t = test->priv;
		const struct palloc_arena *a = &t->arena[r->nr].a;

		KUNIT_ASSERT_TRUE(test, is_free(&t->pa, r->nr, r->page, r->npages));
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
		add(test, nr, arenas[nr]);

	for (round = 0; round < 2; round++) {
		for (nr = 0; nr < ARRAY_SIZE(arenas); nr++)
			for (i = 0; i + npages <= arenas[nr]; i += npages)
				expect_alloc(test, npages, 1, nr, i);
		expect_no_alloc(test, npages, 1);
		check(test);
		/* back to front, so that each is merged with what follows */
		for (nr = ARRAY_SIZE(arenas); nr--;)
			for (i = arenas[nr] / npages; i--;)
				free_pages_ok(test, nr, i * npages, npages);
		check(test);
	}
}

/* Everything, then one page, and so on: the hints must keep up. */
static void pagealloc_alternate(struct kunit *test)
{
	const u32 all = 8 * CHUNK;
	int i;

	add(test, 0, all);
	for (i = 0; i < 3; i++) {
		expect_alloc(test, all, 1, 0, 0);
		expect_no_alloc(test, 1, 1);
		free_pages_ok(test, 0, 0, all);
		expect_alloc(test, 1, 1, 0, 0);
		expect_no_alloc(test, all, 1);
		expect_alloc(test, all - 1, 1, 0, 1);
		free_pages_ok(test, 0, 0, 1);
		expect_no_alloc(test, 2, 1);
		free_pages_ok(test, 0, 1, all - 1);
		check(test);
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
	expect_no_alloc(test, 1, 1);
	check(test);

	/* an arena that comes after a failed search */
	add(test, 0, 2);
	expect_alloc(test, 1, 1, 0, 0);
	expect_alloc(test, 1, 1, 0, 1);
	expect_no_alloc(test, 1, 1);
	add(test, 1, 3 * CHUNK);
	expect_alloc(test, 1, 1, 1, 0);
	check(test);

	/* a free below the hints, of arenas and of pages, and between them */
	expect_alloc(test, 2 * CHUNK, 1, 1, 1);
	expect_alloc(test, 1, 1, 1, 2 * CHUNK + 1);
	free_pages_ok(test, 1, CHUNK + 9, 2);
	expect_alloc(test, 1, 1, 1, CHUNK + 9);
	free_pages_ok(test, 0, 1, 1);
	expect_alloc(test, 1, 1, 0, 1);
	expect_alloc(test, 1, 1, 1, CHUNK + 10);
	expect_alloc(test, 1, 1, 1, 2 * CHUNK + 2);
	check(test);

	/* a long run leaves a shorter one below it alone */
	free_pages_ok(test, 1, 5, 3);
	free_pages_ok(test, 1, 40, 4);
	expect_alloc(test, 4, 1, 1, 40);
	expect_alloc(test, 2, 1, 1, 5);
	expect_alloc(test, 1, 1, 1, 7);
	check(test);

	/* the arena that the hint points to goes, and another takes its number */
	free_pages_ok(test, 0, 0, 2);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	check(test);
	expect_alloc(test, 1, 1, 1, 2 * CHUNK + 3);
	add(test, 0, CHUNK);
	expect_alloc(test, 1, 1, 0, 0);
	check(test);

	/* all gone */
	free_pages_ok(test, 0, 0, 1);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	free_pages_ok(test, 1, 0, 2 * CHUNK + 4);
	KUNIT_ASSERT_TRUE(test, palloc_remove(&t->pa, 1));
	t->arena[1].there = false;
	check(test);
	expect_no_alloc(test, 1, 1);
	expect_no_alloc(test, CHUNK, 1);
}

static void pagealloc_arenas(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;
	struct palloc_arena *spare = &t->arena[7].a;
	u32 nr, page;

	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 0U);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, arena_base(0), 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, arena_base(0), 8193), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, arena_base(0) + 4096, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 9), -EINVAL);
	KUNIT_EXPECT_EQ(test, palloc_add_full(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 9),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, GOALLOC_MAX_ARENAS));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, ~0U));
	check(test);

	/* the last page of the address space */
	nr = palloc_add(&t->pa, spare, -8 * GOALLOC_PAGE_SIZE, 8);
	KUNIT_EXPECT_EQ(test, nr, 0U);
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, nr));

	add(test, 0, 100);
	add(test, 1, 1000);
	add(test, 2, 8192);
	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 8192U);
	check(test);

	/* the lowest number is used again */
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 1));
	t->arena[1].there = false;
	expect_alloc(test, 1000, 1, 2, 0);
	KUNIT_EXPECT_EQ(test, palloc_largest(&t->pa), 7192U);
	add(test, 1, 1001);
	add(test, 3, 10);
	check(test);

	/* pages in use keep an arena */
	expect_alloc(test, 1, 1, 0, 0);
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 2));
	check(test);
	free_pages_ok(test, 0, 0, 1);
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 0));
	KUNIT_EXPECT_FALSE(test, palloc_remove(&t->pa, 0));
	t->arena[0].there = false;
	check(test);

	/* one of the full kind, of more pages than others may have */
	KUNIT_EXPECT_EQ(test, palloc_add_full(&t->pa, spare, arena_base(7), 20000), 0);
	KUNIT_EXPECT_EQ(test, t->pa.total, 20000UL + 1001 + 8192 + 10);
	KUNIT_EXPECT_EQ(test, t->pa.nfree, 1001UL + 7192 + 10);
	KUNIT_EXPECT_EQ(test, t->pa.narenas, 4U);
	KUNIT_EXPECT_TRUE(test, palloc_alloc(&t->pa, 1, 1, &nr, &page));
	KUNIT_EXPECT_EQ(test, nr, 1U);
	KUNIT_EXPECT_TRUE(test, palloc_free(&t->pa, nr, page, 1));
	KUNIT_EXPECT_FALSE(test, palloc_free(&t->pa, 0, 0, 1));
	KUNIT_EXPECT_FALSE(test, palloc_free(&t->pa, 0, 0, 20000));
	KUNIT_EXPECT_TRUE(test, palloc_remove(&t->pa, 0));
	check(test);
}

/* What callers get wrong is refused, and changes nothing. */
static void pagealloc_misuse(struct kunit *test)
{
	struct pagealloc_test *t = test->priv;

	add(test, 0, 600);
	add(test, 1, 8192);

	expect_no_alloc(test, 0, 1);
	expect_no_alloc(test, GOALLOC_ARENA_PAGES + 1, 1);
	expect_no_alloc(test, ~0U, 1);
	expect_no_alloc(test, 1, 0);
	expect_no_alloc(test, 1, 3);
	expect_no_alloc(test, 1, 2 * GOALLOC_ARENA_PAGES);
	expect_no_alloc(test, 1, 1U << 31);

	expect_alloc(test, 100, 1, 0, 0);
	expect_alloc(test, 600, 1, 1, 0);
	free_pages_bad(test, 0, 0, 0);
	free_pages_bad(test, 0, 0, 101);
	free_pages_bad(test, 0, 100, 1);
	free_pages_bad(test, 0, 99, 2);
	free_pages_bad(test, 0, 600, 1);
	free_pages_bad(test, 0, 0, ~0U);
	free_pages_bad(test, 0, 50, ~0U - 20);
	free_pages_bad(test, 0, ~0U, 2);
	free_pages_bad(test, 2, 0, 1);
	free_pages_bad(test, GOALLOC_MAX_ARENAS, 0, 1);
	free_pages_bad(test, ~0U, 0, 1);
	check(test);

	/* a hole in the middle */
	free_pages_ok(test, 1, 300, 1);
	free_pages_bad(test, 1, 0, 600);
	free_pages_bad(test, 1, 300, 1);
	check(test);

	KUNIT_EXPECT_TRUE(test, is_free(&t->pa, 1, 300, 1));
	KUNIT_EXPECT_FALSE(test, is_free(&t->pa, 1, 299, 2));
}

/* The page of an arena where an address of that alignment comes first, at or after @page. */
static u32 aligned_page(u32 nr, u32 page, u32 align)
{
	while ((arena_base(nr) / GOALLOC_PAGE_SIZE + page) % align)
		page++;
	return page;
}

/* Alignment is that of the address; bases are not aligned. */
static void pagealloc_align(struct kunit *test)
{
	static const u32 lengths[] = { 1, 2, 3, 4, 63, 64, 65, 100, 512, 513, 2000 };
	u32 align, i;

	add(test, 0, 8192);
	for (align = 1; align <= 4096; align *= 2)
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			u32 page = aligned_page(0, 0, align);
			u32 next = aligned_page(0, page + lengths[i], align);
			u32 rest = next + lengths[i] <= 8192;

			expect_alloc(test, lengths[i], align, 0, page);
			if (rest)
				expect_alloc(test, lengths[i], align, 0, next);
			check(test);
			free_pages_ok(test, 0, page, lengths[i]);
			if (rest)
				free_pages_ok(test, 0, next, lengths[i]);
		}
}

/* Where in the order of arenas an aligned run may be skipped. */
static void pagealloc_align_order(struct kunit *test)
{
	u32 at[4], nr;

	for (nr = 0; nr < 4; nr++) {
		add(test, nr, 1000);
		use_all(test, nr);
		at[nr] = aligned_page(nr, 100, 4);
	}
	/* arena 0 has 4 pages, not aligned; 1 has 4, aligned; 2 has 7; 3 has 4, aligned */
	free_pages_ok(test, 0, at[0] + 1, 4);
	free_pages_ok(test, 1, at[1], 4);
	free_pages_ok(test, 2, at[2] + 1, 7);
	free_pages_ok(test, 3, at[3], 4);

	/* 2 has room for any alignment, so 1 is passed over */
	expect_alloc(test, 4, 4, 2, at[2] + 4);
	/* none has now: look at each */
	expect_alloc(test, 4, 4, 1, at[1]);
	expect_alloc(test, 4, 4, 3, at[3]);
	expect_no_alloc(test, 4, 4);
	/* and without alignment */
	expect_alloc(test, 4, 1, 0, at[0] + 1);
	expect_alloc(test, 3, 1, 2, at[2] + 1);
	expect_no_alloc(test, 1, 1);
	check(test);
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
		KUNIT_EXPECT_EQ(test, palloc_add(pa, &arenas[i], arena_base(i), 8), (int)i);
	KUNIT_EXPECT_EQ(test, palloc_add(pa, &t->arena[0].a, arena_base(i), 8), -ENOSPC);
	KUNIT_EXPECT_EQ(test, palloc_add_full(pa, &t->arena[0].a, arena_base(i), 8), -ENOSPC);

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
		KUNIT_EXPECT_EQ(test, palloc_add(&t->pa, &arenas[i], arena_base(i), 8), (int)i);
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
	got = alloc(test, npages, align, &nr, &page);
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
		free_pages_ok(test, r->nr, r->page + r->npages - part, part);
	} else {
		free_pages_ok(test, r->nr, r->page, part);
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
		free_pages_bad(test, nr, page, npages);
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
		add(test, nr, sizes[rnd(t, ARRAY_SIZE(sizes))]);
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
			check(test);
	}

	while (t->nlive)
		random_free(test);
	check(test);
	KUNIT_EXPECT_EQ(test, t->pa.nfree, t->pa.total);
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
	KUNIT_CASE_PARAM(pagealloc_random, pagealloc_random_gen_params),
	{}
};

struct kunit_suite goalloc_pagealloc_suite = {
	.name = "goalloc_pagealloc",
	.init = pagealloc_init,
	.exit = pagealloc_exit,
	.test_cases = pagealloc_cases,
};
