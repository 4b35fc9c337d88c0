// SPDX-License-Identifier: GPL-2.0
/*
 * How fast the collector marks: the time from the moment that a cycle may scan to the
 * one at which nothing is left to, by the points that mgc.c has for tests.
 *
 * The heap is a tree, of as many nodes as fit into a processor's cache or of many more;
 * its nodes lie in memory in the order in which they are found, or in any order.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../goalloc_mod/mgc.h"
#include "gcbench.h"

#define ROUNDS 15
#define QUICK_ROUNDS 5
#define BATCH 256
#define SMALL_NODES 16383 /* 256 KiB */
#define LARGE_NODES 4194303 /* 64 MiB */
#define QUICK_NODES 262143

static struct gcbench_node __gc *top;
static struct gcbench_node __gc **nodes;
static u64 begun, ended;

static void at_point(struct gc_heap *gc, enum gc_test_point point, void *unused)
{
	if (gc != gcbench_heap->gc)
		return;
	if (point == GC_AT_G1) {
		begun = ktime_get_ns();
		ended = 0;
	} else if (point == GC_AT_DRAINED && !ended) {
		ended = ktime_get_ns();
	}
}

/* Sections of some steps each. */
static int next_section(int section, unsigned int step)
{
	if (step % BATCH)
		return section;
	goalloc_gc_unlock(gcbench_heap, section);
	cond_resched();
	return goalloc_gc_lock(gcbench_heap);
}

/* In @nodes, which is a root. */
static int make_nodes(unsigned int n)
{
	struct gcbench_node *node = NULL;
	unsigned int i;
	int section;

	section = goalloc_gc_lock(gcbench_heap);
	for (i = 0; i < n; i++) {
		section = next_section(section, i);
		node = goalloc_gc_alloc(gcbench_type, GFP_KERNEL);
		if (!node)
			break;
		goalloc_gc_assign(gcbench_heap, &nodes[i], node);
	}
	goalloc_gc_unlock(gcbench_heap, section);
	return node ? 0 : -ENOMEM;
}

/* In any order from now on. */
static void shuffle(unsigned int n)
{
	int section = goalloc_gc_lock(gcbench_heap);
	struct gcbench_node *one, *other;
	struct rnd_state random;
	unsigned int i;

	prandom_seed_state(&random, 1);
	for (; n > 1; n--) {
		section = next_section(section, n);
		i = prandom_u32_state(&random) % n;
		one = goalloc_gc_load(&nodes[n - 1]);
		other = goalloc_gc_load(&nodes[i]);
		goalloc_gc_assign(gcbench_heap, &nodes[n - 1], other);
		goalloc_gc_assign(gcbench_heap, &nodes[i], one);
	}
	goalloc_gc_unlock(gcbench_heap, section);
}

/* A tree below the first one. */
static void link_nodes(unsigned int n)
{
	int section = goalloc_gc_lock(gcbench_heap);
	struct gcbench_node *parent;
	unsigned int i;

	for (i = 1; i < n; i++) {
		section = next_section(section, i);
		parent = goalloc_gc_load(&nodes[(i - 1) / 2]);
		goalloc_gc_assign(gcbench_heap, i % 2 ? &parent->left : &parent->right,
				  goalloc_gc_load(&nodes[i]));
	}
	goalloc_gc_assign(gcbench_heap, &top, goalloc_gc_load(&nodes[0]));
	goalloc_gc_unlock(gcbench_heap, section);
}

static int make_tree(unsigned int n, bool shuffled)
{
	int err;

	nodes = kvcalloc(n, sizeof(*nodes), GFP_KERNEL);
	if (!nodes)
		return -ENOMEM;
	err = goalloc_gc_root_add(gcbench_heap, nodes, n, GOALLOC_GC_ROOT_PRECISE);
	if (!err) {
		err = make_nodes(n);
		if (!err && shuffled)
			shuffle(n);
		if (!err)
			link_nodes(n);
		goalloc_gc_root_remove(gcbench_heap, nodes);
	}
	kvfree(nodes);
	return err;
}

static void drop_tree(void)
{
	int section = goalloc_gc_lock(gcbench_heap);

	goalloc_gc_assign(gcbench_heap, &top, NULL);
	goalloc_gc_unlock(gcbench_heap, section);
}

static int mark_tree(struct seq_file *m, const char *name, unsigned int n, bool shuffled)
{
	unsigned int i, rounds = gcbench_quick ? QUICK_ROUNDS : ROUNDS;
	struct goalloc_gc_stats before, after;
	u64 ns[ROUNDS];
	int err;

	err = make_tree(n, shuffled);
	/* Once unmeasured: what was allocated is not yet swept. */
	if (!err)
		err = gcbench_collect();
	for (i = 0; !err && i < rounds; i++) {
		goalloc_gc_stats(gcbench_heap, &before);
		err = gcbench_collect();
		goalloc_gc_stats(gcbench_heap, &after);
		if (!err && after.objects_marked - before.objects_marked != n)
			err = -EBADMSG;
		ns[i] = ended - begun;
	}
	drop_tree();
	if (err)
		return err;
	gcbench_row(m, name, "goalloc", div_u64(gcbench_median(ns, rounds) * 100, n), "ns");
	gcbench_row(m, name, "bytes",
		    div64_u64(n * sizeof(struct gcbench_node) * 100000, ns[rounds / 2] ?: 1),
		    "MB/s");
	return gcbench_collect();
}

/* What the collector has for each span, of what it holds. */
static int report_memory(struct seq_file *m, const char *name, unsigned int size)
{
	unsigned int groups = DIV_ROUND_UP(GOALLOC_PAGE_SIZE / size, 64);
	struct span_gc *sg = kmalloc(struct_size(sg, bits, groups) + groups * sizeof(*sg->scanned),
				     GFP_KERNEL);

	if (!sg)
		return -ENOMEM;
	gcbench_row(m, name, "goalloc", div_u64(10000ULL * ksize(sg), GOALLOC_PAGE_SIZE), "%");
	kfree(sg);
	return 0;
}

/**
 * gcbench_mark() - measure marking, and what the collector needs for that
 * @m: where rows go
 *
 * Context: may sleep.
 * Return: 0, or a negative error; -EBADMSG if not all was marked.
 */
int gcbench_mark(struct seq_file *m)
{
	unsigned int large = gcbench_quick ? QUICK_NODES : LARGE_NODES;
	int err = goalloc_gc_root_add(gcbench_heap, &top, 1, GOALLOC_GC_ROOT_PRECISE);

	if (err)
		return err;
	gc_test.point = at_point;
	static_branch_enable(&gc_testing);
	err = mark_tree(m, "in-cache", SMALL_NODES, false);
	if (!err)
		err = mark_tree(m, "beyond-cache", large, false);
	if (!err)
		err = mark_tree(m, "shuffled", large, true);
	static_branch_disable(&gc_testing);
	gc_test.point = NULL;
	goalloc_gc_root_remove(gcbench_heap, &top);
	gcbench_row(m, "batch", "goalloc", GC_BATCH * 100, "pointers");
	if (!err)
		err = report_memory(m, "memory-16B", 16);
	if (!err)
		err = report_memory(m, "memory-64B", 64);
	if (!err)
		err = report_memory(m, "memory-1KiB", 1024);
	return err;
}
