/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The collector of managed heaps: structures, and the prototypes by file.
 *
 * The protocol, and why it loses nothing, is in Documentation/gc.rst; its models are
 * tools/models/gc.pml and others. A cycle, by goalloc_heap.gc_word:
 *
 *	OFF	all is swept, or being so; marks of what is swept are 0
 *	MARK	stores shade, windows of free slots are black
 *	DRAIN	marking is over and the generation is the next; stores do not shade any
 *		more, windows are black yet, and nobody sweeps
 *
 * The heap's thread is the word's only writer. Sections (mgcsection.c) that began in one
 * phase are waited for before what the next but one allows.
 *
 * Of a managed span's slots the four words of struct slot_group are in struct span_gc,
 * outside of the mspan. Mark bits are set by anyone, atomically; they are cleared by
 * the sweep, and that is the span's owner's.
 */
#ifndef GOALLOC_MGC_H
#define GOALLOC_MGC_H

#include <linux/goalloc_gc.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <asm/local.h>

#include "goalloc_internal.h"

enum gc_phase { GC_OFF = 0, GC_MARK = 1, GC_DRAIN = 2 };
enum gc_special_kind { GC_WEAK, GC_FINALIZER, GC_SPECIAL_KINDS };

#define GC_PHASE_BITS 2

/* Pointers that are followed, or slots that are swept, before others may have the CPU. */
#define GC_BATCH 64

/* A large object is scanned in pieces of this many bytes, by whoever is idle (Go's oblets). */
#define GC_PIECE 131072UL

/* Bytes of empty spans that a heap keeps at most, to allocate from until the next cycle. */
#define GC_MAX_ROOM SZ_16M

/* Full spans that are swept for want of room before a new one is made: Go's budget. */
#define GC_SWEEP_BUDGET 100

/**
 * struct span_gc - what the collector keeps of a span
 * @gray: on the list of spans to scan
 * @span: the span
 * @queued: on that list, or about to be
 * @sweepgen: the generation that it was swept for last; its owner's
 * @listgen: its central's @listgen if it is on the list of swept spans; the central's lock
 * @node: on its central's list of swept or unswept spans; the central's lock
 * @piece: of a large object: where the next piece to scan begins
 * @specials: weak references to its objects, and finalizers; the heap's special_lock
 * @rcu: it ends with its span, but may be looked at
 * @scanned: slots that are marked and have been scanned, by group; behind @bits
 * @bits: the slots' state
 */
struct span_gc {
	struct llist_node gray;
	struct mspan *span;
	u8 queued;
	u32 sweepgen;
	u32 listgen;
	struct list_head node;
	atomic_long_t piece;
	struct hlist_head specials[GC_SPECIAL_KINDS];
	struct rcu_head rcu;
	atomic64_t *scanned;
	struct slot_group bits[];
};

/**
 * struct gc_cpu - what a CPU has for a managed heap
 * @gray: spans to scan
 * @nqueued: how many were put there, ever
 * @marked: bytes that were marked in this cycle
 * @objects: and objects
 * @begun: sections that began here, on either side; mgcsection.c
 * @ended: sections that ended here
 * @tiny: what is left of the last block of small pointer-free objects
 * @tiny_left: bytes of it
 * @tiny_word: the heap's word when it was allocated
 *
 * Interrupts count, too.
 */
struct gc_cpu {
	struct llist_head gray;
	local_t nqueued;
	local_t marked;
	local_t objects;
	local_t begun[2];
	local_t ended[2];
	unsigned long tiny;
	unsigned int tiny_left;
	unsigned long tiny_word;
};

/**
 * struct goalloc_gc_type - a type of a managed heap
 * @heap: the heap; types live as long as it does
 * @node: on its list of types; heaps_lock
 * @cache: of single objects
 * @array: of arrays, by size class, which appear at first use; class 0 is for large ones
 * @size: bytes from element to element
 * @nptrs: elements of @ptrs
 * @ptrs: where the pointers are
 */
struct goalloc_gc_type {
	struct goalloc_heap *heap;
	struct list_head node;
	struct goalloc_cache *cache;
	struct mcentral *array[GOALLOC_NUM_CLASSES];
	unsigned int size;
	unsigned int nptrs;
	struct goalloc_gc_ptrs ptrs[];
};

/**
 * struct gc_root - a registered range
 * @node: on the heap's list; roots_lock
 * @base: its first word
 * @nwords: how many
 * @owner: who registered it
 */
struct gc_root {
	struct list_head node;
	void **base;
	size_t nwords;
	struct module *owner;
};

/* A counted root. */
struct goalloc_gc_handle {
	struct goalloc_heap *heap;
	void *obj;
	refcount_t refs;
	u32 id;
	struct rcu_head rcu;
};

/**
 * struct gc_special - what is to be done when an object goes; all under special_lock
 * @node: on the list of the object's span
 * @all: on the heap's list of its kind, or of finalizers that are to run
 * @kind: of which it is
 * @obj: the object
 */
struct gc_special {
	struct hlist_node node;
	struct list_head all;
	enum gc_special_kind kind;
	void *obj;
};

struct goalloc_gc_weak {
	struct gc_special special;
	struct goalloc_heap *heap;
};

struct gc_finalizer {
	struct gc_special special;
	void (*fn)(void *obj, void *data);
	void *data;
};

/**
 * struct gc_heap - the collector of a managed heap
 * @heap: the heap
 * @cpu: per CPU
 * @side: where sections begin now, 0 or 1; who waits for them alone writes it
 * @waiter: who waits for the end of one
 * @section_map: sections, for lockdep
 * @section_key: of that
 * @types: its types; heaps_lock
 * @tiny: of blocks that small pointer-free objects share; appears at first use
 *
 * @thread: runs the cycles
 * @wait: for @thread, for its helpers' end, and for who waits for a cycle
 * @irq: wakes @thread from contexts that may not
 * @stop: the heap goes: abort the cycle
 * @kicked: a cycle is due
 * @asked: cycles that were asked for: @thread's next begins after what was asked
 * @begun: of @asked, those that the last cycle to begin is for
 * @done: those that the last one to end was for
 * @waiting: who is in goalloc_gc_collect()
 *
 * @g1: sections that began before marking did have ended: what is in a window of free
 *	slots from now on need not be scanned, and assists may scan
 * @busy: helpers that scan
 * @helpers: on the list of heaps that want help; mgcwork.c
 * @gray_lock: guards @gray
 * @gray: spans to scan that were taken off the CPUs' lists
 *
 * @roots_lock: guards @roots; held while one is scanned, so that it stays
 * @roots: registered ranges
 * @handles: all handles
 * @special_lock: guards specials, and the lists of them
 * @weak: weak references that were not cleared
 * @nweak: how many there are, cleared ones too
 * @finalizers: all finalizers, of reachable objects
 * @to_finalize: those of objects that were found unreachable
 * @nspecials: how many there are on @weak and @finalizers
 * @nto_finalize: and on @to_finalize
 * @weak_final: which weak references die is decided
 * @finalize_work: runs @to_finalize
 * @final_irq: queues that from contexts that may not
 * @finalizing: the one whose callback runs, or NULL
 *
 * @percent: GOGC: how much the heap may grow between cycles; negative for never
 * @limit: bytes of objects at which a cycle begins anyhow
 * @live: bytes handed out to CPUs, and not known to be free
 * @live_at_mark: @live when the cycle began
 * @runway: bytes that were handed out while the last cycle ran
 * @trigger: at which @live the next cycle begins
 * @goal: at which it should be over
 * @bucket: CPU time of the collector beyond its share; ns; see mgcpacer.c
 * @bucket_time: when that was last looked at
 * @stats: for goalloc_gc_stats(); @thread's but for the atomic ones
 * @assist_ns: part of it
 * @mark_ns: likewise
 * @swept: objects reclaimed
 * @spans_freed: likewise
 * @trace: print a line for each cycle
 * @checkmark: look twice in each cycle
 */
struct gc_heap {
	struct goalloc_heap *heap;
	struct gc_cpu __percpu *cpu;
	unsigned int side;
	struct task_struct *waiter;
	struct lockdep_map section_map;
	struct lock_class_key section_key;
	struct list_head types;
	struct mcentral *tiny;

	struct task_struct *thread;
	wait_queue_head_t wait;
	struct irq_work irq;
	bool stop;
	bool kicked;
	atomic_long_t asked;
	unsigned long begun;
	unsigned long done;
	atomic_t waiting;

	bool g1;
	atomic_t busy;
	struct list_head helpers;
	raw_spinlock_t gray_lock;
	struct llist_node *gray;

	struct mutex roots_lock; /* see above */
	struct list_head roots;
	struct xarray handles;
	raw_spinlock_t special_lock;
	struct list_head weak;
	atomic_long_t nweak;
	struct list_head finalizers;
	struct list_head to_finalize;
	unsigned long nspecials[GC_SPECIAL_KINDS];
	unsigned long nto_finalize;
	bool weak_final;
	struct work_struct finalize_work;
	struct irq_work final_irq;
	struct gc_finalizer *finalizing;

	int percent;
	unsigned long limit;
	atomic_long_t live;
	long live_at_mark;
	long runway;
	unsigned long trigger;
	unsigned long goal;
	atomic64_t bucket;
	u64 bucket_time;
	struct goalloc_gc_stats stats;
	atomic64_t assist_ns;
	atomic64_t mark_ns;
	atomic64_t swept;
	atomic64_t spans_freed;
	bool trace;
	bool checkmark;
};

void gc_missing(const struct goalloc_heap *heap);

/* The collector of what should be a managed heap; if it is not, NULL, and that is said. */
static inline struct gc_heap *gc_heap_of(const struct goalloc_heap *heap)
{
	if (unlikely(!heap->gc))
		gc_missing(heap);
	return heap->gc;
}

static inline unsigned long gc_word(const struct goalloc_heap *heap)
{
	return READ_ONCE(heap->gc_word.word);
}

static inline enum gc_phase gc_phase(unsigned long word)
{
	return word & (BIT(GC_PHASE_BITS) - 1);
}

static inline u32 gc_generation(unsigned long word)
{
	return word >> GC_PHASE_BITS;
}

static inline bool mcentral_is_managed(const struct mcentral *central)
{
	return central->flags & MCENTRAL_GC;
}

/* Whether an object of it may be several, which nobody can free alone. */
static inline bool mcentral_is_tiny(const struct mcentral *central)
{
	return mcentral_is_managed(central) && central == READ_ONCE(central->heap->gc->tiny);
}

/* Whether its objects have pointers to follow. */
static inline bool mcentral_has_pointers(const struct mcentral *central)
{
	return central->type && central->type->nptrs;
}

/* Bytes that are going to be allocated before the next cycle is over, as is planned. */
static inline unsigned long gc_room(const struct gc_heap *gc)
{
	long room = READ_ONCE(gc->goal) - atomic_long_read(&gc->live);

	return clamp(room, 0, GC_MAX_ROOM);
}

/*
 * For the tests: points at which a race is decided, where they may come in between, and
 * remedies that they may leave out, to see what they are good for. On the slow paths
 * alone, and a branch that is patched out where no test has asked for it.
 */
enum gc_test_point {
	GC_AT_MARK, /* marking is on, no CPU has been visited */
	GC_AT_G1, /* the first grace period is over, no root was scanned */
	GC_AT_DRAINED, /* nothing is left to scan */
	GC_AT_CLEAN, /* and nothing was found in a grace period */
	GC_AT_DRAIN, /* the phase is DRAIN */
	GC_AT_OFF, /* sweeping is about to begin */
	GC_AT_SHADE_NEW, /* a store has seen that the heap marks */
	GC_AT_SHADED, /* an object is marked, its span not queued */
	GC_AT_ROOT, /* a root is being scanned */
	GC_AT_FINALIZER, /* an object with a finalizer was scanned */
	GC_AT_CLAIM, /* a span is claimed, the phase not read */
	GC_AT_SWEEP, /* spans are listed as unswept, and none is swept by the thread */
	GC_NR_TEST_POINTS
};

enum gc_remedy {
	GC_G1 = BIT(0), /* the grace period after MARK */
	GC_REPEAT = BIT(1), /* until a grace period was clean */
	GC_STEP7 = BIT(2), /* the grace period after DRAIN */
	GC_SHADE_NEW = BIT(3),
	GC_ONE_STORE = BIT(4), /* phase and generation change at once */
	GC_BLACKEN = BIT(5), /* of windows, at the visit and the claim */
	GC_WEAK_CHECK = BIT(6), /* before weak references are final */
	GC_STICKY = BIT(7), /* termination by count, and not by empty queues */
	GC_XCHG = BIT(8), /* replaced and read in one step */
	GC_SHADE_OLD = BIT(9),
};

struct gc_test {
	void (*point)(struct gc_heap *gc, enum gc_test_point point, void *data);
	void *data;
	unsigned long omit; /* enum gc_remedy */
};

DECLARE_STATIC_KEY_FALSE(gc_testing);
extern struct gc_test gc_test;

static __always_inline void gc_point(struct gc_heap *gc, enum gc_test_point point)
{
	if (static_branch_unlikely(&gc_testing) && gc_test.point)
		gc_test.point(gc, point, gc_test.data);
}

static __always_inline bool gc_omits(enum gc_remedy remedy)
{
	return static_branch_unlikely(&gc_testing) && gc_test.omit & remedy;
}

/* mgc.c */
int mgc_create(struct goalloc_heap *heap);
void mgc_stop(struct goalloc_heap *heap);
void mgc_destroy(struct goalloc_heap *heap);
void mgc_kick(struct gc_heap *gc);
unsigned long mgc_pressure(bool kick);
void gc_print_trace(struct gc_heap *gc, u64 ns, u64 swept);

/* mgcmark.c */
void gc_shade(struct gc_heap *gc, unsigned long addr);
void gc_count(struct gc_heap *gc);
void gc_queue(struct gc_heap *gc, struct span_gc *sg);
bool gc_scan_some(struct gc_heap *gc, unsigned int nspans);
bool gc_has_gray(struct gc_heap *gc);
unsigned long gc_nqueued(struct gc_heap *gc);
void gc_scan_words(struct gc_heap *gc, void **words, size_t n);
void gc_scan_object(struct gc_heap *gc, const struct goalloc_gc_type *type, unsigned long obj,
		    unsigned long bytes);
void gc_mark_reset(struct gc_heap *gc);
u64 gc_check_marks(struct gc_heap *gc);

/* mgcwork.c */
void gc_work_start(void);
void gc_work_stop(void);
void gc_work_help(struct gc_heap *gc);
void gc_work_done(struct gc_heap *gc);
void gc_work_wake(void);

/* mgcspan.c */
struct span_gc *span_gc_alloc(unsigned int nelems, gfp_t gfp);
void span_gc_free(struct span_gc *sg);
void span_gc_end(struct mspan *span);
void span_gc_fill(void);
void span_gc_start(void);
void span_gc_exit(void);

/* mgcsweep.c */
void gc_span_born(struct mcentral *central, struct mspan *span);
void gc_span_dies(struct mcentral *central, struct mspan *span);
bool gc_make_room(struct mcentral *central, gfp_t gfp);
void gc_freed(struct mspan *span, unsigned int slot);
void gc_claimed(struct mspan *span);
void gc_blacken(struct mspan *span);
void gc_visit_slot(struct mcentral *central, struct mcache_slot *s);
void gc_sweep_begin(struct gc_heap *gc);
bool gc_sweep_central(struct mcentral *central, unsigned int budget, bool for_room);
void gc_sweep_all(struct gc_heap *gc);

/* mgctype.c */
void gc_visit_types(struct gc_heap *gc, void (*fn)(struct mcentral *central, void *data),
		    void *data);
void gc_free_types(struct gc_heap *gc);

/* mgcroot.c */
void gc_visit_handles(struct gc_heap *gc, void (*fn)(unsigned long obj, void *data), void *data);
void gc_scan_roots(struct gc_heap *gc);
void gc_count_roots(struct gc_heap *gc, u64 *roots, u64 *handles);
void gc_forget_roots(struct gc_heap *gc, struct module *mod);
void gc_free_roots(struct gc_heap *gc);

/* mfinal.c */
void gc_scan_finalizers(struct gc_heap *gc);
bool gc_close_weak(struct gc_heap *gc, unsigned long nqueued);
u64 gc_sweep_specials(struct gc_heap *gc, struct mspan *span, unsigned int k, u64 dead);
void gc_drop_specials(struct gc_heap *gc, struct mspan *span, unsigned int slot);
void gc_finalize_work_fn(struct work_struct *work);
void gc_final_irq_fn(struct irq_work *work);
bool gc_forget_finalizers(struct gc_heap *gc, struct module *mod);
int gc_final_start(void);
void gc_final_stop(void);
void gc_final_wait(void);
void gc_free_specials(struct gc_heap *gc);

/* When a task began to work for the collector. */
struct gc_clock {
	u64 ns;
	u64 cpu_ns;
	unsigned long switches;
};

/* mgcpacer.c */
void gc_pace(struct gc_heap *gc);
bool gc_may_assist(struct gc_heap *gc);
void gc_assist(struct mcentral *central, gfp_t gfp);
void gc_charge(struct mspan *span, bool taken);
void gc_clock_start(struct gc_clock *clock);
void gc_limiter_add(struct gc_heap *gc, const struct gc_clock *clock);

/* mgcsection.c */
void gc_section_wait(struct gc_heap *gc);
void gc_section_wake(struct gc_heap *gc);
void gc_section_ended(struct gc_heap *gc);

/* A section begins; returns its side. Any context but NMI. */
static __always_inline int gc_section_begin(struct gc_heap *gc)
{
	unsigned int side;

	lock_map_acquire_read(&gc->section_map);
	preempt_disable();
	side = READ_ONCE(gc->side);
	local_inc(&this_cpu_ptr(gc->cpu)->begun[side]);
	preempt_enable();
	/* The count before what is done in the section: see mgcsection.c. */
	smp_mb();
	return side;
}

/* And ends, on whatever CPU. */
static __always_inline void gc_section_end(struct gc_heap *gc, int side)
{
	lock_map_release(&gc->section_map);
	/* What was done before the count. */
	smp_mb();
	preempt_disable();
	local_inc(&this_cpu_ptr(gc->cpu)->ended[side]);
	if (unlikely(READ_ONCE(gc->waiter)))
		gc_section_ended(gc);
	/* From here on the heap may be gone. */
	preempt_enable();
}

/* mgcbarrier.c */
bool gc_knows_sections(void);
bool gc_in_section(struct gc_heap *gc);
void gc_name_sections(struct gc_heap *gc);

#endif /* GOALLOC_MGC_H */
