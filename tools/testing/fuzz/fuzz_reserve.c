// SPDX-License-Identifier: GPL-2.0
/*
 * A reserve, from its making to its end in one operation: which objects lie in it
 * the model cannot know, and so not whether a stale pointer is one of them. What was
 * taken stays in registers, and is freed as all else.
 */
#include <linux/err.h>

#include "goalloc_fuzz.h"

/* What all steps need to know of it. */
struct kind {
	struct goalloc_reserve *reserve;
	const struct fuzz_cache *cache;
	int heap;
	size_t size;
	size_t align;
	unsigned int nr;
	unsigned int there; /* objects in it */
};

static void check_stats(struct fuzz_run *run, const struct kind *kind)
{
	struct goalloc_reserve_stats stats;

	goalloc_reserve_stats(kind->reserve, &stats);
	if (stats.capacity != kind->nr || stats.available != kind->there ||
	    stats.low > stats.available)
		fuzz_fail(run, "a reserve has %u of %u, not %u of %u", stats.available,
			  stats.capacity, kind->there, kind->nr);
}

static bool make(struct fuzz_run *run, struct kind *kind)
{
	struct fuzz_call call = {
		.fn = kind->cache ? DO_RESERVE_CREATE : DO_RESERVE_CREATE_SIZE,
		.heap = run->heaps[kind->heap].heap, .size = kind->size, .nr = kind->nr,
	};
	bool sound = kind->nr && kind->size, ctor = kind->cache && kind->cache->ctor;

	if (kind->cache)
		call.cache = kind->cache->cache;
	call.gfp = fuzz_alloc_gfp(run, kind->heap, max(kind->size, kind->align));
	fuzz_refuse_if(&call, sound && (fuzz_gfp_bad(call.gfp) ||
					(ctor && call.gfp & __GFP_ZERO)));
	fuzz_issue(run, &call);
	if (run->failed)
		return false;
	if (IS_ERR_OR_NULL(call.ret)) {
		int want = sound && !call.misuses ? -ENOMEM : -EINVAL;

		if (PTR_ERR(call.ret) != want ||
		    (want == -ENOMEM && !fuzz_may_fail(run, &run->heaps[kind->heap], kind->size,
						       call.gfp)))
			fuzz_fail(run, "a reserve of %u objects of %zu bytes came as %ld",
				  kind->nr, kind->size, PTR_ERR(call.ret));
		return false;
	}
	kind->reserve = call.ret;
	kind->there = kind->nr;
	run->heaps[kind->heap].live += kind->nr;
	if (!sound || call.misuses || fuzz_impossible(kind->size))
		fuzz_fail(run, "a reserve that must be refused is there");
	return true;
}

/* As long as there are objects in it this does not fail. */
static void take(struct fuzz_run *run, struct kind *kind, struct fuzz_obj *o)
{
	bool zero = run->op.b & FUZZ_RESERVE_ZERO;
	struct fuzz_call call = { .fn = DO_RESERVE_TAKE, .reserve = kind->reserve };

	if (o->live)
		fuzz_free_live(run, o);
	call.gfp = zero ? __GFP_ZERO : 0;
	fuzz_refuse_if(&call, zero && kind->cache && kind->cache->ctor);
	fuzz_issue(run, &call);
	if (!call.misuses && !call.ret != !kind->there)
		fuzz_fail(run, "of %u objects in a reserve none is to be had", kind->there);
	if (!call.ret || run->failed)
		return;
	o->heap = kind->heap;
	o->cache = kind->cache ? kind->cache - run->caches : -1;
	kind->there--;
	run->heaps[kind->heap].live--;
	fuzz_took(run, o, &call, kind->size, kind->align);
}

/* It is kept, and then it is no longer ours to put. */
static void put_back(struct fuzz_run *run, struct kind *kind, struct fuzz_obj *o)
{
	struct fuzz_call call = { .fn = DO_RESERVE_PUT, .reserve = kind->reserve, .p = o->p };

	if (run->failed || !o->live || !fuzz_check(run, o, o->p, o->size, "before its reserve"))
		return;
	fuzz_issue(run, &call);
	if (!call.n)
		fuzz_fail(run, "a reserve with room does not take what it gave");
	fuzz_gone(run, o);
	kind->there++;
	run->heaps[kind->heap].live++;
	if (run->failed)
		return;
	call.misuses = 1;
	call.kinds = BIT(MISUSE_DOUBLE_FREE);
	fuzz_issue(run, &call);
	if (call.n)
		fuzz_fail(run, "a reserve takes what it has");
}

/* What is of another kind, it refuses. */
static void put_other(struct fuzz_run *run, const struct kind *kind, const struct fuzz_obj *o)
{
	struct fuzz_call call = {
		.fn = DO_RESERVE_PUT, .reserve = kind->reserve, .p = o->p, .misuses = 1,
		.kinds = BIT(MISUSE_WRONG_RESERVE),
	};
	int cache = kind->cache ? kind->cache - run->caches : -1;

	if (run->failed || !o->live || (o->heap == kind->heap && o->cache == cache))
		return;
	fuzz_issue(run, &call);
	if (call.n)
		fuzz_fail(run, "a reserve takes what is of another kind");
	else
		fuzz_check(run, o, o->p, o->size, "after it was refused");
}

static void fill_up(struct fuzz_run *run, struct kind *kind)
{
	struct fuzz_call call = { .fn = DO_RESERVE_REFILL, .reserve = kind->reserve };
	struct goalloc_reserve_stats stats;

	if (run->failed)
		return;
	call.gfp = fuzz_gfp(run, 0, false);
	fuzz_issue(run, &call);
	if ((int)call.n && ((int)call.n != -ENOMEM ||
			    !fuzz_may_fail(run, &run->heaps[kind->heap], kind->size, call.gfp)))
		fuzz_fail(run, "what a reserve lacks came as %d", (int)call.n);
	goalloc_reserve_stats(kind->reserve, &stats);
	run->heaps[kind->heap].live += stats.available - kind->there;
	kind->there = stats.available;
	if (!call.n && kind->there != kind->nr)
		fuzz_fail(run, "a refilled reserve has %u of %u", kind->there, kind->nr);
}

static void unmake(struct fuzz_run *run, struct kind *kind)
{
	struct fuzz_call call = { .fn = DO_RESERVE_DESTROY, .reserve = kind->reserve };

	if (kind->cache && kind->cache->dtor)
		call.dtors = kind->there;
	run->heaps[kind->heap].live -= kind->there;
	fuzz_issue(run, &call);
}

void fuzz_op_reserve(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct kind kind = { .nr = op->n >> 27, .size = fuzz_size(op->n << 5) };
	unsigned int i;

	kind.heap = run->heaps[op->b % FUZZ_HEAPS].heap ? op->b % FUZZ_HEAPS : 0;
	kind.align = fuzz_general_align(kind.size);
	if (op->b & FUZZ_RESERVE_CACHE) {
		kind.cache = fuzz_cache_at(run, op->b);
		if (!kind.cache->cache)
			return;
		kind.heap = kind.cache->heap;
		kind.size = kind.cache->size;
		kind.align = kind.cache->align;
	}
	if (fuzz_too_much(run, 2 * array_size(kind.nr, max(kind.size, kind.align))))
		return;
	if (!make(run, &kind))
		return;
	check_stats(run, &kind);
	for (i = 0; i < kind.nr / 2 + op->c % 2 && !run->failed; i++)
		take(run, &kind, fuzz_obj_at(run, op->a + i));
	if (kind.there < kind.nr)
		put_back(run, &kind, fuzz_obj_at(run, op->a));
	put_other(run, &kind, fuzz_obj_at(run, op->a + kind.nr));
	fill_up(run, &kind);
	if (!run->failed)
		check_stats(run, &kind);
	unmake(run, &kind);
}
