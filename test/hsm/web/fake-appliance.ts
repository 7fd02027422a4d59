import type { Appliance, ApplianceState, DeviceState } from '../../../src/hsm/appliance/appliance.ts';
import { ledsOf, type LedFacts } from '../../../src/hsm/appliance/leds.ts';
import type { WatchdogStatus } from '../../../src/hsm/watchdog/watchdog.ts';

export const IDENTITY = { serial: '1000-0002', version: '2026-11-21-01 - 1.2.3.4', servername: 'dks-hsm' };

const FACTS: LedFacts = {
  stage: 'ready',
  devices: 2,
  devicesUp: 2,
  watchdogsUp: 2,
  isTampered: false,
  isFlashing: false,
};

const WATCHDOG: WatchdogStatus = {
  pid: 4242,
  masterKey: 'set',
  tamper: 'ok',
  isArmed: true,
  enabledSensors: 255,
  thresholds: { light: 512, 'temperature low': 0, 'temperature high': 70, vibe: 1024, battery: 0 },
  faults: [],
  keptIn: 'process',
};

export function device(index: number, changes: Partial<DeviceState> = {}): DeviceState {
  return {
    index,
    name: `device ${index}`,
    condition: 'up',
    text: 'Active - Ready',
    status: {
      serial: `1000-0002-${index}`,
      version: '2026-11-21-01',
      pid: 4300 + index,
      masterKey: 'set',
      isTampered: false,
      tokenKeys: 1204,
      volatileKeys: 3,
      logins: 2,
      hasDefaultPin: false,
      operations: { sign: 1_234_567 + index, verify: 12, generate: 5, match: 0 },
      cores: [{ name: 'openssl', version: '3.5.8' }],
    },
    watchdog: WATCHDOG,
    busy: index,
    ...changes,
  };
}

const tamperedWatchdog: WatchdogStatus = {
  ...WATCHDOG,
  masterKey: 'not set',
  tamper: 'lasts',
  faults: [{ sensor: 'case', bit: 8, value: 1, at: 1_800_000_000 }],
};

function state(facts: Partial<LedFacts>, changes: Partial<ApplianceState> = {}): ApplianceState {
  const all = { ...FACTS, ...facts };
  return {
    stage: all.stage,
    leds: ledsOf(all),
    isLocked: false,
    whyLocked: [],
    troubles: [],
    devices: [device(0), device(1)],
    address: '10.1.10.194',
    ports: { rpc: 8080, console: 8081, web: 80 },
    fingerprint: Array.from({ length: 32 }, (_, i) => (i * 7 + 16).toString(16).padStart(2, '0').slice(-2)).join(':'),
    since: 12,
    ...changes,
  };
}

const down = (index: number): DeviceState =>
  device(index, { condition: 'down', text: 'Device failure. Try restarting the HSM.', status: undefined, watchdog: undefined }); // prettier-ignore
const starting = (index: number): DeviceState =>
  device(index, { condition: 'starting', text: 'Device not ready', status: undefined, watchdog: undefined });
const locked = 'The HSM must be unlocked. Please login using the setup console.';

/** Every state of the lights in the Diamond-HSM manual, section 5, and those its software adds, by what the page calls it. */
export const STATES: Readonly<Record<string, ApplianceState>> = {
  'power-on': state({ stage: 'power on', devicesUp: 0 }, { address: undefined, isLocked: true, devices: [starting(0), starting(1)] }), // prettier-ignore
  network: state({ stage: 'network', devicesUp: 0 }, { address: undefined, devices: [starting(0), starting(1)] }),
  probing: state({ stage: 'probing', devicesUp: 0 }, { devices: [starting(0), starting(1)] }),
  starting: state({ stage: 'starting' }),
  locked: state(
    {},
    {
      isLocked: true,
      whyLocked: [
        'Nobody has logged in since the HSM was started: log in as wheel at the console (dks_setup_console).',
        'Device 1 has no master key: enter it at the console (masterkey set).',
      ],
      devices: [device(0, { text: locked }), device(1, { text: locked })],
    },
  ),
  ready: state({}),
  'one-device': state({ devicesUp: 1 }, { devices: [device(0), down(1)] }),
  'no-device': state({ devicesUp: 0 }, { devices: [down(0), down(1)], isLocked: true }),
  'no-watchdog': state({ watchdogsUp: 0 }, { devices: [device(0, { watchdog: undefined }), device(1, { watchdog: undefined })] }), // prettier-ignore
  tamper: state(
    { isTampered: true },
    {
      isLocked: true,
      whyLocked: ['Device 0 saw a tamper event (case): the master key was cleared. Reset it at the console (tamper reset), then enter the master key.'], // prettier-ignore
      devices: [
        device(0, { condition: 'tampered', text: 'ERROR - Tamper detected', watchdog: tamperedWatchdog }),
        device(1),
      ],
    },
  ),
  'shut-down': state({ stage: 'shut down', devicesUp: 0 }, { devices: [], isLocked: true }),
};

/** An appliance whose state a test sets. */
export class FakeAppliance implements Pick<Appliance, 'identity' | 'getState' | 'watch'> {
  readonly identity = IDENTITY;
  readonly watchers = new Set<(state: ApplianceState) => void>();
  #state: ApplianceState;

  constructor(initial: ApplianceState = STATES['ready']) {
    this.#state = initial;
  }

  openConsole(): never {
    throw new Error('the status page has no console');
  }

  getState(): ApplianceState {
    return this.#state;
  }

  watch(changed: (state: ApplianceState) => void): () => void {
    this.watchers.add(changed);
    return () => void this.watchers.delete(changed);
  }

  show(next: ApplianceState): void {
    this.#state = next;
    for (const changed of this.watchers) changed(next);
  }
}
