// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites that are linked in, and prints TAP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <kunit/test.h>

#define MAX_SUITES 64

struct kunit_resource {
	struct kunit_resource *next;
};

#ifdef __SANITIZE_THREAD__
int userspace_fence;
#endif

static struct kunit_suite *all_suites[MAX_SUITES];
static int nsuites, nrun, nfailed;
static jmp_buf abort_case;

void userspace_add_suites(struct kunit_suite **suites, int n)
{
	while (n--) {
		if (nsuites == MAX_SUITES)
			abort();
		all_suites[nsuites++] = *suites++;
	}
}

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct kunit_resource *r;

	(void)gfp;
	/* The header takes a cache line, to keep what follows aligned to one. */
	r = aligned_alloc(64, (64 + size + 63) & ~63UL);
	if (!r)
		abort();
	memset(r, 0, 64 + size);
	r->next = test->resources;
	test->resources = r;
	return (char *)r + 64;
}

static void free_resources(struct kunit *test)
{
	while (test->resources) {
		struct kunit_resource *next = test->resources->next;

		free(test->resources);
		test->resources = next;
	}
}

void userspace_fail(struct kunit *test, bool abort, const char *file, int line,
		    const char *what, long long left, long long right, const char *fmt, ...)
{
	va_list ap;

	test->failed = true;
	printf("# %s: %s:%d: expected %s, but %lld and %lld ", test->name, file, line, what,
	       left, right);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (abort)
		longjmp(abort_case, 1);
}

static void run_one(struct kunit_suite *suite, struct kunit_case *c, const void *param,
		    const char *desc)
{
	struct kunit test = { .param_value = param, .name = c->name };

	if (!setjmp(abort_case)) {
		if (suite->init && suite->init(&test))
			test.failed = true;
		else
			c->run_case(&test);
	}
	if (suite->exit)
		suite->exit(&test);
	free_resources(&test);

	nrun++;
	nfailed += test.failed;
	printf("%s %d - %s.%s%s%s\n", test.failed ? "not ok" : "ok", nrun, suite->name, c->name,
	       *desc ? " " : "", desc);
	fflush(stdout);
}

int main(void)
{
	int i;

	puts("TAP version 13");
	for (i = 0; i < nsuites; i++) {
		struct kunit_case *c;

		for (c = all_suites[i]->test_cases; c->run_case; c++) {
			char desc[KUNIT_PARAM_DESC_SIZE] = "";
			const void *param = NULL;

			if (!c->generate_params) {
				run_one(all_suites[i], c, NULL, "");
				continue;
			}
			while ((param = c->generate_params(param, desc)))
				run_one(all_suites[i], c, param, desc);
		}
	}
	printf("1..%d\n# %d passed, %d failed\n", nrun, nrun - nfailed, nfailed);
	return nfailed || !nrun;
}
