// SPDX-License-Identifier: GPL-2.0
/*
 * What goalloc shows in debugfs: that it is all there, for root only, in
 * tables of a constant shape, that the numbers add up while nothing moves, and
 * that everything can be read while everything moves.
 *
 * Modules come from $GOALLOC_MODULES, or else from where modprobe finds them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "goalloc_lib.h"

#define PAGE 8192ULL
#define MB 1048576ULL
#define SEPARATORS "\n "

/* Shape: a table's rows have as many fields as its header, or as many as this says. */
enum { TABLE = 0, VALUES = -1, CONTROL = -2, PLAIN = -3, PAIRS = -4, REPORT = -5 };

struct view {
	const char *name;
	mode_t mode;
	int shape;
};

static const struct view top_views[] = {
	{ "stats", 0400, VALUES },
	{ "arenas", 0400, TABLE },
	{ "spans", 0400, TABLE },
	{ "map", 0400, 3 },	/* its header explains the letters, too */
	{ "fragmentation", 0400, TABLE },
	{ "heaps", 0400, TABLE },
	{ "reserves", 0400, TABLE },
	{ "guards", 0400, VALUES },
	{ "shrink", 0200, CONTROL },
	{}
};

static const struct view heap_views[] = {
	{ "stats", 0400, VALUES },
	{ "classes", 0400, TABLE },
	{ "caches", 0400, TABLE },
	{ "cpus", 0400, TABLE },
	{ "limit", 0600, PLAIN },
	{ "debug", 0600, PAIRS },
	{ "leaks", 0400, REPORT },	/* a table, and lines that begin with "#" */
	{}
};

static int words(const char *line)
{
	int n = 0;

	for (;;) {
		line += strspn(line, " ");
		if (!*line || *line == '\n')
			return n;
		n++;
		line += strcspn(line, SEPARATORS);
	}
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* Word @n of a line, in a buffer of its own. */
static const char *word(const char *line, int n)
{
	static char buf[256];
	size_t len;

	for (;;) {
		line += strspn(line, " ");
		len = strcspn(line, SEPARATORS);
		if (!len)
			return NULL;
		if (!n--)
			break;
		line += len;
	}
	snprintf(buf, sizeof(buf), "%.*s", (int)len, line);
	return buf;
}

/* Number of a table's column; names may end in ~ or %. */
static int column(const char *table, const char *name)
{
	size_t len = strlen(name);
	const char *w;
	int i;

	for (i = 0; (w = word(table, i)); i++)
		if (!strncmp(w, name, len) && strchr("~%", w[len]))
			return i;
	return -1;
}

static unsigned long long cell(const char *table, const char *row, const char *name)
{
	int i = column(table, name);
	const char *w = i < 0 ? NULL : word(row, i);

	if (!w) {
		fprintf(stderr, "# no column %s in: %.200s\n", name, table);
		return ULLONG_MAX / 2;
	}
	return strtoull(w, NULL, 10);
}

/* Sum of a column, over the rows in which column @key is @want, if there is a @key. */
static unsigned long long sum_if(const char *table, const char *name, const char *key,
				 const char *want)
{
	int i = key ? column(table, key) : -1;
	unsigned long long sum = 0;
	const char *row;

	for (row = next_line(table); *row; row = next_line(row))
		if (!key || (i >= 0 && !strcmp(word(row, i), want)))
			sum += cell(table, row, name);
	return sum;
}

static unsigned long long sum(const char *table, const char *name)
{
	return sum_if(table, name, NULL, NULL);
}

/* Rows in which column @key is @want, if there is a @key. */
static unsigned int rows_if(const char *table, const char *key, const char *want)
{
	int i = key ? column(table, key) : -1;
	unsigned int n = 0;
	const char *row;

	for (row = next_line(table); *row; row = next_line(row))
		n += !key || (i >= 0 && !strcmp(word(row, i), want));
	return n;
}

static unsigned int rows(const char *table)
{
	return rows_if(table, NULL, NULL);
}

/* "Name: value" files. */
static unsigned long long value(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; *text; text = next_line(text))
		if (!strncmp(text, name, len) && text[len] == ':')
			return strtoull(text + len + 1, NULL, 10);
	fprintf(stderr, "# %s is not there\n", name);
	return ULLONG_MAX / 2;
}

/* What is wrong with the shape of a file, or NULL. */
static const char *misshapen(const char *text, int shape)
{
	static char why[256];
	const char *line = text;
	int want;

	if (!*text || text[strlen(text) - 1] != '\n')
		return "does not end with a line feed";
	if (shape == PLAIN)
		return words(text) == 1 && !*next_line(text) ? NULL : "is not one value";
	if (shape == PAIRS) {
		if (text[0] != '#')
			return "does not begin with a header";
		while (*(line = next_line(line)))
			if (line[0] != '#' && words(line) != 2)
				goto bad_line;
		return NULL;
	}
	if (shape == VALUES) {
		if (text[0] != '#')
			return "does not begin with a header";
		while (*(line = next_line(line))) {
			const char *w = word(line, 0);

			if (!w || w[strlen(w) - 1] != ':' || words(line) < 2 || words(line) > 3)
				goto bad_line;
			w = word(line, 2);
			if (w && strcmp(w, "~"))
				goto bad_line;
		}
		return NULL;
	}
	if (words(text) < 2 || strpbrk(word(text, 0), "0123456789"))
		return "does not begin with a header";
	want = shape > 0 ? shape : words(text);
	while (*(line = next_line(line)))
		if (words(line) != want && (shape != REPORT || line[0] != '#'))
			goto bad_line;
	return NULL;
bad_line:
	snprintf(why, sizeof(why), "has a line of another shape: %.*s", (int)strcspn(line, "\n"),
		 line);
	return why;
}

/* Calls @fn for every view of the mheap and of the heaps named, until it returns an error. */
typedef int (*view_fn)(const char *path, const struct view *view);

static int visit_views(view_fn fn, const char *const *heaps)
{
	const struct view *view;
	char path[PATH_MAX];
	int err;

	for (view = top_views; view->name; view++) {
		snprintf(path, sizeof(path), ROOT "/%s", view->name);
		err = fn(path, view);
		if (err)
			return err;
	}
	for (; *heaps; heaps++) {
		for (view = heap_views; view->name; view++) {
			snprintf(path, sizeof(path), ROOT "/heaps.d/%s/%s", *heaps, view->name);
			err = fn(path, view);
			if (err)
				return err;
		}
	}
	return 0;
}

static const char *const two_heaps[] = { "default", "fill", NULL };

static int check_mode(const char *path, const struct view *view)
{
	struct stat st;

	if (stat(path, &st)) {
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode) && (st.st_mode & 07777) == view->mode && !st.st_uid && !st.st_gid)
		return 0;
	fprintf(stderr, "# %s: mode %o, not %o, or not root's\n", path, st.st_mode, view->mode);
	return -1;
}

static int check_shape(const char *path, const struct view *view)
{
	const char *why;
	char *text;

	if (view->shape == CONTROL)
		return 0;
	text = slurp(path);
	if (!text) {
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		return -1;
	}
	why = misshapen(text, view->shape);
	if (why)
		fprintf(stderr, "# %s: %s\n", path, why);
	free(text);
	return why ? -1 : 0;
}

/* Read in small pieces it must be the same file, as long as nothing moves. */
static int check_pieces(const char *path, const struct view *view)
{
	static const size_t steps[] = { 1, 7, 100, 4096 };
	char *whole, *pieces;
	unsigned int i;
	int bad = 0;

	if (view->shape == CONTROL)
		return 0;
	whole = slurp(path);
	for (i = 0; whole && i < ARRAY_SIZE(steps) && !bad; i++) {
		pieces = slurp_by(path, steps[i]);
		bad = !pieces || strcmp(whole, pieces);
		if (bad)
			fprintf(stderr, "# %s differs when read by %zu bytes\n", path, steps[i]);
		free(pieces);
	}
	free(whole);
	return bad || !whole;
}

static int check_denied(const char *path, const struct view *view)
{
	int mode[] = { O_RDONLY, O_WRONLY, O_RDWR };
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(mode); i++) {
		fd = open(path, mode[i]);
		if (fd >= 0 || errno != EACCES) {
			fprintf(stderr, "# %s: nobody gets %s\n", path,
				fd >= 0 ? "in" : strerror(errno));
			return -1;
		}
	}
	return 0;
}

static unsigned long long held_objects(void)
{
	char *text = slurp(PARAM("goalloc_fill", "held"));
	unsigned long long n = text ? strtoull(text, NULL, 10) : ULLONG_MAX;

	free(text);
	return n;
}

/* No CPU owns a span, and none waits for a grace period. */
static bool quiesce(void)
{
	char *stats;
	bool quiet;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (put(ROOT "/shrink", "1"))
			return false;
		stats = slurp(ROOT "/stats");
		quiet = stats && !value(stats, "PagesCached") && !value(stats, "PagesParked");
		free(stats);
		if (quiet)
			return true;
		usleep(50000);
	}
	return false;
}

FIXTURE(views) {
	bool chmoded;
};

/* Objects of many sizes, one in three of them freed again. */
FIXTURE_SETUP(views)
{
	static const char *const add[] = {
		"300 8", "300 64", "200 0", "50 1000", "30 5000", "10 30000", "5 100000",
		"2 3000000",
	};
	unsigned int i;

	ASSERT_EQ(unload_all(), 0);
	ASSERT_EQ(load("goalloc", "arena_mb=16 low_mb=0"), 0);
	ASSERT_EQ(load("goalloc_fill", ""), 0);
	for (i = 0; i < ARRAY_SIZE(add); i++)
		ASSERT_EQ(put(PARAM("goalloc_fill", "add"), add[i]), 0);
	ASSERT_EQ(put(PARAM("goalloc_fill", "drop"), "3"), 0);
}

FIXTURE_TEARDOWN(views)
{
	if (self->chmoded)
		chmod(DEBUGFS, 0700);
	EXPECT_EQ(unload_all(), 0);
}

TEST_F(views, exist_with_their_modes)
{
	EXPECT_EQ(visit_views(check_mode, two_heaps), 0);
}

static unsigned int nfiles;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type != FTW_D)
		nfiles++;
	return 0;
}

TEST_F(views, nothing_else_is_there)
{
	nfiles = 0;
	ASSERT_EQ(nftw(ROOT, count_file, 8, FTW_PHYS), 0);
	EXPECT_EQ(nfiles, ARRAY_SIZE(top_views) - 1 + 2 * (ARRAY_SIZE(heap_views) - 1));
}

TEST_F(views, have_a_header_and_constant_columns)
{
	EXPECT_EQ(visit_views(check_shape, two_heaps), 0);
}

TEST_F(views, are_the_same_in_small_reads)
{
	ASSERT_TRUE(quiesce());
	EXPECT_EQ(visit_views(check_pieces, two_heaps), 0);
}

/* The values of stats among themselves, at any time: these are of one moment. */
static void check_identities(struct __test_metadata *_metadata, const char *stats)
{
	unsigned long long used = value(stats, "PagesSmall") + value(stats, "PagesLarge");

	EXPECT_EQ(value(stats, "HeapSys"), value(stats, "PagesSys") * PAGE);
	EXPECT_EQ(value(stats, "HeapSys"), value(stats, "HeapIdle") + value(stats, "HeapInuse"));
	EXPECT_EQ(value(stats, "HeapInuse"), used * PAGE);
	EXPECT_EQ(used, value(stats, "PagesInuse") + value(stats, "PagesCached"));
	EXPECT_EQ(value(stats, "PagesSys"),
		  value(stats, "PagesInuse") + value(stats, "PagesCached") +
		  value(stats, "PagesParked") + value(stats, "PagesFree"));
	EXPECT_EQ(value(stats, "HeapObjects"), value(stats, "Mallocs") - value(stats, "Frees"));
	EXPECT_EQ(value(stats, "Sys"), value(stats, "HeapSys") + value(stats, "MSpanSys") +
		  value(stats, "MCacheSys") + value(stats, "OtherSys"));
}

/* How many pages the map shows by one of these letters. */
static unsigned long long map_pages(const char *map, const char *letters)
{
	unsigned long long n = 0;
	const char *w;

	for (map = next_line(map); *map; map = next_line(map))
		for (w = word(map, 2); w && *w; w++)
			n += !letters || strchr(letters, *w);
	return n;
}

TEST_F(views, numbers_add_up)
{
	unsigned long long used, live, held = held_objects();
	char *stats, *arenas, *spans, *map, *frag, *heaps, *classes, *caches, *cpus, *fill;

	ASSERT_TRUE(quiesce());
	stats = slurp(ROOT "/stats");
	arenas = slurp(ROOT "/arenas");
	spans = slurp(ROOT "/spans");
	map = slurp(ROOT "/map");
	frag = slurp(ROOT "/fragmentation");
	heaps = slurp(ROOT "/heaps");
	fill = slurp(ROOT "/heaps.d/fill/stats");
	classes = slurp(ROOT "/heaps.d/fill/classes");
	caches = slurp(ROOT "/heaps.d/fill/caches");
	cpus = slurp(ROOT "/heaps.d/fill/cpus");
	ASSERT_TRUE(stats && arenas && spans && map && frag && heaps && fill && classes &&
		    caches && cpus);

	check_identities(_metadata, stats);
	used = value(stats, "PagesSmall") + value(stats, "PagesLarge");
	live = value(stats, "HeapObjects");
	EXPECT_EQ(live, held);
	EXPECT_EQ(value(stats, "PagesInuse"), used);
	EXPECT_LE(value(stats, "HeapAlloc"), value(stats, "HeapInuse"));

	EXPECT_EQ(rows(arenas), value(stats, "Arenas"));
	EXPECT_EQ(sum(arenas, "inuse"), used);
	EXPECT_EQ(sum(arenas, "parked"), 0);
	EXPECT_EQ(sum(arenas, "free"), value(stats, "PagesFree"));
	EXPECT_EQ(sum(arenas, "spans"), rows(spans));

	EXPECT_EQ(sum(spans, "npages"), used);
	EXPECT_EQ(sum(spans, "live"), live);
	EXPECT_EQ(sum_if(spans, "npages", "state", "cached"), 0);
	EXPECT_EQ(sum_if(spans, "npages", "state", "empty"), 0);
	EXPECT_EQ(sum_if(spans, "npages", "state", "large"), value(stats, "PagesLarge"));
	EXPECT_EQ(sum_if(spans, "live", "heap", "fill"), held);

	EXPECT_EQ(map_pages(map, NULL), value(stats, "PagesSys"));
	EXPECT_EQ(map_pages(map, "."), value(stats, "PagesFree"));
	EXPECT_EQ(map_pages(map, "~"), 0);

	EXPECT_EQ(sum_if(frag, "free", "arena", "all"), value(stats, "PagesFree"));
	EXPECT_EQ(sum(frag, "free"), 2 * value(stats, "PagesFree"));
	EXPECT_EQ(sum_if(frag, "pages", "arena", "all"), value(stats, "PagesSys"));
	EXPECT_EQ(sum(frag, "largest") - sum_if(frag, "largest", "arena", "all"),
		  sum(arenas, "largest"));

	EXPECT_EQ(rows(heaps), value(stats, "Heaps"));
	EXPECT_EQ(sum(heaps, "pages"), used);
	EXPECT_EQ(sum(heaps, "spans"), rows(spans));
	EXPECT_EQ(sum(heaps, "live"), live);
	EXPECT_EQ(sum_if(heaps, "live", "name", "fill"), held);
	EXPECT_EQ(sum(heaps, "mallocs"), value(stats, "Mallocs"));
	EXPECT_EQ(sum(heaps, "frees"), value(stats, "Frees"));

	EXPECT_EQ(value(fill, "HeapObjects"), held);
	EXPECT_EQ(value(fill, "LargeMallocs") - value(fill, "LargeFrees"),
		  sum_if(spans, "live", "state", "large"));
	EXPECT_GT(value(fill, "LargeFrees"), 0);
	EXPECT_EQ(value(fill, "HeapInuse"), sum_if(heaps, "pages", "name", "fill") * PAGE);
	EXPECT_EQ(value(fill, "Mallocs") - value(fill, "Frees"), held);
	EXPECT_EQ(sum(classes, "live") + sum(caches, "active"), held);
	EXPECT_EQ(sum(classes, "spans") + sum(caches, "spans"),
		  sum_if(heaps, "spans", "name", "fill"));
	EXPECT_EQ(sum(classes, "spans"), sum(classes, "partial") + sum(classes, "full") +
		  sum(classes, "empty") + sum(classes, "cached"));
	EXPECT_EQ(rows(caches), 1);
	EXPECT_EQ(sum(caches, "objsize"), 112);
	EXPECT_EQ(sum(cpus, "spans"), 0);
	EXPECT_EQ(rows(cpus), (unsigned int)sysconf(_SC_NPROCESSORS_CONF));
}

/* What is live in fill now, counted from its objects' sizes. */
TEST_F(views, count_bytes)
{
	unsigned long long before, after;
	char *stats = slurp(ROOT "/heaps.d/fill/stats");

	before = value(stats, "HeapAlloc");
	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "100 64"), 0);
	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "10 65536"), 0);
	free(stats);
	stats = slurp(ROOT "/heaps.d/fill/stats");
	after = value(stats, "HeapAlloc");
	EXPECT_EQ(after - before, 100 * 64 + 10 * 65536);
}

/* Spans that a CPU owns: the same in three files. */
TEST_F(views, show_what_cpus_own)
{
	char *stats, *spans, *cpus;

	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "5 64"), 0);
	stats = slurp(ROOT "/stats");
	spans = slurp(ROOT "/spans");
	cpus = slurp(ROOT "/heaps.d/fill/cpus");
	check_identities(_metadata, stats);
	EXPECT_GT(value(stats, "PagesCached"), 0);
	EXPECT_EQ(sum_if(spans, "npages", "state", "cached"), value(stats, "PagesCached"));
	EXPECT_EQ(sum(cpus, "spans"), rows_if(spans, "state", "cached"));
	EXPECT_GT(sum(cpus, "hits"), 0);
}

TEST_F(views, are_closed_to_others)
{
	int status;
	pid_t pid;

	/* debugfs itself is closed; what is tested lies below */
	ASSERT_EQ(chmod(DEBUGFS, 0755), 0);
	self->chmoded = true;
	fflush(NULL);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY) || access(ROOT, X_OK))
			_exit(2);
		_exit(visit_views(check_denied, two_heaps) ? 1 : 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

static unsigned long long address_of(const char *arenas)
{
	return strtoull(word(next_line(arenas), column(arenas, "address")), NULL, 16);
}

/* Addresses follow kptr_restrict: hashed, real for those who may, or zeros. */
TEST_F(views, hide_addresses)
{
	const char *knob = "/proc/sys/kernel/kptr_restrict";
	char *old = slurp(knob), *cmdline = slurp("/proc/cmdline"), *arenas;

	if (strstr(cmdline, "no_hash_pointers") || strstr(cmdline, "hash_pointers=never"))
		SKIP(return, "pointers are not hashed");
	ASSERT_EQ(put(knob, "0"), 0);
	arenas = slurp(ROOT "/arenas");
	EXPECT_NE(column(arenas, "address"), -1);
	/* A hashed one has 32 bits or none yet, a real one here the upper ones as well. */
	EXPECT_EQ(address_of(arenas) >> 32, 0);
	free(arenas);
	ASSERT_EQ(put(knob, "2"), 0);
	arenas = slurp(ROOT "/arenas");
	EXPECT_EQ(address_of(arenas), 0);
	EXPECT_EQ(misshapen(arenas, TABLE), NULL);
	put(knob, old);
}

TEST_F(views, take_limits)
{
	const char *path = ROOT "/heaps.d/fill/limit", *add = PARAM("goalloc_fill", "add");
	static const char *const bad[] = {
		"", "x", "12x", "-2", "0", "1", "8191", "1MM", "0x", "99999999999999999999",
		"18446744073709551615k", "1 2", "max max",
	};
	static const struct {
		const char *text, *shown;
	} good[] = {
		{ "8192", "8192" }, { "10000000", "9994240" }, { "64M\n", "67108864" },
		{ "1g", "1073741824" }, { "0x2000", "8192" }, { "max", "max" },
	};
	char *text, *stats;
	unsigned int i;

	text = slurp(path);
	EXPECT_STREQ(text, "max\n");
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		char want[32];

		EXPECT_EQ(put(path, good[i].text), 0);
		text = slurp(path);
		snprintf(want, sizeof(want), "%s\n", good[i].shown);
		EXPECT_STREQ(text, want);
	}
	ASSERT_EQ(put(path, "32M"), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Nothing written is nothing wrong. */
		if (*bad[i] && !put(path, bad[i])) {
			TH_LOG("limit took '%s'", bad[i]);
			EXPECT_TRUE(false);
		}
		text = slurp(path);
		EXPECT_STREQ(text, "33554432\n");
	}

	/* It holds, and takes nothing away. */
	EXPECT_EQ(put(add, "50 1048576"), ENOMEM);
	stats = slurp(ROOT "/heaps.d/fill/stats");
	EXPECT_LE(value(stats, "HeapInuse"), 32 * MB);
	EXPECT_GT(value(stats, "HeapInuse"), 30 * MB);
	EXPECT_EQ(put(path, "1M"), 0);
	EXPECT_EQ(put(add, "1 1048576"), ENOMEM);
	EXPECT_EQ(put(path, "max"), 0);
	EXPECT_EQ(put(add, "2 1048576"), 0);
}

TEST_F(views, reserve)
{
	char *text = slurp(ROOT "/reserves");

	EXPECT_EQ(rows(text), 0);
	ASSERT_EQ(unload("goalloc_fill"), 0);
	ASSERT_EQ(load("goalloc_fill", "set_aside=7"), 0);
	text = slurp(ROOT "/reserves");
	EXPECT_EQ(rows(text), 1);
	EXPECT_EQ(rows_if(text, "heap", "fill"), 1);
	EXPECT_EQ(rows_if(text, "cache", "fill-cache"), 1);
	EXPECT_EQ(sum(text, "size"), 112);
	EXPECT_EQ(sum(text, "capacity"), 7);
	EXPECT_EQ(sum(text, "available"), 7);
	EXPECT_EQ(sum(text, "takes"), 0);
	ASSERT_EQ(unload("goalloc_fill"), 0);
	EXPECT_EQ(rows(slurp(ROOT "/reserves")), 0);
}

TEST_F(views, shrink_gives_back)
{
	const char *path = ROOT "/shrink";
	unsigned long long peak;
	char *stats, *arenas;

	/* Several arenas of 16 MiB, then only what holes are between the rest. */
	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "60 1048576"), 0);
	stats = slurp(ROOT "/stats");
	peak = value(stats, "Arenas");
	EXPECT_GE(peak, 4);
	free(stats);
	ASSERT_EQ(put(PARAM("goalloc_fill", "drop"), "1"), 0);
	EXPECT_EQ(held_objects(), 0);
	ASSERT_TRUE(quiesce());
	stats = slurp(ROOT "/stats");
	arenas = slurp(ROOT "/arenas");
	EXPECT_EQ(value(stats, "HeapObjects"), 0);
	EXPECT_EQ(value(stats, "HeapInuse"), 0);
	EXPECT_LE(value(stats, "Arenas"), 2);
	EXPECT_EQ(rows(arenas), value(stats, "Arenas"));
	EXPECT_EQ(value(stats, "ArenasReleased"),
		  value(stats, "ArenasGrown") - value(stats, "Arenas"));

	EXPECT_EQ(put(path, "0"), 0);
	EXPECT_EQ(put(path, "maybe"), EINVAL);
	EXPECT_EQ(slurp(path), NULL);
}

/* Heaps come and go: a file that is not there any more is no error, a bad one is. */
static int read_one(const char *path, const struct view *view)
{
	const char *why;
	char *text;

	if (view->shape == CONTROL)
		return 0;
	text = slurp(path);
	if (!text)
		return errno == ENOENT || errno == EIO || errno == ENXIO ? 0 : -1;
	why = *text ? misshapen(text, view->shape) : NULL;
	if (why)
		fprintf(stderr, "# %s: %s\n", path, why);
	free(text);
	return why ? -1 : 0;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

TEST_F_TIMEOUT(views, are_read_under_load, 300)
{
	static const char *const heaps[] = {
		"default", "fill", "torture", "torture-limited", NULL
	};
	const char *verdict = PARAM("goalloc_torture", "verdict");
	unsigned int rounds = 0, misses = 0, i;
	double start, slowest = 0;
	char *text = NULL;
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(load("goalloc_torture", "ops=4000000000") ? 1 : 0);
	for (i = 0; access(verdict, R_OK) && i < 100; i++)
		usleep(100000);

	start = now();
	while (now() - start < 20) {
		double begin = now(), took;
		char *stats;

		ASSERT_EQ(visit_views(read_one, heaps), 0);
		took = now() - begin;
		if (took > slowest)
			slowest = took;
		stats = slurp(ROOT "/stats");
		check_identities(_metadata, stats);
		free(stats);
		free(text);
		text = slurp(verdict);
		ASSERT_NE(text, NULL);
		misses += strcmp(text, "running\n") != 0;
		rounds++;
	}
	TH_LOG("all files read %u times, at most %.1f s each", rounds, slowest);
	/* It was under load all the time, and nothing stalled. */
	EXPECT_EQ(misses, 0);
	EXPECT_GE(rounds, 3);
	EXPECT_LT(slowest, 8);
	ASSERT_EQ(put(PARAM("goalloc_torture", "stop"), "1"), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	text = slurp(verdict);
	EXPECT_STREQ(text, "PASS\n");
}

TEST_HARNESS_MAIN
