#ifndef C_SOCK_DIAG_H
#define C_SOCK_DIAG_H

/// The kernel's own definitions of the netlink sock_diag protocol (sock_diag(7)). linux/tcp.h stays
/// out: it collides with glibc's netinet/tcp.h as Swift imports both.
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

/// Where `tcpi_last_ack_recv` stands in the kernel's `struct tcp_info`; layout.c checks it.
enum { SOCK_DIAG_TCP_INFO_LAST_ACK_RECV = 56 };

#endif
