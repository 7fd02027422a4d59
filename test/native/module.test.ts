import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { MODULE_FILE, builtModule } from '../net/built-module.ts';

/* The Node-API side of native/udp, as it is built for use and under the sanitizers, in processes of its own. */

const root = path.resolve(import.meta.dirname, '../..');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-udp-module-'));
after(() => fs.rmSync(directory, { recursive: true }));

function compile(output: string, flags: string, ...files: string[]): string {
  const to = path.join(directory, output);
  const sources = files.map((file) => path.join(root, file));
  execFileSync('gcc', ['-std=c11', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror', ...flags.split(' '), '-o', to, ...sources]); // prettier-ignore
  return to;
}

const headers = path.resolve(path.dirname(fs.realpathSync(process.execPath)), '../include/node');
const failingCalls = compile('failing-calls.so', '-ldl', 'test/native/failing-calls.c');
const sanitized = compile(
  'udp-sanitized.node',
  `-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I${headers}`,
  'native/udp/module.c',
  'native/udp/datagrams.c',
);
const sanitizer = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
builtModule();

interface Built {
  readonly name: string;
  readonly file: string;
  readonly preload: readonly string[];
}

const builds: readonly Built[] = [
  { name: 'as it is', file: MODULE_FILE, preload: [] },
  { name: 'sanitized', file: sanitized, preload: [sanitizer] },
];

/** Runs a program of programs.ts. The runtime itself frees little when it ends: leaks are not looked for. */
function run(program: string, { file, preload }: Built, fail = ''): ReturnType<typeof spawnSync> {
  const libraries = [...preload, failingCalls].join(' ');
  const env = { ...process.env, LD_PRELOAD: libraries, FAIL: fail, ASAN_OPTIONS: 'detect_leaks=0' };
  const options = ['--expose-gc', path.join(import.meta.dirname, 'programs.ts'), program, file];
  return spawnSync(process.execPath, options, { env, encoding: 'utf8', timeout: 60_000 });
}

for (const build of builds)
  describe(`native/udp in a process, ${build.name}`, () => {
    for (const program of ['throwing-handler', 'exit-in-handler', 'terminated-thread', 'collected'])
      test(program, () => {
        const { status, stderr } = run(program, build);
        assert.equal(status, 0, String(stderr));
      });

    for (const program of ['full-send-buffer', 'close-while-sending'])
      test(program, () => {
        const { status, stderr } = run(program, build, 'send');
        assert.equal(status, 0, String(stderr));
      });

    test('failing-socket', () => {
      const { status, stderr } = run('failing-socket', build, 'receive');
      assert.equal(status, 0, String(stderr));
    });

    test('dying-handler', () => {
      const { status, stderr } = run('dying-handler', build);
      assert.equal(status, 1);
      assert.match(String(stderr), /Error: a fault in the handler/);
    });
  });
