// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// One pass over the descriptors of every task (the BPF iterator task_file, Documentation/bpf/bpf_iterators.rst
// in the kernel's sources), counted by table of descriptors.
//
// Most sockets are held by one descriptor, and of these only numbers leave the kernel. What other
// tables may hold as well, what listens and what is in CLOSE_WAIT has a row of its own.
//
// Linux 5.11 is the first that has bpf_sock_from_file.

#include "kernel.h"

/// The inode of the network namespace whose sockets are told apart, the others being OTHER; 0 for
/// all. Set before the program is loaded.
const volatile uint32_t only_namespace = 0;

// There is one reader, so the pass can be kept here.
static uint64_t session;
/// The table that is being counted; nothing where its `table` is 0.
static struct DescriptorRows_Table current;
/// Another process may have the whole table, which no reference to a file tells.
static uint32_t is_table_shared;
/// The task it was met through: where the main thread has ended, each of the other threads shows the same
/// table.
static uint64_t met_through;
/// The session that the kernel has told the end of. The reader's last call finds that out, and meets tasks
/// that have begun meanwhile, of which the kernel tells no second end. A whole number, for the kernel does
/// not take a flag of one byte.
static uint64_t ended;

static INLINE uint32_t namespace_of(struct sock *sock) {
  return sock->__sk_common.skc_net.net->ns.inum;
}

static INLINE void begin(struct task_struct *task, uint64_t table) {
  __builtin_memset(&current, 0, sizeof current);
  current.row = DESCRIPTOR_ROWS_TABLE;
  current.process = process_number(task);
  current.started = task->group_leader->start_boottime;
  current.table = table;
  met_through = (uint64_t)task;
  current.network_namespace = task->nsproxy->net_ns->ns.inum;
  current.is_main = task == task->group_leader;
  // A main thread that has ended is still a thread, but it no longer lives and has let go of the table.
  is_table_shared = task->files->count.counter > task->signal->live.counter;
}

/// Called for each descriptor, and at the end without one.
///
/// Where it returns 1 the reader gets what has been written so far, but for this call, and it is
/// called for the same descriptor again. So it goes on only where there is room for all it may write.
SEC("iter/task_file")
int descriptors(struct bpf_iter__task_file *context) {
  struct seq_file *reader = context->meta->seq;
  struct task_struct *task = context->task;
  struct file *file = context->file;

  if (session != context->meta->session_id) {
    session = context->meta->session_id;
    current.table = 0;
  }
  if (ended == session) return 0;
  if (!task || !file) {
    // Where there is no room the kernel calls again.
    if (!current.table || bpf_seq_write(reader, &current, sizeof current) == 0) ended = session;
    return 0;
  }
  uint64_t table = (uint64_t)task->files;
  // It has ended since the kernel took the file: what it held is nobody's.
  if (!table) return 0;
  if (reader->size - reader->count <= sizeof current + sizeof(struct DescriptorRows_CloseWait)) return 1;
  if (current.table != table || met_through != (uint64_t)task ||
      current.started != task->group_leader->start_boottime) {
    if (current.table) bpf_seq_write(reader, &current, sizeof current);
    begin(task, table);
  }

  struct socket *socket = bpf_sock_from_file(file);
  struct sock *sock = socket ? socket->sk : 0;
  if (sock) {
    int is_other = only_namespace && namespace_of(sock) != only_namespace;
    uint8_t kind = is_other ? DESCRIPTOR_ROWS_OTHER : kind_of(sock);
    uint8_t state = kind == DESCRIPTOR_ROWS_TCP ? sock->__sk_common.skc_state : 0;
    if (state == STATE_CLOSE_WAIT) {
      struct DescriptorRows_CloseWait row = {
        .row = DESCRIPTOR_ROWS_CLOSE_WAIT,
        .inode = file->f_inode->i_ino,
        .cookie = sock->__sk_common.skc_cookie.counter,
        .network_namespace = namespace_of(sock),
      };
      bpf_seq_write(reader, &row, sizeof row);
    } else if (is_table_shared || references(file) > 2 || state == STATE_LISTEN) {
      struct DescriptorRows_Socket row = {
        .row = DESCRIPTOR_ROWS_SOCKET,
        .inode = file->f_inode->i_ino,
        .kind = kind,
        .state = state,
      };
      bpf_seq_write(reader, &row, sizeof row);
    } else {
      current.kinds[kind % DESCRIPTOR_ROWS_KINDS]++;
      current.states[state % DESCRIPTOR_ROWS_STATES]++;
    }
  }
  current.descriptors++;
  return 0;
}

char LICENSE[] SEC("license") = "GPL and additional rights";
