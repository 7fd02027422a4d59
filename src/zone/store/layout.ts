/*
 * How records lie in the arena. Words have the machine's byte order, octet strings are as on the wire.
 *
 *   node   word 0   owner length (8) | flags (8) | RRset count (16)
 *          words    ref of each RRset, by ascending type
 *          octets   owner without the apex's labels (none for the apex); for an NSEC3 node the 20 octets of the hash
 *
 *   RRset  word 0   type (16) | RDATA count (16)
 *          word 1   TTL
 *          word 2   signature count (10) | octets of the RDATA entries (22)
 *          octets   RDATA entries in canonical order, then the entries of the RRSIGs that cover it
 *
 *   entry  16 bits, high octet first, then octets. The top bit marks the last RDATA, and the last RRSIG, of an RRset;
 *          the other 15 bits:
 *          0x0000 - 0x3fff    that many octets, as they are
 *          0x4000 - 0x5fff    NSEC, (low 13 bits) octets: the next name without the apex's labels, a 0 octet in their
 *                             place, then the type bitmap
 *          0x6000 - 0x7ffe    RRSIG, (low 13 bits) octets: 16 bits: words back to the RRset, then the RDATA without
 *                             type covered, original TTL (the RRset's TTL) and signer name (the apex)
 *          0x7fff             32 bits of length follow, then the octets as they are
 *
 * Everything is immutable once its version is published.
 */

export const ENTRY_LAST = 0x8000;
export const ENTRY_NSEC = 0x4000;
export const ENTRY_RRSIG = 0x6000;
export const ENTRY_LONG = 0x7fff;
/** Longest entry that is kept as it is with a short head, and longest compact one. */
export const PLAIN_LIMIT = 0x3fff;
export const COMPACT_LIMIT = 0x1ffe;

export const RRSET_HEAD_OCTETS = 12;
export const MAX_RDATA_COUNT = 0xffff;
export const MAX_SIGNATURE_COUNT = 0x3ff;
/** Octets of all RDATA entries of one RRset, and of all entries of its RRSIGs. */
export const MAX_SECTION_OCTETS = 0x3fffff;

/** Octets of RRSIG RDATA before the signer name (RFC 4034 section 3.1). */
export const RRSIG_FIXED_OCTETS = 18;
export const NSEC3_HASH_OCTETS = 20;

/** Flags of a node. */
export const NODE = {
  APEX: 1,
  /** Has NS and is not the apex, and is not below another cut. */
  DELEGATION: 2,
  /** Below a delegation or a DNAME: not authoritative data (glue) or data that nothing answers with. */
  OCCLUDED: 4,
  /** An NSEC3 owner in the tree of hashes. */
  HASHED: 8,
  /** The name "*" directly below exists. */
  WILDCARD_CHILD: 16,
} as const;

/** From word 0 of a node: octets of its owner, number of its RRsets, its flags. */
export const nodeOwnerLength = (head: number): number => head >>> 24;
export const nodeRRsetCount = (head: number): number => head & 0xffff;
export const nodeHeadFlags = (head: number): number => (head >>> 16) & 0xff;

/** Octet offset of a node's owner. */
export const nodeOwnerAt = (node: number, head: number): number => 4 * (node + 1 + (head & 0xffff));
