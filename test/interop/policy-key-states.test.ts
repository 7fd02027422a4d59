import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { readConfiguration } from '../../src/conf/read-configuration.ts';
import { readStateFile } from '../../src/keys/state-file.ts';
import { plan } from '../../src/policy/plan.ts';
import type { PlannedState, PlannedTimes } from '../../src/policy/planned-key.ts';
import { SimulatedZone } from '../policy/simulated-zone.ts';

/*
 * Debian's named keeps zones by the same policies as our planner; the times and states that it writes are the judge.
 */

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-states-'));
after(() => fs.rmSync(directory, { recursive: true }));

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
const NAMES = ['default', 'split', 'rsa', 'two', 'distinct', 'endless', 'swift'];

interface SeenKey {
  readonly algorithm: number;
  readonly times: PlannedTimes;
  readonly state: PlannedState;
}

test('S-010 (part) S-024 S-041 keys of new zones have the times and states that BIND gives them', async () => {
  const policies = await prepare();
  const stop = start();
  try {
    await until(() => NAMES.every((name) => keysOf(name).length === policies.get(name)!.keys.length));
    // The swift policy's zone goes through its whole introduction: DNSKEY after 3 seconds, the rest after 6.
    await until(() => keysOf('swift').some(({ state }) => state.ds === 'rumoured'));
  } finally {
    await stop();
  }
  for (const name of NAMES) compare(name, policies.get(name)!);
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
  for (const [name, policy] of readPolicies()) {
    const keys = keysOf(name).map(({ algorithm, times, state }, i) => {
      const flags = state.ksk ? 257 : 256;
      return { id: `${name}${i}`, tag: i, algorithm, bits: state.length!, flags, times, state };
    });
    if (keys.length === 0) continue;
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
  const names = fs.readdirSync(directory).filter((file) => file.startsWith(prefix) && file.endsWith('.state'));
  // named may be writing: the goal is in the last line.
  const files = names.filter((file) => fs.readFileSync(path.join(directory, file), 'latin1').includes('GoalState: '));
  return files.map((file) => {
    const { state, times } = readStateFile(file, fs.readFileSync(path.join(directory, file)));
    return { algorithm: Number(file.slice(prefix.length, prefix.length + 3)), times, state };
  });
}

/** Writes configuration and zones, and reads the policies as we read them. */
async function prepare(): Promise<ReadonlyMap<string, DnssecPolicy>> {
  const zones = NAMES.map((name) => {
    fs.writeFileSync(
      path.join(directory, `${name}.db`),
      '$TTL 1\n@ SOA ns h 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n',
    );
    return `zone ${name}.example { type primary; file "${name}.db"; dnssec-policy ${name}; inline-signing yes; };`;
  });
  const options = `options { directory "${directory}"; listen-on port ${await freePort()} { 127.0.0.1; };
    listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; notify no; dnssec-validation no; };
    controls { };`;
  const file = path.join(directory, 'named.conf');
  fs.writeFileSync(file, `${options}\n${POLICIES}\n${zones.join('\n')}\n`);
  return readPolicies();
}

function readPolicies(): ReadonlyMap<string, DnssecPolicy> {
  const { configuration, faults } = readConfiguration(path.join(directory, 'named.conf'), new NodeDisk());
  assert.ok(configuration, faults.map(({ message }) => message).join('\n'));
  return configuration.policies;
}

/** Starts Debian's named; the result ends it and waits for its end. */
function start(): () => Promise<void> {
  const log = fs.openSync(path.join(directory, 'log'), 'w');
  const child = spawn('named', ['-g', '-c', path.join(directory, 'named.conf')], { stdio: ['ignore', log, log] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  return async () => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(kill);
    fs.closeSync(log);
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (condition()) return;
    await sleep(200);
  }
  assert.fail(`named did not get there:\n${fs.readFileSync(path.join(directory, 'log'), 'latin1').slice(-3000)}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
