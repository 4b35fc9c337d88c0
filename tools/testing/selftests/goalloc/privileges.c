// SPDX-License-Identifier: GPL-2.0
/*
 * Who may see and do what: no view and no line of the log has a kernel address
 * beyond what kptr_restrict allows its reader, and whoever lacks CAP_SYS_ADMIN
 * changes nothing, root or not.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "goalloc_lib.h"

#define KPTR "/proc/sys/kernel/kptr_restrict"
#define MARK "privileges: test begins"
#define MAX_FILES 64

/*
 * Kernel addresses are the upper half of what there is, on 64-bit machines. The
 * last page holds none: those are errors.
 */
static bool is_address(unsigned long long v)
{
	return v >= 0xff00000000000000ULL && v < -4096ULL;
}

/* Addresses in a text, in hexadecimal or as a decimal number. */
static unsigned int addresses(const char *text, const char *what)
{
	unsigned int found = 0;
	const char *p = text;

	while (*p) {
		size_t hex = strspn(p, "0123456789abcdefABCDEF");
		size_t dec = strspn(p, "0123456789");

		if (!hex) {
			p++;
			continue;
		}
		if ((hex == 16 && is_address(strtoull(p, NULL, 16))) ||
		    (dec == hex && dec == 20 && is_address(strtoull(p, NULL, 10)))) {
			found++;
			if (what)
				fprintf(stderr, "# %s: %.*s\n", what, (int)hex, p);
		}
		p += hex;
	}
	return found;
}

TEST(the_search_finds_addresses)
{
	EXPECT_EQ(addresses("a ffffc90000010000 b", NULL), 1);
	EXPECT_EQ(addresses("at 0xffffffff81000000, 18446744071578845184", NULL), 2);
	EXPECT_EQ(addresses("000000001a2b3c4d 0000000000000000 ffffffffffffffda", NULL), 0);
	EXPECT_EQ(addresses("18446744073709551615 12345678901234567 ffffffff", NULL), 0);
}

/* All views of debugfs, open; a process that may not open them may still read these. */
struct views {
	int fd[MAX_FILES];
	char path[MAX_FILES][300];
	unsigned int n;
};

static void open_views(struct views *views, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[300];
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			open_views(views, path);
		} else if (st.st_mode & 0400 && views->n < MAX_FILES) {
			views->fd[views->n] = open(path, O_RDONLY);
			memcpy(views->path[views->n], path, sizeof(path));
			views->n += views->fd[views->n] >= 0;
		}
	}
	if (d)
		closedir(d);
}

/* Addresses in all views, as this process gets to see them; -1 if one cannot be read. */
static int addresses_in_views(struct views *views, bool tell)
{
	unsigned int i, found = 0;

	for (i = 0; i < views->n; i++) {
		char *text;

		lseek(views->fd[i], 0, SEEK_SET);
		text = slurp_fd(views->fd[i], 65536);
		if (!text)
			return -1;
		found += addresses(text, tell ? views->path[i] : NULL);
		free(text);
	}
	return found;
}

/* Without this capability from here on, whoever one is. */
static int drop(int cap)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	data[CAP_TO_INDEX(cap)].permitted &= ~CAP_TO_MASK(cap);
	data[CAP_TO_INDEX(cap)].inheritable &= ~CAP_TO_MASK(cap);
	if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
		return -1;
	return syscall(SYS_capset, &header, data);
}

static int become_nobody(void)
{
	return setgid(NOBODY) || setuid(NOBODY) ? -1 : 0;
}

static int lose_syslog(void)
{
	return drop(CAP_SYSLOG);
}

/* As addresses_in_views() in a process that is what @become made of it; -2 if that failed. */
static int seen_by(struct views *views, int (*become)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -2;
	if (!pid) {
		int n = become() ? -2 : addresses_in_views(views, true);

		_exit(n < 0 ? 256 + n : n > 200 ? 200 : n);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -2;
	status = WEXITSTATUS(status);
	return status > 200 ? status - 256 : status;
}

FIXTURE(privileges)
{
	char *kptr;
	struct views views;
};

FIXTURE_SETUP(privileges)
{
	char *cmdline = slurp("/proc/cmdline");

	if (getuid())
		SKIP(return, "only root can load modules");
	if (sizeof(long) < 8 || access("/proc/sys/kernel/kptr_restrict", W_OK))
		SKIP(return, "needs a 64-bit machine and kptr_restrict");
#ifndef __x86_64__
	/* In User-Mode Linux, for one, the kernel is a process, somewhere low. */
	SKIP(return, "where kernel addresses are is known for x86-64");
#endif
	if (strstr(cmdline, "no_hash_pointers") || strstr(cmdline, "hash_pointers=never"))
		SKIP(return, "pointers are not hashed");
	free(cmdline);
	mount("none", DEBUGFS, "debugfs", 0, NULL);
	ASSERT_EQ(unload_all(), 0);
	ASSERT_EQ(load("goalloc", "arena_mb=4"), 0);
	ASSERT_EQ(load("goalloc_fill", ""), 0);
	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "1000 64"), 0);
	ASSERT_EQ(put(PARAM("goalloc_fill", "add"), "10 100000"), 0);
	self->kptr = slurp(KPTR);
	memset(&self->views, 0, sizeof(self->views));
	open_views(&self->views, ROOT);
	EXPECT_GT(self->views.n, 12);
}

FIXTURE_TEARDOWN(privileges)
{
	unsigned int i;

	for (i = 0; i < self->views.n; i++)
		close(self->views.fd[i]);
	if (self->kptr)
		put(KPTR, self->kptr);
	EXPECT_EQ(unload_all(), 0);
}

/* Hashed; or as they are, for those who have CAP_SYSLOG and are who they were; or zeros. */
/* Elsewhere, in User-Mode Linux say, they look like any number. */
static bool kernel_lies_high(void)
{
	char *symbols = slurp("/proc/kallsyms");
	bool high = symbols && !strncmp(symbols, "ffff", 4);

	free(symbols);
	return high;
}

TEST_F(privileges, views_follow_kptr_restrict)
{
	ASSERT_EQ(put(KPTR, "0"), 0);
	if (!kernel_lies_high())
		SKIP(return, "kernel addresses cannot be told from numbers here");
	EXPECT_EQ(addresses_in_views(&self->views, true), 0);
	EXPECT_EQ(seen_by(&self->views, become_nobody), 0);
	EXPECT_EQ(seen_by(&self->views, lose_syslog), 0);

	ASSERT_EQ(put(KPTR, "1"), 0);
	/* That there are some shows that the others were looked for. */
	EXPECT_GT(addresses_in_views(&self->views, false), 0);
	EXPECT_EQ(seen_by(&self->views, become_nobody), 0);
	EXPECT_EQ(seen_by(&self->views, lose_syslog), 0);

	ASSERT_EQ(put(KPTR, "2"), 0);
	EXPECT_EQ(addresses_in_views(&self->views, true), 0);
	EXPECT_EQ(seen_by(&self->views, become_nobody), 0);
	EXPECT_EQ(seen_by(&self->views, lose_syslog), 0);
}

/* goalloc's own lines since the mark; a stack dump's are the kernel's. */
static unsigned int addresses_in_log(unsigned int *lines)
{
	int size = klogctl(10, NULL, 0), n;
	char *log = malloc(size + 1), *line, *next;
	unsigned int found = 0;

	*lines = 0;
	n = klogctl(3, log, size);
	if (n < 0)
		return 0;
	log[n] = '\0';
	for (line = log; (next = strstr(line, MARK)); line = next + 1)
		;
	for (; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!strstr(line, "goalloc"))
			continue;
		++*lines;
		found += addresses(line, "log");
	}
	free(log);
	return found;
}

/* Misuse of all kinds, leaks, and lack of memory: what goalloc has to say of objects. */
TEST_F_TIMEOUT(privileges, log_has_no_addresses, 300)
{
	static const char *const restrict_to[] = { "0", "2", "1" };
	static const char *const few[] = { "double_free_local", "heap_gone", "usercopy" };
	char *cases, *name, *save;
	unsigned int i, k, lines;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(put("/dev/kmsg", MARK "\n"), 0);
		ASSERT_EQ(put(KPTR, restrict_to[i]), 0);
		ASSERT_EQ(load("goalloc_abuse", ""), 0);
		/* Those that may see most see all there is. */
		cases = slurp(PARAM("goalloc_abuse", "cases"));
		ASSERT_NE(cases, NULL);
		for (k = 0; i < 2 && k < 3; k++)
			EXPECT_EQ(put(PARAM("goalloc_abuse", "what"), few[k]), 0);
		for (name = strtok_r(cases, "\n", &save); i == 2 && name;
		     name = strtok_r(NULL, "\n", &save))
			EXPECT_EQ(put(PARAM("goalloc_abuse", "what"), name), 0);
		free(cases);
		EXPECT_EQ(unload("goalloc_abuse"), 0);
		EXPECT_EQ(addresses_in_log(&lines), 0);
		EXPECT_GT(lines, 3 + 20 * (i == 2));
	}
	/* Where one is, it is found. */
	ASSERT_EQ(put("/dev/kmsg", "goalloc: ffffc90000010000\n"), 0);
	EXPECT_EQ(addresses_in_log(&lines), 1);
}

static const struct {
	const char *path, *text;
} controls[] = {
	{ ROOT "/shrink", "1" },
	{ ROOT "/heaps.d/fill/limit", "64M" },
	{ ROOT "/heaps.d/fill/debug", "-" },
};

/* Refused when it is opened, or when it is written to. */
static bool denied(const char *path, int flags, const char *text)
{
	int fd = open(path, flags);
	bool no;

	if (fd < 0)
		return errno == EPERM;
	no = write(fd, text, strlen(text)) < 0 && errno == EPERM;
	close(fd);
	return no;
}

/* Root in a container, say: it may look, but not touch. */
TEST_F(privileges, writes_need_cap_sys_admin)
{
	int flags[] = { O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC }, status;
	char *stats, *limit;
	unsigned int i, k;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(controls); i++)
		EXPECT_EQ(put(controls[i].path, controls[i].text), 0);
	fflush(NULL);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int bad = drop(CAP_SYS_ADMIN) || getuid();

		for (i = 0; i < ARRAY_SIZE(controls); i++)
			for (k = 0; k < ARRAY_SIZE(flags); k++) {
				if (denied(controls[i].path, flags[k], controls[i].text))
					continue;
				fprintf(stderr, "# %s lets it in\n", controls[i].path);
				bad = 1;
			}
		stats = slurp(ROOT "/stats");
		limit = slurp(controls[1].path);
		_exit(bad || !stats || !limit || strcmp(limit, "67108864\n"));
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(put(controls[1].path, "max"), 0);
}

TEST_HARNESS_MAIN
