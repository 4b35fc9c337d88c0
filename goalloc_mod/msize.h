/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sizes: which class serves a request, what a class looks like, and how large
 * and how aligned the span of a large object is.
 *
 * An object is aligned to the largest power of two that divides the requested
 * size, and to 8 bytes at least, as with kmalloc().
 */
#ifndef GOALLOC_MSIZE_H
#define GOALLOC_MSIZE_H

#include <linux/bits.h>
#include <linux/types.h>

#include "sizeclasses.h"

#define GOALLOC_PAGE_SIZE BIT(GOALLOC_PAGE_SHIFT)

/* Large objects are aligned no further than this, which is kmalloc()'s limit. */
#define GOALLOC_LARGE_ALIGN_MAX (4UL << 20)

/* By class; class 0, the large objects, is all zeroes. */
extern const u16 goalloc_class_size[GOALLOC_NUM_CLASSES];
extern const u8 goalloc_class_npages[GOALLOC_NUM_CLASSES];
extern const u16 goalloc_class_nelems[GOALLOC_NUM_CLASSES];
extern const u32 goalloc_class_divmul[GOALLOC_NUM_CLASSES];
/* the alignment, in bytes, that every object of the class has */
extern const u16 goalloc_class_align[GOALLOC_NUM_CLASSES];
/* the alignment, in pages, that a span of the class must have for that */
extern const u8 goalloc_class_span_align[GOALLOC_NUM_CLASSES];

/* By size: see goalloc_size_to_class(). */
extern const u8 goalloc_class_fine[GOALLOC_FINE_LEN];
extern const u8 goalloc_class_coarse[GOALLOC_COARSE_LEN];
extern const u8 goalloc_class_exact[GOALLOC_COARSE_LEN];

/**
 * goalloc_size_to_class() - the size class that serves a request
 * @size: requested bytes, not 0
 *
 * A class whose objects are not smaller than @size, and aligned to the largest
 * power of two that divides it. Above 1024, only exact multiples of 128 can
 * ask for more alignment than their nominal class has, so they alone pay for
 * it with a larger class.
 *
 * Return: 1 to GOALLOC_NUM_CLASSES - 1, or 0 for a large object.
 */
static inline u8 goalloc_size_to_class(size_t size)
{
	size_t steps;

	if (size <= GOALLOC_LOOKUP_SPLIT)
		return goalloc_class_fine[(size + GOALLOC_FINE_STEP - 1) / GOALLOC_FINE_STEP];
	if (size > GOALLOC_MAX_SMALL)
		return 0;

	steps = (size - GOALLOC_LOOKUP_SPLIT + GOALLOC_COARSE_STEP - 1) / GOALLOC_COARSE_STEP;
	if (size % GOALLOC_COARSE_STEP)
		return goalloc_class_coarse[steps];
	return goalloc_class_exact[steps];
}

/**
 * goalloc_divmul() - the factor that divides by an object size
 * @size: bytes from slot to slot
 *
 * The slot at an offset into a span is offset * goalloc_divmul() >> 32, exact
 * for spans that pass goalloc_divmul_exact().
 *
 * Return: the factor.
 */
static inline u32 goalloc_divmul(u32 size)
{
	return 0xffffffffU / size + 1;
}

/**
 * goalloc_divmul_exact() - whether goalloc_divmul() serves a span
 * @size: bytes from slot to slot
 * @bytes: of the span
 *
 * The factor is too large by @size / 2^32 at most; that must not add up to a
 * wrong slot before the end of the span.
 *
 * Return: true if it does.
 */
static inline bool goalloc_divmul_exact(u32 size, u32 bytes)
{
	u64 error = (u64)goalloc_divmul(size) * size - (1ULL << 32);

	return error * ((bytes - 1) / size + 1) < goalloc_divmul(size);
}

/**
 * goalloc_large_pages() - pages of a large object
 * @size: requested bytes, any value
 *
 * Return: pages, rounded up.
 */
static inline size_t goalloc_large_pages(size_t size)
{
	return (size >> GOALLOC_PAGE_SHIFT) + !!(size & (GOALLOC_PAGE_SIZE - 1));
}

/**
 * goalloc_large_align() - alignment, in pages, of a large object
 * @size: requested bytes, any value
 *
 * Return: a power of two.
 */
static inline u32 goalloc_large_align(size_t size)
{
	/* The limit, or'ed in, bounds the lowest bit. */
	size_t bits = (size | GOALLOC_LARGE_ALIGN_MAX) >> GOALLOC_PAGE_SHIFT;

	return size & (GOALLOC_PAGE_SIZE - 1) ? 1 : bits & -bits;
}

#endif /* GOALLOC_MSIZE_H */
