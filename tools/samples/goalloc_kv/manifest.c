// SPDX-License-Identifier: GPL-2.0
/*
 * The manifest: the CRC-32, size and key of each stored file, as records
 * "crc size key" that end in NUL, since keys may hold newlines. It is written
 * while loading and checked while verifying, and so catches what happened to a
 * value even if the same happened to the file. Of records with the same key
 * the last one counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "kvctl.h"

#define NR_BUCKETS 65536

struct record {
	struct record *next;
	__u32 crc;
	__u32 size;
	char key[];
};

static struct record **records;
static FILE *manifest;

/* Written at its end, so that several loads can share one. */
void manifest_open(const char *path)
{
	manifest = fopen(path, "ae");
	if (!manifest) {
		complain("%s: %s", path, strerror(errno));
		exit(EXIT_BAD);
	}
}

/* One write a record, since another load may append its own meanwhile. */
void manifest_add(const char *key, const void *value, size_t size)
{
	if (!manifest)
		return;
	fprintf(manifest, "%08x %zu %s%c", crc32(value, size), size, key, '\0');
	fflush(manifest);
}

/* Returns false if not everything could be written. */
bool manifest_close(void)
{
	bool bad = manifest && ferror(manifest);

	return !manifest || (!fclose(manifest) && !bad);
}

static struct record **bucket_of(const char *key)
{
	return &records[crc32(key, strlen(key)) % NR_BUCKETS];
}

static struct record *find_record(const char *key)
{
	struct record *r = *bucket_of(key);

	while (r && strcmp(r->key, key))
		r = r->next;
	return r;
}

static void add_record(__u32 crc, __u32 size, const char *key)
{
	struct record *r = find_record(key);
	size_t room = strlen(key) + 1;

	if (!r) {
		r = xmalloc(sizeof(*r) + room);
		memcpy(r->key, key, room);
		r->next = *bucket_of(key);
		*bucket_of(key) = r;
	}
	r->crc = crc;
	r->size = size;
}

static void add_line(const char *path, const char *line)
{
	unsigned int crc, size;
	int pos = 0;

	if (sscanf(line, "%x %u%n", &crc, &size, &pos) < 2 || line[pos] != ' ') {
		complain("%s is not a manifest", path);
		exit(EXIT_BAD);
	}
	add_record(crc, size, line + pos + 1);
}

void manifest_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!f) {
		complain("%s: %s", path, strerror(errno));
		exit(EXIT_BAD);
	}
	records = xmalloc(NR_BUCKETS * sizeof(*records));
	memset(records, 0, NR_BUCKETS * sizeof(*records));
	while (getdelim(&line, &room, '\0', f) > 0)
		add_line(path, line);
	free(line);
	fclose(f);
}

/* Returns NULL if the value is what the manifest says, else what is wrong. */
const char *manifest_check(const char *key, const void *value, size_t size)
{
	const struct record *r;

	if (!records)
		return NULL;
	r = find_record(key);
	if (!r)
		return "not in the manifest";
	if (r->size != size || r->crc != crc32(value, size))
		return "CRC-32 is not the one of the manifest";
	return NULL;
}
