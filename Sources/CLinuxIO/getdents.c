#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <dirent.h>

ssize_t linux_io_getdents64(int descriptor, void *buffer, size_t capacity) {
  return getdents64(descriptor, buffer, capacity);
}
