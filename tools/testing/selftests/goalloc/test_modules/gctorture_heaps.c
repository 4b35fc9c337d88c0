// SPDX-License-Identifier: GPL-2.0
/*
 * The heap that is tortured, and what comes and goes beside it: ranges of roots, and
 * whole heaps, which go with their objects while they mark.
 */
#define pr_fmt(fmt) "goalloc_gctorture: " fmt

#include <linux/delay.h>
#include <linux/err.h>

#include "gctorture.h"
#include "../../../../../goalloc_mod/mgc.h"

#define MORTAL_NODES 3000

GOALLOC_GC_LAYOUT(gct_edge, struct arc, to);
GOALLOC_GC_LAYOUT(gct_cell, struct cell, edge);
GOALLOC_GC_LAYOUT(gct_node, struct vertex, link, more, text, fin);
GOALLOC_GC_LAYOUT(gct_fin, struct fin, after);

struct world world;

static int create_type(struct goalloc_gc_type **type, const struct goalloc_gc_layout *layout)
{
	*type = goalloc_gc_type_create(world.heap, layout);
	return PTR_ERR_OR_ZERO(*type);
}

int world_create(void)
{
	struct goalloc_heap *heap;
	int err;

	memset(&world, 0, sizeof(world));
	heap = goalloc_heap_create("gctorture", GOALLOC_HEAP_GC);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	world.heap = heap;
	err = create_type(&world.edge, &gct_edge) ?: create_type(&world.cell, &gct_cell) ?:
	      create_type(&world.node, &gct_node) ?: create_type(&world.fin, &gct_fin) ?:
	      goalloc_gc_root_add(heap, world.roots, NR_ROOTS, GOALLOC_GC_ROOT_PRECISE) ?:
	      goalloc_gc_root_add(heap, world.loose, NR_LOOSE, GOALLOC_GC_ROOT_CONSERVATIVE) ?:
	      goalloc_gc_root_add(heap, world.revived, NR_REVIVED, GOALLOC_GC_ROOT_PRECISE);
	if (err) {
		goalloc_heap_destroy(heap);
		world.heap = NULL;
	}
	return err;
}

void world_destroy(void)
{
	if (!world.heap)
		return;
	goalloc_gc_root_remove(world.heap, world.roots);
	goalloc_gc_root_remove(world.heap, world.loose);
	goalloc_gc_root_remove(world.heap, world.revived);
	goalloc_heap_destroy(world.heap);
	world.heap = NULL;
}

/* One of its own roots gets an edge to something that others may forget. */
static u64 fill_own(struct torturer *t)
{
	unsigned int i = rnd(t) % ARRAY_SIZE(t->own);
	struct arc *e = NULL;
	struct vertex *n;
	int section;
	u64 seq = 0;

	section = goalloc_gc_lock(world.heap);
	n = one_in(t, 2) ? graph_walk(t, 6) : graph_new_node(t, GFP_KERNEL);
	if (n)
		e = graph_new_edge(t, n, GFP_KERNEL);
	if (e)
		seq = e->seq;
	goalloc_gc_assign(world.heap, &t->own[i], e);
	graph_check_held(t);
	goalloc_gc_unlock(world.heap, section);
	return seq;
}

static void check_own(struct torturer *t)
{
	struct arc *e;
	unsigned int i;
	int section;

	section = goalloc_gc_lock(world.heap);
	for (i = 0; i < ARRAY_SIZE(t->own); i++) {
		e = goalloc_gc_load(&t->own[i]);
		if (e)
			graph_check_edge(t, e, "own");
		/* Into the other graph, or nowhere. */
		if (e && one_in(t, 2))
			goalloc_gc_assign(world.heap, &world.roots[rnd(t) % NR_ROOTS], e);
	}
	goalloc_gc_unlock(world.heap, section);
}

/**
 * heaps_roots_op() - a range becomes a root, is used, and goes again
 * @t: who does, not in a section
 */
void heaps_roots_op(struct torturer *t)
{
	unsigned int i, n = 1 + rnd(t) % 4;

	memset(t->own, 0, sizeof(t->own));
	if (goalloc_gc_root_add(world.heap, t->own, ARRAY_SIZE(t->own), GOALLOC_GC_ROOT_PRECISE)) {
		torture_fail("a range cannot be a root");
		return;
	}
	for (i = 0; i < n; i++) {
		fill_own(t);
		cond_resched();
		check_own(t);
	}
	if (one_in(t, 8))
		usleep_range(1000, 20000);
	check_own(t);
	if (goalloc_gc_root_remove(world.heap, t->own))
		torture_fail("a range was no root");
	t->count[C_ROOTS]++;
}

/* A list, of which every second object is dropped again. */
static int fill_mortal(struct torturer *t, struct goalloc_heap *heap, struct cell __gc **root)
{
	struct goalloc_gc_type *type = goalloc_gc_type_create(heap, &gct_cell);
	struct cell *c;
	int section, i;

	if (IS_ERR(type))
		return PTR_ERR(type);
	section = goalloc_gc_lock(heap);
	for (i = 0; i < MORTAL_NODES; i++) {
		c = one_in(t, 16) ? goalloc_gc_alloc_array(type, 1 + rnd(t) % 300, GFP_KERNEL) :
				    goalloc_gc_alloc(type, GFP_KERNEL);
		if (!c)
			break;
		if (i % 2) {
			goalloc_gc_assign(heap, &c->edge, (void *)goalloc_gc_load(root));
			goalloc_gc_assign(heap, root, c);
		}
		cond_resched();
	}
	goalloc_gc_unlock(heap, section);
	return 0;
}

static void mortal(struct torturer *t, unsigned int number)
{
	static struct cell __gc *root;
	struct goalloc_heap *heap;
	char name[24];
	int err;

	root = NULL;
	snprintf(name, sizeof(name), "gctorture-%u", number);
	heap = goalloc_heap_create(name, GOALLOC_HEAP_GC);
	if (IS_ERR(heap)) {
		torture_fail("heap %s: %ld", name, PTR_ERR(heap));
		return;
	}
	heap->gc->checkmark = true;
	err = goalloc_gc_root_add(heap, &root, 1, GOALLOC_GC_ROOT_PRECISE) ?:
	      fill_mortal(t, heap, &root);
	if (err)
		torture_fail("heap %s: %d", name, err);
	switch (rnd(t) % 4) {
	case 0:
		if (goalloc_gc_collect(heap))
			torture_fail("heap %s: no collection", name);
		break;
	case 1:
		mgc_kick(heap->gc);
		break;
	case 2:
		mgc_kick(heap->gc);
		usleep_range(100, 100 + rnd(t) % 20000);
		break;
	}
	if (heap->gc->stats.missed)
		torture_fail("heap %s: %llu objects were missed", name, heap->gc->stats.missed);
	if (!err && one_in(t, 2))
		goalloc_gc_root_remove(heap, &root);
	goalloc_heap_destroy(heap);
	t->count[C_HEAPS]++;
}

/* The thread whose heaps come and go. */
int heaps_fn(void *data)
{
	struct torturer *t = data;
	unsigned int number = 0;

	while (!kthread_should_stop()) {
		if (!torture_over())
			mortal(t, number++);
		usleep_range(1000, 1000 + rnd(t) % 50000);
	}
	return 0;
}
