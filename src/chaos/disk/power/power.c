/*
 * Writes down what a process does to the files of one folder, in order, so that a power cut can be
 * played at any moment of it (image.ts). Loaded by LD_PRELOAD; needs no privileges.
 *
 *   POWER_DIR    the folder, absolute; files that end in -shm are not part of it
 *   POWER_LOG    the record is appended here
 *   POWER_KEEP   a folder: what a change takes away is kept. Before it stands BEFORE with the bytes
 *                that it replaces, names that go get a link here by their inode's number, and the
 *                record is a row of files, POWER_LOG.0, .1, …, of some megabytes each
 *   POWER_FAIL   while there is a file of this name, the next fsync fails with EIO, and it is gone
 *   POWER_EIO    the n-th fsync of a file in the folder fails with EIO, and does nothing
 *   POWER_FULL   writes fail with ENOSPC once so many bytes were written
 *   POWER_SLOW   every fsync takes so many microseconds more, as a disk's does
 *
 * A record: kind u32 · bytes of a path u32 · inode u64 · position u64 · bytes of data u64 · path ·
 * data. It is written with one call under a lock, after the deed, before its caller goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPENED = 1, WRITTEN, TRUNCATED, RENAMED, UNLINKED, SYNCED, DIRECTORY_SYNCED, MARK,
       DIRECTORY_OPENED, BEFORE };

#define FDS 4096
static struct { int tracked, directory; uint64_t inode; } fds[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir, *fail_path, *keep, *log_path;
static size_t dir_bytes;
static int log_fd = -1, log_number;
static uint64_t log_bytes;
#define LOG_BYTES_MAX (8u << 20)
static long eio_at, full_at, slow_us, syncs, written;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
  return dlsym(RTLD_NEXT, name);
}

static void open_log(void) {
  char name[4096];
  if (keep == NULL) strncpy(name, log_path, sizeof name - 1);
  else snprintf(name, sizeof name, "%s.%d", log_path, log_number++);
  name[sizeof name - 1] = 0;
  log_fd = REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  log_bytes = 0;
}

static void begin(void) {
  static int begun;
  if (begun) return;
  begun = 1;
  log_path = getenv("POWER_LOG");
  dir = getenv("POWER_DIR");
  if (dir == NULL || log_path == NULL) { dir = NULL; return; }
  keep = getenv("POWER_KEEP");
  dir_bytes = strlen(dir);
  fail_path = getenv("POWER_FAIL");
  eio_at = getenv("POWER_EIO") ? atol(getenv("POWER_EIO")) : 0;
  full_at = getenv("POWER_FULL") ? atol(getenv("POWER_FULL")) : 0;
  slow_us = getenv("POWER_SLOW") ? atol(getenv("POWER_SLOW")) : 0;
  open_log();
}

static int ours(const char *path) {
  begin();
  if (dir == NULL || path == NULL || strncmp(path, dir, dir_bytes) != 0) return 0;
  size_t bytes = strlen(path);
  return bytes < 4 || strcmp(path + bytes - 4, "-shm") != 0;
}

static void record(uint32_t kind, const char *path, uint64_t inode, uint64_t position,
                   const void *data, uint64_t bytes) {
  struct { uint32_t kind, path; uint64_t inode, position, data; } head = {
      kind, path ? (uint32_t)strlen(path) : 0, inode, position, bytes};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)data, bytes}};
  uint64_t all = sizeof head + head.path + bytes;
  if (REAL(writev)(log_fd, parts, 3) != (ssize_t)all) abort();
  log_bytes += all;
  if (keep == NULL || log_bytes < LOG_BYTES_MAX) return;
  REAL(close)(log_fd);
  open_log();
}

/* How long a file is, and what it has in that range: what a change is about to take away. */
static void before(int fd, uint64_t inode, uint64_t at, uint64_t bytes) {
  if (keep == NULL) return;
  struct stat found;
  if (fstat(fd, &found) != 0) abort();
  uint64_t size = (uint64_t)found.st_size;
  uint64_t there = size > at ? size - at : 0;
  if (there > bytes) there = bytes;
  char *data = malloc(8 + there), name[32];
  if (data == NULL) abort();
  memcpy(data, &size, 8);
  int from = fd, own = -1;
  for (uint64_t done = 0; done < there;) {
    ssize_t got = pread64(from, data + 8 + done, there - done, (off64_t)(at + done));
    if (got <= 0 && own >= 0) abort();
    if (got <= 0) {
      /* It is open for writing alone. */
      snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
      from = own = REAL(open)(name, O_RDONLY | O_CLOEXEC);
      if (own < 0) abort();
      continue;
    }
    done += (uint64_t)got;
  }
  if (own >= 0) REAL(close)(own);
  record(BEFORE, NULL, inode, at, data, 8 + there);
  free(data);
}

/* An open that truncates. */
static void before_open(const char *path, int flags) {
  if (!(flags & O_TRUNC) || keep == NULL) return;
  int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (fd < 0) return;
  pthread_mutex_lock(&lock);
  if (fstat(fd, &found) == 0) before(fd, found.st_ino, 0, (uint64_t)found.st_size);
  pthread_mutex_unlock(&lock);
  REAL(close)(fd);
}

/* The inode of a name that is about to go; 0 when there is none. */
static uint64_t kept(const char *path) {
  struct stat found;
  if (stat(path, &found) != 0) return 0;
  if (keep != NULL) {
    char name[4096];
    snprintf(name, sizeof name, "%s/%llu", keep, (unsigned long long)found.st_ino);
    if (link(path, name) != 0 && errno != EEXIST) abort();
  }
  return found.st_ino;
}

static int opened(int fd, const char *path) {
  if (fd < 0 || fd >= FDS) return fd;
  fds[fd].tracked = 0;
  if (!ours(path)) return fd;
  struct stat found;
  if (fstat(fd, &found) != 0) return fd;
  pthread_mutex_lock(&lock);
  fds[fd].tracked = 1;
  fds[fd].directory = S_ISDIR(found.st_mode);
  fds[fd].inode = found.st_ino;
  record(fds[fd].directory ? DIRECTORY_OPENED : OPENED, path, found.st_ino, (uint64_t)found.st_size,
         NULL, 0);
  pthread_mutex_unlock(&lock);
  return fd;
}

static mode_t mode_of(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPENER(name)                                                    \
  int name(const char *path, int flags, ...) {                          \
    va_list rest;                                                       \
    va_start(rest, flags);                                              \
    mode_t mode = mode_of(flags, rest);                                 \
    va_end(rest);                                                       \
    if (ours(path)) before_open(path, flags);                           \
    return opened(REAL(name)(path, flags, mode), path);                 \
  }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                 \
  int name(int at, const char *path, int flags, ...) {                  \
    va_list rest;                                                       \
    va_start(rest, flags);                                              \
    mode_t mode = mode_of(flags, rest);                                 \
    va_end(rest);                                                       \
    if (ours(path)) before_open(path, flags);                           \
    return opened(REAL(name)(at, path, flags, mode), path);             \
  }
OPENER_AT(openat)
OPENER_AT(openat64)

static int is_ours(int fd) { return fd >= 0 && fd < FDS && fds[fd].tracked; }

int close(int fd) {
  if (is_ours(fd)) fds[fd].tracked = 0;
  return REAL(close)(fd);
}

static int full(size_t bytes) {
  if (full_at == 0) return 0;
  written += (long)bytes;
  return written > full_at;
}

static ssize_t write_at(int fd, const void *data, size_t bytes, off_t position) {
  pthread_mutex_lock(&lock);
  ssize_t done = -1;
  if (full(bytes)) errno = ENOSPC;
  else {
    before(fd, fds[fd].inode, (uint64_t)position, bytes);
    done = REAL(pwrite64)(fd, data, bytes, position);
  }
  int error = errno;
  if (done > 0) record(WRITTEN, NULL, fds[fd].inode, (uint64_t)position, data, (uint64_t)done);
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t position) {
  if (!is_ours(fd)) return REAL(pwrite)(fd, data, bytes, position);
  return write_at(fd, data, bytes, position);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t position) {
  if (!is_ours(fd)) return REAL(pwrite64)(fd, data, bytes, position);
  return write_at(fd, data, bytes, position);
}

ssize_t write(int fd, const void *data, size_t bytes) {
  if (!is_ours(fd)) return REAL(write)(fd, data, bytes);
  off_t position = lseek(fd, 0, SEEK_CUR);
  ssize_t done = write_at(fd, data, bytes, position);
  if (done > 0) lseek(fd, position + done, SEEK_SET);
  return done;
}

static int cut(int fd, off_t bytes) {
  pthread_mutex_lock(&lock);
  before(fd, fds[fd].inode, (uint64_t)bytes, UINT64_MAX);
  int failed = REAL(ftruncate)(fd, bytes);
  if (!failed) record(TRUNCATED, NULL, fds[fd].inode, (uint64_t)bytes, NULL, 0);
  pthread_mutex_unlock(&lock);
  return failed;
}

int ftruncate(int fd, off_t bytes) {
  return is_ours(fd) ? cut(fd, bytes) : REAL(ftruncate)(fd, bytes);
}

int ftruncate64(int fd, off64_t bytes) {
  return is_ours(fd) ? cut(fd, bytes) : REAL(ftruncate64)(fd, bytes);
}

int rename(const char *from, const char *to) {
  if (!ours(from) || !ours(to)) return REAL(rename)(from, to);
  pthread_mutex_lock(&lock);
  uint64_t replaced = kept(to);
  int failed = REAL(rename)(from, to);
  if (!failed) record(RENAMED, from, 0, replaced, to, strlen(to));
  pthread_mutex_unlock(&lock);
  return failed;
}

int unlink(const char *path) {
  if (!ours(path)) return REAL(unlink)(path);
  pthread_mutex_lock(&lock);
  uint64_t inode = kept(path);
  int failed = REAL(unlink)(path);
  if (!failed) record(UNLINKED, path, inode, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return failed;
}

static int sync_of(int fd, int (*sync)(int)) {
  if (slow_us > 0) usleep((useconds_t)slow_us);
  pthread_mutex_lock(&lock);
  int failed = -1, error = EIO;
  int told = fail_path != NULL && REAL(unlink)(fail_path) == 0;
  if (!told && (eio_at == 0 || ++syncs != eio_at)) {
    failed = sync(fd);
    error = errno;
  }
  if (!failed) {
    record(fds[fd].directory ? DIRECTORY_SYNCED : SYNCED, NULL, fds[fd].inode, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return failed;
}

int fsync(int fd) { return is_ours(fd) ? sync_of(fd, REAL(fsync)) : REAL(fsync)(fd); }
int fdatasync(int fd) { return is_ours(fd) ? sync_of(fd, REAL(fdatasync)) : REAL(fdatasync)(fd); }

/* Something the process has learned, for instance that a commit is durable. */
void power_mark(int64_t node, int64_t number) {
  begin();
  if (dir == NULL) return;
  pthread_mutex_lock(&lock);
  record(MARK, NULL, (uint64_t)node, (uint64_t)number, NULL, 0);
  pthread_mutex_unlock(&lock);
}
