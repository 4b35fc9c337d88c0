// SPDX-License-Identifier: GPL-2.0
/*
 * kvctl hammer: processes that put, get, delete and list the same keys at the
 * same time. Each value says which key it belongs to and what its bytes must
 * be, so a value that is torn, stale or another's is seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kvctl.h"

#define NR_KEYS 200
#define MAX_PROCESSES 64

/* At the start of each value of at least that size; smaller ones are one byte. */
struct stamp {
	__u32 key;
	__u32 size;
	__u64 seed;
};

struct hammer {
	__u64 random;
	unsigned char *buf;
	char key[40];
};

/* One for each process; the parent reads them when all have ended. */
struct counts {
	unsigned long puts;
	unsigned long full;
	unsigned long gets;
	unsigned long misses;
	unsigned long deletes;
	unsigned long listed;
};

static __u64 next_random(__u64 *state)
{
	__u64 x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static void fill(unsigned char *p, size_t size, __u64 seed)
{
	__u64 r;

	for (; size >= sizeof(r); p += sizeof(r), size -= sizeof(r)) {
		r = next_random(&seed);
		memcpy(p, &r, sizeof(r));
	}
	memset(p, 0x5a, size);
}

/* Most values are small, some are large, a few very large. */
static size_t random_size(struct hammer *h)
{
	__u64 r = next_random(&h->random), kind = r >> 32 & 1023;

	if (kind == 0)
		return r % (MAX_SIZE + 1);
	if (kind < 32)
		return r % (256 << 10);
	return r % 4096;
}

/* Keys differ in length, and the same number always gives the same key. */
static __u32 random_key(struct hammer *h)
{
	__u32 key = next_random(&h->random) % NR_KEYS;

	snprintf(h->key, sizeof(h->key), "%.*s%u", (int)(key % 20), "a key of any length, ", key);
	return key;
}

static size_t make_value(struct hammer *h, __u32 key)
{
	struct stamp stamp = {
		.key = key,
		.size = random_size(h),
		.seed = next_random(&h->random) | 1,
	};

	if (stamp.size < sizeof(stamp)) {
		h->buf[0] = key;
		return stamp.size > 0;
	}
	memcpy(h->buf, &stamp, sizeof(stamp));
	fill(h->buf + sizeof(stamp), stamp.size - sizeof(stamp), stamp.seed);
	return stamp.size;
}

/* Returns NULL if the value in h->buf is one that somebody put for this key. */
static const char *check_value(struct hammer *h, __u32 key, size_t size)
{
	static unsigned char *expected;
	struct stamp stamp;

	if (!expected)
		expected = xmalloc(MAX_SIZE);
	if (!size)
		return NULL;
	if (size == 1)
		return h->buf[0] == (unsigned char)key ? NULL : "another key's byte";
	if (size < sizeof(stamp))
		return "a size that nobody put";
	memcpy(&stamp, h->buf, sizeof(stamp));
	if (stamp.key != key)
		return "another key's value";
	if (stamp.size != size)
		return "another size than was put";
	fill(expected, size - sizeof(stamp), stamp.seed);
	return memcmp(h->buf + sizeof(stamp), expected, size - sizeof(stamp)) ?
	       "other bytes than were put" : NULL;
}

static int hammer_put(struct hammer *h, struct counts *counts)
{
	__u32 key = random_key(h);
	int err = kv_put(h->key, h->buf, make_value(h, key));

	counts->puts += !err;
	counts->full += err == ENOSPC;
	if (!err || err == ENOSPC)
		return 0;
	complain("put '%s': %s", h->key, strerror(err));
	return EXIT_BAD;
}

static int hammer_get(struct hammer *h, struct counts *counts)
{
	__u32 key = random_key(h);
	const char *wrong;
	size_t size;
	int err = kv_get(h->key, h->buf, &size);

	counts->gets += !err;
	counts->misses += err == ENOENT;
	if (err == ENOENT)
		return 0;
	wrong = err ? strerror(err) : check_value(h, key, size);
	if (wrong)
		complain("get '%s': %s", h->key, wrong);
	return wrong ? EXIT_BAD : 0;
}

static int hammer_delete(struct hammer *h, struct counts *counts)
{
	int err;

	random_key(h);
	err = kv_delete(h->key);
	counts->deletes += !err;
	if (!err || err == ENOENT)
		return 0;
	complain("delete '%s': %s", h->key, strerror(err));
	return EXIT_BAD;
}

static void hammer_list(struct counts *counts)
{
	struct goalloc_kv_next next = {};
	char *key = NULL;
	size_t room = 0;

	while (next_key(&next, &key, &room))
		counts->listed++;
	free(key);
}

static int hammer_until(time_t end, unsigned int seed, struct counts *counts)
{
	struct hammer h = {
		.random = 0x9e3779b97f4a7c15ULL * (seed + 1),
		.buf = xmalloc(MAX_SIZE),
	};
	struct timespec now;
	int ret = 0;

	do {
		unsigned int i;

		for (i = 0; i < 100 && !ret; i++) {
			unsigned int what = next_random(&h.random) >> 32 & 15;

			if (what < 6)
				ret = hammer_put(&h, counts);
			else if (what < 13)
				ret = hammer_get(&h, counts);
			else
				ret = hammer_delete(&h, counts);
		}
		hammer_list(counts);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!ret && now.tv_sec < end);
	return ret;
}

/* Returns whether all the children ended well. */
static bool wait_for_all(void)
{
	bool ok = true;
	int status;

	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			ok = false;
	return ok;
}

static unsigned long number_of(const char *s, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || !n || n > max) {
		complain("%s: not a number from 1 to %lu", s, max);
		exit(EXIT_USAGE);
	}
	return n;
}

int cmd_hammer(int argc, char **argv)
{
	unsigned long seconds, processes = 4, i;
	struct counts *counts, sum = {};
	struct timespec now;
	bool ok;

	if (argc < 2 || argc > 3)
		usage();
	seconds = number_of(argv[1], 86400);
	if (argc == 3)
		processes = number_of(argv[2], MAX_PROCESSES);
	open_device();
	counts = mmap(NULL, processes * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED) {
		complain("out of memory");
		return EXIT_BAD;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	fflush(stdout);
	for (i = 0; i < processes; i++) {
		switch (fork()) {
		case -1:
			complain("fork: %s", strerror(errno));
			return EXIT_BAD;
		case 0:
			_exit(hammer_until(now.tv_sec + seconds, i, &counts[i]));
		}
	}
	ok = wait_for_all();
	for (i = 0; i < processes; i++) {
		sum.puts += counts[i].puts;
		sum.full += counts[i].full;
		sum.gets += counts[i].gets;
		sum.misses += counts[i].misses;
		sum.deletes += counts[i].deletes;
		sum.listed += counts[i].listed;
	}
	printf("hammered with %lu processes: %lu puts, %lu found the store full; ", processes,
	       sum.puts, sum.full);
	printf("%lu gets, %lu found no key; %lu deletes; %lu keys listed\n", sum.gets, sum.misses,
	       sum.deletes, sum.listed);
	return ok ? 0 : EXIT_BAD;
}
