// SPDX-License-Identifier: GPL-2.0
/*
 * Resizing: contents, place and zeroing, as krealloc() has it.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "fixture.h"
#include "suites.h"

static void realloc_contents(struct kunit *test)
{
	static const size_t sizes[] = {
		5, 100, 112, 113, 900, 899, 30, 8000, 8200, 32768, 33000, SZ_256K, 50000, 700, 1,
	};
	size_t had = 0;
	u8 *obj = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		u8 *new = goalloc_realloc(obj, size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, new);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)new, max(size & -size, 8UL)));
		KUNIT_EXPECT_GE(test, goalloc_size(new), size);
		KUNIT_EXPECT_NULL(test, memchr_inv(new, 0x40 + i, min(had, size)));
		memset(new, 0x41 + i, size);
		had = size;
		obj = new;
	}
	KUNIT_EXPECT_PTR_EQ(test, goalloc_realloc(obj, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(hide(obj)), NULL);
	obj = goalloc_realloc(hide(ZERO_SIZE_PTR), 20, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_GE(test, goalloc_size(obj), 20);
	goalloc_free(obj);
}

/* Where it stays and where it goes; what cannot be done changes nothing. */
static void realloc_place(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-realloc");
	u8 *obj = hide(goalloc_heap_alloc_noscan(heap, 99, GFP_KERNEL)), *new;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	memset(obj, 0x11, 99);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_realloc(hide(obj), 111, GFP_KERNEL), (void *)obj);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_realloc(hide(obj), 80, GFP_KERNEL), (void *)obj);
	goalloc_heap_set_limit(heap, GOALLOC_PAGE_SIZE);
	new = goalloc_realloc(hide(obj), 1000, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, new);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x11, 80));
	goalloc_heap_set_limit(heap, ULONG_MAX);

	/* Less than half would be used: it moves, within heap and kind. */
	new = goalloc_realloc(hide(obj), 40, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_PTR_NE(test, new, obj);
	KUNIT_EXPECT_EQ(test, goalloc_size(new), 48);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(new), heap);
	KUNIT_EXPECT_EQ(test, span_containing((unsigned long)new)->spanclass & 1, 1);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 1ULL);
	goalloc_heap_free(heap, new);
}

/* Bytes that are added are zero, if every call asks for it. */
static void realloc_zero(struct kunit *test)
{
	static const size_t sizes[] = { 20, 48, 41, 47, 200, 150, 208, 5000, 4500, 9000, 60000 };
	size_t had = 10;
	u8 *obj = goalloc_zalloc(had, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];

		KUNIT_ASSERT_NOT_NULL(test, obj);
		memset(obj, 0xee, had);
		obj = goalloc_realloc(obj, size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0xee, min(had, size)));
		if (size > had)
			KUNIT_EXPECT_NULL(test, memchr_inv(obj + had, 0, size - had));
		had = size;
	}
	goalloc_free(obj);
}

static struct kunit_case realloc_cases[] = {
	KUNIT_CASE(realloc_contents),
	KUNIT_CASE(realloc_place),
	KUNIT_CASE(realloc_zero),
	{}
};

struct kunit_suite goalloc_realloc_suite = {
	.name = "goalloc_realloc",
	.test_cases = realloc_cases,
};
