// The commands that make internet sockets, and other sockets of which one is enough.
#define _GNU_SOURCE
#include "actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
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

void limit_waits(int descriptor) {
    struct timeval limit = {.tv_sec = 60};
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
        {"mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
        {"mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
        {"udp4", AF_INET, SOCK_DGRAM, 0},
        {"udp6", AF_INET6, SOCK_DGRAM, 0},
        {"udplite4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
        {"raw4", AF_INET, SOCK_RAW, IPPROTO_ICMP},
        {"raw6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
        {"unix", AF_UNIX, SOCK_STREAM, 0},
        {"unix-datagram", AF_UNIX, SOCK_DGRAM, 0},
        {"unix-packet", AF_UNIX, SOCK_SEQPACKET, 0},
        {"netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
        {"packet", AF_PACKET, SOCK_DGRAM, 0},
        {"vsock", AF_VSOCK, SOCK_STREAM, 0},
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

// option DESCRIPTOR NAME VALUE: sets a socket option.
static void set_option(int count, char **words) {
    (void)count;
    static const struct {
        const char *name;
        int level, option;
    } options[] = {
        {"reuse-address", SOL_SOCKET, SO_REUSEADDR},
        {"reuse-port", SOL_SOCKET, SO_REUSEPORT},
        {"keepalive", SOL_SOCKET, SO_KEEPALIVE},
        {"receive-buffer", SOL_SOCKET, SO_RCVBUF},
        {"keepalive-idle", IPPROTO_TCP, TCP_KEEPIDLE},
        {"keepalive-interval", IPPROTO_TCP, TCP_KEEPINTVL},
        {"keepalive-count", IPPROTO_TCP, TCP_KEEPCNT},
        {"user-timeout", IPPROTO_TCP, TCP_USER_TIMEOUT},
        {"fin-wait2-timeout", IPPROTO_TCP, TCP_LINGER2},
        {"choose-port-late", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    };
    long descriptor, wanted;
    if (!read_number(words[1], &descriptor) || !read_number(words[3], &wanted)) return;
    for (size_t option = 0; option < sizeof options / sizeof *options; option++) {
        if (strcmp(options[option].name, words[2]) != 0) continue;
        int value = (int)wanted;
        if (setsockopt((int)descriptor, options[option].level, options[option].option, &value,
                       sizeof value) != 0)
            return failed("setsockopt");
        return answer("%s", "");
    }
    refuse("unknown option: %s", words[2]);
}

// bind DESCRIPTOR ADDRESS PORT: answers the port, which the kernel chooses for 0.
static void bind_socket(int count, char **words) {
    (void)count;
    long descriptor;
    struct address address;
    if (!read_number(words[1], &descriptor) || !read_address(words[2], words[3], &address)) return;
    if (bind((int)descriptor, &address.any, address.length) != 0) return failed("bind");
    answer("%d", local_port((int)descriptor));
}

// bind-netlink DESCRIPTOR: gives a netlink socket an address of the kernel's choice.
static void bind_netlink_socket(int count, char **words) {
    (void)count;
    long descriptor;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    if (!read_number(words[1], &descriptor)) return;
    if (bind((int)descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        return failed("bind");
    answer("%s", "");
}

// listen-on DESCRIPTOR BACKLOG
static void listen_on_socket(int count, char **words) {
    (void)count;
    long descriptor, backlog;
    if (!read_number(words[1], &descriptor) || !read_number(words[2], &backlog)) return;
    if (listen((int)descriptor, (int)backlog) != 0) return failed("listen");
    answer("%d", local_port((int)descriptor));
}

// connect-on DESCRIPTOR ADDRESS PORT: answers the local port.
static void connect_socket(int count, char **words) {
    (void)count;
    long descriptor;
    struct address address;
    if (!read_number(words[1], &descriptor) || !read_address(words[2], words[3], &address)) return;
    if (connect((int)descriptor, &address.any, address.length) != 0) return failed("connect");
    answer("%d", local_port((int)descriptor));
}

// Begins to connect and does not wait for an answer; -1 where that failed, which is then answered.
static int started_connection(char **words) {
    struct address address;
    if (!read_address(words[1], words[2], &address)) return -1;
    int descriptor = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        failed("socket");
    } else if (connect(descriptor, &address.any, address.length) != 0 && errno != EINPROGRESS) {
        failed("connect");
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

// connect-start ADDRESS PORT: answers the descriptor.
static void begin_connecting(int count, char **words) {
    (void)count;
    int descriptor = started_connection(words);
    if (descriptor >= 0) answer("%d", descriptor);
}

// connect-abandon ADDRESS PORT: gives up at once, before the kernel asks a second time.
static void abandon_connecting(int count, char **words) {
    (void)count;
    int descriptor = started_connection(words);
    if (descriptor < 0) return;
    close(descriptor);
    answer("%s", "");
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

// connect-all ADDRESS PORT: connects until that fails; answers how many connections it made, and the
// name of the error.
static void connect_all(int count, char **words) {
    (void)count;
    struct address address;
    if (!read_address(words[1], words[2], &address)) return;
    long made = 0;
    while (connected_socket(&address) >= 0) made++;
    answer("%ld %s", made, strerrorname_np(errno));
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

// Resets instead of leaving a TIME_WAIT socket behind at its end.
static void avoid_time_wait(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void make_passing_sockets(void) {
    struct address address = {
        .ipv4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
        .length = sizeof address.ipv4};
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(datagrams, &address.any, address.length) != 0) return;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, &address.any, address.length) != 0 || listen(listener, 1) != 0) return;
    address.ipv4.sin_port = htons((uint16_t)local_port(listener));
    int connected = connected_socket(&address);
    int accepted = accept(listener, NULL, NULL);
    avoid_time_wait(connected);
    avoid_time_wait(accepted);
    // Half closed: CLOSE_WAIT here, FIN_WAIT2 there.
    shutdown(connected, SHUT_WR);
}

const struct command socket_commands[] = {
    {"socket", 1, make_socket},
    {"option", 3, set_option},
    {"bind", 3, bind_socket},
    {"bind-netlink", 1, bind_netlink_socket},
    {"listen-on", 2, listen_on_socket},
    {"connect-on", 3, connect_socket},
    {"connect-start", 2, begin_connecting},
    {"connect-abandon", 2, abandon_connecting},
    {"listen", 3, listen_for_connections},
    {"connect", 2, connect_once},
    {"connect-many", 3, connect_many},
    {"connect-all", 2, connect_all},
    {"accept", 1, accept_once},
    {"accept-many", 2, accept_many},
    {"shutdown", 1, shut_down},
    {"linger0", 1, reset_on_close},
    {0},
};
