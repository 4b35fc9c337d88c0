// SPDX-License-Identifier: GPL-2.0
/*
 * The sides: goalloc, its peers in the kernel, and two floors, which no
 * allocator can be under: a call of an empty function, and of one that pops an
 * object from an array of this CPU and zeroes it if the kernel was told to.
 *
 * A cache that takes its size from its creator ignores @arg, one of many is
 * chosen by it.
 */
#include <linux/err.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shapes.h"

#define ARRAY_OBJS 16

struct array {
	unsigned int n;
	void *obj[ARRAY_OBJS];
};

static DEFINE_PER_CPU(struct array, arrays);

struct goalloc_heap *bench_heap;
static struct goalloc_cache *cache;
static struct goalloc_cache *caches[BENCH_CACHES];
static struct kmem_cache *kmem;
static struct kmem_cache *kmems[BENCH_CACHES];

static noinline void *empty_alloc(size_t arg, gfp_t gfp)
{
	return ZERO_SIZE_PTR;
}

static noinline void empty_free(void *obj, size_t arg)
{
	barrier();
}

static noinline void *array_alloc(size_t arg, gfp_t gfp)
{
	struct array *array;
	void *obj = NULL;

	preempt_disable();
	array = this_cpu_ptr(&arrays);
	if (likely(array->n))
		obj = array->obj[--array->n];
	preempt_enable();
	if (likely(obj) && want_init_on_alloc(gfp))
		memset(obj, 0, 64);
	return obj;
}

static noinline void array_free(void *obj, size_t arg)
{
	struct array *array;

	preempt_disable();
	array = this_cpu_ptr(&arrays);
	if (likely(array->n < ARRAY_OBJS))
		array->obj[array->n++] = obj;
	preempt_enable();
}

static __always_inline void *cache_alloc(size_t arg, gfp_t gfp)
{
	return goalloc_cache_alloc(cache, gfp);
}

static __always_inline void cache_free(void *obj, size_t arg)
{
	goalloc_cache_free(cache, obj);
}

static __always_inline int cache_alloc_bulk(size_t nr, void **objs)
{
	return goalloc_cache_alloc_bulk(cache, GFP_KERNEL, nr, objs);
}

static __always_inline void cache_free_bulk(size_t nr, void **objs)
{
	goalloc_cache_free_bulk(cache, nr, objs);
}

static __always_inline void *caches_alloc(size_t arg, gfp_t gfp)
{
	return goalloc_cache_alloc(caches[arg], gfp);
}

static __always_inline void caches_free(void *obj, size_t arg)
{
	goalloc_cache_free(caches[arg], obj);
}

static __always_inline void *kmem_alloc(size_t arg, gfp_t gfp)
{
	return kmem_cache_alloc(kmem, gfp);
}

static __always_inline void kmem_free(void *obj, size_t arg)
{
	kmem_cache_free(kmem, obj);
}

static __always_inline int kmem_alloc_bulk(size_t nr, void **objs)
{
	return kmem_cache_alloc_bulk(kmem, GFP_KERNEL, nr, objs);
}

static __always_inline void kmem_free_bulk(size_t nr, void **objs)
{
	kmem_cache_free_bulk(kmem, nr, objs);
}

static __always_inline void *kmems_alloc(size_t arg, gfp_t gfp)
{
	return kmem_cache_alloc(kmems[arg], gfp);
}

static __always_inline void kmems_free(void *obj, size_t arg)
{
	kmem_cache_free(kmems[arg], obj);
}

static __always_inline void *general_alloc(size_t size, gfp_t gfp)
{
	return goalloc_alloc(size, gfp);
}

static __always_inline void general_free(void *obj, size_t size)
{
	goalloc_free(obj);
}

static __always_inline void *k_alloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

/* Where the compiler knows the size, the class or the kmalloc cache is chosen by it. */
static __always_inline void *general_alloc_100(size_t size, gfp_t gfp)
{
	return goalloc_alloc(100, gfp);
}

static __always_inline void *k_alloc_100(size_t size, gfp_t gfp)
{
	return kmalloc(100, gfp);
}

static __always_inline void k_free(void *obj, size_t size)
{
	kfree(obj);
}

static __always_inline void *kv_alloc(size_t size, gfp_t gfp)
{
	return kvmalloc(size, gfp);
}

static __always_inline void kv_free(void *obj, size_t size)
{
	kvfree(obj);
}

static __always_inline void *v_alloc(size_t size, gfp_t gfp)
{
	return __vmalloc(size, gfp);
}

static __always_inline void v_free(void *obj, size_t size)
{
	vfree(obj);
}

/*
 * The functions of a side, as a constant that the compiler sees through, and
 * the loops with them inlined.
 */
#define BENCH_SIDE(_side, _name, ...)                                                   \
	static bool _side##_run(const struct bench_op *op, unsigned int n,              \
				const struct bench_place *place)                        \
	{                                                                               \
		return run_shape((const struct bench_fns){ __VA_ARGS__ }, op, n, place); \
	}                                                                               \
	const struct bench_side _side = {                                               \
		.name = (_name),                                                        \
		.fns = { __VA_ARGS__ },                                                 \
		.run = _side##_run,                                                     \
	}

BENCH_SIDE(side_empty, "empty", empty_alloc, empty_free);
BENCH_SIDE(side_array, "percpu-array", array_alloc, array_free);
BENCH_SIDE(side_goalloc_cache, "goalloc", cache_alloc, cache_free, cache_alloc_bulk,
	   cache_free_bulk);
BENCH_SIDE(side_goalloc_caches, "goalloc", caches_alloc, caches_free);
BENCH_SIDE(side_goalloc, "goalloc", general_alloc, general_free);
BENCH_SIDE(side_kmem_cache, "kmem_cache", kmem_alloc, kmem_free, kmem_alloc_bulk,
	   kmem_free_bulk);
BENCH_SIDE(side_kmem_caches, "kmem_cache", kmems_alloc, kmems_free);
BENCH_SIDE(side_kmalloc, "kmalloc", k_alloc, k_free);
BENCH_SIDE(side_goalloc_100, "goalloc", general_alloc_100, general_free);
BENCH_SIDE(side_kmalloc_100, "kmalloc", k_alloc_100, k_free);
BENCH_SIDE(side_kvmalloc, "kvmalloc", kv_alloc, kv_free);
BENCH_SIDE(side_vmalloc, "vmalloc", v_alloc, v_free);

static int arrays_init(void)
{
	unsigned int cpu, i;

	for_each_online_cpu(cpu) {
		struct array *array = per_cpu_ptr(&arrays, cpu);

		for (i = 0; i < ARRAY_OBJS / 2; i++) {
			array->obj[array->n] = kmalloc(64, GFP_KERNEL);
			if (!array->obj[array->n])
				return -ENOMEM;
			array->n++;
		}
	}
	return 0;
}

/* One of many. With something to copy to user space SLUB makes it no other's alias. */
static int make_caches(unsigned int i)
{
	struct goalloc_cache_args args = { .heap = bench_heap };
	unsigned int size = 32 + 8 * i;
	char name[32];

	snprintf(name, sizeof(name), "goalloc_bench_m%u", i);
	caches[i] = goalloc_cache_create(name, size, &args, 0);
	if (IS_ERR(caches[i]))
		return PTR_ERR(caches[i]);
	kmems[i] = kmem_cache_create_usercopy(name, size, 0, 0, 0, size, NULL);
	return kmems[i] ? 0 : -ENOMEM;
}

int sides_init(void)
{
	struct goalloc_cache_args args = {};
	unsigned int i;
	int err;

	bench_heap = goalloc_heap_create("bench", 0);
	if (IS_ERR(bench_heap)) {
		err = PTR_ERR(bench_heap);
		bench_heap = NULL;
		return err;
	}
	args.heap = bench_heap;
	cache = goalloc_cache_create("goalloc_bench_64", 64, &args, 0);
	if (IS_ERR(cache))
		return PTR_ERR(cache);
	kmem = kmem_cache_create("goalloc_bench_64", 64, 0, 0, NULL);
	if (!kmem)
		return -ENOMEM;
	for (i = 0; i < BENCH_CACHES; i++) {
		err = make_caches(i);
		if (err)
			return err;
	}
	return arrays_init();
}

void sides_exit(void)
{
	unsigned int cpu, i;

	/* and its caches */
	if (bench_heap)
		goalloc_heap_destroy(bench_heap);
	kmem_cache_destroy(kmem);
	for (i = 0; i < BENCH_CACHES; i++)
		kmem_cache_destroy(kmems[i]);
	for_each_online_cpu(cpu) {
		struct array *array = per_cpu_ptr(&arrays, cpu);

		while (array->n)
			kfree(array->obj[--array->n]);
	}
}
