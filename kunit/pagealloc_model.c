// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator on made-up addresses, with a model beside it that keeps a
 * byte a page and is looked at page by page. Used by the suites of the page
 * allocator; also built in user space.
 */
#include <linux/errno.h>
#include <linux/slab.h>

#include "pagealloc_model.h"

int pa_init(struct kunit *test)
{
	struct pagealloc_test *t = kvcalloc(1, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	palloc_init(&t->pa);
	test->priv = t;
	return 0;
}

void pa_exit(struct kunit *test)
{
	kvfree(test->priv);
}

/* Made up, apart from each other, and not aligned to more than a page. */
unsigned long pa_base(u32 nr)
{
	return 0xffffc90000000000UL + nr * 0x10000000UL + (nr * 7 + 1) * GOALLOC_PAGE_SIZE;
}

void pa_add(struct kunit *test, u32 nr, u32 npages)
{
	struct pagealloc_test *t = test->priv;
	struct model_arena *m = &t->arena[nr];

	KUNIT_ASSERT_EQ(test, palloc_add(&t->pa, &m->a, pa_base(nr), npages), (int)nr);
	m->there = true;
	memset(m->used, 0, sizeof(m->used));
}

/* Look at every page, and see that all that is kept about them is right. */
void pa_check(struct kunit *test)
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

static void pa_set_used(struct kunit *test, u32 nr, u32 page, u32 npages, bool used)
{
	struct pagealloc_test *t = test->priv;

	while (npages--)
		t->arena[nr].used[page++] = used;
}

/* Allocate, and enter in the model what came of it. */
bool pa_alloc(struct kunit *test, u32 npages, u32 align, u32 *nr, u32 *page)
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
			(pa_base(*nr) + *page * GOALLOC_PAGE_SIZE) %
				(align * GOALLOC_PAGE_SIZE),
			0UL);
	pa_set_used(test, *nr, *page, npages, true);
	return true;
}

void pa_expect_alloc(struct kunit *test, u32 npages, u32 align, u32 nr, u32 page)
{
	u32 got_nr = 0, got_page = 0;

	KUNIT_ASSERT_TRUE_MSG(test, pa_alloc(test, npages, align, &got_nr, &got_page),
			      "%u pages, expected at %u:%u", npages, nr, page);
	KUNIT_ASSERT_EQ(test, got_nr, nr);
	KUNIT_ASSERT_EQ(test, got_page, page);
}

void pa_expect_no_alloc(struct kunit *test, u32 npages, u32 align)
{
	u32 nr, page;

	KUNIT_ASSERT_FALSE_MSG(test, pa_alloc(test, npages, align, &nr, &page), "%u pages", npages);
}

bool pa_is_free(const struct page_alloc *pa, u32 nr, u32 page, u32 npages)
{
	return find_next_bit(pa->arena[nr]->bits, page + npages, page) >= page + npages;
}

void pa_free(struct kunit *test, u32 nr, u32 page, u32 npages)
{
	struct pagealloc_test *t = test->priv;

	KUNIT_ASSERT_FALSE(test, pa_is_free(&t->pa, nr, page, npages));
	KUNIT_ASSERT_TRUE_MSG(test, palloc_free(&t->pa, nr, page, npages), "%u:%u, %u pages",
			      nr, page, npages);
	pa_set_used(test, nr, page, npages, false);
	KUNIT_ASSERT_TRUE(test, pa_is_free(&t->pa, nr, page, npages));
}

void pa_free_bad(struct kunit *test, u32 nr, u32 page, u32 npages)
{
	struct pagealloc_test *t = test->priv;

	KUNIT_ASSERT_FALSE_MSG(test, palloc_free(&t->pa, nr, page, npages), "%u:%u, %u pages",
			       nr, page, npages);
}

void pa_use_all(struct kunit *test, u32 nr)
{
	struct pagealloc_test *t = test->priv;

	pa_expect_alloc(test, t->arena[nr].a.npages, 1, nr, 0);
}
