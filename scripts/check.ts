/** Types, import direction and form of the whole tree: what must hold before a test is worth running. */
import { spawnSync } from 'node:child_process';

const steps: readonly (readonly string[])[] = [
  ['tsc', '-b'],
  ['oxlint', '--type-aware', '--deny-warnings', '.'],
  ['prettier', '--check', '--log-level', 'warn', '.'],
];
for (const [command, ...options] of steps) {
  const { status, error } = spawnSync(`node_modules/.bin/${command}`, options, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${command} ${options.join(' ')} found faults`);
    process.exit(status ?? 1);
  }
}
