// SPDX-License-Identifier: GPL-2.0
/*
 * What comes in the middle of a collector's cycle: spans that are made, claimed, kept
 * and given up in each of its phases, heaps, CPUs and modules that go, and stores from
 * all CPUs and contexts.
 */
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/timer.h>

#include "../goalloc_mod/track.h"
#include "gc_world.h"
#include "suites.h"

struct when {
	const char *name;
	enum gc_test_point point;
};

static const struct when whens[] = {
	{ "mark", GC_AT_MARK },
	{ "g1", GC_AT_G1 },
	{ "root", GC_AT_ROOT },
	{ "drained", GC_AT_DRAINED },
	{ "clean", GC_AT_CLEAN },
	{ "drain", GC_AT_DRAIN },
	{ "off", GC_AT_OFF },
	{ "sweep", GC_AT_SWEEP },
};

static void when_name(const struct when *when, char *desc)
{
	strscpy(desc, when->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(when, whens, when_name);

static enum gc_test_point point_of(struct kunit *test)
{
	return ((const struct when *)test->param_value)->point;
}

static struct world *prepare(struct kunit *test)
{
	struct world *w;

	pin(test);
	in_address_order(test);
	w = make_world(test, "kunit-gc-cycle");
	testing(test, w, 0);
	return w;
}

/* Nodes in front of the list at a root; and as many that go. */
static void add_nodes(struct kunit *test, struct world *w, unsigned int root, unsigned int n)
{
	struct gnode *node;

	enter(w);
	for (; n; n--) {
		node = new_node(w, n);
		KUNIT_ASSERT_NOT_NULL(test, node);
		goalloc_gc_assign(w->heap, &node->left, goalloc_gc_load(&w->root[root]));
		goalloc_gc_assign(w->heap, &w->root[root], node);
		KUNIT_ASSERT_NOT_NULL(test, new_node(w, n));
	}
	leave(w);
}

static unsigned int count_nodes(struct kunit *test, struct world *w, unsigned int root)
{
	unsigned int n = 0;
	struct gnode *node;

	enter(w);
	for (node = goalloc_gc_load(&w->root[root]); node; node = goalloc_gc_load(&node->left)) {
		KUNIT_ASSERT_EQ(test, node->canary, CANARY ^ node->id);
		n++;
	}
	leave(w);
	return n;
}

static void drop(struct world *w)
{
	unsigned int i;

	enter(w);
	for (i = 0; i < ARRAY_SIZE(w->root); i++)
		goalloc_gc_assign(w->heap, &w->root[i], NULL);
	leave(w);
}

static void expect_swept(struct kunit *test, struct world *w, void *obj)
{
	struct mspan *span = span_containing((unsigned long)obj);
	unsigned int k;

	KUNIT_EXPECT_EQ(test, span->gc->sweepgen, gc_generation(gc_word(w->heap)));
	KUNIT_EXPECT_EQ(test, span->gc->listgen, span->central->listgen);
	KUNIT_EXPECT_EQ(test, span->central->nunswept, 0UL);
	for (k = 0; k < mspan_groups(span); k++) {
		KUNIT_EXPECT_EQ(test, atomic64_read(&span->bits[k].mark), 0LL);
		KUNIT_EXPECT_EQ(test, atomic64_read(&span->gc->scanned[k]), 0LL);
	}
	KUNIT_EXPECT_EQ(test, span->gc->queued, 0);
}

/* Spans of all kinds are made. */
static void span_is_born(struct kunit *test)
{
	static const size_t lengths[] = { 3, 40, 300, 70000 };
	struct world *w = prepare(test);
	struct gnode *array;
	unsigned int i;

	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	enter(w);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		array = goalloc_gc_alloc_array(w->node, lengths[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, array);
		w->obj[i] = array;
		goalloc_gc_assign(w->heap, &w->root[i], array);
		goalloc_gc_assign(w->heap, &array[lengths[i] - 1].right, new_node(w, i));
		KUNIT_ASSERT_NOT_NULL(test, goalloc_gc_alloc_array(w->node, lengths[i],
								   GFP_KERNEL));
	}
	leave(w);
	go(w, point_of(test));
	finish(test, w);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_EXPECT_FALSE(test, is_lost(w->obj[i]));
		expect_swept(test, w, w->obj[i]);
	}
	expect_live(test, w, 2 * ARRAY_SIZE(lengths));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		enter(w);
		array = goalloc_gc_load(&w->root[i]);
		KUNIT_EXPECT_EQ(test, goalloc_gc_load(&array[lengths[i] - 1].right)->id,
				(unsigned long)i);
		leave(w);
	}
	drop(w);
	expect_live(test, w, 0);
	expect_recount(test);
}

/* Spans that died in a cycle live again in the next one. */
static void span_comes_back(struct kunit *test)
{
	struct world *w = prepare(test);

	add_nodes(test, w, 0, 2000);
	drop(w);
	goalloc_heap_shrink(w->heap);
	add_nodes(test, w, 1, 2);
	expect_live(test, w, 2);
	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	add_nodes(test, w, 0, 2000);
	go(w, point_of(test));
	finish(test, w);
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 0), 2000);
	expect_swept(test, w, (void __force *)w->root[0]);
	expect_live(test, w, 2002);
	drop(w);
	expect_live(test, w, 0);
}

/* A span that nobody owns is claimed, by a CPU and by who may not use its slot. */
static void span_is_claimed(struct kunit *test)
{
	struct world *w = prepare(test);
	struct mspan *span;
	bool dirty;

	add_nodes(test, w, 0, 20);
	w->obj[0] = (void __force *)w->root[0];
	span = span_containing((unsigned long)w->obj[0]);
	goalloc_heap_shrink(w->heap);
	KUNIT_ASSERT_EQ(test, span->owner, MSPAN_NONE);
	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	enter(w);
	preempt_disable();
	KUNIT_EXPECT_EQ(test, mcentral_alloc(span->central, 1, (void **)&w->obj[1], &dirty), 1);
	preempt_enable();
	goalloc_track_alloc(span->central, w->obj[1], GFP_KERNEL);
	memset(w->obj[1], 0, sizeof(struct gnode));
	goalloc_gc_assign(w->heap, &w->root[1], w->obj[1]);
	w->obj[2] = new_node(w, 1);
	goalloc_gc_assign(w->heap, &w->root[2], w->obj[2]);
	KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)w->obj[1]), span);
	KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)w->obj[2]), span);
	leave(w);
	go(w, point_of(test));
	finish(test, w);
	KUNIT_EXPECT_FALSE(test, is_lost(w->obj[1]));
	KUNIT_EXPECT_FALSE(test, is_lost(w->obj[2]));
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 0), 20);
	expect_swept(test, w, w->obj[0]);
	expect_live(test, w, 22);
}

/* A CPU's span all through a cycle, from which it allocates at each point. */
static void span_is_kept(struct kunit *test)
{
	struct world *w = prepare(test);
	unsigned int i;

	add_nodes(test, w, 0, 3);
	for (i = 0; i < ARRAY_SIZE(whens); i++)
		arm(w, whens[i].point);
	start(w);
	for (i = 0; i < ARRAY_SIZE(whens); i++) {
		wait_at(test, w, whens[i].point);
		add_nodes(test, w, 0, 5);
		go(w, whens[i].point);
	}
	finish(test, w);
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 0), 3 + 5 * ARRAY_SIZE(whens));
	expect_live(test, w, 3 + 5 * ARRAY_SIZE(whens));
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 0), 3 + 5 * ARRAY_SIZE(whens));
}

/* The same span is full, but for what was freed by hand before the cycle. */
static void slot_was_freed(struct kunit *test)
{
	struct world *w = prepare(test);
	unsigned int i, nelems;
	struct mspan *span;

	goalloc_heap_shrink(w->heap);
	enter(w);
	w->obj[0] = new_node(w, 1);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[0]);
	span = span_containing((unsigned long)w->obj[0]);
	goalloc_gc_assign(w->heap, &w->root[0], w->obj[0]);
	nelems = span->nelems;
	for (i = 1; i < nelems; i++) {
		w->obj[1] = new_node(w, i);
		KUNIT_ASSERT_PTR_EQ(test, span_containing((unsigned long)w->obj[1]), span);
	}
	goalloc_free(w->obj[1]);
	leave(w);
	KUNIT_ASSERT_EQ(test, span->owner, raw_smp_processor_id() + 1);
	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	enter(w);
	w->obj[2] = new_node(w, 2);
	KUNIT_EXPECT_PTR_EQ(test, w->obj[2], w->obj[1]);
	goalloc_gc_assign(w->heap, &w->root[1], w->obj[2]);
	leave(w);
	go(w, point_of(test));
	finish(test, w);
	KUNIT_EXPECT_FALSE(test, is_lost(w->obj[2]));
	expect_swept(test, w, w->obj[0]);
	expect_live(test, w, 2);
}

/* Who needs a span has full ones swept, and makes none. */
static void swept_for_room(struct kunit *test)
{
	struct goalloc_gc_stats stats;
	struct world *w = prepare(test);
	unsigned int i;
	long pages;

	add_nodes(test, w, 0, 1000);
	enter(w);
	for (i = 0; i < 5000; i++)
		KUNIT_ASSERT_NOT_NULL(test, new_node(w, i));
	leave(w);
	goalloc_heap_shrink(w->heap);
	pages = atomic_long_read(&w->heap->pages);
	arm(w, GC_AT_SWEEP);
	start(w);
	wait_at(test, w, GC_AT_SWEEP);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.objects_swept, 0ULL);
	add_nodes(test, w, 1, 2000);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->heap->pages), pages);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_GT(test, stats.objects_swept, 3000ULL);
	go(w, GC_AT_SWEEP);
	finish(test, w);
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 1), 2000);
	expect_live(test, w, 3000);
}

/* The heap goes. The gate opens by itself, for this waits for the cycle. */
static void heap_goes(struct kunit *test)
{
	struct world *w = prepare(test);
	struct goalloc_heap *heap = w->heap;

	add_nodes(test, w, 0, 5000);
	arm(w, point_of(test))->limit_ms = 100;
	start(w);
	wait_at(test, w, point_of(test));
	w->heap = NULL;
	goalloc_heap_destroy(heap);
	expect_recount(test);
}

static void allocate_there(void *arg)
{
	struct world *w = arg;
	int section = goalloc_gc_lock(w->heap);
	struct gnode *n = goalloc_gc_alloc(w->node, GFP_ATOMIC);

	if (n)
		goalloc_gc_assign(w->heap, &n->left, goalloc_gc_load(&w->root[3]));
	goalloc_gc_assign(w->heap, &w->root[3], n);
	goalloc_gc_unlock(w->heap, section);
}

static bool list_is(struct world *w, unsigned int n)
{
	int section = goalloc_gc_lock(w->heap);
	struct gnode *node;

	for (node = goalloc_gc_load(&w->root[3]); node; node = goalloc_gc_load(&node->left))
		n--;
	goalloc_gc_unlock(w->heap, section);
	return !n;
}

/* A CPU goes with a span of its own, and comes again. */
static void cpu_goes(struct kunit *test)
{
	struct world *w = prepare(test);
	unsigned int cpu = other_cpu(test), i;
	int err;

	add_nodes(test, w, 0, 10);
	for (i = 0; i < 10; i++)
		on_cpu(cpu, allocate_there, w);
	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	for (i = 0; i < 10; i++)
		on_cpu(cpu, allocate_there, w);
	err = remove_cpu(cpu);
	if (err)
		kunit_skip(test, "CPU %u cannot go offline: %d", cpu, err);
	add_nodes(test, w, 1, 500);
	err = add_cpu(cpu);
	for (i = 0; !err && i < 10; i++)
		on_cpu(cpu, allocate_there, w);
	go(w, point_of(test));
	KUNIT_ASSERT_EQ(test, err, 0);
	finish(test, w);
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 0), 10);
	KUNIT_EXPECT_EQ(test, count_nodes(test, w, 1), 500);
	KUNIT_EXPECT_TRUE(test, list_is(w, 30));
	expect_live(test, w, 540);
	KUNIT_EXPECT_TRUE(test, list_is(w, 30));
}

struct going {
	struct world *w;
	struct completion done;
	unsigned int finalized;
};

static void count_final(void *obj, void *data)
{
	struct going *g = data;

	g->finalized++;
}

/* As the notifier does it for a module that goes. */
static int forget(void *arg)
{
	struct going *g = arg;

	gc_forget_roots(g->w->heap->gc, THIS_MODULE);
	if (gc_forget_finalizers(g->w->heap->gc, THIS_MODULE))
		gc_final_wait();
	g->w->forgotten = true;
	complete(&g->done);
	return until_stopped();
}

static void module_goes(struct kunit *test)
{
	struct going *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct world *w = prepare(test);
	bool held = point_of(test) == GC_AT_ROOT;

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->w = w;
	init_completion(&g->done);
	add_nodes(test, w, 0, 100);
	enter(w);
	w->obj[0] = new_node(w, 1);
	KUNIT_ASSERT_EQ(test, goalloc_gc_set_finalizer(w->heap, w->obj[0], count_final, g,
						       GFP_KERNEL), 0);
	leave(w);
	arm(w, point_of(test));
	start(w);
	wait_at(test, w, point_of(test));
	run_on(test, raw_smp_processor_id(), forget, g);
	/* Its memory is looked at. */
	if (held)
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&g->done, HZ / 5), 0UL);
	else
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&g->done, 10 * HZ), 0UL);
	go(w, point_of(test));
	if (held)
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&g->done, 10 * HZ), 0UL);
	finish(test, w);
	memset(w->root, 0xff, sizeof(w->root));
	/* What was found may be live for a cycle, and the finalizer's object for one more. */
	KUNIT_EXPECT_EQ(test, goalloc_gc_collect(w->heap), 0);
	irq_work_sync(&w->heap->gc->final_irq);
	gc_final_wait();
	expect_live(test, w, 0);
	KUNIT_EXPECT_EQ(test, g->finalized, 0);
}

#define SLOTS 61

struct storm {
	struct world *w;
	struct gnode __gc *slots[SLOTS];
	struct timer_list timer;
	bool stop;
	atomic_t bad;
	atomic_t running;
	u64 rewired;
};

/* Load, look, move, cut and make nodes. In any context. */
static void rewire(struct storm *s, struct rnd_state *rnd, unsigned int n, gfp_t gfp)
{
	struct goalloc_heap *heap = s->w->heap;
	int section = goalloc_gc_lock(heap);

	while (n--) {
		u32 r = prandom_u32_state(rnd);
		struct gnode __gc **from = &s->slots[r % SLOTS];
		struct gnode __gc **to = &s->slots[(r >> 8) % SLOTS];
		struct gnode *a = goalloc_gc_load(from);
		struct gnode *b = goalloc_gc_load(to);

		if ((a && a->canary != (CANARY ^ a->id)) || (b && b->canary != (CANARY ^ b->id)))
			atomic_inc(&s->bad);
		switch (r >> 16 & 7) {
		case 0: /* deeper */
			if (a)
				goalloc_gc_assign(heap, to, goalloc_gc_load(&a->left));
			break;
		case 1:
			if (a)
				goalloc_gc_assign(heap, &a->right, b);
			break;
		case 2:
			if (a && b)
				goalloc_gc_assign(heap, &b->left, goalloc_gc_load(&a->right));
			break;
		case 3: /* a move: for a moment it is nowhere */
			goalloc_gc_assign(heap, from, NULL);
			goalloc_gc_assign(heap, to, a);
			break;
		case 4:
			if (b)
				goalloc_gc_copy(s->w->node, b, a ?: b, 1);
			break;
		case 5:
			goalloc_gc_assign(heap, from, b);
			break;
		default:
			a = goalloc_gc_alloc(s->w->node, gfp);
			if (!a)
				break;
			a->id = 7;
			a->canary = CANARY ^ 7;
			goalloc_gc_assign(heap, &a->left, b);
			goalloc_gc_assign(heap, to, a);
		}
	}
	goalloc_gc_unlock(heap, section);
}

static int rewire_thread(void *arg)
{
	struct storm *s = arg;
	struct rnd_state rnd;
	u64 n = 0;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!READ_ONCE(s->stop) && !kthread_should_stop()) {
		rewire(s, &rnd, 50, GFP_KERNEL);
		n += 50;
		/* Or the collector, which is nice, has no CPU. */
		if (n % 5000 == 0)
			schedule_timeout_uninterruptible(1);
	}
	WRITE_ONCE(s->rewired, READ_ONCE(s->rewired) + n);
	atomic_dec(&s->running);
	return until_stopped();
}

static void rewire_in_softirq(struct timer_list *timer)
{
	struct storm *s = container_of(timer, struct storm, timer);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, jiffies);
	rewire(s, &rnd, 50, GFP_ATOMIC);
	mod_timer(timer, jiffies + 1);
}

static void rewire_in_hardirq(void *arg)
{
	struct storm *s = arg;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, jiffies);
	rewire(s, &rnd, 50, GFP_ATOMIC);
}

static void end_storm(void *ctx)
{
	struct storm *s = ctx;

	timer_delete_sync(&s->timer);
	goalloc_gc_root_remove(s->w->heap, s->slots);
}

/* All at once, while one cycle follows the other, and each is checked. */
static void all_at_once(struct kunit *test)
{
	struct storm *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned long end = jiffies + 2 * HZ;
	struct goalloc_gc_stats stats;
	unsigned int cpu, cycles = 0;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->w = make_world(test, "kunit-gc-storm");
	KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(s->w->heap, s->slots, SLOTS,
						  GOALLOC_GC_ROOT_PRECISE), 0);
	timer_setup(&s->timer, rewire_in_softirq, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_storm, s), 0);
	mod_timer(&s->timer, jiffies + 1);
	for_each_online_cpu(cpu) {
		atomic_inc(&s->running);
		run_on(test, cpu, rewire_thread, s);
	}
	while (cycles++ < 4 || time_before(jiffies, end)) {
		KUNIT_EXPECT_EQ(test, goalloc_gc_collect(s->w->heap), 0);
		for_each_online_cpu(cpu)
			on_cpu(cpu, rewire_in_hardirq, s);
	}
	WRITE_ONCE(s->stop, true);
	while (atomic_read(&s->running))
		msleep(20);
	timer_delete_sync(&s->timer);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->bad), 0);
	goalloc_gc_stats(s->w->heap, &stats);
	KUNIT_EXPECT_GT(test, stats.num_gc, 3ULL);
	kunit_info(test, "%llu cycles, %llu operations, %llu objects swept\n", stats.num_gc,
		   s->rewired, stats.objects_swept);
	for (cpu = 0; cpu < SLOTS; cpu++) {
		int section = goalloc_gc_lock(s->w->heap);

		goalloc_gc_assign(s->w->heap, &s->slots[cpu], NULL);
		goalloc_gc_unlock(s->w->heap, section);
	}
	expect_live(test, s->w, 0);
	expect_recount(test);
}

/* The collector waits for a section, however long it lasts, and says so. */
static void long_section(struct kunit *test)
{
	struct world *w = make_world(test, "kunit-gc-cycle");
	struct goalloc_gc_stats stats;

	testing(test, w, 0);
	log_watch(test);
	enter(w);
	start(w);
	msleep(1500);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.num_gc, 0ULL);
	leave(w);
	finish(test, w);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_GE(test, stats.max_section_ns, NSEC_PER_SEC + 0ULL);
	if (log_usable())
		KUNIT_EXPECT_TRUE(test, log_has("kunit-gc-cycle: a section lasted for over a sec"));
}

static struct kunit_case cycle_cases[] = {
	KUNIT_CASE_PARAM(span_is_born, when_gen_params),
	KUNIT_CASE_PARAM(span_comes_back, when_gen_params),
	KUNIT_CASE_PARAM(span_is_claimed, when_gen_params),
	KUNIT_CASE(span_is_kept),
	KUNIT_CASE_PARAM(slot_was_freed, when_gen_params),
	KUNIT_CASE(swept_for_room),
	KUNIT_CASE_PARAM(heap_goes, when_gen_params),
	KUNIT_CASE_PARAM(cpu_goes, when_gen_params),
	KUNIT_CASE_PARAM(module_goes, when_gen_params),
	KUNIT_CASE_SLOW(long_section),
	KUNIT_CASE_SLOW(all_at_once),
	{}
};

struct kunit_suite goalloc_gc_cycle_suite = {
	.name = "goalloc_gc_cycle",
	.test_cases = cycle_cases,
};
