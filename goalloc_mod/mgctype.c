// SPDX-License-Identifier: GPL-2.0
/*
 * Types of managed heaps, and allocating by them.
 *
 * A span holds objects of one type, which its central names: single objects come from a
 * named cache of the exact size, arrays of the type from centrals by size class, what is
 * larger than any class from spans with one slot. So neither objects nor arenas carry
 * pointer bits: Go needs them because a class serves all types there. What it costs is
 * a span for each type, and size class of its arrays, that is in use; what it saves is
 * 1/64 of the heap, and a lookup for each object that is scanned.
 *
 * What has no pointers comes from the heap's noscan classes, and below 16 bytes from a
 * block that several share: it lives as long as any of them does.
 *
 * heaps_lock guards the lists of types.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "malloc.h"
#include "mcache.h"
#include "mgc.h"

#define TINY_BYTES 16

/* Up to an arena less what its ends may lose. */
#define GC_MAX_PAGES ((60UL << 20) >> GOALLOC_PAGE_SHIFT)

static const char *bad_layout(const struct goalloc_heap *heap,
			      const struct goalloc_gc_layout *layout)
{
	unsigned int i, end = 0, words = layout->size / sizeof(void *);

	if (!(heap->flags & GOALLOC_HEAP_GC))
		return "its heap is not managed";
	if (layout->nptrs > words)
		return "more pointers than words";
	/* In an array every second would be out of line. */
	if (layout->nptrs && layout->size % sizeof(void *))
		return "its size is no multiple of a pointer's";
	for (i = 0; i < layout->nptrs; i++) {
		const struct goalloc_gc_ptrs *p = &layout->ptrs[i];

		if (p->first < end || !p->n || p->first + p->n > words)
			return "its pointers are not in order, or not in it";
		end = p->first + p->n;
	}
	return NULL;
}

/**
 * goalloc_gc_type_create() - make a type known to a managed heap
 * @heap: the heap
 * @layout: as GOALLOC_GC_LAYOUT() makes it; not used any more on return
 *
 * A type lives as long as its heap. debugfs shows it among the heap's caches.
 *
 * Context: may sleep.
 * Return: the type, or an error pointer: -EINVAL, -EEXIST, -ENOMEM.
 */
struct goalloc_gc_type *goalloc_gc_type_create(struct goalloc_heap *heap,
					       const struct goalloc_gc_layout *layout)
{
	struct goalloc_cache_args args = { .heap = heap, .align = layout->align };
	const char *why = bad_layout(heap, layout);
	struct goalloc_gc_type *type;
	struct goalloc_cache *cache;

	if (why) {
		pr_err("heap %s: type %s: %s\n", heap->name, layout->name, why);
		return ERR_PTR(-EINVAL);
	}
	type = kzalloc(struct_size(type, ptrs, layout->nptrs), GFP_KERNEL);
	if (!type)
		return ERR_PTR(-ENOMEM);
	type->heap = heap;
	type->size = layout->size;
	type->nptrs = layout->nptrs;
	memcpy(type->ptrs, layout->ptrs, layout->nptrs * sizeof(*type->ptrs));

	cache = cache_create(layout->name, layout->size, &args, layout->nptrs ? 0 : GOALLOC_NOSCAN,
			     type);
	if (IS_ERR(cache)) {
		kfree(type);
		return ERR_CAST(cache);
	}
	type->cache = cache;
	mutex_lock(&heaps_lock);
	list_add_tail(&type->node, &heap->gc->types);
	mutex_unlock(&heaps_lock);
	return type;
}
EXPORT_SYMBOL_GPL(goalloc_gc_type_create);

/* Those of arrays; heaps_lock is held. */
void gc_visit_types(struct gc_heap *gc, void (*fn)(struct mcentral *central, void *data),
		    void *data)
{
	struct mcentral *tiny = READ_ONCE(gc->tiny);
	struct goalloc_gc_type *type;
	unsigned int i;

	if (tiny)
		fn(tiny, data);
	list_for_each_entry(type, &gc->types, node) {
		for (i = 0; i < GOALLOC_NUM_CLASSES; i++) {
			struct mcentral *central = READ_ONCE(type->array[i]);

			if (central)
				fn(central, data);
		}
	}
}

/* The heap goes, its spans are gone; the caches of types go as all others. */
void gc_free_types(struct gc_heap *gc)
{
	struct goalloc_gc_type *type, *next;
	unsigned int i;

	if (gc->tiny)
		mcentral_free(gc->tiny);
	kfree(gc->tiny);
	list_for_each_entry_safe(type, next, &gc->types, node) {
		for (i = 0; i < GOALLOC_NUM_CLASSES; i++) {
			if (type->array[i])
				mcentral_free(type->array[i]);
			kfree(type->array[i]);
		}
		kfree(type);
	}
}

/* Whether an allocation may go on. */
static bool gc_gfp_ok(gfp_t gfp)
{
	goalloc_might_alloc(gfp);
	if (unlikely(gfp & GOALLOC_GFP_BAD)) {
		refuse_gfp(NULL, _RET_IP_);
		return false;
	}
	return !unlikely(in_nmi());
}

static void *alloc_large(struct mcentral *central, size_t size, gfp_t gfp)
{
	size_t npages = goalloc_large_pages(size);
	bool dirty = false;
	void *obj;

	if (npages > GC_MAX_PAGES)
		return NULL;
	obj = mcentral_alloc_large(central, npages + mcentral_guard(central), gfp, &dirty);
	if (!obj)
		return NULL;
	track_alloc(central, obj, npages << GOALLOC_PAGE_SHIFT, gfp);
	if (dirty)
		zero_large(obj, npages << GOALLOC_PAGE_SHIFT, gfpflags_allow_blocking(gfp));
	track_bounds(obj, size, npages << GOALLOC_PAGE_SHIFT);
	return obj;
}

/* From the central at @at, of objects with pointers of @type, or without any. */
static void *alloc_at(struct mcentral **at, struct goalloc_heap *heap,
		      struct goalloc_gc_type *type, size_t size, unsigned int class, gfp_t gfp)
{
	unsigned int spanclass = class << 1 | (type && type->nptrs ? 0 : 1);
	struct mcentral *central;
	void *obj;

	central = mcentral_get_at(at, heap, spanclass, gfp, MCENTRAL_GC, type);
	if (!central)
		return NULL;
	if (!class)
		return alloc_large(central, size, gfp);
	obj = mcache_alloc(central, gfp | __GFP_ZERO);
	if (obj)
		track_bounds(obj, size, central->elemsize);
	return obj;
}

/**
 * goalloc_gc_alloc() - allocate a managed object
 * @type: its type
 * @gfp: as for goalloc_alloc(); it is always zero
 *
 * It goes some time after the section, unless it is reachable then.
 *
 * Context: any but NMI, in a section; may sleep if @gfp allows.
 * Return: the object, or NULL.
 */
void *goalloc_gc_alloc(struct goalloc_gc_type *type, gfp_t gfp)
{
	if (!gc_gfp_ok(gfp))
		return NULL;
	return mcache_alloc(&type->cache->central, gfp | __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(goalloc_gc_alloc);

/**
 * goalloc_gc_alloc_array() - allocate a managed array
 * @type: of its elements
 * @n: how many; not 0
 * @gfp: as for goalloc_gc_alloc()
 *
 * Context: as for goalloc_gc_alloc().
 * Return: the array, or NULL, also if it would be larger than 60 MiB.
 */
void *goalloc_gc_alloc_array(struct goalloc_gc_type *type, size_t n, gfp_t gfp)
{
	size_t size = array_size(n, type->size);
	unsigned int class;

	if (!gc_gfp_ok(gfp) || !n || size == SIZE_MAX)
		return NULL;
	class = size <= GOALLOC_MAX_SMALL ? goalloc_size_to_class(size) : 0;
	return alloc_at(&type->array[class], type->heap, type, size, class, gfp);
}
EXPORT_SYMBOL_GPL(goalloc_gc_alloc_array);

/* A part of the CPU's block, if it has room; preemption is off. */
static void *take_tiny(struct gc_heap *gc, size_t size)
{
	size_t align = size & 7 ? size & 3 ? size & 1 ? 1 : 2 : 4 : 8;
	struct gc_cpu *cpu;
	unsigned long flags;
	void *obj = NULL;

	local_irq_save(flags);
	cpu = this_cpu_ptr(gc->cpu);
	/* In another phase it may not be as black as it was. */
	if (cpu->tiny && cpu->tiny_word == gc_word(gc->heap)) {
		unsigned int skip = TINY_BYTES - cpu->tiny_left;

		skip = ALIGN(skip, align);
		if (skip + size <= TINY_BYTES) {
			obj = (void *)(cpu->tiny + skip);
			cpu->tiny_left = TINY_BYTES - skip - size;
		}
	}
	local_irq_restore(flags);
	return obj;
}

/*
 * A new block, of which @used bytes are in use, replaces the CPU's if it has more left.
 * @word is of before it was allocated.
 */
static void keep_tiny(struct gc_heap *gc, void *block, unsigned int used, unsigned long word)
{
	struct gc_cpu *cpu;
	unsigned long flags;

	local_irq_save(flags);
	/*
	 * It may come from before this CPU's visit, white, and parts of it go to sections
	 * that began after that. In the other phases it cannot.
	 */
	if (gc_phase(gc_word(gc->heap)) == GC_MARK)
		gc_shade(gc, (unsigned long)block);
	cpu = this_cpu_ptr(gc->cpu);
	if (cpu->tiny_word != word || cpu->tiny_left < TINY_BYTES - used) {
		cpu->tiny_word = word;
		cpu->tiny = (unsigned long)block;
		cpu->tiny_left = TINY_BYTES - used;
	}
	local_irq_restore(flags);
}

/**
 * goalloc_gc_alloc_noscan() - allocate managed memory that will hold no managed pointers
 * @heap: a managed heap
 * @size: bytes; not 0
 * @gfp: as for goalloc_gc_alloc()
 *
 * What is under 16 bytes is aligned as a power of two that divides @size, up to 8, and
 * shares a block with others of its kind: to free it by hand, or to ask for its size, is
 * refused.
 *
 * Context: as for goalloc_gc_alloc().
 * Return: the object, or NULL, also if it would be larger than 60 MiB.
 */
void *goalloc_gc_alloc_noscan(struct goalloc_heap *heap, size_t size, gfp_t gfp)
{
	bool tiny = size < TINY_BYTES;
	unsigned long word = gc_word(heap);
	unsigned int class;
	void *obj;

	if (!gc_gfp_ok(gfp) || !size)
		return NULL;
	if (!gc_heap_of(heap))
		return NULL;
	if (tiny) {
		obj = take_tiny(heap->gc, size);
		if (obj)
			return obj;
	}
	class = size > GOALLOC_MAX_SMALL ? 0 : goalloc_size_to_class(tiny ? TINY_BYTES : size);
	obj = alloc_at(tiny ? &heap->gc->tiny : &heap->plain[class << 1 | 1], heap, NULL,
		       tiny ? TINY_BYTES : size, class, gfp);
	if (obj && tiny)
		keep_tiny(heap->gc, obj, size, word);
	return obj;
}
EXPORT_SYMBOL_GPL(goalloc_gc_alloc_noscan);
