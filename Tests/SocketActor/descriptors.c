// The commands about descriptors, whatever is behind them: what is read and written, and their end.
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// read DESCRIPTOR: answers the number of bytes, 0 where the peer has closed.
static void read_once(int count, char **words) {
    (void)count;
    long descriptor;
    if (!read_number(words[1], &descriptor)) return;
    char bytes[65536];
    ssize_t length = read((int)descriptor, bytes, sizeof bytes);
    if (length < 0) return failed("read");
    answer("%zd", length);
}

// write DESCRIPTOR HEX: sends these bytes.
static void write_bytes(int count, char **words) {
    (void)count;
    long descriptor;
    if (!read_number(words[1], &descriptor)) return;
    char bytes[2048];
    size_t length = strlen(words[2]) / 2;
    if (length > sizeof bytes) return refuse("at most %zu bytes", sizeof bytes);
    for (size_t index = 0; index < length; index++) {
        unsigned byte;
        if (sscanf(words[2] + 2 * index, "%2x", &byte) != 1) return refuse("not hex");
        bytes[index] = (char)byte;
    }
    ssize_t sent = send((int)descriptor, bytes, length, MSG_NOSIGNAL);
    if (sent != (ssize_t)length) return failed("send");
    answer("%s", "");
}

// fill DESCRIPTOR: writes until neither side's buffers take more; answers the number of bytes.
static void fill_buffers(int count, char **words) {
    (void)count;
    long descriptor, total = 0;
    if (!read_number(words[1], &descriptor)) return;
    static const char bytes[65536];
    while (true) {
        ssize_t length = send((int)descriptor, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (length < 0) break;
        total += length;
    }
    if (errno != EAGAIN) return failed("send");
    answer("%ld", total);
}

// close FIRST LAST: closes the descriptors from the first to the last.
static void close_descriptors(int count, char **words) {
    (void)count;
    long first, last;
    if (!read_number(words[1], &first) || !read_number(words[2], &last)) return;
    if (first <= STDERR_FILENO) return refuse("descriptor %ld is the actor's own", first);
    for (long descriptor = first; descriptor <= last; descriptor++)
        if (close((int)descriptor) != 0) return failed("close");
    answer("%s", "");
}

// dup DESCRIPTOR: a second descriptor of the same.
static void duplicate(int count, char **words) {
    (void)count;
    long descriptor;
    if (!read_number(words[1], &descriptor)) return;
    int copy = dup((int)descriptor);
    if (copy < 0) return failed("dup");
    answer("%d", copy);
}

// open COUNT PATH: answers the first and the last descriptor.
static void open_files(int count, char **words) {
    (void)count;
    long files;
    if (!read_number(words[1], &files)) return;
    int first = -1, last = -1;
    for (long made = 0; made < files; made++) {
        last = open(words[2], O_RDONLY);
        if (last < 0) return failed("open");
        if (first < 0) first = last;
    }
    answer("%d %d", first, last);
}

// open-all PATH: opens files until that fails; answers how many, and the name of the error.
static void open_all(int count, char **words) {
    (void)count;
    long made = 0;
    while (open(words[1], O_RDONLY) >= 0) made++;
    answer("%ld %s", made, strerrorname_np(errno));
}

const struct command descriptor_commands[] = {
    {"read", 1, read_once},
    {"write", 2, write_bytes},
    {"fill", 1, fill_buffers},
    {"dup", 1, duplicate},
    {"close", 2, close_descriptors},
    {"open", 2, open_files},
    {"open-all", 1, open_all},
    {0},
};
