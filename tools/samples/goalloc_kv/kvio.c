// SPDX-License-Identifier: GPL-2.0
/*
 * kvctl's way to the device, and to files as a whole.
 */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvctl.h"

const char *dev_name = GOALLOC_KV_DEVICE;
static int dev = -1;

void open_device(void)
{
	dev = open(dev_name, O_RDWR | O_CLOEXEC);
	if (dev >= 0)
		return;
	complain("%s: %s%s", dev_name, strerror(errno),
		 errno == ENOENT ? " (is goalloc_kv.ko loaded?)" : "");
	exit(EXIT_DEVICE);
}

int kv_ioctl(unsigned long cmd, void *arg)
{
	int err = ioctl(dev, cmd, arg) < 0 ? errno : 0;

	if (err == ENOTTY) {
		complain("%s is not a goalloc_kv device", dev_name);
		exit(EXIT_DEVICE);
	}
	return err;
}

static struct goalloc_kv_pair pair_of(const char *key, const void *value, size_t size)
{
	return (struct goalloc_kv_pair){
		.key = (uintptr_t)key,
		.key_size = strlen(key),
		.value = (uintptr_t)value,
		.value_size = size,
	};
}

/* @value has room for MAX_SIZE bytes. */
int kv_get(const char *key, void *value, size_t *size)
{
	struct goalloc_kv_pair pair = pair_of(key, value, MAX_SIZE);
	int err = kv_ioctl(GOALLOC_KV_GET, &pair);

	*size = pair.value_size;
	return err;
}

int kv_delete(const char *key)
{
	struct goalloc_kv_pair pair = pair_of(key, NULL, 0);

	return kv_ioctl(GOALLOC_KV_DELETE, &pair);
}

int kv_put(const char *key, const void *value, size_t size)
{
	struct goalloc_kv_pair pair = pair_of(key, value, size);

	return kv_ioctl(GOALLOC_KV_PUT, &pair);
}

/* A full store ends the program: the next file would not fit either. */
int put_or_exit(const char *key, const void *value, size_t size)
{
	int err = kv_put(key, value, size);

	if (err == ENOSPC || err == ENOMEM) {
		complain("%s: %zu bytes: %s", key, size,
			 err == ENOSPC ? "the store is full" : strerror(err));
		exit(EXIT_FULL);
	}
	return err;
}

/*
 * Walks the keys of the store: @next is zeroed at the beginning, *@buf of *@room
 * bytes becomes the next key, NUL terminated, and grows as needed. Returns false
 * at the end.
 */
bool next_key(struct goalloc_kv_next *next, char **buf, size_t *room)
{
	for (;;) {
		int err;

		next->key = (uintptr_t)*buf;
		next->key_size = *room ? *room - 1 : 0;
		err = kv_ioctl(GOALLOC_KV_NEXT, next);
		if (!err) {
			(*buf)[next->key_size] = '\0';
			return true;
		}
		if (err == ENOENT)
			return false;
		if (err != ERANGE) {
			complain("listing: %s", strerror(err));
			exit(EXIT_BAD);
		}
		free(*buf);
		*room = 2 * (size_t)next->key_size + 1;
		*buf = xmalloc(*room);
	}
}

/*
 * Reads to the end of the file, whatever its st_size. Returns the size,
 * MAX_SIZE + 1 if it is larger than MAX_SIZE, or -1 and errno.
 */
ssize_t read_fd(int fd, unsigned char *buf)
{
	size_t size = 0;
	ssize_t n;

	while (size <= MAX_SIZE) {
		n = read(fd, buf + size, MAX_SIZE + 1 - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)size;
		size += n;
	}
	return size;
}

ssize_t read_file(const char *path, unsigned char *buf)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read_fd(fd, buf);
	err = errno;
	close(fd);
	errno = err;
	return size;
}

bool write_all(int fd, const unsigned char *buf, size_t size)
{
	while (size) {
		ssize_t n = write(fd, buf, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		buf += n;
		size -= n;
	}
	return true;
}
