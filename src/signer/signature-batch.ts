import type { Signer } from '../crypto/signer-port.ts';

/** Octets to sign, one after another, each with the key of its index: plain data. */
export interface BatchTask {
  readonly kind: 'batch';
  readonly octets: Uint8Array;
  /** Where each item ends in `octets`. */
  readonly ends: Uint32Array;
  readonly keys: Uint8Array;
}

export interface BatchResult {
  readonly signatures: readonly Uint8Array[];
}

export function signBatch(task: BatchTask, signers: readonly Signer[]): BatchResult {
  const signatures: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < task.ends.length; i++) {
    signatures.push(signers[task.keys[i]].sign(task.octets.subarray(start, task.ends[i])));
    start = task.ends[i];
  }
  return { signatures };
}
