/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the race tests: a full span of a running cache, and the
 * steps of those who free into it and of its owner, one by one.
 */
#ifndef GOALLOC_KUNIT_RACES_H
#define GOALLOC_KUNIT_RACES_H

#include "../goalloc_mod/track.h"
#include "fixture.h"

#define MAX_SLOTS 8

/* The suite's parameter. */
struct race_kind {
	const char *name;
	unsigned int size;
	unsigned int slots;
};

/**
 * struct race - kunit's priv
 * @heap: the heap
 * @cache: the cache
 * @central: its central
 * @span: a full span that nobody owns
 * @g: its one group
 * @nr: its slots
 * @objs: what is live, by slot
 */
struct race {
	struct goalloc_heap *heap;
	struct goalloc_cache *cache;
	struct mcentral *central;
	struct mspan *span;
	struct slot_group *g;
	unsigned int nr;
	void *objs[MAX_SLOTS];
};

int race_init(struct kunit *test);
void race_exit(struct kunit *test);
void step_free(struct kunit *test, struct race *r, unsigned int slot);
void step_second_free(struct race *r, unsigned int slot);
void step_put(struct race *r, unsigned int slot);
void step_take(struct kunit *test, struct race *r, unsigned int slot);
void step_claim(struct kunit *test, struct race *r);
void step_add(struct kunit *test, struct race *r);
void free_all_of(struct race *r, unsigned int slot);
void own_full(struct kunit *test, struct race *r);

#endif /* GOALLOC_KUNIT_RACES_H */
