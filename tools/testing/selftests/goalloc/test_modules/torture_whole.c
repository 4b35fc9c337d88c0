// SPDX-License-Identifier: GPL-2.0
/*
 * What concerns a heap or cache as a whole: it is retired, destroyed and made
 * again, shrunk, given another limit; or goes while a reader looks. All of it
 * may sleep, and is done by threads.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/sizes.h>

#include "torture.h"

/* Frees what is in the way of pens that are to go. */
static void hunt(struct torturer *t, struct obj **slot)
{
	unsigned int i;

	for (i = 0; i < NR_EXCHANGE; i++) {
		*slot = xchg(&exchange[i], *slot);
		if (torture_retiring(*slot))
			torture_free(t, *slot);
	}
	for (i = 0; i < t->nslots; i++)
		if (torture_retiring(t->slot[i]))
			torture_free(t, t->slot[i]);
}

/*
 * The spans of a cache go while a reader looks: for as long as it does, none
 * may serve another class, however much those around want memory.
 */
static void op_typesafe(struct torturer *t)
{
	static atomic_t serial = ATOMIC_INIT(0);
	const struct goalloc_cache_args args = { .heap = pens[1].heap, .ctor = model_ctor };
	void *objs[TYPESAFE_OBJS], *others[TYPESAFE_OBJS / 4];
	struct goalloc_cache *cache;
	char name[GOALLOC_NAME_MAX];
	unsigned int i, n;

	snprintf(name, sizeof(name), "typesafe-%d", atomic_inc_return(&serial));
	cache = goalloc_cache_create(name, 2000, &args, GOALLOC_TYPESAFE_BY_RCU);
	if (fault_hit(t, cache))
		return;
	if (IS_ERR_OR_NULL(cache)) {
		torture_fail("cannot make cache %s: %ld", name, PTR_ERR(cache));
		return;
	}
	n = goalloc_cache_alloc_bulk(cache, GFP_KERNEL, TYPESAFE_OBJS, objs);

	rcu_read_lock();
	goalloc_cache_free_bulk(cache, n, objs);
	udelay(rnd(t) % 256);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = goalloc_zalloc(SZ_8K, GFP_NOWAIT | __GFP_NOWARN);
	for (i = 0; i < n; i++) {
		if (!model_constructed(objs[i])) {
			torture_fail("object %p changed its type within a grace period", objs[i]);
			break;
		}
	}
	rcu_read_unlock();

	goalloc_free_bulk(ARRAY_SIZE(others), others);
	goalloc_cache_destroy(cache);
	t->count[C_TYPESAFE]++;
}

/* One such operation; may sleep. */
void whole_op(struct torturer *t)
{
	struct pen *pen = &pens[rnd(t) % NR_PENS];
	int ret;

	if (pen->mortal) {
		if (READ_ONCE(pen->state) == PEN_DEAD)
			pen_rebuild(t, pen);
		else
			pen_retire(pen);
		hunt(t, &t->slot[rnd(t) % t->nslots]);
		return;
	}
	if (pen->limited) {
		ret = goalloc_heap_set_limit(pen->heap,
					     one_in(t, 3) ? ULONG_MAX :
							    SZ_1M + rnd(t) % SZ_4M);
		if (ret)
			torture_fail("limit refused: %d", ret);
		t->count[C_LIMITS]++;
		return;
	}
	if (one_in(t, 16))
		op_typesafe(t);
	if (!one_in(t, 4))
		return;
	if (pen->cache)
		goalloc_cache_shrink(pen->cache);
	else
		goalloc_heap_shrink(pen->heap);
	t->count[C_SHRINK]++;
}
