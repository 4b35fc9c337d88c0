// SPDX-License-Identifier: GPL-2.0
/*
 * The pens: heaps and caches that objects come from.
 *
 * Most live as long as the run. The mortal ones are destroyed and made again
 * all the time: each of their objects holds a reference, and whoever frees the
 * last one of a retired pen, on whatever CPU and in whatever context, leaves
 * it for the next thread that comes by to be destroyed. A heap or cache that
 * goes must have been emptied to the last object, by its own account.
 */
#define pr_fmt(fmt) "goalloc_torture: " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "torture.h"

struct pen pens[NR_PENS];

/* Two heaps of the run's own: without a limit, and with one that changes. */
static struct goalloc_heap *free_heap, *limited_heap;
static struct goalloc_heap_stats default_before;

enum { PEN_DEFAULT, PEN_FREE, PEN_LIMITED, PEN_FIRST_CACHE };

struct cache_kind {
	const char *name;
	unsigned int size;
	unsigned int align;
	unsigned long flags;
	bool ctor;
	bool dtor;
};

static const struct cache_kind cache_kinds[] = {
	{ "torture-24", 24 },
	{ "torture-64", 64 },
	{ "torture-hw-200", 200, 0, GOALLOC_HWCACHE_ALIGN },
	{ "torture-ctor-136", 136, 0, 0, true },
	{ "torture-typesafe-128", 128, 0, GOALLOC_TYPESAFE_BY_RCU, true },
	{ "torture-dtor-96", 96, 32, 0, false, true },
	{ "torture-both-1000", 1000, 0, GOALLOC_NOSCAN, true, true },
	{ "torture-aligned-3000", 3000, 1024 },
	{ "torture-large-20000", 20000 },
};

#define NR_IMMORTAL	(PEN_FIRST_CACHE + ARRAY_SIZE(cache_kinds))

static_assert(NR_IMMORTAL < NR_PENS);

/* The pen that stands for the heap which the objects of another are in. */
struct pen *pen_of_heap(struct pen *pen)
{
	unsigned int i;

	if (pen->own_heap)
		return pen;
	for (i = PEN_DEFAULT; i < PEN_LIMITED && pens[i].heap != pen->heap; i++)
		;
	return &pens[i];
}

static int cache_pen(struct torturer *t, struct pen *pen, struct goalloc_heap *heap,
		     const struct cache_kind *kind)
{
	struct goalloc_cache_args args = {
		.heap = heap,
		.align = kind->align,
		.ctor = kind->ctor ? model_ctor : NULL,
		.dtor = kind->dtor ? model_dtor : NULL,
	};
	struct goalloc_cache *cache;

	cache = goalloc_cache_create(kind->name, kind->size, &args, kind->flags);
	if (fault_hit(t, cache))
		return -ENOMEM;
	if (IS_ERR_OR_NULL(cache)) {
		torture_fail("cannot make cache %s of %u bytes, aligned to %u: %ld", kind->name,
			     kind->size, kind->align, PTR_ERR(cache));
		return -ENOMEM;
	}
	if (goalloc_cache_object_size(cache) < kind->size)
		torture_fail("cache %s of %u bytes says it has %u", kind->name, kind->size,
			     goalloc_cache_object_size(cache));
	pen->heap = heap;
	pen->cache = cache;
	pen->size = kind->size;
	pen->align = kind->align;
	if (kind->flags & GOALLOC_HWCACHE_ALIGN)
		pen->align = max_t(unsigned int, pen->align,
				   kind->size > 32 ? SMP_CACHE_BYTES : 8);
	pen->ctor = kind->ctor;
	pen->dtor = kind->dtor;
	pen->typesafe = kind->flags & GOALLOC_TYPESAFE_BY_RCU;
	pen->rcu = kind->size >= 64;
	return 0;
}

/* Makes what a mortal pen stands for: a heap, a cache, or a cache in a heap of its own. */
static int build(struct torturer *t, struct pen *pen)
{
	struct goalloc_heap *heap = free_heap;
	struct cache_kind kind = {};
	char name[GOALLOC_NAME_MAX];

	pen->generation++;
	pen->heap = NULL;
	pen->cache = NULL;
	pen->own_heap = pen->index % 3 != 1;
	atomic64_set(&pen->allocs, 0);
	atomic64_set(&pen->misuse, 0);
	snprintf(name, sizeof(name), "torture-%u.%u", pen->index, pen->generation);
	if (pen->own_heap) {
		heap = goalloc_heap_create(name, 0);
		if (fault_hit(t, heap))
			return -ENOMEM;
		if (IS_ERR_OR_NULL(heap)) {
			torture_fail("cannot make heap %s: %ld", name, PTR_ERR(heap));
			return -ENOMEM;
		}
		pen->heap = heap;
		pen->rcu = pen->generation % 2;
	}
	if (pen->index % 3 == 0)
		return 0;

	kind.name = name;
	kind.size = 1 + rnd(t) % (one_in(t, 8) ? 30000 : 500);
	kind.align = one_in(t, 4) ? 8U << rnd(t) % 10 : 0;
	kind.ctor = kind.size >= 8 && one_in(t, 3);
	kind.dtor = one_in(t, 3);
	if (one_in(t, 4))
		kind.flags |= GOALLOC_HWCACHE_ALIGN;
	if (one_in(t, 4))
		kind.flags |= GOALLOC_NOSCAN;
	if (cache_pen(t, pen, heap, &kind)) {
		if (pen->own_heap)
			goalloc_heap_destroy(heap);
		return -ENOMEM;
	}
	pen->typesafe = false;
	pen->rcu = kind.size >= 64 && pen->generation % 2;
	return 0;
}

/* A heap that has been emptied, as far as the model knows. */
static void check_emptied(const struct pen *pen, bool exact)
{
	u64 allocs = atomic64_read(&pen->allocs), misuse = atomic64_read(&pen->misuse);
	struct goalloc_heap *heap = pen->heap;
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(heap, &stats);
	if (stats.live_objects || stats.live_bytes)
		torture_fail("heap %s: all was freed, but %llu objects with %llu bytes are live",
			     goalloc_heap_name(heap), stats.live_objects, stats.live_bytes);
	if (stats.mallocs != stats.frees)
		torture_fail("heap %s: all was freed, but %llu mallocs and %llu frees are counted",
			     goalloc_heap_name(heap), stats.mallocs, stats.frees);
	if (exact && stats.mallocs != allocs)
		torture_fail("heap %s: gave %llu objects, but counts %llu mallocs",
			     goalloc_heap_name(heap), allocs, stats.mallocs);
	if (stats.misuse != misuse)
		torture_fail("heap %s: counts %llu misuses, and there were %llu",
			     goalloc_heap_name(heap), stats.misuse, misuse);
}

/* A span that no list and no CPU knows any more would still be the heap's. */
static void check_spans(struct goalloc_heap *heap)
{
	struct goalloc_heap_stats stats;

	goalloc_heap_shrink(heap);
	goalloc_heap_stats(heap, &stats);
	if (stats.span_bytes)
		torture_fail("heap %s: empty and shrunk, but it has spans of %llu bytes",
			     goalloc_heap_name(heap), stats.span_bytes);
}

/* Destroys what a mortal pen stands for. Nobody else has a reference. */
static void bury(struct torturer *t, struct pen *pen)
{
	if (!pen->heap)
		return;
	if (pen->rcu)
		goalloc_rcu_barrier();
	if (pen->own_heap)
		check_emptied(pen, true);
	if (pen->own_heap && one_in(t, 4))
		check_spans(pen->heap);
	if (pen->cache)
		goalloc_cache_destroy(pen->cache);
	if (pen->own_heap)
		goalloc_heap_destroy(pen->heap);
	pen->heap = NULL;
	t->count[C_BURIED]++;
}

/* Destroys a pen whose last object was freed, and makes it anew. */
void pen_rebuild(struct torturer *t, struct pen *pen)
{
	if (cmpxchg(&pen->state, PEN_DEAD, PEN_BUSY) != PEN_DEAD)
		return;
	bury(t, pen);
	if (build(t, pen)) {
		pen->heap = NULL;
		/* As in pen_put(): pairs with cmpxchg() above. */
		smp_store_release(&pen->state, PEN_DEAD);
		return;
	}
	WRITE_ONCE(pen->state, PEN_OPEN);
	atomic_set_release(&pen->refs, 1);
}

/* No more objects from this one; it dies with those it has. */
void pen_retire(struct pen *pen)
{
	if (cmpxchg(&pen->state, PEN_OPEN, PEN_RETIRING) == PEN_OPEN)
		pen_put(pen);
}

void pen_put(struct pen *pen)
{
	/* All that was done to its objects comes before its burial. */
	if (pen->mortal && atomic_dec_and_test(&pen->refs))
		smp_store_release(&pen->state, PEN_DEAD); /* pairs with pen_rebuild() */
}

/* A pen to allocate from, with a reference if it is mortal, or NULL. */
struct pen *pen_get(struct torturer *t, bool may_sleep)
{
	struct pen *pen = &pens[rnd(t) % (one_in(t, 2) ? PEN_FIRST_CACHE : NR_PENS)];

	if (!pen->mortal)
		return pen;
	if (atomic_inc_not_zero(&pen->refs))
		return pen;
	if (may_sleep && READ_ONCE(pen->state) == PEN_DEAD)
		pen_rebuild(t, pen);
	return NULL;
}

int pens_create(struct torturer *t)
{
	unsigned int i;

	free_heap = goalloc_heap_create("torture", 0);
	if (IS_ERR_OR_NULL(free_heap)) {
		pr_err("cannot make a heap: %ld\n", PTR_ERR(free_heap));
		free_heap = NULL;
		return -ENOMEM;
	}
	limited_heap = goalloc_heap_create("torture-limited", 0);
	if (IS_ERR_OR_NULL(limited_heap)) {
		pr_err("cannot make a second heap: %ld\n", PTR_ERR(limited_heap));
		goalloc_heap_destroy(free_heap);
		limited_heap = NULL;
		return -ENOMEM;
	}

	memset(pens, 0, sizeof(pens));
	for (i = 0; i < NR_PENS; i++)
		pens[i].index = i;

	goalloc_heap_stats(goalloc_heap_default(), &default_before);

	pens[PEN_DEFAULT].heap = goalloc_heap_default();
	pens[PEN_FREE].heap = free_heap;
	pens[PEN_LIMITED].heap = limited_heap;
	pens[PEN_LIMITED].limited = true;
	for (i = 0; i < PEN_FIRST_CACHE; i++)
		pens[i].rcu = true;

	for (i = 0; i < ARRAY_SIZE(cache_kinds); i++)
		if (cache_pen(t, &pens[PEN_FIRST_CACHE + i], free_heap, &cache_kinds[i]))
			return -ENOMEM;

	/* The mortal ones are made by the first thread that wants them. */
	for (i = NR_IMMORTAL; i < NR_PENS; i++) {
		pens[i].mortal = true;
		pens[i].state = PEN_DEAD;
	}
	return 0;
}

/* All objects have been freed. */
void pens_destroy(struct torturer *t)
{
	struct goalloc_heap_stats stats;
	unsigned int i;

	if (!free_heap)
		return;
	goalloc_rcu_barrier();
	for (i = 0; i < NR_PENS; i++) {
		struct pen *pen = &pens[i];

		if (!pen->mortal)
			continue;
		pen_retire(pen);
		if (pen->state != PEN_DEAD) {
			torture_fail("pen %u: state %d, %d references at the end", i, pen->state,
				     atomic_read(&pen->refs));
			continue;
		}
		bury(t, pen);
	}
	check_emptied(&pens[PEN_FREE], false);
	check_spans(free_heap);
	for (i = PEN_FIRST_CACHE; i < NR_IMMORTAL; i++)
		goalloc_cache_destroy(pens[i].cache);
	check_emptied(&pens[PEN_FREE], false);
	goalloc_heap_destroy(free_heap);
	check_emptied(&pens[PEN_LIMITED], false);
	check_spans(limited_heap);
	goalloc_heap_destroy(limited_heap);
	free_heap = NULL;
	limited_heap = NULL;

	goalloc_heap_stats(goalloc_heap_default(), &stats);
	if (stats.live_objects != default_before.live_objects)
		torture_fail("default heap: %llu live objects, %llu before", stats.live_objects,
			     default_before.live_objects);
	if (!stats.live_objects)
		check_spans(goalloc_heap_default());
	if (stats.misuse - default_before.misuse != atomic64_read(&pens[PEN_DEFAULT].misuse))
		torture_fail("default heap: counts %llu misuses, %llu before; %llu are due",
			     stats.misuse, default_before.misuse,
			     (u64)atomic64_read(&pens[PEN_DEFAULT].misuse));
}
