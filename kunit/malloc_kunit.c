// SPDX-License-Identifier: GPL-2.0
/*
 * General objects: every size, alignment, zeroing, bulk, copies.
 */
#include <linux/limits.h>
#include <linux/mempool.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fixture.h"
#include "suites.h"

#define MAX_SIZE 40000
/* All of them take minutes where each call is watched. */
#define SIZE_STEP (IS_ENABLED(CONFIG_KASAN) ? 13U : 1U)
#define RING 32U
#define EDGE 256UL

static u64 default_live(void)
{
	return heap_live(goalloc_heap_default());
}

/* kmalloc()'s promise: the largest power of two that divides the size, 8 at least. */
static unsigned long promised_align(size_t size)
{
	return clamp_t(unsigned long, size & -size, 8, SZ_4M);
}

/* Both ends, all of it if it is short. */
static void fill_ends(u8 *obj, size_t size, u8 value)
{
	size_t n = min(size, EDGE);

	memset(obj, value, n);
	memset(obj + size - n, value, n);
}

static bool ends_are(const u8 *obj, size_t size, u8 value)
{
	size_t n = min(size, EDGE);

	return !memchr_inv(obj, value, n) && !memchr_inv(obj + size - n, value, n);
}

struct ring {
	u8 *obj[RING];
	size_t size[RING];
};

static void ring_put(struct kunit *test, struct ring *ring, unsigned int i, u8 *obj, size_t size)
{
	unsigned int at = i % RING;

	if (ring->obj[at]) {
		KUNIT_EXPECT_TRUE(test, ends_are(ring->obj[at], ring->size[at], i - RING));
		goalloc_free(ring->obj[at]);
	}
	ring->obj[at] = obj;
	ring->size[at] = size;
	if (obj)
		fill_ends(obj, size, i);
}

/* Some objects live at a time: all of a slot is one's own, up to the next one. */
static void malloc_sizes(struct kunit *test, bool noscan)
{
	struct ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	unsigned int i, end, request;
	u64 live = default_live();

	KUNIT_ASSERT_NOT_NULL(test, ring);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	for (i = 0, request = 1; request <= MAX_SIZE; i++, request += SIZE_STEP) {
		u8 *obj = noscan ? goalloc_alloc_noscan(request, GFP_KERNEL) :
				   goalloc_alloc(request, GFP_KERNEL);
		size_t size;

		KUNIT_ASSERT_NOT_NULL(test, obj);
		size = goalloc_size(obj);
		if (size < request || size != goalloc_size_roundup(request) ||
		    !IS_ALIGNED((unsigned long)obj, promised_align(request)))
			KUNIT_FAIL(test, "size %u: %zu bytes at %lx", request, size,
				   (unsigned long)obj);
		ring_put(test, ring, i, obj, size);
	}
	for (end = i + RING; i < end; i++)
		ring_put(test, ring, i, NULL, 0);
	KUNIT_EXPECT_EQ(test, default_live(), live);
}

static void malloc_sizes_scan(struct kunit *test)
{
	malloc_sizes(test, false);
}

static void malloc_sizes_noscan(struct kunit *test)
{
	malloc_sizes(test, true);
}

/* A span's worth of a size and more, every byte written and read back. */
static void fill_span(struct kunit *test, struct goalloc_heap *heap, size_t size, bool noscan)
{
	unsigned int nr = goalloc_class_nelems[goalloc_size_to_class(size)] + 2, i;
	size_t bytes = goalloc_size_roundup(size);
	u8 **objs = kunit_kcalloc(test, nr, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < nr; i++) {
		objs[i] = noscan ? goalloc_heap_alloc_noscan(heap, size, GFP_KERNEL) :
				   goalloc_heap_alloc(heap, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)objs[i], promised_align(size)));
		KUNIT_EXPECT_EQ(test, span_containing((unsigned long)objs[i])->spanclass & 1,
				noscan);
		/* All of the slot is the caller's, who asked. */
		KUNIT_EXPECT_EQ(test, goalloc_size(objs[i]), bytes);
		memset(objs[i], i, bytes);
	}
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], (u8)i, bytes));
		goalloc_heap_free(heap, objs[i]);
	}
	kunit_kfree(test, objs);
}

static void malloc_class_boundaries(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-malloc");
	unsigned int class;

	for (class = 1; class < GOALLOC_NUM_CLASSES; class++) {
		size_t size = goalloc_class_size[class];

		KUNIT_EXPECT_GE(test, goalloc_size_roundup(size - 1), size - 1);
		KUNIT_EXPECT_GT(test, goalloc_size_roundup(size + 1), size);
		fill_span(test, heap, size - 1, class & 1);
		fill_span(test, heap, size, !(class & 1));
		fill_span(test, heap, size + 1, class & 1);
	}
}

static const size_t zero_sizes[] = {
	1, 8, 24, 64, 72, 128, 136, 192, 1000, 8192, 13568, 20000, 32768, 32769, SZ_1M,
};

/* Objects that were in use, and memory that was in use as another class. */
static void malloc_zero(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-zero");
	unsigned int i, k, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(zero_sizes); i++) {
			size_t size = zero_sizes[i], bytes = goalloc_size_roundup(size);
			unsigned int nr = clamp_t(size_t, SZ_32K / size, 2, 512);
			u8 **objs = kunit_kcalloc(test, nr, sizeof(*objs), GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, objs);
			for (k = 0; k < nr; k++) {
				objs[k] = goalloc_heap_zalloc(heap, size, GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, objs[k]);
				KUNIT_EXPECT_EQ(test, goalloc_size(objs[k]), bytes);
				if (memchr_inv(objs[k], 0, bytes))
					KUNIT_FAIL(test, "size %zu, round %u", size, round);
				memset(objs[k], 0xff, bytes);
			}
			goalloc_free_bulk(nr, (void **)objs);
			kunit_kfree(test, objs);
		}
		/* The second round finds its own slots, the third other pages. */
		if (round)
			goalloc_heap_shrink(heap);
	}
}

static void malloc_large(struct kunit *test)
{
	static const size_t sizes[] = {
		GOALLOC_MAX_SMALL + 1, SZ_64K, SZ_64K + 1, 3 * SZ_256K, SZ_1M, SZ_2M + 4096, SZ_4M,
	};
	struct goalloc_heap *heap = test_heap(test, "kunit-large");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] < (size_t)arena_mb << 20; i++) {
		size_t size = sizes[i];
		u8 *obj = goalloc_heap_alloc(heap, size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)obj, promised_align(size)));
		KUNIT_EXPECT_EQ(test, goalloc_size(obj), ALIGN(size, GOALLOC_PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, goalloc_size(obj), goalloc_size_roundup(size));
		fill_ends(obj, goalloc_size(obj), 0x3c);
		KUNIT_EXPECT_TRUE(test, ends_are(obj, goalloc_size(obj), 0x3c));
		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + size - 1), heap);
		goalloc_heap_free(heap, obj);
	}
}

/* More than an arena holds gets one of its own, which goes with it. */
static void malloc_over_arena(struct kunit *test)
{
	size_t size = ((size_t)arena_mb << 20) + 2 * SZ_1M + 1;
	struct goalloc_heap *heap = test_heap(test, "kunit-dedicated");
	struct mheap_snapshot before, during, after;
	u8 *obj;

	mheap_snapshot(&before);
	KUNIT_EXPECT_NULL(test, goalloc_heap_alloc(heap, size, GFP_NOWAIT | __GFP_NOWARN));
	obj = goalloc_heap_zalloc(heap, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	mheap_snapshot(&during);
	KUNIT_EXPECT_EQ(test, during.narenas, before.narenas + 1);
	KUNIT_EXPECT_GE(test, during.dedicated << GOALLOC_PAGE_SHIFT, size);
	KUNIT_EXPECT_TRUE(test, ends_are(obj, size, 0));
	fill_ends(obj, goalloc_size(obj), 0xc3);
	KUNIT_EXPECT_TRUE(test, ends_are(obj, goalloc_size(obj), 0xc3));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + size / 2), heap);
	expect_recount(test);
	goalloc_free(hide(obj));
	mheap_snapshot(&after);
	KUNIT_EXPECT_EQ(test, after.narenas, before.narenas);
	KUNIT_EXPECT_EQ(test, after.dedicated, 0UL);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(hide(obj)), NULL);
}

static void malloc_bulk(struct kunit *test)
{
	static const size_t sizes[] = { 8, 96, 3000, 40000 };
	u64 live = default_live();
	void **objs = kunit_kcalloc(test, 300, sizeof(*objs), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		int nr = goalloc_alloc_bulk(sizes[i], GFP_KERNEL | __GFP_ZERO, 300, objs);

		KUNIT_ASSERT_EQ(test, nr, 300);
		KUNIT_EXPECT_EQ(test, default_live(), live + 300);
		for (k = 0; k < 300; k++) {
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[k], 0, sizes[i]));
			memset(objs[k], k, sizes[i]);
		}
		for (k = 0; k < 300; k++)
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[k], (u8)k, sizes[i]));
		goalloc_free_bulk(300, objs);
		KUNIT_EXPECT_EQ(test, default_live(), live);
	}
	KUNIT_EXPECT_EQ(test, goalloc_alloc_bulk(0, GFP_KERNEL, 3, objs), 0);
	KUNIT_EXPECT_EQ(test, goalloc_alloc_bulk(8, GFP_KERNEL, 0, objs), 0);
	objs[0] = NULL;
	objs[1] = ZERO_SIZE_PTR;
	goalloc_free_bulk(2, objs);
}

/* All or nothing: at a limit in the middle, what was there is given back. */
static void malloc_bulk_nothing(struct kunit *test)
{
	static const size_t sizes[] = { 1024, 3000, 40000 };
	struct goalloc_heap *heap = goalloc_heap_default();
	void **objs = kunit_kcalloc(test, 400, sizeof(*objs), GFP_KERNEL);
	struct goalloc_heap_stats stats;
	u64 live = default_live();
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* What it holds and does not use would make room. */
		goalloc_heap_shrink(heap);
		goalloc_heap_stats(heap, &stats);
		goalloc_heap_set_limit(heap, stats.span_bytes + SZ_128K);
		KUNIT_EXPECT_EQ(test, goalloc_alloc_bulk(sizes[i], GFP_KERNEL | __GFP_NOWARN, 400,
							 objs), 0);
		goalloc_heap_set_limit(heap, ULONG_MAX);
		KUNIT_EXPECT_EQ(test, default_live(), live);
		KUNIT_EXPECT_EQ(test, goalloc_alloc_bulk(sizes[i], GFP_KERNEL, 400, objs), 400);
		goalloc_free_bulk(400, objs);
	}
}

static void malloc_copies(struct kunit *test)
{
	size_t huge = SIZE_MAX / 2;
	u64 live = default_live();
	char *s = goalloc_strdup("seventeen letters", GFP_KERNEL);
	void *p = goalloc_memdup("abc", 3, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, s, "seventeen letters");
	KUNIT_EXPECT_EQ(test, memcmp(p, "abc", 3), 0);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_memdup(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goalloc_strdup(NULL, GFP_KERNEL));
	goalloc_free(p);
	goalloc_free(s);

	p = goalloc_calloc(7, 33, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 7 * 33));
	goalloc_free(p);
	OPTIMIZER_HIDE_VAR(huge);
	KUNIT_EXPECT_NULL(test, goalloc_calloc(huge, 3, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, goalloc_alloc_array(3, huge, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, goalloc_alloc(huge, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_GE(test, goalloc_size_roundup(huge), huge);
	KUNIT_EXPECT_EQ(test, default_live(), live);
}

static void scoped(struct kunit *test, u64 live)
{
	void *p __free(goalloc) = goalloc_alloc(60, GFP_KERNEL);
	void *none __free(goalloc) = NULL;
	void *err __free(goalloc) = ERR_PTR(-EINVAL);

	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, none);
	KUNIT_EXPECT_TRUE(test, IS_ERR(err));
	KUNIT_EXPECT_EQ(test, default_live(), live + 1);
}

static void malloc_scoped_free(struct kunit *test)
{
	u64 live = default_live();

	scoped(test, live);
	KUNIT_EXPECT_EQ(test, default_live(), live);
	goalloc_free(NULL);
	goalloc_free(hide(ZERO_SIZE_PTR));
	goalloc_free_sensitive(NULL);
	KUNIT_EXPECT_EQ(test, goalloc_size(NULL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_size(ZERO_SIZE_PTR), 0);
	KUNIT_EXPECT_NULL(test, goalloc_owner(&live));
	KUNIT_EXPECT_FALSE(test, goalloc_dump_obj(&live));
}

static void malloc_mempool(struct kunit *test)
{
	u64 live = default_live();
	mempool_t *pool = mempool_create(4, goalloc_mempool_alloc, goalloc_mempool_free,
					 (void *)200UL);
	u8 *obj;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_EQ(test, default_live(), live + 4);
	obj = mempool_alloc(pool, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, goalloc_size(obj), 208);
	memset(obj, 1, 200);
	mempool_free(obj, pool);
	mempool_destroy(pool);
	KUNIT_EXPECT_EQ(test, default_live(), live);
}

/* Flags that have no effect, or another one, are no reason to refuse. */
static void malloc_gfp_accepted(struct kunit *test)
{
	static const gfp_t flags[] = {
		GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_ATOMIC, GFP_NOWAIT, GFP_NOIO, GFP_NOFS,
		GFP_KERNEL | __GFP_NOFAIL, GFP_KERNEL | __GFP_THISNODE,
		GFP_ATOMIC | __GFP_MEMALLOC, GFP_KERNEL | __GFP_NORETRY, GFP_USER,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		void *p = goalloc_alloc_node(64, flags[i], 0);
		void *q = goalloc_zalloc_node(40000, flags[i], NUMA_NO_NODE);

		KUNIT_EXPECT_NOT_NULL(test, p);
		KUNIT_EXPECT_NOT_NULL(test, q);
		goalloc_free(q);
		goalloc_free(p);
	}
}

static void malloc_copy_user(struct kunit *test)
{
	char *p = goalloc_alloc(100, GFP_KERNEL), back[16] = "";
	void __user *user = user_page(test);

	KUNIT_ASSERT_NOT_NULL(test, p);
	strscpy(p + 80, "fifteen letters", 16);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, p + 80, 16), 0UL);
	KUNIT_EXPECT_EQ(test, copy_from_user(back, user, 16), 0UL);
	KUNIT_EXPECT_STREQ(test, back, "fifteen letters");
	KUNIT_EXPECT_EQ(test, goalloc_copy_from_user(p, user, 16), 0UL);
	KUNIT_EXPECT_STREQ(test, p, "fifteen letters");
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(NULL, p, 16), 16UL);
	KUNIT_EXPECT_EQ(test, goalloc_copy_to_user(user, NULL, 0), 0UL);
	goalloc_free(p);
}

static struct kunit_case malloc_cases[] = {
	KUNIT_CASE_SLOW(malloc_sizes_scan),
	KUNIT_CASE_SLOW(malloc_sizes_noscan),
	KUNIT_CASE(malloc_class_boundaries),
	KUNIT_CASE(malloc_zero),
	KUNIT_CASE(malloc_large),
	KUNIT_CASE(malloc_over_arena),
	KUNIT_CASE(malloc_bulk),
	KUNIT_CASE(malloc_bulk_nothing),
	KUNIT_CASE(malloc_copies),
	KUNIT_CASE(malloc_scoped_free),
	KUNIT_CASE(malloc_mempool),
	KUNIT_CASE(malloc_gfp_accepted),
	KUNIT_CASE(malloc_copy_user),
	{}
};

struct kunit_suite goalloc_malloc_suite = {
	.name = "goalloc_malloc",
	.test_cases = malloc_cases,
};
