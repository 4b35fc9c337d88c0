// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of leak reports share; see leaks.h.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "fixture.h"
#include "leaks.h"

/* The last report, which ends with its test; and what it printed. */
static struct goalloc_leaks *last;
static char text[16384];

int leaks_begin(struct kunit_suite *suite)
{
	leaks_forget_module(THIS_MODULE);
	return 0;
}

void leaks_end(struct kunit_suite *suite)
{
	leaks_add_module(THIS_MODULE);
}

struct node *leaks_node(struct kunit *test, struct goalloc_heap *heap, struct node *next)
{
	struct node *node = goalloc_heap_zalloc(heap, sizeof(*node), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, node);
	node->next = next;
	return node;
}

static void end_report(void *ctx)
{
	leaks_free(ctx);
}

/* A report, in which so many objects must be listed. */
void expect_leaks(struct kunit *test, struct goalloc_heap *heap, size_t n)
{
	struct seq_file m = { .buf = text, .size = sizeof(text) };

	last = leaks_make(heap);
	KUNIT_ASSERT_FALSE(test, IS_ERR(last));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_report, last), 0);
	leaks_print(&m, last);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&m));
	text[m.count] = '\0';
	KUNIT_EXPECT_EQ(test, last->nleaks, n);
}

static const struct leak *find(const void *obj)
{
	size_t i;

	for (i = 0; i < last->nleaks; i++)
		if (last->leaks[i].addr == (unsigned long)obj)
			return &last->leaks[i];
	return NULL;
}

/* What the last report says of an object, which must be listed. */
const struct leak *leaks_find(struct kunit *test, const void *obj)
{
	const struct leak *leak = find(obj);

	KUNIT_ASSERT_NOT_NULL(test, leak);
	return leak;
}

bool leaks_listed(struct kunit *test, const void *obj)
{
	return find(obj);
}

/* That is in the last report. */
void leaks_expect_text(struct kunit *test, const char *part)
{
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, part), "no \"%s\"", part);
}
