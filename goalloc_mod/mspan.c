// SPDX-License-Identifier: GPL-2.0
/*
 * The state of slots: all operations but those of the fast paths, which are in
 * mspan.h, with the protocol, and in mcache.h. Nothing here takes a lock, sleeps or
 * prints, so everything may be called from any context, NMI included. Who
 * uses a span it does not own keeps preemption off throughout, which delays
 * the grace period that the span's memory and geometry wait for.
 */
#include <linux/irqflags.h>
#include <linux/processor.h>

#include "compat.h"
#include "mspan.h"

/* All slots free, or freed and not moved yet; before the span is published. */
void mspan_init_bits(struct mspan *span, bool moved)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++) {
		struct slot_group *g = &span->bits[k];
		u64 all = mspan_group_mask(span, k);

		WRITE_ONCE(g->free, moved ? all : 0);
		atomic64_set(&g->rfree, moved ? 0 : all);
		atomic64_set(&g->limbo, 0);
		atomic64_set(&g->mark, 0);
	}
}

/**
 * mspan_end_limbo() - the grace period is over
 * @span: the span
 * @slot: a slot that mspan_try_limbo() took
 *
 * A full barrier, as mspan_try_free() is; the caller makes the same promise.
 */
void mspan_end_limbo(struct mspan *span, unsigned int slot)
{
	struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];

	/* Both: pair with the smp_mb() of mspan_disown(). */
	smp_mb__before_atomic();
	atomic64_andnot(BIT_ULL(slot & 63), &g->limbo);
	/* The caller looks at queued next. */
	smp_mb__after_atomic();
}
EXPORT_SYMBOL_FOR_TEST(mspan_end_limbo);

/**
 * mspan_try_limbo() - free a slot, but let none have it until mspan_end_limbo()
 * @span: the span, in state MSPAN_SMALL
 * @slot: a slot of it
 *
 * Limbo goes first: an rfree bit without it could be merged at once. Whoever
 * sets the limbo bit owns it. Who finds it set, and the slot live, has met
 * another call between its two steps, perhaps a late second free of the slot's
 * previous life: that one is about to take its bit back, so it is waited for,
 * with interrupts off for a few instructions. While it lasted the bit may have
 * hidden a rightful free from the owner: if it fails, the caller makes the promise
 * of mspan_try_free(). If not, that is for after mspan_end_limbo().
 *
 * Context: any but NMI.
 * Return: false if the slot is not live.
 */
bool mspan_try_limbo(struct mspan *span, unsigned int slot)
{
	struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	u64 bit = BIT_ULL(slot & 63);
	unsigned long flags;
	bool ok = false;

	local_irq_save(flags);
	while (atomic64_fetch_or(bit, &g->limbo) & bit) {
		if (!mspan_slot_is_live(span, slot))
			goto out;
		cpu_relax();
	}
	ok = mspan_try_free(span, slot);
	if (!ok)
		mspan_end_limbo(span, slot);
out:
	local_irq_restore(flags);
	return ok;
}
EXPORT_SYMBOL_FOR_TEST(mspan_try_limbo);

/**
 * slot_group_merge() - move what others freed to the free word
 * @g: a group of a span that the caller owns
 * @which: these slots of it, not 0; if none of them can be moved, but another can,
 *	the one that comes next
 *
 * Free first, rfree second: the other order has a gap in which a freed slot
 * reads as live.
 *
 * Return: slots that were in both words: freed twice at the same time.
 */
u64 slot_group_merge(struct slot_group *g, u64 which)
{
	u64 r = atomic64_read(&g->rfree);
	u64 f = READ_ONCE(g->free);

	if (!r)
		return 0;
	/* Limbo is set before rfree, so no rfree bit is seen here without it. */
	smp_rmb();
	r &= ~(u64)atomic64_read(&g->limbo);
	if (!r)
		return 0;
	if (!(r & which)) {
		unsigned int i = __ffs64(which);

		which = BIT_ULL((i + __ffs64(ror64(r, i))) % 64);
	}
	r &= which;

	WRITE_ONCE(g->free, f | r);
	/* Pairs with the acquire of those who read rfree, then free. */
	smp_mb__before_atomic();
	atomic64_andnot(r, &g->rfree);
	return f & r;
}
EXPORT_SYMBOL_FOR_TEST(slot_group_merge);

/* Whether an owner would find a slot here. */
bool mspan_available(const struct mspan *span)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++)
		if (slot_group_available(&span->bits[k]))
			return true;
	return false;
}
EXPORT_SYMBOL_FOR_TEST(mspan_available);

/**
 * mspan_all_free() - whether no slot is live and none waits for a grace period
 * @span: the span
 *
 * Certain only for a span that is on its central's list, with the central's
 * lock held: then nothing takes slots from it, and slots that were found free
 * one word after the other stay so.
 *
 * Return: true if so.
 */
bool mspan_all_free(const struct mspan *span)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++)
		if (slot_group_available(&span->bits[k]) != mspan_group_mask(span, k))
			return false;
	return true;
}
EXPORT_SYMBOL_FOR_TEST(mspan_all_free);

/* Whether some slot waits for a grace period. */
bool mspan_in_limbo(const struct mspan *span)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++)
		if (atomic64_read(&span->bits[k].limbo))
			return true;
	return false;
}
EXPORT_SYMBOL_FOR_TEST(mspan_in_limbo);

/**
 * mspan_disown() - let go of a span that is not on a list
 * @span: the span; the caller owns it and has merged it
 *
 * Return: true if it has a free slot and the caller must put it on its
 * central's list.
 */
bool mspan_disown(struct mspan *span)
{
	/* Release: the merges are seen by whoever claims the span next. */
	smp_store_release(&span->owner, MSPAN_NONE);
	/* Owner first: a promise is for a span that nobody owns. */
	smp_store_release(&span->queued, 0);
	/* Pairs with the cmpxchg in mspan_try_free(). */
	smp_mb();
	return mspan_available(span) && mspan_promise(span);
}
EXPORT_SYMBOL_FOR_TEST(mspan_disown);

/* Slots handed out, those that wait for a grace period not counted. */
unsigned int mspan_live(const struct mspan *span)
{
	unsigned int k, n = 0;

	for (k = 0; k < mspan_groups(span); k++) {
		const struct slot_group *g = &span->bits[k];
		u64 r = atomic64_read_acquire(&g->rfree);

		n += hweight64((r | READ_ONCE(g->free)) & mspan_group_mask(span, k));
	}
	return span->nelems - n;
}
EXPORT_SYMBOL_FOR_TEST(mspan_live);
