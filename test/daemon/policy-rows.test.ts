import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { printPolicy } from '../../src/conf/print-policy.ts';
import { keyStatusText } from '../../src/daemon/key-status.ts';
import { zoneStatusText } from '../../src/daemon/zone-status.ts';
import { decodeRrsig } from '../../src/wire/rdata/rrsig.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { policyOf } from '../conf/configurations.ts';
import { faultsOf, FILE, makeWorld, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';
import { SPLIT } from '../policy/split-policy.ts';

/* What a policy says, seen in a zone that is kept under it while time goes by. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

interface Signature {
  readonly covered: number;
  readonly tag: number;
  readonly inception: number;
  readonly expiration: number;
}

function signaturesOf(world: World): Signature[] {
  const reader = world.keeper.read();
  const all: Signature[] = [];
  const look = (node: number): void => {
    for (let i = 0; i < reader.rrsetCount(node); i++)
      for (const rdata of reader.signaturesAll(reader.rrsetAt(node, i))) {
        const { typeCovered: covered, keyTag: tag, inception, expiration } = decodeRrsig(rdata);
        all.push({ covered, tag, inception, expiration });
      }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  return all;
}

function apexRdata(world: World, type: number): Uint8Array[] {
  const reader = world.keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

async function started(policy: DnssecPolicy, ...lines: string[]): Promise<World> {
  const world = makeWorld({ policy });
  world.disk.put(FILE, zoneText(1, ...lines));
  await world.keeper.start();
  return world;
}

function statusText({ keeper }: World, now: number): string {
  return keyStatusText({ policy: keeper.policy!, zone: 'example', keys: keeper.keys, waits: keeper.waits, now });
}

const KEY_TYPES: readonly number[] = [TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY];
const isKeyType = (type: number): boolean => KEY_TYPES.includes(type);

test('S-031 policy default: one DNSKEY, 257 and algorithm 13, for ever, signs everything; then CDS and CDNSKEY appear', async () => {
  const world = await started(DEFAULT_POLICY);
  const begin = world.clock.now();
  const [{ tag, times, state }] = world.keeper.keys;
  const assertAlone = (): void => {
    const dnskeys = apexRdata(world, TYPE.DNSKEY).map(([high, low, protocol, algorithm]) => [
      (high << 8) | low,
      protocol,
      algorithm,
    ]);
    assert.deepEqual(dnskeys, [[257, 3, 13]]);
    assert.ok(signaturesOf(world).every((one) => one.tag === tag));
  };
  assertAlone();
  assert.deepEqual([times.inactive, times.delete, state?.lifetime], [undefined, undefined, 0]);
  assert.match(statusText(world, begin), /^ {2}No rollover scheduled$/m);
  // max-zone-ttl, zone-propagation-delay and retire-safety: by then all caches have signatures.
  const signedEverywhere = DAY + 5 * MINUTE + HOUR;
  await world.advance(signedEverywhere - 1);
  assert.deepEqual([apexRdata(world, TYPE.CDS).length, apexRdata(world, TYPE.CDNSKEY).length], [0, 0]);
  await world.advance(1);
  assert.deepEqual([apexRdata(world, TYPE.CDS).length, apexRdata(world, TYPE.CDNSKEY).length], [1, 1]);
  await world.advance(400 * DAY);
  assertAlone();
  assert.deepEqual(await faultsOf(world), []);
});

test('S-044 S-045 the KSK signs DNSKEY, CDS and CDNSKEY and the ZSK the rest, also after CDS has come', async () => {
  const world = await started(SPLIT);
  await world.advance(20 * DAY);
  const [ksk, zsk] = [257, 256].map((flags) => world.keeper.keys.find((key) => key.flags === flags)!.tag);
  const signatures = signaturesOf(world);
  for (const { covered, tag } of signatures) assert.equal(tag, isKeyType(covered) ? ksk : zsk, `type ${covered}`);
  for (const type of KEY_TYPES)
    assert.equal(signatures.filter(({ covered }) => covered === type).length, 1, `type ${type}`);
});

for (const [digests, cdnskey, told] of [
  [[2, 4], true, ['CDNSKEY', 'CDS']],
  [[4], false, ['CDS']],
  [[], true, ['CDNSKEY']],
] as const) {
  test(`S-059 CDS with digests "${digests.join(' ')}", cdnskey ${cdnskey}: what the policy asks for is shown, and the log tells of it once`, async () => {
    const world = await started({ ...DEFAULT_POLICY, cdsDigestTypes: digests, cdnskey });
    await world.advance(20 * DAY);
    const shown = apexRdata(world, TYPE.CDS).map((rdata) => rdata[3]);
    assert.deepEqual(shown.toSorted(), [...digests]);
    assert.equal(apexRdata(world, TYPE.CDNSKEY).length, cdnskey ? 1 : 0);
    const lines = world.news().flatMap((line) => /^(CDS|CDNSKEY) for key .* is now published/.exec(line)?.[1] ?? []);
    assert.deepEqual(lines, told);
    assert.deepEqual(await faultsOf(world), []);
  });
}

test('S-035 another dnskey-ttl in the configuration: the TTL follows, and the next event in the status moves', async () => {
  const world = await started({ ...DEFAULT_POLICY, dnskeyTtl: 600 });
  const next = (): number => Date.parse(/^next key event: (.*)$/m.exec(zoneStatusText(world.keeper))?.[1] ?? '') / 1000;
  const ttl = (): number => {
    const reader = world.keeper.read();
    return reader.ttl(reader.rrset(reader.apexNode, TYPE.DNSKEY));
  };
  const before = next();
  assert.equal(before, world.clock.now() + 600 + 5 * MINUTE + HOUR);
  assert.equal(ttl(), 600);
  world.keeper.reconfigure(zoneConfiguration(), { ...DEFAULT_POLICY, dnskeyTtl: 1000 });
  await world.keeper.idle();
  assert.equal(next() - before, 400);
  assert.equal(ttl(), 1000);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-046 (part) log and status tell beforehand when KSK and ZSK are to be replaced', async () => {
  const world = await started(SPLIT);
  const text = statusText(world, world.clock.now());
  // The clock begins at 2026-11-21 00:00 UTC: after 60 days and after 365 days, less dnskey-ttl, publish-safety and propagation.
  assert.match(text, /, ZSK\n(?: .*\n|\n)*? {2}Next rollover scheduled on Tue Jan 19 21:55:00 2027$/m);
  assert.match(text, /, KSK\n(?: .*\n|\n)*? {2}Next rollover scheduled on Sat Nov 20 21:55:00 2027$/m);
  assert.ok(world.news().some((line) => line.includes('next key event: 21-Nov-2026 02:05:00')));
});

test('S-050 a salt is kept until the policy asks for another length or for none', async () => {
  const nsec3 = (saltLength: number): DnssecPolicy => ({
    ...DEFAULT_POLICY,
    nsec3: { iterations: 0, optOut: false, saltLength },
  });
  const world = await started(nsec3(8));
  const salt = (): string => {
    const [parameters] = apexRdata(world, TYPE.NSEC3PARAM);
    assert.equal(parameters.length, 5 + parameters[4]);
    return Buffer.from(parameters.subarray(5)).toString('hex');
  };
  const first = salt();
  assert.equal(first.length, 16);
  await world.advance(30 * DAY);
  assert.equal(salt(), first);
  for (const [length, next] of [[8, first], [4], [0, '']] as const) {
    const policy = nsec3(length);
    world.keeper.reconfigure(zoneConfiguration(), policy);
    await world.keeper.idle();
    assert.equal(salt().length, 2 * length);
    if (next !== undefined) assert.equal(salt(), next);
    assert.deepEqual(await faultsOf(world), [], `salt-length ${length}`);
  }
  const other = makeWorld({ policy: nsec3(8), seed: 8 });
  await other.keeper.start();
  assert.notDeepEqual(apexRdata(other, TYPE.NSEC3PARAM)[0].slice(5).toString(), first);
});

test('S-051 S-052 signatures of data and of keys live as long as the policy says for each', async () => {
  const world = await started({
    ...SPLIT,
    signaturesValidity: 20 * DAY,
    signaturesValidityDnskey: 10 * DAY,
    signaturesRefresh: 3 * DAY,
  });
  await world.advance(2 * DAY);
  const signatures = signaturesOf(world);
  for (const { covered, inception, expiration } of signatures) {
    const life = expiration - (inception + HOUR);
    if (isKeyType(covered)) assert.equal(life, 10 * DAY, `type ${covered}`);
    else assert.ok(life <= 20 * DAY && life >= 19.5 * DAY, `type ${covered}: ${life / DAY} days`);
  }
  for (const type of KEY_TYPES)
    assert.ok(
      signatures.some(({ covered }) => covered === type),
      `type ${type}`,
    );
});

test('S-053 a signature is replaced in the two hours before no more than signatures-refresh is left', async () => {
  const world = await started({ ...DEFAULT_POLICY, signaturesJitter: 0 });
  const [{ expiration }] = signaturesOf(world);
  const due = expiration - 5 * DAY;
  const isOld = (): boolean =>
    signaturesOf(world).some((one) => one.expiration === expiration && one.covered !== TYPE.SOA);
  // The server looks at keys and signatures at its own events too; none of them replaces a signature early.
  await world.advance(due - 2 * HOUR - world.clock.now());
  assert.ok(isOld());
  await world.advance(2 * HOUR);
  assert.ok(!isOld());
  assert.ok(signaturesOf(world).every((one) => one.expiration - world.clock.now() > 5 * DAY));
});

test('S-053 signatures that live for minutes are replaced in their own rhythm, not all the time', async () => {
  const world = await started({
    ...DEFAULT_POLICY,
    signaturesValidity: HOUR,
    signaturesValidityDnskey: HOUR,
    signaturesRefresh: 30 * MINUTE,
    signaturesJitter: 0,
  });
  for (let minute = 0; minute < 600; minute++) {
    await world.advance(MINUTE);
    const left = Math.min(...signaturesOf(world).map(({ expiration }) => expiration)) - world.clock.now();
    assert.ok(left > 30 * MINUTE, `${left} s left after ${minute} minutes`);
  }
  // Each lives an hour and is used for half of it: twice in half an hour is plenty.
  assert.ok(world.published.length <= 41, `${world.published.length} versions in ten hours`);
});

/** Chi-square of how evenly the values from 0 to `span` fall into ten parts. */
function unevenness(values: readonly number[], span: number): number {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const value of values) counts[Math.min(9, Math.floor((value * 10) / span))]++;
  const expected = values.length / 10;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** With nine degrees of freedom an even spread is above this once in 100,000 times; the seeds here are fixed. */
const UNEVEN = 39;

for (const jitter of [12 * HOUR, 3 * DAY]) {
  test(`S-054 the first signing spreads expirations evenly over the jitter interval of ${jitter / HOUR} hours`, async () => {
    const lines = Array.from({ length: 700 }, (_, i) => `h${i} A 192.0.2.1`);
    for (const seed of [7, 8, 9]) {
      const world = makeWorld({ policy: { ...DEFAULT_POLICY, signaturesJitter: jitter }, seed });
      world.disk.put(FILE, zoneText(1, ...lines));
      await world.keeper.start();
      const end = world.clock.now() + 14 * DAY;
      const early = signaturesOf(world)
        .filter(({ covered }) => !isKeyType(covered) && covered !== TYPE.SOA)
        .map(({ expiration }) => end - expiration);
      assert.ok(early.length > 1400);
      assert.ok(early.every((seconds) => seconds >= 0 && seconds <= jitter));
      const value = unevenness(early, jitter);
      assert.ok(value < UNEVEN, `chi-square ${value}`);
      // Neighbours are not alike: a spread in order of names would have whole subtrees expire together.
      let steps = 0;
      for (let i = 1; i < early.length; i++) steps += Math.abs(early[i] - early[i - 1]);
      const mean = steps / (early.length - 1) / jitter;
      assert.ok(Math.abs(mean - 1 / 3) < 0.04, `neighbours are ${mean} of the interval apart`);
      await world.keeper.stop();
    }
  });
}

test('S-054 an uneven spread is seen as one', () => {
  const random = new SeededRandom(1).fill(new Uint8Array(1500));
  assert.ok(unevenness([...random], 256) < UNEVEN);
  const biased = [...random].map((value) => Math.floor(value ** 1.2 / 256 ** 0.2));
  assert.ok(unevenness(biased, 256) > UNEVEN);
});

test('S-067 a zone under a copy of the default policy is kept exactly as under the default policy', async () => {
  const copy = policyOf(
    printPolicy(DEFAULT_POLICY)
      .replace(/^[^{]*\{/, '')
      .replace(/\};\s*$/, ''),
  );
  const life = async (policy: DnssecPolicy): Promise<unknown[]> => {
    const world = await started(policy);
    const seen: unknown[] = [];
    for (let day = 0; day < 30; day++) {
      const keys = world.keeper.keys.map(({ times, state, flags, algorithm }) => ({ times, state, flags, algorithm }));
      const signatures = signaturesOf(world).map(({ covered, inception, expiration }) => [
        covered,
        inception,
        expiration,
      ]);
      seen.push([keys, signatures, world.keeper.nextKeyEvent, [...world.published]]);
      await world.advance(DAY);
    }
    return seen;
  };
  assert.deepEqual(await life(copy), await life(DEFAULT_POLICY));
});
