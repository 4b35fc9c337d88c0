/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc's managed heaps: objects that nobody frees.
 *
 * A heap made with GOALLOC_HEAP_GC reclaims what cannot be reached from its roots,
 * cycles included, while its users go on. They keep three rules:
 *
 *  - what touches managed objects runs in a section: goalloc_gc_lock() to
 *    goalloc_gc_unlock(). It may sleep, and may be entered in a softirq or a hardirq.
 *    An object that was not stored anywhere is gone some time after the section.
 *  - pointers to managed objects are stored with goalloc_gc_assign(), into objects
 *    and into roots, the first time included, and read with goalloc_gc_load().
 *  - what is to stay is reachable from a root: a registered slot or range, or a handle.
 *
 * The kernel-doc stands with the definitions; Documentation/gc.rst explains.
 */
#ifndef _LINUX_GOALLOC_GC_H
#define _LINUX_GOALLOC_GC_H

#include <linux/goalloc.h>

struct goalloc_gc_type;
struct goalloc_gc_handle;
struct goalloc_gc_weak;

/* Sparse: a pointer to a managed object is loaded and stored by the functions below. */
#ifdef __CHECKER__
#define __gc __attribute__((noderef, address_space(__gc)))
#else
#define __gc
#endif

/* The part of a heap that inline functions look at; its first member. */
struct goalloc_gc_word {
	unsigned long word; /* generation << 2 | phase */
};

#define GOALLOC_GC_MARK 1UL /* the phase in which stores tell the collector */

/**
 * struct goalloc_gc_ptrs - some pointers of a type, next to each other
 * @first: offset of the first, in words
 * @n: how many
 */
struct goalloc_gc_ptrs {
	u16 first;
	u16 n;
};

/**
 * struct goalloc_gc_layout - where the managed pointers of a type are
 * @name: shown in debugfs; unique within a heap
 * @size: bytes
 * @align: alignment in bytes
 * @nptrs: elements of @ptrs; 0 if the type has no managed pointers
 * @ptrs: in ascending order
 *
 * Made by GOALLOC_GC_LAYOUT().
 */
struct goalloc_gc_layout {
	const char *name;
	unsigned int size;
	unsigned int align;
	unsigned int nptrs;
	const struct goalloc_gc_ptrs *ptrs;
};

#define __GOALLOC_GC_PTRS(__type, __member)                                    \
	{                                                                      \
		.first = offsetof(__type, __member) / sizeof(void *) +         \
			 BUILD_BUG_ON_ZERO(offsetof(__type, __member) %        \
					   sizeof(void *)) +                   \
			 BUILD_BUG_ON_ZERO(sizeof(__type) >                    \
					   U16_MAX * sizeof(void *)),          \
		.n = sizeof_field(__type, __member) / sizeof(void *) +         \
		     BUILD_BUG_ON_ZERO(sizeof_field(__type, __member) %        \
				       sizeof(void *)),                        \
	},

#define __GOALLOC_GC_1(t, m)	  __GOALLOC_GC_PTRS(t, m)
#define __GOALLOC_GC_2(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_1(t, __VA_ARGS__)
#define __GOALLOC_GC_3(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_2(t, __VA_ARGS__)
#define __GOALLOC_GC_4(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_3(t, __VA_ARGS__)
#define __GOALLOC_GC_5(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_4(t, __VA_ARGS__)
#define __GOALLOC_GC_6(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_5(t, __VA_ARGS__)
#define __GOALLOC_GC_7(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_6(t, __VA_ARGS__)
#define __GOALLOC_GC_8(t, m, ...) __GOALLOC_GC_PTRS(t, m) __GOALLOC_GC_7(t, __VA_ARGS__)
#define __GOALLOC_GC_0(t)

/**
 * GOALLOC_GC_LAYOUT() - describe a struct that has managed pointers
 * @__name: of the variable, a static const struct goalloc_gc_layout
 * @__type: the struct; its name is the type's
 * @...: its members that are managed pointers, or arrays of them, in the order in
 *	which they are declared: up to 8, which may be none
 */
#define GOALLOC_GC_LAYOUT(__name, __type, ...)                                 \
	static const struct goalloc_gc_ptrs __name##_ptrs[] = {                \
		CONCATENATE(__GOALLOC_GC_, COUNT_ARGS(__VA_ARGS__))            \
		(__type, ##__VA_ARGS__)                                        \
	};                                                                     \
	static const struct goalloc_gc_layout __name = {                       \
		.name = __stringify(__name),                                   \
		.size = sizeof(__type),                                        \
		.align = __alignof__(__type),                                  \
		.nptrs = ARRAY_SIZE(__name##_ptrs),                            \
		.ptrs = __name##_ptrs,                                         \
	}

struct goalloc_gc_type *goalloc_gc_type_create(struct goalloc_heap *heap,
					       const struct goalloc_gc_layout *layout);

/* Allocation, in a section. Objects are zero, and go when they are not reachable. */
void *goalloc_gc_alloc(struct goalloc_gc_type *type, gfp_t gfp);
void *goalloc_gc_alloc_array(struct goalloc_gc_type *type, size_t n, gfp_t gfp);
void *goalloc_gc_alloc_noscan(struct goalloc_heap *heap, size_t size, gfp_t gfp);

/* Sections. */
int goalloc_gc_lock(struct goalloc_heap *heap);
void goalloc_gc_unlock(struct goalloc_heap *heap, int section);

DEFINE_LOCK_GUARD_1(goalloc_gc, struct goalloc_heap,
		    _T->section = goalloc_gc_lock(_T->lock),
		    goalloc_gc_unlock(_T->lock, _T->section), int section)

void __goalloc_gc_store(struct goalloc_heap *heap, void **slot, void *obj);

/* For goalloc_gc_assign(). */
static __always_inline void goalloc_gc_store(struct goalloc_heap *heap, void **slot, void *obj)
{
	const struct goalloc_gc_word *gc = (const struct goalloc_gc_word *)heap;

	if (unlikely(READ_ONCE(gc->word) & GOALLOC_GC_MARK))
		__goalloc_gc_store(heap, slot, obj);
	else
		/* Pairs with goalloc_gc_load(). */
		smp_store_release(slot, obj);
}

/**
 * goalloc_gc_assign() - store a pointer to a managed object
 * @heap: the object's heap
 * @slot: where to: a pointer in an object or a root of the same heap
 * @obj: a managed object, or NULL
 *
 * While the collector marks it is told of the object, and of what it replaces; at
 * other times this is a comparison and a store. A release: who loads the pointer
 * finds the object as it was.
 *
 * Context: any but NMI; in a section.
 */
#define goalloc_gc_assign(heap, slot, obj)                                     \
	do {                                                                   \
		typeof(*(slot)) ___obj = (__force typeof(*(slot)))(obj);       \
									       \
		goalloc_gc_store(heap, (void **)(__force unsigned long)(slot), \
				 (__force void *)___obj);                      \
	} while (0)

/**
 * goalloc_gc_load() - load a pointer to a managed object
 * @slot: where from
 *
 * An acquire: whether the collector marks is read after the pointer, or a store
 * could be hidden from it.
 *
 * Context: any but NMI; in a section, and the pointer is good until that ends.
 * Return: the pointer.
 */
#define goalloc_gc_load(slot)                                                  \
({                                                                             \
	/* Pairs with the release of goalloc_gc_store(). */                    \
	/* On x86 that takes its argument as it is written: *array + i. */     \
	(typeof(**(slot)) __force __kernel *)smp_load_acquire((slot));         \
})

void goalloc_gc_copy(struct goalloc_gc_type *type, void *to, const void *from, size_t n);

/* What is always reachable. */
enum goalloc_gc_root_kind {
	GOALLOC_GC_ROOT_PRECISE, /* pointers to objects, or NULL */
	GOALLOC_GC_ROOT_CONSERVATIVE, /* words, which may point to or into objects */
	GOALLOC_GC_ROOT_LEAKS, /* the same, written by plain stores: for the leak report alone */
};

int __goalloc_gc_root_add(struct goalloc_heap *heap, void *base, size_t nwords,
			  enum goalloc_gc_root_kind kind, struct module *owner);
int goalloc_gc_root_remove(struct goalloc_heap *heap, void *base);

/**
 * goalloc_gc_root_add() - register pointers that are roots
 * @heap: a managed heap; with GOALLOC_GC_ROOT_LEAKS any heap
 * @base: the first; what is there now is reachable from now on
 * @nwords: how many pointers, or words
 * @kind: enum goalloc_gc_root_kind
 *
 * They must be written with goalloc_gc_assign(), but for GOALLOC_GC_ROOT_LEAKS: those are
 * looked at by leak reports (linux/goalloc_leaks.h), of whichever heap. When the calling
 * module goes and did not remove them, they go with it, with a message. So they do when
 * the heap is destroyed.
 *
 * Context: may sleep; not in a section.
 * Return: 0, -EINVAL, -EEXIST if @base is registered, -ENOMEM.
 */
#define goalloc_gc_root_add(heap, base, nwords, kind)                          \
	__goalloc_gc_root_add(heap, (void *)(__force unsigned long)(base),     \
			      nwords, kind, THIS_MODULE)

struct goalloc_gc_handle *goalloc_gc_handle_create(struct goalloc_heap *heap, void *obj,
						   gfp_t gfp);
struct goalloc_gc_handle *goalloc_gc_handle_get(struct goalloc_gc_handle *handle);
void goalloc_gc_handle_put(struct goalloc_gc_handle *handle);
void *goalloc_gc_handle_object(const struct goalloc_gc_handle *handle);

/* What does not keep an object. */
struct goalloc_gc_weak *goalloc_gc_weak_create(struct goalloc_heap *heap, void *obj, gfp_t gfp);
void *goalloc_gc_weak_get(struct goalloc_gc_weak *weak);
void goalloc_gc_weak_destroy(struct goalloc_gc_weak *weak);

int goalloc_gc_set_finalizer(struct goalloc_heap *heap, void *obj,
			     void (*fn)(void *obj, void *data), void *data, gfp_t gfp);

/* Collecting. */
int goalloc_gc_collect(struct goalloc_heap *heap);
int goalloc_gc_set_percent(struct goalloc_heap *heap, int percent);
int goalloc_gc_set_limit(struct goalloc_heap *heap, unsigned long bytes);

/**
 * struct goalloc_gc_stats - what a collector has done, see goalloc_gc_stats()
 * @num_gc: cycles that ended
 * @num_forced: those of them that goalloc_gc_collect() or debugfs asked for
 * @next_gc: bytes of objects at which the next cycle is to have ended
 * @heap_live: bytes of objects, reachable or not yet known not to be
 * @heap_marked: those that the last cycle found reachable
 * @last_gc: when the last cycle ended: ktime_get_real_ns()
 * @cycle_ns: time from begin to end of all cycles
 * @mark_ns: CPU time spent marking, assists included
 * @assist_ns: time that allocations were held up by assists
 * @sweep_ns: time in which the collector's thread swept
 * @max_section_ns: the longest that the collector waited for a section
 * @objects_marked: objects found reachable by all cycles
 * @objects_swept: objects reclaimed by all cycles
 * @spans_freed: spans that went back because nothing in them was reachable
 * @finalized: finalizers that ran
 * @missed: objects that checkmark mode found missing; must be 0
 */
struct goalloc_gc_stats {
	u64 num_gc;
	u64 num_forced;
	u64 next_gc;
	u64 heap_live;
	u64 heap_marked;
	u64 last_gc;
	u64 cycle_ns;
	u64 mark_ns;
	u64 assist_ns;
	u64 sweep_ns;
	u64 max_section_ns;
	u64 objects_marked;
	u64 objects_swept;
	u64 spans_freed;
	u64 finalized;
	u64 missed;
};

void goalloc_gc_stats(struct goalloc_heap *heap, struct goalloc_gc_stats *stats);

#endif /* _LINUX_GOALLOC_GC_H */
