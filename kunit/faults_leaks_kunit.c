// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had: leak reports, and what is registered for them.
 */
#include <linux/module.h>

#include "faults.h"
#include "fixture.h"
#include "leaks.h"
#include "suites.h"

/* A heap with two objects that are lost. */
struct reporting {
	struct goalloc_heap *heap;
	struct goalloc_leaks *leaks;
	struct node *range;
};

static int faults_leaks_init(struct kunit *test)
{
	struct reporting *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	want_faults(test);
	KUNIT_ASSERT_NOT_NULL(test, r);
	r->heap = test_heap(test, "kunit-faults");
	test->priv = r;
	return 0;
}

static int make_report(void *data)
{
	struct reporting *r = data;

	r->leaks = leaks_make(r->heap);
	return PTR_ERR_OR_ZERO(r->leaks);
}

static void report_is_whole(struct kunit *test, void *data, int err)
{
	struct reporting *r = data;

	KUNIT_EXPECT_EQ(test, r->heap->reporting, 0);
	KUNIT_EXPECT_EQ(test, heap_live(r->heap), 2ULL);
	if (err)
		return;
	KUNIT_EXPECT_EQ(test, r->leaks->nleaks, (size_t)2);
	KUNIT_EXPECT_EQ(test, r->leaks->counts.heads, 1ULL);
	KUNIT_EXPECT_EQ(test, r->leaks->ntotals, (size_t)1);
	leaks_free(r->leaks);
}

/* The report itself; six for each pass; suspects, leaks, a stack, totals. */
static void report(struct kunit *test)
{
	struct reporting *r = test->priv;
	struct node *node = leaks_node(test, r->heap, NULL);

	node = leaks_node(test, r->heap, node);
	KUNIT_EXPECT_GE(test, fail_each(test, make_report, report_is_whole, r), 17U);
	goalloc_free(node->next);
	goalloc_free(node);
}

static int register_range(void *data)
{
	struct reporting *r = data;

	return goalloc_gc_root_add(r->heap, &r->range, 1, GOALLOC_GC_ROOT_LEAKS);
}

static void range_is_there(struct kunit *test, void *data, int err)
{
	struct reporting *r = data;

	KUNIT_EXPECT_EQ(test, goalloc_gc_root_remove(r->heap, &r->range), err ? -ENOENT : 0);
}

static void range(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, register_range, range_is_there, test->priv), 1U);
}

static void iterate(struct goalloc_leaks *leaks, void *data)
{
}

static int register_iterator(void *data)
{
	struct reporting *r = data;

	return goalloc_leaks_iterator_add(r->heap, iterate, r);
}

static void iterator_is_there(struct kunit *test, void *data, int err)
{
	struct reporting *r = data;

	KUNIT_EXPECT_EQ(test, goalloc_leaks_iterator_remove(r->heap, iterate, r),
			err ? -ENOENT : 0);
}

static void iterator(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each(test, register_iterator, iterator_is_there, test->priv),
			1U);
}

static u64 modules_missed(struct kunit *test)
{
	u64 missed;

	KUNIT_ASSERT_EQ(test, make_report(test->priv), 0);
	missed = ((struct reporting *)test->priv)->leaks->counts.modules_missed;
	leaks_free(((struct reporting *)test->priv)->leaks);
	return missed;
}

/* A module is loaded all the same, and reports say that they do not know its data. */
static void module_missed(struct kunit *test)
{
	u64 before = modules_missed(test);
	char text[48];

	fail_all(true);
	leaks_add_module(THIS_MODULE);
	fail_all(false);
	KUNIT_EXPECT_EQ(test, modules_missed(test), before + 1);
	expect_leaks(test, ((struct reporting *)test->priv)->heap, 0);
	snprintf(text, sizeof(text), " modules; %llu modules unknown", before + 1);
	leaks_expect_text(test, text);
}

static struct kunit_case faults_leaks_cases[] = {
	KUNIT_CASE(report),
	KUNIT_CASE(range),
	KUNIT_CASE(iterator),
	KUNIT_CASE(module_missed),
	{}
};

struct kunit_suite goalloc_faults_leaks_suite = {
	.name = "goalloc_faults_leaks",
	.attr.speed = KUNIT_SPEED_VERY_SLOW,
	.suite_init = leaks_begin,
	.suite_exit = leaks_end,
	.init = faults_leaks_init,
	.test_cases = faults_leaks_cases,
};
