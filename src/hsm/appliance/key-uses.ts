import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { applianceEvent } from './events.ts';
import type { DeviceSupervision } from './parts.ts';

/** Milliseconds between two collections: how often a key was used is told for that long together. */
const INTERVAL = 60_000;

/** Brings the counts of key uses from the devices to the audit log. */
export class KeyUseCollector implements AsyncDisposable {
  readonly #supervision: DeviceSupervision;
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | undefined;
  /** Signatures that could not be recorded yet, by device and key. */
  readonly #unrecorded = new Map<string, Map<string, number>>();

  constructor(dependencies: {
    readonly supervision: DeviceSupervision;
    readonly audit: AuditLog;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#supervision = dependencies.supervision;
    this.#audit = dependencies.audit;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#schedule();
  }

  /** Now. Never rejects: what a device does not tell now it tells the next time. */
  async collect(): Promise<void> {
    await Promise.all(
      this.#supervision.devices.map(async ({ index, name, condition, device }) => {
        if (condition !== 'up') return;
        try {
          const counts = this.#unrecorded.get(name) ?? new Map<string, number>();
          this.#unrecorded.set(name, counts);
          for (const { uuid, uses } of await device.takeKeyUses()) counts.set(uuid, (counts.get(uuid) ?? 0) + uses);
          await Promise.all(
            [...counts].map(async ([uuid, count]) => {
              const facts = { device: index, key: uuid, signatures: count };
              await this.#audit.append({ kind: 'key use', by: name, facts });
              counts.delete(uuid);
            }),
          );
        } catch (error) {
          this.#log.write(applianceEvent.statusFailed(name, (error as Error).message));
        }
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.collect();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(INTERVAL, () => {
      this.#schedule();
      void this.collect();
    });
  }
}
