// SPDX-License-Identifier: GPL-2.0
/*
 * Names: numbers by which a socket can be found, by those who have it from nobody.
 *
 * A name must not keep its socket: what is found by it is a weak reference. And it is
 * to be free again when the socket has gone, which nobody announces: there a finalizer
 * comes in. It is not the socket's own, since sockets are in circles, and what is in a
 * circle is never finalized; it is that of a small object to which the socket points,
 * and which points nowhere.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/idr.h>

#include "graph.h"

GOALLOC_GC_LAYOUT(graph_name, struct graph_name);

static DEFINE_IDA(numbers);
static DEFINE_SPINLOCK(names_lock); /* of what is next */
static struct goalloc_gc_weak *names[NR_NAMES];

/**
 * names_init() - make the type
 *
 * Return: 0 or an error.
 */
int names_init(void)
{
	graph.name = goalloc_gc_type_create(graph.heap, &graph_name);
	return PTR_ERR_OR_ZERO(graph.name);
}

/**
 * names_exit() - free what is left if finalizers did not run
 */
void names_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_NAMES; i++)
		goalloc_gc_weak_destroy(names[i]);
	ida_destroy(&numbers);
}

static struct goalloc_gc_weak *exchange(u32 nr, struct goalloc_gc_weak *weak)
{
	struct goalloc_gc_weak *old;

	spin_lock(&names_lock);
	old = names[nr];
	names[nr] = weak;
	spin_unlock(&names_lock);
	return old;
}

/* The finalizer: runs in a section, some time after the socket was last reachable. */
static void release(void *obj, void *data)
{
	const struct graph_name *n = obj;
	struct goalloc_gc_weak *weak;

	if (n->nr >= NR_NAMES || n->canary != canary_of(NAME_MAGIC, n->nr, n)) {
		graph_fail("finalizer: name %u has a bad canary", n->nr);
		return;
	}
	weak = exchange(n->nr, NULL);
	if (!weak || goalloc_gc_weak_get(weak))
		graph_fail("finalizer: the socket of name %u is still there", n->nr);
	goalloc_gc_weak_destroy(weak);
	ida_free(&numbers, n->nr);
	if (n->ring)
		atomic64_inc(&graph.rings_gone);
	if (atomic_dec_and_test(&graph.names_left))
		wake_up(&graph.wait);
}

/**
 * name_bind() - give a name to a socket that is new
 * @t: who does
 * @s: the socket
 * @ring: it is of a ring, whose end will be counted
 *
 * Context: in a section; may sleep.
 * Return: false if there are no names left, or no memory.
 */
bool name_bind(struct graph_thread *t, struct graph_socket *s, bool ring)
{
	int nr = ida_alloc_max(&numbers, NR_NAMES - 1, GFP_KERNEL);
	struct goalloc_gc_weak *weak = NULL;
	struct graph_name *n;

	if (nr < 0)
		goto refused;
	n = goalloc_gc_alloc(graph.name, GFP_KERNEL | __GFP_NOWARN);
	weak = goalloc_gc_weak_create(graph.heap, s, GFP_KERNEL);
	if (!n || !weak)
		goto free;
	n->nr = nr;
	n->ring = ring;
	n->canary = canary_of(NAME_MAGIC, nr, n);
	if (goalloc_gc_set_finalizer(graph.heap, n, release, NULL, GFP_KERNEL))
		goto free;
	atomic_inc(&graph.names_left);
	goalloc_gc_assign(graph.heap, &s->name, n);
	exchange(nr, weak);
	count(t, C_NAMED, 1);
	return true;

free:
	goalloc_gc_weak_destroy(weak);
	ida_free(&numbers, nr);
refused:
	count(t, C_REFUSED, 1);
	return false;
}

/**
 * name_find() - the socket that has a name
 * @t: who asks
 * @nr: the name
 *
 * Context: in a section.
 * Return: the socket, or NULL if there is none, or it was found unreachable.
 */
struct graph_socket *name_find(struct graph_thread *t, u32 nr)
{
	struct graph_socket *s = NULL;
	struct graph_name *n;

	/* So that the reference stays; what it leads to stays by itself. */
	spin_lock(&names_lock);
	if (names[nr])
		s = goalloc_gc_weak_get(names[nr]);
	spin_unlock(&names_lock);
	if (!s || !socket_check(s, 0, "name"))
		return NULL;
	n = goalloc_gc_load(&s->name);
	if (!n || n->nr != nr || n->canary != canary_of(NAME_MAGIC, nr, n))
		graph_fail("socket %llx does not have the name %u", s->id, nr);
	count(t, C_FOUND, 1);
	return s;
}
