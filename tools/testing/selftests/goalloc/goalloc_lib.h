/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the goalloc tests in C share: loading and unloading, and files as strings.
 *
 * Modules come from $GOALLOC_MODULES, or else from where modprobe finds them.
 */
#ifndef GOALLOC_LIB_H
#define GOALLOC_LIB_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug"
#define ROOT DEBUGFS "/goalloc"
#define PARAM(module, name) "/sys/module/" module "/parameters/" name
#define NOBODY 65534

static inline int run(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return system(command);
}

static inline int load(const char *module, const char *params)
{
	const char *dir = getenv("GOALLOC_MODULES");

	if (dir)
		return run("insmod %s/%s.ko %s", dir, module, params);
	return run("modprobe %s %s", module, params);
}

static inline bool loaded(const char *module)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

static inline int unload(const char *module)
{
	return loaded(module) ? run("rmmod %s", module) : 0;
}

static inline int unload_all(void)
{
	return unload("goalloc_gctorture") | unload("goalloc_liar") | unload("goalloc_peer") |
	       unload("goalloc_torture") | unload("goalloc_abuse") | unload("goalloc_fill") |
	       unload("goalloc_graph") | unload("goalloc_kv") | unload("goalloc_hello") |
	       unload("goalloc");
}

/* 0 or an errno. */
static inline int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = errno;
	close(fd);
	return err;
}

/* What is left of an open file, read in pieces of @step bytes; NULL and errno if that fails. */
static inline char *slurp_fd(int fd, size_t step)
{
	size_t len = 0, room = 65536;
	char *text = malloc(room + 1);
	ssize_t n;
	int err;

	while (text) {
		if (room - len < step) {
			room *= 2;
			text = realloc(text, room + 1);
			continue;
		}
		n = read(fd, text + len, step);
		if (n < 0) {
			err = errno ?: EIO;
			free(text);
			errno = err;
			return NULL;
		}
		if (!n)
			break;
		len += n;
	}
	if (text)
		text[len] = '\0';
	return text;
}

/* The same of all of a file. */
static inline char *slurp_by(const char *path, size_t step)
{
	int fd = open(path, O_RDONLY), err;
	char *text;

	if (fd < 0)
		return NULL;
	text = slurp_fd(fd, step);
	err = errno;
	close(fd);
	errno = err;
	return text;
}

static inline char *slurp(const char *path)
{
	return slurp_by(path, 65536);
}

#endif /* GOALLOC_LIB_H */
