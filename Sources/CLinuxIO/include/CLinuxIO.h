#ifndef C_LINUX_IO_H
#define C_LINUX_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// getdents64(2). glibc declares it only where _DEFAULT_SOURCE meets large-file extensions that
/// Swift's Glibc module leaves out, and syscall(2) is variadic, which Swift cannot call. To be
/// deleted when `import Glibc` offers it.
ssize_t linux_io_getdents64(int descriptor, void *_Nonnull buffer, size_t capacity);

/// pthread_setname_np(3) for the calling thread: what `ps -L` and `top -H` show; at most 15 bytes.
/// glibc declares it for _GNU_SOURCE only, which Swift's Glibc module does not define. To be deleted
/// when `import Glibc` offers it.
void linux_io_set_thread_name(const char *_Nonnull name);

/// clock_gettime(2) in nanoseconds. Which module struct timespec belongs to depends on what else was
/// imported before, and Swift 6.3 then refuses its fields under MemberImportVisibility. To be
/// deleted when it no longer does.
int64_t linux_io_clock_nanoseconds(int clock);

/// setns(2) with CLONE_NEWNET: moves the calling thread into the network namespace that is open under
/// the descriptor. 0, or -1 with errno. glibc declares it for _GNU_SOURCE only. To be deleted when
/// `import Glibc` offers it.
int linux_io_enter_network_namespace(int descriptor);

/// getxattr(2), which `import Glibc` does not offer either.
ssize_t linux_io_getxattr(const char *_Nonnull path, const char *_Nonnull name, void *_Nonnull value,
                          size_t capacity);

/// Lets malloc return large blocks to the kernel when they are freed, always. By itself it keeps more
/// and more of them as it meets larger ones (M_MMAP_THRESHOLD of mallopt(3)). In C because the names
/// are not part of `import Glibc`.
void linux_io_return_large_blocks(void);

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed. Otherwise the next
/// file or socket would take the number, and logs would be written into it. In C because fcntl(2)
/// is variadic.
void linux_io_fill_standard_streams(void);

#endif
