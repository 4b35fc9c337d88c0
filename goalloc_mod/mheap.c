// SPDX-License-Identifier: GPL-2.0
/*
 * mheap: the one heap of pages. It hands out spans and large objects, and
 * takes them back.
 *
 * Owns the page allocator over all arenas and the birth and death of mspans;
 * mheap.lock guards both. The life of a small span:
 *
 *	mheap_alloc_span()	pages from the page allocator, published
 *	mheap_park()		all slots free: not found any more from an address,
 *				but its pages and geometry stay for a grace period,
 *				for a free that is under way with preemption off
 *	mheap_unpark()		its central wants it again: cheaper than a new one
 *	mheap_free_span()	the grace period is over: pages to the allocator
 *
 * A large object has a span of its own, and no slot bits: it is freed by taking
 * the span out of the state MSPAN_LARGE. Who reads more of such a span without
 * having taken it, its central say, may read what is out of date: that leads a free
 * that races with another of the same object no further than to a central that is
 * no longer its own, where it fails. So no grace period is needed, and a loop that
 * allocates and frees a large object does not eat memory.
 * The CPU may keep the span for the next object of that length (mcache.c).
 */

#include "debug.h"
#include "mgc.h"
#include "track.h"

struct mheap mheap = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(mheap.lock),
	.arena_lock = __MUTEX_INITIALIZER(mheap.arena_lock),
	.released = LIST_HEAD_INIT(mheap.released),
};
EXPORT_SYMBOL_FOR_TEST(mheap);

bool track_missed; /* see track.h */
EXPORT_SYMBOL_FOR_TEST(track_missed);

static u32 span_page(const struct heap_arena *arena, const struct mspan *span)
{
	return (span->base - arena->base) >> GOALLOC_PAGE_SHIFT;
}

/* mheap.lock is held, but not by all who read: they must see whole words. */
static void set_start(struct heap_arena *arena, u32 page, bool on)
{
	unsigned long *word = &arena->starts[BIT_WORD(page)];

	WRITE_ONCE(*word, on ? *word | BIT_MASK(page) : *word & ~BIT_MASK(page));
}

/*
 * Take a run of pages and the mspan that goes with it; mheap.lock is held.
 * @zeroed tells whether all of the run is zero: pages are, in an arena that
 * was zeroed, until their first use.
 */
static struct mspan *take_pages(u32 npages, u32 align_pages, struct heap_arena **arenap,
				bool *zeroed)
	__must_hold(&mheap.lock)
{
	struct heap_arena *arena;
	struct mspan *span;
	u32 nr, page;

	lockdep_assert_held(&mheap.lock);

	if (!palloc_alloc(&mheap.pages, npages, align_pages, &nr, &page))
		return NULL;

	arena = mheap.arenas[nr];
	*zeroed = arena->zeroed && page >= arena->zeroed_base;
	arena->zeroed_base = max(arena->zeroed_base, page + npages);
	set_start(arena, page, true);

	span = &arena->mspans[page];
	/* Whoever looks an address up reads these first, and then whether it may. */
	WRITE_ONCE(span->base, arena->base + ((unsigned long)page << GOALLOC_PAGE_SHIFT));
	WRITE_ONCE(span->npages, npages);
	*arenap = arena;
	return span;
}

/* Make the span be found from its pages, or not (@to is NULL). */
static void enter_span(struct heap_arena *arena, struct mspan *span, struct mspan *to)
{
	unsigned long page = span_page(arena, span);
	u32 i;

	/* Geometry and bits first: pairs with the address dependency in span_of(). */
	smp_wmb();
	for (i = 0; i < span->npages; i++)
		WRITE_ONCE(arena->spans[page + i], to);
}

/**
 * mheap_alloc_span() - a new span for a central
 * @central: whose geometry it gets
 * @npages: the central's, but for a large managed object, which has a span of its own
 * @track: what it needs to be debugged, which is its own from now on, or NULL
 * @gc: what it needs to be managed, likewise
 *
 * The span comes back owned by MSPAN_WORKER and promised to the central, with
 * all slots free.
 *
 * Context: any but NMI; no lock held.
 * Return: the span, or -EDQUOT: the heap is at its limit; -ENOBUFS: no block of
 * slot bits is left; -ENOMEM: no run of pages.
 */
struct mspan *mheap_alloc_span(struct mcentral *central, u32 npages, struct span_debug *track,
			       struct span_gc *gc)
{
	bool apart = !track && !gc && mspanbits_kind(central->nelems) >= 0;
	struct slot_group *bits = track ? track->bits : gc ? gc->bits : NULL;
	struct heap_arena *arena;
	struct mspan *span;
	unsigned long flags;
	bool zeroed;

	if (!mheap_charge(central->heap, npages))
		return ERR_PTR(-EDQUOT);

	raw_spin_lock_irqsave(&mheap.lock, flags);
	if (apart) {
		bits = mspanbits_get(central->nelems);
		if (!bits) {
			span = ERR_PTR(-ENOBUFS);
			goto unlock;
		}
	}
	span = take_pages(npages, central->align_pages, &arena, &zeroed);
	if (!span) {
		if (apart)
			mspanbits_put(bits, central->nelems);
		span = ERR_PTR(-ENOMEM);
		goto unlock;
	}
	mheap.pages_small += npages;
unlock:
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	if (IS_ERR(span)) {
		mheap_uncharge(central->heap, npages);
		return span;
	}

	/* Nobody can find the span yet: its state is MSPAN_DEAD. */
	span->bits = bits ?: span->inl;
	span->central = central;
	span->elemsize = central->elemsize ?:
			 (npages - mcentral_guard(central)) << GOALLOC_PAGE_SHIFT;
	span->divmul = central->divmul;
	span->nelems = central->nelems;
	span->fresh = zeroed ? 0 : central->nelems;
	span->spanclass = central->spanclass;
	span->flags = 0;
	if (track)
		span->track = track;
	if (gc)
		span->gc = gc;
	/* Who sees this sees the record: pairs with span_track(). */
	smp_store_release(&span->debug, !!track);
	span->owner = MSPAN_WORKER;
	span->queued = 1;
	span->guard = mcentral_guard(central);
	/* What is managed is blackened by whole words of free slots. */
	mspan_init_bits(span, gc || !random_slots);
	track_span(central, span);
	mguard_fill(span);
	enter_span(arena, span, span);
	/* Pairs with the acquire of whoever looks at the state first. */
	smp_store_release(&span->state, MSPAN_SMALL);
	return span;
}

/**
 * mheap_park() - a span dies, but for the grace period
 * @span: not owned, taken off its central's lists, all slots free
 *
 * Context: the central's lock is held.
 */
void mheap_park(struct mspan *span)
	__must_hold(&span->central->lock)
{
	struct heap_arena *arena = arena_of(span->base);

	lockdep_assert_held(&span->central->lock);

	WRITE_ONCE(span->state, MSPAN_DEAD);
	enter_span(arena, span, NULL);
	span->parked_wait = mheap_next_reap();

	raw_spin_lock(&mheap.lock);
	set_start(arena, span_page(arena, span), false);
	mheap.pages_small -= span->npages;
	WRITE_ONCE(mheap.pages_parked, mheap.pages_parked + span->npages);
	raw_spin_unlock(&mheap.lock);
	mheap_uncharge(span->central->heap, span->npages);
}

/**
 * mheap_unpark() - a parked span comes back to life, for the same central
 * @span: taken off the central's list of parked spans, and charged
 *
 * Context: the central's lock is held.
 */
void mheap_unpark(struct mspan *span)
	__must_hold(&span->central->lock)
{
	struct heap_arena *arena = arena_of(span->base);

	lockdep_assert_held(&span->central->lock);

	span->parked_wait = 0;
	enter_span(arena, span, span);

	raw_spin_lock(&mheap.lock);
	set_start(arena, span_page(arena, span), true);
	WRITE_ONCE(mheap.pages_parked, mheap.pages_parked - span->npages);
	mheap.pages_small += span->npages;
	raw_spin_unlock(&mheap.lock);
	/* As in mheap_alloc_span(). */
	smp_store_release(&span->state, MSPAN_SMALL);
}

/* Return the pages of a run; mheap.lock is held. */
static void return_pages(struct heap_arena *arena, struct mspan *span)
	__must_hold(&mheap.lock)
{
	bool freed;

	lockdep_assert_held(&mheap.lock);
	freed = palloc_free(&mheap.pages, arena->nr,
			    span_page(arena, span), span->npages);
	WARN_ON_ONCE(!freed);
}

/**
 * mheap_free_span() - give back a parked span after its grace period
 * @span: on no list
 *
 * Context: may sleep; no lock that spins is held.
 */
void mheap_free_span(struct mspan *span)
{
	struct slot_group *bits = span->bits;
	unsigned int nelems = span->nelems, k;
	bool managed = mcentral_is_managed(span->central);
	bool apart = !span->debug && !managed && mspanbits_kind(nelems) >= 0;
	unsigned long flags;

	if (span->guard)
		mguard_check(span);
	/* A free that raced with the last one, and lost, shows up only now. */
	for (k = 0; k < mspan_groups(span); k++) {
		u64 twice = READ_ONCE(bits[k].free) & atomic64_read(&bits[k].rfree);

		if (unlikely(twice))
			report_late(span, k, twice);
	}
	track_span_end(span, nelems);
	if (span->debug)
		span_debug_free(span);
	if (managed)
		span_gc_end(span);

	raw_spin_lock_irqsave(&mheap.lock, flags);
	WRITE_ONCE(mheap.pages_parked, mheap.pages_parked - span->npages);
	return_pages(arena_of(span->base), span);
	if (apart)
		mspanbits_put(bits, nelems);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
}

/* Initialise the span of a large object; mheap.lock is held. */
static void *start_large(struct heap_arena *arena, struct mspan *span, struct mcentral *central)
	__must_hold(&mheap.lock)
{
	unsigned long page = span_page(arena, span);

	lockdep_assert_held(&mheap.lock);

	span->central = central;
	span->elemsize = 0;
	span->divmul = 0;
	span->nelems = 1;
	span->fresh = 0;
	span->spanclass = central->spanclass;
	span->flags = 0;
	span->owner = MSPAN_NONE;
	span->queued = 0;
	span->guard = mcentral_guard(central);
	mguard_fill(span);
	WRITE_ONCE(central->heap->large_allocs, central->heap->large_allocs + 1);
	/* Pairs with the acquire of whoever looks at the state first. */
	smp_store_release(&span->state, MSPAN_LARGE);
	/*
	 * Release: who finds the span finds it initialised. The first page
	 * alone, since entering them all would cost more than the rest; an
	 * interior pointer is found by span_containing().
	 */
	smp_store_release(&arena->spans[page], span);
	return (void *)span->base;
}

/**
 * mheap_alloc_large() - pages for one large object
 * @central: of size class 0
 * @npages: pages
 * @align_pages: alignment of the first
 * @zeroed: set to whether the object is known to be zero
 *
 * Context: any; an NMI may fail where others would not.
 * Return: the object, or -EDQUOT or -ENOMEM as mheap_alloc_span().
 */
void *mheap_alloc_large(struct mcentral *central, u32 npages, u32 align_pages, bool *zeroed)
{
	struct heap_arena *arena;
	struct mspan *span;
	unsigned long flags;
	void *obj = ERR_PTR(-ENOMEM);

	if (!mheap_charge(central->heap, npages))
		return ERR_PTR(-EDQUOT);

	if (goalloc_lock(&mheap.lock, &flags)) {
		span = take_pages(npages, align_pages, &arena, zeroed);
		if (span) {
			mheap.pages_large += npages;
			obj = start_large(arena, span, central);
		}
		raw_spin_unlock_irqrestore(&mheap.lock, flags);
	}
	if (IS_ERR(obj))
		mheap_uncharge(central->heap, npages);
	return obj;
}

/**
 * mheap_start_dedicated() - make a dedicated arena's one object
 * @arena: just published
 * @central: of size class 0; its heap has been charged
 *
 * Context: mheap.lock is held.
 * Return: the object.
 */
void *mheap_start_dedicated(struct heap_arena *arena, struct mcentral *central)
	__must_hold(&mheap.lock)
{
	struct mspan *span = arena->mspans;

	WRITE_ONCE(span->base, arena->base);
	WRITE_ONCE(span->npages, arena->bytes >> GOALLOC_PAGE_SHIFT);
	mheap.pages_large += span->npages;
	mheap.pages_dedicated += span->npages;
	set_start(arena, 0, true);
	return start_large(arena, span, central);
}

/**
 * mheap_attach() - add an arena to the mheap
 * @arena: in the arena index
 *
 * Context: mheap.lock and mheap.arena_lock are held.
 * Return: false if there are too many arenas.
 */
bool mheap_attach(struct heap_arena *arena)
	__must_hold(&mheap.lock)
{
	u32 npages = arena->bytes >> GOALLOC_PAGE_SHIFT;
	int nr;

	lockdep_assert_held(&mheap.lock);
	lockdep_assert_held(&mheap.arena_lock);

	if (arena->dedicated)
		nr = palloc_add_full(&mheap.pages, &arena->pages, arena->base, npages);
	else
		nr = palloc_add(&mheap.pages, &arena->pages, arena->base, npages);
	if (nr < 0)
		return false;

	arena->nr = nr;
	mheap.ndedicated += arena->dedicated;
	WRITE_ONCE(mheap.pages_sys, mheap.pages_sys + npages);
	WRITE_ONCE(mheap.narenas, mheap.narenas + 1);
	WRITE_ONCE(mheap.arenas[nr], arena);
	return true;
}

/**
 * mheap_detach() - take an empty arena out of the mheap
 * @arena: with all pages free, or its one object gone
 *
 * It is left on mheap.released, for mgrow.c to take down.
 *
 * Context: mheap.lock is held.
 */
void mheap_detach(struct heap_arena *arena)
	__must_hold(&mheap.lock)
{
	lockdep_assert_held(&mheap.lock);
	palloc_remove(&mheap.pages, arena->nr);
	WRITE_ONCE(mheap.pages_sys, mheap.pages_sys - (arena->bytes >> GOALLOC_PAGE_SHIFT));
	WRITE_ONCE(mheap.narenas, mheap.narenas - 1);
	mheap.ndedicated -= arena->dedicated;
	WRITE_ONCE(mheap.arenas[arena->nr], NULL);
	list_add_tail(&arena->release, &mheap.released);
}

/**
 * mheap_claim_large() - take a live large object from its owner
 * @span: a large span, which may have been freed, or be another's, by now
 * @central: whose it must be
 *
 * Context: any but NMI; preemption off.
 * Return: whether the span is the caller's to free.
 */
bool mheap_claim_large(struct mspan *span, const struct mcentral *central)
{
	unsigned long flags;
	bool ok;

	/* While the lock is held no freed span is made another's. */
	raw_spin_lock_irqsave(&mheap.lock, flags);
	ok = span->central == central && mheap_change_large(span, MSPAN_LARGE, MSPAN_DEAD);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	return ok;
}

/**
 * mheap_free_large() - give back the pages of a large span
 * @span: whoever calls took it out of the state MSPAN_LARGE or MSPAN_KEPT, and
 *	its heap has been uncharged
 *
 * Context: any but NMI; no lock held.
 */
void mheap_free_large(struct mspan *span)
{
	struct heap_arena *arena = arena_of(span->base);
	unsigned long page = span_page(arena, span);
	bool dedicated = arena->dedicated;
	unsigned long flags;

	if (span->debug)
		span_debug_free(span);
	track_span_end(span, 1);
	raw_spin_lock_irqsave(&mheap.lock, flags);
	WRITE_ONCE(span->state, MSPAN_DEAD);
	WRITE_ONCE(arena->spans[page], NULL);
	mheap.pages_large -= span->npages;
	set_start(arena, page, false);
	if (dedicated) {
		mheap.pages_dedicated -= span->npages;
		mheap_detach(arena);
	} else {
		return_pages(arena, span);
	}
	raw_spin_unlock_irqrestore(&mheap.lock, flags);

	if (dedicated)
		mheap_release_soon();
}

/**
 * span_containing() - the live span that an address lies in
 * @addr: any number
 *
 * For reports and for bounds: unlike span_of() it knows the inside of large
 * objects.
 *
 * Context: any; preemption off as long as the span is used.
 * Return: the span, not dead when it was looked at, or NULL.
 */
struct mspan *span_containing(unsigned long addr)
{
	struct heap_arena *arena = arena_of(addr);
	struct mspan *span;
	unsigned long page, start;

	if (!arena)
		return NULL;
	page = (addr - arena->base) >> GOALLOC_PAGE_SHIFT;
	span = READ_ONCE(arena->spans[page]);
	if (!span) {
		start = 0;
		if (!arena->dedicated) {
			/*
			 * Without the lock, so that this may be called anywhere: a
			 * snapshot, and for an object that the caller holds an exact one.
			 */
			start = data_race(find_last_bit(arena->starts, page + 1));
		}
		if (start > page)
			return NULL;
		span = &arena->mspans[start];
		if (page - start >= READ_ONCE(span->npages))
			return NULL;
	}
	/* Pairs with the release that published the span. */
	return mspan_state_live(smp_load_acquire(&span->state)) ? span : NULL;
}
EXPORT_SYMBOL_FOR_TEST(span_containing);

/* One cut through the mheap's totals, in pages. */
void mheap_snapshot(struct mheap_snapshot *snap)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mheap.lock, flags);
	snap->small = mheap.pages_small;
	snap->large = mheap.pages_large;
	snap->parked = mheap.pages_parked;
	snap->free = mheap.pages.nfree;
	snap->dedicated = mheap.pages_dedicated;
	snap->sys = mheap.pages_sys;
	snap->narenas = mheap.narenas;
	snap->ndedicated = mheap.ndedicated;
	memcpy(snap->nbits, mheap.nbits, sizeof(snap->nbits));
	memcpy(snap->nbits_used, mheap.nbits_used, sizeof(snap->nbits_used));
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
}
EXPORT_SYMBOL_FOR_TEST(mheap_snapshot);

/**
 * mheap_walk() - visit every live span
 * @fn: called with each
 * @data: passed on
 *
 * Spans that come or go meanwhile are visited or not; the geometry of one
 * that is visited is good until @fn returns.
 *
 * Context: may sleep; @fn may not, and may take a central's lock.
 */
void mheap_walk(void (*fn)(struct mspan *span, void *data), void *data)
{
	unsigned int nr;

	/* Arenas stay. */
	mutex_lock(&mheap.arena_lock);
	for (nr = 0; nr < GOALLOC_MAX_ARENAS; nr++) {
		struct heap_arena *arena = mheap.arenas[nr];
		unsigned long page, npages;

		if (!arena)
			continue;
		npages = arena->dedicated ? 1 : arena->bytes >> GOALLOC_PAGE_SHIFT;
		for (page = 0; page < npages; page++) {
			struct mspan *span;

			/* not under the lock: what comes and goes may be missed */
			page = data_race(find_next_bit(arena->starts, npages, page));
			if (page >= npages)
				break;
			span = &arena->mspans[page];
			preempt_disable();
			/* Geometry may be used if this says that it is there. */
			if (mspan_state_live(smp_load_acquire(&span->state)))
				fn(span, data);
			preempt_enable();
		}
		cond_resched();
	}
	mutex_unlock(&mheap.arena_lock);
}
