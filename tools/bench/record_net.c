// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic for tools/bench/record: sockets of three kinds, messages of many
 * sizes, and receivers that read in bursts, so that much is on its way at
 * times. Runs in the VM, statically linked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS 120 /* of each kind */
#define ROUNDS 10

struct pair {
	int in;
	int out;
};

static struct pair udp[PAIRS], tcp[PAIRS], local[PAIRS];
static char data[65536];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "record_net: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The same on every run. */
static unsigned int pseudo_random(void)
{
	static unsigned int state = 1;

	state = state * 1103515245 + 12345;
	return state >> 8 & 0xffffff;
}

/* What services say: most of it short, some of it long. */
static size_t message_size(void)
{
	unsigned int kind = pseudo_random() % 16;

	if (kind < 8)
		return 32 + pseudo_random() % 224;
	if (kind < 13)
		return 256 + pseudo_random() % 1200;
	if (kind < 15)
		return 1456 + pseudo_random() % 2600;
	return 4096 + pseudo_random() % 12000;
}

static void set_nonblocking(const struct pair *pair)
{
	must(!fcntl(pair->in, F_SETFL, O_NONBLOCK), "fcntl");
	must(!fcntl(pair->out, F_SETFL, O_NONBLOCK), "fcntl");
}

static int bound(int type, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, type, 0);

	must(fd >= 0, "socket");
	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(!bind(fd, (struct sockaddr *)addr, sizeof(*addr)), "bind");
	must(!getsockname(fd, (struct sockaddr *)addr, &len), "getsockname");
	return fd;
}

static void open_inet(struct pair *pair, int type)
{
	struct sockaddr_in addr;
	int fd = bound(type, &addr);

	pair->out = socket(AF_INET, type, 0);
	must(pair->out >= 0, "socket");
	if (type == SOCK_STREAM)
		must(!listen(fd, 8), "listen");
	must(!connect(pair->out, (struct sockaddr *)&addr, sizeof(addr)), "connect");
	pair->in = fd;
	if (type == SOCK_STREAM) {
		pair->in = accept(fd, NULL, NULL);
		must(pair->in >= 0, "accept");
		close(fd);
	}
	set_nonblocking(pair);
}

static void open_local(struct pair *pair)
{
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), "socketpair");
	pair->in = fds[0];
	pair->out = fds[1];
	set_nonblocking(pair);
}

static void close_pair(struct pair *pair)
{
	close(pair->in);
	close(pair->out);
}

/* Whoever has no room for a message loses it, as networks do. */
static void send_some(const struct pair *pair, unsigned int n)
{
	while (n--) {
		ssize_t sent = send(pair->out, data, message_size(), MSG_NOSIGNAL);

		must(sent >= 0 || errno == EAGAIN || errno == ENOBUFS, "send");
	}
}

static void receive_some(const struct pair *pair, unsigned int n)
{
	while (n-- && recv(pair->in, data, sizeof(data), 0) > 0)
		;
}

static void work(const struct pair *pairs, unsigned int round)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++)
		send_some(&pairs[i], 4 + pseudo_random() % 24);
	/* A third of them is slow, another one each time. */
	for (i = 0; i < PAIRS; i++)
		if ((i + round) % 3)
			receive_some(&pairs[i], pseudo_random() % 32);
}

int main(void)
{
	unsigned int i, round;

	for (i = 0; i < PAIRS; i++) {
		open_inet(&udp[i], SOCK_DGRAM);
		open_inet(&tcp[i], SOCK_STREAM);
		open_local(&local[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		work(udp, round);
		work(tcp, round);
		work(local, round);
		/* Clients come and go. */
		for (i = round; i < PAIRS; i += 5) {
			close_pair(&tcp[i]);
			open_inet(&tcp[i], SOCK_STREAM);
			close_pair(&local[i]);
			open_local(&local[i]);
		}
	}
	for (i = 0; i < PAIRS; i++) {
		receive_some(&udp[i], 1000);
		receive_some(&local[i], 1000);
		close_pair(&udp[i]);
		close_pair(&tcp[i]);
		close_pair(&local[i]);
	}
	return 0;
}
