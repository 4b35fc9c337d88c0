/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc: the Go runtime's memory manager for kernel modules.
 *
 * The API follows <linux/slab.h>: what kmalloc() callers take for granted
 * (alignment, GFP flags, NULL and ZERO_SIZE_PTR) holds here. Objects live in
 * vmalloc space: virt_to_page(), DMA, kfree(), kvfree() and kfree_rcu() must
 * never see them. The kernel-doc stands with the definitions; contexts in
 * one table are in Documentation/contexts.rst.
 */
#ifndef _LINUX_GOALLOC_H
#define _LINUX_GOALLOC_H

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/goalloc_sizes.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/types.h>

struct goalloc_heap;
struct goalloc_cache;
struct goalloc_reserve;

void goalloc_free(const void *obj);
void goalloc_free_sensitive(const void *obj);
void goalloc_heap_free(struct goalloc_heap *heap, const void *obj);
void goalloc_cache_free(struct goalloc_cache *cache, void *obj);
bool goalloc_reserve_put(struct goalloc_reserve *reserve, void *obj);
void *__must_check goalloc_realloc(const void *obj, size_t size, gfp_t gfp);

/*
 * What allocates says what frees. GCC 11 and later warn when an object goes
 * elsewhere (-Wmismatched-dealloc): kfree() of one would go wrong at run time,
 * and kvfree() silently so. Inline functions need not say it: GCC looks
 * through them.
 */
#if defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION >= 110000 && !defined(__CHECKER__)
#define __goalloc_attrs                                                        \
	__attribute__((malloc, malloc(goalloc_free, 1),                        \
		       malloc(goalloc_free_sensitive, 1),                      \
		       malloc(goalloc_heap_free, 2),                           \
		       malloc(goalloc_cache_free, 2),                          \
		       malloc(goalloc_reserve_put, 2), malloc(goalloc_realloc, 1)))
#else
#define __goalloc_attrs __malloc
#endif

/* General objects of the default heap. */
void *__goalloc_alloc(size_t size, gfp_t gfp) __goalloc_attrs __alloc_size(1);
void *__goalloc_alloc_class(size_t size, unsigned long spanclass, gfp_t gfp)
	__goalloc_attrs __alloc_size(1);
void *goalloc_alloc_noscan(size_t size, gfp_t gfp) __goalloc_attrs __alloc_size(1);
void *goalloc_memdup(const void *src, size_t len, gfp_t gfp) __goalloc_attrs __alloc_size(2);
char *goalloc_strdup(const char *s, gfp_t gfp) __goalloc_attrs;
size_t goalloc_size(const void *obj);
size_t goalloc_size_roundup(size_t size);

/* Refused: vmalloc memory is not what these ask for. */
#define GOALLOC_GFP_BAD (__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/**
 * goalloc_alloc() - allocate memory from the default heap
 * @size: bytes; 0 gives ZERO_SIZE_PTR
 * @gfp: see malloc.c's table, which follows kmalloc()
 *
 * The memory is aligned to the largest power of two that divides @size, up to
 * 4 MiB, and to 8 bytes at least, as Documentation/core-api/memory-allocation.rst
 * promises for kmalloc(). It is in vmalloc space: no DMA, no virt_to_page().
 *
 * Context: any; may sleep if @gfp allows. In an NMI it never waits, and may fail
 * where it would not elsewhere.
 * Return: the object, or NULL.
 */
static __always_inline __malloc __alloc_size(1)
void *goalloc_alloc(size_t size, gfp_t gfp)
{
	/* A class that the compiler can find need not be looked up, nor flags be checked. */
	if (__builtin_constant_p(size) && size && size <= GOALLOC_CONST_MAX &&
	    __builtin_constant_p(gfp) && !(gfp & GOALLOC_GFP_BAD))
		return __goalloc_alloc_class(size, goalloc_const_class(size) << 1, gfp);
	return __goalloc_alloc(size, gfp);
}

static __always_inline __malloc __alloc_size(1)
void *goalloc_zalloc(size_t size, gfp_t gfp)
{
	return goalloc_alloc(size, gfp | __GFP_ZERO);
}

/* The node is a preference that this version does not follow yet. */
static __always_inline __malloc __alloc_size(1)
void *goalloc_alloc_node(size_t size, gfp_t gfp, int node)
{
	return goalloc_alloc(size, gfp);
}

static __always_inline __malloc __alloc_size(1)
void *goalloc_zalloc_node(size_t size, gfp_t gfp, int node)
{
	return goalloc_zalloc(size, gfp);
}

static inline __malloc __alloc_size(1, 2)
void *goalloc_alloc_array(size_t n, size_t size, gfp_t gfp)
{
	return goalloc_alloc(array_size(n, size), gfp);
}

static inline __malloc __alloc_size(1, 2)
void *goalloc_calloc(size_t n, size_t size, gfp_t gfp)
{
	return goalloc_alloc(array_size(n, size), gfp | __GFP_ZERO);
}

int goalloc_alloc_bulk(size_t size, gfp_t gfp, size_t nr, void **objs);
void goalloc_free_bulk(size_t nr, void **objs);

/* Heaps of one's own. */
struct goalloc_heap *__goalloc_heap_create(const char *name, unsigned long flags,
					   struct module *owner);

#define GOALLOC_HEAP_GUARD	BIT(0) /* a page between spans, against writes beyond them */
#define GOALLOC_HEAP_GC		BIT(1) /* managed: objects go when nothing points to them */
#define GOALLOC_HEAP_FLAGS_MASK	GENMASK(1, 0)

/**
 * goalloc_heap_create() - make a heap that belongs to the calling module
 * @name: shown in debugfs and in reports; letters, digits and ``_.-``, at most
 *	GOALLOC_NAME_MAX - 1 of them, not in use by another heap
 * @flags: GOALLOC_HEAP_GUARD, GOALLOC_HEAP_GC (see <linux/goalloc_gc.h>), or 0
 *
 * Context: may sleep.
 * Return: the heap, or an error pointer: -EINVAL, -EEXIST, -ENOMEM.
 */
#define goalloc_heap_create(name, flags) __goalloc_heap_create(name, flags, THIS_MODULE)

#define GOALLOC_NAME_MAX 48

/**
 * struct goalloc_heap_stats - what a heap holds, see goalloc_heap_stats()
 * @live_objects: objects handed out and not freed
 * @live_bytes: their bytes, counted by size class
 * @mallocs: allocations since the heap was made
 * @frees: frees since the heap was made
 * @span_bytes: bytes of the spans the heap owns
 * @limit: the heap's limit in bytes, ULONG_MAX if it has none
 * @misuse: refused frees and other misuse of this heap's objects
 */
struct goalloc_heap_stats {
	u64 live_objects;
	u64 live_bytes;
	u64 mallocs;
	u64 frees;
	u64 span_bytes;
	u64 limit;
	u64 misuse;
};

struct goalloc_heap *goalloc_heap_default(void);
void goalloc_heap_destroy(struct goalloc_heap *heap);
void *goalloc_heap_alloc(struct goalloc_heap *heap, size_t size, gfp_t gfp)
	__goalloc_attrs __alloc_size(2);
void *goalloc_heap_alloc_noscan(struct goalloc_heap *heap, size_t size, gfp_t gfp)
	__goalloc_attrs __alloc_size(2);
unsigned long goalloc_heap_shrink(struct goalloc_heap *heap);
unsigned long goalloc_heap_check(struct goalloc_heap *heap);
int goalloc_heap_set_limit(struct goalloc_heap *heap, unsigned long bytes);
void goalloc_heap_stats(struct goalloc_heap *heap, struct goalloc_heap_stats *stats);
const char *goalloc_heap_name(const struct goalloc_heap *heap);

static inline __malloc __alloc_size(2)
void *goalloc_heap_zalloc(struct goalloc_heap *heap, size_t size, gfp_t gfp)
{
	return goalloc_heap_alloc(heap, size, gfp | __GFP_ZERO);
}

static inline __malloc __alloc_size(2)
void *goalloc_heap_alloc_node(struct goalloc_heap *heap, size_t size, gfp_t gfp, int node)
{
	return goalloc_heap_alloc(heap, size, gfp);
}

/* Named caches: a private span class of a heap. */
#define GOALLOC_HWCACHE_ALIGN	 BIT(0) /* align objects to the hardware cache line */
#define GOALLOC_TYPESAFE_BY_RCU	 BIT(1) /* a freed object stays of its type for a grace period */
#define GOALLOC_NOSCAN		 BIT(2) /* objects hold no pointers to goalloc objects */
#define GOALLOC_PANIC		 BIT(3) /* panic when the cache cannot be made */
#define GOALLOC_TYPE_STABLE	 BIT(4) /* memory stays the cache's until it is destroyed */
#define GOALLOC_NO_USERCOPY	 BIT(5) /* nothing of an object is copied to or from user space */
#define GOALLOC_CACHE_FLAGS_MASK GENMASK(5, 0)

/**
 * struct goalloc_cache_args - the uncommon properties of a cache
 * @heap: the heap that owns the cache; NULL is the default heap
 * @align: alignment in bytes, a power of two up to 4 MiB; 0 is 8
 * @useroffset: first byte of an object that may be copied to and from user space
 * @usersize: number of such bytes; with both 0 the whole object may be copied, or
 *	nothing with GOALLOC_NO_USERCOPY
 * @ctor: runs once for each slot when its span is made, and never again: an object
 *	must be freed in its constructed state. It runs in the allocating context, may
 *	not sleep, and holds no lock.
 * @dtor: runs at each free, after the checks and before the slot becomes free. It runs
 *	in the freeing context, with preemption off if that context has it off; it may
 *	not sleep.
 */
struct goalloc_cache_args {
	struct goalloc_heap *heap;
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
};

struct goalloc_cache *goalloc_cache_create(const char *name, unsigned int size,
					   const struct goalloc_cache_args *args,
					   unsigned long flags);
void goalloc_cache_destroy(struct goalloc_cache *cache);
void *goalloc_cache_alloc(struct goalloc_cache *cache, gfp_t gfp) __goalloc_attrs;
int goalloc_cache_alloc_bulk(struct goalloc_cache *cache, gfp_t gfp, size_t nr, void **objs);
void goalloc_cache_free_bulk(struct goalloc_cache *cache, size_t nr, void **objs);
unsigned long goalloc_cache_shrink(struct goalloc_cache *cache);
unsigned int goalloc_cache_object_size(const struct goalloc_cache *cache);
const char *goalloc_cache_name(const struct goalloc_cache *cache);

static inline __malloc
void *goalloc_cache_zalloc(struct goalloc_cache *cache, gfp_t gfp)
{
	return goalloc_cache_alloc(cache, gfp | __GFP_ZERO);
}

static inline __malloc
void *goalloc_cache_alloc_node(struct goalloc_cache *cache, gfp_t gfp, int node)
{
	return goalloc_cache_alloc(cache, gfp);
}

/**
 * GOALLOC_CACHE() - make a cache in the default heap for objects of one struct
 * @__struct: the struct's tag; also the cache's name, and its alignment is the objects'
 * @__flags: GOALLOC_* cache flags
 */
#define GOALLOC_CACHE(__struct, __flags)                                       \
	goalloc_cache_create(#__struct, sizeof(struct __struct),               \
			     &(const struct goalloc_cache_args){               \
				     .align = __alignof__(struct __struct),    \
			     },                                                \
			     __flags)

/*
 * Debugging of objects, at run time; the letters are those of the module parameter
 * "debug" and of debugfs.
 */
#define GOALLOC_DEBUG_REDZONE	 BIT(0) /* Z: bytes behind an object that must stay */
#define GOALLOC_DEBUG_POISON	 BIT(1) /* P: fill what is free, and what is new */
#define GOALLOC_DEBUG_STACKS	 BIT(2) /* U: record who allocates and frees */
#define GOALLOC_DEBUG_QUARANTINE BIT(3) /* Q: keep what was freed for a while */
#define GOALLOC_DEBUG_ALL	 GENMASK(3, 0)

int goalloc_heap_set_debug(struct goalloc_heap *heap, unsigned int flags);
int goalloc_cache_set_debug(struct goalloc_cache *cache, unsigned int flags);

/* Objects set aside, for sections that must not fail. */
#define GOALLOC_RESERVE_MAX 4096

/**
 * struct goalloc_reserve_stats - of a reserve, see goalloc_reserve_stats()
 * @capacity: objects that it was made for
 * @available: objects in it
 * @low: the fewest there were since it was made; not exact when takers race
 * @takes: objects taken
 * @puts: objects put back, and kept
 * @exhausted: calls of goalloc_reserve_take() that found none
 */
struct goalloc_reserve_stats {
	unsigned int capacity;
	unsigned int available;
	unsigned int low;
	u64 takes;
	u64 puts;
	u64 exhausted;
};

struct goalloc_reserve *goalloc_reserve_create(struct goalloc_cache *cache, unsigned int nr,
					       gfp_t gfp);
struct goalloc_reserve *goalloc_reserve_create_size(struct goalloc_heap *heap, size_t size,
						    unsigned int nr, gfp_t gfp);
void goalloc_reserve_destroy(struct goalloc_reserve *reserve);
void *goalloc_reserve_take(struct goalloc_reserve *reserve, gfp_t gfp) __goalloc_attrs;
int goalloc_reserve_refill(struct goalloc_reserve *reserve, gfp_t gfp);
void goalloc_reserve_stats(const struct goalloc_reserve *reserve,
			   struct goalloc_reserve_stats *stats);

/* Free after a grace period. */
void __goalloc_free_rcu(void *obj, struct rcu_head *head);
void goalloc_rcu_barrier(void);

/**
 * goalloc_free_rcu() - free an object after an RCU grace period
 * @ptr: the object, checked now; NULL does nothing
 * @member: its struct rcu_head
 *
 * A second free of the object, by whichever function, is caught from now on.
 *
 * Context: any but NMI.
 */
#define goalloc_free_rcu(ptr, member)                                          \
	do {                                                                   \
		typeof(ptr) ___p = (ptr);                                      \
									       \
		if (___p)                                                      \
			__goalloc_free_rcu(___p, &___p->member);               \
	} while (0)

/* Who owns an address, and what is known of it. */
bool goalloc_contains(const void *addr);
struct goalloc_heap *goalloc_owner(const void *addr);
bool goalloc_dump_obj(const void *addr);

/* Bounded copies: the range must lie within one live object. */
unsigned long __must_check goalloc_copy_to_user(void __user *to, const void *from, unsigned long n);
unsigned long __must_check goalloc_copy_from_user(void *to, const void __user *from,
						  unsigned long n);

/* For mempool_create() and mempool_init(): pool_data is the cache, or the size in bytes. */
void *goalloc_mempool_alloc_cache(gfp_t gfp, void *pool_data);
void goalloc_mempool_free_cache(void *element, void *pool_data);
void *goalloc_mempool_alloc(gfp_t gfp, void *pool_data);
void goalloc_mempool_free(void *element, void *pool_data);

/* For linux/goalloc_slab_compat.h. */
struct goalloc_cache *goalloc_slab_cache_create(const char *name, unsigned int size,
						const struct goalloc_cache_args *args,
						slab_flags_t flags);
int goalloc_slab_refill_sheaf(struct goalloc_cache *cache, gfp_t gfp,
			      struct goalloc_reserve **reserve, unsigned int nr);

/* void *p __free(goalloc) = goalloc_alloc(...); */
DEFINE_FREE(goalloc, void *, if (!IS_ERR_OR_NULL(_T)) goalloc_free(_T))

#endif /* _LINUX_GOALLOC_H */
