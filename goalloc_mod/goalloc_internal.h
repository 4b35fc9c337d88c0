/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc's private header: structures, and the prototypes by file.
 *
 * Locks, outermost first. All spinlocks are raw, taken with interrupts off,
 * and held for a bounded time; an NMI only tries them. Nothing allocates,
 * frees, prints or calls back under any of them.
 *
 *	cpus_read_lock()
 *	 heaps_lock		(mutex) the list of heaps, their caches, who makes or
 *				removes a central; CPU slots are flushed under it
 *	  mheap.arena_lock	(mutex) growing and releasing: arenas, the arena index
 *	   mcentral.lock	(raw) the span lists of one class or cache
 *	    mheap.lock		(raw) the page allocator, large spans, span bit blocks
 *
 * Of a managed heap roots_lock (mutex; mgcroot.c) comes below heaps_lock; special_lock and
 * gray_lock (raw; mfinal.c, mgcmark.c) are taken alone.
 *
 * leaks_lock (mutex; mleaksroot.c) is taken with no other held; iterators, which are called
 * under it, may take others.
 *
 * reserves_lock (raw; reserve.c), a quarantine's (raw; quarantine.c), and those of
 * callback.c (raw) are taken alone.
 *
 * Lock-free: an address is looked up in the arena index, and its span used,
 * with preemption off; see arena.c and mspan.h.
 */
#ifndef GOALLOC_INTERNAL_H
#define GOALLOC_INTERNAL_H

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/goalloc_gc.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "mpagealloc.h"
#include "msize.h"
#include "mspan.h"

#define NUM_SPAN_CLASSES (GOALLOC_NUM_CLASSES * 2)

/* A misuse is one of these; the order is that of debugfs and of misuse_name(). */
enum goalloc_misuse {
	MISUSE_DOUBLE_FREE, /* the slot is free */
	MISUSE_LATE_DOUBLE_FREE, /* two frees raced; seen when the owner merged */
	MISUSE_FREE_RCU_PENDING, /* freed again while it waits for a grace period */
	MISUSE_INTERIOR, /* not the start of an object */
	MISUSE_FOREIGN, /* not goalloc memory */
	MISUSE_DEAD, /* goalloc memory, but no span is there (any more) */
	MISUSE_WRONG_CACHE,
	MISUSE_WRONG_HEAP,
	MISUSE_BAD_GFP, /* DMA, DMA32, HIGHMEM; or zeroing with a ctor */
	MISUSE_USERCOPY, /* a copy that leaves its object */
	MISUSE_REALLOC, /* realloc of a named cache's object */
	MISUSE_OVERFLOW, /* a red zone was written to */
	MISUSE_USE_AFTER_FREE, /* a free object was written to */
	MISUSE_WRONG_RESERVE, /* not the kind of object that the reserve holds */
	MISUSE_OVERRUN, /* a write beyond a span that has a guard */
	MISUSE_NR,
};

/**
 * struct heap_arena - one vmalloc area of at least 4 MiB
 * @base: its first 8 KiB page, which may be 4 KiB into the area; immutable
 * @bytes: of all its 8 KiB pages; immutable
 * @spans: by page: the span there, or NULL. A small span is entered at each of its
 *	pages, a large one at its first. Read without a lock.
 * @mspans: span objects, by first page
 * @nr: arena number; immutable
 * @starts: a bit for each page where a live span starts (Go's pageInUse); the mheap lock
 * @zeroed_base: no page from here on was ever used; the mheap lock
 * @zeroed: whether unused pages are zero
 * @huge: mapped with huge pages, as far as can be seen
 * @dedicated: holds one object of over one arena, and no page allocator
 * @area: what vmalloc returned
 * @area_bytes: what it was asked for
 * @release: on the list of arenas to give back; the mheap lock
 * @pages: its pages, as the page allocator sees them; the mheap lock
 */
struct heap_arena {
	unsigned long base;
	unsigned long bytes;
	struct mspan **spans;
	struct mspan *mspans;
	u32 nr;
	u32 zeroed_base;
	unsigned long *starts;
	bool zeroed;
	bool huge;
	bool dedicated;
	void *area;
	unsigned long area_bytes;
	struct list_head release;
	struct palloc_arena pages;
};

/*
 * The arena index: which arena is an address in? A two-level table over the
 * vmalloc space, by 4 MiB. No arena is smaller than that, so a slot meets at
 * most two: one that ends there and one that begins. Where there is none, an
 * arena without pages stands for it, and for a leaf that is not needed a shared
 * one: a lookup has no NULL to ask for.
 */
#define ARENA_INDEX_SHIFT 22
#define ARENA_LEAF_SHIFT 13 /* a leaf is 128 KiB, for 32 GiB; constant for speed */
#define ARENA_LEAF_SLOTS BIT(ARENA_LEAF_SHIFT)

struct arena_index_slot {
	struct heap_arena *arena[2];
};

struct arena_index {
	unsigned long base; /* of the first leaf, a multiple of what a leaf covers */
	unsigned long nleaves;
	struct arena_index_slot **dir;
};

/**
 * struct mcache_slot - the spans that a CPU owns for one class or cache
 *
 * One per CPU and central (Go's mcache.alloc[spanclass]), made at the first
 * refill; until then the central points to a dummy, whose word is always 0.
 * That of a central of size class 0 holds the last large span that was freed on
 * the CPU, without an object; of its other fields only the counters are in use.
 * Used with preemption off, and only by that CPU; @busy keeps the interrupts
 * that come in between out. The first line is all that a hit touches, but for a
 * free into @fspan.
 *
 * @busy: a section is under way
 * @ngroups: groups of the span
 * @size: bytes from slot to slot
 * @divmul: as in struct mspan
 * @bytes: of all slots of the span; 0 if there is none, or if objects need work
 *	before they are freed
 * @base: slot 0
 * @wbase: slot 64 * k
 * @word: the group in use
 * @bits: group 0
 * @fresh: objects from this address on were never handed out and are zero
 * @nalloc: allocations from this slot, ever
 * @span: the span, or NULL
 * @fspan: a second span, which the CPU owns to free into it; or NULL
 * @fbase: slot 0 of that
 * @fbits: group 0 of that
 * @fbytes: of all slots of that; 0 if there is none
 * @idle: nothing was allocated from one look of the aging worker to the next
 * @flooks: looks of the aging worker that @fspan has seen
 * @nrefill: those of @nalloc that had to look for room first
 * @nremote: frees on this CPU into spans that it did not own
 * @aged: @nalloc when the aging worker last looked
 */
struct mcache_slot {
	u8 busy;
	u8 ngroups;
	u32 size;
	u32 divmul;
	u32 bytes;
	unsigned long base;
	unsigned long wbase;
	struct slot_group *word;
	struct slot_group *bits;
	unsigned long fresh;
	u64 nalloc;

	struct mspan *span;
	struct mspan *fspan;
	unsigned long fbase;
	struct slot_group *fbits;
	u32 fbytes;
	bool idle;
	u8 flooks;
	u64 nrefill;
	u64 nremote;
	u64 aged;
} ____cacheline_aligned;

static_assert(offsetof(struct mcache_slot, span) == 64 && sizeof(struct mcache_slot) <= 128);

/*
 * Pages of the largest span of small objects that a CPU owns; SLUB's slabs go as
 * far. The few classes with larger ones go by the central, under its lock.
 */
#define MCACHE_SPAN_PAGES 4

/* Spans that the objects come from that are taken at once. */
#define MCACHE_BATCH_SPANS 4

/* Pages of the largest span that a CPU keeps when its large object was freed. */
#define MCACHE_LARGE_PAGES 128

/* How long a heap at its limit does not ask CPUs in vain again, in jiffies. */
#define FLUSH_PAUSE (HZ / 10)

/* mcentral.flags */
#define MCENTRAL_PERCPU BIT(0) /* CPUs may own spans */
#define MCENTRAL_CTOR BIT(1) /* never zeroed: a ctor made its objects */
#define MCENTRAL_KEEP BIT(2) /* zeroed for __GFP_ZERO only (SLAB_TYPESAFE_BY_RCU's rule) */
#define MCENTRAL_DTOR BIT(3) /* objects have to be looked at before they are freed */
#define MCENTRAL_DEBUG BIT(4) /* its objects are under debugging: debug.c */
#define MCENTRAL_STABLE BIT(5) /* spans live as long as the central */
#define MCENTRAL_GUARD BIT(6) /* spans end with a guard */
#define MCENTRAL_GC BIT(7) /* of a managed heap */

/* Leaked objects that are named. */
#define MCENTRAL_LEAKS 4

/**
 * struct mcentral - the spans of one span class of a heap, or of one cache
 *
 * For the spans of large objects (size class 0) it names heap and class, and has
 * the per-CPU slots; it has no lists.
 *
 * @slots: per CPU; the dummy until process context had a chance to make them
 * @heap: owner
 * @cache: the named cache it is in, or NULL
 * @heap_id: the heap's id, never used again
 * @elemsize: bytes from slot to slot
 * @objsize: bytes of a slot that belong to the object: what is zeroed
 * @divmul: as in struct mspan
 * @nelems: slots of a span
 * @npages: pages of a span, the guard included
 * @align_pages: alignment of a span, in pages
 * @spanclass: size class << 1 | noscan; class 0 for caches of other sizes
 * @flags: MCENTRAL_*
 * @want_slots: a caller missed @slots that could not make them; the service
 *	worker does
 * @closed: is being torn down: CPUs take no more spans to free into
 * @debug: new objects of its cache come from the cache's @debugged
 * @lock: guards all that follows
 * @partial: spans that nobody owns and that have, or may have, a free slot
 * @parked: dead spans that wait for a grace period, oldest first; reused newest first
 * @npartial: spans on @partial
 * @nempty: those of them that are MSPAN_EMPTY
 * @empty_used: one of @nempty was wanted since the aging worker last looked
 * @nparked: spans on @parked
 * @nalloc: allocations that went past the per-CPU slots
 * @leaked: live objects found when the central was torn down
 * @leaks: the first few of them
 * @leak_stacks: where they were allocated, if that was recorded
 * @type: of a managed heap: what its objects are; NULL if they have no pointers
 * @swept: of a managed heap: its spans but for those of @unswept
 * @unswept: those that the sweep has to look at
 * @nswept: spans on @swept
 * @nunswept: spans on @unswept
 * @listgen: changes when those of @swept become unswept
 */
struct mcentral {
	struct mcache_slot __percpu *slots;
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	u32 heap_id;
	u32 elemsize;
	u32 objsize;
	u32 divmul;
	u32 npages;
	u32 align_pages;
	u16 nelems;
	u8 spanclass;
	u8 flags;
	bool want_slots;
	bool closed;
	bool debug;

	raw_spinlock_t lock ____cacheline_aligned;
	struct list_head partial;
	struct list_head parked;
	unsigned long npartial;
	unsigned long nempty;
	bool empty_used;
	unsigned long nparked;
	u64 nalloc;
	unsigned long leaked;
	unsigned long leaks[MCENTRAL_LEAKS];
	u32 leak_stacks[MCENTRAL_LEAKS];

	struct goalloc_gc_type *type;
	struct list_head swept;
	struct list_head unswept;
	unsigned long nswept;
	unsigned long nunswept;
	u32 listgen;
};

/**
 * struct goalloc_heap - the owner of a set of spans
 * @gc_word: first, for inline functions; of a managed heap: see mgc.h
 * @central: by span class, for who allocates: an entry of @plain, or NULL at first
 *	use, and while new objects are under debugging
 * @plain: by span class; an entry appears at first use and stays until the heap
 *	goes. Written by cmpxchg, read by anyone.
 * @id: never used again
 * @flags: GOALLOC_HEAP_*
 * @dying: no more allocations
 * @pages: pages of its live spans, small and large, but for large ones without
 *	an object
 * @limit: upper bound for @pages
 * @flushed: when CPUs last gave their spans back and nothing came of it, in jiffies
 * @large_allocs: large objects handed out, but for those in a span that a CPU
 *	kept; the mheap lock
 * @gone_allocs: allocations of caches that were destroyed; heaps_lock
 * @misuse: by kind
 * @name: for humans
 * @owner: the module it belongs to; NULL once that has gone
 * @node: on the list of heaps; heaps_lock
 * @caches: its caches; heaps_lock
 * @dir: its debugfs directory
 * @debug: GOALLOC_DEBUG_* for new objects; written under heaps_lock
 * @debugged: what debugging needs; appears when it is first switched on
 * @gc: of a managed heap: its collector; else NULL
 * @reporting: a leak report is being made; by xchg()
 */
struct goalloc_heap {
	struct goalloc_gc_word gc_word;
	struct mcentral *central[NUM_SPAN_CLASSES];
	struct mcentral *plain[NUM_SPAN_CLASSES];
	u32 id;
	u32 flags;
	bool dying;
	atomic_long_t pages;
	unsigned long limit;
	unsigned long flushed;
	u64 large_allocs;
	u64 gone_allocs;
	atomic_long_t misuse[MISUSE_NR];

	char name[GOALLOC_NAME_MAX];
	struct module *owner;
	struct list_head node;
	struct list_head caches;
	struct dentry *dir;
	u8 debug;
	struct heap_debug *debugged;
	struct gc_heap *gc;
	int reporting;
};

/**
 * struct goalloc_cache - objects of one kind
 * @central: first, so that both fast paths are one
 * @name: for humans
 * @size: bytes a user asked for
 * @align: bytes
 * @useroffset: see struct goalloc_cache_args
 * @usersize: see struct goalloc_cache_args
 * @ctor: see struct goalloc_cache_args; NULL once the owner has gone
 * @dtor: see struct goalloc_cache_args; NULL once the owner has gone
 * @dying: is being destroyed; heaps_lock
 * @node: on the heap's list of caches; heaps_lock
 * @debug: GOALLOC_DEBUG_* for new objects, beyond those of the heap
 * @debugged: the central of the objects under debugging; appears when it is first
 *	switched on
 */
struct goalloc_cache {
	struct mcentral central;
	char name[GOALLOC_NAME_MAX];
	unsigned int size;
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	bool dying;
	struct list_head node;
	u8 debug;
	struct mcentral *debugged;
};

/* Blocks of slot bits for spans of more than 128 slots: 4, 8 and 16 groups. */
#define MSPANBITS_KINDS 3

/**
 * struct mheap - the one heap of pages that all heaps share
 * @lock: guards all up to the blank line
 * @pages: page allocator over all arenas but the dedicated ones
 * @pages_sys: pages of all arenas = small + large + parked + free
 * @pages_small: pages of live small spans
 * @pages_large: pages of large spans, kept ones included
 * @pages_dedicated: those of @pages_large in dedicated arenas
 * @pages_parked: pages of dead spans that wait for a grace period
 * @released: arenas that are empty and wait for a grace period
 * @bits: free blocks of slot bits, by kind
 * @nbits: how many
 * @nbits_used: how many are in use
 * @spare_centrals: for first uses of a class in atomic context
 * @nspare_centrals: how many
 *
 * @arena_lock: guards growing, releasing and the arena index
 * @arenas: by number; entries change under @lock; an arena is freed under
 *	@arena_lock, a grace period after its entry went
 * @narenas: arenas there are, dedicated ones included; @lock
 * @ndedicated: dedicated ones; @lock
 * @grows: arenas made since load
 * @grow_fails: attempts that failed
 * @releases: arenas given back since load
 * @misuse: by kind, foreign pointers included
 * @reports: misuse that was printed
 */
struct mheap {
	raw_spinlock_t lock;
	struct page_alloc pages;
	unsigned long pages_sys;
	unsigned long pages_small;
	unsigned long pages_large;
	unsigned long pages_dedicated;
	unsigned long pages_parked;
	struct list_head released;
	struct llist_head bits[MSPANBITS_KINDS];
	unsigned int nbits[MSPANBITS_KINDS];
	unsigned int nbits_used[MSPANBITS_KINDS];
	struct llist_head spare_centrals;
	atomic_t nspare_centrals;

	struct mutex arena_lock; /* growing, releasing, the arena index */
	struct heap_arena *arenas[GOALLOC_MAX_ARENAS];
	unsigned int narenas;
	unsigned int ndedicated;
	unsigned long grows;
	unsigned long grow_fails;
	unsigned long releases;
	atomic_long_t misuse[MISUSE_NR];
	atomic_long_t reports;
};

/* A consistent cut of the mheap, in pages of 8 KiB: sys = small + large + parked + free. */
struct mheap_snapshot {
	unsigned long sys;
	unsigned long small;
	unsigned long large;
	unsigned long parked;
	unsigned long free;
	unsigned long dedicated;
	unsigned int narenas;
	unsigned int ndedicated;
	unsigned int nbits[MSPANBITS_KINDS];
	unsigned int nbits_used[MSPANBITS_KINDS];
};

extern struct mheap mheap;
extern struct mutex heaps_lock;
extern struct list_head heaps;
extern struct goalloc_heap *goalloc_default_heap;

/* main.c: module parameters */
extern unsigned int initial_arenas, arena_mb, low_mb, age_ms;
extern unsigned long max_mb;
extern bool panic_on_corruption, random_slots, guard_pages;

/* arena.c */
extern struct arena_index arena_index;

int arena_index_init(void);
void arena_index_exit(void);
int arena_index_add(struct heap_arena *arena);
void arena_index_remove(struct heap_arena *arena);
struct heap_arena *arena_create(unsigned long bytes, unsigned long align, bool dedicated);
void arena_destroy(struct heap_arena *arena);

/*
 * The arena that @addr is in, and how far into it; see arena_of(). A caller
 * that is told false by a return value has no NULL to ask for.
 */
static __always_inline bool arena_lookup(unsigned long addr, struct heap_arena **arenap,
					 unsigned long *off)
{
	unsigned long i = (addr - arena_index.base) >> (ARENA_INDEX_SHIFT + ARENA_LEAF_SHIFT);
	struct arena_index_slot *leaf, *slot;
	struct heap_arena *arena;

	if (unlikely(i >= arena_index.nleaves))
		return false;
	leaf = READ_ONCE(arena_index.dir[i]);
	slot = &leaf[(addr >> ARENA_INDEX_SHIFT) % ARENA_LEAF_SLOTS];
	arena = READ_ONCE(slot->arena[0]);
	*off = addr - arena->base;
	if (unlikely(*off >= arena->bytes)) {
		arena = READ_ONCE(slot->arena[1]);
		*off = addr - arena->base;
		if (unlikely(*off >= arena->bytes))
			return false;
	}
	*arenap = arena;
	return true;
}

/**
 * arena_of() - the arena that an address is in
 * @addr: any number
 *
 * Context: any, with preemption off as long as the arena is used.
 * Return: the arena, or NULL.
 */
static __always_inline struct heap_arena *arena_of(unsigned long addr)
{
	struct heap_arena *arena;
	unsigned long off;

	return arena_lookup(addr, &arena, &off) ? arena : NULL;
}

/* The span entered for the page of @addr, dead or alive; context as for arena_of(). */
static __always_inline struct mspan *span_of(unsigned long addr)
{
	struct heap_arena *arena;
	unsigned long off;

	if (unlikely(!arena_lookup(addr, &arena, &off)))
		return NULL;
	return READ_ONCE(arena->spans[off >> GOALLOC_PAGE_SHIFT]);
}

/* mheap.c */
enum free_check { FREE_ANY, FREE_HEAP, FREE_CACHE };

struct mspan *mheap_alloc_span(struct mcentral *central, u32 npages, struct span_debug *track,
			       struct span_gc *gc);
void mheap_free_span(struct mspan *span);
void mheap_park(struct mspan *span) __must_hold(&span->central->lock);
void mheap_unpark(struct mspan *span) __must_hold(&span->central->lock);
void *mheap_alloc_large(struct mcentral *central, u32 npages, u32 align_pages, bool *zeroed);
void *mheap_start_dedicated(struct heap_arena *arena, struct mcentral *central)
	__must_hold(&mheap.lock);
bool mheap_attach(struct heap_arena *arena) __must_hold(&mheap.lock);
void mheap_detach(struct heap_arena *arena) __must_hold(&mheap.lock);
bool mheap_claim_large(struct mspan *span, const struct mcentral *central);
void mheap_free_large(struct mspan *span);
struct mspan *span_containing(unsigned long addr);
void mheap_snapshot(struct mheap_snapshot *snap);
void mheap_walk(void (*fn)(struct mspan *span, void *data), void *data);

/**
 * mheap_charge() - count pages towards the limit of a heap
 * @heap: the heap
 * @npages: pages of a span about to be its
 *
 * Return: false if that would pass the limit; nothing is counted then.
 */
static inline bool mheap_charge(struct goalloc_heap *heap, unsigned long npages)
{
	long pages = atomic_long_read(&heap->pages);

	/* Never above the limit, not for a moment: another might fail for that. */
	do {
		if (unlikely(pages + npages > READ_ONCE(heap->limit)))
			return false;
	} while (!atomic_long_try_cmpxchg(&heap->pages, &pages, pages + npages));
	return true;
}

/* Whether so many more pages would pass the limit of a heap. */
static inline bool mheap_at_limit(const struct goalloc_heap *heap, unsigned long npages)
{
	return atomic_long_read(&heap->pages) + npages > READ_ONCE(heap->limit);
}

static inline void mheap_uncharge(struct goalloc_heap *heap, unsigned long npages)
{
	atomic_long_sub(npages, &heap->pages);
}

/**
 * mheap_change_large() - change the state of a large span
 * @span: the span
 * @from: the state it must be in
 * @to: the state it gets
 *
 * Of several who try to free an object one succeeds. A full barrier then.
 *
 * Context: any; preemption off, or the span's object is the caller's.
 * Return: false if it is not in state @from.
 */
static inline bool mheap_change_large(struct mspan *span, enum mspan_state from,
				      enum mspan_state to)
{
	return READ_ONCE(span->state) == from && cmpxchg(&span->state, from, to) == from;
}

/* Bytes of the object of a large span. */
static inline size_t mspan_large_bytes(const struct mspan *span)
{
	return (size_t)(READ_ONCE(span->npages) - READ_ONCE(span->guard)) << GOALLOC_PAGE_SHIFT;
}

/* Pages at the end of a span of the central that are not for objects. */
static inline unsigned int mcentral_guard(const struct mcentral *central)
{
	return !!(central->flags & MCENTRAL_GUARD);
}

/* Whether a span in this state has, or had until a grace period ago, objects. */
static inline bool mspan_state_live(u8 state)
{
	return state != MSPAN_DEAD && state != MSPAN_KEPT;
}

/* An NMI must not wait for a lock that it may have interrupted. */
static inline bool goalloc_lock(raw_spinlock_t *lock, unsigned long *flags)
{
	if (unlikely(in_nmi()))
		return raw_spin_trylock_irqsave(lock, *flags);
	raw_spin_lock_irqsave(lock, *flags);
	return true;
}

/*
 * Whether an allocation may wait for memory. Reclaim may not: it could come
 * back to locks that it was entered with, ours among them.
 */
static inline bool goalloc_may_grow(gfp_t gfp)
{
	return gfpflags_allow_blocking(gfp) && !(current->flags & PF_MEMALLOC);
}

/*
 * Whether kmalloc() may be called here at all, whatever its flags are: it has locks that
 * sleep on PREEMPT_RT, and lockdep objects on any kernel (PROVE_RAW_LOCK_NESTING).
 */
static inline bool goalloc_may_kmalloc(void)
{
	return !in_hardirq() && !in_nmi() && (!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible());
}

/* Whether it must not fail, and can wait for that; reclaim waits for the service worker. */
static inline bool goalloc_nofail(gfp_t gfp)
{
	return gfp & __GFP_NOFAIL && gfpflags_allow_blocking(gfp);
}

/* Free pages that a worker sees to. */
static inline unsigned long goalloc_low_pages(void)
{
	return (unsigned long)low_mb << (20 - GOALLOC_PAGE_SHIFT);
}

/* mgrow.c */
int mgrow_init(void);
void mgrow_exit(void);
bool mheap_grow(unsigned long npages, unsigned long align_pages);
void *mheap_alloc_dedicated(struct mcentral *central, unsigned long npages,
			    unsigned long align_pages, bool *zeroed);
unsigned long mheap_release(unsigned long target);
void mheap_release_soon(void);
void mheap_service_soon(void);
void mheap_watermark(void);

/* mreap.c */
u64 mheap_next_reap(void);
int mreap_init(void);
void mreap_exit(void);
void mheap_reap_soon(void);
void mheap_reap_now(void);
unsigned long mheap_shrink(struct goalloc_heap *heap, struct goalloc_cache *cache);

/* mspanbits.c */
int mspanbits_kind(unsigned int nelems);
struct slot_group *mspanbits_get(unsigned int nelems) __must_hold(&mheap.lock);
void mspanbits_put(struct slot_group *bits, unsigned int nelems) __must_hold(&mheap.lock);
bool mspanbits_fill(void);
void mspanbits_trim(unsigned int reserve);

/* mguard.c */
struct guard_counts {
	u64 spans; /* that have a guard */
	u64 bytes;
	u64 damaged;
};

void mguard_fill(struct mspan *span);
bool mguard_check(struct mspan *span);
void mguard_check_all(struct goalloc_heap *heap, struct guard_counts *counts);

/* mrandom.c */
void mrandom_init(void);
unsigned int mrandom_choose(unsigned int ngroups, u64 *which);

/* mspare.c */
struct mcentral *mcentral_get(struct goalloc_heap *heap, unsigned int spanclass, gfp_t gfp);
struct mcentral *mcentral_get_at(struct mcentral **at, struct goalloc_heap *heap,
				 unsigned int spanclass, gfp_t gfp, u8 flags,
				 struct goalloc_gc_type *type);
void mcentral_service(void);
void mspare_exit(void);

/* mcentral.c */
int mcentral_start(void);
void mcentral_stop(void);
void mcentral_sync_nmi(void);
void mcentral_init(struct mcentral *central, struct goalloc_heap *heap, unsigned int spanclass);
struct mspan *mcentral_claim(struct mcentral *central, unsigned int owner, bool choosy);
bool mcentral_claim_this(struct mcentral *central, struct mspan *span)
	__must_hold(&central->lock);
void mcentral_add(struct mcentral *central, struct mspan *span);
void mcentral_freed(struct mcentral *central, struct mspan *span);
void mcentral_defer_large(struct mspan *span);
unsigned int mcentral_alloc(struct mcentral *central, unsigned int nr, void **objs, bool *dirty);
unsigned int mcentral_take(struct mspan *span, unsigned int nr, void **objs, bool *dirty);
void mcentral_list(struct mcentral *central, struct mspan *span) __must_hold(&central->lock);
void mcentral_put_back(struct mcentral *central, struct mspan *span);
bool mcentral_put_back_locked(struct mcentral *central, struct mspan *span)
	__must_hold(&central->lock);
void mcentral_retired(bool died);
void mcentral_drop_empty(struct mcentral *central);
void mcentral_drop_kept(struct mcentral *central);
void mcentral_drop_all_empty(struct goalloc_heap *heap, struct goalloc_cache *cache);
bool mcentral_kill_large(struct mcentral *central, struct mspan *span);
bool mcentral_kill(struct mspan *span);
void mcentral_free(struct mcentral *central);

/* mcentralgrow.c */
bool mcentral_make_room(struct mcentral *central, u32 npages, u32 align_pages, int err);
bool mcentral_grow(struct mcentral *central, gfp_t gfp);
void *mcentral_alloc_large(struct mcentral *central, u32 npages, gfp_t gfp, bool *dirty);

/*
 * Whether a span into which a slot was freed may have to be listed, or to go. As
 * a rule not: it is on its list, and has objects. @rfree is what the slot's word
 * became, by a full barrier: what has left it is in free, which is read after it.
 */
static __always_inline bool mcentral_wants(const struct mspan *span, unsigned int slot, u64 rfree)
{
	unsigned int first = slot & ~63U;
	u64 avail;

	if (unlikely(!READ_ONCE(span->queued)))
		return true;
	avail = rfree | READ_ONCE(span->bits[slot >> MSPAN_GROUP_SHIFT].free);
	/* All of the group is free; the last one may be shorter. */
	return unlikely(avail == ~0ULL) ||
	       (unlikely(span->nelems - first < 64) && avail == BIT_ULL(span->nelems - first) - 1);
}

/* Whether its objects are freed with no more ado than a bit. */
static __always_inline bool mcentral_is_plain(const struct mcentral *central)
{
	return !(central->flags & (MCENTRAL_DTOR | MCENTRAL_DEBUG | MCENTRAL_GC)) &&
	       !want_init_on_free();
}

/* mcache.c */
extern struct mcache_slot __percpu *mcache_dummy;
int mcache_init(void);
void mcache_exit(void);
struct mcache_slot __percpu *mcache_alloc_slots(void);
bool mcache_set_slots(struct mcentral *central, struct mcache_slot __percpu *slots);
void mcache_install(struct mcentral *central);
void mcache_want(struct mcentral *central, gfp_t gfp);
bool mcache_keep_freed(struct mcentral *central, struct mspan *span);
bool mcache_keep_large(struct mspan *span);
void mcache_drop_large(struct mcentral *central);
void mcache_uninstall(struct mcentral *central);
void mcache_flush_slot(struct mcentral *central, struct mcache_slot *s);
void mcache_flush_aged(struct mcentral *central, struct mcache_slot *s);

/* mflush.c */
int mflush_init(void);
void mflush_exit(void);
void mcache_flush(struct goalloc_heap *heap, struct goalloc_cache *cache);
void mcache_visit(struct goalloc_heap *heap,
		  void (*fn)(struct mcentral *central, struct mcache_slot *s));
bool mcache_try_flush(struct goalloc_heap *heap);
void mcache_age_soon(void);

/* heap.c */
int heaps_init(void);
void heaps_exit(void);
bool goalloc_name_ok(const char *name);
bool heap_exists(const struct goalloc_heap *heap);
void visit_centrals(struct goalloc_heap *heap, struct goalloc_cache *cache,
		    void (*fn)(struct mcentral *central, void *data), void *data);
unsigned long heap_kill_spans(struct goalloc_heap *heap, struct goalloc_cache *cache);

/* cache.c */
void cache_geometry(struct mcentral *central, u32 size, u32 align);
struct goalloc_cache *cache_create(const char *name, unsigned int size,
				   const struct goalloc_cache_args *args, unsigned long flags,
				   struct goalloc_gc_type *type);
void cache_free(struct goalloc_cache *cache);

/* reserve.c */

/**
 * struct reserve_row - what debugfs shows of a reserve
 * @id: never used again
 * @heap: name of the heap
 * @cache: name of the cache, or "-"
 * @size: bytes that are asked for
 * @stats: the counts
 */
struct reserve_row {
	u64 id;
	char heap[GOALLOC_NAME_MAX];
	char cache[GOALLOC_NAME_MAX];
	size_t size;
	struct goalloc_reserve_stats stats;
};

bool reserve_find(u64 id, struct reserve_row *row);
bool reserve_copy(u64 *id, unsigned int *at, unsigned long *objs, unsigned int n);

/* report.c */
void report_init(void);
void report_exit(void);
const char *misuse_name(enum goalloc_misuse kind);
void report_misuse(enum goalloc_misuse kind, const void *addr, const void *expected,
		   unsigned long ip);
void report_late(struct mspan *span, unsigned int group, u64 slots);
void report_overrun(const struct mspan *span, unsigned long addr, unsigned int bytes);
void report_leaks(struct mcentral *central);
void report_damage(enum goalloc_misuse kind, const void *obj, size_t offset, u8 byte,
		   unsigned long ip);
void report_no_memory(const struct mcentral *central, size_t size, gfp_t gfp);

/* debugfs.c */
int goalloc_debugfs_init(void);
void goalloc_debugfs_exit(void);
void goalloc_debugfs_add_heap(struct goalloc_heap *heap);
void goalloc_debugfs_remove_heap(struct goalloc_heap *heap);

#endif /* GOALLOC_INTERNAL_H */
