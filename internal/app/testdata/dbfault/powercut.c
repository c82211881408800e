/*
 * A disk that forgets, when the power is cut, whatever was not synced. It stands
 * in LD_PRELOAD between SQLite and the C library, and keeps beside the ledger
 * what would undo each change since the last fsync of that file. A test kills
 * the program and then undoes the changes, the latest first.
 *
 *   POWER_FILE  the ledger's path: it and its -wal are meant
 *
 * The file of undoing has the ledger's name and ".undo" behind it. A record is
 * three 64-bit numbers (the offset, the size of the file before, the count of
 * bytes that follow) and the bytes that stood there. An fsync empties it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { most_files = 4096, most_kinds = 3 };

static char kind_of[most_files];          /* 1: the ledger, 2: its log */
static int undo_of[most_kinds] = {-1, -1, -1}; /* by kind */
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

/* real finds the C library's own function. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int kind(const char *path)
{
	const char *ledger = getenv("POWER_FILE");
	if (!ledger || strncmp(path, ledger, strlen(ledger)) != 0)
		return 0;
	path += strlen(ledger);
	return *path == 0 ? 1 : strcmp(path, "-wal") == 0 ? 2 : 0;
}

static int kind_at(int fd) { return fd >= 0 && fd < most_files ? kind_of[fd] : 0; }

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
		if (undo_of[k] < 0) {
			char name[4096];
			snprintf(name, sizeof name, "%s.undo", path);
			undo_of[k] = real(open64)(name, O_RDWR | O_CREAT | O_APPEND, 0600);
			if (undo_of[k] < 0)
				abort();
		}
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

/* remember notes what stands in size bytes from at on. */
static void remember(int fd, off64_t at, size_t size)
{
	struct stat64 before;
	int64_t head[3];
	char *record;
	if (fstat64(fd, &before) != 0)
		abort();
	ssize_t had = at < before.st_size ? before.st_size - at : 0;
	if (had > (ssize_t)size)
		had = size;
	if (!(record = malloc(sizeof head + had)) || pread64(fd, record + sizeof head, had, at) != had)
		abort();
	head[0] = at, head[1] = before.st_size, head[2] = had;
	memcpy(record, head, sizeof head);
	if (real(write)(undo_of[kind_at(fd)], record, sizeof head + had) != (ssize_t)(sizeof head + had))
		abort();
	free(record);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	if (!kind_at(fd))
		return real(pwrite64)(fd, data, size, at);
	pthread_mutex_lock(&order);
	remember(fd, at, size);
	ssize_t n = real(pwrite64)(fd, data, size, at);
	pthread_mutex_unlock(&order);
	return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (!kind_at(fd))
		return real(write)(fd, data, size);
	pthread_mutex_lock(&order);
	remember(fd, lseek64(fd, 0, SEEK_CUR), size);
	ssize_t n = real(write)(fd, data, size);
	pthread_mutex_unlock(&order);
	return n;
}

int ftruncate64(int fd, off64_t size)
{
	if (!kind_at(fd))
		return real(ftruncate64)(fd, size);
	pthread_mutex_lock(&order);
	struct stat64 before;
	if (fstat64(fd, &before) != 0)
		abort();
	remember(fd, size, before.st_size > size ? before.st_size - size : 0);
	int failed = real(ftruncate64)(fd, size);
	pthread_mutex_unlock(&order);
	return failed;
}

static int synced(int fd, int failed)
{
	if (!failed && kind_at(fd) && real(ftruncate64)(undo_of[kind_at(fd)], 0) != 0)
		abort();
	return failed;
}

int fsync(int fd)
{
	pthread_mutex_lock(&order);
	int failed = synced(fd, real(fsync)(fd));
	pthread_mutex_unlock(&order);
	return failed;
}

int fdatasync(int fd)
{
	pthread_mutex_lock(&order);
	int failed = synced(fd, real(fdatasync)(fd));
	pthread_mutex_unlock(&order);
	return failed;
}
