#include "keys.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_LEAST_BITS = 1024, RSA_MOST_BITS = 4096 };

/* PKCS#1 v1.5 padding takes at least 11 octets (RFC 8017 section 9.2). */
enum { PADDING = 11 };

enum kind { RSA_KEY, EC_KEY_KIND, ED_KEY };

struct key {
  EVP_PKEY *pkey;
  enum kind kind;
  size_t size;          /* octets of an RSA modulus, of the order of a curve, of an EdDSA signature */
  EVP_PKEY_CTX *signer; /* made with the first signature; it holds no secret of its own */
  EVP_MD_CTX *message;  /* the same for EdDSA */
};

/* ---- opening ---- */

static int curve_size(EVP_PKEY *pkey, size_t *size) {
  static const struct {
    const char *name;
    size_t size;
  } curves[] = {{"prime256v1", 32}, {"secp384r1", 48}, {"secp521r1", 66}};
  char name[32];
  size_t length;
  if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &length) != 1) return KEYS_UNSUPPORTED;
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
    if (strcmp(name, curves[i].name) == 0) {
      *size = curves[i].size;
      return KEYS_OK;
    }
  return KEYS_UNSUPPORTED;
}

static int classify(struct key *key) {
  int bits = EVP_PKEY_get_bits(key->pkey);
  switch (EVP_PKEY_get_base_id(key->pkey)) {
  case EVP_PKEY_RSA:
    if (bits < RSA_LEAST_BITS || bits > RSA_MOST_BITS) return KEYS_UNSUPPORTED;
    key->kind = RSA_KEY;
    key->size = ((size_t)bits + 7) / 8;
    return KEYS_OK;
  case EVP_PKEY_EC: key->kind = EC_KEY_KIND; return curve_size(key->pkey, &key->size);
  case EVP_PKEY_ED25519:
  case EVP_PKEY_ED448:
    key->kind = ED_KEY;
    key->size = (size_t)EVP_PKEY_get_size(key->pkey);
    return KEYS_OK;
  default: return KEYS_UNSUPPORTED;
  }
}

/* Takes `pkey` over. */
static int make_key(EVP_PKEY *pkey, struct key **result) {
  struct key *key = calloc(1, sizeof *key);
  if (key == NULL) {
    EVP_PKEY_free(pkey);
    return KEYS_NO_MEMORY;
  }
  key->pkey = pkey;
  int status = classify(key);
  if (status == KEYS_OK) *result = key;
  else keys_close(key);
  return status;
}

static int open_private(const uint8_t *der, size_t length, struct key **key) {
  const unsigned char *at = der;
  PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)length);
  EVP_PKEY *pkey = info != NULL && at == der + length ? EVP_PKCS82PKEY(info) : NULL;
  PKCS8_PRIV_KEY_INFO_free(info);
  return pkey == NULL ? KEYS_BAD_DER : make_key(pkey, key);
}

static int open_public(const uint8_t *der, size_t length, struct key **key) {
  const unsigned char *at = der;
  EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)length);
  if (pkey != NULL && at == der + length) return make_key(pkey, key);
  EVP_PKEY_free(pkey);
  return KEYS_BAD_DER;
}

/* Longer than any key that we take: OpenSSL counts in `long`. */
static bool is_reasonable(size_t length) { return length > 0 && length <= 16384; }

int keys_open(const uint8_t *der, size_t length, struct key **key) {
  if (!is_reasonable(length)) return KEYS_BAD_DER;
  ERR_set_mark();
  int status = open_private(der, length, key);
  ERR_pop_to_mark();
  return status;
}

int keys_open_public(const uint8_t *der, size_t length, struct key **key) {
  if (!is_reasonable(length)) return KEYS_BAD_DER;
  ERR_set_mark();
  int status = open_public(der, length, key);
  ERR_pop_to_mark();
  return status;
}

void keys_close(struct key *key) {
  if (key == NULL) return;
  EVP_PKEY_CTX_free(key->signer);
  EVP_MD_CTX_free(key->message);
  EVP_PKEY_free(key->pkey);
  free(key);
}

static int check_curve(struct key *key) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
  if (context == NULL) return KEYS_NO_MEMORY;
  /* The point is on the curve, the scalar is below the order, and they belong together (SP 800-56A section 5.6.2.1). */
  int status = EVP_PKEY_check(context) == 1 ? KEYS_OK : KEYS_NOT_ON_CURVE;
  EVP_PKEY_CTX_free(context);
  return status;
}

/* A signature that verifies shows that the private numbers belong to the public ones (FIPS 140-3, pairwise consistency). */
static int check_pair(struct key *key, unsigned mechanism) {
  static const uint8_t data[32] = "pairwise consistency";
  uint8_t signature[KEYS_MAX_SIGNATURE];
  size_t size = sizeof signature;
  int status = keys_sign(key, mechanism, data, sizeof data, signature, &size);
  if (status == KEYS_OK) status = keys_verify(key, mechanism, data, sizeof data, signature, size);
  return status == KEYS_OK ? KEYS_OK : KEYS_UNSUPPORTED;
}

int keys_check(struct key *key) {
  ERR_set_mark();
  int status = KEYS_OK;
  switch (key->kind) {
  case RSA_KEY: status = check_pair(key, KEYS_RSA_PKCS); break;
  case EC_KEY_KIND: status = check_curve(key); break;
  case ED_KEY: status = check_pair(key, KEYS_EDDSA); break;
  }
  ERR_pop_to_mark();
  return status;
}

static int write_public(struct key *key, uint8_t *out, size_t *size) {
  int length = i2d_PUBKEY(key->pkey, NULL);
  if (length <= 0) return KEYS_IMPOSSIBLE;
  if ((size_t)length > *size) return KEYS_TOO_LONG;
  *size = (size_t)i2d_PUBKEY(key->pkey, &out);
  return KEYS_OK;
}

int keys_public(struct key *key, uint8_t *out, size_t *size) {
  ERR_set_mark();
  int status = write_public(key, out, size);
  ERR_pop_to_mark();
  return status;
}

/* ---- what is signed ---- */

struct input {
  const uint8_t *data;
  size_t length;
  uint8_t made[19 + EVP_MAX_MD_SIZE];
};

/* The DER before the digest in a DigestInfo (RFC 8017 section 9.2, note 1). */
static const uint8_t SHA1_INFO[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
static const uint8_t SHA256_INFO[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t SHA384_INFO[] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30};
static const uint8_t SHA512_INFO[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

static int digest(struct input *input, const EVP_MD *hash, const uint8_t *info, size_t info_length, const uint8_t *data,
                  size_t length) {
  unsigned size = 0;
  if (info_length > 0) memcpy(input->made, info, info_length);
  if (EVP_Digest(data, length, input->made + info_length, &size, hash, NULL) != 1) return KEYS_IMPOSSIBLE;
  input->data = input->made;
  input->length = info_length + size;
  return KEYS_OK;
}

static int take(struct input *input, const uint8_t *data, size_t length) {
  if (length == 0) return KEYS_BAD_ARGUMENTS;
  input->data = data;
  input->length = length;
  return KEYS_OK;
}

/* What goes into the RSA or ECDSA operation itself. */
static int prepare(const struct key *key, unsigned mechanism, const uint8_t *data, size_t length, struct input *input) {
#define INFO(name) name, sizeof name
  if (key->kind == RSA_KEY) switch (mechanism) {
    case KEYS_RSA_PKCS: return take(input, data, length);
    case KEYS_SHA1_RSA_PKCS: return digest(input, EVP_sha1(), INFO(SHA1_INFO), data, length);
    case KEYS_SHA256_RSA_PKCS: return digest(input, EVP_sha256(), INFO(SHA256_INFO), data, length);
    case KEYS_SHA384_RSA_PKCS: return digest(input, EVP_sha384(), INFO(SHA384_INFO), data, length);
    case KEYS_SHA512_RSA_PKCS: return digest(input, EVP_sha512(), INFO(SHA512_INFO), data, length);
    }
  if (key->kind == EC_KEY_KIND) switch (mechanism) {
    case KEYS_ECDSA: return take(input, data, length);
    case KEYS_ECDSA_SHA1: return digest(input, EVP_sha1(), NULL, 0, data, length);
    case KEYS_ECDSA_SHA224: return digest(input, EVP_sha224(), NULL, 0, data, length);
    case KEYS_ECDSA_SHA256: return digest(input, EVP_sha256(), NULL, 0, data, length);
    case KEYS_ECDSA_SHA384: return digest(input, EVP_sha384(), NULL, 0, data, length);
    case KEYS_ECDSA_SHA512: return digest(input, EVP_sha512(), NULL, 0, data, length);
    }
  return KEYS_UNSUPPORTED;
#undef INFO
}

/* ---- ECDSA-Sig-Value (RFC 3279 section 2.2.3): SEQUENCE { r INTEGER, s INTEGER } ---- */

/* Octets of the longest one: P-521. */
enum { ECDSA_DER = 3 + 2 * (2 + 67) };

/* Reads an INTEGER of OpenSSL's own making into `size` octets. */
static const uint8_t *read_integer(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t size) {
  if (end - at < 2 || at[0] != 0x02 || at[1] > end - at - 2) return NULL;
  size_t length = at[1];
  at += 2;
  const uint8_t *next = at + length;
  while (length > 0 && *at == 0) at++, length--;
  if (length > size) return NULL;
  memset(out, 0, size - length);
  memcpy(out + size - length, at, length);
  return next;
}

static int from_der(const uint8_t *der, size_t length, uint8_t *out, size_t size) {
  const uint8_t *end = der + length;
  /* A SEQUENCE of 128 octets and more has its length in a second octet: P-521. */
  const uint8_t *at = length > 2 && der[1] == 0x81 ? der + 3 : der + 2;
  at = read_integer(at, end, out, size);
  if (at != NULL) at = read_integer(at, end, out + size, size);
  return at == end ? KEYS_OK : KEYS_IMPOSSIBLE;
}

static uint8_t *write_integer(uint8_t *at, const uint8_t *number, size_t size) {
  while (size > 1 && *number == 0) number++, size--;
  bool sign = (*number & 0x80) != 0;
  *at++ = 0x02;
  *at++ = (uint8_t)(size + sign);
  if (sign) *at++ = 0;
  memcpy(at, number, size);
  return at + size;
}

static size_t to_der(const uint8_t *signature, size_t size, uint8_t *der) {
  uint8_t body[ECDSA_DER];
  uint8_t *end = write_integer(write_integer(body, signature, size), signature + size, size);
  size_t length = (size_t)(end - body), head = 0;
  der[head++] = 0x30;
  if (length >= 0x80) der[head++] = 0x81;
  der[head++] = (uint8_t)length;
  memcpy(der + head, body, length);
  return head + length;
}

/* ---- signing ---- */

static int make_signer(struct key *key) {
  EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
  if (signer == NULL) return KEYS_NO_MEMORY;
  if (EVP_PKEY_sign_init(signer) != 1 ||
      (key->kind == RSA_KEY && EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING) != 1)) {
    EVP_PKEY_CTX_free(signer);
    return KEYS_IMPOSSIBLE;
  }
  key->signer = signer;
  return KEYS_OK;
}

static int sign_rsa(struct key *key, const struct input *input, uint8_t *out, size_t *size) {
  if (input->length > key->size - PADDING || *size < key->size) return KEYS_TOO_LONG;
  return EVP_PKEY_sign(key->signer, out, size, input->data, input->length) == 1 ? KEYS_OK : KEYS_IMPOSSIBLE;
}

static int sign_ec(struct key *key, const struct input *input, uint8_t *out, size_t *size) {
  uint8_t der[ECDSA_DER + 8];
  size_t length = sizeof der;
  if (*size < 2 * key->size) return KEYS_TOO_LONG;
  *size = 2 * key->size;
  /* OpenSSL takes the leftmost bits of what is longer than the order (FIPS 186-5 section 6.4.1). */
  if (EVP_PKEY_sign(key->signer, der, &length, input->data, input->length) != 1) return KEYS_IMPOSSIBLE;
  return from_der(der, length, out, key->size);
}

static int sign_message(struct key *key, const uint8_t *data, size_t length, uint8_t *out, size_t *size) {
  if (*size < key->size) return KEYS_TOO_LONG;
  if (key->message == NULL) key->message = EVP_MD_CTX_new();
  if (key->message == NULL) return KEYS_NO_MEMORY;
  bool done = EVP_MD_CTX_reset(key->message) == 1 &&
              EVP_DigestSignInit(key->message, NULL, NULL, NULL, key->pkey) == 1 &&
              EVP_DigestSign(key->message, out, size, data, length) == 1;
  return done ? KEYS_OK : KEYS_IMPOSSIBLE;
}

static int sign(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, uint8_t *out, size_t *size) {
  if (key->kind == ED_KEY)
    return mechanism == KEYS_EDDSA ? sign_message(key, data, length, out, size) : KEYS_UNSUPPORTED;
  struct input input;
  int status = prepare(key, mechanism, data, length, &input);
  if (status == KEYS_OK && key->signer == NULL) status = make_signer(key);
  if (status != KEYS_OK) return status;
  return key->kind == RSA_KEY ? sign_rsa(key, &input, out, size) : sign_ec(key, &input, out, size);
}

int keys_sign(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, uint8_t *out, size_t *size) {
  ERR_set_mark();
  int status = sign(key, mechanism, data, length, out, size);
  ERR_pop_to_mark();
  return status;
}

/* ---- verifying ---- */

static int verify_input(struct key *key, const struct input *input, const uint8_t *signature, size_t length) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
  if (context == NULL) return KEYS_NO_MEMORY;
  bool ready = EVP_PKEY_verify_init(context) == 1 &&
               (key->kind != RSA_KEY || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
  int status = !ready ? KEYS_IMPOSSIBLE
               : EVP_PKEY_verify(context, signature, length, input->data, input->length) == 1
                   ? KEYS_OK
                   : KEYS_INVALID_SIGNATURE;
  EVP_PKEY_CTX_free(context);
  return status;
}

static int verify_message(struct key *key, const uint8_t *data, size_t length, const uint8_t *signature,
                          size_t signature_length) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context == NULL) return KEYS_NO_MEMORY;
  int status = KEYS_IMPOSSIBLE;
  if (EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1)
    status = EVP_DigestVerify(context, signature, signature_length, data, length) == 1 ? KEYS_OK
                                                                                         : KEYS_INVALID_SIGNATURE;
  EVP_MD_CTX_free(context);
  return status;
}

static int verify(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, const uint8_t *signature,
                  size_t signature_length) {
  if (key->kind == ED_KEY && mechanism != KEYS_EDDSA) return KEYS_UNSUPPORTED;
  struct input input;
  int status = key->kind == ED_KEY ? KEYS_OK : prepare(key, mechanism, data, length, &input);
  if (status != KEYS_OK) return status;
  /* One length only for each key (RFC 8017 section 8.2.2 step 1; RFC 6605 section 4; RFC 8032 section 5.1.7). */
  if (signature_length != (key->kind == EC_KEY_KIND ? 2 * key->size : key->size)) return KEYS_INVALID_SIGNATURE;
  if (key->kind == ED_KEY) return verify_message(key, data, length, signature, signature_length);
  if (key->kind == RSA_KEY) return verify_input(key, &input, signature, signature_length);
  uint8_t der[ECDSA_DER + 8];
  return verify_input(key, &input, der, to_der(signature, key->size, der));
}

int keys_verify(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, const uint8_t *signature,
                size_t signature_length) {
  ERR_set_mark();
  int status = verify(key, mechanism, data, length, signature, signature_length);
  ERR_pop_to_mark();
  return status;
}

/* ---- decrypting ---- */

/* 0xff for zero, else 0, without a branch. */
static uint8_t is_zero(uint8_t octet) { return (uint8_t)(((uint32_t)octet - 1) >> 24); }

/*
 * EM = 00 || 02 || PS, no zeros || 00 || M. The length of M is known, so all places are, and nothing that is secret is an index or a
 * condition.
 */
static void unpad(const uint8_t *em, size_t size, uint8_t *out, size_t length) {
  size_t zero = size - length - 1;
  uint8_t good = is_zero(em[0]) & is_zero(em[1] ^ 2) & is_zero(em[zero]);
  for (size_t i = 2; i < zero; i++) good &= (uint8_t)~is_zero(em[i]);
  volatile uint8_t mask = good; /* keeps compilers from making a branch of it */
  for (size_t i = 0; i < length; i++) out[i] = (uint8_t)((em[zero + 1 + i] & mask) | (out[i] & (uint8_t)~mask));
}

/* The RSA operation alone; false for a number that is not below the modulus. */
static bool raw_decrypt(struct key *key, const uint8_t *encrypted, uint8_t *em) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
  size_t size = key->size;
  bool done = context != NULL && EVP_PKEY_decrypt_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 &&
              EVP_PKEY_decrypt(context, em, &size, encrypted, key->size) == 1 && size == key->size;
  EVP_PKEY_CTX_free(context);
  return done;
}

int keys_decrypt(struct key *key, const uint8_t *encrypted, size_t encrypted_length, uint8_t *out, size_t length) {
  if (key->kind != RSA_KEY) return KEYS_UNSUPPORTED;
  if (encrypted_length != key->size || length == 0 || length > key->size - PADDING) return KEYS_BAD_ARGUMENTS;
  if (RAND_bytes(out, (int)length) != 1) return KEYS_IMPOSSIBLE;
  uint8_t em[KEYS_MAX_SIGNATURE];
  ERR_set_mark();
  if (raw_decrypt(key, encrypted, em)) unpad(em, key->size, out, length);
  ERR_pop_to_mark();
  OPENSSL_cleanse(em, sizeof em);
  return KEYS_OK;
}
