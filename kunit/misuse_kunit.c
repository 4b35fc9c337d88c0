// SPDX-License-Identifier: GPL-2.0
/*
 * Frees that are none, one test for each kind that the documentation lists: it
 * must be refused, counted in the mheap and, where there is one, in the heap, printed
 * once for each caller however often that comes, and leave the heap as it was
 * (misuse_exit()).
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "misuse.h"
#include "suites.h"

static void misuse_double_free(struct kunit *test)
{
	struct goalloc_cache *cache = cache_of(test);
	void *p = cache_victim(test), *q = heap_victim(test, VICTIM_SIZE);
	void *bulk[2];

	goalloc_cache_free(cache, hide(p));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(cache, hide(p)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(p)));

	goalloc_free(hide(q));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(q)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_heap_free(heap_of(test), hide(q)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free_sensitive(hide(q)));

	/* A bad one does not keep the others alive. */
	bulk[0] = hide(q);
	bulk[1] = cache_victim(test);
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free_bulk(1, bulk));
	bulk[0] = NULL;
	goalloc_free_bulk(2, bulk);
}

struct remote {
	struct goalloc_cache *cache;
	void *obj;
};

static void remote_alloc(void *arg)
{
	struct remote *r = arg;

	r->obj = goalloc_cache_alloc(r->cache, GFP_ATOMIC);
}

static void remote_free(void *arg)
{
	struct remote *r = arg;

	goalloc_free(hide(r->obj));
}

/* Not a tail call: goalloc has to see who it was. */
static void misuse_other_cpu_there(void *arg)
{
	goalloc_free(hide(arg));
	barrier();
}

static void misuse_other_cpu(struct kunit *test)
{
	unsigned int cpu = other_cpu(test);
	void *p = cache_victim(test);

	goalloc_free(hide(p));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, on_cpu(cpu, misuse_other_cpu_there, p));
}

static void misuse_other_cpu_first(struct kunit *test)
{
	struct remote r = { cache_of(test), cache_victim(test) };

	/* In rfree, where the owner has not merged it from. */
	on_cpu(other_cpu(test), remote_free, &r);
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(r.cache, hide(r.obj)));
}

static void misuse_cached_slot(struct kunit *test)
{
	struct remote r = { cache_of(test) };
	unsigned int cpu = other_cpu(test);
	void *p;

	/* In the window of another CPU. */
	on_cpu(cpu, remote_alloc, &r);
	KUNIT_ASSERT_NOT_NULL(test, r.obj);
	KUNIT_EXPECT_EQ(test, span_containing((unsigned long)r.obj)->owner, cpu + 1);
	on_cpu(cpu, remote_free, &r);
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(r.cache, hide(r.obj)));

	/* In a span that went back to its central; the witnesses keep it alive. */
	p = cache_victim(test);
	goalloc_free(hide(p));
	goalloc_cache_shrink(r.cache);
	KUNIT_EXPECT_EQ(test, span_containing((unsigned long)p)->owner, MSPAN_NONE);
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(p)));
}

static void misuse_freed_span_there(void *arg)
{
	goalloc_free(hide(arg));
	barrier();
}

/* In the span that a CPU owns because it freed into it. */
static void misuse_freed_span(struct kunit *test)
{
	struct goalloc_cache *cache = cache_of(test);
	unsigned int cpu = pin(test);
	void *objs[32], *p, *q, *live;

	if (want_init_on_free())
		kunit_skip(test, "no CPU keeps a span to clear objects in it");
	KUNIT_ASSERT_EQ(test, goalloc_cache_alloc_bulk(cache, GFP_KERNEL, 32, objs), 32);
	p = hide(objs[8]);
	q = hide(objs[9]);
	live = hide(objs[10]);
	goalloc_cache_free(cache, hide(p));
	goalloc_cache_free(cache, hide(q));
	KUNIT_ASSERT_EQ(test, span_containing((unsigned long)p)->owner, cpu + 1);
	KUNIT_ASSERT_PTR_EQ(test, per_cpu_ptr(cache->central.slots, cpu)->fspan,
			    span_containing((unsigned long)p));

	/* One that was freed by an atomic operation, and one that was not. */
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(cache, hide(p)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(cache, hide(q)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true,
		       on_cpu(other_cpu(test), misuse_freed_span_there, q));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free(hide(live + 8)));
	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true,
		       goalloc_heap_free(goalloc_heap_default(), hide(live)));
	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true, goalloc_heap_free(NULL, hide(live)));
	objs[8] = NULL;
	objs[9] = NULL;
	goalloc_free_bulk(32, objs);
}

static void misuse_never_handed_out(struct kunit *test)
{
	struct remote r = { cache_of(test) };
	void *p = cache_victim(test);
	struct mspan *span = span_containing((unsigned long)p);
	void *last = (void *)span->base + (span->nelems - 1) * span->elemsize;

	/* Slots go in ascending order. */
	KUNIT_ASSERT_PTR_NE(test, p, last);
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_cache_free(r.cache, hide(last)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(last)));
	goalloc_free(p);

	/* One that only waits in another CPU's window. */
	on_cpu(other_cpu(test), remote_alloc, &r);
	KUNIT_ASSERT_NOT_NULL(test, r.obj);
	span = span_containing((unsigned long)r.obj);
	last = (void *)span->base + (span->nelems - 1) * span->elemsize;
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(last)));
	goalloc_free(r.obj);
}

static void misuse_interior(struct kunit *test)
{
	struct goalloc_cache *cache = cache_of(test);
	void *p = cache_victim(test), *large = heap_victim(test, 100000);

	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_cache_free(cache, hide(p + 1)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free(hide(p + 8)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free(hide(p + VICTIM_SIZE - 1)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free(hide(large + 8)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true,
		       goalloc_free(hide(large + GOALLOC_PAGE_SIZE)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free_sensitive(hide(p + 64)));
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true,
		       KUNIT_EXPECT_EQ(test, goalloc_size(hide(p + 8)), 0));
	goalloc_free(large);
	goalloc_free(p);
}

/* Behind the last slot of a span is room that is no slot. */
static void misuse_span_tail(struct kunit *test)
{
	void *p = heap_victim(test, 480);
	struct mspan *span = span_containing((unsigned long)p);
	void *tail = (void *)span->base + span->nelems * span->elemsize;

	KUNIT_ASSERT_LT(test, span->nelems * span->elemsize, (u32)GOALLOC_PAGE_SIZE);
	EXPECT_REFUSED(test, MISUSE_INTERIOR, true, goalloc_free(hide(tail)));
	goalloc_free(p);
}

static void misuse_stack(struct kunit *test)
{
	u64 local[8];

	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(local)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false,
		       goalloc_cache_free(cache_of(test), hide(local)));
}

static void misuse_kmalloc(struct kunit *test)
{
	void *p = hide(kunit_kmalloc(test, VICTIM_SIZE, GFP_KERNEL));

	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false,
		       KUNIT_EXPECT_NULL(test, goalloc_realloc(hide(p), 64, GFP_KERNEL)));
}

static void misuse_vmalloc(struct kunit *test)
{
	void *p = vmalloc(4 * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, p);
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_heap_free(heap_of(test), hide(p)));
	vfree(p);
}

static void misuse_module(struct kunit *test)
{
	static char data[64];

	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(data)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(misuse_module)));
}

static void misuse_user_address(struct kunit *test)
{
	void *p = (__force void *)user_page(test);

	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false,
		       goalloc_cache_free(cache_of(test), hide(p)));
}

static void misuse_unmapped(struct kunit *test)
{
	static const unsigned long addrs[] = {
		0x11, 0x1000, ~0UL, ~7UL, 1UL << 62, (unsigned long)-ENOMEM,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide((void *)addrs[i])));
	/* The ends of the vmalloc space, and of the arena index. */
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide((void *)VMALLOC_START)));
	EXPECT_REFUSED(test, MISUSE_FOREIGN, false, goalloc_free(hide((void *)VMALLOC_END)));
}

static void misuse_torn_down(struct kunit *test)
{
	struct goalloc_heap *heap = goalloc_heap_create("kunit-gone", 0);
	struct goalloc_cache_args args = { .heap = heap };
	struct goalloc_cache *cache;
	void *p, *q, *large;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	cache = goalloc_cache_create("gone", 320, &args, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache);
	p = goalloc_cache_alloc(cache, GFP_KERNEL);
	q = goalloc_heap_alloc(heap, 96, GFP_KERNEL);
	large = goalloc_heap_alloc(heap, 65536, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NOT_NULL(test, q);
	KUNIT_EXPECT_NOT_NULL(test, large);

	goalloc_cache_destroy(cache);
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_free(hide(p)));
	goalloc_heap_destroy(heap);
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_free(hide(q)));
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_free(hide(large)));
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_free(hide(large + GOALLOC_PAGE_SIZE)));
}

/* A large object leaves nothing behind that could be called free. */
static void misuse_large_twice(struct kunit *test)
{
	void *p = heap_victim(test, 200000);

	goalloc_free(hide(p));
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_DEAD, false, goalloc_heap_free(heap_of(test), hide(p)));
}

static void misuse_wrong_cache(struct kunit *test)
{
	struct goalloc_cache_args args = { .heap = heap_of(test) };
	struct goalloc_cache *other = test_cache(test, "other", VICTIM_SIZE, &args, 0);
	void *p = cache_victim(test), *q = heap_victim(test, VICTIM_SIZE);
	void *large = heap_victim(test, 50000), *o = goalloc_cache_alloc(other, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	EXPECT_REFUSED(test, MISUSE_WRONG_CACHE, true, goalloc_cache_free(other, hide(p)));
	EXPECT_REFUSED(test, MISUSE_WRONG_CACHE, true, goalloc_cache_free(other, hide(q)));
	EXPECT_REFUSED(test, MISUSE_WRONG_CACHE, true, goalloc_cache_free(other, hide(large)));
	EXPECT_REFUSED(test, MISUSE_WRONG_CACHE, true,
		       goalloc_cache_free(cache_of(test), hide(o)));
	goalloc_cache_free(other, o);
	goalloc_free(large);
	goalloc_free(q);
	goalloc_free(p);
}

static void misuse_wrong_heap(struct kunit *test)
{
	struct goalloc_heap *other = test_heap(test, "kunit-other");
	void *p = cache_victim(test), *q = heap_victim(test, 40), *large = heap_victim(test, 40000);

	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true, goalloc_heap_free(other, hide(p)));
	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true, goalloc_heap_free(other, hide(q)));
	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true, goalloc_heap_free(other, hide(large)));
	EXPECT_REFUSED(test, MISUSE_WRONG_HEAP, true,
		       goalloc_heap_free(goalloc_heap_default(), hide(q)));
	KUNIT_EXPECT_EQ(test, heap_live(other), 0ULL);
	goalloc_heap_free(heap_of(test), large);
	goalloc_heap_free(heap_of(test), q);
	goalloc_heap_free(heap_of(test), p);
}

struct rcu_victim {
	u8 payload[40];
	struct rcu_head rcu;
};

static void misuse_rcu_pending(struct kunit *test)
{
	struct misuse_fixture *f = test->priv;
	struct goalloc_cache *cache = f->cache;
	struct rcu_victim *p = cache_victim(test), *large = heap_victim(test, 40000);

	/* No grace period ends meanwhile. */
	rcu_read_lock();
	f->rcu = true;
	goalloc_free_rcu(p, rcu);
	goalloc_free_rcu(large, rcu);
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true, goalloc_cache_free(cache, hide(p)));
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true, __goalloc_free_rcu(hide(p), &p->rcu));
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true, goalloc_free_sensitive(hide(p)));
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true, goalloc_free(hide(large)));
	EXPECT_REFUSED(test, MISUSE_FREE_RCU_PENDING, true,
		       __goalloc_free_rcu(hide(large), &large->rcu));
	f->rcu = false;
	rcu_read_unlock();
	goalloc_rcu_barrier();
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, goalloc_free(hide(p)));
	EXPECT_REFUSED(test, MISUSE_DOUBLE_FREE, true, __goalloc_free_rcu(hide(p), &p->rcu));
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_double_free),
	KUNIT_CASE(misuse_other_cpu),
	KUNIT_CASE(misuse_other_cpu_first),
	KUNIT_CASE(misuse_cached_slot),
	KUNIT_CASE(misuse_freed_span),
	KUNIT_CASE(misuse_never_handed_out),
	KUNIT_CASE(misuse_interior),
	KUNIT_CASE(misuse_span_tail),
	KUNIT_CASE(misuse_stack),
	KUNIT_CASE(misuse_kmalloc),
	KUNIT_CASE(misuse_vmalloc),
	KUNIT_CASE(misuse_module),
	KUNIT_CASE(misuse_user_address),
	KUNIT_CASE(misuse_unmapped),
	KUNIT_CASE(misuse_torn_down),
	KUNIT_CASE(misuse_large_twice),
	KUNIT_CASE(misuse_wrong_cache),
	KUNIT_CASE(misuse_wrong_heap),
	KUNIT_CASE(misuse_rcu_pending),
	{}
};

struct kunit_suite goalloc_misuse_suite = {
	.name = "goalloc_misuse",
	.init = misuse_init,
	.exit = misuse_exit,
	.test_cases = misuse_cases,
};
