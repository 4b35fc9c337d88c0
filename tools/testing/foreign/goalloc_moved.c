// SPDX-License-Identifier: GPL-2.0
/*
 * A module that knows slab and nothing else: its Kbuild moves it to goalloc. It
 * makes each call that is mapped, as far as this kernel has it, and looks whether
 * the memory came from goalloc and went back there. The only word of goalloc in it is
 * for asking that.
 *
 * Loading succeeds if all is well; the last line in the log says so.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

struct item {
	u64 words[4];
	struct rcu_head rcu;
	char name[20];
};

struct flexible {
	unsigned int n;
	u32 values[];
};

static unsigned int checks, failed;

#define CHECK(cond)								\
	do {									\
		checks++;							\
		if (!(cond)) {							\
			failed++;						\
			pr_err("line %d: %s\n", __LINE__, #cond);		\
		}								\
	} while (0)

static u64 live(void)
{
	struct goalloc_heap_stats stats;

	goalloc_rcu_barrier();
	goalloc_heap_stats(goalloc_heap_default(), &stats);
	return stats.live_objects;
}

static bool ours(const void *p)
{
	return goalloc_owner(p) == goalloc_heap_default();
}

static bool zero(const void *p, size_t size)
{
	return p && !memchr_inv(p, 0, size);
}

/* One expression a function that hands something out, freed by kfree(). */
#define CHECK_ALLOC(expr, size, zeroed)						\
	do {									\
		u8 *___obj = (void *)(expr);					\
										\
		CHECK(ours(___obj) && ksize(___obj) >= (size));			\
		if (zeroed)							\
			CHECK(zero(___obj, size));				\
		if (___obj)							\
			memset(___obj, 0x5a, size);				\
		kfree(___obj);							\
	} while (0)

static void check_kmalloc(void)
{
	size_t n = 10, size = 33;

	OPTIMIZER_HIDE_VAR(n);
	OPTIMIZER_HIDE_VAR(size);
	CHECK_ALLOC(kmalloc(100, GFP_KERNEL), 100, false);
	CHECK_ALLOC(kmalloc(size, GFP_KERNEL), 33, false);
	CHECK_ALLOC(kzalloc(100000, GFP_KERNEL), 100000, true);
	CHECK_ALLOC(kmalloc_node(size, GFP_KERNEL, 0), 33, false);
	CHECK_ALLOC(kzalloc_node(size, GFP_KERNEL, NUMA_NO_NODE), 33, true);
	CHECK_ALLOC(kmalloc_array(n, size, GFP_KERNEL), 330, false);
	CHECK_ALLOC(kcalloc(n, size, GFP_KERNEL), 330, true);
	CHECK_ALLOC(kmalloc_array_node(n, size, GFP_KERNEL, 0), 330, false);
	CHECK_ALLOC(kcalloc_node(n, size, GFP_KERNEL, 0), 330, true);
	CHECK_ALLOC(kmalloc_track_caller(size, GFP_KERNEL), 33, false);
	CHECK_ALLOC(kmemdup("goalloc", 8, GFP_KERNEL), 8, false);
	CHECK(!kmalloc_array(SIZE_MAX / 2, n, GFP_KERNEL | __GFP_NOWARN));
	CHECK(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	CHECK(kmalloc_size_roundup(33) >= 33);
	CHECK(!ksize(NULL));
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	kfree_sensitive(kmalloc(size, GFP_KERNEL));
	kfree_sensitive(NULL);
#ifdef kmalloc_obj
	CHECK_ALLOC(kmalloc_obj(struct item), sizeof(struct item), false);
	CHECK_ALLOC(kzalloc_obj(struct item, GFP_ATOMIC), sizeof(struct item), true);
	CHECK_ALLOC(kzalloc_objs(struct item, n), 10 * sizeof(struct item), true);
	CHECK_ALLOC(kzalloc_flex(struct flexible, values, n), 44, true);
	CHECK_ALLOC(kvzalloc_objs(struct item, 1000), 1000 * sizeof(struct item), true);
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	CHECK_ALLOC(kmalloc_nolock(size, __GFP_ZERO, NUMA_NO_NODE), 33, true);
#endif
}

static void check_krealloc(void)
{
	u8 *p = krealloc(NULL, 16, GFP_KERNEL), *q;

	CHECK(ours(p));
	memset(p, 0x11, 16);
	q = krealloc(p, 5000, GFP_KERNEL);
	CHECK(ours(q) && !memchr_inv(q, 0x11, 16));
	p = krealloc_array(q, 10, 10, GFP_KERNEL);
	CHECK(ours(p) && !memchr_inv(p, 0x11, 16));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	q = kvrealloc(p, 200000, GFP_KERNEL);
#else
	q = kvrealloc(p, 100, 200000, GFP_KERNEL);
#endif
	CHECK(ours(q) && !memchr_inv(q, 0x11, 16));
	CHECK(krealloc(q, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
}

static void check_kvmalloc(void)
{
	void *p;

	CHECK_ALLOC(kvmalloc(300000, GFP_KERNEL), 300000, false);
	CHECK_ALLOC(kvzalloc(300000, GFP_KERNEL), 300000, true);
	CHECK_ALLOC(kvmalloc_node(100, GFP_KERNEL, 0), 100, false);
	CHECK_ALLOC(kvmalloc_array(100, 100, GFP_KERNEL), 10000, false);
	CHECK_ALLOC(kvcalloc(100, 100, GFP_KERNEL), 10000, true);
	p = kvmalloc(10, GFP_KERNEL);
	CHECK(ours(p));
	kvfree(p);
	p = kvmalloc(100000, GFP_KERNEL);
	kvfree_sensitive(p, 100000);
	kvfree(NULL);
}

static void check_strings(void)
{
	char *p = kstrdup("goalloc", GFP_KERNEL);

	CHECK(ours(p) && !strcmp(p, "goalloc"));
	kfree(p);
	p = kstrndup("goalloc", 2, GFP_KERNEL);
	CHECK(ours(p) && !strcmp(p, "go"));
	kfree(p);
	p = kstrndup("goalloc", 20, GFP_KERNEL);
	CHECK(ours(p) && !strcmp(p, "goalloc"));
	kfree(p);
	p = kmemdup_nul("goalloc", 4, GFP_KERNEL);
	CHECK(ours(p) && !strcmp(p, "goal"));
	kfree(p);
	CHECK(!kstrdup(NULL, GFP_KERNEL));
	CHECK(!kstrndup(NULL, 1, GFP_KERNEL));
	kfree_const(kstrdup_const("goalloc", GFP_KERNEL));
}

/* What the kernel's functions hand out is the kernel's, and goes back there. */
static void check_kernels(void)
{
	char *p = kasprintf(GFP_KERNEL, "%d", 12345), *q;

	CHECK(p && !ours(p) && ksize(p) >= 6);
	q = krealloc(p, 100, GFP_KERNEL);
	CHECK(q && !ours(q) && !strcmp(q, "12345"));
	kfree(q);
	p = kasprintf(GFP_KERNEL, "%d", 12345);
	kvfree(p);
	p = kasprintf(GFP_KERNEL, "%d", 12345);
	kfree_sensitive(p);
	p = vmalloc(100);
	CHECK(p && !ours(p));
	kvfree(p);
}

static void check_scopes(void)
{
	void *a __free(kfree) = kmalloc(10, GFP_KERNEL);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	void *b __free(kvfree) = kvmalloc(10, GFP_KERNEL);

	CHECK(ours(b));
#endif
	CHECK(ours(a));
}

static void check_rcu(void)
{
	struct item *p = kmalloc(sizeof(*p), GFP_KERNEL), *q = kvmalloc(sizeof(*q), GFP_KERNEL);

	CHECK(ours(p) && ours(q));
	kfree_rcu(p, rcu);
	kvfree_rcu(q, rcu);
	kfree_rcu_mightsleep(kmalloc(10, GFP_KERNEL));
	p = NULL;
	kfree_rcu(p, rcu);
}

static void construct(void *obj)
{
	strscpy(((struct item *)obj)->name, "made", sizeof(((struct item *)obj)->name));
}

static void check_cache(struct kmem_cache *cache, unsigned int size, bool made)
{
	void *objs[10];
	struct item *p;
	mempool_t *pool;
	unsigned int i;

	CHECK(cache);
	if (!cache)
		return;
	CHECK(kmem_cache_size(cache) == size);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	CHECK(ours(p) && (!made || !strcmp(p->name, "made")));
	kmem_cache_free(cache, p);
	if (!made) {
		p = kmem_cache_zalloc(cache, GFP_KERNEL);
		CHECK(ours(p) && zero(p, size));
		kfree(p);
	}
	p = kmem_cache_alloc_node(cache, GFP_KERNEL, 0);
	CHECK(ours(p));
	kmem_cache_free(cache, p);
	CHECK(kmem_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(objs), objs));
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		CHECK(ours(objs[i]));
	kmem_cache_free_bulk(cache, ARRAY_SIZE(objs) - 3, objs);
	kfree_bulk(3, objs + ARRAY_SIZE(objs) - 3);

	pool = mempool_create_slab_pool(2, cache);
	CHECK(pool);
	p = mempool_alloc(pool, GFP_KERNEL);
	CHECK(ours(p));
	mempool_free(p, pool);
	mempool_destroy(pool);
	CHECK(!kmem_cache_shrink(cache));
	kmem_cache_destroy(cache);
}

static void check_caches(void)
{
	const unsigned int size = sizeof(struct item);
	struct kmem_cache *same = kmem_cache_create("an item/1", size, 0, 0, NULL);

	check_cache(KMEM_CACHE(item, SLAB_HWCACHE_ALIGN), size, false);
	check_cache(KMEM_CACHE_USERCOPY(item, SLAB_ACCOUNT, name), size, false);
	check_cache(kmem_cache_create("an item/1", size, 64, SLAB_RECLAIM_ACCOUNT, construct),
		    size, true);
	check_cache(kmem_cache_create_usercopy("an item/1", size, 0, 0, 0, 8, NULL), size, false);
	check_cache(kmem_cache_create("rcu", size, 0, SLAB_TYPESAFE_BY_RCU, NULL), size, false);
	CHECK(!kmem_cache_create("dma", size, 0, SLAB_CACHE_DMA, NULL));
	kmem_cache_destroy(same);
	kmem_cache_destroy(NULL);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct kmem_cache_args args = { .align = 256, .ctor = construct };

	check_cache(kmem_cache_create("args", size, &args, 0), size, true);
	check_cache(kmem_cache_create("args", size, NULL, 0), size, false);
#endif
}

/* Objects that are sure to be had. */
static void check_sheaf(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	struct kmem_cache *cache = KMEM_CACHE(item, 0);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 3);
	void *objs[5];
	unsigned int i;

	CHECK(sheaf && kmem_cache_sheaf_size(sheaf) == 3);
	CHECK(!kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 5));
	CHECK(kmem_cache_sheaf_size(sheaf) == 5);
	for (i = 0; i < 5; i++) {
		objs[i] = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT | __GFP_ZERO, sheaf);
		CHECK(ours(objs[i]) && zero(objs[i], sizeof(struct item)));
	}
	CHECK(!kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 2));
	CHECK(kmem_cache_sheaf_size(sheaf) >= 2);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 5, objs);
	kmem_cache_destroy(cache);
#endif
}

static int __init moved_init(void)
{
	u64 before = live();

	check_kmalloc();
	check_krealloc();
	check_kvmalloc();
	check_strings();
	check_kernels();
	check_scopes();
	check_rcu();
	check_caches();
	check_sheaf();
	CHECK(live() == before);
	pr_info("%u of %u checks passed\n", checks - failed, checks);
	return failed ? -EINVAL : 0;
}

static void __exit moved_exit(void)
{
}

module_init(moved_init);
module_exit(moved_exit);

MODULE_DESCRIPTION("A module moved from slab to goalloc");
MODULE_AUTHOR("goalloc developers");
MODULE_LICENSE("GPL");
