#ifndef C_SOCKET_ITERATORS_H
#define C_SOCKET_ITERATORS_H

/// Loads the program in bpf/ with libbpf.
///
/// Why it exists: libbpf tells what went wrong through a variadic callback with a va_list, which Swift
/// cannot be. When it can be deleted: when Swift can.

#include <stddef.h>
#include <stdint.h>

#include "descriptor_rows.h"

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

enum {
  /// It was built without BPF. No system call fails with this number.
  SOCKET_ITERATORS_NOT_BUILT = -4096,
};

/// Loads the program into the kernel and makes a link, from which each pass over the descriptors
/// begins. Nothing is pinned: both are gone when the link is closed, or with the process.
/// - only_namespace: the inode of the network namespace whose sockets are told apart; 0 for all.
/// - message: takes libbpf's last warning, NUL-terminated; empty where there was none.
/// Returns a descriptor, to be closed by the caller, a negated error number, or
/// SOCKET_ITERATORS_NOT_BUILT.
int SocketIterators_load(uint32_t only_namespace, char *message, size_t message_size);

/// Begins a pass: what is read from the descriptor is a stream of `descriptor_rows.h`.
/// Returns the same.
int SocketIterators_begin(int link);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
