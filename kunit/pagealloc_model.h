/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the page allocator share: an allocator of made-up arenas,
 * and a model of it; see pagealloc_model.c.
 */
#ifndef GOALLOC_KUNIT_PAGEALLOC_MODEL_H
#define GOALLOC_KUNIT_PAGEALLOC_MODEL_H

#include <kunit/test.h>

#include "../goalloc_mod/mpagealloc.h"

#define CHUNK ((u32)PALLOC_CHUNK_PAGES)
#define NARENAS 8
#define NONE (~0U)

struct model_arena {
	struct palloc_arena a;
	bool there;
	bool used[GOALLOC_ARENA_PAGES];
};

struct run {
	u32 nr, page, npages;
};

#define MAX_LIVE 4096

struct pagealloc_test {
	struct page_alloc pa;
	struct model_arena arena[NARENAS];
	u64 seed;
	u32 nlive;
	struct run live[MAX_LIVE];
};

int pa_init(struct kunit *test);
void pa_exit(struct kunit *test);
unsigned long pa_base(u32 nr);
void pa_add(struct kunit *test, u32 nr, u32 npages);
void pa_check(struct kunit *test);
bool pa_alloc(struct kunit *test, u32 npages, u32 align, u32 *nr, u32 *page);
void pa_expect_alloc(struct kunit *test, u32 npages, u32 align, u32 nr, u32 page);
void pa_expect_no_alloc(struct kunit *test, u32 npages, u32 align);
bool pa_is_free(const struct page_alloc *pa, u32 nr, u32 page, u32 npages);
void pa_free(struct kunit *test, u32 nr, u32 page, u32 npages);
void pa_free_bad(struct kunit *test, u32 nr, u32 page, u32 npages);
void pa_use_all(struct kunit *test, u32 nr);

#endif /* GOALLOC_KUNIT_PAGEALLOC_MODEL_H */
