/*
 * Header (RFC 1035 section 4.1.1, RFC 6895 section 2)
 *
 *    0 id (16) | 2 flags (16): QR | opcode (4) | AA TC RD RA | Z AD CD | rcode (4)
 *    4 question count (16) | 6 answer count (16) | 8 authority count (16) | 10 additional count (16)
 */
export const HEADER_LENGTH = 12;

export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const;

/** Sections in the order of the counts in the header. */
export const SECTION = { QUESTION: 0, ANSWER: 1, AUTHORITY: 2, ADDITIONAL: 3 } as const;
export type Section = (typeof SECTION)[keyof typeof SECTION];

export const OPCODE_SHIFT = 11;
export const OPCODE_MASK = 0x7800;
export const RCODE_MASK = 0x000f;
