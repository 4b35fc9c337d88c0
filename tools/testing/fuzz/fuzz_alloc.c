// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that allocate. Each says beforehand what goalloc must make of the
 * call: an object, a refusal of a certain kind, or that it may have no memory.
 *
 * An object that is in a register which is needed for another is freed first.
 */
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define TEXT_BYTES 4096

static char text[TEXT_BYTES + 1];

/* A register that an object can go to. */
struct fuzz_obj *fuzz_free_reg(struct fuzz_run *run, unsigned int i)
{
	struct fuzz_obj *o = fuzz_obj_at(run, i);

	if (o->live)
		fuzz_free_live(run, o);
	return o;
}

/* The default heap, where there is none. */
static int heap_index(const struct fuzz_run *run, unsigned int i)
{
	return run->heaps[i % FUZZ_HEAPS].heap ? i % FUZZ_HEAPS : 0;
}

/* More than goalloc may have. */
bool fuzz_impossible(size_t size)
{
	return size > max_mb << 20;
}

/* So much that other programs would not get what they must. */
bool fuzz_too_much(const struct fuzz_run *run, size_t size)
{
	return !fuzz_impossible(size) && run->held + size > FUZZ_BUDGET;
}

size_t fuzz_general_align(size_t size)
{
	return clamp_t(size_t, size & -size, 8, 4UL << 20);
}

gfp_t fuzz_alloc_gfp(const struct fuzz_run *run, int heap, size_t size)
{
	bool sure = size && size <= SZ_8K && !run->heaps[heap].limited;

	return fuzz_gfp(run, run->op.c, sure);
}

/* An allocation of @size bytes is over; its heap and cache are in @o. */
bool fuzz_took(struct fuzz_run *run, struct fuzz_obj *o, const struct fuzz_call *call,
	       size_t size, size_t align)
{
	const struct fuzz_heap *heap = &run->heaps[o->heap];
	void *p = call->ret;

	o->p = NULL;
	if (run->failed)
		return false;
	if (call->misuses || fuzz_impossible(size)) {
		if (p)
			fuzz_fail(run, "what must be refused gave %ps", p);
		return false;
	}
	if (!size) {
		if (p != ZERO_SIZE_PTR)
			fuzz_fail(run, "no bytes are not at ZERO_SIZE_PTR");
		return false;
	}
	if (!p) {
		if (!fuzz_may_fail(run, heap, size, call->gfp))
			fuzz_fail(run, "no memory for %zu bytes, %zu in use, gfp %x", size,
				  run->held, (__force unsigned int)call->gfp);
		return false;
	}
	fuzz_new(run, o, p, size, align, call->gfp & __GFP_ZERO);
	return !run->failed;
}

void fuzz_refuse_if(struct fuzz_call *call, bool bad)
{
	if (!bad)
		return;
	call->misuses = 1;
	call->kinds = BIT(MISUSE_BAD_GFP);
}

void fuzz_op_alloc(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct fuzz_call call = { .size = fuzz_size(op->n) };
	bool noscan = op->b & FUZZ_ALLOC_NOSCAN;
	struct fuzz_obj *o = fuzz_free_reg(run, op->a);

	o->heap = heap_index(run, op->b);
	o->cache = -1;
	call.heap = run->heaps[o->heap].heap;
	call.gfp = fuzz_alloc_gfp(run, o->heap, call.size);
	if (op->b & FUZZ_ALLOC_ZERO)
		call.gfp |= __GFP_ZERO;
	call.fn = noscan ? DO_HEAP_ALLOC_NOSCAN : DO_HEAP_ALLOC;
	if (!o->heap && op->b & FUZZ_ALLOC_DEFAULT)
		call.fn = noscan ? DO_ALLOC_NOSCAN : DO_ALLOC;
	else if (!o->heap && op->b & FUZZ_ALLOC_MEMPOOL)
		call.fn = DO_ALLOC_MEMPOOL;
	if (fuzz_too_much(run, call.size))
		return;
	fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	fuzz_issue(run, &call);
	fuzz_took(run, o, &call, call.size, fuzz_general_align(call.size));
}

void fuzz_op_calloc(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct fuzz_obj *o = fuzz_free_reg(run, op->a);
	struct fuzz_call call = { .fn = DO_CALLOC };
	size_t bytes;

	call.nr = fuzz_size(op->n);
	call.size = op->b < 0xe0 ? op->b : fuzz_size(0xe0000000 | op->b);
	bytes = array_size(call.nr, call.size);
	o->heap = 0;
	o->cache = -1;
	call.gfp = fuzz_alloc_gfp(run, 0, bytes);
	if (op->c & 0x80)
		call.fn = DO_ALLOC_ARRAY;
	else
		call.gfp |= __GFP_ZERO;
	if (fuzz_too_much(run, bytes))
		return;
	fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	fuzz_issue(run, &call);
	fuzz_took(run, o, &call, bytes, fuzz_general_align(bytes));
}

static struct fuzz_cache *cache_alloc(struct fuzz_run *run, struct fuzz_call *call)
{
	struct fuzz_cache *cache = fuzz_cache_at(run, run->op.b);

	if (!cache->cache)
		return NULL;
	call->cache = cache->cache;
	call->gfp = fuzz_alloc_gfp(run, cache->heap, max(cache->size, cache->align));
	if (run->op.b & FUZZ_CACHE_ZERO && run->op.code % FUZZ_CODES == FUZZ_CACHE_ALLOC)
		call->gfp |= __GFP_ZERO;
	fuzz_refuse_if(call, fuzz_gfp_bad(call->gfp) || (cache->ctor && call->gfp & __GFP_ZERO));
	return cache;
}

void fuzz_op_cache_alloc(struct fuzz_run *run)
{
	struct fuzz_call call = { .fn = DO_CACHE_ALLOC };
	struct fuzz_obj *o = fuzz_free_reg(run, run->op.a);
	const struct fuzz_cache *cache = cache_alloc(run, &call);

	if (!cache || fuzz_too_much(run, max(cache->size, cache->align)))
		return;
	if (run->op.b & FUZZ_CACHE_MEMPOOL)
		call.fn = DO_CACHE_ALLOC_MEMPOOL;
	o->heap = cache->heap;
	o->cache = cache - run->caches;
	fuzz_issue(run, &call);
	fuzz_took(run, o, &call, cache->size, cache->align);
}

void fuzz_op_alloc_bulk(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	void *objs[FUZZ_BULK] = {};
	struct fuzz_call call = { .fn = DO_ALLOC_BULK, .nr = op->n >> 27, .objs = objs };
	const struct fuzz_cache *cache = NULL;
	size_t size = fuzz_size(op->n << 5), align = fuzz_general_align(size), i;
	int heap = 0;

	if (op->b & FUZZ_BULK_CACHE) {
		call.fn = DO_CACHE_ALLOC_BULK;
		cache = cache_alloc(run, &call);
		if (!cache)
			return;
		heap = cache->heap;
		size = cache->size;
		align = cache->align;
	} else {
		call.gfp = fuzz_alloc_gfp(run, 0, size);
		fuzz_refuse_if(&call, size && fuzz_gfp_bad(call.gfp));
	}
	call.size = size;
	if (fuzz_too_much(run, array_size(call.nr, max(size, align))))
		return;
	if (call.nr == 31) {
		call.nr = SIZE_MAX;
		call.misuses = 0;
	}
	for (i = 0; call.nr != SIZE_MAX && i < call.nr; i++)
		fuzz_free_reg(run, op->a + i);
	fuzz_issue(run, &call);
	if (run->failed)
		return;
	if (call.n && (call.misuses || !size || fuzz_impossible(size) || call.n != call.nr)) {
		fuzz_fail(run, "%zu objects of %zu instead of none", call.n, call.nr);
		return;
	}
	if (!call.n && call.nr && call.nr != SIZE_MAX && size && !call.misuses &&
	    !fuzz_impossible(size) && !fuzz_may_fail(run, &run->heaps[heap], size, call.gfp))
		fuzz_fail(run, "no memory for %zu objects of %zu bytes", call.nr, size);
	for (i = 0; i < call.n && !run->failed; i++) {
		struct fuzz_obj *o = fuzz_obj_at(run, op->a + i);

		o->heap = heap;
		o->cache = cache ? cache - run->caches : -1;
		call.ret = objs[i];
		fuzz_took(run, o, &call, size, align);
	}
}

static void resized(struct fuzz_run *run, struct fuzz_obj *o, struct fuzz_call *call)
{
	size_t had = o->size, size = call->size;
	bool zeroed = o->zero && call->gfp & __GFP_ZERO;
	u8 *new = call->ret;

	if (!fuzz_check(run, o, new, min(had, size), "after realloc"))
		return;
	if (zeroed && size > had && memchr_inv(new + had, 0, size - had)) {
		fuzz_fail(run, "realloc from %zu to %zu bytes adds some that are not zero", had,
			  size);
		return;
	}
	if (new != o->p) {
		fuzz_gone(run, o);
		fuzz_new(run, o, new, size, fuzz_general_align(size), false);
	} else if (size > o->room || !IS_ALIGNED((unsigned long)new, fuzz_general_align(size))) {
		fuzz_fail(run, "%zu bytes stay where there are %zu, at %p", size, o->room, new);
	} else {
		/* Who asks may use it all, as KASAN sees it. */
		o->room = goalloc_size(new);
		o->size = size;
		fuzz_fill(run, o);
	}
	o->zero = zeroed;
}

void fuzz_op_realloc(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct fuzz_obj *reg = fuzz_obj_at(run, op->a), *o;
	void *p = fuzz_pointer(reg, op->b);
	struct fuzz_call call = { .fn = DO_REALLOC, .p = p, .size = fuzz_size(op->n) };
	enum fuzz_place place = fuzz_place(run, p, &o);

	if (!call.size && place != PLACE_NOTHING) {
		fuzz_free_pointer(run, &call, p);
		return;
	}
	if (place == PLACE_NOTHING) {
		o = fuzz_free_reg(run, op->a);
		o->heap = 0;
		o->cache = -1;
	}
	call.gfp = fuzz_alloc_gfp(run, place == PLACE_NO_OBJECT ? 0 : o->heap, call.size);
	if (fuzz_too_much(run, call.size))
		return;
	if (place == PLACE_NO_OBJECT || place == PLACE_INSIDE) {
		call.misuses = 1;
		call.kinds = place == PLACE_INSIDE ? BIT(MISUSE_INTERIOR) : NO_OBJECT_KINDS;
	} else if (o->cache >= 0) {
		call.misuses = 1;
		call.kinds = BIT(MISUSE_REALLOC);
	} else {
		fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	}
	fuzz_issue(run, &call);
	if (place == PLACE_NOTHING) {
		fuzz_took(run, o, &call, call.size, fuzz_general_align(call.size));
		return;
	}
	if (run->failed)
		return;
	if (call.misuses || fuzz_impossible(call.size)) {
		if (call.ret)
			fuzz_fail(run, "a realloc to %zu bytes that must be refused is not",
				  call.size);
	} else if (call.ret) {
		resized(run, o, &call);
		return;
	} else if (!fuzz_may_fail(run, &run->heaps[o->heap], call.size, call.gfp)) {
		fuzz_fail(run, "no memory for a realloc to %zu bytes", call.size);
	}
	if (o)
		fuzz_check(run, o, o->p, o->size, "after a refused realloc");
}

void fuzz_op_memdup(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct fuzz_obj *o = fuzz_free_reg(run, op->a), *from = fuzz_obj_at(run, op->b);
	struct fuzz_call call = { .fn = DO_MEMDUP, .p = text, .size = fuzz_size(op->n) };
	size_t most = TEXT_BYTES;

	if (from->live) {
		call.p = from->p;
		most = from->room;
	}
	if (!fuzz_impossible(call.size))
		call.size = min(call.size, most);
	o->heap = 0;
	o->cache = -1;
	call.gfp = fuzz_alloc_gfp(run, 0, call.size);
	if (fuzz_too_much(run, call.size))
		return;
	fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	fuzz_issue(run, &call);
	if (!ZERO_OR_NULL_PTR(call.ret) && !call.misuses && !fuzz_impossible(call.size) &&
	    memcmp(call.ret, call.p, call.size))
		fuzz_fail(run, "goalloc_memdup() of %zu bytes is no copy", call.size);
	call.gfp &= ~__GFP_ZERO;
	fuzz_took(run, o, &call, call.size, fuzz_general_align(call.size));
}

void fuzz_op_strdup(struct fuzz_run *run)
{
	struct fuzz_obj *o = fuzz_free_reg(run, run->op.a);
	struct fuzz_call call = { .fn = DO_STRDUP, .p = text };
	size_t len = fuzz_size(run->op.n);

	o->heap = 0;
	o->cache = -1;
	call.gfp = fuzz_alloc_gfp(run, 0, len + 1);
	if (len > TEXT_BYTES) {
		call.p = NULL;
		fuzz_issue(run, &call);
		if (call.ret)
			fuzz_fail(run, "goalloc_strdup() of NULL is something");
		return;
	}
	memset(text, 'g', len);
	text[len] = '\0';
	fuzz_refuse_if(&call, fuzz_gfp_bad(call.gfp));
	fuzz_issue(run, &call);
	if (call.ret && !call.misuses && strcmp(call.ret, text))
		fuzz_fail(run, "goalloc_strdup() of %zu characters is no copy", len);
	call.gfp &= ~__GFP_ZERO;
	fuzz_took(run, o, &call, len + 1, fuzz_general_align(len + 1));
}
