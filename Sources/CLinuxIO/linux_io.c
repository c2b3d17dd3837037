#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <dirent.h>
#include <pthread.h>
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
