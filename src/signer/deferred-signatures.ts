import type { BatchTask } from './signature-batch.ts';
import type { SigningKey } from './signing-parameters.ts';
import type { SigningPool } from './signing-pool.ts';

/** Up to this many signatures the messages to other threads would cost more than they save (2 ms of P-256). */
const INLINE_LIMIT = 64;
const BATCH = 256;

interface Deferred {
  readonly key: number;
  readonly octets: Uint8Array;
  readonly fill: (signature: Uint8Array) => void;
}

/** Signatures wanted for an update: made in this thread when they are few, in the pool when they are many. */
export class DeferredSignatures {
  readonly #keys: readonly SigningKey[];
  readonly #labLegacy: boolean;
  readonly #wanted: Deferred[] = [];

  constructor(keys: readonly SigningKey[], labLegacy: boolean) {
    this.#keys = keys;
    this.#labLegacy = labLegacy;
  }

  /** @param octets are copied; @param fill is called once with the signature */
  add(key: SigningKey, octets: Uint8Array, fill: (signature: Uint8Array) => void): void {
    this.#wanted.push({ key: this.#keys.indexOf(key), octets: Uint8Array.from(octets), fill });
  }

  async make(pool: SigningPool): Promise<void> {
    if (this.#wanted.length <= INLINE_LIMIT) {
      const ready = this.#keys.map((key) => pool.signers.signer(key, this.#labLegacy));
      for (const { key, octets, fill } of this.#wanted) fill(ready[key].sign(octets));
      return;
    }
    const tasks: BatchTask[] = [];
    for (let from = 0; from < this.#wanted.length; from += BATCH)
      tasks.push(batchOf(this.#wanted.slice(from, from + BATCH)));
    const results = await pool.signBatches(this.#keys, this.#labLegacy, tasks);
    let at = 0;
    for (const { signatures } of results) for (const signature of signatures) this.#wanted[at++].fill(signature);
  }
}

function batchOf(wanted: readonly Deferred[]): BatchTask {
  let length = 0;
  for (const { octets } of wanted) length += octets.length;
  const all = new Uint8Array(length);
  const ends = new Uint32Array(wanted.length);
  const keys = new Uint8Array(wanted.length);
  let at = 0;
  wanted.forEach(({ octets, key }, i) => {
    all.set(octets, at);
    at += octets.length;
    ends[i] = at;
    keys[i] = key;
  });
  return { kind: 'batch', octets: all, ends, keys };
}
