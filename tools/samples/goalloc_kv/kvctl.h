/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of kvctl share.
 */
#ifndef KVCTL_H
#define KVCTL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "goalloc_kv.h"

#define MAX_SIZE GOALLOC_KV_MAX_SIZE

enum {
	EXIT_BAD = 1,		/* something is missing, differs or could not be read */
	EXIT_USAGE = 2,
	EXIT_DEVICE = 3,
	EXIT_FULL = 4,
	EXIT_SKIPPED = 5,
};

/* A line on stderr, behind all that went to stdout. */
#define complain(fmt, ...)						\
	(fflush(stdout), fprintf(stderr, "kvctl: " fmt "\n", ##__VA_ARGS__))

/* kvctl.c */
void *xmalloc(size_t size);
void usage(void);

/* kvio.c: the device, and whole files. What returns an int returns an errno. */
extern const char *dev_name;
void open_device(void);
int kv_ioctl(unsigned long cmd, void *arg);
int kv_get(const char *key, void *value, size_t *size);
int kv_delete(const char *key);
int kv_put(const char *key, const void *value, size_t size);
int put_or_exit(const char *key, const void *value, size_t size);
bool next_key(struct goalloc_kv_next *next, char **buf, size_t *room);
ssize_t read_fd(int fd, unsigned char *buf);
ssize_t read_file(const char *path, unsigned char *buf);
bool write_all(int fd, const unsigned char *buf, size_t size);

/* kvfiles.c: the commands that work on many files */
extern unsigned long progress_every;
int cmd_load(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* kvhammer.c */
int cmd_hammer(int argc, char **argv);

/* manifest.c */
void manifest_open(const char *path);
void manifest_add(const char *key, const void *value, size_t size);
bool manifest_close(void);
void manifest_read(const char *path);
const char *manifest_check(const char *key, const void *value, size_t size);

#endif /* KVCTL_H */
