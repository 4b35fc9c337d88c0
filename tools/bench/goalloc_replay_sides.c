// SPDX-License-Identifier: GPL-2.0
/*
 * The allocators that a trace is replayed against:
 *
 *	goalloc		general objects of a heap of its own
 *	caches		kmalloc()'s sizes as caches that nobody shares; what is
 *			larger gets pages, by order, as kmalloc() takes them
 *	kmalloc		kvmalloc() and kvfree() themselves
 *
 * A run is one thread at a time, on whatever CPU; nothing here has a lock. The
 * loop is inlined for each, so that none pays for an indirect call.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/goalloc.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "goalloc_replay.h"

unsigned long replay_pages;

static struct goalloc_heap *heap;

/* kmalloc()'s own sizes, on machines that do not align objects for DMA. */
static const unsigned int cache_size[] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
};

#define MAX_CACHED 8192

static struct kmem_cache *caches[ARRAY_SIZE(cache_size)];
/* Which one, by the size in eights, up to 192; the larger ones are powers of two. */
static u8 cache_of_eights[192 / 8 + 1];

static int goalloc_start(void)
{
	heap = goalloc_heap_create("replay", 0);
	return PTR_ERR_OR_ZERO(heap);
}

static void goalloc_stop(void)
{
	goalloc_heap_destroy(heap);
}

static __always_inline void *goalloc_side_alloc(u32 size)
{
	return goalloc_heap_alloc(heap, size, GFP_KERNEL);
}

static __always_inline void goalloc_side_free(void *obj, u32 size)
{
	goalloc_free(obj);
}

static void caches_stop(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caches); i++)
		kmem_cache_destroy(caches[i]);
}

/* A range for usercopy keeps a cache from being merged, and kmalloc's have it. */
static int caches_start(void)
{
	unsigned int i, n = 0;
	char name[32];

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		unsigned int size = cache_size[i];

		snprintf(name, sizeof(name), "replay-%u", size);
		caches[i] = kmem_cache_create_usercopy(name, size, size & -size, 0, 0, size, NULL);
		if (!caches[i]) {
			caches_stop();
			return -ENOMEM;
		}
		for (; n < ARRAY_SIZE(cache_of_eights) && n * 8 <= size; n++)
			cache_of_eights[n] = i;
	}
	return 0;
}

static __always_inline struct kmem_cache *cache_for(u32 size)
{
	if (size <= 192)
		return caches[cache_of_eights[(size + 7) / 8]];
	return caches[ARRAY_SIZE(caches) - 1 - ilog2(MAX_CACHED) + fls(size - 1)];
}

static unsigned long pages_of(u32 size)
{
	return PAGE_ALIGN(size) >> PAGE_SHIFT;
}

/* Beyond the largest order there is only vmalloc(). */
static noinline void *large_alloc(u32 size)
{
	unsigned int order = get_order(size);
	void *obj;

	if (size > KMALLOC_MAX_SIZE) {
		obj = vmalloc(size);
		replay_pages += obj ? pages_of(size) : 0;
	} else {
		obj = (void *)__get_free_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, order);
		replay_pages += obj ? 1UL << order : 0;
	}
	return obj;
}

static noinline void large_free(void *obj, u32 size)
{
	unsigned int order = get_order(size);

	if (size > KMALLOC_MAX_SIZE) {
		vfree(obj);
		replay_pages -= pages_of(size);
	} else {
		free_pages((unsigned long)obj, order);
		replay_pages -= 1UL << order;
	}
}

static __always_inline void *caches_side_alloc(u32 size)
{
	if (size > MAX_CACHED)
		return large_alloc(size);
	return kmem_cache_alloc(cache_for(size), GFP_KERNEL);
}

static __always_inline void caches_side_free(void *obj, u32 size)
{
	if (size > MAX_CACHED)
		large_free(obj, size);
	else
		kmem_cache_free(cache_for(size), obj);
}

static int kmalloc_start(void)
{
	return 0;
}

static void kmalloc_stop(void)
{
}

/* What kvmalloc() took for an object, if not a part of a slab. */
static unsigned long kvmalloc_pages(const void *obj, u32 size)
{
	if (is_vmalloc_addr(obj))
		return pages_of(size);
	return size > KMALLOC_MAX_CACHE_SIZE ? 1UL << get_order(size) : 0;
}

static __always_inline void *kmalloc_side_alloc(u32 size)
{
	void *obj = kvmalloc(size, GFP_KERNEL);

	if (obj && size > KMALLOC_MAX_CACHE_SIZE)
		replay_pages += kvmalloc_pages(obj, size);
	return obj;
}

static __always_inline void kmalloc_side_free(void *obj, u32 size)
{
	if (size > KMALLOC_MAX_CACHE_SIZE)
		replay_pages -= kvmalloc_pages(obj, size);
	kvfree(obj);
}

/* Two objects in one place would be seen: each has its number in it. */
static __always_inline int run_events(const u64 *events, u32 n, struct replay_obj *objs,
				      void *(*alloc)(u32 size), void (*free)(void *obj, u32 size))
{
	for (; n; n--, events++) {
		u32 id = event_id(*events), size = event_size(*events);
		struct replay_obj *obj = &objs[id];

		if (size) {
			obj->ptr = alloc(size);
			if (unlikely(!obj->ptr))
				return -ENOMEM;
			obj->size = size;
			if (size >= sizeof(id))
				*(u32 *)obj->ptr = id;
		} else {
			if (unlikely(obj->size >= sizeof(id) && *(u32 *)obj->ptr != id))
				return -EUCLEAN;
			free(obj->ptr, obj->size);
			obj->size = 0;
		}
	}
	return 0;
}

static int goalloc_run(const u64 *events, u32 n, struct replay_obj *objs)
{
	return run_events(events, n, objs, goalloc_side_alloc, goalloc_side_free);
}

static int caches_run(const u64 *events, u32 n, struct replay_obj *objs)
{
	return run_events(events, n, objs, caches_side_alloc, caches_side_free);
}

static int kmalloc_run(const u64 *events, u32 n, struct replay_obj *objs)
{
	return run_events(events, n, objs, kmalloc_side_alloc, kmalloc_side_free);
}

const struct replay_side replay_sides[] = {
	{ "goalloc", goalloc_start, goalloc_stop, goalloc_run },
	{ "caches", caches_start, caches_stop, caches_run },
	{ "kmalloc", kmalloc_start, kmalloc_stop, kmalloc_run },
};

const unsigned int replay_nsides = ARRAY_SIZE(replay_sides);
