// SPDX-License-Identifier: GPL-2.0
/*
 * Finalizers, weak references and handles. Witnesses and handles are their thread's;
 * finalizers run in a work item, one at a time.
 */
#define pr_fmt(fmt) "goalloc_gctorture: " fmt

#include "gctorture.h"
#include "../../../../../goalloc_mod/mgc.h"

atomic64_t finalizers_run;
bool fin_revive;

static u64 canary_of_fin(u64 seq, const void *obj)
{
	return FIN_MAGIC ^ torture_mix(seq) ^ (unsigned long)obj;
}

static bool check(const struct fin *f, const char *where)
{
	u64 seq = READ_ONCE(f->seq);

	if (likely(READ_ONCE(f->canary) == canary_of_fin(seq, f)))
		return true;
	torture_fail("%s: object with finalizer %p is damaged, %llx", where, f, seq);
	return false;
}

/* Once for each object; the number says whether it has run. */
static void finalize(void *obj, void *data)
{
	struct fin *f = obj, *after;
	u64 n = atomic64_inc_return(&finalizers_run);

	if (!check(f, "finalizer"))
		return;
	if (data != (void *)(unsigned long)f->seq)
		torture_fail("finalizer of %p: %llx, expected %p", f, f->seq, data);
	if (f->first && !f->before)
		torture_fail("finalizer of %llx: it ran before that of what points to it",
			     f->seq);
	after = goalloc_gc_load(&f->after);
	if (after && check(after, "after"))
		WRITE_ONCE(after->before, true);
	if (READ_ONCE(fin_revive) && n % 4 == 0)
		goalloc_gc_assign(world.heap, &world.revived[n / 4 % NR_REVIVED], f);
}

static struct fin *new_fin(struct torturer *t, struct fin *after)
{
	struct fin *f = goalloc_gc_alloc(world.fin, GFP_KERNEL);
	int err;

	t->count[C_ALLOCS]++;
	if (!f) {
		t->count[C_NO_MEMORY]++;
		return NULL;
	}
	if (f->seq || f->canary)
		torture_fail("new object %p was %llx", f, f->seq);
	WRITE_ONCE(f->seq, ++t->seq);
	WRITE_ONCE(f->canary, canary_of_fin(f->seq, f));
	f->first = !after;
	goalloc_gc_assign(world.heap, &f->after, after);
	err = goalloc_gc_set_finalizer(world.heap, f, finalize, (void *)(unsigned long)f->seq,
				       GFP_KERNEL);
	if (err) {
		torture_fail("no finalizer for %p (%d)", f, err);
		return NULL;
	}
	t->count[C_FINALIZERS]++;
	return f;
}

/**
 * fin_set() - give a node an object with a finalizer
 * @t: who does, in a section
 * @n: the node, or NULL: then the object goes at once
 */
void fin_set(struct torturer *t, struct vertex *n)
{
	struct fin *leaf = new_fin(t, NULL), *f;

	if (!leaf)
		return;
	f = new_fin(t, leaf);
	if (!f) {
		leaf->first = false;
		return;
	}
	if (n) {
		goalloc_gc_assign(world.heap, &n->fin, f);
		t->count[C_MUTATIONS]++;
	}
}

/**
 * fin_check() - look at the object with a finalizer that a node has
 * @t: who does, in a section
 * @n: the node
 */
void fin_check(struct torturer *t, const struct vertex *n)
{
	struct fin *f = goalloc_gc_load(&n->fin), *after;

	if (!f)
		return;
	t->count[C_VISITS]++;
	if (!check(f, "node"))
		return;
	after = goalloc_gc_load(&f->after);
	if (after)
		check(after, "node, after");
}

/**
 * witness_op() - see to an object that nothing points to, or make one
 * @t: who does, in a section
 *
 * It was made in a section that ended when num_gc cycles had. The one that was under way
 * may keep it; the next began since, and finds it unreachable.
 */
void witness_op(struct torturer *t)
{
	struct witness *w = &t->witness[rnd(t) % NR_WITNESSES];
	struct vertex *n;

	if (w->weak) {
		if (torture_num_gc() < w->num_gc + 2)
			return;
		/* To ask is to keep, so it is asked once. */
		n = goalloc_gc_weak_get(w->weak);
		if (n)
			torture_fail("node %llx (%llx), left in cycle %llu, is there in %llu",
				     w->seq, n->seq, w->num_gc, torture_num_gc());
		goalloc_gc_weak_destroy(w->weak);
		w->weak = NULL;
		t->count[C_WITNESSES]++;
		return;
	}
	n = graph_new_node(t, GFP_KERNEL);
	if (!n)
		return;
	w->weak = goalloc_gc_weak_create(world.heap, n, GFP_KERNEL);
	w->seq = n->seq;
	w->num_gc = U64_MAX / 2;
	if (!w->weak) {
		torture_fail("no weak reference to a new object");
		return;
	}
	if (one_in(t, 8)) {
		goalloc_free(n);
		t->count[C_BY_HAND]++;
		if (goalloc_gc_weak_get(w->weak))
			torture_fail("a weak reference to what was freed by hand");
	}
}

/**
 * witness_end() - the section has ended, and with it what it had made
 * @t: who was in it
 */
void witness_end(struct torturer *t)
{
	u64 now = torture_num_gc();
	unsigned int i;

	for (i = 0; i < NR_WITNESSES; i++)
		if (t->witness[i].weak && t->witness[i].num_gc == U64_MAX / 2)
			t->witness[i].num_gc = now;
}

/**
 * kept_op() - make an object that is reachable by its handle alone, or look at it
 * @t: who does, in a section
 */
void kept_op(struct torturer *t)
{
	struct kept *k = &t->kept[rnd(t) % NR_KEPT];
	struct vertex *n, *weak;

	if (k->handle) {
		n = goalloc_gc_handle_object(k->handle);
		weak = goalloc_gc_weak_get(k->weak);
		if (n != weak || n->seq != k->seq)
			torture_fail("node %llx, with a handle: %llx at %p, by its weak one %p",
				     k->seq, n->seq, n, weak);
		if (!one_in(t, 4))
			return;
		if (one_in(t, 2)) {
			goalloc_gc_handle_get(k->handle);
			goalloc_gc_handle_put(k->handle);
		}
		goalloc_gc_handle_put(k->handle);
		goalloc_gc_weak_destroy(k->weak);
		k->handle = NULL;
		return;
	}
	n = one_in(t, 2) ? graph_walk(t, 5) : graph_new_node(t, GFP_KERNEL);
	if (!n)
		return;
	k->seq = n->seq;
	k->weak = goalloc_gc_weak_create(world.heap, n, GFP_KERNEL);
	if (!k->weak) {
		torture_fail("no weak reference to node %llx", n->seq);
		return;
	}
	k->handle = goalloc_gc_handle_create(world.heap, n, GFP_KERNEL);
	if (k->handle) {
		t->count[C_HANDLES]++;
	} else {
		torture_fail("no handle to node %llx", n->seq);
		goalloc_gc_weak_destroy(k->weak);
	}
}
