// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The least that a pass over all descriptors by the iterator task_file can cost: counted by process,
// the TCP sockets by state, and nothing told of a single one. Loaded by iterate.c.

#include "iterate.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct seq_file;
struct bpf_iter_meta {
  struct seq_file *seq;
};
struct task_struct {
  int tgid;
};
struct sock_common {
  unsigned short skc_family;
  volatile unsigned char skc_state;
};
struct sock {
  struct sock_common __sk_common;
};
struct socket {
  struct sock *sk;
};
struct file;
struct bpf_iter__task_file {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
  struct file *file;
};
#pragma clang attribute pop

static long (*const bpf_seq_write)(struct seq_file *to, const void *from, uint32_t size) = (void *)127;
static struct socket *(*const bpf_sock_from_file)(struct file *) = (void *)162;

enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10 };

static struct ProcessRow current;

__attribute__((section("iter/task_file"), used)) int walk(struct bpf_iter__task_file *context) {
  struct task_struct *task = context->task;
  struct file *file = context->file;
  if (!task || !file || task->tgid != current.process) {
    if (current.process) bpf_seq_write(context->meta->seq, &current, sizeof current);
    __builtin_memset(&current, 0, sizeof current);
    if (!task || !file) return 0;
    current.process = task->tgid;
  }
  current.descriptors++;
  struct socket *socket = bpf_sock_from_file(file);
  struct sock *sock = socket ? socket->sk : 0;
  if (!sock) return 0;
  current.sockets++;
  unsigned short family = sock->__sk_common.skc_family;
  if (family == FAMILY_IPV4 || family == FAMILY_IPV6) current.states[sock->__sk_common.skc_state & 15]++;
  return 0;
}

char LICENSE[] __attribute__((section("license"), used)) = "GPL and additional rights";
