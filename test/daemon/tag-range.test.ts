import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { generateKey, type KeyGenerationRequest } from '../../src/crypto/key-generation.ts';
import { keyTag, tagOfOtherRevocation } from '../../src/crypto/key-tag.ts';
import type { PrivateKeyMaterial } from '../../src/crypto/private-key.ts';
import { KeySearch } from '../../src/keys/key-search.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { faultsOf, FILE, makeWorld, START, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';

type WorldOptions = NonNullable<Parameters<typeof makeWorld>[0]>;

const DAY = 86_400;

function policyWith(low: number, high: number): DnssecPolicy {
  const tagRange = { low, high };
  const keys = (['ksk', 'zsk'] as const).map((role) => ({
    role,
    lifetime: role === 'zsk' ? 60 * DAY : 0,
    algorithm: 13,
    bits: 256,
    tagRange,
  }));
  return { ...DEFAULT_POLICY, name: 'ranged', keys };
}

const dnskeysOf = ({ keeper }: World): Uint8Array[] => {
  const reader = keeper.read();
  return reader.rdataAll(reader.rrset(reader.apexNode, TYPE.DNSKEY));
};

test('S-063 all new keys have tags in the range, through rollovers', async () => {
  const world = makeWorld({ policy: policyWith(20_000, 22_000) });
  await world.keeper.start();
  let most = 0;
  const seen = new Set<string>();
  for (let i = 0; i < 10; i++) {
    await world.advance(20 * DAY);
    const dnskeys = dnskeysOf(world);
    most = Math.max(most, dnskeys.length);
    for (const rdata of dnskeys) seen.add(Buffer.from(rdata).toString('hex'));
  }
  assert.ok(seen.size >= 5, `${seen.size} keys in 200 days`);
  for (const hex of seen) {
    const tag = tagOfOtherRevocation(Buffer.from(hex, 'hex'));
    assert.ok(tag >= 20_128 && tag <= 22_000, String(tag));
  }
  assert.deepEqual(await faultsOf(world), []);
});

test('S-063 (part) when the range is used up the zone is signed on with the keys that it has, and the log says what to do', async () => {
  const world = makeWorld({ policy: policyWith(20_000, 22_000) });
  await world.keeper.start();
  const before = dnskeysOf(world);
  // Files of keys that nobody can read take every tag.
  for (let tag = 20_000; tag <= 22_200; tag++) world.disk.put(`/zones/Kexample.+008+${tag}.state`, 'nonsense');
  world.news();
  await world.advance(61 * DAY);
  assert.ok(
    world.news().some((text) => /no free key tag in tag-range 20000 22000 .*widen the range; until then/.test(text)),
  );
  await world.advance(2 * DAY);
  assert.equal(world.news().filter((text) => text.includes('no free key tag')).length, 0, 'said once');
  world.disk.put(FILE, zoneText(2, 'new A 192.0.2.1'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(dnskeysOf(world), before);
  assert.equal(world.keeper.unsignedSerial, 2);
  assert.deepEqual(await faultsOf(world), []);
  // A wider range helps.
  world.keeper.reconfigure(zoneConfiguration(), policyWith(20_000, 40_000));
  await world.keeper.idle();
  await world.advance(DAY);
  assert.equal(dnskeysOf(world).length, 3);
});

test('S-063 (part) keys that a changed range leaves out are replaced step by step, and the zone is never bogus', async () => {
  const split = (low: number, high: number): DnssecPolicy => ({
    ...policyWith(low, high),
    keys: policyWith(low, high).keys.map((line) => ({ ...line, lifetime: 0 })),
  });
  const world = makeWorld({ policy: split(0, 30_000) });
  await world.keeper.start();
  await world.advance(3 * DAY);
  const [old] = world.keeper.keys.filter(({ flags }) => flags === 257);
  const checkds = async (tag: number, seen: 'published' | 'withdrawn'): Promise<void> => {
    const request = { kind: 'checkds', seen, tag, algorithm: 13, when: world.clock.now() } as const;
    assert.equal((await world.keeper.requestKeyChange(request)).kind, 'done');
    await world.keeper.idle();
  };
  await checkds(old.tag, 'published');
  await world.advance(3 * DAY);
  const before = dnskeysOf(world);
  world.keeper.reconfigure(zoneConfiguration(), split(30_000, 60_000));
  await world.keeper.idle();
  assert.equal(dnskeysOf(world).length, 4);
  await world.advance(2 * DAY);
  const [fresh] = world.keeper.keys.filter(({ flags, state }) => flags === 257 && state?.goal === 'omnipresent');
  assert.ok(fresh.tag >= 30_000);
  assert.equal(fresh.state?.ds, 'rumoured');
  await checkds(fresh.tag, 'published');
  await checkds(old.tag, 'withdrawn');
  for (let day = 0; day < 30; day++) {
    await world.advance(DAY);
    assert.deepEqual(await faultsOf(world), []);
  }
  const after = dnskeysOf(world);
  assert.equal(after.length, 2);
  for (const rdata of after) {
    assert.ok(!before.some((one) => Buffer.compare(one, rdata) === 0));
    for (const tag of [keyTag(rdata), tagOfOtherRevocation(rdata)]) assert.ok(tag >= 30_000 && tag <= 60_000);
  }
  // And there it stays.
  const files = (): number => [...world.disk.files.keys()].filter((file) => file.endsWith('.key')).length;
  const made = files();
  await world.advance(60 * DAY);
  assert.ok(files() <= made);
  assert.deepEqual(dnskeysOf(world), after);
});

/** RSA keys that are made when somebody says so, and never here. */
function slowKeys(clock: SimulatedClock): { keys: NonNullable<WorldOptions['keys']>; make: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  const search = new KeySearch({
    clock,
    generate: (request) => new Promise((resolve) => waiting.push(() => resolve(keyWithTag(request, isIn)))),
  });
  const isIn = (tag: number): boolean => tag >= 20_000 && tag <= 40_000 - 129;
  const make = async (): Promise<void> => {
    waiting.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { keys: { search, generate: (request) => keyWithTag(request, (tag) => tag < 19_000) }, make };
}

/** A third of all keys and more has to satisfy. */
function keyWithTag(request: KeyGenerationRequest, satisfies: (tag: number) => boolean): PrivateKeyMaterial {
  for (let tries = 0; tries < 500; tries++) {
    const made = generateKey(request);
    if (satisfies(keyTag(made.dnskey))) return made;
  }
  throw new Error('no key has such a tag');
}

test('S-063 (part) an RSA key for a narrow range is made in the background: unsigned meanwhile at first, signed on later', async () => {
  const line = (bits: number): PolicyKey => ({
    role: 'csk',
    lifetime: 0,
    algorithm: 8,
    bits,
    tagRange: { low: 20_000, high: 40_000 },
  });
  const policyOf = (bits: number): DnssecPolicy => ({ ...DEFAULT_POLICY, name: 'rsa', keys: [line(bits)] });
  const clock = new SimulatedClock(START);
  const { keys, make } = slowKeys(clock);
  const world = makeWorld({ policy: policyOf(1024), clock, keys });
  await world.keeper.start();
  const count = (): number => (world.keeper.read().denial === 'none' ? 0 : dnskeysOf(world).length);
  assert.equal(count(), 0);
  assert.ok(world.news().some((text) => text.includes('is looked for in the background')));
  await make();
  await world.keeper.idle();
  assert.equal(count(), 1, 'no timer had to run out');
  assert.deepEqual(await faultsOf(world), []);
  // Another size: the old key signs on until there is a new one.
  world.news();
  world.keeper.reconfigure(zoneConfiguration(), policyOf(1280));
  await world.keeper.idle();
  assert.equal(world.news().filter((text) => text.includes('is looked for in the background')).length, 1);
  world.disk.put(FILE, zoneText(2, 'new A 192.0.2.1'));
  world.keeper.requestReload();
  await world.advance((3 * DAY) / 2);
  assert.equal(world.keeper.unsignedSerial, 2);
  assert.deepEqual(await faultsOf(world), []);
  assert.equal(count(), 1);
  assert.equal(world.news().filter((text) => text.includes('is looked for in the background')).length, 0, 'said once');
  await make();
  await world.keeper.idle();
  assert.equal(count(), 2);
  assert.deepEqual(await faultsOf(world), []);
});
