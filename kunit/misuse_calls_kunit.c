// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse of other calls than those that free: see misuse_kunit.c.
 */
#include <linux/string.h>

#include "misuse.h"
#include "suites.h"

static noinline void misuse_usercopy_beyond(struct kunit *test, void __user *user, void *obj,
					    unsigned long n)
{
	EXPECT_REFUSED(test, MISUSE_USERCOPY, true,
		       KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, hide(obj), n), n));
	EXPECT_REFUSED(test, MISUSE_USERCOPY, true,
		       KUNIT_EXPECT_EQ(test, goalloc_copy_from_user(hide(obj), user, n), n));
}

static void misuse_usercopy(struct kunit *test)
{
	struct goalloc_cache_args args = {
		.heap = heap_of(test), .useroffset = 16, .usersize = 32,
	};
	struct goalloc_cache *cache = test_cache(test, "window", 64, &args, 0);
	void *p = heap_victim(test, VICTIM_SIZE), *large = heap_victim(test, 40000);
	void *w = goalloc_cache_zalloc(cache, GFP_KERNEL);
	void __user *user = user_page(test);
	size_t end = goalloc_size(large);

	KUNIT_ASSERT_NOT_NULL(test, w);
	misuse_usercopy_beyond(test, user, p, VICTIM_SIZE + 1UL);
	misuse_usercopy_beyond(test, user, p + VICTIM_SIZE - 8, 9UL);
	misuse_usercopy_beyond(test, user, p, ULONG_MAX);
	misuse_usercopy_beyond(test, user, large + end - 8, 9UL);
	misuse_usercopy_beyond(test, user, w, 1UL);
	misuse_usercopy_beyond(test, user, w + 15, 2UL);
	misuse_usercopy_beyond(test, user, w + 40, 9UL);
	misuse_usercopy_beyond(test, user, w + 49, 1UL);
	goalloc_free(w);
	goalloc_free(large);
	goalloc_free(hide(p));
	misuse_usercopy_beyond(test, user, p, 8UL);
}

static void misuse_bad_gfp(struct kunit *test)
{
	static const gfp_t bad[] = { __GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM };
	struct goalloc_heap *heap = heap_of(test);
	void *objs[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		gfp_t gfp = GFP_KERNEL | bad[i];

		EXPECT_REFUSED(test, MISUSE_BAD_GFP, false,
			       KUNIT_EXPECT_NULL(test, goalloc_alloc(64, gfp)));
		EXPECT_REFUSED(test, MISUSE_BAD_GFP, false,
			       KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, 40000, gfp)));
		EXPECT_REFUSED(test, MISUSE_BAD_GFP, false,
			       KUNIT_EXPECT_EQ(test, goalloc_alloc_bulk(64, gfp, 2, objs), 0));
		EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
			       KUNIT_EXPECT_NULL(test, goalloc_cache_alloc(cache_of(test), gfp)));
		EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
			       KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache_of(test), gfp,
									      2, objs), 0));
	}
}

static void no_ctor_work(void *obj)
{
}

/* Zeroing would undo what the ctor did. */
static void misuse_zero_with_ctor(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = heap_of(test), .ctor = no_ctor_work };
	struct goalloc_cache *cache = test_cache(test, "made", 64, &args, 0);

	EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
		       KUNIT_EXPECT_NULL(test, goalloc_cache_zalloc(cache, GFP_KERNEL)));
}

static void misuse_realloc(struct kunit *test)
{
	void *p = cache_victim(test);

	memset(p, 0x77, VICTIM_SIZE);
	EXPECT_REFUSED(test, MISUSE_REALLOC, true,
		       KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p), 1024, GFP_KERNEL)));
	EXPECT_REFUSED(test, MISUSE_REALLOC, true,
		       KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p), 8, GFP_KERNEL)));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x77, VICTIM_SIZE));
	goalloc_free(hide(p));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true,
		       KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p), 1024, GFP_KERNEL)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true,
		       KUNIT_EXPECT_EQ(test, goalloc_size(hide(p)), 0));
}

/* Refused whether it would have to move or not, and the object stays. */
static void misuse_realloc_gfp(struct kunit *test)
{
	static const size_t sizes[] = { VICTIM_SIZE - 1, 8, 2 * VICTIM_SIZE, 100000 };
	void *p = heap_victim(test, VICTIM_SIZE);
	unsigned int i;

	memset(p, 0x66, VICTIM_SIZE);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_REFUSED(test, MISUSE_BAD_GFP, false,
			       KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p), sizes[i],
								       GFP_KERNEL | __GFP_DMA)));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x66, VICTIM_SIZE));
	goalloc_free(hide(p));
}

static struct kunit_case misuse_calls_cases[] = {
	KUNIT_CASE(misuse_usercopy),
	KUNIT_CASE(misuse_bad_gfp),
	KUNIT_CASE(misuse_zero_with_ctor),
	KUNIT_CASE(misuse_realloc),
	KUNIT_CASE(misuse_realloc_gfp),
	{}
};

struct kunit_suite goalloc_misuse_calls_suite = {
	.name = "goalloc_misuse_calls",
	.init = misuse_init,
	.exit = misuse_exit,
	.test_cases = misuse_calls_cases,
};
