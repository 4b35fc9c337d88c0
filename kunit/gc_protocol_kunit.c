// SPDX-License-Identifier: GPL-2.0
/*
 * The collector's protocol: eleven ways in which a simpler one loses objects. Each is
 * played twice, with what keeps the object and without that, when it has to be lost.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/timer.h>

#include "gc_world.h"
#include "suites.h"

struct how {
	const char *name;
	bool omit;
};

static const struct how hows[] = { { "kept", false }, { "lost", true } };

static void how_name(const struct how *how, char *desc)
{
	strscpy(desc, how->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(how, hows, how_name);

static bool omits(struct kunit *test)
{
	return ((const struct how *)test->param_value)->omit;
}

/* A heap without @always, and without @remedy if the case says so. */
static struct world *prepare(struct kunit *test, unsigned long always, unsigned long remedy)
{
	struct world *w;

	pin(test);
	w = make_world(test, "kunit-gc-protocol");
	w->lossy = omits(test);
	testing(test, w, always | (omits(test) ? remedy : 0));
	return w;
}

/* As who looked at the phase before it changed; or without a look. */
static void plain_store(struct gnode __gc **slot, void *obj)
{
	WRITE_ONCE(*slot, (__force struct gnode __gc *)obj);
}

/* A node that is old: its slot is no black one. It has a child, obj[k + 1]. */
static void make_old(struct kunit *test, struct world *w, unsigned int k,
		     struct gnode __gc **slot)
{
	enter(w);
	w->obj[k] = new_node(w, 1);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[k]);
	w->obj[k + 1] = new_node(w, 2);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[k + 1]);
	goalloc_gc_assign(w->heap, &w->obj[k]->left, w->obj[k + 1]);
	goalloc_gc_assign(w->heap, slot, w->obj[k]);
	leave(w);
	/* No CPU owns the span. */
	goalloc_heap_shrink(w->heap);
}

static void verdict(struct kunit *test, struct world *w, unsigned int k)
{
	finish(test, w);
	KUNIT_EXPECT_EQ(test, is_lost(w->obj[k]), omits(test));
}

/* B1: stores whose look at the phase was before it changed come after the scan of a root. */
static void old_sections(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_G1);

	add_late(test, w, 0);
	make_old(test, w, 0, &w->late[0]);
	arm(w, GC_AT_ROOT)->skip = 1;
	enter(w);
	KUNIT_ASSERT_EQ(test, (int)gc_phase(gc_word(w->heap)), (int)GC_OFF);
	start(w);
	KUNIT_ASSERT_EQ(test, comes_to(w, GC_AT_ROOT), omits(test));
	plain_store(&w->root[0], goalloc_gc_load(&w->late[0]));
	plain_store(&w->late[0], NULL);
	leave(w);
	if (!omits(test))
		wait_at(test, w, GC_AT_ROOT);
	go(w, GC_AT_ROOT);
	verdict(test, w, 0);
}

/* B1 as a new section sees it: what it loaded is replaced by an old one, and not shaded. */
static void new_section(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_G1 | GC_REPEAT | GC_STEP7);

	make_old(test, w, 0, &w->root[0]);
	arm(w, GC_AT_MARK);
	enter(w);
	start(w);
	wait_at(test, w, GC_AT_MARK);
	w->other_section = goalloc_gc_lock(w->heap);
	w->inside_other = true;
	KUNIT_EXPECT_PTR_EQ(test, goalloc_gc_load(&w->root[0]), w->obj[0]);
	plain_store(&w->root[0], NULL);
	leave(w);
	go(w, GC_AT_MARK);
	if (omits(test)) {
		verdict(test, w, 0);
	} else {
		msleep(200);
		KUNIT_EXPECT_FALSE(test, is_lost(w->obj[0]));
		goalloc_gc_assign(w->heap, &w->root[1], w->obj[0]);
	}
	w->inside_other = false;
	goalloc_gc_unlock(w->heap, w->other_section);
	if (!omits(test))
		verdict(test, w, 0);
}

/* An old section stores without a barrier, and a new one loads that. */
static void come_between(struct world *w)
{
	plain_store(&w->root[0], w->obj[2]);
	w->other_section = goalloc_gc_lock(w->heap);
	w->inside_other = true;
	w->obj[3] = goalloc_gc_load(&w->root[0]);
}

/* B2: what is replaced is another than what was read, and shaded, before. */
static void replaced_unseen(struct kunit *test)
{
	/* With what is stored shaded, nothing would be lost. */
	struct world *w = prepare(test, GC_SHADE_NEW, GC_XCHG);

	make_old(test, w, 0, &w->root[0]);
	arm(w, GC_AT_G1);
	arm(w, GC_AT_DRAINED);
	enter(w);
	w->obj[2] = new_node(w, 3);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[2]);
	start(w);
	/* The collector waits for this section, and not for those that begin now. */
	KUNIT_ASSERT_FALSE(test, comes_to(w, GC_AT_G1));
	arm(w, omits(test) ? GC_AT_SHADED : GC_AT_SHADE_NEW)->fn = come_between;
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	KUNIT_ASSERT_TRUE(test, w->inside_other);
	KUNIT_ASSERT_PTR_EQ(test, w->obj[3], w->obj[2]);
	wait_at(test, w, GC_AT_G1);
	go(w, GC_AT_G1);
	wait_at(test, w, GC_AT_DRAINED);
	goalloc_gc_assign(w->heap, &w->root[1], w->obj[3]);
	w->inside_other = false;
	goalloc_gc_unlock(w->heap, w->other_section);
	go(w, GC_AT_DRAINED);
	verdict(test, w, 2);
}

/* What is at a root becomes another's, too; a gate may be in the way. */
static int store_again(void *arg)
{
	struct world *w = arg;
	int section = goalloc_gc_lock(w->heap);

	goalloc_gc_assign(w->heap, &w->root[1], goalloc_gc_load(&w->root[0]));
	goalloc_gc_unlock(w->heap, section);
	return until_stopped();
}

/* A thread that spins on another CPU is not to be in the collector's way. */
static void keep_apart(struct kunit *test, struct world *w)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(w->heap->gc->thread,
						   cpumask_of(raw_smp_processor_id())), 0);
}

/* B3: an object that is marked, and not queued yet, when the queues are empty. */
static void shade_in_flight(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_REPEAT | GC_STICKY);
	unsigned int cpu = other_cpu(test);

	keep_apart(test, w);
	/* It would wait for the section. */
	w->heap->gc->checkmark = !omits(test);
	make_old(test, w, 0, &w->root[0]);
	arm(w, GC_AT_G1);
	start(w);
	wait_at(test, w, GC_AT_G1);
	arm(w, GC_AT_SHADED)->limit_ms = omits(test) ? 5000 : 300;
	run_on(test, cpu, store_again, w);
	wait_at(test, w, GC_AT_SHADED);
	if (omits(test))
		arm(w, GC_AT_DRAIN);
	go(w, GC_AT_G1);
	if (omits(test)) {
		wait_at(test, w, GC_AT_DRAIN);
		go(w, GC_AT_SHADED);
		go(w, GC_AT_DRAIN);
	}
	verdict(test, w, 1);
	KUNIT_EXPECT_FALSE(test, is_lost(w->obj[0]));
}

static bool is_marked(struct mspan *span, void *obj)
{
	int slot = mspan_slot(span, (unsigned long)obj);

	return (u64)atomic64_read(&span->bits[slot >> MSPAN_GROUP_SHIFT].mark) &
	       BIT_ULL(slot & 63);
}

/*
 * B4: a store that has seen MARK shades when its object's span was swept. Here that leaves
 * a mark, and a span on the list that may die, for the next cycle.
 */
static void late_shade(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_STEP7);
	unsigned int cpu = other_cpu(test);
	struct mspan *span;

	w->lossy = false;
	keep_apart(test, w);
	make_old(test, w, 0, &w->root[0]);
	span = span_containing((unsigned long)w->obj[0]);
	arm(w, GC_AT_CLEAN);
	if (omits(test))
		arm(w, GC_AT_OFF);
	start(w);
	wait_at(test, w, GC_AT_CLEAN);
	arm(w, GC_AT_SHADE_NEW)->limit_ms = omits(test) ? 5000 : 300;
	run_on(test, cpu, store_again, w);
	wait_at(test, w, GC_AT_SHADE_NEW);
	go(w, GC_AT_CLEAN);
	if (omits(test)) {
		wait_at(test, w, GC_AT_OFF);
		enter(w);
		KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)new_node(w, 5)), span);
		leave(w);
		KUNIT_EXPECT_FALSE(test, is_marked(span, w->obj[0]));
		go(w, GC_AT_SHADE_NEW);
		go(w, GC_AT_OFF);
	}
	finish(test, w);
	KUNIT_EXPECT_EQ(test, is_marked(span, w->obj[0]), omits(test));
	KUNIT_EXPECT_EQ(test, (bool)READ_ONCE(span->gc->queued), omits(test));
	expect_live(test, w, 2);
}

/* B5: a span is claimed between the end of marking and the new generation. */
static void torn_word(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_ONE_STORE);

	w->lossy = false;
	make_old(test, w, 0, &w->root[0]);
	arm(w, GC_AT_DRAIN);
	start(w);
	wait_at(test, w, GC_AT_DRAIN);
	enter(w);
	w->obj[2] = new_node(w, 3);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[2]);
	KUNIT_EXPECT_PTR_EQ(test, span_containing((unsigned long)w->obj[2]),
			    span_containing((unsigned long)w->obj[0]));
	goalloc_gc_assign(w->heap, &w->root[1], w->obj[2]);
	leave(w);
	go(w, GC_AT_DRAIN);
	verdict(test, w, 2);
}

/* B6: a black object is filled by memcpy(). */
static void plain_copy(struct kunit *test)
{
	/* What is replaced is not shaded, or nothing would be lost. */
	struct world *w = prepare(test, GC_SHADE_OLD, 0);
	struct gnode from = {}, *to;

	add_late(test, w, 0);
	make_old(test, w, 0, &w->late[0]);
	arm(w, GC_AT_ROOT)->skip = 1;
	start(w);
	wait_at(test, w, GC_AT_ROOT);
	enter(w);
	/* Of a class that no CPU had a black window of. */
	to = goalloc_gc_alloc_array(w->node, 3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, to);
	from.left = (__force struct gnode __gc *)goalloc_gc_load(&w->late[0]);
	if (omits(test))
		memcpy(&to[1], &from, sizeof(from));
	else
		goalloc_gc_copy(w->node, &to[1], &from, 1);
	goalloc_gc_assign(w->heap, &w->root[0], to);
	goalloc_gc_assign(w->heap, &w->late[0], NULL);
	leave(w);
	go(w, GC_AT_ROOT);
	verdict(test, w, 0);
}

/* B7: a pointer moves from a word that was not scanned to one that was. */
static void plain_words(struct kunit *test)
{
	struct world *w = prepare(test, 0, 0);
	void *inside;

	add_late(test, w, 0);
	add_late(test, w, 1);
	make_old(test, w, 0, &w->late[1]);
	arm(w, GC_AT_ROOT)->skip = 2;
	start(w);
	wait_at(test, w, GC_AT_ROOT);
	enter(w);
	inside = (void *)goalloc_gc_load(&w->late[1]) + 8;
	if (omits(test)) {
		plain_store(&w->late[0], inside);
		plain_store(&w->late[1], NULL);
	} else {
		goalloc_gc_assign(w->heap, &w->late[0], inside);
		goalloc_gc_assign(w->heap, &w->late[1], NULL);
	}
	leave(w);
	go(w, GC_AT_ROOT);
	verdict(test, w, 0);
}

#define LIST 2000

/* Take nodes off a list; only the barrier has seen them then. In any context. */
static void take_off(struct world *w, unsigned int n)
{
	int section = goalloc_gc_lock(w->heap);

	while (n--) {
		struct gnode *first = goalloc_gc_load(&w->root[0]);
		struct gnode *next = first ? goalloc_gc_load(&first->left) : NULL;

		if (!next)
			break;
		goalloc_gc_assign(w->heap, &w->root[0], next);
		goalloc_gc_assign(w->heap, &first->left, NULL);
	}
	goalloc_gc_unlock(w->heap, section);
}

static void take_off_in_hardirq(void *arg)
{
	take_off(arg, LIST / 2);
}

struct soft {
	struct timer_list timer;
	struct completion done;
	struct world *w;
};

static void take_off_in_softirq(struct timer_list *timer)
{
	struct soft *soft = container_of(timer, struct soft, timer);

	take_off(soft->w, LIST / 2 - 1);
	complete(&soft->done);
}

/* B8: barriers in interrupts have no need of memory, and there is none. */
static void shade_in_interrupts(struct kunit *test)
{
	struct soft *soft = kunit_kzalloc(test, sizeof(*soft), GFP_KERNEL);
	struct world *w;
	struct gnode *n;
	unsigned int i;
	long pages;

	KUNIT_ASSERT_NOT_NULL(test, soft);
	pin(test);
	w = make_world(test, "kunit-gc-protocol");
	testing(test, w, 0);
	enter(w);
	for (i = 0; i < LIST; i++) {
		n = new_node(w, i);
		KUNIT_ASSERT_NOT_NULL(test, n);
		goalloc_gc_assign(w->heap, &n->left, goalloc_gc_load(&w->root[0]));
		goalloc_gc_assign(w->heap, &w->root[0], n);
	}
	leave(w);
	pages = atomic_long_read(&w->heap->pages);
	goalloc_heap_set_limit(w->heap, GOALLOC_PAGE_SIZE);
	arm(w, GC_AT_G1);
	start(w);
	wait_at(test, w, GC_AT_G1);
	in_a_hardirq(take_off_in_hardirq, w);
	soft->w = w;
	init_completion(&soft->done);
	timer_setup(&soft->timer, take_off_in_softirq, 0);
	mod_timer(&soft->timer, jiffies + 1);
	wait_for_completion(&soft->done);
	timer_delete_sync(&soft->timer);
	KUNIT_EXPECT_TRUE(test, gc_has_gray(w->heap->gc));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->heap->pages), pages);
	go(w, GC_AT_G1);
	finish(test, w);
	/* All were reachable at the snapshot. */
	KUNIT_EXPECT_EQ(test, heap_live(w->heap), (u64)LIST);
	expect_live(test, w, 1);
}

/* B9: who allocates in a section never waits for a collector that waits for it. */
static void assist_in_section(struct kunit *test)
{
	struct goalloc_gc_stats stats;
	struct world *w;
	unsigned int i;

	w = make_world(test, "kunit-gc-protocol");
	testing(test, w, 0);
	enter(w);
	goalloc_gc_assign(w->heap, &w->root[0], make_tree(w, 12));
	leave(w);
	/* Each allocation on the slow path is beyond the goal. */
	goalloc_gc_set_limit(w->heap, 1);
	arm(w, GC_AT_G1);
	start(w);
	wait_at(test, w, GC_AT_G1);
	enter(w);
	arm(w, GC_AT_CLEAN);
	for (i = 0; i < 2000; i++)
		goalloc_gc_assign(w->heap, &w->root[1], new_node(w, i));
	go(w, GC_AT_G1);
	KUNIT_EXPECT_FALSE(test, comes_to(w, GC_AT_CLEAN));
	for (i = 0; i < 20000; i++)
		KUNIT_ASSERT_NOT_NULL(test, new_node(w, i));
	KUNIT_EXPECT_EQ(test, gc_in_section(w->heap->gc), gc_knows_sections());
	leave(w);
	KUNIT_EXPECT_FALSE(test, gc_in_section(w->heap->gc));
	wait_at(test, w, GC_AT_CLEAN);
	go(w, GC_AT_CLEAN);
	finish(test, w);
	goalloc_gc_stats(w->heap, &stats);
	KUNIT_EXPECT_GT(test, stats.assist_ns, 0ULL);
	expect_live(test, w, BIT(12));
}

struct remover {
	struct world *w;
	struct completion done;
};

static int remove_late(void *arg)
{
	struct remover *r = arg;

	goalloc_gc_root_remove(r->w->heap, &r->w->late[0]);
	r->w->late_added = 0;
	complete(&r->done);
	return until_stopped();
}

/* B10: a root stays as long as it is looked at. */
static void root_goes(struct kunit *test)
{
	struct remover *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	pin(test);
	r->w = make_world(test, "kunit-gc-protocol");
	init_completion(&r->done);
	testing(test, r->w, 0);
	add_late(test, r->w, 0);
	make_old(test, r->w, 0, &r->w->late[0]);
	arm(r->w, GC_AT_ROOT)->skip = 1;
	start(r->w);
	wait_at(test, r->w, GC_AT_ROOT);
	run_on(test, raw_smp_processor_id(), remove_late, r);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&r->done, HZ / 5), 0UL);
	go(r->w, GC_AT_ROOT);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&r->done, 10 * HZ), 0UL);
	finish(test, r->w);
	KUNIT_EXPECT_FALSE(test, is_lost(r->w->obj[0]));
	expect_live(test, r->w, 0);
}

/* B11: an object is got by a weak reference when all seems to be marked. */
static void weak_get(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_WEAK_CHECK);
	struct goalloc_gc_weak *weak;

	make_old(test, w, 0, &w->root[0]);
	enter(w);
	weak = goalloc_gc_weak_create(w->heap, w->obj[0], GFP_KERNEL);
	goalloc_gc_assign(w->heap, &w->root[0], NULL);
	leave(w);
	KUNIT_ASSERT_NOT_NULL(test, weak);
	arm(w, GC_AT_CLEAN);
	start(w);
	wait_at(test, w, GC_AT_CLEAN);
	enter(w);
	KUNIT_EXPECT_PTR_EQ(test, goalloc_gc_weak_get(weak), (void *)w->obj[0]);
	goalloc_gc_assign(w->heap, &w->root[0], w->obj[0]);
	leave(w);
	go(w, GC_AT_CLEAN);
	verdict(test, w, 1);
	KUNIT_EXPECT_FALSE(test, is_lost(w->obj[0]));
	goalloc_gc_weak_destroy(weak);
}

/* What a CPU had free when marking began, and hands out in it. */
static void white_window(struct kunit *test)
{
	struct world *w = prepare(test, 0, GC_BLACKEN);

	make_old(test, w, 0, &w->root[0]);
	enter(w);
	new_node(w, 3);
	leave(w);
	arm(w, GC_AT_CLEAN);
	start(w);
	wait_at(test, w, GC_AT_CLEAN);
	enter(w);
	w->obj[2] = new_node(w, 4);
	KUNIT_ASSERT_NOT_NULL(test, w->obj[2]);
	leave(w);
	arm(w, GC_AT_DRAIN);
	go(w, GC_AT_CLEAN);
	wait_at(test, w, GC_AT_DRAIN);
	/* Stored when that does not shade any more. */
	enter(w);
	KUNIT_EXPECT_EQ(test, is_marked(span_containing((unsigned long)w->obj[2]), w->obj[2]),
			!omits(test));
	goalloc_gc_assign(w->heap, &w->root[1], new_node(w, 5));
	w->obj[3] = goalloc_gc_load(&w->root[1]);
	leave(w);
	go(w, GC_AT_DRAIN);
	verdict(test, w, 3);
}

static struct kunit_case protocol_cases[] = {
	KUNIT_CASE_PARAM(old_sections, how_gen_params),
	KUNIT_CASE_PARAM(new_section, how_gen_params),
	KUNIT_CASE_PARAM(replaced_unseen, how_gen_params),
	KUNIT_CASE_PARAM(shade_in_flight, how_gen_params),
	KUNIT_CASE_PARAM(late_shade, how_gen_params),
	KUNIT_CASE_PARAM(torn_word, how_gen_params),
	KUNIT_CASE_PARAM(plain_copy, how_gen_params),
	KUNIT_CASE_PARAM(plain_words, how_gen_params),
	KUNIT_CASE(shade_in_interrupts),
	KUNIT_CASE(assist_in_section),
	KUNIT_CASE(root_goes),
	KUNIT_CASE_PARAM(weak_get, how_gen_params),
	KUNIT_CASE_PARAM(white_window, how_gen_params),
	{}
};

struct kunit_suite goalloc_gc_protocol_suite = {
	.name = "goalloc_gc_protocol",
	.test_cases = protocol_cases,
};
