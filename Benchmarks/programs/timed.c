// timed LIMIT COMMAND [ARGUMENT...]
//
// Runs a command for at most LIMIT seconds, its output thrown away, and prints what it cost in one line:
// CPU seconds, wall seconds, peak RSS in KiB, exit status (-1: stopped at the limit).
//
// A small program of its own, because the kernel counts into a child's peak RSS what its parent had
// mapped when it forked, and a Python parent is larger than most of the tools measured.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: timed LIMIT COMMAND [ARGUMENT...]\n");
    return 64;
  }
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, NULL);

  double start = now();
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_UNBLOCK, &child_ended, NULL);
    if (!freopen("/dev/null", "w", stdout)) _exit(127);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }

  struct timespec limit = {.tv_sec = atoi(argv[1])};
  int waited;
  do waited = sigtimedwait(&child_ended, NULL, &limit);
  while (waited < 0 && errno == EINTR);
  if (waited < 0) kill(child, SIGKILL);

  int status;
  struct rusage usage;
  wait4(child, &status, 0, &usage);
  printf("%.6f %.6f %ld %d\n", seconds(usage.ru_utime) + seconds(usage.ru_stime), now() - start,
         usage.ru_maxrss, waited < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
