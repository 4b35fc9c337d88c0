// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that ask about pointers, copy from and to where they point, or look
 * at objects; and those with pointers that goalloc never gave out.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "goalloc_fuzz.h"

static void ask_size(struct fuzz_run *run, void *p, unsigned long no_object)
{
	struct fuzz_call call = { .fn = DO_SIZE, .p = p };
	struct fuzz_obj *o;
	enum fuzz_place place = fuzz_place(run, p, &o);

	if (place == PLACE_NO_OBJECT || place == PLACE_INSIDE) {
		call.misuses = 1;
		call.kinds = place == PLACE_INSIDE ? BIT(MISUSE_INTERIOR) : no_object;
	}
	fuzz_issue(run, &call);
	if (call.n != (place == PLACE_OBJECT ? o->room : 0))
		fuzz_fail(run, "goalloc_size() is %zu", call.n);
}

void fuzz_op_size(struct fuzz_run *run)
{
	ask_size(run, fuzz_pointer(fuzz_obj_at(run, run->op.a), run->op.c), NO_OBJECT_KINDS);
}

static void ask_owner(struct fuzz_run *run, void *p)
{
	struct fuzz_call call = { .fn = DO_OWNER, .p = p };
	struct fuzz_obj *o;

	fuzz_place(run, p, &o);
	fuzz_issue(run, &call);
	if (call.ret != (o ? run->heaps[o->heap].heap : NULL))
		fuzz_fail(run, "goalloc_owner() is wrong");
}

void fuzz_op_owner(struct fuzz_run *run)
{
	void *p = fuzz_pointer(fuzz_obj_at(run, run->op.a), run->op.c);
	struct fuzz_call call = { .fn = DO_DUMP, .p = p };
	struct fuzz_obj *o;

	ask_owner(run, p);
	if (run->failed || !(run->op.b & 1))
		return;
	fuzz_issue(run, &call);
	if (fuzz_place(run, p, &o) == PLACE_NOTHING ? call.n : o && !call.n)
		fuzz_fail(run, "goalloc_dump_obj() is wrong");
}

/* Pointers that goalloc never gave out. */
void fuzz_op_foreign(struct fuzz_run *run)
{
	static unsigned long in_module;
	const struct fuzz_op *op = &run->op;
	const struct fuzz_obj *o = fuzz_obj_at(run, op->a);
	enum fuzz_foreign what = op->b % FOREIGNS;
	unsigned long on_stack, kinds = BIT(MISUSE_FOREIGN);
	struct fuzz_call call = {};
	void *p = NULL, *small = NULL, *area = NULL;

	switch (what) {
	case FOREIGN_STACK:
		p = &on_stack;
		break;
	case FOREIGN_SLAB:
		small = kmalloc(64, GFP_KERNEL);
		p = small;
		break;
	case FOREIGN_VMALLOC:
		area = vmalloc(PAGE_SIZE);
		p = area;
		break;
	case FOREIGN_MODULE:
		p = &in_module;
		break;
	case FOREIGN_USER:
		p = (void *)PAGE_SIZE;
		break;
	case FOREIGN_ERROR:
		p = ERR_PTR(-ENOMEM);
		break;
	case FOREIGN_SMALL:
		p = (void *)0x48;
		break;
	case FOREIGN_TOP:
		p = (void *)ULONG_MAX;
		break;
	default:
		if (!o->p)
			return;
		p = PTR_ALIGN_DOWN(o->p, GOALLOC_PAGE_SIZE) +
		    ((long)op->n % 1024) * GOALLOC_PAGE_SIZE;
		if (fuzz_is_managed(p))
			return;
		kinds = NO_OBJECT_KINDS;
	}
	switch (op->c % 8) {
	case 0:
		ask_size(run, p, kinds);
		break;
	case 1:
		ask_owner(run, p);
		break;
	case 2:
		call.fn = DO_HEAP_FREE;
		call.heap = run->heaps[1].heap;
		fuzz_free_pointer(run, &call, p);
		break;
	case 3:
		call.fn = DO_CACHE_FREE;
		call.cache = run->caches[1].cache;
		fuzz_free_pointer(run, &call, p);
		break;
	default:
		call.fn = ZERO_OR_NULL_PTR(p) ? DO_FREE : fuzz_free_function(op->c);
		fuzz_free_pointer(run, &call, p);
	}
	kfree(small);
	vfree(area);
}

void fuzz_op_roundup(struct fuzz_run *run)
{
	size_t size = fuzz_size(run->op.n), up = goalloc_size_roundup(size);
	size_t want = ALIGN(size, GOALLOC_PAGE_SIZE);

	if (up < size || !size != !up)
		fuzz_fail(run, "goalloc_size_roundup(%zu) is %zu", size, up);
	if (size > GOALLOC_MAX_SMALL && up != (want < size ? size : want))
		fuzz_fail(run, "goalloc_size_roundup(%zu) is %zu", size, up);
}

static bool in_window(const struct fuzz_run *run, const struct fuzz_obj *o, size_t off, size_t n)
{
	size_t first = 0, size = o->room;

	if (o->cache >= 0) {
		first = run->caches[o->cache].useroffset;
		size = run->caches[o->cache].usersize;
	}
	return off >= first && off - first <= size && n <= size - (off - first);
}

static void check_copy(struct fuzz_run *run, const struct fuzz_call *call)
{
	u8 bytes[128];
	size_t n = min(call->size, sizeof(bytes));

	if (copy_from_user(bytes, call->user, n))
		return;
	if (memcmp(bytes, call->p, n))
		fuzz_fail(run, "a user copy of %zu bytes is no copy", call->size);
}

void fuzz_op_usercopy(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	void *p = fuzz_pointer(fuzz_obj_at(run, op->a), op->c);
	struct fuzz_call call = { .p = p, .size = fuzz_size(op->n) };
	bool nowhere = op->b & FUZZ_COPY_NOWHERE, good;
	struct fuzz_obj *o;

	call.fn = op->b & FUZZ_COPY_TO ? DO_COPY_TO : DO_COPY_FROM;
	if (!run->user) {
		run->user = vm_mmap(NULL, 0, FUZZ_USER_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(run->user))
			run->user = 0;
	}
	if (!run->user)
		return;
	call.user = (void __user *)(nowhere ? 8 : run->user);
	fuzz_place(run, p, &o);
	good = !call.size || (o && in_window(run, o, (u8 *)p - o->p, call.size));
	if (good && call.size > FUZZ_USER_BYTES)
		return;
	if (!good) {
		call.misuses = 1;
		call.kinds = BIT(MISUSE_USERCOPY);
	}
	fuzz_issue(run, &call);
	if (call.n != (good && !nowhere ? 0 : call.size))
		fuzz_fail(run, "%zu bytes of %zu were not copied", call.n, call.size);
	if (run->failed || !o || !call.size)
		return;
	if (!good || call.fn == DO_COPY_TO) {
		fuzz_check(run, o, o->p, o->size, "after a user copy");
		if (good && !nowhere)
			check_copy(run, &call);
		return;
	}
	if (nowhere && memchr_inv(p, 0, call.size))
		fuzz_fail(run, "%zu bytes that were not copied are not zeroed", call.size);
	else if (!nowhere)
		check_copy(run, &call);
	o->zero = false;
	if (fuzz_has_ctor(run, o))
		fuzz_ctor(o->p);
	fuzz_fill(run, o);
}

void fuzz_op_fill(struct fuzz_run *run)
{
	struct fuzz_obj *o = fuzz_obj_at(run, run->op.a);

	if (!o->live)
		return;
	o->size = o->room;
	o->zero = false;
	fuzz_fill(run, o);
}

void fuzz_op_check(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < FUZZ_OBJS && !run->failed; i++)
		if (run->objs[i].live)
			fuzz_check(run, &run->objs[i], run->objs[i].p, run->objs[i].size,
				   "at rest");
	for (i = 0; i < FUZZ_HEAPS && !run->failed; i++)
		if (run->heaps[i].heap && (debug_check(run->heaps[i].heap) ||
					   goalloc_heap_check(run->heaps[i].heap)))
			fuzz_fail(run, "heap %s has damaged objects", run->heaps[i].name);
	gc_check_all(run, "at rest");
}

void fuzz_op_copy(struct fuzz_run *run)
{
	struct fuzz_obj *o = fuzz_obj_at(run, run->op.a), *from = fuzz_obj_at(run, run->op.b);

	if (o->live || o == from)
		return;
	*o = *from;
	o->live = false;
}
