// SPDX-License-Identifier: GPL-2.0
/*
 * The objects, and how they are linked. All of this runs in a section; nothing is ever
 * freed, or counted.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>

#include "graph.h"

GOALLOC_GC_LAYOUT(graph_socket, struct graph_socket, peer, head, tail, name);
GOALLOC_GC_LAYOUT(graph_message, struct graph_message, next, carried);

/**
 * sockets_init() - make the types
 *
 * Return: 0 or an error.
 */
int sockets_init(void)
{
	graph.socket = goalloc_gc_type_create(graph.heap, &graph_socket);
	if (IS_ERR(graph.socket))
		return PTR_ERR(graph.socket);
	graph.message = goalloc_gc_type_create(graph.heap, &graph_message);
	return PTR_ERR_OR_ZERO(graph.message);
}

/**
 * socket_check() - see whether a socket is the one that it should be
 * @s: the socket
 * @id: its number; 0 if it may be any
 * @where: it was found
 *
 * Return: whether it is.
 */
bool socket_check(const struct graph_socket *s, u64 id, const char *where)
{
	u64 seen = READ_ONCE(s->id);

	if (likely((!id || seen == id) &&
		   READ_ONCE(s->canary) == canary_of(SOCKET_MAGIC, seen, s)))
		return true;
	graph_fail("%s: socket %llx where %llx should be, or a bad canary", where, seen, id);
	return false;
}

/**
 * message_check() - the same for a message
 * @m: the message
 * @to: the socket in whose queue it was found
 * @where: in the program
 *
 * Return: whether it is one.
 */
bool message_check(const struct graph_message *m, u64 to, const char *where)
{
	u64 id = READ_ONCE(m->id);

	if (likely(READ_ONCE(m->to) == to &&
		   READ_ONCE(m->canary) == canary_of(MESSAGE_MAGIC, id, m)))
		return true;
	graph_fail("%s: message %llx to %llx in the queue of %llx, or a bad canary", where, id,
		   READ_ONCE(m->to), to);
	return false;
}

static struct graph_socket *new_socket(struct graph_thread *t, u64 id)
{
	struct graph_socket *s = goalloc_gc_alloc(graph.socket, GFP_KERNEL | __GFP_NOWARN);

	if (!s) {
		count(t, C_REFUSED, 1);
		return NULL;
	}
	if (s->id || s->canary)
		graph_fail("a new socket is not zero");
	s->id = id;
	s->canary = canary_of(SOCKET_MAGIC, id, s);
	spin_lock_init(&s->lock);
	count(t, C_SOCKETS, 1);
	return s;
}

/**
 * socket_pair() - make two sockets that are connected: a circle, already
 * @t: who wants them
 *
 * Nobody sees them yet: they are gone some time after the section, unless they are
 * stored somewhere.
 *
 * Return: one of them, or NULL.
 */
struct graph_socket *socket_pair(struct graph_thread *t)
{
	struct graph_socket *a = new_socket(t, t->next_id), *b;

	if (!a)
		return NULL;
	b = new_socket(t, t->next_id | 1);
	if (!b)
		return NULL; /* the first one is nobody's, and takes care of itself */
	t->next_id += 2;
	goalloc_gc_assign(graph.heap, &a->peer, b);
	goalloc_gc_assign(graph.heap, &b->peer, a);
	return a;
}

static bool enqueue(struct graph_socket *to, struct graph_message *m)
{
	struct graph_message *last;
	bool room;

	spin_lock(&to->lock);
	room = to->queued < MAX_QUEUE;
	if (room) {
		to->queued++;
		last = goalloc_gc_load(&to->tail);
		/* From here on readers see it: it is complete. */
		if (last)
			goalloc_gc_assign(graph.heap, &last->next, m);
		else
			goalloc_gc_assign(graph.heap, &to->head, m);
		goalloc_gc_assign(graph.heap, &to->tail, m);
	}
	spin_unlock(&to->lock);
	return room;
}

/**
 * socket_send() - put a message into the queue of a socket
 * @t: who sends
 * @to: the socket
 * @carried: sockets that go with it
 * @n: how many
 *
 * Return: whether there was room.
 */
bool socket_send(struct graph_thread *t, struct graph_socket *to,
		 struct graph_socket *const carried[], unsigned int n)
{
	struct graph_message *m = goalloc_gc_alloc(graph.message, GFP_KERNEL | __GFP_NOWARN);
	unsigned int i;

	if (!m) {
		count(t, C_REFUSED, 1);
		return false;
	}
	if (m->id || m->canary)
		graph_fail("a new message is not zero");
	m->id = t->next_id;
	t->next_id += 2;
	m->canary = canary_of(MESSAGE_MAGIC, m->id, m);
	m->to = to->id;
	for (i = 0; i < n; i++) {
		/* Nobody else knows the message; the collector does, so this is no plain store. */
		goalloc_gc_assign(graph.heap, &m->carried[i], carried[i]);
		m->carried_id[i] = carried[i]->id;
	}
	if (!enqueue(to, m))
		return false;
	count(t, C_MESSAGES, 1);
	count(t, C_PASSED, n);
	return true;
}

/**
 * socket_receive() - take the first message out of a queue
 * @t: who receives
 * @s: whose queue
 *
 * Readers may be at it, and go on from it to the next: it stays as it was.
 *
 * Return: the message, or NULL.
 */
struct graph_message *socket_receive(struct graph_thread *t, struct graph_socket *s)
{
	struct graph_message *m, *next;

	spin_lock(&s->lock);
	m = goalloc_gc_load(&s->head);
	if (m) {
		next = goalloc_gc_load(&m->next);
		goalloc_gc_assign(graph.heap, &s->head, next);
		if (!next)
			goalloc_gc_assign(graph.heap, &s->tail, NULL);
		s->queued--;
	}
	spin_unlock(&s->lock);
	if (!m || !message_check(m, s->id, "receive"))
		return NULL;
	count(t, C_RECEIVED, 1);
	return m;
}
