import { parseArgs } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import type { CommandOutput } from '../../base/command-line.ts';
import type { Disk } from '../../base/disk.ts';
import { SENSOR_NAMES, type SensorValue } from './sensors.ts';
import { watchdogSocket } from './start-watchdog.ts';
import { WatchdogProcess } from './watchdog-process-client.ts';
import type { SensorName, SensorReadings, WatchdogStatus } from './watchdog.ts';

export const SENSOR_USAGE = `usage: hsmd sensor [--state DIR] DEVICE [SENSOR VALUE]
Shows what the simulated sensors of a device (0, 1, ..., or all) show, or lets one show something else from now on:
  light 0..65535        temperature -128..255     vibe N or X,Y,Z (-32768..32767)
  case open|closed      line low|ok               battery on|off           bus N (sensors that do not answer)
`;

export interface SensorCommandDependencies {
  readonly output: CommandOutput;
  readonly clock: Clock;
  readonly disk: Disk;
  /** Where the HSM is when --state does not say. */
  readonly defaultState: string;
}

/** Milliseconds to wait for a watchdog: after an event it makes itself anew, which takes seconds on a busy machine. */
const TIMEOUT = 15_000;

/** @param argv words after `hsmd sensor`; resolves to the exit code: 0, 1 (it could not be done), 2 (usage) */
export async function runSensorCommand(
  argv: readonly string[],
  dependencies: SensorCommandDependencies,
): Promise<number> {
  const { output } = dependencies;
  const wanted = readArguments(argv, dependencies.defaultState);
  if (typeof wanted === 'string') {
    output.complain(`${wanted === '' ? '' : `hsmd sensor: ${wanted}\n`}${SENSOR_USAGE}`);
    return 2;
  }
  const devices = wanted.device === 'all' ? devicesOf(wanted.state, dependencies.disk) : [wanted.device];
  if (devices.length === 0) output.complain(`hsmd sensor: no watchdog runs for ${wanted.state}: start hsmd, or name its directory with --state\n`); // prettier-ignore
  let code = devices.length === 0 ? 1 : 0;
  for (const device of devices) {
    const options = {
      name: `watchdog of device ${device}`,
      socket: watchdogSocket(wanted.state, device),
      timeout: TIMEOUT,
    };
    await using watchdog = new WatchdogProcess(options, { clock: dependencies.clock });
    try {
      if (wanted.change !== undefined) await watchdog.setSensor(wanted.change.name, wanted.change.value);
      output.print(describe(device, await watchdog.readSensors(), await watchdog.getStatus()));
    } catch (cause) {
      const running = devicesOf(wanted.state, dependencies.disk);
      const others = running.length === 0 || running.includes(device) ? '' : `; those that run are of device ${running.join(', ')}`; // prettier-ignore
      output.complain(`hsmd sensor: ${cause instanceof Error ? cause.message : String(cause)}${others}\n`);
      code = 1;
    }
  }
  return code;
}

interface Wanted {
  readonly state: string;
  readonly device: number | 'all';
  readonly change: { readonly name: SensorName; readonly value: SensorValue } | undefined;
}

/** What is wrong with the words is a text; empty: only the usage. */
function readArguments(argv: readonly string[], defaultState: string): Wanted | string {
  let state = defaultState;
  let words: string[];
  try {
    // A value may begin with a hyphen (temperature -20): only what comes before the device is an option.
    const first = argv.findIndex((word) => /^(\d+|all)$/.test(word));
    const parsed = parseArgs({
      args: argv.slice(0, first < 0 ? argv.length : first),
      options: { state: { type: 'string' } },
      allowPositionals: true,
    });
    state = parsed.values.state ?? defaultState;
    words = [...parsed.positionals, ...(first < 0 ? [] : argv.slice(first))];
  } catch (cause) {
    return (cause as Error).message;
  }
  const [device, name, text, ...more] = words;
  if (device === undefined) return '';
  if (!/^(\d{1,4}|all)$/.test(device)) return `${device} is no device: 0, 1, ..., or all`;
  if (more.length > 0) return `too many words: ${more.join(' ')}`;
  const of = { state, device: device === 'all' ? ('all' as const) : Number(device) };
  if (name === undefined) return { ...of, change: undefined };
  if (!isSensor(name)) return `there is no sensor ${name}: ${SENSOR_NAMES.join(', ')}`;
  if (text === undefined) return `what is ${name} to show?`;
  const value = valueOf(name, text);
  return value === undefined ? `${name} cannot show ${text}` : { ...of, change: { name, value } };
}

function isSensor(name: string): name is SensorName {
  return (SENSOR_NAMES as readonly string[]).includes(name);
}

const WORDS: Readonly<Partial<Record<SensorName, Readonly<Record<string, number>>>>> = {
  case: { open: 1, closed: 0 },
  line: { low: 1, ok: 0 },
  battery: { on: 1, off: 0 },
};

function valueOf(name: SensorName, text: string): SensorValue | undefined {
  const words = WORDS[name];
  if (words !== undefined && Object.hasOwn(words, text)) return words[text];
  if (/^-?\d{1,6}$/.test(text)) return Number(text);
  const axes = /^(-?\d{1,6}),(-?\d{1,6}),(-?\d{1,6})$/.exec(text);
  return axes === null ? undefined : { x: Number(axes[1]), y: Number(axes[2]), z: Number(axes[3]) };
}

function devicesOf(state: string, disk: Disk): number[] {
  const names = disk.list(watchdogSocket(state, 0).replace(/\/[^/]*$/, '')) ?? [];
  const numbers = names.flatMap((name) => /^watchdog-(\d+)\.sock$/.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((a, b) => a - b);
}

function describe(device: number, readings: SensorReadings, status: WatchdogStatus): string {
  const { light, temperature, vibe, isCaseOpen, isLineLow, isOnBattery, busFailures } = readings;
  const shown = [
    `light ${light}`,
    `temperature ${temperature}`,
    `vibe ${vibe.x},${vibe.y},${vibe.z}`,
    `case ${isCaseOpen ? 'open' : 'closed'}`,
    `line ${isLineLow ? 'low' : 'ok'}`,
    `battery ${isOnBattery ? 'on' : 'off'}`,
    `bus ${busFailures}`,
  ];
  const state = { ok: 'no tamper event', lasts: 'TAMPER event, it lasts', latched: 'TAMPER event, not reset yet' };
  return `device ${device}: ${shown.join(', ')}; ${status.isArmed ? 'armed' : 'not armed'}, ${state[status.tamper]}\n`;
}
