// SPDX-License-Identifier: GPL-2.0
/*
 * New programs, and changed ones. All of it follows from the seed.
 */
#include <string.h>

#include "fuzz.h"

#define NR_SIZES 45

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
}

/* xorshift, with a multiplication to hide that it is linear */
uint64_t random_number(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

unsigned int random_below(unsigned int n)
{
	return (random_number() >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !random_below(n);
}

/* Sizes where something changes: see fuzz_size() for how they are written. */
static unsigned int random_size(void)
{
	static const unsigned int sizes[NR_SIZES] = {
		0, 1, 7, 8, 9, 15, 16, 17, 24, 32, 48, 64, 72, 96, 128, 200, 256, 512, 1000, 1023,
		1024, 1025, 1152, 2048, 2304, 2688, 4096, 6784, 8192, 9472, 16384, 20480, 28672,
		32767, 32768, 32769, 40000, 65536, 131072, 524288, 1048576, 2097152, 4194304,
		6291456, 8388608,
	};
	unsigned int size;

	switch (random_below(16)) {
	case 0:
		return 0xe0000000 | random_below(16);
	case 1:
		return random_number() >> 32;
	case 2: case 3: case 4:
		return random_below(600);
	default:
		/* The smaller the likelier. */
		size = sizes[random_below(random_below(NR_SIZES) + 1)];
		return one_in(4) ? size + random_below(17) - 8 + 8 * (size < 8) : size;
	}
}

static unsigned char random_offset(void)
{
	return one_in(6) ? 0xf0 + random_below(16) : 0;
}

/* Registers that are few come up again soon. */
static unsigned char random_reg(void)
{
	return one_in(3) ? random_below(FUZZ_OBJS) : random_below(6);
}

static unsigned char random_gfp(void)
{
	return one_in(8) ? random_number() >> 56 : random_below(6);
}

struct weight {
	unsigned char code;
	unsigned char weight;
};

static enum fuzz_code weighted(const struct weight *table, unsigned int n)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < n; i++)
		sum += table[i].weight;
	at = random_below(sum);
	for (i = 0; at >= table[i].weight; i++)
		at -= table[i].weight;
	return table[i].code;
}

/* What is done often is likelier than what is done rarely, or is slow. */
static enum fuzz_code random_code(bool of_managed)
{
	static const struct weight table[] = {
		{ FUZZ_ALLOC, 40 }, { FUZZ_CALLOC, 8 }, { FUZZ_REALLOC, 24 }, { FUZZ_FREE, 40 },
		{ FUZZ_HEAP_FREE, 12 }, { FUZZ_CACHE_FREE, 16 }, { FUZZ_FREE_BULK, 10 },
		{ FUZZ_ALLOC_BULK, 14 }, { FUZZ_FOREIGN, 6 }, { FUZZ_SIZE, 5 },
		{ FUZZ_OWNER, 5 }, { FUZZ_MEMDUP, 6 }, { FUZZ_STRDUP, 5 }, { FUZZ_ROUNDUP, 3 },
		{ FUZZ_USERCOPY, 12 }, { FUZZ_HEAP_CREATE, 2 }, { FUZZ_HEAP_DESTROY, 1 },
		{ FUZZ_HEAP_LIMIT, 3 }, { FUZZ_HEAP_SHRINK, 1 }, { FUZZ_HEAP_STATS, 2 },
		{ FUZZ_CACHE_ARGS, 4 }, { FUZZ_CACHE_CREATE, 4 }, { FUZZ_CACHE_DESTROY, 1 },
		{ FUZZ_CACHE_SHRINK, 1 }, { FUZZ_CACHE_ALLOC, 36 }, { FUZZ_FILL, 6 },
		{ FUZZ_CHECK, 3 }, { FUZZ_BARRIER, 1 }, { FUZZ_CONTEXT, 8 }, { FUZZ_GFP, 3 },
		{ FUZZ_COPY, 8 }, { FUZZ_CACHE_INFO, 1 },
		{ FUZZ_DEBUG, 4 }, { FUZZ_RESERVE, 5 }, { FUZZ_LEAKS, 1 },
	};
	static const struct weight managed[] = {
		{ FUZZ_GC_HEAP, 1 }, { FUZZ_GC_ALLOC, 40 }, { FUZZ_GC_ASSIGN, 40 },
		{ FUZZ_GC_COPY, 8 }, { FUZZ_GC_HANDLE, 8 }, { FUZZ_GC_WEAK, 16 },
		{ FUZZ_GC_FINALIZER, 10 }, { FUZZ_GC_UNREVIVE, 3 }, { FUZZ_GC_FREE, 10 },
		{ FUZZ_GC_ROOT, 4 }, { FUZZ_GC_SECTION, 6 }, { FUZZ_GC_STEP, 16 },
		{ FUZZ_GC_COLLECT, 6 }, { FUZZ_GC_TUNE, 3 }, { FUZZ_GC_TYPE, 3 },
		{ FUZZ_GC_BAD, 8 }, { FUZZ_CHECK, 2 }, { FUZZ_CONTEXT, 3 },
	};

	if (of_managed)
		return weighted(managed, sizeof(managed) / sizeof(*managed));
	return weighted(table, sizeof(table) / sizeof(*table));
}

/* One heap mostly, and few objects. */
static struct fuzz_op random_managed_op(void)
{
	struct fuzz_op op = { .code = random_code(true), .a = random_number() >> 56 };

	if (!one_in(8))
		op.a &= ~1;
	op.b = random_number() >> 56;
	op.c = random_number() >> 56;
	op.n = random_size();
	switch (fuzz_code(&op)) {
	case FUZZ_GC_ALLOC:
		op.c = random_gfp();
		if (one_in(2))
			op.a &= 0xf;
		if (one_in(4))
			op.n = random_below(20);
		break;
	case FUZZ_GC_HEAP:
		op.c = one_in(2) ? 0 : random_below(8);
		break;
	case FUZZ_GC_ASSIGN:
		if (one_in(2))
			op.a &= 1;
		break;
	case FUZZ_GC_HANDLE: case FUZZ_GC_WEAK:
		op.b = random_below(3);
		break;
	case FUZZ_CONTEXT:
		op.b = random_below(2);
		op.c = random_below(2);
		break;
	default:
		break;
	}
	return op;
}

static struct fuzz_op random_op(bool managed)
{
	struct fuzz_op op;

	if (managed)
		return random_managed_op();
	op.code = random_code(false);
	op.a = random_reg();

	op.b = random_number() >> 56;
	op.n = random_size();
	switch (fuzz_code(&op)) {
	case FUZZ_ALLOC: case FUZZ_CALLOC: case FUZZ_MEMDUP: case FUZZ_STRDUP:
	case FUZZ_CACHE_ALLOC:
		op.c = random_gfp();
		break;
	case FUZZ_ALLOC_BULK: case FUZZ_RESERVE:
		op.c = random_gfp();
		op.n = random_below(32) << 27 | (random_below(64) ? random_below(2000) << 2 : 0);
		break;
	case FUZZ_REALLOC:
		op.b = random_offset();
		op.c = random_gfp();
		break;
	case FUZZ_FREE: case FUZZ_HEAP_FREE: case FUZZ_CACHE_FREE: case FUZZ_SIZE:
	case FUZZ_OWNER: case FUZZ_USERCOPY:
		op.c = random_offset();
		break;
	case FUZZ_HEAP_CREATE:
		op.a = 2 + random_below(2);
		op.b = one_in(2) ? NAME_UNIQUE : random_below(NAMES);
		op.c = one_in(6) ? 0xff : random_below(2);
		break;
	case FUZZ_CACHE_CREATE:
		op.a = 2 + random_below(6);
		op.c = random_below(4) << 6 | (one_in(3) ? random_below(NAMES) : NAME_UNIQUE);
		break;
	case FUZZ_GFP:
		op.n = random_number() >> 32;
		break;
	case FUZZ_CONTEXT:
		op.b = random_below(2);
		op.c = random_below(2);
		break;
	default:
		op.c = random_number() >> 56;
	}
	return op;
}

void random_program(struct program *p)
{
	unsigned int i, managed = random_below(5);

	/* Of one kind, of the other, or mixed. */
	p->nops = 2 + random_below(one_in(4) ? 200 : 30);
	for (i = 0; i < p->nops; i++)
		p->ops[i] = random_op(managed < 2 || (managed == 2 && one_in(2)));
}

void delete_ops(struct program *p, unsigned int at, unsigned int n)
{
	memmove(p->ops + at, p->ops + at + n, (p->nops - at - n) * sizeof(*p->ops));
	p->nops -= n;
}

/* Make room for @n operations at @at, as far as there is any. */
static unsigned int insert_ops(struct program *p, unsigned int at, unsigned int n)
{
	if (n > FUZZ_MAX_OPS - p->nops)
		n = FUZZ_MAX_OPS - p->nops;
	memmove(p->ops + at + n, p->ops + at, (p->nops - at) * sizeof(*p->ops));
	p->nops += n;
	return n;
}

/* Whether most of a program is about managed heaps. */
static bool is_managed(const struct program *p)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->nops; i++)
		n += fuzz_of_managed(fuzz_code(&p->ops[i]));
	return n > p->nops / 2;
}

static void insert_random(struct program *p)
{
	unsigned int at = random_below(p->nops + 1), n = insert_ops(p, at, 1 + random_below(4));

	while (n--)
		p->ops[at + n] = random_op(is_managed(p));
}

/* Some of another program, or of this one once more. */
static void insert_from(struct program *p, const struct program *from)
{
	unsigned int at = random_below(p->nops + 1), start, n;
	struct program copy = *from;

	if (!copy.nops)
		return;
	start = random_below(copy.nops);
	n = insert_ops(p, at, 1 + random_below(copy.nops - start));
	memcpy(p->ops + at, copy.ops + start, n * sizeof(*p->ops));
}

/* A byte of an operation, or its number. */
static void change(struct fuzz_op *op)
{
	unsigned char *bytes = (unsigned char *)op;

	switch (random_below(6)) {
	case 0:
		bytes[random_below(FUZZ_OP_BYTES)] ^= 1 << random_below(8);
		break;
	case 1:
		bytes[random_below(FUZZ_OP_BYTES)] = random_number() >> 56;
		break;
	case 2:
		op->n = random_size();
		break;
	case 3:
		op->a = random_reg();
		break;
	case 4:
		op->c = random_offset();
		break;
	default:
		*op = random_op(fuzz_of_managed(fuzz_code(op)));
	}
}

/* One to some changes of all kinds; @other may be @p. */
void mutate(struct program *p, const struct program *other)
{
	unsigned int rounds = 1 + random_below(1 << random_below(4));
	struct fuzz_op op;
	unsigned int at;

	while (rounds--) {
		if (!p->nops) {
			insert_random(p);
			continue;
		}
		at = random_below(p->nops);
		switch (random_below(8)) {
		case 0:
			insert_random(p);
			break;
		case 1:
			insert_from(p, p);
			break;
		case 2:
			insert_from(p, other);
			break;
		case 3:
			delete_ops(p, at, 1 + random_below(random_below(p->nops - at) + 1));
			break;
		case 4:
			op = p->ops[at];
			p->ops[at] = p->ops[p->nops / 2];
			p->ops[p->nops / 2] = op;
			break;
		default:
			change(&p->ops[at]);
		}
	}
}
