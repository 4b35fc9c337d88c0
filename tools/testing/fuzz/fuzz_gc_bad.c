// SPDX-License-Identifier: GPL-2.0
/*
 * What must be refused: types that are none, roots, and all that belongs to the heaps of
 * the other kind.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define TYPE_MAX_BYTES (4U << 20)

static void expect(struct fuzz_run *run, const char *what, long err, long want)
{
	if (err != want)
		fuzz_fail(run, "%s came to %ld, not to %ld", what, err, want);
}

/* As Documentation/gc.rst and the kernel-doc have it. */
static bool layout_ok(const struct goalloc_gc_layout *l)
{
	unsigned int i, end = 0, words = l->size / sizeof(void *);

	if (!l->size || l->size > TYPE_MAX_BYTES || l->align > TYPE_MAX_BYTES ||
	    (l->align && !is_power_of_2(l->align)))
		return false;
	if (l->nptrs && l->size % sizeof(void *))
		return false;
	for (i = 0; i < l->nptrs; i++) {
		if (!l->ptrs[i].n || l->ptrs[i].first < end ||
		    l->ptrs[i].first + l->ptrs[i].n > words)
			return false;
		end = l->ptrs[i].first + l->ptrs[i].n;
	}
	return true;
}

void fuzz_op_gc_type(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct gc_managed *m = gc_heap_at(run, op->a);
	unsigned int kind = op->a / GC_HEAPS % 4;
	struct goalloc_gc_ptrs ptrs[] = {
		{ op->b >> 4, op->b & 0xf }, { op->c >> 3 & 0xf, op->c & 7 },
	};
	struct goalloc_gc_layout layout = {
		.size = fuzz_size(op->n), .ptrs = ptrs, .nptrs = op->a / 16 % 3,
		.align = op->c & 0x80 ? fuzz_align(op->n >> 16) : 8,
	};
	char name[GOALLOC_NAME_MAX];
	struct goalloc_heap *heap;
	int want;

	if (!m || !gc_type_at(run, m, 0))
		return;
	snprintf(name, sizeof(name), "fuzz-type-%u", run->names++);
	layout.name = name;
	want = layout_ok(&layout) ? 0 : -EINVAL;
	heap = m->heap;
	if (kind == 1) {
		layout.name = fuzz_gc_layouts[0].name;
		want = want ?: -EEXIST;
	} else if (kind == 2) {
		layout.name = op->n & 1 ? "a/b" : "";
		want = -EINVAL;
	} else if (kind == 3 && op->n & 1) {
		heap = run->heaps[op->n / 2 % 2].heap;
		want = -EINVAL;
	}
	expect(run, "a type", PTR_ERR_OR_ZERO(goalloc_gc_type_create(heap, &layout)), want);
}

/* Pointers to no object of a heap; the caller is in a section. */
static void *no_object(struct fuzz_run *run, struct gc_managed *m)
{
	const struct fuzz_obj *o = fuzz_obj_at(run, run->op.c);
	struct gc_managed *other = gc_heap_at(run, run->op.a + 1);
	struct gc_node *node = NULL;

	switch (run->op.n % 4) {
	case 0:
		return run;
	case 1:
		return o->live ? o->p : NULL;
	case 2:
		node = other ? gc_pick(run, other, run->op.c) : NULL;
		return node ? node->p : NULL;
	default:
		node = gc_pick(run, m, run->op.c);
		return node && node->size > 1 ? node->p + node->size / 2 : NULL;
	}
}

static void finalize(void *obj, void *data)
{
}

static void bad_special(struct fuzz_run *run, struct gc_managed *m, bool weak)
{
	int section = goalloc_gc_lock(m->heap);
	void *p = no_object(run, m);

	if (run->failed)
		goto out;
	if (weak) {
		if (goalloc_gc_weak_create(m->heap, p, GFP_KERNEL))
			fuzz_fail(run, "a weak reference to no object is there");
	} else {
		expect(run, "a finalizer of no object",
		       goalloc_gc_set_finalizer(m->heap, p, run->op.b & 0x80 ? finalize : NULL,
						NULL, GFP_KERNEL), -EINVAL);
	}
out:
	goalloc_gc_unlock(m->heap, section);
}

static void bad_root(struct fuzz_run *run, struct gc_managed *m, enum fuzz_gc_bad what)
{
	struct goalloc_heap *heap = m->heap;
	enum goalloc_gc_root_kind kind = run->op.n % 3;
	void *base = run->gc.heaps;
	size_t nwords = 1;
	int want = -EINVAL;

	switch (what) {
	case BAD_ROOT_NULL:
		base = NULL;
		break;
	case BAD_ROOT_EMPTY:
		nwords = 0;
		break;
	case BAD_ROOT_ALIGN:
		base += 1 + run->op.n % 7;
		break;
	case BAD_ROOT_WRAP:
		nwords = run->op.n & 1 ? SIZE_MAX / 2 : SIZE_MAX / sizeof(void *);
		break;
	case BAD_ROOT_KIND:
		kind = GOALLOC_GC_ROOT_LEAKS + 1 + run->op.n % 100;
		break;
	case BAD_ROOT_HEAP:
		heap = run->heaps[run->op.n / 3 % 2].heap;
		kind %= GOALLOC_GC_ROOT_LEAKS;
		break;
	default:
		base = m->revived;
		want = -EEXIST;
	}
	expect(run, "a bad root", goalloc_gc_root_add(heap, base, nwords, kind), want);
}

/* One base is a root for the collector, or for leak reports, and not for both. */
static void leaks_root(struct fuzz_run *run, struct goalloc_heap *heap, bool managed)
{
	void *base = run->objs;

	expect(run, "a root for leak reports",
	       goalloc_gc_root_add(heap, base, 1, GOALLOC_GC_ROOT_LEAKS), 0);
	expect(run, "the same root",
	       goalloc_gc_root_add(heap, base, 2, GOALLOC_GC_ROOT_LEAKS), -EEXIST);
	if (managed)
		expect(run, "the same root for the collector",
		       goalloc_gc_root_add(heap, base, 1, GOALLOC_GC_ROOT_PRECISE), -EEXIST);
	expect(run, "its end", goalloc_gc_root_remove(heap, base), 0);
	expect(run, "its second end", goalloc_gc_root_remove(heap, base), -ENOENT);
}

static void bad_alloc(struct fuzz_run *run, struct gc_managed *m)
{
	size_t size = fuzz_size(run->op.n);

	if (size && (goalloc_heap_alloc(m->heap, size, GFP_KERNEL) ||
		     goalloc_heap_alloc_noscan(m->heap, size, GFP_KERNEL)))
		fuzz_fail(run, "an object of %zu bytes that nobody manages is in a managed heap",
			  size);
}

static void bad_owner(struct fuzz_run *run, struct gc_managed *m, enum fuzz_gc_bad what)
{
	struct goalloc_cache_args args = { .heap = m->heap };
	struct goalloc_reserve *reserve;

	switch (what) {
	case BAD_CACHE:
		expect(run, "a cache in a managed heap",
		       PTR_ERR_OR_ZERO(goalloc_cache_create("fuzz-none", 64, &args, 0)), -EINVAL);
		break;
	case BAD_RESERVE:
		reserve = goalloc_reserve_create_size(m->heap, 1 + run->op.n % 4096, 1,
						      GFP_KERNEL);
		if (!IS_ERR(reserve))
			fuzz_fail(run, "a reserve in a managed heap");
		break;
	case BAD_DEBUG:
		expect(run, "debugging of a managed heap",
		       goalloc_heap_set_debug(m->heap, run->op.n & GOALLOC_DEBUG_ALL),
		       -EOPNOTSUPP);
		break;
	default:
		goalloc_gc_handle_put(NULL);
		goalloc_gc_weak_destroy(NULL);
	}
}

void fuzz_op_gc_bad(struct fuzz_run *run)
{
	struct gc_managed *m = gc_heap_at(run, run->op.a);
	enum fuzz_gc_bad what = (run->op.b & 0x7f) % BADS;

	if (!m)
		return;
	gc_let_go_of_roots();
	switch (what) {
	case BAD_WEAK: case BAD_FINALIZER:
		bad_special(run, m, what == BAD_WEAK);
		break;
	case BAD_ROOT_LEAKS:
		if (m->open)
			return;
		leaks_root(run, m->heap, true);
		leaks_root(run, run->heaps[run->op.n % 2].heap, false);
		break;
	case BAD_ROOT_REMOVE:
		if (!m->open)
			expect(run, "the end of no root", goalloc_gc_root_remove(m->heap, run),
			       -ENOENT);
		break;
	case BAD_ALLOC:
		bad_alloc(run, m);
		break;
	case BAD_CACHE: case BAD_RESERVE: case BAD_DEBUG: case BAD_NULL:
		bad_owner(run, m, what);
		break;
	default:
		if (!m->open)
			bad_root(run, m, what);
	}
}
