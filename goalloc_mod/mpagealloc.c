// SPDX-License-Identifier: GPL-2.0
/*
 * The page allocator: runs of 8 KiB pages, lowest address first.
 *
 * Which pages are free is one bit a page, and nothing else is kept about them:
 * no lists to splice, no headers to merge. Two runs that become neighbours are
 * one run because their bits are neighbours. Always taking the lowest run that
 * fits packs what lives long at low addresses, so that high arenas run empty
 * and can be given back.
 *
 * Finding that run by looking at bits would cost more the more memory there
 * is. So each chunk of 512 pages has a summary: the free pages at its start,
 * at its end, and the longest run between. The end of one chunk and the starts
 * of the next tell of a run that straddles them, without a look at a bit. At
 * most 16 chunks make an arena, which adds its longest run, and above the
 * arenas a radix tree of fan-out 16 holds the longest run below each node.
 * Runs do not cross arenas: vmalloc() leaves a guard page behind each.
 *
 * An allocation goes down the tree, through the summaries, into one chunk.
 * Hints tell below which arena, and which page of an arena, there is nothing
 * free, so that the most frequent request by far, a single page, takes next to
 * no search.
 *
 * An update must not cost more than the search did. Free runs only grow when
 * pages are freed, and what they grow to is found from their neighbours: a
 * longest run is raised, up the tree, in a few steps. But when pages are taken
 * from the longest run of a chunk, what is the longest now? To find out all of
 * the chunk would have to be looked at, to learn as a rule that it is what is
 * left of the same run. So the longest runs, and they alone, may say too much:
 * of chunks that are marked, and of one arena, the one that pages were last
 * taken from in such a way (@stale). Too much never hides a run. A search that
 * was led to a chunk in vain sets the chunk right; one that was led to the arena
 * in vain sets the arena right, and the tree, and begins anew, once.
 *
 * "Lowest" has one exception, for aligned runs; see palloc_alloc().
 *
 * The mheap lock guards everything here, and its holder calls. Nothing here
 * locks, sleeps, allocates or prints. Compiles in user space as well
 * (tools/testing/userspace).
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "compat.h"
#include "mpagealloc.h"

static_assert(BITS_PER_LONG == 64); /* in mpallocbits.c as well */
static_assert(PALLOC_CHUNKS <= 16); /* bits of palloc_arena.stale */
static_assert(PALLOC_FANOUT * PALLOC_FANOUT * PALLOC_FANOUT == GOALLOC_MAX_ARENAS);

/* Arenas that are tried for an aligned run which may not be there. */
#define ALIGN_TRIES 16

/* The bits of up to @npages pages from @page on that are in @page's word. */
static unsigned long word_mask(u32 page, u32 npages)
{
	u32 off = page % BITS_PER_LONG;

	return ~0UL >> (BITS_PER_LONG - min(npages, (u32)BITS_PER_LONG - off)) << off;
}

/* As a rule they are in one word or two, where bitmap_set() costs more than all else. */
static void set_pages(struct palloc_arena *a, u32 page, u32 npages, bool allocated)
{
	u32 end = page + npages;

	for (; page < end; page = (page | (BITS_PER_LONG - 1)) + 1) {
		unsigned long mask = word_mask(page, end - page);

		if (allocated)
			a->bits[page / BITS_PER_LONG] |= mask;
		else
			a->bits[page / BITS_PER_LONG] &= ~mask;
	}
}

/* Whether pages are all allocated. */
static bool all_set(const struct palloc_arena *a, u32 page, u32 npages)
{
	u32 end = page + npages;

	for (; page < end; page = (page | (BITS_PER_LONG - 1)) + 1)
		if (~a->bits[page / BITS_PER_LONG] & word_mask(page, end - page))
			return false;
	return true;
}

/* The longest run of an arena, from its summaries. */
static u32 arena_max(const struct palloc_arena *a)
{
	u32 n = palloc_chunks(a), max = 0, run = 0, i;

	for (i = 0; i < n; i++) {
		const struct palloc_sum *sum = &a->sum[i];

		run += sum->start;
		max = max3(max, run, (u32)sum->max);
		if (sum->start != PALLOC_CHUNK_PAGES)
			run = sum->end;
	}
	return max;
}

static u16 largest(const u16 *v)
{
	u16 max = 0;
	u32 i;

	for (i = 0; i < PALLOC_FANOUT; i++)
		max = max(max, v[i]);
	return max;
}

/* Enter an arena's longest run in the tree, up to where nothing changes. */
static void set_leaf(struct page_alloc *pa, u32 nr, u16 max)
{
	u32 mid = nr / PALLOC_FANOUT, top = mid / PALLOC_FANOUT;

	if (pa->leaf[nr] == max)
		return;
	pa->leaf[nr] = max;

	max = largest(&pa->leaf[mid * PALLOC_FANOUT]);
	if (pa->mid[mid] == max)
		return;
	pa->mid[mid] = max;
	pa->top[top] = largest(&pa->mid[top * PALLOC_FANOUT]);
}

/* The same for a run that has become longer. */
static void raise_leaf(struct page_alloc *pa, u32 nr, u16 max)
{
	u32 mid = nr / PALLOC_FANOUT, top = mid / PALLOC_FANOUT;

	pa->leaf[nr] = max;
	if (pa->mid[mid] < max)
		pa->mid[mid] = max;
	if (pa->top[top] < max)
		pa->top[top] = max;
}

/* The first arena from @from on with a free run of @npages, or GOALLOC_MAX_ARENAS. */
static u32 next_arena(const struct page_alloc *pa, u32 npages, u32 from)
{
	u32 leaf, mid, top;

	for (leaf = from; leaf % PALLOC_FANOUT; leaf++)
		if (pa->leaf[leaf] >= npages)
			return leaf;
	for (mid = leaf / PALLOC_FANOUT; mid % PALLOC_FANOUT; mid++)
		if (pa->mid[mid] >= npages)
			goto found_mid;
	for (top = mid / PALLOC_FANOUT; top < PALLOC_FANOUT; top++)
		if (pa->top[top] >= npages)
			goto found_top;
	return GOALLOC_MAX_ARENAS;

found_top:
	mid = top * PALLOC_FANOUT;
	while (pa->mid[mid] < npages)
		mid++;
found_mid:
	leaf = mid * PALLOC_FANOUT;
	while (pa->leaf[leaf] < npages)
		leaf++;
	return leaf;
}

/* Where the free run that ends ahead of page @i of a chunk begins. */
static u32 run_start(const unsigned long *bits, u32 i)
{
	u32 w = i / BITS_PER_LONG;
	unsigned long x = i % BITS_PER_LONG ? bits[w] & (BIT(i % BITS_PER_LONG) - 1) : 0;

	while (!x && w)
		x = bits[--w];
	return x ? w * BITS_PER_LONG + __fls(x) + 1 : 0;
}

/* Where the free run that goes on at page @i of a chunk ends. */
static u32 run_end(const unsigned long *bits, u32 i)
{
	u32 w = i / BITS_PER_LONG;
	unsigned long x = bits[w] & (~0UL << i % BITS_PER_LONG);

	while (!x && ++w < PALLOC_CHUNK_WORDS)
		x = bits[w];
	return x ? w * BITS_PER_LONG + __ffs(x) : PALLOC_CHUNK_PAGES;
}

/* The free pages at the end of the chunks before @chunk. */
static u32 run_before(const struct palloc_arena *a, u32 chunk)
{
	u32 len = 0;

	while (chunk--) {
		len += a->sum[chunk].end;
		if (a->sum[chunk].end != PALLOC_CHUNK_PAGES)
			break;
	}
	return len;
}

/* The free pages at the start of the chunks after @chunk. */
static u32 run_after(const struct palloc_arena *a, u32 chunk)
{
	u32 n = palloc_chunks(a), len = 0;

	while (++chunk < n) {
		len += a->sum[chunk].start;
		if (a->sum[chunk].start != PALLOC_CHUNK_PAGES)
			break;
	}
	return len;
}

/* Set the longest run of an arena right, if there is one that may not be. */
static bool settle(struct page_alloc *pa)
{
	struct palloc_arena *a;

	if (pa->stale == GOALLOC_MAX_ARENAS)
		return false;
	a = pa->arena[pa->stale];
	while (a->stale)
		palloc_settle_chunk(a, __ffs(a->stale));
	a->max = arena_max(a);
	set_leaf(pa, pa->stale, a->max);
	pa->stale = GOALLOC_MAX_ARENAS;
	return true;
}

/* Pages @lo to @hi of a chunk, of the free run from @from to @to, were taken. */
static void chunk_alloc(struct palloc_arena *a, u32 chunk, u32 lo, u32 hi, u32 from, u32 to)
{
	struct palloc_sum *sum = &a->sum[chunk];

	if (!from)
		sum->start = lo;
	if (to == PALLOC_CHUNK_PAGES)
		sum->end = PALLOC_CHUNK_PAGES - hi;
	if (to - from == PALLOC_CHUNK_PAGES)
		sum->max = max(sum->start, sum->end);
	else if (to - from == sum->max)
		a->stale |= BIT(chunk);
}

/* Pages of a chunk were freed, which makes a free run from @from to @to. */
static void chunk_free(struct palloc_arena *a, u32 chunk, u32 from, u32 to)
{
	struct palloc_sum *sum = &a->sum[chunk];

	if (!from)
		sum->start = to;
	if (to == PALLOC_CHUNK_PAGES)
		sum->end = PALLOC_CHUNK_PAGES - from;
	if (to - from >= sum->max) {
		sum->max = to - from;
		a->stale &= ~BIT(chunk);
	}
}

/* Bring the summaries up to date, whether or not the pages' bits have changed yet. */
static void update(struct page_alloc *pa, u32 nr, u32 page, u32 npages, bool allocated)
{
	struct palloc_arena *a = pa->arena[nr];
	u32 first = page >> PALLOC_CHUNK_SHIFT, last = (page + npages - 1) >> PALLOC_CHUNK_SHIFT;
	u32 lo = page % PALLOC_CHUNK_PAGES, left = npages, len = 0, chunk;

	for (chunk = first; chunk <= last; chunk++) {
		const unsigned long *bits = &a->bits[chunk * PALLOC_CHUNK_WORDS];
		const struct palloc_sum *sum = &a->sum[chunk];
		u32 hi = min_t(u32, lo + left, PALLOC_CHUNK_PAGES);
		u32 from = lo <= sum->start ? 0 : run_start(bits, lo);
		u32 to = hi + sum->end >= PALLOC_CHUNK_PAGES ? PALLOC_CHUNK_PAGES :
							       run_end(bits, hi);

		if (!from && chunk == first)
			len += run_before(a, chunk);
		if (to == PALLOC_CHUNK_PAGES && chunk == last)
			len += run_after(a, chunk);
		len += to - from;
		if (allocated)
			chunk_alloc(a, chunk, lo, hi, from, to);
		else
			chunk_free(a, chunk, from, to);
		left -= hi - lo;
		lo = 0;
	}

	/* @len is now the length of the run that the pages were, or are, part of. */
	if (!allocated) {
		if (len > a->max) {
			a->max = len;
			raise_leaf(pa, nr, len);
		}
	} else if (len == a->max && pa->stale != nr) {
		settle(pa);
		pa->stale = nr;
	}
}

/**
 * palloc_init() - make a page allocator without arenas
 * @pa: the page allocator
 */
void palloc_init(struct page_alloc *pa)
{
	memset(pa, 0, sizeof(*pa));
	pa->search = GOALLOC_MAX_ARENAS;
	pa->stale = GOALLOC_MAX_ARENAS;
}
EXPORT_SYMBOL_FOR_TEST(palloc_init);

static int add_arena(struct page_alloc *pa, struct palloc_arena *a, unsigned long base,
		     u32 npages, bool full)
{
	u32 nr;

	if (!npages || base & (GOALLOC_PAGE_SIZE - 1) ||
	    base + ((unsigned long)npages << GOALLOC_PAGE_SHIFT) - 1 < base)
		return -EINVAL;

	for (nr = 0; nr < GOALLOC_MAX_ARENAS; nr++)
		if (!pa->arena[nr])
			break;
	if (nr == GOALLOC_MAX_ARENAS)
		return -ENOSPC;

	memset(a, 0, sizeof(*a));
	a->base = base;
	a->npages = npages;
	a->full = full;
	pa->arena[nr] = a;
	pa->narenas++;
	pa->total += npages;
	return nr;
}

/**
 * palloc_add() - add an arena, all of its pages free
 * @pa: the page allocator
 * @a: the arena, whose contents do not matter
 * @base: address of its first page
 * @npages: pages, at most GOALLOC_ARENA_PAGES
 *
 * Return: the lowest arena number that was not in use, -ENOSPC if all are, or
 * -EINVAL for pages that cannot be an arena.
 */
int palloc_add(struct page_alloc *pa, struct palloc_arena *a, unsigned long base, u32 npages)
{
	int nr;

	if (npages > GOALLOC_ARENA_PAGES)
		return -EINVAL;
	nr = add_arena(pa, a, base, npages, false);
	if (nr < 0)
		return nr;

	set_pages(a, npages, GOALLOC_ARENA_PAGES - npages, true);
	a->nfree = npages;
	WRITE_ONCE(pa->nfree, pa->nfree + npages);
	pa->search = min_t(u32, pa->search, nr);
	update(pa, nr, 0, npages, false);
	return nr;
}
EXPORT_SYMBOL_FOR_TEST(palloc_add);

/**
 * palloc_add_full() - add an arena, all of its pages allocated for good
 * @pa: the page allocator
 * @a: the arena, whose contents do not matter
 * @base: address of its first page
 * @npages: pages, any number
 *
 * For an object of more than an arena, which gets one of its own. It counts in
 * the totals; its pages cannot be freed, only the whole arena removed.
 *
 * Return: as palloc_add().
 */
int palloc_add_full(struct page_alloc *pa, struct palloc_arena *a, unsigned long base,
		    u32 npages)
{
	return add_arena(pa, a, base, npages, true);
}
EXPORT_SYMBOL_FOR_TEST(palloc_add_full);

/**
 * palloc_remove() - take an arena away
 * @pa: the page allocator
 * @nr: its number, which may be given to another arena from now on
 *
 * Return: false, and nothing has changed, if there is no such arena, or some of
 * its pages are allocated and it is not of the palloc_add_full() kind.
 */
bool palloc_remove(struct page_alloc *pa, u32 nr)
{
	struct palloc_arena *a;

	if (nr >= GOALLOC_MAX_ARENAS)
		return false;
	a = pa->arena[nr];
	if (!a || (!a->full && a->nfree != a->npages))
		return false;

	WRITE_ONCE(pa->nfree, pa->nfree - a->nfree);
	pa->total -= a->npages;
	pa->narenas--;
	pa->arena[nr] = NULL;
	if (pa->stale == nr)
		pa->stale = GOALLOC_MAX_ARENAS;
	set_leaf(pa, nr, 0);
	return true;
}
EXPORT_SYMBOL_FOR_TEST(palloc_remove);

/*
 * Look for a run in the lowest arena where there is one. One that is long
 * enough may still have no aligned place; then skip to an arena where whatever
 * the alignment the run fits, rather than try many, and try some only if there
 * is no such arena.
 */
static bool find(struct page_alloc *pa, u32 npages, u32 align, u32 *nr, u32 *page)
{
	u32 first, i;
	int tries;

again:
	first = next_arena(pa, npages, pa->search);
	if (npages == 1)
		pa->search = first;
	if (first == GOALLOC_MAX_ARENAS)
		return false;

	*nr = first;
	*page = palloc_find(pa->arena[first], npages, align);
	if (*page != PALLOC_NONE)
		return true;
	/* Which arena is next is to be right. */
	if (settle(pa))
		goto again;

	*nr = next_arena(pa, npages + align - 1, first + 1);
	if (*nr != GOALLOC_MAX_ARENAS) {
		*page = palloc_find(pa->arena[*nr], npages, align);
		return *page != PALLOC_NONE;
	}

	i = first;
	for (tries = 0; tries < ALIGN_TRIES; tries++) {
		i = next_arena(pa, npages, i + 1);
		if (i == GOALLOC_MAX_ARENAS)
			break;
		*nr = i;
		*page = palloc_find(pa->arena[i], npages, align);
		if (*page != PALLOC_NONE)
			return true;
	}
	return false;
}

/**
 * palloc_alloc() - allocate a run of pages
 * @pa: the page allocator
 * @npages: length, 1 to GOALLOC_ARENA_PAGES
 * @align_pages: alignment of its address, in pages: a power of two, at most
 *	GOALLOC_ARENA_PAGES
 * @nr: the arena's number
 * @page: the first page, counted from the arena's base
 *
 * The run is the lowest that fits, by arena number and page. With an alignment
 * above 1 it is the lowest of the first arena that has a run of @npages; if
 * none is aligned there, the lowest of the first arena that has room for any
 * alignment, even if there is an aligned one in between; and if no arena has,
 * some more are tried, so a run may in rare cases be missed. This keeps
 * the cost of an aligned run from growing with the number of arenas.
 *
 * Return: false, with @nr and @page undefined, if there is no such run.
 */
bool palloc_alloc(struct page_alloc *pa, u32 npages, u32 align_pages, u32 *nr, u32 *page)
{
	struct palloc_arena *a;

	if (!npages || npages > GOALLOC_ARENA_PAGES || align_pages > GOALLOC_ARENA_PAGES ||
	    !is_power_of_2(align_pages))
		return false;
	if (!find(pa, npages, align_pages, nr, page))
		return false;

	a = pa->arena[*nr];
	set_pages(a, *page, npages, true);
	a->nfree -= npages;
	WRITE_ONCE(pa->nfree, pa->nfree - npages);
	if ((npages == 1 && align_pages == 1) || *page == a->search)
		a->search = *page + npages;
	update(pa, *nr, *page, npages, true);
	return true;
}
EXPORT_SYMBOL_FOR_TEST(palloc_alloc);

/* Whether the pages are of an arena with a bitmap. */
static bool has_pages(const struct page_alloc *pa, u32 nr, u32 page, u32 npages)
{
	const struct palloc_arena *a;

	if (nr >= GOALLOC_MAX_ARENAS)
		return false;
	a = pa->arena[nr];
	return a && !a->full && npages && page < a->npages && npages <= a->npages - page;
}

/**
 * palloc_free() - free pages
 * @pa: the page allocator
 * @nr: the arena's number
 * @page: the first page, counted from the arena's base
 * @npages: how many; part of an allocation, or several, is fine
 *
 * Return: false, and nothing has changed, if they are not all allocated.
 */
bool palloc_free(struct page_alloc *pa, u32 nr, u32 page, u32 npages)
{
	struct palloc_arena *a;

	if (!has_pages(pa, nr, page, npages))
		return false;
	a = pa->arena[nr];
	if (!all_set(a, page, npages))
		return false;

	set_pages(a, page, npages, false);
	a->nfree += npages;
	WRITE_ONCE(pa->nfree, pa->nfree + npages);
	a->search = min(a->search, page);
	pa->search = min(pa->search, nr);
	update(pa, nr, page, npages, false);
	return true;
}
EXPORT_SYMBOL_FOR_TEST(palloc_free);

/**
 * palloc_largest() - pages of the longest free run there is
 * @pa: the page allocator
 *
 * Return: pages, 0 if none is free.
 */
u32 palloc_largest(struct page_alloc *pa)
{
	settle(pa);
	return largest(pa->top);
}
EXPORT_SYMBOL_FOR_TEST(palloc_largest);
