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
 * @life: how often the slot was handed out
 * @flags: GOALLOC_DEBUG_* of this life
 * @state: enum debug_state; written by who allocates or frees
 */
struct debug_slot {
	struct debug_event alloc;
	struct debug_event free;
	size_t size;
	u32 life;
	u8 flags;
	u8 state;
};

/**
 * struct span_debug - what is known of the objects of a span
 * @rcu: it ends with its span, but may be in use by a report
 * @bits: the slots' state, which follows @slots; unused if the span is large
 * @bytes: of a slot
 * @nslots: how many
 * @slots: one a slot
 */
struct span_debug {
	struct rcu_head rcu;
	struct slot_group *bits;
	size_t bytes;
	unsigned int nslots;
	struct debug_slot slots[];
};

/* The first byte of an object that is not as it was left. */
struct damage {
	unsigned long addr; /* of the object */
	size_t offset;
	u8 byte;
	enum goalloc_misuse kind;
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

/*
 * What is known of a span's slots, or NULL. Preemption is off: it stays until that is
 * on, even if the span ends. A large span that ends may become a small one at once, whose
 * bits take @track's place; but @debug is cleared before, and a small one in turn
 * stays what it is for a grace period: so a second look tells.
 */
static inline struct span_debug *span_track(const struct mspan *span)
{
	struct span_debug *track;

	if (!READ_ONCE(span->debug))
		return NULL;
	track = READ_ONCE(span->track);
	/* Pairs with the mheap's lock, between the end of a span and its next life. */
	smp_rmb();
	return READ_ONCE(span->debug) ? track : NULL;
}

/* The record of the slot that @addr is in, or NULL; likewise. */
static inline struct debug_slot *debug_slot_of(const struct mspan *span, unsigned long addr)
{
	struct span_debug *track = span_track(span);
	unsigned int i = debug_index(span, addr);

	return track && i < track->nslots ? &track->slots[i] : NULL;
}

/* Whether a slot that is not live is in quarantine; preemption is off. */
static inline bool debug_quarantined(const struct mspan *span, unsigned long addr)
{
	const struct debug_slot *slot = debug_slot_of(span, addr);

	return slot && READ_ONCE(slot->state) == DEBUG_QUARANTINED;
}

/* debug.c */
size_t debug_total(const struct goalloc_heap *heap, size_t size);
void *debug_alloc(struct mcentral *central, size_t size, gfp_t gfp);
struct mcentral *debug_central(struct goalloc_heap *heap, size_t total, bool noscan, gfp_t gfp);
void debug_adopt_large(void *obj, struct span_debug *track, size_t size, gfp_t gfp,
		       bool zeroed);
void debug_prepare_cache(struct goalloc_cache *cache);
void debug_join_cache(struct goalloc_cache *cache);
int debug_set_named(struct goalloc_heap *heap, const char *name, unsigned int flags);
int debug_parse(const char *text, unsigned int *flags);
char *debug_letters(unsigned int flags, char text[8]);
unsigned int debug_heap_flags(void);
unsigned long debug_check(struct goalloc_heap *heap);

/* debug_slot.c */
struct span_debug *span_debug_alloc(unsigned int nslots, size_t bytes, gfp_t gfp);
void span_debug_free(struct mspan *span);
void debug_started(void *obj, size_t size, gfp_t gfp, bool zeroed);
void debug_unused(const struct mspan *span, unsigned long addr);
void debug_ended(void *obj, unsigned long ip);
void debug_ended_rcu(struct mspan *span, unsigned long addr);
bool debug_intact(const struct mspan *span, unsigned long addr, struct damage *damage);
void debug_report(const struct damage *damage, unsigned long ip);
size_t debug_sanction(const void *obj);
u32 debug_alloc_stack(const struct mspan *span, unsigned long addr);
void debug_print_stack(u32 stack);
void debug_show_stack(struct seq_file *m, u32 stack);
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
void quarantine_flush_all(struct goalloc_heap *heap);
unsigned int quarantine_held(const struct goalloc_heap *heap);

#endif /* GOALLOC_DEBUG_H */
