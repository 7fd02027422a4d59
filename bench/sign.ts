/** Where the time of signing 100,000 names goes, stage by stage in one process: `node bench/sign.ts`. */
import { availableParallelism } from 'node:os';
import { SystemRandom } from '../src/base/random.ts';
import { DNSKEY_FLAG } from '../src/crypto/dnskey.ts';
import { generateKey } from '../src/crypto/key-generation.ts';
import { keyTag } from '../src/crypto/key-tag.ts';
import { LocalSigner } from '../src/crypto/local-signer.ts';
import { signZone } from '../src/signer/sign-zone.ts';
import type { Denial, SigningKey, SigningParameters } from '../src/signer/signing-parameters.ts';
import { SigningPool } from '../src/signer/signing-pool.ts';
import { verifyZone } from '../src/validate/verify-zone.ts';
import { mustName } from '../src/wire/name-text.ts';
import { rdataFromText } from '../src/wire/rdata-text.ts';
import { TYPE } from '../src/wire/type-codes.ts';
import { FULL_FORMAT, printZone } from '../src/zone/print-zone.ts';
import { Arena } from '../src/zone/store/arena.ts';
import { ExtentPool } from '../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../src/zone/store/zone-store.ts';
import { printTable } from './measure.ts';
import { BENCH_ZONE } from './zones.ts';

const NAMES = 100_000;
const APEX = mustName(BENCH_ZONE);
const NOW = Math.floor(Date.now() / 1000);
const DENIALS: readonly Denial[] = [
  { kind: 'nsec' },
  { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false },
];

const keys = [signingKey(DNSKEY_FLAG.ZONE | DNSKEY_FLAG.SEP), signingKey(DNSKEY_FLAG.ZONE)];
const rows: string[][] = [];
for (const denial of DENIALS)
  for (const threads of [1, availableParallelism()]) rows.push(await stages(denial, threads));
printTable(
  `Signing ${NAMES} names, seconds a stage; one thread of OpenSSL alone makes ${bareRate()} signatures/s`,
  ['denial', 'threads', 'load', 'sign', 'signatures/s', 'print', 'verify'],
  rows,
);

async function stages(denial: Denial, threads: number): Promise<string[]> {
  const arena = Arena.create();
  const store = new ZoneStore({ apex: APEX }, { arena, extents: new ExtentPool(arena) });
  await using pool = new SigningPool({ threads, callerSigns: true }, { arena });
  const marks = [performance.now()];
  const unsigned = loadHosts(store);
  marks.push(performance.now());
  const signed = await signZone(store, unsigned, parametersWith(denial), { pool, random: new SystemRandom() });
  marks.push(performance.now());
  printZone(signed.version, FULL_FORMAT, arena, () => undefined);
  marks.push(performance.now());
  const verdict = await verifyZone(arena, signed.version, { now: NOW, threads });
  marks.push(performance.now());
  if (!verdict.ok) throw new Error(verdict.faults[0].text);
  const [load, sign, print, verify] = marks.slice(1).map((mark, i) => (mark - marks[i]) / 1000);
  const rate = Math.round(signed.statistics.generated / sign);
  return [
    denial.kind,
    String(threads),
    load.toFixed(2),
    sign.toFixed(2),
    String(rate),
    print.toFixed(2),
    verify.toFixed(2),
  ];
}

function loadHosts(store: ZoneStore): number {
  const loader = store.load();
  const add = (owner: string, type: number, text: string): void => {
    const rdata = rdataFromText(type, text, APEX);
    loader.add(mustName(owner, APEX), 0, type, 3600, rdata, 0, rdata.length);
  };
  add('@', TYPE.SOA, 'ns hostmaster 1 7200 3600 1209600 3600');
  add('@', TYPE.NS, 'ns');
  add('ns', TYPE.A, '192.0.2.1');
  for (let i = 0; i < NAMES; i++)
    add(`host-${String(i).padStart(6, '0')}`, TYPE.A, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  return loader.finish();
}

function signingKey(flags: number): SigningKey {
  const material = generateKey({ algorithm: 13, flags });
  const isKsk = (flags & DNSKEY_FLAG.SEP) !== 0;
  const { dnskey } = material;
  return { dnskey, tag: keyTag(dnskey), algorithm: 13, signsKeys: isKsk, signsZone: !isKsk, private: material };
}

function parametersWith(denial: Denial): SigningParameters {
  return {
    inception: NOW - 3600,
    expiration: NOW + 30 * 86400,
    expirationDnskey: NOW + 30 * 86400,
    jitter: 0,
    refreshBefore: NOW,
    denial,
    keyRRsets: { dnskey: keys.map((key) => key.dnskey), cds: [], cdnskey: [], ttl: 3600 },
    keys,
  };
}

/** The physical limit: signatures over 150 octets, with nothing around them. */
function bareRate(): number {
  const signer = new LocalSigner(keys[1].private);
  const data = new Uint8Array(150);
  const begun = performance.now();
  const count = 20_000;
  for (let i = 0; i < count; i++) signer.sign(data);
  return Math.round((count * 1000) / (performance.now() - begun));
}
