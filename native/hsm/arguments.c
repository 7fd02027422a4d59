#include "arguments.h"

napi_value throw_last(napi_env env) {
  const napi_extended_error_info *info;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending && napi_get_last_error_info(env, &info) == napi_ok)
    napi_throw_error(env, "ERR_HSM_MODULE", info->error_message ? info->error_message : "Node-API call failed");
  return NULL;
}

napi_value throw_argument(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return NULL;
}

napi_value number(napi_env env, int64_t value) {
  napi_value result;
  TRY(napi_create_int64(env, value, &result));
  return result;
}

bool take_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments) {
  size_t count = MOST_ARGUMENTS;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count >= wanted) return true;
  throw_argument(env, "too few arguments");
  return false;
}

bool take_octets(napi_env env, napi_value value, struct octets *octets) {
  napi_typedarray_type type;
  bool is_array = false;
  void *data = NULL;
  if (napi_is_typedarray(env, value, &is_array) == napi_ok && is_array &&
      napi_get_typedarray_info(env, value, &type, &octets->length, &data, NULL, NULL) == napi_ok &&
      type == napi_uint8_array) {
    octets->data = data;
    return true;
  }
  throw_argument(env, "octets must be a Uint8Array");
  return false;
}

bool take_number(napi_env env, napi_value value, uint32_t *number) {
  double wanted;
  if (napi_get_value_double(env, value, &wanted) == napi_ok && wanted >= 0 && wanted <= UINT32_MAX &&
      napi_get_value_uint32(env, value, number) == napi_ok)
    return true;
  throw_argument(env, "a number from 0 to 4294967295 is wanted");
  return false;
}
