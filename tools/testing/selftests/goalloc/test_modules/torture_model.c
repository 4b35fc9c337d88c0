// SPDX-License-Identifier: GPL-2.0
/*
 * The reference model: what an object must look like, from its allocation to
 * its free.
 *
 * An object holds a pattern of its own, derived from its address, its size and
 * a sequence number. Filled are the first and the last 256 bytes, and between
 * them a word at each address that is a multiple of 512. So two objects that
 * overlap have at least a word in common, however large they are, and the one
 * filled first is found damaged when it is freed. Of those that are not filled
 * as a whole (the parameter sample) the first and the last word are: a slot that
 * was given out twice shows even so.
 *
 * An entry is used by its holder alone: no locks.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/align.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "torture.h"

#define END_WORDS	32	/* 256 bytes */
#define STRIDE		512
#define MARK_STRIDE	128
#define ZERO_CHECKED	256	/* always, if no larger */

#define CTOR_MAGIC	0x60a110c0c0457ac7ULL
#define MARK_KEY	0x5bd1e9955bd1e995ULL

static u64 pattern(u64 key, size_t word)
{
	return key ^ (word * 0x9e3779b97f4a7c15ULL);
}

static bool visit_word(const struct obj *o, size_t word, bool fill, const char *when)
{
	u64 *p = (u64 *)o->p + word;
	u64 want = pattern(o->key, word);

	if (fill) {
		*p = want;
		return true;
	}
	if (likely(*p == want))
		return true;
	torture_fail("%s: object %p of %zu bytes, pen %u: %016llx at byte %zu, expected %016llx",
		     when, o->p, o->size, o->pen->index, *p, word * 8, want);
	return false;
}

static bool visit_rest(const struct obj *o, bool fill, const char *when)
{
	size_t words = o->size / 8, n = o->size % 8;
	u8 *p = (u8 *)o->p + words * 8;
	u64 want = pattern(o->key, words);

	if (fill) {
		memcpy(p, &want, n);
		return true;
	}
	if (likely(!memcmp(p, &want, n)))
		return true;
	torture_fail("%s: object %p of %zu bytes, pen %u: its last %zu bytes changed",
		     when, o->p, o->size, o->pen->index, n);
	return false;
}

/* Fills or checks all that is filled; stops at the first damage. */
static bool visit(const struct obj *o, bool fill, const char *when)
{
	size_t words = o->size / 8, first = o->pen->ctor ? 1 : 0, first_tail, w;
	unsigned long addr;

	if (!o->whole) {
		if (words > first && !visit_word(o, first, fill, when))
			return false;
		if (words > first + 1 && !visit_word(o, words - 1, fill, when))
			return false;
		return visit_rest(o, fill, when);
	}

	for (w = first; w < min_t(size_t, words, END_WORDS); w++)
		if (!visit_word(o, w, fill, when))
			return false;

	first_tail = words > 2 * END_WORDS ? words - END_WORDS : w;
	addr = ALIGN((unsigned long)o->p + w * 8, STRIDE);
	for (; addr < (unsigned long)o->p + first_tail * 8; addr += STRIDE)
		if (!visit_word(o, (addr - (unsigned long)o->p) / 8, fill, when))
			return false;

	for (w = first_tail; w < words; w++)
		if (!visit_word(o, w, fill, when))
			return false;

	return visit_rest(o, fill, when);
}

/* Objects are aligned to the largest power of two that divides their size, as kmalloc's are. */
static unsigned long wanted_align(const struct obj *o)
{
	if (o->pen->cache)
		return max_t(unsigned long, o->pen->align, 8);
	return clamp_t(unsigned long, o->size & -o->size, 8, SZ_4M);
}

/* A new object, before it is filled. */
void model_check_new(struct torturer *t, struct obj *o, bool zeroed)
{
	unsigned long align = wanted_align(o);
	size_t usable;

	o->whole = one_in(t, sample);
	if (!IS_ALIGNED((unsigned long)o->p, align))
		torture_fail("object %p of %zu bytes, pen %u: not aligned to %lu", o->p, o->size,
			     o->pen->index, align);
	usable = o->whole ? goalloc_size(o->p) : o->size;
	if (usable < o->size)
		torture_fail("object %p of %zu bytes, pen %u: goalloc_size() is %zu", o->p,
			     o->size, o->pen->index, usable);
	if (o->whole && !o->pen->cache && usable != goalloc_size_roundup(o->size))
		torture_fail("object %p of %zu bytes, pen %u: goalloc_size() is %zu, not %zu",
			     o->p, o->size, o->pen->index, usable,
			     goalloc_size_roundup(o->size));
	if (o->whole && one_in(t, 16) && goalloc_owner(o->p) != o->pen->heap)
		torture_fail("object %p of %zu bytes, pen %u: goalloc_owner() names another heap",
			     o->p, o->size, o->pen->index);
	if (zeroed && (o->whole || o->size <= ZERO_CHECKED) && memchr_inv(o->p, 0, o->size))
		torture_fail("object %p of %zu bytes, pen %u: not zeroed", o->p, o->size,
			     o->pen->index);
	if (o->pen->ctor && !model_constructed(o->p))
		torture_fail("object %p of %zu bytes, pen %u: not constructed", o->p, o->size,
			     o->pen->index);
}

void model_fill(struct torturer *t, struct obj *o)
{
	o->key = ((unsigned long)o->p * 0xff51afd7ed558ccdULL) ^ ((u64)o->size << 40) ^
		 (++t->seq * 0xc4ceb9fe1a85ec53ULL) ^ (unsigned long)t;
	visit(o, true, NULL);
}

/* An object that is about to be freed, or was left alone. */
bool model_check(const struct obj *o, const char *when)
{
	if (o->pen->ctor && !model_constructed(o->p)) {
		torture_fail("%s: object %p of %zu bytes, pen %u: no longer constructed", when,
			     o->p, o->size, o->pen->index);
		return false;
	}
	return visit(o, false, when);
}

/*
 * realloc may move an object, and must keep its first @n bytes: they get
 * another pattern before, that goes by offset and not by address.
 */
void model_mark(struct obj *o, size_t n)
{
	size_t at;

	for (at = 0; at + 8 <= n; at += at < STRIDE ? 8 : MARK_STRIDE)
		*(u64 *)(o->p + at) = pattern(MARK_KEY ^ o->key, at);
	for (at = n < 8 ? 0 : n - 8; at < n; at++)
		*(u8 *)(o->p + at) = o->key + at;
}

void model_check_mark(const struct obj *o, const void *p, size_t n)
{
	size_t at, last = n < 8 ? 0 : n - 8;

	for (at = 0; at + 8 <= last; at += at < STRIDE ? 8 : MARK_STRIDE)
		if (*(u64 *)(p + at) != pattern(MARK_KEY ^ o->key, at))
			goto bad;
	for (at = last; at < n; at++)
		if (*(u8 *)(p + at) != (u8)(o->key + at))
			goto bad;
	return;
bad:
	torture_fail("realloc of %p, %zu bytes, to %p: byte %zu of %zu was lost", o->p, o->size,
		     p, at, n);
}

void model_ctor(void *p)
{
	*(u64 *)p = CTOR_MAGIC ^ (unsigned long)p;
}

bool model_constructed(const void *p)
{
	return READ_ONCE(*(u64 *)p) == (CTOR_MAGIC ^ (unsigned long)p);
}

void model_dtor(void *p)
{
	this_cpu_inc(*dtor_runs);
}
