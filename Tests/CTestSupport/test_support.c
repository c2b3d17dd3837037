#define _GNU_SOURCE
#include "CTestSupport.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int ctestsupport_pipe(int descriptors[2]) {
    return pipe2(descriptors, O_CLOEXEC);
}

int ctestsupport_leave_host(void) {
    return unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID);
}

int ctestsupport_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
