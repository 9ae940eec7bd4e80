/*
 * A disk that can lose power and run full, for LD_PRELOAD.
 *
 * Files under DISK_FROM are mirrored into DISK_TO, which gets what was written only when it is synced: after the
 * process was killed, DISK_TO is what a disk would hold after a power cut. While the file DISK_FAULT exists, its
 * content (ENOSPC, EROFS or EIO) is how writes to those files fail.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct change {
  struct change *next;
  off_t offset;
  ssize_t length; /* -1: the file ends at offset */
  char bytes[];
};

struct file {
  char *path;
  struct change *first, *last;
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct file files[64];
static struct file *open_files[FILES];

static const char *from(void) { return getenv("DISK_FROM"); }

static int fault(void) {
  char word[16] = "";
  int fd = REAL(open)(getenv("DISK_FAULT") ? getenv("DISK_FAULT") : "", O_RDONLY);
  if (fd < 0) return 0;
  ssize_t length = read(fd, word, sizeof word - 1);
  REAL(close)(fd);
  if (length <= 0) return 0;
  if (!strncmp(word, "ENOSPC", 6)) return ENOSPC;
  return strncmp(word, "EROFS", 5) ? EIO : EROFS;
}

static void mirror(const char *path, char *target) {
  snprintf(target, 4096, "%s%s", getenv("DISK_TO"), path + strlen(from()));
}

static struct file *file_of(const char *path) {
  if (!from() || strncmp(path, from(), strlen(from())) || strstr(path, "-shm")) return NULL;
  for (struct file *file = files; file < files + 64; file++) {
    if (!file->path) file->path = strdup(path);
    if (!strcmp(file->path, path)) return file;
  }
  abort();
}

static void add(struct file *file, const void *bytes, ssize_t length, off_t offset) {
  struct change *change = malloc(sizeof *change + (length > 0 ? length : 0));
  *change = (struct change){NULL, offset, length};
  if (length > 0) memcpy(change->bytes, bytes, length);
  if (file->last) file->last->next = change;
  else file->first = change;
  file->last = change;
}

/* Carries out what is waiting, or only forgets it. */
static void settle(struct file *file, int carry_out) {
  char target[4096];
  mirror(file->path, target);
  int fd = carry_out ? REAL(open)(target, O_WRONLY | O_CREAT, 0600) : -1;
  while (file->first) {
    struct change *change = file->first;
    file->first = change->next;
    if (carry_out && change->length < 0 && REAL(ftruncate)(fd, change->offset)) abort();
    if (carry_out && change->length > 0 && REAL(pwrite)(fd, change->bytes, change->length, change->offset) < 0) abort();
    free(change);
  }
  file->last = NULL;
  if (fd >= 0) REAL(close)(fd);
}

static int opened(const char *path, int fd) {
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < FILES) open_files[fd] = file_of(path);
  pthread_mutex_unlock(&lock);
  return fd;
}

static int refused(const char *path, int flags) {
  if (!from() || strncmp(path, from(), strlen(from())) || (flags & O_ACCMODE) == O_RDONLY || fault() != EROFS) return 0;
  errno = EROFS;
  return 1;
}

#define OPEN(name)                                          \
  int name(const char *path, int flags, ...) {              \
    va_list rest;                                           \
    va_start(rest, flags);                                  \
    int mode = va_arg(rest, int);                           \
    va_end(rest);                                           \
    if (refused(path, flags)) return -1;                    \
    return opened(path, REAL(name)(path, flags, mode));     \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < FILES) open_files[fd] = NULL;
  pthread_mutex_unlock(&lock);
  return REAL(close)(fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset) {
  pthread_mutex_lock(&lock);
  struct file *file = fd >= 0 && fd < FILES ? open_files[fd] : NULL;
  int failure = file ? fault() : 0;
  ssize_t written = failure ? -1 : REAL(pwrite)(fd, bytes, length, offset);
  if (file && written > 0) add(file, bytes, written, offset);
  pthread_mutex_unlock(&lock);
  if (failure) errno = failure;
  return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset); }

static int cut(int fd, off_t length) {
  pthread_mutex_lock(&lock);
  struct file *file = fd >= 0 && fd < FILES ? open_files[fd] : NULL;
  int result = REAL(ftruncate)(fd, length);
  if (file && result == 0) add(file, NULL, -1, length);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int sync_file(int fd) {
  pthread_mutex_lock(&lock);
  struct file *file = fd >= 0 && fd < FILES ? open_files[fd] : NULL;
  if (file) settle(file, 1);
  pthread_mutex_unlock(&lock);
  return file ? 0 : REAL(fsync)(fd);
}
int fsync(int fd) { return sync_file(fd); }
int fdatasync(int fd) { return sync_file(fd); }

int unlink(const char *path) {
  char target[4096];
  pthread_mutex_lock(&lock);
  struct file *file = file_of(path);
  if (file) {
    settle(file, 0);
    mirror(path, target);
    REAL(unlink)(target);
  }
  pthread_mutex_unlock(&lock);
  return REAL(unlink)(path);
}
