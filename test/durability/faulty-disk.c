/*
 * Preloaded into a server, makes its system calls on journal segments fail with EIO while the file named by FAULT_FILE
 * exists: those whose name stands in that file (`fdatasync` or `write`). For the faults of a real disk that no test can
 * order from a real disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd, const char *call) {
  const char *path = getenv("FAULT_FILE");
  char link[64], target[4096], text[32];
  if (path == NULL) return 0;
  int fault = open(path, O_RDONLY | O_CLOEXEC);
  if (fault < 0) return 0;
  ssize_t size = syscall(SYS_read, fault, text, sizeof text - 1);
  close(fault);
  if (size <= 0) return 0;
  text[size] = 0;
  if (strcmp(text, call) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink(link, target, sizeof target - 1);
  if (size <= 0) return 0;
  target[size] = 0;
  return strstr(target, "/journal-") != NULL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_IF(fd, call) if (fails(fd, call)) { errno = EIO; return -1; }

int fdatasync(int fd) { FAIL_IF(fd, "fdatasync"); return REAL(fdatasync)(fd); }
ssize_t write(int fd, const void *b, size_t n) { FAIL_IF(fd, "write"); return REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { FAIL_IF(fd, "write"); return REAL(pwrite)(fd, b, n, at); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { FAIL_IF(fd, "write"); return REAL(pwrite64)(fd, b, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { FAIL_IF(fd, "write"); return REAL(writev)(fd, v, n); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { FAIL_IF(fd, "write"); return REAL(pwritev)(fd, v, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { FAIL_IF(fd, "write"); return REAL(pwritev64)(fd, v, n, at); }
