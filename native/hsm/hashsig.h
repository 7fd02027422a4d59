/*
 * The hash chains of LM-OTS and the trees of LMS (RFC 8554), SHA-256 with n = m = 32: what takes thousands of hashes. The rest, which is
 * formats and states, is in src/hsm/crypto. C over libcrypto only.
 *
 * `w` is 1, 2, 4 or 8 (bits of a digit: section 4.1), `q` the number of a leaf, `id` the I of a tree, 16 octets. Private values come from
 * a seed of 32 octets (appendix A).
 */
#ifndef SIGNET_HASHSIG_H
#define SIGNET_HASHSIG_H

#include <stddef.h>
#include <stdint.h>

enum { HASHSIG_ID = 16, HASHSIG_N = 32, HASHSIG_MAX_CHAINS = 265 };

/* p of table 1, the number of chains; 0 when w is none. */
unsigned hashsig_chains(unsigned w);

/* y[0] to y[p-1] of a signature (algorithm 3) of the digest `hash` (Q). */
void hashsig_sign(const uint8_t *id, uint32_t q, const uint8_t *seed, unsigned w, const uint8_t *hash, uint8_t *y);

/* Kc, the public key that a signature leads to (algorithm 4b). */
void hashsig_candidate(const uint8_t *id, uint32_t q, unsigned w, const uint8_t *hash, const uint8_t *y, uint8_t *key);

/*
 * The subtree of 2^height leaves from leaf `first` (a multiple of that) in a tree of 2^tree_height: nodes in heap order, 2^(height+1) of 32
 * octets each; node 0 is unused, node 1 is the root.
 */
void hashsig_subtree(const uint8_t *id, const uint8_t *seed, unsigned w, unsigned tree_height, unsigned height,
                     uint32_t first, uint8_t *nodes);

#endif
