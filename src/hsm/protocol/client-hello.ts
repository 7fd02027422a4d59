/*
 * The beginning of a TLS connection (RFC 8446 section 4.1.2), as far as the ALPN extension (RFC 7301):
 *
 *     record     22 | u16 version | u16 length | handshake     1 | u24 length | ClientHello
 *     hello      u16 version | 32 random | u8 session id | u16 cipher suites | u8 compression methods | u16 extensions
 *     extension  u16 type | u16 data;   ALPN is 16: u16 list of u8 names
 */
const RECORD_HEADER = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Handshake header, version, random. */
const HELLO_FIXED = 4 + 2 + 32;
const ALPN = 16;

/** A hello that is longer than one record is no client's that we know. */
const MOST_RECORD = 16_384;

/** What our clients offer (RFC 7301), so that they are known before the handshake. */
export const OWN_ALPN = 'signet-hsm';

/**
 * Whether the hello offers the protocol; undefined: more octets are needed. What is no hello, or goes over several records, offers nothing:
 * OpenSSL says then what is wrong with it.
 */
export function offersProtocol(octets: Uint8Array, protocol: string): boolean | undefined {
  if (octets.length > 0 && octets[0] !== HANDSHAKE) return false;
  if (octets.length < RECORD_HEADER) return undefined;
  const length = u16(octets, 3);
  if (length > MOST_RECORD) return false;
  if (octets.length < RECORD_HEADER + length) return undefined;
  return inHello(octets.subarray(RECORD_HEADER, RECORD_HEADER + length), Buffer.from(protocol));
}

/** Reads beyond the end give 0 and end in `false`: every step goes forward. */
function inHello(hello: Uint8Array, protocol: Uint8Array): boolean {
  if (hello[0] !== CLIENT_HELLO) return false;
  let at = HELLO_FIXED;
  at += 1 + (hello[at] ?? 0);
  at += 2 + u16(hello, at);
  at += 1 + (hello[at] ?? 0);
  at += 2;
  while (at + 4 <= hello.length) {
    const end = at + 4 + u16(hello, at + 2);
    if (u16(hello, at) === ALPN) return inList(hello.subarray(at + 6, end), protocol);
    at = end;
  }
  return false;
}

function inList(list: Uint8Array, protocol: Uint8Array): boolean {
  for (let at = 0; at < list.length; at += 1 + list[at])
    if (Buffer.compare(list.subarray(at + 1, at + 1 + list[at]), protocol) === 0) return true;
  return false;
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}
