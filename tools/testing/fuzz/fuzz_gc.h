/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_fuzz: managed heaps, and the graph of their objects as the model has it.
 *
 *	fuzz_gc.c		operations on objects, and on what refers to them
 *	fuzz_gc_heap.c		heaps, their collectors, and what must be left by these
 *	fuzz_gc_bad.c		calls that must be refused
 *	fuzz_gc_model.c		the graph: contents, and what is reachable
 *
 * An object that is not reachable in the model is never touched, for it may be gone; but
 * a weak reference may bring it back, as long as no collection was waited for.
 */
#ifndef FUZZ_GC_H
#define FUZZ_GC_H

#include <linux/atomic.h>
#include <linux/goalloc_gc.h>

#define GC_HEAPS 2
#define GC_NODES 64
#define GC_SLOTS 8 /* of which the second half is conservative */
#define GC_HANDLES 8
#define GC_WEAKS 8
#define GC_FIELDS 4
#define GC_TYPES 8
#define GC_MAX_BYTES (60UL << 20) /* of an object */
#define GC_SHARED_BYTES 16 /* what is smaller, and has no pointers, shares a block */

struct fuzz_run;
struct gc_node;

/* What was stored somewhere. @to is NULL if it is no object. */
struct gc_ref {
	void *addr;
	struct gc_node *to;
};

/**
 * struct gc_node - an object, or one that may not have been reclaimed yet
 * @p: the object, or NULL for a free entry
 * @size: bytes that were asked for
 * @n: elements of an array, or 1
 * @owner: its heap
 * @type: index of its type, or -1
 * @pattern: of what is no pointer
 * @fields: the pointers that are in use
 * @nfields: how many
 * @final: it has a finalizer, which has not run
 * @revive: which makes it reachable again
 * @revived: a finalizer has made it a root
 * @root: where it does that
 * @runs: how often finalizers of it must have run
 * @ran: and have
 */
struct gc_node {
	void *p;
	size_t size;
	size_t n;
	struct gc_managed *owner;
	int type;
	u64 pattern;
	struct gc_ref fields[GC_FIELDS];
	unsigned int nfields;
	bool final;
	bool revive;
	bool revived;
	void **root;
	int runs;
	atomic_t ran;
};

/**
 * struct gc_managed - a managed heap
 * @heap: the heap, or NULL
 * @types: made at first use
 * @slots: roots
 * @refs: what is in them
 * @revived: roots, by object, for finalizers
 * @rooted: whether the first, and the second half of @slots are registered
 * @open: a section that lasts from operation to operation
 * @section: for the end of it
 * @held: objects that were allocated or looked up in it
 * @bytes: of objects that may be there
 * @limited: allocations may fail
 * @finalized: finalizers that must have run
 * @faults: what finalizers found wrong
 */
struct gc_managed {
	struct goalloc_heap *heap;
	struct goalloc_gc_type *types[GC_TYPES];
	void *slots[GC_SLOTS];
	struct gc_ref refs[GC_SLOTS];
	void *revived[GC_NODES];
	bool rooted[2];
	bool open;
	int section;
	u64 held;
	size_t bytes;
	bool limited;
	u64 finalized;
	atomic_t faults;
};

struct gc_kept {
	struct goalloc_gc_handle *handle;
	struct gc_managed *owner;
	struct gc_node *to;
	unsigned int refs;
};

/* @to is NULL when the reference must be, too. */
struct gc_weak {
	struct goalloc_gc_weak *weak;
	struct gc_managed *owner;
	struct gc_node *to;
};

struct fuzz_gc {
	struct gc_node nodes[GC_NODES];
	struct gc_managed heaps[GC_HEAPS];
	struct gc_kept kept[GC_HANDLES];
	struct gc_weak weak[GC_WEAKS];
};

/* fuzz_gc_model.c */
extern const struct goalloc_gc_layout fuzz_gc_layouts[GC_TYPES];
u64 gc_bit(const struct fuzz_run *run, const struct gc_node *node);
u64 gc_of_heap(const struct fuzz_run *run, const struct gc_managed *m);
u64 gc_reached(const struct fuzz_run *run, u64 from);
u64 gc_children(const struct fuzz_run *run, u64 of);
u64 gc_reachable(const struct fuzz_run *run, const struct gc_managed *m);
struct gc_node *gc_pick(struct fuzz_run *run, struct gc_managed *m, unsigned int which);
bool gc_is_shared(const struct gc_node *node);
void **gc_field(const struct gc_node *node, unsigned int i);
void gc_stamp(struct gc_node *node);
bool gc_intact(const struct gc_node *node);
bool gc_check_node(struct fuzz_run *run, const struct gc_node *node, const char *when);
void gc_check_all(struct fuzz_run *run, const char *when);
void gc_forget(struct fuzz_run *run, struct gc_node *node);

/* fuzz_gc_heap.c */
struct gc_managed *gc_heap_at(struct fuzz_run *run, unsigned int i);
struct goalloc_gc_type *gc_type_at(struct fuzz_run *run, struct gc_managed *m, unsigned int i);
void gc_let_go_of_roots(void);
void gc_settle(struct fuzz_run *run, struct gc_managed *m);
void gc_end(struct fuzz_run *run);
void gc_testing_begin(void);
void gc_testing_end(void);

#endif /* FUZZ_GC_H */
