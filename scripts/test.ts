/** `npm test`: types and form, then every test. `npm test -- wire interop/sign` runs the folders or files named. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

/** Milliseconds after which a test file is ended and has failed: one that hangs must not take the others with it. */
const LONGEST_FILE = 1_800_000;

const wanted = process.argv.slice(2);
const files = fs
  .globSync('test/**/*.test.ts')
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.startsWith(`test/${part}`)))
  .sort();
if (files.length === 0) {
  console.error(`no test file under test/ begins with: ${wanted.join(' ')}`);
  process.exit(2);
}

if (wanted.length === 0) run('scripts/check.ts', []);
// Programs of other makers run in test/interop; our own tests go first because they are quicker to fail.
const interop = files.filter((file) => file.startsWith('test/interop/'));
const own = files.filter((file) => !interop.includes(file));
let failed = false;
for (const [group, concurrency] of [
  [own, 2],
  [interop, 2],
] as const) {
  if (group.length === 0) continue;
  const options = [
    // As a URL: threads of what is tested load it too, wherever they stand.
    `--import=${new URL('../test/fixed-seed.ts', import.meta.url).href}`,
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${LONGEST_FILE}`,
    '--test-reporter=spec',
  ];
  const status = run('--test', [...options, ...group], true);
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);

function run(first: string, rest: readonly string[], goOn = false): number {
  const { status, error } = spawnSync(process.execPath, [first, ...rest], { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0 && !goOn) process.exit(status ?? 1);
  return status ?? 1;
}
