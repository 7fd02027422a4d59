import { sign, type KeyObject } from 'node:crypto';
import { SignetError } from '../base/error.ts';
import { algorithmByNumber, signingRefusal, type LegacyOptions } from './algorithm.ts';
import { concealSecrets, describe, importPrivateKey, mismatched, type PrivateKeyMaterial } from './private-key.ts';
import type { Signer } from './signer-port.ts';
import { Verifier } from './verify.ts';

const PROBE = new Uint8Array([0x70, 0x72, 0x6f, 0x62, 0x65]);

/** Signs with a private key held in this process. Has no state but the key, so every thread can make its own. */
export class LocalSigner implements Signer {
  readonly algorithm: number;
  readonly dnskey: Uint8Array;
  readonly signatureLength: number;
  readonly #digest: string | undefined;
  readonly #options: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };

  /**
   * Makes and checks one signature, so that a private key of another pair is found here and not by validators.
   * @throws SignetError ALGORITHM_REFUSED, PRIVATE_KEY_IN_TOKEN, PRIVATE_KEY_INCOMPLETE, PRIVATE_KEY_MALFORMED,
   * PRIVATE_KEY_MISMATCH
   */
  constructor(privateKey: PrivateKeyMaterial, options: LegacyOptions = {}) {
    concealSecrets(privateKey);
    const refusal = signingRefusal(privateKey.algorithm, options);
    if (refusal) throw refusedToSign(privateKey, refusal);
    const algorithm = algorithmByNumber(privateKey.algorithm)!;
    this.algorithm = privateKey.algorithm;
    this.dnskey = privateKey.dnskey;
    this.#digest = algorithm.computation!.digest;
    this.#options = { key: importPrivateKey(privateKey), dsaEncoding: 'ieee-p1363' };
    this.signatureLength = algorithm.signatureLength(privateKey.dnskey)!;
    if (!new Verifier(this.dnskey, options).verify(PROBE, this.sign(PROBE))) throw mismatched(privateKey);
  }

  /** @param data may be a view of shared memory that nobody writes to meanwhile */
  sign(data: Uint8Array): Uint8Array {
    return sign(this.#digest, data, this.#options);
  }
}

function refusedToSign(privateKey: PrivateKeyMaterial, refusal: string): SignetError {
  const message = `${describe(privateKey)} may not sign: ${refusal}; roll to algorithm 13 (ECDSAP256SHA256)`;
  return new SignetError('ALGORITHM_REFUSED', message, { algorithm: privateKey.algorithm });
}
