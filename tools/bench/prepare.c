// SPDX-License-Identifier: GPL-2.0
/*
 * The state that the operations are measured in, by module parameter.
 *
 * With @arenas the heap is made that large first, and all of it but half an
 * arena is in use: it is filled with objects of 48 KiB, and every other one is
 * freed again, which leaves holes everywhere that are too small for 64 KiB.
 *
 * With @objects there are that many objects of 64 bytes: for who wants to see
 * what the heap needs for them.
 *
 * With @fragmented no run of 16 free pages is left in the machine: all pages are
 * taken one by one, and every other one is given back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../goalloc_mod/goalloc_internal.h"
#include "bench.h"

static unsigned int arenas;
module_param(arenas, uint, 0444);
MODULE_PARM_DESC(arenas, "Arenas to fill before: 1 to 64, or 0 for none (default 0)");

static unsigned int objects;
module_param(objects, uint, 0444);
MODULE_PARM_DESC(objects, "Objects of 64 bytes to allocate before: 0 to 16777216 (default 0)");

static bool fragmented;
module_param(fragmented, bool, 0444);
MODULE_PARM_DESC(fragmented, "Leave no 64 KiB of the machine's memory in one piece (default 0)");

#define MAX_OBJECTS (16U << 20)
#define FILL_PAGES 6
#define FILL_BYTES (FILL_PAGES * GOALLOC_PAGE_SIZE)
#define FRAGMENT_ORDER 4

static void **fill;
static size_t nfill;
static LIST_HEAD(singles);
static LIST_HEAD(runs);

static int fill_with(size_t max, size_t size)
{
	fill = kvcalloc(max, sizeof(*fill), GFP_KERNEL);
	if (!fill)
		return -ENOMEM;
	for (nfill = 0; nfill < max; nfill++) {
		fill[nfill] = goalloc_heap_alloc(bench_heap, size, GFP_KERNEL);
		if (!fill[nfill])
			return -ENOMEM;
		if (nfill % 1024 == 0)
			cond_resched();
	}
	return 0;
}

/* All arenas but half of the last one, in the order of addresses. */
static int fill_arenas(void)
{
	struct mheap_snapshot snap;
	unsigned long pages;
	size_t i;
	int err;

	mheap_snapshot(&snap);
	if (!snap.narenas) {
		pr_err("arenas=%u: there is none to begin with\n", arenas);
		return -EINVAL;
	}
	pages = snap.sys / snap.narenas;
	err = fill_with((arenas - 1) * (pages / FILL_PAGES) + pages / 2 / FILL_PAGES, FILL_BYTES);
	if (err)
		return err;
	for (i = 0; i + 1 < nfill; i++) {
		/* A hole at the end of an arena would be larger than the others. */
		if (fill[i] + FILL_BYTES != fill[i + 1])
			continue;
		goalloc_free(fill[i]);
		fill[i++] = NULL;
	}
	mheap_snapshot(&snap);
	if (snap.narenas == arenas)
		return 0;
	pr_err("the heap has %u arenas, not %u\n", snap.narenas, arenas);
	return -EINVAL;
}

static bool take_pages(struct list_head *list, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, order);

	if (!page)
		return false;
	list_add(&page->lru, list);
	return true;
}

static void fragment_memory(void)
{
	struct page *page, *next;
	unsigned long n = 0;

	while (take_pages(&singles, 0))
		if (++n % 1024 == 0)
			cond_resched();
	list_for_each_entry_safe(page, next, &singles, lru) {
		if (page_to_pfn(page) % 2) {
			list_del(&page->lru);
			__free_page(page);
		}
	}
	while (take_pages(&runs, FRAGMENT_ORDER))
		cond_resched();
}

static void free_pages_of(struct list_head *list, unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

int prepare(void)
{
	int err = 0;

	if (arenas > 64) {
		pr_err("arenas=%u: must be 0 to 64\n", arenas);
		return -EINVAL;
	}
	if (objects > MAX_OBJECTS) {
		pr_err("objects=%u: must be 0 to %u\n", objects, MAX_OBJECTS);
		return -EINVAL;
	}
	if (arenas && objects) {
		pr_err("arenas=%u objects=%u: only one of them\n", arenas, objects);
		return -EINVAL;
	}
	if (arenas)
		err = fill_arenas();
	else if (objects)
		err = fill_with(objects, 64);
	if (!err && fragmented)
		fragment_memory();
	return err;
}

void unprepare(void)
{
	size_t i;

	free_pages_of(&singles, 0);
	free_pages_of(&runs, FRAGMENT_ORDER);
	for (i = 0; i < nfill; i++)
		goalloc_free(fill[i]);
	kvfree(fill);
}

GOALLOC_IMPORT_FOR_TEST();
