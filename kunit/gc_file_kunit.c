// SPDX-License-Identifier: GPL-2.0
/*
 * The file of a managed heap's collector: what it shows, and what is written to it.
 */
#include <kunit/test.h>
#include <linux/goalloc_gc.h>
#include <linux/string.h>

#include "../goalloc_mod/debugfs.h"
#include "../goalloc_mod/mgc.h"
#include "fixture.h"
#include "suites.h"

struct item {
	struct item __gc *next;
	unsigned long word;
};

GOALLOC_GC_LAYOUT(item_layout, struct item, next);

static struct item __gc *roots[2];

static void end_heap(void *ctx)
{
	goalloc_gc_root_remove(ctx, roots);
	goalloc_heap_destroy(ctx);
}

static struct goalloc_heap *managed(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-gc-file", GOALLOC_HEAP_GC);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	memset(roots, 0, sizeof(roots));
	KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(heap, roots, ARRAY_SIZE(roots),
						  GOALLOC_GC_ROOT_PRECISE), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_heap, heap), 0);
	return heap;
}

static int act(struct goalloc_heap *heap, const char *what)
{
	char text[48];

	strscpy(text, what, sizeof(text));
	return heap_gc_act(heap, text);
}

/* The value of a line of the file. */
static const char *shown(struct kunit *test, struct goalloc_heap *heap, const char *name)
{
	char *buf = kunit_kzalloc(test, 4096, GFP_KERNEL), *line;
	struct seq_file m = { .buf = buf, .size = 4095, .private = heap };
	size_t len = strlen(name);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, heap_gc_show(&m, NULL), 0);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&m));
	KUNIT_EXPECT_EQ(test, buf[0], '#');
	while ((line = strsep(&buf, "\n")))
		if (!strncmp(line, name, len) && line[len] == ':')
			return strim(line + len + 1);
	KUNIT_FAIL_AND_ABORT(test, "no %s", name);
	return "";
}

static void expect_shown(struct kunit *test, struct goalloc_heap *heap, const char *name,
			 const char *value)
{
	KUNIT_EXPECT_STREQ(test, shown(test, heap, name), value);
}

static void steer(struct kunit *test)
{
	struct goalloc_heap *heap = managed(test);

	expect_shown(test, heap, "GCPercent", "100");
	expect_shown(test, heap, "GCMemoryLimit", "max");
	KUNIT_EXPECT_EQ(test, act(heap, "percent 250"), 0);
	expect_shown(test, heap, "GCPercent", "250");
	KUNIT_EXPECT_EQ(test, act(heap, "percent -1"), 0);
	expect_shown(test, heap, "GCPercent", "off");
	expect_shown(test, heap, "NextGC", "max");
	KUNIT_EXPECT_EQ(test, act(heap, "percent 0"), 0);
	expect_shown(test, heap, "GCPercent", "0");
	KUNIT_EXPECT_EQ(test, act(heap, "percent off"), 0);
	expect_shown(test, heap, "GCPercent", "off");
	KUNIT_EXPECT_EQ(test, act(heap, "limit 3M"), 0);
	expect_shown(test, heap, "GCMemoryLimit", "3145728");
	expect_shown(test, heap, "NextGC", "3145728");
	KUNIT_EXPECT_EQ(test, act(heap, "limit max"), 0);
	expect_shown(test, heap, "GCMemoryLimit", "max");
	KUNIT_EXPECT_EQ(test, act(heap, "trace 1"), 0);
	expect_shown(test, heap, "Trace", "1");
	KUNIT_EXPECT_EQ(test, act(heap, "trace 0"), 0);
	expect_shown(test, heap, "Trace", "0");
	KUNIT_EXPECT_EQ(test, act(heap, "checkmark 1"), 0);
	expect_shown(test, heap, "Checkmark", "1");
	KUNIT_EXPECT_FALSE(test, heap->gc->trace);
}

/* A line for each cycle, while it is set. */
static void traced(struct kunit *test)
{
	struct goalloc_heap *heap = managed(test);
	char line[64];

	KUNIT_EXPECT_EQ(test, act(heap, "percent off"), 0);
	log_watch(test);
	if (!log_usable())
		kunit_skip(test, "the log cannot be read");
	KUNIT_EXPECT_EQ(test, act(heap, "collect"), 0);
	KUNIT_EXPECT_EQ(test, act(heap, "trace 1"), 0);
	KUNIT_EXPECT_EQ(test, act(heap, "collect"), 0);
	KUNIT_EXPECT_EQ(test, act(heap, "trace 0"), 0);
	KUNIT_EXPECT_EQ(test, act(heap, "collect"), 0);
	snprintf(line, sizeof(line), "gc 1 %s: ", heap->name);
	KUNIT_EXPECT_FALSE(test, log_has(line));
	line[3]++;
	KUNIT_EXPECT_TRUE(test, log_has(line));
	line[3]++;
	KUNIT_EXPECT_FALSE(test, log_has(line));
	KUNIT_EXPECT_TRUE(test, log_has(" us mark, 0->0 KiB, "));
}

static void refused(struct kunit *test)
{
	static const char *const bad[] = {
		"", "nothing", "collect now", "collect ", "percent", "percent ", "percent x",
		"percent 100001", "percent 1 2", "limit", "limit 0", "limit 1X", "trace", "trace 2",
		"trace on", "checkmark -1", "percentage 5",
	};
	struct goalloc_heap *heap = managed(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, act(heap, bad[i]), -EINVAL, "\"%s\"", bad[i]);
	KUNIT_EXPECT_EQ(test, act(heap, "percent 99999999999"), -ERANGE);
	KUNIT_EXPECT_EQ(test, act(heap, "limit 99999999999999999999T"), -ERANGE);
	expect_shown(test, heap, "GCPercent", "100");
	expect_shown(test, heap, "GCMemoryLimit", "max");
	expect_shown(test, heap, "Trace", "0");
	expect_shown(test, heap, "NumGC", "0");
}

static void never(void *obj, void *data)
{
}

static void counted(struct kunit *test)
{
	struct goalloc_heap *heap = managed(test);
	struct goalloc_gc_type *type = goalloc_gc_type_create(heap, &item_layout);
	struct goalloc_gc_handle *handle;
	struct goalloc_gc_weak *weak[2];
	struct item *kept, *lost;
	int section;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, type);
	expect_shown(test, heap, "LastGC", "0");
	expect_shown(test, heap, "Roots", "1");
	section = goalloc_gc_lock(heap);
	kept = goalloc_gc_alloc(type, GFP_KERNEL);
	lost = goalloc_gc_alloc(type, GFP_KERNEL);
	handle = kept ? goalloc_gc_handle_create(heap, kept, GFP_KERNEL) : NULL;
	weak[0] = kept ? goalloc_gc_weak_create(heap, kept, GFP_KERNEL) : NULL;
	weak[1] = lost ? goalloc_gc_weak_create(heap, lost, GFP_KERNEL) : NULL;
	if (handle && weak[0] && weak[1]) {
		KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(heap, kept, never, NULL,
							       GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(heap, lost, never, NULL,
							       GFP_KERNEL), 0);
	}
	goalloc_gc_unlock(heap, section);
	KUNIT_ASSERT_TRUE(test, handle && weak[0] && weak[1]);

	expect_shown(test, heap, "Handles", "1");
	expect_shown(test, heap, "WeakReferences", "2");
	expect_shown(test, heap, "Finalizers", "2");
	KUNIT_EXPECT_EQ(test, act(heap, "collect"), 0);
	/* The sweep has asked for the work, by way of an interrupt. */
	irq_work_sync(&heap->gc->final_irq);
	flush_work(&heap->gc->finalize_work);
	expect_shown(test, heap, "NumGC", "1");
	expect_shown(test, heap, "NumForcedGC", "1");
	expect_shown(test, heap, "ObjectsMarked", "1");
	KUNIT_EXPECT_STRNEQ(test, shown(test, heap, "LastGC"), "0");
	expect_shown(test, heap, "HeapMarked", "16");
	expect_shown(test, heap, "WeakReferences", "1");
	expect_shown(test, heap, "Finalizers", "1");
	expect_shown(test, heap, "FinalizersDue", "0");
	expect_shown(test, heap, "Finalized", "1");
	expect_shown(test, heap, "CheckmarkMissed", "0");

	section = goalloc_gc_lock(heap);
	KUNIT_EXPECT_EQ(test, goalloc_gc_set_finalizer(heap, kept, NULL, NULL, GFP_KERNEL), 0);
	goalloc_gc_unlock(heap, section);
	goalloc_gc_handle_put(handle);
	goalloc_gc_weak_destroy(weak[1]);
	expect_shown(test, heap, "Finalizers", "0");
	expect_shown(test, heap, "Handles", "0");
	expect_shown(test, heap, "WeakReferences", "1");
	goalloc_gc_weak_destroy(weak[0]);
	expect_shown(test, heap, "WeakReferences", "0");
	KUNIT_EXPECT_EQ(test, act(heap, "collect"), 0);
	KUNIT_EXPECT_EQ(test, heap_live(heap), 0ULL);
	expect_shown(test, heap, "ObjectsSwept", "2");
}

static struct kunit_case gc_file_cases[] = {
	KUNIT_CASE(steer),
	KUNIT_CASE(traced),
	KUNIT_CASE(refused),
	KUNIT_CASE(counted),
	{}
};

struct kunit_suite goalloc_gc_file_suite = {
	.name = "goalloc_gc_file",
	.test_cases = gc_file_cases,
};
