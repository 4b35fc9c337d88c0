// SPDX-License-Identifier: GPL-2.0
/*
 * kvctl: files in and out of /dev/goalloc_kv.
 *
 * The key of a file is its path as it was given or found, its value is the
 * file's content; an empty file has an empty value. Regular files only,
 * symbolic links are not followed.
 */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvctl.h"

static const char usage_text[] =
"usage: kvctl [-d DEVICE] [-n N] COMMAND ...\n"
"  load [-s] [-m MANIFEST] PATH...  store every regular file at or below PATH;\n"
"                                   add their CRC-32 to MANIFEST\n"
"  verify [-m MANIFEST] [PATH...]   compare every stored file (or every file at or\n"
"                                   below PATH) byte by byte, and with MANIFEST\n"
"  put KEY FILE                     store FILE ('-': standard input) as KEY\n"
"  get KEY [FILE]                   write the value to FILE or standard output\n"
"  delete KEY...                    delete these keys\n"
"  delete -p PATTERN                delete the keys that match, as fnmatch(3) does\n"
"  delete -H                        delete every second key\n"
"  clear                            delete all keys\n"
"  list [-l] [PATTERN]              the keys; with -l each after its value's size\n"
"  count                            what is in the store, as name: number\n"
"  hammer SECONDS [PROCESSES]       put, get, delete and list the same keys from\n"
"                                   several processes (4), and check what comes\n"
"options:\n"
"  -d DEVICE   default " GOALLOC_KV_DEVICE "\n"
"  -n N        a line of progress each N files (default 1000; 0: none)\n"
"  -s          files over 8 MiB, which are left out, are no error\n"
"exit status: 0 good, 1 something is missing, differs or could not be read,\n"
"  2 usage, 3 no device, 4 the store is full, 5 files over 8 MiB were left out\n";

void usage(void)
{
	fputs(usage_text, stderr);
	exit(EXIT_USAGE);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p) {
		complain("out of memory");
		exit(EXIT_BAD);
	}
	return p;
}

static int cmd_put(int argc, char **argv)
{
	unsigned char *buf = xmalloc(MAX_SIZE + 1);
	ssize_t size;
	int err;

	if (argc != 3)
		usage();
	open_device();
	size = strcmp(argv[2], "-") ? read_file(argv[2], buf) : read_fd(STDIN_FILENO, buf);
	if (size < 0 || size > MAX_SIZE) {
		complain("%s: %s", argv[2], size < 0 ? strerror(errno) : "over 8 MiB");
		return size < 0 ? EXIT_BAD : EXIT_SKIPPED;
	}
	err = put_or_exit(argv[1], buf, size);
	if (err)
		complain("'%s': %s", argv[1], strerror(err));
	return err ? EXIT_BAD : 0;
}

static int cmd_get(int argc, char **argv)
{
	unsigned char *buf = xmalloc(MAX_SIZE);
	int err, fd = STDOUT_FILENO;
	size_t size;

	if (argc < 2 || argc > 3)
		usage();
	open_device();
	err = kv_get(argv[1], buf, &size);
	if (err) {
		complain("'%s': %s", argv[1], err == ENOENT ? "no such key" : strerror(err));
		return EXIT_BAD;
	}
	if (argc == 3)
		fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || !write_all(fd, buf, size) || close(fd)) {
		complain("%s: %s", argc == 3 ? argv[2] : "standard output", strerror(errno));
		return EXIT_BAD;
	}
	return 0;
}

/* Those that match the pattern, or, if there is none, every second one. */
static int delete_listed(const char *pattern)
{
	struct goalloc_kv_next next = {};
	unsigned long nr = 0, deleted = 0;
	char *key = NULL;
	size_t room = 0;
	bool keep;
	int err;

	while (next_key(&next, &key, &room)) {
		keep = pattern ? fnmatch(pattern, key, 0) != 0 : nr++ % 2;
		if (keep)
			continue;
		err = kv_delete(key);
		if (err && err != ENOENT) {
			complain("'%s': %s", key, strerror(err));
			return EXIT_BAD;
		}
		deleted += !err;
	}
	free(key);
	printf("deleted %lu keys\n", deleted);
	return 0;
}

static int delete_named(char **keys)
{
	int err, ret = 0;

	for (; *keys; keys++) {
		err = kv_delete(*keys);
		if (!err)
			continue;
		complain("'%s': %s", *keys, err == ENOENT ? "no such key" : strerror(err));
		ret = EXIT_BAD;
	}
	return ret;
}

static int cmd_delete(int argc, char **argv)
{
	const char *pattern = NULL;
	bool half = false, named;
	int opt;

	while ((opt = getopt(argc, argv, "+Hp:")) != -1) {
		if (opt == 'H')
			half = true;
		else if (opt == 'p')
			pattern = optarg;
		else
			usage();
	}
	named = optind < argc;
	if (!!pattern + half + named != 1)
		usage();
	open_device();
	return named ? delete_named(argv + optind) : delete_listed(pattern);
}

static int cmd_clear(int argc, char **argv)
{
	__u64 deleted;
	int err;

	(void)argv;
	if (argc != 1)
		usage();
	open_device();
	err = kv_ioctl(GOALLOC_KV_CLEAR, &deleted);
	if (err) {
		complain("clear: %s", strerror(err));
		return EXIT_BAD;
	}
	printf("deleted %llu keys\n", (unsigned long long)deleted);
	return 0;
}

static int cmd_list(int argc, char **argv)
{
	struct goalloc_kv_next next = {};
	bool sizes = false;
	char *key = NULL;
	size_t room = 0;
	int opt;

	while ((opt = getopt(argc, argv, "+l")) != -1) {
		if (opt != 'l')
			usage();
		sizes = true;
	}
	if (argc - optind > 1)
		usage();
	open_device();
	while (next_key(&next, &key, &room)) {
		if (optind < argc && fnmatch(argv[optind], key, 0))
			continue;
		if (sizes)
			printf("%7u ", next.value_size);
		puts(key);
	}
	free(key);
	return 0;
}

static int cmd_count(int argc, char **argv)
{
	struct goalloc_kv_stat st;
	int err;

	(void)argv;
	if (argc != 1)
		usage();
	open_device();
	err = kv_ioctl(GOALLOC_KV_STAT, &st);
	if (err) {
		complain("count: %s", strerror(err));
		return EXIT_BAD;
	}
#define SHOW(name) printf("%s: %llu\n", #name, (unsigned long long)st.name)
	SHOW(entries);
	SHOW(key_bytes);
	SHOW(value_bytes);
	SHOW(puts);
	SHOW(replaced);
	SHOW(deleted);
	SHOW(heap_objects);
	SHOW(heap_bytes);
	SHOW(span_bytes);
	SHOW(limit);
#undef SHOW
	return 0;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "load", cmd_load },
	{ "verify", cmd_verify },
	{ "put", cmd_put },
	{ "get", cmd_get },
	{ "delete", cmd_delete },
	{ "clear", cmd_clear },
	{ "list", cmd_list },
	{ "count", cmd_count },
	{ "hammer", cmd_hammer },
	{}
};

static int run_command(int argc, char **argv)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (!strcmp(argv[0], c->name))
			return c->run(argc, argv);
	complain("no such command: %s", argv[0]);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	char *end;
	int opt, ret;

	while ((opt = getopt(argc, argv, "+d:n:h")) != -1) {
		switch (opt) {
		case 'd':
			dev_name = optarg;
			break;
		case 'n':
			progress_every = strtoul(optarg, &end, 10);
			if (*end || *optarg < '0' || *optarg > '9')
				usage();
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		usage();
	optind = 1;
	ret = run_command(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output: %s", strerror(errno));
		ret = ret ? ret : EXIT_BAD;
	}
	return ret;
}
