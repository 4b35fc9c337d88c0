// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are freed and cannot be had yet: until a grace period is over,
 * or in quarantine. They count as live, so that their span stays.
 */
#include "debug.h"
#include "malloc.h"
#include "mgc.h"
#include "track.h"

/* What is large, buried, and in limbo goes, or to quarantine first; preemption is off. */
void mlimbo_end_large(struct mspan *span)
{
	track_free(span->central, (void *)span->base, mspan_large_bytes(span));
	/* Nobody else takes it out of limbo, and its heap waits for this. */
	if (!quarantine_put(span, span->base) &&
	    mheap_change_large(span, MSPAN_LIMBO, MSPAN_DEAD))
		goalloc_end_large(span);
}

/* The same for a slot. */
static void end_limbo_slot(struct mspan *span, unsigned int slot, unsigned long addr)
{
	if (quarantine_put(span, addr))
		return;
	mspan_end_limbo(span, slot);
	mcentral_freed(span->central, span);
}

/* Free a slot whose object has been buried, but let none have it yet; preemption is off. */
bool mlimbo_quarantine(struct mcentral *central, struct mspan *span, unsigned int slot,
		       unsigned long addr)
{
	if (!mspan_slot_is_live(span, slot))
		return false;
	track_free(central, (void *)addr, span->elemsize);
	if (!mspan_try_limbo(span, slot)) {
		/* The promise is due even so: see mspan_try_limbo(). */
		mcentral_freed(central, span);
		return false;
	}
	end_limbo_slot(span, slot, addr);
	return true;
}

/*
 * The grace period of an object is over. In limbo it kept its span alive, so
 * @head leads back to it.
 */
static void free_rcu_fn(struct rcu_head *head)
{
	unsigned long addr = (unsigned long)head;
	struct mcentral *central;
	struct mspan *span;
	u32 slot;

	preempt_disable();
	span = span_containing(addr);
	/* Ended with its heap, which was destroyed before the call was made. */
	if (!span)
		goto out;
	central = span->central;
	if (READ_ONCE(span->state) == MSPAN_LIMBO) {
		goalloc_bury(span, (void *)span->base, mspan_large_bytes(span), _RET_IP_);
		mlimbo_end_large(span);
		goto out;
	}
	slot = mul_u64_u32_shr(addr - span->base, span->divmul, 32);
	if (WARN_ON_ONCE(span->state != MSPAN_SMALL || slot >= span->nelems ||
			 misuse_slot(span, slot) != MISUSE_FREE_RCU_PENDING))
		goto out;
	addr = span->base + (unsigned long)slot * span->elemsize;
	goalloc_bury(span, (void *)addr, span->elemsize, _RET_IP_);
	track_free(central, (void *)addr, span->elemsize);
	end_limbo_slot(span, slot, addr);
out:
	preempt_enable();
}

/* Marks the object at @addr as to be freed later, or says in @kind why it cannot be. */
static bool begin_limbo(struct mspan *span, unsigned long addr, enum goalloc_misuse *kind)
{
	struct mcentral *central;
	bool ok;
	int slot;
	u8 state;

	/* Pairs with the release that published the span. */
	state = smp_load_acquire(&span->state);
	if (state == MSPAN_LARGE) {
		*kind = span->base == addr ? MISUSE_DOUBLE_FREE : MISUSE_INTERIOR;
		return span->base == addr && mheap_change_large(span, MSPAN_LARGE, MSPAN_LIMBO);
	}
	*kind = misuse_large(span, state);
	if (state != MSPAN_SMALL)
		return false;
	slot = mspan_slot(span, addr);
	*kind = MISUSE_INTERIOR;
	central = span->central;
	if (slot < 0 || mcentral_is_tiny(central))
		return false;
	if (!mspan_slot_is_live(span, slot)) {
		*kind = misuse_slot(span, slot);
		return false;
	}
	raw_cpu_inc(central->slots->nremote);
	if (mcentral_is_managed(central))
		gc_freed(span, slot);
	ok = mspan_try_limbo(span, slot);
	if (!ok) {
		*kind = MISUSE_FREE_RCU_PENDING;
		/* The promise is due even so: see mspan_try_limbo(). */
		mcentral_freed(central, span);
	}
	return ok;
}

void __goalloc_free_rcu(void *obj, struct rcu_head *head)
{
	unsigned long addr = (unsigned long)obj;
	enum goalloc_misuse kind;
	struct mspan *span;
	bool ok = false;

	preempt_disable();
	span = span_of(addr);
	if (!span) {
		kind = misuse_no_span(addr);
	} else {
		ok = begin_limbo(span, addr, &kind);
		if (ok && span->debug)
			debug_ended_rcu(span, addr);
	}
	/* Before preemption is on: a heap that goes waits for that, then for RCU. */
	if (ok)
		call_rcu_hurry(head, free_rcu_fn);
	preempt_enable();
	if (!ok)
		report_misuse(kind, obj, NULL, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goalloc_free_rcu);

/**
 * goalloc_rcu_barrier() - wait until all objects given to goalloc_free_rcu() are free
 *
 * Context: may sleep.
 */
void goalloc_rcu_barrier(void)
{
	rcu_barrier();
}
EXPORT_SYMBOL_GPL(goalloc_rcu_barrier);
