// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had where user space asks for it: goalloc is loaded, and files of
 * debugfs opened, and each time another of the allocations for that fails. It fails as a
 * whole then, and leaves nothing behind, or does without.
 *
 * Modules come from $GOALLOC_MODULES, or else from where modprobe finds them.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>

#include "kselftest_harness.h"
#include "goalloc_lib.h"

#define MOST 5000 /* allocations, more than anything that is tried makes */
#define MOST_MS 240000 /* for one of these tests */
#define SLABS "/sys/kernel/slab/"
#define TRACING "/sys/kernel/tracing/"
#define MODULE_LOAD TRACING "events/module/module_load/enable"

/* Of the calling task: which allocation from now on fails. */
static int fail_nth = -1;

static void arm(unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	if (pwrite(fail_nth, text, strlen(text), 0) < 0)
		abort();
}

/* How many are left until one would have; from here on none does. */
static int disarm(void)
{
	char text[16] = {};

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 1)
		abort();
	arm(0);
	return atoi(text);
}

static int knob(const char *what, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", what, name);
	return put(path, value);
}

/* Those of kmalloc(), of pages, and of open files, whatever their flags; none is logged. */
static int prepare(void)
{
	int err = run("echo 1 | tee %skmalloc-*/failslab >/dev/null", SLABS);

	/* It may have been merged with another. */
	put(SLABS "seq_file/failslab", "1");
	err |= knob("failslab", "cache-filter", "Y");
	err |= knob("failslab", "ignore-gfp-wait", "N");
	err |= knob("failslab", "verbose", "0");
	err |= knob("fail_page_alloc", "ignore-gfp-wait", "N");
	err |= knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	err |= knob("fail_page_alloc", "min-order", "0");
	return err | knob("fail_page_alloc", "verbose", "0");
}

static bool contains(const char *path, const char *what)
{
	char *text = slurp(path);
	bool found = text && strstr(text, what);

	free(text);
	return found;
}

/* Empties a trace, or file. */
static int forget(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	return fd < 0 ? -1 : close(fd);
}

/* KiB, of a line of /proc/meminfo. */
static long kb_of(const char *name)
{
	char *text = slurp("/proc/meminfo"), *line = text ? strstr(text, name) : NULL;
	long kb = line ? atol(line + strlen(name)) : 0;

	free(text);
	return kb;
}

FIXTURE(enomem) {
	char *expedited; /* as it was */
};

FIXTURE_SETUP(enomem)
{
	if (geteuid())
		SKIP(return, "only root can load modules");
	if (access(DEBUGFS "/failslab", F_OK) || access(DEBUGFS "/fail_page_alloc", F_OK))
		SKIP(return, "this kernel cannot inject faults");
	if (unload_all())
		SKIP(return, "goalloc is in use");
	ASSERT_EQ(0, prepare());
	/* Grace periods in a hurry. */
	self->expedited = slurp("/sys/kernel/rcu_expedited");
	put("/sys/kernel/rcu_expedited", "1");
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	ASSERT_LE(0, fail_nth);
}

FIXTURE_TEARDOWN(enomem)
{
	close(fail_nth);
	unload_all();
	put(MODULE_LOAD, "0");
	if (self->expedited)
		put("/sys/kernel/rcu_expedited", self->expedited);
}

static int insert(const char *params)
{
	const char *dir = getenv("GOALLOC_MODULES");
	char path[256];
	int fd, err;

	snprintf(path, sizeof(path), "%s/goalloc.ko", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = syscall(SYS_finit_module, fd, params, 0) ? errno : 0;
	close(fd);
	return err;
}

/* Loads with an allocation failing; returns how many were left. */
static int insert_failing(const char *params, int nth, int *err)
{
	arm(nth);
	*err = insert(params);
	return disarm();
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/*
 * Each step of loading fails, from the last on, and is undone; or as many as there is time
 * for. Those that the kernel has before it calls goalloc are not looked at: some of them it
 * warns of.
 */
static void load_failing(struct __test_metadata *_metadata, const char *params, int most)
{
	long slab = kb_of("Slab:"), vmalloc = kb_of("VmallocUsed:");
	long percpu = kb_of("Percpu:");
	int nth, end, step, left, err, failed = 0, survived = 0;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	nth = MOST - insert_failing(params, MOST, &err);
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, unload("goalloc"));
	end = nth > most ? nth - most : 0;
	step = 1 + ms_since(&start) * (nth - end) / MOST_MS;
	for (; nth > end; nth -= step) {
		ASSERT_EQ(0, forget(TRACING "trace"));
		left = insert_failing(params, nth, &err);
		if (!err)
			ASSERT_EQ(0, unload("goalloc"));
		if (!contains(TRACING "trace", "module_load: goalloc"))
			break;
		if (err)
			ASSERT_EQ(ENOMEM, err) TH_LOG("allocation %d", nth);
		ASSERT_FALSE(loaded("goalloc"));
		ASSERT_NE(0, access(ROOT, F_OK)) TH_LOG("allocation %d", nth);
		ASSERT_FALSE(contains("/proc/vmallocinfo", "[goalloc]"))
			TH_LOG("allocation %d", nth);
		failed += !left && err;
		survived += !left && !err;
	}
	TH_LOG("loading fails for %d allocations, and does without %d", failed, survived);
	EXPECT_LT(0, failed);
	EXPECT_LT(0, survived);
	EXPECT_FALSE(contains("/sys/devices/system/cpu/hotplug/states", "goalloc"));
	/* What many steps leave behind shows here; single ones are kmemleak's to see. */
	EXPECT_GT(slab + 1024, kb_of("Slab:"));
	EXPECT_GT(vmalloc + 256, kb_of("VmallocUsed:"));
	EXPECT_GT(percpu + 128, kb_of("Percpu:"));
	EXPECT_EQ(0, insert(params));
}

TEST_F_TIMEOUT(enomem, load, 600)
{
	if (!getenv("GOALLOC_MODULES") || put(MODULE_LOAD, "1"))
		SKIP(return, "needs GOALLOC_MODULES and tracing of events");
	load_failing(_metadata, "arena_mb=4", MOST);
}

/* The default heap cannot be debugged then, and that is all. */
TEST_F_TIMEOUT(enomem, load_debug, 600)
{
	if (!getenv("GOALLOC_MODULES") || put(MODULE_LOAD, "1"))
		SKIP(return, "needs GOALLOC_MODULES and tracing of events");
	load_failing(_metadata, "arena_mb=4 initial_arenas=0 low_mb=0 debug=Z", 40);
}

/* Opens a file with each of its allocations failing; returns how many did. */
static int open_failing(struct __test_metadata *_metadata, const char *path)
{
	int nth, left, fd, err, failed = 0;

	for (nth = 1, left = 0; !left && nth < MOST; nth++) {
		arm(nth);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		err = errno;
		left = disarm();
		if (fd < 0) {
			EXPECT_EQ(ENOMEM, err) TH_LOG("%s: allocation %d failed", path, nth);
			failed++;
			continue;
		}
		close(fd);
	}
	EXPECT_NE(0, left);
	/* It can be opened, and read, after all that. */
	EXPECT_EQ(0, run("cat %s >/dev/null", path));
	return failed;
}

TEST_F_TIMEOUT(enomem, files, 600)
{
	static const char *const names[] = {
		"arenas", "spans", "fragmentation", "heaps", "stats",
		"heaps.d/fill/classes", "heaps.d/fill/limit",
	};
	char path[128];
	size_t i;

	ASSERT_EQ(0, load("goalloc", "arena_mb=4"));
	ASSERT_EQ(0, load("goalloc_fill", ""));
	ASSERT_EQ(0, put(PARAM("goalloc_fill", "add"), "10 64"));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), ROOT "/%s", names[i]);
		EXPECT_LE(1, open_failing(_metadata, path)) TH_LOG("%s", path);
	}
	/* A report needs much, and when it is made the file's own. */
	EXPECT_LE(10, open_failing(_metadata, ROOT "/heaps.d/fill/leaks"));
}

TEST_HARNESS_MAIN
