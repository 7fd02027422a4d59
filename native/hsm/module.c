/*
 * The Node-API side of keys.c and hashsig.c. Octets are Uint8Arrays; a status is a number of libhal's, 0 for success; lengths are
 * given as they are, and a status in their place is negative.
 *
 *     openPrivate(der), openPublic(der)                         -> handle, or a status
 *     close(handle)                                             clears the key now; else it is cleared when the handle is collected
 *     check(handle)                                             -> status
 *     publicKey(handle, out)                                    -> length
 *     sign(handle, mechanism, data, out)                        -> length
 *     verify(handle, mechanism, data, signature)                -> status
 *     decrypt(handle, encrypted, out)                           -> status; fills all of `out`
 *     hashsigSign(id, q, seed, w, hash, y)
 *     hashsigCandidate(id, q, w, hash, y, key)
 *     hashsigSubtree(id, seed, w, treeHeight, height, first, nodes)      in this thread
 *     hashsigSubtreeLater(id, seed, w, treeHeight, height, first, nodes) -> promise; in a thread of the pool. Writes `nodes` at its end;
 *                                                               a process or a thread that ends waits for it, so keep it short
 *
 * Arguments of another kind, and handles that are closed, throw: that is a mistake of the caller's. Everything else is a status. The
 * functions of local sockets are in sockets.c.
 */
#include "arguments.h"
#include "hashsig.h"
#include "keys.h"
#include "sockets.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const napi_type_tag KEY_TAG = {0x3d0f6b52c9a84e17, 0xb16c2f80a4de9375};

/* A length, or a status that is not KEYS_OK. */
static napi_value length_or_status(napi_env env, int status, size_t length) {
  return number(env, status == KEYS_OK ? (int64_t)length : -(int64_t)status);
}

/* ---- arguments ---- */

static bool take_exactly(napi_env env, napi_value value, size_t length, struct octets *octets) {
  if (!take_octets(env, value, octets)) return false;
  if (octets->length == length) return true;
  throw_argument(env, "a Uint8Array has another length than it must have");
  return false;
}

/* ---- keys ---- */

struct handle {
  struct key *key; /* NULL when it is closed */
};

static struct handle *take_handle(napi_env env, napi_value value) {
  napi_valuetype type;
  bool ours = false;
  void *data = NULL;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_check_object_type_tag(env, value, &KEY_TAG, &ours) == napi_ok && ours &&
      napi_get_value_external(env, value, &data) == napi_ok)
    return data;
  throw_argument(env, "the first argument must be a key that openPrivate() or openPublic() returned");
  return NULL;
}

static struct key *take_key(napi_env env, napi_value value) {
  struct handle *handle = take_handle(env, value);
  if (handle == NULL) return NULL;
  if (handle->key == NULL) napi_throw_error(env, "ERR_HSM_KEY_CLOSED", "the key is closed");
  return handle->key;
}

static void finalize(napi_env env, void *data, void *hint) {
  struct handle *handle = data;
  (void)env, (void)hint;
  keys_close(handle->key);
  free(handle);
}

static napi_value wrap_key(napi_env env, struct key *key) {
  napi_value result;
  struct handle *handle = malloc(sizeof *handle);
  if (handle == NULL) {
    keys_close(key);
    return number(env, KEYS_NO_MEMORY);
  }
  handle->key = key;
  if (napi_create_external(env, handle, finalize, NULL, &result) != napi_ok) {
    finalize(env, handle, NULL);
    return throw_last(env);
  }
  TRY(napi_type_tag_object(env, result, &KEY_TAG));
  return result;
}

static napi_value open_with(napi_env env, napi_callback_info info,
                            int (*open)(const uint8_t *, size_t, struct key **)) {
  napi_value arguments[MOST_ARGUMENTS];
  struct octets der;
  struct key *key = NULL;
  if (!take_arguments(env, info, 1, arguments) || !take_octets(env, arguments[0], &der)) return NULL;
  int status = open(der.data, der.length, &key);
  return status == KEYS_OK ? wrap_key(env, key) : number(env, status);
}

static napi_value open_private(napi_env env, napi_callback_info info) { return open_with(env, info, keys_open); }

static napi_value open_public(napi_env env, napi_callback_info info) { return open_with(env, info, keys_open_public); }

static napi_value close_key(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct handle *handle;
  if (!take_arguments(env, info, 1, arguments) || (handle = take_handle(env, arguments[0])) == NULL) return NULL;
  keys_close(handle->key);
  handle->key = NULL;
  return NULL;
}

static napi_value check(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct key *key;
  if (!take_arguments(env, info, 1, arguments) || (key = take_key(env, arguments[0])) == NULL) return NULL;
  return number(env, keys_check(key));
}

static napi_value public_key(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct key *key;
  struct octets out;
  if (!take_arguments(env, info, 2, arguments) || (key = take_key(env, arguments[0])) == NULL ||
      !take_octets(env, arguments[1], &out))
    return NULL;
  int status = keys_public(key, out.data, &out.length);
  return length_or_status(env, status, out.length);
}

static napi_value sign(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct key *key;
  uint32_t mechanism;
  struct octets data, out;
  if (!take_arguments(env, info, 4, arguments) || (key = take_key(env, arguments[0])) == NULL ||
      !take_number(env, arguments[1], &mechanism) || !take_octets(env, arguments[2], &data) ||
      !take_octets(env, arguments[3], &out))
    return NULL;
  int status = keys_sign(key, mechanism, data.data, data.length, out.data, &out.length);
  return length_or_status(env, status, out.length);
}

static napi_value verify(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct key *key;
  uint32_t mechanism;
  struct octets data, signature;
  if (!take_arguments(env, info, 4, arguments) || (key = take_key(env, arguments[0])) == NULL ||
      !take_number(env, arguments[1], &mechanism) || !take_octets(env, arguments[2], &data) ||
      !take_octets(env, arguments[3], &signature))
    return NULL;
  return number(env, keys_verify(key, mechanism, data.data, data.length, signature.data, signature.length));
}

static napi_value decrypt(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct key *key;
  struct octets encrypted, out;
  if (!take_arguments(env, info, 3, arguments) || (key = take_key(env, arguments[0])) == NULL ||
      !take_octets(env, arguments[1], &encrypted) || !take_octets(env, arguments[2], &out))
    return NULL;
  return number(env, keys_decrypt(key, encrypted.data, encrypted.length, out.data, out.length));
}

/* ---- hash-based signatures ---- */

static bool take_width(napi_env env, napi_value value, uint32_t *w) {
  if (!take_number(env, value, w)) return false;
  if (hashsig_chains(*w) > 0) return true;
  throw_argument(env, "w must be 1, 2, 4 or 8");
  return false;
}

static napi_value sign_hash(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct octets id, seed, hash, y;
  uint32_t q, w;
  if (!take_arguments(env, info, 6, arguments) || !take_exactly(env, arguments[0], HASHSIG_ID, &id) ||
      !take_number(env, arguments[1], &q) || !take_exactly(env, arguments[2], HASHSIG_N, &seed) ||
      !take_width(env, arguments[3], &w) || !take_exactly(env, arguments[4], HASHSIG_N, &hash) ||
      !take_exactly(env, arguments[5], (size_t)hashsig_chains(w) * HASHSIG_N, &y))
    return NULL;
  hashsig_sign(id.data, q, seed.data, w, hash.data, y.data);
  return NULL;
}

static napi_value candidate(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct octets id, hash, y, key;
  uint32_t q, w;
  if (!take_arguments(env, info, 6, arguments) || !take_exactly(env, arguments[0], HASHSIG_ID, &id) ||
      !take_number(env, arguments[1], &q) || !take_width(env, arguments[2], &w) ||
      !take_exactly(env, arguments[3], HASHSIG_N, &hash) ||
      !take_exactly(env, arguments[4], (size_t)hashsig_chains(w) * HASHSIG_N, &y) ||
      !take_exactly(env, arguments[5], HASHSIG_N, &key))
    return NULL;
  hashsig_candidate(id.data, q, w, hash.data, y.data, key.data);
  return NULL;
}

/* A subtree that is to be computed: by value, so that a thread may do it. */
struct subtree {
  uint8_t id[HASHSIG_ID], seed[HASHSIG_N];
  uint32_t w, tree_height, height, first;
  size_t length;
  uint8_t *nodes;
  napi_async_work work;
  napi_deferred deferred;
  napi_ref out;
};

enum { MOST_HEIGHT = 25 };

static bool take_subtree(napi_env env, const napi_value *arguments, struct subtree *s, struct octets *nodes) {
  struct octets id, seed;
  if (!take_exactly(env, arguments[0], HASHSIG_ID, &id) || !take_exactly(env, arguments[1], HASHSIG_N, &seed) ||
      !take_width(env, arguments[2], &s->w) || !take_number(env, arguments[3], &s->tree_height) ||
      !take_number(env, arguments[4], &s->height) || !take_number(env, arguments[5], &s->first))
    return false;
  if (s->tree_height > MOST_HEIGHT || s->height > s->tree_height ||
      s->first >= (uint32_t)1 << s->tree_height || s->first % ((uint32_t)1 << s->height) != 0) {
    throw_argument(env, "the subtree is not one of this tree");
    return false;
  }
  s->length = ((size_t)2 << s->height) * HASHSIG_N;
  if (!take_exactly(env, arguments[6], s->length, nodes)) return false;
  memcpy(s->id, id.data, HASHSIG_ID);
  memcpy(s->seed, seed.data, HASHSIG_N);
  return true;
}

static void compute(struct subtree *s) {
  hashsig_subtree(s->id, s->seed, s->w, s->tree_height, s->height, s->first, s->nodes);
}

static napi_value subtree_now(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct subtree s = {0};
  struct octets nodes;
  if (!take_arguments(env, info, 7, arguments)) return NULL;
  if (take_subtree(env, arguments, &s, &nodes)) {
    s.nodes = nodes.data;
    compute(&s);
  }
  OPENSSL_cleanse(s.seed, sizeof s.seed);
  return NULL;
}

static void free_subtree(napi_env env, struct subtree *s) {
  if (s->out != NULL) napi_delete_reference(env, s->out);
  if (s->work != NULL) napi_delete_async_work(env, s->work);
  OPENSSL_cleanse(s->seed, sizeof s->seed);
  free(s->nodes);
  free(s);
}

static void in_thread(napi_env env, void *data) {
  (void)env;
  struct subtree *s = data;
  compute(s);
}

static bool deliver(napi_env env, struct subtree *s) {
  napi_value out;
  struct octets octets;
  if (napi_get_reference_value(env, s->out, &out) != napi_ok || !take_exactly(env, out, s->length, &octets)) return false;
  memcpy(octets.data, s->nodes, s->length);
  return napi_resolve_deferred(env, s->deferred, out) == napi_ok;
}

static void after_thread(napi_env env, napi_status status, void *data) {
  struct subtree *s = data;
  napi_value exception;
  /* When the thread ends (napi_cancelled) nobody waits, and JavaScript cannot be called any more. */
  if (status == napi_ok && !deliver(env, s) && napi_get_and_clear_last_exception(env, &exception) == napi_ok)
    napi_reject_deferred(env, s->deferred, exception);
  free_subtree(env, s);
}

static napi_value begin_subtree(napi_env env, struct subtree *s, napi_value out) {
  napi_value name, promise;
  if ((s->nodes = malloc(s->length)) == NULL ||
      napi_create_reference(env, out, 1, &s->out) != napi_ok ||
      napi_create_string_utf8(env, "HASHSIGSUBTREE", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, in_thread, after_thread, s, &s->work) != napi_ok ||
      napi_create_promise(env, &s->deferred, &promise) != napi_ok) {
    free_subtree(env, s);
    napi_throw_error(env, "ERR_HSM_MODULE", "out of memory");
    return NULL;
  }
  if (napi_queue_async_work(env, s->work) != napi_ok) {
    free_subtree(env, s);
    return throw_last(env);
  }
  return promise;
}

static napi_value subtree_later(napi_env env, napi_callback_info info) {
  napi_value arguments[MOST_ARGUMENTS];
  struct octets nodes;
  if (!take_arguments(env, info, 7, arguments)) return NULL;
  struct subtree *s = calloc(1, sizeof *s);
  if (s == NULL) {
    napi_throw_error(env, "ERR_HSM_MODULE", "out of memory");
    return NULL;
  }
  if (take_subtree(env, arguments, s, &nodes)) return begin_subtree(env, s, arguments[6]);
  free_subtree(env, s);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"openPrivate", open_private},
      {"openPublic", open_public},
      {"close", close_key},
      {"check", check},
      {"publicKey", public_key},
      {"sign", sign},
      {"verify", verify},
      {"decrypt", decrypt},
      {"hashsigSign", sign_hash},
      {"hashsigCandidate", candidate},
      {"hashsigSubtree", subtree_now},
      {"hashsigSubtreeLater", subtree_later},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    TRY(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function));
    TRY(napi_set_named_property(env, exports, functions[i].name, function));
  }
  return sockets_export(env, exports);
}
