// SPDX-License-Identifier: GPL-2.0
/*
 * mcache: the spans that each CPU owns for a class or cache, and the way a
 * slot is taken from it and put back: without a lock, without an atomic.
 *
 * A section on a struct mcache_slot runs with preemption off and @busy set.
 * Interrupts stay on: one that comes in between and finds @busy set goes past
 * the CPU slot, to the central or, to free, to the span's rfree word. So a
 * slot is only ever touched by one context, and a section needs nothing
 * stronger than compiler barriers. What other CPUs read - the free words - is
 * written with WRITE_ONCE().
 *
 * How a span gets home that another CPU owns is in mflush.c.
 */

#include "debug.h"
#include "mcache.h"
#include "mgc.h"

/* What the dummy's word, and that of a slot without a span, points to. */
static struct slot_group no_slots;

struct mcache_slot __percpu *mcache_dummy __read_mostly;
EXPORT_SYMBOL_FOR_TEST(mcache_dummy);

/* For zero_object(): all but the first cache line of an object. */
void *zero_rest(void *obj, u32 bytes)
{
	memset(obj + 64, 0, bytes - 64);
	return obj;
}

/* The same: the whole of a very small one. */
void *zero_few(void *obj, u32 bytes)
{
	u64 *q = obj;

	for (; bytes; bytes -= 8)
		WRITE_ONCE(*q++, 0);
	return obj;
}

/* And the part that frees use. */
static void clear_freed(struct mcache_slot *s)
{
	WRITE_ONCE(s->fspan, NULL);
	s->fbase = 0;
	s->fbits = &no_slots;
	s->fbytes = 0;
}

/* Point the part of @s that allocations use to nothing. */
static void clear_slot(struct mcache_slot *s)
{
	WRITE_ONCE(s->span, NULL);
	s->bytes = 0;
	s->base = 0;
	s->bits = &no_slots;
	s->word = &no_slots;
	s->ngroups = 0;
}

/* Empty slots for a central, or NULL; may sleep. */
struct mcache_slot __percpu *mcache_alloc_slots(void)
{
	struct mcache_slot __percpu *slots;
	int cpu;

	slots = alloc_percpu_gfp(struct mcache_slot, GFP_KERNEL | __GFP_NOWARN);
	if (slots)
		for_each_possible_cpu(cpu) {
			clear_slot(per_cpu_ptr(slots, cpu));
			clear_freed(per_cpu_ptr(slots, cpu));
		}
	return slots;
}

/* Returns false if the central has slots, or CPUs are not to have its spans. */
bool mcache_set_slots(struct mcentral *central, struct mcache_slot __percpu *slots)
{
	WRITE_ONCE(central->want_slots, false);
	/* A full barrier: whoever finds the slots finds them initialised. */
	return central->flags & MCENTRAL_PERCPU &&
	       cmpxchg(&central->slots, mcache_dummy, slots) == mcache_dummy;
}

/**
 * mcache_install() - give a central its per-CPU slots
 * @central: the central; without MCENTRAL_PERCPU it has none
 *
 * Context: may sleep. If there is no memory the central goes without.
 */
void mcache_install(struct mcentral *central)
{
	struct mcache_slot __percpu *slots;

	if (!(central->flags & MCENTRAL_PERCPU) || READ_ONCE(central->slots) != mcache_dummy)
		return;
	slots = mcache_alloc_slots();
	if (slots && !mcache_set_slots(central, slots))
		free_percpu(slots);
}

/**
 * mcache_want() - see to it that a central has per-CPU slots, if not at once
 * @central: the central
 * @gfp: whether that may sleep
 *
 * Context: as @gfp says, but not NMI.
 */
void mcache_want(struct mcentral *central, gfp_t gfp)
{
	if (likely(READ_ONCE(central->slots) != mcache_dummy) ||
	    !(central->flags & MCENTRAL_PERCPU))
		return;
	/* Per-CPU memory comes under a mutex that reclaim may be holding. */
	if (goalloc_may_grow(gfp) && (current_gfp_context(gfp) & GFP_KERNEL) == GFP_KERNEL) {
		mcache_install(central);
	} else {
		WRITE_ONCE(central->want_slots, true);
		mheap_service_soon();
	}
}

/* The central is going away; nobody uses it, and its slots are empty. */
void mcache_uninstall(struct mcentral *central)
{
	if (central->slots != mcache_dummy)
		free_percpu(central->slots);
	central->slots = mcache_dummy;
}

/*
 * Move what others freed in a span that this CPU owns; whether there was any. What
 * is to be handed out in random order stays where it is, for random_group().
 */
static bool merge_all(struct mspan *span)
{
	bool any = false;
	unsigned int k;

	if (random_slots)
		return false;
	for (k = 0; k < mspan_groups(span); k++) {
		struct slot_group *g = &span->bits[k];
		u64 late;

		if (!atomic64_read(&g->rfree))
			continue;
		any = true;
		late = slot_group_merge(g, ~0ULL);
		if (unlikely(late))
			report_late(span, k, late);
	}
	return any;
}

/* Go on to group @k of the CPU's own span, if it has room. */
static bool use_group(struct mcache_slot *s, unsigned int k)
{
	struct slot_group *g = &s->bits[k];

	if (!(READ_ONCE(g->free) & ~(u64)atomic64_read(&g->rfree)))
		return false;
	s->word = g;
	s->wbase = s->base + ((unsigned long)k << MSPAN_GROUP_SHIFT) * s->size;
	return true;
}

/* Go on to any group of the span, with a few of the slots that it has. */
static bool random_group(struct mcache_slot *s)
{
	unsigned int k, n;
	u64 which, late;

	k = mrandom_choose(s->ngroups, &which);
	for (n = 0; n < s->ngroups; n++) {
		if (use_group(s, k))
			return true;
		late = slot_group_merge(&s->bits[k], which);
		if (unlikely(late))
			report_late(s->span, k, late);
		if (use_group(s, k))
			return true;
		k = k + 1 < s->ngroups ? k + 1 : 0;
	}
	return false;
}

/*
 * Go on to a group of the CPU's own span, which is merged, that has room. The
 * one that was used last comes last: others may be freeing into it.
 */
static bool next_group(struct mcache_slot *s)
{
	unsigned int k = s->word - s->bits, n;

	if (random_slots)
		return random_group(s);
	for (n = 0; n < s->ngroups; n++) {
		k = k + 1 < s->ngroups ? k + 1 : 0;
		if (use_group(s, k))
			return true;
	}
	return false;
}

/* Let go of a span that this CPU owns, and that its slot no longer points to. */
static void release(struct mcentral *central, struct mspan *span)
{
	merge_all(span);
	if (mspan_disown(span))
		mcentral_add(central, span);
}

/* Let go of the span that is allocated from; in a section. */
static void uncache(struct mcentral *central, struct mcache_slot *s)
{
	struct mspan *span = s->span;

	if (!central->elemsize) {
		WRITE_ONCE(s->span, NULL);
		mheap_free_large(span);
		return;
	}
	span->fresh = (s->fresh - s->base) / s->size;
	if (mcentral_is_managed(central))
		gc_charge(span, false);
	clear_slot(s);
	release(central, span);
}

static void install_span(struct mcache_slot *s, struct mspan *span)
{
	WRITE_ONCE(s->span, span);
	s->size = span->elemsize;
	s->divmul = span->divmul;
	s->bytes = mcentral_is_plain(span->central) ? span->nelems * span->elemsize : 0;
	s->base = span->base;
	s->bits = span->bits;
	s->fresh = span->base + span->fresh * span->elemsize;
	s->ngroups = mspan_groups(span);
	/* Slots that were never handed out go in ascending order: the first comes next. */
	s->word = s->bits + s->ngroups - 1;
}

/* A span that this CPU owns already, to free into, or one of the central's. */
static struct mspan *next_span(struct mcentral *central, struct mcache_slot *s, bool choosy)
{
	struct mspan *span = s->fspan;

	if (!span)
		return mcentral_claim(central, smp_processor_id() + 1, choosy);
	clear_freed(s);
	return span;
}

/*
 * Find room for one more allocation; in a section.
 *
 * Where others free into the span that this CPU allocates from, the cache line
 * with the slots' state goes to and fro. If they follow closely it has as much
 * room again as it had. But if they lag by nearly a span, it would go on a few
 * slots at a time, and the line with each object: it is better left to them until
 * they are through with it, and another used meanwhile. @choosy is false for who
 * has no choice.
 */
static bool refill(struct mcentral *central, struct mcache_slot *s, bool choosy)
{
	bool poor = false;

	WRITE_ONCE(s->nrefill, s->nrefill + 1);
	if (s->span)
		poor = merge_all(s->span) && mspan_live(s->span) > s->span->nelems / 2;
	if (poor && choosy)
		uncache(central, s);
	while (!s->span || !next_group(s)) {
		struct mspan *span;

		if (s->span)
			uncache(central, s);
		span = next_span(central, s, poor && choosy);
		if (!span)
			return false;
		merge_all(span);
		if (mcentral_is_managed(central)) {
			gc_claimed(span);
			gc_charge(span, true);
		}
		install_span(s, span);
	}
	if (mcentral_is_managed(central))
		gc_blacken(s->span);
	return true;
}

/*
 * This CPU's slot, unless there is none or it is in use, or CPUs are to own no spans
 * of a cache under debugging; preemption is off.
 */
static struct mcache_slot *usable_slot(struct mcentral *central)
{
	struct mcache_slot __percpu *slots = READ_ONCE(central->slots);
	struct mcache_slot *s = this_cpu_ptr(slots);

	return slots == mcache_dummy || mcache_is_busy(s) || READ_ONCE(central->debug) ? NULL : s;
}

/* One object by way of the CPU's slot or, if that cannot be, of the central. */
static void *alloc_once(struct mcentral *central, bool *dirty, bool choosy)
{
	struct mcache_slot *s;
	void *obj = NULL;

	preempt_disable();
	s = usable_slot(central);
	if (!s) {
		mcentral_alloc(central, 1, &obj, dirty);
	} else {
		mcache_begin(s);
		if (refill(central, s, choosy))
			mcache_take(s, &obj, dirty);
		mcache_end(s);
	}
	preempt_enable();
	return obj;
}

/**
 * mcache_alloc_slow() - allocate when the CPU's slot has no room
 * @central: the central
 * @gfp: what may be done about it
 *
 * Context: as @gfp says.
 * Return: the object, zeroed as @gfp and init_on_alloc say, or NULL.
 */
void *mcache_alloc_slow(struct mcentral *central, gfp_t gfp)
{
	/* An NMI cannot have another instead. */
	bool dirty = false, choosy = !in_nmi();
	void *obj;

	if (mcentral_is_managed(central)) {
		/* It may share. */
		if (in_nmi())
			return NULL;
		gc_assist(central, gfp);
	}
	if (unlikely(READ_ONCE(central->debug))) {
		obj = debug_alloc(READ_ONCE(central->cache->debugged), central->cache->size, gfp);
		if (obj)
			return obj;
	}
	for (; !(obj = alloc_once(central, &dirty, choosy)); choosy = false) {
		if (!mcentral_grow(central, gfp)) {
			report_no_memory(central, central->objsize, gfp);
			return NULL;
		}
	}
	mcache_age_soon();
	return mcache_hand_out(central, obj, gfp, dirty);
}

/* What the CPU's slot has, as far as it goes. */
static unsigned int take_bulk(struct mcentral *central, unsigned int nr, void **objs, bool *dirty,
			      bool choosy)
{
	unsigned int n = 0, refills = 0;
	struct mcache_slot *s;
	bool used = false;

	preempt_disable();
	s = usable_slot(central);
	if (!s) {
		n = mcentral_alloc(central, nr, objs, dirty);
	} else {
		mcache_begin(s);
		while (n < nr) {
			struct slot_group *g = s->word;
			u64 f = READ_ONCE(g->free);
			u64 w = f & ~(u64)atomic64_read(&g->rfree);
			unsigned int before = n;
			u64 left = w;

			for (; left && n < nr; left &= left - 1)
				used |= mcache_object(s, left, &objs[n++]);
			if (n > before) {
				WRITE_ONCE(g->free, f ^ w ^ left);
				/* as in mcache_take() */
				data_race(s->nalloc += n - before);
			}
			if (n < nr && (refills++ == MCACHE_BATCH_SPANS ||
				       !refill(central, s, choosy)))
				break;
		}
		mcache_end(s);
		*dirty |= used;
	}
	preempt_enable();
	return n;
}

/**
 * mcache_alloc_bulk() - allocate several objects
 * @central: the central
 * @gfp: what may be done about it
 * @nr: how many
 * @objs: where they go
 * @dirty: set if not all of them are known to be zero
 *
 * Context: as @gfp says. Preemption is on between batches.
 * Return: how many there are in @objs, fewer than @nr if memory ran out.
 */
unsigned int mcache_alloc_bulk(struct mcentral *central, gfp_t gfp, unsigned int nr,
			       void **objs, bool *dirty)
{
	bool choosy = !in_nmi();
	unsigned int n = 0;

	while (n < nr) {
		unsigned int got = take_bulk(central, min(nr - n, MCACHE_BATCH), objs + n, dirty,
					     choosy);

		n += got;
		choosy = got && !in_nmi();
		if (!got && !mcentral_grow(central, gfp)) {
			report_no_memory(central, central->objsize, gfp);
			break;
		}
	}
	mcache_age_soon();
	return n;
}

static void flush_freed(struct mcentral *central, struct mcache_slot *s)
{
	struct mspan *span = s->fspan;

	if (span) {
		clear_freed(s);
		release(central, span);
	}
}

/* Take back what a CPU owns: on that CPU, with preemption off, or when it is dead. */
void mcache_flush_slot(struct mcentral *central, struct mcache_slot *s)
{
	mcache_begin(s);
	if (s->span)
		uncache(central, s);
	flush_freed(central, s);
	mcache_end(s);
}

/* The same, but only what was not used from one look of the aging worker to the next. */
void mcache_flush_aged(struct mcentral *central, struct mcache_slot *s)
{
	mcache_begin(s);
	if (s->span && READ_ONCE(s->idle) && READ_ONCE(s->aged) == s->nalloc)
		uncache(central, s);
	if (READ_ONCE(s->flooks) > 1)
		flush_freed(central, s);
	mcache_end(s);
}

/**
 * mcache_keep_freed() - own a span because this CPU frees into it
 * @central: the span's
 * @span: the caller has won mspan_promise()
 *
 * Who frees one object of a full span is likely to free more of them: those cost
 * no atomic operation then, and nobody allocates from the span meanwhile, which
 * would take the cache line with its bits to and fro. It is listed when this CPU
 * frees into another full one, and allocated from if this CPU wants to. Where pages
 * are few, or the heap is at its limit, none is kept from who looks for some.
 *
 * Context: any, preemption off.
 * Return: false if the span is to be listed.
 */
bool mcache_keep_freed(struct mcentral *central, struct mspan *span)
{
	struct mcache_slot *s = usable_slot(central);
	struct mspan *old;

	if (!s || !mcentral_is_plain(central) || READ_ONCE(central->closed) || in_nmi())
		return false;
	if (READ_ONCE(mheap.pages.nfree) < goalloc_low_pages() ||
	    mheap_at_limit(central->heap, central->npages))
		return false;
	mcache_begin(s);
	old = s->fspan;
	/* Promised, and not listed: nobody else can make it his. */
	WRITE_ONCE(span->owner, smp_processor_id() + 1);
	WRITE_ONCE(s->fspan, span);
	s->size = span->elemsize;
	s->divmul = span->divmul;
	s->fbase = span->base;
	s->fbits = span->bits;
	s->fbytes = span->nelems * span->elemsize;
	WRITE_ONCE(s->flooks, 0);
	if (old)
		release(central, old);
	mcache_end(s);
	mcache_age_soon();
	return true;
}

/**
 * mcache_keep_large() - keep the span of a large object that was freed
 * @span: taken out of the state MSPAN_LARGE, its heap uncharged
 *
 * In place of the one that the CPU kept, which goes. It counts as allocated for
 * the page allocator, but not for the limit of its heap.
 *
 * Context: any but NMI, preemption off; no lock held.
 * Return: false if this CPU cannot keep it.
 */
bool mcache_keep_large(struct mspan *span)
{
	struct mcentral *central = span->central;
	struct mcache_slot *s;
	struct mspan *old;

	if (span->npages > MCACHE_LARGE_PAGES || READ_ONCE(central->heap->dying) || span->debug)
		return false;
	/* Where pages are few none is kept from who looks for some. */
	if (READ_ONCE(mheap.pages.nfree) < goalloc_low_pages())
		return false;
	s = usable_slot(central);
	if (!s)
		return false;
	mcache_begin(s);
	old = s->span;
	WRITE_ONCE(span->owner, smp_processor_id() + 1);
	WRITE_ONCE(span->state, MSPAN_KEPT);
	WRITE_ONCE(s->span, span);
	/* Not idle yet when the aging worker looks next. */
	WRITE_ONCE(s->aged, s->nalloc - 1);
	mcache_end(s);
	if (old)
		mheap_free_large(old);
	mcache_age_soon();
	return true;
}

/**
 * mcache_drop_large() - give back the large span that this CPU keeps
 * @central: of size class 0
 *
 * Context: any but NMI; no lock held.
 */
void mcache_drop_large(struct mcentral *central)
{
	struct mcache_slot *s;

	preempt_disable();
	s = usable_slot(central);
	if (s)
		mcache_flush_slot(central, s);
	preempt_enable();
}

int mcache_init(void)
{
	int err;

	mcache_dummy = mcache_alloc_slots();
	if (!mcache_dummy)
		return -ENOMEM;
	err = mflush_init();
	if (err)
		free_percpu(mcache_dummy);
	return err;
}

/* All heaps are gone. */
void mcache_exit(void)
{
	mflush_exit();
	free_percpu(mcache_dummy);
}
