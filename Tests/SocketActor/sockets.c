// The commands that make, use and end sockets.
#define _GNU_SOURCE
#include "actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

// An internet address of either family.
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    };
    socklen_t length;
};

static bool read_address(const char *host, const char *port, struct address *address) {
    long number;
    if (!read_number(port, &number)) return false;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &address->ipv4.sin_addr) == 1) {
        address->ipv4.sin_family = AF_INET;
        address->ipv4.sin_port = htons((uint16_t)number);
        address->length = sizeof address->ipv4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->ipv6.sin6_addr) == 1) {
        address->ipv6.sin6_family = AF_INET6;
        address->ipv6.sin6_port = htons((uint16_t)number);
        address->length = sizeof address->ipv6;
        return true;
    }
    refuse("not an address: %s", host);
    return false;
}

static int local_port(int descriptor) {
    struct address address = {.length = sizeof address.ipv6};
    if (getsockname(descriptor, &address.any, &address.length) != 0) return -1;
    return ntohs(address.any.sa_family == AF_INET ? address.ipv4.sin_port : address.ipv6.sin6_port);
}

// Every wait of an actor ends by itself, so that a test fails instead of hanging.
static void limit_waits(int descriptor) {
    struct timeval limit = {.tv_sec = 10};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// socket KIND: one unconnected socket.
static void make_socket(int count, char **words) {
    (void)count;
    static const struct {
        const char *name;
        int family, type, protocol;
    } kinds[] = {
        {"tcp4", AF_INET, SOCK_STREAM, 0},
        {"tcp6", AF_INET6, SOCK_STREAM, 0},
        {"udp4", AF_INET, SOCK_DGRAM, 0},
        {"udp6", AF_INET6, SOCK_DGRAM, 0},
        {"raw4", AF_INET, SOCK_RAW, IPPROTO_ICMP},
        {"unix", AF_UNIX, SOCK_STREAM, 0},
        {"netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
        {"packet", AF_PACKET, SOCK_DGRAM, 0},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        if (strcmp(kinds[kind].name, words[1]) != 0) continue;
        int descriptor = socket(kinds[kind].family, kinds[kind].type, kinds[kind].protocol);
        if (descriptor < 0) return failed("socket");
        limit_waits(descriptor);
        return answer("%d", descriptor);
    }
    refuse("unknown kind: %s", words[1]);
}

// bind DESCRIPTOR ADDRESS PORT
static void bind_socket(int count, char **words) {
    (void)count;
    long descriptor;
    struct address address;
    if (!read_number(words[1], &descriptor) || !read_address(words[2], words[3], &address)) return;
    if (bind((int)descriptor, &address.any, address.length) != 0) return failed("bind");
    answer("%d", local_port((int)descriptor));
}

// unix-pair: two connected Unix sockets.
static void make_unix_pair(int count, char **words) {
    (void)count, (void)words;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return failed("socketpair");
    answer("%d %d", pair[0], pair[1]);
}

// listen ADDRESS PORT BACKLOG: answers the descriptor and the port, which the kernel chooses for 0.
static void listen_for_connections(int count, char **words) {
    (void)count;
    struct address address;
    long backlog;
    if (!read_address(words[1], words[2], &address) || !read_number(words[3], &backlog)) return;
    int descriptor = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (descriptor < 0) return failed("socket");
    limit_waits(descriptor);
    int yes = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(descriptor, &address.any, address.length) != 0) {
        failed("bind");
    } else if (listen(descriptor, (int)backlog) != 0) {
        failed("listen");
    } else {
        return answer("%d %d", descriptor, local_port(descriptor));
    }
    close(descriptor);
}

static int connected_socket(const struct address *address) {
    int descriptor = socket(address->any.sa_family, SOCK_STREAM, 0);
    if (descriptor < 0) return -1;
    limit_waits(descriptor);
    if (connect(descriptor, &address->any, address->length) == 0) return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

// connect ADDRESS PORT: answers the descriptor and the local port.
static void connect_once(int count, char **words) {
    (void)count;
    struct address address;
    if (!read_address(words[1], words[2], &address)) return;
    int descriptor = connected_socket(&address);
    if (descriptor < 0) return failed("connect");
    answer("%d %d", descriptor, local_port(descriptor));
}

// connect-many ADDRESS PORT COUNT: answers the first and the last descriptor.
static void connect_many(int count, char **words) {
    (void)count;
    struct address address;
    long connections;
    if (!read_address(words[1], words[2], &address) || !read_number(words[3], &connections)) return;
    int first = -1, last = -1;
    for (long made = 0; made < connections; made++) {
        last = connected_socket(&address);
        if (last < 0) return refuse("connect %ld of %ld: %s", made, connections, strerror(errno));
        if (first < 0) first = last;
    }
    answer("%d %d", first, last);
}

// accept LISTENER
static void accept_once(int count, char **words) {
    (void)count;
    long listener;
    if (!read_number(words[1], &listener)) return;
    int descriptor = accept((int)listener, NULL, NULL);
    if (descriptor < 0) return failed("accept");
    limit_waits(descriptor);
    answer("%d", descriptor);
}

// accept-many LISTENER COUNT: answers the first and the last descriptor.
static void accept_many(int count, char **words) {
    (void)count;
    long listener, connections;
    if (!read_number(words[1], &listener) || !read_number(words[2], &connections)) return;
    int first = -1, last = -1;
    for (long made = 0; made < connections; made++) {
        last = accept((int)listener, NULL, NULL);
        if (last < 0) return refuse("accept %ld of %ld: %s", made, connections, strerror(errno));
        limit_waits(last);
        if (first < 0) first = last;
    }
    answer("%d %d", first, last);
}

// shutdown DESCRIPTOR: sends FIN and keeps the descriptor.
static void shut_down(int count, char **words) {
    (void)count;
    long descriptor;
    if (!read_number(words[1], &descriptor)) return;
    if (shutdown((int)descriptor, SHUT_WR) != 0) return failed("shutdown");
    answer("%s", "");
}

// linger0 DESCRIPTOR: the next close sends RST instead of FIN.
static void reset_on_close(int count, char **words) {
    (void)count;
    long descriptor;
    if (!read_number(words[1], &descriptor)) return;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt((int)descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0)
        return failed("setsockopt");
    answer("%s", "");
}

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

const struct command socket_commands[] = {
    {"socket", 1, make_socket},
    {"bind", 3, bind_socket},
    {"unix-pair", 0, make_unix_pair},
    {"listen", 3, listen_for_connections},
    {"connect", 2, connect_once},
    {"connect-many", 3, connect_many},
    {"accept", 1, accept_once},
    {"accept-many", 2, accept_many},
    {"shutdown", 1, shut_down},
    {"linger0", 1, reset_on_close},
    {"read", 1, read_once},
    {"write", 2, write_bytes},
    {"fill", 1, fill_buffers},
    {"close", 2, close_descriptors},
    {"open", 2, open_files},
    {0},
};
