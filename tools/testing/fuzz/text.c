// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text: an operation a line, as 16 hexadecimal digits in the order of
 * struct fuzz_op; what follows # says what it means, and is not read.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static const char *const names[FUZZ_CODES] = {
	"alloc", "calloc", "realloc", "free", "heap_free", "cache_free", "free_bulk",
	"alloc_bulk", "foreign", "size", "owner", "memdup", "strdup", "roundup", "usercopy",
	"heap_create", "heap_destroy", "heap_limit", "heap_shrink", "heap_stats", "cache_args",
	"cache_create", "cache_destroy", "cache_shrink", "cache_alloc", "fill", "check",
	"barrier", "context", "gfp", "copy", "cache_info",
	"debug", "reserve", "gc_heap", "gc_alloc", "gc_assign", "gc_copy", "gc_handle", "gc_weak",
	"gc_finalizer", "gc_unrevive", "gc_free", "gc_root", "gc_section", "gc_step",
	"gc_collect", "gc_tune", "gc_type", "gc_bad", "leaks",
};

static const char *const gfps[FUZZ_GFPS] = {
	"KERNEL", "KERNEL", "ATOMIC", "NOWAIT", "KERNEL|ZERO", "ATOMIC|ZERO", "NOFS", "NOIO",
	"KERNEL_ACCOUNT", "KERNEL|NOWARN", "KERNEL|NOFAIL", "KERNEL|NORETRY",
	"KERNEL|RETRY_MAYFAIL", "KERNEL|THISNODE", "ATOMIC|MEMALLOC", "0", "KERNEL|DMA",
	"ATOMIC|DMA32", "KERNEL|HIGHMEM", "gfp",
};

static const char *const frees[FUZZ_FREES] = {
	"free", "free_sensitive", "free_rcu", "mempool_free", "realloc to 0",
};

static const char *const foreigns[FOREIGNS] = {
	"stack", "slab", "vmalloc", "module", "user", "error", "small", "top", "pages",
};

static const char *const contexts[CONTEXTS] = { "task", "bh", "irq", "call" };

static const char *const cache_names[NAMES] = {
	"unique", "default", "twice", "empty", "NULL", "hidden", "slash", "longest", "too long",
	"space", "control", "latin1", "format", "huge",
};

static const char *name_of(unsigned int which)
{
	return cache_names[which % NAMES];
}

static const char *offset_of(unsigned char c)
{
	static const char *const offsets[] = {
		"+1", "+4", "+8", "+16", "+half", "+last", "+size", "+size+8", "-1", "-8", "+4K",
		"+8K", "-4K", "-8K", "+1M", "+4M",
	};

	return c >= 0xf0 ? offsets[c - 0xf0] : "";
}

static const char *gfp_of(unsigned char c)
{
	return gfps[c % FUZZ_GFPS];
}

static void print_object_op(FILE *to, const struct fuzz_op *op, unsigned int a)
{
	unsigned int heap = op->b % FUZZ_HEAPS, cache = op->b % FUZZ_CACHES;
	unsigned long size = fuzz_size(op->n);

	switch (fuzz_code(op)) {
	case FUZZ_ALLOC:
		fprintf(to, " o%u, h%u%s%s, %lu, %s", a, heap,
			op->b & FUZZ_ALLOC_NOSCAN ? " noscan" : "",
			op->b & FUZZ_ALLOC_ZERO ? " zero" : "", size, gfp_of(op->c));
		break;
	case FUZZ_CALLOC:
		fprintf(to, " o%u, %lu, %lu, %s", a, size,
			op->b < 0xe0 ? op->b : fuzz_size(0xe0000000 | op->b), gfp_of(op->c));
		break;
	case FUZZ_REALLOC:
		fprintf(to, " o%u%s, %lu, %s", a, offset_of(op->b), size, gfp_of(op->c));
		break;
	case FUZZ_FREE:
		fprintf(to, " o%u%s, %s", a, offset_of(op->c), frees[op->b % FUZZ_FREES]);
		break;
	case FUZZ_HEAP_FREE:
		fprintf(to, " h%u, o%u%s", heap, a, offset_of(op->c));
		break;
	case FUZZ_CACHE_FREE:
		fprintf(to, " c%u, o%u%s", cache, a, offset_of(op->c));
		break;
	case FUZZ_FREE_BULK:
		fprintf(to, " o%u, %u%s%s", a, op->n % 33,
			op->b & FUZZ_BULK_TWICE ? " twice" : "",
			op->b & FUZZ_BULK_CACHE ? " of a cache" : "");
		break;
	case FUZZ_ALLOC_BULK: case FUZZ_RESERVE:
		fprintf(to, " o%u, %u, ", a, op->n >> 27);
		if (op->b & FUZZ_BULK_CACHE)
			fprintf(to, "c%u", cache);
		else
			fprintf(to, "%lu", fuzz_size(op->n << 5));
		fprintf(to, ", %s", gfp_of(op->c));
		break;
	case FUZZ_FOREIGN:
		fprintf(to, " %s, function %u", foreigns[op->b % FOREIGNS], op->c % 8);
		break;
	case FUZZ_MEMDUP:
		fprintf(to, " o%u, o%u, %lu, %s", a, op->b % FUZZ_OBJS, size, gfp_of(op->c));
		break;
	case FUZZ_STRDUP:
		fprintf(to, " o%u, %lu, %s", a, size, gfp_of(op->c));
		break;
	case FUZZ_USERCOPY:
		fprintf(to, " %s o%u%s, %lu%s", op->b & FUZZ_COPY_TO ? "from" : "to", a,
			offset_of(op->c), size, op->b & FUZZ_COPY_NOWHERE ? ", nowhere" : "");
		break;
	case FUZZ_CACHE_ALLOC:
		fprintf(to, " o%u, c%u%s, %s", a, cache, op->b & FUZZ_CACHE_ZERO ? " zero" : "",
			gfp_of(op->c));
		break;
	case FUZZ_COPY:
		fprintf(to, " o%u, o%u", a, op->b % FUZZ_OBJS);
		break;
	default:
		fprintf(to, " o%u%s", a, offset_of(op->c));
	}
}

static const char *place_of(unsigned char b, char *buf, size_t size)
{
	if (b < 0x60)
		snprintf(buf, size, "root %u", b % 8);
	else
		snprintf(buf, size, "object %u, pointer %u", b >> 2, b);
	return buf;
}

static void print_managed_op(FILE *to, const struct fuzz_op *op)
{
	static const char *const types[] = {
		"node", "head", "pointer", "ends", "large", "plain", "odd", "dense",
	};
	static const char *const addrs[] = { "start", "half", "last", "none" };
	static const char *const by_hand[] = {
		"free", "free_sensitive", "heap_free", "free_bulk",
	};
	static const char *const asks[] = { "size", "realloc" };
	static const char *const points[FUZZ_GC_POINTS] = {
		"mark", "g1", "root", "finalizer", "drained", "clean", "drain", "off", "sweep",
		"nowhere",
	};
	static const char *const tunes[FUZZ_GC_TUNES] = {
		"percent", "limit", "heap limit", "shrink",
	};
	static const char *const bads[BADS] = {
		"root NULL", "root of 0", "root unaligned", "root wraps", "root kind",
		"root of heap", "root twice", "root for leaks", "no root", "weak", "finalizer",
		"alloc", "cache", "reserve", "debug", "NULL",
	};
	unsigned long size = fuzz_size(op->n);
	char place[48];

	fprintf(to, " m%u", op->a % 2);
	switch (fuzz_code(op)) {
	case FUZZ_GC_HEAP:
		fprintf(to, ", %x", op->c);
		break;
	case FUZZ_GC_ALLOC:
		fprintf(to, ", %s%s%s, %lu, %s, %s",
			op->a & FUZZ_GC_NOSCAN ? "noscan" : types[op->a >> 1 & 7],
			op->a & FUZZ_GC_ARRAY ? " array" : "",
			op->a & FUZZ_GC_DECOY ? " decoy" : "", size, gfp_of(op->c),
			op->a & FUZZ_GC_LOOSE ? "loose" :
						place_of(op->b, place, sizeof(place)));
		break;
	case FUZZ_GC_ASSIGN:
		fprintf(to, ", %s = object %u, %s", place_of(op->b, place, sizeof(place)), op->c,
			addrs[op->a >> 1 & 3]);
		break;
	case FUZZ_GC_COPY:
		fprintf(to, ", object %u = object %u", op->b, op->c);
		break;
	case FUZZ_GC_HANDLE:
		fprintf(to, ", handle %u, object %u, %s", op->b % 8, op->c,
			op->n & 1 ? "get" : "put");
		break;
	case FUZZ_GC_WEAK:
		fprintf(to, ", weak %u, %u, %u", op->b % 8, op->c, op->n % 4);
		break;
	case FUZZ_GC_FINALIZER:
		fprintf(to, ", object %u,%s%s", op->c, op->b & FUZZ_GC_SET ? " set" : " take away",
			op->b & FUZZ_GC_REVIVE ? " revive" : "");
		break;
	case FUZZ_GC_FREE:
		fprintf(to, ", object %u, %s%s%s%s", op->c,
			op->b & FUZZ_GC_ASK ? asks[op->b & 1] : by_hand[op->b & 3],
			op->b & FUZZ_GC_TWICE ? " twice" : "",
			op->b & FUZZ_GC_INSIDE ? " inside" : "",
			op->b & FUZZ_GC_WRONG ? " wrong" : "");
		break;
	case FUZZ_GC_ROOT:
		fprintf(to, ", %s, object %u", op->b % 2 ? "conservative" : "precise", op->c);
		break;
	case FUZZ_GC_STEP:
		fprintf(to, ", %s", points[op->b % FUZZ_GC_POINTS]);
		break;
	case FUZZ_GC_TUNE:
		fprintf(to, ", %s, ", tunes[op->b % FUZZ_GC_TUNES]);
		if (op->b % FUZZ_GC_TUNES == FUZZ_GC_PERCENT)
			fprintf(to, "%d", fuzz_percent(op->n));
		else
			fprintf(to, "%lu", size);
		break;
	case FUZZ_GC_TYPE:
		fprintf(to, ", kind %u, %u from %u, %u from %u, %lu bytes", op->a >> 1 & 3,
			op->b & 15, op->b >> 4, op->c & 7, op->c >> 3 & 15, size);
		break;
	case FUZZ_GC_BAD:
		fprintf(to, ", %s, %u, %u", bads[(op->b & 0x7f) % BADS], op->c, op->n);
		break;
	case FUZZ_GC_UNREVIVE:
		fprintf(to, ", object %u", op->c);
		break;
	default:
		break;
	}
}

static void print_op(FILE *to, const struct fuzz_op *op)
{
	unsigned int heap = op->a % FUZZ_HEAPS, cache = op->a % FUZZ_CACHES;
	unsigned long size = fuzz_size(op->n);

	fputs(names[fuzz_code(op)], to);
	switch (fuzz_code(op)) {
	case FUZZ_ROUNDUP:
		fprintf(to, " %lu", size);
		break;
	case FUZZ_HEAP_CREATE:
		fprintf(to, " h%u, %s%s", heap, name_of(op->b), op->c >= 0xc0 ? ", flags" : "");
		break;
	case FUZZ_HEAP_LIMIT:
		fprintf(to, " h%u, %lu", heap, size);
		break;
	case FUZZ_HEAP_DESTROY: case FUZZ_HEAP_SHRINK: case FUZZ_HEAP_STATS:
		fprintf(to, " h%u", heap);
		break;
	case FUZZ_CACHE_ARGS:
		fprintf(to, " flags %x, align %u, range %x %lu", op->a, fuzz_align(op->b), op->c,
			size);
		break;
	case FUZZ_CACHE_CREATE:
		fprintf(to, " c%u, h%u, %s, %u%s%s", cache, op->b % FUZZ_HEAPS,
			name_of(op->c & 0x3f), (unsigned int)size,
			op->c & (FUZZ_CTOR | FUZZ_DTOR) ? " ctor" : "",
			op->c & FUZZ_DTOR ? " dtor" : "");
		break;
	case FUZZ_CACHE_DESTROY: case FUZZ_CACHE_SHRINK: case FUZZ_CACHE_INFO:
		fprintf(to, " c%u", cache);
		break;
	case FUZZ_CONTEXT:
		fprintf(to, " %s, CPU %u%s", contexts[op->a % CONTEXTS], op->b,
			op->c & 1 ? " pinned" : "");
		break;
	case FUZZ_GFP:
		fprintf(to, " %x", op->n);
		break;
	case FUZZ_DEBUG:
		fprintf(to, " %c%u, %x", op->a & FUZZ_DEBUG_CACHE ? 'c' : 'h',
			op->a & FUZZ_DEBUG_CACHE ? cache : heap, op->b);
		break;
	case FUZZ_CHECK: case FUZZ_BARRIER:
		break;
	case FUZZ_LEAKS:
		fprintf(to, " h%u, %s %x", heap, op->c & 1 ? "all" : "told", op->n);
		break;
	default:
		if (fuzz_of_managed(fuzz_code(op)))
			print_managed_op(to, op);
		else
			print_object_op(to, op, op->a % FUZZ_OBJS);
	}
}

void print_program(FILE *to, const struct program *p)
{
	unsigned int i;

	for (i = 0; i < p->nops; i++) {
		const struct fuzz_op *op = &p->ops[i];

		fprintf(to, "%02x%02x%02x%02x%08x # ", op->code, op->a, op->b, op->c, op->n);
		print_op(to, op);
		fputc('\n', to);
	}
}

void read_program(const char *path, struct program *p)
{
	FILE *f = fopen(path, "r");
	unsigned int line = 0;
	char buf[256];

	if (!f)
		die("cannot open %s", path);
	p->nops = 0;
	while (fgets(buf, sizeof(buf), f)) {
		struct fuzz_op *op = &p->ops[p->nops];
		char *end = strchr(buf, '#');
		unsigned long long v;

		line++;
		if (end)
			*end = '\0';
		if (strspn(buf, " \t\n") == strlen(buf))
			continue;
		v = strtoull(buf, &end, 16);
		if (end - buf != 16 || strspn(end, " \t\n") != strlen(end))
			die("%s:%u: not 16 hexadecimal digits", path, line);
		if (p->nops == FUZZ_MAX_OPS)
			die("%s:%u: more than %d operations", path, line, FUZZ_MAX_OPS);
		op->code = v >> 56;
		op->a = v >> 48;
		op->b = v >> 40;
		op->c = v >> 32;
		op->n = v;
		p->nops++;
	}
	fclose(f);
}
