/*
 * The Node-API side of datagrams.c: a socket that calls one JavaScript function for each batch.
 *
 *     open(address, port, flags, receiveBuffer, memory, onBatch)  -> socket, or throws as Node.js does (code, syscall)
 *     localAddress(socket)                                        -> { address, port }
 *     start(socket)                                               begins to receive
 *     send(socket, octets, address, port)                         one datagram outside of a batch
 *     dropped(socket)                                             datagrams that the kernel dropped, also after closing
 *     close(socket, onClosed)                                     true, and onClosed is called when nothing is left;
 *                                                                 false when it is closed already
 *     counterNames                                                what the elements of memory.counters count
 *
 * Threads: everything of a socket happens in the event loop of the thread that opened it, which may be a worker.
 *
 * The life of a socket: it has two owners, the event loop (until uv_close is done) and the JavaScript value (until it
 * is collected). The last one to leave frees it. While it is open it holds on to `onBatch` and to the memory of the
 * batch.
 */
#include "datagrams.h"
#include "moderation.h"

#define NAPI_VERSION 8
#include <errno.h>
#include <netdb.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

/* Full batches that are read before other sockets and timers of the loop get their turn. */
enum { BATCHES_IN_A_ROW = 8 };

/* Nanoseconds that a socket with many clients waits before it is read. The kernel may add 50,000, the slack of timers. */
enum { MODERATION_PAUSE = 100000 };

/* Of several busy sockets in one thread only one waits; another takes over when it has not for so many nanoseconds. */
enum { MODERATION_TURN = 5000000 };

enum { FLAG_REUSE_PORT = 1 };

enum { MEMORY_PARTS = 8 };

struct endpoint {
  struct datagrams datagrams;
  struct moderation moderation;
  uv_poll_t poll;
  napi_env env;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  napi_ref on_batch;
  napi_ref on_closed;
  napi_ref resource; /* `this` of the callbacks, and what async_hooks know them by */
  napi_ref memory[MEMORY_PARTS];
  uint64_t dropped; /* at the time of closing */
  bool closing;
  bool sending; /* answers wait for the socket to become writable; nothing is read meanwhile */
  int owners;
};

static const napi_type_tag ENDPOINT_TAG = {0x7d1f0c5a6be24d38, 0x9a3e51c7f08b2d64};

/* A failure of Node-API itself leaves an exception pending, or makes one; the caller returns to JavaScript at once. */
#define TRY(call)                                                                                                      \
  do {                                                                                                                 \
    if ((call) != napi_ok) return throw_last(env);                                                                     \
  } while (0)

static napi_value throw_last(napi_env env) {
  const napi_extended_error_info *info;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending && napi_get_last_error_info(env, &info) == napi_ok)
    napi_throw_error(env, "ERR_UDP_MODULE", info->error_message ? info->error_message : "Node-API call failed");
  return NULL;
}

static napi_value throw_argument(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return NULL;
}

/* An error with the fields of Node's own system errors: "bind EADDRINUSE 127.0.0.1:53", code, errno, syscall. */
static napi_value system_error(napi_env env, int error, const char *call, const char *address, unsigned port) {
  char text[256];
  const char *name = uv_err_name(-error);
  napi_value code, message, number, syscall, result;
  snprintf(text, sizeof text, "%s %s %s:%u", call, name, address, port);
  TRY(napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code));
  TRY(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message));
  TRY(napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &syscall));
  TRY(napi_create_int32(env, -error, &number));
  TRY(napi_create_error(env, code, message, &result));
  TRY(napi_set_named_property(env, result, "errno", number));
  TRY(napi_set_named_property(env, result, "syscall", syscall));
  return result;
}

static napi_value throw_system_error(napi_env env, int error, const char *call, const char *address, unsigned port) {
  napi_value exception = system_error(env, error, call, address, port);
  if (exception != NULL) napi_throw(env, exception);
  return NULL;
}

/* ---- from the event loop ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void leave(struct endpoint *e) {
  if (--e->owners == 0) free(e);
}

/* An exception in a callback is nobody's to catch: it becomes 'uncaughtException', as one in an event handler does. */
static void report_exception(napi_env env) {
  napi_value exception;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

static void on_closed(uv_handle_t *handle) {
  struct endpoint *e = handle->data;
  napi_env env = e->env;
  napi_handle_scope scope;
  napi_value resource, callback;
  if (napi_open_handle_scope(env, &scope) != napi_ok)
    napi_fatal_error("udp", NAPI_AUTO_LENGTH, "no handle scope", NAPI_AUTO_LENGTH);
  /* When the whole thread ends nobody waits, and JavaScript cannot be called any more. */
  if (e->on_closed != NULL && napi_get_reference_value(env, e->on_closed, &callback) == napi_ok &&
      napi_get_reference_value(env, e->resource, &resource) == napi_ok &&
      napi_make_callback(env, e->context, resource, callback, 0, NULL, NULL) != napi_ok)
    report_exception(env);
  for (int i = 0; i < MEMORY_PARTS; i++) napi_delete_reference(env, e->memory[i]);
  napi_delete_reference(env, e->on_batch);
  napi_delete_reference(env, e->resource);
  if (e->on_closed != NULL) napi_delete_reference(env, e->on_closed);
  napi_async_destroy(env, e->context);
  napi_close_handle_scope(env, scope);
  napi_remove_async_cleanup_hook(e->cleanup);
  leave(e);
}

/* Safe within a batch: the loop below looks at `closing` after each call, and the memory stays until on_closed. */
static void begin_close(struct endpoint *e) {
  if (e->closing) return;
  e->closing = true;
  e->dropped = datagrams_dropped(&e->datagrams);
  uv_close((uv_handle_t *)&e->poll, on_closed); /* stops polling at once, so that the descriptor may go, too */
  datagrams_close(&e->datagrams);
}

static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  begin_close(data);
}

/* Writes the address in presentation form and returns the port. */
static unsigned local_text(const struct endpoint *e, char *address, socklen_t size) {
  const union datagrams_address *local = &e->datagrams.local;
  /* getnameinfo and not inet_ntop: it writes the interface behind a link-local address. */
  if (getnameinfo(&local->any, sizeof *local, address, size, NULL, 0, NI_NUMERICHOST) != 0) address[0] = '\0';
  return ntohs(local->any.sa_family == AF_INET ? local->v4.sin_port : local->v6.sin6_port);
}

/* The socket cannot go on: that must be seen, so the thread gets an uncaught exception. */
static void fail(struct endpoint *e, int error, const char *call) {
  napi_handle_scope scope;
  char address[NI_MAXHOST];
  unsigned port = local_text(e, address, sizeof address);
  begin_close(e);
  if (napi_open_handle_scope(e->env, &scope) != napi_ok) return;
  napi_value exception = system_error(e->env, error, call, address, port);
  if (exception != NULL) napi_fatal_exception(e->env, exception);
  else report_exception(e->env);
  napi_close_handle_scope(e->env, scope);
}

static bool watch(struct endpoint *e, int events) {
  int error = uv_poll_start(&e->poll, events, on_ready);
  if (error != 0) fail(e, -error, "epoll_ctl");
  return error == 0;
}

/* Calls onBatch(count). Returns false when the batch ended otherwise: by an exception, or by closing. */
static bool deliver(struct endpoint *e) {
  napi_env env = e->env;
  napi_handle_scope scope;
  napi_value callback, resource, count;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  bool done = napi_get_reference_value(env, e->on_batch, &callback) == napi_ok &&
              napi_get_reference_value(env, e->resource, &resource) == napi_ok &&
              napi_create_uint32(env, e->datagrams.count, &count) == napi_ok &&
              napi_make_callback(env, e->context, resource, callback, 1, &count, NULL) == napi_ok;
  if (!done) report_exception(env);
  napi_close_handle_scope(env, scope);
  return done && !e->closing;
}

static _Thread_local const struct endpoint *waiter; /* never followed, only compared */
static _Thread_local uint64_t waited;               /* when it did last, of uv_hrtime */

static uint64_t thread_cpu(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Lets more datagrams arrive, where that has been found to pay. */
static void moderate(struct endpoint *e) {
  if (!moderation_waits(&e->moderation)) return;
  uint64_t now = uv_hrtime();
  if (waiter != e && now - waited < MODERATION_TURN) return;
  struct timespec pause = {.tv_nsec = MODERATION_PAUSE};
  nanosleep(&pause, NULL); /* a signal ends it early, which does no harm */
  e->datagrams.memory.counters[DATAGRAMS_COUNT_pauses]++;
  waiter = e;
  waited = now;
}

/* Reads, has answered and answers what is there, as long as batches are full. */
static void receive(struct endpoint *e) {
  moderate(e);
  uint32_t datagrams = 0;
  for (int i = 0; i < BATCHES_IN_A_ROW; i++) {
    int error = datagrams_receive(&e->datagrams);
    if (error != 0) {
      fail(e, error, "recvmmsg");
      return;
    }
    if (e->datagrams.count > 0) {
      datagrams += e->datagrams.count;
      if (!deliver(e)) return;
      e->sending = datagrams_send_answers(&e->datagrams);
      if (e->sending) {
        watch(e, UV_WRITABLE);
        return;
      }
    }
    if (!e->datagrams.more) break;
  }
  moderation_round(&e->moderation, datagrams, thread_cpu);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  struct endpoint *e = poll->data;
  (void)events;
  if (status < 0) {
    /* libuv stopped polling because of EPOLLERR; reading the pending error clears it. */
    int pending = 0;
    socklen_t size = sizeof pending;
    if (getsockopt(e->datagrams.socket, SOL_SOCKET, SO_ERROR, &pending, &size) != 0) {
      fail(e, errno, "getsockopt");
      return;
    }
    e->datagrams.memory.counters[DATAGRAMS_COUNT_receiveErrors]++;
    if (!watch(e, e->sending ? UV_WRITABLE : UV_READABLE)) return;
  }
  if (e->sending) {
    e->sending = datagrams_send_waiting(&e->datagrams);
    if (e->sending || !watch(e, UV_READABLE)) return;
  }
  receive(e);
}

/* ---- from JavaScript ---- */

static struct endpoint *any_endpoint(napi_env env, napi_value value) {
  bool ours = false;
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, value, &ENDPOINT_TAG, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, value, &data) != napi_ok) {
    throw_argument(env, "the first argument must be a socket that open() returned");
    return NULL;
  }
  return data;
}

static struct endpoint *open_endpoint_of(napi_env env, napi_value value) {
  struct endpoint *e = any_endpoint(env, value);
  if (e == NULL || !e->closing) return e;
  napi_throw_error(env, "ERR_SOCKET_DGRAM_NOT_RUNNING", "the socket is closed");
  return NULL;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  leave(data);
}

struct part {
  const char *name;
  napi_typedarray_type type;
  size_t least; /* elements */
};

/* Octets of one property of `memory`; holds on to it in e->memory[i]. Returns NULL with an exception pending. */
static void *take_part(napi_env env, struct endpoint *e, napi_value memory, int i, const struct part *part,
                       size_t *length) {
  napi_value value;
  napi_typedarray_type type;
  void *data = NULL;
  bool is_array = false;
  TRY(napi_get_named_property(env, memory, part->name, &value));
  TRY(napi_is_typedarray(env, value, &is_array));
  if (is_array) TRY(napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL));
  if (!is_array || type != part->type || *length < part->least) {
    char message[80];
    snprintf(message, sizeof message, "memory.%s is missing, too small or of another kind", part->name);
    return throw_argument(env, message);
  }
  TRY(napi_create_reference(env, value, 1, &e->memory[i]));
  return data;
}

/* Slots: one typed array for all, cut in DATAGRAMS_CAPACITY equal parts. */
static bool take_memory(napi_env env, struct endpoint *e, napi_value value, struct datagrams_memory *memory) {
  static const struct part parts[MEMORY_PARTS] = {
      {"received", napi_uint8_array, DATAGRAMS_CAPACITY},
      {"receivedLength", napi_uint32_array, DATAGRAMS_CAPACITY},
      {"peers", napi_uint8_array, DATAGRAMS_CAPACITY * DATAGRAMS_ADDRESS},
      {"peerLength", napi_uint8_array, DATAGRAMS_CAPACITY},
      {"peerPort", napi_uint16_array, DATAGRAMS_CAPACITY},
      {"answers", napi_uint8_array, DATAGRAMS_CAPACITY},
      {"answerLength", napi_uint32_array, DATAGRAMS_CAPACITY},
      {"counters", napi_biguint64_array, DATAGRAMS_COUNTER_COUNT},
  };
  void *data[MEMORY_PARTS];
  size_t length[MEMORY_PARTS];
  for (int i = 0; i < MEMORY_PARTS; i++) {
    data[i] = take_part(env, e, value, i, &parts[i], &length[i]);
    if (data[i] == NULL) return false;
  }
  *memory = (struct datagrams_memory){
      .received = data[0],
      .received_stride = length[0] / DATAGRAMS_CAPACITY,
      .received_size = length[0] / DATAGRAMS_CAPACITY,
      .received_length = data[1],
      .peers = data[2],
      .peer_length = data[3],
      .peer_port = data[4],
      .answers = data[5],
      .answer_stride = length[5] / DATAGRAMS_CAPACITY,
      .answer_size = length[5] / DATAGRAMS_CAPACITY,
      .answer_length = data[6],
      .counters = data[7],
  };
  return true;
}

static bool read_options(napi_env env, napi_value *arguments, char *address, size_t size,
                         struct datagrams_options *options) {
  uint32_t port, flags, receive_buffer;
  size_t length;
  if (napi_get_value_string_utf8(env, arguments[0], address, size, &length) != napi_ok || length + 1 >= size ||
      napi_get_value_uint32(env, arguments[1], &port) != napi_ok || port > UINT16_MAX ||
      napi_get_value_uint32(env, arguments[2], &flags) != napi_ok ||
      napi_get_value_uint32(env, arguments[3], &receive_buffer) != napi_ok || receive_buffer > INT32_MAX) {
    throw_argument(env, "open(address: string, port: 0-65535, flags, receiveBuffer: octets, memory, onBatch)");
    return false;
  }
  *options = (struct datagrams_options){.address = address,
                                        .port = (uint16_t)port,
                                        .reuse_port = (flags & FLAG_REUSE_PORT) != 0,
                                        .receive_buffer = (int)receive_buffer};
  return true;
}

/* Gives back what an endpoint got that could not be opened. */
static napi_value give_up(napi_env env, struct endpoint *e) {
  datagrams_close(&e->datagrams);
  for (int i = 0; i < MEMORY_PARTS; i++)
    if (e->memory[i] != NULL) napi_delete_reference(env, e->memory[i]);
  if (e->on_batch != NULL) napi_delete_reference(env, e->on_batch);
  if (e->resource != NULL) napi_delete_reference(env, e->resource);
  if (e->context != NULL) napi_async_destroy(env, e->context);
  free(e);
  return throw_last(env);
}

static bool prepare_callbacks(napi_env env, struct endpoint *e, napi_value on_batch) {
  napi_value resource, name;
  napi_valuetype type;
  if (napi_typeof(env, on_batch, &type) != napi_ok || type != napi_function) {
    throw_argument(env, "onBatch must be a function");
    return false;
  }
  return napi_create_object(env, &resource) == napi_ok &&
         napi_create_string_utf8(env, "UDPBATCH", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_reference(env, resource, 1, &e->resource) == napi_ok &&
         napi_create_reference(env, on_batch, 1, &e->on_batch) == napi_ok &&
         napi_async_init(env, resource, name, &e->context) == napi_ok;
}

static napi_value open_endpoint(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6], result;
  char address[128];
  struct datagrams_options options;
  struct datagrams_memory memory;
  uv_loop_t *loop;
  const char *failed = NULL;
  TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  TRY(napi_get_uv_event_loop(env, &loop));
  if (!read_options(env, arguments, address, sizeof address, &options)) return NULL;
  struct endpoint *e = calloc(1, sizeof *e);
  if (e == NULL) return throw_system_error(env, ENOMEM, "calloc", address, options.port);
  e->env = env;
  e->datagrams.socket = -1;
  if (!take_memory(env, e, arguments[4], &memory) || !prepare_callbacks(env, e, arguments[5])) return give_up(env, e);
  int error = datagrams_open(&e->datagrams, &options, &memory, &failed);
  if (error == 0) {
    failed = "epoll_ctl";
    error = -uv_poll_init(loop, &e->poll, e->datagrams.socket);
  }
  if (error != 0) {
    throw_system_error(env, error, failed, address, options.port);
    return give_up(env, e);
  }
  /* From here on the loop owns it, and so does the value when there is one. */
  e->poll.data = e;
  e->owners = 1;
  napi_status hooked = napi_add_async_cleanup_hook(env, on_cleanup, e, &e->cleanup);
  if (hooked != napi_ok) napi_fatal_error("udp", NAPI_AUTO_LENGTH, "no cleanup hook", NAPI_AUTO_LENGTH);
  e->owners++;
  if (napi_create_external(env, e, finalize, NULL, &result) != napi_ok) {
    e->owners--;
    begin_close(e);
    return throw_last(env);
  }
  if (napi_type_tag_object(env, result, &ENDPOINT_TAG) != napi_ok) {
    begin_close(e);
    return throw_last(env);
  }
  return result;
}

static napi_value local_address(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result, address, port;
  char text[NI_MAXHOST];
  TRY(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  struct endpoint *e = any_endpoint(env, argument);
  if (e == NULL) return NULL;
  TRY(napi_create_uint32(env, local_text(e, text, sizeof text), &port));
  TRY(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &address));
  TRY(napi_create_object(env, &result));
  TRY(napi_set_named_property(env, result, "address", address));
  TRY(napi_set_named_property(env, result, "port", port));
  return result;
}

static napi_value start(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  TRY(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  struct endpoint *e = open_endpoint_of(env, argument);
  if (e == NULL || e->sending) return NULL; /* it reads when the answers are gone */
  int error = uv_poll_start(&e->poll, UV_READABLE, on_ready);
  if (error == 0) return NULL;
  char address[NI_MAXHOST];
  unsigned port = local_text(e, address, sizeof address);
  return throw_system_error(env, -error, "epoll_ctl", address, port);
}

static napi_value send_one(napi_env env, napi_callback_info info) {
  size_t count = 4, length, address_length;
  napi_value arguments[4];
  void *octets, *address;
  uint32_t port;
  napi_typedarray_type type, address_type;
  TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  struct endpoint *e = open_endpoint_of(env, arguments[0]);
  if (e == NULL) return NULL;
  if (napi_get_typedarray_info(env, arguments[1], &type, &length, &octets, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, arguments[2], &address_type, &address_length, &address, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || address_type != napi_uint8_array ||
      napi_get_value_uint32(env, arguments[3], &port) != napi_ok || port > UINT16_MAX ||
      !datagrams_send(&e->datagrams, octets, length, address, address_length, (uint16_t)port))
    return throw_argument(env, "send(socket, octets: Uint8Array, address: its 4 or 16 octets, port: 0-65535)");
  return NULL;
}

static napi_value dropped(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  TRY(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  struct endpoint *e = any_endpoint(env, argument);
  if (e == NULL) return NULL;
  TRY(napi_create_double(env, (double)(e->closing ? e->dropped : datagrams_dropped(&e->datagrams)), &result));
  return result;
}

static napi_value close_endpoint(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2], result;
  napi_valuetype type;
  TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
  struct endpoint *e = any_endpoint(env, arguments[0]);
  if (e == NULL) return NULL;
  TRY(napi_typeof(env, arguments[1], &type));
  if (type != napi_function) return throw_argument(env, "onClosed must be a function");
  TRY(napi_get_boolean(env, !e->closing, &result));
  if (e->closing) return result;
  TRY(napi_create_reference(env, arguments[1], 1, &e->on_closed));
  begin_close(e);
  return result;
}

static napi_value counter_names(napi_env env) {
#define DATAGRAMS_COUNTER_NAME(name) #name,
  static const char *const names[] = {DATAGRAMS_COUNTERS(DATAGRAMS_COUNTER_NAME)};
  napi_value result, name;
  TRY(napi_create_array_with_length(env, DATAGRAMS_COUNTER_COUNT, &result));
  for (uint32_t i = 0; i < DATAGRAMS_COUNTER_COUNT; i++) {
    TRY(napi_create_string_utf8(env, names[i], NAPI_AUTO_LENGTH, &name));
    TRY(napi_set_element(env, result, i, name));
  }
  return result;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"open", open_endpoint}, {"localAddress", local_address}, {"start", start},
                   {"send", send_one},      {"dropped", dropped},            {"close", close_endpoint}};
  napi_value value;
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    TRY(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &value));
    TRY(napi_set_named_property(env, exports, functions[i].name, value));
  }
  value = counter_names(env);
  if (value == NULL) return NULL;
  TRY(napi_set_named_property(env, exports, "counterNames", value));
  return exports;
}
