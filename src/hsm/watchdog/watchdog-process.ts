import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SystemClock } from '../../base/clock.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { NodeDisk } from '../../base/node-disk.ts';
import { loadProcessSecrets } from '../../base/process-secrets.ts';
import { processOutput } from '../../base/process-output.ts';
import { runDirectory } from '../state-directory.ts';
import { systemProcesses, type GuardedDevice } from './guarded-device.ts';
import { LocalWatchdog } from './local-watchdog.ts';
import { KeyringMemory, ProcessKeyMemory, type MasterKeyMemory } from './master-key.ts';
import { SimulatedSensors } from './sensors.ts';
import { watchdogSocket } from './start-watchdog.ts';
import { readRunRecord, writeRecord } from './watchdog-files.ts';
import { WatchdogServer } from './watchdog-server.ts';

/*
 * The process of one device's watchdog: `watchdog-process --state DIR --device N --memory "process" [--battery]`, started by
 * hsmd in a session of its own.
 *
 * It holds the master key, and for moments the keys that it wraps and unwraps. The buffers that it owns it overwrites; copies that
 * Node.js and its libraries made and freed it cannot reach. So after the master key was cleared it replaces its own image
 * (execve(2)): the kernel takes back every page that it ever had. It keeps its process id and is back on its socket at once.
 */

/** Milliseconds to wait for a watchdog of the same device that is just ending. */
const LOCK_WAIT = 2000;
/** Milliseconds between looks whether anybody can still reach it. */
const REACHABLE_EVERY = 5000;

const options = readOptions();
const name = `watchdog of device ${options.device}`;
const log: Log = {
  write: ({ severity, text }) => {
    try {
      processOutput.complain(`${new Date().toISOString()} ${severity}: ${text}\n`);
    } catch {
      // Whoever read the log has ended; the watchdog goes on.
    }
  },
};

try {
  await main();
} catch (cause) {
  const text = cause instanceof SignetError ? cause.message : ((cause as Error).stack ?? String(cause));
  log.write({ severity: 'critical', category: 'general', text: `${name}: ${text}` });
  process.exit(1);
}

async function main(): Promise<void> {
  process.title = `hsm-watchdog-${options.device}`;
  process.on('SIGHUP', () => undefined);
  const secrets = loadProcessSecrets();
  secrets.forbidDumps();
  const disk = new NodeDisk();
  const clock = new SystemClock();
  const socket = watchdogSocket(options.state, options.device);
  const run = runDirectory(options.state, disk);
  const runFile = path.join(run, `watchdog-${options.device}.json`);
  const lock = await takeLock(path.join(run, `watchdog-${options.device}.lock`), disk);

  const { sensors: readings, device } = readRunRecord(runFile, disk);
  const sensors = new SimulatedSensors(readings);
  let registered = device;
  const keepRun = (): void => {
    try {
      writeRecord(runFile, disk, { sensors: sensors.read(), device: registered });
    } catch (cause) {
      log.write({ severity: 'error', category: 'general', text: `${name}: ${(cause as Error).message}` });
    }
  };
  sensors.watch(keepRun);

  let server: WatchdogServer | undefined;
  let isRenewing = false;
  const renew = async (): Promise<void> => {
    if (isRenewing || server?.hasCarriedSecrets !== true) return;
    isRenewing = true;
    server.refuseMore();
    // Whoever asked for it gets its answer first.
    await new Promise((resolve) => setImmediate(resolve));
    await server[Symbol.asyncDispose]();
    const environment = process.env as Record<string, string>;
    process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], environment);
    throw new SignetError('EXECVE', 'this Node.js cannot replace its process image');
  };
  const memory = openMemory();
  if (memory instanceof ProcessKeyMemory && !memory.isLocked)
    log.write({ severity: 'warning', category: 'general', text: `${name}: the master key's memory cannot be kept from swap (mlock): allow it by RLIMIT_MEMLOCK, or encrypt swap` }); // prettier-ignore
  const watchdog = new LocalWatchdog(
    {
      name,
      recordFile: path.join(options.state, `tamper-${options.device}.json`),
      pid: process.pid,
      ...(device !== undefined && { device }),
    },
    {
      clock,
      disk,
      log,
      memory,
      sensors,
      processes: systemProcesses,
      onCleared: () => void renew().catch(endBadly),
      onRegistered: (one: GuardedDevice) => {
        registered = one;
        keepRun();
      },
    },
  );
  /** @param keepsKey one in the kernel's keyring stays for the watchdog after this one */
  const end = async (keepsKey: boolean): Promise<void> => {
    if (!keepsKey) memory.clear();
    await server?.[Symbol.asyncDispose]();
    await watchdog[Symbol.asyncDispose]();
    lock.release();
    process.exit(0);
  };
  server = new WatchdogServer({ socket }, { watchdog, disk, log, onEnd: () => void end(false).catch(endBadly) });
  await server.start();
  // A watchdog that nobody can reach any more, because its directory was taken away, keeps a key for nobody.
  const look = (): void => {
    if (isRenewing || disk.facts(socket) !== undefined) clock.after(REACHABLE_EVERY, look);
    else void end(false).catch(endBadly);
  };
  clock.after(REACHABLE_EVERY, look);
  process.on('SIGTERM', () => void end(options.battery).catch(endBadly));
  if (!options.battery) process.stdin.on('end', () => void end(false).catch(endBadly)).resume();

  function openMemory(): MasterKeyMemory {
    if (options.memory === 'process') return new ProcessKeyMemory(secrets);
    const kept = new KeyringMemory(secrets, `signet-hsm:${path.resolve(options.state)}:${options.device}`);
    // A kernel that refuses is to be known now, not when the key is entered.
    kept.isSet();
    return kept;
  }
}

/** Its memory may hold secrets: better no watchdog, which is started again, than that one. */
function endBadly(cause: unknown): never {
  log.write({ severity: 'critical', category: 'general', text: `${name}: ${(cause as Error).message}; it ends` });
  process.exit(1);
}

async function takeLock(file: string, disk: NodeDisk): Promise<{ release(): void }> {
  for (let waited = 0; ; waited += 50) {
    const lock = disk.lock(file);
    if (lock !== undefined) return lock;
    if (waited >= LOCK_WAIT)
      throw new SignetError('WATCHDOG_RUNS', `another watchdog of device ${options.device} runs (${file})`, { file });
    await pause(50);
  }
}

interface Options {
  readonly state: string;
  readonly device: number;
  readonly memory: 'process' | 'kernel keyring';
  readonly battery: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      device: { type: 'string' },
      memory: { type: 'string', default: 'process' },
      battery: { type: 'boolean', default: false },
    },
  });
  const { state, memory, battery } = values;
  const device = Number(values.device);
  if (state === undefined || !Number.isInteger(device) || device < 0 || !isMemory(memory)) {
    processOutput.complain(
      'usage: watchdog-process --state DIR --device N [--memory process|"kernel keyring"] [--battery]\n',
    );
    process.exit(2);
  }
  return { state, device, memory, battery };
}

function isMemory(value: string): value is Options['memory'] {
  return value === 'process' || value === 'kernel keyring';
}
