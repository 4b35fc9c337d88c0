// SPDX-License-Identifier: GPL-2.0
/*
 * Leak reports: the spans of the heap, and reading of objects that may go meanwhile.
 *
 * Owns no data but that of the report, which is its maker's alone. No lock: an arena is
 * found by its number in an RCU section and stays until that ends, and so does its memory,
 * whatever becomes of the object. An object is read in pieces, each in a section of its own
 * that begins with a look whether the span is what it was and the slot live. What is read may
 * be out of date, and is only ever compared with addresses.
 *
 * Not instrumented by KASAN: what is read may be poisoned, by a red zone or as the object
 * was freed.
 */
#include <linux/bsearch.h>
#include <linux/hash.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>

#include "mgc.h"
#include "mleaks.h"

/* How often spans are counted anew if more came than there is room for. */
#define TAKE_TRIES 5

struct take {
	struct goalloc_leaks *leaks;
	u32 heap_id;
	unsigned int n;
	unsigned int room;
};

/* In the RCU section that copied the span. */
static void name_span(struct leak_span *s, const struct span_copy *copy)
{
	const struct mcentral *central = copy->central;
	const char *scan = s->noscan ? "noscan" : "scan";

	if (central->cache)
		strscpy(s->name, central->cache->name, sizeof(s->name));
	else if (s->state == MSPAN_LARGE)
		snprintf(s->name, sizeof(s->name), "large/%s", scan);
	else
		snprintf(s->name, sizeof(s->name), "%u/%s", copy->spanclass >> 1, scan);
}

/* In the RCU section that copied the span; false if it is no longer there. */
static bool fill_span(struct leak_span *s, const struct span_copy *copy)
{
	struct heap_arena *arena = arena_get(copy->arena);
	const struct mspan *span;

	if (!arena)
		return false;
	span = &arena->mspans[copy->page];
	s->base = arena->base + ((unsigned long)copy->page << GOALLOC_PAGE_SHIFT);
	s->bytes = copy->elemsize;
	s->central = copy->central;
	s->arena = copy->arena;
	/* A large span may be another's by now. */
	s->divmul = copy->state == MSPAN_SMALL ? span->divmul : 0;
	s->nelems = copy->total;
	s->state = copy->state;
	s->noscan = copy->spanclass & 1;
	s->queued = false;
	return true;
}

static void take_span(const struct span_copy *copy, void *data)
{
	struct take *take = data;
	struct leak_span *s;

	if (copy->heap_id != take->heap_id || !copy->live)
		return;
	if (take->n < take->room) {
		s = &take->leaks->spans[take->n];
		if (!fill_span(s, copy))
			return;
		name_span(s, copy);
	}
	take->n++;
}

static int by_address(const void *a, const void *b)
{
	const struct leak_span *x = a, *y = b;

	/* There may be millions. */
	cond_resched();

	return x->base < y->base ? -1 : x->base > y->base;
}

static unsigned long span_end(const struct leak_span *s)
{
	return s->base + s->bytes * s->nelems;
}

/* In the order of their addresses, each once: an arena may have come and gone. */
static void order_spans(struct goalloc_leaks *leaks)
{
	unsigned int i, n = 0;

	sort(leaks->spans, leaks->nspans, sizeof(*leaks->spans), by_address, NULL);
	for (i = 0; i < leaks->nspans; i++) {
		struct leak_span *s = &leaks->spans[i];

		if (n && s->base < span_end(&leaks->spans[n - 1]))
			continue;
		s->first = leaks->nslots;
		leaks->nslots += s->nelems;
		leaks->spans[n++] = *s;
	}
	leaks->nspans = n;
	leaks->low = n ? leaks->spans[0].base : 0;
	leaks->high = n ? span_end(&leaks->spans[n - 1]) : 0;
}

static void take_live(struct goalloc_leaks *leaks, const struct leak_span *s)
{
	const struct mspan *span;
	u32 slot;

	rcu_read_lock();
	span = leaks_live_span(s);
	for (slot = 0; span && slot < s->nelems; slot++)
		if (leaks_slot_live(s, span, slot))
			__set_bit(s->first + slot, leaks->live);
	rcu_read_unlock();
}

static unsigned long *new_bits(size_t n)
{
	return kvcalloc(BITS_TO_LONGS(n), sizeof(long), GFP_KERNEL | __GFP_NOWARN);
}

/**
 * leaks_take_spans() - a pass begins: which objects are there?
 * @leaks: the report, without spans
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EAGAIN if the heap grows too fast.
 */
int leaks_take_spans(struct goalloc_leaks *leaks)
{
	struct take take = { .leaks = leaks, .heap_id = leaks->heap->id };
	unsigned int i;

	for (i = 0; i < TAKE_TRIES; i++) {
		kvfree(leaks->spans);
		leaks->spans = NULL;
		take.n = 0;
		take.room = 0;
		spans_walk(take_span, &take);
		take.room = take.n + take.n / 8 + 16;
		leaks->spans = kvmalloc_array(take.room, sizeof(*leaks->spans),
					      GFP_KERNEL | __GFP_NOWARN);
		if (!leaks->spans)
			return -ENOMEM;
		take.n = 0;
		spans_walk(take_span, &take);
		if (take.n <= take.room)
			break;
	}
	if (i == TAKE_TRIES)
		return -EAGAIN;
	leaks->nspans = take.n;
	order_spans(leaks);

	leaks->live = new_bits(leaks->nslots);
	leaks->marked = new_bits(leaks->nslots);
	leaks->scanned = new_bits(leaks->nslots);
	leaks->exact = new_bits(leaks->nslots);
	leaks->queue = kvmalloc_array(leaks->nspans, sizeof(*leaks->queue),
				      GFP_KERNEL | __GFP_NOWARN);
	if (!leaks->live || !leaks->marked || !leaks->scanned || !leaks->exact || !leaks->queue)
		return -ENOMEM;
	for (i = 0; i < leaks->nspans && !leaks->err; i++) {
		take_live(leaks, &leaks->spans[i]);
		leaks_breathe(leaks, leaks->spans[i].nelems);
	}
	return leaks->err;
}

/* What a pass needs, but for the spans. */
static void drop_bits(struct goalloc_leaks *leaks)
{
	kvfree(leaks->live);
	kvfree(leaks->marked);
	kvfree(leaks->scanned);
	kvfree(leaks->exact);
	kvfree(leaks->queue);
	leaks->live = NULL;
	leaks->marked = NULL;
	leaks->scanned = NULL;
	leaks->exact = NULL;
	leaks->queue = NULL;
}

/* The pass is over, and so is what it found. May sleep. */
void leaks_drop_spans(struct goalloc_leaks *leaks)
{
	drop_bits(leaks);
	kvfree(leaks->spans);
	leaks->spans = NULL;
	leaks->nspans = 0;
	leaks->nslots = 0;
	leaks->nqueue = 0;
	leaks->queue_first = 0;
}

static int compare_address(const void *key, const void *item)
{
	unsigned long addr = *(const unsigned long *)key;
	const struct leak_span *s = item;

	if (addr < s->base)
		return -1;
	return addr >= span_end(s);
}

/* The span of the heap that an address is in, when the pass began; or NULL. */
struct leak_span *leaks_find_span(const struct goalloc_leaks *leaks, unsigned long addr)
{
	if (addr < leaks->low || addr >= leaks->high)
		return NULL;
	return bsearch(&addr, leaks->spans, leaks->nspans, sizeof(*leaks->spans),
		       compare_address);
}

/* The span, if it still is what it was; in an RCU section. */
struct mspan *leaks_live_span(const struct leak_span *s)
{
	struct heap_arena *arena = arena_get(s->arena);
	struct mspan *span;
	unsigned long off;

	if (!arena)
		return NULL;
	off = s->base - arena->base;
	if (off >= arena->bytes || (arena->dedicated && off))
		return NULL;
	span = &arena->mspans[off >> GOALLOC_PAGE_SHIFT];
	/* Pairs with the release at birth. */
	if (smp_load_acquire(&span->state) != s->state || READ_ONCE(span->base) != s->base)
		return NULL;
	/* A large one may become another's just now: that is as if it had later. */
	if (data_race(span->central) != s->central)
		return NULL;
	if (s->state == MSPAN_LARGE)
		return mspan_large_bytes(span) == s->bytes ? span : NULL;
	return span->elemsize == s->bytes ? span : NULL;
}

/* Whether a slot of that span has an object. */
bool leaks_slot_live(const struct leak_span *s, const struct mspan *span, u32 slot)
{
	return s->state == MSPAN_LARGE || mspan_slot_is_live(span, slot);
}

/**
 * leaks_next_other() - the next span that may be of another heap
 * @leaks: the report
 * @nr: number of an arena
 * @page: where to begin in it; set to the page behind the span
 * @s: the span, but for its name; without slots if it is not to be looked at
 *
 * Return: false if there is none in this arena.
 */
bool leaks_next_other(const struct goalloc_leaks *leaks, unsigned int nr, u32 *page,
		      struct leak_span *s)
{
	struct heap_arena *arena;
	struct span_copy copy;
	bool found;

	rcu_read_lock();
	arena = arena_get(nr);
	found = arena && arena_next_span(arena, *page, &copy);
	if (found) {
		*page = copy.page + copy.npages;
		if (!copy.live || copy.heap_id == leaks->heap->id || !fill_span(s, &copy) ||
		    s->noscan)
			s->nelems = 0;
	}
	rcu_read_unlock();
	return found;
}

/**
 * leaks_breathe() - so much was looked at: let others have the CPU, or give up
 * @leaks: the report; its @err is set if the reader or the heap goes
 * @bytes: looked at
 *
 * Context: may sleep.
 */
void leaks_breathe(struct goalloc_leaks *leaks, unsigned long bytes)
{
	leaks->work += bytes;
	if (leaks->work < LEAKS_PIECE)
		return;
	leaks->work = 0;
	cond_resched();
	if (fatal_signal_pending(current))
		leaks->err = -EINTR;
	else if (READ_ONCE(leaks->heap->dying))
		leaks->err = -ENODEV;
}

/* Visit some words; whoever writes them does so at any time. In an RCU section. */
static void scan_words(struct goalloc_leaks *leaks, unsigned long at, unsigned long end)
{
	for (; at + sizeof(long) <= end; at += sizeof(long)) {
		/* Of a word that is being written either value will do. */
		unsigned long addr = data_race(READ_ONCE(*(const unsigned long *)at));

		if (addr)
			leaks->visit(leaks, addr);
	}
}

/**
 * leaks_scan() - visit the words of some memory that stays
 * @leaks: the report
 * @addr: where it begins
 * @bytes: how much
 *
 * Context: may sleep.
 */
void leaks_scan(struct goalloc_leaks *leaks, unsigned long addr, unsigned long bytes)
{
	unsigned long at = ALIGN(addr, sizeof(long)), end = addr + bytes;

	for (; at < end && !leaks->err; at += LEAKS_PIECE) {
		rcu_read_lock();
		scan_words(leaks, at, min(end, at + LEAKS_PIECE));
		rcu_read_unlock();
		leaks_breathe(leaks, LEAKS_PIECE);
	}
}

/**
 * leaks_scan_slot() - visit the words of an object, if there is one
 * @leaks: the report
 * @s: its span
 * @slot: its slot
 *
 * Context: may sleep.
 */
void leaks_scan_slot(struct goalloc_leaks *leaks, const struct leak_span *s, u32 slot)
{
	unsigned long at = s->base + slot * s->bytes, end = at + s->bytes;

	at = ALIGN(at, sizeof(long));
	while (at < end && !leaks->err) {
		unsigned long stop = min(end, at + LEAKS_PIECE);
		const struct mspan *span;

		rcu_read_lock();
		span = leaks_live_span(s);
		if (span && leaks_slot_live(s, span, slot))
			scan_words(leaks, at, stop);
		else
			stop = end;
		rcu_read_unlock();
		leaks_breathe(leaks, stop - at);
		at = stop;
	}
}

/* A number that changes when the first part of an object does; in an RCU section. */
u32 leaks_sum(const struct leak_span *s, const struct mspan *span, u32 slot)
{
	unsigned long at = s->base + slot * s->bytes, end = at + min(s->bytes, LEAKS_PIECE);
	u64 sum = 0;

	for (at = ALIGN(at, sizeof(long)); at + sizeof(long) <= end; at += sizeof(long)) {
		/* As in scan_words(). */
		sum ^= data_race(READ_ONCE(*(const unsigned long *)at));
		sum *= GOLDEN_RATIO_64;
	}
	return sum >> 32;
}
