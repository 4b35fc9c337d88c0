// SPDX-License-Identifier: GPL-2.0
/*
 * First uses: the central of a span class appears when its heap first needs it, and
 * the per-CPU slots of a central when it is first allocated from. Who must not sleep
 * for that gets a spare central, and does without slots until the service worker
 * (mgrow.c) has made some. The spares are an llist in struct mheap, taken under the
 * mheap's lock.
 */
#include <linux/slab.h>

#include "goalloc_internal.h"

/* Centrals kept ahead for first uses that must not sleep. */
#define SPARE_CENTRALS 16

static void init_class(struct mcentral *central, struct goalloc_heap *heap,
		       unsigned int spanclass, u8 flags, struct goalloc_gc_type *type)
{
	unsigned int class = spanclass >> 1;

	mcentral_init(central, heap, spanclass);
	central->elemsize = goalloc_class_size[class];
	central->objsize = central->elemsize;
	central->divmul = goalloc_class_divmul[class];
	central->npages = goalloc_class_npages[class] + mcentral_guard(central);
	central->align_pages = goalloc_class_span_align[class];
	central->nelems = goalloc_class_nelems[class];
	central->flags |= flags;
	central->type = type;
	/* A large managed object has a span with a slot: there is nothing for CPUs to own. */
	if (flags & MCENTRAL_GC && !class) {
		central->nelems = 1;
		central->align_pages = 1;
		return;
	}
	if (goalloc_class_npages[class] <= MCACHE_SPAN_PAGES && !(flags & MCENTRAL_DEBUG))
		central->flags |= MCENTRAL_PERCPU;
}

/* Adding needs no lock, taking does: an llist has one consumer at a time. */
static struct mcentral *pop_spare(void)
{
	struct llist_node *node;
	unsigned long flags;

	if (!goalloc_lock(&mheap.lock, &flags))
		return NULL;
	node = llist_del_first(&mheap.spare_centrals);
	raw_spin_unlock_irqrestore(&mheap.lock, flags);
	if (!node)
		return NULL;
	atomic_dec(&mheap.nspare_centrals);
	return memset(node, 0, sizeof(struct mcentral));
}

static void push_spare(struct mcentral *central)
{
	llist_add((struct llist_node *)central, &mheap.spare_centrals);
	atomic_inc(&mheap.nspare_centrals);
}

/**
 * mcentral_get_at() - the central of a span class, made if this is its first use
 * @at: where it is, or goes
 * @heap: the heap
 * @spanclass: size class << 1 | noscan
 * @gfp: whether it may sleep for that
 * @flags: MCENTRAL_* that it has beyond others
 * @type: of what is managed, or NULL
 *
 * Context: any.
 * Return: the central, or NULL.
 */
struct mcentral *mcentral_get_at(struct mcentral **at, struct goalloc_heap *heap,
				 unsigned int spanclass, gfp_t gfp, u8 flags,
				 struct goalloc_gc_type *type)
{
	struct mcentral *central = READ_ONCE(*at), *old;

	if (likely(central))
		return central;

	if (gfpflags_allow_blocking(gfp)) {
		central = kzalloc(sizeof(*central),
				  gfp & (GFP_KERNEL | __GFP_NOFAIL | __GFP_NOWARN | __GFP_NORETRY));
	} else {
		central = pop_spare();
		mheap_service_soon();
	}
	if (!central)
		return NULL;

	init_class(central, heap, spanclass, flags, type);
	/* A full barrier: whoever finds the central finds it initialised. */
	old = cmpxchg(at, NULL, central);
	if (!old)
		return central;
	push_spare(central);
	return old;
}

/**
 * mcentral_get() - the central of a span class for ordinary objects
 * @heap: the heap
 * @spanclass: size class << 1 | noscan
 * @gfp: whether it may sleep to make it
 *
 * Unless new objects are under debugging, the fast paths find it from now on.
 *
 * Context: any.
 * Return: the central, or NULL.
 */
struct mcentral *mcentral_get(struct goalloc_heap *heap, unsigned int spanclass, gfp_t gfp)
{
	struct mcentral *central;

	central = mcentral_get_at(&heap->plain[spanclass], heap, spanclass, gfp, 0,
				  NULL);
	if (!central || READ_ONCE(heap->central[spanclass]) || READ_ONCE(heap->debug))
		return central;
	WRITE_ONCE(heap->central[spanclass], central);
	/* Pairs with the barrier of switch_heap(): one of the two sees the other's store. */
	smp_mb();
	if (READ_ONCE(heap->debug))
		WRITE_ONCE(heap->central[spanclass], NULL);
	return central;
}

/* Give the slots in @data, a pointer that is NULL after that, to who wants some. */
static void install_wanted(struct mcentral *central, void *data)
{
	struct mcache_slot __percpu **slots = data;

	if (*slots && READ_ONCE(central->want_slots) && mcache_set_slots(central, *slots))
		*slots = NULL;
}

static void find_wanted(struct mcentral *central, void *data)
{
	*(bool *)data |= READ_ONCE(central->want_slots);
}

/* For the service worker: what atomic callers have missed or will. May sleep. */
void mcentral_service(void)
{
	while (atomic_read(&mheap.nspare_centrals) < SPARE_CENTRALS) {
		struct mcentral *central = kmalloc(sizeof(*central), GFP_KERNEL | __GFP_NOWARN);

		if (!central)
			break;
		push_spare(central);
	}

	for (;;) {
		struct mcache_slot __percpu *slots = NULL;
		bool wanted = false;

		mutex_lock(&heaps_lock);
		visit_centrals(NULL, NULL, find_wanted, &wanted);
		mutex_unlock(&heaps_lock);
		/* Not under heaps_lock: whoever holds it allocates nothing. */
		if (wanted)
			slots = mcache_alloc_slots();
		if (!slots)
			break;
		mutex_lock(&heaps_lock);
		visit_centrals(NULL, NULL, install_wanted, &slots);
		mutex_unlock(&heaps_lock);
		free_percpu(slots);
	}
}

/* All heaps are gone, and the service worker. */
void mspare_exit(void)
{
	struct mcentral *central;

	while ((central = pop_spare()))
		kfree(central);
}
