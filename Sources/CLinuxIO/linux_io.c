#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <dirent.h>
#include <pthread.h>

ssize_t linux_io_getdents64(int descriptor, void *buffer, size_t capacity) {
  return getdents64(descriptor, buffer, capacity);
}

void linux_io_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }
