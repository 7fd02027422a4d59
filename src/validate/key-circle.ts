import { keyTag } from '../crypto/key-tag.ts';
import { Verifier } from '../crypto/verify.ts';
import type { SignatureTrouble } from './zone-verdict.ts';

export interface VerifyingKey {
  readonly dnskey: Uint8Array;
  readonly algorithm: number;
  readonly tag: number;
  readonly verifier: Verifier;
}

/** The keys that may have signed. Tags are not unique (RFC 4034 section 3.1.6): all keys with the tag are tried. */
export class KeyCircle {
  readonly #keys: VerifyingKey[];

  constructor(dnskeys: readonly Uint8Array[], options: { readonly labLegacy?: boolean } = {}) {
    this.#keys = dnskeys.map((dnskey) => verifyingKey(dnskey, options));
  }

  /** Whether a key verifies `signature` over `data`; why not otherwise. */
  check(algorithm: number, tag: number, data: Uint8Array, signature: Uint8Array): 'good' | SignatureTrouble {
    let trouble: SignatureTrouble = 'unknown key';
    for (const key of this.#keys) {
      if (key.algorithm !== algorithm || key.tag !== tag) continue;
      if (key.verifier.verify(data, signature)) return 'good';
      trouble = 'bogus';
    }
    return trouble;
  }
}

function verifyingKey(dnskey: Uint8Array, options: { readonly labLegacy?: boolean } = {}): VerifyingKey {
  return { dnskey, algorithm: dnskey[3], tag: keyTag(dnskey), verifier: new Verifier(dnskey, options) };
}
