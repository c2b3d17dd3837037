#include "CSockDiag.h"

#include <stddef.h>

// The codec reads messages by offset. These are the offsets it relies on; they are kernel ABI, so a
// failure here means a broken set of headers.
_Static_assert(sizeof(struct nlmsghdr) == 16, "nlmsghdr");
_Static_assert(sizeof(struct inet_diag_req_v2) == 56, "inet_diag_req_v2");
_Static_assert(sizeof(struct inet_diag_msg) == 72, "inet_diag_msg");
_Static_assert(offsetof(struct inet_diag_msg, idiag_family) == 0, "idiag_family");
_Static_assert(offsetof(struct inet_diag_msg, idiag_state) == 1, "idiag_state");
