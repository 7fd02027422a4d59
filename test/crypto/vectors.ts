import { concatOctets, fromHex } from '../../src/base/octets.ts';
import { dnskeyRdata } from '../../src/crypto/dnskey.ts';
import { mustName } from '../../src/wire/name-text.ts';

/** The octets that base 64 text spells; white space does not count. */
export function base64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

export function hex(text: string): Uint8Array<ArrayBuffer> {
  return fromHex(text.replaceAll(/\s/g, ''))!;
}

/** DNSKEY RDATA from its presentation fields. */
export function dnskey(flags: number, algorithm: number, key: string): Uint8Array<ArrayBuffer> {
  return dnskeyRdata(flags, algorithm, base64(key));
}

export interface SignedRecord {
  readonly owner: string;
  readonly type: number;
  readonly algorithm: number;
  readonly labels: number;
  readonly ttl: number;
  /** YYYYMMDDHHMMSS */
  readonly expiration: string;
  readonly inception: string;
  readonly tag: number;
  readonly signer: string;
  readonly rdata: Uint8Array;
}

/** What the RRSIG of an RRset of one record covers (RFC 4034 section 3.1.8.1): RRSIG RDATA without signature | record. */
export function signedData(record: SignedRecord): Uint8Array<ArrayBuffer> {
  const owner = mustName(record.owner);
  return concatOctets([
    u16(record.type),
    new Uint8Array([record.algorithm, record.labels]),
    u32(record.ttl),
    u32(unixTime(record.expiration)),
    u32(unixTime(record.inception)),
    u16(record.tag),
    mustName(record.signer),
    owner,
    u16(record.type),
    u16(1),
    u32(record.ttl),
    u16(record.rdata.length),
    record.rdata,
  ]);
}

function unixTime(text: string): number {
  const iso = text.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6Z');
  return Date.parse(iso) / 1000;
}

function u16(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 0xff]);
}

function u32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
}
