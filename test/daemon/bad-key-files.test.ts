import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { faultsOf, FILE, makeWorld, signatureSpan, zoneText, type World } from './keeper-fixture.ts';

/*
 * Key files that are cut off, contradict the zone or vanish: the log names the file and what to do, no key comes or goes, and the zone
 * goes on being signed as long as it can.
 */

const DAY = 86_400;
const key = (role: PolicyKey['role'], lifetime = 0): PolicyKey => ({ role, lifetime, algorithm: 13, bits: 256 });
const SPLIT: DnssecPolicy = { ...DEFAULT_POLICY, name: 'split', keys: [key('ksk'), key('zsk', 60 * DAY)] };

const dnskeys = ({ keeper }: World): string[] => {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  return reader.rdataAll(rrset).map((rdata) => Buffer.from(rdata).toString('hex'));
};
const fileOf = (base: string, kind: string): string => `/zones/${base}.${kind}`;
const textOf = (world: World, file: string): string => Buffer.from(world.disk.read(file)!).toString('latin1');

async function look(world: World): Promise<string[]> {
  world.news();
  world.keeper.requestKeys();
  await world.keeper.idle();
  return world.news();
}

async function edit(world: World, serial: number): Promise<void> {
  world.disk.put(FILE, zoneText(serial, `new${serial} A 192.0.2.1`));
  world.keeper.requestReload();
  await world.keeper.idle();
}

/** The zone is signed with the same keys for a month, and takes what the operator writes. */
async function goesOn(world: World): Promise<void> {
  const before = dnskeys(world);
  const serial = world.keeper.unsignedSerial! + 1;
  await edit(world, serial);
  assert.notEqual(world.keeper.read().find(mustName(`new${serial}.example.`)), 0);
  for (let i = 0; i < 10; i++) {
    await world.advance(3 * DAY);
    assert.deepEqual(await faultsOf(world), []);
    assert.deepEqual(dnskeys(world), before);
  }
}

const DAMAGES: readonly { name: string; damage: (text: string) => string }[] = [
  { name: 'nonsense', damage: () => 'nonsense' },
  { name: 'empty', damage: () => '' },
  // In the middle of a line, wherever the length of the key's tag puts that.
  { name: 'cut off', damage: (text) => text.slice(0, text.indexOf('GoalState') + 4) },
  { name: 'of a wrong condition', damage: (text) => text.replace('DNSKEYState: rumoured', 'DNSKEYState: everywhere') },
  { name: 'of a wrong time', damage: (text) => text.replace(/DNSKEYChange: \d+/, 'DNSKEYChange: 2026') },
  {
    name: 'of a key that nobody has',
    damage: (text) =>
      text.replace('GoalState: omnipresent', 'GoalState: hidden').replaceAll(/: (rumoured|omnipresent)$/gm, ': hidden'),
  },
  { name: 'of a key on its way out', damage: (text) => text.replaceAll(/State: \w+$/gm, 'State: hidden') },
];

for (const { name, damage } of DAMAGES)
  test(`a state file that is ${name}: named in the log once, the zone stays as it is and is signed, and a good file mends it`, async () => {
    const world = makeWorld();
    await world.keeper.start();
    const [{ fileBase }] = world.keeper.keys;
    const file = fileOf(fileBase, 'state');
    const good = textOf(world, file);
    const before = dnskeys(world);
    world.disk.put(file, damage(good));
    const told = await look(world);
    assert.equal(told.filter((line) => line.includes(`restore ${file}`)).length, 1, told.join('\n'));
    assert.deepEqual(dnskeys(world), before);
    assert.equal((await look(world)).filter((line) => line.includes('restore')).length, 0, 'once');
    await goesOn(world);
    assert.equal(
      [...world.disk.files.keys()].filter((one) => /\/K.*\.key$/.test(one)).length,
      1,
      'no other key is made',
    );
    world.disk.put(file, good);
    await look(world);
    assert.equal(world.keeper.keys[0].state?.goal, 'omnipresent');
    await goesOn(world);
    assert.deepEqual(dnskeys(world), before);
  });

test('a pre-published key whose files vanish: its DNSKEY stays, the rollover waits, and the zone is signed on', async () => {
  const world = makeWorld({ policy: SPLIT });
  await world.keeper.start();
  await world.advance(59.95 * DAY);
  assert.equal(dnskeys(world).length, 3);
  const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
  const files = ['key', 'private', 'state'].map((kind) => fileOf(next.fileBase, kind));
  const texts = files.map((file) => textOf(world, file));
  for (const file of files) world.disk.remove(file);
  const told = await look(world);
  assert.ok(
    told.some(
      (line) => line.includes(`ECDSAP256SHA256 key ${next.tag}`) && line.includes('restore the files in /zones'),
    ),
    told.join('\n'),
  );
  await goesOn(world);
  files.forEach((file, i) => world.disk.put(file, texts[i]));
  await look(world);
  await world.advance(20 * DAY);
  assert.deepEqual(await faultsOf(world), []);
  assert.equal(dnskeys(world).length, 2, 'the rollover went on');
});

test('a signing key whose files vanish: nothing is signed until they are back, what is served stays, and then it goes on', async () => {
  const world = makeWorld({ policy: SPLIT });
  await world.keeper.start();
  const zsk = world.keeper.keys.find(({ flags }) => flags === 256)!;
  const file = fileOf(zsk.fileBase, 'key');
  const text = textOf(world, file);
  world.disk.remove(file);
  const before = world.keeper.read().serial;
  const told = await look(world);
  assert.ok(
    told.some((line) => line.includes('signing is suspended') && line.includes(`key ${zsk.tag}`)),
    told.join('\n'),
  );
  await edit(world, 2);
  assert.equal(world.keeper.read().serial, before);
  assert.deepEqual(await faultsOf(world), []);
  world.disk.put(file, text);
  await world.advance(60);
  assert.ok(world.keeper.read().serial > before);
  assert.deepEqual(await faultsOf(world), []);
});

test('a state that says more than the zone shows counts from the moment that the zone shows it', async () => {
  const world = makeWorld();
  await world.keeper.start();
  await world.keeper.stop();
  const [{ fileBase }] = world.keeper.keys;
  const disk = world.disk.afterCrash();
  // The signed zone of before is lost; another was put in its place that shows another key.
  const other = makeWorld({ seed: 8 });
  await other.keeper.start();
  await other.keeper.stop();
  const [foreign] = other.keeper.keys;
  for (const kind of ['key', 'private', 'state'])
    disk.put(`/zones/${foreign.fileBase}.${kind}`, textOf(other, fileOf(foreign.fileBase, kind)));
  for (const kind of ['', '.jnl']) {
    const octets = other.disk.read(`${FILE}.signed${kind}`);
    if (octets !== undefined) disk.put(`${FILE}.signed${kind}`, Buffer.from(octets).toString('latin1'));
  }
  const state = fileOf(fileBase, 'state');
  disk.put(state, textOf(world, state).replaceAll(/: rumoured$/gm, ': omnipresent'));
  const later = makeWorld({ disk, clock: world.clock });
  await later.advance(1000);
  await later.keeper.start();
  assert.deepEqual(await faultsOf(later), []);
  assert.ok(later.news().some((line) => line.includes('does not agree with the zone that is served')));
  const pair = later.keeper.keys.find((one) => one.fileBase === fileBase)!;
  assert.deepEqual([pair.state?.dnskey, pair.state?.dnskeyChange], ['rumoured', later.clock.now()]);
});

test('RFC 7583 section 3.2.1 a server that was down when the last signature of a retiring key was due counts its interval from its return', async () => {
  const world = makeWorld({ policy: SPLIT });
  await world.keeper.start();
  const old = world.keeper.keys.find(({ flags }) => flags === 256)!;
  await world.advance(60.1 * DAY);
  assert.equal(world.keeper.keys.find(({ tag }) => tag === old.tag)!.state?.zrrsig, 'unretentive');
  await world.keeper.stop();
  const disk = world.disk.afterCrash();
  // Nobody signs for longer than the whole interval, yet the old signatures are good for some time and are served.
  const away = SPLIT.signaturesValidity - SPLIT.signaturesRefresh + 2 * DAY;
  await world.clock.advance(away);
  const back = makeWorld({ disk, clock: world.clock, policy: SPLIT });
  await back.keeper.start();
  const now = world.clock.now();
  const state = back.keeper.keys.find(({ tag }) => tag === old.tag)!.state!;
  assert.equal(state.zrrsig, 'unretentive', 'caches may have got a signature of it a moment ago');
  assert.equal(dnskeys(back).length, 3);
  assert.deepEqual(await faultsOf(back), []);
  assert.ok(signatureSpan(back.keeper.read()).expiration > now);
  await back.advance(1.2 * DAY);
  assert.equal(dnskeys(back).length, 2);
  assert.deepEqual(await faultsOf(back), []);
});

test('a server that died between the publication of a ZSK swap and its states believes the zone, whatever the policy wants by then', async () => {
  const world = makeWorld({ policy: SPLIT });
  await world.keeper.start();
  await world.advance(59.95 * DAY);
  const next = world.keeper.keys.find(({ predecessor }) => predecessor !== undefined)!;
  const file = fileOf(next.fileBase, 'state');
  const old = world.keeper.keys.find(({ tag }) => tag === next.predecessor)!;
  const files = [file, fileOf(old.fileBase, 'state')];
  const before = files.map((one) => textOf(world, one));
  assert.match(before[0], /^ZRRSIGState: hidden$/m);
  await world.advance(0.06 * DAY);
  assert.match(textOf(world, file), /^ZRRSIGState: rumoured$/m);
  await world.keeper.stop();
  files.forEach((one, i) => world.disk.put(one, before[i]));
  await world.clock.advance(600);
  // The policy has no place for that key any more.
  const policy = { ...SPLIT, name: 'other', keys: [key('csk')] };
  const back = makeWorld({ disk: world.disk.afterCrash(), clock: world.clock, policy });
  await back.keeper.start();
  const { state } = back.keeper.keys.find(({ tag }) => tag === next.tag)!;
  assert.notEqual(state?.zrrsig, 'hidden');
  assert.equal(state?.zrrsigChange, back.clock.now());
  const gone = back.keeper.keys.find(({ tag }) => tag === old.tag)!.state;
  assert.deepEqual([gone?.zrrsig, gone?.zrrsigChange], ['unretentive', back.clock.now()]);
  assert.deepEqual(await faultsOf(back), []);
  await back.advance(3 * DAY);
  assert.deepEqual(await faultsOf(back), []);
});
