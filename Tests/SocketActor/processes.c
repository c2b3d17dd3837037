// The commands about the process itself and about its children.
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// name HEX: sets the process name to these bytes, at most 15; `-` is the empty name.
static void set_name(int count, char **words) {
    (void)count;
    const char *digits = strcmp(words[1], "-") == 0 ? "" : words[1];
    size_t length = strlen(digits) / 2;
    char name[16] = {0};
    if (length > 15 || strlen(digits) % 2 != 0) return refuse("not a name: %s", words[1]);
    for (size_t index = 0; index < length; index++) {
        unsigned byte;
        if (sscanf(digits + 2 * index, "%2x", &byte) != 1) return refuse("not hex: %s", words[1]);
        name[index] = (char)byte;
    }
    if (prctl(PR_SET_NAME, name) != 0) return failed("prctl");
    answer("%s", "");
}

// pid: the process id, as this process's own namespace has it.
static void tell_process_id(int count, char **words) {
    (void)count, (void)words;
    answer("%d", getpid());
}

// user ID: gives up every privilege and becomes this user and group.
static void become_user(int count, char **words) {
    (void)count;
    long user;
    if (!read_number(words[1], &user)) return;
    if (setgroups(0, NULL) != 0) return failed("setgroups");
    if (setresgid((gid_t)user, (gid_t)user, (gid_t)user) != 0) return failed("setresgid");
    if (setresuid((uid_t)user, (uid_t)user, (uid_t)user) != 0) return failed("setresuid");
    // The kernel takes both away when the user changes. A program started by that user has them.
    prctl(PR_SET_DUMPABLE, 1);
    die_with_parent();
    answer("%s", "");
}

// dumpable 0|1: with 0 the process's descriptors are hidden even from its own user.
static void set_dumpable(int count, char **words) {
    (void)count;
    long dumpable;
    if (!read_number(words[1], &dumpable)) return;
    if (prctl(PR_SET_DUMPABLE, dumpable) != 0) return failed("prctl");
    answer("%s", "");
}

// descriptor-limit COUNT: the soft limit of open descriptors.
static void set_descriptor_limit(int count, char **words) {
    (void)count;
    long descriptors;
    if (!read_number(words[1], &descriptors)) return;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("getrlimit");
    limit.rlim_cur = (rlim_t)descriptors;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("setrlimit");
    answer("%s", "");
}

static volatile sig_atomic_t reaped;

static void wait_once(int signal) {
    (void)signal;
    int reason = errno;
    if (wait(NULL) > 0) reaped++;
    errno = reason;
}

static void wait_for_all(int signal) {
    (void)signal;
    int reason = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) reaped++;
    errno = reason;
}

static bool read_disposition(const char *word, struct sigaction *action) {
    *action = (struct sigaction){.sa_flags = SA_RESTART};
    if (strcmp(word, "default") == 0)
        action->sa_handler = SIG_DFL;
    else if (strcmp(word, "ignore") == 0)
        action->sa_handler = SIG_IGN;
    else if (strcmp(word, "once") == 0)
        action->sa_handler = wait_once;
    else if (strcmp(word, "loop") == 0)
        action->sa_handler = wait_for_all;
    else
        return refuse("unknown disposition: %s", word), false;
    return true;
}

// children COUNT default|ignore|once|loop: that many children exit together while the parent does
// this with SIGCHLD: nothing, ignores it, calls wait() once a signal, or calls it until none is left.
// The signal is held back until all have ended, so that "together" is certain: five children then
// give one signal. Answers how many the parent reaped.
static void bear_children(int count, char **words) {
    (void)count;
    enum { maximum = 1024 };
    static pid_t children[maximum];
    long wanted;
    struct sigaction action;
    if (!read_number(words[1], &wanted) || !read_disposition(words[2], &action)) return;
    if (wanted > maximum) return refuse("at most %d children", maximum);

    sigset_t child_signal, before;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child_signal, &before);
    reaped = 0;
    sigaction(SIGCHLD, &action, NULL);
    int gate[2];
    if (pipe(gate) != 0) return failed("pipe");
    long born = 0;
    while (born < wanted) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            char byte;
            close(gate[1]);
            _exit((int)read(gate[0], &byte, 1));
        }
        children[born++] = child;
    }
    close(gate[0]);
    close(gate[1]);
    // Sees each of them end without reaping it. Where SIGCHLD is ignored the kernel reaps them, and
    // this fails for want of a child, which tells the same.
    for (long child = 0; child < born; child++) {
        siginfo_t ended;
        while (waitid(P_PID, (id_t)children[child], &ended, WEXITED | WNOWAIT) != 0)
            if (errno != EINTR) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (born < wanted) return refuse("only %ld of %ld children", born, wanted);
    answer("%d", (int)reaped);
}

// reap: waits for every child that has ended; answers how many.
static void reap_children(int count, char **words) {
    (void)count, (void)words;
    int before = reaped;
    wait_for_all(SIGCHLD);
    answer("%d", (int)reaped - before);
}

// fork INPUT OUTPUT: a child that shares every descriptor, and that takes commands from one FIFO and
// answers into another, so that it lives on when this process ends. Answers its process id.
static void fork_actor(int count, char **words) {
    (void)count;
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child > 0) return answer("%d", child);
    int input = open(words[1], O_RDONLY), output = open(words[2], O_WRONLY);
    if (input < 0 || output < 0) _exit(1);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    close(input);
    close(output);
    interpret();
    _exit(0);
}

// share-table NAME: a process of this name, in hex, that has the same table of descriptors, so that
// what either opens or closes the other one does. It ends with this one. Answers its process id.
static void share_table(int count, char **words) {
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child < 0) return failed("clone");
    if (child > 0) return answer("%d", child);
    die_with_parent();
    char name[16] = {0};
    for (size_t index = 0; index < 15 && count == 2 && words[1][2 * index]; index++)
        sscanf(words[1] + 2 * index, "%2hhx", (unsigned char *)&name[index]);
    prctl(PR_SET_NAME, name);
    while (true) pause();
}

struct own_table {
    long sockets;
    sem_t is_made;
};

static void *live_with_own_table(void *argument) {
    struct own_table *table = argument;
    if (unshare(CLONE_FILES) != 0 || close_range(0, ~0U, 0) != 0) table->sockets = -1;
    for (long made = 0; made < table->sockets; made++)
        if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0) table->sockets = -1;
    long has_failed = table->sockets < 0;
    sem_post(&table->is_made);
    while (!has_failed) pause();
    return NULL;
}

// own-table COUNT: a thread that leaves the table of descriptors of its process and holds as many raw
// sockets in its own, and nothing else.
static void make_own_table(int count, char **words) {
    (void)count;
    struct own_table table;
    if (!read_number(words[1], &table.sockets)) return;
    sem_init(&table.is_made, 0, 0);
    pthread_t thread;
    int code = pthread_create(&thread, NULL, live_with_own_table, &table);
    if (code != 0) return refuse("pthread_create: %s", strerror(code));
    while (sem_wait(&table.is_made) != 0) continue;
    if (table.sockets < 0) return refuse("the thread has no table of its own");
    answer("%s", "");
}

// Whether the main thread has ended altogether. pthread_join returns before the kernel has taken its
// descriptors away and made it a zombie.
static bool has_main_thread_ended(void) {
    char text[1024];
    int file = open("/proc/self/stat", O_RDONLY);
    if (file < 0) return true;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    // The name before the state may hold anything.
    const char *name_end = strrchr(text, ')');
    return !name_end || strncmp(name_end, ") Z", 3) == 0;
}

static void *interpret_and_exit(void *main_thread) {
    pthread_join(*(pthread_t *)main_thread, NULL);
    while (!has_main_thread_ended()) usleep(1000);
    answer("%s", "");
    interpret();
    exit(0);
}

static void *wait_for_the_end(void *nothing) {
    for (;;) pause();
    return nothing;
}

// leave-main-thread: the main thread ends; three others hold the sockets, and one of them goes on answering.
static void leave_main_thread(int count, char **words) {
    (void)count, (void)words;
    static pthread_t main_thread;
    main_thread = pthread_self();
    pthread_t heir;
    int code = pthread_create(&heir, NULL, interpret_and_exit, &main_thread);
    for (int others = 0; code == 0 && others < 2; others++) {
        code = pthread_create(&heir, NULL, wait_for_the_end, NULL);
    }
    if (code != 0) return refuse("pthread_create: %s", strerror(code));
    pthread_exit(NULL);
}

// The process that starts and ends others, and how many it has brought through their lives.
static pid_t churner;
static volatile long *churned;

// Lets the kernel give out the process ids from this one on again, if it takes orders.
static void rewind_process_ids(pid_t first) {
    int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
    if (file < 0) return;
    dprintf(file, "%d", first);
    close(file);
}

static void churn(void) {
    enum { most = 16, numbers = 64 };
    die_with_parent();
    for (long born = 0, living = 0;; born++, living++) {
        if (living == most) {
            wait(NULL);
            living--;
            ++*churned;
        }
        if (born % numbers == 0) rewind_process_ids(getpid());
        pid_t child = fork();
        if (child != 0) continue;
        die_with_parent();
        // Of every other process nothing is to be found, least of all what a namesake of its number
        // had.
        prctl(PR_SET_NAME, born % 2 ? "passing" : "empty");
        if (born % 2) make_passing_sockets();
        usleep(500);
        _exit(0);
    }
}

// churn-start: processes come and go, sixteen at a time and as fast as the host can, until churn-stop.
// They are named "passing" and have a few sockets, or "empty" and have none, and they get few process
// ids, again and again.
static void start_churning(int count, char **words) {
    (void)count, (void)words;
    if (churner) return refuse("churning already");
    churned = mmap(NULL, sizeof *churned, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (churned == MAP_FAILED) return failed("mmap");
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) churn();
    churner = child;
    answer("%d", churner);
}

// churned: how many processes have come and gone so far.
static void count_churned(int count, char **words) {
    (void)count, (void)words;
    if (!churner) return refuse("not churning");
    answer("%ld", *churned);
}

// churn-stop: answers how many processes came and went.
static void stop_churning(int count, char **words) {
    (void)count, (void)words;
    if (!churner) return refuse("not churning");
    kill(churner, SIGKILL);
    waitpid(churner, NULL, 0);
    churner = 0;
    answer("%ld", *churned);
}

// exit: ends at once; the end of standard output is the answer.
static void exit_now(int count, char **words) {
    (void)count, (void)words;
    _exit(0);
}

const struct command process_commands[] = {
    {"name", 1, set_name},
    {"pid", 0, tell_process_id},
    {"user", 1, become_user},
    {"dumpable", 1, set_dumpable},
    {"descriptor-limit", 1, set_descriptor_limit},
    {"children", 2, bear_children},
    {"reap", 0, reap_children},
    {"fork", 2, fork_actor},
    {"share-table", 1, share_table},
    {"own-table", 1, make_own_table},
    {"leave-main-thread", 0, leave_main_thread},
    {"churn-start", 0, start_churning},
    {"churned", 0, count_churned},
    {"churn-stop", 0, stop_churning},
    {"exit", 0, exit_now},
    {0},
};
