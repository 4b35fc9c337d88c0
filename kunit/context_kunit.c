// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: interrupts that allocate and free in the middle of each other and
 * of process context on the same CPU, the way past a busy CPU slot, and a CPU
 * that goes away with what it holds.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timer.h>

#include "../goalloc_mod/mstats.h"
#include "fixture.h"
#include "suites.h"

#define HELD 24U
#define PERIOD_NS (100 * NSEC_PER_USEC)

/**
 * struct party - somebody who allocates and frees
 * @c: the test's
 * @mark: what its objects are filled with
 * @rounds: how often it had its turn
 * @failed: how often there was no memory
 * @broken: objects that somebody else wrote to
 * @objs: objects it holds
 */
struct party {
	struct context *c;
	u8 mark;
	unsigned long rounds;
	unsigned long failed;
	unsigned long broken;
	u8 *objs[HELD];
};

/**
 * struct context - kunit's priv
 * @heap: the heap
 * @cache: a cache of small objects, whose spans CPUs own
 * @wide: a cache whose spans no CPU owns
 * @central: that of @cache
 * @process: the thread of the test
 * @hard: an hrtimer, in hard interrupt context
 * @work: an irq_work that the hrtimer raises
 * @soft: a timer
 * @tasklet: a tasklet that the hrtimer schedules
 * @hrtimer: of @hard
 * @irq_work: of @work
 * @timer: of @soft
 * @task: of @tasklet
 * @stop: no more turns
 */
struct context {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	struct goalloc_cache *wide;
	struct mcentral *central;
	struct party process, hard, work, soft, tasklet;
	struct hrtimer hrtimer;
	struct irq_work irq_work;
	struct timer_list timer;
	struct tasklet_struct task;
	bool stop;
};

static struct context *prepare(struct kunit *test)
{
	struct context *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct goalloc_cache_args args = {};

	KUNIT_ASSERT_NOT_NULL(test, c);
	pin(test);
	c->heap = test_heap(test, "kunit-context");
	args.heap = c->heap;
	c->cache = test_cache(test, "narrow", 256, &args, 0);
	c->wide = test_cache(test, "wide", 8704, &args, 0);
	c->central = &c->cache->central;
	c->process = (struct party){ .c = c, .mark = 0x10 };
	c->hard = (struct party){ .c = c, .mark = 0x20 };
	c->work = (struct party){ .c = c, .mark = 0x30 };
	c->soft = (struct party){ .c = c, .mark = 0x40 };
	c->tasklet = (struct party){ .c = c, .mark = 0x50 };
	return c;
}

/* The kinds differ in who may own their spans, and in where their state is. */
static void *alloc_some(struct context *c, unsigned int i, size_t *size)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	switch (i % 4) {
	case 0:
		*size = 8704;
		return goalloc_cache_alloc(c->wide, gfp);
	case 1:
		*size = 32;
		return goalloc_heap_alloc(c->heap, 32, gfp);
	default:
		*size = 256;
		return goalloc_cache_alloc(c->cache, gfp);
	}
}

static void drop(struct party *p, unsigned int i, size_t size)
{
	if (!p->objs[i])
		return;
	if (memchr_inv(p->objs[i], p->mark, size))
		p->broken++;
	goalloc_heap_free(p->c->heap, p->objs[i]);
	p->objs[i] = NULL;
}

/* A few frees and allocations; any context. */
static void turn(struct party *p, unsigned int n)
{
	while (n--) {
		unsigned int i = p->rounds++ * 7 % HELD;
		size_t size;
		u8 *obj = alloc_some(p->c, i, &size);

		drop(p, i, size);
		if (obj)
			memset(obj, p->mark, size);
		else
			p->failed++;
		p->objs[i] = obj;
	}
}

static void hard_work_fn(struct irq_work *work)
{
	struct context *c = container_of(work, struct context, irq_work);

	turn(&c->work, 3);
}

static enum hrtimer_restart hrtimer_fn(struct hrtimer *timer)
{
	struct context *c = container_of(timer, struct context, hrtimer);
	ktime_t start = ktime_get();

	if (READ_ONCE(c->stop))
		return HRTIMER_NORESTART;
	turn(&c->hard, 3);
	irq_work_queue(&c->irq_work);
	tasklet_schedule(&c->task);
	/* A slow machine must come to something else, too. */
	hrtimer_forward_now(timer, ns_to_ktime(PERIOD_NS + 10 * (ktime_get() - start)));
	return HRTIMER_RESTART;
}

static void timer_fn(struct timer_list *timer)
{
	struct context *c = container_of(timer, struct context, timer);

	turn(&c->soft, 50);
	if (!READ_ONCE(c->stop))
		mod_timer(&c->timer, jiffies + 1);
}

static void tasklet_fn(struct tasklet_struct *task)
{
	struct context *c = container_of(task, struct context, task);

	turn(&c->tasklet, 5);
}

static void finish(struct kunit *test, struct party *p)
{
	unsigned int i;

	for (i = 0; i < HELD; i++)
		drop(p, i, i % 4 == 0 ? 8704 : i % 4 == 1 ? 32 : 256);
	KUNIT_EXPECT_GE(test, p->rounds, 300UL);
	KUNIT_EXPECT_EQ(test, p->broken, 0UL);
	KUNIT_EXPECT_LT(test, p->failed, p->rounds / 10 + 10);
}

static bool all_had_turns(struct context *c, unsigned long n)
{
	return c->process.rounds >= n && READ_ONCE(c->hard.rounds) >= n &&
	       READ_ONCE(c->work.rounds) >= n && READ_ONCE(c->soft.rounds) >= n &&
	       READ_ONCE(c->tasklet.rounds) >= n;
}

/* All of them on one CPU, one in the middle of the other, for a while. */
static void context_nested(struct kunit *test)
{
	struct context *c = prepare(test);
	unsigned long enough = jiffies + 2 * HZ, end = jiffies + 20 * HZ;
	struct goalloc_heap_stats stats;
	long misuse = 0;
	int kind;

	for (kind = 0; kind < MISUSE_NR; kind++)
		misuse -= atomic_long_read(&mheap.misuse[kind]);
	init_irq_work(&c->irq_work, hard_work_fn);
	tasklet_setup(&c->task, tasklet_fn);
	timer_setup(&c->timer, timer_fn, TIMER_PINNED);
	hrtimer_setup(&c->hrtimer, hrtimer_fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);

	mod_timer(&c->timer, jiffies + 1);
	hrtimer_start(&c->hrtimer, ns_to_ktime(PERIOD_NS), HRTIMER_MODE_REL_PINNED_HARD);
	while (time_before(jiffies, enough) ||
	       (time_before(jiffies, end) && !all_had_turns(c, 300))) {
		turn(&c->process, 20);
		cond_resched();
	}
	WRITE_ONCE(c->stop, true);
	hrtimer_cancel(&c->hrtimer);
	irq_work_sync(&c->irq_work);
	tasklet_kill(&c->task);
	timer_delete_sync(&c->timer);

	finish(test, &c->process);
	finish(test, &c->hard);
	finish(test, &c->work);
	finish(test, &c->soft);
	finish(test, &c->tasklet);
	for (kind = 0; kind < MISUSE_NR; kind++)
		misuse += atomic_long_read(&mheap.misuse[kind]);
	KUNIT_EXPECT_EQ(test, misuse, 0L);
	goalloc_heap_stats(c->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.live_objects, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.mallocs,
			(u64)c->process.rounds + c->hard.rounds + c->work.rounds +
			c->soft.rounds + c->tasklet.rounds - c->process.failed -
			c->hard.failed - c->work.failed - c->soft.failed - c->tasklet.failed);
	goalloc_heap_shrink(c->heap);
	expect_recount(test);
}

/* A large object, and a class used for the first time, in a hard interrupt. */
static void first_uses(void *arg)
{
	struct context *c = arg;
	unsigned int i;

	for (i = 0; i < HELD; i++)
		c->hard.objs[i] = goalloc_heap_alloc(c->heap, i < HELD / 2 ? 1000 * i + 1 : SZ_64K,
						     GFP_ATOMIC);
	for (i = 1; i < HELD; i += 2) {
		goalloc_heap_free(c->heap, c->hard.objs[i]);
		c->hard.objs[i] = NULL;
	}
}

static void context_first_use(struct kunit *test)
{
	struct context *c = prepare(test);
	unsigned int i, n = 0;

	/* For the service worker to have something ready. */
	msleep(100);
	on_cpu(other_cpu(test), first_uses, c);
	for (i = 0; i < HELD; i += 2)
		n += !!c->hard.objs[i];
	KUNIT_EXPECT_EQ(test, n, HELD / 2);
	KUNIT_EXPECT_EQ(test, heap_live(c->heap), (u64)n);
	goalloc_free_bulk(HELD, (void **)c->hard.objs);
}

/*
 * As an interrupt in the middle of a section finds it: the CPU's slot is busy,
 * and all goes past it, free slots that it has or not.
 */
static void context_busy(struct kunit *test)
{
	struct context *c = prepare(test);
	u8 *own[20], *bulk[40], *nested;
	struct mcache_slot *s;
	struct mspan *span;
	u64 nalloc, nremote;
	int n, i;

	in_address_order(test);
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		own[i] = goalloc_cache_alloc(c->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, own[i]);
	}
	preempt_disable();
	KUNIT_EXPECT_TRUE(test, central_has_slots(c->central));
	s = this_cpu_ptr(c->central->slots);
	span = s->span;
	KUNIT_EXPECT_PTR_EQ(test, span, span_containing((unsigned long)own[0]));
	KUNIT_EXPECT_GT(test, 2 * (int)ARRAY_SIZE(own), (int)span->nelems);
	nalloc = s->nalloc;
	nremote = s->nremote;

	WRITE_ONCE(s->busy, 1);
	nested = goalloc_cache_alloc(c->cache, GFP_ATOMIC);
	KUNIT_EXPECT_NOT_NULL(test, nested);
	KUNIT_EXPECT_PTR_NE(test, span_containing((unsigned long)nested), span);
	n = goalloc_cache_alloc_bulk(c->cache, GFP_ATOMIC, ARRAY_SIZE(bulk), (void **)bulk);
	KUNIT_EXPECT_EQ(test, n, (int)ARRAY_SIZE(bulk));
	KUNIT_EXPECT_EQ(test, s->nalloc, nalloc);

	/* A free into the CPU's own span: for its owner to find. */
	goalloc_cache_free(c->cache, own[0]);
	KUNIT_EXPECT_EQ(test, s->nremote, nremote + 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&span->bits->rfree), 1LL);
	goalloc_heap_free(c->heap, own[1]);
	goalloc_free(nested);
	KUNIT_EXPECT_EQ(test, s->nremote, nremote + 3);
	for (i = 2; i < ARRAY_SIZE(own); i++)
		goalloc_free(own[i]);
	KUNIT_EXPECT_EQ(test, s->busy, 1);
	KUNIT_EXPECT_PTR_EQ(test, s->span, span);
	WRITE_ONCE(s->busy, 0);
	preempt_enable();

	KUNIT_EXPECT_EQ(test, heap_live(c->heap), (u64)n);
	goalloc_cache_free_bulk(c->cache, n, (void **)bulk);
	/* The owner takes the others first, then those that were freed to it. */
	KUNIT_EXPECT_EQ(test, goalloc_cache_alloc_bulk(c->cache, GFP_KERNEL, span->nelems,
						       (void **)bulk), (int)span->nelems);
	for (n = 0; n < span->nelems; n++)
		KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)bulk[n]), span);
	goalloc_cache_free_bulk(c->cache, n, (void **)bulk);
}

static void take_there(void *arg)
{
	struct context *c = arg;
	unsigned int i;

	for (i = 0; i < HELD; i++)
		c->hard.objs[i] = goalloc_cache_alloc(c->cache, GFP_ATOMIC);
}

/* A CPU goes, with a span of its own: others get at the slots that are left. */
static void context_cpu_offline(struct kunit *test)
{
	struct context *c = prepare(test);
	unsigned int cpu = other_cpu(test), left, i;
	struct mspan *span;
	int err;

	on_cpu(cpu, take_there, c);
	KUNIT_ASSERT_NOT_NULL(test, c->hard.objs[HELD - 1]);
	span = span_containing((unsigned long)c->hard.objs[0]);
	KUNIT_EXPECT_EQ(test, span->owner, cpu + 1);
	KUNIT_EXPECT_PTR_EQ(test, per_cpu_ptr(c->central->slots, cpu)->span, span);

	err = remove_cpu(cpu);
	if (err) {
		goalloc_free_bulk(HELD, (void **)c->hard.objs);
		kunit_skip(test, "CPU %u cannot go offline: %d", cpu, err);
	}
	KUNIT_EXPECT_NULL(test, per_cpu_ptr(c->central->slots, cpu)->span);
	KUNIT_EXPECT_EQ(test, span->owner, MSPAN_NONE);
	KUNIT_EXPECT_TRUE(test, span->flags & MSPAN_LINKED);
	left = span->nelems - mspan_live(span);
	KUNIT_EXPECT_EQ(test, left, span->nelems - HELD);
	for (i = 0; i < left && i < HELD; i++) {
		c->process.objs[i] = goalloc_cache_alloc(c->cache, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)c->process.objs[i]), span);
	}
	goalloc_free_bulk(HELD, (void **)c->hard.objs);
	goalloc_free_bulk(HELD, (void **)c->process.objs);
	/* What takes spans back has no CPU to ask. */
	goalloc_heap_shrink(c->heap);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&c->heap->pages), 0L);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);

	on_cpu(cpu, take_there, c);
	span = span_containing((unsigned long)c->hard.objs[0]);
	KUNIT_EXPECT_EQ(test, span->owner, cpu + 1);
	goalloc_free_bulk(HELD, (void **)c->hard.objs);
	expect_recount(test);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE_SLOW(context_nested),
	KUNIT_CASE(context_first_use),
	KUNIT_CASE(context_busy),
	KUNIT_CASE_SLOW(context_cpu_offline),
	{}
};

struct kunit_suite goalloc_context_suite = {
	.name = "goalloc_context",
	.test_cases = context_cases,
};
