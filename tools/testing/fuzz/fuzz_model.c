// SPDX-License-Identifier: GPL-2.0
/*
 * The model: which objects there are, what is in them, and so where a pointer
 * points. One program runs at a time, so there are no locks; the ctor and the
 * dtor alone run elsewhere too.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define CTOR_BYTES 8
#define CTOR_MAGIC 0x60a110cf0220ULL
#define FILL_ALL SZ_16K /* larger ones have their pattern at both ends, and once a page */

atomic_long_t fuzz_dtor_runs, fuzz_dtor_faults;

void fuzz_ctor(void *p)
{
	*(u64 *)p = CTOR_MAGIC ^ (unsigned long)p;
}

static bool constructed(const void *p)
{
	return *(const u64 *)p == (CTOR_MAGIC ^ (unsigned long)p);
}

/* The caches with a dtor have a ctor. */
void fuzz_dtor(void *p)
{
	if (!constructed(p))
		atomic_long_inc(&fuzz_dtor_faults);
	atomic_long_inc(&fuzz_dtor_runs);
}

bool fuzz_has_ctor(const struct fuzz_run *run, const struct fuzz_obj *o)
{
	return o->cache >= 0 && run->caches[o->cache].ctor;
}

bool fuzz_has_dtor(const struct fuzz_run *run, const struct fuzz_obj *o)
{
	return o->cache >= 0 && run->caches[o->cache].dtor;
}

/* Whether an object of a managed heap is there. */
bool fuzz_is_managed(const void *p)
{
	struct goalloc_heap *heap = goalloc_owner(p);

	return heap && heap->gc;
}

/*
 * What a register says, and so far from that. But not if a managed object is there by
 * now: when that is reclaimed nobody knows, and to free it is no misuse.
 */
void *fuzz_pointer(const struct fuzz_obj *o, u8 offset)
{
	u8 *p = o->p ? o->p + fuzz_offset(offset, o->room) : NULL;

	return fuzz_is_managed(p) ? NULL : p;
}

/* Which live object, if any, a pointer is in. */
enum fuzz_place fuzz_place(struct fuzz_run *run, const void *p, struct fuzz_obj **objp)
{
	unsigned int i;

	*objp = NULL;
	if (ZERO_OR_NULL_PTR(p))
		return PLACE_NOTHING;
	for (i = 0; i < FUZZ_OBJS; i++) {
		struct fuzz_obj *o = &run->objs[i];

		if (!o->live || (u8 *)p < o->p || (u8 *)p >= o->p + o->room)
			continue;
		*objp = o;
		return p == o->p ? PLACE_OBJECT : PLACE_INSIDE;
	}
	return PLACE_NO_OBJECT;
}

static size_t first_byte(const struct fuzz_run *run, const struct fuzz_obj *o)
{
	return fuzz_has_ctor(run, o) ? CTOR_BYTES : 0;
}

/* Give an object a pattern of its own. */
void fuzz_fill(struct fuzz_run *run, struct fuzz_obj *o)
{
	size_t first = first_byte(run, o), at;

	o->fill = ++run->fills | 0x80;
	if (o->size <= first)
		return;
	if (o->size <= FILL_ALL) {
		memset(o->p + first, o->fill, o->size - first);
		return;
	}
	memset(o->p + first, o->fill, SZ_4K - first);
	memset(o->p + o->size - SZ_4K, o->fill, SZ_4K);
	for (at = SZ_4K; at < o->size; at += SZ_4K)
		o->p[at] = o->fill;
}

static bool holds(const u8 *p, u8 fill, size_t from, size_t to)
{
	return from >= to || !memchr_inv(p + from, fill, to - from);
}

/* Whether the first @size bytes at @p hold what @o was filled with. */
bool fuzz_check(struct fuzz_run *run, const struct fuzz_obj *o, const void *p, size_t size,
		const char *when)
{
	size_t first = first_byte(run, o), at;
	const u8 *bytes = p;
	bool ok;

	size = min(size, o->size);
	if (first && !constructed(p)) {
		fuzz_fail(run, "%s: the object of %zu bytes is not constructed", when, o->size);
		return false;
	}
	if (o->size <= FILL_ALL) {
		ok = holds(bytes, o->fill, first, size);
	} else {
		ok = holds(bytes, o->fill, first, min_t(size_t, size, SZ_4K)) &&
		     holds(bytes, o->fill, o->size - SZ_4K, size);
		for (at = SZ_4K; at < size; at += SZ_4K)
			ok &= bytes[at] == o->fill;
	}
	if (!ok)
		fuzz_fail(run, "%s: of the object of %zu bytes, the first %zu have changed", when,
			  o->size, size);
	return ok;
}

/* An object came back from goalloc: enter and check it. Its heap and cache are set. */
void fuzz_new(struct fuzz_run *run, struct fuzz_obj *o, void *p, size_t size, size_t align,
	      bool zeroed)
{
	struct fuzz_heap *heap = &run->heaps[o->heap];
	unsigned int i;

	o->p = p;
	o->size = size;
	o->room = goalloc_size(p);
	o->zero = zeroed;
	if (!IS_ALIGNED((unsigned long)p, align))
		fuzz_fail(run, "an object of %zu bytes is not aligned to %zu", size, align);
	if (o->room < size || (o->cache < 0 && o->room != goalloc_size_roundup(size)))
		fuzz_fail(run, "an object of %zu bytes has %zu", size, o->room);
	for (i = 0; i < FUZZ_OBJS; i++) {
		const struct fuzz_obj *other = &run->objs[i];

		if (other->live && other->p < o->p + o->room && o->p < other->p + other->room)
			fuzz_fail(run, "an object of %zu bytes overlaps one of %zu", size,
				  other->size);
	}
	if (goalloc_owner(p) != heap->heap)
		fuzz_fail(run, "an object of %zu bytes is not of heap %s", size, heap->name);
	o->live = true;
	heap->live++;
	run->held += o->room;
	if (run->failed)
		return;
	if (zeroed && memchr_inv(p, 0, size))
		fuzz_fail(run, "an object of %zu bytes is not zeroed", size);
	if (fuzz_has_ctor(run, o) && !constructed(p))
		fuzz_fail(run, "an object of %zu bytes comes unconstructed", size);
	if (!run->failed)
		fuzz_fill(run, o);
}

/* A live object is none any more, but for the pointer to it. */
void fuzz_gone(struct fuzz_run *run, struct fuzz_obj *o)
{
	o->live = false;
	run->heaps[o->heap].live--;
	run->held -= o->room;
}
