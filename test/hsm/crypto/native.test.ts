import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { buildNative } from '../../../scripts/build-native.ts';
import { loadNativeKeys } from '../../../src/hsm/crypto/native-keys.ts';
import { type Build, compileShared, runWith } from '../../native/builds.ts';
import { builtNativeKeys, MODULE_FILE } from './built-engine.ts';

/* native/hsm as it is built for use and under AddressSanitizer and UndefinedBehaviorSanitizer, in processes of its own. */

const root = path.resolve(import.meta.dirname, '../../..');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-module-'));
after(() => fs.rmSync(directory, { recursive: true }));

const headers = path.resolve(path.dirname(fs.realpathSync(process.execPath)), '../include/node');

function sanitizedBuild(): Build {
  const file = compileShared(
    path.join(directory, 'hsm-sanitized.node'),
    `-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I${headers}`,
    ...['module.c', 'arguments.c', 'keys.c', 'hashsig.c', 'sockets.c'].map((name) => `native/hsm/${name}`),
  );
  const library = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  return { name: 'sanitized', file, preload: [library] };
}

builtNativeKeys();
const builds: readonly Build[] = [{ name: 'as it is', file: MODULE_FILE, preload: [] }, sanitizedBuild()];

for (const build of builds)
  describe(`native/hsm in a process, ${build.name}`, () => {
    const programs = ['fuzz', 'arguments', 'terminated-thread', 'exit-while-computing', 'sockets', 'socket-arguments'];
    // The sanitizer keeps what was freed for a while, so memory tells nothing there.
    if (build.preload.length === 0) programs.push('collected');
    for (const program of programs)
      test(program, () => {
        const command = ['--expose-gc', path.join(import.meta.dirname, 'native-programs.ts'), program, build.file];
        const { status, stderr, signal } = runWith(build, command);
        assert.equal(status, 0, `${signal} ${stderr}`);
      });
  });

test('the keys of the engine under the sanitizers', () => {
  const [, build] = builds;
  for (const file of ['standard-vectors.test.ts', 'key-der.test.ts']) {
    const command = ['--test', path.join(import.meta.dirname, file)];
    const { status, stdout, stderr } = runWith(build, command, { env: { SIGNET_TEST_HSM_MODULE: build.file } });
    assert.equal(status, 0, stdout + stderr);
  }
});

test('without a compiler, or without the module, a person learns what to do', () => {
  const built = buildNative({
    root,
    module: 'hsm',
    output: path.join(directory, 'x.node'),
    compiler: 'no-such-compiler',
  });
  assert.ok(!built.built);
  assert.match(built.reason, /no C compiler: no-such-compiler cannot be run/);
  assert.throws(() => loadNativeKeys(path.join(directory, 'none.node')), {
    code: 'HAL_CORE_NOT_FOUND',
    message: /none\.node, but it does not exist; install a C compiler .*npm rebuild signet/,
  });
  const broken = path.join(directory, 'broken.node');
  fs.writeFileSync(broken, 'no library');
  assert.throws(() => loadNativeKeys(broken), { code: 'HAL_CORE_NOT_FOUND', message: /it cannot be loaded/ });
});
