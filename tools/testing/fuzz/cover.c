// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage: which edges of goalloc.ko a write led through, and how often, as
 * KCOV of the kernel (CONFIG_KCOV, goalloc built with GOALLOC_KCOV=y) recorded
 * it. What other parts of the kernel recorded does not count.
 *
 * An edge is a pair of addresses, hashed. How often one was taken counts in
 * powers of two, as it does in AFL: a bit each.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"

#define ENTRIES 262144UL
#define EDGES 65536U

#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_TRACE_PC 0

static unsigned long *area; /* how many, then so many addresses; the kernel writes it */
static unsigned long first, last; /* addresses of goalloc.ko */
static unsigned char seen[EDGES], hits[EDGES];
static unsigned int touched[EDGES], ntouched, nseen;

static bool find_module(void)
{
	FILE *f = fopen("/proc/modules", "r");
	char line[512], name[64];
	unsigned long size;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, " 0x");

		if (sscanf(line, "%63s %lu", name, &size) != 2 || strcmp(name, "goalloc") || !at)
			continue;
		found = sscanf(at, " %lx", &first) == 1;
		last = first + size;
	}
	if (f)
		fclose(f);
	return found && first;
}

/* Whether there is any to be had; it begins with the first cover_start(). */
bool cover_open(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR);

	if (fd < 0 || !find_module() || ioctl(fd, KCOV_INIT_TRACE, ENTRIES))
		return false;
	area = mmap(NULL, ENTRIES * sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (area == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) {
		area = NULL;
		return false;
	}
	return true;
}

void cover_start(void)
{
	if (area)
		__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

static unsigned char bucket(unsigned char n)
{
	unsigned char bit = 1;

	for (; n > 1 && bit < 0x80; n >>= 1)
		bit <<= 1;
	return bit;
}

/* What came since: how many edges, and whether there is something new about them. */
unsigned int cover_stop(bool *news)
{
	unsigned long n = area ? __atomic_load_n(&area[0], __ATOMIC_RELAXED) : 0, i, before = 0;

	*news = false;
	ntouched = 0;
	for (i = 1; i <= n && i < ENTRIES; i++) {
		unsigned long pc = area[i], at = pc - first;
		unsigned int edge = ((at * 0x9e3779b1) ^ (before * 0x85ebca6b) >> 3) % EDGES;

		if (pc < first || pc >= last)
			continue;
		before = at;
		if (!hits[edge])
			touched[ntouched++] = edge;
		if (hits[edge] < 255)
			hits[edge]++;
	}
	for (i = 0; i < ntouched; i++) {
		unsigned int edge = touched[i];
		unsigned char bit = bucket(hits[edge]);

		hits[edge] = 0;
		nseen += !seen[edge];
		*news |= !(seen[edge] & bit);
		seen[edge] |= bit;
	}
	return ntouched;
}

unsigned int cover_edges(void)
{
	return nseen;
}
