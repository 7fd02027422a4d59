import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { nameToText } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import {
  faultsOf,
  FILE,
  makeWorld,
  signatureSpan,
  START,
  zoneConfiguration,
  zoneText,
  type World,
} from './keeper-fixture.ts';

const HOUR = 3600;
const DAY = 86_400;

const NSEC3: DnssecPolicy = {
  ...DEFAULT_POLICY,
  name: 'nsec3',
  keys: [
    { role: 'ksk', lifetime: 0, algorithm: 13, bits: 256 },
    { role: 'zsk', lifetime: 0, algorithm: 13, bits: 256 },
  ],
  nsec3: { iterations: 0, optOut: false, saltLength: 8 },
};

function apexRdata(world: World, type: number): Uint8Array[] {
  const reader = world.keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

test('S-018 S-024 S-031 a zone with policy default gets a key and is signed, and its file is not touched', async () => {
  const world = makeWorld();
  await world.keeper.start();
  assert.deepEqual(await faultsOf(world), []);
  assert.equal(apexRdata(world, TYPE.DNSKEY).length, 1);
  assert.equal(world.keeper.keys.length, 1);
  assert.equal(Buffer.from(world.disk.read(FILE)!).toString(), zoneText(1));
  assert.ok(world.disk.files.has(`${FILE}.signed`));
  assert.deepEqual(world.published, [2]);
  const lines = world.news();
  for (const wanted of [
    'zone example/IN (unsigned): loaded serial 1',
    'zone example/IN (signed): reconfiguring zone keys',
    `DNSKEY example/ECDSAP256SHA256/${world.keeper.keys[0].tag} (CSK) is now published by policy default`,
  ]) {
    assert.ok(lines.includes(wanted), `${wanted}\nin\n${lines.join('\n')}`);
  }
});

for (const policy of [DEFAULT_POLICY, NSEC3]) {
  test(`S-028 S-105 60 days of hourly looks, policy ${policy.name}: signatures stay fresh, nothing is bogus`, async () => {
    const world = makeWorld({ policy });
    await world.keeper.start();
    let renewed = 0;
    let inception = signatureSpan(world.keeper.read()).inception;
    for (let hour = 0; hour < 60 * 24; hour++) {
      await world.advance(HOUR);
      const span = signatureSpan(world.keeper.read());
      const left = span.expiration - world.clock.now();
      assert.ok(left > policy.signaturesRefresh, `hour ${hour}: ${left} s left`);
      if (span.inception > inception) renewed++;
      inception = span.inception;
      if (hour % 12 === 0) assert.deepEqual(await faultsOf(world), [], `hour ${hour}`);
    }
    assert.ok(renewed >= 3, `signatures were renewed ${renewed} times`);
    // Each round of refreshing is one version; a version more often than hourly would trouble secondaries for nothing.
    assert.ok(world.published.length < 60 * 24, `${world.published.length} versions`);
    for (let i = 1; i < world.published.length; i++) assert.ok(world.published[i] > world.published[i - 1]);
  });
}

test('CDS and CDNSKEY appear once resolvers know the key, and not before', async () => {
  const world = makeWorld();
  await world.keeper.start();
  assert.equal(apexRdata(world, TYPE.CDS).length, 0);
  await world.advance(3 * DAY);
  assert.equal(apexRdata(world, TYPE.CDS).length, 1);
  assert.equal(apexRdata(world, TYPE.CDNSKEY).length, 1);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-059 cds-digest-types gives a CDS for each digest, cdnskey no gives no CDNSKEY', async () => {
  const world = makeWorld({ policy: { ...DEFAULT_POLICY, cdsDigestTypes: [2, 4], cdnskey: false } });
  await world.keeper.start();
  await world.advance(3 * DAY);
  assert.deepEqual(
    apexRdata(world, TYPE.CDS)
      .map((rdata) => rdata[3])
      .toSorted(),
    [2, 4],
  );
  assert.equal(apexRdata(world, TYPE.CDNSKEY).length, 0);
});

test('S-010 (part) the state of a key goes on over restarts: hidden, rumoured, omnipresent in their order', async () => {
  let world = makeWorld();
  await world.keeper.start();
  const seen: string[] = [];
  for (let hour = 0; hour < 72; hour++) {
    const state = `${world.keeper.keys[0].state?.dnskey} ${world.keeper.keys[0].state?.ds}`;
    if (seen.at(-1) !== state) seen.push(state);
    await world.advance(HOUR);
    if (hour % 5 === 4) {
      world = makeWorld({ disk: world.disk.afterCrash(), clock: world.clock });
      await world.keeper.start();
    }
  }
  assert.deepEqual(seen, ['rumoured hidden', 'omnipresent hidden', 'omnipresent rumoured']);
});

test('S-022 a changed file gives only the signatures that the change needs, and a higher serial', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const before = new Set(signatureTexts(world));
  world.disk.put(FILE, zoneText(1, 'www A 192.0.2.1'));
  assert.equal(world.keeper.requestReload(), 'queued');
  await world.keeper.idle();
  const after = signatureTexts(world);
  // The new name's A and NSEC, the NSEC before it, and the SOA.
  assert.equal(after.filter((text) => !before.has(text)).length, 4);
  assert.deepEqual(world.published, [2, 3]);
  assert.deepEqual(await faultsOf(world), []);
  assert.equal(world.keeper.requestReload(), 'up-to-date');
});

test('S-022 the serial follows the one in the file when that is later', async () => {
  const world = makeWorld();
  await world.keeper.start();
  world.disk.put(FILE, zoneText(2026112100));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [2, 2026112100]);
});

test('a broken file at a reload leaves the zone as it is and says where it is broken', async () => {
  const world = makeWorld();
  await world.keeper.start();
  world.disk.put(FILE, zoneText(2, 'www A not-an-address'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [2]);
  const lines = world.news();
  assert.ok(
    lines.some((line) => line.startsWith(`${FILE}:8:`)),
    lines.join('\n'),
  );
  assert.ok(lines.includes('zone example/IN (signed): still serving serial 2'), lines.join('\n'));
  world.disk.put(FILE, zoneText(2, 'www A 192.0.2.1'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [2, 3]);
});

test('a broken file at the start: nothing is loaded, and the zone comes when the file is mended', async () => {
  const world = makeWorld();
  world.disk.put(FILE, 'nonsense');
  await world.keeper.start();
  assert.equal(world.keeper.isLoaded, false);
  assert.ok(world.news().includes('zone example/IN (unsigned): not loaded due to errors.'));
  world.disk.put(FILE, zoneText(1));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(await faultsOf(world), []);
});

test('a restart serves the same version, signs nothing anew, and goes on with keys and times', async () => {
  const first = makeWorld();
  await first.keeper.start();
  await first.advance(DAY);
  const { tag } = first.keeper.keys[0];
  const before = signatureTexts(first);
  await first.keeper.stop();
  const second = makeWorld({ disk: first.disk.afterCrash(), clock: first.clock });
  await second.keeper.start();
  assert.deepEqual(signatureTexts(second), before);
  assert.equal(second.keeper.keys[0].tag, tag);
  assert.deepEqual(second.published, [first.published.at(-1)]);
});

test('what changed in the file while the server was down is signed at the start', async () => {
  const first = makeWorld();
  await first.keeper.start();
  await first.keeper.stop();
  const disk = first.disk.afterCrash();
  disk.put(FILE, zoneText(9, 'www A 192.0.2.1'));
  const second = makeWorld({ disk, clock: first.clock });
  await second.keeper.start();
  assert.deepEqual(second.published, [2, 9]);
  assert.deepEqual(await faultsOf(second), []);
});

test('S-008 without its private key the zone is served on, nothing half is signed, and signing goes on afterwards', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const name = [...world.disk.files.keys()].find((file) => file.endsWith('.private'))!;
  const held = world.disk.files.get(name)!;
  world.disk.files.delete(name);
  world.disk.put(FILE, zoneText(2, 'www A 192.0.2.1'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(world.published, [2]);
  assert.deepEqual(await faultsOf(world), []);
  const lines = world.news();
  assert.ok(
    lines.some((line) => line.includes('signing is suspended') && line.includes(name)),
    lines.join('\n'),
  );
  await world.advance(HOUR);
  assert.equal(world.news().filter((line) => line.includes('signing is suspended')).length, 0, 'said once');
  assert.equal([...world.disk.files.keys()].filter((file) => file.endsWith('.key')).length, 1, 'no new key');
  world.disk.files.set(name, held);
  await world.advance(60);
  assert.deepEqual(world.published, [2, 3]);
  assert.deepEqual(await faultsOf(world), []);
});

test('a key whose files are all gone is not replaced by another that nobody trusts', async () => {
  const world = makeWorld();
  await world.keeper.start();
  for (const file of world.disk.files.keys()) if (/\/K/.test(file)) world.disk.files.delete(file);
  world.keeper.requestKeys();
  await world.keeper.idle();
  assert.ok(world.news().some((line) => line.includes('restore the files')));
  assert.ok(![...world.disk.files.keys()].some((file) => /\/K/.test(file)));
  assert.deepEqual(world.published, [2]);
});

test('S-010 (part) a state file that is cut off anywhere: no key is made or taken out of the zone, and the zone stays valid', async () => {
  const world = makeWorld();
  await world.keeper.start();
  await world.advance(2 * DAY);
  const file = [...world.disk.files.keys()].find((name) => name.endsWith('.state'))!;
  const lines = Buffer.from(world.disk.files.get(file)!.octets).toString().split('\n');
  const dnskeys = apexRdata(world, TYPE.DNSKEY);
  await world.keeper.stop();
  for (let kept = 0; kept < lines.length; kept++) {
    const disk = world.disk.afterCrash();
    disk.put(file, lines.slice(0, kept).join('\n'));
    const after = makeWorld({ disk, clock: world.clock });
    await after.keeper.start();
    await after.advance(HOUR);
    assert.deepEqual(apexRdata(after, TYPE.DNSKEY), dnskeys, `${kept} lines kept`);
    assert.deepEqual(await faultsOf(after), [], `${kept} lines kept`);
    await after.keeper.stop();
  }
});

test('S-024 a key that dnssec-keygen -k made before the first start is taken up, and no other is made', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const [key, secret, state] = ['.key', '.private', '.state'].map((end) =>
    [...world.disk.files.keys()].find((file) => file.endsWith(end))!,
  );
  const disk = new MemoryDisk();
  for (const file of [key, secret]) disk.files.set(file, world.disk.files.get(file)!);
  disk.put(state, 'Algorithm: 13\nLength: 256\nLifetime: 0\nKSK: yes\nZSK: yes\nGenerated: 20261121000000\n');
  disk.put(FILE, zoneText(1));
  const second = makeWorld({ disk });
  await second.keeper.start();
  assert.deepEqual(apexRdata(second, TYPE.DNSKEY), apexRdata(world, TYPE.DNSKEY));
  assert.deepEqual(await faultsOf(second), []);
  assert.match(Buffer.from(disk.files.get(state)!.octets).toString(), /^GoalState: omnipresent$/m);
});

for (const reason of ['EROFS', 'EACCES', 'ENOSPC']) {
  test(`S-030 ${reason}: one clear message, what is published stays, and work goes on by itself`, async () => {
    const world = makeWorld();
    await world.keeper.start();
    world.news();
    world.disk.refusal = reason;
    world.disk.put(FILE, zoneText(2, 'www A 192.0.2.1'));
    world.keeper.requestReload();
    await world.keeper.idle();
    await world.advance(600);
    assert.deepEqual(world.published, [2]);
    const complaints = world.news().filter((line) => line.includes(reason));
    assert.equal(complaints.length, 1, complaints.join('\n'));
    assert.match(complaints[0], /\/zones\/example\.db\.signed.*user id/);
    world.disk.refusal = undefined;
    await world.advance(60);
    assert.deepEqual(world.published, [2, 3]);
    assert.deepEqual(await faultsOf(world), []);
  });

  test(`S-030 ${reason} at the very first start: the zone answers unsigned until it can be signed`, async () => {
    const world = makeWorld();
    world.disk.refusal = reason;
    await world.keeper.start();
    assert.equal(world.keeper.isLoaded, true);
    assert.equal(signatureSpan(world.keeper.read()).count, 0);
    world.disk.refusal = undefined;
    await world.advance(60);
    assert.deepEqual(await faultsOf(world), []);
  });
}

test('a key state that could not be written down is written as soon as the disk takes it', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const due = world.keeper.nextKeyEvent! - world.clock.now();
  const stateOf = (): string => {
    const name = [...world.disk.files.keys()].find((file) => file.endsWith('.state'))!;
    return /^DNSKEYState: (.*)$/m.exec(Buffer.from(world.disk.files.get(name)!.octets).toString())![1];
  };
  world.disk.refusal = 'ENOSPC';
  await world.advance(due + 60);
  assert.equal(stateOf(), 'rumoured');
  world.disk.refusal = undefined;
  await world.advance(31);
  assert.equal(stateOf(), 'omnipresent');
});

for (const policy of ['none', DEFAULT_POLICY] as const) {
  test(`a zone too large for the memory, policy ${policy === 'none' ? policy : policy.name}: said, the old version stays, and a smaller one is taken`, async () => {
    const world = makeWorld({ policy, memory: 4 * 2 ** 20 });
    await world.keeper.start();
    const [serial] = world.published;
    world.news();
    const lines = Array.from({ length: 20_000 }, (_, i) => `h${i} TXT "${'x'.repeat(250)}"`);
    world.disk.put(FILE, zoneText(5, ...lines));
    world.keeper.requestReload();
    await world.keeper.idle();
    await world.advance(HOUR);
    assert.deepEqual(world.published, [serial]);
    const complaints = world.news().filter((line) => line.includes('zone memory'));
    assert.equal(complaints.length, 1, complaints.join('\n'));
    world.disk.put(FILE, zoneText(6, 'www A 192.0.2.1'));
    await world.advance(60);
    assert.deepEqual(world.published, [serial, 6]);
  });
}

test('S-066 S-174 (part) policy none: presigned data are served as they are, bad signatures too', async () => {
  const world = makeWorld({ policy: 'none' });
  const rrsig = 'www RRSIG A 13 2 300 20200101000000 20190101000000 12345 example. c2lnbmF0dXJl';
  world.disk.put(FILE, zoneText(1, 'www A 192.0.2.1', rrsig, '@ DNSKEY 257 3 13 a2V5'));
  await world.keeper.start();
  assert.deepEqual(world.published, [1]);
  assert.equal(signatureSpan(world.keeper.read()).count, 1);
  assert.ok(![...world.disk.files.keys()].some((file) => /\/K|\.signed/.test(file)));
});

test('policy insecure: a zone that was never signed is served as it is written, with its serial', async () => {
  const plain = makeWorld({ policy: INSECURE_POLICY });
  await plain.keeper.start();
  assert.equal(signatureSpan(plain.keeper.read()).count, 0);
  assert.deepEqual(plain.published, [1]);
  plain.disk.put(FILE, zoneText(7));
  plain.keeper.requestReload();
  await plain.keeper.idle();
  assert.deepEqual(plain.published, [1, 7]);
  assert.deepEqual(
    [...plain.disk.files.keys()].filter((file) => /\/K|\.signed$/.test(file)),
    [],
  );
});

test('S-028 a clock that was ahead and is set back: what it signed is signed anew, the serial goes on', async () => {
  const clock = new SimulatedClock(START + 30 * DAY);
  const ahead = makeWorld({ clock });
  await ahead.keeper.start();
  ahead.disk.put(FILE, zoneText(1, 'www A 192.0.2.1'));
  const { serial } = ahead.keeper.read();
  await ahead.keeper.stop();
  const right = makeWorld({ disk: ahead.disk.afterCrash(), clock: new SimulatedClock(START) });
  await right.keeper.start();
  assert.ok(right.keeper.read().serial > serial);
  assert.ok(signatureSpan(right.keeper.read()).expiration < START + 15 * DAY);
  assert.deepEqual(await faultsOf(right), []);
  const { length } = right.published;
  await right.advance(DAY);
  assert.equal(right.published.length, length, 'once');
});

test('inline-signing with policy none: a zone that was signed goes on being signed, its keys by their own times, and the log says so', async () => {
  const signed = makeWorld();
  await signed.keeper.start();
  await signed.advance(DAY);
  const { serial } = signed.keeper.read();
  const [{ tag }] = signed.keeper.keys;
  await signed.keeper.stop();
  const later = makeWorld({ policy: 'none', disk: signed.disk.afterCrash(), clock: signed.clock });
  await later.keeper.start();
  assert.ok(later.keeper.read().serial >= serial);
  assert.deepEqual(await faultsOf(later), []);
  assert.ok(later.news().some((line) => line.includes("use 'dnssec-policy insecure' to make it unsigned")));
  await later.advance(60 * DAY);
  assert.deepEqual(await faultsOf(later), []);
  assert.deepEqual(
    later.keeper.keys.map((key) => key.tag),
    [tag],
  );
  assert.equal(later.keeper.manualKeys?.mode, 'maintain');
});

test('policy none without inline-signing: served as it is written, and the log warns of a DS that the parent may have', async () => {
  const signed = makeWorld();
  await signed.keeper.start();
  await signed.advance(3 * DAY);
  await signed.keeper.stop();
  const zone = zoneConfiguration({ inlineSigning: false, policy: undefined });
  const later = makeWorld({ policy: 'none', zone, disk: signed.disk.afterCrash(), clock: signed.clock });
  await later.keeper.start();
  assert.deepEqual(later.published, [1]);
  assert.equal(signatureSpan(later.keeper.read()).count, 0);
  assert.equal(later.news().filter((line) => line.includes('the parent may still have the DS of example/')).length, 1);
});

test('S-050 the salt of NSEC3 stays the same over changes and restarts', async () => {
  const world = makeWorld({ policy: NSEC3 });
  await world.keeper.start();
  const [before] = apexRdata(world, TYPE.NSEC3PARAM);
  assert.equal(before[4], 8);
  world.disk.put(FILE, zoneText(2, 'www A 192.0.2.1'));
  world.keeper.requestReload();
  await world.keeper.idle();
  await world.keeper.stop();
  const later = makeWorld({ policy: NSEC3, disk: world.disk.afterCrash(), clock: world.clock });
  await later.keeper.start();
  assert.deepEqual(apexRdata(later, TYPE.NSEC3PARAM), [before]);
});

function signatureTexts(world: World): string[] {
  const reader = world.keeper.read();
  const texts: string[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const owner = nameToText(reader.owner(node));
      for (const rdata of reader.signaturesAll(rrset)) texts.push(`${owner} ${Buffer.from(rdata).toString('hex')}`);
    }
  }
  return texts.toSorted();
}

test('S-056 a TTL above the limit of the policy: the zone is refused and the record named', async () => {
  const world = makeWorld();
  world.disk.put(FILE, zoneText(1, 'long 200000 A 192.0.2.1'));
  await world.keeper.start();
  assert.equal(world.keeper.isLoaded, false);
  const lines = world.news();
  assert.ok(
    lines.some((line) => line.startsWith(`${FILE}:8:`) && line.includes('86400')),
    lines.join('\n'),
  );
});

test('S-056 max-zone-ttl 0 sets no limit, as in BIND', async () => {
  const world = makeWorld({ policy: { ...DEFAULT_POLICY, maxZoneTtl: 0 } });
  world.disk.put(FILE, zoneText(1, 'long 200000 A 192.0.2.1'));
  await world.keeper.start();
  assert.deepEqual(await faultsOf(world), []);
});

test('a restart without the operator file: the signed copy is served and kept fresh, and the log says so', async () => {
  const first = makeWorld();
  await first.keeper.start();
  await first.keeper.stop();
  const disk = first.disk.afterCrash();
  disk.files.delete(FILE);
  const second = makeWorld({ disk, clock: first.clock });
  await second.keeper.start();
  assert.ok(second.news().includes('zone example/IN (signed): still serving serial 2'));
  await second.advance(20 * DAY);
  assert.deepEqual(await faultsOf(second), []);
});

test('a signed file that is damaged is put aside, not overwritten, and the zone is signed anew with the same key', async () => {
  const first = makeWorld();
  await first.keeper.start();
  const { tag } = first.keeper.keys[0];
  await first.keeper.stop();
  const disk = first.disk.afterCrash();
  disk.put(`${FILE}.signed`, 'nonsense');
  const second = makeWorld({ disk, clock: first.clock });
  await second.keeper.start();
  assert.equal(Buffer.from(disk.read(`${FILE}.signed.unusable`)!).toString(), 'nonsense');
  assert.equal(second.keeper.keys[0].tag, tag);
  assert.deepEqual(await faultsOf(second), []);
  assert.ok(second.news().some((line) => line.includes('put aside')));
});

test('a journal that is damaged is put aside; the signed file before it is the start of what comes', async () => {
  const first = makeWorld();
  await first.keeper.start();
  first.disk.put(FILE, zoneText(2, 'www A 192.0.2.1'));
  first.keeper.requestReload();
  await first.keeper.idle();
  await first.keeper.stop();
  const disk = first.disk.afterCrash();
  assert.ok(disk.files.has(`${FILE}.signed.jnl`));
  disk.put(`${FILE}.signed.jnl`, 'nonsense');
  const second = makeWorld({ disk, clock: first.clock });
  await second.keeper.start();
  assert.ok(disk.files.has(`${FILE}.signed.jnl.unusable`));
  assert.deepEqual(await faultsOf(second), []);
});

test('a journal that outgrows the zone is written into the signed file and cut', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const big = Array.from({ length: 150 }, (_, i) => `h${i} TXT "${'x'.repeat(200)}"`);
  for (let serial = 2; serial < 40; serial++) {
    world.disk.put(FILE, zoneText(serial, ...big.map((line) => line.replace('xx', `${serial} `))));
    world.keeper.requestReload();
    await world.keeper.idle();
  }
  assert.ok((world.disk.facts(`${FILE}.signed.jnl`)?.size ?? 0) < 2 * 2 ** 20);
  const later = makeWorld({ disk: world.disk.afterCrash(), clock: world.clock });
  await later.keeper.start();
  assert.deepEqual(await faultsOf(later), []);
  assert.equal(later.published[0], world.published.at(-1));
});

test('S-016 (part) a world-readable private key is a warning, and it signs all the same', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const name = [...world.disk.files.keys()].find((file) => file.endsWith('.private'))!;
  world.disk.files.get(name)!.mode = 0o644;
  world.log.records.splice(0);
  world.keeper.requestKeys();
  await world.keeper.idle();
  const [record] = world.log.records.filter(({ text }) => text.includes(name));
  assert.equal(record.severity, 'warning', record.text);
});

test('S-017 (part) three years under the default policy without a command: signed all the time, and each signing names the policy', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const signings: string[] = [];
  for (let day = 0; day < 3 * 365; day++) {
    await world.advance(DAY);
    const left = signatureSpan(world.keeper.read()).expiration - world.clock.now();
    assert.ok(left > DEFAULT_POLICY.signaturesRefresh, `day ${day}: ${left} s left`);
    if (day % 30 === 0) assert.deepEqual(await faultsOf(world), [], `day ${day}`);
    const news = world.news();
    signings.push(...news.filter((line) => line.includes('signatures made')));
    for (const line of news.filter((one) => /DNSKEY|CDS |created/.test(one) && !one.startsWith('Fetching')))
      assert.match(line, / policy default$/);
  }
  assert.ok(signings.length > 3 * 20, `${signings.length} signings`);
  for (const line of signings) assert.match(line, / by policy default$/);
  assert.equal(world.keeper.keys.length, 1);
});
