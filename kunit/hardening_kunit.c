// SPDX-License-Identifier: GPL-2.0
/*
 * What a bug in one object cannot do: reach goalloc's own data, or user space
 * beyond the range that its cache allows.
 */
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fixture.h"
#include "suites.h"

#define SPANS 3U

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* memset() would be KASAN's. */
static void fill(unsigned long at, size_t bytes, u8 value)
{
	u64 *p = (u64 *)at, *end = (u64 *)(at + bytes);

	for (; p < end; p++)
		WRITE_ONCE(*p, value * 0x0101010101010101ULL);
}

/*
 * A cache of @size, of which some spans are all live, all bytes of their pages are
 * written to, slack and tails included, and all objects freed in different ways.
 * If anything of goalloc's were there, it would not survive that.
 */
static void overwrite(struct kunit *test, struct goalloc_heap *heap, unsigned int size, u8 value)
{
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = goalloc_cache_create("written", size, &args, 0);
	unsigned int nr, i;
	void **objs, **again;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	nr = SPANS * cache->central.nelems;
	objs = kunit_kcalloc(test, 2 * nr, sizeof(*objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objs);
	again = objs + nr;
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, nr, objs), (int)nr);
	for (i = 0; i < nr; i++) {
		struct mspan *span = span_containing((unsigned long)objs[i]);

		/* Once for each span. */
		if (!i || span != span_containing((unsigned long)objs[i - 1]))
			fill(span->base, (size_t)span->npages << GOALLOC_PAGE_SHIFT, value);
	}

	for (i = 0; i < nr; i++) {
		if (i % 3 == 0)
			goalloc_cache_free(cache, objs[i]);
		else if (i % 3 == 1)
			goalloc_free(objs[i]);
		else
			goalloc_heap_free(heap, objs[i]);
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_recount(test);

	/* No slot is lost, and none comes twice. */
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, nr, again), (int)nr);
	sort(again, nr, sizeof(*again), by_address, NULL);
	for (i = 1; i < nr; i++)
		KUNIT_ASSERT_GE(test, (unsigned long)again[i],
				(unsigned long)again[i - 1] + cache->central.elemsize);
	KUNIT_EXPECT_EQ(test, heap_live(heap), (u64)nr);
	goalloc_cache_free_bulk(cache, nr, again);
	goalloc_cache_destroy(cache);
	kunit_kfree(test, objs);
}

static void hardening_metadata(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 24, 64, 100, 512, 3000, 9000, SZ_64K };
	static const u8 values[] = { 0, 0xff, 0x5a };
	struct goalloc_heap *heap = test_heap(test, "kunit-hardening");
	struct goalloc_heap_stats stats;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(values); k++)
			overwrite(test, heap, sizes[i], values[k]);
	goalloc_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.misuse, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.span_bytes, 0ULL);
	expect_recount(test);
}

/* The rule of SLUB's __check_heap_object(), said anew. */
static bool allowed(unsigned int off, unsigned int n, unsigned int first, unsigned int size)
{
	return off >= first && off + n <= first + size;
}

/* Each offset and length, to and fro: what may be copied is, and the rest is not. */
static void check_range(struct kunit *test, struct goalloc_cache *cache, unsigned int size,
			unsigned int first, unsigned int usersize)
{
	u8 *obj = goalloc_cache_zalloc(cache, GFP_KERNEL), *next;
	void __user *user = user_page(test);
	long before = atomic_long_read(&mheap.misuse[MISUSE_USERCOPY]);
	unsigned int off, n;
	long refused = 0;

	next = goalloc_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, obj && next);
	for (off = 0; off < size; off++) {
		for (n = 1; off + n <= size + 8; n++) {
			unsigned long left = allowed(off, n, first, usersize) ? 0 : n;

			KUNIT_ASSERT_EQ_MSG(test, goalloc_copy_to_user(user, obj + off, n), left,
					    "%u at %u", n, off);
			KUNIT_ASSERT_EQ_MSG(test, goalloc_copy_from_user(obj + off, user, n), left,
					    "%u at %u", n, off);
			refused += left ? 2 : 0;
		}
	}
	KUNIT_EXPECT_EQ(test, atomic_long_read(&mheap.misuse[MISUSE_USERCOPY]) - before, refused);
	goalloc_cache_free(cache, next);
	goalloc_cache_free(cache, obj);
}

static void hardening_usercopy(struct kunit *test)
{
	static const struct {
		unsigned int size, useroffset, usersize;
		unsigned long flags;
	} ranges[] = {
		{ 32, 0, 32 },
		{ 32, 0, 1 },
		{ 32, 31, 1 },
		{ 40, 8, 16 },
		{ 64, 1, 63, GOALLOC_HWCACHE_ALIGN },
		{ 32, 0, 0, GOALLOC_NO_USERCOPY },
	};
	struct goalloc_heap *heap = test_heap(test, "kunit-hardening");
	struct goalloc_cache *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct goalloc_cache_args args = {
			.heap = heap,
			.useroffset = ranges[i].useroffset,
			.usersize = ranges[i].usersize,
		};

		cache = goalloc_cache_create("range", ranges[i].size, &args, ranges[i].flags);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
		check_range(test, cache, ranges[i].size, args.useroffset, args.usersize);
		goalloc_cache_destroy(cache);
	}
}

/* A range that lies in nothing that is live. */
static void hardening_usercopy_dead(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-hardening");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "dead", 64, &args, 0);
	void *keep = goalloc_cache_zalloc(cache, GFP_KERNEL);
	void *obj = hide(goalloc_cache_zalloc(cache, GFP_KERNEL));
	void __user *user = user_page(test);
	u8 stack[8] = {};

	KUNIT_ASSERT_TRUE(test, keep && obj);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, obj, 64), 0UL);
	goalloc_cache_free(cache, obj);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, hide(obj), 8), 8UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_from_user(hide(obj), user, 8), 8UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, hide(stack), 8), 8UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, hide(keep), ULONG_MAX), ULONG_MAX);
	goalloc_cache_free(cache, keep);
}

static struct kunit_case hardening_cases[] = {
	KUNIT_CASE(hardening_metadata),
	KUNIT_CASE(hardening_usercopy),
	KUNIT_CASE(hardening_usercopy_dead),
	{}
};

struct kunit_suite goalloc_hardening_suite = {
	.name = "goalloc_hardening",
	.test_cases = hardening_cases,
};
