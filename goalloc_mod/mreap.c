// SPDX-License-Identifier: GPL-2.0
/*
 * Dead spans on their way back to the page allocator, and shrinking.
 *
 * A span that dies is parked by its central until a grace period has passed.
 * The reaper, a work item, waits for that and returns the pages; centrals and
 * their lists are reached under heaps_lock.
 *
 * The waits are counted, and a span knows the first that begins after its death.
 * poll_state_synchronize_rcu() would do if it saw the end of expedited grace
 * periods, and its _full variant if a dead span had two words left for it.
 */
#include "debug.h"

static struct workqueue_struct *mreap_wq;

/* Waits for a grace period that have begun. */
static atomic64_t waits;

/**
 * mheap_next_reap() - the wait after which a span that dies now may go
 *
 * Context: the lock of the span's central is held, and its state is MSPAN_DEAD.
 * Return: its number.
 */
u64 mheap_next_reap(void)
{
	/*
	 * Pairs with the increment in wait_for_readers(): who does not see a wait
	 * has its span seen dead by all that begin to read once that wait has begun.
	 */
	smp_mb();
	return atomic64_read(&waits) + 1;
}

/* Returns which wait it was. */
static u64 wait_for_readers(void)
{
	/* A full barrier: see mheap_next_reap(). */
	u64 n = atomic64_inc_return(&waits);

	synchronize_rcu();
	return n;
}

/* Spans that are detached while the lock is held. */
#define REAP_LOOK 32

/**
 * struct reaping - a walk over the centrals
 * @wait: the wait that came before
 * @left: a span has to wait for another
 */
struct reaping {
	u64 wait;
	bool left;
};

/* Detach some of what may go; the oldest come first. Whether there may be more. */
static bool detach_some(struct mcentral *central, struct list_head *list, struct reaping *r)
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
		if (span->parked_wait > r->wait || mspan_in_limbo(span)) {
			r->left = true;
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

/* Gives back the pages of what died before a wait; returns whether spans are left. */
static bool wait_and_reap(void)
{
	struct reaping r = { .wait = wait_for_readers() };

	mutex_lock(&heaps_lock);
	visit_centrals(NULL, NULL, reap_central, &r);
	mutex_unlock(&heaps_lock);
	return r.left;
}

static void reap_work_fn(struct work_struct *work)
{
	while (wait_and_reap())
		;
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
	wait_and_reap();
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
