// SPDX-License-Identifier: GPL-2.0
/*
 * One call of goalloc, in the context that the program chose, between two looks
 * at what goalloc counts: misuse must rise by what was injected, as one of the
 * kinds that it may be, and dtors run once for each object that goes.
 */
#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define SURE_BYTES (16UL << 10) /* what GFP_KERNEL must get */

/* The flags a program names: the last are its own. Nobody retries for ever for much. */
gfp_t fuzz_gfp(const struct fuzz_run *run, u8 c, bool nofail)
{
	static const gfp_t flags[FUZZ_GFPS - 1] = {
		GFP_KERNEL, GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT, GFP_KERNEL | __GFP_ZERO,
		GFP_ATOMIC | __GFP_ZERO, GFP_NOFS, GFP_NOIO, GFP_KERNEL_ACCOUNT,
		GFP_KERNEL | __GFP_NOWARN, GFP_KERNEL | __GFP_NOFAIL,
		GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL | __GFP_RETRY_MAYFAIL,
		GFP_KERNEL | __GFP_THISNODE, GFP_ATOMIC | __GFP_MEMALLOC, 0,
		GFP_KERNEL | __GFP_DMA, GFP_ATOMIC | __GFP_DMA32, GFP_KERNEL | __GFP_HIGHMEM,
	};
	gfp_t gfp = c % FUZZ_GFPS == FUZZ_GFPS - 1 ? run->gfp : flags[c % FUZZ_GFPS];

	if (run->context != CONTEXT_TASK)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	if (!nofail)
		gfp &= ~__GFP_NOFAIL;
	return gfp;
}

bool fuzz_gfp_bad(gfp_t gfp)
{
	return gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM);
}

/* Whether an allocation with good flags may come back without an object. */
bool fuzz_may_fail(const struct fuzz_run *run, const struct fuzz_heap *heap, size_t size,
		   gfp_t gfp)
{
	if (gfp & __GFP_DIRECT_RECLAIM && gfp & __GFP_NOFAIL)
		return false;
	return size > SURE_BYTES || heap->limited || !(gfp & __GFP_DIRECT_RECLAIM);
}

/* Something no compiler knows anything about. */
static void *hide(const void *p)
{
	unsigned long addr = (unsigned long)p;

	OPTIMIZER_HIDE_VAR(addr);
	return (void *)addr;
}

/* The head of what has a ctor is behind that: it is of no interest to the dtor. */
struct rcu_object {
	u64 constructed;
	struct rcu_head rcu;
};

static void make_call(void *data)
{
	struct fuzz_call *call = data;
	void *p = hide(call->p);
	size_t size = call->size, nr = call->nr;
	gfp_t gfp = call->gfp;

	switch (call->fn) {
	case DO_ALLOC:
		call->ret = goalloc_alloc(size, gfp);
		break;
	case DO_ALLOC_NOSCAN:
		call->ret = goalloc_alloc_noscan(size, gfp);
		break;
	case DO_ALLOC_MEMPOOL:
		call->ret = goalloc_mempool_alloc(gfp, hide((void *)size));
		break;
	case DO_HEAP_ALLOC:
		call->ret = goalloc_heap_alloc(call->heap, size, gfp);
		break;
	case DO_HEAP_ALLOC_NOSCAN:
		call->ret = goalloc_heap_alloc_noscan(call->heap, size, gfp);
		break;
	case DO_CALLOC:
		call->ret = goalloc_calloc(nr, size, gfp);
		break;
	case DO_ALLOC_ARRAY:
		call->ret = goalloc_alloc_array(nr, size, gfp);
		break;
	case DO_REALLOC:
		call->ret = goalloc_realloc(p, size, gfp);
		break;
	case DO_ALLOC_BULK:
		call->n = goalloc_alloc_bulk(size, gfp, nr, call->objs);
		break;
	case DO_MEMDUP:
		call->ret = goalloc_memdup(p, size, gfp);
		break;
	case DO_STRDUP:
		call->ret = goalloc_strdup(p, gfp);
		break;
	case DO_CACHE_ALLOC:
		call->ret = goalloc_cache_alloc(call->cache, gfp);
		break;
	case DO_CACHE_ALLOC_MEMPOOL:
		call->ret = goalloc_mempool_alloc_cache(gfp, call->cache);
		break;
	case DO_CACHE_ALLOC_BULK:
		call->n = goalloc_cache_alloc_bulk(call->cache, gfp, nr, call->objs);
		break;
	case DO_FREE:
		goalloc_free(p);
		break;
	case DO_FREE_SENSITIVE:
		goalloc_free_sensitive(p);
		break;
	case DO_FREE_RCU:
		goalloc_free_rcu((struct rcu_object *)p, rcu);
		break;
	case DO_FREE_MEMPOOL:
		goalloc_mempool_free(p, NULL);
		break;
	case DO_FREE_BULK:
		goalloc_free_bulk(nr, call->objs);
		break;
	case DO_HEAP_FREE:
		goalloc_heap_free(call->heap, p);
		break;
	case DO_CACHE_FREE:
		goalloc_cache_free(call->cache, p);
		break;
	case DO_CACHE_FREE_MEMPOOL:
		goalloc_mempool_free_cache(p, call->cache);
		break;
	case DO_CACHE_FREE_BULK:
		goalloc_cache_free_bulk(call->cache, nr, call->objs);
		break;
	case DO_RESERVE_CREATE:
		call->ret = goalloc_reserve_create(call->cache, nr, gfp);
		break;
	case DO_RESERVE_CREATE_SIZE:
		call->ret = goalloc_reserve_create_size(call->heap, size, nr, gfp);
		break;
	case DO_RESERVE_TAKE:
		call->ret = goalloc_reserve_take(call->reserve, gfp);
		break;
	case DO_RESERVE_PUT:
		call->n = goalloc_reserve_put(call->reserve, p);
		break;
	case DO_RESERVE_REFILL:
		call->n = goalloc_reserve_refill(call->reserve, gfp);
		break;
	case DO_RESERVE_DESTROY:
		goalloc_reserve_destroy(call->reserve);
		break;
	case DO_SIZE:
		call->n = goalloc_size(p);
		break;
	case DO_OWNER:
		call->ret = goalloc_owner(p);
		break;
	case DO_DUMP:
		call->n = goalloc_dump_obj(p);
		break;
	case DO_COPY_TO:
		call->n = goalloc_copy_to_user(call->user, p, size);
		break;
	case DO_COPY_FROM:
		call->n = goalloc_copy_from_user(p, call->user, size);
		break;
	default:
		fuzz_gc_make_call(call);
	}
}

static void in_context(const struct fuzz_run *run, struct fuzz_call *call)
{
	enum fuzz_context context = run->context;
	unsigned long flags;

	if (call->fn == DO_COPY_TO || call->fn == DO_COPY_FROM)
		context = CONTEXT_TASK;
	switch (context) {
	case CONTEXT_BH:
		local_bh_disable();
		make_call(call);
		local_bh_enable();
		break;
	case CONTEXT_IRQ:
		local_irq_save(flags);
		make_call(call);
		local_irq_restore(flags);
		break;
	case CONTEXT_CALL:
		smp_call_function_single(run->cpu, make_call, call, 1);
		break;
	default:
		make_call(call);
	}
}

static void look(long *counts)
{
	unsigned int kind;

	for (kind = 0; kind < MISUSE_NR; kind++)
		counts[kind] = atomic_long_read(&mheap.misuse[kind]);
}

static void check_misuse(struct fuzz_run *run, const struct fuzz_call *call, const long *before)
{
	long after[MISUSE_NR], n = 0;
	unsigned int kind;

	look(after);
	for (kind = 0; kind < MISUSE_NR; kind++) {
		long more = after[kind] - before[kind];

		n += more;
		if (more && !(call->kinds & BIT(kind)))
			fuzz_fail(run, "misuse counted as %s", misuse_name(kind));
	}
	if (n != call->misuses)
		fuzz_fail(run, "%ld misuses counted, %ld made", n, call->misuses);
}

static void check_dtors(struct fuzz_run *run)
{
	long runs = atomic_long_read(&fuzz_dtor_runs);

	if (runs < run->dtors || runs > run->dtors + run->late_dtors)
		fuzz_fail(run, "dtors ran %ld times, not %ld to %ld", runs, run->dtors,
			  run->dtors + run->late_dtors);
	if (atomic_long_read(&fuzz_dtor_faults))
		fuzz_fail(run, "a dtor got what no ctor made");
}

void fuzz_issue(struct fuzz_run *run, struct fuzz_call *call)
{
	long before[MISUSE_NR];

	look(before);
	if (call->fn == DO_FREE_RCU)
		run->late_dtors += call->dtors;
	in_context(run, call);
	if (call->fn != DO_FREE_RCU)
		run->dtors += call->dtors;
	check_misuse(run, call, before);
	check_dtors(run);
}
