// SPDX-License-Identifier: GPL-2.0
/*
 * The operations, each on the reference model and on the allocator.
 *
 * A torturer owns its entries of the model; objects change hands by swapping
 * entries with the exchange, so each is freed by whoever drew it last. What an
 * operation does outside the allocator (filling, checking) is done with
 * interrupts on; the call itself may sit in any context.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sizes.h>

#include "torture.h"

struct obj *exchange[NR_EXCHANGE];
atomic_long_t large_bytes;

static void *peek[NR_PEEK];

/* What the next call is made from. */
static enum context pick_context(struct torturer *t, enum call call)
{
	enum context ctx = t->ctx;

	if (!is_side(t) && one_in(t, 3))
		ctx = rnd(t) % CTX_FIRST_SIDE;
	t->calls[call][ctx]++;
	return ctx;
}

static void enter(enum context ctx, unsigned long *flags)
{
	switch (ctx) {
	case CTX_PREEMPT:
		preempt_disable();
		break;
	case CTX_BH:
		local_bh_disable();
		break;
	case CTX_IRQ:
		local_irq_save(*flags);
		break;
	default:
		break;
	}
}

static void leave(enum context ctx, unsigned long *flags)
{
	switch (ctx) {
	case CTX_PREEMPT:
		preempt_enable();
		break;
	case CTX_BH:
		local_bh_enable();
		break;
	case CTX_IRQ:
		local_irq_restore(*flags);
		break;
	default:
		break;
	}
}

static gfp_t pick_gfp(struct torturer *t, enum context ctx, const struct pen *pen)
{
	gfp_t gfp = GFP_KERNEL;

	if (ctx != CTX_SLEEP)
		gfp = (one_in(t, 4) ? GFP_NOWAIT : GFP_ATOMIC) | __GFP_NOWARN;
	else if (one_in(t, 16))
		gfp = one_in(t, 2) ? GFP_NOFS : GFP_NOIO;
	if (pen->limited)
		gfp |= __GFP_NOWARN;
	return gfp;
}

static bool blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

/* Mostly small; exact powers of two and their multiples more often than by chance. */
static size_t pick_size(struct torturer *t)
{
	u32 r = rnd(t) % 1000;
	size_t size;

	if (r >= 900 && !one_in(t, rare))
		r %= 900;
	if (r < 600)
		size = 1 + rnd(t) % 256;
	else if (r < 800)
		size = 1 + rnd(t) % (1U << (4 + rnd(t) % 10));
	else if (r < 900)
		size = (size_t)(1 + rnd(t) % 9) << rnd(t) % 12;
	else if (r < 994)
		size = 1 + rnd(t) % GENERAL_MAX;
	else if (r < 999 || !one_in(t, 16))
		size = one_in(t, 2) ? SZ_32K << rnd(t) % 7 : 1 + rnd(t) % LARGE_MAX;
	else
		size = 1 + rnd(t) % HUGE_MAX;

	if (is_side(t) && size > SZ_64K)
		size = 1 + size % SZ_4K;
	if (size > GENERAL_MAX && atomic_long_read(&large_bytes) + size > LARGE_BUDGET)
		size = 1 + size % GENERAL_MAX;
	return size;
}

static void account_large(const struct obj *o, bool add)
{
	if (o->size > GENERAL_MAX)
		atomic_long_add(add ? o->size : -o->size, &large_bytes);
}

/* An allocation gave nothing: with the reserves of an interrupt or a limit, it may. */
static void no_memory(struct torturer *t, const struct pen *pen, size_t size, gfp_t gfp)
{
	if (pen->limited)
		t->count[C_LIMIT_FAIL]++;
	else if (!blocking(gfp))
		t->count[C_ATOMIC_FAIL]++;
	else if (faults || scarce)
		t->count[C_FAULT_FAIL]++;
	else
		torture_fail("no memory for %zu bytes, pen %u, gfp %x", size, pen->index,
			     (__force unsigned int)gfp);
}

/* A lockless reader may find the object until it is freed, and its type for a while after. */
static void peek_offer(struct torturer *t, struct obj *o)
{
	o->peek = -1;
	if (!o->pen->typesafe)
		return;
	o->peek = rnd(t) % NR_PEEK;
	smp_store_release(&peek[o->peek], o->p); /* pairs with op_peek() */
}

static void peek_withdraw(struct obj *o)
{
	if (o->peek >= 0)
		cmpxchg(&peek[o->peek], o->p, NULL);
}

static void op_peek(struct torturer *t)
{
	unsigned int looks = rnd(t) % 64;
	void *p;

	t->calls[CALL_LOOK][t->ctx]++;
	rcu_read_lock();
	p = smp_load_acquire(&peek[rnd(t) % NR_PEEK]); /* pairs with peek_offer() */
	if (p) {
		do {
			if (!model_constructed(p)) {
				torture_fail("object %p changed its type under an RCU reader", p);
				break;
			}
			cpu_relax();
		} while (looks--);
	}
	rcu_read_unlock();
}

/* An object came out of the allocator: into the model with it. */
static void accept(struct torturer *t, struct obj *o, struct pen *pen, void *p, size_t size,
		   bool zeroed)
{
	o->p = p;
	o->size = size;
	o->pen = pen;
	t->count[C_ALLOC]++;
	if (pen->mortal)
		atomic64_inc(&pen->allocs);
	account_large(o, true);
	model_check_new(t, o, zeroed);
	model_fill(t, o);
	peek_offer(t, o);
}

static void *alloc_general(struct torturer *t, struct pen *pen, size_t size, gfp_t gfp, bool zero)
{
	if (pen->heap == goalloc_heap_default() && one_in(t, 2)) {
		if (one_in(t, 4))
			return goalloc_alloc_noscan(size, zero ? gfp | __GFP_ZERO : gfp);
		return zero ? goalloc_zalloc(size, gfp) : goalloc_alloc(size, gfp);
	}
	if (one_in(t, 4))
		return goalloc_heap_alloc_noscan(pen->heap, size, zero ? gfp | __GFP_ZERO : gfp);
	return zero ? goalloc_heap_zalloc(pen->heap, size, gfp) :
		      goalloc_heap_alloc(pen->heap, size, gfp);
}

static void op_alloc(struct torturer *t, struct obj *o)
{
	struct pen *pen = pen_get(t, !is_side(t));
	enum context ctx;
	unsigned long flags;
	bool zero;
	size_t size;
	gfp_t gfp;
	void *p;

	if (!pen)
		return;
	ctx = pick_context(t, CALL_ALLOC);
	gfp = pick_gfp(t, ctx, pen);
	zero = !pen->ctor && one_in(t, 3);
	size = pen->cache ? pen->size : pick_size(t);

	enter(ctx, &flags);
	if (!pen->cache)
		p = alloc_general(t, pen, size, gfp, zero);
	else if (zero)
		p = goalloc_cache_zalloc(pen->cache, gfp);
	else
		p = goalloc_cache_alloc(pen->cache, gfp);
	leave(ctx, &flags);

	if (!blocking(gfp))
		t->count[C_ATOMIC]++;
	if (!p) {
		no_memory(t, pen, size, gfp);
		pen_put(pen);
		return;
	}
	accept(t, o, pen, p, size, zero);
}

/* The model gives an object up; returns its address, to be freed. */
static void *release(struct torturer *t, struct obj *o)
{
	void *p = o->p;

	model_check(o, "free");
	account_large(o, false);
	peek_withdraw(o);
	t->count[C_FREE]++;
	if (o->pen->dtor)
		t->count[C_DTOR]++;
	o->p = NULL;
	return p;
}

struct rcu_obj {
	u64 first;
	struct rcu_head head;
	u64 last;
};

/* The object must stay as it is until no reader can see it. */
static void free_by_rcu(struct torturer *t, struct obj *o)
{
	struct pen *pen = o->pen;
	struct rcu_obj *p = release(t, o);
	u64 first = p->first, last = p->last;

	rcu_read_lock();
	goalloc_free_rcu(p, head);
	if (READ_ONCE(p->first) != first || READ_ONCE(p->last) != last)
		torture_fail("object %p, pen %u, changed within its grace period", p, pen->index);
	if (misuse && one_in(t, misuse))
		misuse_rcu(t, pen, p);
	rcu_read_unlock();
	t->calls[CALL_FREE_RCU][t->ctx]++;
	pen_put(pen);
}

void torture_free(struct torturer *t, struct obj *o)
{
	struct pen *pen = o->pen;
	enum context ctx;
	unsigned long flags;
	void *p;

	if (pen->rcu && t->ctx != CTX_NMI && o->size >= sizeof(struct rcu_obj) &&
	    one_in(t, 8 * min(rare, RCU_RARE))) {
		free_by_rcu(t, o);
		return;
	}
	p = release(t, o);
	ctx = pick_context(t, CALL_FREE);
	enter(ctx, &flags);
	if (pen->cache && one_in(t, 2))
		goalloc_cache_free(pen->cache, p);
	else if (one_in(t, 3))
		goalloc_heap_free(pen->heap, p);
	else if (!pen->cache && one_in(t, 8))
		goalloc_free_sensitive(p);
	else
		goalloc_free(p);
	leave(ctx, &flags);
	pen_put(pen);
}

static void op_realloc(struct torturer *t, struct obj *o)
{
	struct pen *pen = o->pen;
	enum context ctx;
	size_t size, keep;
	unsigned long flags;
	gfp_t gfp;
	void *p;

	/* Named caches have one size; mortal pens count to the last object. */
	if (pen->cache || pen->mortal)
		return;
	model_check(o, "realloc");
	size = one_in(t, 2) ? 1 + rnd(t) % (2 * o->size) : pick_size(t);
	if (size > LARGE_MAX)
		size = GENERAL_MAX;
	keep = min(size, o->size);
	ctx = pick_context(t, CALL_REALLOC);
	gfp = pick_gfp(t, ctx, pen);
	model_mark(o, keep);

	enter(ctx, &flags);
	p = goalloc_realloc(o->p, size, gfp);
	leave(ctx, &flags);

	if (!blocking(gfp))
		t->count[C_ATOMIC]++;
	if (!p) {
		no_memory(t, pen, size, gfp);
		model_check_mark(o, o->p, keep);
	} else {
		model_check_mark(o, p, keep);
		account_large(o, false);
		o->p = p;
		o->size = size;
		account_large(o, true);
		if (goalloc_size(p) < size)
			torture_fail("realloc of %p to %zu bytes left room for %zu", p, size,
				     goalloc_size(p));
	}
	model_fill(t, o);
}

/* Entries of the wanted kind, from a random place on: at most @max of them. */
static unsigned int gather(struct torturer *t, struct obj **found, unsigned int max,
			   bool in_use, const struct pen *pen)
{
	unsigned int i, n = 0, at = rnd(t) % t->nslots;

	for (i = 0; i < t->nslots && n < max; i++) {
		struct obj *o = t->slot[(at + i) % t->nslots];

		if (!!o->p == in_use && (!pen || o->pen == pen))
			found[n++] = o;
	}
	return n;
}

static void op_alloc_bulk(struct torturer *t)
{
	enum context ctx;
	struct obj *found[MAX_BULK];
	void *objs[MAX_BULK];
	unsigned int i, n;
	unsigned long flags;
	struct pen *pen;
	size_t size;
	bool zero;
	gfp_t gfp;
	int got;

	pen = &pens[rnd(t) % NR_PENS];
	if (pen->mortal || (!pen->cache && pen->heap != goalloc_heap_default()))
		pen = &pens[0];
	n = gather(t, found, 1 + rnd(t) % MAX_BULK, false, NULL);
	if (!n)
		return;
	ctx = pick_context(t, CALL_ALLOC_BULK);
	gfp = pick_gfp(t, ctx, pen);
	zero = !pen->ctor && one_in(t, 3);
	size = pen->cache ? pen->size : 1 + rnd(t) % (one_in(t, 8) ? 4096 : 256);
	if (zero)
		gfp |= __GFP_ZERO;

	enter(ctx, &flags);
	if (pen->cache)
		got = goalloc_cache_alloc_bulk(pen->cache, gfp, n, objs);
	else
		got = goalloc_alloc_bulk(size, gfp, n, objs);
	leave(ctx, &flags);

	if (!blocking(gfp))
		t->count[C_ATOMIC]++;
	if (got != 0 && got != n) {
		torture_fail("bulk allocation of %u objects of %zu bytes, pen %u, gave %d", n, size,
			     pen->index, got);
		if (got < 0 || got > n)
			return;
	}
	if (!got)
		no_memory(t, pen, size, gfp);
	for (i = 0; i < got; i++)
		accept(t, found[i], pen, objs[i], size, zero);
}

static void op_free_bulk(struct torturer *t)
{
	enum context ctx;
	struct obj *found[MAX_BULK];
	struct pen *from[MAX_BULK];
	void *objs[MAX_BULK];
	struct pen *pen = NULL;
	unsigned int i, n;
	unsigned long flags;

	/* One cache, or whatever comes: of many heaps and caches. */
	if (one_in(t, 2)) {
		pen = &pens[rnd(t) % NR_PENS];
		if (!pen->cache || pen->mortal)
			pen = NULL;
	}
	n = gather(t, found, 1 + rnd(t) % MAX_BULK, true, pen);
	if (!n)
		return;
	ctx = pick_context(t, CALL_FREE_BULK);
	for (i = 0; i < n; i++) {
		from[i] = found[i]->pen;
		objs[i] = release(t, found[i]);
	}

	enter(ctx, &flags);
	if (pen)
		goalloc_cache_free_bulk(pen->cache, n, objs);
	else
		goalloc_free_bulk(n, objs);
	leave(ctx, &flags);

	for (i = 0; i < n; i++)
		pen_put(from[i]);
}

/* A pen that goes when its last object has gone need not wait for chance. */
bool torture_retiring(const struct obj *o)
{
	return o->p && o->pen->mortal && READ_ONCE(o->pen->state) == PEN_RETIRING;
}

static void op_exchange(struct torturer *t, struct obj **slot)
{
	*slot = xchg(&exchange[rnd(t) % NR_EXCHANGE], *slot);
	if (!(*slot)->p)
		return;
	t->count[C_REMOTE]++;
	if (torture_retiring(*slot))
		torture_free(t, *slot);
}

/* NULL and the object of no bytes. */
static void op_nothing(struct torturer *t)
{
	void *p = goalloc_alloc(0, GFP_NOWAIT);

	if (p != ZERO_SIZE_PTR)
		torture_fail("an allocation of no bytes gave %p", p);
	t->calls[CALL_NOTHING][t->ctx]++;
	goalloc_free(p);
	goalloc_free(NULL);
	goalloc_free_bulk(0, NULL);
}

/* One operation. In an interrupt, those that cannot sleep. */
void torture_op(struct torturer *t)
{
	struct obj **slot;
	u32 r;

	t->state = torture_mix(t->key + t->nops);
	slot = &t->slot[rnd(t) % t->nslots];
	r = rnd(t) % 1024;
	if (t->nops < DIGEST_OPS)
		t->digest = torture_mix(t->digest ^ t->state);
	WRITE_ONCE(t->nops, t->nops + 1);
	if (misuse && !is_side(t) && one_in(t, misuse))
		misuse_op(t, *slot);

	if (r < 48)
		op_alloc_bulk(t);
	else if (r < 80)
		op_free_bulk(t);
	else if (r < 96)
		op_peek(t);
	else if (r < 98)
		op_nothing(t);
	else if (r < 101 && !is_side(t) && one_in(t, rare))
		whole_op(t);
	else if (r < 250)
		op_exchange(t, slot);
	else if (!(*slot)->p)
		op_alloc(t, *slot);
	else if (r < 350)
		op_realloc(t, *slot);
	else
		torture_free(t, *slot);
}

/* Frees all that a torturer holds. */
void torture_drain(struct torturer *t)
{
	unsigned int i;

	for (i = 0; i < t->nslots; i++)
		if (t->slot[i]->p)
			torture_free(t, t->slot[i]);
}
