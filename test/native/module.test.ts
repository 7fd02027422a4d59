import assert from 'node:assert/strict';
import type { SpawnSyncReturns } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { type Build, compileShared, plainBuild, runWith, sanitizedBuild } from './builds.ts';

/* The Node-API side of native/udp, as it is built for use and under the sanitizers, in processes of its own. */

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-udp-module-'));
after(() => fs.rmSync(directory, { recursive: true }));

const failingCalls = compileShared(path.join(directory, 'failing-calls.so'), '-ldl', 'test/native/failing-calls.c');
const builds: readonly Build[] = [plainBuild(), sanitizedBuild(directory)];

/** Runs a program of programs.ts. */
function run(program: string, build: Build, fail = ''): SpawnSyncReturns<string> {
  const command = ['--expose-gc', path.join(import.meta.dirname, 'programs.ts'), program, build.file];
  return runWith(build, command, { libraries: [failingCalls], env: { FAIL: fail } });
}

for (const build of builds)
  describe(`native/udp in a process, ${build.name}`, () => {
    for (const program of ['throwing-handler', 'exit-in-handler', 'terminated-thread', 'collected'])
      test(program, () => {
        const { status, stderr } = run(program, build);
        assert.equal(status, 0, stderr);
      });

    for (const program of ['full-send-buffer', 'close-while-sending'])
      test(program, () => {
        const { status, stderr } = run(program, build, 'send');
        assert.equal(status, 0, stderr);
      });

    test('failing-socket', () => {
      const { status, stderr } = run('failing-socket', build, 'receive');
      assert.equal(status, 0, stderr);
    });

    test('dying-handler', () => {
      const { status, stderr } = run('dying-handler', build);
      assert.equal(status, 1);
      assert.match(stderr, /Error: a fault in the handler/);
    });
  });
