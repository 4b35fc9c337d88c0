// SPDX-License-Identifier: GPL-2.0
/*
 * How long a user of a managed heap is held up: an operation is a section in which an
 * object is allocated, loaded pointers are followed, and two are stored. Each is timed
 * by itself, first in a heap that does not collect, then while it does all the time.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "gcbench.h"
#include "ticks.h"

#define NSLOTS 4096
#define OPERATIONS 1000000
#define QUICK_OPERATIONS 100000
#define COLLECT_EVERY 10000 /* operations, of the control: outside of what is timed */

static struct gcbench_node __gc *slots[NSLOTS];
static u32 *took;
static u64 ticks_per_ms;

static __always_inline u64 ticks(void)
{
	return bench_ticks(gcbench_native);
}

static bool operate(struct rnd_state *random)
{
	u32 r = prandom_u32_state(random);
	struct gcbench_node *node, *old;
	int section = goalloc_gc_lock(gcbench_heap);

	node = goalloc_gc_alloc(gcbench_type, GFP_KERNEL);
	if (node) {
		old = goalloc_gc_load(&slots[r % NSLOTS]);
		/* Chains of two: what is behind goes. */
		if (old)
			goalloc_gc_assign(gcbench_heap, &old->left, NULL);
		goalloc_gc_assign(gcbench_heap, &node->left, old);
		goalloc_gc_assign(gcbench_heap, &slots[r % NSLOTS], node);
	}
	goalloc_gc_unlock(gcbench_heap, section);
	return node;
}

static int collect_fn(void *unused)
{
	while (!kthread_should_stop())
		gcbench_collect();
	return 0;
}

static int operate_all(unsigned int n, bool control)
{
	struct rnd_state random;
	unsigned int i;
	u64 t;

	prandom_seed_state(&random, 1);
	for (i = 0; i < n; i++) {
		t = ticks();
		if (!operate(&random))
			return -ENOMEM;
		t = ticks() - t;
		took[i] = min_t(u64, div64_u64(t * NSEC_PER_MSEC, ticks_per_ms), U32_MAX);
		if (control && i % COLLECT_EVERY == 0)
			gcbench_collect();
		cond_resched();
	}
	return 0;
}

static int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static void print_delays(struct seq_file *m, const char *side, unsigned int n)
{
	static const struct {
		const char *name;
		unsigned int of; /* ten thousand */
	} stats[] = { { "p50", 5000 }, { "p99", 9900 }, { "p99.99", 9999 }, { "max", 10000 } };
	unsigned int i;

	sort(took, n, sizeof(*took), compare_u32, NULL);
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		gcbench_row(m, stats[i].name, side,
			    100ULL * took[mul_u64_u32_div(n - 1, stats[i].of, 10000)],
			    gcbench_native ? "ns" : "instructions");
}

static int delays(struct seq_file *m, unsigned int n)
{
	struct task_struct *collector;
	int err;

	/* Once for what is done but once. */
	err = operate_all(n / 10, true);
	if (!err)
		err = operate_all(n, true);
	if (err)
		return err;
	print_delays(m, "idle", n);
	collector = kthread_run(collect_fn, NULL, "gcbench_collect");
	if (IS_ERR(collector))
		return PTR_ERR(collector);
	err = operate_all(n, false);
	kthread_stop(collector);
	if (!err)
		print_delays(m, "collecting", n);
	return err;
}

static void drop_all(void)
{
	int section = goalloc_gc_lock(gcbench_heap);
	unsigned int i;

	for (i = 0; i < NSLOTS; i++)
		goalloc_gc_assign(gcbench_heap, &slots[i], NULL);
	goalloc_gc_unlock(gcbench_heap, section);
}

/**
 * gcbench_delay() - measure how long operations are held up
 * @m: where rows go
 *
 * Context: may sleep.
 * Return: 0, or a negative error.
 */
int gcbench_delay(struct seq_file *m)
{
	unsigned int n = gcbench_quick ? QUICK_OPERATIONS : OPERATIONS;
	int err = -ENOMEM;

	goalloc_gc_set_percent(gcbench_heap, -1);
	took = kvcalloc(n, sizeof(*took), GFP_KERNEL);
	if (!took)
		return -ENOMEM;
	ticks_per_ms = bench_ticks_per_ms(gcbench_native);
	err = goalloc_gc_root_add(gcbench_heap, slots, NSLOTS, GOALLOC_GC_ROOT_PRECISE);
	if (!err) {
		err = delays(m, n);
		drop_all();
		goalloc_gc_root_remove(gcbench_heap, slots);
	}
	kvfree(took);
	return err;
}
