// SPDX-License-Identifier: GPL-2.0
/*
 * How long single operations take: objects come and go at random, some thousand
 * at a time, and each call is timed by itself, with interrupts off, so that only
 * the allocator's own work is in it. A call through a pointer is in each figure,
 * the clock is not (ticks.h).
 */
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bench.h"
#include "ticks.h"

#define SLOTS 8192
#define CALLS 200000
#define QUICK_CALLS 40000

static const struct workload {
	const char *name;
	const struct bench_side *const *sides;
	unsigned int least; /* sizes, all powers of two equally likely */
	unsigned int doublings;
} workloads[] = {
	{ "64B", bench_small_sides, 64, 0 },
	{ "8B-4KiB", bench_general_sides, 8, 9 },
};

enum { ALLOC, FREE, CALL_KINDS };

static const char *const call_names[CALL_KINDS] = { "alloc", "free" };

/* What was measured, of each kind of call. */
struct calls {
	u32 *ns[CALL_KINDS];
	unsigned int n[CALL_KINDS];
	void **slot;
};

static u64 clock_cost;
static u64 ticks_per_ms;

static __always_inline u64 ticks(void)
{
	return bench_ticks(native);
}

static void calibrate(void)
{
	unsigned int i;
	u64 cost;

	ticks_per_ms = bench_ticks_per_ms(native);
	clock_cost = U64_MAX;
	for (i = 0; i < 100; i++) {
		cost = ticks();
		clock_cost = min(clock_cost, ticks() - cost);
	}
}

static u32 next_random(u32 *state)
{
	/* xorshift, by Marsaglia: any seed but 0 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void one_call(const struct bench_side *side, void **slot, size_t size, struct calls *calls)
{
	unsigned int kind = *slot ? FREE : ALLOC;
	unsigned long flags = 0;
	u64 t;

	/* On PREEMPT_RT the peers take sleeping locks. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(flags);
	t = ticks();
	if (*slot) {
		side->fns.free(*slot, size);
		*slot = NULL;
	} else {
		*slot = side->fns.alloc(size, GFP_ATOMIC);
	}
	t = ticks() - t;
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(flags);

	t = div64_u64((t - min(t, clock_cost)) * NSEC_PER_MSEC, ticks_per_ms);
	if (kind == FREE || *slot)
		calls->ns[kind][calls->n[kind]++] = min_t(u64, t, U32_MAX);
}

static void run_calls(const struct workload *load, const struct bench_side *side,
		      struct calls *calls, unsigned int n)
{
	u32 seed = 1;

	calls->n[ALLOC] = 0;
	calls->n[FREE] = 0;
	while (n--) {
		u32 random = next_random(&seed);
		size_t size = load->least << (random >> 24) % (load->doublings + 1);

		one_call(side, &calls->slot[random % SLOTS], size, calls);
		if (n % 1024 == 0)
			cond_resched();
	}
}

/* Bins of a quarter of an octave. */
static u32 bin_start(u32 ns)
{
	unsigned int shift = ns < 8 ? 0 : ilog2(ns) - 2;

	return ns >> shift << shift;
}

static void print_calls(struct seq_file *m, const struct workload *load,
			const struct bench_side *side, unsigned int kind, u32 *ns, unsigned int n)
{
	static const struct {
		const char *name;
		unsigned int per_mille;
	} stats[] = { { "p50", 500 }, { "p99", 990 }, { "p99.9", 999 }, { "max", 1000 } };
	const char *unit = native ? "ns" : "instructions";
	unsigned int i, start = 0;
	char op[32], count[24];

	snprintf(op, sizeof(op), "latency-%s-%s", load->name, call_names[kind]);
	snprintf(count, sizeof(count), "%u/%u", n, n);
	sort(ns, n, sizeof(*ns), compare_u32, NULL);
	for (i = 0; i < ARRAY_SIZE(stats); i++) {
		unsigned int at = mul_u64_u32_div(n - 1, stats[i].per_mille, 1000);

		print_value(m, op, side->name, stats[i].name, unit, 100LL * ns[at], 0, count);
	}
	for (i = 1; i <= n; i++) {
		if (i < n && bin_start(ns[i]) == bin_start(ns[start]))
			continue;
		seq_printf(m, "bin\t%s\t%s\t%u\t%u\n", op, side->name, bin_start(ns[start]),
			   i - start);
		start = i;
	}
}

static void measure(struct seq_file *m, const struct workload *load,
		    const struct bench_side *side, struct calls *calls)
{
	unsigned int n = quick ? QUICK_CALLS : CALLS, i;

	run_calls(load, side, calls, n / 2); /* warms up */
	run_calls(load, side, calls, n);
	for (i = 0; i < CALL_KINDS; i++)
		if (calls->n[i])
			print_calls(m, load, side, i, calls->ns[i], calls->n[i]);
	for (i = 0; i < SLOTS; i++) {
		if (calls->slot[i])
			side->fns.free(calls->slot[i], load->least);
		calls->slot[i] = NULL;
	}
}

int latency_show(struct seq_file *m, void *unused)
{
	struct calls calls = {
		.ns[ALLOC] = kvcalloc(CALLS, sizeof(u32), GFP_KERNEL),
		.ns[FREE] = kvcalloc(CALLS, sizeof(u32), GFP_KERNEL),
		.slot = kvcalloc(SLOTS, sizeof(void *), GFP_KERNEL),
	};
	int err = calls.ns[ALLOC] && calls.ns[FREE] && calls.slot ? 0 : -ENOMEM;
	unsigned int i, k;

	calibrate();
	for (i = 0; !err && i < ARRAY_SIZE(workloads); i++)
		for (k = 0; workloads[i].sides[k]; k++)
			measure(m, &workloads[i], workloads[i].sides[k], &calls);
	kvfree(calls.ns[ALLOC]);
	kvfree(calls.ns[FREE]);
	kvfree(calls.slot);
	return err;
}
