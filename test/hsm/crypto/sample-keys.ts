import { Curve, Mechanism } from '../../../src/hsm/hal-constants.ts';
import type { KeySpec } from '../../../src/hsm/device/crypto-device.ts';

const F4 = Uint8Array.of(1, 0, 1);

export interface SampleKind {
  readonly name: string;
  readonly spec: KeySpec;
  /** Signs what the client has digested, or messages for EdDSA. */
  readonly mechanism: Mechanism;
  /** Octets of a signature. */
  readonly length: number;
}

/** One of each kind, the small RSA ones first since they are quick to make. */
export const SAMPLE_KINDS: readonly SampleKind[] = [
  { name: 'RSA-1024', spec: rsa(1024), mechanism: Mechanism.RSA_PKCS, length: 128 },
  { name: 'RSA-1032', spec: rsa(1032), mechanism: Mechanism.RSA_PKCS, length: 129 },
  { name: 'RSA-2048', spec: rsa(2048), mechanism: Mechanism.RSA_PKCS, length: 256 },
  { name: 'P-256', spec: ec(Curve.P256), mechanism: Mechanism.ECDSA, length: 64 },
  { name: 'P-384', spec: ec(Curve.P384), mechanism: Mechanism.ECDSA, length: 96 },
  { name: 'P-521', spec: ec(Curve.P521), mechanism: Mechanism.ECDSA, length: 132 },
  { name: 'Ed25519', spec: ec(Curve.ED25519), mechanism: Mechanism.EDDSA, length: 64 },
  { name: 'Ed448', spec: ec(Curve.ED448), mechanism: Mechanism.EDDSA, length: 114 },
];

export function rsa(bits: number): KeySpec {
  return { kind: 'rsa', bits, exponent: F4, flags: 0 };
}

export function ec(curve: Curve): KeySpec {
  return { kind: 'ec', curve, flags: 0 };
}
