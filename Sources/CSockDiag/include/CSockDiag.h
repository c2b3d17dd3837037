#ifndef C_SOCK_DIAG_H
#define C_SOCK_DIAG_H

/// The kernel's own definitions of the netlink sock_diag protocol (sock_diag(7)). linux/tcp.h stays
/// out: it collides with glibc's netinet/tcp.h as Swift imports both.
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#endif
