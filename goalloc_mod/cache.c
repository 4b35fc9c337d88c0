// SPDX-License-Identifier: GPL-2.0
/*
 * Named caches: a span class for objects of one kind, with a central and CPU
 * slots of its own. Freeing is in mfree.c. A cache is on its heap's list under
 * heaps_lock; its geometry never changes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "debug.h"
#include "callback.h"
#include "malloc.h"
#include "mcache.h"

#define CACHE_MAX_SIZE (4U << 20)
#define CACHE_MAX_ALIGN (4U << 20)

static const char *bad_args(const char *name, unsigned int size,
			    const struct goalloc_cache_args *args, unsigned long flags)
{
	if (!goalloc_name_ok(name))
		return "a name has 1 to 47 letters, digits and _.-";
	if (!size || size > CACHE_MAX_SIZE)
		return "the size must be 1 to 4194304 bytes";
	if (args->align && (!is_power_of_2(args->align) || args->align > CACHE_MAX_ALIGN))
		return "the alignment must be a power of two, up to 4194304";
	if (flags & ~GOALLOC_CACHE_FLAGS_MASK)
		return "unknown flags";
	if (args->useroffset > size || args->usersize > size - args->useroffset)
		return "the usercopy range leaves the object";
	if (args->useroffset && !args->usersize)
		return "a usercopy range needs a size";
	if (args->usersize && flags & GOALLOC_NO_USERCOPY)
		return "a usercopy range, and none";
	return NULL;
}

/* As SLUB does it: small objects share a line, but none straddles one. */
static unsigned int cache_align(unsigned int size, unsigned int align, unsigned long flags)
{
	unsigned int line = cache_line_size();

	if (flags & GOALLOC_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max(align, 8U);
}

/* Go's rule for a span: the fewest pages that waste no more than an eighth. */
void cache_geometry(struct mcentral *central, u32 size, u32 align)
{
	u32 elemsize = ALIGN(size, align);
	u32 npages = max_t(u32, DIV_ROUND_UP(elemsize, GOALLOC_PAGE_SIZE), 1);
	u32 bytes;

	if (elemsize <= GOALLOC_MAX_SMALL)
		while ((npages << GOALLOC_PAGE_SHIFT) % elemsize >
		       npages << GOALLOC_PAGE_SHIFT >> 3)
			npages++;
	bytes = npages << GOALLOC_PAGE_SHIFT;

	central->elemsize = elemsize;
	central->objsize = ALIGN(size, 8);
	central->npages = npages + mcentral_guard(central);
	central->align_pages = max_t(u32, align >> GOALLOC_PAGE_SHIFT, 1);
	central->nelems = min_t(u32, bytes / elemsize, MSPAN_MAX_ELEMS);
	/* With one slot there is nothing to divide; large sizes are not exact. */
	central->divmul = elemsize <= GOALLOC_MAX_SMALL ? goalloc_divmul(elemsize) : 0;
	if (npages <= MCACHE_SPAN_PAGES)
		central->flags |= MCENTRAL_PERCPU;
}

static struct goalloc_cache *find_cache(struct goalloc_heap *heap, const char *name)
{
	struct goalloc_cache *cache;

	list_for_each_entry(cache, &heap->caches, node)
		if (!strcmp(cache->name, name))
			return cache;
	return NULL;
}

static const char no_heap[] = "there is no such heap, or it is being destroyed";

/* Put a new cache on the list of its heap, or say why not; heaps_lock is held. */
static int join_heap(struct goalloc_cache *cache, const char **why)
{
	struct goalloc_heap *heap = cache->central.heap;

	/* Another may be at its address. */
	if (!heap_exists(heap) || heap->id != cache->central.heap_id) {
		*why = no_heap;
		return -EINVAL;
	}
	if (find_cache(heap, cache->name)) {
		*why = "the heap has one of that name already";
		return -EEXIST;
	}
	debug_join_cache(cache);
	list_add_tail(&cache->node, &heap->caches);
	return 0;
}

/* Make a cache; with @type for single objects of a managed heap. */
struct goalloc_cache *cache_create(const char *name, unsigned int size,
				   const struct goalloc_cache_args *args, unsigned long flags,
				   struct goalloc_gc_type *type)
{
	static const struct goalloc_cache_args no_args;
	struct goalloc_cache *cache;
	struct goalloc_heap *heap;
	const char *why;
	int err = -EINVAL;

	args = args ?: &no_args;
	heap = args->heap ?: goalloc_default_heap;
	why = bad_args(name, size, args, flags);
	if (why)
		goto fail;

	mutex_lock(&heaps_lock);
	if (!heap_exists(heap))
		why = no_heap;
	else if (heap->flags & GOALLOC_HEAP_GC && !type)
		why = "its heap is managed: goalloc_gc_type_create()";
	mutex_unlock(&heaps_lock);
	if (why)
		goto fail;

	err = -ENOMEM;
	why = "no memory";
	cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		goto fail;
	strscpy(cache->name, name, sizeof(cache->name));
	cache->size = size;
	cache->align = cache_align(size, args->align, flags);
	cache->useroffset = args->useroffset;
	cache->usersize = args->usersize;
	if (!args->usersize && !(flags & GOALLOC_NO_USERCOPY))
		cache->usersize = size;
	cache->ctor = args->ctor;
	cache->dtor = args->dtor;
	mcentral_init(&cache->central, heap, !!(flags & GOALLOC_NOSCAN));
	cache->central.cache = cache;
	cache_geometry(&cache->central, size, cache->align);
	if (args->ctor)
		cache->central.flags |= MCENTRAL_CTOR;
	if (args->dtor)
		cache->central.flags |= MCENTRAL_DTOR;
	if (flags & GOALLOC_TYPESAFE_BY_RCU)
		cache->central.flags |= MCENTRAL_KEEP;
	if (flags & GOALLOC_TYPE_STABLE)
		cache->central.flags |= MCENTRAL_STABLE;
	if (type)
		cache->central.flags |= MCENTRAL_GC;
	cache->central.type = type;
	mcache_install(&cache->central);
	debug_prepare_cache(cache);

	mutex_lock(&heaps_lock);
	err = join_heap(cache, &why);
	mutex_unlock(&heaps_lock);
	if (!err)
		return cache;
	mcache_uninstall(&cache->central);
	kfree(cache->debugged);
	kfree(cache);
fail:
	if (flags & GOALLOC_PANIC)
		panic("goalloc: cache %s: %s\n", name ?: "(null)", why);
	pr_err("cache %s: %s\n", name ?: "(null)", why);
	return ERR_PTR(err);
}

/**
 * goalloc_cache_create() - make a cache for objects of one kind
 * @name: shown in debugfs and in reports; unique within the heap
 * @size: bytes of an object, up to 4 MiB
 * @args: uncommon properties, or NULL for none
 * @flags: GOALLOC_HWCACHE_ALIGN and others
 *
 * The cache gets spans of its own and is never merged with another, so its
 * memory is type-stable, and a free to the wrong cache is seen.
 * GOALLOC_TYPESAFE_BY_RCU is what every cache does anyway: no page of it serves
 * another class or cache until a grace period after its last object was freed.
 * The flag adds that contents survive a free, as SLAB_TYPESAFE_BY_RCU has it.
 * GOALLOC_TYPE_STABLE goes further: what was an object of the cache is never anything
 * else until the cache is destroyed, whatever stale pointers there are. Its memory
 * never shrinks, and counts towards the limit of its heap.
 *
 * Context: may sleep.
 * Return: the cache, or an error pointer: -EINVAL, -EEXIST, -ENOMEM.
 */
struct goalloc_cache *goalloc_cache_create(const char *name, unsigned int size,
					   const struct goalloc_cache_args *args,
					   unsigned long flags)
{
	return cache_create(name, size, args, flags, NULL);
}
EXPORT_SYMBOL_GPL(goalloc_cache_create);

/* Its spans have been killed, and it is not on a list that others look at. */
void cache_free(struct goalloc_cache *cache)
{
	if (cache->debugged)
		mcentral_free(cache->debugged);
	kfree(cache->debugged);
	mcentral_free(&cache->central);
	kfree(cache);
}

/* What is not counted anywhere else once the cache has gone. */
static void keep_counts(struct goalloc_cache *cache)
{
	struct mcentral *central = &cache->central;
	u64 nalloc = central->nalloc;
	int cpu;

	if (central->slots != mcache_dummy)
		for_each_possible_cpu(cpu)
			nalloc += per_cpu_ptr(central->slots, cpu)->nalloc;
	if (cache->debugged)
		nalloc += cache->debugged->nalloc;
	central->heap->gone_allocs += nalloc;
}

/* Of several who destroy a cache one succeeds, unless its heap goes already. */
static bool start_to_die(struct goalloc_cache *cache)
{
	struct goalloc_heap *heap;
	struct goalloc_cache *c;
	bool ok = false;

	mutex_lock(&heaps_lock);
	list_for_each_entry(heap, &heaps, node)
		list_for_each_entry(c, &heap->caches, node)
			if (c == cache && !c->dying && !heap->dying) {
				c->dying = true;
				ok = true;
			}
	mutex_unlock(&heaps_lock);
	return ok;
}

/**
 * goalloc_cache_destroy() - take down a cache
 * @cache: the cache, which nobody allocates from any more; NULL does nothing
 *
 * What is no cache, or no longer, is refused; so is a call from a ctor or dtor.
 * Waits for objects given to goalloc_free_rcu(). Objects that are still live
 * are listed in the log and go too; no dtor runs for them.
 *
 * Context: may sleep.
 */
void goalloc_cache_destroy(struct goalloc_cache *cache)
{
	unsigned long leaked;

	if (!cache)
		return;
	/* It would wait for itself. */
	if (callback_inside(NULL)) {
		pr_err("a ctor or dtor destroys a cache; refused\n");
		return;
	}
	if (!start_to_die(cache)) {
		pr_err("there is no cache %p, or it is being destroyed; refused\n", cache);
		return;
	}
	leaked = heap_kill_spans(cache->central.heap, cache);
	if (leaked)
		pr_err("cache %s of heap %s was destroyed with %lu live objects\n", cache->name,
		       cache->central.heap->name, leaked);

	mutex_lock(&heaps_lock);
	keep_counts(cache);
	list_del(&cache->node);
	mutex_unlock(&heaps_lock);
	cache_free(cache);
}
EXPORT_SYMBOL_GPL(goalloc_cache_destroy);

/* Zeroing would undo what the ctor did once and for all. */
static __always_inline bool cache_gfp_ok(const struct goalloc_cache *cache, gfp_t gfp)
{
	if (likely(!(gfp & (GOALLOC_GFP_BAD | __GFP_ZERO))))
		return true;
	return !(gfp & GOALLOC_GFP_BAD) && !(cache->central.flags & MCENTRAL_CTOR);
}

/**
 * goalloc_cache_alloc() - allocate an object
 * @cache: of this cache
 * @gfp: as for goalloc_alloc(); __GFP_ZERO is refused if the cache has a ctor
 *
 * Context: any; may sleep if @gfp allows.
 * Return: the object, or NULL.
 */
void *goalloc_cache_alloc(struct goalloc_cache *cache, gfp_t gfp)
{
	goalloc_might_alloc(gfp);
	if (unlikely(!cache_gfp_ok(cache, gfp)))
		return refuse_gfp(cache, _RET_IP_);
	return mcache_alloc(&cache->central, gfp);
}
EXPORT_SYMBOL_GPL(goalloc_cache_alloc);

/**
 * goalloc_cache_alloc_bulk() - allocate several objects
 * @cache: of this cache
 * @gfp: as for goalloc_cache_alloc()
 * @nr: how many
 * @objs: where they go
 *
 * All or nothing, as kmem_cache_alloc_bulk().
 *
 * Context: any; may sleep if @gfp allows.
 * Return: @nr, or 0.
 */
int goalloc_cache_alloc_bulk(struct goalloc_cache *cache, gfp_t gfp, size_t nr, void **objs)
{
	goalloc_might_alloc(gfp);
	if (nr > INT_MAX)
		return 0;
	if (!cache_gfp_ok(cache, gfp)) {
		refuse_gfp(cache, _RET_IP_);
		return 0;
	}
	return goalloc_bulk(&cache->central, gfp, nr, objs);
}
EXPORT_SYMBOL_GPL(goalloc_cache_alloc_bulk);

/**
 * goalloc_cache_shrink() - give back what a cache holds and does not use
 * @cache: the cache; one that is GOALLOC_TYPE_STABLE keeps what it has
 *
 * Context: may sleep, for some grace periods.
 * Return: bytes given back to the kernel, in whole arenas.
 */
unsigned long goalloc_cache_shrink(struct goalloc_cache *cache)
{
	return mheap_shrink(cache->central.heap, cache);
}
EXPORT_SYMBOL_GPL(goalloc_cache_shrink);

/**
 * goalloc_cache_object_size() - the size that a cache was made for
 * @cache: the cache
 *
 * Context: any.
 * Return: bytes.
 */
unsigned int goalloc_cache_object_size(const struct goalloc_cache *cache)
{
	return cache->size;
}
EXPORT_SYMBOL_GPL(goalloc_cache_object_size);

/**
 * goalloc_cache_name() - the name of a cache
 * @cache: the cache
 *
 * Context: any.
 * Return: its name, good as long as the cache is.
 */
const char *goalloc_cache_name(const struct goalloc_cache *cache)
{
	return cache->name;
}
EXPORT_SYMBOL_GPL(goalloc_cache_name);
