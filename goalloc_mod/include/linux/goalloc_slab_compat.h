/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves a module from slab to goalloc by one line in its Kbuild:
 *
 *	ccflags-y += -include linux/goalloc_slab_compat.h
 *
 * Whatever the module's own sources then allocate and free by the names of
 * linux/slab.h comes from goalloc's default heap. What that changes, and what cannot
 * move, is told in Documentation/migrating.rst.
 *
 * Functions in headers count as the kernel's if the header was included before
 * the map, and as the module's if after it. So headers come first here whose
 * inline functions allocate what the kernel frees, or have caches of the kernel's.
 * A further one that does so is forced in ahead of this one in the same way.
 *
 * struct kmem_cache becomes struct goalloc_cache. So a cache of the kernel's that
 * is given to a mapped call, or one of the module's given to the kernel (as to
 * alloc_inode_sb() and kmem_cache_alloc_lru()), does not compile.
 */
#ifndef _LINUX_GOALLOC_SLAB_COMPAT_H
#define _LINUX_GOALLOC_SLAB_COMPAT_H

/*
 * The module has not had its say yet. This is what nearly all say, and to say it
 * again is no error; who means something else undefines it first.
 */
#ifndef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#endif

#include <linux/bio.h>
#include <linux/delayacct.h>
#include <linux/dma-fence-chain.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/iocontext.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <linux/goalloc.h>

/*
 * Frees find out whose memory it is: the kernel's functions hand out memory of
 * the kernel's to be freed by the module. What kmalloc() gave is never in vmalloc
 * space, so that a bad pointer which is there is left to goalloc to report.
 */
static inline void goalloc_slab_kfree(const void *p)
{
	/* The compiler takes ZERO_SIZE_PTR for an object that was not allocated. */
	OPTIMIZER_HIDE_VAR(p);
	if (likely(is_vmalloc_addr(p)))
		goalloc_free(p);
	else
		kfree(p);
}

/* It may be a literal of the kernel's. */
static inline void goalloc_slab_kfree_const(const void *p)
{
	if (likely(is_vmalloc_addr(p)))
		goalloc_free(p);
	else
		kfree_const(p);
}

static inline void goalloc_slab_kfree_sensitive(const void *p)
{
	if (likely(is_vmalloc_addr(p)))
		goalloc_free_sensitive(p);
	else
		kfree_sensitive(p);
}

static inline void goalloc_slab_kvfree(const void *p)
{
	if (likely(goalloc_contains(p)))
		goalloc_free(p);
	else
		kvfree(p);
}

static inline void goalloc_slab_kvfree_sensitive(const void *p, size_t len)
{
	if (likely(goalloc_contains(p)))
		goalloc_free_sensitive(p);
	else
		kvfree_sensitive(p, len);
}

static inline size_t goalloc_slab_ksize(const void *p)
{
	return ZERO_OR_NULL_PTR(p) || is_vmalloc_addr(p) ? goalloc_size(p) : ksize(p);
}

static inline void *__must_check goalloc_slab_krealloc(const void *p, size_t size, gfp_t gfp)
{
	if (ZERO_OR_NULL_PTR(p) || likely(is_vmalloc_addr(p)))
		return goalloc_realloc(p, size, gfp);
	return krealloc(p, size, gfp);
}

static inline void *__must_check goalloc_slab_krealloc_array(void *p, size_t n, size_t size,
							     gfp_t gfp)
{
	return goalloc_slab_krealloc(p, array_size(n, size), gfp);
}

/* Before 6.12 the caller had to say how much there was. */
static inline void *__must_check goalloc_slab_kvrealloc3(const void *p, size_t size, gfp_t gfp)
{
	return goalloc_realloc(p, size, gfp);
}

static inline void *__must_check goalloc_slab_kvrealloc4(const void *p, size_t old, size_t size,
							 gfp_t gfp)
{
	return goalloc_realloc(p, size, gfp);
}

DEFINE_FREE(goalloc_slab_kfree, void *, goalloc_slab_kfree(IS_ERR(_T) ? NULL : _T))
DEFINE_FREE(goalloc_slab_kvfree, void *, goalloc_slab_kvfree(IS_ERR(_T) ? NULL : _T))
DEFINE_FREE(goalloc_slab_kfree_sensitive, void *, goalloc_slab_kfree_sensitive(_T))

static inline void *goalloc_slab_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goalloc_alloc_array(n, size, gfp);
}

static inline void *goalloc_slab_calloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goalloc_calloc(n, size, gfp);
}

/* An object is aligned as its size is. */
static inline void *goalloc_slab_aligned(size_t size, unsigned long align, gfp_t gfp, int node)
{
	return goalloc_alloc(ALIGN(size, align), gfp);
}

/* From any context at all, and it never waits. */
static inline void *goalloc_slab_nolock(size_t size, gfp_t gfp, int node)
{
	return goalloc_alloc(size, (gfp & (__GFP_ZERO | __GFP_ACCOUNT)) | __GFP_NOWARN);
}

static inline void *goalloc_slab_memdup_array(const void *src, size_t n, size_t size, gfp_t gfp)
{
	return goalloc_memdup(src, size_mul(n, size), gfp);
}

/* A string, of the first @len characters at most. */
static inline char *goalloc_slab_strndup(const char *s, size_t len, gfp_t gfp, bool all)
{
	char *to;

	if (!s)
		return NULL;
	if (!all)
		len = strnlen(s, len);
	to = goalloc_alloc(size_add(len, 1), gfp);
	if (!to)
		return NULL;
	memcpy(to, s, len);
	to[len] = '\0';
	return to;
}

static inline struct goalloc_cache *
goalloc_slab_create_usercopy(const char *name, unsigned int size, unsigned int align,
			     slab_flags_t flags, unsigned int useroffset, unsigned int usersize,
			     void (*ctor)(void *obj))
{
	const struct goalloc_cache_args args = {
		.align = align, .useroffset = useroffset, .usersize = usersize, .ctor = ctor,
	};

	return goalloc_slab_cache_create(name, size, &args, flags);
}

/* The older form, of five arguments. */
static inline struct goalloc_cache *
goalloc_slab_create5(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
		     void (*ctor)(void *obj))
{
	return goalloc_slab_create_usercopy(name, size, align, flags, 0, 0, ctor);
}

/* From 6.12 on there is one of four, which slab tells from the other by their types. */
#ifdef kmem_cache_create
static inline struct goalloc_cache *
goalloc_slab_create4(const char *name, unsigned int size, const struct kmem_cache_args *args,
		     slab_flags_t flags)
{
	if (!args)
		return goalloc_slab_create5(name, size, 0, flags, NULL);
	return goalloc_slab_create_usercopy(name, size, args->align, flags, args->useroffset,
					    args->usersize, args->ctor);
}
#endif

static inline int goalloc_slab_shrink(struct goalloc_cache *cache)
{
	goalloc_cache_shrink(cache);
	return 0;
}

/* An object of an RCU cache may be looked at yet, which the compiler does not know. */
static inline void goalloc_slab_cache_free(struct goalloc_cache *cache, void *obj)
{
	OPTIMIZER_HIDE_VAR(obj);
	goalloc_cache_free(cache, obj);
}

/* Without a cache the objects are of any. */
static inline void goalloc_slab_free_bulk(struct goalloc_cache *cache, size_t nr, void **objs)
{
	if (cache)
		goalloc_cache_free_bulk(cache, nr, objs);
	else
		while (nr--)
			goalloc_slab_kfree(*objs++);
}

static inline void goalloc_slab_barrier(struct goalloc_cache *cache)
{
	goalloc_rcu_barrier();
}

/* To a memory cgroup: as with __GFP_ACCOUNT, nothing is charged. */
static inline bool goalloc_slab_charge(void *obj, gfp_t gfp)
{
	return true;
}

static inline void goalloc_slab_free_mightsleep(const void *p)
{
	if (!p)
		return;
	synchronize_rcu();
	goalloc_slab_kvfree(p);
}

#define goalloc_slab_free_rcu1(ptr) goalloc_slab_free_mightsleep(ptr)
#define goalloc_slab_free_rcu2(ptr, member)					\
	do {									\
		typeof(ptr) ___p = (ptr);					\
										\
		/* struct kvfree_rcu_head is smaller, and does not do */	\
		BUILD_BUG_ON(sizeof(___p->member) < sizeof(struct rcu_head));	\
		if (___p)							\
			__goalloc_free_rcu(___p, (struct rcu_head *)&___p->member); \
	} while (0)

/* Objects set aside, from 7.0 on: a sheaf is a reserve. */
struct slab_sheaf;

static inline struct slab_sheaf *goalloc_slab_prefill(struct goalloc_cache *cache, gfp_t gfp,
						      unsigned int nr)
{
	struct goalloc_reserve *reserve = goalloc_reserve_create(cache, nr, gfp);

	return IS_ERR(reserve) ? NULL : (struct slab_sheaf *)reserve;
}

static inline int goalloc_slab_refill(struct goalloc_cache *cache, gfp_t gfp,
				      struct slab_sheaf **sheaf, unsigned int nr)
{
	return goalloc_slab_refill_sheaf(cache, gfp, (struct goalloc_reserve **)sheaf, nr);
}

static inline void goalloc_slab_return(struct goalloc_cache *cache, gfp_t gfp,
				       struct slab_sheaf *sheaf)
{
	goalloc_reserve_destroy((struct goalloc_reserve *)sheaf);
}

static inline void *goalloc_slab_from_sheaf(struct goalloc_cache *cache, gfp_t gfp,
					    struct slab_sheaf *sheaf)
{
	return goalloc_reserve_take((struct goalloc_reserve *)sheaf, gfp & __GFP_ZERO);
}

static inline unsigned int goalloc_slab_sheaf_size(struct slab_sheaf *sheaf)
{
	struct goalloc_reserve_stats stats;

	goalloc_reserve_stats((struct goalloc_reserve *)sheaf, &stats);
	return stats.available;
}

/* On request: what is mapped to user space, or freed by the kernel, must not come here. */
#ifdef GOALLOC_COMPAT_VMALLOC
static inline void *goalloc_slab_vmalloc(size_t size, gfp_t gfp)
{
	return size ? goalloc_alloc(PAGE_ALIGN(size), gfp) : NULL;
}

static inline void *goalloc_slab_vmalloc_node(size_t size, int node)
{
	return goalloc_slab_vmalloc(size, GFP_KERNEL);
}

static inline void *goalloc_slab_vzalloc_node(size_t size, int node)
{
	return goalloc_slab_vmalloc(size, GFP_KERNEL | __GFP_ZERO);
}

static inline void goalloc_slab_vfree(const void *p)
{
	if (likely(goalloc_contains(p)))
		goalloc_free(p);
	else
		vfree(p);
}
#endif

/*
 * The map. From here on the names above are the module's. Where a name is a macro
 * of slab.h's that uses another one which is mapped, as kmalloc_obj() and
 * KMEM_CACHE() do, it follows.
 */
#undef kmalloc
#undef kmalloc_noprof
#undef kzalloc
#undef kzalloc_noprof
#undef kmalloc_node
#undef kmalloc_node_noprof
#undef kzalloc_node
#undef kmalloc_array
#undef kmalloc_array_noprof
#undef kmalloc_array_node
#undef kmalloc_array_node_noprof
#undef kcalloc
#undef kcalloc_node
#undef kmalloc_track_caller
#undef kmalloc_track_caller_noprof
#undef kmalloc_node_track_caller
#undef kmalloc_nolock
#undef krealloc
#undef krealloc_noprof
#undef krealloc_array
#undef krealloc_array_noprof
#define kmalloc			goalloc_alloc
#define kmalloc_noprof		goalloc_alloc
#define __kmalloc		goalloc_alloc
#define kmalloc_large		goalloc_alloc
#define kzalloc			goalloc_zalloc
#define kzalloc_noprof		goalloc_zalloc
#define kmalloc_node		goalloc_alloc_node
#define kmalloc_node_noprof	goalloc_alloc_node
#define kzalloc_node		goalloc_zalloc_node
#define kmalloc_array		goalloc_alloc_array
#define kmalloc_array_noprof	goalloc_alloc_array
#define kmalloc_array_node	goalloc_slab_array_node
#define kmalloc_array_node_noprof goalloc_slab_array_node
#define kcalloc			goalloc_calloc
#define kcalloc_node		goalloc_slab_calloc_node
#define kmalloc_track_caller	goalloc_alloc
#define kmalloc_track_caller_noprof goalloc_alloc
#define kmalloc_node_track_caller goalloc_alloc_node
#define kmalloc_nolock		goalloc_slab_nolock
#define krealloc		goalloc_slab_krealloc
#define krealloc_noprof		goalloc_slab_krealloc
#define krealloc_array		goalloc_slab_krealloc_array
#define krealloc_array_noprof	goalloc_slab_krealloc_array

#define ksize			goalloc_slab_ksize
#define kmalloc_size_roundup	goalloc_size_roundup
#define kfree			goalloc_slab_kfree
#define kfree_nolock		goalloc_slab_kfree
#define kfree_sensitive		goalloc_slab_kfree_sensitive
#define kfree_bulk(nr, objs)	goalloc_slab_free_bulk(NULL, nr, objs)
#define __free_kfree		__free_goalloc_slab_kfree
#define __free_kfree_sensitive	__free_goalloc_slab_kfree_sensitive

#undef kmemdup
#undef kmemdup_noprof
#undef kmemdup_array
#undef kvmemdup
#undef kstrdup
#define kmemdup			goalloc_memdup
#define kmemdup_noprof		goalloc_memdup
#define kvmemdup		goalloc_memdup
#define kmemdup_array		goalloc_slab_memdup_array
#define kmemdup_nul(s, len, gfp) goalloc_slab_strndup(s, len, gfp, true)
#define kstrndup(s, len, gfp)	goalloc_slab_strndup(s, len, gfp, false)
#define kstrdup			goalloc_strdup
#define kstrdup_const		goalloc_strdup
#define kfree_const		goalloc_slab_kfree_const

#undef kvmalloc
#undef kvmalloc_noprof
#undef kvzalloc
#undef kvmalloc_node
#undef kvmalloc_node_noprof
#undef kvmalloc_node_align
#undef kvmalloc_node_align_noprof
#undef kvzalloc_node
#undef kvmalloc_array
#undef kvmalloc_array_noprof
#undef kvmalloc_array_node_noprof
#undef kvcalloc
#undef kvcalloc_noprof
#undef kvcalloc_node
#undef kvcalloc_node_noprof
#undef kvrealloc
#define kvmalloc		goalloc_alloc
#define kvmalloc_noprof		goalloc_alloc
#define kvzalloc		goalloc_zalloc
#define kvmalloc_node		goalloc_alloc_node
#define kvmalloc_node_noprof	goalloc_alloc_node
#define kvmalloc_node_align	goalloc_slab_aligned
#define kvmalloc_node_align_noprof goalloc_slab_aligned
#define kvzalloc_node		goalloc_zalloc_node
#define kvmalloc_array		goalloc_alloc_array
#define kvmalloc_array_noprof	goalloc_alloc_array
#define kvmalloc_array_node_noprof goalloc_slab_array_node
#define kvcalloc		goalloc_calloc
#define kvcalloc_noprof		goalloc_calloc
#define kvcalloc_node		goalloc_slab_calloc_node
#define kvcalloc_node_noprof	goalloc_slab_calloc_node
#define kvrealloc(...)		\
	CONCATENATE(goalloc_slab_kvrealloc, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kvfree			goalloc_slab_kvfree
#define kvfree_atomic		goalloc_slab_kvfree
#define kvfree_sensitive	goalloc_slab_kvfree_sensitive
#define __free_kvfree		__free_goalloc_slab_kvfree
#define __free_kvfree_atomic	__free_goalloc_slab_kvfree

#undef kfree_rcu
#undef kvfree_rcu
#undef kfree_rcu_mightsleep
#undef kvfree_rcu_mightsleep
#define kvfree_rcu(...)		\
	CONCATENATE(goalloc_slab_free_rcu, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kfree_rcu(...)		kvfree_rcu(__VA_ARGS__)
#define kvfree_rcu_mightsleep	goalloc_slab_free_mightsleep
#define kfree_rcu_mightsleep	goalloc_slab_free_mightsleep
#define kvfree_rcu_barrier	goalloc_rcu_barrier
#define kvfree_rcu_barrier_on_cache goalloc_slab_barrier

#undef kmem_cache_create
#undef kmem_cache_alloc
#undef kmem_cache_alloc_noprof
#undef kmem_cache_zalloc
#undef kmem_cache_alloc_node
#undef kmem_cache_alloc_node_noprof
#undef kmem_cache_alloc_bulk
#undef kmem_cache_alloc_bulk_noprof
#undef kmem_cache_alloc_from_sheaf
#define kmem_cache		goalloc_cache
#define kmem_cache_create(...)	\
	CONCATENATE(goalloc_slab_create, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kmem_cache_create_usercopy goalloc_slab_create_usercopy
#define __kmem_cache_create_args goalloc_slab_create4
#define kmem_cache_destroy	goalloc_cache_destroy
#define kmem_cache_shrink	goalloc_slab_shrink
#define kmem_cache_size		goalloc_cache_object_size
#define kmem_cache_alloc	goalloc_cache_alloc
#define kmem_cache_alloc_noprof	goalloc_cache_alloc
#define kmem_cache_zalloc	goalloc_cache_zalloc
#define kmem_cache_alloc_node	goalloc_cache_alloc_node
#define kmem_cache_alloc_node_noprof goalloc_cache_alloc_node
#define kmem_cache_alloc_bulk	goalloc_cache_alloc_bulk
#define kmem_cache_alloc_bulk_noprof goalloc_cache_alloc_bulk
#define kmem_cache_free		goalloc_slab_cache_free
#define kmem_cache_free_bulk	goalloc_slab_free_bulk
#define kmem_cache_charge	goalloc_slab_charge
#define kmem_dump_obj		goalloc_dump_obj
#define kmem_cache_prefill_sheaf goalloc_slab_prefill
#define kmem_cache_refill_sheaf	goalloc_slab_refill
#define kmem_cache_return_sheaf	goalloc_slab_return
#define kmem_cache_alloc_from_sheaf goalloc_slab_from_sheaf
#define kmem_cache_sheaf_size	goalloc_slab_sheaf_size

/* The pools of mempool.h that are made from a cache. */
#define mempool_alloc_slab	goalloc_mempool_alloc_cache
#define mempool_free_slab	goalloc_mempool_free_cache
#undef mempool_init_slab_pool
#undef mempool_create_slab_pool
#define mempool_init_slab_pool(pool, nr, cache)	\
	mempool_init(pool, nr, mempool_alloc_slab, mempool_free_slab, cache)
#define mempool_create_slab_pool(nr, cache)	\
	mempool_create(nr, mempool_alloc_slab, mempool_free_slab, cache)

#ifdef GOALLOC_COMPAT_VMALLOC
#undef vmalloc
#undef vzalloc
#undef vmalloc_node
#undef vzalloc_node
#undef __vmalloc
#undef vmalloc_array
#undef vcalloc
#define vmalloc(size)		goalloc_slab_vmalloc(size, GFP_KERNEL)
#define vzalloc(size)		goalloc_slab_vmalloc(size, GFP_KERNEL | __GFP_ZERO)
#define vmalloc_node		goalloc_slab_vmalloc_node
#define vzalloc_node		goalloc_slab_vzalloc_node
#define __vmalloc		goalloc_slab_vmalloc
#define vmalloc_array(n, size)	goalloc_slab_vmalloc(array_size(n, size), GFP_KERNEL)
#define vcalloc(n, size)	\
	goalloc_slab_vmalloc(array_size(n, size), GFP_KERNEL | __GFP_ZERO)
#define vfree			goalloc_slab_vfree
#define vfree_atomic		goalloc_slab_vfree
#endif

#endif /* _LINUX_GOALLOC_SLAB_COMPAT_H */
