// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: makes programs, has /dev/goalloc_fuzz run them, and keeps those that reach
 * something new. The first one of which a check fails ends it, and is saved as
 * small as it can be made.
 *
 * A program that takes the kernel down cannot be saved afterwards: -w writes each
 * to a file that the host can read, before it is run.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define DEVICE "/dev/goalloc_fuzz"
#define CORPUS_MAX 4096
#define PROGRESS_MS 5000
#define SHRINK_RUNS 3000

struct entry {
	struct program program;
	unsigned int ms; /* that it took */
};

static struct entry *corpus[CORPUS_MAX];
static unsigned int ncorpus;
static unsigned long long runs;
static const char *out_dir, *running;
static int device = -1, running_fd = -1;

void die(const char *fmt, ...)
{
	va_list args;

	fputs("fuzz: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static unsigned long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000UL + ts.tv_nsec / 1000000;
}

/* To where the host sees it: the page cache of the guest goes down with that. */
static void save_running(const struct program *p)
{
	char *text;
	size_t len;
	FILE *f;

	if (!running)
		return;
	f = open_memstream(&text, &len);
	if (!f)
		die("no memory");
	print_program(f, p);
	fclose(f);
	if (ftruncate(running_fd, 0) && errno != EINVAL)
		die("cannot truncate %s: %s", running, strerror(errno));
	if (pwrite(running_fd, text, len, 0) != (ssize_t)len && write(running_fd, text, len) < 0)
		die("cannot write %s: %s", running, strerror(errno));
	sync_file_range(running_fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			SYNC_FILE_RANGE_WAIT_AFTER);
	free(text);
}

/* Run a program. Whether every check passed; @verdict holds 256 bytes. */
static bool run(const struct program *p, char *verdict, bool *news)
{
	ssize_t len = p->nops * sizeof(*p->ops), n;

	save_running(p);
	cover_start();
	if (write(device, p->ops, len) != len)
		die("cannot write to %s: %s", DEVICE, strerror(errno));
	cover_stop(news);
	n = pread(device, verdict, 255, 0);
	if (n < 1)
		die("cannot read from %s: %s", DEVICE, strerror(errno));
	verdict[n - 1] = '\0';
	runs++;
	if (!strncmp(verdict, "FAIL", 4))
		return false;
	if (strncmp(verdict, "PASS", 4))
		die("%s says: %s", DEVICE, verdict);
	return true;
}

static void save(const struct program *p, const char *name, const char *why)
{
	char path[PATH_MAX];
	FILE *f;

	if (!out_dir)
		return;
	snprintf(path, sizeof(path), "%s/%s.hex", out_dir, name);
	f = fopen(path, "w");
	if (!f)
		die("cannot write %s: %s", path, strerror(errno));
	if (why)
		fprintf(f, "# %s\n", why);
	print_program(f, p);
	if (fclose(f))
		die("cannot write %s: %s", path, strerror(errno));
}

static void add(const struct program *p, unsigned int ms)
{
	struct entry *entry;

	if (ncorpus == CORPUS_MAX)
		return;
	entry = malloc(sizeof(*entry));
	if (!entry)
		die("no memory");
	entry->program = *p;
	entry->ms = ms;
	corpus[ncorpus++] = entry;
}

/* Leave operations out, as long as a check fails. */
static void minimise(struct program *p)
{
	unsigned int n = p->nops / 2 ?: 1, at;
	unsigned long long until = runs + SHRINK_RUNS;
	char verdict[256];
	bool news;

	while (n && runs < until) {
		bool shrunk = false;

		for (at = 0; at + n <= p->nops && runs < until;) {
			struct program less = *p;

			delete_ops(&less, at, n);
			if (run(&less, verdict, &news)) {
				at += n;
				continue;
			}
			*p = less;
			shrunk = true;
		}
		if (!shrunk || n > 1)
			n /= 2;
	}
}

/* A check has failed: say so, with what is left of the program. */
static int failure(const struct program *p, const char *verdict)
{
	struct program less = *p;
	char why[256], what[256];
	bool news;

	snprintf(why, sizeof(why), "%s", verdict);
	printf("after %llu runs: %s\n", runs, why);
	save(p, "fail", why);
	minimise(&less);
	if (run(&less, what, &news)) {
		printf("it does not fail again by itself:\n");
		less = *p;
	} else {
		snprintf(why, sizeof(why), "%s", what);
		printf("%u of %u operations are enough: %s\n", less.nops, p->nops, why);
		save(&less, "fail-min", why);
	}
	print_program(stdout, &less);
	return 1;
}

static void progress(unsigned long start, uint64_t seed, bool covered)
{
	unsigned long ms = now_ms() - start;

	printf("%lu s, seed %llu: %llu runs, %llu/s, corpus %u", ms / 1000,
	       (unsigned long long)seed, runs, runs * 1000 / (ms ?: 1), ncorpus);
	if (covered)
		printf(", %u edges", cover_edges());
	printf("\n");
	fflush(stdout);
}

static int hex_file(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".hex");
}

/*
 * The files of a directory, in order; each is run. If @least, those that reach at
 * least so many new edges are saved, and no others. Returns the status so far.
 */
static int run_dir(const char *dir, unsigned int least)
{
	struct dirent **names;
	int n = scandir(dir, &names, hex_file, alphasort), i, rc = 0;

	if (n < 0)
		die("cannot read %s: %s", dir, strerror(errno));
	for (i = 0; i < n && !rc; i++) {
		char path[PATH_MAX], verdict[256];
		unsigned int edges = cover_edges();
		static struct program p;
		unsigned long start;
		bool news;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		read_program(path, &p);
		start = now_ms();
		if (!run(&p, verdict, &news)) {
			printf("%s: ", path);
			rc = failure(&p, verdict);
		} else {
			add(&p, now_ms() - start);
		}
		if (least && cover_edges() - edges >= least) {
			names[i]->d_name[strlen(names[i]->d_name) - 4] = '\0';
			save(&p, names[i]->d_name, NULL);
		}
	}
	printf("%d programs of %s ran\n", i, dir);
	return rc;
}

/* Of two, the one that is over sooner, as a rule. */
static const struct entry *pick(void)
{
	const struct entry *a = corpus[random_below(ncorpus)], *b = corpus[random_below(ncorpus)];

	return a->ms <= b->ms || !random_below(8) ? a : b;
}

static int loop(uint64_t seed, unsigned long seconds, unsigned long long most, bool covered)
{
	unsigned long start = now_ms(), shown = start;
	static struct program p;
	char verdict[256], name[32];
	int rc = 0;

	while (!rc && now_ms() - start < seconds * 1000 && runs < most) {
		unsigned long began = now_ms();
		bool news;

		if (!ncorpus || !random_below(covered ? 10 : 2)) {
			random_program(&p);
		} else {
			p = pick()->program;
			mutate(&p, &corpus[random_below(ncorpus)]->program);
		}
		if (!run(&p, verdict, &news)) {
			rc = failure(&p, verdict);
		} else if (news || (!covered && !random_below(64))) {
			snprintf(name, sizeof(name), "%06u", ncorpus);
			save(&p, name, NULL);
			add(&p, now_ms() - began);
		}
		if (now_ms() - shown >= PROGRESS_MS) {
			shown = now_ms();
			progress(start, seed, covered);
		}
	}
	progress(start, seed, covered);
	return rc;
}

static unsigned long long parse_number(const char *arg, unsigned long long least)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-' || n < least)
		die("no number from %llu on: %s", least, arg);
	return n;
}

static const char usage[] =
	"usage: fuzz [-s SEED] [-t SECONDS] [-n RUNS] [-w FILE] [-o DIR] [-i DIR]\n"
	"       fuzz -r FILE | -m FILE [-o DIR] | -d FILE\n"
	"  -s SEED     of the random numbers (default 1)\n"
	"  -t SECONDS  how long (default 60; 0: only what -i names)\n"
	"  -n RUNS     or how many programs\n"
	"  -i DIR      begin with the programs there, *.hex; all must pass\n"
	"  -c EDGES    save those of them that reach at least so many new edges\n"
	"  -o DIR      save there what reaches something new, and what fails\n"
	"  -w FILE     write each program there before it is run\n"
	"  -r FILE     run a program, and print the verdict\n"
	"  -m FILE     run a program, and make it as small as can be if it fails\n"
	"  -d FILE     print what a program does\n";

static void open_device(void)
{
	device = open(DEVICE, O_RDWR);
	if (device < 0)
		die("cannot open %s: %s", DEVICE, strerror(errno));
	if (!running)
		return;
	running_fd = open(running, O_WRONLY | O_CREAT, 0600);
	if (running_fd < 0)
		die("cannot open %s: %s", running, strerror(errno));
}

static int one(char what, const char *path)
{
	static struct program p;
	char verdict[256];
	bool news;

	read_program(path, &p);
	if (what == 'd') {
		print_program(stdout, &p);
		return 0;
	}
	open_device();
	if (run(&p, verdict, &news)) {
		printf("%s\n", verdict);
		return 0;
	}
	if (what == 'm')
		return failure(&p, verdict);
	printf("%s\n", verdict);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long long most = -1ULL, seed = 1;
	const char *in_dir = NULL, *path = NULL;
	unsigned long seconds = 60;
	unsigned int least = 0;
	bool covered;
	int opt, rc = 0;
	char what = 0;

	while ((opt = getopt(argc, argv, "s:t:n:w:o:i:c:r:m:d:h")) != -1) {
		switch (opt) {
		case 's':
			seed = parse_number(optarg, 0);
			break;
		case 't':
			seconds = parse_number(optarg, 0);
			break;
		case 'n':
			most = parse_number(optarg, 1);
			break;
		case 'w':
			running = optarg;
			break;
		case 'o':
			out_dir = optarg;
			break;
		case 'i':
			in_dir = optarg;
			break;
		case 'c':
			least = parse_number(optarg, 1);
			break;
		case 'r': case 'm': case 'd':
			what = opt;
			path = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc)
		die("what is %s?", argv[optind]);
	if (what)
		return one(what, path);
	open_device();
	random_seed(seed);
	covered = cover_open();
	if (!covered)
		printf("no coverage: CONFIG_KCOV and goalloc with GOALLOC_KCOV=y are needed\n");
	if (in_dir)
		rc = run_dir(in_dir, least);
	if (!rc)
		rc = loop(seed, seconds, most, covered);
	return rc;
}
