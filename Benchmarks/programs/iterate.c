// iterate OBJECT
//
// Loads a compiled task_file.bpf.c or task.bpf.c and then keeps to what floor.c does: one pass for each
// line on standard input, answered with the same line, in which there is no dump.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "iterate.h"

static long descriptors, sockets, tcp_sockets;

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what, int error) {
  fprintf(stderr, "iterate: %s: %s\n", what, strerror(error));
  exit(1);
}

static struct bpf_link *attach(struct bpf_object *object, const char *name) {
  struct bpf_program *program = bpf_object__find_program_by_name(object, name);
  if (!program) return NULL;
  struct bpf_link *link = bpf_program__attach_iter(program, NULL);
  if (!link) fail(name, errno);
  return link;
}

static void count_processes(const struct ProcessRow *row, const struct ProcessRow *end) {
  for (; row < end; row++) {
    descriptors += row->descriptors;
    sockets += row->sockets;
    for (int state = 0; state < 16; state++) tcp_sockets += row->states[state];
  }
}

static void count_tables(struct Pass *pass) {
  for (uint32_t i = 0; i < pass->tables; i++) {
    descriptors += pass->table_rows[i].descriptors;
    for (int kind = 0; kind < DESCRIPTOR_ROWS_KINDS; kind++) sockets += pass->table_rows[i].kinds[kind];
    tcp_sockets += pass->table_rows[i].kinds[DESCRIPTOR_ROWS_TCP];
  }
  for (uint32_t i = 0; i < pass->sockets; i++) {
    sockets++;
    tcp_sockets += pass->socket_rows[i].kind == DESCRIPTOR_ROWS_TCP;
  }
  pass->tables = pass->sockets = 0;
}

static void walk(struct bpf_link *link, struct Pass *pass) {
  static char buffer[32768];
  int iterator = bpf_iter_create(bpf_link__fd(link));
  if (iterator < 0) fail("begin", errno);
  for (;;) {
    ssize_t length = read(iterator, buffer, sizeof buffer);
    if (length < 0 && errno != EAGAIN) fail("read", errno);
    if (pass) count_tables(pass);
    if (length > 0) count_processes((void *)buffer, (void *)(buffer + length));
    if (length == 0) break;
  }
  close(iterator);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: iterate OBJECT\n");
    return 64;
  }
  struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
  if (!object) fail(argv[1], errno);
  if (bpf_object__load(object) < 0) fail("the kernel refuses the program", errno);

  struct Pass *pass = NULL;
  struct bpf_link *learning = attach(object, "learn");
  if (learning) {
    struct bpf_map *shared = bpf_object__find_map_by_name(object, ".bss");
    pass = mmap(NULL, sizeof *pass, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(shared), 0);
    if (pass == MAP_FAILED) fail("mmap", errno);
    int one = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    walk(learning, NULL);
    close(one);
    if (!pass->socket_operations) fail("it met no socket", ENOENT);
  }
  struct bpf_link *walking = attach(object, "walk");
  if (!walking) fail("no program of this name: walk", ENOENT);

  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    descriptors = sockets = tcp_sockets = 0;
    double start_wall = seconds(CLOCK_MONOTONIC), start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    walk(walking, pass);
    printf("%.9f %.9f 0 0 %ld %ld %ld\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - start,
           seconds(CLOCK_MONOTONIC) - start_wall, descriptors, sockets, tcp_sockets);
    fflush(stdout);
  }
  return 0;
}
