import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { daemonEvents, daemonLog, simulatedEvents } from './daemon-events.ts';
import type { DaemonRun, KeyEvent } from './daemon-events.ts';

/* Long lives of zones that nobody touches: the daemon's own zone keeper under a simulated clock, and a parent that follows CDS. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const START = Date.UTC(2027, 0, 1) / 1000;

const key = (role: PolicyKey['role'], lifetime: number): PolicyKey => ({ role, lifetime, algorithm: 13, bits: 256 });

const YEARLY: DnssecPolicy = { ...DEFAULT_POLICY, name: 'yearly', keys: [key('ksk', 365 * DAY), key('zsk', 60 * DAY)] };
const THREE_YEARS: DaemonRun = { policy: YEARLY, start: START, end: START + 3 * 365 * DAY };

/** dnskey-ttl, zone-propagation-delay and publish-safety of policy default: until a DNSKEY is known everywhere. */
const PREPUBLICATION = HOUR + 5 * MINUTE + HOUR;

test('S-017 three years of rollovers without a command: every action on a key and every signing names the policy', async () => {
  const log = await daemonLog(THREE_YEARS);
  const lines = log.filter(({ category }) => category === 'dnssec').map(({ text }) => text);
  const actions = {
    created: /^keymgr: DNSKEY \S+ \(.SK\) created for policy yearly$/,
    published: /^DNSKEY \S+ \(.SK\) is now published by policy yearly$/,
    active: /^DNSKEY \S+ \(.SK\) is now active by policy yearly$/,
    inactive: /^DNSKEY \S+ \(.SK\) is now inactive by policy yearly$/,
    retired: /^keymgr: retire DNSKEY \S+ \(.SK\) by policy yearly$/,
    deleted: /^DNSKEY \S+ \(.SK\) is now deleted by policy yearly$/,
    purged: /^keymgr: purge DNSKEY \S+ \(.SK\) according to policy yearly$/,
    offered: /^CDS for key \S+ is now published by policy yearly$/,
    signed: /: serial \d+ .*signatures made by policy yearly$/,
  };
  const counts = Object.fromEntries(
    Object.entries(actions).map(([name, pattern]) => [name, lines.filter((line) => pattern.test(line)).length]),
  );
  // 3 KSKs and 18 ZSKs have had their time; the next of each is there before it.
  assert.deepEqual([counts['created'], counts['published']], [4 + 19, 4 + 19]);
  assert.deepEqual([counts['retired'], counts['offered']], [3 + 18, 4]);
  assert.deepEqual([counts['inactive'], counts['deleted'], counts['purged']], [18, 20, 18]);
  assert.ok(counts['signed'] > 200);
  const others = lines.filter((line) => /\b(?:created|now|retire|purge|signatures made)\b/.test(line));
  assert.deepEqual(others.filter((line) => !line.endsWith('policy yearly')), []); // prettier-ignore
  assert.deepEqual(log.filter(({ severity }) => severity === 'error' || severity === 'warning'), []); // prettier-ignore
});

test('S-046 a KSK of a year and ZSKs of 60 days: each successor is published before the day, and takes over on it', async () => {
  const events = await daemonEvents(THREE_YEARS);
  const at = (name: string, what: string): number => {
    const found = events.find(([, who, how]: KeyEvent) => who === name && how === what);
    assert.ok(found, `${name} ${what}`);
    return found[0];
  };
  for (let i = 1; i <= 18; i++) {
    const day = i * 60 * DAY;
    assert.equal(at(`zsk #${i + 1}`, 'made'), day - PREPUBLICATION);
    assert.equal(at(`zsk #${i}`, 'zrrsig omnipresent -> unretentive'), day);
    assert.equal(at(`zsk #${i + 1}`, 'zrrsig hidden -> rumoured'), day);
  }
  for (let i = 1; i <= 2; i++) {
    const day = i * 365 * DAY;
    // The successor is known everywhere before its DS is asked for.
    assert.ok(at(`ksk #${i + 1}`, 'made') <= day - PREPUBLICATION);
    assert.ok(at(`ksk #${i + 1}`, 'made') > day - 10 * DAY);
    assert.ok(at(`ksk #${i}`, 'dnskey unretentive -> hidden') > day - PREPUBLICATION);
  }
});

test('S-029 more than 100 rollovers of ZSKs that live an hour: the daemon does what the simulation does, and no cache holds a mix that is bogus', async () => {
  const policy: DnssecPolicy = {
    ...DEFAULT_POLICY,
    name: 'hourly',
    keys: [key('ksk', 0), key('zsk', HOUR)],
    dnskeyTtl: 300,
    maxZoneTtl: 300,
    publishSafety: 60,
    retireSafety: 60,
    zonePropagationDelay: 60,
    parentDsTtl: 300,
    parentPropagationDelay: 60,
    signaturesValidity: 2 * HOUR,
    signaturesValidityDnskey: 2 * HOUR,
    signaturesRefresh: 100 * MINUTE,
    signaturesJitter: 0,
    purgeKeys: HOUR,
  };
  const run: DaemonRun = { policy, start: START, end: START + 104 * HOUR };
  const simulation = simulate({ ...NEW_ZONE, ...run });
  assert.ok(simulation.summary.rollovers.zsk >= 100, `${simulation.summary.rollovers.zsk} rollovers`);
  assert.deepEqual([simulation.dangers, simulation.stuck], [[], []]);
  assert.deepEqual(await daemonEvents(run), simulatedEvents(simulation));
});

const NEW_ZONE = { zone: 'example.', keys: [], asksParent: true, faults: [], policyChanges: [], rollovers: [] };
