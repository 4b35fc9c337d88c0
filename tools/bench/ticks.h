/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A clock for single calls. User-Mode Linux's own knows quarters of a microsecond only: so
 * where time is measured it is the processor's counter, and elsewhere ktime_get_ns(), which
 * counts instructions.
 */
#ifndef GOALLOC_BENCH_TICKS_H
#define GOALLOC_BENCH_TICKS_H

#include <linux/ktime.h>
#include <linux/math64.h>

static __always_inline u64 bench_ticks(bool time)
{
#ifdef __x86_64__
	u32 low, high;

	if (time) {
		asm volatile("rdtsc" : "=a" (low), "=d" (high));
		return (u64)high << 32 | low;
	}
#endif
	return ktime_get_ns();
}

/* How many of them there are in a millisecond. Takes 20 of those for @time. */
static inline u64 bench_ticks_per_ms(bool time)
{
	u64 t = ktime_get_ns(), start = bench_ticks(time), ns;

	if (!time)
		return NSEC_PER_MSEC;
	do {
		ns = ktime_get_ns() - t;
	} while (ns < 20 * NSEC_PER_MSEC);
	return div64_u64((bench_ticks(time) - start) * NSEC_PER_MSEC, ns);
}

#endif /* GOALLOC_BENCH_TICKS_H */
