// SPDX-License-Identifier: GPL-2.0
/*
 * The fixture of the managed heaps' tests; see gc_world.h.
 */
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/timekeeping.h>

#include "gc_world.h"

GOALLOC_GC_LAYOUT(gnode, struct gnode, left, right);
const struct goalloc_gc_layout *const gnode_layout = &gnode;

struct plain {
	unsigned long words[8];
};

GOALLOC_GC_LAYOUT(plain, struct plain);

static void end_world(void *ctx)
{
	struct world *w = ctx;
	struct goalloc_gc_stats stats;
	unsigned int i;

	if (w->inside_other)
		goalloc_gc_unlock(w->heap, w->other_section);
	if (w->inside)
		leave(w);
	if (!w->heap)
		return;
	goalloc_gc_stats(w->heap, &stats);
	if (!w->lossy)
		KUNIT_EXPECT_EQ(kunit_get_current_test(), stats.missed, 0ULL);
	for (i = 0; i < ARRAY_SIZE(w->late); i++)
		if (w->late_added & BIT(i))
			goalloc_gc_root_remove(w->heap, &w->late[i]);
	if (!w->forgotten)
		goalloc_gc_root_remove(w->heap, w->root);
	goalloc_heap_destroy(w->heap);
}

struct world *make_world(struct kunit *test, const char *name)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->heap = goalloc_heap_create(name, GOALLOC_HEAP_GC);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->heap);
	KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(w->heap, w->root, ARRAY_SIZE(w->root),
						  GOALLOC_GC_ROOT_PRECISE), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_world, w), 0);
	w->heap->gc->checkmark = true;
	w->node = goalloc_gc_type_create(w->heap, gnode_layout);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->node);
	w->plain = goalloc_gc_type_create(w->heap, &plain);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->plain);
	return w;
}

struct gnode *new_node(struct world *w, unsigned long id)
{
	struct gnode *n = goalloc_gc_alloc(w->node, GFP_KERNEL);

	if (n) {
		n->id = id;
		n->canary = CANARY ^ id;
	}
	return n;
}

void expect_live(struct kunit *test, struct world *w, u64 live)
{
	KUNIT_ASSERT_EQ(test, goalloc_gc_collect(w->heap), 0);
	KUNIT_EXPECT_EQ(test, heap_live(w->heap), live);
}

/* A binary tree of so many levels. */
struct gnode *make_tree(struct world *w, unsigned int depth)
{
	struct gnode *n = new_node(w, depth);

	if (n && depth > 1) {
		goalloc_gc_assign(w->heap, &n->left, make_tree(w, depth - 1));
		goalloc_gc_assign(w->heap, &n->right, make_tree(w, depth - 1));
	}
	return n;
}

unsigned int check_tree(struct kunit *test, struct gnode *n, unsigned int depth)
{
	unsigned int count = 1;

	KUNIT_ASSERT_NOT_NULL(test, n);
	KUNIT_EXPECT_EQ(test, n->id, (unsigned long)depth);
	KUNIT_EXPECT_EQ(test, n->canary, CANARY ^ n->id);
	if (depth > 1) {
		count += check_tree(test, goalloc_gc_load(&n->left), depth - 1);
		count += check_tree(test, goalloc_gc_load(&n->right), depth - 1);
	}
	return count;
}

/* One more root, of one word. */
void add_late(struct kunit *test, struct world *w, unsigned int i)
{
	KUNIT_ASSERT_EQ(test, goalloc_gc_root_add(w->heap, &w->late[i], 1,
						  GOALLOC_GC_ROOT_CONSERVATIVE), 0);
	w->late_added |= BIT(i);
}

/* Whether what was an object is none any more, while nobody allocates. */
bool is_lost(void *obj)
{
	struct mspan *span;
	bool lost = true;
	int slot;

	preempt_disable();
	span = span_containing((unsigned long)obj);
	/* Pairs with the release that published the span. */
	if (span && smp_load_acquire(&span->state) == MSPAN_SMALL) {
		slot = mspan_slot(span, (unsigned long)obj);
		lost = slot < 0 || !mspan_slot_is_live(span, slot);
	}
	preempt_enable();
	return lost;
}

static void pass(struct world *w, enum gc_test_point point)
{
	struct gate *g = &w->gates[point];
	ktime_t limit;

	if (!READ_ONCE(g->armed) || (g->skip && g->skip--) || !xchg(&g->armed, false))
		return;
	if (g->fn) {
		g->fn(w);
		return;
	}
	complete(&g->arrived);
	if (point != GC_AT_SHADED && point != GC_AT_SHADE_NEW && point != GC_AT_CLAIM) {
		wait_for_completion_timeout(&g->go, msecs_to_jiffies(g->limit_ms));
		return;
	}
	limit = ktime_add_ms(ktime_get(), g->limit_ms);
	while (!READ_ONCE(g->open) && ktime_before(ktime_get(), limit))
		cpu_relax();
}

static void at_point(struct gc_heap *gc, enum gc_test_point point, void *data)
{
	struct world *w = data;

	if (gc == READ_ONCE(w->gc))
		pass(w, point);
}

static void end_testing(void *ctx)
{
	struct world *w = ctx;
	unsigned int i;

	WRITE_ONCE(gc_test.point, NULL);
	gc_test.omit = 0;
	for (i = 0; i < ARRAY_SIZE(w->gates); i++)
		go(w, i);
	static_branch_disable(&gc_testing);
}

/* Have gates, and do without some remedies, until the test ends; no cycles by themselves. */
void testing(struct kunit *test, struct world *w, unsigned long omit)
{
	unsigned int i;

	goalloc_gc_set_percent(w->heap, -1);
	for (i = 0; i < ARRAY_SIZE(w->gates); i++) {
		init_completion(&w->gates[i].arrived);
		init_completion(&w->gates[i].go);
	}
	w->gc = w->heap->gc;
	gc_test.data = w;
	gc_test.omit = omit;
	gc_test.point = at_point;
	static_branch_enable(&gc_testing);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_testing, w), 0);
}

struct gate *arm(struct world *w, enum gc_test_point point)
{
	struct gate *g = &w->gates[point];

	reinit_completion(&g->arrived);
	reinit_completion(&g->go);
	g->open = false;
	g->fn = NULL;
	g->skip = 0;
	g->limit_ms = 20000;
	/* Who sees it sees the rest. */
	smp_store_release(&g->armed, true);
	return g;
}

static u64 num_gc(struct world *w)
{
	struct goalloc_gc_stats stats;

	goalloc_gc_stats(w->heap, &stats);
	return stats.num_gc;
}

/* Begin a cycle, and do not wait for it. */
void start(struct world *w)
{
	w->num_gc = num_gc(w);
	mgc_kick(w->heap->gc);
}

void wait_at(struct kunit *test, struct world *w, enum gc_test_point point)
{
	KUNIT_ASSERT_NE_MSG(test, wait_for_completion_timeout(&w->gates[point].arrived, 10 * HZ),
			    0UL, "nobody comes to point %d", point);
}

/* Whether anybody does so within a while; for who is to be kept from it. */
bool comes_to(struct world *w, enum gc_test_point point)
{
	return wait_for_completion_timeout(&w->gates[point].arrived, HZ / 5);
}

void go(struct world *w, enum gc_test_point point)
{
	WRITE_ONCE(w->gates[point].armed, false);
	WRITE_ONCE(w->gates[point].open, true);
	complete_all(&w->gates[point].go);
}

/* Wait for the end of the cycle. */
void finish(struct kunit *test, struct world *w)
{
	unsigned int i;

	for (i = 0; i < 1000 && num_gc(w) == w->num_gc; i++)
		msleep(20);
	KUNIT_ASSERT_NE_MSG(test, num_gc(w), w->num_gc, "the cycle does not end");
}

/* For who was started by run_on(), when it is through. */
int until_stopped(void)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void stop_thread(void *thread)
{
	kthread_stop(thread);
}

/* In a thread there, which ends with until_stopped(). */
void run_on(struct kunit *test, unsigned int cpu, int (*fn)(void *), void *arg)
{
	struct task_struct *thread = kthread_create(fn, arg, "kunit-gc/%u", cpu);

	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	kthread_bind(thread, cpu);
	wake_up_process(thread);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_thread, thread), 0);
}
