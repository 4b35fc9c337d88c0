// SPDX-License-Identifier: GPL-2.0
/*
 * The ctors and dtors that run just now, and what else is done to an object with
 * preemption on before it is freed. Each stands in a record on its caller's stack.
 *
 * Who takes down a heap, or sees a module go, waits for the records that concern
 * it; and a callback that comes back to its own beginning, or would wait for
 * itself, is found out. The records are in buckets by task, each with a raw lock
 * under which nothing else is taken. NMIs have no record: their preemption is off,
 * which is waited for anyway.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "callback.h"

#define BUCKETS_SHIFT 6

static struct callbacks {
	raw_spinlock_t lock;
	struct list_head list;
} ____cacheline_aligned buckets[1 << BUCKETS_SHIFT];

static struct callbacks *my_bucket(void)
{
	return &buckets[hash_ptr(current, BUCKETS_SHIFT)];
}

/* Whether a record is of this context: not of what it interrupted. */
static bool is_mine(const struct callback *cb)
{
	return cb->task == current && cb->level == interrupt_context_level();
}

/**
 * callback_begin() - a callback is about to run, or an object to be cleared
 * @cb: the record
 * @central: of the object
 * @fn: the callback, or NULL
 * @obj: what a dtor is called for; NULL for a ctor
 *
 * Context: any; preemption off since @fn was read.
 * Return: false if this very callback is under way in this context.
 */
bool callback_begin(struct callback *cb, const struct mcentral *central, void (*fn)(void *obj),
		    const void *obj)
{
	struct callbacks *bucket = my_bucket();
	const struct callback *other;
	unsigned long flags;
	bool ok = true;

	cb->bucket = NULL;
	if (in_nmi())
		return true;
	cb->task = current;
	cb->level = interrupt_context_level();
	cb->heap = central->heap;
	cb->cache = central->cache;
	cb->fn = fn;
	cb->obj = obj;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_for_each_entry(other, &bucket->list, node)
		if (is_mine(other) && other->cache == cb->cache && other->obj == obj)
			ok = false;
	if (ok) {
		cb->bucket = bucket;
		list_add(&cb->node, &bucket->list);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return ok;
}

/**
 * callback_end() - it has run
 * @cb: the record
 *
 * Context: as for callback_begin(); preemption off until the object was freed, or
 * was seen to be no longer there.
 */
void callback_end(struct callback *cb)
{
	struct callbacks *bucket = cb->bucket;
	unsigned long flags;

	if (!bucket)
		return;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_del(&cb->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/* Whether this context is in a callback: in the ctor of @cache, or in any if that is NULL. */
bool callback_inside(const struct goalloc_cache *cache)
{
	struct callbacks *bucket = my_bucket();
	const struct callback *cb;
	unsigned long flags;
	bool inside = false;

	if (in_nmi())
		return false;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_for_each_entry(cb, &bucket->list, node)
		if (is_mine(cb) && cb->fn && (!cache || (cb->cache == cache && !cb->obj)))
			inside = true;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return inside;
}

static bool concerns(const struct callback *cb, const struct goalloc_heap *heap,
		     const struct goalloc_cache *cache, const struct module *mod)
{
	if (mod)
		return cb->fn && within_module((unsigned long)cb->fn, mod);
	return cb->heap == heap && (!cache || cb->cache == cache);
}

static bool any_running(const struct goalloc_heap *heap, const struct goalloc_cache *cache,
			const struct module *mod)
{
	const struct callback *cb;
	unsigned long flags;
	bool any = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(buckets) && !any; i++) {
		raw_spin_lock_irqsave(&buckets[i].lock, flags);
		list_for_each_entry(cb, &buckets[i].list, node)
			any |= concerns(cb, heap, cache, mod);
		raw_spin_unlock_irqrestore(&buckets[i].lock, flags);
	}
	return any;
}

/**
 * callback_wait() - wait until no callback is under way
 * @heap: of this heap
 * @cache: of this cache of it; NULL for all
 * @mod: or, if this is not NULL, with text in this module
 *
 * None of them begins any more, but for those that the grace period covers which
 * this waits for first.
 *
 * Context: may sleep; not in a callback.
 */
void callback_wait(const struct goalloc_heap *heap, const struct goalloc_cache *cache,
		   const struct module *mod)
{
	synchronize_rcu();
	while (any_running(heap, cache, mod))
		schedule_timeout_uninterruptible(1);
}

void callback_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++) {
		raw_spin_lock_init(&buckets[i].lock);
		INIT_LIST_HEAD(&buckets[i].list);
	}
}
