// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that free. A freed object leaves its address in its register, so to
 * free that once more is misuse, which must be seen and do no harm; or, if the
 * slot was handed out again, the free of what is there now.
 */
#include <linux/string.h>

#include "goalloc_fuzz.h"

/*
 * What must come of freeing @p, by who names @heap or @cache or neither. Returns
 * the object if it goes.
 */
static struct fuzz_obj *expect_free(struct fuzz_run *run, struct fuzz_call *call, void *p)
{
	unsigned long wrong = 0;
	struct fuzz_obj *o;

	switch (fuzz_place(run, p, &o)) {
	case PLACE_NOTHING:
		return NULL;
	case PLACE_NO_OBJECT:
		call->kinds |= NO_OBJECT_KINDS;
		if (call->fn == DO_HEAP_FREE)
			call->kinds |= BIT(MISUSE_WRONG_HEAP);
		if (call->cache)
			call->kinds |= BIT(MISUSE_WRONG_CACHE);
		call->misuses++;
		return NULL;
	case PLACE_INSIDE:
		call->kinds |= BIT(MISUSE_INTERIOR);
		break;
	default:
		break;
	}
	if (call->fn == DO_HEAP_FREE && run->heaps[o->heap].heap != call->heap)
		wrong = BIT(MISUSE_WRONG_HEAP);
	if (call->cache && (o->cache < 0 || run->caches[o->cache].cache != call->cache))
		wrong = BIT(MISUSE_WRONG_CACHE);
	call->kinds |= wrong;
	if (p != o->p || wrong) {
		call->misuses++;
		return NULL;
	}
	call->dtors += fuzz_has_dtor(run, o);
	return o;
}

void fuzz_free_pointer(struct fuzz_run *run, struct fuzz_call *call, void *p)
{
	struct fuzz_obj *o, *there;

	if (run->failed)
		return;
	call->p = p;
	o = expect_free(run, call, p);
	if (o && !fuzz_check(run, o, o->p, o->size, "before its free"))
		return;
	if (o && call->fn == DO_FREE_RCU) {
		if (o->room < sizeof(u64) + sizeof(struct rcu_head))
			call->fn = DO_FREE;
		else
			run->rcu = true;
	}
	if (o && call->fn == DO_FREE_SENSITIVE && fuzz_has_ctor(run, o))
		call->fn = DO_FREE;
	fuzz_issue(run, call);
	if (run->failed)
		return;
	if (call->fn == DO_REALLOC && p && call->ret != ZERO_SIZE_PTR)
		fuzz_fail(run, "realloc to no bytes did not return ZERO_SIZE_PTR");
	if (o)
		fuzz_gone(run, o);
	else if (fuzz_place(run, p, &there) != PLACE_NOTHING && there)
		fuzz_check(run, there, there->p, there->size, "after a refused free");
}

void fuzz_free_live(struct fuzz_run *run, struct fuzz_obj *o)
{
	struct fuzz_call call = { .fn = DO_FREE };

	fuzz_free_pointer(run, &call, o->p);
}

enum fuzz_function fuzz_free_function(unsigned int how)
{
	static const enum fuzz_function functions[FUZZ_FREES] = {
		[FUZZ_FREE_PLAIN] = DO_FREE,
		[FUZZ_FREE_SENSITIVE] = DO_FREE_SENSITIVE,
		[FUZZ_FREE_RCU] = DO_FREE_RCU,
		[FUZZ_FREE_MEMPOOL] = DO_FREE_MEMPOOL,
		[FUZZ_FREE_REALLOC] = DO_REALLOC,
	};

	return functions[how % FUZZ_FREES];
}

void fuzz_op_free(struct fuzz_run *run)
{
	struct fuzz_call call = { .fn = fuzz_free_function(run->op.b) };
	void *p = fuzz_pointer(fuzz_obj_at(run, run->op.a), run->op.c);

	/* This one allocates where there is nothing. */
	if (call.fn == DO_REALLOC && ZERO_OR_NULL_PTR(p))
		call.fn = DO_FREE;
	fuzz_free_pointer(run, &call, p);
}

void fuzz_op_heap_free(struct fuzz_run *run)
{
	struct fuzz_call call = {
		.fn = DO_HEAP_FREE, .heap = run->heaps[run->op.b % FUZZ_HEAPS].heap,
	};

	fuzz_free_pointer(run, &call, fuzz_pointer(fuzz_obj_at(run, run->op.a), run->op.c));
}

void fuzz_op_cache_free(struct fuzz_run *run)
{
	struct fuzz_call call = {
		.fn = run->op.b & FUZZ_CACHE_MEMPOOL ? DO_CACHE_FREE_MEMPOOL : DO_CACHE_FREE,
		.cache = fuzz_cache_at(run, run->op.b)->cache,
	};

	if (call.cache)
		fuzz_free_pointer(run, &call, fuzz_pointer(fuzz_obj_at(run, run->op.a), run->op.c));
}

void fuzz_op_free_bulk(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	unsigned int nr = op->n % (FUZZ_BULK + 1), times = op->b & FUZZ_BULK_TWICE ? 2 : 1, i;
	void *objs[2 * FUZZ_BULK];
	struct fuzz_call call = { .fn = DO_FREE_BULK, .objs = objs };

	if (op->b & FUZZ_BULK_CACHE) {
		call.fn = DO_CACHE_FREE_BULK;
		call.cache = fuzz_cache_at(run, op->b)->cache;
		if (!call.cache)
			return;
	}
	for (i = 0; i < nr * times; i++) {
		struct fuzz_obj *o;

		objs[i] = fuzz_pointer(fuzz_obj_at(run, op->a + i / times), 0);
		o = expect_free(run, &call, objs[i]);
		if (!o)
			continue;
		if (!fuzz_check(run, o, o->p, o->size, "before its free"))
			return;
		fuzz_gone(run, o);
	}
	call.nr = nr * times;
	fuzz_issue(run, &call);
}
