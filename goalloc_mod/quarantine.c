// SPDX-License-Identifier: GPL-2.0
/*
 * Quarantine: objects under debugging that were freed are not handed out again at
 * once, so that a use after free meets the object that it was.
 *
 * They are in limbo meanwhile, as objects are that wait for a grace period (mspan.h):
 * not live, so that a second free is seen, and not available. Each heap has a ring of
 * them, guarded by its lock, which is the innermost; what leaves it is let go with no
 * lock held.
 */
#include <linux/sched.h>

#include "debug.h"
#include "malloc.h"
#include "track.h"

/* Objects that leave at once to make room for one. */
#define LEAVE_MAX 4

/* The oldest object leaves the ring; its lock is held. */
static unsigned long pop(struct quarantine *q)
{
	unsigned int i = q->first;

	q->first = (i + 1) % QUARANTINE_OBJS;
	q->n--;
	q->bytes -= q->objs[i].bytes;
	return q->objs[i].addr;
}

static void push(struct quarantine *q, unsigned long addr, size_t bytes)
{
	unsigned int i = (q->first + q->n++) % QUARANTINE_OBJS;

	q->objs[i].addr = addr;
	q->objs[i].bytes = bytes;
	q->bytes += bytes;
}

/* What has left the ring may be handed out again; preemption is off since it did. */
static void let_go(unsigned long addr)
{
	/* Limbo keeps it. */
	struct mspan *span = span_containing(addr);
	struct damage damage;

	if (!debug_intact(span, addr, &damage))
		debug_report(&damage, _RET_IP_);

	WRITE_ONCE(debug_slot_of(span, addr)->state, DEBUG_FREE);
	if (span->elemsize) {
		mspan_end_limbo(span, debug_index(span, addr));
		mcentral_freed(span->central, span);
	} else if (mheap_change_large(span, MSPAN_LIMBO, MSPAN_DEAD)) {
		goalloc_end_large(span);
	}
}

/**
 * quarantine_put() - keep an object that is being freed
 * @span: its span
 * @addr: the object, in limbo; whoever calls put it there
 *
 * Context: any but NMI, preemption off; no lock held.
 * Return: false if there is no quarantine, or no room: the caller ends the limbo.
 */
bool quarantine_put(struct mspan *span, unsigned long addr)
{
	const struct mcentral *central = span->central;
	struct span_debug *track = span_track(span);
	struct debug_slot *slot = debug_slot_of(span, addr);
	unsigned long left[LEAVE_MAX];
	struct quarantine *q;
	unsigned int i, n = 0;
	unsigned long flags;
	size_t bytes;
	bool ok;

	if (!slot || !(slot->flags & GOALLOC_DEBUG_QUARANTINE) || track->bytes > QUARANTINE_BYTES)
		return false;
	bytes = track->bytes;
	q = &central->heap->debugged->quarantine;
	raw_spin_lock_irqsave(&q->lock, flags);
	while (n < LEAVE_MAX && (q->n == QUARANTINE_OBJS || q->bytes + bytes > QUARANTINE_BYTES))
		left[n++] = pop(q);
	/* Once it is closed, and the quarantine was emptied, nothing comes in. */
	ok = !READ_ONCE(central->closed) && q->n < QUARANTINE_OBJS &&
	     q->bytes + bytes <= QUARANTINE_BYTES;
	if (ok) {
		WRITE_ONCE(slot->state, DEBUG_QUARANTINED);
		push(q, addr, bytes);
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	for (i = 0; i < n; i++)
		let_go(left[i]);
	return ok;
}

/**
 * quarantine_flush() - let go of all objects of a heap
 * @heap: the heap
 *
 * Context: may sleep; no lock held.
 */
void quarantine_flush(struct goalloc_heap *heap)
{
	struct heap_debug *debugged = READ_ONCE(heap->debugged);
	struct quarantine *q;
	unsigned long flags;
	unsigned int left;

	if (!debugged)
		return;
	q = &debugged->quarantine;
	/* Whoever comes in after this sees what the caller has closed. */
	raw_spin_lock_irqsave(&q->lock, flags);
	left = q->n;
	raw_spin_unlock_irqrestore(&q->lock, flags);
	for (; left; left--) {
		unsigned long addr = 0;

		/* Its cache waits for this, if it goes at the same time. */
		preempt_disable();
		raw_spin_lock_irqsave(&q->lock, flags);
		if (q->n)
			addr = pop(q);
		raw_spin_unlock_irqrestore(&q->lock, flags);
		if (addr)
			let_go(addr);
		preempt_enable();
		if (!addr)
			break;
		cond_resched();
	}
}

/* The same for a heap, or for all of them if it is NULL. May sleep. */
void quarantine_flush_all(struct goalloc_heap *heap)
{
	struct goalloc_heap *h;

	mutex_lock(&heaps_lock);
	list_for_each_entry(h, &heaps, node)
		if (!heap || h == heap)
			quarantine_flush(h);
	mutex_unlock(&heaps_lock);
}

/* Objects in it, for people to read. */
unsigned int quarantine_held(const struct goalloc_heap *heap)
{
	const struct heap_debug *debugged = READ_ONCE(heap->debugged);

	return debugged ? READ_ONCE(debugged->quarantine.n) : 0;
}
EXPORT_SYMBOL_FOR_TEST(quarantine_held);
