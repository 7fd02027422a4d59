/** A timer that can be taken back; taking it back twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Unix times are whole seconds since 1970-01-01T00:00:00Z, as in RRSIG and key files. */
export interface Clock {
  /** Unix time in seconds. May jump when an operator sets the clock. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number;
  /** Calls back once after `milliseconds`, however long (more than 2^31 too). */
  after(milliseconds: number, callback: () => void): Timer;
}

/** Node refuses longer timers. */
const LONGEST_TIMER = 0x7fffffff;

export class SystemClock implements Clock {
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  monotonic(): number {
    return performance.now();
  }

  after(milliseconds: number, callback: () => void): Timer {
    const due = this.monotonic() + milliseconds;
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const rest = due - this.monotonic();
      // Node counts whole milliseconds from the beginning of its event loop's turn: after a long turn a timer comes too early.
      if (rest < 1) callback();
      else handle = setTimeout(wait, Math.min(Math.ceil(rest), LONGEST_TIMER));
    };
    handle = setTimeout(wait, Math.min(Math.max(0, milliseconds), LONGEST_TIMER));
    return { cancel: () => clearTimeout(handle) };
  }
}

interface Appointment {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** A clock that stands still until it is told to move: the daemon's own code runs years on it in seconds. */
export class SimulatedClock implements Clock {
  #milliseconds: number;
  readonly #epoch: number;
  #made = 0;
  #appointments: Appointment[] = [];

  /** @param start Unix time in seconds */
  constructor(start: number) {
    this.#milliseconds = start * 1000;
    this.#epoch = start * 1000;
  }

  now(): number {
    return Math.floor(this.#milliseconds / 1000);
  }

  monotonic(): number {
    return this.#milliseconds - this.#epoch;
  }

  after(milliseconds: number, callback: () => void): Timer {
    const at = this.#milliseconds + Math.max(0, milliseconds);
    const appointment: Appointment = { at, order: this.#made++, callback, cancelled: false };
    this.#appointments.push(appointment);
    return { cancel: () => (appointment.cancelled = true) };
  }

  /** Unix time in seconds of the earliest pending timer, or undefined. */
  nextTimer(): number | undefined {
    const next = this.#earliest();
    return next && next.at / 1000;
  }

  /** Moves on by `seconds`, firing timers in order, each at its own moment, with pending promises run after each. */
  async advance(seconds: number): Promise<void> {
    const target = this.#milliseconds + seconds * 1000;
    for (let next = this.#earliest(); next && next.at <= target; next = this.#earliest()) {
      this.#milliseconds = Math.max(this.#milliseconds, next.at);
      this.#appointments.splice(this.#appointments.indexOf(next), 1);
      next.callback();
      await settle();
    }
    this.#milliseconds = target;
  }

  #earliest(): Appointment | undefined {
    this.#appointments = this.#appointments.filter((appointment) => !appointment.cancelled);
    let best: Appointment | undefined;
    for (const one of this.#appointments)
      if (!best || one.at < best.at || (one.at === best.at && one.order < best.order)) best = one;
    return best;
  }
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
