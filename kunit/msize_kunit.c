// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes and size classes, exhaustively. Also built in user space.
 */
#include "../goalloc_mod/include/linux/goalloc_sizes.h"
#include "../goalloc_mod/msize.h"
#include "suites.h"

#define SPAN_BYTES(class) (goalloc_class_npages[class] * (u32)GOALLOC_PAGE_SIZE)

static void msize_classes(struct kunit *test)
{
	unsigned int c;

	KUNIT_EXPECT_EQ(test, GOALLOC_NUM_CLASSES, 68);
	KUNIT_EXPECT_EQ(test, goalloc_class_size[0], 0);
	KUNIT_EXPECT_EQ(test, goalloc_class_size[1], 8);
	KUNIT_EXPECT_EQ(test, goalloc_class_size[GOALLOC_NUM_CLASSES - 1], GOALLOC_MAX_SMALL);

	for (c = 1; c < GOALLOC_NUM_CLASSES; c++) {
		u32 size = goalloc_class_size[c], bytes = SPAN_BYTES(c);

		KUNIT_EXPECT_GT(test, size, (u32)goalloc_class_size[c - 1]);
		KUNIT_EXPECT_EQ(test, size % (size > 1024 ? 128 : 8), 0U);
		KUNIT_EXPECT_EQ(test, (u32)goalloc_class_nelems[c], bytes / size);
		KUNIT_EXPECT_LE(test, goalloc_class_nelems[c], GOALLOC_MAX_NELEMS);
		KUNIT_EXPECT_LE(test, goalloc_class_npages[c], GOALLOC_MAX_SPAN_PAGES);
		/* at most an eighth is lost at the tail */
		KUNIT_EXPECT_LE_MSG(test, bytes % size, bytes / 8, "class %u", c);
	}
}

/* The classes of Go's runtime as of 1.26: object size, span pages, objects. */
static const struct {
	u32 size, npages, nelems;
} go_classes[] = {
	{ 8, 1, 1024 },	   { 16, 1, 512 },    { 24, 1, 341 },	 { 32, 1, 256 },
	{ 48, 1, 170 },	   { 64, 1, 128 },    { 80, 1, 102 },	 { 96, 1, 85 },
	{ 112, 1, 73 },	   { 128, 1, 64 },    { 144, 1, 56 },	 { 160, 1, 51 },
	{ 176, 1, 46 },	   { 192, 1, 42 },    { 208, 1, 39 },	 { 224, 1, 36 },
	{ 240, 1, 34 },	   { 256, 1, 32 },    { 288, 1, 28 },	 { 320, 1, 25 },
	{ 352, 1, 23 },	   { 384, 1, 21 },    { 416, 1, 19 },	 { 448, 1, 18 },
	{ 480, 1, 17 },	   { 512, 1, 16 },    { 576, 1, 14 },	 { 640, 1, 12 },
	{ 704, 1, 11 },	   { 768, 1, 10 },    { 896, 1, 9 },	 { 1024, 1, 8 },
	{ 1152, 1, 7 },	   { 1280, 1, 6 },    { 1408, 2, 11 },	 { 1536, 1, 5 },
	{ 1792, 2, 9 },	   { 2048, 1, 4 },    { 2304, 2, 7 },	 { 2688, 1, 3 },
	{ 3072, 3, 8 },	   { 3200, 2, 5 },    { 3456, 3, 7 },	 { 4096, 1, 2 },
	{ 4864, 3, 5 },	   { 5376, 2, 3 },    { 6144, 3, 4 },	 { 6528, 4, 5 },
	{ 6784, 5, 6 },	   { 6912, 6, 7 },    { 8192, 1, 1 },	 { 9472, 7, 6 },
	{ 9728, 6, 5 },	   { 10240, 5, 4 },   { 10880, 4, 3 },	 { 12288, 3, 2 },
	{ 13568, 5, 3 },   { 14336, 7, 4 },   { 16384, 2, 1 },	 { 18432, 9, 4 },
	{ 19072, 7, 3 },   { 20480, 5, 2 },   { 21760, 8, 3 },	 { 24576, 3, 1 },
	{ 27264, 10, 3 },  { 28672, 7, 2 },   { 32768, 4, 1 },
};

static void msize_go_classes(struct kunit *test)
{
	unsigned int c;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(go_classes), (size_t)GOALLOC_NUM_CLASSES - 1);
	for (c = 1; c < GOALLOC_NUM_CLASSES; c++) {
		KUNIT_EXPECT_EQ(test, (u32)goalloc_class_size[c], go_classes[c - 1].size);
		KUNIT_EXPECT_EQ(test, (u32)goalloc_class_npages[c], go_classes[c - 1].npages);
		KUNIT_EXPECT_EQ(test, (u32)goalloc_class_nelems[c], go_classes[c - 1].nelems);
	}
}

/* What kmalloc() promises for a size. */
static size_t promised_align(size_t size)
{
	size_t align = size & -size;

	return align < GOALLOC_MIN_ALIGN ? GOALLOC_MIN_ALIGN : align;
}

/* Every size gets the smallest class that is large enough and aligned enough. */
static void msize_lookup(struct kunit *test)
{
	size_t size;

	for (size = 1; size <= 40000; size++) {
		unsigned int want = 0, c;

		for (c = 1; c < GOALLOC_NUM_CLASSES && !want; c++)
			if (goalloc_class_size[c] >= size &&
			    goalloc_class_align[c] >= promised_align(size))
				want = c;
		c = goalloc_size_to_class(size);
		KUNIT_EXPECT_EQ_MSG(test, c, want, "size %zu", size);
		/* what the compiler makes of a constant */
		if (size <= GOALLOC_CONST_MAX)
			KUNIT_EXPECT_EQ_MSG(test, goalloc_const_class(size), want, "%zu", size);
		KUNIT_EXPECT_EQ_MSG(test, c == 0, size > GOALLOC_MAX_SMALL, "size %zu", size);
	}
	/* harmless, and not large */
	KUNIT_EXPECT_EQ(test, goalloc_size_to_class(0), 1);
	KUNIT_EXPECT_EQ(test, goalloc_size_to_class(~(size_t)0), 0);
}

/* Alignment costs nobody a larger class who does not ask for it. */
static void msize_lookup_nominal(struct kunit *test)
{
	size_t size;
	unsigned int moved = 0;

	for (size = 1; size <= GOALLOC_MAX_SMALL; size++) {
		unsigned int c = goalloc_size_to_class(size);

		if (goalloc_class_size[c - 1] < size)
			continue;
		moved++;
		KUNIT_EXPECT_GT_MSG(test, promised_align(size), (size_t)goalloc_class_align[c - 1],
				    "size %zu", size);
		KUNIT_EXPECT_EQ_MSG(test, size % 128, (size_t)0, "size %zu", size);
	}
	KUNIT_EXPECT_EQ(test, moved, 26U);

	/* A class's own size, one less, and one more. */
	for (size = 1; size < GOALLOC_NUM_CLASSES; size++) {
		size_t bytes = goalloc_class_size[size];

		KUNIT_EXPECT_EQ(test, (size_t)goalloc_size_to_class(bytes), size);
		KUNIT_EXPECT_EQ(test, (size_t)goalloc_size_to_class(bytes - 1), size);
		KUNIT_EXPECT_EQ(test, (size_t)goalloc_size_to_class(bytes + 1),
				(size + 1) % GOALLOC_NUM_CLASSES);
	}
}

/* Each slot has the alignment of its class, wherever its span may be. */
static void msize_alignment(struct kunit *test)
{
	unsigned int c, i;

	for (c = 1; c < GOALLOC_NUM_CLASSES; c++) {
		u32 align = goalloc_class_align[c];

		KUNIT_EXPECT_GE(test, align, (u32)GOALLOC_MIN_ALIGN);
		KUNIT_EXPECT_EQ(test, align & (align - 1), 0U);
		/* spans lie at any multiple of their alignment */
		KUNIT_EXPECT_EQ_MSG(test,
				    goalloc_class_span_align[c] * GOALLOC_PAGE_SIZE % align, 0UL,
				    "class %u", c);
		for (i = 0; i < goalloc_class_nelems[c]; i++)
			KUNIT_EXPECT_EQ_MSG(test, i * goalloc_class_size[c] % align, 0U,
					    "class %u slot %u", c, i);
	}
}

/* offset * divmul >> 32 is the quotient, for every offset into every span. */
static void msize_divmul(struct kunit *test)
{
	unsigned int c;

	for (c = 1; c < GOALLOC_NUM_CLASSES; c++) {
		u32 size = goalloc_class_size[c], bytes = SPAN_BYTES(c), off;
		u32 bad = 0;

		KUNIT_EXPECT_EQ(test, goalloc_class_divmul[c], goalloc_divmul(size));
		KUNIT_EXPECT_TRUE(test, goalloc_divmul_exact(size, bytes));
		for (off = 0; off < bytes; off++)
			if ((u64)off * goalloc_class_divmul[c] >> 32 != off / size)
				bad++;
		KUNIT_EXPECT_EQ_MSG(test, bad, 0U, "class %u", c);
	}
}

/* goalloc_divmul_exact() is right about sizes that are no class's, too. */
static void msize_divmul_exact(struct kunit *test)
{
	unsigned int exact = 0, inexact = 0;
	u32 size;

	for (size = 8; size <= 32768; size += 8 + size / 16 * 8) {
		u32 factor = goalloc_divmul(size), slots = 256 * 1024 / size, slot;

		/* The last byte of a slot is the first to go wrong. */
		for (slot = 0; slot < slots; slot++)
			if (((u64)slot * size + size - 1) * factor >> 32 != slot)
				break;

		KUNIT_EXPECT_TRUE_MSG(test, !slot || goalloc_divmul_exact(size, slot * size),
				      "size %u", size);
		if (slot == slots) {
			exact++;
			continue;
		}
		inexact++;
		KUNIT_EXPECT_FALSE_MSG(test, goalloc_divmul_exact(size, slot * size + size),
				       "size %u", size);
	}
	/* or else the test tests nothing */
	KUNIT_EXPECT_GT(test, exact, 0U);
	KUNIT_EXPECT_GT(test, inexact, 0U);
}

static void msize_large(struct kunit *test)
{
	static const struct {
		size_t size, pages;
		u32 align;
	} cases[] = {
		{ 32769, 5, 1 },
		{ 40960, 5, 1 },
		{ 49152, 6, 2 },
		{ 65536, 8, 8 },
		{ 65537, 9, 1 },
		{ 98304, 12, 4 },
		{ 1 << 20, 128, 128 },
		{ 4 << 20, 512, 512 },
		{ 12 << 20, 1536, 512 },
		{ 64 << 20, 8192, 512 },
		{ (64 << 20) + 1, 8193, 1 },
		{ (64 << 20) + 8192, 8193, 1 },
		{ 0, 0, 512 },
		{ ~(size_t)0, (~(size_t)0 >> 13) + 1, 1 },
		{ ~(size_t)0 - 8191, ~(size_t)0 >> 13, 1 },
		{ ~(size_t)0 << 22, ~(size_t)0 << 22 >> 13, 512 },
	};
	size_t size;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, goalloc_large_pages(cases[i].size), cases[i].pages,
				    "size %zu", cases[i].size);
		KUNIT_EXPECT_EQ_MSG(test, goalloc_large_align(cases[i].size), cases[i].align,
				    "size %zu", cases[i].size);
	}

	for (size = GOALLOC_MAX_SMALL + 1; size < 300000; size++) {
		size_t pages = goalloc_large_pages(size);
		size_t align = goalloc_large_align(size) * GOALLOC_PAGE_SIZE;

		KUNIT_EXPECT_GE_MSG(test, pages * GOALLOC_PAGE_SIZE, size, "size %zu", size);
		KUNIT_EXPECT_LT_MSG(test, (pages - 1) * GOALLOC_PAGE_SIZE, size, "size %zu", size);
		KUNIT_EXPECT_EQ_MSG(test, align & (promised_align(size) - 1), (size_t)0,
				    "size %zu", size);
	}
}

static struct kunit_case msize_cases[] = {
	KUNIT_CASE(msize_classes),
	KUNIT_CASE(msize_go_classes),
	KUNIT_CASE(msize_lookup),
	KUNIT_CASE(msize_lookup_nominal),
	KUNIT_CASE(msize_alignment),
	KUNIT_CASE(msize_divmul),
	KUNIT_CASE(msize_divmul_exact),
	KUNIT_CASE(msize_large),
	{}
};

struct kunit_suite goalloc_msize_suite = {
	.name = "goalloc_msize",
	.test_cases = msize_cases,
};
