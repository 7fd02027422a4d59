import { availableParallelism } from 'node:os';
import type { Clock } from '../../base/clock.ts';

/** Milliseconds that the event loop goes on after a reply before it sleeps. A client that asks again does so sooner than that. */
const AWAKE_FOR = 0.3;
/** Turns of the event loop for that at most, whatever the clock says: some microseconds each. */
const MOST_TURNS = 1000;

/**
 * Keeps the event loop awake for a moment after each reply. Who signs one call at a time asks again within some ten microseconds, and to
 * wake a core that has gone to sleep meanwhile takes as long as the call itself: half of the time of a call on an appliance that is otherwise
 * idle (docs/performance.md). It costs a part of a millisecond of one core for a call that nobody follows; and it does not happen while calls
 * under way may need all cores but one for the client.
 */
export class Wakefulness {
  readonly #clock: Clock;
  readonly #nextTurn: (callback: () => void) => void;
  readonly #mostUnderWay: number;
  #underWay = 0;
  #until = 0;
  #turns = 0;
  #isAwake = false;

  /** @param nextTurn calls back in the next turn of the event loop, which does not wait for events before it */
  constructor(
    clock: Clock,
    nextTurn: (callback: () => void) => void = setImmediate,
    cores: number = availableParallelism(),
  ) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
    this.#mostUnderWay = cores - 2;
  }

  /** Calls began (1) or ended (-1). */
  count(change: 1 | -1): void {
    this.#underWay += change;
  }

  /** A reply was sent just now. */
  prolong(): void {
    if (this.#underWay > this.#mostUnderWay) return;
    this.#until = this.#clock.monotonic() + AWAKE_FOR;
    this.#turns = 0;
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#nextTurn(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isAwake =
      ++this.#turns < MOST_TURNS && this.#underWay <= this.#mostUnderWay && this.#clock.monotonic() < this.#until;
    if (this.#isAwake) this.#nextTurn(this.#turn);
  };
}
