// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_liar: a module that does not keep to what it says.
 *
 *	insmod goalloc_liar.ko leave=1
 *
 * makes a heap "liar" with a cache, ctor and dtor, leaves them and some objects of
 * each, and of the default heap, to goalloc_peer, and goes without destroying
 * anything. Without leave it tidies up. Meanwhile
 *
 *	echo cache_twice > /sys/module/goalloc_liar/parameters/what
 *
 * does something wrong on a heap of its own; the write fails with EIO if that was
 * not refused, or did harm. The file "cases" there lists them.
 */
#define pr_fmt(fmt) "goalloc_liar: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "goalloc_peer.h"

#define SLEEP_MS 300

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "go without destroying the heap (default off)");

static unsigned int dtor_us;
module_param(dtor_us, uint, 0644);
MODULE_PARM_DESC(dtor_us, "how long the dtor takes, up to 1000; 1000000 is to be away for a while");

static struct goalloc_heap *heap;
static struct goalloc_cache *cache;

/* For the cases. */
static struct goalloc_heap *own;
static struct goalloc_cache *first, *second;
static void *held, *got;
static unsigned int ctors, dtors;

static void ctor(void *p)
{
	goalloc_peer_count(PEER_CTORS, 1);
}

/* To be away is what preemption does to a dtor, in the longest. */
static void dtor(void *p)
{
	goalloc_peer_count(PEER_IN_DTOR, 1);
	if (dtor_us == 1000000 && in_task() && !irqs_disabled())
		msleep(SLEEP_MS);
	else
		udelay(min(dtor_us, 1000U));
	goalloc_peer_count(PEER_IN_DTOR, -1);
	goalloc_peer_count(PEER_DTORS, 1);
}

static int make(void (*c)(void *obj), void (*d)(void *obj))
{
	struct goalloc_cache_args args = { .ctor = c, .dtor = d };

	ctors = 0;
	dtors = 0;
	held = NULL;
	got = NULL;
	own = goalloc_heap_create("liar-own", 0);
	if (IS_ERR(own))
		return PTR_ERR(own);
	args.heap = own;
	first = goalloc_cache_create("first", 64, &args, 0);
	args.ctor = NULL;
	args.dtor = NULL;
	second = goalloc_cache_create("second", 96, &args, 0);
	return IS_ERR(first) || IS_ERR(second) ? -ENOMEM : 0;
}

/* The heap is empty by its own account, and serves. */
static int sound(unsigned int misuse)
{
	struct goalloc_heap_stats stats;
	void *p = goalloc_heap_alloc(own, 100, GFP_KERNEL);

	goalloc_free(p);
	goalloc_heap_stats(own, &stats);
	goalloc_heap_destroy(own);
	if (!p || stats.live_objects || stats.mallocs != stats.frees || stats.misuse != misuse) {
		pr_err("%llu objects are live, %llu mallocs, %llu frees, %llu misuses\n",
		       stats.live_objects, stats.mallocs, stats.frees, stats.misuse);
		return -EIO;
	}
	return 0;
}

static int heap_name_twice(void)
{
	struct goalloc_heap *twin;
	int ret = make(NULL, NULL);

	if (ret)
		return ret;
	twin = goalloc_heap_create("liar-own", 0);
	return sound(0) ?: twin == ERR_PTR(-EEXIST) ? 0 : -EIO;
}

static int cache_name_twice(void)
{
	struct goalloc_cache_args args = {};
	struct goalloc_cache *twin;
	int ret = make(NULL, NULL);

	if (ret)
		return ret;
	args.heap = own;
	twin = goalloc_cache_create("first", 200, &args, 0);
	return sound(0) ?: twin == ERR_PTR(-EEXIST) ? 0 : -EIO;
}

static int cache_twice(void)
{
	int ret = make(NULL, NULL);

	if (ret)
		return ret;
	goalloc_cache_destroy(first);
	goalloc_cache_destroy(first);
	return sound(0);
}

static int heap_twice(void)
{
	struct goalloc_heap *gone;
	int ret = make(NULL, NULL);

	if (ret)
		return ret;
	gone = own;
	ret = sound(0);
	goalloc_heap_destroy(gone);
	return ret;
}

static int cache_in_dead_heap(void)
{
	struct goalloc_cache_args args = {};
	int ret = make(NULL, NULL);

	if (ret)
		return ret;
	args.heap = own;
	ret = sound(0);
	return ret ?: goalloc_cache_create("late", 64, &args, 0) == ERR_PTR(-EINVAL) ? 0 : -EIO;
}

static int default_heap(void)
{
	goalloc_heap_destroy(goalloc_heap_default());
	held = goalloc_alloc(64, GFP_KERNEL);
	goalloc_free(held);
	return held ? 0 : -EIO;
}

static void destroys_heap(void *p)
{
	dtors++;
	goalloc_heap_destroy(own);
}

static int heap_in_dtor(void)
{
	int ret = make(NULL, destroys_heap);

	if (ret)
		return ret;
	goalloc_free(goalloc_cache_alloc(first, GFP_KERNEL));
	return sound(0) ?: dtors == 1 ? 0 : -EIO;
}

static void destroys_cache(void *p)
{
	if (!ctors++)
		goalloc_cache_destroy(first);
}

static int cache_in_ctor(void)
{
	int ret = make(destroys_cache, NULL);

	if (ret)
		return ret;
	goalloc_free(goalloc_cache_alloc(first, GFP_KERNEL));
	return sound(0) ?: ctors ? 0 : -EIO;
}

static void allocs_same(void *p)
{
	if (!ctors++)
		got = goalloc_cache_alloc(first, GFP_KERNEL | __GFP_NOWARN);
}

static int ctor_allocs_same(void)
{
	int ret = make(allocs_same, NULL);

	if (ret)
		return ret;
	held = goalloc_cache_alloc(first, GFP_KERNEL);
	goalloc_free(held);
	return sound(0) ?: held && !got ? 0 : -EIO;
}

static void allocs_elsewhere(void *p)
{
	if (ctors++)
		return;
	got = goalloc_cache_alloc(second, GFP_KERNEL);
	goalloc_free(got);
	goalloc_free(goalloc_heap_alloc(own, 64, GFP_KERNEL));
	goalloc_free(goalloc_alloc(64, GFP_KERNEL));
}

static int ctor_allocs_elsewhere(void)
{
	int ret = make(allocs_elsewhere, NULL);

	if (ret)
		return ret;
	held = goalloc_cache_alloc(first, GFP_KERNEL);
	goalloc_free(held);
	return sound(0) ?: held && got ? 0 : -EIO;
}

static void frees_itself(void *p)
{
	if (dtors++ < 3)
		goalloc_free(p);
}

static int dtor_frees_itself(void)
{
	int ret = make(NULL, frees_itself);

	if (ret)
		return ret;
	goalloc_free(goalloc_cache_alloc(first, GFP_KERNEL));
	return sound(1) ?: dtors == 1 ? 0 : -EIO;
}

/* As a list whose head takes all of it with it. */
static void frees_next(void *p)
{
	void *next = *(void **)p;

	dtors++;
	goalloc_free(next);
}

static int dtor_frees_next(void)
{
	void **p, *next = NULL;
	unsigned int i;
	int ret = make(NULL, frees_next);

	if (ret)
		return ret;
	for (i = 0; i < 10; i++) {
		p = goalloc_cache_alloc(first, GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		*p = next;
		next = p;
	}
	goalloc_free(next);
	return sound(0) ?: dtors == 10 ? 0 : -EIO;
}

static void allocs_again(void *p)
{
	if (dtors++)
		return;
	got = goalloc_cache_alloc(first, GFP_ATOMIC);
	goalloc_free(got);
}

static int dtor_allocs(void)
{
	int ret = make(NULL, allocs_again);

	if (ret)
		return ret;
	held = goalloc_cache_alloc(first, GFP_KERNEL);
	goalloc_free(held);
	return sound(0) ?: dtors == 2 && got && got != held ? 0 : -EIO;
}

/* What another CPU frees is in its dtor as the heap goes, which must wait for it. */
static int heap_goes_in_dtor(void)
{
	int ret = make(NULL, dtor);
	int before, during;

	if (ret)
		return ret;
	dtor_us = 1000000;
	before = goalloc_peer_counted(PEER_DTORS);
	goalloc_peer_free_meanwhile(goalloc_cache_alloc(first, GFP_KERNEL));
	during = goalloc_peer_counted(PEER_IN_DTOR);
	goalloc_heap_destroy(own);
	ret = goalloc_peer_counted(PEER_DTORS) == before + 1 && during == 1 ? 0 : -EIO;
	goalloc_peer_freed();
	dtor_us = 0;
	return ret;
}

/* A heap in another's name: that module is asked for it, and goes without it. */
static int others_heap(void)
{
	struct goalloc_heap *other = __goalloc_heap_create("liar-others", 0, goalloc_peer_module());

	if (IS_ERR(other))
		return PTR_ERR(other);
	goalloc_peer_adopt(other, NULL, NULL);
	held = goalloc_heap_alloc(other, 64, GFP_KERNEL);
	return held ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "heap_name_twice", heap_name_twice },
	{ "cache_name_twice", cache_name_twice },
	{ "cache_twice", cache_twice },
	{ "heap_twice", heap_twice },
	{ "cache_in_dead_heap", cache_in_dead_heap },
	{ "default_heap", default_heap },
	{ "heap_in_dtor", heap_in_dtor },
	{ "cache_in_ctor", cache_in_ctor },
	{ "ctor_allocs_same", ctor_allocs_same },
	{ "ctor_allocs_elsewhere", ctor_allocs_elsewhere },
	{ "dtor_frees_itself", dtor_frees_itself },
	{ "dtor_frees_next", dtor_frees_next },
	{ "dtor_allocs", dtor_allocs },
	{ "heap_goes_in_dtor", heap_goes_in_dtor },
	{ "others_heap", others_heap },
};

static int set_what(const char *what, const struct kernel_param *kp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (sysfs_streq(what, cases[i].name))
			return cases[i].run();
	pr_err("what: no such case, see parameters/cases\n");
	return -EINVAL;
}

static const struct kernel_param_ops what_ops = { .set = set_what };
module_param_cb(what, &what_ops, NULL, 0200);
MODULE_PARM_DESC(what, "what to do wrong");

static int get_cases(char *buf, const struct kernel_param *kp)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		len += sysfs_emit_at(buf, len, "%s\n", cases[i].name);
	return len;
}

static const struct kernel_param_ops cases_ops = { .get = get_cases };
module_param_cb(cases, &cases_ops, NULL, 0444);
MODULE_PARM_DESC(cases, "what there is (read only)");

/* Objects of the cache, of the heap and of the default heap, in turns. */
static int leave_objects(void)
{
	struct peer_obj *objs[PEER_OBJS];
	unsigned int i;

	for (i = 0; i < PEER_OBJS; i++) {
		if (i % 4 < 2)
			objs[i] = goalloc_cache_alloc(cache, GFP_KERNEL);
		else if (i % 4 == 2)
			objs[i] = goalloc_heap_alloc(heap, 100 << i % 9, GFP_KERNEL);
		else
			objs[i] = goalloc_alloc(100, GFP_KERNEL);
		if (!objs[i])
			return -ENOMEM;
	}
	goalloc_peer_adopt(heap, cache, objs);
	return 0;
}

static int __init liar_init(void)
{
	struct goalloc_cache_args args = { .ctor = ctor, .dtor = dtor };

	heap = goalloc_heap_create("liar", 0);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	args.heap = heap;
	cache = goalloc_cache_create("liar", sizeof(struct peer_obj), &args, 0);
	if (IS_ERR(cache)) {
		goalloc_heap_destroy(heap);
		return PTR_ERR(cache);
	}
	return leave ? leave_objects() : 0;
}

static void __exit liar_exit(void)
{
	if (!leave)
		goalloc_heap_destroy(heap);
}

module_init(liar_init);
module_exit(liar_exit);

MODULE_DESCRIPTION("Does not keep to what it says, to see goalloc stand it");
MODULE_LICENSE("GPL");
