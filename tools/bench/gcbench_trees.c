// SPDX-License-Identifier: GPL-2.0
/*
 * Binary trees, the allocator's benchmark of the Computer Language Benchmarks Game, as
 * gcbench_trees.go has it: one tree that is thrown away, one that stays, and very many of
 * each depth in between, each of which is made, counted and dropped.
 *
 * A section is as long as a tree takes that is as deep as the module parameter "section"
 * says. Smaller trees share one; of larger ones the upper nodes are reachable from @path,
 * by level, so that sections end while they are being made.
 */
#include <linux/ktime.h>
#include <linux/sched.h>

#include "gcbench.h"

#define LEAST_DEPTH 4
#define MAX_LEVELS 24

static struct gcbench_node __gc *kept;
static struct gcbench_node __gc *path[MAX_LEVELS];
static u64 most_held;

/* In a section. */
static struct gcbench_node *make(unsigned int depth)
{
	struct gcbench_node *node = goalloc_gc_alloc(gcbench_type, GFP_KERNEL), *child;

	if (!node || !depth)
		return node;
	child = make(depth - 1);
	if (!child)
		return NULL;
	goalloc_gc_assign(gcbench_heap, &node->left, child);
	child = make(depth - 1);
	if (!child)
		return NULL;
	goalloc_gc_assign(gcbench_heap, &node->right, child);
	return node;
}

/* In a section. */
static unsigned int count(struct gcbench_node *node)
{
	struct gcbench_node *left = goalloc_gc_load(&node->left);

	if (!left)
		return 1;
	return 1 + count(left) + count(goalloc_gc_load(&node->right));
}

/* Others have their turn, and what is held is looked at. */
static void between_sections(void)
{
	most_held = max(most_held, gcbench_held());
	cond_resched();
}

/* A tree, from path[@level] on. */
static int make_at(unsigned int level, unsigned int depth)
{
	struct gcbench_node *node;
	int section, err;

	section = goalloc_gc_lock(gcbench_heap);
	node = make(depth > gcbench_section ? 0 : depth);
	goalloc_gc_assign(gcbench_heap, &path[level], node);
	goalloc_gc_unlock(gcbench_heap, section);
	between_sections();
	if (!node)
		return -ENOMEM;
	if (depth <= gcbench_section)
		return 0;

	err = make_at(level + 1, depth - 1);
	if (err)
		return err;
	section = goalloc_gc_lock(gcbench_heap);
	node = goalloc_gc_load(&path[level]);
	goalloc_gc_assign(gcbench_heap, &node->left, goalloc_gc_load(&path[level + 1]));
	goalloc_gc_unlock(gcbench_heap, section);
	err = make_at(level + 1, depth - 1);
	if (err)
		return err;
	section = goalloc_gc_lock(gcbench_heap);
	node = goalloc_gc_load(&path[level]);
	goalloc_gc_assign(gcbench_heap, &node->right, goalloc_gc_load(&path[level + 1]));
	goalloc_gc_assign(gcbench_heap, &path[level + 1], NULL);
	goalloc_gc_unlock(gcbench_heap, section);
	return 0;
}

/* The nodes of the tree that is at path[@level]. */
static unsigned int count_at(unsigned int level, unsigned int depth)
{
	struct gcbench_node *node;
	unsigned int n;
	int section;

	section = goalloc_gc_lock(gcbench_heap);
	node = goalloc_gc_load(&path[level]);
	if (depth <= gcbench_section) {
		n = count(node);
		goalloc_gc_unlock(gcbench_heap, section);
		between_sections();
		return n;
	}
	goalloc_gc_assign(gcbench_heap, &path[level + 1], goalloc_gc_load(&node->left));
	goalloc_gc_unlock(gcbench_heap, section);
	n = 1 + count_at(level + 1, depth - 1);
	section = goalloc_gc_lock(gcbench_heap);
	node = goalloc_gc_load(&path[level]);
	goalloc_gc_assign(gcbench_heap, &path[level + 1], goalloc_gc_load(&node->right));
	goalloc_gc_unlock(gcbench_heap, section);
	return n + count_at(level + 1, depth - 1);
}

static void drop(struct gcbench_node __gc **slots, unsigned int n)
{
	int section = goalloc_gc_lock(gcbench_heap);

	while (n--)
		goalloc_gc_assign(gcbench_heap, &slots[n], NULL);
	goalloc_gc_unlock(gcbench_heap, section);
}

/* Make a tree and count its nodes; returns 0 if memory ran out. */
static unsigned int make_and_count(unsigned int depth)
{
	unsigned int n = 0;

	if (!make_at(0, depth))
		n = count_at(0, depth);
	drop(path, ARRAY_SIZE(path));
	return n;
}

/* The same with @trees of them, in one section. */
static unsigned int make_and_count_some(unsigned int depth, unsigned int trees)
{
	int section = goalloc_gc_lock(gcbench_heap);
	struct gcbench_node *node;
	unsigned int n = 0;

	while (trees--) {
		node = make(depth);
		if (!node) {
			n = 0;
			break;
		}
		n += count(node);
	}
	goalloc_gc_unlock(gcbench_heap, section);
	between_sections();
	return n;
}

/* As many trees of @depth as make about as many nodes as of any other depth. */
static int make_many(struct seq_file *m, unsigned int depth, u64 *nodes)
{
	unsigned int i, n = 1U << (gcbench_depth + LEAST_DEPTH - depth), some = 1, got;
	u64 sum = 0;

	/* Both are powers of two. */
	if (depth < gcbench_section)
		some = min(n, 1U << (gcbench_section - depth));
	for (i = 0; i < n; i += some) {
		got = depth > gcbench_section ? make_and_count(depth) :
			make_and_count_some(depth, some);
		if (!got)
			return -ENOMEM;
		sum += got;
	}
	*nodes += sum;
	seq_printf(m, "check\t%u\t%u\t%llu\n", n, depth, sum);
	return 0;
}

static int run(struct seq_file *m, u64 *nodes)
{
	unsigned int depth, n;
	int section, err;

	n = make_and_count(gcbench_depth + 1);
	if (!n)
		return -ENOMEM;
	*nodes += n;
	seq_printf(m, "check\t1\t%u\t%u\n", gcbench_depth + 1, n);

	err = make_at(0, gcbench_depth);
	if (err)
		return err;
	section = goalloc_gc_lock(gcbench_heap);
	goalloc_gc_assign(gcbench_heap, &kept, goalloc_gc_load(&path[0]));
	goalloc_gc_unlock(gcbench_heap, section);
	drop(path, 1);

	for (depth = LEAST_DEPTH; depth <= gcbench_depth; depth += 2) {
		err = make_many(m, depth, nodes);
		if (err)
			return err;
	}
	section = goalloc_gc_lock(gcbench_heap);
	goalloc_gc_assign(gcbench_heap, &path[0], goalloc_gc_load(&kept));
	goalloc_gc_unlock(gcbench_heap, section);
	n = count_at(0, gcbench_depth);
	*nodes += n;
	seq_printf(m, "check\t1\t%u\t%u\n", gcbench_depth, n);
	return 0;
}

/**
 * gcbench_trees() - measure binary trees
 * @m: where rows go, and the sums that gcbench_trees.go has to get, too
 *
 * Context: may sleep.
 * Return: 0, or a negative error.
 */
int gcbench_trees(struct seq_file *m)
{
	u64 before = gcbench_held(), nodes = 0, ns;
	int err;

	most_held = before;
	err = goalloc_gc_root_add(gcbench_heap, &kept, 1, GOALLOC_GC_ROOT_PRECISE);
	if (!err)
		err = goalloc_gc_root_add(gcbench_heap, path, ARRAY_SIZE(path),
					  GOALLOC_GC_ROOT_PRECISE);
	if (err)
		return err;
	ns = ktime_get_ns();
	err = run(m, &nodes);
	ns = ktime_get_ns() - ns;
	drop(path, ARRAY_SIZE(path));
	drop(&kept, 1);
	goalloc_gc_root_remove(gcbench_heap, path);
	goalloc_gc_root_remove(gcbench_heap, &kept);
	if (err)
		return err;
	gcbench_row(m, "time", "goalloc", ns * 100, "ns");
	gcbench_row(m, "objects", "goalloc", nodes * 100, "objects");
	gcbench_row(m, "peak", "goalloc", (most_held - before) * 100, "bytes");
	return 0;
}
