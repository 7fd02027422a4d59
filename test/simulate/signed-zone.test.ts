import assert from 'node:assert/strict';
import test from 'node:test';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { makeWorld, zoneConfiguration } from '../daemon/keeper-fixture.ts';
import type { MemoryDisk } from '../base/memory-disk.ts';
import { DAY, signet } from './signet-fixture.ts';

/* `signet plan` of a zone that the daemon's own keeper has signed, with its signed file and journal on the disk. */

const ALGORITHM_13 =
  'dnssec-policy tested { keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };';
const ALGORITHM_15 = ALGORITHM_13.replaceAll('algorithm 13', 'algorithm 15');

function configuration(policy: string): string {
  return `options { directory "/zones"; };
${policy}
zone "example" { type primary; file "example.db"; dnssec-policy tested; inline-signing yes; };`;
}

/** A zone that has been signed for 30 days, and what its files are now. */
async function signedDisk(): Promise<{ disk: MemoryDisk; now: number; signatures: number }> {
  const keys = (['ksk', 'zsk'] as const).map((role) => ({ role, lifetime: 0, algorithm: 13, bits: 256 }));
  const world = makeWorld({
    zone: zoneConfiguration({ policy: 'tested' }),
    policy: { ...DEFAULT_POLICY, name: 'tested', keys },
  });
  await world.keeper.start();
  await world.advance(30 * DAY);
  const { denial } = world.keeper.read();
  assert.equal(denial, 'nsec');
  let signatures = 0;
  const reader = world.keeper.read();
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    for (let i = 0; i < reader.rrsetCount(node); i++) signatures += reader.signatureCount(reader.rrsetAt(node, i));
  const now = world.clock.now();
  await world.keeper[Symbol.asyncDispose]();
  return { disk: world.disk, now, signatures };
}

interface Answer {
  readonly changed: readonly string[];
  readonly problems: readonly string[];
  readonly result: { readonly kind: string };
  readonly signatures: {
    readonly total: number;
    readonly withoutFiles: number;
    readonly denial: string;
    readonly overDenial: number;
    readonly byKey: readonly {
      key: string;
      zoneData: number;
      keyRecords: number;
      fate: string;
      signsUntil: string | null;
    }[];
  };
}

function planOf(disk: MemoryDisk, now: number, words: readonly string[], code = 0): Answer {
  const ran = signet(disk, ['plan', ...words, '--format', 'json'], now);
  assert.equal(ran.code, code, ran.out + ran.err);
  return (JSON.parse(ran.out) as { zones: Answer[] }).zones[0];
}

test('signet plan counts the signatures of the signed zone, with its journal', async () => {
  const { disk, now, signatures } = await signedDisk();
  disk.put('/same.conf', configuration(ALGORITHM_13));
  disk.put('/other.conf', configuration(ALGORITHM_15));
  disk.put('/nsec3.conf', configuration(ALGORITHM_13.replace('keys {', 'nsec3param; keys {')));
  disk.refusal = 'EROFS';

  const same = planOf(disk, now, ['/same.conf', '--against', '/same.conf']);
  assert.deepEqual([same.changed, same.problems, same.result.kind], [[], [], 'no rollover']);
  assert.equal(same.signatures.total, signatures);
  assert.ok(same.signatures.byKey.every(({ fate, signsUntil }) => fate === 'kept' && signsUntil === null));
  assert.equal(
    same.signatures.byKey.reduce((sum, { zoneData, keyRecords }) => sum + zoneData + keyRecords, 0),
    signatures,
  );

  const other = planOf(disk, now, ['/other.conf', '--against', '/same.conf']);
  assert.equal(other.result.kind, 'starts rollover');
  assert.ok(
    other.changed.some((line) => line.startsWith('- zsk ')) && other.changed.some((line) => line.startsWith('+ zsk ')),
  );
  const made = other.signatures.byKey.filter(({ fate }) => fate === 'made at once');
  const old = other.signatures.byKey.find(({ key }) => /^zsk \d+$/.test(key));
  assert.deepEqual(
    made.map(({ key, zoneData }) => [key, zoneData]),
    [['zsk #1', old?.zoneData]],
  );
  assert.ok(old?.fate === 'kept' && old.signsUntil !== null);

  const text = signet(disk, ['plan', '/nsec3.conf'], now).out;
  assert.match(text, new RegExp(`^signatures in the signed zone: ${signatures}$`, 'm'));
  assert.match(text, /over NSEC records: replaced at once by those of a new chain of NSEC3$/m);
});

test('signet plan says of signatures that are to go with all others that they are removed', async () => {
  const { disk, now } = await signedDisk();
  disk.put('/insecure.conf', configuration(ALGORITHM_13).replace('dnssec-policy tested;', 'dnssec-policy insecure;'));
  disk.refusal = 'EROFS';
  const { out } = signet(disk, ['plan', '/insecure.conf'], now);
  assert.match(
    out,
    /^ {2}\d+ over zone data and 0 over key records by zsk \d+: kept until \S+, removed then, as all are$/m,
  );
  assert.match(
    out,
    /^ {2}0 over zone data and \d+ over key records by ksk \d+: kept until \S+, removed then, as all are$/m,
  );
  assert.doesNotMatch(out, /replaced/);
});

test('signet plan names keys that the signed zone shows and nobody has files of', async () => {
  const { disk, now } = await signedDisk();
  disk.put('/same.conf', configuration(ALGORITHM_13));
  for (const file of disk.files.keys()) if (file.startsWith('/zones/Kexample')) disk.files.delete(file);
  disk.refusal = 'EROFS';
  const { problems } = planOf(disk, now, ['/same.conf'], 1);
  assert.equal(problems.length, 2);
  for (const problem of problems)
    assert.match(
      problem,
      /^the signed zone shows ECDSAP256SHA256 key \d+, whose files are not in \/zones: put them there$/,
    );
});

test('signet plan refuses a signed file that is none', async () => {
  const { disk, now } = await signedDisk();
  disk.put('/same.conf', configuration(ALGORITHM_13));
  disk.put('/zones/example.db.signed', 'no zone');
  const ran = signet(disk, ['plan', '/same.conf'], now);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /example\.db\.signed cannot be read as a signed zone/);
});

test('signet plan --against tells of zones that lose their policy or go', async () => {
  const { disk, now } = await signedDisk();
  const zone = (name: string, policy: string): string =>
    `zone "${name}" { type primary; file "${name}.db"; ${policy} };\n`;
  const on = 'dnssec-policy tested; inline-signing yes;';
  const base = configuration(ALGORITHM_13);
  disk.put('/old.conf', base + zone('b.example', on) + zone('c.example', on));
  disk.put('/new.conf', base + zone('b.example', ''));
  const { out, code } = signet(disk, ['plan', '/new.conf', '--against', '/old.conf'], now);
  assert.equal(code, 0);
  assert.match(out, /^b\.example\. has no dnssec-policy any more: .*"insecure"/m);
  assert.match(out, /^c\.example\. is no longer served$/m);
});

test('signet simulate and explain read the same key files', async () => {
  const { disk, now } = await signedDisk();
  disk.put('/same.conf', configuration(ALGORITHM_13));
  disk.refusal = 'EROFS';
  const { out, code } = signet(disk, ['simulate', '/same.conf', '--years', '1'], now);
  assert.equal(code, 0);
  assert.match(out, /^keys at the start: [kz]sk \d+, [kz]sk \d+; at the parent: no DS$/m);
  const explained = signet(disk, ['explain', 'example', '-c', '/same.conf'], now);
  assert.deepEqual([explained.code, explained.err], [0, '']);
  assert.match(explained.out, /^zone example, policy tested/);
  const json = signet(disk, ['explain', 'example', '--config=/same.conf', '--json'], now);
  const { format, zones } = JSON.parse(json.out) as { format: string; zones: { keys: { tag: number }[] }[] };
  assert.equal(format, 'signet-explain');
  const [{ tag }] = zones[0].keys;
  const one = signet(disk, ['explain', 'example', String(tag), '-c', '/same.conf', '--json'], now);
  assert.equal((JSON.parse(one.out) as { zones: { keys: unknown[] }[] }).zones[0].keys.length, 1);
});
