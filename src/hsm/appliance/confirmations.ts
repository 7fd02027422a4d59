import type { Clock } from '../../base/clock.ts';
import type { Role } from '../hal-constants.ts';

/** Milliseconds for which entering PINs again is good. */
const VALIDITY = 60_000;

/** PINs that were entered again for a command of one console. */
export class Confirmations {
  readonly #clock: Clock;
  #command: string | undefined;
  #roles = new Set<Role>();
  #at = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(command: string, role: Role): void {
    if (this.#command !== command || this.#isOver()) this.#roles.clear();
    this.#command = command;
    this.#roles.add(role);
    this.#at = this.#clock.monotonic();
  }

  has(command: string, roles: readonly Role[]): boolean {
    if (roles.length === 0) return true;
    return this.#command === command && !this.#isOver() && roles.every((role) => this.#roles.has(role));
  }

  clear(): void {
    this.#command = undefined;
    this.#roles.clear();
  }

  #isOver(): boolean {
    return this.#clock.monotonic() - this.#at > VALIDITY;
  }
}
