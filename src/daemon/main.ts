/** The command `named`. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { SystemRandom } from '../base/random.ts';
import { giveBackMemory } from '../base/memory.ts';
import { loadSystemCalls } from '../base/system-calls.ts';
import { printDefaults } from '../conf/print-defaults.ts';
import type { KeyHistory } from '../history/key-history.ts';
import { launchInBackground, LAUNCHED, tellLauncher } from './background.ts';
import { DaemonLog } from './daemon-log.ts';
import { serverEvent } from './events.ts';
import { Named } from './named.ts';
import { type NamedOptions, readNamedOptions } from './options.ts';
import { findAccount } from './privileges.ts';
import { loadStatisticsHttp } from './statistics-channels.ts';
import { Threads } from './threads.ts';
import { buildText, productText } from './product.ts';

/** Under the working directory. */
const HISTORY_FILE = 'signet-history.sqlite';

/** Runs the command; resolves with its exit code when the server has ended. */
export async function main(argv: readonly string[]): Promise<number> {
  const commandLine = readNamedOptions(argv);
  switch (commandLine.kind) {
    case 'refused':
      process.stderr.write(commandLine.text);
      return 1;
    case 'version':
      process.stdout.write(`${productText()}\n`);
      return 0;
    case 'build information':
      process.stdout.write(buildText());
      return 0;
    case 'defaults':
      process.stdout.write(printDefaults());
      return 0;
    case 'run':
      return run(commandLine.options, argv);
  }
}

async function run(options: NamedOptions, argv: readonly string[]): Promise<number> {
  if (options.mode === 'background' && process.env[LAUNCHED] === undefined) {
    return launchInBackground(fileURLToPath(import.meta.url), argv);
  }
  // Nobody may be left to read what -g writes; that is no reason to stop serving.
  process.stderr.on('error', () => undefined);
  const disk = new NodeDisk();
  const systemCalls = loadSystemCalls();
  const log = new DaemonLog(
    { stderrOnly: options.mode === 'foreground-stderr', logFile: options.logFile, debugLevel: options.debugLevel },
    { disk, milliseconds: Date.now, stderr: (text) => void process.stderr.write(text), systemCalls: () => systemCalls },
  );
  try {
    // The user is looked up before the root changes: the new one may have no user database.
    const account = options.user === undefined ? undefined : findAccount(options.user);
    const dependencies = { disk, log, clock: new SystemClock(), random: new SystemRandom() };
    const threads = await Threads.start({ count: options.threads ?? availableParallelism() }, dependencies);
    // All threads run by now: in the new root there is no program to start more from.
    if (options.rootDirectory !== undefined) {
      // The configuration, which is in the new root, may want statistics channels.
      await loadStatisticsHttp();
      systemCalls.changeRoot(options.rootDirectory);
    }
    const openHistory = await loadHistory(process.env['SIGNET_HISTORY'], dependencies);
    const commandLine = ['named', ...argv].join(' ');
    const giveBack = (): void => giveBackMemory(systemCalls);
    const server = { ...dependencies, threads, giveBackMemory: giveBack, openHistory };
    return await serve(new Named({ ...options, account, commandLine }, server), log);
  } catch (error) {
    if (!(error instanceof SignetError)) throw error;
    process.stderr.write(`named: ${error.message}\n`);
    tellLauncher({ kind: 'failed', text: error.message });
    return 1;
  } finally {
    if (options.memoryStatistics) process.stdout.write(`${JSON.stringify(process.memoryUsage())}\n`);
    log.close();
  }
}

/**
 * What opens the history of keys once zones are signed. It is loaded now: a changed root has no modules.
 * @param file in the environment: a path, `none` for no history; undefined for the usual place, under the working directory
 */
async function loadHistory(
  file: string | undefined,
  dependencies: { readonly disk: NodeDisk; readonly clock: SystemClock; readonly log: DaemonLog },
): Promise<(() => KeyHistory) | undefined> {
  if (file === 'none') return undefined;
  const { SqliteHistory } = await import('../history/sqlite-history.ts');
  return () => SqliteHistory.open({ path: path.resolve(file ?? HISTORY_FILE) }, dependencies);
}

async function serve(named: Named, log: DaemonLog): Promise<number> {
  process.on('uncaughtException', (error) => {
    // A daemon has no standard error that anybody sees: the log must tell what ended it.
    log.write(serverEvent.fatal(`internal error, please report it: ${error.stack ?? error.message}`));
    log.write(serverEvent.exitingAfterError());
    process.exit(1);
  });
  process.on('SIGHUP', () => {
    log.write(serverEvent.hangUp());
    void named.reconfigure(true);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => named.shutDown(true));
  const failure = await named.start();
  if (failure !== undefined) {
    tellLauncher({ kind: 'failed', text: failure });
    return 1;
  }
  tellLauncher({ kind: 'running' });
  await named.ended;
  return 0;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
