// SPDX-License-Identifier: GPL-2.0
/*
 * Marking: shading objects, and scanning those that were shaded.
 *
 * What is queued are spans, not objects (Go's Green Tea): a span is on a list at most
 * once, so the memory for it is in the span's struct span_gc, and a barrier in an
 * interrupt needs none. While it waits more of its objects are marked, and are then
 * scanned in the order of their addresses.
 *
 *	who shades				who scans
 *	  mark |= bit (fetch_or)		  queued = 0
 *	  full barrier, implied			  smp_mb()
 *	  if !queued, xchg(&queued, 1)		  read mark & ~scanned
 *
 * One of the two sees the other's store, so no marked object is left unscanned. What was
 * queued is counted, by CPU, after it is on the list: mgc.c sees by that count whether
 * anything was shaded meanwhile, on a list or not.
 *
 * Memory that is scanned may be written to at the same time, and be an object's that was
 * freed by hand: any word is looked up before it is followed.
 */
#include <linux/prefetch.h>
#include <linux/sched.h>

#include "mgc.h"

/* Spans that are taken off the heap's list at once. */
#define TAKE_SPANS 16

/* Pointers that are on their way: a power of two. */
#define AHEAD 16

/*
 * A pointer on its way to being marked: the cache lines that it takes are asked for when it
 * comes, and when half as many as AHEAD have come after it, and are there when as many
 * have.
 */
struct ahead {
	struct mspan *span; /* or NULL */
	unsigned long addr;
};

/* Who scans: preemption is off while it is in use, but for gc_breathe(). */
struct scan {
	struct gc_heap *gc;
	const struct heap_arena *arena; /* of the last pointer */
	unsigned int work; /* words followed since others had the CPU */
	unsigned int n; /* pointers that came */
	struct ahead ahead[AHEAD];
	u64 bytes; /* marked */
	u64 objects;
};

/*
 * Somebody other than the collector's threads has, or had, something gray in hand. Who
 * counts has done with it, or does so before the section ends: what the thread counted
 * before a grace period, and finds unchanged after it, says that there was nobody. Models
 * gc-count-queued, gc-assist-uncounted.
 */
void gc_count(struct gc_heap *gc)
{
	/* On the list first: pairs with the barrier in drain_all(). */
	smp_wmb();
	preempt_disable();
	local_inc(&this_cpu_ptr(gc->cpu)->nqueued);
	preempt_enable();
}

/* On the CPU's list, unless it is on one. Preemption is off. */
static void enqueue(struct gc_heap *gc, struct span_gc *sg)
{
	if (!READ_ONCE(sg->queued) && !xchg(&sg->queued, 1))
		llist_add(&sg->gray, &this_cpu_ptr(gc->cpu)->gray);
}

/**
 * gc_queue() - have a span scanned
 * @gc: the heap's collector, which marks
 * @sg: of the span, in which something was marked
 *
 * Counted also if somebody else has queued it, who may not have listed it yet.
 *
 * Context: any but NMI, preemption off; in a section, or the collector's own.
 */
void gc_queue(struct gc_heap *gc, struct span_gc *sg)
{
	enqueue(gc, sg);
	gc_count(gc);
}

/* What was ever counted. */
unsigned long gc_nqueued(struct gc_heap *gc)
{
	unsigned long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += local_read(&per_cpu_ptr(gc->cpu, cpu)->nqueued);
	return n;
}

/* The span that @addr is in, whosever it is; preemption is off. */
static __always_inline struct mspan *any_span(const struct heap_arena **arenap, unsigned long addr)
{
	const struct heap_arena *arena = *arenap;
	struct heap_arena *found;
	unsigned long off;

	off = arena ? addr - arena->base : 0;
	if (!arena || off >= arena->bytes) {
		if (!arena_lookup(addr, &found, &off))
			return NULL;
		arena = found;
		*arenap = arena;
	}
	return READ_ONCE(arena->spans[off >> GOALLOC_PAGE_SHIFT]);
}

/* Whether a span is one of the heap's, in use; preemption is off since it was found. */
static __always_inline bool is_managed(const struct gc_heap *gc, const struct mspan *span)
{
	/* Pairs with the release that published the span. */
	return smp_load_acquire(&span->state) == MSPAN_SMALL && span->central->heap == gc->heap;
}

static __always_inline u32 slot_of(const struct mspan *span, unsigned long addr)
{
	return mul_u64_u32_shr(addr - span->base, span->divmul, 32);
}

/*
 * Mark the object at, or around, @addr; whether it was not marked. What is free is left
 * alone: nobody means it, and its span may be about to go.
 */
static __always_inline bool mark(const struct mspan *span, unsigned long addr)
{
	u32 slot = slot_of(span, addr);
	struct slot_group *g;
	u64 bit;

	if (unlikely(slot >= span->nelems))
		return false;
	g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	bit = BIT_ULL(slot & 63);
	if ((u64)atomic64_read(&g->mark) & bit)
		return false;
	/* rfree before free: mspan.h. */
	if (unlikely((u64)(atomic64_read_acquire(&g->rfree) | READ_ONCE(g->free)) & bit))
		return false;
	return !((u64)atomic64_fetch_or(bit, &g->mark) & bit);
}

/**
 * gc_shade() - what is at an address is reachable
 * @gc: the heap's collector, which marks
 * @addr: any number
 *
 * Context: any but NMI, preemption off; in a section, or the collector's own.
 */
void gc_shade(struct gc_heap *gc, unsigned long addr)
{
	const struct heap_arena *arena = NULL;
	struct mspan *span = any_span(&arena, addr);
	struct gc_cpu *cpu;

	if (!span || !is_managed(gc, span) || !mark(span, addr))
		return;
	gc_point(gc, GC_AT_SHADED);
	cpu = this_cpu_ptr(gc->cpu);
	local_add(span->elemsize, &cpu->marked);
	local_inc(&cpu->objects);
	if (mcentral_has_pointers(span->central))
		gc_queue(gc, span->gc);
}

/* A managed span's struct span_gc has its bits: so no other line is read to find it. */
static __always_inline struct span_gc *gc_of(const struct mspan *span)
{
	return (struct span_gc *)((void *)span->bits - offsetof(struct span_gc, bits));
}

/* Half way: the span is in the cache, the state of its slots has to be. */
static __always_inline void scan_ask(struct scan *scan, struct ahead *ahead)
{
	struct mspan *span = ahead->span;

	if (!span)
		return;
	if (unlikely(!is_managed(scan->gc, span))) {
		ahead->span = NULL;
		return;
	}
	prefetchw(&span->bits[slot_of(span, ahead->addr) >> MSPAN_GROUP_SHIFT]);
	prefetch(gc_of(span));
}

/* At the end of the way. */
static __always_inline void scan_mark(struct scan *scan, struct ahead *ahead)
{
	struct mspan *span = ahead->span;

	if (!span)
		return;
	ahead->span = NULL;
	if (!mark(span, ahead->addr))
		return;
	scan->bytes += span->elemsize;
	scan->objects++;
	/* The thread waits for who scans, or it is an assist, which counts at its end. */
	if (mcentral_has_pointers(span->central))
		enqueue(scan->gc, gc_of(span));
}

/* The same as gc_shade(), some pointers later. */
static __always_inline void scan_shade(struct scan *scan, unsigned long addr)
{
	unsigned int i = scan->n++;
	struct ahead *ahead = &scan->ahead[i % AHEAD];

	scan_mark(scan, ahead);
	ahead->addr = addr;
	ahead->span = any_span(&scan->arena, addr);
	if (likely(ahead->span))
		prefetch(ahead->span);
	scan_ask(scan, &scan->ahead[(i - AHEAD / 2) % AHEAD]);
}

/* All pointers to the end of their way. */
static void scan_flush(struct scan *scan)
{
	unsigned int end = scan->n + AHEAD;

	for (; scan->n != end; scan->n++) {
		scan_mark(scan, &scan->ahead[scan->n % AHEAD]);
		scan_ask(scan, &scan->ahead[(scan->n - AHEAD / 2) % AHEAD]);
	}
}

static void scan_begin(struct scan *scan, struct gc_heap *gc)
{
	scan->gc = gc;
	scan->arena = NULL;
	scan->work = 0;
	scan->n = 0;
	memset(scan->ahead, 0, sizeof(scan->ahead));
	scan->bytes = 0;
	scan->objects = 0;
	preempt_disable();
}

static void scan_count(struct scan *scan)
{
	struct gc_cpu *cpu = this_cpu_ptr(scan->gc->cpu);

	local_add(scan->bytes, &cpu->marked);
	local_add(scan->objects, &cpu->objects);
	scan->bytes = 0;
	scan->objects = 0;
}

static void scan_end(struct scan *scan)
{
	scan_flush(scan);
	scan_count(scan);
	preempt_enable();
}

/* Let others have the CPU; arenas may go meanwhile, but spans of the heap do not. */
static void gc_breathe(struct scan *scan)
{
	scan->work = 0;
	scan->arena = NULL;
	scan_flush(scan);
	scan_count(scan);
	preempt_enable();
	cond_resched();
	preempt_disable();
}

/* Follow some words; whoever writes them does so at any time. */
static __always_inline void follow(struct scan *scan, void **words, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		/* Of a pointer that is being written either value will do. */
		unsigned long addr = (unsigned long)data_race(READ_ONCE(words[i]));

		if (addr)
			scan_shade(scan, addr);
	}
	scan->work += n;
}

/* More than a batch of words. */
static noinline void follow_many(struct scan *scan, void **words, size_t n)
{
	size_t some;

	for (; n; words += some, n -= some) {
		some = min_t(size_t, n, GC_BATCH);
		follow(scan, words, some);
		gc_breathe(scan);
	}
}

static void scan_elements(struct scan *scan, const struct goalloc_gc_type *type,
			  unsigned long at, unsigned long end)
{
	unsigned int i;

	for (; at + type->size <= end; at += type->size) {
		for (i = 0; i < type->nptrs; i++) {
			void **words = (void **)at + type->ptrs[i].first;
			unsigned int n = type->ptrs[i].n;

			if (unlikely(n > GC_BATCH))
				follow_many(scan, words, n);
			else
				follow(scan, words, n);
			if (scan->work >= GC_BATCH)
				gc_breathe(scan);
		}
	}
}

/* The pointers of an object that is not to be marked itself. May sleep. */
void gc_scan_object(struct gc_heap *gc, const struct goalloc_gc_type *type, unsigned long obj,
		    unsigned long bytes)
{
	struct scan scan;

	scan_begin(&scan, gc);
	scan_elements(&scan, type, obj, obj + bytes);
	scan_end(&scan);
}

/* Words that may point to objects: a root. May sleep. */
void gc_scan_words(struct gc_heap *gc, void **words, size_t n)
{
	struct scan scan;

	scan_begin(&scan, gc);
	follow_many(&scan, words, n);
	scan_end(&scan);
}

/*
 * The next piece of a large object. The others are left on the list: whoever is idle
 * takes one.
 */
static void scan_large(struct scan *scan, struct span_gc *sg)
{
	const struct goalloc_gc_type *type = sg->span->central->type;
	unsigned long step = rounddown(GC_PIECE, type->size) ?: type->size;
	unsigned long at = atomic_long_fetch_add(step, &sg->piece);

	if (at >= sg->span->elemsize)
		return;
	if (at + step < sg->span->elemsize)
		enqueue(scan->gc, sg);
	scan_elements(scan, type, sg->span->base + at,
		      sg->span->base + min_t(unsigned long, at + step, sg->span->elemsize));
}

/* Slots of a group that are marked and were not scanned are the caller's to scan. */
static u64 take_marked(struct span_gc *sg, struct slot_group *g, unsigned int k)
{
	u64 w = atomic64_read(&g->mark) & ~atomic64_read(&sg->scanned[k]);

	return w ? w & ~(u64)atomic64_fetch_or(w, &sg->scanned[k]) : 0;
}

static void scan_span(struct scan *scan, struct span_gc *sg)
{
	const struct mspan *span = sg->span;
	const struct goalloc_gc_type *type = span->central->type;
	unsigned int k, groups = mspan_groups(span);

	WRITE_ONCE(sg->queued, 0);
	/* Pairs with the atomic operation of who shades. */
	smp_mb();
	if (span->elemsize > GC_PIECE) {
		/* Whether it is marked was decided by who queued it. */
		if (take_marked(sg, span->bits, 0))
			atomic_long_set(&sg->piece, 0);
		if (atomic64_read(&sg->scanned[0]) & 1)
			scan_large(scan, sg);
		return;
	}
	for (k = 0; k < groups; k++) {
		struct slot_group *g = &span->bits[k];
		u64 w = take_marked(sg, g, k);

		/* Slots of a black window that nobody has taken yet hold nothing. */
		if (w)
			w &= ~(u64)(atomic64_read_acquire(&g->rfree) | READ_ONCE(g->free));
		for (; w; w &= w - 1) {
			unsigned int slot = (k << MSPAN_GROUP_SHIFT) + __ffs64(w);
			unsigned long obj = span->base + (unsigned long)slot * span->elemsize;
			u64 next = w & (w - 1);
			unsigned int skip = next ? __ffs64(next) - __ffs64(w) : 0;

			prefetch((void *)obj + skip * span->elemsize);
			scan_elements(scan, type, obj, obj + span->elemsize);
		}
	}
}

/* All that CPUs have queued, oldest first; gray_lock is held by nobody. */
static struct llist_node *take_from_cpus(struct gc_heap *gc)
{
	int first = raw_smp_processor_id(), cpu = first;

	do {
		struct llist_head *list = &per_cpu_ptr(gc->cpu, cpu)->gray;

		if (!llist_empty(list)) {
			struct llist_node *node = llist_del_all(list);

			/* So that a span gathers marks while it waits. */
			if (node)
				return llist_reverse_order(node);
		}
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_possible_mask);
	} while (cpu != first);
	return NULL;
}

/* The last node of a list that is not empty. */
static struct llist_node *last_of(struct llist_node *node)
{
	while (node->next)
		node = node->next;
	return node;
}

/*
 * Up to @n spans to scan, a list that ends with NULL. What CPUs have queued goes to the
 * heap's list first, from which all who scan are served.
 */
static struct llist_node *take_spans(struct gc_heap *gc, unsigned int n)
{
	struct llist_node *first, *last, *more;
	unsigned long flags;

	if (!READ_ONCE(gc->gray)) {
		more = take_from_cpus(gc);
		if (!more)
			return NULL;
		last = last_of(more);
		raw_spin_lock_irqsave(&gc->gray_lock, flags);
		last->next = gc->gray;
		WRITE_ONCE(gc->gray, more);
		raw_spin_unlock_irqrestore(&gc->gray_lock, flags);
		/* For a while they were on no list. */
		gc_count(gc);
	}
	raw_spin_lock_irqsave(&gc->gray_lock, flags);
	first = gc->gray;
	last = first;
	while (last && last->next && --n)
		last = last->next;
	if (last) {
		WRITE_ONCE(gc->gray, last->next);
		last->next = NULL;
	}
	raw_spin_unlock_irqrestore(&gc->gray_lock, flags);
	return first;
}

/* Whether there is something to scan that nobody has taken. */
bool gc_has_gray(struct gc_heap *gc)
{
	int cpu;

	if (READ_ONCE(gc->gray))
		return true;
	for_each_possible_cpu(cpu)
		if (!llist_empty(&per_cpu_ptr(gc->cpu, cpu)->gray))
			return true;
	return false;
}
EXPORT_SYMBOL_FOR_TEST(gc_has_gray);

/**
 * gc_scan_some() - scan spans that are queued
 * @gc: the heap's collector, which marks, after its first grace period
 * @nspans: at most so many
 *
 * Context: may sleep; in a section, or one of the collector's threads.
 * Return: whether there were any.
 */
bool gc_scan_some(struct gc_heap *gc, unsigned int nspans)
{
	struct llist_node *node = take_spans(gc, min(nspans, TAKE_SPANS)), *next;
	struct scan scan;

	if (!node)
		return false;
	scan_begin(&scan, gc);
	for (; node; node = next) {
		/* Off the list, it may be queued again as soon as it says so. */
		next = node->next;
		if (next)
			prefetch(llist_entry(next, struct span_gc, gray)->bits);
		scan_span(&scan, llist_entry(node, struct span_gc, gray));
		if (scan.work >= GC_BATCH)
			gc_breathe(&scan);
	}
	scan_end(&scan);
	return true;
}

/* A cycle begins: nothing was marked yet. */
void gc_mark_reset(struct gc_heap *gc)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		local_set(&per_cpu_ptr(gc->cpu, cpu)->marked, 0);
		local_set(&per_cpu_ptr(gc->cpu, cpu)->objects, 0);
	}
}
