// SPDX-License-Identifier: GPL-2.0
/*
 * The graph of managed objects: what is in them, and which are reachable. Sets of
 * objects are words, a bit for each entry of the table.
 */
#include <linux/bitops.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define WORD sizeof(void *)
#define EDGE 8UL /* elements at either end of an array that are looked at */
#define ENDS SZ_256 /* bytes at either end of what is no pointer */

static const struct goalloc_gc_ptrs middle[] = { { 1, 2 } };
static const struct goalloc_gc_ptrs head[] = { { 0, 1 } };
static const struct goalloc_gc_ptrs ends[] = { { 0, 1 }, { 511, 1 } };
static const struct goalloc_gc_ptrs spread[] = { { 0, 1 }, { 2560, 1 }, { 5119, 1 } };
static const struct goalloc_gc_ptrs dense[] = { { 0, 128 } };

const struct goalloc_gc_layout fuzz_gc_layouts[GC_TYPES] = {
	{ "node", 32, 8, ARRAY_SIZE(middle), middle },
	{ "head", 16, 8, ARRAY_SIZE(head), head },
	{ "pointer", 8, 8, ARRAY_SIZE(head), head },
	{ "ends", 4096, 8, ARRAY_SIZE(ends), ends },
	{ "large", 40960, 8, ARRAY_SIZE(spread), spread },
	{ "plain", 72, 8, 0, NULL },
	{ "odd", 13, 1, 0, NULL },
	{ "dense", 1024, 256, ARRAY_SIZE(dense), dense },
};

u64 gc_bit(const struct fuzz_run *run, const struct gc_node *node)
{
	return node ? BIT_ULL(node - run->gc.nodes) : 0;
}

/* All that may be there. */
u64 gc_of_heap(const struct fuzz_run *run, const struct gc_managed *m)
{
	u64 set = 0;
	unsigned int i;

	for (i = 0; i < GC_NODES; i++)
		if (run->gc.nodes[i].p && run->gc.nodes[i].owner == m)
			set |= BIT_ULL(i);
	return set;
}

u64 gc_children(const struct fuzz_run *run, u64 of)
{
	u64 set = 0;
	unsigned int i, k;

	for (i = 0; i < GC_NODES; i++)
		for (k = 0; of & BIT_ULL(i) && k < run->gc.nodes[i].nfields; k++)
			set |= gc_bit(run, run->gc.nodes[i].fields[k].to);
	return set;
}

u64 gc_reached(const struct fuzz_run *run, u64 from)
{
	u64 all = from, more = from;

	while (more) {
		more = gc_children(run, more) & ~all;
		all |= more;
	}
	return all;
}

u64 gc_reachable(const struct fuzz_run *run, const struct gc_managed *m)
{
	u64 from = m->held;
	unsigned int i;

	for (i = 0; i < GC_SLOTS; i++)
		from |= gc_bit(run, m->refs[i].to);
	for (i = 0; i < GC_HANDLES; i++)
		if (run->gc.kept[i].owner == m)
			from |= gc_bit(run, run->gc.kept[i].to);
	for (i = 0; i < GC_NODES; i++)
		if (run->gc.nodes[i].owner == m && run->gc.nodes[i].revived)
			from |= BIT_ULL(i);
	return gc_reached(run, from);
}

/* One of those that are reachable, which is as if it had been looked up from a root. */
struct gc_node *gc_pick(struct fuzz_run *run, struct gc_managed *m, unsigned int which)
{
	u64 set = gc_reachable(run, m);
	struct gc_node *node;

	if (!set)
		return NULL;
	for (which %= hweight64(set); which; which--)
		set &= set - 1;
	node = &run->gc.nodes[__ffs64(set)];
	if (m->open)
		m->held |= gc_bit(run, node);
	return gc_check_node(run, node, "when it is looked up") ? node : NULL;
}

/* Whether others are in the same block. */
bool gc_is_shared(const struct gc_node *node)
{
	return node->type < 0 && node->size < GC_SHARED_BYTES;
}

static const struct goalloc_gc_layout *layout_of(const struct gc_node *node)
{
	static const struct goalloc_gc_layout none;

	return node->type < 0 ? &none : &fuzz_gc_layouts[node->type];
}

/* The first pointer, the last one, one amid them, and the second. */
void **gc_field(const struct gc_node *node, unsigned int i)
{
	const struct goalloc_gc_layout *l = layout_of(node);
	size_t each = 0, at[GC_FIELDS], word, k;

	for (k = 0; k < l->nptrs; k++)
		each += l->ptrs[k].n;
	at[0] = 0;
	at[1] = node->n * each - 1;
	at[2] = node->n * each / 2;
	at[3] = 1;
	word = at[i] % each;
	for (k = 0; word >= l->ptrs[k].n; k++)
		word -= l->ptrs[k].n;
	return node->p + at[i] / each * l->size + (l->ptrs[k].first + word) * WORD;
}

static u8 pattern_at(const struct gc_node *node, const u8 *p)
{
	return node->pattern >> ((unsigned long)p % 8 * 8);
}

/* Write, or look at, what is no pointer. Of a lot of it, both ends. */
static bool bytes(const struct gc_node *node, u8 *p, size_t size, bool write)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (i == ENDS && size > 2 * ENDS)
			i = size - ENDS;
		if (write)
			p[i] = pattern_at(node, p + i);
		else if (p[i] != pattern_at(node, p + i))
			return false;
	}
	return true;
}

static bool pointers(const struct gc_node *node, void **p, unsigned int n)
{
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		void *want = NULL;

		for (k = 0; k < node->nfields; k++)
			if (gc_field(node, k) == p + i)
				want = node->fields[k].addr;
		if (goalloc_gc_load(p + i) != want)
			return false;
	}
	return true;
}

static bool element(const struct gc_node *node, void *p, bool write)
{
	const struct goalloc_gc_layout *l = layout_of(node);
	unsigned int at = 0, i;

	for (i = 0; i < l->nptrs; i++) {
		unsigned int begin = l->ptrs[i].first * WORD;

		if (!bytes(node, p + at, begin - at, write))
			return false;
		if (!write && !pointers(node, p + begin, l->ptrs[i].n))
			return false;
		at = begin + l->ptrs[i].n * WORD;
	}
	return bytes(node, p + at, l->size - at, write);
}

static bool elements(const struct gc_node *node, bool write)
{
	size_t i, size = layout_of(node)->size;

	if (node->type < 0)
		return bytes(node, node->p, node->size, write);
	for (i = 0; i < node->n; i++) {
		if (i == EDGE && node->n > 2 * EDGE)
			i = node->n - EDGE;
		if (!element(node, node->p + i * size, write))
			return false;
	}
	return true;
}

void gc_stamp(struct gc_node *node)
{
	elements(node, true);
}

/* In a section. */
bool gc_intact(const struct gc_node *node)
{
	return elements(node, false);
}

bool gc_check_node(struct fuzz_run *run, const struct gc_node *node, const char *when)
{
	struct goalloc_heap *heap = node->owner->heap;
	int section = goalloc_gc_lock(heap);

	if (!gc_intact(node))
		fuzz_fail(run, "%s: managed object %td of %zu bytes has changed", when,
			  node - run->gc.nodes, node->size);
	else if (goalloc_owner(node->p) != heap)
		fuzz_fail(run, "%s: managed object %td of %zu bytes is gone", when,
			  node - run->gc.nodes, node->size);
	if (atomic_read(&node->ran) != node->runs)
		fuzz_fail(run, "%s: the finalizer of %td has run %d times, not %d", when,
			  node - run->gc.nodes, atomic_read(&node->ran), node->runs);
	goalloc_gc_unlock(heap, section);
	return !run->failed;
}

static void check_heap(struct fuzz_run *run, const struct gc_managed *m, const char *when)
{
	u64 set = gc_reachable(run, m);
	int section = goalloc_gc_lock(m->heap);
	unsigned int i;

	for (i = 0; i < GC_SLOTS; i++)
		if (goalloc_gc_load(&m->slots[i]) != m->refs[i].addr)
			fuzz_fail(run, "%s: root %u has changed", when, i);
	for (i = 0; i < GC_HANDLES; i++) {
		const struct gc_kept *k = &run->gc.kept[i];

		if (k->owner == m && goalloc_gc_handle_object(k->handle) != k->to->p)
			fuzz_fail(run, "%s: handle %u has changed", when, i);
	}
	goalloc_gc_unlock(m->heap, section);
	for (i = 0; i < GC_NODES && !run->failed; i++)
		if (set & BIT_ULL(i))
			gc_check_node(run, &run->gc.nodes[i], when);
	if (atomic_read(&m->faults))
		fuzz_fail(run, "%s: finalizers found %d faults", when, atomic_read(&m->faults));
}

/* All that is reachable. */
void gc_check_all(struct fuzz_run *run, const char *when)
{
	unsigned int i;

	for (i = 0; i < GC_HEAPS && !run->failed; i++)
		if (run->gc.heaps[i].heap)
			check_heap(run, &run->gc.heaps[i], when);
}

/* An object is gone, and what refers to it weakly is cleared. */
void gc_forget(struct fuzz_run *run, struct gc_node *node)
{
	unsigned int i;

	for (i = 0; i < GC_WEAKS; i++)
		if (run->gc.weak[i].to == node)
			run->gc.weak[i].to = NULL;
	node->owner->held &= ~gc_bit(run, node);
	node->owner->bytes -= node->size;
	memset(node, 0, sizeof(*node));
}
