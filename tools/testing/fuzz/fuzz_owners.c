// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on heaps and caches. What is refused, and with which error, follows
 * from the documentation alone. A register whose heap or cache was destroyed is
 * empty: to use such a handle is not misuse that goalloc promises to catch.
 */
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "goalloc_fuzz.h"

#define FIRST_HEAP 2 /* that comes and goes */
#define FIRST_CACHE 2
#define CACHE_MAX_BYTES (4U << 20)

static struct fuzz_heap *heap_reg(struct fuzz_run *run)
{
	return &run->heaps[run->op.a % FUZZ_HEAPS];
}

static struct fuzz_cache *cache_reg(struct fuzz_run *run)
{
	return &run->caches[run->op.a % FUZZ_CACHES];
}

/* A name that a program asked for; @buf or NULL is returned. */
static const char *make_name(struct fuzz_run *run, unsigned int which, char *buf, size_t size)
{
	switch (which % NAMES) {
	case NAME_DEFAULT:
		strscpy(buf, "default", size);
		break;
	case NAME_TWICE:
		strscpy(buf, "fuzz-twice", size);
		break;
	case NAME_EMPTY:
		buf[0] = '\0';
		break;
	case NAME_NULL:
		return NULL;
	case NAME_HIDDEN:
		strscpy(buf, ".hidden", size);
		break;
	case NAME_SLASH:
		strscpy(buf, "a/b", size);
		break;
	case NAME_LONGEST:
		memset(buf, 'l', GOALLOC_NAME_MAX - 1);
		buf[GOALLOC_NAME_MAX - 1] = '\0';
		break;
	case NAME_TOO_LONG:
		memset(buf, 'l', GOALLOC_NAME_MAX);
		buf[GOALLOC_NAME_MAX] = '\0';
		break;
	case NAME_SPACE:
		strscpy(buf, "a b", size);
		break;
	case NAME_CONTROL:
		strscpy(buf, "a\n\001\033", size);
		break;
	case NAME_LATIN1:
		strscpy(buf, "caf\351", size);
		break;
	case NAME_FORMAT:
		strscpy(buf, "%s%n", size);
		break;
	case NAME_HUGE:
		memset(buf, 'h', size - 1);
		buf[size - 1] = '\0';
		break;
	default:
		snprintf(buf, size, "fuzz-%u.x_", run->names++);
	}
	return buf;
}

/* As the documentation has it. */
static bool name_ok(const char *name)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = name ? strlen(name) : 0;

	return len && len < GOALLOC_NAME_MAX && name[0] != '.' && strspn(name, good) == len;
}

static void check_made(struct fuzz_run *run, const char *what, const void *p, int err)
{
	if (PTR_ERR_OR_ZERO(p) != err || !p)
		fuzz_fail(run, "a %s came as %d, not as %d", what, p ? PTR_ERR_OR_ZERO(p) : 1,
			  err);
}

void fuzz_op_heap_create(struct fuzz_run *run)
{
	struct fuzz_heap *reg = heap_reg(run);
	u8 c = run->op.c;
	/* Managed heaps are fuzz_gc_heap.c's. */
	unsigned long flags = c & GOALLOC_HEAP_FLAGS_MASK & ~GOALLOC_HEAP_GC;
	struct goalloc_heap *heap;
	char buf[200];
	const char *name = make_name(run, run->op.b, buf, sizeof(buf));
	int err = 0;
	unsigned int i;

	if (reg->heap)
		return;
	if (c >= 0xc0)
		flags = (unsigned long)c << 8 * (c % 8);
	for (i = 0; name && i < FUZZ_HEAPS; i++)
		if (run->heaps[i].heap && !strcmp(run->heaps[i].name, name))
			err = -EEXIST;
	if (!name_ok(name) || flags & ~GOALLOC_HEAP_FLAGS_MASK)
		err = -EINVAL;
	heap = goalloc_heap_create(name, flags);
	check_made(run, "heap", heap, err);
	if (IS_ERR_OR_NULL(heap))
		return;
	memset(reg, 0, sizeof(*reg));
	reg->heap = heap;
	strscpy(reg->name, name, sizeof(reg->name));
	if (strcmp(goalloc_heap_name(heap), name))
		fuzz_fail(run, "the heap's name is %s", goalloc_heap_name(heap));
	fuzz_stats(run, reg - run->heaps);
}

static void drop_objects(struct fuzz_run *run, int heap, int cache)
{
	unsigned int i;

	for (i = 0; i < FUZZ_OBJS; i++) {
		struct fuzz_obj *o = &run->objs[i];

		if (!o->live || (cache >= 0 ? o->cache != cache : o->heap != heap))
			continue;
		if (!fuzz_check(run, o, o->p, o->size, "before its owner goes"))
			return;
		fuzz_gone(run, o);
	}
}

/* What is live in it is lost, and known as such. */
void fuzz_destroy_heap(struct fuzz_run *run, unsigned int i)
{
	struct fuzz_heap *reg = &run->heaps[i];
	unsigned int c;

	drop_objects(run, i, -1);
	for (c = FIRST_CACHE; c < FUZZ_CACHES; c++)
		if (run->caches[c].cache && run->caches[c].heap == i)
			run->caches[c].cache = NULL;
	goalloc_heap_destroy(reg->heap);
	reg->heap = NULL;
}

void fuzz_op_heap_destroy(struct fuzz_run *run)
{
	unsigned int i = run->op.a % FUZZ_HEAPS;

	if (!i || !run->heaps[i].heap)
		goalloc_heap_destroy(run->heaps[i].heap);
	else if (i >= FIRST_HEAP)
		fuzz_destroy_heap(run, i);
}

void fuzz_op_heap_limit(struct fuzz_run *run)
{
	struct fuzz_heap *reg = heap_reg(run);
	unsigned long bytes = fuzz_size(run->op.n);
	int want = bytes < GOALLOC_PAGE_SIZE ? -EINVAL : 0, err;
	struct goalloc_heap_stats stats;

	if (!reg->heap)
		return;
	err = goalloc_heap_set_limit(reg->heap, bytes);
	if (err != want)
		fuzz_fail(run, "a limit of %lu bytes came to %d", bytes, err);
	if (err)
		return;
	goalloc_heap_stats(reg->heap, &stats);
	reg->limited = bytes != ULONG_MAX;
	reg->allowed = max_t(u64, bytes, stats.span_bytes);
	if (stats.limit > bytes || (stats.limit < bytes - GOALLOC_PAGE_SIZE && reg->limited))
		fuzz_fail(run, "a limit of %lu bytes became %llu", bytes, stats.limit);
}

/* The account of a heap, against what the model knows. */
void fuzz_stats(struct fuzz_run *run, unsigned int i)
{
	const struct fuzz_heap *reg = &run->heaps[i];
	struct goalloc_heap_stats stats;

	goalloc_heap_stats(reg->heap, &stats);
	if (stats.live_objects != reg->base + reg->live)
		fuzz_fail(run, "heap %s has %llu objects, not %llu", reg->name,
			  stats.live_objects, reg->base + reg->live);
	if (stats.mallocs - stats.frees != stats.live_objects)
		fuzz_fail(run, "heap %s: %llu allocations less %llu frees are not %llu objects",
			  reg->name, stats.mallocs, stats.frees, stats.live_objects);
	if (stats.live_bytes > stats.span_bytes)
		fuzz_fail(run, "heap %s has %llu bytes in spans of %llu", reg->name,
			  stats.live_bytes, stats.span_bytes);
	if (reg->limited && stats.span_bytes > reg->allowed)
		fuzz_fail(run, "heap %s has spans of %llu bytes, and may have %llu", reg->name,
			  stats.span_bytes, reg->allowed);
}

void fuzz_op_heap_stats(struct fuzz_run *run)
{
	if (heap_reg(run)->heap)
		fuzz_stats(run, run->op.a % FUZZ_HEAPS);
}

void fuzz_op_heap_shrink(struct fuzz_run *run)
{
	if (!heap_reg(run)->heap)
		return;
	goalloc_heap_shrink(heap_reg(run)->heap);
	fuzz_stats(run, run->op.a % FUZZ_HEAPS);
}

/* The arguments of the next cache. A flag that asks for a panic is not for us. */
void fuzz_op_cache_args(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;

	run->flags = op->a & ~GOALLOC_PANIC;
	if (op->a >= 0xf0)
		run->flags = (unsigned long)op->a << op->c % 56 & ~GOALLOC_PANIC;
	else if (op->a < 0xc0)
		run->flags &= GOALLOC_CACHE_FLAGS_MASK;
	run->args.align = fuzz_align(op->b);
	run->args.useroffset = op->c < 0x80 ? op->c : op->c < 0xf0 ? 0 : -8U * (op->c - 0xef);
	run->args.usersize = op->c < 0x40 ? op->n % 128 : fuzz_size(op->n);
}

static bool cache_ok(const struct fuzz_run *run, const char *name, unsigned int size)
{
	const struct goalloc_cache_args *args = &run->args;

	if (!name_ok(name) || !size || size > CACHE_MAX_BYTES)
		return false;
	if (args->align && (!is_power_of_2(args->align) || args->align > CACHE_MAX_BYTES))
		return false;
	if ((u64)args->useroffset + args->usersize > size)
		return false;
	if (args->usersize && run->flags & GOALLOC_NO_USERCOPY)
		return false;
	return (args->usersize || !args->useroffset) && !(run->flags & ~GOALLOC_CACHE_FLAGS_MASK);
}

/* Small objects share a cache line, and none straddles one. */
static unsigned int cache_align(const struct fuzz_run *run, unsigned int size)
{
	unsigned int align = max(run->args.align, 8U), line = cache_line_size();

	if (!(run->flags & GOALLOC_HWCACHE_ALIGN))
		return align;
	while (size <= line / 2)
		line /= 2;
	return max(align, line);
}

void fuzz_op_cache_create(struct fuzz_run *run)
{
	const struct fuzz_op *op = &run->op;
	struct fuzz_cache *reg = cache_reg(run);
	unsigned int heap = op->b % FUZZ_HEAPS, size = fuzz_size(op->n), i;
	struct goalloc_cache *cache;
	char buf[200];
	const char *name = make_name(run, op->c & 0x3f, buf, sizeof(buf));
	bool ctor = op->c & (FUZZ_CTOR | FUZZ_DTOR) && size >= sizeof(u64);
	bool dtor = ctor && op->c & FUZZ_DTOR;
	int err = 0;

	if (reg->cache || (op->b & 0x80 && heap))
		return;
	heap = run->heaps[heap].heap ? heap : 0;
	for (i = 0; name && i < FUZZ_CACHES; i++)
		if (run->caches[i].cache && run->caches[i].heap == heap &&
		    !strcmp(run->caches[i].name, name))
			err = -EEXIST;
	run->args.heap = heap ? run->heaps[heap].heap : NULL;
	run->args.ctor = ctor ? fuzz_ctor : NULL;
	run->args.dtor = dtor ? fuzz_dtor : NULL;
	if (!cache_ok(run, name, size))
		err = -EINVAL;
	cache = goalloc_cache_create(name, size, &run->args, run->flags);
	check_made(run, "cache", cache, err);
	if (!IS_ERR_OR_NULL(cache)) {
		*reg = (struct fuzz_cache){
			.cache = cache, .heap = heap, .size = size, .ctor = ctor, .dtor = dtor,
			.align = cache_align(run, size), .useroffset = run->args.useroffset,
			.usersize = run->args.usersize,
		};
		if (!reg->usersize && !(run->flags & GOALLOC_NO_USERCOPY))
			reg->usersize = size;
		strscpy(reg->name, name, sizeof(reg->name));
	}
	memset(&run->args, 0, sizeof(run->args));
	run->flags = 0;
}

void fuzz_destroy_cache(struct fuzz_run *run, unsigned int i)
{
	drop_objects(run, -1, i);
	goalloc_cache_destroy(run->caches[i].cache);
	run->caches[i].cache = NULL;
}

void fuzz_op_cache_destroy(struct fuzz_run *run)
{
	if (cache_reg(run) - run->caches >= FIRST_CACHE)
		fuzz_destroy_cache(run, cache_reg(run) - run->caches);
}

void fuzz_op_cache_shrink(struct fuzz_run *run)
{
	if (cache_reg(run)->cache)
		goalloc_cache_shrink(cache_reg(run)->cache);
}

void fuzz_op_cache_info(struct fuzz_run *run)
{
	const struct fuzz_cache *reg = cache_reg(run);

	if (!reg->cache)
		return;
	if (goalloc_cache_object_size(reg->cache) != reg->size)
		fuzz_fail(run, "a cache of %u bytes says %u", reg->size,
			  goalloc_cache_object_size(reg->cache));
	if (strcmp(goalloc_cache_name(reg->cache), reg->name))
		fuzz_fail(run, "cache %s says %s", reg->name, goalloc_cache_name(reg->cache));
}

void fuzz_op_debug(struct fuzz_run *run)
{
	struct fuzz_heap *heap = heap_reg(run);
	struct fuzz_cache *cache = cache_reg(run);
	bool of_cache = run->op.a & FUZZ_DEBUG_CACHE;
	unsigned int flags = run->op.b < 0xe0 ? run->op.b & GOALLOC_DEBUG_ALL : run->op.b;
	int want = 0, err;

	if (of_cache ? !cache->cache : !heap->heap)
		return;
	if (flags & GOALLOC_DEBUG_STACKS && !IS_ENABLED(CONFIG_STACKDEPOT))
		want = -EOPNOTSUPP;
	if (flags & ~GOALLOC_DEBUG_ALL)
		want = -EINVAL;
	if (of_cache)
		err = goalloc_cache_set_debug(cache->cache, flags);
	else
		err = goalloc_heap_set_debug(heap->heap, flags);
	if (err != want)
		fuzz_fail(run, "debugging by %x came to %d", flags, err);
	if (err)
		return;
	if (of_cache)
		cache->debug = flags;
	else
		heap->debug = flags;
}

/* For the next program, which begins with the heaps and caches that stay. */
void fuzz_debug_off(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < FIRST_CACHE; i++)
		if (run->caches[i].debug)
			goalloc_cache_set_debug(run->caches[i].cache, 0);
	for (i = 0; i < FIRST_HEAP; i++)
		if (run->heaps[i].debug)
			goalloc_heap_set_debug(run->heaps[i].heap, 0);
}
