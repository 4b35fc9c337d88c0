// SPDX-License-Identifier: GPL-2.0
/*
 * Where a central's spans come from: those of its own that died not long ago, the
 * mheap, and, where there is none, what others have and do not need. No lock is held
 * but a central's for a moment.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "callback.h"
#include "debug.h"
#include "mgc.h"

/* A span that was parked not long ago is as good as new, and cheaper. */
static struct mspan *unpark(struct mcentral *central)
{
	struct mspan *span = NULL;
	unsigned long flags;

	if (!READ_ONCE(central->nparked))
		return NULL;

	raw_spin_lock_irqsave(&central->lock, flags);
	if (!list_empty(&central->parked) && mheap_charge(central->heap, central->npages)) {
		span = list_last_entry(&central->parked, struct mspan, node);
		list_del(&span->node);
		WRITE_ONCE(central->nparked, central->nparked - 1);
		span->flags = 0;
		if (mcentral_is_managed(central))
			gc_span_born(central, span);
		mheap_unpark(span);
		mcentral_list(central, span);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return span;
}

static void construct(struct mcentral *central, struct mspan *span)
{
	void (*ctor)(void *obj);
	struct callback cb;
	unsigned int i;

	preempt_disable();
	ctor = READ_ONCE(central->cache->ctor);
	if (ctor)
		callback_begin(&cb, central, ctor, NULL);
	preempt_enable();
	if (!ctor)
		return;
	for (i = 0; i < span->nelems; i++)
		ctor((void *)(span->base + i * span->elemsize));
	callback_end(&cb);
}

/* At its limit, a heap can do without other classes' empty spans, and what CPUs own of them. */
static bool make_room_in(struct goalloc_heap *heap)
{
	long pages = atomic_long_read(&heap->pages);

	quarantine_flush(heap);
	mcentral_drop_all_empty(heap, NULL);
	/* A heap may live at its limit: not each call shall trouble all CPUs. */
	if (atomic_long_read(&heap->pages) >= pages &&
	    time_after_eq(jiffies, READ_ONCE(heap->flushed) + FLUSH_PAUSE) &&
	    mcache_try_flush(heap) && atomic_long_read(&heap->pages) >= pages)
		WRITE_ONCE(heap->flushed, jiffies);
	mheap_reap_soon();
	return atomic_long_read(&heap->pages) < pages;
}

/* The last resort: all heaps' dead spans, and what CPUs hold without need. */
static bool make_room_in_all(void)
{
	unsigned long free = READ_ONCE(mheap.pages.nfree);

	if (!READ_ONCE(mheap.pages_parked)) {
		mcache_try_flush(NULL);
		if (!READ_ONCE(mheap.pages_parked) && READ_ONCE(mheap.pages.nfree) <= free)
			return false;
	}
	mheap_reap_now();
	return true;
}

/**
 * mcentral_make_room() - make memory for a span
 * @central: whose it will be
 * @npages: its length
 * @align_pages: its alignment
 * @err: why there was none: as mheap_alloc_span() returns it
 *
 * Context: may sleep.
 * Return: false if trying again is no use.
 */
bool mcentral_make_room(struct mcentral *central, u32 npages, u32 align_pages, int err)
{
	if (err == -ENOBUFS) {
		unsigned int noio = memalloc_noio_save();
		bool ok = mspanbits_fill();

		memalloc_noio_restore(noio);
		return ok;
	}
	if (err == -EDQUOT) {
		/* Not waited for: the caller is in a section, which the collector waits for. */
		if (mcentral_is_managed(central))
			mgc_kick(central->heap->gc);
		return make_room_in(central->heap);
	}
	return mheap_grow(npages, align_pages) || make_room_in_all();
}

/* A span, NULL if there is room without one, or an error pointer; as @gfp says. */
static struct mspan *new_span(struct mcentral *central, u32 npages, gfp_t gfp,
			      struct span_debug *track, struct span_gc *gc)
{
	bool may_grow = goalloc_may_grow(gfp), nofail = goalloc_nofail(gfp);
	struct mspan *span;
	unsigned int tries;

	for (tries = 0;; tries++) {
		if (central->elemsize && unpark(central))
			return NULL;
		span = mheap_alloc_span(central, npages, track, gc);
		if (!IS_ERR(span))
			return span;
		/* What a choosy caller left will have to do. */
		if (central->elemsize && READ_ONCE(central->npartial))
			return NULL;
		if (!may_grow)
			mheap_service_soon();
		else if ((tries < 3 || nofail) &&
			 mcentral_make_room(central, npages, central->align_pages,
					    PTR_ERR(span)) &&
			 tries < 3)
			continue;
		if (!nofail)
			return span;
		schedule_timeout_uninterruptible(HZ / 50 + 1);
	}
}

/**
 * mcentral_grow() - list one more span
 * @central: the central
 * @gfp: whether that may sleep, may fail, and may warn
 *
 * Context: as @gfp says; no lock held.
 * Return: false if there is no memory, or the heap is at its limit. With true
 * there was a span, though others may have taken its slots.
 */
bool mcentral_grow(struct mcentral *central, gfp_t gfp)
{
	struct span_debug *track = NULL;
	struct span_gc *gc = NULL;
	struct mspan *span;
	unsigned long flags;

	if (unlikely(in_nmi())) {
		mheap_service_soon();
		return false;
	}
	if (READ_ONCE(central->heap->dying))
		return false;
	if (central->flags & MCENTRAL_CTOR && callback_inside(central->cache)) {
		pr_err_ratelimited("cache %s: its ctor allocates from it, where there is nothing yet; refused\n",
				   central->cache->name);
		return false;
	}

	mcache_want(central, gfp);
	if (mcentral_is_managed(central)) {
		if (gc_make_room(central, gfp))
			return true;
		gc = span_gc_alloc(central->nelems, gfp);
		if (!gc)
			return false;
	}
	if (central->flags & MCENTRAL_DEBUG) {
		track = span_debug_alloc(central->nelems, central->elemsize, gfp);
		if (!track) {
			span_gc_free(gc);
			return false;
		}
	}
	span = new_span(central, central->npages, gfp, track, gc);
	if (IS_ERR_OR_NULL(span)) {
		kfree(track);
		span_gc_free(gc);
		return !span;
	}
	mheap_watermark();

	if (central->flags & MCENTRAL_CTOR)
		construct(central, span);

	raw_spin_lock_irqsave(&central->lock, flags);
	if (gc)
		gc_span_born(central, span);
	/* Empty, but wanted: it is not for retire() to judge. */
	smp_store_release(&span->owner, MSPAN_NONE);
	mcentral_list(central, span);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return true;
}

/**
 * mcentral_alloc_large() - a managed object that is larger than any class
 * @central: of size class 0, of a managed heap
 * @npages: its pages, the guard included
 * @gfp: what may be done about it
 * @dirty: set if it is not known to be zero
 *
 * It has a span of its own, with a slot: it is marked and swept as others are.
 *
 * Context: as @gfp says, but not NMI.
 * Return: the object, or NULL.
 */
void *mcentral_alloc_large(struct mcentral *central, u32 npages, gfp_t gfp, bool *dirty)
{
	struct span_gc *gc;
	struct mspan *span;
	unsigned long flags;
	void *obj;

	if (READ_ONCE(central->heap->dying))
		return NULL;
	gc_make_room(central, gfp);
	gc = span_gc_alloc(1, gfp);
	if (!gc)
		return NULL;
	span = new_span(central, npages, gfp, NULL, gc);
	if (IS_ERR_OR_NULL(span)) {
		span_gc_free(gc);
		return NULL;
	}
	mheap_watermark();

	preempt_disable();
	raw_spin_lock_irqsave(&central->lock, flags);
	gc_span_born(central, span);
	WRITE_ONCE(central->nalloc, central->nalloc + 1);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	gc_claimed(span);
	gc_charge(span, true);
	mcentral_take(span, 1, &obj, dirty);
	mcentral_put_back(central, span);
	preempt_enable();
	return obj;
}
