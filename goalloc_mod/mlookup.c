// SPDX-License-Identifier: GPL-2.0
/*
 * What an address is: a live object, and whose, or what it is instead. Changes
 * nothing, and needs no lock; with preemption off, spans, arenas and centrals stay.
 */
#include "debug.h"
#include "malloc.h"
#include "mgc.h"

/* Why there is no live small or large span at @addr. */
enum goalloc_misuse misuse_no_span(unsigned long addr)
{
	if (!arena_of(addr))
		return MISUSE_FOREIGN;
	return span_containing(addr) ? MISUSE_INTERIOR : MISUSE_DEAD;
}

/* Why a slot that is not live is not. */
enum goalloc_misuse misuse_slot(const struct mspan *span, unsigned int slot)
{
	const struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];

	if (!((u64)atomic64_read(&g->limbo) & BIT_ULL(slot & 63)) ||
	    debug_quarantined(span, span->base + (unsigned long)slot * span->elemsize))
		return MISUSE_DOUBLE_FREE;
	return MISUSE_FREE_RCU_PENDING;
}

/* And a large object, whose span is in @state. */
enum goalloc_misuse misuse_large(const struct mspan *span, u8 state)
{
	if (state != MSPAN_LIMBO)
		return MISUSE_DEAD;
	return debug_quarantined(span, span->base) ? MISUSE_DOUBLE_FREE : MISUSE_FREE_RCU_PENDING;
}

/* What is known of the object that starts at, or contains, an address. */
static bool lookup(unsigned long addr, bool interior, struct object_info *info,
		   enum goalloc_misuse *kind)
{
	const struct debug_slot *record;
	struct mcentral *central;
	struct mspan *span;
	bool ok = false;
	u32 slot;
	u8 state;

	preempt_disable();
	span = span_containing(addr);
	if (!span) {
		*kind = misuse_no_span(addr);
		goto out;
	}
	state = READ_ONCE(span->state);
	central = READ_ONCE(span->central);
	info->base = READ_ONCE(span->base);
	info->size = mspan_large_bytes(span);
	if (state == MSPAN_LIMBO) {
		*kind = misuse_large(span, state);
		goto out;
	}
	if (state == MSPAN_SMALL) {
		slot = mul_u64_u32_shr(addr - span->base, span->divmul, 32);
		if (slot >= span->nelems) {
			*kind = MISUSE_INTERIOR;
			goto out;
		}
		info->base += (unsigned long)slot * span->elemsize;
		info->size = span->elemsize;
		if (!mspan_slot_is_live(span, slot)) {
			*kind = misuse_slot(span, slot);
			goto out;
		}
	}
	record = debug_slot_of(span, addr);
	info->debug = record;
	if (record)
		info->size = READ_ONCE(record->size);
	/* A shared block is nobody's alone: not to free, and not to clear or fill. */
	if ((!interior && (info->base != addr || mcentral_is_tiny(central))) ||
	    addr - info->base >= info->size) {
		*kind = MISUSE_INTERIOR;
		goto out;
	}
	info->heap = central->heap;
	info->cache = central->cache;
	/* Of another's object the cache may be gone when the caller looks. */
	if (central->cache) {
		info->useroffset = central->cache->useroffset;
		info->usersize = central->cache->usersize;
	}
	info->noscan = central->spanclass & 1;
	ok = true;
out:
	preempt_enable();
	return ok;
}

/* A live object that starts at @obj; @kind says what else it is. Any context. */
bool object_lookup(const void *obj, struct object_info *info, enum goalloc_misuse *kind)
{
	return lookup((unsigned long)obj, false, info, kind);
}

/* A live object that @addr points into. Any context. */
bool object_containing(const void *addr, struct object_info *info, enum goalloc_misuse *kind)
{
	return lookup((unsigned long)addr, true, info, kind);
}
