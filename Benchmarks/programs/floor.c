// The least that a sample without BPF can cost: each descriptor of each process read with readlinkat,
// and the TCP sockets of both families dumped through sock_diag in one walk of the kernel's table
// (TCPDIAG_GETSOCK), without extensions, counted by state.
//
// Does one pass for each line on standard input, so that it is measured warm, as a running exporter is,
// and answers with a line: walk CPU, walk wall, dump CPU, dump wall (seconds), descriptors, socket
// descriptors, TCP sockets.

#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char socket_link[] = "socket:[";

static long descriptors, socket_descriptors, sockets_by_state[16];

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void count_descriptor(int directory, const char *name) {
  char link[64];
  ssize_t length = readlinkat(directory, name, link, sizeof link - 1);
  if (length < 0) return;
  link[length] = 0;
  descriptors++;
  if (strncmp(link, socket_link, strlen(socket_link)) == 0 && strtoul(link + strlen(socket_link), NULL, 10) > 0) {
    socket_descriptors++;
  }
}

static void walk_process(const char *pid) {
  static char entries[32768];
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ssize_t length;
  while ((length = getdents64(directory, entries, sizeof entries)) > 0) {
    for (ssize_t offset = 0; offset < length;) {
      struct dirent64 *entry = (struct dirent64 *)(entries + offset);
      offset += entry->d_reclen;
      if (isdigit(entry->d_name[0])) count_descriptor(directory, entry->d_name);
    }
  }
  close(directory);
}

static void walk(void) {
  DIR *processes = opendir("/proc");
  struct dirent *process;
  while ((process = readdir(processes))) {
    if (isdigit(process->d_name[0])) walk_process(process->d_name);
  }
  closedir(processes);
}

static void fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void dump(void) {
  static char replies[32768];
  struct {
    struct nlmsghdr header;
    struct inet_diag_req request;
  } ask = {
      .header = {.nlmsg_len = sizeof ask,
                 .nlmsg_type = TCPDIAG_GETSOCK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      // The states 1 to 12. With 13, sockets that are only bound, newer kernels would walk one table more.
      .request = {.idiag_states = 0x1ffe},
  };
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0 || send(netlink, &ask, sizeof ask, 0) < 0) fail("sock_diag");
  for (;;) {
    int length = recv(netlink, replies, sizeof replies, 0);
    if (length <= 0) fail("recv");
    for (struct nlmsghdr *reply = (void *)replies; NLMSG_OK(reply, length); reply = NLMSG_NEXT(reply, length)) {
      if (reply->nlmsg_type == NLMSG_ERROR) fail("sock_diag answered with an error");
      if (reply->nlmsg_type == NLMSG_DONE) {
        close(netlink);
        return;
      }
      struct inet_diag_msg *socket = NLMSG_DATA(reply);
      sockets_by_state[socket->idiag_state & 15]++;
    }
  }
}

int main(void) {
  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    descriptors = socket_descriptors = 0;
    memset(sockets_by_state, 0, sizeof sockets_by_state);

    double start_wall = seconds(CLOCK_MONOTONIC), start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    walk();
    double walked_wall = seconds(CLOCK_MONOTONIC), walked = seconds(CLOCK_PROCESS_CPUTIME_ID);
    dump();
    double dumped_wall = seconds(CLOCK_MONOTONIC), dumped = seconds(CLOCK_PROCESS_CPUTIME_ID);

    long sockets = 0;
    for (int state = 0; state < 16; state++) sockets += sockets_by_state[state];
    printf("%.9f %.9f %.9f %.9f %ld %ld %ld\n", walked - start, walked_wall - start_wall, dumped - walked,
           dumped_wall - walked_wall, descriptors, socket_descriptors, sockets);
    fflush(stdout);
  }
  return 0;
}
