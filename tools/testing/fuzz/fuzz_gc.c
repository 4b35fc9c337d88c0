// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on managed objects, and on roots, handles, weak references and finalizers.
 * Each is in a section of its own, if none lasts.
 */
#include <linux/err.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define BUDGET (4UL << 20) /* bytes of objects in a heap */

/* Where a pointer is stored, and what the model has of that. */
struct place {
	void **slot;
	struct gc_ref *ref;
};

/* A root, or a pointer in an object that is reachable. */
static bool find_place(struct fuzz_run *run, struct gc_managed *m, u8 which, struct place *place)
{
	struct gc_node *node = which < 0x60 ? NULL : gc_pick(run, m, which >> 2);
	unsigned int i = which % GC_SLOTS;

	if (node && node->nfields) {
		i = which % node->nfields;
		place->slot = gc_field(node, i);
		place->ref = &node->fields[i];
		return !run->failed;
	}
	place->slot = &m->slots[i];
	place->ref = &m->refs[i];
	return !run->failed && m->rooted[i * 2 / GC_SLOTS];
}

static void store(struct fuzz_run *run, struct gc_managed *m, struct place *place,
		  struct gc_node *node, void *addr)
{
	struct fuzz_call call = {
		.fn = DO_GC_ASSIGN, .managed = m->heap, .objs = place->slot, .p = addr,
	};

	fuzz_issue(run, &call);
	*place->ref = (struct gc_ref){ addr, node };
	if (goalloc_gc_load(place->slot) != addr)
		fuzz_fail(run, "what was stored is not there");
}

/* For fuzz_call.c, in the context that the program chose. */
void fuzz_gc_make_call(struct fuzz_call *call)
{
	int section = goalloc_gc_lock(call->managed);

	switch (call->fn) {
	case DO_GC_ALLOC:
		call->ret = goalloc_gc_alloc(call->type, call->gfp);
		break;
	case DO_GC_ALLOC_ARRAY:
		call->ret = goalloc_gc_alloc_array(call->type, call->nr, call->gfp);
		break;
	case DO_GC_ALLOC_NOSCAN:
		call->ret = goalloc_gc_alloc_noscan(call->managed, call->size, call->gfp);
		break;
	case DO_GC_COPY:
		goalloc_gc_copy(call->type, call->to, call->p, call->nr);
		break;
	case DO_GC_ASSIGN:
		goalloc_gc_assign(call->managed, call->objs, call->p);
		break;
	default:
		WARN_ON_ONCE(1);
	}
	goalloc_gc_unlock(call->managed, section);
}

static struct gc_node *free_node(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < GC_NODES; i++)
		if (!run->gc.nodes[i].p)
			return &run->gc.nodes[i];
	return NULL;
}

static size_t alignment(const struct gc_node *node)
{
	if (node->type < 0)
		return clamp_t(size_t, node->size & -node->size, 1, 8);
	return node->n == 1 ? fuzz_gc_layouts[node->type].align : 1;
}

static unsigned int fields(const struct gc_node *node)
{
	size_t words = 0;
	unsigned int i;

	if (node->type < 0)
		return 0;
	for (i = 0; i < fuzz_gc_layouts[node->type].nptrs; i++)
		words += fuzz_gc_layouts[node->type].ptrs[i].n;
	return min_t(size_t, words * node->n, GC_FIELDS);
}

/* An object came: it is zero, aligned, and nobody's. */
static void check_new(struct fuzz_run *run, const struct gc_node *new)
{
	u64 set = gc_reachable(run, new->owner);
	struct fuzz_obj *o;
	unsigned int i;

	if (memchr_inv(new->p, 0, new->size))
		fuzz_fail(run, "a managed object of %zu bytes is not zeroed", new->size);
	if (!IS_ALIGNED((unsigned long)new->p, alignment(new)))
		fuzz_fail(run, "a managed object of %zu bytes is not aligned", new->size);
	if (goalloc_owner(new->p) != new->owner->heap)
		fuzz_fail(run, "a managed object of %zu bytes is not its heap's", new->size);
	if (!gc_is_shared(new) && goalloc_size(new->p) < new->size)
		fuzz_fail(run, "a managed object of %zu bytes has %zu", new->size,
			  goalloc_size(new->p));
	if (fuzz_place(run, new->p, &o) != PLACE_NO_OBJECT)
		fuzz_fail(run, "a managed object of %zu bytes is in another", new->size);
	for (i = 0; i < GC_NODES; i++) {
		const struct gc_node *other = &run->gc.nodes[i];

		if (set & BIT_ULL(i) && other->p < new->p + new->size &&
		    new->p < other->p + other->size)
			fuzz_fail(run, "a managed object of %zu bytes overlaps one of %zu",
				  new->size, other->size);
	}
}

static bool took(struct fuzz_run *run, struct gc_node *node, const struct fuzz_call *call)
{
	struct fuzz_heap limits = { .limited = node->owner->limited };
	bool refused = call->misuses || !node->size || node->size > GC_MAX_BYTES;

	if (run->failed)
		return false;
	if (call->ret && refused)
		fuzz_fail(run, "a managed object of %zu bytes that must be refused is there",
			  node->size);
	if (!call->ret && !refused && !fuzz_may_fail(run, &limits, node->size, call->gfp))
		fuzz_fail(run, "no memory for a managed object of %zu bytes", node->size);
	return call->ret && !run->failed;
}

/* What is no pointer may look like one: then it keeps nothing. */
static u64 make_pattern(struct fuzz_run *run, struct gc_managed *m, bool decoy)
{
	u64 all = gc_of_heap(run, m);

	if (decoy && all)
		return (unsigned long)run->gc.nodes[__ffs64(all)].p;
	return 0x8080808080808080ULL | ++run->fills;
}

void fuzz_op_gc_alloc(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct gc_managed *m = gc_heap_at(run, op->a);
	struct fuzz_call call = { .fn = DO_GC_ALLOC, .nr = 1 };
	struct gc_node *node = free_node(run), new = { .owner = m };
	struct place place;
	int section;

	if (!m || run->failed)
		return;
	if (!node) {
		gc_settle(run, m);
		return;
	}
	new.type = op->a & FUZZ_GC_NOSCAN ? -1 : op->a / GC_HEAPS % GC_TYPES;
	new.n = 1;
	if (new.type < 0) {
		call.fn = DO_GC_ALLOC_NOSCAN;
		new.size = fuzz_size(op->n);
	} else {
		if (op->a & FUZZ_GC_ARRAY) {
			call.fn = DO_GC_ALLOC_ARRAY;
			new.n = fuzz_size(op->n);
		}
		new.size = array_size(new.n, fuzz_gc_layouts[new.type].size);
		call.type = gc_type_at(run, m, new.type);
	}
	if (run->failed || (new.size <= GC_MAX_BYTES && m->bytes + new.size > BUDGET))
		return;
	call.managed = m->heap;
	call.size = new.size;
	call.nr = new.n;
	call.gfp = fuzz_gfp(run, op->c, false);
	fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	section = goalloc_gc_lock(m->heap);
	fuzz_issue(run, &call);
	if (took(run, &new, &call)) {
		new.p = call.ret;
		new.nfields = fields(&new);
		new.pattern = make_pattern(run, m, op->a & FUZZ_GC_DECOY);
		check_new(run, &new);
		*node = new;
		m->bytes += new.size;
		gc_stamp(node);
		if (m->open)
			m->held |= gc_bit(run, node);
		if (!(op->a & FUZZ_GC_LOOSE) && find_place(run, m, op->b, &place))
			store(run, m, &place, node, node->p);
	}
	goalloc_gc_unlock(m->heap, section);
}

/* An object, or an address in it, or none, to a place. A conservative root takes anything. */
void fuzz_op_gc_assign(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct gc_managed *m = gc_heap_at(run, op->a);
	struct gc_node *node;
	struct place place;
	void *addr = NULL;
	int section;

	if (!m)
		return;
	section = goalloc_gc_lock(m->heap);
	node = gc_pick(run, m, op->c);
	switch (op->a / GC_HEAPS % 4) {
	case 0:
		addr = node ? node->p : NULL;
		break;
	case 1:
		addr = node ? node->p + node->size / 2 : NULL;
		break;
	case 2:
		addr = node ? node->p + node->size - 1 : NULL;
		break;
	default:
		node = NULL;
	}
	if (!run->failed && find_place(run, m, op->b, &place)) {
		if (!node && place.slot >= m->slots + GC_SLOTS / 2 &&
		    place.slot < m->slots + GC_SLOTS)
			addr = (void *)~(unsigned long)op->n;
		store(run, m, &place, node, addr);
	}
	goalloc_gc_unlock(m->heap, section);
}

void fuzz_op_gc_copy(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct gc_managed *m = gc_heap_at(run, op->a);
	struct fuzz_call call = { .fn = DO_GC_COPY };
	struct gc_node *to, *from;
	int section;

	if (!m)
		return;
	section = goalloc_gc_lock(m->heap);
	to = gc_pick(run, m, op->b);
	from = gc_pick(run, m, op->c);
	if (to && from && to != from && to->type >= 0 && to->type == from->type &&
	    to->n == from->n) {
		call.managed = m->heap;
		call.type = gc_type_at(run, m, to->type);
		call.to = to->p;
		call.p = from->p;
		call.nr = to->n;
		fuzz_issue(run, &call);
		/* As words, it goes by the address. */
		to->pattern = from->pattern;
		memcpy(to->fields, from->fields, sizeof(to->fields));
		gc_check_node(run, to, "after a copy");
	}
	goalloc_gc_unlock(m->heap, section);
}

void fuzz_op_gc_handle(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct gc_managed *m = gc_heap_at(run, op->a);
	struct gc_kept *k = &run->gc.kept[op->b % GC_HANDLES];
	struct gc_node *node;
	int section;

	if (!m)
		return;
	if (k->handle && op->n & 1) {
		if (goalloc_gc_handle_get(k->handle) != k->handle)
			fuzz_fail(run, "a handle is another");
		k->refs++;
	} else if (k->handle) {
		goalloc_gc_handle_put(k->handle);
		if (!--k->refs)
			memset(k, 0, sizeof(*k));
	} else {
		section = goalloc_gc_lock(m->heap);
		node = gc_pick(run, m, op->c);
		if (node)
			k->handle = goalloc_gc_handle_create(m->heap, node->p, GFP_KERNEL);
		if (k->handle) {
			k->owner = m;
			k->to = node;
			k->refs = 1;
		} else if (node) {
			fuzz_fail(run, "no handle for a managed object");
		}
		goalloc_gc_unlock(m->heap, section);
	}
}

static void new_weak(struct fuzz_run *run, struct gc_managed *m, struct gc_weak *w)
{
	struct gc_node *node = gc_pick(run, m, run->op.c);

	if (!node || gc_is_shared(node))
		return;
	w->weak = goalloc_gc_weak_create(m->heap, node->p, GFP_KERNEL);
	w->owner = m;
	w->to = node;
	if (w->weak)
		return;
	fuzz_fail(run, "no weak reference to a managed object");
	memset(w, 0, sizeof(*w));
}

/* What only it leads to may be there, or not; if it is, it can be stored again. */
static void ask_weak(struct fuzz_run *run, struct gc_weak *w)
{
	struct gc_managed *m = w->owner;
	bool sure = w->to && gc_reachable(run, m) & gc_bit(run, w->to);
	void *p = goalloc_gc_weak_get(w->weak);
	struct place place;

	if (p ? !w->to || p != w->to->p : sure) {
		fuzz_fail(run, "a weak reference leads to %p, not to %p", p,
			  w->to ? w->to->p : NULL);
		return;
	}
	if (!p) {
		w->to = NULL;
		return;
	}
	if (m->open)
		m->held |= gc_bit(run, w->to);
	if (!gc_check_node(run, w->to, "by a weak reference"))
		return;
	if (run->op.n & 1 && find_place(run, m, run->op.c, &place))
		store(run, m, &place, w->to, p);
}

void fuzz_op_gc_weak(struct fuzz_run *run)
{
	struct gc_weak *w = &run->gc.weak[run->op.b % GC_WEAKS];
	struct gc_managed *m = w->weak ? w->owner : gc_heap_at(run, run->op.a);
	int section;

	if (!m)
		return;
	if (w->weak && run->op.n % 4 == 3) {
		goalloc_gc_weak_destroy(w->weak);
		memset(w, 0, sizeof(*w));
		return;
	}
	section = goalloc_gc_lock(m->heap);
	if (w->weak)
		ask_weak(run, w);
	else
		new_weak(run, m, w);
	goalloc_gc_unlock(m->heap, section);
}

/* From a work item, while the program goes on; the model leaves the object alone. */
static void finalize(void *obj, void *data)
{
	struct gc_node *node = data;
	struct gc_managed *m = node->owner;

	atomic_inc(&node->ran);
	if (node->p != obj || !gc_intact(node))
		atomic_inc(&m->faults);
	else if (node->revive)
		goalloc_gc_assign(m->heap, node->root, obj);
}

/* What is to be done with an object that is reachable, in a section. */
static void with_object(struct fuzz_run *run,
			void (*fn)(struct fuzz_run *run, struct gc_node *node))
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);
	struct gc_node *node;
	int section;

	if (!m)
		return;
	section = goalloc_gc_lock(m->heap);
	node = gc_pick(run, m, run->op.c);
	if (node)
		fn(run, node);
	goalloc_gc_unlock(m->heap, section);
}

static void set_finalizer(struct fuzz_run *run, struct gc_node *node)
{
	struct goalloc_heap *heap = node->owner->heap;
	bool set = run->op.b & FUZZ_GC_SET;
	int err, want;

	if (gc_is_shared(node))
		return;
	want = set ? (node->final ? -EEXIST : 0) : (node->final ? 0 : -ENOENT);
	if (!want) {
		node->final = set;
		node->revive = set && run->op.b & FUZZ_GC_REVIVE;
		node->root = &node->owner->revived[node - run->gc.nodes];
	}
	err = goalloc_gc_set_finalizer(heap, node->p, set ? finalize : NULL, node, GFP_KERNEL);
	if (err != want)
		fuzz_fail(run, "a finalizer came to %d, not to %d", err, want);
}

void fuzz_op_gc_finalizer(struct fuzz_run *run)
{
	with_object(run, set_finalizer);
}

/* A root that a finalizer made. */
static void unrevive(struct fuzz_run *run, struct gc_node *node)
{
	struct gc_ref ref;
	struct place place = { node->root, &ref };

	if (!node->revived)
		return;
	store(run, node->owner, &place, NULL, NULL);
	node->revived = false;
}

void fuzz_op_gc_unrevive(struct fuzz_run *run)
{
	with_object(run, unrevive);
}

/* Whether nothing but roots points to an object. */
static bool is_freeable(const struct fuzz_run *run, const struct gc_node *node)
{
	unsigned int i;

	for (i = 0; i < GC_HANDLES; i++)
		if (run->gc.kept[i].to == node)
			return false;
	return !(gc_children(run, gc_of_heap(run, node->owner)) & gc_bit(run, node));
}

static void clear_roots(struct fuzz_run *run, struct gc_node *node)
{
	struct gc_managed *m = node->owner;
	unsigned int i;

	for (i = 0; i < GC_SLOTS; i++)
		if (m->refs[i].to == node)
			store(run, m, &(struct place){ &m->slots[i], &m->refs[i] }, NULL, NULL);
	unrevive(run, node);
}

/* What there is to be refused of a call with an object. */
static void expect_refusal(struct fuzz_run *run, const struct gc_node *node, struct fuzz_call *call)
{
	u8 how = run->op.b;

	if (gc_is_shared(node)) {
		call->kinds = BIT(MISUSE_INTERIOR);
	} else if (how & FUZZ_GC_INSIDE && node->size > 1) {
		call->p = node->p + node->size / 2;
		call->kinds = BIT(MISUSE_INTERIOR);
	} else if (call->fn == DO_REALLOC) {
		call->kinds = BIT(MISUSE_REALLOC);
	} else if (call->fn == DO_HEAP_FREE && how & FUZZ_GC_WRONG) {
		call->heap = run->heaps[1].heap;
		call->kinds = BIT(MISUSE_WRONG_HEAP);
	}
	call->misuses = !!call->kinds;
}

/* By hand, as it must be, and otherwise; in the section of the caller. */
static void free_by_hand(struct fuzz_run *run, struct gc_node *node)
{
	static const enum fuzz_function functions[] = {
		DO_FREE, DO_FREE_SENSITIVE, DO_HEAP_FREE, DO_FREE_BULK,
	};
	struct fuzz_call call = { .p = node->p, .size = 1, .nr = 1, .gfp = GFP_KERNEL };
	u8 how = run->op.b;

	call.fn = functions[how % ARRAY_SIZE(functions)];
	if (how & FUZZ_GC_ASK)
		call.fn = how & 1 ? DO_REALLOC : DO_SIZE;
	call.heap = node->owner->heap;
	call.objs = &call.p;
	expect_refusal(run, node, &call);
	if (call.misuses || call.fn == DO_SIZE) {
		fuzz_issue(run, &call);
		if (call.ret || (call.fn == DO_SIZE && !call.n == !call.misuses))
			fuzz_fail(run, "what must be refused of a managed object is not");
		gc_check_node(run, node, "after a refused free");
		return;
	}
	if (!is_freeable(run, node))
		return;
	clear_roots(run, node);
	fuzz_issue(run, &call);
	gc_forget(run, node);
	if (run->failed || !(how & FUZZ_GC_TWICE))
		return;
	call.misuses = 1;
	call.kinds = NO_OBJECT_KINDS | BIT(MISUSE_WRONG_HEAP);
	fuzz_issue(run, &call);
}

void fuzz_op_gc_free(struct fuzz_run *run)
{
	with_object(run, free_by_hand);
}
