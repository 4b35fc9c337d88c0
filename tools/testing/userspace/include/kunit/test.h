/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as the suites under kunit/ need, so that the same files run
 * in user space. Prints TAP, one line a case or parameter; see main.c.
 */
#ifndef USERSPACE_KUNIT_TEST_H
#define USERSPACE_KUNIT_TEST_H

#include <stdio.h>

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#define KUNIT_PARAM_DESC_SIZE 128

struct kunit {
	void *priv;
	const void *param_value;
	const char *name;
	bool failed;
	struct kunit_resource *resources;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn) { .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn) KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen) { .run_case = fn, .name = #fn, .generate_params = gen }

#define KUNIT_ARRAY_PARAM(name, array, get_desc)                                 \
	static const void *name##_gen_params(const void *prev, char *desc)       \
	{                                                                        \
		typeof((array)[0]) *next = prev ? (typeof(next))prev + 1 : (array); \
		if (next - (array) >= (long)ARRAY_SIZE(array))                   \
			return NULL;                                             \
		get_desc(next, desc);                                            \
		return next;                                                     \
	}

/* Suites find their way to main() by themselves, as modules' do to the kernel. */
void userspace_add_suites(struct kunit_suite **suites, int n);
#define kunit_test_suites(...)                                                       \
	static void __attribute__((constructor)) userspace_suites(void)              \
	{                                                                            \
		static struct kunit_suite *suites[] = { __VA_ARGS__ };               \
		userspace_add_suites(suites, ARRAY_SIZE(suites));                    \
	}
#define kunit_test_suite(suite) kunit_test_suites(&(suite))

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);
#define kunit_kcalloc(test, n, size, gfp) kunit_kzalloc(test, (n) * (size), gfp)

void userspace_fail(struct kunit *test, bool abort, const char *file, int line,
		    const char *what, long long left, long long right, const char *fmt, ...)
	__attribute__((__format__(__printf__, 8, 9)));

#define __KUNIT_CHECK(test, stop, l, op, r, text, ...)                                   \
	do {                                                                             \
		typeof(l) __l = (l);                                                     \
		typeof(r) __r = (r);                                                     \
		if (!(__l op __r))                                                       \
			userspace_fail(test, stop, __FILE__, __LINE__, text,             \
				       (long long)__l, (long long)__r, "" __VA_ARGS__);  \
	} while (0)
#define __KUNIT_TEXT(l, op, r) #l " " #op " " #r

#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, ==, r, __KUNIT_TEXT(l, ==, r), __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, !=, r, __KUNIT_TEXT(l, !=, r), __VA_ARGS__)
#define KUNIT_EXPECT_LT_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, <, r, __KUNIT_TEXT(l, <, r), __VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, <=, r, __KUNIT_TEXT(l, <=, r), __VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, >, r, __KUNIT_TEXT(l, >, r), __VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, false, l, >=, r, __KUNIT_TEXT(l, >=, r), __VA_ARGS__)
#define KUNIT_EXPECT_TRUE_MSG(test, c, ...) \
	__KUNIT_CHECK(test, false, !!(c), ==, 1, #c, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(test, c, ...) \
	__KUNIT_CHECK(test, false, !!(c), ==, 0, "!(" #c ")", __VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, true, l, ==, r, __KUNIT_TEXT(l, ==, r), __VA_ARGS__)
#define KUNIT_ASSERT_LE_MSG(test, l, r, ...) \
	__KUNIT_CHECK(test, true, l, <=, r, __KUNIT_TEXT(l, <=, r), __VA_ARGS__)
#define KUNIT_ASSERT_TRUE_MSG(test, c, ...) \
	__KUNIT_CHECK(test, true, !!(c), ==, 1, #c, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE_MSG(test, c, ...) \
	__KUNIT_CHECK(test, true, !!(c), ==, 0, "!(" #c ")", __VA_ARGS__)

#define KUNIT_EXPECT_EQ(test, l, r) KUNIT_EXPECT_EQ_MSG(test, l, r)
#define KUNIT_EXPECT_NE(test, l, r) KUNIT_EXPECT_NE_MSG(test, l, r)
#define KUNIT_EXPECT_LT(test, l, r) KUNIT_EXPECT_LT_MSG(test, l, r)
#define KUNIT_EXPECT_LE(test, l, r) KUNIT_EXPECT_LE_MSG(test, l, r)
#define KUNIT_EXPECT_GT(test, l, r) KUNIT_EXPECT_GT_MSG(test, l, r)
#define KUNIT_EXPECT_GE(test, l, r) KUNIT_EXPECT_GE_MSG(test, l, r)
#define KUNIT_EXPECT_TRUE(test, c) KUNIT_EXPECT_TRUE_MSG(test, c)
#define KUNIT_EXPECT_FALSE(test, c) KUNIT_EXPECT_FALSE_MSG(test, c)
#define KUNIT_ASSERT_EQ(test, l, r) KUNIT_ASSERT_EQ_MSG(test, l, r)
#define KUNIT_ASSERT_LT(test, l, r) \
	__KUNIT_CHECK(test, true, l, <, r, __KUNIT_TEXT(l, <, r), )
#define KUNIT_ASSERT_LE(test, l, r) KUNIT_ASSERT_LE_MSG(test, l, r)
#define KUNIT_ASSERT_TRUE(test, c) KUNIT_ASSERT_TRUE_MSG(test, c)
#define KUNIT_ASSERT_FALSE(test, c) KUNIT_ASSERT_FALSE_MSG(test, c)
#define KUNIT_ASSERT_NOT_NULL(test, p) KUNIT_ASSERT_TRUE_MSG(test, (p) != NULL)
#define KUNIT_FAIL(test, ...) \
	userspace_fail(test, false, __FILE__, __LINE__, "failed", 0, 0, __VA_ARGS__)

#endif /* USERSPACE_KUNIT_TEST_H */
