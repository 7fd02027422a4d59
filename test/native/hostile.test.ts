import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { plainBuild, runWith, sanitizedBuild } from './builds.ts';

/* Wrong arguments, threads that end at bad moments, sockets that come and go; and the suites of test/net with the
   sanitizers in the module. */

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-udp-hostile-'));
after(() => fs.rmSync(directory, { recursive: true }));

/** As for property tests: the same cases each time, and others by SIGNET_SEED. */
const seed = process.env['SIGNET_SEED'] ?? '7583';

const PROGRAMS = [
  'arguments',
  'buffers',
  'socket-to-thread',
  'two-threads',
  'terminated-in-handler',
  'ended-by-handler',
  'cycles',
];
const sanitized = sanitizedBuild(directory);

for (const build of [plainBuild(), sanitized])
  describe(`native/udp in hostile hands, ${build.name}`, () => {
    for (const program of PROGRAMS)
      test(program, () => {
        const file = path.join(import.meta.dirname, 'hostile-programs.ts');
        const { status, signal, stderr } = runWith(build, ['--expose-gc', file, program, build.file, seed]);
        assert.deepEqual({ status, signal }, { status: 0, signal: null }, `seed ${seed}\n${stderr}`);
      });
  });

describe('native/udp, the suites of test/net, sanitized', () => {
  for (const suite of ['native-endpoint.test.ts', 'native-endpoints.test.ts'])
    test(suite, () => {
      const program = ['--test-reporter=tap', '--test-name-pattern=/UDP|Udp|udp/', path.join('test/net', suite)];
      const { status, stdout, stderr } = runWith(sanitized, program, {
        env: { SIGNET_TEST_UDP_MODULE: sanitized.file },
      });
      assert.equal(status, 0, `${stdout}${stderr}`);
      const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0);
      assert.ok(passed >= 10, `only ${passed} tests ran:\n${stdout}`);
    });
});
