import type { Random } from '../../base/random.ts';
import { HalError, HalStatus } from '../hal-status.ts';

/*
 * Health tests of a source of random octets, NIST SP 800-90B section 4. A sample is an octet, and the source is taken to have full entropy, H = 8:
 * it is the kernel's generator behind OpenSSL's, so the tests find a source that is broken (stuck, repeating, strongly biased), not one
 * that is merely poor. That the octets are "true" random numbers nobody claims.
 */

/**
 * Probability that good octets fail a test, for each of them: 2^-64. SP 800-90B section 4.4 recommends 2^-20 to 2^-40 and leaves the choice to the
 * designer. A failure here lasts until a restart, and any client may ask for random octets: at 2^-40 one that asks for a terabyte would
 * put the appliance out of order.
 */
const ALPHA_BITS = 64;
const ENTROPY_BITS = 8;

/** Section 4.4.1: C = 1 + ceil(-log2(alpha) / H) equal octets in a row. */
export const REPETITION_CUTOFF = 1 + Math.ceil(ALPHA_BITS / ENTROPY_BITS);

/** Section 4.4.2: 512 for samples that are not bits. */
export const WINDOW = 512;
export const PROPORTION_CUTOFF = 1 + criticalBinomial(WINDOW, 2 ** -ENTROPY_BITS, 2 ** -ALPHA_BITS);

/** Section 4.3, item 5: at least 1,024 consecutive samples at the start; they are not used for anything. */
export const STARTUP_SAMPLES = 1024;

/** A source that is tested before its first octet is used, and on with every octet. What fails stays failed. */
export class TestedRandom implements Random {
  readonly #source: Random;
  #fault: string | undefined;

  #last = -1;
  #repetitions = 0;
  #windowSample = -1;
  #windowCount = 0;
  #windowPlace = WINDOW;

  /** Runs the start-up tests: look at `fault`. */
  constructor(source: Random) {
    this.#source = source;
    this.#examine(this.#source.fill(new Uint8Array(STARTUP_SAMPLES)));
  }

  /** What is wrong with the source, or undefined. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** @throws HalError CSPRNG_BROKEN: none of the octets are given out then */
  fill(octets: Uint8Array): Uint8Array {
    this.#refuseBroken();
    this.#source.fill(octets);
    this.#examine(octets);
    if (this.#fault !== undefined) octets.fill(0);
    this.#refuseBroken();
    return octets;
  }

  /** Tests the source once more; for what takes its random octets from OpenSSL itself. @throws HalError CSPRNG_BROKEN */
  check(): void {
    this.fill(new Uint8Array(WINDOW)).fill(0);
  }

  #refuseBroken(): void {
    if (this.#fault === undefined) return;
    const message = `the source of random octets is broken: ${this.#fault}; restart the HSM, and replace the host when this comes again`;
    throw new HalError(HalStatus.CSPRNG_BROKEN, message, { fault: this.#fault });
  }

  #examine(octets: Uint8Array): void {
    for (const octet of octets) {
      this.#countRepetition(octet);
      this.#countProportion(octet);
    }
  }

  #countRepetition(octet: number): void {
    if (octet !== this.#last) {
      this.#last = octet;
      this.#repetitions = 1;
    } else if (++this.#repetitions >= REPETITION_CUTOFF) {
      this.#fault ??= `${REPETITION_CUTOFF} equal octets in a row (repetition count test, SP 800-90B section 4.4.1)`;
    }
  }

  #countProportion(octet: number): void {
    if (this.#windowPlace === WINDOW) {
      this.#windowSample = octet;
      this.#windowCount = 1;
      this.#windowPlace = 1;
      return;
    }
    this.#windowPlace++;
    if (octet === this.#windowSample && ++this.#windowCount >= PROPORTION_CUTOFF)
      this.#fault ??= `${PROPORTION_CUTOFF} of ${WINDOW} octets are equal (adaptive proportion test, SP 800-90B section 4.4.2)`;
  }
}

/** The smallest k for which at most k of `n` trials succeed with probability 1 - `alpha` at least (CRITBINOM of section 4.4.2). */
function criticalBinomial(n: number, p: number, alpha: number): number {
  // Summed from the far end, where the terms are small enough to be exact beside `alpha`.
  let tail = 0;
  for (let k = n; k >= 1; k--) {
    tail += Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
    if (tail > alpha) return k;
  }
  return 0;
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}
