/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The language of /dev/goalloc_fuzz, for the module that runs a program and for
 * those who make, print and change one.
 *
 * A program is a sequence of operations of 8 bytes each: a code, three
 * arguments of a byte, and one of 32 bits (the host's order). Any bytes are a
 * program: codes and registers are taken modulo how many there are, and what is
 * behind the last whole operation is ignored.
 */
#ifndef GOALLOC_FUZZ_PROGRAM_H
#define GOALLOC_FUZZ_PROGRAM_H

#define FUZZ_OP_BYTES 8
#define FUZZ_MAX_OPS 512

#define FUZZ_OBJS 32 /* object registers */
#define FUZZ_HEAPS 4 /* 0: the default heap, 1: one that stays, others: made and destroyed */
#define FUZZ_CACHES 8 /* 0, 1: stay, 1 with ctor and dtor; others: made and destroyed */

/* The arguments are a, b, c and n. */
enum fuzz_code {
	FUZZ_ALLOC, /* object, FUZZ_ALLOC_* | heap, gfp, size */
	FUZZ_CALLOC, /* object, size, gfp, number: goalloc_calloc(number, size) */
	FUZZ_REALLOC, /* object, offset, gfp, size */
	FUZZ_FREE, /* object, function, offset */
	FUZZ_HEAP_FREE, /* object, heap, offset */
	FUZZ_CACHE_FREE, /* object, cache, offset */
	FUZZ_FREE_BULK, /* first object, FUZZ_BULK_* | cache, 0, number */
	FUZZ_ALLOC_BULK, /* first object, FUZZ_BULK_CACHE | cache, gfp, number << 27 | size */
	FUZZ_FOREIGN, /* object, pointer, function, number */
	FUZZ_SIZE, /* object, 0, offset */
	FUZZ_OWNER, /* object, dump?, offset */
	FUZZ_MEMDUP, /* object, source object, gfp, size */
	FUZZ_STRDUP, /* object, 0, gfp, length; over 4096 is NULL */
	FUZZ_ROUNDUP, /* 0, 0, 0, size */
	FUZZ_USERCOPY, /* object, FUZZ_COPY_*, offset, size */
	FUZZ_HEAP_CREATE, /* heap, name, flags */
	FUZZ_HEAP_DESTROY, /* heap */
	FUZZ_HEAP_LIMIT, /* heap, 0, 0, size */
	FUZZ_HEAP_SHRINK, /* heap */
	FUZZ_HEAP_STATS, /* heap */
	FUZZ_CACHE_ARGS, /* flags, align, usercopy offset, usercopy size: for the next create */
	FUZZ_CACHE_CREATE, /* cache, heap, FUZZ_CTOR | FUZZ_DTOR | name, size */
	FUZZ_CACHE_DESTROY, /* cache */
	FUZZ_CACHE_SHRINK, /* cache */
	FUZZ_CACHE_ALLOC, /* object, function | cache, gfp */
	FUZZ_FILL, /* object: write all that goalloc_size() allows */
	FUZZ_CHECK, /* the contents of all objects */
	FUZZ_BARRIER, /* of RCU */
	FUZZ_CONTEXT, /* context, CPU: of the calls that follow */
	FUZZ_GFP, /* 0, 0, 0, flags: the last of the table */
	FUZZ_COPY, /* object, source object: what a register says, stale or not */
	FUZZ_CACHE_INFO, /* cache */
	FUZZ_DEBUG, /* heap, or FUZZ_DEBUG_CACHE | cache; flags */
	FUZZ_RESERVE, /* first object, FUZZ_RESERVE_* | cache or heap, gfp, as FUZZ_ALLOC_BULK's */
	/* Of managed heaps: a is a heap, and more; places and objects are as reachable. */
	FUZZ_GC_HEAP, /* heap, remove roots?, FUZZ_GC_GUARD and others: made, or destroyed */
	FUZZ_GC_ALLOC, /* heap | type << 1 | FUZZ_GC_ARRAY and others, place, gfp, size or number */
	FUZZ_GC_ASSIGN, /* heap | what << 1, place, object */
	FUZZ_GC_COPY, /* heap, object, source object */
	FUZZ_GC_HANDLE, /* heap, handle, object, get? */
	FUZZ_GC_WEAK, /* heap, reference, object or place, what */
	FUZZ_GC_FINALIZER, /* heap, FUZZ_GC_SET and others, object */
	FUZZ_GC_UNREVIVE, /* heap, 0, object: no root of its finalizer's any more */
	FUZZ_GC_FREE, /* heap, function and FUZZ_GC_TWICE and others, object */
	FUZZ_GC_ROOT, /* heap, which half of the roots, object: added, or removed */
	FUZZ_GC_SECTION, /* heap: begin one that lasts, or end it */
	FUZZ_GC_STEP, /* heap, where its collector is to stop */
	FUZZ_GC_COLLECT, /* heap */
	FUZZ_GC_TUNE, /* heap, what, 0, number */
	FUZZ_GC_TYPE, /* heap | kind << 1, first pointers, others, size */
	FUZZ_GC_BAD, /* heap, what, object, number: what must be refused */
	FUZZ_LEAKS, /* heap, 0, register them all?, registers: a leak report, once */
	FUZZ_CODES
};

/* Whether it is one of managed heaps; a leak report is of others. */
static inline int fuzz_of_managed(enum fuzz_code code)
{
	return code >= FUZZ_GC_HEAP && code <= FUZZ_GC_BAD;
}

#define FUZZ_PERCENTS 9

/* What FUZZ_GC_TUNE sets the percentage to. */
static inline int fuzz_percent(unsigned int n)
{
	static const int percents[FUZZ_PERCENTS] = {
		-1, 0, 1, 50, 100, 100000, 100001, 0x7fffffff, -0x7fffffff - 1,
	};

	return percents[n % FUZZ_PERCENTS];
}

#define FUZZ_ALLOC_NOSCAN 0x04
#define FUZZ_ALLOC_ZERO 0x08
#define FUZZ_ALLOC_DEFAULT 0x10 /* the functions for the default heap, if it is that */
#define FUZZ_ALLOC_MEMPOOL 0x20 /* the mempool's */

#define FUZZ_CACHE_ZERO 0x40
#define FUZZ_CACHE_MEMPOOL 0x80

#define FUZZ_DEBUG_CACHE 0x80

#define FUZZ_RESERVE_CACHE 0x40
#define FUZZ_RESERVE_ZERO 0x80

#define FUZZ_BULK_CACHE 0x40 /* the cache's function */
#define FUZZ_BULK_TWICE 0x80 /* each object comes twice */

#define FUZZ_GC_GUARD 0x01
#define FUZZ_GC_PACED 0x02 /* cycles begin by themselves */
#define FUZZ_GC_UNCHECKED 0x04 /* without checkmark mode */

#define FUZZ_GC_POINTS 10 /* where a collector can be stopped, or nowhere */

#define FUZZ_GC_ARRAY 0x10
#define FUZZ_GC_NOSCAN 0x20
#define FUZZ_GC_DECOY 0x40 /* what is no pointer is the address of an object */
#define FUZZ_GC_LOOSE 0x80 /* stored nowhere */

#define FUZZ_GC_SET 0x01
#define FUZZ_GC_REVIVE 0x02

#define FUZZ_GC_TWICE 0x80
#define FUZZ_GC_INSIDE 0x40
#define FUZZ_GC_ASK 0x20 /* its size, or another */
#define FUZZ_GC_WRONG 0x10

#define FUZZ_COPY_TO 0x01
#define FUZZ_COPY_NOWHERE 0x02 /* the address of user space is bad */

#define FUZZ_GFPS 20
#define FUZZ_ALIGNS 24

#define FUZZ_CTOR 0x40
#define FUZZ_DTOR 0x80

enum fuzz_free {
	FUZZ_FREE_PLAIN,
	FUZZ_FREE_SENSITIVE,
	FUZZ_FREE_RCU,
	FUZZ_FREE_MEMPOOL,
	FUZZ_FREE_REALLOC, /* to no bytes */
	FUZZ_FREES
};

enum fuzz_foreign {
	FOREIGN_STACK,
	FOREIGN_SLAB,
	FOREIGN_VMALLOC,
	FOREIGN_MODULE,
	FOREIGN_USER,
	FOREIGN_ERROR,
	FOREIGN_SMALL, /* as of a struct at NULL */
	FOREIGN_TOP, /* no address at all */
	FOREIGN_PAGES, /* so many pages of 8 KiB from the object */
	FOREIGNS
};

enum fuzz_gc_tune {
	FUZZ_GC_PERCENT,
	FUZZ_GC_LIMIT,
	FUZZ_GC_HEAP_LIMIT,
	FUZZ_GC_SHRINK,
	FUZZ_GC_TUNES
};

/* What managed heaps, or their functions, refuse. */
enum fuzz_gc_bad {
	BAD_ROOT_NULL,
	BAD_ROOT_EMPTY,
	BAD_ROOT_ALIGN,
	BAD_ROOT_WRAP,
	BAD_ROOT_KIND,
	BAD_ROOT_HEAP, /* not managed */
	BAD_ROOT_TWICE,
	BAD_ROOT_LEAKS, /* for leak reports, and for the collector */
	BAD_ROOT_REMOVE,
	BAD_WEAK,
	BAD_FINALIZER,
	BAD_ALLOC, /* the other heaps' functions */
	BAD_CACHE,
	BAD_RESERVE,
	BAD_DEBUG,
	BAD_NULL, /* what takes it */
	BADS
};

enum fuzz_context {
	CONTEXT_TASK,
	CONTEXT_BH, /* softirqs off */
	CONTEXT_IRQ, /* interrupts off */
	CONTEXT_CALL, /* in an interrupt of a CPU */
	CONTEXTS
};

enum fuzz_name {
	NAME_UNIQUE,
	NAME_DEFAULT, /* the default heap's */
	NAME_TWICE,
	NAME_EMPTY,
	NAME_NULL,
	NAME_HIDDEN,
	NAME_SLASH,
	NAME_LONGEST,
	NAME_TOO_LONG,
	NAME_SPACE,
	NAME_CONTROL,
	NAME_LATIN1,
	NAME_FORMAT,
	NAME_HUGE,
	NAMES
};

struct fuzz_op {
	unsigned char code;
	unsigned char a;
	unsigned char b;
	unsigned char c;
	unsigned int n;
};

static inline enum fuzz_code fuzz_code(const struct fuzz_op *op)
{
	return (enum fuzz_code)(op->code % FUZZ_CODES);
}

/*
 * Sizes of all magnitudes are as likely: the upper 4 bits say how many pairs of
 * bits the others lose. The last two are for what is beyond all memory.
 */
static inline unsigned long fuzz_size(unsigned int n)
{
	static const unsigned long beyond[] = {
		-1UL, -2UL, -8UL, -4095UL, -8191UL, -8192UL, 1UL << 63, (1UL << 63) - 1,
		1UL << 48, 1UL << 44, (1UL << 44) - 8191, 1UL << 40, (1UL << 32) + 8,
		1UL << 32, (1UL << 32) - 1, 1UL << 31,
	};

	if (n >> 28 >= 14)
		return beyond[n % 16];
	return (n & 0x0fffffff) >> (n >> 28) * 2;
}

/* Alignments, good ones and others, for caches. */
static inline unsigned int fuzz_align(unsigned char b)
{
	static const unsigned int aligns[FUZZ_ALIGNS] = {
		0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 4096, 8192, 16384, 65536, 1 << 20,
		1 << 22, 1 << 23, 1U << 31, -1U, 3, 24, 100, 4097,
	};

	return aligns[b % FUZZ_ALIGNS];
}

/* How far from an object a pointer points, given the object's size: mostly 0. */
static inline long fuzz_offset(unsigned char c, unsigned long size)
{
	switch (c) {
	case 0xf0: return 1;
	case 0xf1: return 4;
	case 0xf2: return 8;
	case 0xf3: return 16;
	case 0xf4: return size / 2;
	case 0xf5: return size - 1;
	case 0xf6: return size;
	case 0xf7: return size + 8;
	case 0xf8: return -1;
	case 0xf9: return -8;
	case 0xfa: return 4096;
	case 0xfb: return 8192;
	case 0xfc: return -4096;
	case 0xfd: return -8192;
	case 0xfe: return 1 << 20;
	case 0xff: return 1 << 22;
	default: return 0;
	}
}

#endif /* GOALLOC_FUZZ_PROGRAM_H */
