// SPDX-License-Identifier: GPL-2.0
/*
 * Leak reports: where they look for pointers, and what they refuse.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "fixture.h"
#include "leaks.h"
#include "suites.h"

/* Written as somebody might read them: so that they are there. */
static struct node *in_data = (struct node *)1;
static struct node *in_bss;
static DEFINE_PER_CPU(struct node *, per_cpu_node);

static int leaks_roots_init(struct kunit *test)
{
	int cpu;

	WRITE_ONCE(in_data, (struct node *)1);
	WRITE_ONCE(in_bss, NULL);
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu(per_cpu_node, cpu), NULL);
	return 0;
}

/* One that this module's variables do not point to, whatever they have been used for. */
static struct node *fresh_node(struct kunit *test, struct goalloc_heap *heap)
{
	struct node *node = leaks_node(test, heap, NULL);
	int i;

	for (i = 0; i < 20; i++) {
		struct node *old = node;

		if (goalloc_leaks_report(heap, NULL) == 1)
			return node;
		node = leaks_node(test, heap, NULL);
		goalloc_free(old);
	}
	KUNIT_FAIL_AND_ABORT(test, "each object is kept");
	return NULL;
}

static void forget_this(void *ctx)
{
	leaks_forget_module(THIS_MODULE);
}

static void data_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node;
	int cpu, last = 0;

	leaks_add_module(THIS_MODULE);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_this, NULL), 0);
	node = fresh_node(test, heap);
	WRITE_ONCE(in_data, node);
	expect_leaks(test, heap, 0);
	WRITE_ONCE(in_data, NULL);
	expect_leaks(test, heap, 1);
	WRITE_ONCE(in_bss, node);
	expect_leaks(test, heap, 0);
	WRITE_ONCE(in_bss, NULL);
	expect_leaks(test, heap, 1);
	for_each_possible_cpu(cpu)
		last = cpu;
	WRITE_ONCE(per_cpu(per_cpu_node, last), node);
	expect_leaks(test, heap, 0);
	WRITE_ONCE(per_cpu(per_cpu_node, last), NULL);
	expect_leaks(test, heap, 1);
	goalloc_free(node);
}

static void range_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct goalloc_heap *other = test_heap(test, "kunit-leaks-other");
	struct node **range = kunit_kcalloc(test, 1024, sizeof(*range), GFP_KERNEL);
	struct node *node = leaks_node(test, heap, NULL);

	KUNIT_ASSERT_NOT_NULL(test, range);
	range[1023] = node;
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, range, 1024, GOALLOC_GC_ROOT_LEAKS), 0);
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "8192 bytes of 1 registered ranges; 0 ");
	range[1023] = NULL;
	expect_leaks(test, heap, 1);
	range[0] = node;
	expect_leaks(test, heap, 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, range), 0);
	expect_leaks(test, heap, 1);
	/* One of another heap does, too, until that goes. */
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(other, range, 1, GOALLOC_GC_ROOT_LEAKS), 0);
	expect_leaks(test, heap, 0);
	test_heap_forget(test, other);
	goalloc_heap_destroy(other);
	expect_leaks(test, heap, 1);
	goalloc_free(node);
}

static void end_managed(void *ctx)
{
	goalloc_heap_destroy(ctx);
}

static struct goalloc_heap *managed(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-leaks-gc", GOALLOC_HEAP_GC);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_managed, heap), 0);
	return heap;
}

/* For leak reports of others: its own objects are the collector's. */
static void range_of_managed_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node **range = kunit_kcalloc(test, 2, sizeof(*range), GFP_KERNEL);
	struct goalloc_heap *gc = managed(test);
	struct node *node = leaks_node(test, heap, NULL);

	KUNIT_ASSERT_NOT_NULL(test, range);
	range[1] = node;
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(gc, range, 2, GOALLOC_GC_ROOT_LEAKS), 0);
	expect_leaks(test, heap, 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(gc, range, 2, GOALLOC_GC_ROOT_PRECISE), -EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(gc, range), 0);
	range[1] = NULL;
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(gc, range, 2, GOALLOC_GC_ROOT_PRECISE), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(gc, range, 2, GOALLOC_GC_ROOT_LEAKS), -EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(gc, range), 0);
	expect_leaks(test, heap, 1);
	goalloc_free(node);
}

static void other_heap_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct goalloc_heap *other = test_heap(test, "kunit-leaks-other");
	struct node *node = leaks_node(test, heap, NULL);
	struct node *small = leaks_node(test, other, node);
	struct node *noscan = goalloc_heap_alloc_noscan(other, sizeof(*noscan), GFP_KERNEL);
	struct node **big = goalloc_heap_zalloc(other, SZ_128K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, noscan);
	KUNIT_ASSERT_NOT_NULL(test, big);
	memset(noscan, 0, sizeof(*noscan));
	expect_leaks(test, heap, 0);
	small->next = NULL;
	expect_leaks(test, heap, 1);
	big[SZ_128K / sizeof(*big) - 1] = node;
	expect_leaks(test, heap, 0);
	goalloc_free(big);
	expect_leaks(test, heap, 1);
	noscan->next = node;
	expect_leaks(test, heap, 1);
	goalloc_free(noscan);
	goalloc_free(small);
	goalloc_free(node);
}

/* A pointer that nobody would take for one. */
static unsigned long tagged;

#define TAG (0xa5UL << 56)

static void find_tagged(struct goalloc_leaks *leaks, void *data)
{
	unsigned long *calls = data;

	++*calls;
	goalloc_leaks_found(leaks, (void *)(tagged ^ TAG));
	goalloc_leaks_found(leaks, NULL);
	goalloc_leaks_found(leaks, calls);
	goalloc_leaks_found(leaks, (void *)~0UL);
}

static void iterator_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *last = leaks_node(test, heap, NULL);
	struct node *node = leaks_node(test, heap, last);
	unsigned long calls = 0;

	tagged = (unsigned long)node ^ TAG;
	expect_leaks(test, heap, 2);
	KUNIT_ASSERT_EQ(test, goalloc_leaks_iterator_add(heap, find_tagged, &calls), 0);
	expect_leaks(test, heap, 0);
	KUNIT_EXPECT_EQ(test, calls, 2UL);
	leaks_expect_text(test, " 4 pointers of 1 iterators");
	tagged += 5;
	expect_leaks(test, heap, 0);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(heap, find_tagged, &calls), 0);
	expect_leaks(test, heap, 2);
	KUNIT_EXPECT_EQ(test, calls, 4UL);
	tagged = 0;
	goalloc_free(node);
	goalloc_free(last);
}

static void reserve_keeps(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct goalloc_reserve *reserves[2];
	void *obj;

	reserves[0] = goalloc_reserve_create_size(heap, 100, 3, GFP_KERNEL);
	reserves[1] = goalloc_reserve_create_size(heap, 64, 200, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reserves[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reserves[1]);
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "# 0 of 203 objects");
	obj = goalloc_reserve_take(reserves[1], GFP_KERNEL);
	expect_leaks(test, heap, 1);
	goalloc_reserve_put(reserves[1], obj);
	goalloc_reserve_destroy(reserves[0]);
	goalloc_reserve_destroy(reserves[1]);
}

static void bad_ranges(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	static void *word;
	unsigned int kind;

	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, NULL, 1, GOALLOC_GC_ROOT_LEAKS), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, 0, GOALLOC_GC_ROOT_LEAKS), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, (void *)&word + 1, 1,
						  GOALLOC_GC_ROOT_LEAKS), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, SIZE_MAX / sizeof(word) + 1,
						  GOALLOC_GC_ROOT_LEAKS), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, SIZE_MAX / sizeof(word),
						  GOALLOC_GC_ROOT_LEAKS), -EINVAL);
	/* Only a collector has other ones. */
	for (kind = 0; kind < 5; kind++)
		if (kind != GOALLOC_GC_ROOT_LEAKS)
			KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, 1, kind), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, &word), -ENOENT);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, 1, GOALLOC_GC_ROOT_LEAKS), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, &word, 1, GOALLOC_GC_ROOT_LEAKS), -EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, &word), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, &word), -ENOENT);
}

/* A range that is not there, in part, is read as far as it is. */
static void unreadable_range(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node *node = leaks_node(test, heap, NULL);
	struct node **range = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, range);
	range[0] = node;
	/* Behind an area of vmalloc() there is a page without memory. */
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, range, 2 * PAGE_SIZE / sizeof(*range),
						  GOALLOC_GC_ROOT_LEAKS), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_add(heap, (void *)16, 2, GOALLOC_GC_ROOT_LEAKS), 0);
	expect_leaks(test, heap, 0);
	leaks_expect_text(test, "; 4112 unreadable");
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, range), 0);
	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(heap, (void *)16), 0);
	expect_leaks(test, heap, 1);
	goalloc_free(node);
	vfree(range);
}

static void nothing_found(struct goalloc_leaks *leaks, void *data)
{
}

static void misuse(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	int data;

	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(managed(test), NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(heap, NULL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_add(NULL, nothing_found, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_add(heap, NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_add(heap, nothing_found, NULL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_add(heap, nothing_found, NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_add(heap, nothing_found, &data), 0);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(heap, nothing_found, NULL), 0);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(heap, nothing_found, NULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(heap, find_tagged, &data), -ENOENT);
	test_heap_forget(test, heap);
	goalloc_heap_destroy(heap);
	/* Its iterator went with it. */
	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(heap, nothing_found, &data), -ENOENT);
	KUNIT_EXPECT_EQ(test, goalloc_leaks_report(heap, NULL), -ENODEV);
}

static void module_goes(struct kunit *test)
{
	struct goalloc_heap *heap = test_heap(test, "kunit-leaks");
	struct node **range = kunit_kcalloc(test, 1, sizeof(*range), GFP_KERNEL);
	unsigned long calls = 0;
	struct node *node;

	KUNIT_ASSERT_NOT_NULL(test, range);
	leaks_add_module(THIS_MODULE);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_this, NULL), 0);
	node = fresh_node(test, heap);
	WRITE_ONCE(in_bss, node);
	KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(heap, range, 1, GOALLOC_GC_ROOT_LEAKS), 0);
	KUNIT_ASSERT_EQ(test, goalloc_leaks_iterator_add(heap, find_tagged, &calls), 0);
	expect_leaks(test, heap, 0);
	KUNIT_EXPECT_EQ(test, calls, 2UL);
	log_watch(test);
	leaks_forget_module(THIS_MODULE);
	if (log_usable())
		KUNIT_EXPECT_TRUE(test, log_has("without removing 2 ranges or iterators"));
	/* Neither is its data looked at, nor its iterator called, nor its range scanned. */
	expect_leaks(test, heap, 1);
	KUNIT_EXPECT_EQ(test, calls, 2UL);
	*range = node;
	expect_leaks(test, heap, 1);
	goalloc_free(node);
}

static struct kunit_case leaks_roots_cases[] = {
	KUNIT_CASE(data_keeps),
	KUNIT_CASE(range_keeps),
	KUNIT_CASE(range_of_managed_keeps),
	KUNIT_CASE(other_heap_keeps),
	KUNIT_CASE(iterator_keeps),
	KUNIT_CASE(reserve_keeps),
	KUNIT_CASE(bad_ranges),
	KUNIT_CASE(unreadable_range),
	KUNIT_CASE(misuse),
	KUNIT_CASE(module_goes),
	{}
};

struct kunit_suite goalloc_leaks_roots_suite = {
	.name = "goalloc_leaks_roots",
	.suite_init = leaks_begin,
	.suite_exit = leaks_end,
	.init = leaks_roots_init,
	.test_cases = leaks_roots_cases,
};
