import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import { isoTime } from '../../src/base/iso-time.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ManualKeys, ZoneConfiguration } from '../../src/conf/configuration.ts';
import { DNSKEY_FLAG, dnskeyFlags } from '../../src/crypto/dnskey.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import type { KeyTimes } from '../../src/keys/key-times.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import {
  FILE,
  faultsOf,
  makeWorld,
  signatureSpan,
  START,
  type World,
  zoneConfiguration,
  zoneText,
} from './keeper-fixture.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const HOUR = 3600;
const DAY = 86_400;
const KSK = DNSKEY_FLAG.ZONE | DNSKEY_FLAG.SEP;
const ZSK = DNSKEY_FLAG.ZONE;

const VALIDITY = {
  signaturesValidity: 30 * DAY,
  signaturesValidityDnskey: 30 * DAY,
  signaturesRefresh: 7.5 * DAY,
};

function manualZone(mode: ManualKeys['mode'], over: Partial<ZoneConfiguration> = {}): ZoneConfiguration {
  return zoneConfiguration({ policy: undefined, manualKeys: { mode, ...VALIDITY }, loadKeysInterval: HOUR, ...over });
}

/** Makes a key as dnssec-keygen does, in the zone's key directory. */
function makeKey(disk: MemoryDisk, flags: number, times: KeyTimes, algorithm = 13): KeyPair {
  const store = new FileKeyStore({ directory: '/zones' }, { disk, clock: new SimulatedClock(START), log: silentLog });
  return store.generate({ zone: mustName('example.'), algorithm, flags, times: { created: START, ...times } });
}

const NOW: KeyTimes = { publish: START, activate: START };

function makeDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.put(FILE, zoneText(1));
  return disk;
}

function apexRdata({ keeper }: World, type: number): Uint8Array[] {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

const shownTags = (world: World): number[] => apexRdata(world, TYPE.DNSKEY).map(keyTag).toSorted(byNumber);
const byNumber = (a: number, b: number): number => a - b;

/** Tags of the keys that signed the RRset of this type at the apex. */
function signerTags({ keeper }: World, type: number): number[] {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  const tags: number[] = [];
  for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
    tags.push(reader.signatureKeyTag(at));
  return tags.toSorted(byNumber);
}

/** Unix seconds: the end of the first signature of the RRset of this type at the apex. */
function signatureEnd({ keeper }: World, type: number): number {
  const reader = keeper.read();
  return reader.signatureExpiration(reader.firstSignature(reader.rrset(reader.apexNode, type)));
}

test('S-095 a key is published, used, retired and removed at the times in its files, and the zone verifies throughout', async () => {
  const disk = makeDisk();
  const ksk = makeKey(disk, KSK, { ...NOW, syncPublish: START + 2 * DAY, syncDelete: START + 9 * DAY });
  const old = makeKey(disk, ZSK, { ...NOW, inactive: START + 5 * DAY, delete: START + 7 * DAY });
  const next = makeKey(disk, ZSK, { publish: START + 3 * DAY, activate: START + 5 * DAY });
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  for (let hour = 1; hour <= 10 * 24; hour++) {
    await world.advance(HOUR);
    const day = hour / 24;
    const shown = [ksk.tag, ...(day < 7 ? [old.tag] : []), ...(day >= 3 ? [next.tag] : [])].toSorted(byNumber);
    assert.deepEqual(shownTags(world), shown, `day ${day}`);
    assert.deepEqual(signerTags(world, TYPE.SOA), [day < 5 ? old.tag : next.tag], `day ${day}`);
    assert.deepEqual(signerTags(world, TYPE.DNSKEY), [ksk.tag]);
    assert.equal(apexRdata(world, TYPE.CDS).length, day >= 2 && day < 9 ? 1 : 0, `day ${day}`);
    assert.equal(apexRdata(world, TYPE.CDNSKEY).length, day >= 2 && day < 9 ? 1 : 0, `day ${day}`);
    if (hour % 6 === 0) assert.deepEqual(await faultsOf(world), [], `day ${day}`);
  }
  const lines = world.news();
  const expected = [
    [`Fetching ${name(old, 'ZSK')} from key repository.`, 0],
    [`DNSKEY ${name(old, 'ZSK')} is now published`, 0],
    [`DNSKEY ${name(old, 'ZSK')} is now active`, 0],
    [`CDS for key example/ECDSAP256SHA256/${ksk.tag} is now published`, 2],
    [`Fetching ${name(next, 'ZSK')} from key repository.`, 3],
    [`DNSKEY ${name(next, 'ZSK')} is now published`, 3],
    [`DNSKEY ${name(old, 'ZSK')} is now inactive`, 5],
    [`DNSKEY ${name(next, 'ZSK')} is now active`, 5],
    [`DNSKEY ${name(old, 'ZSK')} is now deleted`, 7],
    [`CDS (SHA-256) for key example/ECDSAP256SHA256/${ksk.tag} is now deleted`, 9],
    [`CDNSKEY for key example/ECDSAP256SHA256/${ksk.tag} is now deleted`, 9],
  ] as const;
  for (const [line] of expected)
    assert.equal(lines.filter((one) => one === line).length, 1, `${line}\n${lines.join('\n')}`);
  // One version for each event, none for looks that found nothing.
  assert.equal(world.published.length, 1 + new Set(expected.map(([, day]) => day)).size - 1);
});

const name = (pair: KeyPair, role: string): string => `example/ECDSAP256SHA256/${pair.tag} (${role})`;

test('S-095 any schedule of keys: what the apex shows follows the times, and every version verifies', async () => {
  const day = fc.nat(12);
  const schedule = fc.tuple(day, day, day, day).map((days) => days.toSorted(byNumber));
  await fc.assert(
    fc.asyncProperty(fc.array(schedule, { maxLength: 3 }), fc.array(schedule, { maxLength: 2 }), async (zsks, ksks) => {
      const disk = makeDisk();
      makeKey(disk, KSK, NOW);
      makeKey(disk, ZSK, NOW);
      const made = [...zsks.map((days) => [ZSK, days] as const), ...ksks.map((days) => [KSK, days] as const)];
      const keys = made.map(([flags, [publish, activate, inactive, remove]]) => {
        const at = (days: number): number => START + days * DAY;
        return makeKey(disk, flags, {
          publish: at(publish),
          activate: at(activate),
          inactive: at(inactive),
          delete: at(remove),
        });
      });
      const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
      await world.keeper.start();
      for (let now = START; now <= START + 13 * DAY; now += DAY) {
        const shown = shownTags(world);
        for (const { tag, times, flags } of keys) {
          assert.equal(shown.includes(tag), times.publish! <= now && now < times.delete!, `${tag} in the zone`);
          const signs = signerTags(world, flags === KSK ? TYPE.DNSKEY : TYPE.SOA).includes(tag);
          assert.equal(signs, times.activate! <= now && now < times.inactive!, `${tag} signs`);
        }
        assert.deepEqual(await faultsOf(world), []);
        await world.advance(DAY);
      }
    }),
    { numRuns: 15, seed: 95 },
  );
});

test('S-093 allow: key files change nothing until rndc sign, then they do', async () => {
  const disk = makeDisk();
  const ksk = makeKey(disk, KSK, NOW);
  const zsk = makeKey(disk, ZSK, { ...NOW, inactive: START + DAY });
  const world = makeWorld({ disk, zone: manualZone('allow'), policy: 'none' });
  await world.keeper.start();
  assert.equal(signatureSpan(world.keeper.read()).count, 0, 'not signed before it is asked for');
  assert.ok(world.news().some((line) => line.includes("'rndc sign' signs it")));
  world.disk.put(FILE, zoneText(2));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [1, 2], 'served as it is written until then');
  world.keeper.requestSigning();
  await world.keeper.idle();
  assert.deepEqual(shownTags(world), [ksk.tag, zsk.tag].toSorted(byNumber));
  assert.deepEqual(await faultsOf(world), []);
  const lines = world.news();
  for (const line of [`Fetching ${name(zsk, 'ZSK')} from key repository.`, `DNSKEY ${name(zsk, 'ZSK')} is now active`])
    assert.ok(lines.includes(line), lines.join('\n'));
  const next = makeKey(disk, ZSK, { publish: START, activate: START + DAY });
  world.keeper.requestKeys();
  await world.advance(40 * DAY);
  assert.deepEqual(shownTags(world), [ksk.tag, zsk.tag].toSorted(byNumber));
  assert.deepEqual(signerTags(world, TYPE.SOA), [zsk.tag], 'its key goes on although it should be inactive');
  assert.deepEqual(await faultsOf(world), [], 'signatures are refreshed all the same');
  world.keeper.requestSigning();
  await world.keeper.idle();
  assert.deepEqual(shownTags(world), [ksk.tag, zsk.tag, next.tag].toSorted(byNumber));
  assert.deepEqual(signerTags(world, TYPE.SOA), [next.tag]);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-093 allow: a restart goes on with the keys in use, and a changed file is signed with them', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, NOW);
  const first = makeWorld({ disk, zone: manualZone('allow'), policy: 'none' });
  await first.keeper.start();
  first.keeper.requestSigning();
  await first.keeper.stop();
  const tags = shownTags(first);
  makeKey(first.disk, ZSK, NOW);
  const second = makeWorld({
    disk: first.disk.afterCrash(),
    clock: first.clock,
    zone: manualZone('allow'),
    policy: 'none',
  });
  second.disk.put(FILE, zoneText(5, 'www A 192.0.2.1'));
  await second.keeper.start();
  assert.equal(second.published.at(-1), 5);
  assert.deepEqual(shownTags(second), tags);
  assert.deepEqual(await faultsOf(second), []);
});

test('S-028 maintain: signatures stay fresh for 100 days', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, NOW);
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  for (let day = 0; day < 100; day++) {
    await world.advance(DAY);
    const left = signatureSpan(world.keeper.read()).expiration - world.clock.now();
    assert.ok(left > VALIDITY.signaturesRefresh, `day ${day}: ${left} s left`);
    if (day % 10 === 0) assert.deepEqual(await faultsOf(world), []);
  }
  assert.ok(world.published.length >= 4 && world.published.length < 60, `${world.published.length} versions`);
});

test('S-096 the key directory is looked at every dnssec-loadkeys-interval, and at once with rndc loadkeys', async () => {
  const disk = makeDisk();
  const ksk = makeKey(disk, KSK, NOW);
  const zsk = makeKey(disk, ZSK, NOW);
  const zone = manualZone('maintain', { loadKeysInterval: 600 });
  const world = makeWorld({ disk, zone, policy: 'none' });
  await world.keeper.start();
  const before = signatureSpan(world.keeper.read()).count;
  const more = makeKey(disk, ZSK, { publish: START });
  await world.advance(590);
  assert.deepEqual(shownTags(world), [ksk.tag, zsk.tag].toSorted(byNumber));
  await world.advance(20);
  assert.deepEqual(shownTags(world), [ksk.tag, zsk.tag, more.tag].toSorted(byNumber));
  assert.equal(signatureSpan(world.keeper.read()).count, before, 'a key that only shows itself signs nothing');
  const last = makeKey(disk, ZSK, { publish: START });
  world.keeper.requestKeys();
  await world.keeper.idle();
  assert.ok(shownTags(world).includes(last.tag));
});

test('S-100 a key without private half is published, the log says that it cannot sign, and nothing breaks', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, NOW);
  const zsk = makeKey(disk, ZSK, NOW);
  const halved = [makeKey(disk, ZSK, NOW), makeKey(disk, KSK, NOW)];
  for (const { fileBase } of halved) disk.files.delete(path.join('/zones', `${fileBase}.private`));
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  assert.equal(shownTags(world).length, 4);
  assert.deepEqual(signerTags(world, TYPE.SOA), [zsk.tag]);
  assert.deepEqual(await faultsOf(world), []);
  const lines = world.news();
  for (const pair of halved)
    assert.ok(
      lines.some((line) => line.includes(`/${pair.tag} `) && line.includes('cannot sign')),
      lines.join('\n'),
    );
  await world.advance(3 * HOUR);
  assert.deepEqual(
    world.news().filter((line) => line.includes('cannot sign')),
    [],
    'said once',
  );
});

test('S-100 the key that resolvers know loses its private half: DNSKEY stays until it is back, and data are signed on', async () => {
  const disk = makeDisk();
  const ksk = makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, NOW);
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  const file = path.join('/zones', `${ksk.fileBase}.private`);
  const held = disk.files.get(file)!;
  disk.files.delete(file);
  makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, { publish: START });
  await world.advance(2 * HOUR);
  assert.deepEqual(world.published, [2]);
  const end = isoTime(signatureEnd(world, TYPE.DNSKEY));
  const told = world.news().filter((line) => line.includes(`restore ${file} and run "rndc loadkeys example"`));
  assert.equal(told.length, 1);
  assert.ok(told[0].includes('zone data are signed on') && told[0].includes(`ends ${end}`), told[0]);
  // Weeks later, with changes in between: the DNSKEY RRset is the one that the lost key has signed.
  for (let day = 1; day <= 25; day++) {
    disk.put(FILE, zoneText(day + 1, `day${day} A 192.0.2.1`));
    world.keeper.requestReload();
    await world.advance(DAY);
    assert.equal(world.keeper.unsignedSerial, day + 1);
    assert.deepEqual(await faultsOf(world), []);
  }
  assert.equal(shownTags(world).length, 2);
  disk.files.set(file, held);
  await world.advance(HOUR);
  assert.equal(shownTags(world).length, 4);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-100 a lost ZSK, or a lone key that is lost: nothing is published until it is back', async () => {
  for (const kinds of [[KSK, ZSK], [KSK]]) {
    const disk = makeDisk();
    const pairs = kinds.map((kind) => makeKey(disk, kind, NOW));
    const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
    await world.keeper.start();
    const file = path.join('/zones', `${pairs.at(-1)!.fileBase}.private`);
    const held = disk.files.get(file)!;
    disk.files.delete(file);
    disk.put(FILE, zoneText(2, 'new A 192.0.2.1'));
    world.keeper.requestReload();
    await world.advance(2 * HOUR);
    assert.deepEqual(world.published, [2]);
    assert.equal(world.news().filter((line) => line.includes('suspended') && line.includes(file)).length, 1);
    disk.files.set(file, held);
    await world.advance(60);
    assert.deepEqual(world.published, [2, 3]);
    assert.deepEqual(await faultsOf(world), []);
  }
});

test('RFC 5011 a revoked key has the REVOKE bit and signs the DNSKEY RRset', async () => {
  const disk = makeDisk();
  const old = makeKey(disk, KSK, { ...NOW, revoke: START + DAY, delete: START + 40 * DAY });
  const next = makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, NOW);
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  await world.advance(DAY);
  const revoked = apexRdata(world, TYPE.DNSKEY).find((rdata) => (dnskeyFlags(rdata) & DNSKEY_FLAG.REVOKE) !== 0)!;
  assert.deepEqual(signerTags(world, TYPE.DNSKEY), [keyTag(revoked), next.tag].toSorted(byNumber));
  assert.ok(!shownTags(world).includes(old.tag));
  const id = String(keyTag(revoked)).padStart(5, '0');
  assert.ok(world.news().includes(`DNSKEY ${name(old, 'KSK')} is now revoked; new ID is ${id}`));
  assert.deepEqual(await faultsOf(world), []);
  await world.advance(30 * DAY);
  assert.deepEqual(await faultsOf(world), []);
  await world.advance(10 * DAY);
  assert.equal(shownTags(world).length, 2);
  assert.deepEqual(await faultsOf(world), []);
});

test('maintain: without an active key the zone is served as it is written, and signed when the time comes', async () => {
  const disk = makeDisk();
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  assert.deepEqual(world.published, [1]);
  makeKey(disk, KSK, { publish: START + DAY, activate: START + 2 * DAY });
  makeKey(disk, ZSK, { publish: START + DAY, activate: START + 2 * DAY });
  await world.advance(2 * DAY - 1);
  assert.equal(signatureSpan(world.keeper.read()).count, 0);
  assert.equal(world.news().filter((line) => line.includes('served unsigned')).length, 1, 'said once');
  await world.keeper.sync(false);
  assert.ok(!disk.files.has(`${FILE}.signed`), 'what is not signed is no signed file');
  await world.advance(HOUR);
  assert.deepEqual(await faultsOf(world), []);
});

test('maintain: when the last key becomes inactive, the zone stays signed and the log says what to do', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, { ...NOW, inactive: START + DAY, delete: START + 2 * DAY });
  makeKey(disk, ZSK, { ...NOW, inactive: START + DAY, delete: START + 2 * DAY });
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  await world.advance(3 * DAY);
  assert.equal(shownTags(world).length, 2);
  assert.deepEqual(await faultsOf(world), []);
  const said = world.news().filter((line) => line.includes('suspended'));
  assert.equal(said.length, 1);
  assert.match(said[0], /no key in \/zones is active by its times: .*dnssec-settime/);
});

test('a DNSKEY whose files are gone stays; when it signs, nothing changes until they are back', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, NOW);
  const zsk = makeKey(disk, ZSK, NOW);
  const idle = makeKey(disk, ZSK, { publish: START });
  const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
  await world.keeper.start();
  const hide = ({ fileBase }: KeyPair): (() => void) => {
    const held = ['key', 'private'].map(
      (kind) => [`/zones/${fileBase}.${kind}`, disk.files.get(`/zones/${fileBase}.${kind}`)!] as const,
    );
    for (const [file] of held) disk.files.delete(file);
    return () => held.forEach(([file, content]) => disk.files.set(file, content));
  };
  hide(idle);
  const more = makeKey(disk, ZSK, NOW);
  await world.advance(HOUR);
  assert.ok(shownTags(world).includes(idle.tag));
  assert.ok(world.news().some((line) => line.includes(`the DNSKEY with tag ${idle.tag} has no files in /zones`)));
  assert.deepEqual(signerTags(world, TYPE.SOA), [zsk.tag, more.tag].toSorted(byNumber));
  assert.deepEqual(await faultsOf(world), []);
  const bringBack = hide(zsk);
  world.disk.put(FILE, zoneText(9));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [2, 3]);
  assert.ok(world.news().some((line) => line.includes('suspended') && line.includes(`tag ${zsk.tag}, which signs`)));
  bringBack();
  await world.advance(60);
  assert.equal(world.published.at(-1), 9);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-006 a zone goes from a policy to manual keys and back with the same key', async () => {
  const first = makeWorld({ disk: makeDisk() });
  await first.keeper.start();
  await first.advance(3 * DAY);
  await first.keeper.stop();
  const [{ tag }] = first.keeper.keys;
  const { clock } = first;
  const manual = { zone: manualZone('maintain'), policy: 'none' } as const;
  const second = makeWorld({ disk: first.disk.afterCrash(), clock, ...manual });
  await second.keeper.start();
  await second.advance(30 * DAY);
  assert.deepEqual(
    [shownTags(second), signerTags(second, TYPE.SOA), signerTags(second, TYPE.DNSKEY)],
    [[tag], [tag], [tag]],
  );
  assert.equal(apexRdata(second, TYPE.CDS).length, 1);
  assert.deepEqual(await faultsOf(second), []);
  await second.keeper.stop();
  const third = makeWorld({ disk: second.disk.afterCrash(), clock });
  await third.keeper.start();
  await third.advance(30 * DAY);
  assert.deepEqual([shownTags(third), signerTags(third, TYPE.SOA)], [[tag], [tag]]);
  assert.deepEqual(await faultsOf(third), []);
});

test('S-096 dnssec-loadkeys-interval holds for zones with a policy too', async () => {
  const world = makeWorld({ zone: zoneConfiguration({ loadKeysInterval: 600 }) });
  await world.keeper.start();
  world.news();
  await world.advance(1800);
  assert.equal(world.news().filter((line) => line.includes('reconfiguring zone keys')).length, 3);
  assert.deepEqual(world.published, [2]);
});

test('S-093 rndc sign that could not be carried out is carried out when it can be', async () => {
  const disk = makeDisk();
  makeKey(disk, KSK, NOW);
  makeKey(disk, ZSK, NOW);
  const world = makeWorld({ disk, zone: manualZone('allow'), policy: 'none' });
  await world.keeper.start();
  disk.refusal = 'ENOSPC';
  world.keeper.requestSigning();
  await world.keeper.idle();
  assert.equal(signatureSpan(world.keeper.read()).count, 0);
  disk.refusal = undefined;
  await world.advance(60);
  assert.deepEqual(await faultsOf(world), []);
  assert.equal(shownTags(world).length, 2);
});

test('one KSK alone signs everything, and so does one ZSK', async () => {
  for (const flags of [KSK, ZSK]) {
    const disk = makeDisk();
    const { tag } = makeKey(disk, flags, NOW);
    const world = makeWorld({ disk, zone: manualZone('maintain'), policy: 'none' });
    await world.keeper.start();
    assert.deepEqual([signerTags(world, TYPE.SOA), signerTags(world, TYPE.DNSKEY)], [[tag], [tag]]);
    assert.deepEqual(await faultsOf(world), []);
  }
});
