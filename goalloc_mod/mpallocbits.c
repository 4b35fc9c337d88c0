// SPDX-License-Identifier: GPL-2.0
/*
 * The bits of the pages of one arena: the summary of a chunk of them, and the
 * lowest run that fits. What they mean is in mpagealloc.c, whose lock, the
 * mheap's, guards them. Compiles in user space as well.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "mpagealloc.h"

/* The length of the longest run of ones in @x, if above @least. */
static u32 longest_run(unsigned long x, u32 least)
{
	u32 have = 1, len = least;

	/* Bit i of x stays if @have ones begin at i: first go for more than @least. */
	while (have <= least) {
		u32 step = min(have, least + 1 - have);

		x &= x >> step;
		have += step;
	}
	for (; x; x &= x >> 1)
		len++;
	return len;
}

/* The summary of a chunk, from its bits. */
static struct palloc_sum summarize(const unsigned long *bits)
{
	u32 max = 0, run = 0, start = PALLOC_CHUNK_PAGES, i;
	struct palloc_sum sum;

	for (i = 0; i < PALLOC_CHUNK_WORDS; i++) {
		unsigned long x = bits[i];

		if (!x) {
			run += BITS_PER_LONG;
			continue;
		}
		run += __ffs(x);
		if (start == PALLOC_CHUNK_PAGES)
			start = run;
		max = max(max, run);
		run = BITS_PER_LONG - 1 - __fls(x);
		/* Runs that touch neither end of the word: 62 pages at most. */
		if (~x && max < BITS_PER_LONG - 2)
			max = longest_run(~x, max);
	}

	sum.start = start;
	sum.max = max(max, run);
	sum.end = run;
	return sum;
}

/* Set a chunk's longest run right. */
void palloc_settle_chunk(struct palloc_arena *a, u32 chunk)
{
	a->sum[chunk].max = summarize(&a->bits[chunk * PALLOC_CHUNK_WORDS]).max;
	a->stale &= ~BIT(chunk);
}

/* Pages of the arena's first aligned page, as @align sees addresses. */
static u32 align_phase(const struct palloc_arena *a, u32 align)
{
	return -(a->base >> GOALLOC_PAGE_SHIFT) & (align - 1);
}

/*
 * The bits of word @w whose pages are aligned: @pattern if several may be,
 * else one in every so many words.
 */
static unsigned long aligned_bits(u32 w, u32 align, u32 phase, unsigned long pattern)
{
	if (align <= BITS_PER_LONG)
		return pattern;
	return w % (align / BITS_PER_LONG) == phase / BITS_PER_LONG ? pattern : 0;
}

/*
 * The lowest aligned run of up to 64 pages. It reaches into one other word at
 * most, so all its possible starts in a word are found at once, by and'ing the
 * word with itself shifted.
 */
static u32 find_short(struct palloc_arena *a, u32 npages, u32 align)
{
	u32 phase = align_phase(a, align), n = palloc_chunks(a), chunk, w, s;
	unsigned long pattern = 1;

	for (s = align; s < BITS_PER_LONG; s *= 2)
		pattern |= pattern << s;
	pattern <<= phase % BITS_PER_LONG;

	for (chunk = a->search >> PALLOC_CHUNK_SHIFT; chunk < n; chunk++) {
		const struct palloc_sum *sum = &a->sum[chunk];
		u32 last = (chunk + 1) * PALLOC_CHUNK_WORDS - 1;

		/* Without a run of its own a chunk may begin one in its last word. */
		if (sum->max >= npages)
			w = chunk * PALLOC_CHUNK_WORDS;
		else if (sum->end && chunk + 1 < n && sum->end + sum[1].start >= npages)
			w = last;
		else
			continue;

		for (; w <= last; w++) {
			unsigned long lo = ~a->bits[w], hi = 0;
			u32 have = 1;

			if (!lo)
				continue;
			if (w + 1 < ARRAY_SIZE(a->bits))
				hi = ~a->bits[w + 1];
			while (have < npages) {
				s = min(have, npages - have);
				lo &= lo >> s | hi << (BITS_PER_LONG - s);
				hi &= hi >> s;
				have += s;
			}
			lo &= aligned_bits(w, align, phase, pattern);
			if (lo)
				return w * BITS_PER_LONG + __ffs(lo);
		}
		if (a->stale & BIT(chunk))
			palloc_settle_chunk(a, chunk);
	}
	return PALLOC_NONE;
}

/* The first aligned page of a run, if @npages fit from there on. */
static u32 fit(u32 start, u32 run, u32 npages, u32 align, u32 phase)
{
	u32 page = start + ((phase - start) & (align - 1));

	return page + npages <= start + run ? page : PALLOC_NONE;
}

/* The lowest aligned run of over 64 pages: each touches an end of a word. */
static u32 find_long(struct palloc_arena *a, u32 npages, u32 align)
{
	u32 phase = align_phase(a, align), n = palloc_chunks(a), run = 0, chunk, page, i;

	for (chunk = a->search >> PALLOC_CHUNK_SHIFT; chunk < n; chunk++) {
		const struct palloc_sum *sum = &a->sum[chunk];
		u32 start = chunk << PALLOC_CHUNK_SHIFT;

		/* The run that the chunks before left open. */
		page = fit(start - run, run + sum->start, npages, align, phase);
		if (page != PALLOC_NONE)
			return page;
		if (sum->start == PALLOC_CHUNK_PAGES) {
			run += PALLOC_CHUNK_PAGES;
			continue;
		}

		run = 0;
		for (i = 0; sum->max >= npages && i < PALLOC_CHUNK_WORDS; i++) {
			unsigned long x = a->bits[chunk * PALLOC_CHUNK_WORDS + i];
			u32 word = start + i * BITS_PER_LONG;

			page = fit(word - run, run + (x ? __ffs(x) : BITS_PER_LONG), npages,
				   align, phase);
			if (page != PALLOC_NONE)
				return page;
			run = x ? BITS_PER_LONG - 1 - __fls(x) : run + BITS_PER_LONG;
		}
		if (a->stale & BIT(chunk))
			palloc_settle_chunk(a, chunk);
		run = sum->end;
	}
	return PALLOC_NONE;
}

/* The first page of the lowest aligned run of @npages in an arena, or PALLOC_NONE. */
u32 palloc_find(struct palloc_arena *a, u32 npages, u32 align)
{
	return npages <= BITS_PER_LONG ? find_short(a, npages, align) :
					 find_long(a, npages, align);
}
