#define _GNU_SOURCE
#include "CMicroHTTP.h"

#include <errno.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct CMicroHTTP_Server {
  struct MHD_Daemon *daemon;
  CMicroHTTP_Options options;
  CMicroHTTP_Callbacks callbacks;
  atomic_bool stopping;
  // Connections that wait for an answer; see `struct connection`.
  atomic_int waiting;
  // The socket that is no longer served; -1 as long as it is.
  int quiesced_socket;
};

// What a request's `con_cls` says: NULL until its headers are read.
static char headers_read, answered;

// A connection's `socket_context`.
struct connection {
  bool over_limit;
  // Whether the client has asked and is not answered yet. Who has just connected is about to ask.
  bool waits;
};

static struct connection *state_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

static void set_waiting(CMicroHTTP_Server *server, struct connection *state, bool waits) {
  if (state == NULL || state->waits == waits) return;
  state->waits = waits;
  atomic_fetch_add(&server->waiting, waits ? 1 : -1);
}

static struct MHD_Connection *connection_of(const CMicroHTTP_Request *request) {
  return request->connection;
}

static CMicroHTTP_Bytes bytes_of(const char *text, size_t count) {
  return (CMicroHTTP_Bytes){(const uint8_t *)text, text == NULL ? 0 : count};
}

// MARK: Requests

// Whether the client announces a body. Such a request is answered before the body is read and the
// connection is closed after it; any other is answered when it is complete, which keeps the
// connection open.
static bool has_body(struct MHD_Connection *connection) {
  if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding") != NULL) {
    return true;
  }
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
  return length != NULL && length[strspn(length, "0")] != '\0';
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload_data,
                                 size_t *upload_data_size, void **con_cls) {
  (void)version;
  (void)upload_data;
  CMicroHTTP_Server *server = cls;
  if (*con_cls == &answered) {
    *upload_data_size = 0;
    return MHD_YES;
  }
  struct connection *state = state_of(connection);
  set_waiting(server, state, true);
  if (*con_cls == NULL && !has_body(connection)) {
    *con_cls = &headers_read;
    return MHD_YES;
  }
  *con_cls = &answered;
  CMicroHTTP_Request request = {
      .method = bytes_of(method, strlen(method)),
      .path = bytes_of(url, strlen(url)),
      .over_limit = state != NULL && state->over_limit,
      .connection = connection,
  };
  return server->callbacks.answer(server->callbacks.context, &request) ? MHD_YES : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code) {
  CMicroHTTP_Server *server = cls;
  set_waiting(server, state_of(connection), false);
  if (*con_cls == &answered) {
    *con_cls = NULL;
    server->callbacks.finished(server->callbacks.context,
                               code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED);
  }
}

bool CMicroHTTP_respond(const CMicroHTTP_Request *request, unsigned status,
                        CMicroHTTP_Response *response) {
  return MHD_queue_response(connection_of(request), status, (struct MHD_Response *)response) ==
         MHD_YES;
}

struct wanted_value {
  const char *name;  // NULL: any
  size_t name_length;
  size_t skip;
  bool found;
  CMicroHTTP_Bytes key, value;
};

static enum MHD_Result on_value(void *cls, enum MHD_ValueKind kind, const char *key,
                                size_t key_size, const char *value, size_t value_size) {
  (void)kind;
  struct wanted_value *wanted = cls;
  if (wanted->name != NULL && (key_size != wanted->name_length ||
                               strncasecmp(key, wanted->name, wanted->name_length) != 0)) {
    return MHD_YES;
  }
  if (wanted->skip > 0) {
    wanted->skip -= 1;
    return MHD_YES;
  }
  wanted->found = true;
  wanted->key = bytes_of(key, key_size);
  wanted->value = bytes_of(value, value_size);
  return MHD_NO;
}

CMicroHTTP_Bytes CMicroHTTP_header(const CMicroHTTP_Request *request, const char *name,
                                   size_t index) {
  struct wanted_value wanted = {.name = name, .name_length = strlen(name), .skip = index};
  MHD_get_connection_values_n(connection_of(request), MHD_HEADER_KIND, &on_value, &wanted);
  return wanted.value;
}

bool CMicroHTTP_query_item(const CMicroHTTP_Request *request, size_t index, CMicroHTTP_Bytes *name,
                           CMicroHTTP_Bytes *value) {
  struct wanted_value wanted = {.skip = index};
  MHD_get_connection_values_n(connection_of(request), MHD_GET_ARGUMENT_KIND, &on_value, &wanted);
  *name = wanted.key;
  *value = wanted.value;
  return wanted.found;
}

bool CMicroHTTP_peer_is_loopback(const CMicroHTTP_Request *request) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection_of(request), MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == NULL || info->client_addr == NULL) return false;
  if (info->client_addr->sa_family == AF_INET) {
    struct sockaddr_in peer;
    memcpy(&peer, info->client_addr, sizeof peer);
    return ntohl(peer.sin_addr.s_addr) >> 24 == 127;
  }
  if (info->client_addr->sa_family == AF_INET6) {
    struct sockaddr_in6 peer;
    memcpy(&peer, info->client_addr, sizeof peer);
    return IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) && peer.sin6_addr.s6_addr[12] == 127);
  }
  return false;
}

// MARK: Responses

CMicroHTTP_Response *CMicroHTTP_response_create(const void *bytes, size_t count, void *owner,
                                                void (*release)(void *owner)) {
  // The library takes a pointer to mutable memory and only reads it.
  return (CMicroHTTP_Response *)MHD_create_response_from_buffer_with_free_callback_cls(
      count, (void *)bytes, release, owner);
}

bool CMicroHTTP_response_add_header(CMicroHTTP_Response *response, const char *name,
                                    const char *value) {
  return MHD_add_response_header((struct MHD_Response *)response, name, value) == MHD_YES;
}

void CMicroHTTP_response_release(CMicroHTTP_Response *response) {
  MHD_destroy_response((struct MHD_Response *)response);
}

// MARK: Connections

static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t length) {
  (void)address;
  (void)length;
  CMicroHTTP_Server *server = cls;
  return server->callbacks.admit(server->callbacks.context) ? MHD_YES : MHD_NO;
}

// libmicrohttpd 0.9.75 closes a connection without a word where the first line holds no space or
// begins with one, where a request stalls, and where the client ends it half-way. Whoever sent
// bytes gets an answer: where data came in, none went out and the connection is about to be closed,
// the client is told why. (MHD_USE_TURBO leaves the socket open for writing until here.) Can be
// deleted when the oldest supported libmicrohttpd answers these by itself.
static void answer_silence(CMicroHTTP_Server *server, struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info == NULL || atomic_load(&server->stopping)) return;
  struct tcp_info tcp = {0};
  socklen_t length = sizeof tcp;
  if (getsockopt(info->connect_fd, IPPROTO_TCP, TCP_INFO, &tcp, &length) != 0) return;
  if (length < offsetof(struct tcp_info, tcpi_data_segs_out) + sizeof tcp.tcpi_data_segs_out) {
    return;  // a kernel before 4.6
  }
  if (tcp.tcpi_data_segs_in == 0 || tcp.tcpi_data_segs_out != 0) return;
  bool timed_out = tcp.tcpi_last_data_recv + 100 >= server->options.idle_timeout_seconds * 1000;
  unsigned status = timed_out ? 408 : 400;
  const char *text = timed_out ? "the request did not come in time\n"
                               : "the request is malformed or incomplete\n";
  char answer[256];
  int count = snprintf(answer, sizeof answer,
                       "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n\r\n%s",
                       status, timed_out ? "Request Timeout" : "Bad Request", strlen(text), text);
  if (send(info->connect_fd, answer, (size_t)count, MSG_NOSIGNAL | MSG_DONTWAIT) == count) {
    server->callbacks.refused(server->callbacks.context, status);
  }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  CMicroHTTP_Server *server = cls;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    bool over_limit = server->callbacks.opened(server->callbacks.context);
    // Without memory for it the connection is one like any other, and nobody waits for it at the end.
    struct connection *state = calloc(1, sizeof *state);
    if (state != NULL) state->over_limit = over_limit;
    set_waiting(server, state, true);
    *socket_context = state;
  } else {
    answer_silence(server, connection);
    set_waiting(server, *socket_context, false);
    free(*socket_context);
    *socket_context = NULL;
    server->callbacks.closed(server->callbacks.context);
  }
}

// MARK: The server

// The library's messages are for its own developers. Two of them are the only trace of what it does
// without asking, so they are counted; none is printed.
static void on_log(void *cls, const char *format, va_list arguments) {
  CMicroHTTP_Server *server = cls;
  static const char refusal[] = "Error processing request (HTTP response code is %u";
  static const char exhausted[] = "Hit process or system resource limit";
  if (strncmp(format, refusal, sizeof refusal - 1) == 0) {
    server->callbacks.refused(server->callbacks.context, va_arg(arguments, unsigned));
  } else if (strncmp(format, exhausted, sizeof exhausted - 1) == 0) {
    server->callbacks.exhausted(server->callbacks.context);
  }
}

// Paths and query items reach Swift as they were sent and are decoded there, once and totally.
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text) {
  (void)cls;
  (void)connection;
  return strlen(text);
}

// Which socket a descriptor number means now; 0 where none.
static ino_t socket_identity(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

CMicroHTTP_Server *CMicroHTTP_start(int listening_socket, uint16_t port, CMicroHTTP_Options options,
                                    CMicroHTTP_Callbacks callbacks) {
  CMicroHTTP_Server *server = calloc(1, sizeof *server);
  if (server == NULL) {
    close(listening_socket);
    errno = ENOMEM;
    return NULL;
  }
  server->options = options;
  server->callbacks = callbacks;
  server->quiesced_socket = -1;
  // Where it fails, the library closes the socket on some paths and forgets it on others. A
  // socket's inode number is never used twice, so it tells whether the descriptor is still the one
  // passed.
  ino_t identity = socket_identity(listening_socket);
  errno = 0;
  server->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG | MHD_USE_TURBO, port,
      &on_accept, server, &on_access, server,
      MHD_OPTION_EXTERNAL_LOGGER, &on_log, server,
      MHD_OPTION_LISTEN_SOCKET, listening_socket,
      MHD_OPTION_CONNECTION_TIMEOUT, options.idle_timeout_seconds,
      MHD_OPTION_CONNECTION_LIMIT, options.connection_limit,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.connection_memory_bytes,
      MHD_OPTION_NOTIFY_COMPLETED, &on_completed, server,
      MHD_OPTION_NOTIFY_CONNECTION, &on_connection, server,
      MHD_OPTION_UNESCAPE_CALLBACK, &leave_escaped, server, MHD_OPTION_END);
  if (server->daemon != NULL) return server;
  int reason = errno;
  if (identity != 0 && socket_identity(listening_socket) == identity) close(listening_socket);
  free(server);
  errno = reason;
  return NULL;
}

void CMicroHTTP_quiesce(CMicroHTTP_Server *server) {
  if (server->quiesced_socket < 0) server->quiesced_socket = MHD_quiesce_daemon(server->daemon);
}

bool CMicroHTTP_is_awaited(CMicroHTTP_Server *server) { return atomic_load(&server->waiting) > 0; }

void CMicroHTTP_stop(CMicroHTTP_Server *server) {
  atomic_store(&server->stopping, true);
  MHD_stop_daemon(server->daemon);
  // Not before: the thread may have used it up to now.
  if (server->quiesced_socket >= 0) close(server->quiesced_socket);
  free(server);
}
