/* What the Node-API sides of this module share: arguments in, errors and numbers out. */
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

/* A failure of Node-API itself leaves an exception pending, or makes one; the caller returns to JavaScript at once. */
#define TRY(call)                                                                                                      \
  do {                                                                                                                 \
    if ((call) != napi_ok) return throw_last(env);                                                                     \
  } while (0)

enum { MOST_ARGUMENTS = 7 };

struct octets {
  uint8_t *data;
  size_t length;
};

/* These return NULL with an exception pending. */
napi_value throw_last(napi_env env);
napi_value throw_argument(napi_env env, const char *message);

napi_value number(napi_env env, int64_t value);

/* These return false with an exception pending. */
bool take_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments);
bool take_octets(napi_env env, napi_value value, struct octets *octets);
bool take_number(napi_env env, napi_value value, uint32_t *number);
