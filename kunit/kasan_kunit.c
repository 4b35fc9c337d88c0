// SPDX-License-Identifier: GPL-2.0
/*
 * What KASAN, and goalloc beside it, print when an object is touched that must not
 * be: a module of its own, since each case makes KASAN report a bug. It is loaded
 * with kasan_multi_shot on the command line and after goalloc_kunit, whose fixture it
 * uses (tools/testing/kasan.guest).
 *
 * The accesses are made by a worker: KUnit fails a test whose own thread KASAN
 * has reported.
 */
#include <linux/module.h>
#include <linux/stacktrace.h>
#include <linux/string_choices.h>
#include <linux/workqueue.h>

#include "fixture.h"

enum how { SMALL, WHOLE, CACHED, REALLOCED, BULK, LARGE, HOWS };

static const struct {
	const char *name;
	size_t size;
	const char *where; /* in goalloc's line */
} hows[HOWS] = {
	[SMALL] = { "small", 100, "bytes, offset " },
	[WHOLE] = { "whole slot", 112, "slot " },
	[CACHED] = { "cached", 50, "cache kunit-kasan, " },
	[REALLOCED] = { "realloc'd", 90, "bytes, offset " },
	[BULK] = { "bulk", 100, "bytes, offset " },
	[LARGE] = { "large", 100000, "large, " },
};

struct kasan_param {
	enum how how;
	bool freed;
	bool write;
	bool debug;
};

/* Without a red zone a whole slot ends where the next begins: two cases less. */
static struct kasan_param params[HOWS * 8 - 2];

static int make_params(struct kunit_suite *suite)
{
	unsigned int i, n = 0;

	for (i = 0; i < HOWS * 8; i++) {
		struct kasan_param p = { i / 8, i & 4, i & 2, i & 1 };

		if (p.how != WHOLE || p.freed || p.debug)
			params[n++] = p;
	}
	return n == ARRAY_SIZE(params) ? 0 : -EINVAL;
}

static void describe_param(struct kasan_param *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s %s%s", hows[p->how].name,
		 str_write_read(p->write), p->freed ? "after its free" : "behind it",
		 p->debug ? ", recorded" : "");
}

KUNIT_ARRAY_PARAM(kasan, params, describe_param);

struct touch {
	struct work_struct work;
	u8 *at;
	bool write;
};

#define USE_AFTER_FREE "BUG: KASAN: slab-use-after-free in kasan_kunit_touch"
#define OUT_OF_BOUNDS "BUG: KASAN: slab-out-of-bounds in kasan_kunit_touch"

static noinline void kasan_kunit_touch(struct work_struct *work)
{
	struct touch *touch = container_of(work, struct touch, work);

	if (touch->write)
		WRITE_ONCE(*touch->at, 1);
	else
		READ_ONCE(*touch->at);
}

struct kasan_fixture {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
};

static noinline void *kasan_kunit_alloc(struct kunit *test, enum how how)
{
	struct kasan_fixture *f = test->priv;
	void *obj, *objs[2];

	switch (how) {
	case CACHED:
		obj = goalloc_cache_alloc(f->cache, GFP_KERNEL);
		break;
	case REALLOCED:
		obj = goalloc_realloc(goalloc_heap_alloc(f->heap, 100, GFP_KERNEL),
				      hows[how].size, GFP_KERNEL);
		break;
	case BULK:
		KUNIT_ASSERT_EQ(test, goalloc_alloc_bulk(hows[how].size, GFP_KERNEL, 2, objs), 2);
		goalloc_free(objs[1]);
		obj = objs[0];
		break;
	default:
		obj = goalloc_heap_alloc(f->heap, hows[how].size, GFP_KERNEL);
	}
	KUNIT_ASSERT_NOT_NULL(test, obj);
	return hide(obj);
}

static noinline void kasan_kunit_free(void *obj)
{
	goalloc_free(obj);
	barrier();
}

static void kasan_touched(struct kunit *test)
{
	const struct kasan_param *p = test->param_value;
	struct kasan_fixture *f = test->priv;
	struct touch touch = { .write = p->write };
	unsigned long entries[4];
	/* Not in User-Mode Linux. */
	bool stacks = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	struct goalloc_heap *heap = p->how == BULK ? goalloc_heap_default() : f->heap;
	unsigned int flags = GOALLOC_DEBUG_REDZONE | GOALLOC_DEBUG_STACKS |
			     GOALLOC_DEBUG_QUARANTINE;
	u8 *obj;

	KUNIT_ASSERT_EQ(test, goalloc_heap_set_debug(heap, p->debug ? flags : 0), 0);
	obj = kasan_kunit_alloc(test, p->how);
	goalloc_heap_set_debug(heap, 0);
	memset(obj, 1, hows[p->how].size);
	if (p->freed)
		kasan_kunit_free(obj);

	log_watch(test);
	touch.at = obj + (p->freed ? 8 : hows[p->how].size);
	INIT_WORK_ONSTACK(&touch.work, kasan_kunit_touch);
	schedule_work(&touch.work);
	flush_work(&touch.work);
	destroy_work_on_stack(&touch.work);

	KUNIT_ASSERT_TRUE(test, log_usable());
	KUNIT_EXPECT_TRUE(test, log_has(p->freed ? USE_AFTER_FREE : OUT_OF_BOUNDS));
	KUNIT_EXPECT_TRUE(test, log_has(p->write ? "Write of size 1 at addr" :
						   "Read of size 1 at addr"));
	KUNIT_EXPECT_TRUE(test, log_has(p->freed ? ", free" :
					p->debug ? ", behind an object" : ", live"));
	/* Nobody knows any more what a large span was, unless it is in quarantine. */
	if (p->how != LARGE || !p->freed || p->debug) {
		KUNIT_EXPECT_TRUE(test, log_has(p->how == BULK ? "heap default, " :
								 "heap kunit-kasan, "));
		KUNIT_EXPECT_TRUE(test, log_has(hows[p->how].where));
		KUNIT_EXPECT_EQ(test, log_has("goalloc: allocated "), p->debug);
		KUNIT_EXPECT_EQ(test, log_has("goalloc:     kasan_kunit_alloc"),
				p->debug && stacks);
		KUNIT_EXPECT_EQ(test, log_has("goalloc: freed "), p->debug && p->freed);
		KUNIT_EXPECT_EQ(test, log_has("goalloc:     kasan_kunit_free"),
				p->debug && p->freed && stacks);
	}
	if (!p->freed && !p->debug)
		goalloc_free(obj);
	/* The red zone was written to, which its free says as well. */
	if (!p->freed && p->debug) {
		goalloc_free(obj);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->misuse[MISUSE_OVERFLOW]) > 0,
				p->write);
		atomic_long_set(&heap->misuse[MISUSE_OVERFLOW], 0);
	}
	goalloc_heap_shrink(heap);
}

/* What goalloc_size() says is the caller's. */
static void kasan_sanctioned(struct kunit *test)
{
	struct kasan_fixture *f = test->priv;
	u8 *obj = goalloc_heap_alloc(f->heap, 100, GFP_KERNEL);
	struct touch touch = { .write = true };

	KUNIT_ASSERT_NOT_NULL(test, obj);
	log_watch(test);
	touch.at = obj + goalloc_size(obj) - 1;
	INIT_WORK_ONSTACK(&touch.work, kasan_kunit_touch);
	schedule_work(&touch.work);
	flush_work(&touch.work);
	destroy_work_on_stack(&touch.work);
	KUNIT_EXPECT_FALSE(test, log_has("KASAN"));
	goalloc_free(obj);
}

static int kasan_begin(struct kunit *test)
{
	struct kasan_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct goalloc_cache_args args = {};

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->heap = test_heap(test, "kunit-kasan");
	args.heap = f->heap;
	args.align = 64;
	f->cache = test_cache(test, "kunit-kasan", hows[CACHED].size, &args, 0);
	return 0;
}

static struct kunit_case kasan_cases[] = {
	KUNIT_CASE_PARAM(kasan_touched, kasan_gen_params),
	KUNIT_CASE(kasan_sanctioned),
	{}
};

static struct kunit_suite goalloc_kasan_suite = {
	.name = "goalloc_kasan",
	.suite_init = make_params,
	.init = kasan_begin,
	.test_cases = kasan_cases,
};

kunit_test_suite(goalloc_kasan_suite);

MODULE_DESCRIPTION("KUnit suite of what KASAN says of goalloc's objects");
MODULE_LICENSE("GPL");
GOALLOC_IMPORT_FOR_TEST();
