#ifndef C_SOCKET_ITERATORS_DESCRIPTOR_ROWS_H
#define C_SOCKET_ITERATORS_DESCRIPTOR_ROWS_H

/// What the program in bpf/descriptors.bpf.c writes and Swift reads: a stream of these rows, told
/// apart by their first number. The rows of the sockets of a table come before that table's own.

#include <stdint.h>

enum {
  DESCRIPTOR_ROWS_TABLE = 1,
  DESCRIPTOR_ROWS_SOCKET = 2,
  DESCRIPTOR_ROWS_CLOSE_WAIT = 3,
};

/// Kinds of sockets, in the order of `SocketKind`.
enum {
  DESCRIPTOR_ROWS_TCP,
  DESCRIPTOR_ROWS_UDP,
  DESCRIPTOR_ROWS_UNIX,
  DESCRIPTOR_ROWS_NETLINK,
  DESCRIPTOR_ROWS_PACKET,
  DESCRIPTOR_ROWS_RAW,
  DESCRIPTOR_ROWS_UNBOUND,
  DESCRIPTOR_ROWS_OTHER,
  DESCRIPTOR_ROWS_KINDS,
};

/// States of TCP sockets, by the kernel's numbers; 0 for sockets of other kinds.
enum { DESCRIPTOR_ROWS_STATES = 16 };

/// A table of open descriptors. A process has one; further ones belong to threads that share it not.
struct DescriptorRows_Table {
  uint32_t row;
  /// The process, by its number in the reader's process namespace; 0 where it has just ended.
  int32_t process;
  /// When the process was started, nanoseconds since the boot.
  uint64_t started;
  /// The same for all tasks that share the table.
  uint64_t table;
  /// The inode of its network namespace; 0 where it has just ended.
  uint32_t network_namespace;
  /// 1 where it was met through the main thread, so that it is met once.
  uint32_t is_main;
  /// Open descriptors, of sockets and others.
  uint32_t descriptors;
  uint32_t reserved;
  /// Sockets that have no row of their own.
  uint32_t kinds[DESCRIPTOR_ROWS_KINDS];
  uint32_t states[DESCRIPTOR_ROWS_STATES];
};

/// A descriptor of a socket that others may hold as well, or that listens.
struct DescriptorRows_Socket {
  uint32_t row;
  uint32_t inode;
  uint8_t kind;
  uint8_t state;
  uint16_t reserved;
};

/// A descriptor of a TCP socket in CLOSE_WAIT, whether others may hold it or not.
struct DescriptorRows_CloseWait {
  uint32_t row;
  uint32_t inode;
  /// As sock_diag tells it (SO_COOKIE, socket(7)); 0 where nobody has asked for it yet.
  uint64_t cookie;
  /// The inode of the network namespace of the socket.
  uint32_t network_namespace;
  uint32_t reserved;
};

#endif
