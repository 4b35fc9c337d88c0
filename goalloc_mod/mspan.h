/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mspan: a run of 8 KiB pages cut into slots of one size, and the state of
 * each slot.
 *
 * The truth about a slot is in its span, for every CPU to see, and not in a
 * private list of some CPU; so a free can be checked before it changes
 * anything, wherever the slot is. Four bits a slot, in groups of 64 slots:
 *
 *	free	the slot is free. Written by the span's owner alone, with plain
 *		stores; read by all.
 *	rfree	freed, by someone who did not own the span, and not yet moved
 *		to @free by the owner. Atomic operations only.
 *	limbo	with @rfree: a grace period has to pass before the slot may be
 *		moved. Atomic operations only.
 *	mark	the collector's: the slot is reachable, as far as is known. Atomic
 *		operations, but for the owner, who clears it.
 *
 * A slot is live when neither free nor rfree is set. There are no counters to
 * keep right: live = nelems - popcount(free | rfree).
 *
 * A bit travels rfree -> free and is set downstream before it is cleared
 * upstream, so whoever reads rfree first and free second cannot miss it.
 *
 * Ownership. @owner is MSPAN_NONE, a CPU (number + 1) or MSPAN_WORKER, who
 * holds the central's lock, or has a span that nobody can find yet. @queued is
 * 0 only while the span is unowned, not on its central's list, and not promised
 * to it; who changes it from 0 to 1 by xchg(), and no one else, puts the span on
 * the list, or becomes its owner. The two sides of that promise:
 *
 *	a freer				the owner, letting go (mspan_disown())
 *	  rfree |= bit (cmpxchg)	  owner = NONE, queued = 0
 *	  full barrier, implied		  smp_mb()
 *	  read queued			  read free | rfree
 *
 * One of the two sees the other's store, so a span with a free slot never
 * stays unlisted. tools/models/slots.pml is the protocol's model.
 *
 * This header and mspan.c also compile in user space (tools/testing/userspace).
 */
#ifndef GOALLOC_MSPAN_H
#define GOALLOC_MSPAN_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/types.h>

struct mcentral;
struct span_debug;
struct span_gc;

#define MSPAN_GROUP_SHIFT 6 /* 64 slots a group */
#define MSPAN_INLINE_GROUPS 2 /* every class of 64 bytes and more fits */
#define MSPAN_MAX_ELEMS 1024
#define MSPAN_MAX_GROUPS (MSPAN_MAX_ELEMS >> MSPAN_GROUP_SHIFT)

enum mspan_owner {
	MSPAN_NONE = 0, /* 1 to 65534: CPU number + 1 */
	MSPAN_WORKER = 65535,
};

enum mspan_state {
	MSPAN_DEAD = 0,
	MSPAN_SMALL, /* slots; state by the protocol above */
	MSPAN_LARGE, /* one general object; leaves this state by cmpxchg() */
	MSPAN_LIMBO, /* as MSPAN_LARGE, but freed, and waiting for a grace period */
	MSPAN_KEPT, /* was MSPAN_LARGE; without an object, kept by a CPU for the next one */
};

/* @flags, under the central's lock */
#define MSPAN_LINKED BIT(0) /* on the central's partial list */
#define MSPAN_EMPTY BIT(1) /* linked, and known to have no live slot */
#define MSPAN_PARKED BIT(2) /* dead, on the central's parked list */

struct slot_group {
	u64 free;
	atomic64_t rfree;
	atomic64_t limbo;
	atomic64_t mark;
};

/**
 * struct mspan - a run of pages and its slots
 *
 * Geometry (base to nelems) does not change from the store that makes @state
 * MSPAN_SMALL until a grace period after the one that makes it MSPAN_DEAD, so
 * code with preemption off that saw MSPAN_SMALL may use it without a lock.
 * mspans live in an array per arena, indexed by first page, and are type-stable.
 *
 * @base: address of slot 0
 * @bits: the slots' state: @inl, or a block outside if there are over 128
 * @central: the central, and through it heap and cache, that the span belongs to
 * @node: on the central's partial or parked list; the central's lock
 * @lnode: while promised in an NMI and not linked yet
 * @elemsize: bytes from one slot to the next
 * @divmul: offset * divmul >> 32 is the slot's number; 0 if there is one slot
 * @npages: 8 KiB pages
 * @nelems: slots
 * @owner: enum mspan_owner
 * @fresh: slots from this one on were never handed out and are zero; the owner's
 * @state: enum mspan_state; stored last at birth, first at death
 * @queued: see above
 * @flags: MSPAN_LINKED and others
 * @spanclass: size class << 1 | noscan
 * @debug: GOALLOC_DEBUG_* that its objects are under; then @bits is outside
 * @guard: the last so many of @npages are a guard (mguard.c)
 * @inl: state of up to 128 slots
 * @track: if @debug: what is known of each slot
 * @gc: of a managed heap: what its collector keeps; then @bits is in there
 * @before_mark: of @inl
 * @parked_wait: while parked: which of the reaper's waits has to end first
 */
struct mspan {
	unsigned long base;
	struct slot_group *bits;
	struct mcentral *central;
	union {
		struct list_head node;
		struct llist_node lnode;
	};
	u32 elemsize;
	u32 divmul;
	u32 npages;
	u16 nelems;
	u16 owner;
	u16 fresh;
	u8 state;
	u8 queued;
	u8 flags;
	u8 spanclass;
	u8 debug;
	u8 guard;

	union {
		struct slot_group inl[MSPAN_INLINE_GROUPS];
		struct {
			union {
				struct span_debug *track;
				struct span_gc *gc;
			};
			u64 before_mark[2];
			u64 parked_wait; /* in the mark word: no span dies while its heap marks */
		};
	};
} ____cacheline_aligned;

static_assert(sizeof(struct slot_group) == 32);
static_assert(offsetof(struct mspan, inl) == 64);

static inline unsigned int mspan_groups(const struct mspan *span)
{
	return (span->nelems + 63) >> MSPAN_GROUP_SHIFT;
}

/* The bits of group @k that stand for slots. */
static inline u64 mspan_group_mask(const struct mspan *span, unsigned int k)
{
	unsigned int n = span->nelems - (k << MSPAN_GROUP_SHIFT);

	return n >= 64 ? ~0ULL : BIT_ULL(n) - 1;
}

/**
 * mspan_slot() - the slot that starts at @addr
 * @span: the span
 * @addr: an address within its pages
 *
 * Return: the slot's number, or -1 if no slot starts there.
 */
static inline int mspan_slot(const struct mspan *span, unsigned long addr)
{
	unsigned long off = addr - span->base;
	u32 i = ((u64)off * span->divmul) >> 32;

	/* Bytes beyond the last slot, or ahead of the first, must not pass. */
	if (unlikely(i >= span->nelems || (unsigned long)i * span->elemsize != off))
		return -1;
	return i;
}

/*
 * Slots of @g that an owner could have. rfree before free: see the head
 * comment. rfree before limbo, which is set first. Limbo hides free bits as
 * well: a slot whose second free is in limbo is nobody's until that is over.
 */
static inline u64 slot_group_available(const struct slot_group *g)
{
	u64 r = atomic64_read_acquire(&g->rfree);
	u64 l = atomic64_read_acquire(&g->limbo);

	return (r | READ_ONCE(g->free)) & ~l;
}

/* A snapshot: only the one who holds the object knows that it stays so. */
static inline bool mspan_slot_is_live(const struct mspan *span, unsigned int slot)
{
	const struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	u64 r = atomic64_read_acquire(&g->rfree);

	return !((r | READ_ONCE(g->free)) & BIT_ULL(slot & 63));
}

/**
 * mspan_set_rfree() - free a slot of a span that this CPU does not own
 * @span: the span, in state MSPAN_SMALL
 * @slot: a slot of it
 * @rfree: set to what the slot's rfree word is now
 *
 * A full barrier when it succeeds: pairs with the one in mspan_disown().
 *
 * Return: false, with nothing changed, if the slot is not live.
 */
static __always_inline bool mspan_set_rfree(struct mspan *span, unsigned int slot, u64 *rfree)
{
	struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	u64 bit = BIT_ULL(slot & 63);
	s64 r;

	/*
	 * Both words are read anew each time round, rfree first: a slot freed
	 * twice may have been merged between two rounds.
	 */
	do {
		r = atomic64_read_acquire(&g->rfree);
		if (unlikely((r | READ_ONCE(g->free)) & bit))
			return false;
	} while (unlikely(!atomic64_try_cmpxchg(&g->rfree, &r, r | bit)));

	*rfree = r | bit;
	return true;
}

static inline bool mspan_try_free(struct mspan *span, unsigned int slot)
{
	u64 rfree;

	return mspan_set_rfree(span, slot, &rfree);
}

/* Who gets true here, and no one else, puts the span on its central's list, or owns it. */
static inline bool mspan_promise(struct mspan *span)
{
	return !READ_ONCE(span->queued) && !xchg(&span->queued, 1);
}

void mspan_init_bits(struct mspan *span, bool moved);
bool mspan_try_limbo(struct mspan *span, unsigned int slot);
void mspan_end_limbo(struct mspan *span, unsigned int slot);
u64 slot_group_merge(struct slot_group *g, u64 which);
bool mspan_available(const struct mspan *span);
bool mspan_all_free(const struct mspan *span);
bool mspan_in_limbo(const struct mspan *span);
bool mspan_disown(struct mspan *span);
unsigned int mspan_live(const struct mspan *span);

#endif /* GOALLOC_MSPAN_H */
