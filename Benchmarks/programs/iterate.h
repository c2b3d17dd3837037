#ifndef ITERATE_H
#define ITERATE_H

// What the BPF programs and their loader, iterate.c, tell each other.

#include <stdint.h>

#include "descriptor_rows.h"

// Written by task_file.bpf.c, read from the iterator.
struct ProcessRow {
  int32_t process;
  uint32_t descriptors;
  uint32_t sockets;
  uint32_t states[16];
};

// Shared by task.bpf.c, for the iterator's own buffer of 32 KiB could not hold the rows of one process.
// It is all there is in its .bss section.
enum { PASS_TABLES = 256, PASS_SOCKETS = 16384 };  // powers of two

struct Pass {
  uint64_t socket_operations;  // the address of socket_file_ops
  uint64_t interrupted;        // the table that the rows of sockets left no room for; 0 for none
  uint32_t goes_on_at;         // its first descriptor not yet counted
  uint32_t tables;             // rows that are filled; of a table, `reserved` is where its sockets end
  uint32_t sockets;
  uint32_t misread;  // descriptors that changed while they were read, since the program was loaded
  uint32_t torn;     // tables that were gone before they were read to the end
  uint32_t reserved;
  struct DescriptorRows_Table table_rows[PASS_TABLES];
  struct DescriptorRows_Socket socket_rows[PASS_SOCKETS];
};

#endif
