// A program that plays the processes the tests observe.
//
// It reads one command a line on standard input and answers one line on standard output: `ok …` or
// `error …`. It talks through pipes only, so the sockets it holds are exactly those it was told to
// make. A descriptor is named by its number.
#ifndef ACTOR_H
#define ACTOR_H

#include <stdbool.h>

// What a command is given: its words, the command itself first.
typedef void command_function(int count, char **words);

struct command {
    const char *name;
    int arguments;
    command_function *run;
};

// Tables end with an entry without a name.
extern const struct command socket_commands[];
extern const struct command unix_commands[];
extern const struct command descriptor_commands[];
extern const struct command process_commands[];

// One answer a command. `failed` names the system call that failed and adds errno's reason.
__attribute__((format(printf, 1, 2))) void answer(const char *format, ...);
__attribute__((format(printf, 1, 2))) void refuse(const char *format, ...);
void failed(const char *operation);

// Reads a whole number; refuses the command and gives false for anything else.
bool read_number(const char *word, long *number);

// Every wait of an actor ends by itself, so that a test fails instead of hanging.
void limit_waits(int descriptor);

// Makes, in this process, a few sockets of several kinds that are connected with each other and that
// leave nothing behind when it ends.
void make_passing_sockets(void);

// Answers commands until standard input ends.
void interpret(void);

// Dies with the thread that started this process, so that no actor outlives its test.
void die_with_parent(void);

// Process 1 of a test's own host: mounts /proc, brings the loopback interface up, reaps what it
// inherits, and ends, which ends every process of the host, when standard input does.
int run_as_init(void);

// Becomes another program for which the kernel refuses netlink sockets with the given errno.
int exec_without_netlink(int count, char **words);

// Likewise, without bpf(2).
int exec_without_bpf(int count, char **words);

#endif
