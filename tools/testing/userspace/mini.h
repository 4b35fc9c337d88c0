/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small mcache and mcentral around the real mspan.c, for tests that need a
 * few CPUs, some spans and nothing else. It follows mcache.c and mcentral.c
 * step by step, and beside each slot keeps what the slot really is, to compare
 * with what the bits say.
 *
 * A program includes this once, and provides the lock and a place for
 * complaints.
 */
#ifndef USERSPACE_MINI_H
#define USERSPACE_MINI_H

#include <linux/list.h>

#include "../../../goalloc_mod/mspan.h"

#define MINI_SPANS 4
#define MINI_SLOTS 192

enum ghost {
	GHOST_FREE,
	GHOST_LIVE,
	GHOST_WAITS, /* for a grace period */
};

struct mini_slot {
	int ghost;
	unsigned int epoch; /* times it was handed out */
};

struct mini_span {
	struct mspan span;
	struct slot_group groups[MINI_SLOTS / 64];
	struct mini_slot slot[MINI_SLOTS];
};

struct mini {
	struct list_head partial;
	struct list_head parked;
	unsigned int keep; /* empty spans that may stay listed */
	unsigned int nempty;
	unsigned int nspans;
	unsigned int late; /* late double frees that merges have reported */
	struct mini_span s[MINI_SPANS];
};

struct mini_cpu {
	unsigned int id;
	struct mspan *span;
};

/* An object: where it is, and which of those that have been there. */
struct mini_obj {
	struct mspan *span;
	unsigned int slot;
	unsigned int epoch;
};

void mini_lock(void);
void mini_unlock(void);
void mini_bug(const char *what);

/* With random_slots=1 an owner moves what is free bit by bit, and only what it takes. */
#ifdef USERSPACE_RANDOM
#define MINI_RANDOM true
#else
#define MINI_RANDOM false
#endif

static inline struct mini_span *mini_span_of(struct mspan *span)
{
	return container_of(span, struct mini_span, span);
}

static inline struct mini_slot *mini_slot_of(struct mini_obj obj)
{
	return &mini_span_of(obj.span)->slot[obj.slot];
}

/* Whether another object is in its place by now: to free it would be a stale free. */
static inline bool mini_stale(struct mini_obj obj)
{
	return __atomic_load_n(&mini_slot_of(obj)->epoch, __ATOMIC_RELAXED) != obj.epoch;
}

static void mini_init(struct mini *m, unsigned int nspans, unsigned int nelems, unsigned int keep)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	INIT_LIST_HEAD(&m->partial);
	INIT_LIST_HEAD(&m->parked);
	m->nspans = nspans;
	m->keep = keep;
	for (i = 0; i < nspans; i++) {
		struct mspan *span = &m->s[i].span;

		span->bits = m->s[i].groups;
		span->nelems = nelems;
		span->state = MSPAN_SMALL;
		span->queued = 1;
		span->flags = MSPAN_LINKED;
		mspan_init_bits(span, !MINI_RANDOM);
		list_add_tail(&span->node, &m->partial);
	}
}

/* The lock is held; the span is linked, and without a live slot. */
static void mini_retire(struct mini *m, struct mspan *span)
{
	unsigned int i;

	for (i = 0; i < span->nelems; i++)
		if (__atomic_load_n(&mini_span_of(span)->slot[i].ghost, __ATOMIC_RELAXED) !=
		    GHOST_FREE)
			mini_bug("a span is empty that is not");

	list_del_init(&span->node);
	if (m->nempty < m->keep) {
		m->nempty++;
		span->flags |= MSPAN_EMPTY;
		list_add_tail(&span->node, &m->partial);
	} else {
		span->flags = MSPAN_PARKED;
		list_add_tail(&span->node, &m->parked);
	}
}

static void mini_link(struct mini *m, struct mspan *span)
{
	if (span->flags)
		mini_bug("a span is listed twice");
	if (READ_ONCE(span->owner) != MSPAN_NONE)
		mini_bug("an owned span is listed");
	span->flags = MSPAN_LINKED;
	list_add_tail(&span->node, &m->partial);
	if (mspan_all_free(span))
		mini_retire(m, span);
}

static void mini_add(struct mini *m, struct mspan *span)
{
	mini_lock();
	mini_link(m, span);
	mini_unlock();
}

/* After a free into a span that is not this CPU's. */
static void mini_freed(struct mini *m, struct mspan *span)
{
	if (mspan_promise(span)) {
		mini_add(m, span);
		return;
	}
	if (READ_ONCE(span->owner) != MSPAN_NONE || !mspan_all_free(span))
		return;
	mini_lock();
	if ((span->flags & (MSPAN_LINKED | MSPAN_EMPTY)) == MSPAN_LINKED && mspan_all_free(span))
		mini_retire(m, span);
	mini_unlock();
}

static void mini_merge(struct mini *m, struct slot_group *g)
{
	u64 late = slot_group_merge(g, MINI_RANDOM ? 1 : ~0ULL);

	if (late)
		__atomic_fetch_add(&m->late, hweight64(late), __ATOMIC_RELAXED);
}

/* From here on a free of what was there before is a stale one. */
static unsigned int mini_issue(struct mini_slot *slot)
{
	if (__atomic_exchange_n(&slot->ghost, GHOST_LIVE, __ATOMIC_RELAXED) != GHOST_FREE)
		mini_bug("a slot is handed out that is not free");
	return __atomic_add_fetch(&slot->epoch, 1, __ATOMIC_RELAXED);
}

/* As mcache_take(), group by group. */
static bool mini_take(struct mini *m, struct mspan *span, struct mini_obj *obj)
{
	unsigned int k;

	for (k = 0; k < mspan_groups(span); k++) {
		struct slot_group *g = &span->bits[k];
		u64 f, w;

		mini_merge(m, g);
		f = READ_ONCE(g->free);
		w = f & ~(u64)atomic64_read(&g->rfree);
		if (w) {
			obj->span = span;
			obj->slot = k * 64 + __ffs64(w);
			obj->epoch = mini_issue(mini_slot_of(*obj));
			WRITE_ONCE(g->free, f ^ (w & -w));
			return true;
		}
	}
	return false;
}

/* Let go of the CPU's span. */
static void mini_flush(struct mini *m, struct mini_cpu *cpu)
{
	struct mspan *span = cpu->span;
	unsigned int k;

	if (!span)
		return;
	for (k = 0; k < mspan_groups(span) && !MINI_RANDOM; k++)
		mini_merge(m, &span->bits[k]);
	cpu->span = NULL;
	if (mspan_disown(span))
		mini_add(m, span);
}

/* Make the first listed span the CPU's, or else the first parked one. */
static bool mini_claim(struct mini *m, struct mini_cpu *cpu)
{
	struct list_head *list;

	mini_lock();
	list = list_empty(&m->partial) ? &m->parked : &m->partial;
	if (!list_empty(list)) {
		struct mspan *span = list_first_entry(list, struct mspan, node);

		list_del_init(&span->node);
		if (span->flags & MSPAN_EMPTY)
			m->nempty--;
		span->flags = 0;
		if (READ_ONCE(span->owner) != MSPAN_NONE)
			mini_bug("a span has two owners");
		if (!READ_ONCE(span->queued))
			mini_bug("a listed span is not promised");
		WRITE_ONCE(span->owner, cpu->id + 1);
		cpu->span = span;
	}
	mini_unlock();
	return cpu->span;
}

static bool mini_alloc(struct mini *m, struct mini_cpu *cpu, struct mini_obj *obj)
{
	while (!cpu->span || !mini_take(m, cpu->span, obj)) {
		mini_flush(m, cpu);
		if (!mini_claim(m, cpu))
			return false;
	}
	return true;
}

/* As mcache_put(). */
static bool mini_put(struct mspan *span, unsigned int slot)
{
	struct slot_group *g = &span->bits[slot >> MSPAN_GROUP_SHIFT];
	u64 bit = BIT_ULL(slot & 63);
	u64 r = atomic64_read_acquire(&g->rfree);
	u64 f = READ_ONCE(g->free);

	if ((r | f) & bit)
		return false;
	WRITE_ONCE(g->free, f | bit);
	return true;
}

/* Free, whoever calls and whatever the slot is. */
static bool mini_try_free(struct mini *m, struct mini_cpu *cpu, struct mini_obj obj)
{
	if (cpu->span == obj.span)
		return mini_put(obj.span, obj.slot);
	if (!mspan_try_free(obj.span, obj.slot))
		return false;
	mini_freed(m, obj.span);
	return true;
}

static void mini_set_ghost(struct mini_obj obj, int ghost)
{
	__atomic_store_n(&mini_slot_of(obj)->ghost, ghost, __ATOMIC_RELAXED);
}

/* Free an object that is the caller's to free. */
static void mini_free(struct mini *m, struct mini_cpu *cpu, struct mini_obj obj)
{
	mini_set_ghost(obj, GHOST_FREE);
	if (!mini_try_free(m, cpu, obj))
		mini_bug("a rightful free is refused");
}

/* The same after a grace period: two steps. */
static void mini_free_rcu(struct mini *m, struct mini_obj obj)
{
	mini_set_ghost(obj, GHOST_WAITS);
	if (!mspan_try_limbo(obj.span, obj.slot))
		mini_bug("a rightful free_rcu is refused");
	mini_freed(m, obj.span);
}

static void mini_rcu_done(struct mini *m, struct mini_obj obj)
{
	mini_set_ghost(obj, GHOST_FREE);
	mspan_end_limbo(obj.span, obj.slot);
	mini_freed(m, obj.span);
}

/*
 * When all is quiet: slots are what they should be, and no span is lost. @dups:
 * double frees that raced and were let through, each of which must have been
 * reported or be there to report.
 */
static void mini_check(struct mini *m, unsigned int dups)
{
	unsigned int i, slot, k, late = m->late;

	for (i = 0; i < m->nspans; i++) {
		struct mini_span *s = &m->s[i];
		struct mspan *span = &s->span;
		bool some = false, all = true;

		for (slot = 0; slot < span->nelems; slot++) {
			bool live = s->slot[slot].ghost == GHOST_LIVE;

			if (mspan_slot_is_live(span, slot) != live)
				mini_bug("a slot is live or free, and should not be");
		}
		for (k = 0; k < mspan_groups(span); k++) {
			struct slot_group *g = &span->bits[k];
			u64 bits = (g->free | g->rfree.counter) & ~g->limbo.counter;

			some |= bits != 0;
			all &= bits == mspan_group_mask(span, k);
			late += hweight64(g->free & g->rfree.counter);
			if ((g->free | g->rfree.counter | g->limbo.counter) &
			    ~mspan_group_mask(span, k))
				mini_bug("a bit is set that stands for no slot");
		}
		if (span->owner != MSPAN_NONE) {
			if (span->flags)
				mini_bug("an owned span is listed");
			continue;
		}
		if (!span->flags && some)
			mini_bug("a span with a free slot is lost");
		if (!span->flags != !span->queued)
			mini_bug("a span is promised and not listed, or the other way round");
		if (span->flags == MSPAN_LINKED && all)
			mini_bug("an empty span is forgotten");
	}
	if (late != dups)
		mini_bug("a double free is not reported, or one that was none");
}

#endif /* USERSPACE_MINI_H */
