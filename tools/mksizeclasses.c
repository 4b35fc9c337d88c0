// SPDX-License-Identifier: GPL-2.0
/*
 * mksizeclasses - print goalloc_mod/sizeclasses.h
 *
 * The classes are those of the Go runtime. A class is a size, rounded so that
 * a span of it, a whole number of 8 KiB pages, wastes at most an eighth at its
 * tail; sizes grow by at most an eighth from class to class, so rounding a
 * request up wastes about as little.
 *
 * The lookup tables add what kmalloc() promises and Go does not: an object is
 * aligned to the largest power of two that divides the requested size.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT	13
#define PAGE		8192u
#define MAX_SMALL	32768u
#define MIN_ALIGN	8u
#define NUM_CLASSES	68	/* with class 0, the large objects */
#define MAX_NELEMS	1024u
#define MAX_CLASSES	256	/* room to be wrong in */

/* Sizes up to LOOKUP_SPLIT are looked up in steps of 8, the rest in steps of 128. */
#define LOOKUP_SPLIT	1024u
#define FINE_STEP	8u
#define COARSE_STEP	128u
#define FINE_LEN	(LOOKUP_SPLIT / FINE_STEP + 1)
#define COARSE_LEN	((MAX_SMALL - LOOKUP_SPLIT) / COARSE_STEP + 1)

struct class {
	uint32_t size;
	uint32_t npages;
	uint32_t nelems;
	uint32_t align;		/* bytes, of every object */
	uint32_t span_align;	/* pages, of the span */
};

static struct class classes[MAX_CLASSES];	/* [0] stays empty: large */
static unsigned int nclasses = 1;

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("mksizeclasses: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static uint32_t low_bit(uint32_t x)
{
	return x & -x;
}

static uint32_t step_after(uint32_t size, uint32_t step)
{
	if (size != low_bit(size))
		return step;
	if (size >= 2048)
		return 256;
	if (size >= 128)
		return size / 8;
	return size >= 32 ? 16 : step;
}

static void make_classes(void)
{
	uint32_t size, step = MIN_ALIGN;
	unsigned int i;

	for (size = MIN_ALIGN; size <= MAX_SMALL; size += step) {
		struct class *last = &classes[nclasses - 1];
		uint32_t bytes = PAGE;

		step = step_after(size, step);
		while (bytes % size > bytes / 8)
			bytes += PAGE;

		/* As many objects in as large a span: the smaller size is of no use. */
		if (last->npages == bytes / PAGE && last->nelems == bytes / size)
			nclasses--;
		else if (nclasses == MAX_CLASSES)
			die("too many classes");
		classes[nclasses].size = size;
		classes[nclasses].npages = bytes / PAGE;
		classes[nclasses].nelems = bytes / size;
		nclasses++;
	}

	/* Let the objects share what would be left over at the tail. */
	for (i = 1; i < nclasses; i++) {
		struct class *c = &classes[i];
		uint32_t room = c->npages * PAGE / c->nelems;

		room -= room % COARSE_STEP;
		if (room > c->size)
			c->size = room;
	}

	/* A span starts at a page, so a multiple of the page needs an aligned span. */
	for (i = 1; i < nclasses; i++) {
		struct class *c = &classes[i];

		c->align = low_bit(c->size);
		c->span_align = 1;
		if (c->align > PAGE) {
			if (c->size == c->align)
				c->span_align = c->align / PAGE;
			else
				c->align = PAGE;
		}
	}
}

static uint32_t divmul(uint32_t size)
{
	return UINT32_MAX / size + 1;
}

static void check_classes(void)
{
	unsigned int i;
	uint32_t off;

	if (nclasses != NUM_CLASSES)
		die("%u classes, not %u", nclasses, NUM_CLASSES);
	if (classes[nclasses - 1].size != MAX_SMALL)
		die("the last class is not %u", MAX_SMALL);

	for (i = 1; i < nclasses; i++) {
		const struct class *c = &classes[i];
		uint32_t bytes = c->npages * PAGE;

		if (c->size <= classes[i - 1].size)
			die("class %u is not above its neighbour", i);
		if (c->size % (c->size > LOOKUP_SPLIT ? COARSE_STEP : FINE_STEP))
			die("class %u does not fit the lookup", i);
		if (c->nelems != bytes / c->size || c->nelems > MAX_NELEMS)
			die("class %u has %u objects", i, c->nelems);
		for (off = 0; off < bytes; off++)
			if (off / c->size != (uint64_t)off * divmul(c->size) >> 32)
				die("class %u: wrong quotient at %u", i, off);
	}
}

static unsigned int first_class(uint32_t size, uint32_t align)
{
	unsigned int i;

	for (i = 1; i < nclasses; i++)
		if (classes[i].size >= size && classes[i].align >= align)
			return i;
	die("no class for size %u, alignment %u", size, align);
	return 0;
}

/* One table; @value gives the entry of an index. */
static void print_table(const char *type, const char *name, const char *len_name,
			unsigned int len, uint32_t (*value)(unsigned int i))
{
	unsigned int i, column = 0;
	char text[16];

	printf("\nconst %s %s[%s] = {", type, name, len_name);
	for (i = 0; i < len; i++) {
		column += snprintf(text, sizeof(text), " %u,", value(i));
		if (!i || column > 80) {
			fputs("\n\t", stdout);
			column = 8 + snprintf(text, sizeof(text), "%u,", value(i));
		}
		fputs(text, stdout);
	}
	printf("\n};\nEXPORT_SYMBOL_FOR_TEST(%s);\n", name);
}

static uint32_t value_size(unsigned int i)
{
	return classes[i].size;
}

static uint32_t value_npages(unsigned int i)
{
	return classes[i].npages;
}

static uint32_t value_nelems(unsigned int i)
{
	return classes[i].nelems;
}

static uint32_t value_divmul(unsigned int i)
{
	return i ? divmul(classes[i].size) : 0;
}

static uint32_t value_align(unsigned int i)
{
	return classes[i].align;
}

static uint32_t value_span_align(unsigned int i)
{
	return classes[i].span_align;
}

/* Sizes up to LOOKUP_SPLIT: the nominal class is aligned enough, or this dies. */
static uint32_t value_fine(unsigned int i)
{
	uint32_t size = i ? i * FINE_STEP : 1;	/* nobody asks for size 0 */
	unsigned int class = first_class(size, MIN_ALIGN);

	if (classes[class].align < low_bit(size))
		die("size %u lacks alignment", size);
	return class;
}

static uint32_t value_coarse(unsigned int i)
{
	return first_class(LOOKUP_SPLIT + i * COARSE_STEP, MIN_ALIGN);
}

static uint32_t value_exact(unsigned int i)
{
	uint32_t size = LOOKUP_SPLIT + i * COARSE_STEP;

	return first_class(size, low_bit(size));
}

static void print_class_table(const char *type, const char *name,
			      uint32_t (*value)(unsigned int i))
{
	print_table(type, name, "GOALLOC_NUM_CLASSES", nclasses, value);
}

/* Sizes rise and fit the lookup; spans are filled; quotients are exact. */
static void print_asserts(const struct class *c)
{
	uint32_t bytes = c->npages * PAGE;

	printf("static_assert(%u > %u && %u %% %u == 0);\n", c->size, c[-1].size, c->size,
	       c->size > LOOKUP_SPLIT ? COARSE_STEP : FINE_STEP);
	printf("static_assert(%u / %u == %u && %u <= GOALLOC_MAX_NELEMS);\n", bytes, c->size,
	       c->nelems, c->nelems);
	/* The error of the factor, times slots, is less than one: see msize.h. */
	printf("static_assert((%uULL * %u - (1ULL << 32)) * %u < %u);\n", divmul(c->size),
	       c->size, (bytes - 1) / c->size + 1, divmul(c->size));
}

static void print_header(void)
{
	uint32_t max_pages = 0;
	unsigned int i;

	for (i = 1; i < nclasses; i++)
		if (classes[i].npages > max_pages)
			max_pages = classes[i].npages;

	printf("/* SPDX-%s: GPL-2.0 */\n", "License-Identifier");
	puts("/*");
	puts(" * Generated by mksizeclasses.c in tools/: change that, not this file.");
	puts(" *");
	puts(" * The tables are for msize.c alone, which defines GOALLOC_CLASS_TABLES and");
	puts(" * includes this a second time.");
	puts(" */");
	puts("#ifndef GOALLOC_SIZECLASSES_H");
	puts("#define GOALLOC_SIZECLASSES_H");
	puts("");
	printf("#define GOALLOC_PAGE_SHIFT %u\n", PAGE_SHIFT);
	printf("#define GOALLOC_NUM_CLASSES %u /* with class 0, the large objects */\n",
	       nclasses);
	printf("#define GOALLOC_MIN_ALIGN %u\n", MIN_ALIGN);
	printf("#define GOALLOC_MAX_SMALL %u\n", MAX_SMALL);
	printf("#define GOALLOC_MAX_NELEMS %u\n", MAX_NELEMS);
	printf("#define GOALLOC_MAX_SPAN_PAGES %u\n", max_pages);
	puts("");
	puts("/* Lookup by eights up to the split, and by 128 from there. */");
	printf("#define GOALLOC_LOOKUP_SPLIT %u\n", LOOKUP_SPLIT);
	printf("#define GOALLOC_FINE_STEP %u\n", FINE_STEP);
	printf("#define GOALLOC_FINE_LEN %u\n", FINE_LEN);
	printf("#define GOALLOC_COARSE_STEP %u\n", COARSE_STEP);
	printf("#define GOALLOC_COARSE_LEN %u\n", COARSE_LEN);
	puts("");
	puts("#endif /* GOALLOC_SIZECLASSES_H */");
	puts("");
	puts("#ifdef GOALLOC_CLASS_TABLES");
	puts("/* clang-format off */");
	puts("");
	for (i = 1; i < nclasses; i++)
		print_asserts(&classes[i]);
	print_class_table("u16", "goalloc_class_size", value_size);
	print_class_table("u8", "goalloc_class_npages", value_npages);
	print_class_table("u16", "goalloc_class_nelems", value_nelems);
	print_class_table("u32", "goalloc_class_divmul", value_divmul);
	print_class_table("u16", "goalloc_class_align", value_align);
	print_class_table("u8", "goalloc_class_span_align", value_span_align);
	print_table("u8", "goalloc_class_fine", "GOALLOC_FINE_LEN", FINE_LEN, value_fine);
	print_table("u8", "goalloc_class_coarse", "GOALLOC_COARSE_LEN", COARSE_LEN, value_coarse);
	print_table("u8", "goalloc_class_exact", "GOALLOC_COARSE_LEN", COARSE_LEN, value_exact);
	puts("");
	puts("/* clang-format on */");
	puts("#endif /* GOALLOC_CLASS_TABLES */");
}

/* For the public header: GCC makes a constant of it where the size is one. */
static void print_inline(void)
{
	unsigned int i;

	printf("/* SPDX-%s: GPL-2.0 */\n", "License-Identifier");
	puts("/* Generated by mksizeclasses.c in tools/: change that, not this file. */");
	puts("#ifndef _LINUX_GOALLOC_SIZES_H");
	puts("#define _LINUX_GOALLOC_SIZES_H");
	puts("");
	puts("#include <linux/types.h>");
	puts("");
	printf("#define GOALLOC_CONST_MAX %u\n", LOOKUP_SPLIT);
	puts("");
	puts("/* The size class of 1 to GOALLOC_CONST_MAX bytes, for the compiler to find. */");
	puts("static __always_inline unsigned int goalloc_const_class(size_t size)");
	puts("{");
	for (i = 1; classes[i].size < LOOKUP_SPLIT; i++)
		printf("\tif (size <= %u)\n\t\treturn %u;\n", classes[i].size, i);
	if (classes[i].size != LOOKUP_SPLIT)
		die("no class of %u bytes", LOOKUP_SPLIT);
	printf("\treturn %u;\n", i);
	puts("}");
	puts("");
	puts("#endif /* _LINUX_GOALLOC_SIZES_H */");
}

int main(int argc, char **argv)
{
	make_classes();
	check_classes();
	if (argc == 1)
		print_header();
	else if (argc == 2 && !strcmp(argv[1], "inline"))
		print_inline();
	else
		die("usage: mksizeclasses [inline]");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
