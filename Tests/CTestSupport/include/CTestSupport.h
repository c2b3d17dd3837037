// Three calls that glibc declares for _GNU_SOURCE only, which Swift's Glibc module does not define. To
// be deleted when that module has them.
#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

#include <spawn.h>

// pipe2(2) with O_CLOEXEC: children that other threads start meanwhile do not inherit the pipe.
int ctestsupport_pipe(int descriptors[2]);

// unshare(2): from here on the calling thread's children live in network, mount and process
// namespaces of their own. The first of them is process 1.
int ctestsupport_leave_host(void);

// posix_spawn_file_actions_addclosefrom_np(3): the child inherits no descriptor from this number on.
int ctestsupport_close_from(posix_spawn_file_actions_t *actions, int first);

#endif
