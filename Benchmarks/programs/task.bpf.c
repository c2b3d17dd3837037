// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The tables of descriptors, read by the iterator task and bpf_loop, without a reference to the files:
// twice as fast as task_file.bpf.c, though it tells what the exporter's own program tells
// (Sources/CSocketIterators/bpf). It needs Linux 6.2: bpf_loop is of 5.17, bpf_rdonly_cast of 6.2. Loaded
// by iterate.c.
//
// A file may be closed and its memory taken for another one while it is read, of another process even
// (files are SLAB_TYPESAFE_BY_RCU since 6.7; the pass of one task is one RCU section). So nothing of a
// descriptor counts unless, after it was read, the descriptor still has the same file, the file's socket
// the same sock, and both point back. A table may be replaced or freed, unlike files without waiting for
// RCU, so it does not count unless its task has it still when it was read.
//
// What remains: the checks are loads like the others, which a CPU with weak order may swap (there is no
// barrier for BPF); and the kernel may not give the CPU to anyone else until a task is done.

#include "kernel.h"

#include "iterate.h"

#define CAST(type, address) ((type *)bpf_rdonly_cast((const void *)(address), __builtin_btf_type_id(*(type *)0, 1)))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head {
  struct list_head *next;
};
#pragma clang attribute pop

static long (*const bpf_loop)(uint32_t times, void *each, void *with, uint64_t flags) = (void *)181;
extern void *bpf_rdonly_cast(const void *address, uint32_t type) __attribute__((section(".ksyms")));

struct Pass pass;

/// What tells a socket's file from others is an address that no program may ask for. Run once, before
/// the first pass, where the loader has a socket.
SEC("iter/task_file")
int learn(struct bpf_iter__task_file *context) {
  struct file *file = context->file;
  if (file && bpf_sock_from_file(file)) pass.socket_operations = (uint64_t)file->f_op;
  return 0;
}

static INLINE int is_referred_to_once(struct file *file) {
  return references(file) == 1;
}

struct Walk {
  struct DescriptorRows_Table *row;
  uint64_t slots;
  uint32_t first;
  uint32_t is_shared;
  uint32_t is_full;
};

static INLINE uint64_t slot_at(uint64_t address) {
  return (uint64_t)CAST(struct list_head, address)->next;
}

static long count(uint32_t index, struct Walk *walk) {
  struct DescriptorRows_Table *row = walk->row;
  uint64_t slot = walk->slots + (uint64_t)(walk->first + index) * sizeof(void *);
  uint64_t address = slot_at(slot);
  if (!address) return 0;
  struct file *file = CAST(struct file, address);
  if ((uint64_t)file->f_op != pass.socket_operations) {
    row->descriptors++;
    return 0;
  }

  struct socket *socket = CAST(struct socket, file->private_data);
  struct sock *sock = socket->sk;
  if (!sock) {
    row->descriptors++;
    return 0;
  }
  uint8_t kind = kind_of(sock);
  uint8_t state = kind == DESCRIPTOR_ROWS_TCP ? sock->__sk_common.skc_state : 0;
  int has_row = walk->is_shared || !is_referred_to_once(file) || state == STATE_LISTEN || state == STATE_CLOSE_WAIT;
  uint32_t inode = has_row ? file->f_inode->i_ino : 0;

  if ((uint64_t)socket->file != address || sock->sk_socket != socket || slot_at(slot) != address) {
    pass.misread++;
    return 0;
  }
  if (has_row) {
    uint32_t place = pass.sockets;
    if (place >= PASS_SOCKETS) {
      pass.goes_on_at = walk->first + index;
      walk->is_full = 1;
      return 1;
    }
    struct DescriptorRows_Socket *filled = &pass.socket_rows[place % PASS_SOCKETS];
    filled->row = DESCRIPTOR_ROWS_SOCKET;
    filled->inode = inode;
    filled->kind = kind;
    filled->state = state;
    pass.sockets = place + 1;
  } else {
    row->kinds[kind % DESCRIPTOR_ROWS_KINDS]++;
    row->states[state % DESCRIPTOR_ROWS_STATES]++;
  }
  row->descriptors++;
  return 0;
}

/// Called for each task. Where it returns 1 the reader gets EAGAIN, empties what is shared, reads on, and it
/// is called for the same task again.
SEC("iter/task")
int walk(struct bpf_iter__task *context) {
  struct task_struct *task = context->task;
  if (!task) return 0;
  struct files_struct *files = task->files;
  struct task_struct *leader = task->group_leader;
  if (!files || (task != leader && leader->files == files)) return 0;

  uint32_t place = pass.tables, rows_before = pass.sockets;
  if (place >= PASS_TABLES) return 1;
  struct DescriptorRows_Table *row = &pass.table_rows[place % PASS_TABLES];
  __builtin_memset(row, 0, sizeof *row);
  row->row = DESCRIPTOR_ROWS_TABLE;
  row->process = process_number(task);
  row->started = leader->start_boottime;
  row->table = (uint64_t)files;
  row->network_namespace = task->nsproxy->net_ns->ns.inum;
  row->is_main = task == leader;

  struct fdtable *table = files->fdt;
  struct Walk walk = {
    .row = row,
    .slots = (uint64_t)table->fd,
    .first = pass.interrupted == row->table ? pass.goes_on_at : 0,
    .is_shared = files->count.counter > task->signal->nr_threads,
  };
  uint32_t slots = table->max_fds;
  if (slots > walk.first) bpf_loop(slots - walk.first, count, &walk, 0);
  if (task->files != files || files->fdt != table) {
    pass.torn++;
    pass.interrupted = 0;
    pass.sockets = rows_before;
    return 0;
  }
  pass.interrupted = walk.is_full ? row->table : 0;
  row->reserved = pass.sockets;
  pass.tables = place + 1;
  return walk.is_full;
}

char LICENSE[] SEC("license") = "GPL and additional rights";
