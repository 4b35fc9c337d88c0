/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer: what its files share.
 *
 *	fuzz.c		options, the device, the loop
 *	mutate.c	random numbers, new programs and changed ones
 *	text.c		programs as files that people can read
 *	cover.c		what code a program reached
 */
#ifndef GOALLOC_FUZZ_USER_H
#define GOALLOC_FUZZ_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "program.h"

struct program {
	unsigned int nops;
	struct fuzz_op ops[FUZZ_MAX_OPS];
};

/* fuzz.c */
void die(const char *fmt, ...);

/* mutate.c */
void random_seed(uint64_t seed);
uint64_t random_number(void);
unsigned int random_below(unsigned int n);
void random_program(struct program *p);
void mutate(struct program *p, const struct program *other);
void delete_ops(struct program *p, unsigned int at, unsigned int n);

/* text.c */
void read_program(const char *path, struct program *p);
void print_program(FILE *to, const struct program *p);

/* cover.c */
bool cover_open(void);
void cover_start(void);
unsigned int cover_stop(bool *news);
unsigned int cover_edges(void);

#endif /* GOALLOC_FUZZ_USER_H */
