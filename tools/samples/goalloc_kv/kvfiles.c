// SPDX-License-Identifier: GPL-2.0
/*
 * kvctl load and verify: trees of files, with progress and totals.
 */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kvctl.h"

#define SHOWN_FAILURES 20

unsigned long progress_every = 1000;

/* One load or verify. */
static struct {
	const char *verb;
	struct timespec start;
	unsigned long files;
	unsigned long failed;
	unsigned long too_big;
	bool skip_big; /* without complaint */
	unsigned long long bytes;
	unsigned char *file; /* MAX_SIZE + 1 bytes, what the file has */
	unsigned char *value; /* and the store */
} run;

static void run_start(const char *verb)
{
	run.verb = verb;
	clock_gettime(CLOCK_MONOTONIC, &run.start);
	run.file = xmalloc(MAX_SIZE + 1);
	run.value = xmalloc(MAX_SIZE + 1);
}

static void run_line(const char *tail)
{
	double s, mb = run.bytes / 1e6;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = now.tv_sec - run.start.tv_sec + (now.tv_nsec - run.start.tv_nsec) / 1e9;
	printf("%s %lu files, %.1f MB in %.2f s, %.1f MB/s%s\n", run.verb, run.files, mb, s,
	       s > 0 ? mb / s : 0, tail);
	fflush(stdout);
}

static void run_count(size_t size)
{
	run.files++;
	run.bytes += size;
	if (progress_every && run.files % progress_every == 0)
		run_line(" ...");
}

/* Counts a failure; returns whether to speak of it. */
static bool run_failed(void)
{
	if (run.failed++ == SHOWN_FAILURES)
		complain("more failures are only counted");
	return run.failed <= SHOWN_FAILURES;
}

#define run_fail(key, fmt, ...)							\
	do {									\
		if (run_failed())						\
			complain("%s: " fmt, key, ##__VA_ARGS__);		\
	} while (0)

static int run_end(void)
{
	run_line("");
	if (run.too_big)
		printf("left out %lu files over %u MiB\n", run.too_big, MAX_SIZE >> 20);
	if (run.failed)
		complain("%lu files failed", run.failed);
	return run.failed ? EXIT_BAD : 0;
}

/* Calls fn for every regular file at or below the paths. */
static void walk(char **paths, void (*fn)(const char *path))
{
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (!fts) {
		complain("%s: %s", paths[0], strerror(errno));
		exit(EXIT_BAD);
	}
	while ((e = fts_read(fts))) {
		switch (e->fts_info) {
		case FTS_F:
			fn(e->fts_path);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			run_fail(e->fts_path, "%s", strerror(e->fts_errno));
			break;
		}
	}
	if (errno)
		run_fail(paths[0], "%s", strerror(errno));
	fts_close(fts);
}

/* Returns the size of the file now in run.file, or -1 if it is none for the store. */
static ssize_t run_read(const char *path)
{
	ssize_t size = read_file(path, run.file);

	if (size < 0) {
		run_fail(path, "%s", strerror(errno));
	} else if (size > MAX_SIZE) {
		if (!run.skip_big)
			complain("%s: over 8 MiB", path);
		run.too_big++;
		size = -1;
	}
	return size;
}

static void load_file(const char *path)
{
	ssize_t size = run_read(path);
	int err;

	if (size < 0)
		return;
	err = put_or_exit(path, run.file, size);
	if (err) {
		run_fail(path, "%s", strerror(err));
		return;
	}
	manifest_add(path, run.file, size);
	run_count(size);
}

int cmd_load(int argc, char **argv)
{
	int opt, ret;

	while ((opt = getopt(argc, argv, "+sm:")) != -1) {
		if (opt == 's')
			run.skip_big = true;
		else if (opt == 'm')
			manifest_open(optarg);
		else
			usage();
	}
	if (optind == argc)
		usage();
	open_device();
	run_start("stored");
	walk(argv + optind, load_file);
	ret = run_end();
	if (!manifest_close()) {
		complain("the manifest cannot be written");
		ret = EXIT_BAD;
	}
	if (!ret && run.too_big && !run.skip_big)
		ret = EXIT_SKIPPED;
	return ret;
}

static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t size)
{
	size_t i;

	for (i = 0; i < size && a[i] == b[i]; i++)
		;
	return i;
}

static void verify_file(const char *path)
{
	ssize_t size = run_read(path);
	const char *wrong;
	size_t stored;
	int err;

	if (size < 0)
		return;
	/* an earlier file's content must not pass for this one's */
	memset(run.value, 0x55, size);
	err = kv_get(path, run.value, &stored);
	if (err) {
		run_fail(path, "%s", err == ENOENT ? "not in the store" : strerror(err));
	} else if (stored != (size_t)size) {
		run_fail(path, "the store has %zu bytes, the file %zd", stored, size);
	} else if (memcmp(run.file, run.value, size)) {
		run_fail(path, "differs from byte %zu on",
			 first_difference(run.file, run.value, size));
	} else {
		wrong = manifest_check(path, run.value, size);
		if (wrong)
			run_fail(path, "%s", wrong);
		else
			run_count(size);
	}
}

int cmd_verify(int argc, char **argv)
{
	struct goalloc_kv_next next = {};
	char *key = NULL;
	size_t room = 0;
	int opt;

	while ((opt = getopt(argc, argv, "+m:")) != -1) {
		if (opt != 'm')
			usage();
		manifest_read(optarg);
	}
	open_device();
	run.skip_big = true; /* load said which */
	run_start("verified");
	if (optind < argc)
		walk(argv + optind, verify_file);
	else
		while (next_key(&next, &key, &room))
			verify_file(key);
	free(key);
	return run_end();
}
