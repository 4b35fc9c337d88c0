// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_peer: a module that uses what another made, and outlives it.
 *
 *	echo work > /sys/module/goalloc_peer/parameters/do
 *
 * Of the heap, the cache and the objects that goalloc_liar left to it, do is:
 *
 *	check	are the objects' contents what they were?
 *	free	free them
 *	rcu	free them by goalloc_free_rcu()
 *	one	free the first of them, meanwhile, in a thread
 *	work	allocate and free from heap and cache, in two threads
 *	caches	make and destroy caches in the heap, in a thread
 *	rest	until here
 *	destroy	destroy the heap
 *
 * A write fails with EIO if something was not as it should be; "counts" says how
 * many ctors and dtors ran. Writes are one at a time.
 */
#define pr_fmt(fmt) "goalloc_peer: " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "goalloc_peer.h"

#define MARK 0x600dc0de600dc0deULL
#define WORKERS 2

static struct goalloc_heap *heap;
static struct goalloc_cache *cache;
static struct peer_obj *objs[PEER_OBJS];
static struct task_struct *workers[WORKERS], *freer;
static atomic_t counts[PEER_COUNTS];
static atomic_t wrong;

void goalloc_peer_adopt(struct goalloc_heap *h, struct goalloc_cache *c, struct peer_obj **o)
{
	unsigned int i;

	heap = h;
	cache = c;
	for (i = 0; i < PEER_OBJS; i++) {
		objs[i] = o ? o[i] : NULL;
		if (!objs[i])
			continue;
		objs[i]->mark = MARK;
		objs[i]->index = i;
	}
}
EXPORT_SYMBOL_GPL(goalloc_peer_adopt);

struct module *goalloc_peer_module(void)
{
	return THIS_MODULE;
}
EXPORT_SYMBOL_GPL(goalloc_peer_module);

void goalloc_peer_count(enum peer_count what, int n)
{
	atomic_add(n, &counts[what]);
}
EXPORT_SYMBOL_GPL(goalloc_peer_count);

int goalloc_peer_counted(enum peer_count what)
{
	return atomic_read(&counts[what]);
}
EXPORT_SYMBOL_GPL(goalloc_peer_counted);

static int freer_fn(void *obj)
{
	goalloc_free(obj);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Free an object in a thread, which is in its dtor when this returns. */
void goalloc_peer_free_meanwhile(void *obj)
{
	unsigned int tries;

	freer = kthread_run(freer_fn, obj, "goalloc_peer/free");
	if (IS_ERR(freer)) {
		pr_err("cannot make a thread: %ld\n", PTR_ERR(freer));
		freer = NULL;
		return;
	}
	for (tries = 0; tries < 500 && !atomic_read(&counts[PEER_IN_DTOR]); tries++)
		msleep(20);
}
EXPORT_SYMBOL_GPL(goalloc_peer_free_meanwhile);

void goalloc_peer_freed(void)
{
	if (freer)
		kthread_stop(freer);
	freer = NULL;
}
EXPORT_SYMBOL_GPL(goalloc_peer_freed);

static int check(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < PEER_OBJS; i++)
		if (objs[i] && (objs[i]->mark != MARK || objs[i]->index != i))
			bad++;
	if (bad)
		pr_err("%u objects were damaged\n", bad);
	return bad ? -EIO : 0;
}

static int free_all(bool rcu)
{
	int ret = check();
	unsigned int i;

	for (i = 0; i < PEER_OBJS; i++) {
		if (rcu)
			goalloc_free_rcu(objs[i], rcu);
		else
			goalloc_free(objs[i]);
		objs[i] = NULL;
	}
	return ret;
}

static int work_fn(void *data)
{
	struct peer_obj *mine[16] = {};
	unsigned long n = 0;
	struct peer_obj *o;
	unsigned int i;

	while (!kthread_should_stop()) {
		o = n % 3 ? goalloc_cache_alloc(cache, GFP_KERNEL) :
			    goalloc_heap_alloc(heap, sizeof(*o), GFP_KERNEL);
		i = n++ % ARRAY_SIZE(mine);
		if (mine[i] && mine[i]->mark != (MARK ^ (unsigned long)mine[i]))
			atomic_inc(&wrong);
		if (mine[i] && n % 5 == 0)
			goalloc_free_rcu(mine[i], rcu);
		else
			goalloc_free(mine[i]);
		mine[i] = o;
		if (o)
			o->mark = MARK ^ (unsigned long)o;
		else
			atomic_inc(&wrong);
		cond_resched();
	}
	goalloc_free_bulk(ARRAY_SIZE(mine), (void **)mine);
	return 0;
}

static int caches_fn(void *data)
{
	const struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *c;

	while (!kthread_should_stop()) {
		c = goalloc_cache_create("peer", 200, &args, 0);
		if (IS_ERR(c)) {
			atomic_inc(&wrong);
			schedule_timeout_interruptible(1);
			continue;
		}
		goalloc_cache_free(c, goalloc_cache_alloc(c, GFP_KERNEL));
		goalloc_cache_destroy(c);
	}
	return 0;
}

static int start(int (*fn)(void *data), unsigned int n)
{
	unsigned int i;

	atomic_set(&wrong, 0);
	for (i = 0; i < n; i++) {
		workers[i] = kthread_run(fn, NULL, "goalloc_peer/%u", i);
		if (IS_ERR(workers[i])) {
			workers[i] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static int rest(void)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		if (workers[i])
			kthread_stop(workers[i]);
		workers[i] = NULL;
	}
	goalloc_peer_freed();
	goalloc_rcu_barrier();
	if (atomic_read(&wrong))
		pr_err("%d times something was wrong\n", atomic_read(&wrong));
	return atomic_read(&wrong) ? -EIO : 0;
}

static int set_do(const char *what, const struct kernel_param *kp)
{
	if (!heap) {
		pr_err("do: nothing was left to this module\n");
		return -ENODEV;
	}
	if (sysfs_streq(what, "check"))
		return check();
	if (sysfs_streq(what, "free"))
		return free_all(false);
	if (sysfs_streq(what, "rcu"))
		return free_all(true);
	if (sysfs_streq(what, "one")) {
		goalloc_peer_free_meanwhile(objs[0]);
		objs[0] = NULL;
		return 0;
	}
	if (sysfs_streq(what, "work"))
		return start(work_fn, WORKERS);
	if (sysfs_streq(what, "caches"))
		return start(caches_fn, 1);
	if (sysfs_streq(what, "rest"))
		return rest();
	if (sysfs_streq(what, "destroy")) {
		goalloc_heap_destroy(heap);
		heap = NULL;
		return 0;
	}
	pr_err("do: no such thing to do\n");
	return -EINVAL;
}

static const struct kernel_param_ops do_ops = { .set = set_do };
module_param_cb(do, &do_ops, NULL, 0200);
MODULE_PARM_DESC(do, "what to do with what was left to this module");

static int get_counts(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d %d %d\n", atomic_read(&counts[PEER_CTORS]),
			  atomic_read(&counts[PEER_DTORS]), atomic_read(&counts[PEER_IN_DTOR]));
}

static const struct kernel_param_ops counts_ops = { .get = get_counts };
module_param_cb(counts, &counts_ops, NULL, 0444);
MODULE_PARM_DESC(counts, "ctors that ran, dtors that ran, dtors under way (read only)");

static int __init peer_init(void)
{
	return 0;
}

static void __exit peer_exit(void)
{
	rest();
}

module_init(peer_init);
module_exit(peer_exit);

MODULE_DESCRIPTION("Uses what another module made, and outlives it");
MODULE_LICENSE("GPL");
