import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { keyStatusText } from '../../src/daemon/key-status.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { faultsOf, FILE, makeWorld, signatureSpan, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';

const DAY = 86_400;
const line = (role: PolicyKey['role'], lifetime = 0, algorithm = 13): PolicyKey => ({
  role,
  lifetime,
  algorithm,
  bits: 256,
});
const policyOf = (keys: readonly PolicyKey[], isManual = true): DnssecPolicy => ({
  ...DEFAULT_POLICY,
  name: 'p',
  keys,
  ...(isManual && { manualMode: true }),
});
const SPLIT = [line('ksk'), line('zsk', 60 * DAY)];

const dnskeys = ({ keeper }: World): string[] => {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  return rrset === 0 ? [] : reader.rdataAll(rrset).map((rdata) => Buffer.from(rdata).toString('hex'));
};
const states = ({ keeper }: World): string =>
  JSON.stringify(keeper.keys.map(({ fileBase, state }) => [fileBase, state]));
const blocks = (news: readonly string[]): string[] =>
  news.flatMap((text) => /keymgr-manual-mode: (.*)$/.exec(text)?.[1] ?? []);

async function step(world: World): Promise<readonly string[]> {
  const begun = await world.keeper.requestSteps();
  await world.keeper.idle();
  return begun;
}

test('S-062 (part) a zone without keys is served as it is written until an operator has its keys made', async () => {
  const world = makeWorld({ policy: policyOf(SPLIT) });
  await world.keeper.start();
  assert.deepEqual(dnskeys(world), []);
  const news = world.news();
  assert.deepEqual(new Set(blocks(news)), new Set(['block new key generation for zone example (policy p)']));
  assert.ok(
    news.some((text) => text.includes('rndc dnssec -step example')),
    news.join('\n'),
  );
  await world.advance(10 * DAY);
  assert.deepEqual(world.keeper.keys, []);
  assert.equal((await step(world)).length, 2);
  assert.equal(dnskeys(world).length, 2);
  assert.deepEqual(await faultsOf(world), []);
});

test('S-062 in manual mode nothing begins, log and status say which steps wait, and -step does exactly those', async () => {
  const world = makeWorld({ policy: policyOf(SPLIT, false) });
  await world.keeper.start();
  await world.advance(3 * DAY);
  const { keeper, disk } = world;
  keeper.reconfigure(zoneConfiguration(), policyOf(SPLIT));
  await keeper.idle();
  await world.advance(DAY);
  const [before, keys] = [dnskeys(world), states(world)];
  world.news();
  // The ZSK's lifetime ends: for half a year nothing begins, and the zone is signed on.
  for (let i = 0; i < 18; i++) {
    await world.advance(10 * DAY);
    assert.deepEqual(await faultsOf(world), []);
  }
  assert.ok(signatureSpan(keeper.read()).expiration > world.clock.now() + 4 * DAY);
  assert.deepEqual(dnskeys(world), before);
  disk.put(FILE, zoneText(2, 'new A 192.0.2.1'));
  keeper.requestReload();
  await keeper.idle();
  assert.deepEqual(await faultsOf(world), []);
  const told = blocks(world.news());
  const zsk = keeper.keys.find(({ flags }) => flags === 256)!;
  const rollover = `block ZSK rollover for key example/ECDSAP256SHA256/${zsk.tag} (policy p)`;
  assert.equal(told.filter((text) => text === rollover).length, 1, 'the log has it once');
  const statusText = (): string =>
    keyStatusText({ policy: keeper.policy!, zone: 'example', keys: keeper.keys, waits: keeper.waits, now: keeper.now });
  assert.match(statusText(), /ZSK: its rollover waits: manual step\n {4}to have it begin: rndc dnssec -step example/);
  assert.notEqual(keys, '');

  // The rollover begins; the next beginning waits again, though its time has come.
  await step(world);
  assert.equal(dnskeys(world).length, 3);
  world.news();
  await world.advance(20 * DAY);
  const successor = keeper.keys.find(({ predecessor }) => predecessor === zsk.tag)!;
  assert.equal(successor.state!.dnskey, 'omnipresent', 'time alone brings this');
  assert.equal(successor.state!.zrrsig, 'hidden');
  const next = `block transition ZSK example/ECDSAP256SHA256/${successor.tag} type ZRRSIG state HIDDEN to state RUMOURED`;
  assert.ok(blocks(world.news()).includes(next));
  const waiting = keeper.waits.filter(({ reason }) => reason === 'manual step');
  const was = new Map(keeper.keys.map(({ fileBase, state }) => [fileBase, state]));
  await step(world);
  for (const { fileBase, state } of keeper.keys)
    for (const record of ['dnskey', 'zrrsig', 'krrsig', 'ds'] as const) {
      const wait = waiting.find((one) => one.key === fileBase && one.record === record);
      assert.equal(state![record], wait?.to ?? was.get(fileBase)![record], `${fileBase} ${record}`);
    }
  // Step by step it comes to its end, and to rest.
  for (let i = 0; i < 12; i++) {
    await world.advance(10 * DAY);
    if (keeper.keys.find(({ tag }) => tag === zsk.tag)?.state?.dnskey === 'hidden') break;
    await step(world);
    assert.deepEqual(await faultsOf(world), []);
  }
  assert.equal(keeper.keys.find(({ tag }) => tag === zsk.tag)?.state?.dnskey, 'hidden');
});

test('S-062 (part) a policy that wants other keys waits, too, and so does going insecure', async () => {
  const world = makeWorld({ policy: policyOf([line('csk')], false) });
  await world.keeper.start();
  await world.advance(3 * DAY);
  const { keeper } = world;
  const [old] = keeper.keys;
  const when = keeper.now;
  await keeper.requestKeyChange({ kind: 'checkds', seen: 'published', tag: undefined, algorithm: undefined, when });
  await world.advance(3 * DAY);
  assert.equal(keeper.keys[0].state!.ds, 'omnipresent');
  for (const keys of [[line('csk', 0, 15)], []]) {
    world.news();
    keeper.reconfigure(zoneConfiguration(), policyOf(keys));
    await keeper.idle();
    await world.advance(20 * DAY);
    const told = blocks(world.news());
    assert.ok(told.includes(`block retire DNSKEY example/ECDSAP256SHA256/${old.tag} (CSK)`), told.join('\n'));
    assert.equal(told.includes('block new key generation for zone example (policy p)'), keys.length > 0);
    assert.equal(dnskeys(world).length, 1);
    assert.equal(cdsDeletes(world), false);
  }
  await step(world);
  const ds = `block transition CSK example/ECDSAP256SHA256/${old.tag} type DS state OMNIPRESENT to state UNRETENTIVE`;
  assert.ok(blocks(world.news()).includes(ds));
  assert.equal(cdsDeletes(world), false);
  await step(world);
  assert.ok(cdsDeletes(world), 'now the parent is asked to remove the DS');
  assert.deepEqual(await faultsOf(world), []);
});

function cdsDeletes({ keeper }: World): boolean {
  const reader = keeper.read();
  const rrset = reader.rrset(reader.apexNode, TYPE.CDS);
  return rrset !== 0 && reader.rdataAll(rrset).some((rdata) => rdata.length === 5);
}

test('S-062 (part) there is nothing to step where nothing waits', async () => {
  const world = makeWorld({ policy: policyOf(SPLIT, false) });
  await world.keeper.start();
  assert.deepEqual(await step(world), []);
  const before = states(world);
  await world.advance(61 * DAY);
  assert.notEqual(states(world), before, 'without manual-mode it goes by itself');
});
