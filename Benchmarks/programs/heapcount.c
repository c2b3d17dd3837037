// Preloaded into a program, counts its heap calls in the file that HEAPCOUNT_FILE names: one 64-bit
// number, shared, so that it can be read while the program runs and however it ends.
//
// The calls go on to glibc through its own names for them; dlsym would itself allocate.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong calls_before_the_file;
static atomic_ulong *calls = &calls_before_the_file;

__attribute__((constructor)) static void share_the_count(void) {
  const char *path = getenv("HEAPCOUNT_FILE");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof *calls) < 0) abort();
  atomic_ulong *shared = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) abort();
  close(fd);
  atomic_store(shared, atomic_load(calls));
  calls = shared;
}

static void count(void) { atomic_fetch_add_explicit(calls, 1, memory_order_relaxed); }

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
  count();
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  void *allocated = memalign(alignment, size);
  if (!allocated) return ENOMEM;
  *block = allocated;
  return 0;
}
