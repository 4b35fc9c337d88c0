/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the managed heaps' tests: a heap with types and roots, and gates at
 * which its collector, or a barrier, is held up while others go on.
 */
#ifndef GOALLOC_KUNIT_GC_WORLD_H
#define GOALLOC_KUNIT_GC_WORLD_H

#include <linux/completion.h>
#include <linux/goalloc_gc.h>

#include "../goalloc_mod/mgc.h"
#include "fixture.h"

struct gnode {
	unsigned long id;
	struct gnode __gc *left;
	struct gnode __gc *right;
	unsigned long canary;
};

extern const struct goalloc_gc_layout *const gnode_layout;

#define CANARY 0x60a110c0ffee0000UL

struct world;

/**
 * struct gate - what happens at a point of enum gc_test_point, once
 * @armed: who comes next is stopped, or runs @fn
 * @skip: but for so many
 * @arrived: somebody did
 * @go: may go on
 * @open: the same, for who spins
 * @limit_ms: goes on without that after so long
 * @fn: called there
 */
struct gate {
	bool armed;
	unsigned int skip;
	struct completion arrived;
	struct completion go;
	bool open;
	unsigned int limit_ms;
	void (*fn)(struct world *w);
};

/* What a test of a managed heap has. */
struct world {
	struct goalloc_heap *heap;
	struct goalloc_gc_type *node;
	struct goalloc_gc_type *plain;
	struct gnode __gc *root[4];
	struct gnode __gc *late[2]; /* roots that are scanned after those, if a test adds them */
	int section;
	bool inside;
	int other_section;
	bool inside_other;
	bool lossy; /* what checkmark finds missing was to be lost */
	bool forgotten; /* its roots are */
	unsigned int late_added;
	unsigned int rounds; /* that a callback counts */
	struct gc_heap *gc; /* at whose points there are gates */
	struct gate gates[GC_NR_TEST_POINTS];
	u64 num_gc;
	struct gnode *obj[4]; /* never looked into if it may be lost */
};

/* A test that fails ends here or there: the world knows whether in a section. */
static inline void enter(struct world *w)
{
	w->section = goalloc_gc_lock(w->heap);
	w->inside = true;
}

static inline void leave(struct world *w)
{
	w->inside = false;
	goalloc_gc_unlock(w->heap, w->section);
}

struct world *make_world(struct kunit *test, const char *name);
struct gnode *new_node(struct world *w, unsigned long id);
void expect_live(struct kunit *test, struct world *w, u64 live);
struct gnode *make_tree(struct world *w, unsigned int depth);
unsigned int check_tree(struct kunit *test, struct gnode *n, unsigned int depth);
void add_late(struct kunit *test, struct world *w, unsigned int i);
bool is_lost(void *obj);

void testing(struct kunit *test, struct world *w, unsigned long omit);
struct gate *arm(struct world *w, enum gc_test_point point);
void start(struct world *w);
void wait_at(struct kunit *test, struct world *w, enum gc_test_point point);
bool comes_to(struct world *w, enum gc_test_point point);
void go(struct world *w, enum gc_test_point point);
void finish(struct kunit *test, struct world *w);
void run_on(struct kunit *test, unsigned int cpu, int (*fn)(void *), void *arg);
int until_stopped(void);

#endif /* GOALLOC_KUNIT_GC_WORLD_H */
