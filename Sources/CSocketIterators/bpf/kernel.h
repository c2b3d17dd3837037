// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

// What the programs read of the kernel, and how.
//
// They need no header of the kernel: below are the few members they read, and the loader moves each to
// where it is in the running kernel (CO-RE). Tables of descriptors, and what leads from a file to its socket
// and back, are read by the program of the benchmark only (Benchmarks/programs/task.bpf.c).

#include <stddef.h>

#include "../include/descriptor_rows.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE inline __attribute__((always_inline))
#define HAS_FIELD(field) __builtin_preserve_field_info(field, 2)
#define SIZE_OF(type) __builtin_preserve_type_info(*(type *)0, 1)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file {
  size_t size;
  size_t count;
};
struct bpf_iter_meta {
  struct seq_file *seq;
  uint64_t session_id;
};

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  long counter;
} atomic_long_t;

typedef struct {
  int64_t counter;
} atomic64_t;

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
struct nsproxy {
  struct net *net_ns;
};
struct upid {
  int nr;
};
struct pid {
  unsigned int level;
  struct upid numbers[1];
};
struct fdtable {
  unsigned int max_fds;
  void *fd;
};
struct files_struct {
  atomic_t count;
  struct fdtable *fdt;
};
struct signal_struct {
  atomic_t live;
  int nr_threads;
};
struct task_struct {
  int tgid;
  uint64_t start_boottime;
  struct task_struct *group_leader;
  struct pid *thread_pid;
  struct files_struct *files;
  struct nsproxy *nsproxy;
  struct signal_struct *signal;
};

typedef struct {
  struct net *net;
} possible_net_t;

struct sock_common {
  unsigned short skc_family;
  volatile unsigned char skc_state;
  unsigned short skc_num;
  possible_net_t skc_net;
  atomic64_t skc_cookie;
};
struct socket;
struct sock {
  struct sock_common __sk_common;
  struct socket *sk_socket;
  uint16_t sk_type;
  uint16_t sk_protocol;
};
struct netlink_sock {
  uint32_t portid;
};
struct file;
struct socket {
  struct file *file;
  struct sock *sk;
};

struct inode {
  unsigned long i_ino;
};
struct file {
  const void *f_op;
  void *private_data;
  struct inode *f_inode;
};
// Until Linux 6.12.
struct file___counted {
  atomic_long_t f_count;
};
// Since Linux 6.13: 0 stands for one reference.
typedef struct {
  atomic_long_t refcnt;
} file_ref_t;
struct file___referred {
  file_ref_t f_ref;
};

struct bpf_iter__task {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
  struct file *file;
};

#pragma clang attribute pop

// By their numbers in enum bpf_func_id (linux/bpf.h).
static long (*const bpf_probe_read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static long (*const bpf_seq_write)(struct seq_file *to, const void *from, uint32_t size) = (void *)127;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static struct socket *(*const bpf_sock_from_file)(struct file *) = (void *)162;

enum {
  FAMILY_UNIX = 1,
  FAMILY_IPV4 = 2,
  FAMILY_IPV6 = 10,
  FAMILY_NETLINK = 16,
  FAMILY_PACKET = 17,

  TYPE_RAW = 3,

  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_UDP_LITE = 136,
  PROTOCOL_MULTIPATH_TCP = 262,

  STATE_CLOSE = 7,
  STATE_CLOSE_WAIT = 8,
  STATE_LISTEN = 10,
};

/// The process of a task, by its number in the process namespace of the reader.
static INLINE int process_number(struct task_struct *task) {
  struct pid *reader = bpf_get_current_task_btf()->thread_pid;
  unsigned int level = reader->level;
  if (level == 0) return task->tgid;
  // A process has a number in each process namespace from the first one down to its own.
  struct pid *pid = task->group_leader->thread_pid;
  int number = 0;
  const char *numbers = (const char *)&pid->numbers[0];
  // At most 32 namespaces below the first, of 16 bytes each. Linux 6.1 takes the product of two numbers for one
  // without bounds, and adds no such number to a pointer.
  unsigned int offset = level * SIZE_OF(struct upid) & 1023;
  bpf_probe_read_kernel(&number, sizeof number, numbers + offset);
  return number;
}

/// References to a file: one by each descriptor, in whatever table, one by the iterator task_file, and more
/// while a system call uses it or it is on its way through a unix socket.
static INLINE long references(struct file *file) {
  struct file___referred *referred = (void *)file;
  if (HAS_FIELD(referred->f_ref)) return referred->f_ref.refcnt.counter + 1;
  struct file___counted *counted = (void *)file;
  return counted->f_count.counter;
}

/// The kind that the socket tables would give it.
static INLINE uint8_t kind_of(struct sock *sock) {
  switch (sock->__sk_common.skc_family) {
  case FAMILY_IPV4:
  case FAMILY_IPV6:
    if (sock->sk_type == TYPE_RAW) return DESCRIPTOR_ROWS_RAW;
    switch (sock->sk_protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_MULTIPATH_TCP:
      return sock->__sk_common.skc_state == STATE_CLOSE ? DESCRIPTOR_ROWS_UNBOUND : DESCRIPTOR_ROWS_TCP;
    case PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE:
      return sock->__sk_common.skc_num == 0 ? DESCRIPTOR_ROWS_UNBOUND : DESCRIPTOR_ROWS_UDP;
    }
    return DESCRIPTOR_ROWS_OTHER;
  case FAMILY_UNIX: return DESCRIPTOR_ROWS_UNIX;
  case FAMILY_NETLINK: {
    uint32_t port = 0;
    bpf_probe_read_kernel(&port, sizeof port, &((struct netlink_sock *)sock)->portid);
    return port == 0 ? DESCRIPTOR_ROWS_UNBOUND : DESCRIPTOR_ROWS_NETLINK;
  }
  case FAMILY_PACKET: return DESCRIPTOR_ROWS_PACKET;
  }
  return DESCRIPTOR_ROWS_OTHER;
}

#endif
