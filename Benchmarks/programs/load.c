// load PROCESSES SOCKETS CLOSE_WAIT IDLE FILES MIXED
//
// Holds SOCKETS TCP sockets on loopback, spread evenly over PROCESSES processes (half of them servers,
// half clients), CLOSE_WAIT of them half closed, and IDLE more processes under sixty names, as on a host
// that does other things too. Each of those opens FILES files, and together they hold MIXED sockets, of
// which most are Unix sockets. Prints "ready" when all stands, and holds it until standard input ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { first_port = 9500, descriptors_beside_sockets = 16, names_of_idle_processes = 60 };

static int ready_pipe[2];

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct sockaddr_in address_of(int pair) {
  return (struct sockaddr_in){
      .sin_family = AF_INET,
      .sin_port = htons(first_port + pair),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
}

// Closing resets the connection, so that no TIME_WAIT socket is left for the next load to be counted with.
static void reset_on_close(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int listen_for(int pair) {
  struct sockaddr_in address = address_of(pair);
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (void *)&address, sizeof address) < 0) fail("bind");
  if (listen(fd, 4096) < 0) fail("listen");
  return fd;
}

static void become_child(const char *name) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, name);
}

static void hold(void) {
  if (write(ready_pipe[1], "", 1) != 1) fail("write");
  for (;;) pause();
}

static void serve(int listener, int connections) {
  for (int i = 0; i < connections; i++) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    reset_on_close(fd);
  }
  hold();
}

static void connect_to(int pair, int connections, int close_wait) {
  struct sockaddr_in address = address_of(pair);
  for (int i = 0; i < connections; i++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    reset_on_close(fd);
    if (connect(fd, (void *)&address, sizeof address) < 0) fail("connect");
    if (i < close_wait) shutdown(fd, SHUT_WR);
  }
  hold();
}

// Seven of ten are Unix sockets, one is UDP, one a TCP listener, one a TCP connection (with itself).
static void open_mixed_socket(int number) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int kind = number % 10, family = kind < 7 ? AF_UNIX : AF_INET, type = kind == 7 ? SOCK_DGRAM : SOCK_STREAM;
  int fd = socket(family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (kind < 7) {
    address.sin_family = AF_UNIX;
    length = sizeof address.sin_family;
  }
  if (bind(fd, (void *)&address, length) < 0) fail("bind");
  if (kind < 7 || kind == 8) listen(fd, 128);
  if (kind == 9) {
    reset_on_close(fd);
    getsockname(fd, (void *)&address, &length);
    if (connect(fd, (void *)&address, length) < 0) fail("connect");
  }
}

static void idle(int files, int first_socket, int end_of_sockets) {
  for (int i = 0; i < files; i++) open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int i = first_socket; i < end_of_sockets; i++) open_mixed_socket(i);
  hold();
}

static void raise_descriptor_limit(int needed) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if ((rlim_t)needed > limit.rlim_max) {
    fprintf(stderr, "load: a process needs %d descriptors and may have %llu: use more processes\n", needed,
            (unsigned long long)limit.rlim_max);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: load PROCESSES SOCKETS CLOSE_WAIT IDLE FILES MIXED\n");
    return 64;
  }
  int pairs = atoi(argv[1]) / 2, sockets = atoi(argv[2]), close_wait = atoi(argv[3]);
  int idlers = atoi(argv[4]), files = atoi(argv[5]), mixed = atoi(argv[6]);
  int connections = pairs ? sockets / 2 / pairs : 0;
  raise_descriptor_limit(connections + descriptors_beside_sockets);
  if (pipe2(ready_pipe, O_CLOEXEC) < 0) fail("pipe");

  pid_t *children = calloc(2 * pairs + idlers, sizeof *children);
  int count = 0;
  for (int pair = 0; pair < pairs; pair++) {
    int listener = listen_for(pair);
    if ((children[count++] = fork()) == 0) {
      become_child("load-server");
      serve(listener, connections);
    }
    close(listener);
    if ((children[count++] = fork()) == 0) {
      become_child("load-client");
      connect_to(pair, connections, close_wait / pairs);
    }
  }
  for (int i = 0; i < idlers; i++) {
    if ((children[count++] = fork()) == 0) {
      char name[16];
      snprintf(name, sizeof name, "idle-%d", i % names_of_idle_processes);
      become_child(name);
      idle(files, mixed * i / idlers, mixed * (i + 1) / idlers);
    }
  }

  // With our copy of the writing end closed, a child that dies early ends the wait instead of hanging it.
  close(ready_pipe[1]);
  char byte;
  for (int i = 0; i < count; i++) {
    if (read(ready_pipe[0], &byte, 1) != 1) fail("a process of the load ended early");
  }
  puts("ready");
  fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;

  for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
  return 0;
}
