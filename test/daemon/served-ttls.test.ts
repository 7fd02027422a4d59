import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryLog } from '../../src/base/log.ts';
import { ServedTtls } from '../../src/daemon/served-ttls.ts';
import type { ServedTtl } from '../../src/policy/observations.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { FILE, makeWorld, zoneText, type World } from './keeper-fixture.ts';

/* RFC 7583 section 3.1: intervals count with the TTLs that caches hold, not with those that are served by now. */

const TTLS = `${FILE}.signed.ttls`;
const START = 1_800_000_000;

function open(disk: MemoryDisk, log = new MemoryLog()): ServedTtls {
  return new ServedTtls({ file: '/ttls', label: 'example/IN' }, { disk, log });
}

test('a TTL that is lowered is known until caches have lost it, over restarts too', () => {
  const disk = new MemoryDisk();
  const ttls = open(disk);
  assert.equal(ttls.serve('zone', 86_400, START), true);
  assert.equal(ttls.serve('zone', 300, START + 1000), false);
  assert.equal(ttls.serve('dnskey', 3600, START + 1000), true);
  ttls.save();
  const expected: ServedTtl[] = [
    { rrset: 'dnskey', ttl: 3600, until: undefined },
    { rrset: 'zone', ttl: 86_400, until: START + 1000 },
    { rrset: 'zone', ttl: 300, until: undefined },
  ];
  assert.deepEqual(open(disk).all, expected);
  const later = open(disk);
  later.serve('zone', 300, START + 1000 + 86_400 + 31 * 86_400);
  assert.deepEqual(
    later.all.filter(({ rrset }) => rrset === 'zone'),
    [{ rrset: 'zone', ttl: 300, until: undefined }],
  );
});

test('what is served by the same TTL or a longer one is shadowed; a file that did not change is not written', () => {
  const disk = new MemoryDisk();
  const ttls = open(disk);
  ttls.serve('zone', 300, START);
  ttls.serve('zone', 600, START + 10);
  assert.deepEqual(ttls.all, [{ rrset: 'zone', ttl: 600, until: undefined }]);
  ttls.save();
  const { changes } = disk;
  ttls.serve('zone', 600, START + 20);
  ttls.save();
  assert.equal(disk.changes, changes);
});

test('an unreadable line puts the file aside and is told with its number; the zone goes on', () => {
  for (const text of ['zone 300\n', 'zone 99999999999 now\n', '; x\nzone -1 now\n', 'mx 300 now\n', '\u0000']) {
    const disk = new MemoryDisk();
    disk.put('/ttls', text);
    const log = new MemoryLog();
    assert.deepEqual(open(disk, log).all, []);
    assert.match(log.records[0].text, /^zone example\/IN: \/ttls: line \d is not .* put aside as \/ttls\.unusable/);
    assert.ok(disk.facts('/ttls.unusable'));
  }
});

test('whatever was served, the longest that may be in caches is known, and the list stays short', () => {
  const step = fc.record({ ttl: fc.integer({ min: 0, max: 200_000 }), wait: fc.nat(40_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const disk = new MemoryDisk();
      let ttls = open(disk);
      let now = START;
      const served: { ttl: number; from: number; until: number }[] = [];
      for (const { ttl, wait } of steps) {
        ttls.serve('zone', ttl, now);
        ttls.save();
        served.push({ ttl, from: now, until: now + wait });
        now += wait;
        if (wait % 3 === 0) ttls = open(disk);
      }
      const { all } = ttls;
      assert.ok(all.length <= 33, `${all.length}`);
      for (const { ttl, until } of served) {
        // Some entry must say that a TTL at least as long was served as late.
        if (until + ttl <= now) continue;
        assert.ok(
          all.some((one) => one.ttl >= ttl && (one.until ?? Infinity) >= until),
          `${ttl} until ${until - START}`,
        );
      }
    }),
    { numRuns: 200 },
  );
});

function ttlsOf(world: World): string[] {
  return Buffer.from(world.disk.read(TTLS) ?? [])
    .toString('latin1')
    .trim()
    .split('\n')
    .slice(1)
    .filter((line) => !line.startsWith('signatures'));
}

test('the keeper notes the TTLs of zone and keys beside the signed file, and tells the history of the highest', async () => {
  const world = makeWorld({ policy: { ...DEFAULT_POLICY, dnskeyTtl: 900 } });
  world.disk.put(FILE, zoneText(1, 'long 7200 A 192.0.2.1'));
  await world.keeper.start();
  assert.deepEqual(ttlsOf(world), ['dnskey 900 now', 'zone 7200 now']);
  const begin = world.clock.now();
  await world.advance(1000);
  world.disk.put(FILE, zoneText(2, 'long 60 A 192.0.2.1'));
  world.keeper.requestReload();
  await world.keeper.idle();
  assert.deepEqual(ttlsOf(world), ['dnskey 900 now', `zone 7200 ${begin + 1000}`, 'zone 300 now']);
  const events = world.history.read({ kinds: ['ttl'], limit: 10 }).map(({ event }) => event);
  assert.deepEqual(
    events.map((event) => event.kind === 'ttl' && [event.rrset, event.ttl]),
    [
      ['zone', 7200],
      ['dnskey', 900],
    ],
  );
});

test('a process that dies at any instant of a lowered TTL does not forget the longer one that it served', async () => {
  for (let instant = 0; ; instant++) {
    const disk = new MemoryDisk();
    disk.put(FILE, zoneText(1, 'long 7200 A 192.0.2.1'));
    const world = makeWorld({ disk });
    await world.keeper.start();
    disk.changesUntilCrash = disk.changes + instant;
    disk.put(FILE, zoneText(2));
    world.keeper.requestReload();
    await world.keeper.idle();
    const isWhole = !disk.crashed;
    const after = makeWorld({ disk: disk.afterCrash(), clock: world.clock });
    await after.keeper.start();
    assert.match(ttlsOf(after).join('\n'), /^zone 7200 \d+$/m, `instant ${instant}`);
    assert.match(ttlsOf(after).join('\n'), /^zone 300 now$/m, `instant ${instant}`);
    if (isWhole) return;
  }
});

test('how long signatures of a retired key stay is known after the policy has changed', async () => {
  const world = makeWorld();
  await world.keeper.start();
  const begin = world.clock.now();
  await world.advance(3600);
  const policy = { ...DEFAULT_POLICY, signaturesValidity: 4 * 86_400, signaturesRefresh: 86_400 };
  world.keeper.reconfigure(world.keeper.zone, policy);
  await world.keeper.idle();
  const text = Buffer.from(world.disk.read(TTLS)!).toString('latin1');
  assert.match(text, new RegExp(`^signatures ${9 * 86_400} ${begin + 3600}$`, 'm'));
  assert.match(text, new RegExp(`^signatures ${3 * 86_400} now$`, 'm'));
});
