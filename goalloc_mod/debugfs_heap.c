// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the files of one heap, below heaps.d. While one of them is in use
 * its heap stays (see debugfs.c), and so do the heap's classes; its caches
 * come and go, and are looked at under heaps_lock alone.
 */
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/overflow.h>

#include "debug.h"
#include "debugfs.h"

static int heap_stats_show(struct seq_file *m, void *unused)
{
	struct goalloc_heap *heap = m->private;
	struct goalloc_heap_stats stats;
	struct large_counts large;
	char limit[LIMIT_TEXT];

	goalloc_heap_stats(heap, &stats);
	heap_large_counts(heap, &large);
	seq_puts(m, "# Name: value; values marked ~ are approximate\n");
	show_value(m, "Id", heap->id);
	show_value(m, "HeapInuse", stats.span_bytes);
	show_approx(m, "HeapAlloc", stats.live_bytes);
	show_approx(m, "HeapObjects", stats.live_objects);
	show_approx(m, "Mallocs", stats.mallocs);
	show_approx(m, "Frees", stats.frees);
	show_approx(m, "LargeMallocs", large.nalloc);
	show_approx(m, "LargeFrees", large.nalloc - large.live);
	limit_text(limit, READ_ONCE(heap->limit));
	seq_printf(m, "Limit:%43s\n", limit);
	show_misuse(m, heap->misuse);
	return 0;
}

static int heap_stats_open(struct inode *inode, struct file *file)
{
	return single_open(file, heap_stats_show, inode->i_private);
}

const struct file_operations heap_stats_fops = {
	.owner = THIS_MODULE,
	.open = heap_stats_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

/* How full the spans of a class or cache are: columns that both tables have. */
static void put_spans(struct seq_file *m, struct table_iter *it, const struct span_sums *sums)
{
	put_num(m, it, sums->spans);
	put_num(m, it, sums->spans - sums->cached_spans - sums->full_spans - sums->empty_spans);
	put_num(m, it, sums->full_spans);
	put_num(m, it, sums->empty_spans);
	put_num(m, it, sums->cached_spans);
}

struct classes_iter {
	struct table_iter it;
	unsigned int spanclass;
	struct span_sums sums[NUM_SPAN_CLASSES];
};

static void add_to_class(const struct span_copy *span, void *data)
{
	struct classes_iter *row = data;

	if (span->heap_id == row->it.heap->id && !span->central->cache)
		span_sums_add(&row->sums[span->spanclass], span);
}

/* That of ordinary objects, or of those under debugging, which has the same geometry. */
static const struct mcentral *class_central(struct goalloc_heap *heap, unsigned int spanclass)
{
	const struct mcentral *plain = READ_ONCE(heap->plain[spanclass]);
	const struct heap_debug *debugged = READ_ONCE(heap->debugged);

	return plain || !debugged ? plain : READ_ONCE(debugged->central[spanclass]);
}

static bool heap_classes_find(struct table_iter *it, u64 *at)
{
	struct classes_iter *row = container_of(it, struct classes_iter, it);

	/* One walk, for the first row, counts for all of them. */
	if (!*at) {
		memset(row->sums, 0, sizeof(row->sums));
		spans_walk(add_to_class, row);
	}
	while (*at < NUM_SPAN_CLASSES && !class_central(it->heap, *at))
		++*at;
	row->spanclass = *at;
	return *at < NUM_SPAN_CLASSES;
}

static const struct table_column heap_classes_columns[] = {
	{ "class", 5 },	  { "size", 6 },	{ "type", -6 },	      { "objs", 5 },
	{ "pages", 5 },	  { "spans", 8 },	{ "partial", 8 },     { "full", 8 },
	{ "empty", 8 },	  { "cached~", 8 },	{ "live", 10 },	      { "capacity", 10 },
	{ "occ%", 6 }, { "waste", 12 },
};

static void heap_classes_show(struct seq_file *m, struct table_iter *it)
{
	const struct classes_iter *row = container_of(it, struct classes_iter, it);
	const struct mcentral *central = class_central(it->heap, row->spanclass);
	const struct span_sums *sums = &row->sums[row->spanclass];
	bool large = row->spanclass < 2;

	put_num(m, it, row->spanclass >> 1);
	put_num(m, it, large ? 0 : central->elemsize);
	put_str(m, it, row->spanclass & 1 ? "noscan" : "scan");
	put_num(m, it, large ? 1 : central->nelems);
	put_num(m, it, large ? 0 : central->npages);
	put_spans(m, it, sums);
	put_num(m, it, sums->live);
	put_num(m, it, sums->slots);
	put_percent(m, it, sums->live, sums->slots);
	put_num(m, it, (sums->pages << GOALLOC_PAGE_SHIFT) - sums->live_bytes);
}

DEFINE_TABLE(heap_classes, struct classes_iter);

struct caches_iter {
	struct table_iter it;
	const struct mcentral *central; /* to compare with */
	const struct mcentral *debugged; /* likewise */
	char name[GOALLOC_NAME_MAX];
	unsigned int size;
	unsigned int align;
	u32 elemsize;
	u32 npages;
	u16 nelems;
	bool stable;
	struct central_counts counts;
	struct span_sums sums;
};

static void copy_cache(struct caches_iter *row, struct goalloc_cache *cache)
{
	row->central = &cache->central;
	row->debugged = READ_ONCE(cache->debugged);
	strscpy(row->name, cache->name, sizeof(row->name));
	row->size = cache->size;
	row->align = cache->align;
	row->elemsize = cache->central.elemsize;
	row->npages = cache->central.npages;
	row->nelems = cache->central.nelems;
	row->stable = cache->central.flags & MCENTRAL_STABLE;
	memset(&row->counts, 0, sizeof(row->counts));
	central_counts_add(&cache->central, &row->counts);
	if (cache->debugged)
		central_counts_add(cache->debugged, &row->counts);
}

static bool heap_caches_find(struct table_iter *it, u64 *at)
{
	struct caches_iter *row = container_of(it, struct caches_iter, it);
	struct goalloc_cache *cache;
	bool found = false;
	u64 n = 0;

	mutex_lock(&heaps_lock);
	list_for_each_entry(cache, &it->heap->caches, node) {
		if (n++ == *at) {
			copy_cache(row, cache);
			found = true;
			break;
		}
	}
	mutex_unlock(&heaps_lock);

	if (found)
		central_span_sums(row->central, row->debugged, &row->sums);
	return found;
}

static const struct table_column heap_caches_columns[] = {
	{ "name", -24 }, { "active", 10 },  { "num", 10 },	{ "objsize", 7 },
	{ "slot", 7 },	 { "align", 7 },    { "objs", 5 },	{ "pages", 5 },
	{ "spans", 8 },	 { "partial", 8 },  { "full", 8 },	{ "empty", 8 },
	{ "cached~", 8 }, { "mallocs~", 12 }, { "frees~", 12 }, { "pinned", 7 },
};

static void heap_caches_show(struct seq_file *m, struct table_iter *it)
{
	const struct caches_iter *row = container_of(it, struct caches_iter, it);
	const struct span_sums *sums = &row->sums;
	u64 mallocs = max(row->counts.nalloc, sums->live);

	put_str(m, it, row->name);
	put_num(m, it, sums->live);
	put_num(m, it, sums->slots);
	put_num(m, it, row->size);
	put_num(m, it, row->elemsize);
	put_num(m, it, row->align);
	put_num(m, it, row->nelems);
	put_num(m, it, row->npages);
	put_spans(m, it, sums);
	put_num(m, it, mallocs);
	put_num(m, it, mallocs - sums->live);
	put_num(m, it, row->stable ? sums->empty_spans * row->npages : 0);
}

DEFINE_TABLE(heap_caches, struct caches_iter);

struct cpus_iter {
	struct table_iter it;
	unsigned int cpu;
	u64 spans;
	u64 free;
	u64 nalloc;
	u64 nrefill;
	u64 nremote;
};

/*
 * A small span that a CPU owns now keeps its geometry until the caller's RCU section
 * ends. A large one does not, is without an object, and has no slots to look at.
 */
static void add_cpu_span(struct cpus_iter *row, const struct mcentral *central,
			 const struct mspan *span)
{
	if (!span)
		return;
	row->spans++;
	row->free += central->elemsize ? span->nelems - mspan_live(span) : 1;
}

static void add_cpu_slot(struct mcentral *central, void *data)
{
	struct cpus_iter *row = data;
	struct mcache_slot *slot;

	if (!central_has_slots(central))
		return;
	slot = per_cpu_ptr(central->slots, row->cpu);
	row->nalloc += READ_ONCE(slot->nalloc);
	row->nrefill += READ_ONCE(slot->nrefill);
	row->nremote += READ_ONCE(slot->nremote);

	rcu_read_lock();
	add_cpu_span(row, central, READ_ONCE(slot->span));
	add_cpu_span(row, central, READ_ONCE(slot->fspan));
	rcu_read_unlock();
}

static bool heap_cpus_find(struct table_iter *it, u64 *at)
{
	struct cpus_iter *row = container_of(it, struct cpus_iter, it);
	unsigned int cpu = cpumask_next((int)*at - 1, cpu_possible_mask);

	if (cpu >= nr_cpu_ids)
		return false;
	*row = (struct cpus_iter){ .it = *it, .cpu = cpu };
	mutex_lock(&heaps_lock);
	visit_centrals(it->heap, NULL, add_cpu_slot, row);
	mutex_unlock(&heaps_lock);
	*at = cpu;
	return true;
}

static const struct table_column heap_cpus_columns[] = {
	{ "cpu", 5 },	   { "spans~", 8 },   { "free~", 8 },
	{ "hits~", 12 },   { "misses~", 12 }, { "remote~", 12 },
};

static void heap_cpus_show(struct seq_file *m, struct table_iter *it)
{
	const struct cpus_iter *row = container_of(it, struct cpus_iter, it);
	u64 misses = min(row->nrefill, row->nalloc);

	put_num(m, it, row->cpu);
	put_num(m, it, row->spans);
	put_num(m, it, row->free);
	put_num(m, it, row->nalloc - misses);
	put_num(m, it, misses);
	put_num(m, it, row->nremote);
}

DEFINE_TABLE(heap_cpus, struct cpus_iter);

static ssize_t heap_limit_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct goalloc_heap *heap = file->private_data;
	char text[LIMIT_TEXT + 1];
	int len = limit_text(text, READ_ONCE(heap->limit));

	text[len++] = '\n';
	return simple_read_from_buffer(buf, count, ppos, text, len);
}

/*
 * Bytes, with K, M, G or T behind them or not. memparse() would take what
 * follows the suffix, and a number that does not fit, for good.
 */
int parse_limit(char *text, unsigned long *bytes)
{
	static const char units[] = "kmgt";
	unsigned int shift = 0;
	size_t len = strlen(text);
	const char *unit;
	int err;

	if (!strcmp(text, "max") || !strcmp(text, "-1")) {
		*bytes = ULONG_MAX;
		return 0;
	}
	unit = len ? strchr(units, tolower(text[len - 1])) : NULL;
	if (unit) {
		shift = (unit - units + 1) * 10;
		text[len - 1] = '\0';
	}
	err = kstrtoul(text, 0, bytes);
	if (err)
		return err;
	return check_shl_overflow(*bytes, shift, bytes) ? -ERANGE : 0;
}

static ssize_t heap_limit_write(struct file *file, const char __user *buf, size_t count,
				loff_t *ppos)
{
	struct goalloc_heap *heap = file->private_data;
	unsigned long bytes;
	char text[32];
	int err = control_text(buf, count, *ppos, text, sizeof(text)) ?: parse_limit(text, &bytes);

	if (!err)
		err = goalloc_heap_set_limit(heap, bytes);
	return err ?: count;
}

const struct file_operations heap_limit_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.read = heap_limit_read,
	.write = heap_limit_write,
	.llseek = default_llseek,
};
