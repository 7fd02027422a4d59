import type { Curve, KeyType, Mechanism } from '../hal-constants.ts';
import type { KeySpec } from '../device/crypto-device.ts';

/** What computes with keys. Private keys are handles on memory outside the JavaScript heap, cleared when they are let go. */
export interface KeyEngine {
  readonly name: string;
  readonly version: string;
  /**
   * Makes a key in threads of the pool; the result's `privateDer` is PKCS#8 and is cleared by the caller. A hash-based key takes time in
   * proportion to its leaves (H10 and W8 a second, H20 and W8 ten minutes).
   * @throws HalError BAD_ARGUMENTS (bits), UNSUPPORTED_KEY (exponent, curve), CSPRNG_BROKEN
   */
  generate(spec: KeySpec, options?: GenerateOptions): Promise<NewKey>;
  /** PKCS#8 PrivateKeyInfo or SubjectPublicKeyInfo. @throws HalError ASN1_PARSE_FAILED, UNSUPPORTED_KEY, KEY_NOT_ON_CURVE */
  inspect(der: Uint8Array): InspectedKey;
  /** Gets a private key ready: `privateDer` may be cleared afterwards. */
  open(privateDer: Uint8Array): PrivateKey;
  verify(spki: Uint8Array, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean;
}

export interface GenerateOptions {
  /** Told of hash-based keys: leaves that are done, and all of them. */
  readonly progress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
}

export interface NewKey {
  readonly type: KeyType;
  readonly curve: Curve;
  /** PKCS#8, DER. For hash-based keys: the state before the first signature. Secret. */
  readonly privateDer: Uint8Array;
  readonly spki: Uint8Array;
}

export interface InspectedKey {
  readonly type: KeyType;
  readonly curve: Curve;
  readonly spki: Uint8Array;
}

/** Disposing of it clears its memory. */
export interface PrivateKey extends Disposable {
  /** DigestInfo for RSA_PKCS, the digest for ECDSA (longer than the order: its leftmost bits, FIPS 186-5 section 6.4.1), else the message. */
  sign(mechanism: Mechanism, data: Uint8Array): Uint8Array;
  /** RSA with KEY_ENCIPHERMENT only: PKCS#1 v1.5 type 2, of a key-encryption key of `length` octets; bad padding gives random octets (no oracle). */
  decryptKey(encrypted: Uint8Array, length: number): Uint8Array;
  /** Hash-based keys only, else undefined. */
  readonly state: SigningState | undefined;
}

/** A key each of whose signatures may be made once only (RFC 8554 section 5.2). */
export interface SigningState {
  /** Signatures that can still be made, reserved ones included. */
  readonly left: number;
  /**
   * The key as it is after `count` more signatures, PKCS#8: to be stored durably before any of them is made. `sign` refuses
   * what is not reserved (ASSERTION_FAILED). @throws HalError HASHSIG_KEY_EXHAUSTED
   */
  reserve(count: number): Uint8Array;
  /** Makes in threads of the pool what the next signature needs: `sign` then takes a millisecond. It works without, and may take seconds then. */
  prepare(): Promise<void>;
}
