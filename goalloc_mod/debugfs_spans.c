// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the tables of arenas, spans and pages. Rows are found and copied
 * in RCU sections by what mstats.c provides; see debugfs.c for the rest.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "debugfs.h"

/* The first arena with number @nr or behind it that exists, and its usage. */
static bool find_arena(u64 *nr, struct arena_usage *usage)
{
	for (*nr = arena_next(*nr); *nr < GOALLOC_MAX_ARENAS; *nr = arena_next(*nr + 1)) {
		memset(usage, 0, sizeof(*usage));
		if (arena_usage_add(*nr, usage))
			return true;
	}
	return false;
}

/*
 * The first row at position @at or behind it, in a table whose positions are
 * an arena and a page. @copy is called in the RCU section that found the arena,
 * and looks for a row from @page on; it sets @page to where the row is.
 */
static bool find_in_arenas(struct table_iter *it, u64 *at,
			   bool (*copy)(struct table_iter *it, struct heap_arena *arena, u32 *page))
{
	unsigned int nr = *at >> 32;
	u32 page = *at;

	for (;;) {
		unsigned int next = arena_next(nr);
		struct heap_arena *arena;
		bool found;

		if (next == GOALLOC_MAX_ARENAS)
			return false;
		if (next != nr)
			page = 0;
		nr = next;

		rcu_read_lock();
		arena = arena_get(nr);
		found = arena && copy(it, arena, &page);
		rcu_read_unlock();
		if (found) {
			*at = (u64)nr << 32 | page;
			return true;
		}
		nr++;
		page = 0;
	}
}

/* The heaps that have spans in an arena, with their live objects or without. */
static void put_pins(struct seq_file *m, struct table_iter *it, const struct arena_usage *usage,
		     bool live)
{
	unsigned int i;

	put_str(m, it, "");
	for (i = 0; i < usage->npins; i++) {
		const struct arena_pin *pin = &usage->pins[i];

		seq_printf(m, "%s%s", i ? "," : "", pin->name);
		if (live)
			seq_printf(m, ":%llu", pin->live);
	}
	if (!usage->npins)
		seq_putc(m, '-');
	if (usage->more_pins)
		seq_puts(m, ",...");
}

struct arenas_iter {
	struct table_iter it;
	u32 nr;
	const void *area;
	unsigned long area_bytes;
	int node;
	bool huge;
	struct arena_usage usage;
};

static bool arenas_find(struct table_iter *it, u64 *at)
{
	struct arenas_iter *row = container_of(it, struct arenas_iter, it);
	struct heap_arena *arena;

	for (; find_arena(at, &row->usage); ++*at) {
		rcu_read_lock();
		arena = arena_get(*at);
		if (arena) {
			row->nr = *at;
			row->area = arena->area;
			row->area_bytes = arena->area_bytes;
			row->huge = arena->huge;
			row->node = page_to_nid(vmalloc_to_page(arena->area));
		}
		rcu_read_unlock();
		if (arena)
			return true;
	}
	return false;
}

static const struct table_column arenas_columns[] = {
	{ "arena", 5 },	  { "address", -18 }, { "size", 12 },	{ "node", 4 },
	{ "mapping", 8 }, { "inuse", 8 },     { "parked", 8 },	{ "free", 8 },
	{ "largest", 8 }, { "spans", 8 },     { "heaps", 0 },
};

static void arenas_show(struct seq_file *m, struct table_iter *it)
{
	const struct arenas_iter *row = container_of(it, struct arenas_iter, it);
	const struct arena_usage *usage = &row->usage;
	char address[24];

	/* kptr_restrict decides who sees what. */
	snprintf(address, sizeof(address), "%pK", row->area);
	put_num(m, it, row->nr);
	put_str(m, it, address);
	put_num(m, it, row->area_bytes);
	put_num(m, it, row->node);
	put_num(m, it, row->huge ? PMD_SIZE : PAGE_SIZE);
	put_num(m, it, usage->inuse);
	put_num(m, it, arena_usage_parked(usage));
	put_num(m, it, usage->free);
	put_num(m, it, usage->largest);
	put_num(m, it, usage->spans);
	put_pins(m, it, usage, false);
}

DEFINE_TABLE(arenas, struct arenas_iter);

/* The name of a span's class: size class and scan or noscan, or the cache's. */
#define CLASS_NAME_MAX GOALLOC_NAME_MAX

struct spans_iter {
	struct table_iter it;
	struct span_copy span;
	char heap[GOALLOC_NAME_MAX];
	char class[CLASS_NAME_MAX];
};

/* In the RCU section that copied the span. */
static void name_span(struct spans_iter *row)
{
	const struct mcentral *central = row->span.central;
	const char *scan = row->span.spanclass & 1 ? "noscan" : "scan";

	strscpy(row->heap, central->heap->name, sizeof(row->heap));
	if (central->cache)
		strscpy(row->class, central->cache->name, sizeof(row->class));
	else if (row->span.state == MSPAN_LARGE)
		snprintf(row->class, sizeof(row->class), "large/%s", scan);
	else
		snprintf(row->class, sizeof(row->class), "%u/%s", row->span.spanclass >> 1, scan);
}

static bool copy_span(struct table_iter *it, struct heap_arena *arena, u32 *page)
{
	struct spans_iter *row = container_of(it, struct spans_iter, it);

	if (!arena_next_span(arena, *page, &row->span))
		return false;
	name_span(row);
	*page = row->span.page;
	return true;
}

static bool spans_find(struct table_iter *it, u64 *at)
{
	return find_in_arenas(it, at, copy_span);
}

static const char *span_state(const struct span_copy *span)
{
	if (span_is_cached(span))
		return "cached";
	if (span->state == MSPAN_LARGE)
		return "large";
	if (!span->live)
		return "empty";
	return span->live == span->total ? "full" : "partial";
}

static const struct table_column spans_columns[] = {
	{ "arena", 5 },	    { "page", 7 },    { "npages", 7 }, { "heap", -20 },
	{ "class", -20 },   { "elemsize", 10 }, { "live", 5 },   { "total", 5 },
	{ "state", -7 },    { "sweepgen", 8 },	{ "owner", 6 },
};

static void spans_show(struct seq_file *m, struct table_iter *it)
{
	const struct spans_iter *row = container_of(it, struct spans_iter, it);
	const struct span_copy *span = &row->span;

	put_num(m, it, span->arena);
	put_num(m, it, span->page);
	put_num(m, it, span->npages);
	put_str(m, it, row->heap);
	put_str(m, it, row->class);
	put_num(m, it, span->elemsize);
	put_num(m, it, span->live);
	put_num(m, it, span->total);
	put_str(m, it, span_state(span));
	/* Nothing is swept in a heap whose objects are freed one by one. */
	put_str(m, it, "-");
	if (span_is_cached(span))
		put_num(m, it, span->owner - 1);
	else
		put_str(m, it, span->owner == MSPAN_WORKER ? "worker" : "-");
}

DEFINE_TABLE(spans, struct spans_iter);

#define MAP_ROW_PAGES 128

struct map_iter {
	struct table_iter it;
	u32 nr;
	u32 page;
	char pages[MAP_ROW_PAGES + 1];
};

static char map_start(const struct span_copy *span)
{
	unsigned int tenths = span->live * 10 / span->total;

	if (span->state == MSPAN_LARGE)
		return 'L';
	if (span_is_cached(span))
		return 'a' + tenths;
	return tenths == 10 ? 'F' : '0' + tenths;
}

/* A row lies in one chunk. */
static bool copy_row(struct table_iter *it, struct heap_arena *arena, u32 *from)
{
	struct map_iter *row = container_of(it, struct map_iter, it);
	u32 page = round_up(*from, MAP_ROW_PAGES), end;
	struct arena_chunk chunk;
	struct span_copy span;
	char *c = row->pages;

	row->nr = arena->nr;
	row->page = page;
	*from = page;

	arena_copy_chunk(arena, page, &chunk);
	end = arena_span_end(arena, page, &span);
	for (; page < row->page + MAP_ROW_PAGES && page - chunk.first < chunk.npages; page++) {
		unsigned int i = page - chunk.first;

		if (!test_bit(i, chunk.used)) {
			*c++ = '.';
		} else if (test_bit(i, chunk.starts) && span_copy(arena, page, &span)) {
			*c++ = map_start(&span);
			end = page + span.npages;
		} else if (page < end) {
			*c++ = span.state == MSPAN_LARGE ? '=' : '-';
		} else {
			*c++ = '~';
		}
	}
	*c = '\0';
	return c > row->pages;
}

static bool map_find(struct table_iter *it, u64 *at)
{
	return find_in_arenas(it, at, copy_row);
}

static const struct table_column map_columns[] = {
	{ "arena", 5 },		 { "page", 5 },		 { ".=free", 0 },
	{ "~=parked", 0 },	 { "0-9=tenths_live", 0 }, { "F=full", 0 },
	{ "a-k=same_on_cpu", 0 }, { "-=continued", 0 }, { "L=large", 0 },
	{ "==continued", 0 },
};

static void map_show(struct seq_file *m, struct table_iter *it)
{
	const struct map_iter *row = container_of(it, struct map_iter, it);

	put_num(m, it, row->nr);
	put_num(m, it, row->page);
	put_str(m, it, row->pages);
}

DEFINE_TABLE(map, struct map_iter);

struct fragmentation_iter {
	struct table_iter it;
	u64 nr;
	struct arena_usage usage;
};

/* A line for each arena, and the last one for all. */
static bool fragmentation_find(struct table_iter *it, u64 *at)
{
	struct fragmentation_iter *row = container_of(it, struct fragmentation_iter, it);
	unsigned int nr;

	if (*at > GOALLOC_MAX_ARENAS)
		return false;
	if (!find_arena(at, &row->usage)) {
		memset(&row->usage, 0, sizeof(row->usage));
		for (nr = 0; nr < GOALLOC_MAX_ARENAS; nr++)
			arena_usage_add(nr, &row->usage);
	}
	row->nr = *at;
	return true;
}

static const struct table_column fragmentation_columns[] = {
	{ "arena", 5 }, { "pages", 8 },	  { "free", 8 },    { "largest", 8 }, { "extern%", 7 },
	{ "unused", 12 }, { "tail", 10 }, { "1+", 5 },	    { "2+", 5 },      { "4+", 5 },
	{ "8+", 5 },	{ "16+", 5 },	  { "32+", 5 },	    { "64+", 5 },     { "128+", 5 },
	{ "256+", 5 },	{ "512+", 5 },	  { "1024+", 5 },   { "2048+", 5 },   { "4096+", 5 },
	{ "8192+", 5 }, { "heaps", 0 },
};

static void fragmentation_show(struct seq_file *m, struct table_iter *it)
{
	const struct fragmentation_iter *row = container_of(it, struct fragmentation_iter, it);
	const struct arena_usage *usage = &row->usage;
	unsigned int i;

	if (row->nr < GOALLOC_MAX_ARENAS)
		put_num(m, it, row->nr);
	else
		put_str(m, it, "all");
	put_num(m, it, usage->pages);
	put_num(m, it, usage->free);
	put_num(m, it, usage->largest);
	put_percent(m, it, usage->free - usage->largest, usage->free);
	put_num(m, it, usage->unused);
	put_num(m, it, usage->tail);
	for (i = 0; i < ARENA_RUN_KINDS; i++)
		put_num(m, it, usage->runs[i]);
	put_pins(m, it, usage, true);
}

DEFINE_TABLE(fragmentation, struct fragmentation_iter);
