import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { parseHsmConf } from '../../../src/hsm/protocol/hsm-conf.ts';

test(
  'S-377 S-378 S-385 S-386 S-387 on a network with two HSMs findHSM finds both and writes the chosen one; who withdraws is not found',
  { timeout: 600_000 },
  (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-network-'));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const script = path.resolve(import.meta.dirname, 'network.ts');
    const { status, stdout, stderr } = spawnSync('unshare', ['-rn', process.execPath, script, directory], {
      encoding: 'utf8',
      timeout: 500_000,
    });
    assert.equal(status, 0, stderr);
    const seen = JSON.parse(stdout) as Record<'both' | 'withdrawn' | 'again' | 'conf', string> & {
      ready: string[];
      chosen: { status: number; stdout: string; stderr: string };
    };
    for (const index of [1, 2])
      for (const port of [8080, 8081])
        assert.match(seen.both, new RegExp(`serial 1000-000${index} {2}10\\.9\\.0\\.1${index} port ${port}`));
    const [fingerprint1, fingerprint2] = seen.ready.map((line) => line.replace('ready ', ''));
    assert.notEqual(fingerprint1, fingerprint2);
    assert.equal(seen.chosen.status, 0, seen.chosen.stderr);
    assert.ok(seen.chosen.stdout.includes(fingerprint2));
    const { cty, rpc, warnings } = parseHsmConf(seen.conf, 'hsm.conf');
    const one = { ip: '10.9.0.12', servername: 'dks-hsm', serial: '1000-0002', fingerprint: fingerprint2 };
    assert.deepEqual([cty, rpc, warnings], [{ ...one, port: 8081 }, { ...one, port: 8080 }, []]);
    assert.doesNotMatch(seen.withdrawn, /1000-0001/);
    assert.match(seen.again, /1000-0001/);
    assert.doesNotMatch(stderr, /cannot be announced/);
  },
);
