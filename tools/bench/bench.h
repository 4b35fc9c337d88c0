/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_bench: an operation (what is done) is measured for several sides (who
 * does it), one row for each. ops.c lists them.
 */
#ifndef GOALLOC_BENCH_H
#define GOALLOC_BENCH_H

#include <linux/gfp.h>
#include <linux/seq_file.h>
#include <linux/types.h>

/* Objects that are there at once, and the caches of SHAPE_MANY. */
#define BENCH_MAX_OBJS 65536
#define BENCH_MAX_BATCH 4096
#define BENCH_CACHES 64

/* Groups of operations, as the module parameter names them. */
enum bench_group {
	GROUP_FIRST, /* first of all after the module was loaded */
	GROUP_FRESH, /* into memory that was never used */
	GROUP_CORE,
	GROUP_SMALL,
	GROUP_SIZES,
	GROUP_LARGE,
	GROUP_ARENAS,
	GROUP_FRAGMENTED,
	GROUP_NATIVE, /* more than one CPU, or a real cache */
	GROUP_LATENCY,
	GROUP_NR,
};

/* The loops of shapes.h. */
enum bench_shape {
	SHAPE_PAIR, /* allocate, free */
	SHAPE_PAIR_ZERO,
	SHAPE_PAIR_ATOMIC,
	SHAPE_BATCH, /* allocate @batch, free them in some order */
	SHAPE_BULK, /* the same by one call each */
	SHAPE_MANY, /* a pair of each of many caches */
	SHAPE_ALLOC, /* allocate only, and later free only */
	SHAPE_ALLOC_ZERO,
	SHAPE_FREE,
	SHAPE_PRODUCE, /* allocate, put into the ring */
	SHAPE_CONSUME, /* get from the ring, free */
	SHAPE_PROBE, /* whether an allocation succeeds */
};

enum bench_order { ORDER_FIFO, ORDER_LIFO, ORDER_RANDOM };

/* How a sample is taken: measure.c. */
enum bench_kind {
	KIND_PLAIN,
	KIND_KEEP, /* all objects stay until the last round is over */
	KIND_ONCE, /* one operation, one round */
	KIND_HARDIRQ,
	KIND_COLD, /* after much other memory was written */
	KIND_ALL_CPUS,
	KIND_SCALING, /* of all CPUs over one */
	KIND_CROSS, /* allocated by one CPU, freed by another */
	KIND_CROSS_NET, /* the same, less the ring */
};

struct bench_side;

/**
 * struct bench_op - an operation
 * @name: the same for all sides
 * @sides: who does it, NULL at the end; goalloc first
 * @group: see above
 * @kind: see above
 * @shape: see above
 * @order: of frees, in a batch
 * @size: in bytes, for the sides that want to know
 * @batch: objects in a batch
 * @n: objects in a sample, where instructions are counted. That is short against
 *	the time between two ticks. Time needs more: see measure.c.
 */
struct bench_op {
	const char *name;
	const struct bench_side *const *sides;
	enum bench_group group;
	enum bench_kind kind;
	enum bench_shape shape;
	enum bench_order order;
	size_t size;
	unsigned int batch;
	unsigned int n;
};

/* Between two CPUs; full at BENCH_RING objects. */
#define BENCH_RING 256

struct bench_ring {
	unsigned int head ____cacheline_aligned; /* the producer's */
	unsigned int tail ____cacheline_aligned; /* the consumer's */
	void *obj[BENCH_RING] ____cacheline_aligned;
};

/**
 * struct bench_place - what a loop works on; each CPU has its own
 * @objs: room for objects
 * @order: of frees
 * @ring: for SHAPE_PRODUCE and SHAPE_CONSUME
 */
struct bench_place {
	void **objs;
	const u16 *order;
	struct bench_ring *ring;
};

/* An allocator. @arg is the size, or which of the caches. */
struct bench_fns {
	void *(*alloc)(size_t arg, gfp_t gfp);
	void (*free)(void *obj, size_t arg);
	int (*alloc_bulk)(size_t nr, void **objs);
	void (*free_bulk)(size_t nr, void **objs);
};

/**
 * struct bench_side - an allocator, and the loops with it inlined
 * @name: as it is printed
 * @fns: for those who can bear indirect calls
 * @run: does @n times what @op says; false if an allocation failed, as far as
 *	the shape looks at that
 */
struct bench_side {
	const char *name;
	struct bench_fns fns;
	bool (*run)(const struct bench_op *op, unsigned int n, const struct bench_place *place);
};

/* main.c */
extern bool native;
extern bool quick;
extern struct bench_place here;

const u16 *bench_order(const struct bench_op *op);

/* ops.c */
extern const struct bench_op bench_ops[];
extern const unsigned int bench_nops;
extern const struct bench_side *const bench_small_sides[];
extern const struct bench_side *const bench_general_sides[];

/* sides.c */
extern const struct bench_side side_empty;
extern const struct bench_side side_array;
extern const struct bench_side side_goalloc_cache;
extern const struct bench_side side_goalloc_caches;
extern const struct bench_side side_goalloc;
extern const struct bench_side side_kmem_cache;
extern const struct bench_side side_kmem_caches;
extern const struct bench_side side_kmalloc;
extern const struct bench_side side_goalloc_100;
extern const struct bench_side side_kmalloc_100;
extern const struct bench_side side_kvmalloc;
extern const struct bench_side side_vmalloc;
extern struct goalloc_heap *bench_heap;

int sides_init(void);
void sides_exit(void);

/* measure.c */
int measure_init(void);
void measure_exit(void);
int measure_op(struct seq_file *m, const struct bench_op *op);
void print_value(struct seq_file *m, const char *op, const char *side, const char *stat,
		 const char *unit, s64 value, s64 deviation, const char *rounds);
int compare_u32(const void *a, const void *b);

/* cpus.c */
int cpus_init(void);
void cpus_exit(void);
u64 time_in_hardirq(const struct bench_op *op, const struct bench_side *side, unsigned int n);
u64 time_on_all(const struct bench_op *op, const struct bench_side *side, unsigned int n);
u64 time_across(const struct bench_op *op, const struct bench_side *side, unsigned int n);
u64 time_control(bool everywhere);

/* latency.c */
int latency_show(struct seq_file *m, void *unused);

/* prepare.c */
int prepare(void);
void unprepare(void);

#endif /* GOALLOC_BENCH_H */
