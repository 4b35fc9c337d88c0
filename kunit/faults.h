/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail: the kernel's fault injection, told so by the task itself. What fails
 * are kmalloc() and the allocation of pages, as kunit.guest has set it.
 */
#ifndef GOALLOC_KUNIT_FAULTS_H
#define GOALLOC_KUNIT_FAULTS_H

#include <kunit/test.h>

void want_faults(struct kunit *test);
void fail_all(bool on);

/*
 * Call @attempt, which says 0 or an error, with the first of its allocations failing, the
 * second, and so on, until it makes fewer; and @after, where nothing fails, with what it said.
 * It may do without what failed; if not, it must say -ENOMEM. Returns how often it did.
 */
unsigned int fail_each(struct kunit *test, int (*attempt)(void *data),
		       void (*after)(struct kunit *test, void *data, int err), void *data);

#endif /* GOALLOC_KUNIT_FAULTS_H */
