import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { readConfiguration } from '../../src/conf/read-configuration.ts';
import { readStateFile } from '../../src/keys/state-file.ts';
import { plan } from '../../src/policy/plan.ts';
import type { PlannedState, PlannedTimes } from '../../src/policy/planned-key.ts';
import { SimulatedZone } from '../policy/simulated-zone.ts';
import { KaspServer } from './kasp-server.ts';
import { MovedClock } from './moved-clock.ts';
import { temporaryDirectory } from './serve-peers.ts';

/*
 * Debian's named keeps zones by the same policies as our planner; the times and states that it writes are the judge.
 */

const START = 1_900_000_000;
const directory = temporaryDirectory();
const home = path.join(directory.path, 'named');
after(() => directory[Symbol.dispose]());

const POLICIES = `
dnssec-policy "split" { keys { ksk lifetime P1Y algorithm 13; zsk lifetime 60d algorithm 13; }; };
dnssec-policy "rsa" { keys { ksk lifetime unlimited algorithm 8; zsk lifetime 90d algorithm 8 1024; }; dnskey-ttl 600; };
dnssec-policy "two" { keys { csk lifetime P1Y algorithm 13; csk lifetime unlimited algorithm 15; }; };
dnssec-policy "distinct" { keys { ksk lifetime P1Y algorithm 13; zsk lifetime 60d algorithm 13; }; dnskey-ttl 50;
  publish-safety 11; retire-safety 19; zone-propagation-delay 2; max-zone-ttl 7; parent-ds-ttl 8;
  parent-propagation-delay 3; };
dnssec-policy "endless" { max-zone-ttl 0; };
dnssec-policy "swift" { keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; dnskey-ttl 1;
  publish-safety 1; retire-safety 4; zone-propagation-delay 1; max-zone-ttl 1; parent-ds-ttl 8; parent-propagation-delay 3; };
`;
/** No TTL is above the least max-zone-ttl. */
const DATA = '$TTL 1\n@ SOA ns h 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n';
const NAMES = ['default', 'split', 'rsa', 'two', 'distinct', 'endless', 'swift'];

interface SeenKey {
  readonly algorithm: number;
  readonly times: PlannedTimes;
  readonly state: PlannedState;
}

test('S-010 (part) S-024 S-041 keys of new zones have the times and states that BIND gives them', async () => {
  using clock = new MovedClock(START);
  fs.mkdirSync(home);
  for (const name of NAMES) fs.writeFileSync(path.join(home, `${name}.example.db`), DATA);
  const zones = new Map(NAMES.map((name) => [`${name}.example`, `dnssec-policy ${name};`] as const));
  await using server = await KaspServer.start(home, 'debian', { policies: POLICIES, zones });
  for (const zone of zones.keys()) await server.announced(zone);
  // The swift policy's zone goes through its whole introduction: DNSKEY after 3 seconds, the rest after 6.
  for (const seconds of [3, 6]) {
    assert.equal(server.nextEvent('swift.example'), START + seconds);
    clock.moveTo(START + seconds);
    await server.loadKeys('swift.example');
  }
  assert.ok(keysOf('swift').some(({ state }) => state.ds === 'rumoured'));
  const policies = readPolicies();
  for (const name of NAMES) {
    assert.equal(keysOf(name).length, policies.get(name)!.keys.length, name);
    compare(name, policies.get(name)!);
  }
});

/** What the planner makes of the zone, at the moments when BIND did something. */
function compare(name: string, policy: DnssecPolicy): void {
  const seen = keysOf(name);
  const first = Math.min(...seen.map(({ times }) => times.created ?? Number.NaN));
  const last = Math.max(...seen.flatMap(({ state }) => changesOf(state)));
  const zone = new SimulatedZone();
  let { nextEvent } = zone.run(policy, first).plan;
  while (nextEvent !== undefined && nextEvent <= last) ({ nextEvent } = zone.run(policy, nextEvent).plan);
  const planned = zone.keys.map(({ algorithm, times, state }) => ({ algorithm, times, state: state! }));
  assert.deepEqual(seen.toSorted(byRole), planned.toSorted(byRole), name);
}

test('keys that BIND left are taken as they are: nothing to do at the moment of the change', () => {
  const policies = readPolicies();
  for (const name of NAMES) {
    const policy = policies.get(name)!;
    const keys = keysOf(name).map(({ algorithm, times, state }, i) => {
      const flags = state.ksk ? 257 : 256;
      return { id: `${name}${i}`, tag: i, algorithm, bits: state.length!, flags, times, state };
    });
    assert.notEqual(keys.length, 0, name);
    const last = Math.max(...keys.flatMap(({ state }) => changesOf(state)));
    const { actions, publication } = plan(policy, keys, {}, last);
    assert.deepEqual(actions, [], name);
    assert.equal(publication.dnskey.length, keys.length, name);
  }
});

const changesOf = ({ dnskeyChange, zrrsigChange, krrsigChange, dsChange }: PlannedState): number[] =>
  [dnskeyChange, zrrsigChange, krrsigChange, dsChange].filter((time) => time !== undefined);

const byRole = (a: SeenKey, b: SeenKey): number =>
  a.algorithm - b.algorithm || Number(b.state.ksk) - Number(a.state.ksk) || Number(b.state.zsk) - Number(a.state.zsk);

function keysOf(name: string): SeenKey[] {
  const prefix = `K${name}.example.+`;
  const files = fs.readdirSync(home).filter((file) => file.startsWith(prefix) && file.endsWith('.state'));
  return files.map((file) => {
    const { state, times } = readStateFile(file, fs.readFileSync(path.join(home, file)));
    return { algorithm: Number(file.slice(prefix.length, prefix.length + 3)), times, state };
  });
}

/** The policies as we read them. */
function readPolicies(): ReadonlyMap<string, DnssecPolicy> {
  const { configuration, faults } = readConfiguration(path.join(home, 'named.conf'), new NodeDisk());
  assert.ok(configuration, faults.map(({ message }) => message).join('\n'));
  return configuration.policies;
}
