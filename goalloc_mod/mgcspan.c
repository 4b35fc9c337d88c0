// SPDX-License-Identifier: GPL-2.0
/*
 * What the collector keeps of a span: where that comes from.
 *
 * It is kmalloc'ed with the span, but not in a hardirq, nor on PREEMPT_RT with preemption
 * off: kmalloc() may not be called there. So, once there is a managed heap, some are kept
 * ahead for such callers, which the service worker (mgrow.c) fills up: an llist that is
 * taken from under mheap.lock.
 */
#include <linux/slab.h>

#include "malloc.h"
#include "mgc.h"
#include "track.h"

/* Kept ahead, each large enough for any span. */
#define SPAN_GC_RESERVE 32

/* Of the most slots that a span may have. */
#define SPAN_GC_GROUPS (GOALLOC_MAX_NELEMS >> MSPAN_GROUP_SHIFT)

static struct llist_head spare;
static atomic_t nspare;
static bool wanted;

static struct span_gc *init(struct span_gc *sg, unsigned int groups)
{
	sg->scanned = (atomic64_t *)&sg->bits[groups];
	atomic_long_set(&sg->piece, LONG_MAX / 2);
	return sg;
}

static size_t bytes(unsigned int groups)
{
	struct span_gc *sg;

	return struct_size(sg, bits, groups) + groups * sizeof(*sg->scanned);
}

static struct span_gc *pop(void)
{
	struct llist_node *node;
	unsigned long flags;

	/* Adding needs no lock, taking does: an llist has one consumer at a time. */
	raw_spin_lock_irqsave(&mheap.lock, flags);
	node = llist_del_first(&spare);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	if (!node)
		return NULL;
	atomic_dec(&nspare);
	return (struct span_gc *)memset(node, 0, bytes(SPAN_GC_GROUPS));
}

/**
 * span_gc_alloc() - what the collector keeps of a span
 * @nelems: slots of the span
 * @gfp: of the allocation that wants the span
 *
 * Context: as @gfp says, but not NMI; no lock held.
 * Return: it, or NULL.
 */
struct span_gc *span_gc_alloc(unsigned int nelems, gfp_t gfp)
{
	unsigned int groups = (nelems + 63) >> MSPAN_GROUP_SHIFT;
	struct span_gc *sg;

	if (!goalloc_may_kmalloc()) {
		sg = pop();
		mheap_service_soon();
		return sg ? init(sg, SPAN_GC_GROUPS) : NULL;
	}
	gfp &= GFP_KERNEL | __GFP_HIGH | __GFP_NOFAIL | __GFP_NOWARN | __GFP_NORETRY;
	sg = kzalloc(bytes(groups), gfp | __GFP_NOWARN);
	return sg ? init(sg, groups) : NULL;
}

/**
 * span_gc_free() - give back what was kept of a span
 * @sg: from span_gc_alloc()
 *
 * Context: any but NMI; no lock held.
 */
void span_gc_free(struct span_gc *sg)
{
	/* Who looked the span up with preemption off may be reading its bits. */
	if (sg)
		kfree_rcu(sg, rcu);
}

/* A managed span, whose objects are dead, goes. Context: may sleep. */
void span_gc_end(struct mspan *span)
{
	size_t bytes = (size_t)(span->npages - span->guard) << GOALLOC_PAGE_SHIFT;

	/* What the sweep did not: see bury(). */
	if (want_init_on_free() && span->elemsize > GOALLOC_MAX_SMALL) {
		track_bounds((void *)span->base, bytes, bytes);
		zero_large((void *)span->base, bytes, true);
		track_free(span->central, (void *)span->base, bytes);
	}
	atomic64_inc(&span->central->heap->gc->spans_freed);
	span_gc_free(span->gc);
}

/* Context: may sleep. */
void span_gc_fill(void)
{
	while (READ_ONCE(wanted) && atomic_read(&nspare) < SPAN_GC_RESERVE) {
		void *sg = kmalloc(bytes(SPAN_GC_GROUPS), GFP_KERNEL | __GFP_NOWARN);

		if (!sg)
			return;
		llist_add(sg, &spare);
		atomic_inc(&nspare);
	}
}

/* There is a managed heap. Context: may sleep. */
void span_gc_start(void)
{
	WRITE_ONCE(wanted, true);
	span_gc_fill();
}

/* All heaps are gone, and the service worker. */
void span_gc_exit(void)
{
	struct span_gc *sg;

	while ((sg = pop()))
		kfree(sg);
}
