/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A leak report in the making, and when it is made; see mleaks.c.
 */
#ifndef GOALLOC_MLEAKS_H
#define GOALLOC_MLEAKS_H

#include <linux/goalloc_leaks.h>

#include "mstats.h"

/* Between the two passes of a report. */
#define LEAKS_PAUSE_MS 200

/* Bytes that are looked at before others may have the CPU. */
#define LEAKS_PIECE 4096UL

/**
 * struct leak_span - a span, as a pass found it
 * @base: address of slot 0
 * @bytes: from slot to slot; of a large object all its bytes
 * @central: its central, to compare with
 * @first: number of slot 0 among the slots of all spans of the pass
 * @arena: number of the arena
 * @divmul: as in struct mspan; 0 if there is one slot
 * @nelems: slots
 * @state: MSPAN_SMALL or MSPAN_LARGE
 * @noscan: its objects hold no pointers
 * @queued: has objects to scan
 * @name: of its cache, or class
 */
struct leak_span {
	unsigned long base;
	unsigned long bytes;
	const struct mcentral *central;
	size_t first;
	u32 arena;
	u32 divmul;
	u16 nelems;
	u8 state;
	bool noscan;
	bool queued;
	char name[GOALLOC_NAME_MAX];
};

/* What was unreachable in the first pass. */
struct leak_suspect {
	unsigned long addr;
	u32 sum; /* of its contents */
	u32 life; /* of its slot, if that is recorded */
};

/**
 * struct leak - an object that cannot be reached
 * @addr: where it is
 * @bytes: of its slot, or what was asked for if that is recorded
 * @span: its span
 * @slot: its slot
 * @stack: where it was allocated; 0 if that is not recorded
 * @pid: by whom; 0 likewise
 * @age_ms: how long ago, in ms
 * @recorded: whether @age_ms is known
 * @referred: another leak points to it
 * @visited: its keeper was found
 * @head: no other leak points to it, or it is the first of a circle
 * @kept: other leaks that @head alone keeps
 * @kept_bytes: and their bytes
 */
struct leak {
	unsigned long addr;
	unsigned long bytes;
	const struct leak_span *span;
	u32 slot;
	u32 stack;
	pid_t pid;
	unsigned int age_ms;
	bool recorded;
	bool referred;
	bool visited;
	bool head;
	u64 kept;
	u64 kept_bytes;
};

/* What there is of a cache or class. */
struct leak_total {
	const struct leak_span *span; /* one of them, for its name */
	u64 objects;
	u64 bytes;
};

/**
 * struct leak_counts - how a report came about: of its second pass, but for the last two
 * @objects: live objects of the heap
 * @bytes: of unreachable ones
 * @heads: of those
 * @interior: objects that are reached by pointers into them only
 * @changed: unreachable objects that were written to since the first pass
 * @young: unreachable objects that were allocated since then
 * @ranges: registered ranges
 * @range_bytes: of them
 * @unreadable: bytes of them that could not be read
 * @iterators: that were called
 * @found: pointers that they reported
 * @modules: whose data was looked at
 * @module_bytes: of that
 * @modules_missed: modules that are not known, for want of memory when they were loaded
 * @others: slots of other heaps whose objects were looked at if they were live
 * @allocs: allocations from the heap while the report was made
 * @frees: frees likewise
 */
struct leak_counts {
	u64 objects;
	u64 bytes;
	u64 heads;
	u64 interior;
	u64 changed;
	u64 young;
	u64 ranges;
	u64 range_bytes;
	u64 unreadable;
	u64 iterators;
	u64 found;
	u64 modules;
	u64 module_bytes;
	u64 modules_missed;
	u64 others;
	u64 allocs;
	u64 frees;
};

/**
 * struct goalloc_leaks - a leak report
 * @heap: of which; NULL once it is made
 * @name: the heap's
 * @err: why it was given up
 * @visit: what is done with each word that is not 0; in an RCU section
 * @work: bytes looked at since others had the CPU
 *
 * @spans: of the heap, by address
 * @nspans: how many
 * @low: the first address in one of them
 * @high: the first behind all of them
 * @nslots: of all of them
 * @live: slots that had an object when the pass began
 * @marked: slots with an object that was reached
 * @scanned: those of them that were scanned
 * @exact: slots to the begin of which something points
 * @queue: numbers of spans with objects to scan: a ring of @nspans
 * @queue_first: the oldest
 * @nqueue: how many
 *
 * @suspects: of the first pass, by address
 * @nsuspects: how many
 * @leaks: by address, and then heads first
 * @nleaks: how many
 * @keeper: the head of which what it keeps is looked for
 * @stack: numbers of leaks to scan: room for @nleaks
 * @nstack: how many
 * @totals: of leaks by cache or class
 * @ntotals: how many
 * @counts: see there
 */
struct goalloc_leaks {
	struct goalloc_heap *heap;
	char name[GOALLOC_NAME_MAX];
	int err;
	void (*visit)(struct goalloc_leaks *leaks, unsigned long addr);
	unsigned long work;

	struct leak_span *spans;
	unsigned int nspans;
	unsigned long low;
	unsigned long high;
	size_t nslots;
	unsigned long *live;
	unsigned long *marked;
	unsigned long *scanned;
	unsigned long *exact;
	u32 *queue;
	unsigned int queue_first;
	unsigned int nqueue;

	struct leak_suspect *suspects;
	size_t nsuspects;
	struct leak *leaks;
	size_t nleaks;
	struct leak *keeper;
	u32 *stack;
	size_t nstack;
	struct leak_total *totals;
	size_t ntotals;
	struct leak_counts counts;
};

/* mleaks.c */
struct goalloc_leaks *leaks_make(struct goalloc_heap *heap);
void leaks_free(struct goalloc_leaks *leaks);

/* mleakspan.c */
int leaks_take_spans(struct goalloc_leaks *leaks);
void leaks_drop_spans(struct goalloc_leaks *leaks);
struct leak_span *leaks_find_span(const struct goalloc_leaks *leaks, unsigned long addr);
struct mspan *leaks_live_span(const struct leak_span *s);
bool leaks_slot_live(const struct leak_span *s, const struct mspan *span, u32 slot);
bool leaks_next_other(const struct goalloc_leaks *leaks, unsigned int nr, u32 *page,
		      struct leak_span *s);
void leaks_breathe(struct goalloc_leaks *leaks, unsigned long bytes);
void leaks_scan(struct goalloc_leaks *leaks, unsigned long addr, unsigned long bytes);
void leaks_scan_slot(struct goalloc_leaks *leaks, const struct leak_span *s, u32 slot);
u32 leaks_sum(const struct leak_span *s, const struct mspan *span, u32 slot);

/* mleaksroot.c */
int leaks_range_add(struct goalloc_heap *heap, void *base, size_t nwords, struct module *owner);
bool leaks_range_remove(struct goalloc_heap *heap, void *base);
bool leaks_range_exists(struct goalloc_heap *heap, const void *base);
u64 leaks_ranges(struct goalloc_heap *heap);
void leaks_scan_roots(struct goalloc_leaks *leaks);
void leaks_add_module(struct module *mod);
void leaks_forget_module(struct module *mod);
void leaks_forget_heap(struct goalloc_heap *heap);
void leaks_exit(void);

/* debugfs_leaks.c */
extern const struct file_operations heap_leaks_fops;
void leaks_print(struct seq_file *m, const struct goalloc_leaks *leaks);

#endif /* GOALLOC_MLEAKS_H */
