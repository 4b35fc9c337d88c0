// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_fill: holds as many objects as it is told to, and nothing else, so
 * that there is something to see that does not move.
 *
 *	insmod goalloc_fill.ko heap=fill
 *	echo "100 64" > /sys/module/goalloc_fill/parameters/add
 *	echo "100 0" > /sys/module/goalloc_fill/parameters/add
 *	cat /sys/module/goalloc_fill/parameters/held
 *	200 17600
 *
 * makes 100 objects of 64 bytes, and 100 of the heap's cache, whose objects
 * have 112. "add" ends with -ENOMEM when the heap will not give more, and
 * keeps what it got. "drop" frees one object of each N, from the oldest on.
 * "held" is the number of objects and the bytes asked for.
 */
#define pr_fmt(fmt) "goalloc_fill: " fmt

#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "faults.h"

#define CACHE_SIZE 112

static char *heap_name = "fill";
module_param_named(heap, heap_name, charp, 0444);
MODULE_PARM_DESC(heap, "name of the heap (default fill)");

static bool faults;
module_param(faults, bool, 0644);
MODULE_PARM_DESC(faults, "mark who adds for fault injection, which may fail it (default off)");

static unsigned int set_aside;
module_param(set_aside, uint, 0444);
MODULE_PARM_DESC(set_aside, "objects of the cache in a reserve (default 0)");

/* What is held; the records are the slab's, not to be counted. */
struct held {
	struct list_head node;
	void *p;
	size_t size;
};

static struct goalloc_heap *heap;
static struct goalloc_cache *cache;
static struct goalloc_reserve *reserve;
static LIST_HEAD(objects);
static DEFINE_MUTEX(lock); /* guards objects, count, bytes */
static unsigned long count;
static unsigned long bytes;

static int add_one(size_t size)
{
	struct held *held = kmalloc(sizeof(*held), GFP_KERNEL);

	if (!held)
		return -ENOMEM;
	if (size) {
		held->size = size;
		held->p = goalloc_heap_alloc(heap, size, GFP_KERNEL | __GFP_NOWARN);
	} else {
		held->size = CACHE_SIZE;
		held->p = goalloc_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN);
	}
	if (!held->p) {
		kfree(held);
		return -ENOMEM;
	}
	memset(held->p, 0xf1, held->size);
	list_add_tail(&held->node, &objects);
	count++;
	bytes += held->size;
	return 0;
}

static void drop_one(struct held *held)
{
	if (memchr_inv(held->p, 0xf1, held->size))
		pr_err("an object of %zu bytes has changed\n", held->size);
	goalloc_heap_free(heap, held->p);
	list_del(&held->node);
	count--;
	bytes -= held->size;
	kfree(held);
}

static int set_add(const char *text, const struct kernel_param *kp)
{
	unsigned long n;
	size_t size;
	int ret = 0;

	if (!heap)
		return -EAGAIN;
	if (sscanf(text, "%lu %zu", &n, &size) != 2)
		return -EINVAL;
	mutex_lock(&lock);
	faults_mark(faults);
	while (n-- && !ret)
		ret = add_one(size);
	faults_mark(false);
	mutex_unlock(&lock);
	return ret;
}

static int set_drop(const char *text, const struct kernel_param *kp)
{
	struct held *held, *next;
	unsigned int every, i = 0;

	if (kstrtouint(text, 0, &every) || !every)
		return -EINVAL;
	mutex_lock(&lock);
	list_for_each_entry_safe(held, next, &objects, node)
		if (i++ % every == 0)
			drop_one(held);
	mutex_unlock(&lock);
	return 0;
}

static int get_held(char *buf, const struct kernel_param *kp)
{
	int len;

	mutex_lock(&lock);
	len = sysfs_emit(buf, "%lu %lu\n", count, bytes);
	mutex_unlock(&lock);
	return len;
}

static const struct kernel_param_ops add_ops = { .set = set_add };
static const struct kernel_param_ops drop_ops = { .set = set_drop };
static const struct kernel_param_ops held_ops = { .get = get_held };

module_param_cb(add, &add_ops, NULL, 0200);
MODULE_PARM_DESC(add, "\"N SIZE\": N more objects of SIZE bytes; SIZE 0 is the cache");
module_param_cb(drop, &drop_ops, NULL, 0200);
MODULE_PARM_DESC(drop, "\"N\": free one object of each N");
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "objects and bytes held (read only)");

static int __init fill_init(void)
{
	struct goalloc_cache_args args = {};
	struct goalloc_heap *made = goalloc_heap_create(heap_name, 0);

	if (IS_ERR(made))
		return PTR_ERR(made);
	args.heap = made;
	cache = goalloc_cache_create("fill-cache", CACHE_SIZE, &args, 0);
	if (IS_ERR(cache)) {
		goalloc_heap_destroy(made);
		return PTR_ERR(cache);
	}
	if (set_aside)
		reserve = goalloc_reserve_create(cache, set_aside, GFP_KERNEL);
	if (IS_ERR(reserve)) {
		goalloc_heap_destroy(made);
		return PTR_ERR(reserve);
	}
	heap = made;
	return 0;
}

static void __exit fill_exit(void)
{
	struct held *held, *next;

	list_for_each_entry_safe(held, next, &objects, node)
		drop_one(held);
	goalloc_reserve_destroy(reserve);
	goalloc_cache_destroy(cache);
	goalloc_heap_destroy(heap);
}

module_init(fill_init);
module_exit(fill_exit);

MODULE_DESCRIPTION("Holds objects of goalloc, to be looked at");
MODULE_LICENSE("GPL");
