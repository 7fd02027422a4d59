import { MalformedError, Reader } from './reader.ts';
import { Writer } from './writer.ts';
import { ipv4Text, ipv6Text } from './rdata/address-text.ts';

/** Option codes that code names; the table of all is tables/edns-options.ts. */
export const EDNS_OPTION = {
  NSID: 3,
  CLIENT_SUBNET: 8,
  EXPIRE: 9,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PAD: 12,
  KEY_TAG: 14,
  EDE: 15,
} as const;

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** What the OPT record of a message says (RFC 6891 section 6.1). */
export interface Edns {
  /** UDP payload the sender can take, octets. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

/** The options in OPT RDATA. @throws MalformedError */
export function decodeOptions(rdata: Uint8Array): EdnsOption[] {
  const reader = new Reader(rdata);
  const options: EdnsOption[] = [];
  while (reader.remaining > 0) options.push({ code: reader.uint16(), data: reader.take(reader.uint16()) });
  return options;
}

/** OPT RDATA of the options. */
export function encodeOptions(options: readonly EdnsOption[]): Uint8Array<ArrayBuffer> {
  const out = new Writer(64);
  for (const option of options) {
    out.uint16(option.code);
    out.uint16(option.data.length);
    out.bytes(option.data);
  }
  return out.finish();
}

export function findOption(edns: Edns | undefined, code: number): Uint8Array | undefined {
  return edns?.options.find((option) => option.code === code)?.data;
}

/** COOKIE (RFC 7873 section 4): the server's half is empty in a client's first query. */
export function decodeCookie(data: Uint8Array): { client: Uint8Array; server: Uint8Array } {
  if (data.length !== 8 && (data.length < 16 || data.length > 40))
    throw new MalformedError('cookie length is wrong', 0);
  return { client: data.subarray(0, 8), server: data.subarray(8) };
}

/** Client subnet (RFC 7871 section 6). `address` has only the octets that the source prefix needs. */
export interface ClientSubnet {
  readonly family: 1 | 2;
  readonly sourcePrefix: number;
  readonly scopePrefix: number;
  readonly address: Uint8Array;
}

/** @throws MalformedError for what RFC 7871 section 6 and 7.1.2 call a format error */
export function decodeClientSubnet(data: Uint8Array): ClientSubnet {
  const reader = new Reader(data);
  const family = reader.uint16();
  const sourcePrefix = reader.uint8();
  const scopePrefix = reader.uint8();
  const address = reader.rest();
  if (family !== 1 && family !== 2) throw new MalformedError('address family is unknown', 0);
  if (Math.max(sourcePrefix, scopePrefix) > (family === 1 ? 32 : 128))
    throw new MalformedError('prefix is too long', 2);
  if (address.length !== (sourcePrefix + 7) >> 3) throw new MalformedError('address length does not fit the prefix', 4);
  const spare = sourcePrefix & 7;
  if (spare !== 0 && (address[address.length - 1] & (0xff >> spare)) !== 0)
    throw new MalformedError('address has bits behind the prefix', data.length - 1);
  return { family, sourcePrefix, scopePrefix, address };
}

export function encodeClientSubnet(subnet: ClientSubnet): Uint8Array<ArrayBuffer> {
  const out = new Writer(24);
  out.uint16(subnet.family);
  out.uint8(subnet.sourcePrefix);
  out.uint8(subnet.scopePrefix);
  out.bytes(subnet.address);
  return out.finish();
}

/** "192.0.2.0/24/0", as dig prints it. */
export function clientSubnetText(subnet: ClientSubnet): string {
  const whole = new Uint8Array(16);
  whole.set(subnet.address);
  const address = subnet.family === 1 ? ipv4Text(whole) : ipv6Text(whole);
  return `${address}/${subnet.sourcePrefix}/${subnet.scopePrefix}`;
}

/** edns-tcp-keepalive (RFC 7828 section 3.1): seconds, in steps of 0.1 s, or undefined when a client sent none. */
export function decodeKeepalive(data: Uint8Array): number | undefined {
  if (data.length === 0) return undefined;
  if (data.length !== 2) throw new MalformedError('keepalive timeout is not 16 bits', 0);
  return ((data[0] << 8) | data[1]) / 10;
}

/** @param seconds 0 to 6553.5 */
export function encodeKeepalive(seconds: number): Uint8Array<ArrayBuffer> {
  const tenths = Math.round(seconds * 10);
  return Uint8Array.of(tenths >> 8, tenths);
}

/** Octets of the PAD option's data that make a message of `length` octets (without the option) a multiple of `block`. */
export function paddingFor(length: number, block: number): number {
  const over = (length + 4) % block;
  return over === 0 ? 0 : block - over;
}
