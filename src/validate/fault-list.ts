import type { ZoneFault } from './zone-verdict.ts';

/** Faults in the order found: listed up to a limit, counted beyond it. */
export class FaultList {
  readonly listed: ZoneFault[] = [];
  readonly #limit: number;
  errors = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(fault: ZoneFault): void {
    if (fault.severity === 'error') this.errors++;
    if (this.listed.length < this.#limit) this.listed.push(fault);
  }
}
