// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "callback.h"
#include "debug.h"
#include "mgc.h"

unsigned int initial_arenas = 1;
EXPORT_SYMBOL_FOR_TEST(initial_arenas);
module_param(initial_arenas, uint, 0444);
MODULE_PARM_DESC(initial_arenas, "Arenas to reserve at load, and to keep: 0 to 64 (default 1)");

unsigned int arena_mb = 64;
EXPORT_SYMBOL_FOR_TEST(arena_mb);
module_param(arena_mb, uint, 0444);
MODULE_PARM_DESC(arena_mb, "Size of an arena in MiB: 4 to 64 (default 64)");

unsigned long max_mb;
EXPORT_SYMBOL_FOR_TEST(max_mb);
module_param(max_mb, ulong, 0444);
MODULE_PARM_DESC(max_mb, "Most memory for all arenas in MiB: at least initial_arenas * arena_mb; 0 is half of RAM (default 0)");

unsigned int low_mb = 8;
EXPORT_SYMBOL_FOR_TEST(low_mb);
module_param(low_mb, uint, 0444);
MODULE_PARM_DESC(low_mb, "Free memory in MiB below which another arena is reserved ahead: 0 to 4096 (default 8)");

unsigned int age_ms = 2000;
module_param(age_ms, uint, 0444);
MODULE_PARM_DESC(age_ms, "Time in ms after which an idle CPU gives its spans back: 10 to 3600000, or 0 for never (default 2000)");

bool panic_on_corruption;
module_param(panic_on_corruption, bool, 0644);
MODULE_PARM_DESC(panic_on_corruption, "Panic on the first misuse that is caught (default 0)");

bool random_slots __read_mostly;
EXPORT_SYMBOL_FOR_TEST(random_slots);
module_param(random_slots, bool, 0444);
MODULE_PARM_DESC(random_slots, "Hand out the slots of a span in random order (default 0)");

bool guard_pages;
module_param(guard_pages, bool, 0444);
MODULE_PARM_DESC(guard_pages, "Leave a page behind each span that nobody may write to (default 0)");

static int check_params(void)
{
	unsigned long initial_mb = (unsigned long)initial_arenas * arena_mb;
	unsigned long ram_mb = totalram_pages() >> (20 - PAGE_SHIFT);

	if (initial_arenas > 64) {
		pr_err("initial_arenas=%u: must be 0 to 64\n", initial_arenas);
		return -EINVAL;
	}
	if (arena_mb < 4 || arena_mb > 64) {
		pr_err("arena_mb=%u: must be 4 to 64\n", arena_mb);
		return -EINVAL;
	}
	if (low_mb > 4096) {
		pr_err("low_mb=%u: must be 0 to 4096\n", low_mb);
		return -EINVAL;
	}
	if (age_ms && (age_ms < 10 || age_ms > 3600000)) {
		pr_err("age_ms=%u: must be 10 to 3600000, or 0\n", age_ms);
		return -EINVAL;
	}
	if (max_mb > ram_mb) {
		pr_err("max_mb=%lu: there are %lu MiB of RAM\n", max_mb, ram_mb);
		return -EINVAL;
	}
	if (!max_mb)
		max_mb = max(ram_mb / 2, 4UL);
	if (max_mb < max(initial_mb, 4UL)) {
		pr_err("max_mb=%lu: must be at least %lu for initial_arenas=%u arena_mb=%u\n",
		       max_mb, max(initial_mb, 4UL), initial_arenas, arena_mb);
		return -EINVAL;
	}
	return 0;
}

static int __init goalloc_init(void)
{
	int err;

	err = check_params();
	if (err)
		return err;
	report_init();
	mrandom_init();
	callback_init();
	err = mcentral_start();
	if (err)
		return err;
	err = arena_index_init();
	if (err)
		goto central;
	err = mreap_init();
	if (err)
		goto index;
	err = mgrow_init();
	if (err)
		goto reap;
	if (!mspanbits_fill()) {
		err = -ENOMEM;
		goto grow;
	}
	err = mcache_init();
	if (err)
		goto grow;
	err = gc_final_start();
	if (err)
		goto cache;
	err = goalloc_debugfs_init();
	if (err)
		goto final;
	err = heaps_init();
	if (err)
		goto debugfs;
	err = goalloc_kasan_init();
	if (err)
		goto heaps;
	mheap_service_soon();
	pr_info("%u arenas of %u MiB, at most %lu MiB\n", initial_arenas, arena_mb, max_mb);
	return 0;

heaps:
	heaps_exit();
debugfs:
	goalloc_debugfs_exit();
final:
	gc_final_stop();
cache:
	mcache_exit();
grow:
	mgrow_exit();
	mspare_exit();
	span_gc_exit();
	mspanbits_trim(0);
reap:
	mreap_exit();
index:
	arena_index_exit();
central:
	mcentral_stop();
	return err;
}

/* No module uses us any more, so nothing new comes in; what is left is ours. */
static void __exit goalloc_exit(void)
{
	goalloc_kasan_exit();
	heaps_exit();
	goalloc_debugfs_exit();
	gc_work_stop();
	gc_final_stop();
	mcache_exit();
	mreap_exit();
	mgrow_exit();
	mspare_exit();
	span_gc_exit();
	mcentral_stop();
	mspanbits_trim(0);
	report_exit();
	arena_index_exit();
}

module_init(goalloc_init);
module_exit(goalloc_exit);

MODULE_DESCRIPTION("The Go runtime's memory manager for kernel modules");
MODULE_AUTHOR("goalloc developers");
MODULE_LICENSE("GPL");
