// SPDX-License-Identifier: GPL-2.0
/*
 * Sweeping: slots that are live and not marked become free.
 *
 * A span is swept by its owner, for the generation that its sweepgen says; marks are
 * cleared by that, so when all spans are swept all marks are 0. Nobody sweeps but in
 * phase OFF, when nobody marks. Who sweeps:
 *
 *	a CPU, or MSPAN_WORKER		what it claims, before it takes a slot
 *	who wants a slot of a class	full spans of the class, rather than make one
 *	the heap's thread		all that is left, after each cycle; what CPUs own
 *					they give back for that
 *
 * Slots that CPUs had not handed out when the phase changed are black, and so are those
 * handed out since, until the span is swept: the sweep only adds free slots.
 *
 * Each central has its spans on one of two lists, swept or not, under its lock. A cycle's
 * end moves all of them to the other.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "mcache.h"
#include "mgc.h"

/* Spans that are looked at while the lock is held. */
#define LOOK 32

/* Spans that are swept with preemption off. */
#define SWEEP_SPANS 4U

/* A span without a live object is made, or comes back; the central's lock is held. */
void gc_span_born(struct mcentral *central, struct mspan *span)
{
	unsigned long word = gc_word(central->heap);
	struct span_gc *sg = span->gc;
	unsigned int k;

	sg->span = span;
	for (k = 0; k < mspan_groups(span); k++) {
		atomic64_set(&span->bits[k].mark, 0);
		atomic64_set(&sg->scanned[k], 0);
	}
	/*
	 * In DRAIN its slots may be blackened yet, under the generation that has begun:
	 * it has to be swept for that.
	 */
	sg->sweepgen = gc_generation(word) - (gc_phase(word) == GC_DRAIN);
	sg->listgen = central->listgen;
	list_add_tail(&sg->node, &central->swept);
	WRITE_ONCE(central->nswept, central->nswept + 1);
}

/* The span is parked; the central's lock is held. */
void gc_span_dies(struct mcentral *central, struct mspan *span)
{
	struct span_gc *sg = span->gc;

	list_del_init(&sg->node);
	if (sg->listgen == central->listgen)
		WRITE_ONCE(central->nswept, central->nswept - 1);
	else
		WRITE_ONCE(central->nunswept, central->nunswept - 1);
}

/* Its owner has swept it; the central's lock is held. */
static void list_swept(struct mcentral *central, struct span_gc *sg)
{
	if (sg->listgen == central->listgen)
		return;
	sg->listgen = central->listgen;
	list_move_tail(&sg->node, &central->swept);
	WRITE_ONCE(central->nunswept, central->nunswept - 1);
	WRITE_ONCE(central->nswept, central->nswept + 1);
}

/* The other way round, all at once. */
static void unlist_swept(struct mcentral *central, void *data)
{
	unsigned long flags;

	if (!mcentral_is_managed(central))
		return;
	raw_spin_lock_irqsave(&central->lock, flags);
	list_splice_tail_init(&central->swept, &central->unswept);
	WRITE_ONCE(central->nunswept, central->nunswept + central->nswept);
	WRITE_ONCE(central->nswept, 0);
	WRITE_ONCE(central->listgen, central->listgen + 1);
	raw_spin_unlock_irqrestore(&central->lock, flags);
}

/**
 * gc_sweep_begin() - all spans of a heap are to be swept
 * @gc: its collector; the phase is OFF, and the generation new
 *
 * A span that was made, or swept, before this is listed as unswept, too: who claims it
 * finds that it is swept, and lists it so.
 *
 * Context: may sleep.
 */
void gc_sweep_begin(struct gc_heap *gc)
{
	mutex_lock(&heaps_lock);
	visit_centrals(gc->heap, NULL, unlist_swept, NULL);
	mutex_unlock(&heaps_lock);
}

/*
 * Tell the checkers, and clear what is to be cleared: what takes long when its pages go,
 * since preemption is off here (span_gc_end()).
 */
static void bury(const struct mspan *span, unsigned int k, u64 dead)
{
	const struct mcentral *central = span->central;
	bool clear = want_init_on_free() && span->elemsize <= GOALLOC_MAX_SMALL;

	if (!TRACK_FREES && !clear)
		return;
	for (; dead; dead &= dead - 1) {
		unsigned int slot = (k << MSPAN_GROUP_SHIFT) + __ffs64(dead);
		void *obj = (void *)span->base + (unsigned long)slot * span->elemsize;

		if (clear) {
			track_bounds(obj, span->elemsize, span->elemsize);
			memset(obj, 0, span->elemsize);
		}
		track_free(central, obj, span->elemsize);
	}
}

/* Free what is live and not marked in a group; returns how much that is. */
static unsigned int sweep_group(struct gc_heap *gc, struct mspan *span, unsigned int k)
{
	struct slot_group *g = &span->bits[k];
	/* Upstream first: mspan.h. What is in limbo was freed by hand. */
	u64 r = atomic64_read_acquire(&g->rfree);
	u64 l = atomic64_read_acquire(&g->limbo);
	u64 f = READ_ONCE(g->free);
	u64 dead = ~((u64)atomic64_read(&g->mark) | f | r | l) & mspan_group_mask(span, k);

	if (dead && unlikely(!hlist_empty(&span->gc->specials[GC_FINALIZER])))
		dead = gc_sweep_specials(gc, span, k, dead);
	if (dead) {
		bury(span, k, dead);
		WRITE_ONCE(g->free, f | dead);
	}
	atomic64_set(&g->mark, 0);
	atomic64_set(&span->gc->scanned[k], 0);
	return hweight64(dead);
}

/* Move what was freed by hand. */
static void merge(struct mspan *span)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++) {
		u64 late = slot_group_merge(&span->bits[k], ~0ULL);

		if (unlikely(late))
			report_late(span, k, late);
	}
}

static void blacken(struct mspan *span, unsigned long word)
{
	struct gc_heap *gc = span->central->heap->gc;
	bool g1, any = false;
	unsigned int k;

	if (gc_omits(GC_BLACKEN))
		return;
	/* Not before it is known that the heap marks, or did. */
	g1 = gc_phase(word) != GC_MARK || smp_load_acquire(&gc->g1);
	for (k = 0; k < mspan_groups(span); k++) {
		struct slot_group *g = &span->bits[k];
		u64 w = READ_ONCE(g->free) & ~(u64)atomic64_read(&g->mark);

		if (!w)
			continue;
		any = true;
		if (g1)
			atomic64_or(w, &span->gc->scanned[k]);
		atomic64_or(w, &g->mark);
	}
	/* Full barriers between the marks and the look at the queue, as in mgcmark.c. */
	smp_mb();
	if (any && !g1 && mcentral_has_pointers(span->central))
		gc_queue(gc, span->gc);
}

/**
 * gc_claimed() - see to a span before slots are taken from it
 * @span: the caller owns it
 *
 * The owner was changed under the central's lock, and the phase is read after that: if
 * it is OFF, and was DRAIN when the lock was taken, nobody has swept the span meanwhile.
 *
 * Context: any but NMI, preemption off; no lock held.
 */
void gc_claimed(struct mspan *span)
{
	struct mcentral *central = span->central;
	struct gc_heap *gc = central->heap->gc;
	unsigned int k, n = 0;
	unsigned long word;

	gc_point(gc, GC_AT_CLAIM);
	merge(span);
	word = gc_word(gc->heap);
	if (gc_phase(word) != GC_OFF) {
		/* Whatever the phase is by now: it is not swept. */
		blacken(span, word);
		return;
	}
	if (span->gc->sweepgen == gc_generation(word))
		return;
	for (k = 0; k < mspan_groups(span); k++)
		n += sweep_group(gc, span, k);
	/* Who lists it as swept sees that it is. */
	smp_store_release(&span->gc->sweepgen, gc_generation(word));
	if (n)
		atomic64_add(n, &gc->swept);
}

/**
 * gc_blacken() - what is about to be allocated is marked
 * @span: the caller owns it, and has merged what it will take
 *
 * While the heap marks, and then until the span is swept: a CPU that has owned it since
 * may find more free slots there, freed by hand. Before the first grace period has
 * ended, old sections may store into new objects without a barrier: they have to be scanned.
 *
 * Context: any but NMI, preemption off.
 */
void gc_blacken(struct mspan *span)
{
	unsigned long word = gc_word(span->central->heap);

	if (gc_phase(word) != GC_OFF || span->gc->sweepgen != gc_generation(word))
		blacken(span, word);
}

/* The same for what the CPU owns: a visit; with preemption off, on that CPU. */
void gc_visit_slot(struct mcentral *central, struct mcache_slot *s)
{
	if (mcentral_is_managed(central) && s->span)
		gc_blacken(s->span);
}

/**
 * gc_freed() - an object is about to be freed by hand
 * @span: its span
 * @slot: its slot, which is live yet
 *
 * While the heap marks it is marked, so that the slot may be issued again.
 *
 * Context: any but NMI, preemption off; in a section.
 */
void gc_freed(struct mspan *span, unsigned int slot)
{
	struct gc_heap *gc = span->central->heap->gc;

	if (gc_phase(gc_word(gc->heap)) == GC_MARK)
		atomic64_or(BIT_ULL(slot & 63), &span->bits[slot >> MSPAN_GROUP_SHIFT].mark);
	if (unlikely(!hlist_empty(&span->gc->specials[GC_WEAK]) ||
		     !hlist_empty(&span->gc->specials[GC_FINALIZER])))
		gc_drop_specials(gc, span, slot);
}

/* Whether it is swept; who asks does not own it. */
static bool is_swept(const struct mcentral *central, const struct span_gc *sg)
{
	/* Pairs with the release of gc_claimed(). */
	return smp_load_acquire(&sg->sweepgen) == gc_generation(gc_word(central->heap));
}

/* An unswept span that nobody owns becomes the caller's; the lock is held. */
static struct mspan *claim_unswept(struct mcentral *central)
	__must_hold(&central->lock)
{
	unsigned int look = LOOK;
	struct span_gc *sg;

	while (look-- && !list_empty(&central->unswept)) {
		sg = list_first_entry(&central->unswept, struct span_gc, node);
		/* Swept by who claimed it, or made, before gc_sweep_begin() came by, or since. */
		if (is_swept(central, sg)) {
			list_swept(central, sg);
			continue;
		}
		if (mcentral_claim_this(central, sg->span))
			return sg->span;
		/* A CPU's, which sweeps it when it lets go, or on its way to the list. */
		list_move_tail(&sg->node, &central->unswept);
	}
	return NULL;
}

/* Up to @n spans; returns how many there were. @room is set if the last one has some. */
static unsigned int sweep_some(struct mcentral *central, unsigned int n, bool for_room, bool *room)
{
	unsigned int swept = 0;
	unsigned long flags;
	struct mspan *span;
	bool died = false;

	preempt_disable();
	raw_spin_lock_irqsave(&central->lock, flags);
	while (swept < n && !(*room && for_room)) {
		span = claim_unswept(central);
		if (!span)
			break;
		raw_spin_unlock_irqrestore(&central->lock, flags);
		gc_claimed(span);
		*room = mspan_available(span);
		swept++;
		raw_spin_lock_irqsave(&central->lock, flags);
		if (is_swept(central, span->gc))
			list_swept(central, span->gc);
		died |= mcentral_put_back_locked(central, span);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	if (swept)
		mcentral_retired(died);
	preempt_enable();
	return swept;
}

/**
 * gc_sweep_central() - sweep spans of a central that nobody owns
 * @central: the central, of a managed heap
 * @budget: how many at most
 * @for_room: stop at the first that has a free slot
 *
 * Context: any but NMI; no lock held.
 * Return: with @for_room, whether there was one; else whether @budget was used up.
 */
bool gc_sweep_central(struct mcentral *central, unsigned int budget, bool for_room)
{
	unsigned int n, want;
	bool room = false;

	while (budget && !(room && for_room) && READ_ONCE(central->nunswept)) {
		if (gc_phase(gc_word(central->heap)) != GC_OFF)
			return false;
		want = min(budget, SWEEP_SPANS);
		n = sweep_some(central, want, for_room, &room);
		budget -= n;
		if (n < want)
			break;
	}
	return for_room ? room : !budget;
}

/**
 * gc_make_room() - before a managed span is made
 * @central: that wants it
 * @gfp: of the allocation
 *
 * Context: as @gfp says, but not NMI; no lock held.
 * Return: whether it can do without.
 */
bool gc_make_room(struct mcentral *central, gfp_t gfp)
{
	gc_assist(central, gfp);
	return gc_sweep_central(central, GC_SWEEP_BUDGET, central->elemsize);
}

static void sweep_rest(struct mcentral *central, void *data)
{
	unsigned long *left = data;

	if (!mcentral_is_managed(central))
		return;
	gc_sweep_central(central, LOOK, false);
	cond_resched();
	*left += READ_ONCE(central->nunswept);
}

/**
 * gc_sweep_all() - sweep all that is left
 * @gc: the heap's collector, in phase OFF
 *
 * CPUs give back what they own, so that they begin the new generation with swept spans.
 *
 * Context: may sleep; the heap's thread.
 */
void gc_sweep_all(struct gc_heap *gc)
{
	unsigned long left = ULONG_MAX, before;

	mcache_flush(gc->heap, NULL);
	do {
		before = left;
		left = 0;
		/* A few spans of each: others want the lock. */
		mutex_lock(&heaps_lock);
		visit_centrals(gc->heap, NULL, sweep_rest, &left);
		mutex_unlock(&heaps_lock);
		if (left < before)
			continue;
		/* A CPU has claimed it since, or it is on its way to a list, by an interrupt. */
		mcache_flush(gc->heap, NULL);
		schedule_timeout_uninterruptible(1);
	} while (left);
}
