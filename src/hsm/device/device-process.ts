import { parseArgs } from 'node:util';
import { SystemClock } from '../../base/clock.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { MemoryScrubber } from '../../base/memory-scrubber.ts';
import { NodeDisk } from '../../base/node-disk.ts';
import { processOutput } from '../../base/process-output.ts';
import { loadProcessSecrets } from '../../base/process-secrets.ts';
import { SystemRandom } from '../../base/random.ts';
import { loadSystemCalls } from '../../base/system-calls.ts';
import { loadNativeKeys } from '../crypto/native-keys.ts';
import { OpensslEngine } from '../crypto/openssl-engine.ts';
import { TestedRandom } from '../crypto/tested-random.ts';
import { runDirectory } from '../state-directory.ts';
import { watchdogSocket } from '../watchdog/start-watchdog.ts';
import { WatchdogProcess } from '../watchdog/watchdog-process-client.ts';
import { DeviceServer } from './device-server.ts';
import { LocalDevice } from './local-device.ts';
import type { ScryptCost } from './pin-hash.ts';
import { deviceLock, deviceSocket, keystoreFile } from './start-device.ts';

/*
 * The process of one crypto device: `device-process --state DIR --device N [--scrypt ln,r,p] [--module FILE]`, started by hsmd, and ended by the end of its standard input.
 *
 * It holds unwrapped keys while they are in use, in OpenSSL's memory, and the key of the keystore's proofs. On tamper its watchdog
 * kills it, whatever it is doing; the kernel then takes its memory back.
 */

/** Milliseconds that the watchdog has to answer at the start. */
const WATCHDOG_WAIT = 20_000;
/** Milliseconds between looks at the watchdog: it may go away, and its key with it. */
const WATCHDOG_POLL = 1000;

const options = readOptions();
const name = `device ${options.device}`;
const log: Log = {
  write: ({ severity, text }) => {
    const line = text.startsWith(name) ? text : `${name}: ${text}`;
    processOutput.complain(`${new Date().toISOString()} ${severity}: ${line}\n`);
  },
};

try {
  await main();
} catch (cause) {
  endBadly(cause);
}

async function main(): Promise<void> {
  process.title = `hsm-device-${options.device}`;
  process.umask(0o077);
  // The console's Ctrl-C goes to all processes of the terminal: hsmd ends us in order.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  loadProcessSecrets().forbidDumps();
  const disk = new NodeDisk();
  runDirectory(options.state, disk);
  const lock = disk.lock(deviceLock(options.state, options.device));
  if (!lock) throw new SignetError('DEVICE_RUNS', `another process is ${name} already: one device, one process`);
  const clock = new SystemClock();
  const random = new TestedRandom(new SystemRandom());
  const native = loadNativeKeys(options.module);
  const engine = new OpensslEngine({ native, random });

  const watchdog = new WatchdogProcess(
    { name: `watchdog of ${name}`, socket: watchdogSocket(options.state, options.device) },
    { clock },
  );
  await watchdog.connect(WATCHDOG_WAIT);
  // Before there is a key in this process: from now on a tamper event ends it.
  await watchdog.registerDevice(process.pid);

  const device = await LocalDevice.open(
    {
      name,
      keystore: keystoreFile(options.state, options.device),
      scrypt: options.scrypt,
      pid: process.pid,
    },
    { engine, watchdog, clock, random, log },
  );
  // PINs and keys come at any time here: what is freed is overwritten always.
  const { overwriteFreed, trimHeap } = loadSystemCalls();
  overwriteFreed(true);
  const scrubber = new MemoryScrubber({ clock, heap: { trimHeap, overwriteFreed: () => undefined } });
  const server = new DeviceServer(
    { socket: deviceSocket(options.state, options.device) },
    { device, sockets: native.sockets, log, onSecret: () => scrubber.soon() },
  );
  await server.start();
  pollWatchdog(device);

  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    server[Symbol.asyncDispose]()
      .then(() => device[Symbol.asyncDispose]())
      .then(() => {
        lock.release();
        process.exit(0);
      })
      .catch(endBadly);
  };
  process.on('SIGTERM', end);
  process.stdin.on('end', end).on('error', end).resume();
}

function pollWatchdog(device: LocalDevice): void {
  let isSilent = false;
  const poll = async (): Promise<void> => {
    try {
      await device.pollWatchdog();
      isSilent = false;
    } catch (fault) {
      if (!isSilent) log.write({ severity: 'error', category: 'hsm', text: (fault as Error).message });
      isSilent = true;
    }
    setTimeout(() => void poll(), WATCHDOG_POLL).unref();
  };
  setTimeout(() => void poll(), WATCHDOG_POLL).unref();
}

function endBadly(cause: unknown): never {
  const text = cause instanceof SignetError ? cause.message : cause instanceof Error ? cause.stack : String(cause);
  log.write({ severity: 'critical', category: 'hsm', text: `it cannot go on: ${text}` });
  process.exit(1);
}

interface Options {
  readonly state: string;
  readonly device: number;
  readonly scrypt: ScryptCost | undefined;
  /** The native module it computes with; undefined: the one beside. */
  readonly module: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      device: { type: 'string' },
      scrypt: { type: 'string' },
      module: { type: 'string' },
    },
  });
  const device = Number(values.device);
  const cost = values.scrypt?.split(',').map(Number);
  const isCost = cost === undefined || (cost.length === 3 && cost.every((n) => Number.isInteger(n) && n > 0));
  if (values.state === undefined || !Number.isInteger(device) || device < 0 || !isCost) {
    processOutput.complain('usage: device-process --state DIR --device N [--scrypt ln,r,p] [--module FILE]\n');
    process.exit(2);
  }
  const scrypt = cost && { logN: cost[0], r: cost[1], p: cost[2] };
  return { state: values.state, device, scrypt, module: values.module };
}
