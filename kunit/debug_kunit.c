// SPDX-License-Identifier: GPL-2.0
/*
 * Debugging at run time: what is written where it must not be is seen, with who
 * allocated and freed the object; and all else is as without it.
 *
 * The damage is done behind the back of KASAN, which would see it first.
 */
#include <linux/irq_work.h>
#include <linux/poison.h>
#include <linux/sizes.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "../goalloc_mod/debug.h"
#include "fixture.h"
#include "suites.h"

#define ALL GOALLOC_DEBUG_ALL
#define Z GOALLOC_DEBUG_REDZONE
#define P GOALLOC_DEBUG_POISON
#define U GOALLOC_DEBUG_STACKS
#define Q GOALLOC_DEBUG_QUARANTINE

/* Small ones, with and without a tail in their slot; large for their red zone; large. */
static const size_t sizes[] = { 1, 8, 24, 100, 112, 1000, 4096, 32768, 40000, 100000 };

static __no_sanitize_address void poke(void *obj, size_t at)
{
	u8 *byte = obj + at;

	WRITE_ONCE(*byte, READ_ONCE(*byte) ^ 0x10);
}

static long seen(struct goalloc_heap *heap, enum goalloc_misuse kind)
{
	return atomic_long_read(&heap->misuse[kind]);
}

static struct goalloc_heap *debug_heap(struct kunit *test, unsigned int flags)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-debug");

	pin(test);
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, flags), 0);
	log_watch(test);
	return heap;
}

static u8 *get(struct kunit *test, struct goalloc_heap *heap, size_t size)
{
	u8 *obj = hide(goalloc_heap_alloc(heap, size, GFP_KERNEL));

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return obj;
}

static void expect_log(struct kunit *test, const char *text)
{
	if (log_usable())
		KUNIT_EXPECT_TRUE_MSG(test, log_has(text), "%s", text);
}

/* Who allocated or freed it, where the kernel can tell: not in User-Mode Linux. */
static void expect_stack(struct kunit *test, const char *function)
{
	unsigned long entries[4];
	char text[60];

	snprintf(text, sizeof(text), "goalloc:     %s", function);
	if (stack_trace_save(entries, ARRAY_SIZE(entries), 0))
		expect_log(test, text);
}

static void debug_bad_flags(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-debug");
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "kunit-debug", 64, &args, 0);

	KUNIT_EXPECT_EQ(test, goalloc_heap_set_debug(heap, ALL + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_cache_set_debug(cache, BIT(31)), -EINVAL);
	KUNIT_EXPECT_EQ(test, heap->debug, 0);
	KUNIT_EXPECT_FALSE(test, cache->central.debug);
}

/* What realloc adds to a zeroed object is zero, also where a red zone was. */
static void debug_realloc_zero(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	u8 *obj = hide(goalloc_heap_zalloc(heap, 17, GFP_KERNEL));

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_GT(test, goalloc_size(obj), 17);
	KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
	obj = goalloc_realloc(obj, 1000, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, 1000));
	goalloc_free(obj);
}

/* What is behind an object is nobody's. */
static void debug_bounds(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, Z);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = get(test, heap, sizes[i]);

		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + sizes[i] - 1), heap);
		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + sizes[i]), NULL);
		KUNIT_EXPECT_PTR_EQ(test, goalloc_owner(obj + sizes[i] + DEBUG_ZONE - 1), NULL);
		goalloc_free(obj);
	}
}

/* One byte behind an object, and the last of its slot. */
static void debug_overflow(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, Z | U);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i], slot;
		u8 *obj = get(test, heap, size);

		slot = span_containing((unsigned long)obj)->track->bytes;
		KUNIT_EXPECT_GE(test, slot, size + DEBUG_ZONE);
		memset(obj, 0x11, size);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
		poke(obj, size);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 1UL);
		goalloc_free(obj);
		KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 4L * i + 2);

		obj = get(test, heap, size);
		poke(obj, slot - 1);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 1UL);
		goalloc_free(obj);
		KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 4L * i + 4);
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_log(test, "misuse: written to behind an object: ");
	expect_log(test, "heap kunit-debug, ");
	expect_log(test, "goalloc: allocated ");
	expect_stack(test, __func__);
}

static void debug_cache_overflow(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-debug");
	struct goalloc_cache_args args = { .heap = heap, .align = 64 };
	struct goalloc_cache *cache = test_cache(test, "kunit-debug", 60, &args, 0);
	u8 *before = hide(goalloc_cache_alloc(cache, GFP_KERNEL)), *obj;

	pin(test);
	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_EQ(test, goalloc_cache_set_debug(cache, Z), 0);
	obj = hide(goalloc_cache_alloc(cache, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, (unsigned long)obj % 64, 0UL);
	/* A spare byte of an ordinary slot, which nobody looks after. */
	poke(before, 60);
	goalloc_cache_free(cache, before);
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 0L);
	poke(obj, 60);
	goalloc_cache_free(cache, obj);
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 1L);

	KUNIT_ASSERT_EQ(test, goalloc_cache_set_debug(cache, 0), 0);
	obj = hide(goalloc_cache_alloc(cache, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_FALSE(test, span_containing((unsigned long)obj)->debug);
	goalloc_cache_free(cache, obj);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_recount(test);
}

/* Written to after its free, and handed out again: the same slot comes back. */
static void debug_use_after_free(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, P | U);
	unsigned int i;

	in_address_order(test);
	wait_for_pages(test);
	for (i = 0; i < ARRAY_SIZE(sizes) - 2; i++) {
		size_t size = sizes[i];
		u8 *obj = get(test, heap, size), *other = get(test, heap, size);

		goalloc_free(hide(obj));
		poke(obj, size - 1);
		KUNIT_EXPECT_EQ(test, debug_check(heap), size > GOALLOC_MAX_SMALL ? 0UL : 1UL);
		KUNIT_EXPECT_PTR_EQ(test, get(test, heap, size), obj);
		KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_USE_AFTER_FREE), 2L * i + 2);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
		goalloc_free(hide(obj));
		goalloc_free(other);
	}
	expect_log(test, "misuse: written to after its free: ");
	expect_log(test, "goalloc: allocated ");
	expect_log(test, "goalloc: freed ");
	expect_stack(test, __func__);
}

/* What was freed stays away, and is looked at when it comes back. */
static void debug_quarantine(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = get(test, heap, sizes[i]);
		long twice = seen(heap, MISUSE_DOUBLE_FREE);

		goalloc_free(hide(obj));
		KUNIT_EXPECT_EQ(test, quarantine_held(heap), i + 1);
		for (k = 0; k < 4; k++) {
			u8 *other = get(test, heap, sizes[i]);

			KUNIT_EXPECT_PTR_NE(test, other, obj);
			poke(other, 0);
			goalloc_free(hide(other));
		}
		goalloc_free(hide(obj));
		KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_DOUBLE_FREE), twice + 1);
		poke(obj, 0);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 1UL);
		goalloc_heap_shrink(heap);
		KUNIT_EXPECT_EQ(test, quarantine_held(heap), 0U);
		KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_USE_AFTER_FREE), 2L * i + 2);
		/* The next size finds it as this one did. */
		for (k = 0; k < i + 1; k++)
			goalloc_free(get(test, heap, 16));
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_recount(test);
}

/* More than it has room for, in numbers and in bytes. */
static void debug_quarantine_full(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, Q);
	unsigned int i;

	for (i = 0; i < 3 * QUARANTINE_OBJS; i++)
		goalloc_free(get(test, heap, 16));
	KUNIT_EXPECT_EQ(test, quarantine_held(heap), (unsigned int)QUARANTINE_OBJS);
	for (i = 0; i < 40; i++)
		goalloc_free(get(test, heap, SZ_128K));
	KUNIT_EXPECT_LE(test, heap->debugged->quarantine.bytes, QUARANTINE_BYTES);
	KUNIT_EXPECT_GE(test, heap->debugged->quarantine.bytes, QUARANTINE_BYTES - SZ_256K);
	/* One that is too large for it is free at once. */
	goalloc_free(get(test, heap, 2 * QUARANTINE_BYTES));
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_recount(test);
}

/* A heap at its limit takes back what is in quarantine. */
static void debug_quarantine_limit(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(heap, 8 * GOALLOC_PAGE_SIZE), 0);
	for (i = 0; i < 64; i++) {
		u8 *obj = goalloc_heap_alloc(heap, 4000, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		goalloc_free(obj);
	}
}

static void debug_second_free(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, U);
	u8 *obj = get(test, heap, 64), *other = get(test, heap, 64);

	goalloc_free(hide(obj));
	goalloc_free(hide(obj));
	barrier();
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_DOUBLE_FREE), 1L);
	expect_log(test, "misuse: double free: ");
	expect_log(test, "goalloc: allocated ");
	expect_log(test, "goalloc: freed ");
	expect_stack(test, __func__);
	goalloc_free(other);
}

/* A heap that goes with live objects says where they came from. */
static void debug_leak(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, U);

	get(test, heap, 64);
	get(test, heap, 100000);
	log_watch(test);
	test_heap_forget(test, heap);
	goalloc_heap_destroy(heap);
	expect_log(test, "2 live objects");
	expect_stack(test, __func__);
}

/* Before, while and after: each object is freed as what it was made. */
static void debug_switched(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-debug");
	u8 *obj[3][ARRAY_SIZE(sizes)];
	unsigned int i, k;

	for (k = 0; k < 3; k++) {
		KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, k == 1 ? ALL : 0), 0);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			obj[k][i] = get(test, heap, sizes[i]);
			KUNIT_EXPECT_EQ(test, !!span_containing((unsigned long)obj[k][i])->debug,
					k == 1);
		}
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap), 3ULL * ARRAY_SIZE(sizes));
	expect_recount(test);
	for (k = 0; k < 3; k++) {
		KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, k == 1 ? 0 : ALL), 0);
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			goalloc_heap_free(heap, obj[k][i]);
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	for (i = 0; i < MISUSE_NR; i++)
		KUNIT_EXPECT_EQ(test, seen(heap, i), 0L);
	expect_recount(test);
}

/* Size and alignment are what they are promised to be. */
static void debug_alignment(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	size_t size;

	for (size = 1; size <= SZ_64K; size += size < 512 ? 1 : 257) {
		unsigned long align = clamp_t(unsigned long, size & -size, 8, SZ_64K);
		u8 *obj = get(test, heap, size);

		memset(obj, 0xff, size);
		/* From now on, more of it. */
		KUNIT_EXPECT_EQ(test, goalloc_size(obj), goalloc_size_roundup(size));
		memset(obj, 0xff, goalloc_size_roundup(size));
		KUNIT_EXPECT_EQ(test, (unsigned long)obj & (align - 1), 0UL);
		goalloc_free(obj);
	}
	for (size = 16; size <= SZ_64K; size *= 2) {
		u8 *obj = get(test, heap, size);

		KUNIT_EXPECT_EQ(test, (unsigned long)obj & (size - 1), 0UL);
		goalloc_free(obj);
	}
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 0L);
}

static void debug_contents(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = get(test, heap, sizes[i]);

		/* Nothing of a former life. */
		KUNIT_EXPECT_EQ(test, obj[0],
				want_init_on_alloc(GFP_KERNEL) ? 0 : POISON_INUSE);
		memset(obj, 0x77, sizes[i]);
		obj = goalloc_realloc(obj, sizes[i] + 50, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x77, sizes[i]));
		goalloc_free(obj);
		goalloc_heap_shrink(heap);
		obj = goalloc_heap_zalloc(heap, sizes[i] + 50, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, sizes[i] + 50));
		goalloc_free(obj);
	}
}

static void mark(void *obj)
{
	*(u32 *)obj = 0x600dcafe;
}

static unsigned int buried;

static void bury(void *obj)
{
	buried++;
	*(u32 *)obj = 0;
}

/* What a ctor made stays; a dtor runs before the object is filled. */
static void debug_callbacks(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	struct goalloc_cache_args ctor = { .heap = heap, .ctor = mark };
	struct goalloc_cache_args dtor = { .heap = heap, .dtor = bury };
	struct goalloc_cache *made = test_cache(test, "made", 40, &ctor, 0);
	struct goalloc_cache *undone = test_cache(test, "undone", 40, &dtor, 0);
	u32 *obj;
	int i;

	buried = 0;
	for (i = 0; i < 300; i++) {
		obj = goalloc_cache_alloc(made, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, *obj, 0x600dcafeU);
		goalloc_cache_free(made, obj);
		obj = goalloc_cache_alloc(undone, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		goalloc_cache_free(undone, hide(obj));
	}
	KUNIT_EXPECT_EQ(test, buried, 300U);
	poke(obj, 4);
	goalloc_heap_shrink(heap);
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_USE_AFTER_FREE), 1L);
}

static void debug_bulk(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache = test_cache(test, "bulk", 48, &args, 0);
	void *objs[100];
	int i;

	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, 100, objs), 100);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 100ULL);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_TRUE(test, span_containing((unsigned long)objs[i])->debug);
	goalloc_cache_free_bulk(cache, 100, objs);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
}

struct later {
	struct rcu_head rcu;
	u8 rest[200];
};

static void debug_rcu(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	struct later *obj = (struct later *)get(test, heap, sizeof(*obj));
	u8 *large = get(test, heap, 100000);

	goalloc_free_rcu(obj, rcu);
	__goalloc_free_rcu(large, (struct rcu_head *)(large + 64));
	goalloc_rcu_barrier();
	KUNIT_EXPECT_EQ(test, quarantine_held(heap), 2U);
	goalloc_free(hide(obj));
	goalloc_free(hide(large));
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_DOUBLE_FREE), 2L);
	poke(obj->rest, 0);
	poke(large, 99999);
	goalloc_heap_shrink(heap);
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_USE_AFTER_FREE), 2L);
	expect_stack(test, __func__);
	expect_recount(test);
}

struct in_irq {
	struct irq_work work;
	struct goalloc_heap *heap;
	void *old;
	void *new;
};

static void swap_in_irq(struct irq_work *work)
{
	struct in_irq *irq = container_of(work, struct in_irq, work);

	irq->new = goalloc_heap_alloc(irq->heap, 100, GFP_ATOMIC);
	goalloc_free(irq->old);
}

static void debug_hardirq(struct kunit *test)
{
	struct in_irq irq = { .heap = debug_heap(test, ALL) };

	irq.old = get(test, irq.heap, 100);
	init_irq_work(&irq.work, swap_in_irq);
	irq_work_queue(&irq.work);
	irq_work_sync(&irq.work);
	KUNIT_ASSERT_NOT_NULL(test, irq.new);
	KUNIT_EXPECT_EQ(test, heap_live(irq.heap), 1ULL);
	poke(irq.new, 100);
	goalloc_free(irq.new);
	/* Where it could be put under debugging at all. */
	KUNIT_EXPECT_EQ(test, seen(irq.heap, MISUSE_OVERFLOW), 1L);
}

/* No record can be had for a new span there: the object is an ordinary one. */
static void debug_hardirq_first(struct kunit *test)
{
	struct in_irq irq = { .heap = debug_heap(test, ALL) };

	init_irq_work(&irq.work, swap_in_irq);
	irq_work_queue(&irq.work);
	irq_work_sync(&irq.work);
	KUNIT_ASSERT_NOT_NULL(test, irq.new);
	KUNIT_EXPECT_EQ(test, heap_live(irq.heap), 1ULL);
	KUNIT_EXPECT_FALSE(test, span_containing((unsigned long)irq.new)->debug);
	goalloc_free(irq.new);
	KUNIT_EXPECT_EQ(test, heap_live(irq.heap), 0ULL);
}

/* A guard behind a large object is not its red zone. */
static void debug_guarded(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-debug-guard", GOALLOC_HEAP_GUARD);
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_debug(heap, ALL), 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = goalloc_heap_alloc(heap, sizes[i], GFP_KERNEL);

		KUNIT_EXPECT_NOT_NULL(test, obj);
		if (obj)
			memset(obj, 0x33, sizes[i]);
		KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
		goalloc_free(obj);
	}
	goalloc_heap_shrink(heap);
	for (i = 0; i < MISUSE_NR; i++)
		KUNIT_EXPECT_EQ(test, seen(heap, i), 0L);
	goalloc_heap_destroy(heap);
}

/* From one set of letters to another, in spans that there are. */
static void debug_changed(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, P);
	u8 *keep = get(test, heap, 40), *obj;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, Z | P), 0);
	obj = get(test, heap, 40);
	poke(obj, 40);
	goalloc_free(obj);
	KUNIT_EXPECT_EQ(test, seen(heap, MISUSE_OVERFLOW), 1L);

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, ALL), 0);
	goalloc_free(get(test, heap, 40));
	KUNIT_EXPECT_EQ(test, quarantine_held(heap), 1U);
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, P), 0);
	goalloc_free(get(test, heap, 40));
	KUNIT_EXPECT_EQ(test, quarantine_held(heap), 1U);
	goalloc_free(keep);
	KUNIT_EXPECT_EQ(test, quarantine_held(heap), 1U);
}

/* What a bulk allocation that failed had taken already was nobody's. */
static void debug_bulk_fails(struct kunit *test)
{
	struct goalloc_heap *heap = debug_heap(test, ALL);
	struct goalloc_cache_args args = { .heap = heap, .dtor = bury };
	struct goalloc_cache *cache = test_cache(test, "bulk", 2000, &args, 0);
	void *objs[100];

	buried = 0;
	KUNIT_ASSERT_EQ(test, goalloc_heap_set_limit(heap, 8 * GOALLOC_PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_NOWARN, 100,
						       objs), 0);
	KUNIT_EXPECT_EQ(test, buried, 0U);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
}

static void debug_letters_and_back(struct kunit *test)
{
	unsigned int flags, back;
	char text[8];

	for (flags = 0; flags <= ALL; flags++) {
		KUNIT_EXPECT_EQ(test, debug_parse(debug_letters(flags, text), &back), 0);
		KUNIT_EXPECT_EQ(test, back, flags);
	}
	KUNIT_EXPECT_EQ(test, debug_parse("", &back), -EINVAL);
	KUNIT_EXPECT_EQ(test, debug_parse("ZX", &back), -EINVAL);
	KUNIT_EXPECT_EQ(test, debug_parse("-Z", &back), -EINVAL);
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE(debug_bad_flags),
	KUNIT_CASE(debug_letters_and_back),
	KUNIT_CASE(debug_realloc_zero),
	KUNIT_CASE(debug_bounds),
	KUNIT_CASE(debug_overflow),
	KUNIT_CASE(debug_cache_overflow),
	KUNIT_CASE(debug_use_after_free),
	KUNIT_CASE(debug_quarantine),
	KUNIT_CASE(debug_quarantine_full),
	KUNIT_CASE(debug_quarantine_limit),
	KUNIT_CASE(debug_second_free),
	KUNIT_CASE(debug_leak),
	KUNIT_CASE(debug_switched),
	KUNIT_CASE(debug_alignment),
	KUNIT_CASE(debug_contents),
	KUNIT_CASE(debug_callbacks),
	KUNIT_CASE(debug_bulk),
	KUNIT_CASE(debug_rcu),
	KUNIT_CASE(debug_hardirq),
	KUNIT_CASE(debug_hardirq_first),
	KUNIT_CASE(debug_guarded),
	KUNIT_CASE(debug_changed),
	KUNIT_CASE(debug_bulk_fails),
	{}
};

struct kunit_suite goalloc_debug_suite = {
	.name = "goalloc_debug",
	.test_cases = debug_cases,
};
