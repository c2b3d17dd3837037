#include "CSockDiag.h"

#include <linux/tcp.h>
#include <stddef.h>

// The codec loads these structures whole, out of bytes. They are kernel ABI, so a failure here means a
// broken set of headers.
#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == bytes, #type)
#define FIELD(type, field, offset) \
  _Static_assert(offsetof(struct type, field) == offset, #type "." #field)

SIZE(nlmsghdr, 16);
FIELD(nlmsghdr, nlmsg_len, 0);
FIELD(nlmsghdr, nlmsg_type, 4);
FIELD(nlmsghdr, nlmsg_flags, 6);
FIELD(nlmsghdr, nlmsg_seq, 8);

// The old request, TCPDIAG_GETSOCK.
SIZE(inet_diag_req, 60);
FIELD(inet_diag_req, idiag_family, 0);
FIELD(inet_diag_req, idiag_ext, 3);
FIELD(inet_diag_req, idiag_states, 52);

SIZE(inet_diag_req_v2, 56);
FIELD(inet_diag_req_v2, sdiag_family, 0);
FIELD(inet_diag_req_v2, sdiag_protocol, 1);
FIELD(inet_diag_req_v2, idiag_ext, 2);
FIELD(inet_diag_req_v2, idiag_states, 4);

// A request for raw sockets is the same but for the name of one byte, which a dump leaves 0.
SIZE(inet_diag_req_raw, 56);
FIELD(inet_diag_req_raw, sdiag_family, 0);
FIELD(inet_diag_req_raw, sdiag_protocol, 1);
FIELD(inet_diag_req_raw, idiag_ext, 2);
FIELD(inet_diag_req_raw, sdiag_raw_protocol, 3);
FIELD(inet_diag_req_raw, idiag_states, 4);

SIZE(inet_diag_msg, 72);
FIELD(inet_diag_msg, idiag_family, 0);
FIELD(inet_diag_msg, idiag_state, 1);
FIELD(inet_diag_msg, idiag_timer, 2);
FIELD(inet_diag_msg, id.idiag_sport, 4);
FIELD(inet_diag_msg, id.idiag_dport, 6);
FIELD(inet_diag_msg, id.idiag_src, 8);
FIELD(inet_diag_msg, id.idiag_dst, 24);
FIELD(inet_diag_msg, id.idiag_cookie, 44);
FIELD(inet_diag_msg, idiag_rqueue, 56);
FIELD(inet_diag_msg, idiag_wqueue, 60);
FIELD(inet_diag_msg, idiag_inode, 68);

SIZE(nlattr, 4);
FIELD(nlattr, nla_len, 0);
FIELD(nlattr, nla_type, 2);
FIELD(tcp_info, tcpi_last_ack_recv, SOCK_DIAG_TCP_INFO_LAST_ACK_RECV);

SIZE(unix_diag_req, 24);
FIELD(unix_diag_req, sdiag_family, 0);
FIELD(unix_diag_req, udiag_states, 4);
SIZE(unix_diag_msg, 16);
FIELD(unix_diag_msg, udiag_ino, 4);

SIZE(netlink_diag_req, 20);
FIELD(netlink_diag_req, sdiag_family, 0);
FIELD(netlink_diag_req, sdiag_protocol, 1);
SIZE(netlink_diag_msg, 28);
FIELD(netlink_diag_msg, ndiag_ino, 16);

SIZE(packet_diag_req, 20);
FIELD(packet_diag_req, sdiag_family, 0);
SIZE(packet_diag_msg, 16);
FIELD(packet_diag_msg, pdiag_ino, 4);
