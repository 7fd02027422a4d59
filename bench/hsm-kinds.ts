import { Curve, KeyFlag, Mechanism } from '../src/hsm/hal-constants.ts';

export type KindName = 'rsa2048' | 'p256' | 'ed25519';

/** What is signed: a DigestInfo, a digest, a message, as DNSSEC signers ask for it. */
export interface BenchKind {
  readonly name: KindName;
  readonly label: string;
  readonly curve: Curve;
  readonly mechanism: Mechanism;
  readonly dataLength: number;
  /** As openssl(1) speed calls it, and the words before its figures. */
  readonly openssl: { readonly algorithm: string; readonly line: RegExp };
}

export const KINDS: readonly BenchKind[] = [
  {
    name: 'rsa2048',
    label: 'RSA-2048',
    curve: Curve.NONE,
    mechanism: Mechanism.RSA_PKCS,
    dataLength: 51,
    openssl: { algorithm: 'rsa2048', line: /^rsa\s+2048 bits\s+\S+\s+\S+\s+(\S+)/m },
  },
  {
    name: 'p256',
    label: 'P-256',
    curve: Curve.P256,
    mechanism: Mechanism.ECDSA,
    dataLength: 32,
    openssl: { algorithm: 'ecdsap256', line: /^\s*256 bits ecdsa \(nistp256\)\s+\S+\s+\S+\s+(\S+)/m },
  },
  {
    name: 'ed25519',
    label: 'Ed25519',
    curve: Curve.ED25519,
    mechanism: Mechanism.EDDSA,
    dataLength: 100,
    openssl: { algorithm: 'ed25519', line: /^\s*253 bits EdDSA \(Ed25519\)\s+\S+\s+\S+\s+(\S+)/m },
  },
];

/** A token key that is on all devices. */
export const MIRRORED = KeyFlag.DIGITAL_SIGNATURE | KeyFlag.TOKEN | KeyFlag.EXPORTABLE;
export const USER_PIN = 'bench user';
