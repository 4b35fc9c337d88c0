// SPDX-License-Identifier: GPL-2.0
/*
 * Samples, rounds, and what is made of them. In each round every side has its
 * turn, so that all see the same weather.
 *
 * Where a nanosecond is an instruction the least of a dozen rounds counts: static
 * keys settle in the first, and interrupts only add.
 *
 * Native, the median does, of at least 15 rounds in which the control, a loop
 * that does arithmetic before and after, took what it always takes, give or take
 * a twentieth. Other rounds are thrown away, and repeated, within limits: whoever
 * prints figures marks those of too few rounds. The deviation is the median of the
 * absolute deviations from the median.
 */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define COUNTED_ROUNDS 12
#define TIMED_ROUNDS 21
#define QUICK_ROUNDS 15
#define LEAST_ROUNDS 15
#define MAX_ROUNDS 168
#define MAX_NS (15 * NSEC_PER_SEC) /* for all rounds of an operation */
#define QUICK_NS (2 * NSEC_PER_SEC)
#define LATE_ROUNDS 5 /* if that is over */
#define MAX_SIDES 4
#define SAMPLE_NS 200000 /* a timed sample takes at least that long */
#define EVICT_BYTES SZ_16M

static s64 sample[MAX_SIDES][MAX_ROUNDS]; /* hundredths */
static u64 control[MAX_ROUNDS][2]; /* before and after the round */
static s64 sorted[2 * MAX_ROUNDS];
static void *evict;
static u64 clock_cost;

static u64 time_here(const struct bench_op *op, const struct bench_side *side, unsigned int n,
		     const struct bench_place *place)
{
	u64 t = ktime_get_ns();

	side->run(op, n, place);
	return ktime_get_ns() - t;
}

static s64 per_object(s64 ns, unsigned int n)
{
	return div_s64((ns - (s64)clock_cost) * 100 + n / 2, n);
}

/* One sample, in hundredths of what unit_of() says. */
static s64 take(const struct bench_op *op, const struct bench_side *side, unsigned int n,
		unsigned int round)
{
	struct bench_place place = here;
	s64 ns;

	switch (op->kind) {
	case KIND_KEEP:
		place.objs += (size_t)round * n;
		break;
	case KIND_COLD:
		memset(evict, round, EVICT_BYTES);
		break;
	case KIND_HARDIRQ:
		return per_object(time_in_hardirq(op, side, n), n);
	case KIND_ALL_CPUS:
		return per_object(time_on_all(op, side, n), n);
	case KIND_SCALING:
		ns = time_here(op, side, n, &place);
		return div64_s64(100 * ns * num_online_cpus(), time_on_all(op, side, n));
	case KIND_CROSS:
		return per_object(time_across(op, side, n), n);
	case KIND_CROSS_NET:
		ns = time_across(op, side, n);
		return per_object(ns - (s64)time_across(op, &side_empty, n) + (s64)clock_cost, n);
	default:
		break;
	}
	return per_object(time_here(op, side, n, &place), n);
}

static const char *unit_of(const struct bench_op *op)
{
	if (op->kind == KIND_SCALING)
		return "x";
	return native ? "ns" : "instructions";
}

static int compare_s64(const void *a, const void *b)
{
	s64 x = *(const s64 *)a, y = *(const s64 *)b;

	return x < y ? -1 : x > y;
}

int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* Of the first @n of sorted[]. */
static s64 median(unsigned int n)
{
	sort(sorted, n, sizeof(*sorted), compare_s64, NULL);
	return sorted[n / 2];
}

static bool near(u64 x, u64 reference)
{
	u64 off = x > reference ? x - reference : reference - x;

	return off * 20 <= reference;
}

/* Which of @n rounds count, and how many. The control may take no longer than @most. */
static unsigned int keep_rounds(unsigned int n, u64 most, bool *keep)
{
	unsigned int i, kept = 0;
	u64 reference;

	for (i = 0; i < 2 * n; i++)
		sorted[i] = control[i / 2][i % 2];
	reference = median(2 * n);
	if (reference > most)
		reference = 0;
	for (i = 0; i < n; i++) {
		keep[i] = near(control[i][0], reference) && near(control[i][1], reference);
		kept += keep[i];
	}
	return kept;
}

void print_value(struct seq_file *m, const char *op, const char *side, const char *stat,
		 const char *unit, s64 value, s64 deviation, const char *rounds)
{
	u64 abs = value < 0 ? -value : value;

	seq_printf(m, "%s\t%s\t%s\t%s%llu.%02llu\t%s\t%llu.%02llu\t%s\n", op, side, stat,
		   value < 0 ? "-" : "", abs / 100, abs % 100, unit, deviation / 100,
		   deviation % 100, rounds);
}

static void print_least(struct seq_file *m, const struct bench_op *op, unsigned int side,
			unsigned int n)
{
	s64 least = sample[side][0];
	char rounds[16];
	unsigned int i;

	for (i = 1; i < n; i++)
		least = min(least, sample[side][i]);
	snprintf(rounds, sizeof(rounds), "%u/%u", n, n);
	print_value(m, op->name, op->sides[side]->name, "min", unit_of(op), least, 0, rounds);
}

static void print_median(struct seq_file *m, const struct bench_op *op, unsigned int side,
			 unsigned int n, const bool *keep, unsigned int kept)
{
	unsigned int i, k = 0;
	char rounds[16];
	s64 middle;

	for (i = 0; i < n; i++)
		if (keep[i] || !kept)
			sorted[k++] = sample[side][i];
	middle = median(k);
	for (i = 0; i < k; i++)
		sorted[i] = abs(sorted[i] - middle);
	snprintf(rounds, sizeof(rounds), "%u/%u", kept, n);
	print_value(m, op->name, op->sides[side]->name, "median", unit_of(op), middle, median(k),
		    rounds);
}

static bool on_all_cpus(const struct bench_op *op)
{
	return op->kind == KIND_ALL_CPUS || op->kind == KIND_SCALING ||
	       op->kind == KIND_CROSS || op->kind == KIND_CROSS_NET;
}

/* How many objects take long enough to be timed; a multiple of op->n. */
static unsigned int enough(const struct bench_op *op, const struct bench_side *side)
{
	u64 t;

	if (!native || op->kind == KIND_COLD)
		return op->n;
	if (on_all_cpus(op))
		return op->n * 4;
	t = max(time_here(op, side, op->n, &here), 1ULL);
	return op->n * clamp(div64_u64(SAMPLE_NS, t), 1ULL, 1024ULL);
}

/*
 * What the control may take: CPUs that are not really there take turns, and a
 * loop on all of them takes twice the time of one on one.
 */
static u64 control_limit(const struct bench_op *op)
{
	u64 least = U64_MAX;
	unsigned int i;

	if (!native || !on_all_cpus(op))
		return U64_MAX;
	for (i = 0; i < LEAST_ROUNDS; i++)
		least = min(least, time_control(false));
	return least + least / 2;
}

static unsigned int run_rounds(const struct bench_op *op, const unsigned int *sides,
			       unsigned int nsides, unsigned int n, bool *keep, unsigned int *kept)
{
	unsigned int goal = !native ? COUNTED_ROUNDS : quick ? QUICK_ROUNDS : TIMED_ROUNDS;
	u64 end = ktime_get_ns() + (quick ? QUICK_NS : MAX_NS);
	u64 most = control_limit(op);
	unsigned int i, k;

	if (op->kind == KIND_ONCE)
		goal = 1;
	*kept = 0;
	for (i = 0; i < MAX_ROUNDS; i++) {
		bool late = native && i >= LATE_ROUNDS && ktime_get_ns() > end;

		if (i >= goal && !native)
			break;
		if (i >= goal || late)
			*kept = keep_rounds(i, most, keep);
		if (*kept >= LEAST_ROUNDS || late)
			break;
		if (native)
			control[i][0] = time_control(on_all_cpus(op));
		for (k = 0; k < nsides; k++)
			sample[sides[k]][i] = take(op, op->sides[sides[k]], n, i);
		if (native)
			control[i][1] = time_control(on_all_cpus(op));
		cond_resched();
	}
	return i;
}

/* What was kept goes. */
static void free_kept(const struct bench_op *op, const struct bench_side *side, unsigned int n)
{
	struct bench_op free_op = *op;

	free_op.shape = SHAPE_FREE;
	side->run(&free_op, n, &here);
}

/**
 * measure_op() - measure an operation for all sides, and print a row for each
 * @m: where to
 * @op: the operation
 *
 * Return: 0, or a negative error.
 */
int measure_op(struct seq_file *m, const struct bench_op *op)
{
	unsigned int sides[MAX_SIDES], nsides = 0, kept, rounds, i, n;
	bool keep_all = op->kind == KIND_KEEP || op->kind == KIND_ONCE;
	struct bench_op probe = *op;
	bool keep[MAX_ROUNDS];

	/* On PREEMPT_RT only goalloc may allocate there. */
	if (op->kind == KIND_HARDIRQ && IS_ENABLED(CONFIG_PREEMPT_RT))
		return 0;

	here.order = bench_order(op);
	probe.shape = SHAPE_PROBE;
	for (i = 0; op->sides[i]; i++) {
		if (!keep_all && !op->sides[i]->run(&probe, 1, &here)) {
			print_value(m, op->name, op->sides[i]->name, "fails", "-", 0, 0, "0/0");
			continue;
		}
		sides[nsides++] = i;
	}
	n = nsides ? enough(op, op->sides[sides[0]]) : 0;
	if (native)
		for (i = 0; i < nsides; i++)
			take(op, op->sides[sides[i]], n, 0);

	if (!keep_all) {
		rounds = run_rounds(op, sides, nsides, n, keep, &kept);
	} else {
		/* The pointers of one side at a time find room. */
		for (i = 0; i < nsides; i++) {
			rounds = run_rounds(op, &sides[i], 1, n, keep, &kept);
			free_kept(op, op->sides[sides[i]], rounds * n);
		}
	}
	for (i = 0; i < nsides; i++) {
		if (native)
			print_median(m, op, sides[i], rounds, keep, kept);
		else
			print_least(m, op, sides[i], rounds);
	}
	return 0;
}

int measure_init(void)
{
	unsigned int i;

	clock_cost = U64_MAX;
	for (i = 0; i < 100; i++) {
		u64 t = ktime_get_ns();

		clock_cost = min(clock_cost, ktime_get_ns() - t);
	}
	evict = vmalloc(EVICT_BYTES);
	return evict ? 0 : -ENOMEM;
}

void measure_exit(void)
{
	vfree(evict);
}
