// SPDX-License-Identifier: GPL-2.0
/*
 * The API for general objects: allocate by size, from the default heap or
 * from one's own, resize, ask. Freeing is in mfree.c, named caches in cache.c.
 *
 * GFP flags:
 *
 *	__GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM	refused: vmalloc memory is none of these
 *	__GFP_ZERO				honoured
 *	__GFP_DIRECT_RECLAIM			may sleep, for a new arena; without it only
 *						memory that is there is handed out
 *	__GFP_NOFAIL				with __GFP_DIRECT_RECLAIM: retried for ever;
 *						not what is over an arena, in reclaim
 *	__GFP_NOWARN				no message on failure
 *	__GFP_IO, __GFP_FS			always as if cleared: arenas are reserved
 *						under memalloc_noio_save()
 *	__GFP_ACCOUNT, __GFP_THISNODE,
 *	__GFP_MEMALLOC and all others		accepted, without effect
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "debug.h"
#include "malloc.h"
#include "mcache.h"

/* For @cache, or none. */
void *refuse_gfp(const struct goalloc_cache *cache, unsigned long ip)
{
	report_misuse(MISUSE_BAD_GFP, NULL, cache, ip);
	return NULL;
}

/* What is in a managed heap has a type, or is known to have no pointers. */
static void *refuse_managed(const struct goalloc_heap *heap)
{
	pr_err_ratelimited("heap %s is managed: goalloc_gc_alloc() and others allocate from it; refused\n",
			   heap->name);
	return NULL;
}

/* An ordinary arena's, that is; its other pages must do for the alignment. */
static bool fits_arena(size_t npages, u32 align_pages)
{
	return npages + align_pages <= arena_mb << (20 - GOALLOC_PAGE_SHIFT);
}

/* May sleep, if @gfp says so, until there are pages or none can be had. */
static void *large_slow(struct mcentral *central, u32 npages, u32 align_pages, gfp_t gfp,
			bool *zeroed)
{
	bool may_grow = goalloc_may_grow(gfp), nofail = goalloc_nofail(gfp);
	bool fits = fits_arena(npages, align_pages);
	unsigned int tries;
	void *obj;

	if (!fits && !may_grow)
		return ERR_PTR(-ENOMEM);
	/* Pages that this CPU keeps may be those that are missing. */
	if (fits)
		mcache_drop_large(central);
	for (tries = 0;; tries++) {
		if (fits)
			obj = mheap_alloc_large(central, npages, align_pages, zeroed);
		else
			obj = mheap_alloc_dedicated(central, npages, align_pages, zeroed);
		if (!IS_ERR(obj))
			return obj;
		if (!may_grow)
			mheap_service_soon();
		else if ((tries < 3 || nofail) && (fits || PTR_ERR(obj) == -EDQUOT) &&
			 mcentral_make_room(central, npages, align_pages, PTR_ERR(obj)) &&
			 tries < 3)
			continue;
		if (!nofail)
			return obj;
		schedule_timeout_uninterruptible(HZ / 50 + 1);
	}
}

/*
 * In steps: nobody shall wait for the CPU until many MiB are zero (Go issue
 * 31222). Page by page, for which CPUs without a fast memset() have a faster way.
 */
void zero_large(void *obj, size_t size, bool may_block)
{
	size_t done;

	for (done = 0; done < size; done += PAGE_SIZE) {
		clear_page(obj + done);
		if (may_block && !(done % SZ_256K))
			cond_resched();
	}
}

/* @npages, of which the guard is one if there is one; NULL if they cannot be had. */
static void *large_pages(struct mcentral *central, size_t npages, u32 align_pages, gfp_t gfp,
			 bool *zeroed)
{
	void *obj = mcache_alloc_large(central, npages, align_pages);

	if (likely(obj))
		return obj;
	if (npages <= MCACHE_LARGE_PAGES && !in_nmi())
		mcache_want(central, gfp);
	obj = ERR_PTR(-ENOMEM);
	if (fits_arena(npages, align_pages))
		obj = mheap_alloc_large(central, npages, align_pages, zeroed);
	if (IS_ERR(obj) && npages <= U32_MAX / 2 && !in_nmi())
		obj = large_slow(central, npages, align_pages, gfp, zeroed);
	if (IS_ERR(obj))
		return NULL;
	mheap_watermark();
	return obj;
}

/* To be debugged, if its heap is; NULL if that cannot be, and an ordinary one may do. */
static noinline void *alloc_large_debug(struct goalloc_heap *heap, size_t size, gfp_t gfp,
					bool noscan)
{
	size_t npages = goalloc_large_pages(debug_total(heap, size));
	size_t bytes = npages << GOALLOC_PAGE_SHIFT;
	struct span_debug *track;
	struct mcentral *central;
	bool zeroed = false;
	void *obj;

	if (!READ_ONCE(heap->debug))
		return NULL;
	central = mcentral_get(heap, noscan, gfp);
	track = central ? span_debug_alloc(1, bytes, gfp) : NULL;
	if (!track)
		return NULL;
	obj = large_pages(central, npages + mcentral_guard(central), goalloc_large_align(size),
			  gfp & ~__GFP_NOFAIL, &zeroed);
	if (!obj) {
		kfree(track);
		return NULL;
	}
	track_alloc(central, obj, bytes, gfp);
	debug_adopt_large(obj, track, size, gfp, zeroed);
	return obj;
}

static noinline void *alloc_large(struct goalloc_heap *heap, size_t size, gfp_t gfp, bool noscan)
{
	size_t npages = goalloc_large_pages(size), bytes = npages << GOALLOC_PAGE_SHIFT;
	struct mcentral *central;
	bool zeroed = false;
	void *obj;

	if (READ_ONCE(heap->dying))
		return NULL;
	central = READ_ONCE(heap->central[noscan]);
	if (unlikely(!central)) {
		if (heap->flags & GOALLOC_HEAP_GC)
			return refuse_managed(heap);
		obj = alloc_large_debug(heap, size, gfp, noscan);
		if (obj)
			return obj;
		central = mcentral_get(heap, noscan, gfp);
		if (!central)
			goto fail;
	}
	obj = large_pages(central, npages + mcentral_guard(central), goalloc_large_align(size),
			  gfp, &zeroed);
	if (!obj)
		goto fail;
	track_alloc(central, obj, bytes, gfp);
	if (!zeroed && want_init_on_alloc(gfp))
		zero_large(obj, bytes, gfpflags_allow_blocking(gfp));
	track_bounds(obj, size, bytes);
	return obj;
fail:
	report_no_memory(central, bytes, gfp);
	return NULL;
}

/* The first of its span class in the heap, or one to be debugged. */
static noinline void *alloc_first(struct goalloc_heap *heap, size_t size,
				  unsigned int spanclass, gfp_t gfp)
{
	struct mcentral *central;
	void *obj;

	if (heap->flags & GOALLOC_HEAP_GC)
		return refuse_managed(heap);
	if (READ_ONCE(heap->debug)) {
		size_t total = debug_total(heap, size);

		if (total > GOALLOC_MAX_SMALL)
			obj = alloc_large_debug(heap, size, gfp, spanclass & 1);
		else
			obj = debug_alloc(debug_central(heap, total, spanclass & 1, gfp), size,
					  gfp);
		if (obj)
			return obj;
	}
	central = mcentral_get(heap, spanclass, gfp);
	obj = central ? mcache_alloc_slow(central, gfp) : NULL;
	if (obj)
		track_bounds(obj, size, central->elemsize);
	return obj;
}

static __always_inline void *class_alloc(struct goalloc_heap *heap, size_t size,
					 unsigned long spanclass, gfp_t gfp)
{
	struct mcentral *central = READ_ONCE(heap->central[spanclass]);
	void *obj;

	if (unlikely(!central))
		return alloc_first(heap, size, spanclass, gfp);
	obj = mcache_alloc(central, gfp);
	if (GOALLOC_KASAN_FREE && obj)
		track_bounds(obj, size, central->elemsize);
	return obj;
}

/* Inlined into what the API exports, whose caller _RET_IP_ is. */
static __always_inline void *heap_alloc(struct goalloc_heap *heap, size_t size, gfp_t gfp,
					bool noscan)
{
	goalloc_might_alloc(gfp);
	if (unlikely(gfp & GOALLOC_GFP_BAD))
		return refuse_gfp(NULL, _RET_IP_);
	/* Both ends at once: 0 is the largest of all here. */
	if (unlikely(size - 1 >= GOALLOC_MAX_SMALL))
		return size ? alloc_large(heap, size, gfp, noscan) : ZERO_SIZE_PTR;

	return class_alloc(heap, size, goalloc_size_to_class(size) << 1 | noscan, gfp);
}

void *__goalloc_alloc(size_t size, gfp_t gfp)
{
	return heap_alloc(goalloc_default_heap, size, gfp, false);
}
EXPORT_SYMBOL_GPL(__goalloc_alloc);

/*
 * For goalloc_alloc() of a size that the compiler knows, and checks accesses
 * against, with flags that it knows to be good.
 */
void *__goalloc_alloc_class(size_t size, unsigned long spanclass, gfp_t gfp)
{
	goalloc_might_alloc(gfp);
	return class_alloc(goalloc_default_heap, size, spanclass, gfp);
}
EXPORT_SYMBOL_GPL(__goalloc_alloc_class);

/**
 * goalloc_alloc_noscan() - allocate memory that will hold no pointers
 * @size: bytes
 * @gfp: as for goalloc_alloc()
 *
 * "No pointers" means to goalloc objects; kmemleak and the leak report skip it.
 *
 * Context: as for goalloc_alloc().
 * Return: the object, or NULL.
 */
void *goalloc_alloc_noscan(size_t size, gfp_t gfp)
{
	return heap_alloc(goalloc_default_heap, size, gfp, true);
}
EXPORT_SYMBOL_GPL(goalloc_alloc_noscan);

/**
 * goalloc_heap_alloc() - allocate memory from a heap
 * @heap: the heap
 * @size: bytes
 * @gfp: as for goalloc_alloc()
 *
 * Context: as for goalloc_alloc().
 * Return: the object, or NULL, also if the heap is at its limit.
 */
void *goalloc_heap_alloc(struct goalloc_heap *heap, size_t size, gfp_t gfp)
{
	return heap_alloc(heap, size, gfp, false);
}
EXPORT_SYMBOL_GPL(goalloc_heap_alloc);

/**
 * goalloc_heap_alloc_noscan() - allocate memory that will hold no pointers from a heap
 * @heap: the heap
 * @size: bytes
 * @gfp: as for goalloc_alloc()
 *
 * Context: as for goalloc_alloc().
 * Return: the object, or NULL.
 */
void *goalloc_heap_alloc_noscan(struct goalloc_heap *heap, size_t size, gfp_t gfp)
{
	return heap_alloc(heap, size, gfp, true);
}
EXPORT_SYMBOL_GPL(goalloc_heap_alloc_noscan);

/**
 * goalloc_alloc_bulk() - allocate several objects of one size from the default heap
 * @size: bytes of each; not 0
 * @gfp: as for goalloc_alloc()
 * @nr: how many
 * @objs: where they go
 *
 * All or nothing, as kmem_cache_alloc_bulk().
 *
 * Context: as for goalloc_alloc().
 * Return: @nr, or 0.
 */
int goalloc_alloc_bulk(size_t size, gfp_t gfp, size_t nr, void **objs)
{
	struct mcentral *central;
	size_t i;

	goalloc_might_alloc(gfp);
	if (!size || nr > INT_MAX)
		return 0;
	if (gfp & GOALLOC_GFP_BAD) {
		refuse_gfp(NULL, _RET_IP_);
		return 0;
	}
	if (size <= GOALLOC_MAX_SMALL && !READ_ONCE(goalloc_default_heap->debug)) {
		central = mcentral_get(goalloc_default_heap, goalloc_size_to_class(size) << 1,
				       gfp);
		if (!central || !goalloc_bulk(central, gfp, nr, objs))
			return 0;
		for (i = 0; GOALLOC_KASAN_FREE && i < nr; i++)
			track_bounds(objs[i], size, central->elemsize);
		return nr;
	}

	for (i = 0; i < nr; i++) {
		objs[i] = heap_alloc(goalloc_default_heap, size, gfp, false);
		if (!objs[i]) {
			goalloc_free_bulk(i, objs);
			return 0;
		}
	}
	return nr;
}
EXPORT_SYMBOL_GPL(goalloc_alloc_bulk);

/**
 * goalloc_bulk() - allocate several objects of one central
 * @central: the central
 * @gfp: flags, checked by the caller
 * @nr: how many, up to INT_MAX
 * @objs: where they go
 *
 * Context: as @gfp says.
 * Return: @nr, or 0.
 */
int goalloc_bulk(struct mcentral *central, gfp_t gfp, size_t nr, void **objs)
{
	bool dirty = false;
	u32 size = central->objsize;
	unsigned int n, i;

	if (READ_ONCE(central->debug)) {
		for (n = 0; n < nr; n++) {
			objs[n] = mcache_alloc_slow(central, gfp);
			if (!objs[n]) {
				while (n)
					goalloc_unalloc(objs[--n]);
				return 0;
			}
		}
		return n;
	}
	n = mcache_alloc_bulk(central, gfp, nr, objs, &dirty);
	for (i = 0; i < n; i++)
		goalloc_track_alloc(central, objs[i], gfp);
	if (n == nr) {
		if (dirty && want_zero(central, gfp))
			for (i = 0; i < n; i++)
				zero_object(objs[i], size);
		for (i = 0; GOALLOC_KASAN_FREE && central->cache && i < n; i++)
			track_bounds(objs[i], central->cache->size, central->elemsize);
		return n;
	}
	for (i = 0; i < n; i++)
		goalloc_unalloc(objs[i]);
	return 0;
}

/**
 * goalloc_size() - bytes that may be used at an object
 * @obj: a live object, NULL or ZERO_SIZE_PTR
 *
 * Unlike ksize() this is sanctioned: all of the slot is the caller's from now on. Under
 * KASAN or debugging what lies behind the bytes that were asked for is not before.
 *
 * Context: any.
 * Return: its slot's size, at least what was asked for; 0 for NULL and for what
 * is not an object, which is reported.
 */
size_t goalloc_size(const void *obj)
{
	enum goalloc_misuse kind;
	struct object_info info;

	if (ZERO_OR_NULL_PTR(obj))
		return 0;
	if (object_lookup(obj, &info, &kind)) {
		if (info.debug)
			return debug_sanction(obj);
		/* For KASAN the rest of the slot was not the caller's until now. */
		track_bounds(obj, info.size, info.size);
		return info.size;
	}
	report_misuse(kind, obj, NULL, _RET_IP_);
	return 0;
}
EXPORT_SYMBOL_GPL(goalloc_size);

/**
 * goalloc_size_roundup() - what goalloc_size() would say of a request
 * @size: bytes
 *
 * For who asks for that many, or asks goalloc_size() before using them.
 *
 * Context: any.
 * Return: bytes, at least @size.
 */
size_t goalloc_size_roundup(size_t size)
{
	size_t npages;

	if (!size)
		return 0;
	if (size <= GOALLOC_MAX_SMALL)
		return goalloc_class_size[goalloc_size_to_class(size)];
	npages = goalloc_large_pages(size);
	return npages > SIZE_MAX >> GOALLOC_PAGE_SHIFT ? size : npages << GOALLOC_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(goalloc_size_roundup);

/**
 * goalloc_realloc() - resize an object
 * @obj: a live general object of any heap, or NULL or ZERO_SIZE_PTR
 * @size: bytes; 0 frees @obj
 * @gfp: as for goalloc_alloc()
 *
 * The contents stay up to the smaller of both sizes; the object stays in its
 * heap and stays noscan. With __GFP_ZERO, added bytes are zero if every call
 * for this object, the first included, had it: krealloc()'s rule. An object of
 * a named cache has one size for life: refused and reported.
 *
 * Context: as for goalloc_alloc().
 * Return: the object, perhaps moved, or NULL, and then @obj is as it was;
 * ZERO_SIZE_PTR if @size is 0.
 */
void *goalloc_realloc(const void *obj, size_t size, gfp_t gfp)
{
	enum goalloc_misuse kind;
	struct object_info info;
	void *new;

	if (ZERO_OR_NULL_PTR(obj))
		return heap_alloc(goalloc_default_heap, size, gfp, false);
	if (!size) {
		goalloc_free(obj);
		return ZERO_SIZE_PTR;
	}
	if (!object_lookup(obj, &info, &kind)) {
		report_misuse(kind, obj, NULL, _RET_IP_);
		return NULL;
	}
	if (info.cache || info.heap->flags & GOALLOC_HEAP_GC) {
		report_misuse(MISUSE_REALLOC, obj, NULL, _RET_IP_);
		return NULL;
	}
	/* In place nothing else would look at them. */
	if (gfp & GOALLOC_GFP_BAD)
		return refuse_gfp(NULL, _RET_IP_);

	/* In place if it fits and keeps its alignment, and not half would be wasted. */
	if (size <= info.size && !info.debug && goalloc_size_roundup(size) > info.size / 2 &&
	    IS_ALIGNED((unsigned long)obj, goalloc_align(size))) {
		track_bounds(obj, info.size, info.size);
		if (want_init_on_alloc(gfp))
			memset((void *)obj + size, 0, info.size - size);
		track_bounds(obj, size, info.size);
		return (void *)obj;
	}

	new = heap_alloc(info.heap, size, gfp, info.noscan);
	if (!new)
		return NULL;
	if (!info.debug)
		track_bounds(obj, info.size, info.size);
	memcpy(new, obj, min(size, info.size));
	goalloc_free(obj);
	return new;
}
EXPORT_SYMBOL_GPL(goalloc_realloc);

/**
 * goalloc_memdup() - duplicate a region of memory into the default heap
 * @src: the region
 * @len: its bytes
 * @gfp: as for goalloc_alloc()
 *
 * Context: as for goalloc_alloc().
 * Return: the copy, or NULL.
 */
void *goalloc_memdup(const void *src, size_t len, gfp_t gfp)
{
	void *obj = heap_alloc(goalloc_default_heap, len, gfp, false);

	if (!ZERO_OR_NULL_PTR(obj))
		memcpy(obj, src, len);
	return obj;
}
EXPORT_SYMBOL_GPL(goalloc_memdup);

/**
 * goalloc_strdup() - duplicate a string into the default heap
 * @s: the string, or NULL
 * @gfp: as for goalloc_alloc()
 *
 * Context: as for goalloc_alloc().
 * Return: the copy, or NULL.
 */
char *goalloc_strdup(const char *s, gfp_t gfp)
{
	size_t len = s ? strlen(s) + 1 : 0;
	char *obj;

	if (!s)
		return NULL;
	obj = heap_alloc(goalloc_default_heap, len, gfp, true);
	if (obj)
		memcpy(obj, s, len);
	return obj;
}
EXPORT_SYMBOL_GPL(goalloc_strdup);

/**
 * goalloc_contains() - whether an address is goalloc's
 * @addr: any address
 *
 * Unlike goalloc_owner() it does not ask whether there is an object, so that a bad
 * pointer into goalloc's memory still reaches goalloc_free(), and is reported.
 *
 * Context: any.
 * Return: whether it is in an arena.
 */
bool goalloc_contains(const void *addr)
{
	bool ours;

	preempt_disable();
	ours = arena_of((unsigned long)addr);
	preempt_enable();
	return ours;
}
EXPORT_SYMBOL_GPL(goalloc_contains);

/**
 * goalloc_owner() - the heap of an object
 * @addr: an address inside a live object, or any other
 *
 * Context: any.
 * Return: the heap, or NULL if @addr is not in a live object.
 */
struct goalloc_heap *goalloc_owner(const void *addr)
{
	enum goalloc_misuse kind;
	struct object_info info;

	return object_containing(addr, &info, &kind) ? info.heap : NULL;
}
EXPORT_SYMBOL_GPL(goalloc_owner);

/**
 * goalloc_mempool_alloc_cache() - a mempool's alloc function for a cache
 * @gfp: the mempool's
 * @pool_data: the struct goalloc_cache
 *
 * Context: as for goalloc_cache_alloc().
 * Return: an object of the cache, or NULL.
 */
void *goalloc_mempool_alloc_cache(gfp_t gfp, void *pool_data)
{
	return goalloc_cache_alloc(pool_data, gfp);
}
EXPORT_SYMBOL_GPL(goalloc_mempool_alloc_cache);

/**
 * goalloc_mempool_free_cache() - a mempool's free function for a cache
 * @element: an object of the cache
 * @pool_data: the struct goalloc_cache
 *
 * Context: any.
 */
void goalloc_mempool_free_cache(void *element, void *pool_data)
{
	goalloc_cache_free(pool_data, element);
}
EXPORT_SYMBOL_GPL(goalloc_mempool_free_cache);

/**
 * goalloc_mempool_alloc() - a mempool's alloc function for one size
 * @gfp: the mempool's
 * @pool_data: the size in bytes
 *
 * Context: as for goalloc_alloc().
 * Return: an object of the default heap, or NULL.
 */
void *goalloc_mempool_alloc(gfp_t gfp, void *pool_data)
{
	return goalloc_alloc((size_t)pool_data, gfp);
}
EXPORT_SYMBOL_GPL(goalloc_mempool_alloc);

/**
 * goalloc_mempool_free() - a mempool's free function for one size
 * @element: an object of the default heap
 * @pool_data: the size in bytes
 *
 * Context: any.
 */
void goalloc_mempool_free(void *element, void *pool_data)
{
	goalloc_free(element);
}
EXPORT_SYMBOL_GPL(goalloc_mempool_free);
