// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing: from an address to its span and slot, every check first, then one
 * bit. Nothing changes before all checks have passed.
 *
 * From the lookup to the last look at the span preemption is off, which is
 * what spans, arenas and centrals wait for before they go. An object that
 * needs work before it dies - a dtor, init_on_free - is checked, then worked
 * on with preemption as the caller has it, then freed: until its bit flips it
 * is the caller's.
 *
 * What is caught, when, and what is not: Documentation/misuse.rst.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "debug.h"
#include "callback.h"
#include "malloc.h"
#include "mcache.h"
#include "mgc.h"

static __always_inline bool owned_by(const struct mcentral *central, enum free_check check,
				     const void *owner)
{
	return check == FREE_ANY || (check == FREE_HEAP && central->heap == owner) ||
	       (check == FREE_CACHE && central->cache == owner);
}

static enum goalloc_misuse wrong_owner(enum free_check check)
{
	return check == FREE_HEAP ? MISUSE_WRONG_HEAP : MISUSE_WRONG_CACHE;
}

/* Flip the bit of a slot in a span that this CPU does not own; preemption is off. */
static __always_inline bool flip_remote(struct mcentral *central, struct mspan *span,
					unsigned int slot, unsigned long addr, u64 *rfree)
{
	/* Whoever is told of it must not be told in error; else once is enough. */
	if (TRACK_FREES && !mspan_slot_is_live(span, slot))
		return false;
	track_free(central, (void *)addr, span->elemsize);
	if (unlikely(!mspan_set_rfree(span, slot, rfree)))
		return false;
	/* Not exact where that is more than an instruction: it is for people to read. */
	raw_cpu_inc(central->slots->nremote);
	return true;
}

static bool free_remote(struct mcentral *central, struct mspan *span, unsigned int slot,
			unsigned long addr)
{
	u64 rfree;

	if (!flip_remote(central, span, slot, addr, &rfree))
		return false;
	mcentral_freed(central, span);
	return true;
}

/*
 * Free a slot whose object has been buried: by plain stores if the span is this
 * CPU's, and no section is interrupted; preemption is off.
 */
static bool free_buried(struct mcentral *central, struct mspan *span, unsigned int slot,
			unsigned long addr)
{
	struct mcache_slot *s = this_cpu_ptr(READ_ONCE(central->slots));
	bool ok;

	if (mcache_is_busy(s))
		return free_remote(central, span, slot, addr);
	mcache_begin(s);
	if (s->span != span && s->fspan != span) {
		mcache_end(s);
		return free_remote(central, span, slot, addr);
	}
	ok = mcache_put(central, s, span->bits, slot, addr);
	mcache_end(s);
	return ok;
}

/*
 * Destruct and clear an object that is about to die: what may take long, with
 * preemption as the caller of the API has it. Enters and leaves with preemption off.
 * The object may be gone then, if it was freed while its heap was destroyed, but not
 * the heap, nor may its pages be another's: who destroys it waits for the callback's
 * end. Returns false if the dtor under way is this very object's.
 */
bool goalloc_bury(const struct mspan *span, void *obj, size_t size, unsigned long ip)
{
	const struct mcentral *central = span->central;
	struct goalloc_cache *cache = central->cache;
	void (*dtor)(void *obj) = cache ? READ_ONCE(cache->dtor) : NULL;
	bool clear = want_init_on_free() && track_poisons(central);
	/* What takes long must not keep others from the CPU. */
	bool apart = dtor || size > GOALLOC_MAX_SMALL;
	bool debug = span->debug;
	struct callback cb;

	if (apart) {
		if (!callback_begin(&cb, central, dtor, obj))
			return false;
		preempt_enable();
	}
	if (dtor)
		dtor(obj);
	if (debug) {
		debug_ended(obj, ip);
	} else if (clear) {
		track_bounds(obj, size, size);
		memset(obj, 0, size);
	}
	if (apart) {
		preempt_disable();
		callback_end(&cb);
	}
	return true;
}

/*
 * The end of a large object, buried, whose span the caller made MSPAN_DEAD, and told
 * the checkers of it; preemption is off.
 */
void goalloc_end_large(struct mspan *span)
{
	if (unlikely(span->guard))
		mguard_check(span);
	mheap_uncharge(span->central->heap, span->npages);
	if (unlikely(in_nmi()))
		mcentral_defer_large(span);
	else if (!mcache_keep_large(span))
		mheap_free_large(span);
}

/* For free_odd(): enters with preemption off, and leaves with it on. */
static noinline void free_large(struct mspan *span, const void *obj, enum free_check check,
				const void *owner, unsigned long ip)
{
	unsigned long addr = (unsigned long)obj;
	struct mcentral *central = span->central;
	enum goalloc_misuse kind;

	if (unlikely(span->base != addr)) {
		kind = MISUSE_INTERIOR;
		goto bad;
	}
	if (unlikely(!owned_by(central, check, owner))) {
		kind = wrong_owner(check);
		goto bad;
	}
	kind = MISUSE_DOUBLE_FREE;
	if (want_init_on_free() || span->debug) {
		if (!goalloc_bury(span, (void *)addr, mspan_large_bytes(span), ip))
			goto bad;
		/* Preemption was on: as in free_odd(). */
		if (span_of(addr) != span || span->central != central)
			goto bad;
	}
	if (unlikely(span->debug) && !in_nmi()) {
		if (!mheap_change_large(span, MSPAN_LARGE, MSPAN_LIMBO))
			goto bad;
		mlimbo_end_large(span);
		preempt_enable();
		return;
	}
	/* From here on the object is dead for all others, and the span this CPU's. */
	if (unlikely(!mheap_change_large(span, MSPAN_LARGE, MSPAN_DEAD)))
		goto bad;
	track_free(central, (void *)addr, mspan_large_bytes(span));
	goalloc_end_large(span);
	preempt_enable();
	return;
bad:
	preempt_enable();
	report_misuse(kind, obj, owner, ip);
}

/*
 * Free what is large, or needs work first, or must be refused. Enters with
 * preemption off since @span was looked up, and leaves with it on. @ip is the
 * caller's, for the report.
 */
static noinline void free_odd(struct mspan *span, const void *obj, enum free_check check,
			      const void *owner, unsigned long ip)
{
	unsigned long addr = (unsigned long)obj;
	enum goalloc_misuse kind;
	struct mcentral *central;
	bool ok;
	int slot;
	u8 state;

	if (unlikely(!span)) {
		if (ZERO_OR_NULL_PTR(obj))
			goto out;
		kind = misuse_no_span(addr);
		goto bad;
	}
	/* Pairs with the release that published the span. */
	state = smp_load_acquire(&span->state);
	if (state == MSPAN_LARGE) {
		free_large(span, obj, check, owner, ip);
		return;
	}
	if (unlikely(state != MSPAN_SMALL)) {
		kind = misuse_large(span, state);
		goto bad;
	}
	central = span->central;
	if (unlikely(!owned_by(central, check, owner))) {
		kind = wrong_owner(check);
		goto bad;
	}
	slot = mspan_slot(span, addr);
	if (unlikely(slot < 0 || mcentral_is_tiny(central))) {
		kind = MISUSE_INTERIOR;
		goto bad;
	}
	if (!mspan_slot_is_live(span, slot)) {
		kind = misuse_slot(span, slot);
		goto bad;
	}
	if (!goalloc_bury(span, (void *)obj, span->elemsize, ip)) {
		/* Its dtor frees it. */
		kind = MISUSE_DOUBLE_FREE;
		goto bad;
	}
	/*
	 * Preemption was on: if the object was freed twice, the span may have
	 * died, and these pages be another class's.
	 */
	if (span_of(addr) != span || smp_load_acquire(&span->state) != MSPAN_SMALL ||
	    span->central != central) {
		kind = MISUSE_DEAD;
		goto bad;
	}
	if (mcentral_is_managed(central))
		gc_freed(span, slot);
	if (span->debug && !in_nmi())
		ok = mlimbo_quarantine(central, span, slot, addr);
	else
		ok = free_buried(central, span, slot, addr);
	if (unlikely(!ok)) {
		kind = misuse_slot(span, slot);
		goto bad;
	}
out:
	preempt_enable();
	return;
bad:
	preempt_enable();
	report_misuse(kind, obj, owner, ip);
}

static noinline void freed_slow(struct mcentral *central, struct mspan *span)
{
	mcentral_freed(central, span);
	preempt_enable();
}

static noinline void refuse_free(struct mspan *span, unsigned int slot, unsigned long ip)
{
	void *obj = (void *)(span->base + slot * span->elemsize);
	enum goalloc_misuse kind = misuse_slot(span, slot);

	preempt_enable();
	report_misuse(kind, obj, NULL, ip);
}

/*
 * Free what is not in this CPU's own span, as a rule a small object in one that
 * this CPU does not own. Returns false, with preemption still off, if it is
 * something else, for free_odd().
 */
static __always_inline bool free_elsewhere(struct mcentral *central, struct mspan *span,
					   unsigned long addr, unsigned long ip)
{
	int slot = mspan_slot(span, addr);
	u64 rfree;

	if (unlikely(slot < 0 || !mcentral_is_plain(central)))
		return false;
	/* Not tried a second time: the slot could be somebody's by then. */
	if (unlikely(!flip_remote(central, span, slot, addr, &rfree)))
		refuse_free(span, slot, ip);
	else if (unlikely(mcentral_wants(span, slot, rfree)))
		freed_slow(central, span);
	else
		preempt_enable();
	return true;
}

/*
 * What mcache_free() would not have. Enters with preemption off since @span, or
 * NULL, was looked up, and leaves with it on. @ip is the caller's. The functions
 * that it is inlined into are called last, so that a fast path has no registers
 * to save.
 */
static __always_inline void free_slow(struct mspan *span, const void *obj, enum free_check check,
				      const void *owner, unsigned long ip)
{
	/* Pairs with the release that published the span. */
	if (likely(span && smp_load_acquire(&span->state) == MSPAN_SMALL &&
		   owned_by(span->central, check, owner)) &&
	    likely(free_elsewhere(span->central, span, (unsigned long)obj, ip)))
		return;
	free_odd(span, obj, check, owner, ip);
}

static noinline void any_free_slow(struct mspan *span, const void *obj, unsigned long ip)
{
	free_slow(span, obj, FREE_ANY, NULL, ip);
}

static noinline void heap_free_slow(struct mspan *span, const void *obj,
				    const struct goalloc_heap *heap, unsigned long ip)
{
	free_slow(span, obj, FREE_HEAP, heap, ip);
}

static noinline void cache_free_slow(const void *obj, const struct goalloc_cache *cache,
				     unsigned long ip)
{
	free_slow(span_of((unsigned long)obj), obj, FREE_CACHE, cache, ip);
}

/*
 * The fast path for who does not name the cache. Leaves with preemption off, and
 * with the span, or NULL, if it fails. The state of the span is not looked at: what
 * lies in a span that this CPU owns is small and of that central, and a central
 * whose span it does not own fails in mcache_free().
 */
static __always_inline bool free_fast(unsigned long addr, enum free_check check,
				      const void *owner, struct mspan **spanp)
{
	struct mcentral *central;
	struct mspan *span;

	preempt_disable();
	span = span_of(addr);
	*spanp = span;
	if (unlikely(!span))
		return false;
	central = READ_ONCE(span->central);
	if (unlikely(!owned_by(central, check, owner) || !mcache_free(central, addr)))
		return false;
	preempt_enable();
	return true;
}

/* Free an object of any heap. Inlined into what the API exports, whose caller _RET_IP_ is. */
static __always_inline void do_free(const void *obj)
{
	struct mspan *span;

	if (unlikely(!free_fast((unsigned long)obj, FREE_ANY, NULL, &span)))
		any_free_slow(span, obj, _RET_IP_);
}

/**
 * goalloc_free() - free an object of any heap or cache
 * @obj: a live object; NULL and ZERO_SIZE_PTR do nothing
 *
 * What is not a live object's first byte is reported, counted and refused.
 *
 * Context: any.
 */
void goalloc_free(const void *obj)
{
	do_free(obj);
}
EXPORT_SYMBOL_GPL(goalloc_free);

/**
 * goalloc_heap_free() - free an object of a certain heap
 * @heap: the heap that it must be of, in a named cache or not
 * @obj: a live object; NULL and ZERO_SIZE_PTR do nothing
 *
 * Context: any.
 */
void goalloc_heap_free(struct goalloc_heap *heap, const void *obj)
{
	struct mspan *span;

	if (unlikely(!free_fast((unsigned long)obj, FREE_HEAP, heap, &span)))
		heap_free_slow(span, obj, heap, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goalloc_heap_free);

/* As do_free(), for who names the cache: the slot is found without the span. */
static __always_inline void do_cache_free(struct goalloc_cache *cache, void *obj)
{
	unsigned long addr = (unsigned long)obj;

	preempt_disable();
	if (likely(mcache_free(&cache->central, addr)))
		preempt_enable();
	else
		cache_free_slow(obj, cache, _RET_IP_);
}

/**
 * goalloc_cache_free() - free an object of a certain cache
 * @cache: the cache that it must be of; not NULL
 * @obj: a live object; NULL and ZERO_SIZE_PTR do nothing
 *
 * Context: any.
 */
void goalloc_cache_free(struct goalloc_cache *cache, void *obj)
{
	do_cache_free(cache, obj);
}
EXPORT_SYMBOL_GPL(goalloc_cache_free);

/**
 * goalloc_free_sensitive() - clear an object, then free it
 * @obj: a live object; NULL and ZERO_SIZE_PTR do nothing
 *
 * Context: any.
 */
void goalloc_free_sensitive(const void *obj)
{
	enum goalloc_misuse kind;
	struct object_info info;

	if (unlikely(ZERO_OR_NULL_PTR(obj)))
		return;
	if (!object_lookup(obj, &info, &kind)) {
		report_misuse(kind, obj, NULL, _RET_IP_);
		return;
	}
	if (!info.debug)
		track_bounds(obj, info.size, info.size);
	memzero_explicit((void *)obj, info.size);
	do_free(obj);
}
EXPORT_SYMBOL_GPL(goalloc_free_sensitive);

/*
 * Free the first of some objects, of @cache or, for FREE_ANY, of whichever, as far
 * as they are in one span of this CPU's.
 */
static __always_inline size_t free_run(enum free_check check, struct goalloc_cache *cache,
				       size_t nr, void **objs)
{
	struct mspan *span;
	size_t n = 0;

	preempt_disable();
	if (check == FREE_CACHE) {
		n = mcache_free_run(&cache->central, nr, objs);
	} else {
		span = span_of((unsigned long)*objs);
		/* As in free_fast(). */
		if (likely(span))
			n = mcache_free_run(READ_ONCE(span->central), nr, objs);
	}
	preempt_enable();
	return n;
}

/* Inlined, as do_free(). */
static __always_inline void free_bulk(enum free_check check, struct goalloc_cache *cache,
				      size_t nr, void **objs)
{
	while (nr) {
		size_t n = free_run(check, cache, nr, objs);

		/* What comes next is in another span, or bad, or nothing. */
		if (!n) {
			if (check == FREE_CACHE)
				do_cache_free(cache, *objs);
			else
				do_free(*objs);
			n = 1;
		}
		objs += n;
		nr -= n;
	}
}

/**
 * goalloc_cache_free_bulk() - free several objects of a certain cache
 * @cache: that they must all be of; not NULL
 * @nr: how many
 * @objs: live objects; NULL and ZERO_SIZE_PTR among them do nothing
 *
 * Each is checked by itself: a bad one does not keep the others alive.
 *
 * Context: any.
 */
void goalloc_cache_free_bulk(struct goalloc_cache *cache, size_t nr, void **objs)
{
	free_bulk(FREE_CACHE, cache, nr, objs);
}
EXPORT_SYMBOL_GPL(goalloc_cache_free_bulk);

/**
 * goalloc_free_bulk() - free several objects of any heaps and caches
 * @nr: how many
 * @objs: live objects; NULL and ZERO_SIZE_PTR among them do nothing
 *
 * Each is checked by itself: a bad one does not keep the others alive.
 *
 * Context: any.
 */
void goalloc_free_bulk(size_t nr, void **objs)
{
	free_bulk(FREE_ANY, NULL, nr, objs);
}
EXPORT_SYMBOL_GPL(goalloc_free_bulk);

/* An object that was allocated a moment ago, and will not be had: it is not buried. */
void goalloc_unalloc(void *obj)
{
	unsigned long addr = (unsigned long)obj;
	struct mspan *span;

	preempt_disable();
	span = span_of(addr);
	debug_unused(span, addr);
	free_buried(span->central, span, mspan_slot(span, addr), addr);
	preempt_enable();
}
