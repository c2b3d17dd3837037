#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/xattr.h>
#include <time.h>

ssize_t linux_io_getdents64(int descriptor, void *buffer, size_t capacity) {
  return getdents64(descriptor, buffer, capacity);
}

void linux_io_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int64_t linux_io_clock_nanoseconds(int clock) {
  struct timespec now = {0};
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int linux_io_enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }

ssize_t linux_io_getxattr(const char *path, const char *name, void *value, size_t capacity) {
  return getxattr(path, name, value, capacity);
}

void linux_io_return_large_blocks(void) { mallopt(M_MMAP_THRESHOLD, 256 << 10); }

void linux_io_fill_standard_streams(void) {
  for (int descriptor = 0; descriptor <= 2; descriptor++) {
    // open(2) takes the lowest free number, which is this one. Opened the wrong way round, so that
    // reading input or writing output fails as it would on a closed descriptor.
    if (fcntl(descriptor, F_GETFD) < 0 &&
        open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) < 0) {
      return;
    }
  }
}
