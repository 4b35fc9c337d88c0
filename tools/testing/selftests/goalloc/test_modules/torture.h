/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_torture: structures shared by its files.
 *
 *	torture_main.c	parameters, threads, the verdict
 *	torture_irq.c	the interrupts that strike in between: softirq, hardirq, NMI
 *	torture_ops.c	the operations
 *	torture_whole.c	those that concern a heap or cache as a whole
 *	torture_misuse.c	misuse, which must be refused
 *	torture_pens.c	the heaps and caches that objects come from
 *	torture_model.c	what an object must look like
 */
#ifndef GOALLOC_TORTURE_H
#define GOALLOC_TORTURE_H

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/rcupdate.h>

#include "../../../../../goalloc_mod/compat.h"

#define NR_PENS		18	/* heaps and caches that objects come from */
#define NR_EXCHANGE	256	/* objects on their way to another thread */
#define THREAD_OBJS	192	/* objects a thread holds at most */
#define IRQ_OBJS	24	/* objects that one kind of interrupt of a CPU holds at most */
#define NR_PEEK		16	/* type-stable objects shown to lockless readers */
#define MAX_BULK	32
#define RCU_RARE	16U	/* so much rarer at most is goalloc_free_rcu() */
#define TYPESAFE_OBJS	128	/* of a cache whose spans go under a reader */
#define DIGEST_OPS	4096	/* of each thread: what it drew for them shows in the digest */

#define GENERAL_MAX	(40UL << 10)	/* most general objects */
#define LARGE_MAX	(2UL << 20)	/* some of them */
#define HUGE_MAX	(6UL << 20)	/* very few, over an arena of 4 MiB */
#define LARGE_BUDGET	(48UL << 20)	/* of objects over GENERAL_MAX at a time */

/* The life of a pen that comes and goes. */
enum pen_state { PEN_OPEN, PEN_RETIRING, PEN_DEAD, PEN_BUSY };

/**
 * struct pen - where objects come from: a heap, or a cache
 * @heap: the heap of its objects
 * @cache: the cache, or NULL for general objects
 * @own_heap: @heap was made for this pen, and goes with it
 * @size: bytes of the cache's objects
 * @align: what they are aligned to
 * @ctor: the first word of an object is constructed
 * @dtor: each free is counted by the destructor
 * @typesafe: GOALLOC_TYPESAFE_BY_RCU
 * @rcu: objects may be freed by goalloc_free_rcu()
 * @limited: allocations may fail, as the heap has a limit
 * @mortal: it is destroyed and made again during the run
 * @index: of this pen
 * @generation: of a mortal pen
 * @state: of a mortal pen
 * @refs: of a mortal pen: its objects, and one while it is open
 * @allocs: of a mortal pen: objects it gave
 * @misuse: of the pen that stands for @heap: refused calls that the heap must count
 */
struct pen {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	bool own_heap;
	unsigned int size;
	unsigned int align;
	bool ctor;
	bool dtor;
	bool typesafe;
	bool rcu;
	bool limited;
	bool mortal;
	unsigned int index;
	unsigned int generation;
	int state;
	atomic_t refs;
	atomic64_t allocs;
	atomic64_t misuse;
};

/**
 * struct obj - one entry of the reference model
 * @p: the object, or NULL for an entry that is not in use
 * @size: bytes asked for
 * @key: its contents follow from this
 * @pen: where it came from
 * @peek: where lockless readers find it, or -1
 * @whole: all of its pattern was filled in, not only both ends
 *
 * Whoever holds the entry owns the object: a thread, the interrupts of a CPU,
 * or the exchange.
 */
struct obj {
	void *p;
	size_t size;
	u64 key;
	struct pen *pen;
	int peek;
	bool whole;
};

/* Where a call is made from: by threads the first few, by the sides of a CPU the others. */
enum context {
	CTX_SLEEP,
	CTX_PREEMPT,
	CTX_BH,
	CTX_IRQ,
	CTX_SOFTIRQ,
	CTX_HARDIRQ,
	CTX_NMI,
	CTX_NR,
};

#define CTX_FIRST_SIDE	CTX_SOFTIRQ
#define NR_SIDES	(CTX_NR - CTX_FIRST_SIDE)

/* What is called. */
enum call {
	CALL_ALLOC,
	CALL_FREE,
	CALL_FREE_RCU,
	CALL_REALLOC,
	CALL_ALLOC_BULK,
	CALL_FREE_BULK,
	CALL_LOOK,	/* at an object of another's, without lock */
	CALL_NOTHING,	/* NULL, and the object of no bytes */
	CALL_MISUSE,
	CALL_NR,
};

enum count {
	C_ALLOC,
	C_FREE,
	C_REMOTE,	/* objects that came through the exchange */
	C_ATOMIC_FAIL,
	C_ATOMIC,
	C_LIMIT_FAIL,
	C_FAULT_FAIL,	/* what failed because faults are injected, or memory is scarce */
	C_BURIED,
	C_SHRINK,
	C_LIMITS,	/* limits that were set */
	C_TYPESAFE,
	C_DTOR,		/* frees that a destructor must have seen */
	C_NR,
};

/**
 * struct torturer - a thread, or one kind of interrupt of a CPU
 * @key: of its stream of random numbers; from the seed and its number
 * @nops: operations so far
 * @state: of the random numbers; begins anew with each operation
 * @digest: of what was drawn for the first DIGEST_OPS operations
 * @quota: operations to do
 * @ctx: what its calls are made from; of a thread CTX_SLEEP
 * @seq: objects it made
 * @nslots: entries of @slot
 * @slot: the entries of the model that it holds
 * @count: what it did
 * @calls: what it called from where
 * @task: the thread
 * @busy: of the interrupts: keeps two CPUs out, when one went offline
 * @due: of an NMI: it is ours
 * @timer: of hard interrupts: strikes in the middle of what the CPU does
 * @work: of hard interrupts: strikes between two operations
 * @tasklet: of soft interrupts
 *
 * What an operation draws depends on @key and @nops alone, and on nothing that
 * other CPUs do: a seed gives each thread the same stream again.
 */
struct torturer {
	u64 key;
	u64 nops;
	u64 state;
	u64 digest;
	u64 quota;
	enum context ctx;
	u64 seq;
	unsigned int nslots;
	struct obj **slot;
	u64 count[C_NR];
	u64 calls[CALL_NR][CTX_NR];

	struct task_struct *task;

	atomic_t busy;
	int due;
	struct hrtimer timer;
	struct irq_work work;
	struct tasklet_struct tasklet;
};

/* The interrupts of a CPU, by context. */
struct sides {
	struct torturer side[NR_SIDES];
};

extern struct pen pens[NR_PENS];
extern struct obj *exchange[NR_EXCHANGE];
extern u64 __percpu *dtor_runs;
extern atomic_long_t large_bytes;
extern atomic_t failures;
extern unsigned int rare, sample, misuse;
extern bool faults, scarce;
extern struct sides __percpu *sides;

/* torture_main.c */
__printf(1, 2) void torture_fail(const char *fmt, ...);

static inline u64 torture_mix(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

static inline u32 rnd(struct torturer *t)
{
	t->state += 0x9e3779b97f4a7c15ULL;
	return torture_mix(t->state);
}

/* A heap or cache could not be made, and that is what the faults are for. */
static inline bool fault_hit(struct torturer *t, const void *made)
{
	if (!(faults || scarce) || made != ERR_PTR(-ENOMEM))
		return false;
	t->count[C_FAULT_FAIL]++;
	return true;
}

static inline bool one_in(struct torturer *t, u32 n)
{
	return rnd(t) % n == 0;
}

static inline bool is_side(const struct torturer *t)
{
	return t->ctx >= CTX_FIRST_SIDE;
}

/* torture_irq.c */
void sides_start(void);
void sides_stop(void);
void sides_invite(struct torturer *t);

/* torture_model.c */
void model_check_new(struct torturer *t, struct obj *o, bool zeroed);
void model_fill(struct torturer *t, struct obj *o);
bool model_check(const struct obj *o, const char *when);
void model_mark(struct obj *o, size_t n);
void model_check_mark(const struct obj *o, const void *p, size_t n);
void model_ctor(void *p);
void model_dtor(void *p);
bool model_constructed(const void *p);

/* torture_pens.c */
int pens_create(struct torturer *t);
void pens_destroy(struct torturer *t);
struct pen *pen_get(struct torturer *t, bool may_sleep);
void pen_put(struct pen *pen);
void pen_retire(struct pen *pen);
void pen_rebuild(struct torturer *t, struct pen *pen);
struct pen *pen_of_heap(struct pen *pen);

/* torture_ops.c */
void torture_op(struct torturer *t);
void torture_drain(struct torturer *t);
void torture_free(struct torturer *t, struct obj *o);
bool torture_retiring(const struct obj *o);

/* torture_whole.c */
void whole_op(struct torturer *t);

/* torture_misuse.c */
int misuse_create(void);
void misuse_destroy(void);
void misuse_op(struct torturer *t, const struct obj *o);
void misuse_rcu(struct torturer *t, struct pen *pen, void *p);

#endif /* GOALLOC_TORTURE_H */
