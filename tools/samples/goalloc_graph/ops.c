// SPDX-License-Identifier: GPL-2.0
/*
 * What writers do: open, send, receive, pass on, close. Each has files of its own, where
 * it alone stores; it may use those of all others.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "graph.h"

#define BATCH 16

/* The last of a writer's files is for its ring. */
static struct graph_socket __gc **own_file(struct graph_thread *t)
{
	return &t->files[rnd(t, NR_FILES - 1)];
}

/* What was open there is closed by that. */
static void open_file(struct graph_thread *t, struct graph_socket *s)
{
	goalloc_gc_assign(graph.heap, own_file(t), s);
}

static void op_pair(struct graph_thread *t)
{
	struct graph_socket *s = socket_pair(t);

	if (!s)
		return;
	if (!rnd(t, 64))
		name_bind(t, s, false);
	open_file(t, s);
	open_file(t, goalloc_gc_load(&s->peer));
}

static void op_send(struct graph_thread *t)
{
	struct graph_socket *from = any_file(t), *carried[MAX_CARRIED];
	unsigned int i, n = 0;

	if (!from || !socket_check(from, 0, "send"))
		return;
	/* Most carry none, or what can be reached would grow without end. */
	for (i = rnd(t, 3) ? 0 : 1 + rnd(t, MAX_CARRIED); i; i--) {
		carried[n] = goalloc_gc_load(own_file(t));
		if (carried[n])
			n++;
	}
	socket_send(t, goalloc_gc_load(&from->peer), carried, n);
}

static void open_carried(struct graph_thread *t, struct graph_message *m)
{
	struct graph_socket *s;
	unsigned int i;

	for (i = 0; i < MAX_CARRIED; i++) {
		s = goalloc_gc_load(&m->carried[i]);
		if (s && socket_check(s, m->carried_id[i], "received") && rnd(t, 2))
			open_file(t, s);
	}
}

static void op_receive(struct graph_thread *t)
{
	struct graph_socket *s = goalloc_gc_load(own_file(t));
	struct graph_message *m;

	if (!s || !socket_check(s, 0, "receive"))
		return;
	while ((m = socket_receive(t, s)))
		open_carried(t, m);
}

static void op_close(struct graph_thread *t)
{
	goalloc_gc_assign(graph.heap, own_file(t), NULL);
	count(t, C_CLOSED, 1);
}

static void op_find(struct graph_thread *t)
{
	struct graph_socket *s = name_find(t, rnd(t, NR_NAMES));

	if (s)
		open_file(t, s);
}

/*
 * Each of some sockets is in a message to the one before; the first, maybe, in one to
 * itself. One of their peers is open. When it is closed, messages alone have them, unless
 * somebody else took one meanwhile.
 */
static void op_ring(struct graph_thread *t)
{
	struct graph_socket __gc **file = &t->files[NR_FILES - 1];
	unsigned int i, n = 1 + rnd(t, MAX_RING);
	struct graph_socket *ring[MAX_RING];

	if (goalloc_gc_load(file)) {
		goalloc_gc_assign(graph.heap, file, NULL);
		count(t, C_CUT, 1);
		return;
	}
	for (i = 0; i < n; i++) {
		ring[i] = socket_pair(t);
		if (!ring[i])
			return;
	}
	for (i = 0; i < n; i++)
		if (!socket_send(t, ring[i], &ring[(i + 1) % n], 1))
			return;
	if (name_bind(t, ring[0], true))
		goalloc_gc_assign(graph.heap, file, goalloc_gc_load(&ring[0]->peer));
}

static void operate(struct graph_thread *t)
{
	u32 what = rnd(t, 4096);

	if (what < 600)
		op_pair(t);
	else if (what < 2000)
		op_send(t);
	else if (what < 3900)
		op_receive(t);
	else if (what < 4040)
		op_close(t);
	else if (what < 4095)
		op_ring(t);
	else if (!rnd(t, 16))
		op_find(t); /* seldom: to ask while the heap marks is to keep, and prolongs that */
	count(t, C_OPS, 1);
}

/**
 * writer_fn() - a thread that changes the graph
 * @data: its struct graph_thread
 *
 * Return: 0.
 */
int writer_fn(void *data)
{
	struct graph_thread *t = data;
	unsigned int i;
	int section;

	while (!kthread_should_stop()) {
		/* The collector waits for sections, so they are short: but not one for each. */
		section = goalloc_gc_lock(graph.heap);
		for (i = 0; i < BATCH && t->count[C_OPS] < t->quota; i++)
			if (!atomic_read(&graph.failures))
				operate(t);
		goalloc_gc_unlock(graph.heap, section);
		if (t->count[C_OPS] >= t->quota || atomic_read(&graph.failures))
			break;
		cond_resched();
		/* The CPU is not ours alone. */
		if (!rnd(t, 16))
			usleep_range(50, 200);
	}
	graph_writer_ends();
	return 0;
}
