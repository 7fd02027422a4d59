import assert from 'node:assert/strict';
import test from 'node:test';
import { isoTime } from '../../src/base/iso-time.ts';
import { DiskError } from '../../src/base/disk-error.ts';
import type { PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { explainZone } from '../../src/explain/explain-zone.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import type { MemoryDisk } from '../base/memory-disk.ts';
import { makeWorld, START, zoneConfiguration } from '../daemon/keeper-fixture.ts';
import { signet } from '../simulate/signet-fixture.ts';
import { APEX, DrivenZone } from './driven-zone.ts';

/* `signet explain` of a zone that the daemon's own keeper has signed, and of which private halves are lost since. */

const DAY = 86_400;
const key = (role: PolicyKey['role']): PolicyKey => ({ role, lifetime: 0, algorithm: 13, bits: 256 });
const POLICY = { ...DEFAULT_POLICY, name: 'tested', keys: [key('ksk'), key('zsk')] };
const CONFIGURATION = `options { directory "/zones"; };
dnssec-policy tested { keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };
zone "example" { type primary; file "example.db"; dnssec-policy tested; inline-signing yes; };`;

interface SignedZone {
  readonly disk: MemoryDisk;
  readonly now: number;
  /** Private files. */
  readonly ksk: string;
  readonly zsk: string;
  readonly kskTag: number;
  /** Unix seconds: the ends of the DNSKEY's signature and of the first of all others. */
  readonly keyEnd: number;
  readonly dataEnd: number;
}

async function signedZone(): Promise<SignedZone> {
  const world = makeWorld({ zone: zoneConfiguration({ policy: 'tested' }), policy: POLICY });
  await world.keeper.start();
  await world.advance(20 * DAY);
  const reader = world.keeper.read();
  let [keyEnd, dataEnd] = [0, Infinity];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const at = reader.firstSignature(rrset);
      const end = at === 0 ? Infinity : reader.signatureExpiration(at);
      if (reader.type(rrset) === TYPE.DNSKEY) keyEnd = end;
      else if (reader.type(rrset) !== TYPE.CDS && reader.type(rrset) !== TYPE.CDNSKEY) dataEnd = Math.min(dataEnd, end);
    }
  const fileOf = (flags: number): string =>
    `/zones/${world.keeper.keys.find((one) => one.flags === flags)!.fileBase}.private`;
  const kskTag = world.keeper.keys.find(({ flags }) => flags === 257)!.tag;
  const now = world.clock.now();
  await world.keeper[Symbol.asyncDispose]();
  world.disk.put('/named.conf', CONFIGURATION);
  return { disk: world.disk, now, ksk: fileOf(257), zsk: fileOf(256), kskTag, keyEnd, dataEnd };
}

function explain(disk: MemoryDisk, now: number): { text: string; zone: Explanation; err: string } {
  const ran = signet(disk, ['explain', 'example', '-c', '/named.conf'], now);
  const json = signet(disk, ['explain', 'example', '-c', '/named.conf', '--json'], now);
  assert.deepEqual([ran.code, json.code], [0, 0], ran.err);
  return { text: ran.out, zone: (JSON.parse(json.out) as { zones: Explanation[] }).zones[0], err: ran.err };
}

test('signet explain names a lost KSK, its file, the end of the DNSKEY signature, what goes on and what to do', async () => {
  const { disk, now, ksk, kskTag, keyEnd } = await signedZone();
  assert.ok(!explain(disk, now).text.includes('lacks:'));
  disk.remove(ksk);
  const { text, zone } = explain(disk, now);
  const lacks = zone.keys.find(({ tag }) => tag === kskTag)!.lacks!;
  assert.equal(lacks.file, ksk);
  assert.equal(lacks.end?.unix, keyEnd);
  for (const part of [
    `The private half of KSK ${kskTag} is not there: see below.`,
    'zone data are signed on, and the DNSKEY, CDS and CDNSKEY RRsets stay',
    `its signature over DNSKEY ends ${isoTime(keyEnd)}`,
    `restore ${ksk}, then have named look: rndc loadkeys example`,
    'set "dnssec-policy insecure;", have the parent remove its DS before',
    `rndc dnssec -checkds -key ${kskTag} withdrawn example`,
  ])
    assert.ok(text.includes(part), `${part} in ${text}`);
  assert.equal(zone.keys.filter((one) => one.lacks !== undefined).length, 1);
  // Too late for the parent, and too late for all.
  assert.match(explain(disk, keyEnd - 3600).text, /have the parent remove its DS at once/);
  assert.match(explain(disk, keyEnd + 3600).text, /its signature over DNSKEY ended .* ago\)/);
});

test('signet explain names a lost ZSK: nothing is signed, and when what is served ends', async () => {
  const { disk, now, zsk, dataEnd } = await signedZone();
  disk.put(zsk, 'nonsense');
  const { text } = explain(disk, now);
  assert.ok(
    text.includes(
      `nothing can be signed, and what is served stays; the first of its signatures ends ${isoTime(dataEnd)}`,
    ),
    text,
  );
  assert.ok(text.includes(`restore ${zsk}`));
  assert.ok(!text.includes('lost for good'), 'a ZSK has no DS');
});

test('signet explain tells of a signed zone that cannot be read; where there is none nothing rests on the key', async () => {
  const { disk, now, ksk } = await signedZone();
  disk.remove(ksk);
  disk.put('/zones/example.db.signed', 'nonsense');
  const broken = explain(disk, now);
  assert.match(broken.err, /warning: .*example\.db\.signed/);
  assert.ok(broken.text.includes(`restore ${ksk}`));
  disk.remove('/zones/example.db.signed');
  disk.remove('/zones/example.db.signed.jnl');
  const without = explain(disk, now);
  assert.ok(!without.err.includes('signed'), without.err);
  assert.ok(!without.text.includes('lacks:'));
});

test('signet explain does not call a key lost that only the server may read', async () => {
  const { disk, now, ksk } = await signedZone();
  const read = disk.read.bind(disk);
  disk.read = (file) => {
    if (file === ksk) throw new DiskError('read', file, { code: 'EACCES' });
    return read(file);
  };
  const { text, err } = explain(disk, now);
  assert.ok(err.includes(ksk), err);
  assert.ok(!text.includes('lacks:'), text);
});

test('signet explain lets nothing happen at the parent that makes it trust a lost KSK alone', () => {
  const zone = new DrivenZone({ ...POLICY, keys: [{ ...key('ksk'), lifetime: 60 * DAY }, key('zsk')] }, [], START);
  zone.settle();
  const follow = (): void => {
    for (const one of zone.explain().parent.add) zone.command(one.command);
  };
  for (let day = 1; day <= 61; day++) {
    zone.advanceTo(START + day * DAY);
    if (day < 50) follow();
  }
  const next = zone.keys.find(({ state }) => state?.ksk === true && state.predecessor !== undefined)!;
  const old = zone.keys.find(({ tag }) => tag === next.state?.predecessor)!;
  assert.deepEqual([next.state?.ds, old.state?.ds], ['rumoured', 'unretentive']);
  const { policy, keys, now } = zone;
  const plan = zone.settle();
  const input = { apex: APEX, view: '_default', policy, keys, plan, observations: {}, now };
  const good = explainZone(input);
  assert.equal(good.parent.add.length, 1);
  const lacking = new Map([[next.id, { file: '/keys/next.private', end: now + 10 * DAY }]]);
  const told = explainZone({ ...input, lacking });
  assert.deepEqual([told.parent.add, told.parent.remove], [[], []]);
  const names = { next: `KSK ${next.tag}`, old: `KSK ${old.tag}` };
  assert.deepEqual(told.parent.text, [
    `Let no DS leave the parent, and none of ${names.next} come: its private half is not there.`,
    'Nothing is to be done at the parent.',
  ]);
  const { lacks, waits } = told.keys.find(({ key: id }) => id === next.id)!;
  assert.ok(
    lacks!.advice.some(({ text }) =>
      text.startsWith(`let the parent have the DS of ${names.old} and none of this key`),
    ),
  );
  assert.ok(
    waits
      .filter(({ record }) => record === 'ds')
      .every(({ advice }) => advice[0].text.startsWith('restore the private half')),
  );
  // Going insecure is the way out, and nothing stands in it.
  const out = explainZone({ ...input, lacking, policy: { ...policy, keys: [] } });
  assert.ok(!out.parent.text.some((text) => text.startsWith('Let no DS')));
});
