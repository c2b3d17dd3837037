#ifndef C_MICRO_HTTP_H
#define C_MICRO_HTTP_H

/// The part of libmicrohttpd that the HTTP server needs, in a form that Swift can call.
///
/// Why it exists: MHD_start_daemon is variadic, its logger takes a va_list, and its enums import as
/// closed Swift enums, so that a code from a newer library would be undefined behaviour.
///
/// When it can be deleted: when Swift calls variadic C functions and libmicrohttpd answers every
/// malformed request by itself (see `answer_silence` in the .c file), or when the library is
/// replaced.
///
/// No type of libmicrohttpd leaves this target. Descriptors, threads and callbacks:
/// - every callback runs on the server's own thread, one thread for each server;
/// - no callback runs before CMicroHTTP_start is called or after CMicroHTTP_stop returns.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/// A thread that serves one listening socket.
typedef struct CMicroHTTP_Server CMicroHTTP_Server;

/// Headers and a pointer to a body; counted, may be sent many times and by several servers at once.
typedef struct CMicroHTTP_Response CMicroHTTP_Response;

/// Bytes inside a request: not NUL-terminated, valid as long as the request. NULL means absent.
typedef struct CMicroHTTP_Bytes {
  const uint8_t *_Nullable start;
  size_t count;
} CMicroHTTP_Bytes;

/// A request whose headers have been read. Valid only during the `answer` callback that lends it.
typedef struct CMicroHTTP_Request {
  /// The method as sent.
  CMicroHTTP_Bytes method;
  /// The path as sent, without the query and not percent-decoded.
  CMicroHTTP_Bytes path;
  /// Whether the connection is one above `connection_limit`.
  bool over_limit;
  /// The connection it came on; for the functions below.
  void *connection;
} CMicroHTTP_Request;

/// What the server tells its owner. `context` is passed to each and is not retained.
typedef struct CMicroHTTP_Callbacks {
  void *context;
  /// A request wants CMicroHTTP_respond, once, before the callback returns. Where that was refused,
  /// false closes the connection.
  bool (*answer)(void *context, const CMicroHTTP_Request *request);
  /// A request given to `answer` has ended, well or badly; called once for each.
  void (*finished)(void *context, bool timed_out);
  /// The library answered by itself, without calling `answer`: 400, 408, 413, 414, 431, 500, 505.
  void (*refused)(void *context, unsigned status);
  /// May one more connection be accepted? False closes it at once.
  bool (*admit)(void *context);
  /// A connection was accepted; true puts `over_limit` on its requests.
  bool (*opened)(void *context);
  /// A connection is about to be closed; called once for each `opened`.
  void (*closed)(void *context);
  /// The process has no descriptor left for a new connection.
  void (*exhausted)(void *context);
} CMicroHTTP_Callbacks;

typedef struct CMicroHTTP_Options {
  /// A connection on which nothing moves for so long is closed. Seconds, at least 1.
  unsigned idle_timeout_seconds;
  /// A backstop: at so many connections the server stops accepting, and clients wait in the kernel.
  unsigned connection_limit;
  /// Memory for the headers of one connection, in and out. Bytes.
  size_t connection_memory_bytes;
} CMicroHTTP_Options;

/// Starts a thread that serves `listening_socket`, which must be bound and listening on `port`.
///
/// Takes the socket in every case: it is closed by CMicroHTTP_stop, and before return on failure.
/// - Returns: NULL where the library cannot start, with errno where the reason is known, else 0.
CMicroHTTP_Server *_Nullable CMicroHTTP_start(int listening_socket, uint16_t port,
                                              CMicroHTTP_Options options,
                                              CMicroHTTP_Callbacks callbacks);

/// Accepts no more connections: whoever connects now waits in the kernel. Those there are are served on.
void CMicroHTTP_quiesce(CMicroHTTP_Server *server);

/// Whether a client has asked and is not answered yet, or has connected and not asked yet.
bool CMicroHTTP_is_awaited(CMicroHTTP_Server *server);

/// Closes the listening socket and every connection, and waits for the thread to end. Not to be
/// called from a callback. The server is gone afterwards.
void CMicroHTTP_stop(CMicroHTTP_Server *server);

/// Sends a response; allowed once, inside `answer`. The response is retained until it is sent.
bool CMicroHTTP_respond(const CMicroHTTP_Request *request, unsigned status,
                        CMicroHTTP_Response *response);

/// Makes a response around bytes that stay where they are and unchanged until `release(owner)`,
/// which is called once, from any thread, when the last use of the response is over.
/// - Returns: NULL without memory; then `release` is not called.
CMicroHTTP_Response *_Nullable CMicroHTTP_response_create(const void *_Nullable bytes,
                                                          size_t count, void *owner,
                                                          void (*release)(void *owner));

/// Adds a header. False where the name or value is not one, or without memory.
bool CMicroHTTP_response_add_header(CMicroHTTP_Response *response, const char *name,
                                    const char *value);

/// Gives up the reference that CMicroHTTP_response_create returned.
void CMicroHTTP_response_release(CMicroHTTP_Response *response);

/// The value of the header `name` (case does not matter) that stands at `index` among the headers
/// of that name, in the order sent.
CMicroHTTP_Bytes CMicroHTTP_header(const CMicroHTTP_Request *request, const char *name,
                                   size_t index);

/// The name and value of the query item at `index`: `+` read as space, else as sent, not
/// percent-decoded. False where there are fewer. The value is NULL where the item has no `=`.
bool CMicroHTTP_query_item(const CMicroHTTP_Request *request, size_t index, CMicroHTTP_Bytes *name,
                           CMicroHTTP_Bytes *value);

/// Whether the client's address is a loopback address: 127.0.0.0/8, ::1 or ::ffff:127.0.0.0/104.
bool CMicroHTTP_peer_is_loopback(const CMicroHTTP_Request *request);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
