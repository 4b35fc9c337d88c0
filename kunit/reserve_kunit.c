// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: that nothing fails before they are empty, in whichever context and
 * whoever else is at it; what they count; what is misuse of them.
 */
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include <linux/string.h>
#if defined(CONFIG_X86_64) && defined(CONFIG_SMP) && !defined(CONFIG_UML)
#include <asm/apic.h>
#include <asm/nmi.h>
#define HAVE_NMI 1
#endif

#include "../goalloc_mod/debug.h"
#include "misuse.h"
#include "suites.h"

#define NR 16U
#define SHARE 5U
#define MARKED 64U /* bytes of an object that are looked at: the rest is for the race */
#define TURNS 1000000UL

static struct goalloc_reserve *kept[8];
static unsigned int nkept;

/* A reserve that is destroyed when the test is over, and before objects are counted. */
static struct goalloc_reserve *keep(struct kunit *test, struct goalloc_reserve *reserve)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reserve);
	KUNIT_ASSERT_LT(test, nkept, (unsigned int)ARRAY_SIZE(kept));
	kept[nkept++] = reserve;
	return reserve;
}

static void reserve_exit(struct kunit *test)
{
	while (nkept)
		goalloc_reserve_destroy(kept[--nkept]);
	misuse_exit(test);
}

static struct goalloc_reserve *cache_reserve(struct kunit *test)
{
	return keep(test, goalloc_reserve_create(cache_of(test), NR, GFP_KERNEL));
}

static void expect_counts(struct kunit *test, const struct goalloc_reserve *reserve,
			  unsigned int available, unsigned int low, u64 takes, u64 puts,
			  u64 exhausted)
{
	struct goalloc_reserve_stats stats;

	goalloc_reserve_stats(reserve, &stats);
	KUNIT_EXPECT_EQ(test, stats.capacity, NR);
	KUNIT_EXPECT_EQ(test, stats.available, available);
	KUNIT_EXPECT_EQ(test, stats.low, low);
	KUNIT_EXPECT_EQ(test, stats.takes, takes);
	KUNIT_EXPECT_EQ(test, stats.puts, puts);
	KUNIT_EXPECT_EQ(test, stats.exhausted, exhausted);
}

/* All that there is, each once; then nothing. */
static void take_all(struct kunit *test, struct goalloc_reserve *reserve, u8 **objs, size_t size)
{
	unsigned int i, j;

	for (i = 0; i < NR; i++) {
		objs[i] = goalloc_reserve_take(reserve, 0);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_GE(test, goalloc_size(objs[i]), size);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, objs[i], objs[j]);
		memset(objs[i], i, size);
	}
	KUNIT_EXPECT_NULL(test, goalloc_reserve_take(reserve, 0));
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], i, size));
}

static void reserve_exhaustion(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, 4096, SZ_64K };
	struct goalloc_reserve *reserve = cache_reserve(test);
	u64 live = heap_live(heap_of(test));
	u8 *objs[NR];
	unsigned int i, k;

	expect_counts(test, reserve, NR, NR, 0, 0, 0);
	take_all(test, reserve, objs, VICTIM_SIZE);
	expect_counts(test, reserve, 0, 0, NR, 0, 1);
	/* They were live before, and nothing was allocated. */
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[i])));
	expect_counts(test, reserve, NR, 0, NR, NR, 1);
	take_all(test, reserve, objs, VICTIM_SIZE);
	/* A cache's objects are also freed as others are. */
	goalloc_cache_free_bulk(cache_of(test), NR, (void **)objs);
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live - NR);

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		reserve = keep(test, goalloc_reserve_create_size(heap_of(test), sizes[k], NR,
								 GFP_KERNEL));
		take_all(test, reserve, objs, sizes[k]);
		goalloc_free_bulk(NR, (void **)objs);
	}
}

/* Objects under debugging, and others, are in it at a time. */
static void reserve_debugged(struct kunit *test)
{
	struct goalloc_heap *heap = heap_of(test);
	long misuse = atomic_long_read(&heap->misuse[MISUSE_WRONG_RESERVE]);
	struct goalloc_reserve *reserve;
	u8 *objs[NR];
	unsigned int i, k;

	for (k = 0; k < 4; k++) {
		unsigned int before = k & 1 ? GOALLOC_DEBUG_ALL : 0;
		size_t size = k & 2 ? VICTIM_SIZE : 1001;

		KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, before), 0);
		if (k & 2)
			reserve = cache_reserve(test);
		else
			reserve = keep(test, goalloc_reserve_create_size(heap, size, NR,
									 GFP_KERNEL));
		KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, GOALLOC_DEBUG_ALL - before), 0);
		for (i = 0; i < NR / 2; i++)
			goalloc_free(goalloc_reserve_take(reserve, 0));
		KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, GFP_KERNEL), 0);
		take_all(test, reserve, objs, size);
		for (i = 0; i < NR; i++)
			KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[i])));
		for (i = 0; i < NR; i++) {
			objs[i] = goalloc_reserve_take(reserve, __GFP_ZERO);
			KUNIT_ASSERT_NOT_NULL(test, objs[i]);
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], 0, size));
		}
		KUNIT_EXPECT_EQ(test, debug_check(heap), 0UL);
		goalloc_free_bulk(NR, (void **)objs);
	}
	KUNIT_EXPECT_EQ(test, goalloc_heap_set_debug(heap, 0), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->misuse[MISUSE_WRONG_RESERVE]), misuse);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->misuse[MISUSE_OVERFLOW]), 0L);
}

static void reserve_refill(struct kunit *test)
{
	struct goalloc_reserve *reserve = cache_reserve(test);
	u64 live = heap_live(heap_of(test));
	u8 *objs[NR], *more[NR];

	KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live);
	take_all(test, reserve, objs, VICTIM_SIZE);
	KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, GFP_KERNEL), 0);
	expect_counts(test, reserve, NR, 0, NR, 0, 1);
	take_all(test, reserve, more, VICTIM_SIZE);
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live + NR);
	goalloc_free_bulk(NR, (void **)more);
	KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[0])));
	KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, GFP_ATOMIC), 0);
	/* It is full. */
	KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(objs[1])));
	KUNIT_EXPECT_FALSE(test, goalloc_owner(hide(objs[1])));
	goalloc_free_bulk(NR - 2, (void **)objs + 2);
}

/* What it is for: there is no memory left. */
static void reserve_without_memory(struct kunit *test)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct goalloc_heap *heap = test_heap(test, "kunit-reserve");
	const unsigned int most = 2 * 4 * GOALLOC_PAGE_SIZE / SZ_4K;
	void **rest = kunit_kcalloc(test, most, sizeof(*rest), GFP_KERNEL);
	struct goalloc_reserve *reserve, *none;
	u8 *objs[NR];
	unsigned int n;

	KUNIT_ASSERT_NOT_NULL(test, rest);
	reserve = keep(test, goalloc_reserve_create_size(heap, SZ_4K, NR, gfp));
	goalloc_heap_set_limit(heap, GOALLOC_PAGE_SIZE);
	for (n = 0; n < most; n++) {
		rest[n] = goalloc_heap_alloc(heap, SZ_4K, gfp);
		if (!rest[n])
			break;
	}
	KUNIT_EXPECT_LT(test, n, most);
	take_all(test, reserve, objs, SZ_4K);
	KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, gfp), -ENOMEM);
	none = goalloc_reserve_create_size(heap, SZ_4K, NR, gfp);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(none), -ENOMEM);

	/* It takes what there is. */
	goalloc_free(objs[0]);
	KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve, gfp), -ENOMEM);
	expect_counts(test, reserve, 1, 0, NR, 0, 1);
	goalloc_free_bulk(NR - 1, (void **)objs + 1);
	goalloc_free_bulk(n, rest);
}

static bool is_zero(const void *obj, size_t size)
{
	return !memchr_inv(obj, 0, size);
}

/* As an allocation would have it, and it costs nothing where that was done before. */
static void reserve_zeroing(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = heap_of(test) };
	struct goalloc_cache *rcu = test_cache(test, "typesafe", 64, &args,
					       GOALLOC_TYPESAFE_BY_RCU);
	struct goalloc_reserve *reserve = cache_reserve(test), *typesafe, *large;
	u8 *obj;

	obj = goalloc_reserve_take(reserve, __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_TRUE(test, is_zero(obj, VICTIM_SIZE));
	memset(obj, 0x5a, VICTIM_SIZE);
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(reserve, hide(obj)));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(reserve, __GFP_ZERO), (void *)obj);
	KUNIT_EXPECT_TRUE(test, is_zero(obj, VICTIM_SIZE));
	memset(obj, 0x5a, VICTIM_SIZE);
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(reserve, hide(obj)));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(reserve, 0), (void *)obj);
	KUNIT_EXPECT_EQ(test, is_zero(obj, VICTIM_SIZE), want_init_on_alloc(0));
	goalloc_free(obj);

	/* Contents survive, until somebody asks for zeroes. */
	typesafe = keep(test, goalloc_reserve_create(rcu, 1, GFP_KERNEL));
	obj = goalloc_reserve_take(typesafe, 0);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	memset(obj, 0x5a, 64);
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(typesafe, hide(obj)));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(typesafe, 0), (void *)obj);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x5a, 64));
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(typesafe, hide(obj)));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(typesafe, __GFP_ZERO), (void *)obj);
	KUNIT_EXPECT_TRUE(test, is_zero(obj, 64));
	goalloc_free(obj);

	large = keep(test, goalloc_reserve_create_size(heap_of(test), SZ_64K, 1, GFP_KERNEL));
	obj = goalloc_reserve_take(large, __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_TRUE(test, is_zero(obj, SZ_64K));
	memset(obj, 0x5a, SZ_64K);
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(large, hide(obj)));
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(large, __GFP_ZERO), (void *)obj);
	KUNIT_EXPECT_TRUE(test, is_zero(obj, SZ_64K));
	goalloc_free(obj);
}

static void construct(void *obj)
{
	memset(obj, 0xc7, VICTIM_SIZE);
}

static unsigned int destructed;

static void destruct(void *obj)
{
	destructed++;
}

/* As long as those in it, but of a request that promises less. */
static void reserve_alignment(struct kunit *test)
{
	static const size_t pairs[][2] = { { SZ_64K, 65000 }, { 4096, 4000 } };
	struct goalloc_heap *heap = heap_of(test);
	struct goalloc_reserve *reserve;
	unsigned int i, k;
	void *objs[NR];

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		reserve = keep(test, goalloc_reserve_create_size(heap, pairs[i][0], 1, GFP_KERNEL));
		goalloc_free(goalloc_reserve_take(reserve, 0));
		for (k = 0; k < NR; k++) {
			objs[k] = goalloc_heap_alloc(heap, pairs[i][1], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[k]);
			if (IS_ALIGNED((unsigned long)objs[k], pairs[i][0]))
				continue;
			KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(objs[k])));
			break;
		}
		goalloc_free_bulk(min(k + 1, NR), objs);
	}
}

static void reserve_ctor_dtor(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = heap_of(test), .ctor = construct,
					   .dtor = destruct };
	struct goalloc_cache *cache = test_cache(test, "made", VICTIM_SIZE, &args, 0);
	struct goalloc_reserve *reserve, *none;
	u8 *objs[NR];
	unsigned int i;

	destructed = 0;
	reserve = goalloc_reserve_create(cache, NR, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reserve);
	for (i = 0; i < NR; i++) {
		objs[i] = goalloc_reserve_take(reserve, 0);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], 0xc7, VICTIM_SIZE));
	}
	KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[0])));
	KUNIT_EXPECT_EQ(test, destructed, 0U);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_reserve_take(reserve, 0), (void *)objs[0]);
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[0], 0xc7, VICTIM_SIZE));
	KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[0])));

	EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
		       KUNIT_EXPECT_NULL(test, goalloc_reserve_take(reserve, __GFP_ZERO)));
	EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
		       KUNIT_EXPECT_EQ(test, goalloc_reserve_refill(reserve,
								    GFP_KERNEL | __GFP_ZERO),
				       -EINVAL));
	EXPECT_REFUSED(test, MISUSE_BAD_GFP, true,
		       none = goalloc_reserve_create(cache, NR, GFP_KERNEL | __GFP_ZERO);
		       KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(none), -EINVAL));

	goalloc_free_bulk(NR - 1, (void **)objs + 1);
	KUNIT_EXPECT_EQ(test, destructed, NR - 1);
	goalloc_reserve_destroy(reserve);
	KUNIT_EXPECT_EQ(test, destructed, NR);
}

/* Objects that are out outlive the reserve. */
static void reserve_teardown(struct kunit *test)
{
	u64 live = heap_live(heap_of(test));
	struct goalloc_reserve *reserve = goalloc_reserve_create(cache_of(test), NR, GFP_KERNEL);
	u8 *objs[NR / 2];
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reserve);
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live + NR);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goalloc_reserve_take(reserve, 0);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		memset(objs[i], i, VICTIM_SIZE);
	}
	goalloc_reserve_destroy(reserve);
	goalloc_reserve_destroy(NULL);
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live + ARRAY_SIZE(objs));
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], i, VICTIM_SIZE));
		goalloc_cache_free(cache_of(test), objs[i]);
	}
	KUNIT_EXPECT_EQ(test, heap_live(heap_of(test)), live);
}

static void reserve_arguments(struct kunit *test)
{
	struct goalloc_heap *heap = heap_of(test);
	struct goalloc_reserve *reserve;

	reserve = goalloc_reserve_create(cache_of(test), 0, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(reserve), -EINVAL);
	reserve = goalloc_reserve_create(cache_of(test), GOALLOC_RESERVE_MAX + 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(reserve), -EINVAL);
	reserve = goalloc_reserve_create_size(heap, 0, 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(reserve), -EINVAL);
	EXPECT_REFUSED(test, MISUSE_BAD_GFP, false,
		       reserve = goalloc_reserve_create_size(heap, 64, 1, GFP_KERNEL | __GFP_DMA);
		       KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(reserve), -EINVAL));
	keep(test, goalloc_reserve_create_size(NULL, 8, GOALLOC_RESERVE_MAX, GFP_KERNEL));
}

/* In debugfs they are found by their ids, in ascending order. */
static void reserve_rows(struct kunit *test)
{
	struct goalloc_reserve *first = cache_reserve(test), *second;
	struct reserve_row row;
	void *obj;
	u64 id = 0;

	second = goalloc_reserve_create_size(heap_of(test), 100, NR, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	obj = goalloc_reserve_take(first, 0);
	while (reserve_find(id, &row) && strcmp(row.heap, "kunit-misuse"))
		id = row.id + 1;
	KUNIT_EXPECT_STREQ(test, row.heap, "kunit-misuse");
	KUNIT_EXPECT_STREQ(test, row.cache, "victims");
	KUNIT_EXPECT_EQ(test, row.size, VICTIM_SIZE);
	KUNIT_EXPECT_EQ(test, row.stats.available, NR - 1);
	KUNIT_EXPECT_TRUE(test, reserve_find(row.id + 1, &row));
	KUNIT_EXPECT_STREQ(test, row.heap, "kunit-misuse");
	KUNIT_EXPECT_STREQ(test, row.cache, "-");
	KUNIT_EXPECT_EQ(test, row.size, 100);
	id = row.id;
	goalloc_reserve_destroy(second);
	if (reserve_find(id, &row))
		KUNIT_EXPECT_GT(test, row.id, id);
	goalloc_free(obj);
}

static void reserve_misuse(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = heap_of(test) };
	struct goalloc_cache *cache = test_cache(test, "others", VICTIM_SIZE, &args, 0);
	struct goalloc_reserve *reserve = cache_reserve(test), *general;
	void *obj = goalloc_reserve_take(reserve, 0), *gone = cache_victim(test);
	void *other = goalloc_cache_alloc(cache, GFP_KERNEL);
	void *sized = heap_victim(test, VICTIM_SIZE), *wide = heap_victim(test, 2 * VICTIM_SIZE);

	general = keep(test, goalloc_reserve_create_size(heap_of(test), VICTIM_SIZE, NR,
							 GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, other);
	goalloc_free(hide(gone));

	EXPECT_REFUSED(test, MISUSE_WRONG_RESERVE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(other))));
	EXPECT_REFUSED(test, MISUSE_WRONG_RESERVE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(sized))));
	EXPECT_REFUSED(test, MISUSE_WRONG_RESERVE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(general, hide(obj))));
	EXPECT_REFUSED(test, MISUSE_WRONG_RESERVE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(general, hide(wide))));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(obj + 8))));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(test))));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(gone))));
	KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, NULL));
	expect_counts(test, reserve, NR - 1, NR - 1, 1, 0, 0);

	/* Put twice. */
	KUNIT_EXPECT_TRUE(test, goalloc_reserve_put(reserve, hide(obj)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true,
		       KUNIT_EXPECT_FALSE(test, goalloc_reserve_put(reserve, hide(obj))));
	expect_counts(test, reserve, NR, NR - 1, 1, 1, 0);
	goalloc_free(other);
	goalloc_free(hide(sized));
	goalloc_free(hide(wide));
}

/* It is found when its turn comes, and another is had instead. */
static void reserve_freed_inside(struct kunit *test)
{
	struct goalloc_reserve *reserve = cache_reserve(test);
	struct misuse_counts before;
	unsigned int i, n = 0;
	static bool seen;
	u8 *objs[NR];

	objs[0] = goalloc_reserve_take(reserve, 0);
	KUNIT_ASSERT_NOT_NULL(test, objs[0]);
	KUNIT_ASSERT_TRUE(test, goalloc_reserve_put(reserve, hide(objs[0])));
	goalloc_free(hide(objs[0]));
	misuse_look(test, &before);
	log_watch(test);
	for (i = 0; i < NR; i++) {
		objs[n] = goalloc_reserve_take(reserve, 0);
		n += !!objs[n];
	}
	KUNIT_EXPECT_EQ(test, n, NR - 1);
	misuse_check(test, &before, MISUSE_DOUBLE_FREE, true, 1, !seen);
	seen = true;
	goalloc_free_bulk(n, (void **)objs);
}

/**
 * struct party - somebody who takes and puts
 * @reserve: shared with the others, and large enough for all of them
 * @work: a party of its own, in interrupts in the middle of this one
 * @inner: that party, or NULL
 * @mark: what it fills its objects with
 * @turns: how often it took its share
 * @failed: how often there was nothing to take, or no room for what it put
 * @broken: objects that somebody else wrote to, or that were not zero
 */
struct party {
	struct goalloc_reserve *reserve;
	struct irq_work work;
	struct party *inner;
	u8 mark;
	unsigned long turns;
	unsigned long failed;
	unsigned long broken;
};

/* Any context. */
static void turn(struct party *p)
{
	u8 *objs[SHARE];
	unsigned int i;

	for (i = 0; i < SHARE; i++) {
		objs[i] = goalloc_reserve_take(p->reserve, i % 2 ? __GFP_ZERO : 0);
		if (!objs[i]) {
			p->failed++;
			continue;
		}
		if (i % 2 && !is_zero(objs[i], MARKED))
			p->broken++;
		memset(objs[i], p->mark, MARKED);
	}
	for (i = 0; i < SHARE; i++) {
		if (!objs[i])
			continue;
		if (memchr_inv(objs[i], p->mark, MARKED))
			p->broken++;
		if (!goalloc_reserve_put(p->reserve, objs[i]))
			p->failed++;
	}
	WRITE_ONCE(p->turns, p->turns + 1);
}

static void inner_fn(struct irq_work *work)
{
	turn(container_of(work, struct party, work));
}

static int party_thread(void *arg)
{
	struct party *p = arg;

	while (!kthread_should_stop()) {
		if (p->inner)
			irq_work_queue(&p->inner->work);
		turn(p);
		cond_resched();
	}
	if (p->inner)
		irq_work_sync(&p->inner->work);
	return 0;
}

static struct task_struct *start_party(struct kunit *test, struct party *p, unsigned int cpu)
{
	struct task_struct *task = kthread_create(party_thread, p, "goalloc_reserve/%u", cpu);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	return task;
}

static void expect_fair(struct kunit *test, const struct party *p)
{
	KUNIT_EXPECT_GT(test, p->turns, 0UL);
	KUNIT_EXPECT_EQ(test, p->failed, 0UL);
	KUNIT_EXPECT_EQ(test, p->broken, 0UL);
}

/* There is exactly enough for two CPUs and the interrupts on both: nobody fails. */
static void reserve_shared(struct kunit *test)
{
	struct party *p = kunit_kcalloc(test, 4, sizeof(*p), GFP_KERNEL);
	unsigned int cpus[2] = { pin(test), other_cpu(test) }, i;
	unsigned long end = jiffies + 6 * HZ;
	struct goalloc_reserve_stats stats;
	struct goalloc_reserve *reserve;
	struct task_struct *tasks[2];
	u64 turns = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	reserve = keep(test, goalloc_reserve_create(cache_of(test), 4 * SHARE, GFP_KERNEL));
	for (i = 0; i < 4; i++) {
		p[i].reserve = reserve;
		p[i].mark = 0x11 * (i + 1);
		init_irq_work(&p[i].work, inner_fn);
	}
	for (i = 0; i < 2; i++) {
		p[i].inner = &p[i + 2];
		tasks[i] = start_party(test, &p[i], cpus[i]);
	}
	while (time_before(jiffies, end) &&
	       (READ_ONCE(p[0].turns) < TURNS || READ_ONCE(p[1].turns) < TURNS))
		schedule_timeout_uninterruptible(HZ / 10);
	for (i = 0; i < 2; i++)
		kthread_stop(tasks[i]);
	for (i = 0; i < 4; i++) {
		expect_fair(test, &p[i]);
		turns += p[i].turns;
	}
	goalloc_reserve_stats(reserve, &stats);
	KUNIT_EXPECT_EQ(test, stats.available, 4 * SHARE);
	KUNIT_EXPECT_EQ(test, stats.takes, turns * SHARE);
	KUNIT_EXPECT_EQ(test, stats.puts, turns * SHARE);
	KUNIT_EXPECT_EQ(test, stats.exhausted, 0);
}

static void turn_there(void *arg)
{
	turn(arg);
}

/* In a hard interrupt, and where an allocation would find this CPU's slot busy. */
static void reserve_interrupts(struct kunit *test)
{
	struct party p = { .reserve = cache_reserve(test), .mark = 0x33 };
	struct mcache_slot *s;

	on_cpu(other_cpu(test), turn_there, &p);
	preempt_disable();
	s = this_cpu_ptr(cache_of(test)->central.slots);
	WRITE_ONCE(s->busy, 1);
	turn(&p);
	KUNIT_EXPECT_EQ(test, s->busy, 1);
	WRITE_ONCE(s->busy, 0);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, p.turns, 2UL);
	expect_fair(test, &p);
}

#ifdef HAVE_NMI
static struct party *nmi_party;
static unsigned int nmi_cpu;

static int nmi_fn(unsigned int type, struct pt_regs *regs)
{
	struct party *p = READ_ONCE(nmi_party);

	if (!p || raw_smp_processor_id() != nmi_cpu)
		return NMI_DONE;
	turn(p);
	return NMI_HANDLED;
}

/* NMIs that take and put in the middle of somebody who does. */
static void reserve_nmi(struct kunit *test)
{
	struct party *p = kunit_kcalloc(test, 2, sizeof(*p), GFP_KERNEL);
	unsigned long end = jiffies + 20 * HZ, turns, wait;
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	pin(test);
	nmi_cpu = other_cpu(test);
	for (i = 0; i < 2; i++) {
		p[i].reserve = cache_reserve(test);
		p[i].mark = 0x11 * (i + 1);
	}
	p[1].reserve = p[0].reserve;
	KUNIT_ASSERT_EQ(test, register_nmi_handler(NMI_LOCAL, nmi_fn, 0, "goalloc_kunit"), 0);
	WRITE_ONCE(nmi_party, &p[1]);
	task = start_party(test, &p[0], nmi_cpu);
	while (!READ_ONCE(p[0].turns) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < 3000 && time_before(jiffies, end); i++) {
		turns = READ_ONCE(p[1].turns);
		__apic_send_IPI_mask(cpumask_of(nmi_cpu), NMI_VECTOR);
		wait = jiffies + HZ;
		while (READ_ONCE(p[1].turns) == turns && time_before(jiffies, wait))
			cpu_relax();
	}
	kthread_stop(task);
	/* On its way or not, the last one has nothing more to do. */
	WRITE_ONCE(nmi_party, NULL);
	unregister_nmi_handler(NMI_LOCAL, "goalloc_kunit");
	KUNIT_EXPECT_GT(test, p[1].turns, 100UL);
	expect_fair(test, &p[0]);
	expect_fair(test, &p[1]);
}
#else
static void reserve_nmi(struct kunit *test)
{
	kunit_skip(test, "no way to raise an NMI here");
}
#endif

static struct kunit_case reserve_cases[] = {
	KUNIT_CASE(reserve_exhaustion),
	KUNIT_CASE(reserve_refill),
	KUNIT_CASE(reserve_without_memory),
	KUNIT_CASE(reserve_zeroing),
	KUNIT_CASE(reserve_debugged),
	KUNIT_CASE(reserve_alignment),
	KUNIT_CASE(reserve_ctor_dtor),
	KUNIT_CASE(reserve_teardown),
	KUNIT_CASE(reserve_arguments),
	KUNIT_CASE(reserve_rows),
	KUNIT_CASE(reserve_misuse),
	KUNIT_CASE(reserve_freed_inside),
	KUNIT_CASE_SLOW(reserve_shared),
	KUNIT_CASE(reserve_interrupts),
	KUNIT_CASE_SLOW(reserve_nmi),
	{}
};

struct kunit_suite goalloc_reserve_suite = {
	.name = "goalloc_reserve",
	.init = misuse_init,
	.exit = reserve_exit,
	.test_cases = reserve_cases,
};
