// SPDX-License-Identifier: GPL-2.0
/*
 * Managed heaps, and what their collectors leave.
 *
 * A collector runs in its own thread. For a program to come to the same again it can be
 * stopped at the points that there are for KUnit (mgc.h), where it waits while the
 * operations that follow change the graph. Without that, or in a section that lasts,
 * what goes when is not known, but what is left in the end is: for gc_settle().
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "goalloc_fuzz.h"
#include "../../../goalloc_mod/mgc.h"

#define HOLD_SECONDS 20 /* that a collector waits for a program that forgot it */
#define ARRIVE_SECONDS 4
#define SECTION_MS 5 /* for a collector that may have to wait for a section */

/* Where a collector is stopped, one at a time. */
static struct {
	struct gc_heap *gc;
	int at; /* enum gc_test_point, or -1 */
	unsigned int passes; /* let through so far */
	unsigned int here; /* what that was when it came to wait */
	bool due; /* it is on its way */
	wait_queue_head_t wait;
} gate = {
	.at = -1,
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(gate.wait),
};

static void at_point(struct gc_heap *gc, enum gc_test_point point, void *data)
{
	unsigned int passes = READ_ONCE(gate.passes);

	if (gc != READ_ONCE(gate.gc) || (int)point != READ_ONCE(gate.at))
		return;
	WRITE_ONCE(gate.here, passes);
	wake_up(&gate.wait);
	wait_event_timeout(gate.wait, READ_ONCE(gate.passes) != passes ||
			   READ_ONCE(gate.at) != (int)point, HOLD_SECONDS * HZ);
}

/* The collector goes on, to where it is stopped next, or -1. */
static void pass(struct gc_heap *gc, int at)
{
	WRITE_ONCE(gate.gc, gc);
	WRITE_ONCE(gate.at, at);
	WRITE_ONCE(gate.passes, gate.passes + 1);
	wake_up(&gate.wait);
	gate.due = at >= 0;
}

static void release(void)
{
	pass(NULL, -1);
}

static bool arrives(unsigned long timeout)
{
	if (!wait_event_timeout(gate.wait, READ_ONCE(gate.here) == gate.passes, timeout))
		return false;
	gate.due = false;
	return true;
}

void gc_testing_begin(void)
{
	gc_test.point = at_point;
	static_branch_enable(&gc_testing);
}

void gc_testing_end(void)
{
	WRITE_ONCE(gc_test.point, NULL);
	static_branch_disable(&gc_testing);
}

static int add_half(struct gc_managed *m, unsigned int half)
{
	return goalloc_gc_root_add(m->heap, m->slots + half * GC_SLOTS / 2, GC_SLOTS / 2,
				   half ? GOALLOC_GC_ROOT_CONSERVATIVE : GOALLOC_GC_ROOT_PRECISE);
}

static void make_heap(struct fuzz_run *run, struct gc_managed *m, u8 flags)
{
	char name[GOALLOC_NAME_MAX];
	unsigned int half;
	int err;

	memset(m, 0, sizeof(*m));
	snprintf(name, sizeof(name), "fuzz-managed-%u", run->names++);
	m->heap = goalloc_heap_create(name, GOALLOC_HEAP_GC | (flags & FUZZ_GC_GUARD ?
							       GOALLOC_HEAP_GUARD : 0));
	if (IS_ERR_OR_NULL(m->heap)) {
		fuzz_fail(run, "a managed heap came as %ld", PTR_ERR(m->heap));
		m->heap = NULL;
		return;
	}
	m->heap->gc->checkmark = !(flags & FUZZ_GC_UNCHECKED);
	if (!(flags & FUZZ_GC_PACED))
		goalloc_gc_set_percent(m->heap, -1);
	err = goalloc_gc_root_add(m->heap, m->revived, GC_NODES, GOALLOC_GC_ROOT_PRECISE);
	for (half = 0; half < 2 && !err; half++) {
		err = add_half(m, half);
		m->rooted[half] = !err;
	}
	if (err)
		fuzz_fail(run, "roots of a managed heap came to %d", err);
}

/* What is not there is made. */
struct gc_managed *gc_heap_at(struct fuzz_run *run, unsigned int i)
{
	struct gc_managed *m = &run->gc.heaps[i % GC_HEAPS];

	if (!m->heap)
		make_heap(run, m, 0);
	return m->heap ? m : NULL;
}

struct goalloc_gc_type *gc_type_at(struct fuzz_run *run, struct gc_managed *m, unsigned int i)
{
	struct goalloc_gc_type *type = m->types[i];

	if (type)
		return type;
	type = goalloc_gc_type_create(m->heap, &fuzz_gc_layouts[i]);
	if (IS_ERR_OR_NULL(type)) {
		fuzz_fail(run, "type %s came as %ld", fuzz_gc_layouts[i].name, PTR_ERR(type));
		return NULL;
	}
	m->types[i] = type;
	return type;
}

/* A collector that was kept by the section comes to where it is to stop. */
static void end_section(struct fuzz_run *run, struct gc_managed *m)
{
	if (!m->open)
		return;
	goalloc_gc_unlock(m->heap, m->section);
	m->open = false;
	m->held = 0;
	if (gate.due && gate.gc == m->heap->gc && !arrives(ARRIVE_SECONDS * HZ))
		fuzz_fail(run, "after a section the collector does not come to point %d", gate.at);
}

void fuzz_op_gc_section(struct fuzz_run *run)
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);

	if (!m)
		return;
	if (m->open) {
		end_section(run, m);
		return;
	}
	m->section = goalloc_gc_lock(m->heap);
	m->open = true;
}

/* Where a collector is that holds the lock of its roots it must not stay for long. */
void gc_let_go_of_roots(void)
{
	if (gate.at == GC_AT_ROOT)
		release();
}

static u64 with_finalizer(const struct fuzz_run *run, u64 of)
{
	u64 set = 0;
	unsigned int i;

	for (i = 0; i < GC_NODES; i++)
		if (of & BIT_ULL(i) && run->gc.nodes[i].final)
			set |= BIT_ULL(i);
	return set;
}

/* Have the collector begin, or go on, and stop it at a point. */
void fuzz_op_gc_step(struct fuzz_run *run)
{
	static const enum gc_test_point points[FUZZ_GC_POINTS - 1] = {
		GC_AT_MARK, GC_AT_G1, GC_AT_ROOT, GC_AT_FINALIZER, GC_AT_DRAINED, GC_AT_CLEAN,
		GC_AT_DRAIN, GC_AT_OFF, GC_AT_SWEEP,
	};
	struct gc_managed *m = gc_heap_at(run, run->op.a);
	unsigned int i = run->op.b % FUZZ_GC_POINTS;

	if (!m)
		return;
	if (i == ARRAY_SIZE(points)) {
		release();
		mgc_kick(m->heap->gc);
		return;
	}
	/* It is passed only if there is one then. */
	if (points[i] == GC_AT_FINALIZER &&
	    (m->open || !with_finalizer(run, gc_reachable(run, m))))
		return;
	pass(m->heap->gc, points[i]);
	/* If it is idle, or beyond the point: in a cycle that it stops in for certain. */
	mgc_kick(m->heap->gc);
	if (m->open)
		arrives(msecs_to_jiffies(SECTION_MS));
	else if (!arrives(ARRIVE_SECONDS * HZ))
		fuzz_fail(run, "the collector does not come to point %d", points[i]);
}

/* What has a finalizer and is not reachable: that will have run. */
static void finalized(struct fuzz_run *run, struct gc_managed *m, u64 set)
{
	unsigned int i, k;

	for (i = 0; i < GC_NODES; i++) {
		struct gc_node *node = &run->gc.nodes[i];

		if (!(set & BIT_ULL(i)))
			continue;
		for (k = 0; k < GC_WEAKS; k++)
			if (run->gc.weak[k].to == node)
				run->gc.weak[k].to = NULL;
		node->final = false;
		node->revived |= node->revive;
		node->runs++;
		m->finalized++;
		if (atomic_read(&node->ran) != node->runs)
			fuzz_fail(run, "the finalizer of %u has run %d times, not %d", i,
				  atomic_read(&node->ran), node->runs);
	}
}

/*
 * A cycle, and the finalizers that it leads to. Returns whether there were any. What an
 * object with a finalizer points to is kept, the object itself is not.
 */
static bool collect(struct fuzz_run *run, struct gc_managed *m)
{
	u64 all = gc_of_heap(run, m), final = with_finalizer(run, all), gone;
	unsigned int i;
	int err;

	gone = all & ~gc_reachable(run, m) & ~gc_reached(run, gc_children(run, final));
	err = goalloc_gc_collect(m->heap);
	if (err)
		fuzz_fail(run, "a collection came to %d", err);
	irq_work_sync(&m->heap->gc->final_irq);
	gc_final_wait();
	finalized(run, m, gone & final);
	for (i = 0; i < GC_NODES; i++)
		if (gone & ~final & BIT_ULL(i))
			gc_forget(run, &run->gc.nodes[i]);
	return gone & final;
}

/* Objects as goalloc counts them: small ones without pointers share blocks. */
static u64 blocks(const struct fuzz_run *run, u64 of)
{
	unsigned long seen[GC_NODES], block;
	unsigned int i, k, nseen = 0;
	u64 n = 0;

	for (i = 0; i < GC_NODES; i++) {
		if (!(of & BIT_ULL(i)))
			continue;
		if (!gc_is_shared(&run->gc.nodes[i])) {
			n++;
			continue;
		}
		block = (unsigned long)run->gc.nodes[i].p / GC_SHARED_BYTES;
		for (k = 0; k < nseen && seen[k] != block; k++)
			;
		if (k == nseen)
			seen[nseen++] = block;
	}
	return n + nseen;
}

static void check_weak(struct fuzz_run *run, const struct gc_managed *m)
{
	int section = goalloc_gc_lock(m->heap);
	unsigned int i;

	for (i = 0; i < GC_WEAKS; i++) {
		const struct gc_weak *w = &run->gc.weak[i];
		void *p;

		if (w->owner != m)
			continue;
		p = goalloc_gc_weak_get(w->weak);
		if (p != (w->to ? w->to->p : NULL))
			fuzz_fail(run, "weak reference %u leads to %p, not to %p", i, p,
				  w->to ? w->to->p : NULL);
	}
	goalloc_gc_unlock(m->heap, section);
}

static void check_counts(struct fuzz_run *run, const struct gc_managed *m)
{
	u64 want = blocks(run, gc_of_heap(run, m));
	struct goalloc_heap_stats heap;
	struct goalloc_gc_stats gc;

	goalloc_heap_stats(m->heap, &heap);
	if (heap.live_objects != want)
		fuzz_fail(run, "managed heap %s has %llu objects, not %llu",
			  goalloc_heap_name(m->heap), heap.live_objects, want);
	goalloc_gc_stats(m->heap, &gc);
	if (gc.missed)
		fuzz_fail(run, "checkmark mode found %llu objects missing", gc.missed);
	if (gc.finalized != m->finalized)
		fuzz_fail(run, "%llu finalizers ran, not %llu", gc.finalized, m->finalized);
	if (gc.num_forced > gc.num_gc)
		fuzz_fail(run, "%llu cycles of %llu were asked for", gc.num_forced, gc.num_gc);
}

/*
 * Collect until no finalizer runs. Cycles that came before by themselves have not made a
 * difference to what is left now: it is what the model has, and all of that.
 */
void gc_settle(struct fuzz_run *run, struct gc_managed *m)
{
	end_section(run, m);
	release();
	while (!run->failed && collect(run, m))
		;
	if (run->failed)
		return;
	gc_check_all(run, "after a collection");
	check_weak(run, m);
	check_counts(run, m);
}

void fuzz_op_gc_collect(struct fuzz_run *run)
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);

	if (m)
		gc_settle(run, m);
}

static void drop_references(struct fuzz_run *run, const struct gc_managed *m)
{
	unsigned int i;

	for (i = 0; i < GC_HANDLES; i++) {
		struct gc_kept *k = &run->gc.kept[i];

		if (k->owner != m)
			continue;
		for (; k->refs; k->refs--)
			goalloc_gc_handle_put(k->handle);
		memset(k, 0, sizeof(*k));
	}
	for (i = 0; i < GC_WEAKS; i++) {
		struct gc_weak *w = &run->gc.weak[i];

		if (w->owner != m)
			continue;
		goalloc_gc_weak_destroy(w->weak);
		memset(w, 0, sizeof(*w));
	}
}

/* With all that is in it, in whatever phase it is; its roots may go with it. */
static void destroy_heap(struct fuzz_run *run, struct gc_managed *m, bool remove)
{
	u64 all = gc_of_heap(run, m);
	unsigned int i;

	end_section(run, m);
	release();
	drop_references(run, m);
	if (remove && goalloc_gc_root_remove(m->heap, m->revived))
		fuzz_fail(run, "a root cannot be removed");
	goalloc_heap_destroy(m->heap);
	for (i = 0; i < GC_NODES; i++)
		if (all & BIT_ULL(i))
			memset(&run->gc.nodes[i], 0, sizeof(run->gc.nodes[i]));
	m->heap = NULL;
}

void fuzz_op_gc_heap(struct fuzz_run *run)
{
	struct gc_managed *m = &run->gc.heaps[run->op.a % GC_HEAPS];

	if (m->heap)
		destroy_heap(run, m, run->op.b & 1);
	else
		make_heap(run, m, run->op.c);
}

/* The program is over. */
void gc_end(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < GC_HEAPS; i++) {
		struct gc_managed *m = &run->gc.heaps[i];

		if (!m->heap)
			continue;
		if (!run->failed)
			gc_settle(run, m);
		destroy_heap(run, m, true);
	}
}

static void set_heap_limit(struct fuzz_run *run, struct gc_managed *m, unsigned long limit)
{
	int want = limit < GOALLOC_PAGE_SIZE ? -EINVAL : 0;
	int err = goalloc_heap_set_limit(m->heap, limit);

	if (err != want)
		fuzz_fail(run, "a limit of %lu bytes came to %d", limit, err);
	if (!err)
		m->limited = limit != ULONG_MAX;
}

void fuzz_op_gc_tune(struct fuzz_run *run)
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);
	unsigned int n = run->op.n;
	int percent = fuzz_percent(n);
	int want = 0, err = 0;

	if (!m)
		return;
	switch (run->op.b % FUZZ_GC_TUNES) {
	case FUZZ_GC_PERCENT:
		want = percent > 100000 ? -EINVAL : 0;
		err = goalloc_gc_set_percent(m->heap, percent);
		break;
	case FUZZ_GC_LIMIT:
		want = fuzz_size(n) ? 0 : -EINVAL;
		err = goalloc_gc_set_limit(m->heap, fuzz_size(n));
		break;
	case FUZZ_GC_HEAP_LIMIT:
		set_heap_limit(run, m, fuzz_size(n));
		break;
	default:
		goalloc_heap_shrink(m->heap);
	}
	if (err != want)
		fuzz_fail(run, "tuning a collector came to %d", err);
}

/* Add, or remove, half of the roots; what is in the first one is reachable at once. */
void fuzz_op_gc_root(struct fuzz_run *run)
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);
	unsigned int half = run->op.b % 2, first = half * GC_SLOTS / 2;
	struct gc_node *node;
	int err;

	if (!m || m->open)
		return;
	gc_let_go_of_roots();
	if (m->rooted[half]) {
		err = goalloc_gc_root_remove(m->heap, m->slots + first);
		memset(m->slots + first, 0, sizeof(m->slots) / 2);
		memset(m->refs + first, 0, sizeof(m->refs) / 2);
	} else {
		node = gc_pick(run, m, run->op.c);
		m->slots[first] = node ? node->p : NULL;
		m->refs[first] = (struct gc_ref){ m->slots[first], node };
		err = add_half(m, half);
	}
	m->rooted[half] = !m->rooted[half];
	if (err)
		fuzz_fail(run, "a root came, or went, as %d", err);
}
