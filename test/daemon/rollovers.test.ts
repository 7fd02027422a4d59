import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import type { AskedParent, ParentAnswer } from '../../src/daemon/asked-parent.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { faultsOf, FILE, makeWorld, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';

/* Rollovers as the daemon carries them out: key files, zone, log and history while a simulated clock goes on. */

const HOUR = 3600;
const DAY = 86_400;

const line = (role: PolicyKey['role'], lifetime = 0, algorithm = 13): PolicyKey => ({
  role,
  lifetime,
  algorithm,
  bits: 256,
});

function policyOf(name: string, keys: readonly PolicyKey[], more: Partial<DnssecPolicy> = {}): DnssecPolicy {
  return { ...DEFAULT_POLICY, name, keys, ...more };
}

const SPLIT = policyOf('split', [line('ksk'), line('zsk', 60 * DAY)], { purgeKeys: 10 * DAY });

/** Types and tags of the signatures of zone data, and how many RRsets have none. */
function signers(world: World): Map<number, number> {
  const reader = world.keeper.read();
  const found = new Map<number, number>();
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      if (reader.type(rrset) === TYPE.DNSKEY) continue;
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        const tag = reader.signatureKeyTag(at);
        found.set(tag, (found.get(tag) ?? 0) + 1);
      }
    }
  return found;
}

function rdatas(world: World, type: number): Uint8Array[] {
  const reader = world.keeper.read();
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

const byTag = (world: World, tag: number): KeyPair => world.keeper.keys.find((key) => key.tag === tag)!;
const keyFiles = (world: World): string[] =>
  [...world.disk.files.keys()].filter((file) => /\/K.*\.(key|private|state)$/.test(file));

async function started(policy: DnssecPolicy): Promise<World> {
  const world = makeWorld({ policy });
  world.disk.put(FILE, zoneText(1, ...Array.from({ length: 6 }, (_, i) => `h${i} A 192.0.2.${i}`)));
  await world.keeper.start();
  return world;
}

/** Goes on in steps until it is there; the zone is whole all the time. */
async function until(world: World, what: string, most: number, isThere: () => boolean, step = 6 * HOUR): Promise<void> {
  const end = world.clock.now() + most;
  while (!isThere()) {
    if (world.clock.now() >= end)
      assert.fail(`it did not come to this: ${what}; ${world.news().slice(-20).join('\n')}`);
    await world.advance(step);
    const isSigned = rdatas(world, TYPE.DNSKEY).length > 0;
    const faults = isSigned ? await faultsOf(world) : [];
    assert.deepEqual(faults, [], `${what}: ${faults.join('\n')}`);
  }
}

async function withDs(world: World, tag: number, seen: 'published' | 'withdrawn'): Promise<void> {
  const request = { kind: 'checkds', seen, tag, algorithm: undefined, when: world.clock.now() } as const;
  assert.deepEqual(await world.keeper.requestKeyChange(request), { kind: 'done', tag });
  await world.keeper.idle();
}

test('S-070 S-082 RFC 7583 section 3.2.1: a ZSK rollover without a command: the next one is published, takes over bit by bit, and the old one is purged', async () => {
  const world = await started(SPLIT);
  const [first] = world.keeper.keys.filter((key) => key.flags === 256);
  await until(world, 'a second ZSK', 61 * DAY, () => world.keeper.keys.length === 3, HOUR);
  const next = world.keeper.keys.find((key) => key.flags === 256 && key.tag !== first.tag)!;
  assert.equal(next.predecessor, first.tag);
  assert.equal(byTag(world, first.tag).successor, next.tag);
  assert.equal(rdatas(world, TYPE.DNSKEY).length, 3);
  assert.equal(signers(world).get(next.tag), undefined);
  await until(world, 'the next one signs', 2 * DAY, () => signers(world).has(next.tag), HOUR);
  assert.equal(signers(world).get(next.tag), 1, 'the SOA alone');
  assert.equal(byTag(world, first.tag).state?.zrrsig, 'unretentive');
  const counts = new Set<number>();
  await until(
    world,
    'the old one has signed nothing any more',
    11 * DAY,
    () => {
      counts.add(signers(world).get(first.tag) ?? 0);
      return !signers(world).has(first.tag);
    },
    HOUR,
  );
  assert.ok(counts.size > 3, `it changes over in steps: ${[...counts].join(' ')}`);
  assert.equal(rdatas(world, TYPE.DNSKEY).length, 3, 'caches may have its signatures still');
  await until(world, 'the old DNSKEY is gone', 12 * DAY, () => rdatas(world, TYPE.DNSKEY).length === 2);
  await until(world, 'the old key is hidden', 3 * DAY, () => byTag(world, first.tag).state?.dnskey === 'hidden');
  assert.ok(keyFiles(world).some((file) => file.includes(first.fileBase)));
  await until(world, 'it is purged', 11 * DAY, () => !keyFiles(world).some((file) => file.includes(first.fileBase)));
  assert.equal(keyFiles(world).length, 6);
  const log = world.news();
  for (const part of ['retire', 'purge'])
    assert.ok(log.some((text) => text.startsWith(`keymgr: ${part} DNSKEY example/`)));
  const kinds = new Set(world.history.read({ key: first.fileBase, limit: 1000 }).map(({ event }) => event.kind));
  for (const kind of ['generate', 'state', 'goal', 'purge'] as const) assert.ok(kinds.has(kind), kind);
});

test('S-071 S-073 S-079 S-080 RFC 7583 section 3.3.2: a KSK rollover waits for the parent, names what it waits for, and goes on by the commands', async () => {
  const world = await started(policyOf('ksks', [line('ksk', 100 * DAY), line('zsk')]));
  const [first] = world.keeper.keys.filter((key) => key.flags === 257);
  await until(world, 'CDS', 4 * DAY, () => rdatas(world, TYPE.CDS).length === 1);
  await withDs(world, first.tag, 'published');
  await until(world, 'the next KSK', 100 * DAY, () => rdatas(world, TYPE.DNSKEY).length === 3);
  const next = world.keeper.keys.find((key) => key.flags === 257 && key.tag !== first.tag)!;
  await until(world, 'its CDS', 4 * DAY, () =>
    rdatas(world, TYPE.CDS).every((cds) => ((cds[0] << 8) | cds[1]) === next.tag),
  );
  world.news();
  await world.advance(60 * DAY);
  assert.equal(rdatas(world, TYPE.DNSKEY).length, 3, 'the old KSK stays as long as the parent has only its DS');
  assert.deepEqual(await faultsOf(world), []);
  assert.ok(world.keeper.waits.some(({ key, reason }) => key === next.fileBase && reason === 'ds not seen at parent'));
  await withDs(world, next.tag, 'published');
  await withDs(world, first.tag, 'withdrawn');
  await until(world, 'the old KSK is gone', 4 * DAY, () => rdatas(world, TYPE.DNSKEY).length === 2);
  assert.equal(byTag(world, first.tag).state?.ds, 'hidden');
});

test('S-083 S-084 a key of unlimited lifetime is rolled over on command, and a second command is refused with the reason', async () => {
  const world = await started(DEFAULT_POLICY);
  const [{ tag }] = world.keeper.keys;
  await until(world, 'CDS', 4 * DAY, () => rdatas(world, TYPE.CDS).length === 1);
  await withDs(world, tag, 'published');
  await world.advance(2 * DAY);
  const request = { kind: 'rollover', tag, algorithm: 13, when: world.clock.now() } as const;
  assert.deepEqual(await world.keeper.requestKeyChange(request), { kind: 'done', tag });
  await world.keeper.idle();
  assert.equal(world.keeper.keys.length, 2);
  const again = await world.keeper.requestKeyChange({ ...request, when: world.clock.now() });
  assert.equal(again.kind, 'refused');
  assert.match(again.kind === 'refused' ? again.text : '', /under way already, with key \d+ \(ECDSAP256SHA256\), CSK$/);
  const unclear = await world.keeper.requestKeyChange({
    ...request,
    kind: 'checkds',
    seen: 'published',
    tag: undefined,
    algorithm: undefined,
  });
  assert.equal(unclear.kind === 'ambiguous' && unclear.candidates.length, 2);
});

test('S-065 (part) S-087 (part) RFC 8078 section 4: insecure asks the parent to remove the DS, waits for it, and then takes all DNSSEC records away at once', async () => {
  const world = await started(SPLIT);
  const ksk = world.keeper.keys.find((key) => key.flags === 257)!;
  await until(world, 'CDS', 4 * DAY, () => rdatas(world, TYPE.CDS).length === 1);
  await withDs(world, ksk.tag, 'published');
  await world.advance(5 * DAY);
  world.keeper.reconfigure(zoneConfiguration({ policy: 'insecure' }), INSECURE_POLICY);
  await world.keeper.idle();
  assert.deepEqual(rdatas(world, TYPE.CDS), [Uint8Array.of(0, 0, 0, 0, 0)]);
  assert.deepEqual(rdatas(world, TYPE.CDNSKEY), [Uint8Array.of(0, 0, 3, 0, 0)]);
  assert.ok(world.news().some((text) => text === 'CDS (DELETE) for zone example is now published by policy insecure'));
  const before = world.clock.now();
  await until(world, 'a hundred days', 101 * DAY, () => world.clock.now() - before > 100 * DAY);
  assert.ok(rdatas(world, TYPE.DNSKEY).length > 0, 'signed while the parent has the DS');
  await withDs(world, ksk.tag, 'withdrawn');
  await until(world, 'unsigned', 20 * DAY, () => rdatas(world, TYPE.DNSKEY).length === 0);
  const { serial } = world.keeper.read();
  for (const type of [TYPE.CDS, TYPE.CDNSKEY, TYPE.NSEC, TYPE.NSEC3PARAM]) assert.deepEqual(rdatas(world, type), []);
  assert.equal(signers(world).size, 0);
  assert.ok(world.news().some((text) => text.includes('no DNSSEC record is left')));
  // What the operator writes from now on goes on from that serial, over restarts too.
  world.disk.put(FILE, zoneText(2, 'new A 192.0.2.77'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.equal(world.keeper.read().serial, serial + 1);
  await world.keeper.stop();
  const later = makeWorld({ disk: world.disk.afterCrash(), clock: world.clock, policy: INSECURE_POLICY });
  await later.keeper.start();
  assert.equal(later.keeper.read().serial, serial + 1);
  assert.equal(signers(later).size, 0);
  // And back: signed anew, with keys of its own.
  later.keeper.reconfigure(zoneConfiguration(), DEFAULT_POLICY);
  await later.keeper.idle();
  assert.deepEqual(await faultsOf(later), []);
  assert.equal(rdatas(later, TYPE.DNSKEY).length, 1);
});

test('S-089 (part) an algorithm rollover: both algorithms sign all as long as both are shown', async () => {
  const world = await started(DEFAULT_POLICY);
  const [{ tag }] = world.keeper.keys;
  await until(world, 'CDS', 4 * DAY, () => rdatas(world, TYPE.CDS).length === 1);
  await withDs(world, tag, 'published');
  await world.advance(3 * DAY);
  const policy = policyOf('other', [line('csk', 0, 15)]);
  world.keeper.reconfigure(zoneConfiguration({ policy: 'other' }), policy);
  await world.keeper.idle();
  const next = (): KeyPair | undefined => world.keeper.keys.find(({ algorithm }) => algorithm === 15);
  assert.ok(next());
  await until(world, 'CDS of the new one', 10 * DAY, () => rdatas(world, TYPE.CDS).some((cds) => cds[2] === 15));
  await withDs(world, next()!.tag, 'published');
  await withDs(world, tag, 'withdrawn');
  await until(
    world,
    'the old algorithm is gone',
    30 * DAY,
    () => rdatas(world, TYPE.DNSKEY).every((rdata) => rdata[3] === 15) && !signers(world).has(tag),
  );
  assert.deepEqual(await faultsOf(world), []);
});

test('S-161 (part) a parent that is asked: who waits is expected there, what it saw goes into the key files, and nobody is asked when nothing waits', async () => {
  const expected: string[] = [];
  const dsSeen = new Map<string, number>();
  let report: ParentAnswer[] = [];
  let changed = (): void => undefined;
  let isClosed = false;
  const askParent = (_zone: unknown, tell: () => void): AskedParent => {
    changed = tell;
    return {
      expect: (keys) => void expected.push(keys.map(({ name, awaits }) => `${name} ${awaits}`).join()),
      askNow: () => undefined,
      dsSeen,
      dsGone: new Map(),
      highestTtl: 7200,
      get report() {
        return report;
      },
      close: () => (isClosed = true),
    };
  };
  const zone = zoneConfiguration({ parent: { checkds: 'explicit', agents: [] } });
  const world = makeWorld({ zone, askParent });
  await world.keeper.start();
  assert.equal(expected.at(-1), '');
  await until(world, 'CDS', 4 * DAY, () => rdatas(world, TYPE.CDS).length === 1);
  const [{ tag, fileBase }] = world.keeper.keys;
  assert.equal(expected.at(-1), `example/ECDSAP256SHA256/${tag} (CSK) published`);
  const at = world.clock.now();
  const answer = (agent: string, has: boolean): ParentAnswer => ({
    agent,
    at,
    fault: undefined,
    has: new Map([[fileBase, has]]),
  });
  for (const last of [{ ...answer('192.0.2.2#53', false), fault: 'timed out' }, answer('192.0.2.2#53', false)])
    for (let again = 0; again < 2; again++) {
      report = [answer('192.0.2.1#53', true), last];
      changed();
      await world.keeper.idle();
    }
  const observed = world.history.read({ kinds: ['ds'], limit: 10 }).map(({ event }) => event);
  assert.deepEqual(
    observed.map((event) => event.kind === 'ds' && [event.agent, event.seen, event.key?.tag]),
    [
      ['192.0.2.1#53', 'present', tag],
      ['192.0.2.2#53', 'no answer', undefined],
      ['192.0.2.2#53', 'absent', tag],
    ],
  );
  const seen = world.clock.now() - 10;
  dsSeen.set(fileBase, seen);
  changed();
  await world.keeper.idle();
  assert.equal(expected.at(-1), '');
  assert.equal(world.keeper.keys[0].times.dsPublish, seen);
  const [{ times }] = new FileKeyStore({ directory: '/zones' }, world).list(world.keeper.apex).keys;
  assert.equal(times.dsPublish, seen);
  assert.match(Buffer.from(world.disk.read(`${FILE}.signed.ttls`)!).toString('latin1'), /^ds 7200 now$/m);
  await world.keeper.stop();
  assert.ok(isClosed);
});

test('S-089 (part) NSEC to NSEC3, other parameters, and back on a live zone: one version each, and a restart has it', async () => {
  const world = await started(DEFAULT_POLICY);
  const nsec3 = { iterations: 0, optOut: false, saltLength: 0 };
  const policies = [
    policyOf('nsec3', DEFAULT_POLICY.keys, { nsec3 }),
    policyOf('salted', DEFAULT_POLICY.keys, { nsec3: { ...nsec3, saltLength: 4 } }),
    policyOf('opt-out', DEFAULT_POLICY.keys, { nsec3: { ...nsec3, optOut: true } }),
    DEFAULT_POLICY,
  ];
  for (const policy of policies) {
    const { serial } = world.keeper.read();
    world.keeper.reconfigure(zoneConfiguration({ policy: policy.name }), policy);
    await world.keeper.idle();
    assert.equal(world.keeper.read().serial, serial + 1, policy.name);
    assert.equal(world.keeper.read().denial, policy.nsec3 === undefined ? 'nsec' : 'nsec3');
    assert.equal(rdatas(world, TYPE.NSEC).length, policy.nsec3 === undefined ? 1 : 0);
    assert.equal(rdatas(world, TYPE.NSEC3PARAM).length, policy.nsec3 === undefined ? 0 : 1);
    assert.deepEqual(await faultsOf(world), [], policy.name);
    const again = makeWorld({ disk: world.disk.afterCrash(), clock: new SimulatedClock(world.clock.now()), policy });
    await again.keeper.start();
    assert.equal(again.keeper.read().serial, serial + 1);
    assert.equal(again.keeper.read().recordCount, world.keeper.read().recordCount);
    assert.deepEqual(await faultsOf(again), []);
  }
  const changes = world.history.read({ kinds: ['policy'], limit: 10 }).map(({ event }) => event);
  assert.deepEqual(
    changes.map((event) => event.kind === 'policy' && `${event.from} ${event.to}`),
    ['default nsec3', 'nsec3 salted', 'salted opt-out', 'opt-out default'],
  );
});
