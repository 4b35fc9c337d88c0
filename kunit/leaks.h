/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of leak reports share: objects, and the last report.
 *
 * A test's variables are not looked at by a report, for stacks are not. Nor are this module's
 * while a suite runs, but for some cases: what other suites have left there may point anywhere.
 */
#ifndef GOALLOC_KUNIT_LEAKS_H
#define GOALLOC_KUNIT_LEAKS_H

#include <kunit/test.h>

#include "../goalloc_mod/mleaks.h"

/* An object, of 64 bytes. */
struct node {
	struct node *next;
	unsigned long words[7];
};

int leaks_begin(struct kunit_suite *suite);
void leaks_end(struct kunit_suite *suite);
struct node *leaks_node(struct kunit *test, struct goalloc_heap *heap, struct node *next);
void expect_leaks(struct kunit *test, struct goalloc_heap *heap, size_t n);
const struct leak *leaks_find(struct kunit *test, const void *obj);
bool leaks_listed(struct kunit *test, const void *obj);
void leaks_expect_text(struct kunit *test, const char *part);

#endif /* GOALLOC_KUNIT_LEAKS_H */
