// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail; see faults.h.
 */
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "faults.h"
#include "fixture.h"

/* More than anything that is tried allocates. */
#define MOST 2000U

/* Of an allocation whose failure did no harm. */
#define RETRIES 3U

#ifdef CONFIG_FAULT_INJECTION

/* The @nth allocation of this task fails; 0 for none. */
static void fail_nth(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Whether it has. */
static bool has_failed(void)
{
	return !READ_ONCE(current->fail_nth);
}

/* All of this task do, of those that need not succeed. */
void fail_all(bool on)
{
	WRITE_ONCE(current->make_it_fail, on);
}

#else

static void fail_nth(unsigned int nth)
{
}

static bool has_failed(void)
{
	return false;
}

void fail_all(bool on)
{
}

#endif

static bool slabs_fail(void)
{
	void *obj = hide(kmalloc(8, GFP_KERNEL));

	kfree(obj);
	return !obj;
}

static bool pages_fail(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		__free_page(page);
	return !page;
}

static void succeed(void *ctx)
{
	fail_nth(0);
	fail_all(false);
}

/* Skip the case where nothing can be made to fail. */
void want_faults(struct kunit *test)
{
	bool slab, page, all;

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, succeed, NULL), 0);
	fail_nth(1);
	slab = slabs_fail();
	fail_nth(1);
	page = pages_fail();
	fail_nth(0);
	fail_all(true);
	all = slabs_fail() && pages_fail();
	fail_all(false);
	if (!slab || !page || !all)
		kunit_skip(test, "needs fault injection, set up as kunit.guest does");
}

unsigned int fail_each(struct kunit *test, int (*attempt)(void *data),
		       void (*after)(struct kunit *test, void *data, int err), void *data)
{
	unsigned int nth = 1, failed = 0, tries = 0;
	bool hit;
	int err;

	while (nth < MOST) {
		fail_nth(nth);
		err = attempt(data);
		hit = has_failed();
		fail_nth(0);
		after(test, data, err);
		if (!hit) {
			KUNIT_EXPECT_EQ(test, err, 0);
			return failed;
		}
		if (err)
			KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "allocation %u failed", nth);
		failed += !!err;
		/* A record of a stack, say, is wanted once, and what follows moves up. */
		if (err || tries++ == RETRIES) {
			nth++;
			tries = 0;
		}
	}
	KUNIT_FAIL(test, "it never succeeds");
	return failed;
}
