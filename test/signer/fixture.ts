import { SeededRandom } from '../../src/base/random.ts';
import { DNSKEY_FLAG } from '../../src/crypto/dnskey.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import type { PrivateKeyMaterial } from '../../src/crypto/private-key.ts';
import type { SigningKey, SigningParameters } from '../../src/signer/signing-parameters.ts';
import { SigningPool } from '../../src/signer/signing-pool.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { nameKey, type Name } from '../../src/wire/name.ts';
import { rdataFromText, rdataToText } from '../../src/wire/rdata-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { typeCode, typeText } from '../../src/wire/type-text.ts';
import { Arena, type VersionRef } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';

export const NOW = 1_800_000_000;
const APEX = mustName('example.');

/** A zone in memory of its own. */
export interface TestZone {
  readonly arena: Arena;
  readonly store: ZoneStore;
  readonly pool: SigningPool;
  readonly random: SeededRandom;
}

export function testZone(apex: Name = APEX, threads = 1): TestZone {
  const arena = Arena.create(8 << 20, new SeededRandom(7));
  const store = new ZoneStore({ apex }, { arena, extents: new ExtentPool(arena) });
  return {
    arena,
    store,
    pool: new SigningPool({ threads, callerSigns: true }, { arena }),
    random: new SeededRandom(3),
  };
}

/** "owner TTL TYPE rdata", names under the apex. */
export function loadLines(zone: TestZone, lines: readonly string[]): VersionRef {
  const loader = zone.store.load();
  for (const line of lines) {
    const [owner, ttl, type] = line.split(/\s+/, 3);
    const rest = line.replace(/^\S+\s+\S+\s+\S+\s*/, '');
    const code = typeCode(type);
    const rdata = rdataFromText(code, rest, zone.store.apex);
    loader.add(mustName(owner, zone.store.apex), 0, code, Number(ttl), rdata, 0, rdata.length);
  }
  return loader.finish();
}

/** A version with the records of `lines`, made from `base` by edits of what differs. */
export function editToLines(zone: TestZone, base: VersionRef, lines: readonly string[]): VersionRef {
  const target = loadLines(zone, lines);
  const from = rrsetsOf(zone, base);
  const to = rrsetsOf(zone, target);
  const edit = zone.store.edit(base);
  for (const [key, { owner, type }] of from) if (!to.has(key)) edit.deleteRRset(owner, type);
  for (const [key, rrset] of to)
    if (from.get(key)?.text !== rrset.text) edit.setRRset(rrset.owner, rrset.type, rrset.ttl, rrset.rdatas);
  zone.store.release(target);
  return edit.commit();
}

function rrsetsOf(zone: TestZone, version: VersionRef) {
  const reader = new ZoneReader(zone.arena).open(version);
  const all = new Map<string, { owner: Name; type: number; ttl: number; rdatas: Uint8Array[]; text: string }>();
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const [owner, type, ttl] = [reader.owner(node), reader.type(rrset), reader.ttl(rrset)];
      const rdatas = reader.rdataAll(rrset);
      const text = `${ttl} ${rdatas.map((rdata) => Buffer.from(rdata).toString('hex')).join(' ')}`;
      all.set(`${type} ${nameKey(owner)}`, { owner, type, ttl, rdatas, text });
    }
  }
  return all;
}

export const SOA = '@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300';

export function signingKey(role: 'ksk' | 'zsk' | 'csk', algorithm = 13): SigningKey {
  const flags = DNSKEY_FLAG.ZONE | (role === 'zsk' ? 0 : DNSKEY_FLAG.SEP);
  const material: PrivateKeyMaterial = generateKey({ algorithm, flags, bits: algorithm < 13 ? 1024 : undefined });
  const { dnskey } = material;
  return {
    dnskey,
    tag: keyTag(dnskey),
    algorithm,
    signsKeys: role !== 'zsk',
    signsZone: role !== 'ksk',
    private: material,
  };
}

export function signingParameters(
  keys: readonly SigningKey[],
  change: Partial<SigningParameters> = {},
): SigningParameters {
  return {
    inception: NOW - 3600,
    expiration: NOW + 14 * 86400,
    expirationDnskey: NOW + 14 * 86400,
    jitter: 0,
    refreshBefore: NOW + 5 * 86400,
    denial: { kind: 'nsec' },
    keyRRsets: { dnskey: keys.map((key) => key.dnskey), cds: [], cdnskey: [], ttl: 3600 },
    keys,
    ...change,
  };
}

/** Every record of the version as one line, sorted; signatures as "(type algorithm tag)" so that runs compare. */
export function recordLines(arena: Arena, version: VersionRef): string[] {
  const reader = new ZoneReader(arena).open(version);
  const lines: string[] = [];
  const take = (node: number): void => {
    const owner = nameToText(reader.owner(node)).toLowerCase();
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      const head = `${owner} ${reader.ttl(rrset)}`;
      for (const rdata of reader.rdataAll(rrset)) lines.push(`${head} ${typeText(type)} ${textOf(type, rdata)}`);
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
        lines.push(`${head} RRSIG (${typeText(type)} ${reader.signatureAlgorithm(at)} ${reader.signatureKeyTag(at)})`);
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) take(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) take(node);
  return lines.toSorted();
}

/** Serials differ between two ways to the same zone. */
function textOf(type: number, rdata: Uint8Array): string {
  const text = rdataToText(type, rdata);
  return type === TYPE.SOA ? text.replace(/^(\S+ \S+) \d+/, '$1 -') : text.toLowerCase();
}
