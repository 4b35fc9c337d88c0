/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc_gctorture: what its files share. gctorture_main.c says what it is.
 *
 *	slot -> edge -> node, whose slots are
 *			  link[]	edges
 *			  more		an array, whose elements have an edge each
 *			  text		a blob without pointers
 *			  fin		an object with a finalizer, and behind it a leaf with one
 *
 * An edge does not change once it is in a slot: it has the number of the node that it
 * was made for. So whoever comes by it sees whether the node is still the same one.
 */
#ifndef GOALLOC_GCTORTURE_H
#define GOALLOC_GCTORTURE_H

#include <linux/goalloc_gc.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/percpu.h>

#define NR_ROOTS	64	/* precise: edges */
#define NR_LOOSE	16	/* conservative: into edges */
#define NR_REVIVED	8	/* precise: what finalizers revived */
#define NR_LINKS	4
#define NR_WITNESSES	16	/* of a thread: objects that are to go */
#define NR_KEPT		8	/* of a thread: objects that have a handle */
#define NR_HELD		16	/* looked at again when the section ends */

#define EDGE_MAGIC	0x60a110c0000ed6e5ULL
#define NODE_MAGIC	0x60a110c00000d0deULL
#define FIN_MAGIC	0x60a110c000000f14ULL

/**
 * struct arc - what slots point to
 * @seq: number of the node
 * @to: the node
 * @canary: from @seq and the edge's address
 */
struct arc {
	u64 seq;
	struct vertex __gc *to;
	u64 canary;
};

/* An element of an array; @n is how many there are. */
struct cell {
	struct arc __gc *edge;
	unsigned long n;
};

/**
 * struct vertex - a node of the graph
 * @seq: its number, of no other object
 * @canary: from @seq and the node's address
 * @link: edges to others
 * @more: an array of edges
 * @text: a blob: its first byte is its length, the others follow from that
 * @fin: an object with a finalizer
 */
struct vertex {
	u64 seq;
	u64 canary;
	struct arc __gc *link[NR_LINKS];
	struct cell __gc *more;
	u8 __gc *text;
	struct fin __gc *fin;
};

/**
 * struct fin - an object with a finalizer, and nothing that leads back to it
 * @seq: its number
 * @canary: from @seq and the address
 * @after: one whose finalizer must run after this one's, or NULL
 * @before: there was an object that points to this one, and its finalizer ran
 * @first: there is one
 */
struct fin {
	u64 seq;
	u64 canary;
	struct fin __gc *after;
	bool before;
	bool first;
};

enum count {
	C_MUTATIONS,	/* stores of pointers into roots and objects */
	C_VISITS,	/* objects whose numbers were looked at */
	C_ALLOCS,
	C_NO_MEMORY,
	C_PROBES,	/* of whether an object is allocated at all */
	C_ARRAYS,
	C_COPIES,	/* of arrays, by goalloc_gc_copy() */
	C_BY_HAND,	/* objects freed by hand */
	C_WITNESSES,	/* unreachable objects whose end was seen */
	C_HANDLES,
	C_ROOTS,	/* ranges added, and removed */
	C_FINALIZERS,	/* that were set */
	C_HEAPS,	/* that came and went */
	C_NR,
};

/* An object that nothing points to, until its weak reference says so. */
struct witness {
	struct goalloc_gc_weak *weak;
	u64 num_gc;	/* cycles that had ended when its section did */
	u64 seq;
};

/* An object that is reachable by a handle, and has a weak reference, too. */
struct kept {
	struct goalloc_gc_handle *handle;
	struct goalloc_gc_weak *weak;
	u64 seq;
};

/**
 * struct torturer - a thread, or one kind of interrupt of a CPU
 * @state: of its random numbers
 * @seq: objects it made; the upper bits are its own
 * @side: it is an interrupt
 * @quota: mutations to do; of a reader 0
 * @count: what it did
 * @held: nodes seen in this section, with their numbers
 * @nheld: how many
 * @witness: of a thread that writes
 * @kept: likewise
 * @own: a range of its own, sometimes a root
 * @task: the thread
 * @busy: keeps another CPU out, when one went offline
 * @timer: of hard interrupts: strikes in the middle of what the CPU does
 * @work: of hard interrupts: strikes between two operations
 * @tasklet: of soft interrupts
 */
struct torturer {
	u64 state;
	u64 seq;
	bool side;
	u64 quota;
	u64 count[C_NR];
	struct {
		struct vertex *node;
		u64 seq;
	} held[NR_HELD];
	unsigned int nheld;
	struct witness witness[NR_WITNESSES];
	struct kept kept[NR_KEPT];
	struct arc __gc *own[4];

	struct task_struct *task;

	atomic_t busy;
	struct hrtimer timer;
	struct irq_work work;
	struct tasklet_struct tasklet;
};

enum side_kind { SIDE_SOFT, SIDE_HARD, NR_SIDES };

struct sides {
	struct torturer side[NR_SIDES];
};

/* The heap that is tortured, its types and roots. */
struct world {
	struct goalloc_heap *heap;
	struct goalloc_gc_type *edge;
	struct goalloc_gc_type *cell;
	struct goalloc_gc_type *node;
	struct goalloc_gc_type *fin;
	struct arc __gc *roots[NR_ROOTS];
	unsigned long __gc *loose[NR_LOOSE];
	struct fin __gc *revived[NR_REVIVED];
};

extern struct world world;
extern struct sides __percpu *sides;
extern atomic_t failures;
extern unsigned int max_kb;

/* gctorture_main.c */
__printf(1, 2) void torture_fail(const char *fmt, ...);
bool torture_over(void);
u64 torture_num_gc(void);

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

static inline bool one_in(struct torturer *t, u32 n)
{
	return rnd(t) % n == 0;
}

/* gctorture_graph.c */
struct vertex *graph_check_edge(struct torturer *t, const struct arc *e, const char *where);
void graph_check_held(struct torturer *t);
struct vertex *graph_walk(struct torturer *t, unsigned int steps);
void graph_mutate(struct torturer *t);
struct vertex *graph_new_node(struct torturer *t, gfp_t gfp);
struct arc *graph_new_edge(struct torturer *t, struct vertex *to, gfp_t gfp);
void graph_drop_roots(void);

/* gctorture_fin.c */
extern atomic64_t finalizers_run;
extern bool fin_revive;
void fin_set(struct torturer *t, struct vertex *n);
void fin_check(struct torturer *t, const struct vertex *n);
void witness_op(struct torturer *t);
void kept_op(struct torturer *t);
void witness_end(struct torturer *t);

/* gctorture_heaps.c */
void heaps_roots_op(struct torturer *t);
int heaps_fn(void *data);
int world_create(void);
void world_destroy(void);

/* gctorture_irq.c */
void sides_start(void);
void sides_stop(void);
void sides_invite(struct torturer *t);

#endif /* GOALLOC_GCTORTURE_H */
