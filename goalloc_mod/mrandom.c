// SPDX-License-Identifier: GPL-2.0
/*
 * Slots in an order that nobody can foresee (random_slots=1).
 *
 * A span is born with its free slots in the rfree words, as if others had freed
 * them, and whoever needs room moves a few of them, chosen at random, to a free
 * word, of a group chosen at random. So the fast path knows nothing of it: it takes
 * the lowest free slot that it sees, and sees few. What is freed into a span by
 * others than its owner goes the same way.
 *
 * Where slots are taken nothing may wait, and get_random_u64() may, on
 * PREEMPT_RT: so the bits come from SipHash, keyed at load. No lock; any context.
 */
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/siphash.h>

#include "goalloc_internal.h"

/* Draws of one choice; some are of the same slot, or of one that is not free. */
#define DRAWS 8

static siphash_key_t key __read_mostly;
static DEFINE_PER_CPU(u64, drawn);

void mrandom_init(void)
{
	get_random_bytes(&key, sizeof(key));
}

/**
 * mrandom_choose() - choose where to look for slots, and which to take
 * @ngroups: groups of the span
 * @which: set to up to DRAWS slots of a group, one at least
 *
 * Context: any.
 * Return: the group to begin with.
 */
unsigned int mrandom_choose(unsigned int ngroups, u64 *which)
{
	u64 r = siphash_2u64(this_cpu_inc_return(drawn), raw_smp_processor_id(), &key);
	unsigned int i;

	for (*which = 0, i = 0; i < DRAWS; i++, r >>= MSPAN_GROUP_SHIFT)
		*which |= BIT_ULL(r % 64);
	return r * ngroups >> (64 - DRAWS * MSPAN_GROUP_SHIFT);
}
