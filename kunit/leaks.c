// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of leak reports share; see leaks.h.
 */
#include <linux/seq_file.h>
#include <linux/string.h>

#include "fixture.h"
#include "leaks.h"

#define TEXT_SIZE 16384

/* No pointers to objects: addresses are printed hashed. */
static char text[TEXT_SIZE];

struct node *leaks_node(struct kunit *test, struct goalloc_heap *heap, struct node *next)
{
	struct node *node = goalloc_heap_zalloc(heap, sizeof(*node), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, node);
	node->next = next;
	return node;
}

/* What goalloc_leaks_report() returns; what it prints stays until the next one. */
long leaks_report(struct kunit *test, struct goalloc_heap *heap)
{
	struct seq_file m = { .buf = text, .size = sizeof(text) };
	long n = goalloc_leaks_report(heap, &m);

	KUNIT_EXPECT_FALSE(test, seq_has_overflowed(&m));
	text[min(m.count, sizeof(text) - 1)] = '\0';
	return n;
}

/* That is in the last report. */
void leaks_expect_text(struct kunit *test, const char *part)
{
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, part), "no \"%s\"", part);
}

/* The line of an object from its begin to the end of the report, or NULL. */
const char *leaks_line(struct kunit *test, const void *obj)
{
	char *address = kunit_kzalloc(test, 32, GFP_KERNEL);
	const char *at;

	KUNIT_ASSERT_NOT_NULL(test, address);
	snprintf(address, 32, " %pK\n", obj);
	at = strstr(text, address);
	while (at && at > text && at[-1] != '\n')
		at--;
	return at;
}

bool leaks_listed(struct kunit *test, const void *obj)
{
	return leaks_line(test, obj);
}

void expect_leaks(struct kunit *test, struct goalloc_heap *heap, long n)
{
	KUNIT_EXPECT_EQ(test, leaks_report(test, heap), n);
}
