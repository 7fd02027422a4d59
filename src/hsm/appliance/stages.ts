import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { applianceEvent } from './events.ts';
import type { Stage } from './leds.ts';

/** Seconds that a stage takes at most when all is well (Diamond-HSM manual section 5.1), and what is wrong when it takes longer. */
const STAGE_LIMITS: Readonly<Partial<Record<Stage, readonly [seconds: number, why: string]>>> = {
  'power on': [180, 'the state directory, the certificate or an address by DHCP is not there yet'],
  network: [30, 'the interface has no address: look at the network cable and at IP_MODE'],
  probing: [
    30,
    'a device does not answer: wait 90 seconds, then power off, wait 60 seconds, power on, and wait 60 seconds after the LEDs are green',
  ],
  starting: [30, 'the ports cannot be opened: is another program using them?'],
};

/** The way up, one stage after the other; the log tells how long each took, and warns while one takes too long. */
export class StageSequence implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  #stage: Stage = 'power on';
  #began: number;
  #limit: Timer | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(dependencies: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#began = this.#clock.monotonic();
    this.#watchLimit();
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Seconds since the stage began. */
  get since(): number {
    return (this.#clock.monotonic() - this.#began) / 1000;
  }

  enter(stage: Stage): void {
    if (stage === this.#stage) return;
    this.#log.write(applianceEvent.stage(stage, this.#stage, this.since));
    this.#stage = stage;
    this.#began = this.#clock.monotonic();
    this.#watchLimit();
    for (const changed of this.#watchers) changed();
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  [Symbol.dispose](): void {
    this.#limit?.cancel();
  }

  #watchLimit(): void {
    this.#limit?.cancel();
    const stage = this.#stage;
    const [limit, why] = STAGE_LIMITS[stage] ?? [];
    if (limit === undefined || why === undefined) return;
    this.#limit = this.#clock.after(limit * 1000, () => this.#log.write(applianceEvent.stageIsLong(stage, limit, why)));
  }
}
