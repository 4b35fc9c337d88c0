/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of leak reports share: objects, and a report's text.
 *
 * A test's variables are not looked at by a report, for stacks are not; what it keeps in
 * static ones, or in registered memory, is.
 */
#ifndef GOALLOC_KUNIT_LEAKS_H
#define GOALLOC_KUNIT_LEAKS_H

#include <kunit/test.h>
#include <linux/goalloc_leaks.h>

/* An object, of 64 bytes. */
struct node {
	struct node *next;
	unsigned long words[7];
};

struct node *leaks_node(struct kunit *test, struct goalloc_heap *heap, struct node *next);
long leaks_report(struct kunit *test, struct goalloc_heap *heap);
void leaks_expect_text(struct kunit *test, const char *part);
const char *leaks_line(struct kunit *test, const void *obj);
bool leaks_listed(struct kunit *test, const void *obj);
void expect_leaks(struct kunit *test, struct goalloc_heap *heap, long n);

#endif /* GOALLOC_KUNIT_LEAKS_H */
