// SPDX-License-Identifier: GPL-2.0
/*
 * Dead spans on their way back to the page allocator, and shrinking.
 *
 * A span that dies is parked by its central until a grace period has passed.
 * The reaper, a work item, waits for that and returns the pages; centrals and
 * their lists are reached under heaps_lock.
 */
#include "debug.h"

static struct workqueue_struct *mreap_wq;

/* Spans that are detached while the lock is held. */
#define REAP_LOOK 32

/* Detach some of what may go; the oldest come first. Whether there may be more. */
static bool detach_some(struct mcentral *central, struct list_head *list, bool *left)
{
	struct mspan *span, *next;
	unsigned int look = REAP_LOOK;
	unsigned long flags;

	raw_spin_lock_irqsave(&central->lock, flags);
	list_for_each_entry_safe(span, next, &central->parked, node) {
		if (!look)
			break;
		/*
		 * The grace period alone does not do: of two calls that raced
		 * to free one object by RCU, one may have its callback to come.
		 */
		if (!poll_state_synchronize_rcu(span->parked_gp) || mspan_in_limbo(span)) {
			*left = true;
			break;
		}
		list_move_tail(&span->node, list);
		WRITE_ONCE(central->nparked, central->nparked - 1);
		look--;
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return !look;
}

static void reap_central(struct mcentral *central, void *data)
{
	struct mspan *span, *next;
	bool more = READ_ONCE(central->nparked);

	while (more) {
		LIST_HEAD(list);

		more = detach_some(central, &list, data);
		list_for_each_entry_safe(span, next, &list, node)
			mheap_free_span(span);
		cond_resched();
	}
}

static bool reap(void)
{
	bool left = false;

	mutex_lock(&heaps_lock);
	visit_centrals(NULL, NULL, reap_central, &left);
	mutex_unlock(&heaps_lock);
	return left;
}

static void reap_work_fn(struct work_struct *work)
{
	do {
		synchronize_rcu();
	} while (reap());
}

static DECLARE_WORK(reap_work, reap_work_fn);

/* Context: any but NMI; no lock held. */
void mheap_reap_soon(void)
{
	if (READ_ONCE(mheap.pages_parked) && !work_pending(&reap_work))
		queue_work(mreap_wq, &reap_work);
}

/**
 * mheap_reap_now() - return the pages of all spans that are dead by now
 *
 * Context: may sleep, for a grace period.
 */
void mheap_reap_now(void)
{
	synchronize_rcu();
	reap();
}
EXPORT_SYMBOL_FOR_TEST(mheap_reap_now);

/**
 * mheap_shrink() - give back all that is not in use
 * @heap: the heap whose spans to look at; NULL for all
 * @cache: only this cache of it; NULL for all
 *
 * Context: may sleep, for some grace periods.
 * Return: bytes that went back to the kernel.
 */
unsigned long mheap_shrink(struct goalloc_heap *heap, struct goalloc_cache *cache)
{
	/* What waits in goalloc_free_rcu() shall count as free. */
	rcu_barrier();
	mcache_flush(heap, cache);
	quarantine_flush_all(heap);
	mcentral_drop_all_empty(heap, cache);
	mheap_reap_now();
	return mheap_release(ULONG_MAX) << GOALLOC_PAGE_SHIFT;
}

int mreap_init(void)
{
	mreap_wq = alloc_workqueue("goalloc_reap", WQ_UNBOUND | WQ_MEM_RECLAIM, 1);
	return mreap_wq ? 0 : -ENOMEM;
}

void mreap_exit(void)
{
	destroy_workqueue(mreap_wq);
}
