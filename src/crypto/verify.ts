import { constants, verify, type KeyObject } from 'node:crypto';
import type { LegacyOptions } from './algorithm.ts';
import { verifyingRefusal } from './algorithm.ts';
import { dnskeyAlgorithm } from './dnskey.ts';
import { importPublicKey } from './public-key.ts';

/** Checks signatures by one DNSKEY. Made once a key, used for many signatures. */
export class Verifier {
  /** Why nothing verifies: the key is malformed or its algorithm refused. Undefined for a usable key. */
  readonly fault: string | undefined;
  readonly #key: { key: KeyObject; dsaEncoding: 'ieee-p1363'; padding?: number } | undefined;
  readonly #digest: string | undefined;
  readonly #signatureLength: number = 0;

  /** Takes DNSKEY RDATA of any origin; a key that cannot verify has a `fault`, nothing throws. */
  constructor(dnskeyRdata: Uint8Array, options: LegacyOptions = {}) {
    const result = importPublicKey(dnskeyRdata);
    this.fault = result.ok ? verifyingRefusal(dnskeyAlgorithm(dnskeyRdata), options) : result.fault;
    if (!result.ok || this.fault) return;
    const padding = result.computation.curve ? undefined : constants.RSA_PKCS1_PADDING;
    this.#key = { key: result.key, dsaEncoding: 'ieee-p1363', padding };
    this.#digest = result.computation.digest;
    this.#signatureLength = result.signatureLength;
  }

  /** True when `signature` (in DNSSEC form) covers `data`. A malformed signature is simply not valid. */
  verify(data: Uint8Array, signature: Uint8Array): boolean {
    if (!this.#key || signature.length !== this.#signatureLength) return false;
    try {
      return verify(this.#digest, data, this.#key, signature);
    } catch {
      return false; // r or s out of range: OpenSSL calls some of these an error, to us they are invalid signatures
    }
  }
}
