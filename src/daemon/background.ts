import { type ChildProcess, spawn } from 'node:child_process';

/** What the daemon tells the process that started it. */
export type LaunchMessage = { readonly kind: 'running' } | { readonly kind: 'failed'; readonly text: string };

/** Set in the daemon's environment: it must not start another one in the background. */
export const LAUNCHED = 'SIGNET_LAUNCHED';

/**
 * Starts this program again as a daemon (session of its own, no terminal) and waits until it serves.
 * @returns the exit code: 0 when it runs, 1 with the reason on standard error when it could not start
 */
export async function launchInBackground(entry: string, argv: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, entry, ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, [LAUNCHED]: '1' },
  });
  const outcome = await launchOutcome(child);
  if (outcome.kind === 'running') {
    child.disconnect();
    child.unref();
    return 0;
  }
  process.stderr.write(`named: ${outcome.text}\n`);
  return 1;
}

function launchOutcome(child: ChildProcess): Promise<LaunchMessage> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as LaunchMessage));
    child.once('error', (error) => resolve({ kind: 'failed', text: `cannot start the daemon: ${error.message}` }));
    child.once('exit', (code, signal) =>
      resolve({
        kind: 'failed',
        text: `the daemon ended while it started (${signal ?? `exit code ${code}`}): see its log`,
      }),
    );
  });
}

/** Tells the launching process, when there is one, and lets it go. */
export function tellLauncher(message: LaunchMessage): void {
  if (process.send === undefined) return;
  process.send(message, undefined, undefined, () => {
    if (process.connected) process.disconnect?.();
  });
}
