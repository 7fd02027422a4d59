export type OperationKind = 'sign' | 'verify' | 'generate' | 'other';
export const OPERATION_KINDS: readonly OperationKind[] = ['sign', 'verify', 'generate', 'other'];

/** Upper ends of the buckets in seconds: from what an idle device needs for P-256 to what a key of RSA-4096 takes. */
export const LATENCY_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
];

const UPPER_MILLISECONDS = Float64Array.from(LATENCY_BUCKETS, (seconds) => seconds * 1000);
/** Buckets, one for what is slower than all, and the sum of all times. */
const ROW = LATENCY_BUCKETS.length + 2;
const SUM = LATENCY_BUCKETS.length + 1;

/** How long devices took, counted without allocating: one histogram a device and kind. */
export class OperationLatencies {
  readonly devices: number;
  readonly #counts: Float64Array;

  constructor(devices: number) {
    this.devices = devices;
    this.#counts = new Float64Array(devices * OPERATION_KINDS.length * ROW);
  }

  record(device: number, kind: OperationKind, milliseconds: number): void {
    const row = this.#row(device, kind);
    let bucket = 0;
    while (bucket < UPPER_MILLISECONDS.length && milliseconds > UPPER_MILLISECONDS[bucket]) bucket++;
    this.#counts[row + bucket]++;
    this.#counts[row + SUM] += milliseconds / 1000;
  }

  /** `upTo[i]` counts what took at most LATENCY_BUCKETS[i]; `sum` is in seconds. */
  histogram(
    device: number,
    kind: OperationKind,
  ): { readonly upTo: readonly number[]; readonly count: number; readonly sum: number } {
    const row = this.#row(device, kind);
    let count = 0;
    const upTo = LATENCY_BUCKETS.map((_, bucket) => (count += this.#counts[row + bucket]));
    return { upTo, count: count + this.#counts[row + LATENCY_BUCKETS.length], sum: this.#counts[row + SUM] };
  }

  #row(device: number, kind: OperationKind): number {
    return (device * OPERATION_KINDS.length + OPERATION_KINDS.indexOf(kind)) * ROW;
  }
}
