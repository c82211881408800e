/*
 * A disk that fails on demand, for a program that is started with this library
 * in LD_PRELOAD. It stands between SQLite and the C library and counts whatever
 * changes a file whose name begins with that of the ledger: write, pwrite,
 * ftruncate, fsync, and open where it makes the file.
 *
 *   SHIM_FILE    the ledger's path: it, its -wal, -shm and -journal are meant
 *   SHIM_ERRNO   the error, for example 28 for ENOSPC; 0 kills the program instead
 *   SHIM_FROM    the number of the change that fails, counted from 1
 *   SHIM_WHILE   if set, every change from that one on fails as long as this
 *                file exists; otherwise that one alone
 *   SHIM_LOG     gets a line for each change that failed
 *   SHIM_COUNT   if set, gets a line for each change, failed or not
 *   SHIM_HASTE   if set, nobody sleeps: a wait for somebody's lock is over at once
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_files = 4096 };

static _Atomic char ours[most_files]; /* whether the file descriptor is the ledger's */
static atomic_long changes;

/* real finds the C library's own function. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_ledger(const char *path)
{
	const char *ledger = getenv("SHIM_FILE");
	return ledger && strncmp(path, ledger, strlen(ledger)) == 0;
}

static int is_ours(int fd) { return fd >= 0 && fd < most_files && ours[fd]; }

static void note(const char *where, long n, const char *what)
{
	char line[64];
	int fd;
	if (!where || (fd = real(open64)(where, O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
		return;
	ssize_t written = real(write)(fd, line, snprintf(line, sizeof line, "%ld %s\n", n, what));
	(void)written;
	real(close)(fd);
}

/* fails counts a change, and sets errno for one that is to fail. */
static int fails(const char *what)
{
	const char *from = getenv("SHIM_FROM"), *until = getenv("SHIM_WHILE");
	long n = atomic_fetch_add(&changes, 1) + 1;
	note(getenv("SHIM_COUNT"), n, what);
	if (!from || n < atol(from) || (until ? access(until, F_OK) != 0 : n != atol(from)))
		return 0;
	note(getenv("SHIM_LOG"), n, what);
	if (atoi(getenv("SHIM_ERRNO")) == 0)
		kill(getpid(), SIGKILL);
	errno = atoi(getenv("SHIM_ERRNO"));
	return 1;
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = va_arg(rest, int);
	va_end(rest);
	if (!is_ledger(path))
		return real(open64)(path, flags, mode);
	if ((flags & O_CREAT) && access(path, F_OK) != 0 && fails("open"))
		return -1;
	int fd = real(open64)(path, flags, mode);
	if (fd >= 0 && fd < most_files)
		ours[fd] = 1;
	return fd;
}

int close(int fd)
{
	if (is_ours(fd))
		ours[fd] = 0;
	return real(close)(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return is_ours(fd) && fails("write") ? -1 : real(write)(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	return is_ours(fd) && fails("pwrite") ? -1 : real(pwrite64)(fd, data, size, at);
}

int ftruncate64(int fd, off64_t size)
{
	return is_ours(fd) && fails("ftruncate") ? -1 : real(ftruncate64)(fd, size);
}

int fsync(int fd)
{
	return is_ours(fd) && fails("fsync") ? -1 : real(fsync)(fd);
}

int nanosleep(const struct timespec *how_long, struct timespec *left)
{
	return getenv("SHIM_HASTE") ? 0 : real(nanosleep)(how_long, left);
}
