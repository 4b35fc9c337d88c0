/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path of allocation, and the pieces that it, the slow path and the
 * bulk path share. The rules are in mcache.c.
 */
#ifndef GOALLOC_MCACHE_H
#define GOALLOC_MCACHE_H

#include "goalloc_internal.h"
#include "track.h"

/* Objects taken in one section: bounds the time with preemption off. */
#define MCACHE_BATCH 64U

void *mcache_alloc_slow(struct mcentral *central, gfp_t gfp);
unsigned int mcache_alloc_bulk(struct mcentral *central, gfp_t gfp, unsigned int nr,
			       void **objs, bool *dirty);

/* Whether a section of this CPU was interrupted; preemption is off. */
static __always_inline bool mcache_is_busy(const struct mcache_slot *s)
{
	/* Nothing but interrupts of this CPU changes it, and they put it back. */
	return data_race(s->busy);
}

/* A section on a CPU's slot: preemption is off, @busy was seen clear. */
static __always_inline void mcache_begin(struct mcache_slot *s)
{
	WRITE_ONCE(s->busy, 1);
	/* Interrupts of this CPU alone look at it. */
	barrier();
}

static __always_inline void mcache_end(struct mcache_slot *s)
{
	barrier();
	WRITE_ONCE(s->busy, 0);
}

/* The object of the lowest bit in @w; in a section. Returns whether it may not be zero. */
static __always_inline bool mcache_object(struct mcache_slot *s, u64 w, void **objp)
{
	unsigned long obj = s->wbase + (unsigned int)__ffs64(w) * s->size;

	*objp = (void *)obj;
	/* Slots go in ascending order, so beyond the last one none was used. */
	if (likely(obj < s->fresh))
		return true;
	s->fresh = obj + s->size;
	return false;
}

/*
 * Take a slot of the current group, if there is one; in a section. A slot that
 * has been freed twice at the same time is in both words: it stays where it is
 * until the merge has reported it.
 */
static __always_inline bool mcache_take(struct mcache_slot *s, void **objp, bool *dirty)
{
	u64 f = READ_ONCE(s->word->free);
	u64 w = f & ~(u64)atomic64_read(&s->word->rfree);

	if (unlikely(!w))
		return false;
	WRITE_ONCE(s->word->free, f ^ BIT_ULL(__ffs64(w)));
	/* The aging worker and debugfs look on: a hint to one, a count to the other. */
	data_race(s->nalloc++);
	*dirty = mcache_object(s, w, objp);
	return true;
}

/*
 * Put a slot of a span that the CPU owns back, unless it is not live; in a section.
 * The two words may be read in any order: it is the owner alone who moves a bit
 * from one to the other (LOCAL_FREE_FIRST in tools/models/slots.pml).
 */
static __always_inline bool mcache_put(const struct mcentral *central,
				       const struct mcache_slot *s, struct slot_group *bits,
				       unsigned int slot, unsigned long addr)
{
	struct slot_group *g = &bits[slot >> MSPAN_GROUP_SHIFT];
	u64 r = atomic64_read(&g->rfree);
	u64 f = READ_ONCE(g->free) ^ BIT_ULL(slot & 63);

	/* Flipped, the slot's bit is set only if it was clear. */
	if (unlikely(!((f & ~r) >> (slot & 63) & 1)))
		return false;
	track_free(central, (void *)addr, s->size);
	WRITE_ONCE(g->free, f);
	return true;
}

/* The slots of a span that a CPU owns. */
struct mcache_window {
	unsigned long base;
	struct slot_group *bits;
	u32 bytes;
};

/* Of the two spans of a CPU, the one that @addr may be in. */
static __always_inline struct mcache_window mcache_window(const struct mcache_slot *s,
							  unsigned long addr)
{
	if (likely(addr - s->base < s->bytes))
		return (struct mcache_window){ s->base, s->bits, s->bytes };
	return (struct mcache_window){ s->fbase, s->fbits, s->fbytes };
}

/* What may be an object of the CPU's own span is freed, if it is one; in a section. */
static __always_inline bool mcache_try_put(const struct mcentral *central,
					   const struct mcache_slot *s, struct mcache_window w,
					   unsigned long addr)
{
	unsigned long off = addr - w.base;
	u64 quot;

	if (unlikely(off >= w.bytes))
		return false;
	/*
	 * In units of 2^-32 slots, a little too large: the fraction is below one
	 * byte's worth, which is divmul, where a slot starts.
	 */
	quot = (u64)off * s->divmul;
	return likely((u32)quot < s->divmul) && mcache_put(central, s, w.bits, quot >> 32, addr);
}

/**
 * mcache_free() - free an object of a span that this CPU owns
 * @central: of the object's class or cache
 * @addr: any number
 *
 * What is not a live object there fails, NULL included, at no cost to those
 * that are; and so does every free if a section is interrupted, or if objects
 * need work before they die.
 *
 * Context: any; preemption off.
 * Return: false, with nothing changed, if it must be tried some other way.
 */
static __always_inline bool mcache_free(const struct mcentral *central, unsigned long addr)
{
	struct mcache_slot *s = this_cpu_ptr(READ_ONCE(central->slots));
	bool ok;

	if (unlikely(mcache_is_busy(s)))
		return false;
	mcache_begin(s);
	ok = mcache_try_put(central, s, mcache_window(s, addr), addr);
	mcache_end(s);
	return ok;
}

/**
 * mcache_free_run() - free objects of spans that this CPU owns, in one section
 * @central: of the objects' class or cache
 * @nr: how many
 * @objs: any numbers
 *
 * Context: any; preemption off.
 * Return: how many, from the first, were freed as by mcache_free().
 */
static __always_inline size_t mcache_free_run(const struct mcentral *central, size_t nr,
					      void **objs)
{
	struct mcache_slot *s = this_cpu_ptr(READ_ONCE(central->slots)), own;
	struct mcache_window w;
	size_t n = 0;

	if (unlikely(mcache_is_busy(s)))
		return 0;
	nr = min_t(size_t, nr, MCACHE_BATCH);
	mcache_begin(s);
	/* What is in registers need not be read each time. */
	own = *s;
	w = mcache_window(s, (unsigned long)objs[0]);
	while (n < nr && mcache_try_put(central, &own, w, (unsigned long)objs[n]))
		n++;
	mcache_end(s);
	return n;
}

/**
 * mcache_alloc_large() - a large object in the span that this CPU kept
 * @central: of size class 0
 * @npages: its length
 * @align_pages: its alignment
 *
 * Context: any.
 * Return: the object; NULL if there is no such span, or the heap is at its limit.
 */
static __always_inline void *mcache_alloc_large(struct mcentral *central, size_t npages,
						u32 align_pages)
{
	unsigned long align_mask = ((unsigned long)align_pages << GOALLOC_PAGE_SHIFT) - 1;
	struct mcache_slot *s;
	struct mspan *span;
	void *obj = NULL;

	preempt_disable();
	s = this_cpu_ptr(READ_ONCE(central->slots));
	if (unlikely(mcache_is_busy(s)))
		goto out;
	mcache_begin(s);
	span = s->span;
	if (likely(span && span->npages == npages && !(span->base & align_mask)) &&
	    mheap_charge(central->heap, npages)) {
		WRITE_ONCE(s->span, NULL);
		/* as in mcache_take() */
		data_race(s->nalloc++);
		obj = (void *)span->base;
		WRITE_ONCE(span->owner, MSPAN_NONE);
		/* As for a new one: whoever sees the state sees the owner gone. */
		smp_store_release(&span->state, MSPAN_LARGE);
	}
	mcache_end(s);
out:
	preempt_enable();
	return obj;
}

void *zero_rest(void *obj, u32 bytes);
void *zero_few(void *obj, u32 bytes);

static __always_inline void zero_32(u64 *q)
{
	WRITE_ONCE(q[0], 0);
	WRITE_ONCE(q[1], 0);
	WRITE_ONCE(q[2], 0);
	WRITE_ONCE(q[3], 0);
}

static __always_inline void zero_64(u64 *q)
{
	zero_32(q);
	zero_32(q + 4);
}

/*
 * Up to two cache lines without a loop or a call, which would cost as much
 * again: the first and the last piece, which may overlap. Returns @obj, for who
 * calls it last.
 */
static __always_inline void *zero_object(void *obj, u32 bytes)
{
	if (likely(bytes >= 64)) {
		zero_64(obj);
		if (likely(bytes == 64))
			return obj;
		if (unlikely(bytes > 128))
			return zero_rest(obj, bytes);
		zero_64(obj + bytes - 64);
		return obj;
	}
	if (bytes < 32)
		return zero_few(obj, bytes);
	zero_32(obj);
	zero_32(obj + bytes - 32);
	return obj;
}

static __always_inline bool want_zero(const struct mcentral *central, gfp_t gfp)
{
	if (unlikely(central->flags & (MCENTRAL_CTOR | MCENTRAL_KEEP)))
		return gfp & __GFP_ZERO;
	return want_init_on_alloc(gfp);
}

/* The last steps to an object that has been taken; outside the section. */
static __always_inline void *mcache_hand_out(const struct mcentral *central, void *obj, gfp_t gfp,
					     bool dirty)
{
	bool zero = dirty && want_zero(central, gfp);

	goalloc_track_alloc(central, obj, gfp);
	if (GOALLOC_KASAN_FREE && central->cache) {
		if (zero)
			zero_object(obj, central->objsize);
		track_bounds(obj, central->cache->size, central->elemsize);
		return obj;
	}
	return zero ? zero_object(obj, central->objsize) : obj;
}

/**
 * mcache_alloc() - allocate an object
 * @central: of its class or cache
 * @gfp: flags, checked by the caller
 *
 * Nothing outlives a call here but those at the very end, so a hit needs no
 * stack.
 *
 * Context: any, as @gfp says.
 * Return: the object, zeroed as @gfp and init_on_alloc say, or NULL.
 */
static __always_inline void *mcache_alloc(struct mcentral *central, gfp_t gfp)
{
	struct mcache_slot *s;
	bool dirty, ok;
	void *obj;

	preempt_disable();
	s = this_cpu_ptr(READ_ONCE(central->slots));
	if (unlikely(mcache_is_busy(s)))
		goto slow;
	mcache_begin(s);
	ok = mcache_take(s, &obj, &dirty);
	mcache_end(s);
	if (unlikely(!ok))
		goto slow;
	preempt_enable();
	return mcache_hand_out(central, obj, gfp, dirty);
slow:
	preempt_enable();
	return mcache_alloc_slow(central, gfp);
}

#endif /* GOALLOC_MCACHE_H */
