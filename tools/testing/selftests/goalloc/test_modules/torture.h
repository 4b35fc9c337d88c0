/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_torture: structures shared by its files.
 *
 *	torture_main.c	parameters, threads, interrupts, the verdict
 *	torture_ops.c	the operations
 *	torture_pens.c	the heaps and caches that objects come from
 *	torture_model.c	what an object must look like
 */
#ifndef GOALLOC_TORTURE_H
#define GOALLOC_TORTURE_H

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>

#include "../../../../../goalloc_mod/compat.h"

#define NR_PENS		18	/* heaps and caches that objects come from */
#define NR_EXCHANGE	256	/* objects on their way to another thread */
#define THREAD_OBJS	192	/* objects a thread holds at most */
#define IRQ_OBJS	24	/* objects the interrupts of one CPU hold at most */
#define NR_PEEK		16	/* type-stable objects shown to lockless readers */
#define MAX_BULK	32
#define TYPESAFE_OBJS	128	/* of a cache whose spans go under a reader */

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
};

/**
 * struct obj - one entry of the reference model
 * @p: the object, or NULL for an entry that is not in use
 * @size: bytes asked for
 * @key: its contents follow from this
 * @pen: where it came from
 * @peek: where lockless readers find it, or -1
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
};

enum count {
	C_OPS,
	C_ALLOC,
	C_FREE,
	C_REMOTE,	/* objects that came through the exchange */
	C_REALLOC,
	C_BULK,
	C_RCU,
	C_ATOMIC_FAIL,
	C_ATOMIC,
	C_LIMIT_FAIL,
	C_FAULT_FAIL,	/* what failed because faults are injected */
	C_BURIED,
	C_SHRINK,
	C_PEEK,
	C_TYPESAFE,
	C_DTOR,		/* frees that a destructor must have seen */
	C_NR,
};

/**
 * struct torturer - a thread, or the interrupts of a CPU
 * @rnd: its random numbers
 * @seq: objects it made
 * @irq: it is the interrupts of a CPU
 * @nslots: entries of @slot
 * @slot: the entries of the model that it holds
 * @count: what it did
 * @task: the thread
 * @busy: of the interrupts: keeps two CPUs out, when one went offline
 * @timer: strikes in the middle of what the CPU does
 * @work: strikes between two operations
 */
struct torturer {
	struct rnd_state rnd;
	u64 seq;
	bool irq;
	unsigned int nslots;
	struct obj **slot;
	u64 count[C_NR];

	struct task_struct *task;

	atomic_t busy;
	struct hrtimer timer;
	struct irq_work work;
};

extern struct pen pens[NR_PENS];
extern struct obj *exchange[NR_EXCHANGE];
extern atomic64_t dtor_runs;
extern atomic_long_t large_bytes;
extern atomic_t failures;
extern bool faults;

/* torture_main.c */
__printf(1, 2) void torture_fail(const char *fmt, ...);

static inline u32 rnd(struct torturer *t)
{
	return prandom_u32_state(&t->rnd);
}

/* A heap or cache could not be made, and that is what the faults are for. */
static inline bool fault_hit(struct torturer *t, const void *made)
{
	if (!faults || made != ERR_PTR(-ENOMEM))
		return false;
	t->count[C_FAULT_FAIL]++;
	return true;
}

static inline bool one_in(struct torturer *t, u32 n)
{
	return rnd(t) % n == 0;
}

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

/* torture_ops.c */
void torture_op(struct torturer *t);
void torture_drain(struct torturer *t);
void torture_free(struct torturer *t, struct obj *o);

#endif /* GOALLOC_TORTURE_H */
