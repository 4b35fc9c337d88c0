// SPDX-License-Identifier: GPL-2.0
/*
 * What barriers and sections cost those who use a managed heap: each loop beside one that
 * does the same to memory that is not managed. The loop itself is in both.
 *
 * For stores while the heap marks a cycle is begun while a section is open, which the
 * collector has to wait for: so the heap marks as long as that.
 */
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../goalloc_mod/mgc.h"
#include "gcbench.h"

#define ROUNDS 15
#define LOOPS 1024
#define COARSE 512 /* objects of a coarse section */

static struct gcbench_node __gc *slots[LOOPS];
static void *plain[LOOPS];
static struct gcbench_node *objs[LOOPS];
static struct gcbench_node *common;

static void store_plain(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		/* As goalloc_gc_assign() does, for nobody here. */
		smp_store_release(&plain[i], objs[i]);
}

static void store_managed(void)
{
	struct goalloc_heap *heap = gcbench_heap;
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		goalloc_gc_assign(heap, &slots[i], objs[i]);
}

static void store_same(void)
{
	struct goalloc_heap *heap = gcbench_heap;
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		goalloc_gc_assign(heap, &slots[i], common);
}

static void load_plain(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		READ_ONCE(plain[i]);
}

static void load_managed(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		goalloc_gc_load(&slots[i]);
}

static void sections(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		goalloc_gc_unlock(gcbench_heap, goalloc_gc_lock(gcbench_heap));
}

static noinline void empty(void)
{
	barrier();
}

static void no_sections(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		empty();
}

static void alloc_fine(void)
{
	unsigned int i;
	int section;

	for (i = 0; i < LOOPS; i++) {
		section = goalloc_gc_lock(gcbench_heap);
		goalloc_gc_assign(gcbench_heap, &slots[i],
				  goalloc_gc_alloc(gcbench_type, GFP_KERNEL));
		goalloc_gc_unlock(gcbench_heap, section);
	}
}

static void alloc_coarse(void)
{
	unsigned int i, k;
	int section;

	for (i = 0; i < LOOPS; i += COARSE) {
		section = goalloc_gc_lock(gcbench_heap);
		for (k = i; k < i + COARSE; k++)
			goalloc_gc_assign(gcbench_heap, &slots[k],
					  goalloc_gc_alloc(gcbench_type, GFP_KERNEL));
		goalloc_gc_unlock(gcbench_heap, section);
	}
}

static u64 time_of(void (*fn)(void))
{
	u64 ns = ktime_get_ns();

	fn();
	return ktime_get_ns() - ns;
}

/* Time is taken in the middle of all rounds; of instructions the least count. */
static void print_cost(struct seq_file *m, const char *what, const char *side, u64 *ns)
{
	u64 middle = gcbench_median(ns, ROUNDS);

	gcbench_row(m, what, side, div_u64(100 * (gcbench_native ? middle : ns[0]), LOOPS),
		    gcbench_native ? "ns" : "instructions");
}

static void cost(struct seq_file *m, const char *what, const char *side, void (*fn)(void))
{
	u64 ns[ROUNDS];
	unsigned int i;

	fn();
	for (i = 0; i < ROUNDS; i++)
		ns[i] = time_of(fn);
	print_cost(m, what, side, ns);
}

static void clear_slots(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++)
		goalloc_gc_assign(gcbench_heap, &slots[i], NULL);
}

/* New objects, in objs[]; in a section. */
static bool new_objects(void)
{
	unsigned int i;

	for (i = 0; i < LOOPS; i++) {
		objs[i] = goalloc_gc_alloc(gcbench_type, GFP_KERNEL);
		if (!objs[i])
			return false;
	}
	common = objs[0];
	return true;
}

static void wait_for_phase(enum gc_phase phase)
{
	while (gc_phase(gc_word(gcbench_heap)) != phase)
		schedule_timeout_uninterruptible(1);
}

/* Stores while the heap marks: of objects that are white, and of the same one over and over. */
static int costs_marking(struct seq_file *m)
{
	u64 white[ROUNDS], black[ROUNDS];
	unsigned int i;
	int section;
	bool ok;

	for (i = 0; i < ROUNDS; i++) {
		wait_for_phase(GC_OFF);
		section = goalloc_gc_lock(gcbench_heap);
		clear_slots();
		ok = new_objects();
		mgc_kick(gcbench_heap->gc);
		wait_for_phase(GC_MARK);
		white[i] = time_of(store_managed);
		store_same();
		black[i] = time_of(store_same);
		clear_slots();
		goalloc_gc_unlock(gcbench_heap, section);
		if (!ok)
			return -ENOMEM;
		gcbench_collect();
	}
	print_cost(m, "store-white", "goalloc", white);
	print_cost(m, "store-marked", "goalloc", black);
	return 0;
}

static int costs_idle(struct seq_file *m)
{
	int section = goalloc_gc_lock(gcbench_heap);
	bool ok = new_objects();

	if (ok) {
		cost(m, "store", "plain", store_plain);
		cost(m, "store", "goalloc", store_managed);
		cost(m, "load", "plain", load_plain);
		cost(m, "load", "goalloc", load_managed);
	}
	clear_slots();
	goalloc_gc_unlock(gcbench_heap, section);
	if (!ok)
		return -ENOMEM;
	cost(m, "section", "plain", no_sections);
	cost(m, "section", "goalloc", sections);
	cost(m, "alloc-fine", "goalloc", alloc_fine);
	cost(m, "alloc-coarse", "goalloc", alloc_coarse);
	section = goalloc_gc_lock(gcbench_heap);
	clear_slots();
	goalloc_gc_unlock(gcbench_heap, section);
	return 0;
}

/**
 * gcbench_costs() - measure barriers and sections
 * @m: where rows go
 *
 * Context: may sleep.
 * Return: 0, or a negative error.
 */
int gcbench_costs(struct seq_file *m)
{
	int err = goalloc_gc_root_add(gcbench_heap, slots, LOOPS, GOALLOC_GC_ROOT_PRECISE);

	if (err)
		return err;
	goalloc_gc_set_percent(gcbench_heap, -1);
	err = costs_idle(m);
	if (!err)
		err = costs_marking(m);
	goalloc_gc_root_remove(gcbench_heap, slots);
	return err;
}
