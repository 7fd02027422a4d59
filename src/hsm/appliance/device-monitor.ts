import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { DeviceStatus } from '../device/crypto-device.ts';
import type { WatchdogStatus } from '../watchdog/watchdog.ts';
import { applianceEvent } from './events.ts';
import type { DeviceSupervision, SupervisedDevice } from './parts.ts';

/** Milliseconds between two looks at each device; what a watchdog sees is told at once. */
const INTERVAL = 2000;

/** What is known of one device. */
export interface Monitored {
  readonly device: SupervisedDevice;
  readonly status: DeviceStatus | undefined;
  readonly watchdog: WatchdogStatus | undefined;
  /** The PIN of so is set; undefined: not known yet. */
  readonly isSoReady: boolean | undefined;
}

interface Entry {
  readonly device: SupervisedDevice;
  status: DeviceStatus | undefined;
  watchdog: WatchdogStatus | undefined;
  isSoReady: boolean | undefined;
  condition: SupervisedDevice['condition'];
  /** A look is under way; another one is wanted after it. */
  look: Promise<void> | undefined;
  isLookWanted: boolean;
  hadTrouble: boolean;
  /** How often the watchdog has told something by itself. */
  told: number;
}

/** Keeps the last word of each device and watchdog, and tells when one changes. */
export class DeviceMonitor implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #entries: readonly Entry[];
  readonly #ends: (() => void)[] = [];
  readonly #watchers = new Set<(index: number) => void>();
  #timer: Timer | undefined;
  #isEnded = false;

  constructor(supervision: DeviceSupervision, dependencies: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#entries = supervision.devices.map((device) => ({
      device,
      status: undefined,
      watchdog: undefined,
      isSoReady: undefined,
      condition: device.condition,
      look: undefined,
      isLookWanted: false,
      hadTrouble: false,
      told: 0,
    }));
    this.#ends.push(supervision.watch((index) => void this.refresh(index)));
    for (const [index, { device }] of this.#entries.entries())
      this.#ends.push(
        device.watchdog.watch((status) => {
          this.#entries[index].watchdog = status;
          this.#entries[index].told++;
          this.#tell(index);
          void this.refresh(index);
        }),
      );
    this.#tick();
  }

  get devices(): readonly Monitored[] {
    return this.#entries;
  }

  /** Looks at one device, or at all, now. Resolves when their words are in; never rejects. */
  async refresh(index?: number): Promise<void> {
    const entries = index === undefined ? this.#entries : [this.#entries[index]];
    await Promise.all(entries.map((entry) => this.#look(entry)));
  }

  watch(changed: (index: number) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    for (const end of this.#ends) end();
  }

  #tick(): void {
    if (this.#isEnded) return;
    void this.refresh();
    this.#timer = this.#clock.after(INTERVAL, () => this.#tick());
  }

  /** A look that begins while another is under way begins after it: its answer may be of before. */
  #look(entry: Entry): Promise<void> {
    if (entry.look !== undefined) {
      entry.isLookWanted = true;
      return entry.look;
    }
    entry.look = (async () => {
      do {
        entry.isLookWanted = false;
        await this.#askAll(entry);
      } while (entry.isLookWanted && !this.#isEnded);
      entry.look = undefined;
    })();
    return entry.look;
  }

  async #askAll(entry: Entry): Promise<void> {
    const { device, told } = entry;
    const isThere = device.condition === 'up' || device.condition === 'tampered';
    const [status, watchdog, pins] = await Promise.all([
      isThere ? settled(device.device.getStatus()) : { failed: `it is ${device.condition}` },
      settled(device.watchdog.getStatus()),
      isThere ? settled(device.device.readPins()) : { failed: `it is ${device.condition}` },
    ]);
    // Answers may be older than what the watchdog told meanwhile, an event or its reset: they are asked for again, which that has caused.
    if (this.#isEnded || entry.told !== told) return;
    entry.condition = device.condition;
    entry.status = 'value' in status ? status.value : undefined;
    entry.watchdog = 'value' in watchdog ? watchdog.value : undefined;
    if ('value' in pins)
      entry.isSoReady = pins.value.some((pin) => pin.partition === 0 && pin.role === 'so' && pin.hash !== undefined);
    const trouble = isThere && 'failed' in status ? status.failed : 'failed' in watchdog ? watchdog.failed : undefined;
    if (trouble !== undefined && !entry.hadTrouble) this.#log.write(applianceEvent.statusFailed(device.name, trouble));
    entry.hadTrouble = trouble !== undefined;
    this.#tell(device.index);
  }

  #tell(index: number): void {
    for (const changed of this.#watchers) changed(index);
  }
}

async function settled<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly failed: string }> {
  try {
    return { value: await work };
  } catch (error) {
    return { failed: (error as Error).message };
  }
}
