import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isoTime } from '../../src/base/iso-time.ts';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import { keyStatusText } from '../../src/daemon/key-status.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { faultsOf, FILE, makeWorld, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';

/*
 * Private keys that are lost while their zone lives: what others can sign is signed on, what nobody can sign anew stays, the log, the
 * status and the explanation name the key, its file, how long that goes well and what to do, and no answer becomes bogus by it.
 */

const HOUR = 3600;
const DAY = 86_400;
const key = (role: PolicyKey['role'], lifetime = 0, algorithm = 13): PolicyKey => ({
  role,
  lifetime,
  algorithm,
  bits: 256,
});
const policyOf = (...keys: readonly PolicyKey[]): DnssecPolicy => ({ ...DEFAULT_POLICY, name: 'split', keys });
const SPLIT = policyOf(key('ksk'), key('zsk'));
const ROLLING = policyOf(key('ksk'), key('zsk', 30 * DAY));
/** The DNSKEY RRset is signed for so long that a rollover comes due before that ends. */
const PATIENT = { ...ROLLING, signaturesValidityDnskey: 90 * DAY };

const ofRole = ({ keeper }: World, flags: number): KeyPair => keeper.keys.find((one) => one.flags === flags)!;
const privateFile = ({ fileBase }: KeyPair): string => `/zones/${fileBase}.private`;

/** Takes the private half away. @returns what gives it back */
function lose({ disk }: World, pair: KeyPair): (to?: World) => void {
  const file = privateFile(pair);
  const text = Buffer.from(disk.read(file)!).toString('latin1');
  disk.remove(file);
  return (to) => (to?.disk ?? disk).put(file, text);
}

async function look(world: World): Promise<string> {
  world.keeper.requestKeys();
  await world.keeper.idle();
  return world.news().join('\n');
}

let edits = 1;
/** The operator adds a name. @returns true when it is served, signed */
async function isTakenIn(world: World): Promise<boolean> {
  edits++;
  world.disk.put(FILE, zoneText(edits, `new${edits} A 192.0.2.1`));
  world.keeper.requestReload();
  await world.keeper.idle();
  const reader = world.keeper.read();
  const node = reader.find(mustName(`new${edits}.example.`));
  return node !== 0 && reader.signatureCount(reader.rrset(node, TYPE.A)) > 0;
}

/** The RRset at the apex with its signatures, in hexadecimal. */
function apexRRset({ keeper }: World, type: number): { rdata: string[]; signatures: string[] } {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  if (rrset === 0) return { rdata: [], signatures: [] };
  const hex = (all: Uint8Array[]): string[] => all.map((one) => Buffer.from(one).toString('hex')).toSorted();
  return { rdata: hex(reader.rdataAll(rrset)), signatures: hex(reader.signaturesAll(rrset)) };
}

/** Unix seconds. */
function endOfDnskeySignature({ keeper }: World, pair?: KeyPair): number {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
    if (pair === undefined || reader.signatureKeyTag(at) === pair.tag) return reader.signatureExpiration(at);
  throw new Error('the DNSKEY RRset has no such signature');
}

const statusOf = ({ keeper }: World): string => {
  const { keys, waits, troubles, now } = keeper;
  return keyStatusText({ policy: keeper.policy!, zone: 'example', keys, waits, troubles, now });
};

async function checkds(world: World, pair: KeyPair, seen: 'published' | 'withdrawn'): Promise<void> {
  const { tag, algorithm } = pair;
  const request = { kind: 'checkds', seen, tag, algorithm, when: world.clock.now() } as const;
  assert.equal((await world.keeper.requestKeyChange(request)).kind, 'done');
  await world.keeper.idle();
}

/** A zone that has been signed for three days, and whose DS every cache has. */
async function started(policy: DnssecPolicy): Promise<World> {
  const world = makeWorld({ policy });
  world.disk.put(FILE, zoneText(1));
  await world.keeper.start();
  await world.advance(1.5 * DAY);
  for (const pair of world.keeper.keys) if (pair.flags === 257) await checkds(world, pair, 'published');
  await world.advance(1.5 * DAY);
  assert.ok(world.keeper.keys.every(({ state }) => state?.ds !== 'rumoured'));
  world.news();
  return world;
}

const LOSSES: readonly { name: string; lose: (world: World, file: string) => void }[] = [
  { name: 'is not there', lose: ({ disk }, file) => disk.remove(file) },
  { name: 'is nonsense', lose: ({ disk }, file) => disk.put(file, 'nonsense') },
  { name: 'is cut off', lose: ({ disk }, file) => disk.put(file, 'Private-key-format: v1.3\nAlgorithm: 13') },
  {
    name: 'cannot be read',
    lose: ({ disk }, file) => {
      disk.remove(file);
      disk.put(`${file}/x`, '');
    },
  },
];

for (const { name, lose: take } of LOSSES)
  test(`S-008 a KSK whose private file ${name}: data are signed on, DNSKEY, CDS and CDNSKEY stay with their signatures, all is told once`, async () => {
    const world = await started(SPLIT);
    const ksk = ofRole(world, 257);
    const file = privateFile(ksk);
    const good = Buffer.from(world.disk.read(file)!).toString('latin1');
    const types = [TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY];
    const before = types.map((type) => apexRRset(world, type));
    const end = endOfDnskeySignature(world);
    take(world, file);
    const told = await look(world);
    for (const part of [`example/ECDSAP256SHA256/${ksk.tag} (KSK)`, file, isoTime(end), 'rndc loadkeys example'])
      for (const text of [told, statusOf(world)]) assert.ok(text.includes(part), `${part} in ${text}`);
    // RFC 6781 section 4.3: the way out for a key that is lost for good, and how much time there is.
    const latest = isoTime(end - SPLIT.parentDsTtl - SPLIT.parentPropagationDelay);
    for (const part of ['dnssec-policy insecure', latest, `-key ${ksk.tag} -alg 13 withdrawn example`])
      assert.ok(told.includes(part), `${part} in ${told}`);
    const days = Math.floor((end - world.clock.now()) / DAY);
    assert.ok(days > 5, String(days));
    for (let day = 0; day < days - 2; day++) {
      assert.ok(await isTakenIn(world));
      await world.advance(DAY);
      assert.deepEqual(
        types.map((type) => apexRRset(world, type)),
        before,
      );
      assert.deepEqual(await faultsOf(world), []);
    }
    assert.equal(world.news().join('\n').split('has no private half').length - 1, 0, 'once');
    await world.advance(DAY);
    assert.ok(world.news().some((text) => text.includes('which is soon') && text.includes('remove its DS at once')));
    // With the file back it is signed anew, without being told.
    if (name === 'cannot be read') return;
    world.disk.put(file, good);
    await world.advance(HOUR + 60);
    assert.ok(endOfDnskeySignature(world) > world.clock.now() + SPLIT.signaturesRefresh);
    assert.deepEqual(await faultsOf(world), []);
    assert.ok(!statusOf(world).includes('lacks:'));
  });

test('a lost KSK costs nothing but a look an hour: no version is made for it, before and after the end of its signature', async () => {
  const world = await started({ ...SPLIT, signaturesValidity: 90 * DAY, signaturesRefresh: DAY });
  const ksk = ofRole(world, 257);
  lose(world, ksk);
  await look(world);
  const end = endOfDnskeySignature(world);
  const before = world.published.length;
  await world.advance(end - world.clock.now() + DAY);
  assert.equal(world.published.length, before);
  assert.ok(world.news().some((text) => text.includes(`ended ${isoTime(end)}`)));
  // What is served does not get worse by a change of data.
  assert.ok(await isTakenIn(world));
  assert.equal(endOfDnskeySignature(world), end);
  // A start finds the same, and does not go round in circles.
  await world.keeper.stop();
  const again = makeWorld({ disk: world.disk.afterCrash(), clock: world.clock, policy: world.keeper.policy! });
  await again.keeper.start();
  await again.advance(DAY);
  assert.ok(again.published.length <= 2, String(again.published.length));
  assert.equal(endOfDnskeySignature(again), end);
  assert.equal(again.news().join('\n').split('trust this key alone refuse the zone').length - 1, 1);
});

test('a KSK of which no file is left: data are signed on, and what is there stays', async () => {
  const world = await started(SPLIT);
  const ksk = ofRole(world, 257);
  const before = apexRRset(world, TYPE.DNSKEY);
  for (const kind of ['key', 'private', 'state']) world.disk.remove(`/zones/${ksk.fileBase}.${kind}`);
  const told = await look(world);
  assert.ok(told.includes(`ECDSAP256SHA256/${ksk.tag}`) && told.includes(isoTime(endOfDnskeySignature(world))), told);
  assert.ok(await isTakenIn(world));
  await world.advance(5 * DAY);
  assert.deepEqual(apexRRset(world, TYPE.DNSKEY), before);
  assert.deepEqual(await faultsOf(world), []);
});

test('a ZSK rollover that comes due while the KSK is lost waits: no key is made, and it goes on when the file is back', async () => {
  const world = await started(PATIENT);
  const ksk = ofRole(world, 257);
  await world.advance(23 * DAY);
  const giveBack = lose(world, ksk);
  await look(world);
  const before = apexRRset(world, TYPE.DNSKEY);
  await world.advance(6 * DAY);
  assert.deepEqual(apexRRset(world, TYPE.DNSKEY), before);
  assert.equal([...world.disk.files.keys()].filter((file) => file.endsWith('.key')).length, 2, 'no key is made');
  assert.deepEqual(await faultsOf(world), []);
  giveBack();
  await look(world);
  await world.advance(3 * DAY);
  assert.equal(apexRRset(world, TYPE.DNSKEY).rdata.length, 3);
  assert.deepEqual(await faultsOf(world), []);
});

test('a ZSK that is known already takes over although the KSK is lost: the DNSKEY RRset is the same', async () => {
  const world = await started(ROLLING);
  // The successor is published, and not yet in use.
  await world.advance(26.95 * DAY);
  assert.equal(apexRRset(world, TYPE.DNSKEY).rdata.length, 3);
  const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
  assert.equal(next.state?.zrrsig, 'hidden');
  lose(world, ofRole(world, 257));
  const before = apexRRset(world, TYPE.DNSKEY);
  await look(world);
  await world.advance(DAY);
  const reader = world.keeper.read();
  const soa = reader.rrset(reader.apexNode, TYPE.SOA);
  assert.equal(reader.signatureKeyTag(reader.firstSignature(soa)), next.tag);
  assert.deepEqual(apexRRset(world, TYPE.DNSKEY), before);
  assert.deepEqual(await faultsOf(world), []);
  const told = world.news().join('\n');
  assert.ok(!/\(KSK\) is now inactive/.test(told), told);
});

test('a ZSK that is lost before its time: the one in use goes on, and the KSK signs on', async () => {
  const world = await started(ROLLING);
  await world.advance(26.95 * DAY);
  const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
  const giveBack = lose(world, next);
  await look(world);
  await world.advance(20 * DAY);
  assert.deepEqual(await faultsOf(world), []);
  assert.ok(await isTakenIn(world));
  const reader = world.keeper.read();
  assert.equal(
    reader.signatureKeyTag(reader.firstSignature(reader.rrset(reader.apexNode, TYPE.SOA))),
    next.predecessor,
  );
  assert.ok(statusOf(world).includes(privateFile(next)), statusOf(world));
  giveBack();
  await look(world);
  await world.advance(20 * DAY);
  assert.deepEqual(await faultsOf(world), []);
  const shown = world.keeper.read();
  const tags = shown.rdataAll(shown.rrset(shown.apexNode, TYPE.DNSKEY)).map(keyTag);
  assert.ok(!tags.includes(next.predecessor!) && tags.includes(next.tag), 'the rollover is over');
});

test('a lost ZSK, or CSK: nothing can be published; the log names key, file and the end of what is served', async () => {
  for (const policy of [SPLIT, policyOf(key('csk'))]) {
    const world = await started(policy);
    const lost = ofRole(world, policy === SPLIT ? 256 : 257);
    const before = world.keeper.read().serial;
    const giveBack = lose(world, lost);
    const told = await look(world);
    assert.match(told, /signing is suspended: .*its first signature ends \d{4}-\d\d-\d\dT/);
    for (const text of [told, statusOf(world)]) assert.ok(text.includes(privateFile(lost)), text);
    assert.ok(!(await isTakenIn(world)));
    assert.equal(world.keeper.read().serial, before);
    assert.deepEqual(await faultsOf(world), []);
    giveBack();
    await world.advance(60);
    assert.ok(world.keeper.read().serial > before);
    assert.deepEqual(await faultsOf(world), []);
  }
});

test('RFC 4035 section 2.2 two algorithms: without the KSK of one data are signed on by both, without a ZSK nothing is', async () => {
  const both = policyOf(key('ksk'), key('zsk'), key('ksk', 0, 15), key('zsk', 0, 15));
  for (const flags of [257, 256]) {
    const world = await started(both);
    const lost = world.keeper.keys.find((one) => one.flags === flags && one.algorithm === 15)!;
    const other = world.keeper.keys.find((one) => one.flags === 257 && one.algorithm === 13)!;
    const end = flags === 257 ? endOfDnskeySignature(world, lost) : 0;
    lose(world, lost);
    await look(world);
    assert.equal(await isTakenIn(world), flags === 257);
    assert.deepEqual(await faultsOf(world), []);
    if (flags === 256) continue;
    await world.advance(end - world.clock.now() - DAY);
    assert.deepEqual(await faultsOf(world), []);
    assert.equal(endOfDnskeySignature(world, lost), end, 'the signature that nobody can renew stays');
    assert.ok(endOfDnskeySignature(world, other) > end, 'the other is renewed');
  }
});

test('RFC 6781 section 4.3 a KSK that is lost for good: the zone becomes insecure, though nobody can sign CDS, and is never bogus', async () => {
  const world = await started(SPLIT);
  const ksk = ofRole(world, 257);
  lose(world, ksk);
  await look(world);
  const before = apexRRset(world, TYPE.DNSKEY);
  world.keeper.reconfigure(zoneConfiguration({ policy: 'insecure' }), INSECURE_POLICY);
  await world.keeper.idle();
  assert.match(statusOf(world), /withdrawn example/);
  await checkds(world, ksk, 'withdrawn');
  await world.advance(DAY);
  assert.deepEqual(apexRRset(world, TYPE.DNSKEY), before, 'caches may have the DS for another hour');
  assert.deepEqual(await faultsOf(world), []);
  assert.ok(await isTakenIn(world));
  await world.advance(2 * DAY);
  assert.deepEqual(apexRRset(world, TYPE.DNSKEY).rdata, []);
  // A new beginning with other keys.
  world.keeper.reconfigure(zoneConfiguration(), SPLIT);
  await world.keeper.idle();
  await world.advance(DAY);
  assert.equal(apexRRset(world, TYPE.DNSKEY).rdata.length, 2);
  assert.deepEqual(await faultsOf(world), []);
});

test('a KSK rollover ends without the old private half once the DS of the new one is there', async () => {
  const world = await started(policyOf(key('ksk', 60 * DAY), key('zsk')));
  const old = ofRole(world, 257);
  await world.advance(58 * DAY);
  const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
  assert.equal(next.state?.ds, 'rumoured');
  lose(world, old);
  await look(world);
  await checkds(world, next, 'published');
  await checkds(world, old, 'withdrawn');
  await world.advance(3 * DAY);
  assert.equal(apexRRset(world, TYPE.DNSKEY).rdata.length, 2);
  assert.ok(!apexRRset(world, TYPE.DNSKEY).rdata.includes(Buffer.from(old.dnskey).toString('hex')));
  assert.deepEqual(await faultsOf(world), []);
  assert.ok(!statusOf(world).includes('lacks:'));
});

for (const when of ['before its DS is asked for', 'while its DS is asked for', 'when its DS is known everywhere'])
  test(`the new KSK of a rollover is lost ${when}: the parent is asked for nothing that leads to it alone, and the old one signs on`, async () => {
    const world = await started(policyOf(key('ksk', 60 * DAY), key('zsk')));
    const old = ofRole(world, 257);
    await world.advance(56.97 * DAY);
    const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
    assert.equal(next.state?.ds, 'hidden');
    if (when !== 'before its DS is asked for') await world.advance(DAY);
    if (when === 'when its DS is known everywhere') {
      await checkds(world, next, 'published');
      await world.advance(1.5 * DAY);
    }
    const giveBack = lose(world, next);
    const told = await look(world);
    assert.ok(
      told.includes(`Let the parent have the DS of example/ECDSAP256SHA256/${old.tag} (KSK) and none of this key`),
      told,
    );
    const before = apexRRset(world, TYPE.DNSKEY).rdata;
    for (let day = 0; day < 40; day++) {
      await world.advance(DAY);
      const [cds, cdnskey] = [TYPE.CDS, TYPE.CDNSKEY].map((type) => apexRRset(world, type).rdata);
      if (when === 'before its DS is asked for') assert.ok(cds.every((one) => one.startsWith(hexTag(old))));
      else assert.deepEqual([cds, cdnskey], [[], []]);
      assert.ok(!statusOf(world).includes('waits:'), statusOf(world));
    }
    // The new one's signature is long over; the old one's carries the zone.
    assert.ok(endOfDnskeySignature(world, next) < world.clock.now());
    assert.ok(endOfDnskeySignature(world, old) > world.clock.now() + SPLIT.signaturesRefresh);
    assert.deepEqual(apexRRset(world, TYPE.DNSKEY).rdata, before);
    assert.deepEqual(await faultsOf(world), []);
    // With the file the rollover goes on and comes to its end.
    giveBack();
    await look(world);
    await world.advance(2 * DAY);
    const { ds } = world.keeper.keys.find(({ tag }) => tag === next.tag)!.state!;
    if (ds === 'rumoured') await checkds(world, next, 'published');
    await checkds(world, old, 'withdrawn');
    await world.advance(4 * DAY);
    assert.equal(apexRRset(world, TYPE.DNSKEY).rdata.length, 2);
    assert.equal(apexRRset(world, TYPE.CDS).rdata.length, 1);
    assert.deepEqual(await faultsOf(world), []);
  });

/** How the CDS of a key begins. */
const hexTag = ({ tag }: KeyPair): string => tag.toString(16).padStart(4, '0');

/** What may happen while a key is not there. */
const incident = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 24 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'edit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), changes: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lose' as const), which: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'give back' as const }) },
);

test('whatever is lost and comes back, with crashes and restarts between: never bogus before the end of what nobody could sign', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(incident, { minLength: 4, maxLength: 16 }), async (incidents) => {
      let world = await started(ROLLING);
      const lost = new Map<string, (to?: World) => void>();
      const again = async (): Promise<void> => {
        const disk = world.disk.afterCrash();
        world = makeWorld({ disk, clock: world.clock, policy: ROLLING });
        await world.keeper.start();
      };
      /** Signatures of zone data and keys that could not be renewed end by themselves. */
      const isPastHelp = (): boolean => lost.size > 0 && earliestEnd(world) <= world.clock.now() + 25 * HOUR;
      for (const one of incidents) {
        if (one.kind === 'wait') await world.advance(one.hours * HOUR);
        else if (one.kind === 'edit') await isTakenIn(world);
        else if (one.kind === 'restart') {
          await world.keeper.stop();
          await again();
        } else if (one.kind === 'crash') {
          world.disk.changesUntilCrash = world.disk.changes + one.changes;
          await isTakenIn(world).catch(() => undefined);
          await again();
        } else if (one.kind === 'lose') {
          const pair = world.keeper.keys[one.which % world.keeper.keys.length];
          if (world.disk.facts(privateFile(pair)) !== undefined) {
            lost.set(pair.fileBase, lose(world, pair));
            await look(world);
          }
        } else {
          for (const giveBack of lost.values()) giveBack(world);
          lost.clear();
          await look(world);
        }
        if (isPastHelp()) {
          for (const giveBack of lost.values()) giveBack(world);
          lost.clear();
          await look(world);
        }
        assert.deepEqual(await faultsOf(world), [], one.kind);
      }
      for (const giveBack of lost.values()) giveBack(world);
      await look(world);
      assert.ok(await isTakenIn(world));
      assert.deepEqual(await faultsOf(world), []);
      assert.deepEqual(world.keeper.troubles, []);
      const shown = new Set(world.keeper.keys.map(({ dnskey }) => keyTag(dnskey)));
      assert.ok(shown.size >= 2);
    }),
    { numRuns: 15, seed: 4 },
  );
});

/** Unix seconds: when the first signature of what is served ends. */
function earliestEnd({ keeper }: World): number {
  const reader = keeper.read();
  let earliest = Infinity;
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
        earliest = Math.min(earliest, reader.signatureExpiration(at));
    }
  return earliest;
}
