/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets, and messages that carry sockets, in a managed heap.
 *
 *	table of open files -> socket <-> peer
 *	                       |  |
 *	                       |  +-> name
 *	                       +-> message -> message -> ...
 *	                           |
 *	                           +-> sockets in flight -> ...
 *
 * Who receives a message may open the sockets that are in it. Until then they can be
 * closed by everybody, and be reachable by the message alone: which may be in a queue of
 * one of them. No count of references would ever get to 0 there.
 */
#ifndef GOALLOC_GRAPH_H
#define GOALLOC_GRAPH_H

#include <linux/atomic.h>
#include <linux/goalloc_gc.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#define MAX_CARRIED	2 /* sockets in a message */
#define MAX_QUEUE	8 /* messages for a socket */
#define MAX_RING	4
#define NR_FILES	1024 /* of a writer */
#define NR_NAMES	4096
#define MAX_THREADS	64

/* What is checked of each object: it is the one that was made there. */
#define SOCKET_MAGIC	0x50c4e7c4a1dbeef1ULL
#define MESSAGE_MAGIC	0x3e55a6e0ddba1100ULL
#define NAME_MAGIC	0x0a3ef00dc0ffee11ULL

struct graph_name {
	u64 canary;
	u32 nr;
	bool ring;
};

struct graph_message {
	struct graph_message __gc *next;
	struct graph_socket __gc *carried[MAX_CARRIED];
	u64 carried_id[MAX_CARRIED];
	u64 to; /* the socket in whose queue it was put */
	u64 id;
	u64 canary;
};

struct graph_socket {
	struct graph_socket __gc *peer;
	struct graph_message __gc *head;
	struct graph_message __gc *tail;
	struct graph_name __gc *name;
	u64 id; /* its peer's differs in the last bit */
	u64 canary;
	spinlock_t lock; /* of the queue, against others that change it: readers need none */
	unsigned int queued;
};

enum count {
	C_OPS, C_SOCKETS, C_MESSAGES, C_PASSED, C_RECEIVED, C_CLOSED, C_NAMED, C_FOUND, C_CUT,
	C_VISITS, C_REFUSED, NR_COUNTS,
};

#define NR_HELD		16

/**
 * struct graph_thread - a writer or a reader
 * @task: the thread
 * @rnd: its random numbers
 * @next_id: of the objects it makes
 * @quota: operations to do
 * @files: of a writer, NR_FILES of the table: it alone stores there
 * @count: what it did
 * @held: sockets that a reader came by in this section, and what they were
 * @nheld: how many
 */
struct graph_thread {
	struct task_struct *task;
	struct rnd_state rnd;
	u64 next_id;
	u64 quota;
	struct graph_socket __gc **files;
	u64 count[NR_COUNTS];
	struct {
		struct graph_socket *s;
		u64 id;
	} held[NR_HELD];
	unsigned int nheld;
};

/**
 * struct graph - all there is
 * @heap: of the managed objects
 * @socket: their types
 * @message: likewise
 * @name: likewise
 * @files: the table of open files: the roots
 * @nfiles: its size
 * @rings_gone: rings that the collector was seen to reclaim
 * @names_left: names that are in use
 * @failures: what was found wrong
 * @wait: for the writers' end, or for names to go
 */
struct graph {
	struct goalloc_heap *heap;
	struct goalloc_gc_type *socket;
	struct goalloc_gc_type *message;
	struct goalloc_gc_type *name;
	struct graph_socket __gc **files;
	unsigned int nfiles;
	atomic64_t rings_gone;
	atomic_t names_left;
	atomic_t failures;
	wait_queue_head_t wait;
};

extern struct graph graph;

static inline u64 canary_of(u64 magic, u64 id, const void *obj)
{
	return magic ^ id * 0x9e3779b97f4a7c15ULL ^ (unsigned long)obj;
}

static inline u32 rnd(struct graph_thread *t, u32 n)
{
	return prandom_u32_state(&t->rnd) % n;
}

/* Others read it at any time. */
static inline void count(struct graph_thread *t, enum count what, u64 n)
{
	WRITE_ONCE(t->count[what], t->count[what] + n);
}

/* Any open file, whoever has it; NULL if there is none at that place. */
static inline struct graph_socket *any_file(struct graph_thread *t)
{
	return goalloc_gc_load(&graph.files[rnd(t, graph.nfiles)]);
}

/* main.c */
__printf(1, 2) void graph_fail(const char *fmt, ...);
void graph_writer_ends(void);

/* sockets.c */
int sockets_init(void);
bool socket_check(const struct graph_socket *s, u64 id, const char *where);
bool message_check(const struct graph_message *m, u64 to, const char *where);
struct graph_socket *socket_pair(struct graph_thread *t);
bool socket_send(struct graph_thread *t, struct graph_socket *to,
		 struct graph_socket *const carried[], unsigned int n);
struct graph_message *socket_receive(struct graph_thread *t, struct graph_socket *s);

/* names.c */
int names_init(void);
void names_exit(void);
bool name_bind(struct graph_thread *t, struct graph_socket *s, bool ring);
struct graph_socket *name_find(struct graph_thread *t, u32 nr);

/* ops.c, walk.c */
int writer_fn(void *data);
int reader_fn(void *data);

#endif /* GOALLOC_GRAPH_H */
