import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { builtModule, MODULE_FILE } from '../net/built-module.ts';

/* Builds of native/udp for tests: as it is, and under AddressSanitizer and UndefinedBehaviorSanitizer. */

const root = path.resolve(import.meta.dirname, '../..');
const headers = path.resolve(path.dirname(fs.realpathSync(process.execPath)), '../include/node');

export interface Build {
  readonly name: string;
  readonly file: string;
  /** For LD_PRELOAD. */
  readonly preload: readonly string[];
}

export function compileShared(output: string, flags: string, ...files: string[]): string {
  const sources = files.map((file) => path.join(root, file));
  execFileSync('gcc', ['-std=c11', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror', ...flags.split(' '), '-o', output, ...sources]); // prettier-ignore
  return output;
}

export function sanitizedBuild(directory: string): Build {
  const file = compileShared(
    path.join(directory, 'udp-sanitized.node'),
    `-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I${headers}`,
    'native/udp/module.c',
    'native/udp/datagrams.c',
    'native/udp/moderation.c',
  );
  const library = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  return { name: 'sanitized', file, preload: [library] };
}

export function plainBuild(): Build {
  builtModule();
  return { name: 'as it is', file: MODULE_FILE, preload: [] };
}

/** Runs a program in a process with the build. The runtime itself frees little when it ends: leaks are not looked for. */
export function runWith(
  { preload }: Build,
  program: readonly string[],
  options: { readonly libraries?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): SpawnSyncReturns<string> {
  const libraries = [...preload, ...(options.libraries ?? [])].join(' ');
  const env = { ...process.env, LD_PRELOAD: libraries, ASAN_OPTIONS: 'detect_leaks=0', ...options.env };
  // A test runner of its own inside a test: the outer one must not be told of its tests.
  delete (env as NodeJS.ProcessEnv)['NODE_TEST_CONTEXT'];
  return spawnSync(process.execPath, program, { env, encoding: 'utf8', timeout: 300_000 });
}
