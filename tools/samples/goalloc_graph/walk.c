// SPDX-License-Identifier: GPL-2.0
/*
 * What readers do: they walk from an open file wherever it leads, without a lock, past
 * sockets and messages that others close and receive meanwhile, and look at all of them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "graph.h"

#define MAX_STEPS 64

/* It is looked at again when the section ends: it must be the same. */
static void hold(struct graph_thread *t, struct graph_socket *s, u64 id)
{
	unsigned int i = t->nheld < NR_HELD ? t->nheld++ : rnd(t, NR_HELD);

	t->held[i].s = s;
	t->held[i].id = id;
}

static void check_held(struct graph_thread *t)
{
	unsigned int i;

	for (i = 0; i < t->nheld; i++)
		socket_check(t->held[i].s, t->held[i].id, "held");
	t->nheld = 0;
}

/* A socket that is in flight to this one, or its peer; NULL if something is wrong. */
static struct graph_socket *next_socket(struct graph_thread *t, struct graph_socket *s, u64 *id)
{
	struct graph_message *m = goalloc_gc_load(&s->head);
	unsigned int n = rnd(t, MAX_QUEUE), i;
	struct graph_socket *next;

	for (; m; m = goalloc_gc_load(&m->next)) {
		if (!message_check(m, s->id, "walk"))
			return NULL;
		count(t, C_VISITS, 1);
		i = rnd(t, MAX_CARRIED);
		next = goalloc_gc_load(&m->carried[i]);
		*id = m->carried_id[i];
		if (next && !n--)
			return next;
	}
	*id = s->id ^ 1;
	return goalloc_gc_load(&s->peer);
}

static void walk(struct graph_thread *t)
{
	struct graph_socket *s = any_file(t);
	unsigned int steps = rnd(t, MAX_STEPS);
	u64 id = 0;

	while (s && steps-- && socket_check(s, id, "walk")) {
		hold(t, s, s->id);
		count(t, C_VISITS, 1);
		s = next_socket(t, s, &id);
	}
}

/**
 * reader_fn() - a thread that walks the graph
 * @data: its struct graph_thread
 *
 * Return: 0.
 */
int reader_fn(void *data)
{
	struct graph_thread *t = data;
	unsigned int i;
	int section;

	while (!kthread_should_stop()) {
		section = goalloc_gc_lock(graph.heap);
		for (i = rnd(t, 16); i && !atomic_read(&graph.failures); i--)
			walk(t);
		/* Asleep or not, and whoever waits: what was loaded is there until the end. */
		if (!rnd(t, 32))
			usleep_range(100, 2000);
		else if (!rnd(t, 1024))
			msleep(100);
		check_held(t);
		goalloc_gc_unlock(graph.heap, section);
		cond_resched();
		if (!rnd(t, 4) || atomic_read(&graph.failures))
			usleep_range(100, 1000);
	}
	return 0;
}
