#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { maximum_line = 4096, maximum_words = 16 };

static void write_line(const char *kind, const char *format, va_list arguments) {
    char text[maximum_line];
    vsnprintf(text, sizeof text, format, arguments);
    dprintf(STDOUT_FILENO, *text ? "%s %s\n" : "%s%s\n", kind, text);
}

void answer(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_line("ok", format, arguments);
    va_end(arguments);
}

void refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_line("error", format, arguments);
    va_end(arguments);
}

void failed(const char *operation) {
    refuse("%s: %s", operation, strerror(errno));
}

bool read_number(const char *word, long *number) {
    char *end;
    errno = 0;
    *number = strtol(word, &end, 10);
    if (errno == 0 && end != word && *end == '\0') return true;
    refuse("not a number: %s", word);
    return false;
}

void die_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// Reads byte by byte, so that nothing is left in a buffer for a forked child to run a second time.
static bool read_line(char *line) {
    for (size_t length = 0; length < maximum_line; length++) {
        ssize_t count;
        do count = read(STDIN_FILENO, &line[length], 1);
        while (count < 0 && errno == EINTR);
        if (count != 1) return false;
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
    }
    return false;
}

static const struct command *find(const char *name) {
    const struct command *tables[] = {
        socket_commands, unix_commands, descriptor_commands, process_commands};
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const struct command *command = tables[table]; command->name; command++)
            if (strcmp(command->name, name) == 0) return command;
    return NULL;
}

void interpret(void) {
    char line[maximum_line];
    while (read_line(line)) {
        char *words[maximum_words];
        int count = 0;
        for (char *word = strtok(line, " "); word && count < maximum_words; word = strtok(NULL, " "))
            words[count++] = word;
        if (count == 0) {
            refuse("no command");
            continue;
        }
        const struct command *command = find(words[0]);
        if (!command)
            refuse("unknown command: %s", words[0]);
        else if (command->arguments != count - 1)
            refuse("%s takes %d arguments", command->name, command->arguments);
        else
            command->run(count, words);
    }
}

int main(int count, char **words) {
    die_with_parent();
    // Before any setting that the other program would inherit.
    if (count >= 4 && strcmp(words[1], "exec-without-netlink") == 0)
        return exec_without_netlink(count - 2, words + 2);
    if (count >= 4 && strcmp(words[1], "exec-without-bpf") == 0)
        return exec_without_bpf(count - 2, words + 2);

    signal(SIGPIPE, SIG_IGN);
    // As many descriptors as the host allows without privileges.
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    if (count == 2 && strcmp(words[1], "init") == 0) return run_as_init();
    if (count != 1) {
        fprintf(stderr, "usage: socket-actor [init | exec-without-netlink ERRNO COMMAND... | "
                        "exec-without-bpf ERRNO COMMAND...]\n");
        return 64;
    }
    interpret();
    return 0;
}
