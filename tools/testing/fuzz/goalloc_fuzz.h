/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_fuzz: structures shared by its files.
 *
 *	fuzz_main.c	the device, and the begin and the end of a program
 *	fuzz_alloc.c	operations that allocate
 *	fuzz_free.c	operations that free
 *	fuzz_reserve.c	a reserve's life
 *	fuzz_ask.c	operations that look at pointers and objects
 *	fuzz_owners.c	operations on heaps and caches
 *	fuzz_leaks.c	leak reports
 *	fuzz_gc*.c	managed heaps: fuzz_gc.h
 *	fuzz_call.c	a call of goalloc in its context, and what must come of it
 *	fuzz_model.c	what is known of objects and pointers
 */
#ifndef GOALLOC_FUZZ_H
#define GOALLOC_FUZZ_H

#include <linux/atomic.h>
#include <linux/goalloc.h>

#include "../../../goalloc_mod/debug.h"
#include "fuzz_gc.h"
#include "program.h"

#define FUZZ_BUDGET (24UL << 20) /* bytes of live objects at a time */
#define FUZZ_SECONDS 3 /* for one program */
#define FUZZ_USER_BYTES (64UL << 10) /* of user memory to copy from and to */
#define FUZZ_BULK 32

/**
 * struct fuzz_obj - an object register
 * @p: the object, or where one was, or NULL
 * @size: bytes that hold its pattern, for a live one
 * @room: what goalloc_size() said of it
 * @heap: index of its heap
 * @cache: index of its cache, or -1
 * @fill: the pattern
 * @live: it is an object
 * @zero: every allocation of it asked for zeroes
 */
struct fuzz_obj {
	u8 *p;
	size_t size;
	size_t room;
	int heap;
	int cache;
	u8 fill;
	bool live;
	bool zero;
};

struct fuzz_heap {
	struct goalloc_heap *heap;
	u64 live; /* objects in the model */
	u64 base; /* objects of others */
	u64 allowed; /* bytes of spans */
	bool limited;
	unsigned int debug; /* GOALLOC_DEBUG_* of new objects */
	char name[GOALLOC_NAME_MAX];
};

struct fuzz_cache {
	struct goalloc_cache *cache;
	int heap;
	unsigned int size;
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	bool ctor;
	bool dtor;
	unsigned int debug; /* beyond those of its heap */
	char name[GOALLOC_NAME_MAX];
};

/**
 * struct fuzz_run - a program under way
 * @objs: the object registers
 * @heaps: the heaps
 * @caches: the caches
 * @at: index of the operation
 * @op: the operation
 * @gfp: the last of the flags that a program can name
 * @context: of calls that can be made anywhere
 * @cpu: for CONTEXT_CALL
 * @args: for the next cache
 * @flags: for the next cache
 * @held: bytes of live objects
 * @names: made so far
 * @fills: patterns used so far
 * @dtors: runs of dtors that must have been
 * @late_dtors: those that may have been, and must after a grace period
 * @rcu: objects wait for a grace period
 * @user: memory to copy from and to, FUZZ_USER_BYTES of it, or 0
 * @reported: there was a leak report
 * @gc: managed heaps
 * @failed: a check has
 * @verdict: what to tell the reader
 */
struct fuzz_run {
	struct fuzz_obj objs[FUZZ_OBJS];
	struct fuzz_heap heaps[FUZZ_HEAPS];
	struct fuzz_cache caches[FUZZ_CACHES];
	unsigned int at;
	struct fuzz_op op;
	gfp_t gfp;
	enum fuzz_context context;
	unsigned int cpu;
	struct goalloc_cache_args args;
	unsigned long flags;
	size_t held;
	unsigned int names;
	unsigned int fills;
	long dtors;
	long late_dtors;
	bool rcu;
	unsigned long user;
	bool reported;
	struct fuzz_gc gc;
	bool failed;
	char verdict[256];
};

/* What can be called. */
enum fuzz_function {
	DO_ALLOC, DO_ALLOC_NOSCAN, DO_ALLOC_MEMPOOL, DO_HEAP_ALLOC, DO_HEAP_ALLOC_NOSCAN,
	DO_CALLOC, DO_ALLOC_ARRAY, DO_REALLOC, DO_ALLOC_BULK, DO_MEMDUP, DO_STRDUP,
	DO_CACHE_ALLOC, DO_CACHE_ALLOC_MEMPOOL, DO_CACHE_ALLOC_BULK,
	DO_FREE, DO_FREE_SENSITIVE, DO_FREE_RCU, DO_FREE_MEMPOOL, DO_FREE_BULK,
	DO_HEAP_FREE, DO_CACHE_FREE, DO_CACHE_FREE_MEMPOOL, DO_CACHE_FREE_BULK,
	DO_RESERVE_CREATE, DO_RESERVE_CREATE_SIZE, DO_RESERVE_TAKE, DO_RESERVE_PUT,
	DO_RESERVE_REFILL, DO_RESERVE_DESTROY,
	DO_SIZE, DO_OWNER, DO_DUMP, DO_COPY_TO, DO_COPY_FROM,
	DO_GC_ALLOC, DO_GC_ALLOC_ARRAY, DO_GC_ALLOC_NOSCAN, DO_GC_ASSIGN, DO_GC_COPY,
};

/**
 * struct fuzz_call - a call, and what must come of it
 * @fn: the function
 * @heap: argument
 * @cache: argument
 * @reserve: argument
 * @p: argument: an object or a source
 * @size: argument
 * @nr: argument
 * @gfp: argument
 * @objs: argument
 * @user: argument
 * @managed: the heap whose section it is in, for DO_GC_ALLOC and what follows
 * @type: argument
 * @to: argument
 * @misuses: how many must be counted
 * @kinds: as one of these, by bit
 * @dtors: runs of dtors it must lead to
 * @ret: pointer that came back
 * @n: number that came back
 */
struct fuzz_call {
	enum fuzz_function fn;
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	struct goalloc_reserve *reserve;
	void *p;
	size_t size;
	size_t nr;
	gfp_t gfp;
	void **objs;
	void __user *user;
	struct goalloc_heap *managed;
	struct goalloc_gc_type *type;
	void *to;
	long misuses;
	unsigned long kinds;
	long dtors;
	void *ret;
	size_t n;
};

/* Where a pointer points. */
enum fuzz_place { PLACE_NOTHING, PLACE_OBJECT, PLACE_INSIDE, PLACE_NO_OBJECT };

/* What a pointer to no object may be counted as, if no owner is asked for. */
#define NO_OBJECT_KINDS (BIT(MISUSE_DOUBLE_FREE) | BIT(MISUSE_FREE_RCU_PENDING) | \
			 BIT(MISUSE_INTERIOR) | BIT(MISUSE_DEAD) | BIT(MISUSE_FOREIGN))

/* fuzz_main.c */
__printf(2, 3) void fuzz_fail(struct fuzz_run *run, const char *fmt, ...);

/* fuzz_model.c */
extern atomic_long_t fuzz_dtor_runs, fuzz_dtor_faults;
void fuzz_ctor(void *p);
void fuzz_dtor(void *p);
bool fuzz_is_managed(const void *p);
void *fuzz_pointer(const struct fuzz_obj *o, u8 offset);
enum fuzz_place fuzz_place(struct fuzz_run *run, const void *p, struct fuzz_obj **objp);
void fuzz_new(struct fuzz_run *run, struct fuzz_obj *o, void *p, size_t size, size_t align,
	      bool zeroed);
void fuzz_fill(struct fuzz_run *run, struct fuzz_obj *o);
bool fuzz_check(struct fuzz_run *run, const struct fuzz_obj *o, const void *p, size_t size,
		const char *when);
void fuzz_gone(struct fuzz_run *run, struct fuzz_obj *o);
bool fuzz_has_ctor(const struct fuzz_run *run, const struct fuzz_obj *o);
bool fuzz_has_dtor(const struct fuzz_run *run, const struct fuzz_obj *o);

/* fuzz_call.c */
gfp_t fuzz_gfp(const struct fuzz_run *run, u8 c, bool nofail);
bool fuzz_gfp_bad(gfp_t gfp);
bool fuzz_may_fail(const struct fuzz_run *run, const struct fuzz_heap *heap, size_t size,
		   gfp_t gfp);
void fuzz_issue(struct fuzz_run *run, struct fuzz_call *call);

/* The operations. */
void fuzz_op_alloc(struct fuzz_run *run);
void fuzz_op_calloc(struct fuzz_run *run);
void fuzz_op_realloc(struct fuzz_run *run);
void fuzz_op_free(struct fuzz_run *run);
void fuzz_op_heap_free(struct fuzz_run *run);
void fuzz_op_cache_free(struct fuzz_run *run);
void fuzz_op_free_bulk(struct fuzz_run *run);
void fuzz_op_alloc_bulk(struct fuzz_run *run);
void fuzz_op_foreign(struct fuzz_run *run);
void fuzz_op_size(struct fuzz_run *run);
void fuzz_op_owner(struct fuzz_run *run);
void fuzz_op_memdup(struct fuzz_run *run);
void fuzz_op_strdup(struct fuzz_run *run);
void fuzz_op_roundup(struct fuzz_run *run);
void fuzz_op_usercopy(struct fuzz_run *run);
void fuzz_op_heap_create(struct fuzz_run *run);
void fuzz_op_heap_destroy(struct fuzz_run *run);
void fuzz_op_heap_limit(struct fuzz_run *run);
void fuzz_op_heap_shrink(struct fuzz_run *run);
void fuzz_op_heap_stats(struct fuzz_run *run);
void fuzz_op_cache_args(struct fuzz_run *run);
void fuzz_op_cache_create(struct fuzz_run *run);
void fuzz_op_cache_destroy(struct fuzz_run *run);
void fuzz_op_cache_shrink(struct fuzz_run *run);
void fuzz_op_cache_alloc(struct fuzz_run *run);
void fuzz_op_fill(struct fuzz_run *run);
void fuzz_op_check(struct fuzz_run *run);
void fuzz_op_copy(struct fuzz_run *run);
void fuzz_op_cache_info(struct fuzz_run *run);
void fuzz_op_debug(struct fuzz_run *run);
void fuzz_op_reserve(struct fuzz_run *run);
void fuzz_op_gc_heap(struct fuzz_run *run);
void fuzz_op_gc_alloc(struct fuzz_run *run);
void fuzz_op_gc_assign(struct fuzz_run *run);
void fuzz_op_gc_copy(struct fuzz_run *run);
void fuzz_op_gc_handle(struct fuzz_run *run);
void fuzz_op_gc_weak(struct fuzz_run *run);
void fuzz_op_gc_finalizer(struct fuzz_run *run);
void fuzz_op_gc_unrevive(struct fuzz_run *run);
void fuzz_op_gc_free(struct fuzz_run *run);
void fuzz_op_gc_root(struct fuzz_run *run);
void fuzz_op_gc_section(struct fuzz_run *run);
void fuzz_op_gc_step(struct fuzz_run *run);
void fuzz_op_gc_collect(struct fuzz_run *run);
void fuzz_op_gc_tune(struct fuzz_run *run);
void fuzz_op_gc_type(struct fuzz_run *run);
void fuzz_op_gc_bad(struct fuzz_run *run);
void fuzz_op_leaks(struct fuzz_run *run);

/* fuzz_alloc.c */
struct fuzz_obj *fuzz_free_reg(struct fuzz_run *run, unsigned int i);
bool fuzz_impossible(size_t size);
bool fuzz_too_much(const struct fuzz_run *run, size_t size);
size_t fuzz_general_align(size_t size);
gfp_t fuzz_alloc_gfp(const struct fuzz_run *run, int heap, size_t size);
void fuzz_refuse_if(struct fuzz_call *call, bool bad);
bool fuzz_took(struct fuzz_run *run, struct fuzz_obj *o, const struct fuzz_call *call,
	       size_t size, size_t align);

/* fuzz_free.c */
void fuzz_free_live(struct fuzz_run *run, struct fuzz_obj *o);
void fuzz_free_pointer(struct fuzz_run *run, struct fuzz_call *call, void *p);
enum fuzz_function fuzz_free_function(unsigned int how);

/* fuzz_gc.c */
void fuzz_gc_make_call(struct fuzz_call *call);

/* fuzz_owners.c */
void fuzz_stats(struct fuzz_run *run, unsigned int i);
void fuzz_destroy_cache(struct fuzz_run *run, unsigned int i);
void fuzz_destroy_heap(struct fuzz_run *run, unsigned int i);
void fuzz_debug_off(struct fuzz_run *run);

static inline struct fuzz_obj *fuzz_obj_at(struct fuzz_run *run, unsigned int i)
{
	return &run->objs[i % FUZZ_OBJS];
}

static inline struct fuzz_cache *fuzz_cache_at(struct fuzz_run *run, unsigned int i)
{
	return &run->caches[i % FUZZ_CACHES];
}

#endif /* GOALLOC_FUZZ_H */
