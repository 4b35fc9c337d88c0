// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the tree, the tables' machinery, and the files of the whole mheap.
 * What each file shows is described in Documentation/ABI/testing/debugfs-goalloc.
 *
 * Reading never stalls an allocation: a table is made one row at a time, the
 * row is copied before it is printed, and no lock is held between rows, only
 * heaps_lock for a moment while a heap or a cache is looked up. Memory is the
 * state of the table and seq_file's page.
 *
 * debugfs keeps the files: one that is being read or written delays
 * debugfs_remove(), so a heap whose files are in use is not destroyed, and none
 * can be opened or read once that has returned. heaps_lock may be taken by who
 * reads, and so is never held by who removes.
 *
 * Called by main.c at load and unload, and by heap.c as heaps come and go.
 */
#include <linux/capability.h>
#include <linux/kstrtox.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "debugfs.h"
#include "mleaks.h"

static struct dentry *goalloc_dir;
static struct dentry *heaps_dir;

/* seq_file's position: 0 is the header, and a row's position plus one that row. */
static void *table_find(struct seq_file *m, loff_t *pos)
{
	struct table_iter *it = m->private;
	u64 at = *pos - 1;

	if (fatal_signal_pending(current) || !it->table->find(it, &at))
		return NULL;
	*pos = at + 1;
	return it;
}

static void *table_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? table_find(m, pos) : SEQ_START_TOKEN;
}

static void *table_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return table_find(m, pos);
}

static void table_stop(struct seq_file *m, void *v)
{
}

static int table_show(struct seq_file *m, void *v)
{
	struct table_iter *it = m->private;

	it->column = 0;
	if (v != SEQ_START_TOKEN)
		it->table->show(m, it);
	else
		while (it->column < it->table->ncolumns)
			put_str(m, it, it->table->columns[it->column].name);
	seq_putc(m, '\n');
	return 0;
}

/* The width of the next column; what separates it from the last is printed. */
static int next_column(struct seq_file *m, struct table_iter *it)
{
	if (it->column)
		seq_putc(m, ' ');
	return it->table->columns[it->column++].width;
}

void put_num(struct seq_file *m, struct table_iter *it, u64 num)
{
	seq_printf(m, "%*llu", next_column(m, it), num);
}

void put_str(struct seq_file *m, struct table_iter *it, const char *str)
{
	seq_printf(m, "%*s", next_column(m, it), str);
}

/* With one decimal. */
void put_percent(struct seq_file *m, struct table_iter *it, u64 part, u64 whole)
{
	u64 tenths = whole ? div64_u64(part * 1000, whole) : 0;

	seq_printf(m, "%*llu.%llu", next_column(m, it) - 2, div_u64(tenths, 10), tenths % 10);
}

static const struct seq_operations table_seq_ops = {
	.start = table_start,
	.next = table_next,
	.stop = table_stop,
	.show = table_show,
};

int table_open(struct inode *inode, struct file *file, const struct table *table)
{
	struct table_iter *it = __seq_open_private(file, &table_seq_ops, table->state);

	if (!it)
		return -ENOMEM;
	it->table = table;
	it->heap = inode->i_private;
	return 0;
}

/* A line of a file of values. */
void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s:%*llu\n", name, 48 - (int)strlen(name), value);
}

/* The same, of a value that was not counted at one moment. */
void show_approx(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s:%*llu ~\n", name, 48 - (int)strlen(name), value);
}

void show_misuse(struct seq_file *m, const atomic_long_t *misuse)
{
	char name[40];
	int i;

	for (i = 0; i < MISUSE_NR; i++) {
		snprintf(name, sizeof(name), "Misuse_%s", misuse_name(i));
		show_value(m, name, atomic_long_read(&misuse[i]));
	}
}

/* A heap's limit in bytes; returns the length of the text. */
int limit_text(char text[LIMIT_TEXT], unsigned long pages)
{
	if (pages > ULONG_MAX >> GOALLOC_PAGE_SHIFT)
		return scnprintf(text, LIMIT_TEXT, "max");
	return scnprintf(text, LIMIT_TEXT, "%lu", pages << GOALLOC_PAGE_SHIFT);
}

static unsigned int count_caches(struct goalloc_heap *heap)
{
	struct goalloc_cache *cache;
	unsigned int n = 0;

	list_for_each_entry(cache, &heap->caches, node)
		n++;
	return n;
}

/* What all heaps have counted, and what their metadata takes. */
struct mheap_counts {
	struct central_counts counts;
	u64 heaps;
	u64 caches;
};

static void count_heaps(struct mheap_counts *all)
{
	struct goalloc_heap *heap;

	memset(all, 0, sizeof(*all));
	mutex_lock(&heaps_lock);
	list_for_each_entry(heap, &heaps, node) {
		heap_counts(heap, &all->counts);
		all->heaps++;
		all->caches += count_caches(heap);
	}
	mutex_unlock(&heaps_lock);
}

static u64 bits_bytes(const unsigned int *nbits)
{
	u64 bytes = 0;
	int kind;

	for (kind = 0; kind < MSPANBITS_KINDS; kind++)
		bytes += nbits[kind] * (sizeof(struct slot_group) << (kind + 2));
	return bytes;
}

/*
 * MemStats names and what they mean in Go, as far as they apply. An arena is
 * given back with its addresses, so no idle memory is without its pages, and
 * HeapReleased is always 0.
 */
static int stats_show(struct seq_file *m, void *unused)
{
	const unsigned int bytes = GOALLOC_PAGE_SHIFT;
	struct mheap_snapshot snap;
	struct mheap_counts all;
	struct span_sums sums;
	u64 used, idle, mspan_sys, mcache_sys, other_sys;
	u64 slots = num_possible_cpus() * sizeof(struct mcache_slot);

	mheap_span_sums(&sums);
	count_heaps(&all);
	mheap_snapshot(&snap);

	used = snap.small + snap.large;
	idle = snap.free + snap.parked;
	/* Spans come and go between the walk and the snapshot, but this is a part. */
	sums.cached_pages = min_t(u64, sums.cached_pages, used);
	all.counts.nalloc = max(all.counts.nalloc, sums.live);

	mspan_sys = (snap.sys - snap.dedicated + snap.ndedicated) * sizeof(struct mspan) +
		    bits_bytes(snap.nbits) + bits_bytes(snap.nbits_used);
	mcache_sys = all.counts.installed * slots;
	/* The pages' span pointers and a bit each, and who owns spans. */
	other_sys = snap.sys * sizeof(struct mspan *) + snap.sys / 8 +
		    snap.narenas * sizeof(struct heap_arena) +
		    all.counts.centrals * sizeof(struct mcentral) +
		    all.heaps * sizeof(struct goalloc_heap) +
		    all.caches * (sizeof(struct goalloc_cache) - sizeof(struct mcentral));

	seq_puts(m, "# Name: value; values marked ~ are approximate\n");
	show_value(m, "HeapSys", (u64)snap.sys << bytes);
	show_value(m, "HeapIdle", idle << bytes);
	show_value(m, "HeapInuse", used << bytes);
	show_value(m, "HeapReleased", 0);
	show_approx(m, "HeapAlloc", sums.live_bytes);
	show_approx(m, "HeapObjects", sums.live);
	show_approx(m, "Mallocs", all.counts.nalloc);
	show_approx(m, "Frees", all.counts.nalloc - sums.live);
	show_approx(m, "MSpanInuse",
		    sums.spans * sizeof(struct mspan) + bits_bytes(snap.nbits_used));
	show_value(m, "MSpanSys", mspan_sys);
	show_approx(m, "MCacheInuse", all.counts.holding * sizeof(struct mcache_slot));
	show_value(m, "MCacheSys", mcache_sys);
	show_value(m, "OtherSys", other_sys);
	show_value(m, "Sys", ((u64)snap.sys << bytes) + mspan_sys + mcache_sys + other_sys);
	show_value(m, "PagesSys", snap.sys);
	show_approx(m, "PagesInuse", used - sums.cached_pages);
	show_approx(m, "PagesCached", sums.cached_pages);
	show_value(m, "PagesParked", snap.parked);
	show_value(m, "PagesFree", snap.free);
	show_value(m, "PagesSmall", snap.small);
	show_value(m, "PagesLarge", snap.large);
	show_value(m, "Heaps", all.heaps);
	show_value(m, "Caches", all.caches);
	show_value(m, "Arenas", snap.narenas);
	show_value(m, "ArenasGrown", READ_ONCE(mheap.grows));
	show_value(m, "ArenasReleased", READ_ONCE(mheap.releases));
	show_value(m, "GrowFailures", READ_ONCE(mheap.grow_fails));
	show_value(m, "Reports", atomic_long_read(&mheap.reports));
	show_misuse(m, mheap.misuse);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* Reading is asking: each guard is looked at. */
static int guards_show(struct seq_file *m, void *unused)
{
	struct guard_counts counts = {};

	mguard_check_all(NULL, &counts);
	seq_puts(m, "# Name: value\n");
	show_value(m, "Guards", counts.spans);
	show_value(m, "GuardBytes", counts.bytes);
	show_value(m, "Damaged", counts.damaged);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(guards);

struct heaps_iter {
	struct table_iter it;
	u32 id;
	char name[GOALLOC_NAME_MAX];
	char owner[MODULE_NAME_LEN];
	unsigned int caches;
	unsigned long limit;
	struct central_counts counts;
	u64 misuse;
	struct span_sums sums;
};

/* In the order of their ids, so that a heap that goes away moves no other. */
static struct goalloc_heap *heap_from_id(u64 id)
{
	struct goalloc_heap *heap, *found = NULL;

	list_for_each_entry(heap, &heaps, node)
		if (heap->id >= id && (!found || heap->id < found->id))
			found = heap;
	return found;
}

static bool heaps_find(struct table_iter *it, u64 *at)
{
	struct heaps_iter *row = container_of(it, struct heaps_iter, it);
	struct goalloc_heap *heap;

	memset(&row->counts, 0, sizeof(row->counts));
	mutex_lock(&heaps_lock);
	heap = heap_from_id(*at);
	if (heap) {
		row->id = heap->id;
		strscpy(row->name, heap->name, sizeof(row->name));
		strscpy(row->owner, heap->owner ? module_name(heap->owner) : "-",
			sizeof(row->owner));
		row->caches = count_caches(heap);
		row->limit = READ_ONCE(heap->limit);
		row->misuse = heap_misuse(heap);
		heap_counts(heap, &row->counts);
	}
	mutex_unlock(&heaps_lock);
	if (!heap)
		return false;

	/* The heap may be gone; its spans are known by its id. */
	heap_span_sums(row->id, &row->sums);
	*at = row->id;
	return true;
}

static const struct table_column heaps_columns[] = {
	{ "id", 6 },	     { "name", -20 },	  { "owner", -16 },	{ "caches", 6 },
	{ "spans", 8 },	     { "pages", 8 },	  { "limit", 14 },	{ "live", 10 },
	{ "live_bytes", 13 }, { "mallocs~", 12 }, { "frees~", 12 },	{ "misuse", 7 },
};

static void heaps_show(struct seq_file *m, struct table_iter *it)
{
	const struct heaps_iter *row = container_of(it, struct heaps_iter, it);
	u64 mallocs = max(row->counts.nalloc, row->sums.live);
	char limit[LIMIT_TEXT];

	limit_text(limit, row->limit);
	put_num(m, it, row->id);
	put_str(m, it, row->name);
	put_str(m, it, row->owner);
	put_num(m, it, row->caches);
	put_num(m, it, row->sums.spans);
	put_num(m, it, row->sums.pages);
	put_str(m, it, limit);
	put_num(m, it, row->sums.live);
	put_num(m, it, row->sums.live_bytes);
	put_num(m, it, mallocs);
	put_num(m, it, mallocs - row->sums.live);
	put_num(m, it, row->misuse);
}

DEFINE_TABLE(heaps, struct heaps_iter);

struct reserves_iter {
	struct table_iter it;
	struct reserve_row row;
};

static bool reserves_find(struct table_iter *it, u64 *at)
{
	struct reserves_iter *r = container_of(it, struct reserves_iter, it);

	if (!reserve_find(*at, &r->row))
		return false;
	*at = r->row.id;
	return true;
}

static const struct table_column reserves_columns[] = {
	{ "id", 6 },	     { "heap", -20 },	  { "cache", -20 }, { "size", 8 },
	{ "capacity", 8 },   { "available", 9 },  { "low~", 8 },    { "takes", 12 },
	{ "puts", 12 },	     { "exhausted", 9 },
};

static void reserves_show(struct seq_file *m, struct table_iter *it)
{
	const struct reserve_row *row = &container_of(it, struct reserves_iter, it)->row;

	put_num(m, it, row->id);
	put_str(m, it, row->heap);
	put_str(m, it, row->cache);
	put_num(m, it, row->size);
	put_num(m, it, row->stats.capacity);
	put_num(m, it, row->stats.available);
	put_num(m, it, row->stats.low);
	put_num(m, it, row->stats.takes);
	put_num(m, it, row->stats.puts);
	put_num(m, it, row->stats.exhausted);
}

DEFINE_TABLE(reserves, struct reserves_iter);

/*
 * A file's mode lets root in, whatever it may do otherwise: in a container, say. What
 * changes heaps is for who administers the system. What lockdown adds is debugfs' own:
 * then nothing is opened for writing at all.
 */
bool control_allowed(const struct file *file)
{
	return !(file->f_mode & FMODE_WRITE) || capable(CAP_SYS_ADMIN);
}

int control_open(struct inode *inode, struct file *file)
{
	return control_allowed(file) ? simple_open(inode, file) : -EPERM;
}

/* What is written to a control, in one piece, as a string with no blanks around it. */
int control_text(const char __user *buf, size_t count, loff_t pos, char *text, size_t size)
{
	char *begin;

	if (pos || count >= size)
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = '\0';
	begin = strim(text);
	memmove(text, begin, strlen(begin) + 1);
	return 0;
}

static ssize_t shrink_write(struct file *file, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	bool on;
	int err = kstrtobool_from_user(buf, count, &on);

	if (err)
		return err;
	if (on)
		mheap_shrink(NULL, NULL);
	return count;
}

static const struct file_operations shrink_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.write = shrink_write,
	.llseek = noop_llseek,
};

struct debugfs_entry {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
};

static void create_files(struct dentry *dir, void *data, const struct debugfs_entry *entry,
			 unsigned int n)
{
	for (; n--; entry++)
		debugfs_create_file(entry->name, entry->mode, dir, data, entry->fops);
}

/* A heap that was made, or is made public, gets its directory; may sleep. */
void goalloc_debugfs_add_heap(struct goalloc_heap *heap)
{
	static const struct debugfs_entry entries[] = {
		{ "stats", 0400, &heap_stats_fops },
		{ "classes", 0400, &heap_classes_fops },
		{ "caches", 0400, &heap_caches_fops },
		{ "cpus", 0400, &heap_cpus_fops },
		{ "limit", 0600, &heap_limit_fops },
	};
	static const struct debugfs_entry managed[] = {
		{ "gc", 0600, &heap_gc_fops },
	};
	static const struct debugfs_entry freed_by_hand[] = {
		{ "debug", 0600, &heap_debug_fops },
		{ "leaks", 0400, &heap_leaks_fops },
	};

	heap->dir = debugfs_create_dir(heap->name, heaps_dir);
	create_files(heap->dir, heap, entries, ARRAY_SIZE(entries));
	if (heap->gc)
		create_files(heap->dir, heap, managed, ARRAY_SIZE(managed));
	else
		create_files(heap->dir, heap, freed_by_hand, ARRAY_SIZE(freed_by_hand));
}

/* Returns when nobody reads the heap's files any more; heaps_lock is not held. */
void goalloc_debugfs_remove_heap(struct goalloc_heap *heap)
{
	debugfs_remove(heap->dir);
	heap->dir = NULL;
}

/* debugfs is an extra: it may be missing or locked, and all else works. */
int goalloc_debugfs_init(void)
{
	static const struct debugfs_entry entries[] = {
		{ "stats", 0400, &stats_fops },
		{ "arenas", 0400, &arenas_fops },
		{ "spans", 0400, &spans_fops },
		{ "map", 0400, &map_fops },
		{ "fragmentation", 0400, &fragmentation_fops },
		{ "heaps", 0400, &heaps_fops },
		{ "reserves", 0400, &reserves_fops },
		{ "guards", 0400, &guards_fops },
		{ "shrink", 0200, &shrink_fops },
	};

	goalloc_dir = debugfs_create_dir("goalloc", NULL);
	heaps_dir = debugfs_create_dir("heaps.d", goalloc_dir);
	create_files(goalloc_dir, NULL, entries, ARRAY_SIZE(entries));
	return 0;
}

void goalloc_debugfs_exit(void)
{
	debugfs_remove(goalloc_dir);
}
