/** What one changed name costs in a signed zone of 100,000 names: CPU time from the edit to the published version. */
import { SystemRandom } from '../src/base/random.ts';
import { generateKey } from '../src/crypto/key-generation.ts';
import { keyTag } from '../src/crypto/key-tag.ts';
import { serialMethod } from '../src/signer/serial-method.ts';
import { signZone } from '../src/signer/sign-zone.ts';
import type { SigningKey, SigningParameters } from '../src/signer/signing-parameters.ts';
import { SigningPool } from '../src/signer/signing-pool.ts';
import { updateSignedZone } from '../src/signer/update-zone.ts';
import { mustName } from '../src/wire/name-text.ts';
import { rdataFromText } from '../src/wire/rdata-text.ts';
import { TYPE } from '../src/wire/type-codes.ts';
import { Arena } from '../src/zone/store/arena.ts';
import { ExtentPool } from '../src/zone/store/extent-pool.ts';
import { diffVersions } from '../src/zone/store/zone-diff.ts';
import { ZoneStore } from '../src/zone/store/zone-store.ts';
import { printTable } from './measure.ts';
import { BENCH_ZONE } from './zones.ts';

const NAMES = 100_000;
const CHANGES = 100;
const APEX = mustName(BENCH_ZONE);

export async function benchmarkChange(): Promise<void> {
  const rows: string[][] = [];
  for (const denial of [
    { kind: 'nsec' },
    { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false },
  ] as const)
    rows.push(await changesUnder(signingParameters(denial)));
  printTable(
    `One changed name in a signed zone of ${NAMES} names: sign, mend the chain, diff, publish (${CHANGES} changes)`,
    ['denial', 'signatures each', 'CPU ms, mean', 'CPU ms, worst', 'records in the diff'],
    rows,
  );
}

async function changesUnder(parameters: SigningParameters): Promise<string[]> {
  const arena = Arena.create();
  const store = new ZoneStore({ apex: APEX }, { arena, extents: new ExtentPool(arena) });
  await using pool = new SigningPool({ threads: 2, callerSigns: true }, { arena });
  const dependencies = { pool, random: new SystemRandom(), serial: serialMethod('increment', parameters.inception) };
  let unsigned = loadHosts(store);
  let signed = (await signZone(store, unsigned, parameters, dependencies)).version;
  store.publish(signed);
  let total = 0;
  let worst = 0;
  let signatures = 0;
  let records = 0;
  for (let i = 0; i < CHANGES; i++) {
    const before = process.cpuUsage();
    const edit = store.edit(unsigned);
    // Every second change is a new name, which needs the chain mended; the others are new addresses.
    const owner = mustName(i % 2 === 0 ? `host-${String(i * 731).padStart(6, '0')}` : `new-${i}`, APEX);
    edit.setRRset(owner, TYPE.A, 3600, [rdataFromText(TYPE.A, `192.0.2.${i}`)]);
    const changed = edit.commit();
    const result = await updateSignedZone(store, signed, changed, parameters, {
      ...dependencies,
      previousUnsigned: unsigned,
    });
    if (result === 'unchanged') throw new Error('a changed address made no new version');
    diffVersions(arena, signed, result.version, { deleted: () => records++, added: () => records++ });
    store.publish(result.version);
    store.release(signed);
    store.release(unsigned);
    const { user, system } = process.cpuUsage(before);
    signed = result.version;
    unsigned = changed;
    signatures += result.statistics.generated;
    total += user + system;
    worst = Math.max(worst, user + system);
  }
  const each = (sum: number): string => (sum / CHANGES).toFixed(1);
  const milliseconds = [(total / CHANGES / 1000).toFixed(2), (worst / 1000).toFixed(2)];
  return [parameters.denial.kind, each(signatures), ...milliseconds, each(records)];
}

function loadHosts(store: ZoneStore): number {
  const loader = store.load();
  const add = (owner: string, type: number, text: string): void => {
    const name = mustName(owner, APEX);
    const rdata = rdataFromText(type, text, APEX);
    loader.add(name, 0, type, 3600, rdata, 0, rdata.length);
  };
  add('@', TYPE.SOA, 'ns1 hostmaster 1 3600 900 1209600 3600');
  add('@', TYPE.NS, 'ns1');
  add('ns1', TYPE.A, '192.0.2.1');
  for (let i = 0; i < NAMES; i++)
    add(`host-${String(i).padStart(6, '0')}`, TYPE.A, `10.0.${(i >> 8) & 255}.${i & 255}`);
  return loader.finish();
}

function signingParameters(denial: SigningParameters['denial']): SigningParameters {
  const now = Math.floor(Date.now() / 1000);
  const [ksk, zsk] = [257, 256].map((flags): SigningKey => {
    const material = generateKey({ algorithm: 13, flags });
    const signsKeys = flags === 257;
    return {
      dnskey: material.dnskey,
      tag: keyTag(material.dnskey),
      algorithm: 13,
      signsKeys,
      signsZone: !signsKeys,
      private: material,
    };
  });
  return {
    inception: now - 3600,
    expiration: now + 14 * 86400,
    expirationDnskey: now + 14 * 86400,
    jitter: 12 * 3600,
    refreshBefore: now + 5 * 86400,
    denial,
    keyRRsets: { dnskey: [ksk.dnskey, zsk.dnskey], cds: [], cdnskey: [], ttl: 3600 },
    keys: [ksk, zsk],
  };
}

if (import.meta.main) await benchmarkChange();
