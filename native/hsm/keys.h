/*
 * Private keys as OpenSSL holds them, and what is computed with them. C over libcrypto only, without Node.js, so that it can be
 * built and tried alone; module.c puts it before JavaScript.
 *
 * All arithmetic with secrets is OpenSSL's: blinded for RSA, with constant time and random nonces for ECDSA. What a key
 * occupied is overwritten by OpenSSL when it is let go.
 *
 * Every function gives KEYS_OK or a number of libhal's (src/hsm/hal-status.ts), and leaves OpenSSL's error queue as it was.
 */
#ifndef SIGNET_KEYS_H
#define SIGNET_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum keys_status {
  KEYS_OK = 0,
  KEYS_BAD_ARGUMENTS = 1,
  KEYS_UNSUPPORTED = 2,
  KEYS_IMPOSSIBLE = 12, /* OpenSSL failed where it cannot */
  KEYS_NO_MEMORY = 13,
  KEYS_TOO_LONG = 14,
  KEYS_BAD_DER = 15,
  KEYS_NOT_ON_CURVE = 16,
  KEYS_INVALID_SIGNATURE = 17,
};

/* PKCS#11's numbers (CKM_...), as in src/hsm/hal-constants.ts. */
enum keys_mechanism {
  KEYS_RSA_PKCS = 0x0001,
  KEYS_SHA1_RSA_PKCS = 0x0006,
  KEYS_SHA256_RSA_PKCS = 0x0040,
  KEYS_SHA384_RSA_PKCS = 0x0041,
  KEYS_SHA512_RSA_PKCS = 0x0042,
  KEYS_ECDSA = 0x1041,
  KEYS_ECDSA_SHA1 = 0x1042,
  KEYS_ECDSA_SHA224 = 0x1043,
  KEYS_ECDSA_SHA256 = 0x1044,
  KEYS_ECDSA_SHA384 = 0x1045,
  KEYS_ECDSA_SHA512 = 0x1046,
  KEYS_EDDSA = 0x1057,
};

/* Octets of the longest signature: RSA-4096. */
enum { KEYS_MAX_SIGNATURE = 512 };

struct key;

/* PKCS#8 PrivateKeyInfo of RSA (1024 to 4096 bits), P-256, P-384, P-521, Ed25519 or Ed448. */
int keys_open(const uint8_t *der, size_t length, struct key **key);

/* SubjectPublicKeyInfo of the same. A point that is not on its curve is KEYS_BAD_DER, too. */
int keys_open_public(const uint8_t *der, size_t length, struct key **key);

/* NULL is allowed. */
void keys_close(struct key *key);

/* That the numbers of a private key of foreign origin belong together. Takes milliseconds. */
int keys_check(struct key *key);

/* SubjectPublicKeyInfo. *size is the room there is, then what was written; too little is KEYS_TOO_LONG. */
int keys_public(struct key *key, uint8_t *out, size_t *size);

/*
 * Signs `data`: a DigestInfo for RSA_PKCS, a digest for ECDSA, else a message. ECDSA gives r and s behind each other, each as long as
 * the order of the curve. *size as above; KEYS_MAX_SIGNATURE is always enough.
 */
int keys_sign(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, uint8_t *out, size_t *size);

/* KEYS_OK when the signature is valid, KEYS_INVALID_SIGNATURE when it is not, whatever its length. */
int keys_verify(struct key *key, unsigned mechanism, const uint8_t *data, size_t length, const uint8_t *signature,
                size_t signature_length);

/*
 * RSAES-PKCS1-v1_5 (RFC 8017 section 7.2.2) of a message of exactly `length` octets. Anything else in the padding gives random octets, in the
 * same time: nobody learns whether it was good.
 */
int keys_decrypt(struct key *key, const uint8_t *encrypted, size_t encrypted_length, uint8_t *out, size_t length);

#endif
