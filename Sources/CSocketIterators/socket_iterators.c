#include "socket_iterators.h"

#ifndef SOCKET_ITERATORS_BPF

int SocketIterators_load(uint32_t only_namespace, char *message, size_t message_size) {
  (void)only_namespace;
  if (message_size > 0) message[0] = 0;
  return SOCKET_ITERATORS_NOT_BUILT;
}

int SocketIterators_begin(int link) {
  (void)link;
  return SOCKET_ITERATORS_NOT_BUILT;
}

#else

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "descriptors_program.h"

// One thread loads, once.
static char *warning;
static size_t warning_size;

static int keep_warning(enum libbpf_print_level level, const char *format, va_list arguments) {
  if (level == LIBBPF_WARN && warning) vsnprintf(warning, warning_size, format, arguments);
  return 0;
}

/// Sets the program's constant, before it is loaded.
static int set_only_namespace(struct bpf_object *object, uint32_t only_namespace) {
  struct bpf_map *map;
  bpf_object__for_each_map(map, object) {
    if (!strstr(bpf_map__name(map), ".rodata")) continue;
    if (bpf_map__value_size(map) != sizeof only_namespace) return -EINVAL;
    return bpf_map__set_initial_value(map, &only_namespace, sizeof only_namespace);
  }
  return -ENOENT;
}

/// Loads the object and links its program; what outlives the object is the link's descriptor alone.
static int load(struct bpf_object *object, uint32_t only_namespace) {
  int error = set_only_namespace(object, only_namespace);
  if (!error) error = bpf_object__load(object);
  if (error) return error;
  struct bpf_program *program = bpf_object__next_program(object, NULL);
  struct bpf_link *link = program ? bpf_program__attach_iter(program, NULL) : NULL;
  if (!link) return -errno;
  int descriptor = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) descriptor = -errno;
  bpf_link__destroy(link);
  return descriptor;
}

int SocketIterators_load(uint32_t only_namespace, char *message, size_t message_size) {
  message[0] = 0;
  warning = message;
  warning_size = message_size;
  libbpf_set_print(keep_warning);
  struct bpf_object_open_opts options = {.sz = sizeof options, .object_name = "socket_exporter"};
  struct bpf_object *object =
    bpf_object__open_mem(descriptors_program, sizeof descriptors_program, &options);
  int result = object ? load(object, only_namespace) : -errno;
  bpf_object__close(object);
  warning = NULL;
  return result;
}

int SocketIterators_begin(int link) {
  int descriptor = bpf_iter_create(link);
  return descriptor < 0 ? -errno : descriptor;
}

#endif
