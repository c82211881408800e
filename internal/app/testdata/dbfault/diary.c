/*
 * A disk that keeps a diary: each change of the ledger and of its log, and each
 * sync that has come to its end, in the order in which they happened. A test lays
 * the size that the diary had when it saw something beside what the diary says, and
 * so knows what a power cut at that moment would have left. It stands in LD_PRELOAD
 * between SQLite and the C library.
 *
 *   DIARY_FILE  the ledger's path: it and its -wal are meant
 *   DIARY       the diary's path
 *   DIARY_LIES  if set, the disk says that it has synced and has not
 *
 * An entry is four 64-bit numbers (what: 'w'rite, 't'runcate, 's'ync or 'u'nlink;
 * the file: 1 the ledger, 2 its log; the offset or the new size; the count of
 * bytes that follow) and the bytes, in one write.
 *
 * A sync takes some milliseconds, as on a disk, and not the microseconds of a
 * file system in memory: whoever does not wait for its end is seen to be ahead.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_files = 4096 };

static const struct timespec a_while = {.tv_nsec = 3 * 1000 * 1000};

static char kind_of[most_files]; /* 1: the ledger, 2: its log */
static int diary = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

/* real finds the C library's own function. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int kind(const char *path)
{
	const char *ledger = getenv("DIARY_FILE");
	if (!ledger || strncmp(path, ledger, strlen(ledger)) != 0)
		return 0;
	path += strlen(ledger);
	return *path == 0 ? 1 : strcmp(path, "-wal") == 0 ? 2 : 0;
}

static int kind_at(int fd) { return fd >= 0 && fd < most_files ? kind_of[fd] : 0; }

/* enter adds an entry; the caller holds the lock. */
static void enter(int what, int file, off64_t at, const void *data, size_t size)
{
	int64_t head[4] = {what, file, at, size};
	char *entry = malloc(sizeof head + size);
	if (!entry)
		abort();
	memcpy(entry, head, sizeof head);
	if (size)
		memcpy(entry + sizeof head, data, size);
	if (real(write)(diary, entry, sizeof head + size) != (ssize_t)(sizeof head + size))
		abort();
	free(entry);
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = va_arg(rest, int);
	va_end(rest);
	int fd = real(open64)(path, flags, mode), k = kind(path);
	if (fd >= 0 && fd < most_files && k) {
		pthread_mutex_lock(&order);
		kind_of[fd] = k;
		if (diary < 0 && (diary = real(open64)(getenv("DIARY"), O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
			abort();
		pthread_mutex_unlock(&order);
	}
	return fd;
}

int close(int fd)
{
	if (kind_at(fd))
		kind_of[fd] = 0;
	return real(close)(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	if (!kind_at(fd))
		return real(pwrite64)(fd, data, size, at);
	pthread_mutex_lock(&order);
	ssize_t n = real(pwrite64)(fd, data, size, at);
	if (n > 0)
		enter('w', kind_at(fd), at, data, n);
	pthread_mutex_unlock(&order);
	return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (!kind_at(fd))
		return real(write)(fd, data, size);
	pthread_mutex_lock(&order);
	off64_t at = lseek64(fd, 0, SEEK_CUR);
	ssize_t n = real(write)(fd, data, size);
	if (n > 0)
		enter('w', kind_at(fd), at, data, n);
	pthread_mutex_unlock(&order);
	return n;
}

int ftruncate64(int fd, off64_t size)
{
	if (!kind_at(fd))
		return real(ftruncate64)(fd, size);
	pthread_mutex_lock(&order);
	int failed = real(ftruncate64)(fd, size);
	if (!failed)
		enter('t', kind_at(fd), size, NULL, 0);
	pthread_mutex_unlock(&order);
	return failed;
}

int unlink(const char *path)
{
	pthread_mutex_lock(&order);
	int failed = real(unlink)(path), k = kind(path);
	if (!failed && k && diary >= 0)
		enter('u', k, 0, NULL, 0);
	pthread_mutex_unlock(&order);
	return failed;
}

/* sync_now syncs by the function, and enters that it is done. */
static int sync_now(int fd, int (*by)(int))
{
	if (!kind_at(fd))
		return by(fd);
	if (getenv("DIARY_LIES"))
		return 0;
	real(nanosleep)(&a_while, NULL);
	pthread_mutex_lock(&order);
	int failed = by(fd);
	if (!failed)
		enter('s', kind_at(fd), 0, NULL, 0);
	pthread_mutex_unlock(&order);
	return failed;
}

int fsync(int fd) { return sync_now(fd, real(fsync)); }

int fdatasync(int fd) { return sync_now(fd, real(fdatasync)); }
