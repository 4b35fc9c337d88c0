/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops. Each side in sides.c compiles them with its own functions, which
 * are inlined, and with constant flags: an indirect call would be a good part of
 * what the fastest operations cost, and kmalloc() looks at its flags when it is
 * compiled.
 */
#ifndef GOALLOC_BENCH_SHAPES_H
#define GOALLOC_BENCH_SHAPES_H

#include <linux/processor.h>

#include "bench.h"

static __always_inline void run_pairs(const struct bench_fns fns, unsigned int n, size_t size,
				      gfp_t gfp)
{
	while (n--) {
		void *obj = fns.alloc(size, gfp);

		barrier();
		fns.free(obj, size);
	}
}

static __always_inline void run_batches(const struct bench_fns fns, unsigned int n,
					const struct bench_op *op,
					const struct bench_place *place)
{
	unsigned int batch = op->batch, i;
	const u16 *order = place->order;
	void **objs = place->objs;
	size_t size = op->size;

	for (; n; n -= batch) {
		for (i = 0; i < batch; i++)
			objs[i] = fns.alloc(size, GFP_KERNEL);
		for (i = 0; i < batch; i++)
			fns.free(objs[order[i]], size);
	}
}

static __always_inline void run_bulks(const struct bench_fns fns, unsigned int n,
				      unsigned int batch, void **objs)
{
	for (; n; n -= batch) {
		fns.alloc_bulk(batch, objs);
		fns.free_bulk(batch, objs);
	}
}

static __always_inline void run_many(const struct bench_fns fns, unsigned int n)
{
	while (n--) {
		size_t i = n % BENCH_CACHES;
		void *obj = fns.alloc(i, GFP_KERNEL);

		barrier();
		fns.free(obj, i);
	}
}

static __always_inline void run_allocs(const struct bench_fns fns, unsigned int n, size_t size,
				       gfp_t gfp, void **objs)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		objs[i] = fns.alloc(size, gfp);
}

static __always_inline void run_frees(const struct bench_fns fns, unsigned int n, size_t size,
				      void **objs)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fns.free(objs[i], size);
}

static __always_inline void run_producer(const struct bench_fns fns, unsigned int n,
					 size_t size, struct bench_ring *ring)
{
	unsigned int head = ring->head;

	while (n--) {
		/* pairs with the consumer's release: the place is free again */
		while (head - smp_load_acquire(&ring->tail) >= BENCH_RING)
			cpu_relax();
		ring->obj[head % BENCH_RING] = fns.alloc(size, GFP_KERNEL);
		/* pairs with the consumer's acquire: the pointer is there */
		smp_store_release(&ring->head, ++head);
	}
}

static __always_inline void run_consumer(const struct bench_fns fns, unsigned int n,
					 size_t size, struct bench_ring *ring)
{
	unsigned int tail = ring->tail;

	while (n--) {
		void *obj;

		/* pairs with the producer's release */
		while (smp_load_acquire(&ring->head) == tail)
			cpu_relax();
		obj = ring->obj[tail % BENCH_RING];
		/* pairs with the producer's acquire: the pointer was read */
		smp_store_release(&ring->tail, ++tail);
		fns.free(obj, size);
	}
}

static __always_inline bool run_probe(const struct bench_fns fns, size_t size)
{
	void *obj = fns.alloc(size, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

	if (!obj)
		return false;
	fns.free(obj, size);
	return true;
}

static __always_inline bool run_shape(const struct bench_fns fns, const struct bench_op *op,
				      unsigned int n, const struct bench_place *place)
{
	switch (op->shape) {
	case SHAPE_PAIR:
		run_pairs(fns, n, op->size, GFP_KERNEL);
		break;
	case SHAPE_PAIR_ZERO:
		run_pairs(fns, n, op->size, GFP_KERNEL | __GFP_ZERO);
		break;
	case SHAPE_PAIR_ATOMIC:
		run_pairs(fns, n, op->size, GFP_ATOMIC);
		break;
	case SHAPE_BATCH:
		run_batches(fns, n, op, place);
		break;
	case SHAPE_BULK:
		if (fns.alloc_bulk)
			run_bulks(fns, n, op->batch, place->objs);
		break;
	case SHAPE_MANY:
		run_many(fns, n);
		break;
	case SHAPE_ALLOC:
		run_allocs(fns, n, op->size, GFP_KERNEL, place->objs);
		break;
	case SHAPE_ALLOC_ZERO:
		run_allocs(fns, n, op->size, GFP_KERNEL | __GFP_ZERO, place->objs);
		break;
	case SHAPE_FREE:
		run_frees(fns, n, op->size, place->objs);
		break;
	case SHAPE_PRODUCE:
		run_producer(fns, n, op->size, place->ring);
		break;
	case SHAPE_CONSUME:
		run_consumer(fns, n, op->size, place->ring);
		break;
	case SHAPE_PROBE:
		return run_probe(fns, op->size);
	}
	return true;
}

#endif /* GOALLOC_BENCH_SHAPES_H */
