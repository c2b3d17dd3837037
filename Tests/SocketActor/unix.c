// The commands about Unix sockets, and about descriptors that travel through them.
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// A name that begins with @ is abstract.
static socklen_t read_unix_address(const char *name, struct sockaddr_un *address) {
    size_t length = strlen(name);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length >= sizeof address->sun_path) return refuse("too long: %s", name), 0;
    memcpy(address->sun_path, name, length);
    if (*name == '@') *address->sun_path = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name != '@'));
}

// unix-pair: two connected Unix sockets.
static void make_unix_pair(int count, char **words) {
    (void)count, (void)words;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return failed("socketpair");
    answer("%d %d", pair[0], pair[1]);
}

// bind-unix DESCRIPTOR NAME
static void bind_unix_socket(int count, char **words) {
    (void)count;
    long descriptor;
    struct sockaddr_un address;
    socklen_t length;
    if (!read_number(words[1], &descriptor)) return;
    if ((length = read_unix_address(words[2], &address)) == 0) return;
    if (bind((int)descriptor, (struct sockaddr *)&address, length) != 0) return failed("bind");
    answer("%s", "");
}

// connect-unix NAME: answers the descriptor.
static void connect_unix_socket(int count, char **words) {
    (void)count;
    struct sockaddr_un address;
    socklen_t length = read_unix_address(words[1], &address);
    if (length == 0) return;
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    if (descriptor < 0) return failed("socket");
    limit_waits(descriptor);
    if (connect(descriptor, (struct sockaddr *)&address, length) == 0)
        return answer("%d", descriptor);
    failed("connect");
    close(descriptor);
}

// Room for a message of one byte that carries one descriptor.
struct parcel {
    char byte;
    struct iovec bytes;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message;
};

static void prepare(struct parcel *parcel) {
    memset(parcel, 0, sizeof *parcel);
    parcel->bytes = (struct iovec){.iov_base = &parcel->byte, .iov_len = 1};
    parcel->message = (struct msghdr){
        .msg_iov = &parcel->bytes, .msg_iovlen = 1,
        .msg_control = parcel->control, .msg_controllen = sizeof parcel->control};
}

// send-descriptor UNIX DESCRIPTOR: sends the descriptor to whoever reads the peer of this socket.
static void send_descriptor(int count, char **words) {
    (void)count;
    long through, sent;
    if (!read_number(words[1], &through) || !read_number(words[2], &sent)) return;
    struct parcel parcel;
    prepare(&parcel);
    struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    int descriptor = (int)sent;
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg((int)through, &parcel.message, 0) != 1) return failed("sendmsg");
    answer("%s", "");
}

// receive-descriptor UNIX: answers the descriptor that came.
static void receive_descriptor(int count, char **words) {
    (void)count;
    long through;
    if (!read_number(words[1], &through)) return;
    struct parcel parcel;
    prepare(&parcel);
    if (recvmsg((int)through, &parcel.message, 0) < 0) return failed("recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    if (!header || header->cmsg_type != SCM_RIGHTS) return refuse("no descriptor came");
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    answer("%d", descriptor);
}

const struct command unix_commands[] = {
    {"unix-pair", 0, make_unix_pair},
    {"bind-unix", 2, bind_unix_socket},
    {"connect-unix", 1, connect_unix_socket},
    {"send-descriptor", 2, send_descriptor},
    {"receive-descriptor", 1, receive_descriptor},
    {0},
};
