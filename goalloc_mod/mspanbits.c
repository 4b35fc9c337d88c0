// SPDX-License-Identifier: GPL-2.0
/*
 * Slot bits of spans with over 128 slots (objects under 64 bytes).
 *
 * Their state does not fit into the mspan, must not lie in an arena, where an
 * overflowing object could reach it, and cannot be allocated where a span is
 * made: in a section with preemption off, perhaps in an interrupt. So a few
 * blocks of each kind are kept ahead; mheap.lock guards the lists, and process
 * context and the service worker (mgrow.c) fill them.
 */
#include <linux/kmemleak.h>
#include <linux/slab.h>

#include "goalloc_internal.h"

/* Kept ahead of use, of each kind. A span of 8-byte objects takes one block. */
#define MSPANBITS_RESERVE 64

static size_t kind_bytes(int kind)
{
	return (4 << kind) * sizeof(struct slot_group);
}

/**
 * mspanbits_kind() - which kind of block a span needs
 * @nelems: slots of the span
 *
 * Return: 0 to MSPANBITS_KINDS - 1, or -1 if its bits fit into the mspan.
 */
int mspanbits_kind(unsigned int nelems)
{
	if (likely(nelems <= MSPAN_INLINE_GROUPS * 64))
		return -1;
	return nelems <= 256 ? 0 : nelems <= 512 ? 1 : 2;
}

/* mheap.lock is held. Returns NULL when there is none. */
struct slot_group *mspanbits_get(unsigned int nelems)
	__must_hold(&mheap.lock)
{
	int kind = mspanbits_kind(nelems);
	struct llist_node *node = mheap.bits[kind].first;

	lockdep_assert_held(&mheap.lock);
	if (!node)
		return NULL;
	mheap.bits[kind].first = node->next;
	WRITE_ONCE(mheap.nbits[kind], mheap.nbits[kind] - 1);
	mheap.nbits_used[kind]++;
	return (struct slot_group *)node;
}

/* mheap.lock is held. */
static void push(int kind, void *block)
	__must_hold(&mheap.lock)
{
	struct llist_node *node = block;

	lockdep_assert_held(&mheap.lock);
	node->next = mheap.bits[kind].first;
	mheap.bits[kind].first = node;
	WRITE_ONCE(mheap.nbits[kind], mheap.nbits[kind] + 1);
}

/* mheap.lock is held. */
void mspanbits_put(struct slot_group *bits, unsigned int nelems)
	__must_hold(&mheap.lock)
{
	int kind = mspanbits_kind(nelems);

	mheap.nbits_used[kind]--;
	push(kind, bits);
}

/**
 * mspanbits_fill() - keep blocks ahead
 *
 * Context: may sleep.
 * Return: false if some kind has none left.
 */
bool mspanbits_fill(void)
{
	unsigned long flags;
	bool ok = true;
	int kind;

	for (kind = 0; kind < MSPANBITS_KINDS; kind++) {
		while (READ_ONCE(mheap.nbits[kind]) < MSPANBITS_RESERVE) {
			void *block = kmalloc(kind_bytes(kind), GFP_KERNEL | __GFP_NOWARN);

			if (!block) {
				ok = ok && READ_ONCE(mheap.nbits[kind]);
				break;
			}
			/* kmemleak does not look into mspans: see arena_create(). */
			kmemleak_not_leak(block);
			raw_spin_lock_irqsave(&mheap.lock, flags);
			push(kind, block);
			raw_spin_unlock_irqrestore(&mheap.lock, flags);
		}
	}
	return ok;
}

/**
 * mspanbits_trim() - give back blocks beyond a reserve
 * @reserve: how many of each kind to keep
 *
 * Context: may sleep.
 */
void mspanbits_trim(unsigned int reserve)
{
	unsigned long flags;
	int kind;

	for (kind = 0; kind < MSPANBITS_KINDS; kind++) {
		struct llist_node *node;

		do {
			raw_spin_lock_irqsave(&mheap.lock, flags);
			node = mheap.nbits[kind] > reserve ? mheap.bits[kind].first : NULL;
			if (node) {
				mheap.bits[kind].first = node->next;
				WRITE_ONCE(mheap.nbits[kind], mheap.nbits[kind] - 1);
			}
			raw_spin_unlock_irqrestore(&mheap.lock, flags);
			kfree(node);
		} while (node);
	}
}
