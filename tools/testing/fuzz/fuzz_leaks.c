// SPDX-License-Identifier: GPL-2.0
/*
 * Leak reports of heaps that are not managed. The object registers are not where a report
 * looks, so what they have is a leak unless they are registered, or the iterator reports it.
 */
#include <linux/goalloc_leaks.h>
#include <linux/sizes.h>

#include "goalloc_fuzz.h"

#define FILL_ALL SZ_16K /* see fuzz_model.c */

static bool told(const struct fuzz_run *run, unsigned int i)
{
	return run->op.n & BIT(i);
}

static void find(struct goalloc_leaks *leaks, void *data)
{
	struct fuzz_run *run = data;
	unsigned int i;

	for (i = 0; i < FUZZ_OBJS; i++)
		if (run->objs[i].live && told(run, i))
			goalloc_leaks_found(leaks, run->objs[i].p);
}

/* Registers whose objects must be reported, and whether others' contents may hide some. */
static long expected(const struct fuzz_run *run, unsigned int heap, bool all, bool *exact)
{
	unsigned int i;
	long n = 0;

	*exact = !run->rcu;
	for (i = 0; i < FUZZ_OBJS; i++) {
		const struct fuzz_obj *o = &run->objs[i];

		if (!o->live)
			continue;
		/* What was there before may be an address. */
		*exact &= o->size == o->room && o->size <= FILL_ALL;
		n += o->heap == heap && !all && !told(run, i);
	}
	return n;
}

void fuzz_op_leaks(struct fuzz_run *run)
{
	unsigned int i = run->op.a % FUZZ_HEAPS;
	struct gc_managed *m = &run->gc.heaps[run->op.a % GC_HEAPS];
	struct goalloc_heap *heap = run->heaps[i].heap;
	size_t words = FUZZ_OBJS * (sizeof(struct fuzz_obj) / sizeof(void *));
	bool all = run->op.c & 1, exact;
	long n, want;
	int err;

	n = goalloc_leaks_report(m->heap, NULL);
	if (n != (m->heap ? -EOPNOTSUPP : -EINVAL))
		fuzz_fail(run, "a leak report of a managed heap came to %ld", n);
	/* It takes long. */
	if (!heap || run->reported)
		return;
	run->reported = true;
	if (all)
		err = goalloc_gc_root_add(heap, run->objs, words, GOALLOC_GC_ROOT_LEAKS);
	else
		err = goalloc_leaks_iterator_add(heap, find, run);
	n = goalloc_leaks_report(heap, NULL);
	want = expected(run, i, all, &exact);
	if (err || n < 0 || n > want || (exact && n != want))
		fuzz_fail(run, "a leak report of heap %s came to %ld, not to %ld (%d)",
			  run->heaps[i].name, n, want, err);
	if (all)
		err = goalloc_gc_root_remove(heap, run->objs);
	else
		err = goalloc_leaks_iterator_remove(heap, find, run);
	if (err)
		fuzz_fail(run, "what a leak report was told does not go: %d", err);
}
