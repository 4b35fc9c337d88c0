// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured. An operation is a line here, and a row for each side in the
 * result; the groups are chosen by the module parameter.
 */
#include <linux/kernel.h>
#include <linux/sizes.h>

#include "bench.h"

const struct bench_side *const bench_small_sides[] = {
	&side_goalloc_cache, &side_kmem_cache, NULL
};

const struct bench_side *const bench_general_sides[] = {
	&side_goalloc, &side_kmalloc, NULL
};

static const struct bench_side *const floors[] = { &side_empty, &side_array, NULL };

static const struct bench_side *const with_array[] = {
	&side_goalloc_cache, &side_kmem_cache, &side_array, NULL
};

static const struct bench_side *const with_empty[] = {
	&side_goalloc_cache, &side_kmem_cache, &side_empty, NULL
};

static const struct bench_side *const many[] = {
	&side_goalloc_caches, &side_kmem_caches, NULL
};

static const struct bench_side *const known_100[] = { &side_goalloc_100, &side_kmalloc_100, NULL };
static const struct bench_side *const only_general[] = { &side_goalloc, NULL };

static const struct bench_side *const up_to_4m[] = {
	&side_goalloc, &side_kmalloc, &side_kvmalloc, &side_vmalloc, NULL
};

/* More than kmalloc() has. */
static const struct bench_side *const over_4m[] = {
	&side_goalloc, &side_kvmalloc, &side_vmalloc, NULL
};

/* One of many, of objects of 64 bytes, that shares its slabs with no other. */
#define CACHE_OF_64 4

/* All with the same sides, group and kind stand together. */
const struct bench_op bench_ops[] = {
	{ "first-general", only_general, GROUP_FIRST, KIND_ONCE, SHAPE_ALLOC, 0, 64, 0, 1 },
	{ "first-64B", many, GROUP_FIRST, KIND_ONCE, SHAPE_ALLOC, 0, CACHE_OF_64, 0, 1 },

	{ "fresh-64B-zeroed", bench_small_sides, GROUP_FRESH, KIND_KEEP, SHAPE_ALLOC_ZERO, 0, 64,
	  0, 4096 },
	{ "fresh-1KiB-zeroed", bench_general_sides, GROUP_FRESH, KIND_KEEP, SHAPE_ALLOC_ZERO, 0,
	  1024, 0, 1024 },

	{ "floor", floors, GROUP_CORE, KIND_PLAIN, SHAPE_PAIR, 0, 64, 0, 1024 },
	{ "64B-cached", bench_small_sides, GROUP_CORE, KIND_PLAIN, SHAPE_PAIR, 0, 64, 0, 1024 },
	{ "64B-batch-512-fifo", bench_small_sides, GROUP_CORE, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_FIFO, 64, 512, 1024 },
	{ "64B-batch-1000-random", bench_small_sides, GROUP_CORE, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_RANDOM, 64, 1000, 2000 },
	{ "64B-bulk-64", bench_small_sides, GROUP_CORE, KIND_PLAIN, SHAPE_BULK, 0, 64, 64, 1024 },
	{ "100B", known_100, GROUP_CORE, KIND_PLAIN, SHAPE_PAIR, 0, 100, 0, 1024 },

	{ "64B-batch-8-fifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_FIFO, 64, 8, 1024 },
	{ "64B-batch-8-lifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_LIFO, 64, 8, 1024 },
	{ "64B-batch-8-random", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_RANDOM, 64, 8, 1024 },
	{ "64B-batch-64-fifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_FIFO, 64, 64, 1024 },
	{ "64B-batch-64-lifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_LIFO, 64, 64, 1024 },
	{ "64B-batch-64-random", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_RANDOM, 64, 64, 1024 },
	{ "64B-batch-512-lifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_LIFO, 64, 512, 1024 },
	{ "64B-batch-512-random", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_RANDOM, 64, 512, 1024 },
	{ "64B-batch-4096-fifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_FIFO, 64, 4096, 4096 },
	{ "64B-batch-4096-lifo", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_LIFO, 64, 4096, 4096 },
	{ "64B-batch-4096-random", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BATCH,
	  ORDER_RANDOM, 64, 4096, 4096 },
	{ "64B-bulk-16", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BULK, 0, 64, 16, 1024 },
	{ "64B-bulk-256", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_BULK, 0, 64, 256,
	  1024 },
	{ "64B-zeroed", bench_small_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_PAIR_ZERO, 0, 64, 0,
	  1024 },
	{ "1KiB-zeroed", bench_general_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_PAIR_ZERO, 0, 1024,
	  0, 256 },
	{ "32KiB-zeroed", bench_general_sides, GROUP_SMALL, KIND_PLAIN, SHAPE_PAIR_ZERO, 0,
	  SZ_32K, 0, 32 },
	{ "64-caches", many, GROUP_SMALL, KIND_PLAIN, SHAPE_MANY, 0, 0, 0, 1024 },
	{ "64B-hardirq", bench_small_sides, GROUP_SMALL, KIND_HARDIRQ, SHAPE_PAIR_ATOMIC, 0, 64,
	  0, 256 },

	{ "8B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 8, 0, 512 },
	{ "16B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 16, 0, 512 },
	{ "32B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 32, 0, 512 },
	{ "64B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 64, 0, 512 },
	{ "96B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 96, 0, 512 },
	{ "128B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 128, 0, 512 },
	{ "256B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 256, 0, 512 },
	{ "512B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 512, 0, 512 },
	{ "1KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_1K, 0, 256 },
	{ "1500B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 1500, 0, 256 },
	{ "2KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_2K, 0, 256 },
	{ "3000B", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, 3000, 0, 128 },
	{ "4KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_4K, 0, 128 },
	{ "8KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_8K, 0, 64 },
	{ "16KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_16K, 0, 32 },
	{ "32KiB", bench_general_sides, GROUP_SIZES, KIND_PLAIN, SHAPE_PAIR, 0, SZ_32K, 0, 32 },

	{ "64KiB", up_to_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_64K, 0, 16 },
	{ "256KiB", up_to_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_256K, 0, 4 },
	{ "1MiB", up_to_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_1M, 0, 2 },
	{ "4MiB", up_to_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_4M, 0, 1 },
	{ "16MiB", over_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_16M, 0, 1 },
	{ "64MiB", over_4m, GROUP_LARGE, KIND_PLAIN, SHAPE_PAIR, 0, SZ_64M, 0, 1 },

	{ "64KiB", up_to_4m, GROUP_ARENAS, KIND_PLAIN, SHAPE_PAIR, 0, SZ_64K, 0, 16 },
	{ "1MiB", up_to_4m, GROUP_ARENAS, KIND_PLAIN, SHAPE_PAIR, 0, SZ_1M, 0, 2 },

	{ "64KiB-fragmented", up_to_4m, GROUP_FRAGMENTED, KIND_PLAIN, SHAPE_PAIR, 0, SZ_64K, 0,
	  16 },

	{ "64-caches-cold", many, GROUP_NATIVE, KIND_COLD, SHAPE_MANY, 0, 0, 0, BENCH_CACHES },
	{ "64B-all-cpus", with_array, GROUP_NATIVE, KIND_ALL_CPUS, SHAPE_PAIR, 0, 64, 0, 4096 },
	{ "64B-scaling", with_array, GROUP_NATIVE, KIND_SCALING, SHAPE_PAIR, 0, 64, 0, 4096 },
	{ "64B-batch-512-all-cpus", bench_small_sides, GROUP_NATIVE, KIND_ALL_CPUS, SHAPE_BATCH,
	  ORDER_FIFO, 64, 512, 1024 },
	{ "64B-batch-512-scaling", bench_small_sides, GROUP_NATIVE, KIND_SCALING, SHAPE_BATCH,
	  ORDER_FIFO, 64, 512, 1024 },
	{ "64B-cross-cpu", with_empty, GROUP_NATIVE, KIND_CROSS, SHAPE_PRODUCE, 0, 64, 0, 4096 },
	{ "64B-cross-cpu-less-ring", bench_small_sides, GROUP_NATIVE, KIND_CROSS_NET,
	  SHAPE_PRODUCE, 0, 64, 0, 4096 },
};

const unsigned int bench_nops = ARRAY_SIZE(bench_ops);
