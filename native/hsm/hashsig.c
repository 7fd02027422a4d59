#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Transform: a chain is made of single blocks, and EVP would cost more than they do */
#include "hashsig.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

enum { D_PBLC = 0x8080, D_LEAF = 0x8282, D_INTR = 0x8383 };

/*
 * I || u32str(q) || u16str(i) || u8str(j) || tmp (algorithms 1, 3 and 4b) has 55 octets: with SHA-256's own padding one block.
 *
 *     0         16        20    22   23        55   56          64
 *     | I       | q       | i   | j  | tmp     | 80 | 440 bits   |
 */
enum { AT_Q = 16, AT_I = 20, AT_J = 22, AT_TMP = 23, AT_END = 55, BLOCK = 64 };

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

static void start_block(uint8_t *block, const uint8_t *id, uint32_t q) {
  memset(block, 0, BLOCK);
  memcpy(block, id, HASHSIG_ID);
  put32(block + AT_Q, q);
  block[AT_END] = 0x80;
  put16(block + BLOCK - 2, AT_END * 8);
}

static void hash_block(const uint8_t *block, uint8_t *out) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Transform(&context, block);
  for (int i = 0; i < 8; i++) put32(out + 4 * i, context.h[i]);
}

/* x[i] (appendix A): the seed where a chain has its value, and 0xff for j. */
static void start_chain(uint8_t *block, const uint8_t *seed, unsigned i) {
  put16(block + AT_I, i);
  block[AT_J] = 0xff;
  memcpy(block + AT_TMP, seed, HASHSIG_N);
  hash_block(block, block + AT_TMP);
}

static void walk_chain(uint8_t *block, unsigned from, unsigned to) {
  for (unsigned j = from; j < to; j++) {
    block[AT_J] = (uint8_t)j;
    hash_block(block, block + AT_TMP);
  }
}

unsigned hashsig_chains(unsigned w) {
  switch (w) {
  case 1: return 265;
  case 2: return 133;
  case 4: return 67;
  case 8: return 34;
  default: return 0;
  }
}

/* The checksum is shifted to the left so that its digits begin at an octet (section 4.4; ls of table 1). */
static unsigned checksum_shift(unsigned w) { return w == 1 ? 7 : w == 2 ? 6 : w == 4 ? 4 : 0; }

/* coef (section 3.1.3) */
static unsigned digit(const uint8_t *octets, unsigned i, unsigned w) {
  unsigned in_octet = 8 / w;
  return (octets[i / in_octet] >> (8 - w * (i % in_octet + 1))) & ((1u << w) - 1);
}

/* Q || Cksm(Q) */
static void add_checksum(const uint8_t *hash, unsigned w, uint8_t *out) {
  unsigned sum = 0, most = (1u << w) - 1;
  for (unsigned i = 0; i < HASHSIG_N * 8 / w; i++) sum += most - digit(hash, i, w);
  memcpy(out, hash, HASHSIG_N);
  put16(out + HASHSIG_N, sum << checksum_shift(w));
}

void hashsig_sign(const uint8_t *id, uint32_t q, const uint8_t *seed, unsigned w, const uint8_t *hash, uint8_t *y) {
  uint8_t block[BLOCK], digits[HASHSIG_N + 2];
  unsigned chains = hashsig_chains(w);
  add_checksum(hash, w, digits);
  start_block(block, id, q);
  for (unsigned i = 0; i < chains; i++) {
    start_chain(block, seed, i);
    walk_chain(block, 0, digit(digits, i, w));
    memcpy(y + i * HASHSIG_N, block + AT_TMP, HASHSIG_N);
  }
  OPENSSL_cleanse(block, sizeof block);
}

/* K = H(I || u32str(q) || u16str(D_PBLC) || the ends of the chains) */
static void start_public(SHA256_CTX *context, const uint8_t *id, uint32_t q) {
  uint8_t head[22];
  memcpy(head, id, HASHSIG_ID);
  put32(head + AT_Q, q);
  put16(head + AT_I, D_PBLC);
  SHA256_Init(context);
  SHA256_Update(context, head, sizeof head);
}

void hashsig_candidate(const uint8_t *id, uint32_t q, unsigned w, const uint8_t *hash, const uint8_t *y, uint8_t *key) {
  uint8_t block[BLOCK], digits[HASHSIG_N + 2];
  unsigned chains = hashsig_chains(w), most = (1u << w) - 1;
  SHA256_CTX context;
  add_checksum(hash, w, digits);
  start_public(&context, id, q);
  start_block(block, id, q);
  for (unsigned i = 0; i < chains; i++) {
    put16(block + AT_I, i);
    memcpy(block + AT_TMP, y + i * HASHSIG_N, HASHSIG_N);
    walk_chain(block, digit(digits, i, w), most);
    SHA256_Update(&context, block + AT_TMP, HASHSIG_N);
  }
  SHA256_Final(key, &context);
}

static void public_key(const uint8_t *id, uint32_t q, const uint8_t *seed, unsigned w, uint8_t *key) {
  uint8_t block[BLOCK];
  unsigned chains = hashsig_chains(w), most = (1u << w) - 1;
  SHA256_CTX context;
  start_public(&context, id, q);
  start_block(block, id, q);
  for (unsigned i = 0; i < chains; i++) {
    start_chain(block, seed, i);
    walk_chain(block, 0, most);
    SHA256_Update(&context, block + AT_TMP, HASHSIG_N);
  }
  SHA256_Final(key, &context);
  OPENSSL_cleanse(block, sizeof block);
}

/* H(I || u32str(r) || u16str(kind) || octets): nodes of the tree (section 5.3) */
static void hash_node(const uint8_t *id, uint32_t r, unsigned kind, const uint8_t *octets, size_t length, uint8_t *out) {
  uint8_t head[22];
  SHA256_CTX context;
  memcpy(head, id, HASHSIG_ID);
  put32(head + AT_Q, r);
  put16(head + AT_I, kind);
  SHA256_Init(&context);
  SHA256_Update(&context, head, sizeof head);
  SHA256_Update(&context, octets, length);
  SHA256_Final(out, &context);
}

void hashsig_subtree(const uint8_t *id, const uint8_t *seed, unsigned w, unsigned tree_height, unsigned height,
                     uint32_t first, uint8_t *nodes) {
  uint32_t leaves = (uint32_t)1 << height;
  for (uint32_t i = 0; i < leaves; i++) {
    uint8_t key[HASHSIG_N];
    public_key(id, first + i, seed, w, key);
    hash_node(id, ((uint32_t)1 << tree_height) + first + i, D_LEAF, key, HASHSIG_N, nodes + (size_t)(leaves + i) * HASHSIG_N);
  }
  /* The root of the subtree has this number in the whole tree; below it, numbers double. */
  uint32_t root = ((uint32_t)1 << (tree_height - height)) + (first >> height);
  for (uint32_t level = height; level-- > 0;)
    for (uint32_t i = 0; i < (uint32_t)1 << level; i++) {
      size_t node = ((size_t)1 << level) + i;
      hash_node(id, (root << level) + i, D_INTR, nodes + 2 * node * HASHSIG_N, 2 * HASHSIG_N, nodes + node * HASHSIG_N);
    }
  memset(nodes, 0, HASHSIG_N);
}
