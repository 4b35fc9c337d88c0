// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: the spans of one span class of a heap, or of one cache, as far as
 * no CPU owns them.
 *
 * On its partial list are the spans that nobody owns and that have a free
 * slot, or had one when they were promised. A full span is on no list: the
 * first free into it promises it again (mspan.h), or makes it the CPU's. A listed
 * span that turns out to have no live slot either is kept, or dies: some are kept
 * against growing and dying in turns, and all of a type-stable cache. All of that
 * under central->lock.
 *
 * A span that has been promised but not linked yet must not die; so only
 * linked ones do.
 */
#include <linux/sched.h>

#include "debug.h"
#include "mgc.h"
#include "track.h"

/* Empty spans a central keeps: about 32 KiB, and one at least. */
#define KEEP_PAGES 4

/* Spans that are looked at for being empty while the lock is held. */
#define DROP_LOOK 32UL

/* What a free in an NMI leaves to do: spans, linked by mspan.lnode. */
struct nmi_frees {
	struct llist_head spans;
	struct irq_work work;
};

static struct nmi_frees __percpu *nmi_frees;

/* Set up a central; the caller fills in the geometry. */
void mcentral_init(struct mcentral *central, struct goalloc_heap *heap, unsigned int spanclass)
{
	raw_spin_lock_init(&central->lock);
	INIT_LIST_HEAD(&central->partial);
	INIT_LIST_HEAD(&central->parked);
	INIT_LIST_HEAD(&central->swept);
	INIT_LIST_HEAD(&central->unswept);
	central->slots = mcache_dummy;
	central->heap = heap;
	central->heap_id = heap->id;
	central->spanclass = spanclass;
	if (heap->flags & GOALLOC_HEAP_GUARD)
		central->flags |= MCENTRAL_GUARD;
}

/*
 * No span dies while its heap marks: it may be queued to be scanned. Who reads, under the
 * central's lock, that it does not, and finds a span empty, may go on when marking begins:
 * nothing of that span can be marked, nor be allocated.
 */
static bool mcentral_marks(const struct mcentral *central)
{
	return mcentral_is_managed(central) && gc_phase(gc_word(central->heap)) != GC_OFF;
}

static unsigned int keep_empty(const struct mcentral *central)
{
	unsigned long n;

	if (central->flags & MCENTRAL_STABLE || mcentral_marks(central))
		return UINT_MAX;
	/* A large managed object has no other of its size to wait for. */
	if (!central->elemsize)
		return 0;
	n = max_t(unsigned long, KEEP_PAGES / central->npages, 1);
	if (mcentral_is_managed(central))
		n = max(n, gc_room(central->heap->gc) / (central->npages << GOALLOC_PAGE_SHIFT));
	return n;
}

/* A linked span without a live slot dies. */
static void park_span(struct mcentral *central, struct mspan *span)
{
	if (span->flags & MSPAN_EMPTY)
		WRITE_ONCE(central->nempty, central->nempty - 1);
	WRITE_ONCE(central->npartial, central->npartial - 1);
	WRITE_ONCE(central->nparked, central->nparked + 1);
	span->flags = MSPAN_PARKED;
	list_move_tail(&span->node, &central->parked);
	if (mcentral_is_managed(central))
		gc_span_dies(central, span);
	/* Still promised: queued stays 1 until the span's next life. */
	mheap_park(span);
}

/* Keep it, last in line, or let it die; returns whether it died. */
static bool retire(struct mcentral *central, struct mspan *span)
{
	if (central->nempty < keep_empty(central)) {
		WRITE_ONCE(central->nempty, central->nempty + 1);
		span->flags |= MSPAN_EMPTY;
		list_move_tail(&span->node, &central->partial);
		return false;
	}
	park_span(central, span);
	return true;
}

/* After retire(), the lock dropped: see to what it left. */
void mcentral_retired(bool died)
{
	if (died)
		mheap_reap_soon();
	else
		mcache_age_soon();
}

/* First in line; the lock is held. */
void mcentral_list(struct mcentral *central, struct mspan *span)
	__must_hold(&central->lock)
{
	span->flags |= MSPAN_LINKED;
	list_add(&span->node, &central->partial);
	WRITE_ONCE(central->npartial, central->npartial + 1);
}

/* Put a promised span on the list; the lock is held. */
static bool link_span(struct mcentral *central, struct mspan *span)
{
	mcentral_list(central, span);
	/* An NMI has no right to the mheap's lock; the span stays listed. */
	return mspan_all_free(span) && !in_nmi() && retire(central, span);
}

/* A span that was kept comes into use again. */
static void not_empty(struct mcentral *central, struct mspan *span)
{
	if (!(span->flags & MSPAN_EMPTY))
		return;
	span->flags &= ~MSPAN_EMPTY;
	WRITE_ONCE(central->nempty, central->nempty - 1);
	WRITE_ONCE(central->empty_used, true);
}

static void unlink_span(struct mcentral *central, struct mspan *span)
{
	not_empty(central, span);
	span->flags &= ~MSPAN_LINKED;
	list_del(&span->node);
	WRITE_ONCE(central->npartial, central->npartial - 1);
}

/* What an NMI may not do is done as soon as it has ended. */
static void defer(struct mspan *span)
{
	struct nmi_frees *frees = this_cpu_ptr(nmi_frees);

	if (llist_add(&span->lnode, &frees->spans))
		irq_work_queue(&frees->work);
}

/**
 * mcentral_add() - keep the promise to list a span
 * @central: the span's
 * @span: whoever calls has won mspan_promise(), or disowned it so
 *
 * Context: any, preemption off; no lock held.
 */
void mcentral_add(struct mcentral *central, struct mspan *span)
{
	unsigned long flags;
	bool died;

	if (unlikely(in_nmi())) {
		defer(span);
		return;
	}

	raw_spin_lock_irqsave(&central->lock, flags);
	died = link_span(central, span);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	mcentral_retired(died);
}
EXPORT_SYMBOL_FOR_TEST(mcentral_add);

/**
 * mcentral_freed() - after a free into a span that this CPU does not own
 * @central: the span's
 * @span: the span; it is to be listed, or may have lost its last object
 *
 * Context: any; preemption off since the span was looked up; no lock held.
 */
void mcentral_freed(struct mcentral *central, struct mspan *span)
{
	unsigned long flags;
	bool died = false;
	u16 owner;

	if (mspan_promise(span)) {
		if (!mcache_keep_freed(central, span))
			mcentral_add(central, span);
		return;
	}

	/* If that was the last live slot of a listed span, its time has come. */
	owner = READ_ONCE(span->owner);
	if ((owner != MSPAN_NONE && owner != MSPAN_WORKER) || !mspan_all_free(span) || in_nmi())
		return;

	raw_spin_lock_irqsave(&central->lock, flags);
	if ((span->flags & (MSPAN_LINKED | MSPAN_EMPTY)) == MSPAN_LINKED && mspan_all_free(span))
		died = retire(central, span);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	mcentral_retired(died);
}
EXPORT_SYMBOL_FOR_TEST(mcentral_freed);

/* The same for the pages of a large span, whose object was freed in an NMI. */
void mcentral_defer_large(struct mspan *span)
{
	defer(span);
}

static void nmi_frees_fn(struct irq_work *work)
{
	struct nmi_frees *frees = container_of(work, struct nmi_frees, work);
	struct mspan *span, *next;

	llist_for_each_entry_safe(span, next, llist_del_all(&frees->spans), lnode) {
		preempt_disable();
		if (span->elemsize)
			mcentral_add(span->central, span);
		else
			mheap_free_large(span);
		preempt_enable();
	}
}

/*
 * The span that was listed first, or was kept; the lock is held. If there is no
 * other and it is more than half full, a new one is better.
 */
static struct mspan *choose(struct mcentral *central)
{
	struct mspan *span = list_last_entry(&central->partial, struct mspan, node);

	return central->npartial > 1 || mspan_live(span) <= span->nelems / 2 ? span : NULL;
}

/**
 * mcentral_claim() - take a span with a free slot off the list
 * @central: the central
 * @owner: whose it shall be
 * @choosy: not the span that was listed last, and none rather than that
 *
 * The span may turn out to be full: a promise can come late.
 *
 * Context: any, preemption off; no lock held.
 * Return: the span, no longer linked but still promised, or NULL.
 */
struct mspan *mcentral_claim(struct mcentral *central, unsigned int owner, bool choosy)
{
	struct mspan *span;
	unsigned long flags;

	if (!READ_ONCE(central->npartial) || !goalloc_lock(&central->lock, &flags))
		return NULL;
	span = list_first_entry_or_null(&central->partial, struct mspan, node);
	if (span && unlikely(choosy))
		span = choose(central);
	if (span) {
		unlink_span(central, span);
		WRITE_ONCE(span->owner, owner);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return span;
}
EXPORT_SYMBOL_FOR_TEST(mcentral_claim);

/**
 * mcentral_claim_this() - take a span that nobody owns
 * @central: the central
 * @span: a live span of it, listed or full
 *
 * Context: any but NMI, preemption off; the central's lock is held.
 * Return: false if it is somebody's, or on its way to the list. With true it is
 * MSPAN_WORKER's, for mcentral_put_back().
 */
bool mcentral_claim_this(struct mcentral *central, struct mspan *span)
	__must_hold(&central->lock)
{
	if (span->flags & MSPAN_LINKED)
		unlink_span(central, span);
	else if (!mspan_promise(span))
		return false;
	WRITE_ONCE(span->owner, MSPAN_WORKER);
	return true;
}

/* Nobody owns the span, which was the caller's, any more; whether it is to be listed. */
static bool let_go(struct mspan *span)
{
	if (!mspan_available(span))
		return mspan_disown(span);
	/* Who claims it next sees what was done here; it is promised as it was. */
	smp_store_release(&span->owner, MSPAN_NONE);
	return true;
}

/**
 * mcentral_put_back() - let go of a span that was claimed
 * @central: the span's
 * @span: owned by MSPAN_WORKER, promised, and not listed
 *
 * Context: any, preemption off; no lock held.
 */
void mcentral_put_back(struct mcentral *central, struct mspan *span)
{
	if (let_go(span))
		mcentral_add(central, span);
}

/**
 * mcentral_put_back_locked() - the same for who holds the lock already
 * @central: the span's
 * @span: as for mcentral_put_back()
 *
 * Context: any but NMI, preemption off; the central's lock is held.
 * Return: whether it died, for mcentral_retired().
 */
bool mcentral_put_back_locked(struct mcentral *central, struct mspan *span)
	__must_hold(&central->lock)
{
	return let_go(span) && link_span(central, span);
}

/* Take up to @nr slots from a span that is the caller's. */
unsigned int mcentral_take(struct mspan *span, unsigned int nr, void **objs, bool *dirty)
{
	unsigned int ngroups = mspan_groups(span), left = ngroups, k = 0, n = 0;
	bool managed = mcentral_is_managed(span->central);
	u64 which = ~0ULL;

	if (random_slots)
		k = mrandom_choose(ngroups, &which);
	for (; left && n < nr; left--, k = k + 1 < ngroups ? k + 1 : 0) {
		struct slot_group *g = &span->bits[k];
		u64 late = slot_group_merge(g, which);
		u64 f = READ_ONCE(g->free);
		u64 w = f & ~(u64)atomic64_read(&g->rfree);

		if (unlikely(late))
			report_late(span, k, late);
		if (managed)
			gc_blacken(span);
		for (; w && n < nr; w &= w - 1) {
			unsigned int slot = (k << MSPAN_GROUP_SHIFT) + __ffs64(w);

			f &= ~(w & -w);
			if (slot < span->fresh)
				*dirty = true;
			else
				span->fresh = slot + 1;
			objs[n++] = (void *)(span->base + slot * span->elemsize);
		}
		WRITE_ONCE(g->free, f);
	}
	return n;
}

/* The spans stay linked, and the lock held. */
static unsigned int alloc_locked(struct mcentral *central, unsigned int nr, void **objs,
				 bool *dirty, bool *died)
{
	unsigned int n = 0, spans = 0;
	struct mspan *span;

	while (n < nr) {
		span = list_first_entry_or_null(&central->partial, struct mspan, node);
		/* What was promised in vain does not count: it leaves the list. */
		if (!span || (n && spans++ == MCACHE_BATCH_SPANS))
			break;
		not_empty(central, span);
		WRITE_ONCE(span->owner, MSPAN_WORKER);
		n += mcentral_take(span, nr - n, objs + n, dirty);
		if (mspan_available(span)) {
			/* Who claims it next sees what was taken here. */
			smp_store_release(&span->owner, MSPAN_NONE);
			continue;
		}
		unlink_span(central, span);
		if (mspan_disown(span))
			*died |= link_span(central, span);
	}
	WRITE_ONCE(central->nalloc, central->nalloc + n);
	return n;
}

/*
 * The same for managed objects: what is claimed may have to be swept, which is not for
 * under the lock. Not in an NMI.
 */
static unsigned int alloc_managed(struct mcentral *central, unsigned int nr, void **objs,
				  bool *dirty)
{
	unsigned int n = 0, spans = 0;
	struct mspan *span;

	while (n < nr && spans++ < MCACHE_BATCH_SPANS) {
		span = mcentral_claim(central, MSPAN_WORKER, false);
		if (!span)
			break;
		gc_claimed(span);
		gc_charge(span, true);
		n += mcentral_take(span, nr - n, objs + n, dirty);
		gc_charge(span, false);
		mcentral_put_back(central, span);
	}
	return n;
}

/**
 * mcentral_alloc() - allocate without a CPU slot
 * @central: the central
 * @nr: how many objects
 * @objs: where they go
 * @dirty: set if not all of them are known to be zero
 *
 * For spans that no CPU may keep, and where the CPU's slot is in use by what
 * this context interrupted.
 *
 * Context: any, preemption off; no lock held.
 * Return: how many were there.
 */
unsigned int mcentral_alloc(struct mcentral *central, unsigned int nr, void **objs, bool *dirty)
{
	bool died = false;
	unsigned long flags;
	unsigned int n;

	if (mcentral_is_managed(central))
		return in_nmi() ? 0 : alloc_managed(central, nr, objs, dirty);
	if (!READ_ONCE(central->npartial) || !goalloc_lock(&central->lock, &flags))
		return 0;
	n = alloc_locked(central, nr, objs, dirty, &died);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	if (died && !in_nmi())
		mheap_reap_soon();
	return n;
}
EXPORT_SYMBOL_FOR_TEST(mcentral_alloc);

/* Of the listed spans, from the last on, park those that are empty; others change ends. */
static void drop_some(struct mcentral *central, unsigned long look)
{
	unsigned long flags;

	if (central->flags & MCENTRAL_STABLE)
		return;
	raw_spin_lock_irqsave(&central->lock, flags);
	if (mcentral_marks(central))
		look = 0;
	for (; look && !list_empty(&central->partial); look--) {
		struct mspan *span = list_last_entry(&central->partial, struct mspan, node);

		if (mspan_all_free(span))
			park_span(central, span);
		else
			list_move(&span->node, &central->partial);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
}

/*
 * All of the list is looked at: a new span, or what was freed in an NMI, is empty
 * and was not judged by retire(). The order stays, if nobody else changes it.
 */
static void drop_all(struct mcentral *central, bool may_sleep)
{
	unsigned long left = READ_ONCE(central->npartial), look;

	for (; left; left -= look) {
		look = min(left, DROP_LOOK);
		drop_some(central, look);
		if (may_sleep)
			cond_resched();
	}
}

/**
 * mcentral_drop_empty() - keep no empty spans, for once
 * @central: the central
 *
 * Context: any but NMI; no lock held.
 */
void mcentral_drop_empty(struct mcentral *central)
{
	drop_all(central, false);
}
EXPORT_SYMBOL_FOR_TEST(mcentral_drop_empty);

/* Drop those alone that retire() kept: they come last, and are few. Not in an NMI. */
void mcentral_drop_kept(struct mcentral *central)
{
	drop_some(central, min(READ_ONCE(central->nempty), DROP_LOOK));
}

static void drop_empty(struct mcentral *central, void *data)
{
	drop_all(central, true);
}

/* The same for a heap or one of its caches; NULL is all heaps. May sleep. */
void mcentral_drop_all_empty(struct goalloc_heap *heap, struct goalloc_cache *cache)
{
	mutex_lock(&heaps_lock);
	visit_centrals(heap, cache, drop_empty, NULL);
	mutex_unlock(&heaps_lock);
}

static void leak(struct mcentral *central, const struct mspan *span, unsigned long addr,
		 size_t size)
{
	/* What is managed is nobody's to free. */
	if (mcentral_is_managed(central)) {
		track_free(central, (void *)addr, size);
		return;
	}
	if (central->leaked < MCENTRAL_LEAKS) {
		central->leaks[central->leaked] = addr;
		central->leak_stacks[central->leaked] = debug_alloc_stack(span, addr);
	}
	central->leaked++;
	track_free(central, (void *)addr, size);
}

/**
 * mcentral_kill_large() - end a large span, its live object with it
 * @central: its central when it was looked at, which is being torn down
 * @span: the span; it may have been freed since, and be another heap's by now
 *
 * Its pages stay: who frees the object late may be clearing it.
 *
 * Context: any but NMI, preemption off; no lock held.
 * Return: whether it is the caller's to give to mheap_free_large().
 */
bool mcentral_kill_large(struct mcentral *central, struct mspan *span)
{
	if (!mheap_claim_large(span, central))
		return false;
	if (span->guard)
		mguard_check(span);
	leak(central, span, span->base, mspan_large_bytes(span));
	mheap_uncharge(central->heap, span->npages);
	return true;
}

/* Park a live span, listed or not, unless it is promised to the list; the lock is held. */
static bool kill_locked(struct mcentral *central, struct mspan *span)
{
	if (!(span->flags & MSPAN_LINKED)) {
		/* From here on no late free can win the promise. */
		if (xchg(&span->queued, 1))
			return false;
		mcentral_list(central, span);
	}
	park_span(central, span);
	return true;
}

/**
 * mcentral_kill() - end a small span, its live objects with it
 * @span: of a heap or cache that is being torn down: nobody allocates, and no
 *	CPU owns it. An empty one may die at the same time as others do.
 *
 * It is left parked. What was live is counted.
 *
 * Context: any but NMI, preemption off; no lock held.
 * Return: false if it is promised to be listed, and must be come back to.
 */
bool mcentral_kill(struct mspan *span)
{
	struct mcentral *central = span->central;
	bool killed = false, alive;
	unsigned long flags;
	unsigned int slot;

	raw_spin_lock_irqsave(&central->lock, flags);
	alive = span->state == MSPAN_SMALL;
	if (alive)
		killed = kill_locked(central, span);
	raw_spin_unlock_irqrestore(&central->lock, flags);

	/* Its bits stay for a grace period. */
	for (slot = 0; killed && slot < span->nelems; slot++)
		if (mspan_slot_is_live(span, slot))
			leak(central, span, span->base + slot * span->elemsize, span->elemsize);
	return killed || !alive;
}
EXPORT_SYMBOL_FOR_TEST(mcentral_kill);

/**
 * mcentral_free() - free what a central holds
 * @central: all its spans are parked, and the grace period has passed
 *
 * Context: may sleep.
 */
void mcentral_free(struct mcentral *central)
{
	struct mspan *span, *next;

	list_for_each_entry_safe(span, next, &central->parked, node)
		mheap_free_span(span);
	mcache_uninstall(central);
}

int mcentral_start(void)
{
	int cpu;

	nmi_frees = alloc_percpu(struct nmi_frees);
	if (!nmi_frees)
		return -ENOMEM;

	for_each_possible_cpu(cpu) {
		struct nmi_frees *frees = per_cpu_ptr(nmi_frees, cpu);

		init_llist_head(&frees->spans);
		init_irq_work(&frees->work, nmi_frees_fn);
	}
	return 0;
}

/* Wait for what NMIs have left to do; may sleep. */
void mcentral_sync_nmi(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(nmi_frees, cpu)->work);
}

void mcentral_stop(void)
{
	mcentral_sync_nmi();
	free_percpu(nmi_frees);
}
