// SPDX-License-Identifier: GPL-2.0
/* A first client of goalloc: a heap, a cache in it, objects that free themselves. */
#include <linux/goalloc.h>

struct point {
	long x, y;
};

static struct goalloc_heap *heap;
static struct goalloc_cache *points;

static void use_some(void)
{
	struct point *p __free(goalloc) = goalloc_cache_zalloc(points, GFP_KERNEL);
	char *text __free(goalloc) = goalloc_heap_alloc(heap, 1000, GFP_KERNEL);

	if (p && text)
		pr_info("hello: a point, and 1000 bytes in %zu\n", goalloc_size(text));
}

static int __init hello_init(void)
{
	heap = goalloc_heap_create("hello", 0);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	points = goalloc_cache_create("point", sizeof(struct point),
				      &(struct goalloc_cache_args){ .heap = heap }, 0);
	if (IS_ERR(points)) {
		goalloc_heap_destroy(heap);
		return PTR_ERR(points);
	}
	use_some();
	return 0;
}
module_init(hello_init);

static void __exit hello_exit(void)
{
	goalloc_heap_destroy(heap); /* and all that is in it, the cache too */
}
module_exit(hello_exit);

MODULE_DESCRIPTION("A first client of goalloc");
MODULE_LICENSE("GPL");
