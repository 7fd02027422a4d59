import { nsec3Hash } from '../../src/crypto/nsec3-hash.ts';
import type { SigningKey, SigningParameters } from '../../src/signer/signing-parameters.ts';
import type { Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import type { Arena, VersionRef } from '../../src/zone/store/arena.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import type { FixtureRecord } from './zone-fixture.ts';

/*
 * Zones whose every octet tells the version it is from. Names come and go and change their types by a rule of the serial,
 * and the serial is in all data: addresses 10.x.y.z, texts, the SOA, a type of the private range that moves through the
 * bitmaps of NSEC and NSEC3, and the inception of every signature.
 */

/** Inception of the signatures of serial 0: Unix seconds. */
export const INCEPTION = 1_700_000_000;
const VALIDITY = 200_000_000;
const MARK = 65_280;
const MARKS = 251;

export interface MixedZone {
  readonly apex: Name;
  readonly text: string;
  readonly denial: 'nsec' | 'nsec3';
}

export const MIXED_ZONES: readonly MixedZone[] = [
  { apex: mustName('nsec.mix.'), text: 'nsec.mix.', denial: 'nsec' },
  { apex: mustName('nsec3.mix.'), text: 'nsec3.mix.', denial: 'nsec3' },
];

export const SALT = Uint8Array.of(0xaa, 0xbb);
export const ITERATIONS = 2;

/** The type that every name with data of its own has in this version. */
export const markOf = (serial: number): number => MARK + (serial % MARKS);

export const hashOf = (name: Uint8Array): Uint8Array => nsec3Hash(name, SALT, ITERATIONS);

export function parametersOf(zone: MixedZone, keys: readonly SigningKey[], serial: number): SigningParameters {
  const expiration = INCEPTION + VALIDITY + serial;
  return {
    inception: INCEPTION + serial,
    expiration,
    expirationDnskey: expiration,
    jitter: 0,
    // What an earlier version signed ends before this, so that no signature is of two versions.
    refreshBefore: expiration,
    denial:
      zone.denial === 'nsec' ? { kind: 'nsec' } : { kind: 'nsec3', iterations: ITERATIONS, salt: SALT, optOut: false },
    keyRRsets: { dnskey: keys.map((key) => key.dnskey), cds: [], cdnskey: [], ttl: 300 },
    keys,
  };
}

/** Some bits that depend on which name and which version. */
function chance(what: number, serial: number, oneIn: number): boolean {
  let bits = Math.imul(what + 1, 0x9e3779b1) ^ Math.imul(serial + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35);
  return ((bits ^ (bits >>> 13)) >>> 0) % oneIn === 0;
}

const HOSTS = 24;
const DELEGATIONS = 6;

/** The unsigned records of a version. */
export function contentOf({ apex }: MixedZone, serial: number): FixtureRecord[] {
  const records: FixtureRecord[] = [];
  const add = (owner: string, type: string, text: string): void => {
    const code = typeCode(type);
    records.push({ owner: mustName(owner, apex), type: code, ttl: 300, rdata: rdataFromText(code, text, apex) });
  };
  const address = `10.${(serial >> 16) & 255}.${(serial >> 8) & 255}.${serial & 255}`;
  const withMark = (owner: string, type: string, text: string): void => {
    add(owner, type, text);
    add(owner, `TYPE${markOf(serial)}`, `\\# 4 ${serial.toString(16).padStart(8, '0')}`);
  };
  withMark('@', 'SOA', `ns hostmaster ${serial} 7200 3600 1209600 300`);
  add('@', 'NS', 'ns');
  withMark('ns', 'A', address);
  for (let i = 0; i < HOSTS; i++) {
    if (chance(i, serial, 3)) continue;
    withMark(`n${i}`, 'TXT', `"${serial}" "${'x'.repeat(i * 5)}"`);
    if (!chance(i + 100, serial, 3)) add(`n${i}`, 'A', address);
  }
  for (let i = 0; i < 4; i++) if (!chance(i + 200, serial, 3)) withMark(`*.w${i}`, 'A', address);
  for (let i = 0; i < 4; i++) if (!chance(i + 300, serial, 3)) withMark(`a.b.e${i}`, 'A', address);
  for (let i = 0; i < 4; i++) withMark(`dn${i}`, 'DNAME', `t${serial % 5}`);
  // A CNAME has no other data than its proof beside it (RFC 4034 section 2.5): no mark.
  for (let i = 0; i < 4; i++) add(`c${i}`, 'CNAME', `n${(serial + i) % HOSTS}`);
  for (let i = 0; i < DELEGATIONS; i++) {
    if (chance(i + 400, serial, 4)) continue;
    add(`d${i}`, 'NS', `ns.d${i}`);
    add(`ns.d${i}`, 'A', address);
    if (chance(i + 500, serial, 2)) add(`d${i}`, 'DS', `1 13 2 ${serial.toString(16).padStart(64, '0')}`);
  }
  return records;
}

export interface AskedQuestion {
  readonly name: Name;
  readonly type: number;
}

export function questionsOf({ apex }: MixedZone): AskedQuestion[] {
  const questions: AskedQuestion[] = [];
  const ask = (owner: string, ...types: number[]): void => {
    for (const type of types) questions.push({ name: mustName(owner, apex), type });
  };
  ask('@', TYPE.SOA, TYPE.NS, TYPE.DNSKEY, TYPE.MX, TYPE.NSEC3PARAM);
  ask('ns', TYPE.A, TYPE.AAAA);
  for (let i = 0; i < HOSTS; i++) ask(`n${i}`, TYPE.A, TYPE.TXT, TYPE.MX);
  for (let i = 0; i < HOSTS; i += 3) ask(`no.n${i}`, TYPE.A);
  for (let i = 0; i < 4; i++) {
    ask(`x.y.w${i}`, TYPE.A, TYPE.TXT);
    ask(`w${i}`, TYPE.A);
    ask(`e${i}`, TYPE.A);
    ask(`b.e${i}`, TYPE.TXT);
    ask(`a.b.e${i}`, TYPE.A);
    ask(`c${i}`, TYPE.A, TYPE.CNAME);
    ask(`z.dn${i}`, TYPE.A);
    ask(`dn${i}`, TYPE.DNAME);
  }
  for (let i = 0; i < DELEGATIONS; i++) {
    ask(`d${i}`, TYPE.A, TYPE.DS);
    ask(`x.d${i}`, TYPE.A);
  }
  for (let i = 0; i < 12; i++) ask(`none-${i * 7919}`, TYPE.A);
  return questions;
}

/** All records of a version, signatures among them. */
export function recordsOf(arena: Arena, version: VersionRef): FixtureRecord[] {
  const reader = new ZoneReader(arena).open(version);
  const records: FixtureRecord[] = [];
  const take = (node: number): void => {
    const owner = reader.owner(node);
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      const ttl = reader.ttl(rrset);
      for (const rdata of reader.rdataAll(rrset)) records.push({ owner, type, ttl, rdata });
      for (const rdata of reader.signaturesAll(rrset)) records.push({ owner, type: TYPE.RRSIG, ttl, rdata });
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) take(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) take(node);
  return records;
}
