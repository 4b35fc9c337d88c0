/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debugging of objects, switched on at run time for a heap or a cache.
 *
 * New objects come from spans of their own then, of centrals with MCENTRAL_DEBUG,
 * which no CPU owns: the fast paths meet none of it, and what was allocated before
 * is freed as ever. All that is known of a slot is in a struct debug_slot outside
 * of the arenas.
 */
#ifndef GOALLOC_DEBUG_H
#define GOALLOC_DEBUG_H

#include "goalloc_internal.h"

/* Bytes behind an object that are its red zone, at least. */
#define DEBUG_ZONE 8

/* Objects that are kept from being handed out again, and their bytes, for a heap. */
#define QUARANTINE_OBJS 512
#define QUARANTINE_BYTES BIT(20)

enum debug_state {
	DEBUG_NEW, /* never handed out */
	DEBUG_LIVE,
	DEBUG_RCU, /* freed, and waiting for a grace period */
	DEBUG_FREE,
	DEBUG_QUARANTINED,
};

/* An allocation or a free. */
struct debug_event {
	u32 stack; /* in the stack depot, or 0 */
	pid_t pid;
	unsigned long when; /* jiffies */
};

/**
 * struct debug_slot - what is known of an object, or was of the last one
 * @alloc: its allocation
 * @free: its free
 * @size: bytes that were asked for, or sanctioned since; the red zone is the rest of
 *	the slot
 * @state: enum debug_state; written by who allocates or frees
 */
struct debug_slot {
	struct debug_event alloc;
	struct debug_event free;
	size_t size;
	u8 state;
};

/**
 * struct span_debug - what is known of the objects of a span
 * @rcu: it ends with its span, but may be in use by a report
 * @flags: GOALLOC_DEBUG_* of the span
 * @bits: the slots' state, which follows @slots; unused if the span is large
 * @slots: one a slot
 */
struct span_debug {
	struct rcu_head rcu;
	u8 flags;
	struct slot_group *bits;
	struct debug_slot slots[];
};

/* Objects that were freed, oldest first: a ring. */
struct quarantine {
	raw_spinlock_t lock; /* innermost */
	unsigned int first;
	unsigned int n;
	size_t bytes;
	struct {
		unsigned long addr;
		size_t bytes;
	} objs[QUARANTINE_OBJS];
};

/**
 * struct heap_debug - what debugging needs in a heap
 * @central: of general objects, by span class
 * @quarantine: of all of the heap's objects
 */
struct heap_debug {
	struct mcentral *central[NUM_SPAN_CLASSES];
	struct quarantine quarantine;
};

/* The slot that @addr is in; a large span has one. Preemption is off. */
static inline unsigned int debug_index(const struct mspan *span, unsigned long addr)
{
	return mul_u64_u32_shr(addr - span->base, span->divmul, 32);
}

static inline struct debug_slot *debug_slot_of(const struct mspan *span, unsigned long addr)
{
	return &span->track->slots[debug_index(span, addr)];
}

static inline size_t debug_slot_bytes(const struct mspan *span)
{
	return span->elemsize ?: (size_t)span->npages << GOALLOC_PAGE_SHIFT;
}

/* Whether a slot that is not live is in quarantine; preemption is off. */
static inline bool debug_quarantined(const struct mspan *span, unsigned long addr)
{
	return span->debug &&
	       READ_ONCE(debug_slot_of(span, addr)->state) == DEBUG_QUARANTINED;
}

/* debug.c */
size_t debug_total(const struct goalloc_heap *heap, size_t size);
void *debug_alloc(struct goalloc_heap *heap, struct goalloc_cache *cache, size_t size,
		  bool noscan, gfp_t gfp);
void debug_adopt_large(void *obj, struct span_debug *track, size_t size, gfp_t gfp,
		       bool zeroed);
int debug_join_cache(struct goalloc_cache *cache);
int debug_set_named(struct goalloc_heap *heap, const char *name, unsigned int flags);
int debug_parse(const char *text, unsigned int *flags);
char *debug_letters(unsigned int flags, char text[8]);
unsigned int debug_heap_flags(void);
unsigned long debug_check(struct goalloc_heap *heap);

/* debug_slot.c */
struct span_debug *span_debug_alloc(const struct mcentral *central, unsigned int nelems,
				    gfp_t gfp);
void span_debug_free(struct mspan *span);
void debug_started(void *obj, size_t size, gfp_t gfp, bool zeroed);
void debug_ended(void *obj, unsigned long ip);
void debug_ended_rcu(struct mspan *span, unsigned long addr);
bool debug_intact(const struct mspan *span, unsigned long addr, unsigned long *bad,
		  enum goalloc_misuse *kind);
void debug_report(unsigned long addr, unsigned long bad, enum goalloc_misuse kind,
		  unsigned long ip);
size_t debug_sanction(const void *obj);
u32 debug_alloc_stack(const struct mspan *span, unsigned long addr);
void debug_print_stack(u32 stack);
void debug_print(unsigned long addr);

/* kasan.c */
#ifdef CONFIG_KASAN_VMALLOC
int goalloc_kasan_init(void);
void goalloc_kasan_exit(void);
#else
static inline int goalloc_kasan_init(void)
{
	return 0;
}

static inline void goalloc_kasan_exit(void)
{
}
#endif

/* quarantine.c */
bool quarantine_put(struct mspan *span, unsigned long addr);
void quarantine_flush(struct goalloc_heap *heap);
unsigned int quarantine_held(const struct goalloc_heap *heap);

#endif /* GOALLOC_DEBUG_H */
