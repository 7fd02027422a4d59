import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { type DigestFacts, digestFacts } from '../crypto/digest-info.ts';
import { HalError, HalStatus } from '../hal-status.ts';

/** A hash or HMAC under way. The appliance computes it itself: there is nothing secret in a digest. */
export class HashContext {
  readonly digest: DigestFacts;
  readonly #hash: Hash | Hmac;

  /** @param key of an HMAC; empty: a hash. @throws HalError BAD_ARGUMENTS for an unknown algorithm */
  constructor(algorithm: number, key: Uint8Array) {
    this.digest = digestOf(algorithm);
    const { hash } = this.digest;
    this.#hash = key.length === 0 ? createHash(hash) : createHmac(hash, key);
  }

  update(octets: Uint8Array): void {
    this.#hash.update(octets);
  }

  /** Once only. */
  finish(): Uint8Array {
    return this.#hash.digest();
  }
}

/** @throws HalError BAD_ARGUMENTS */
export function digestOf(algorithm: number): DigestFacts {
  const digest = digestFacts(algorithm);
  if (digest === undefined)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `There is no digest algorithm with number ${algorithm}.`);
  return digest;
}
