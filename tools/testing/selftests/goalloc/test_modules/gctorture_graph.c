// SPDX-License-Identifier: GPL-2.0
/*
 * The graph that is rewired, and walked, by all at once and without locks: see
 * gctorture.h for its shape. All of this runs in a section, in any context.
 */
#define pr_fmt(fmt) "goalloc_gctorture: " fmt

#include "gctorture.h"
#include "../../../../../goalloc_mod/mgc.h"

#define PROBE_ONE_IN	32
#define TEXT_MAX	255

static gfp_t gfp_of(const struct torturer *t)
{
	return (t->side ? GFP_ATOMIC : GFP_KERNEL) | __GFP_NOWARN;
}

static u64 canary_of(u64 magic, u64 seq, const void *obj)
{
	return magic ^ torture_mix(seq) ^ (unsigned long)obj;
}

/*
 * What was reclaimed looks as before until it is issued again. That there is a finalizer
 * to take away is said of live objects alone.
 */
static void probe(struct torturer *t, void *obj, const char *where)
{
	int err;

	if (!one_in(t, PROBE_ONE_IN))
		return;
	err = goalloc_gc_set_finalizer(world.heap, obj, NULL, NULL, 0);
	t->count[C_PROBES]++;
	if (err != -ENOENT)
		torture_fail("%s: object %p is not allocated (%d)", where, obj, err);
}

static bool check_node(struct torturer *t, struct vertex *n, u64 seq, const char *where)
{
	u64 seen = READ_ONCE(n->seq);

	t->count[C_VISITS]++;
	if (likely(seen == seq && READ_ONCE(n->canary) == canary_of(NODE_MAGIC, seq, n)))
		return true;
	torture_fail("%s: node %p is %llx, expected %llx", where, n, seen, seq);
	return false;
}

/* The node is looked at again when the section ends: it must be the same. */
static void hold(struct torturer *t, struct vertex *n, u64 seq)
{
	unsigned int i = t->nheld < NR_HELD ? t->nheld++ : rnd(t) % NR_HELD;

	t->held[i].node = n;
	t->held[i].seq = seq;
}

/**
 * graph_check_held() - the section is about to end
 * @t: who is in it
 */
void graph_check_held(struct torturer *t)
{
	unsigned int i;

	for (i = 0; i < t->nheld; i++)
		check_node(t, t->held[i].node, t->held[i].seq, "held");
	t->nheld = 0;
}

/**
 * graph_check_edge() - look at an edge that was loaded, and at its node
 * @t: who did
 * @e: the edge
 * @where: it came from
 *
 * Return: the node, or NULL if something is wrong.
 */
struct vertex *graph_check_edge(struct torturer *t, const struct arc *e, const char *where)
{
	u64 seq = READ_ONCE(e->seq);
	struct vertex *n;

	t->count[C_VISITS]++;
	if (unlikely(READ_ONCE(e->canary) != canary_of(EDGE_MAGIC, seq, e))) {
		torture_fail("%s: edge %p is damaged, to %llx", where, e, seq);
		return NULL;
	}
	n = goalloc_gc_load(&e->to);
	if (unlikely(!n)) {
		torture_fail("%s: edge %p to %llx leads nowhere", where, e, seq);
		return NULL;
	}
	probe(t, (void *)e, where);
	return check_node(t, n, seq, where) ? n : NULL;
}

static void check_text(struct torturer *t, struct vertex *n)
{
	const u8 *text = goalloc_gc_load(&n->text);
	unsigned int i, len;

	if (!text)
		return;
	len = READ_ONCE(text[0]);
	t->count[C_VISITS]++;
	for (i = 1; i < len; i++)
		if (READ_ONCE(text[i]) != (u8)(len ^ i))
			break;
	if (!len || i < len)
		torture_fail("text %p of node %llx: %u bytes, %u are good", text, n->seq, len, i);
}

static void set_text(struct torturer *t, struct vertex *n)
{
	/* Most share a block with others. */
	unsigned int i, len = 1 + (one_in(t, 4) ? rnd(t) % TEXT_MAX : rnd(t) % 15);
	u8 *text = goalloc_gc_alloc_noscan(world.heap, len, gfp_of(t));

	t->count[C_ALLOCS]++;
	if (!text) {
		t->count[C_NO_MEMORY]++;
		return;
	}
	for (i = 0; i < len; i++)
		if (text[i])
			torture_fail("new text %p of %u bytes is not zero", text, len);
	text[0] = len;
	for (i = 1; i < len; i++)
		text[i] = len ^ i;
	goalloc_gc_assign(world.heap, &n->text, text);
	t->count[C_MUTATIONS]++;
}

/**
 * graph_new_node() - make a node, which nobody sees yet
 * @t: who wants it
 * @gfp: how
 *
 * Return: the node, or NULL.
 */
struct vertex *graph_new_node(struct torturer *t, gfp_t gfp)
{
	struct vertex *n = goalloc_gc_alloc(world.node, gfp);

	t->count[C_ALLOCS]++;
	if (!n) {
		t->count[C_NO_MEMORY]++;
		return NULL;
	}
	if (n->seq || n->canary)
		torture_fail("new node %p was %llx", n, n->seq);
	WRITE_ONCE(n->seq, ++t->seq);
	WRITE_ONCE(n->canary, canary_of(NODE_MAGIC, n->seq, n));
	return n;
}

/**
 * graph_new_edge() - make an edge, which nobody sees yet
 * @t: who wants it
 * @to: where to
 * @gfp: how
 *
 * Return: the edge, or NULL.
 */
struct arc *graph_new_edge(struct torturer *t, struct vertex *to, gfp_t gfp)
{
	struct arc *e = goalloc_gc_alloc(world.edge, gfp);

	t->count[C_ALLOCS]++;
	if (!e) {
		t->count[C_NO_MEMORY]++;
		return NULL;
	}
	WRITE_ONCE(e->seq, READ_ONCE(to->seq));
	WRITE_ONCE(e->canary, canary_of(EDGE_MAGIC, e->seq, e));
	goalloc_gc_assign(world.heap, &e->to, to);
	t->count[C_MUTATIONS]++;
	return e;
}

/* What a conservative root points to is in the edge, and not its beginning. */
static struct arc *load_loose(struct torturer *t)
{
	unsigned long *word = goalloc_gc_load(&world.loose[rnd(t) % NR_LOOSE]);

	return word ? (void *)word - offsetof(struct arc, canary) : NULL;
}

static void store_loose(struct torturer *t, struct arc *e)
{
	goalloc_gc_assign(world.heap, &world.loose[rnd(t) % NR_LOOSE],
			  e ? (void *)&e->canary : NULL);
	t->count[C_MUTATIONS]++;
}

/* A slot of a node: one of its own, or in its array. */
static struct arc __gc **slot_of(struct torturer *t, struct vertex *n)
{
	struct cell *more = one_in(t, 3) ? goalloc_gc_load(&n->more) : NULL;
	unsigned long len;

	if (!more)
		return &n->link[rnd(t) % NR_LINKS];
	len = READ_ONCE(more->n);
	if (unlikely(!len || len > 100000)) {
		torture_fail("array %p of node %llx has %lu elements", more, n->seq, len);
		return &n->link[0];
	}
	/* The first ones more often: of a large array the others stay empty. */
	return &more[rnd(t) % (one_in(t, 2) ? len : min(len, 4UL))].edge;
}

static struct arc *load_root(struct torturer *t)
{
	return one_in(t, 5) ? load_loose(t) : goalloc_gc_load(&world.roots[rnd(t) % NR_ROOTS]);
}

/**
 * graph_walk() - go from a root along some edges, and look at all that is passed
 * @t: who does
 * @steps: as many, if they do not end before
 *
 * Return: the last node, or NULL if the root had none.
 */
struct vertex *graph_walk(struct torturer *t, unsigned int steps)
{
	struct arc *e = load_root(t);
	struct vertex *n = NULL, *next;

	while (e) {
		next = graph_check_edge(t, e, n ? "walk" : "root");
		if (!next)
			break;
		n = next;
		hold(t, n, READ_ONCE(e->seq));
		if (one_in(t, 4)) {
			check_text(t, n);
			fin_check(t, n);
			probe(t, n, "walk");
		}
		if (!steps--)
			break;
		e = goalloc_gc_load(slot_of(t, n));
	}
	return n;
}

static void store_edge(struct torturer *t, struct arc __gc **slot, struct arc *e)
{
	goalloc_gc_assign(world.heap, slot, e);
	t->count[C_MUTATIONS]++;
}

/* Anywhere: in a root, or in what can be reached. */
static void store_somewhere(struct torturer *t, struct arc *e)
{
	struct vertex *n = one_in(t, 4) ? NULL : graph_walk(t, rnd(t) % 6);

	if (n)
		store_edge(t, slot_of(t, n), e);
	else if (one_in(t, 4))
		store_loose(t, e);
	else
		store_edge(t, &world.roots[rnd(t) % NR_ROOTS], e);
}

static void op_new(struct torturer *t)
{
	struct vertex *n = graph_new_node(t, gfp_of(t)), *other;
	struct arc *e;

	if (!n)
		return;
	/* What it points to is stored before anybody sees it. */
	other = one_in(t, 2) ? graph_walk(t, rnd(t) % 6) : NULL;
	e = other ? graph_new_edge(t, other, gfp_of(t)) : NULL;
	if (e)
		store_edge(t, &n->link[rnd(t) % NR_LINKS], e);
	if (one_in(t, 4))
		set_text(t, n);
	e = graph_new_edge(t, n, gfp_of(t));
	if (e)
		store_somewhere(t, e);
	hold(t, n, n->seq);
}

/* The pointer goes from one slot to another: for a moment it may be in none. */
static void op_move(struct torturer *t)
{
	struct vertex *from = graph_walk(t, rnd(t) % 8);
	struct arc __gc **slot;
	struct arc *e;

	if (!from)
		return;
	slot = slot_of(t, from);
	e = goalloc_gc_load(slot);
	if (!e)
		return;
	if (one_in(t, 2)) {
		store_somewhere(t, e);
		store_edge(t, slot, NULL);
	} else {
		store_edge(t, slot, NULL);
		if (!t->side && one_in(t, 64))
			cond_resched();
		store_somewhere(t, e);
	}
	graph_check_edge(t, e, "moved");
}

static void op_alias(struct torturer *t)
{
	struct vertex *n = graph_walk(t, rnd(t) % 8);
	struct arc *e = n ? graph_new_edge(t, n, gfp_of(t)) : NULL;

	if (e)
		store_somewhere(t, e);
}

static void op_swap(struct torturer *t)
{
	struct vertex *a = graph_walk(t, rnd(t) % 8), *b = graph_walk(t, rnd(t) % 8);
	struct arc __gc **sa, **sb;
	struct arc *ea, *eb;

	if (!a || !b)
		return;
	sa = slot_of(t, a);
	sb = slot_of(t, b);
	ea = goalloc_gc_load(sa);
	eb = goalloc_gc_load(sb);
	store_edge(t, sa, eb);
	store_edge(t, sb, ea);
}

static void op_cut(struct torturer *t)
{
	struct vertex *n = one_in(t, 2) ? graph_walk(t, rnd(t) % 4) : NULL;

	if (n)
		store_edge(t, slot_of(t, n), NULL);
	else if (one_in(t, 4))
		store_loose(t, NULL);
	else
		store_edge(t, &world.roots[rnd(t) % NR_ROOTS], NULL);
}

static unsigned long array_length(struct torturer *t)
{
	if (t->side || !one_in(t, 200))
		return 1 + rnd(t) % 30;
	/* Whole spans; some are scanned in pieces. */
	return 2000 + rnd(t) % (one_in(t, 4) ? 20000 : 2000);
}

static void op_array(struct torturer *t)
{
	struct vertex *n = graph_walk(t, rnd(t) % 4);
	struct cell *old, *more;
	unsigned long len, i;

	if (!n)
		return;
	old = goalloc_gc_load(&n->more);
	len = old && one_in(t, 2) ? READ_ONCE(old->n) : array_length(t);
	more = goalloc_gc_alloc_array(world.cell, len, gfp_of(t));
	t->count[C_ALLOCS]++;
	if (!more) {
		t->count[C_NO_MEMORY]++;
		return;
	}
	t->count[C_ARRAYS]++;
	if (old && READ_ONCE(old->n) == len) {
		goalloc_gc_copy(world.cell, more, old, len);
		t->count[C_COPIES]++;
		t->count[C_MUTATIONS] += len;
	} else {
		for (i = 0; i < len; i++)
			more[i].n = len;
	}
	goalloc_gc_assign(world.heap, &n->more, more);
	t->count[C_MUTATIONS]++;
}

/* Objects that nobody else has seen. */
static void op_by_hand(struct torturer *t)
{
	struct vertex *n = graph_new_node(t, gfp_of(t)), *other = graph_walk(t, 2);
	struct arc *e = n && other ? graph_new_edge(t, other, gfp_of(t)) : NULL;

	if (e && one_in(t, 2)) {
		store_edge(t, &n->link[0], e);
		goalloc_free(n);
		t->count[C_BY_HAND]++;
		/* The edge is good yet. */
		graph_check_edge(t, e, "by hand");
		store_somewhere(t, e);
		return;
	}
	if (e) {
		goalloc_free(e);
		t->count[C_BY_HAND]++;
	}
	if (n) {
		goalloc_free(n);
		t->count[C_BY_HAND]++;
	}
}

static bool too_large(void)
{
	return READ_ONCE(world.heap->gc->stats.heap_marked) >> 10 > max_kb;
}

/**
 * graph_mutate() - change the graph a little
 * @t: who does, in a section
 */
void graph_mutate(struct torturer *t)
{
	unsigned int what = rnd(t) % 32;

	/* It grows by itself, and is to stay at a size. */
	if (too_large())
		what = what % 2 ? 24 : what;
	switch (what) {
	case 0 ... 8:
		op_new(t);
		break;
	case 9 ... 15:
		op_move(t);
		break;
	case 16 ... 19:
		op_alias(t);
		break;
	case 20 ... 23:
		op_swap(t);
		break;
	case 24 ... 26:
		op_cut(t);
		break;
	case 27:
		op_array(t);
		break;
	case 28: {
		struct vertex *n = graph_walk(t, 3);

		if (n)
			set_text(t, n);
		break;
	}
	case 29:
		op_by_hand(t);
		break;
	case 30:
		if (!t->side)
			fin_set(t, graph_walk(t, rnd(t) % 6));
		break;
	default:
		if (!t->side && one_in(t, 2))
			witness_op(t);
		else if (!t->side)
			kept_op(t);
		break;
	}
}

/**
 * graph_drop_roots() - nothing is to be reachable any more
 */
void graph_drop_roots(void)
{
	int section = goalloc_gc_lock(world.heap);
	unsigned int i;

	for (i = 0; i < NR_ROOTS; i++)
		goalloc_gc_assign(world.heap, &world.roots[i], NULL);
	for (i = 0; i < NR_LOOSE; i++)
		goalloc_gc_assign(world.heap, &world.loose[i], NULL);
	for (i = 0; i < NR_REVIVED; i++)
		goalloc_gc_assign(world.heap, &world.revived[i], NULL);
	goalloc_gc_unlock(world.heap, section);
}
