/*
 * Local sockets (AF_UNIX, streams) between hsmd and its devices: system calls as they are, on memory of the caller's, and one call into
 * JavaScript when there is something to do. node:net makes a buffer, a request and several events for each small message, which costs
 * more than the rest of a signature's way.
 *
 *     listen(path, onReady)              -> socket         a file that is there must be removed before
 *     connect(path, onReady)             -> socket         at once: the kernel has the other end wait in its queue
 *     accept(socket, onReady)            -> socket
 *     read(socket, octets, from)         -> octets read into `octets` from `from` on; 0 at the end
 *     write(socket, octets, from, to)    -> octets written; fewer than asked for when the other end does not read
 *     watch(socket, events)              what onReady(events) is called for, until it is changed: 1 readable (at first), 2 writable, 0 nothing
 *     close(socket)                      more than once does no harm
 *
 * What the kernel refuses is a negative number in place of the result: -errno (UV_EAGAIN of libuv: nothing now). onReady gets one when
 * the socket failed.
 *
 * Threads: everything of a socket happens in the event loop of the thread that opened it.
 *
 * The life of a socket: it has two owners, the event loop (until uv_close is done) and the JavaScript value (until it is collected). The
 * last one to leave frees it. While it is open it holds on to `onReady`.
 */
#define _GNU_SOURCE /* accept4 */
#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

/* Connections that wait to be accepted. */
enum { QUEUE = 16 };

struct local {
  int descriptor;
  uv_poll_t poll;
  napi_env env;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  napi_ref on_ready;
  napi_ref resource; /* `this` of the callbacks, and what async_hooks know them by */
  bool closing;
  int owners;
};

static const napi_type_tag SOCKET_TAG = {0x52f6c0b7e1944a0d, 0x8be2d1a35c7f6093};

/* ---- from the event loop ---- */

static void leave(struct local *s) {
  if (--s->owners == 0) free(s);
}

static void on_closed(uv_handle_t *handle) {
  struct local *s = handle->data;
  napi_env env = s->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok)
    napi_fatal_error("hsm", NAPI_AUTO_LENGTH, "no handle scope", NAPI_AUTO_LENGTH);
  napi_delete_reference(env, s->on_ready);
  napi_delete_reference(env, s->resource);
  napi_async_destroy(env, s->context);
  napi_close_handle_scope(env, scope);
  napi_remove_async_cleanup_hook(s->cleanup);
  leave(s);
}

static void begin_close(struct local *s) {
  if (s->closing) return;
  s->closing = true;
  uv_close((uv_handle_t *)&s->poll, on_closed); /* stops polling at once, so that the descriptor may go, too */
  close(s->descriptor);
}

static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  begin_close(data);
}

/* An exception in a callback is nobody's to catch: it becomes 'uncaughtException', as one in an event handler does. */
static void report_exception(napi_env env) {
  napi_value exception;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  struct local *s = poll->data;
  napi_env env = s->env;
  napi_handle_scope scope;
  napi_value callback, resource, what;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, s->on_ready, &callback) != napi_ok ||
      napi_get_reference_value(env, s->resource, &resource) != napi_ok ||
      napi_create_int32(env, status < 0 ? status : events, &what) != napi_ok ||
      napi_make_callback(env, s->context, resource, callback, 1, &what, NULL) != napi_ok)
    report_exception(env);
  napi_close_handle_scope(env, scope);
}

/* ---- opening ---- */

static void finalize(napi_env env, void *data, void *hint) {
  struct local *s = data;
  (void)env, (void)hint;
  begin_close(s); /* nobody can read it any more */
  leave(s);
}

static bool is_function(napi_env env, napi_value value) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_function) return true;
  throw_argument(env, "onReady must be a function");
  return false;
}

static bool prepare_callbacks(napi_env env, struct local *s, napi_value callback) {
  napi_value resource, name;
  if (napi_create_object(env, &resource) == napi_ok &&
      napi_create_string_utf8(env, "HSMSOCKET", NAPI_AUTO_LENGTH, &name) == napi_ok &&
      napi_create_reference(env, resource, 1, &s->resource) == napi_ok &&
      napi_create_reference(env, callback, 1, &s->on_ready) == napi_ok &&
      napi_async_init(env, resource, name, &s->context) == napi_ok)
    return true;
  throw_last(env);
  return false;
}

/* Gives back what a socket got that could not be opened. */
static void give_up(napi_env env, struct local *s) {
  if (s->on_ready != NULL) napi_delete_reference(env, s->on_ready);
  if (s->resource != NULL) napi_delete_reference(env, s->resource);
  if (s->context != NULL) napi_async_destroy(env, s->context);
  free(s);
}

/* Makes a socket of a descriptor, which it takes over, too, when there is an error. `callback` is a function. */
static napi_value wrap(napi_env env, int descriptor, napi_value callback) {
  uv_loop_t *loop;
  napi_value result;
  struct local *s = calloc(1, sizeof *s);
  if (s == NULL) {
    close(descriptor);
    return number(env, -ENOMEM);
  }
  s->env = env;
  s->descriptor = descriptor;
  if (!prepare_callbacks(env, s, callback) || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    close(descriptor);
    give_up(env, s);
    return throw_last(env);
  }
  int error = uv_poll_init(loop, &s->poll, descriptor);
  if (error != 0) {
    close(descriptor);
    give_up(env, s);
    return number(env, error);
  }
  /* From here on the loop owns it, and so does the value when there is one. */
  s->poll.data = s;
  s->owners = 1;
  if (napi_add_async_cleanup_hook(env, on_cleanup, s, &s->cleanup) != napi_ok)
    napi_fatal_error("hsm", NAPI_AUTO_LENGTH, "no cleanup hook", NAPI_AUTO_LENGTH);
  error = uv_poll_start(&s->poll, UV_READABLE, on_ready);
  if (error != 0) {
    begin_close(s);
    return number(env, error);
  }
  s->owners++;
  if (napi_create_external(env, s, finalize, NULL, &result) != napi_ok) {
    s->owners--;
    begin_close(s);
    return throw_last(env);
  }
  if (napi_type_tag_object(env, result, &SOCKET_TAG) != napi_ok) {
    begin_close(s);
    return throw_last(env);
  }
  return result;
}

/* `bind` or `connect` to the path of the first argument; the second one is onReady. */
static napi_value open_with(napi_env env, napi_callback_info info,
                            int (*use)(int, const struct sockaddr *, socklen_t), bool listens) {
  napi_value arguments[MOST_ARGUMENTS];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length;
  if (!take_arguments(env, info, 2, arguments) || !is_function(env, arguments[1])) return NULL;
  if (napi_get_value_string_utf8(env, arguments[0], NULL, 0, &length) != napi_ok)
    return throw_argument(env, "the path must be a string");
  /* An empty path would have the kernel choose a name that is no file. */
  if (length == 0 || length >= sizeof address.sun_path) return number(env, -ENAMETOOLONG);
  TRY(napi_get_value_string_utf8(env, arguments[0], address.sun_path, sizeof address.sun_path, &length));
  if (memchr(address.sun_path, 0, length) != NULL) return number(env, -EINVAL);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return number(env, -errno);
  if (use(descriptor, (const struct sockaddr *)&address, sizeof address) != 0 ||
      (listens && listen(descriptor, QUEUE) != 0)) {
    int error = errno;
    close(descriptor);
    return number(env, -error);
  }
  return wrap(env, descriptor, arguments[1]);
}

static napi_value listen_at(napi_env env, napi_callback_info info) { return open_with(env, info, bind, true); }

static napi_value connect_to(napi_env env, napi_callback_info info) { return open_with(env, info, connect, false); }

/* ---- from JavaScript ---- */

static struct local *any_socket(napi_env env, napi_value value) {
  napi_valuetype type;
  bool ours = false;
  void *data = NULL;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_check_object_type_tag(env, value, &SOCKET_TAG, &ours) == napi_ok && ours &&
      napi_get_value_external(env, value, &data) == napi_ok)
    return data;
  throw_argument(env, "the first argument must be a socket that listen(), connect() or accept() returned");
  return NULL;
}

static struct local *open_socket_of(napi_env env, napi_value value) {
  struct local *s = any_socket(env, value);
  if (s == NULL || !s->closing) return s;
  napi_throw_error(env, "ERR_SOCKET_CLOSED", "the socket is closed");
  return NULL;
}

static napi_value accept_next(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct local *s;
  if (!take_arguments(env, info, 2, arguments) || (s = open_socket_of(env, arguments[0])) == NULL ||
      !is_function(env, arguments[1]))
    return NULL;
  int descriptor = accept4(s->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return descriptor < 0 ? number(env, -errno) : wrap(env, descriptor, arguments[1]);
}

static napi_value read_octets(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct local *s;
  struct octets octets;
  uint32_t from;
  if (!take_arguments(env, info, 3, arguments) || (s = open_socket_of(env, arguments[0])) == NULL ||
      !take_octets(env, arguments[1], &octets) || !take_number(env, arguments[2], &from))
    return NULL;
  /* No room would look like the end. */
  if (from >= octets.length) return throw_argument(env, "there is no room in the octets");
  ssize_t count = recv(s->descriptor, octets.data + from, octets.length - from, MSG_DONTWAIT);
  return number(env, count < 0 ? -errno : count);
}

static napi_value write_octets(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct local *s;
  struct octets octets;
  uint32_t from, to;
  if (!take_arguments(env, info, 4, arguments) || (s = open_socket_of(env, arguments[0])) == NULL ||
      !take_octets(env, arguments[1], &octets) || !take_number(env, arguments[2], &from) ||
      !take_number(env, arguments[3], &to))
    return NULL;
  if (from > to || to > octets.length) return throw_argument(env, "the octets do not reach that far");
  ssize_t count = send(s->descriptor, octets.data + from, to - from, MSG_DONTWAIT | MSG_NOSIGNAL);
  return number(env, count < 0 ? -errno : count);
}

static napi_value watch(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct local *s;
  uint32_t events;
  if (!take_arguments(env, info, 2, arguments) || (s = open_socket_of(env, arguments[0])) == NULL ||
      !take_number(env, arguments[1], &events))
    return NULL;
  if ((events & ~(uint32_t)(UV_READABLE | UV_WRITABLE)) != 0) return throw_argument(env, "events are 0, 1, 2 or 3");
  return number(env, events == 0 ? uv_poll_stop(&s->poll) : uv_poll_start(&s->poll, (int)events, on_ready));
}

static napi_value close_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct local *s;
  if (!take_arguments(env, info, 1, arguments) || (s = any_socket(env, arguments[0])) == NULL) return NULL;
  begin_close(s);
  return NULL;
}

napi_value sockets_export(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"listen", listen_at},  {"connect", connect_to}, {"accept", accept_next}, {"read", read_octets},
      {"write", write_octets}, {"watch", watch},        {"close", close_socket},
  };
  napi_value sockets, function;
  TRY(napi_create_object(env, &sockets));
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    TRY(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function));
    TRY(napi_set_named_property(env, sockets, functions[i].name, function));
  }
  TRY(napi_set_named_property(env, exports, "sockets", sockets));
  return exports;
}
