import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { SimulatedZone } from './simulated-zone.ts';
import { SPLIT as POLICY } from './split-policy.ts';

/* Each interval of a policy moves the events it belongs to (RFC 7583 section 3), by what it is changed, and no others. */

const START = 1_795_250_000;
const DAY = 86_400;
/** Seconds after the start at which the DS is seen at the parent: after everything else. */
const DS_SEEN = 20 * DAY;

/** Name of an event to seconds after the start. */
type Events = Readonly<Record<string, number>>;

/** Goes from one event to the next, as the server does, and writes down when each happened. */
function eventsOf(policy: DnssecPolicy): Events {
  const zone = new SimulatedZone();
  let { nextEvent } = zone.run(policy, START).plan;
  while (nextEvent !== undefined && nextEvent < START + DS_SEEN) ({ nextEvent } = zone.run(policy, nextEvent).plan);
  const [ksk, zsk] = [zone.key('ksk'), zone.key('zsk')];
  const events: Record<string, number> = {
    'DNSKEY known': ksk.state!.dnskeyChange!,
    'signatures known': zsk.state!.zrrsigChange!,
    'CDS shown': ksk.state!.dsChange!,
    'CDS planned': ksk.times.syncPublish!,
    'ZSK retires': zsk.times.inactive!,
    'ZSK goes': zsk.times.delete!,
    'KSK retires': ksk.times.inactive!,
    'KSK goes': ksk.times.delete!,
  };
  const dsSeen = new Map([[ksk.id, START + DS_SEEN]]);
  ({ nextEvent } = zone.run(policy, START + DS_SEEN, { dsSeen }).plan);
  events['DS known'] = nextEvent!;
  zone.run(policy, nextEvent!);
  assert.equal(zone.key('ksk').state!.ds, 'omnipresent');
  return Object.fromEntries(Object.entries(events).map(([event, at]) => [event, at - START]));
}

/** What the option is changed by is what these events move by; the others stay. */
function assertMoves(option: keyof DnssecPolicy, events: readonly string[]): void {
  const before = eventsOf(POLICY);
  for (const change of [1, 1234, -77]) {
    const after = eventsOf({ ...POLICY, [option]: (POLICY[option] as number) + change });
    for (const [event, at] of Object.entries(before))
      assert.equal(after[event] - at, events.includes(event) ? change : 0, `${option}: ${event}, ${change}`);
  }
}

test('S-035 dnskey-ttl decides when the DNSKEY RRset is known', () => {
  // For CDS max-zone-ttl decides, which is longer by default.
  assertMoves('dnskeyTtl', ['DNSKEY known']);
});

test('S-055 publish-safety and retire-safety move their events by exactly the change, and no others', () => {
  assertMoves('publishSafety', ['DNSKEY known', 'CDS planned']);
  assertMoves('retireSafety', ['signatures known', 'CDS shown', 'DS known', 'ZSK goes', 'KSK goes']);
});

test('S-056 zone-propagation-delay and max-zone-ttl move their events by exactly the change, and no others', () => {
  const signed = ['signatures known', 'CDS shown', 'CDS planned', 'ZSK goes'];
  assertMoves('zonePropagationDelay', ['DNSKEY known', ...signed]);
  assertMoves('maxZoneTtl', signed);
});

test('S-057 (part) parent-ds-ttl and parent-propagation-delay move their events by exactly the change, and no others', () => {
  assertMoves('parentDsTtl', ['DS known', 'KSK goes']);
  assertMoves('parentPropagationDelay', ['DS known', 'KSK goes']);
});

test('S-055 the time that signatures take to be replaced counts for the end of a ZSK', () => {
  assertMoves('signaturesValidity', ['ZSK goes']);
});

test('S-042 (part) with lifetime unlimited no end of a key is ever planned', () => {
  const zone = new SimulatedZone();
  const policy = { ...POLICY, keys: POLICY.keys.map((key) => ({ ...key, lifetime: 0 })) };
  const years = Array.from({ length: 20 }, (_, year) => START + year * 365 * DAY);
  for (const now of years) {
    const { done } = zone.run(policy, now);
    assert.deepEqual(done.filter(({ kind }) => kind === 'generate').length, now === START ? 2 : 0);
    for (const { times, state } of zone.keys) {
      assert.deepEqual([times.inactive, times.delete, state?.lifetime], [undefined, undefined, 0]);
    }
  }
});
