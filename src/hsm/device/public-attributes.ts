import { createHash, createPublicKey } from 'node:crypto';
import { Curve, KeyType } from '../hal-constants.ts';
import type { Attribute } from './crypto-device.ts';
import type { StoredKey } from './key-record.ts';

/** PKCS#11 attributes (CKA_...) that a device knows about; all others are opaque to it. */
export const AttributeType = {
  LABEL: 0x0003,
  VALUE: 0x0011,
  ID: 0x0102,
  MODULUS: 0x0120,
  PUBLIC_EXPONENT: 0x0122,
  PUBLIC_KEY_INFO: 0x0129,
  EC_PARAMS: 0x0180,
  EC_POINT: 0x0181,
} as const;

/** Object identifiers of the curves, DER (RFC 5480, RFC 8410). */
const CURVE_PARAMETERS = new Map<Curve, Buffer>([
  [Curve.P256, Buffer.from('06082a8648ce3d030107', 'hex')],
  [Curve.P384, Buffer.from('06052b81040022', 'hex')],
  [Curve.P521, Buffer.from('06052b81040023', 'hex')],
  [Curve.ED25519, Buffer.from('06032b6570', 'hex')],
  [Curve.ED448, Buffer.from('06032b6571', 'hex')],
]);
/** Octets of a point at the end of a SubjectPublicKeyInfo: uncompressed, or as RFC 8032 encodes it. */
const POINT_OCTETS = new Map<Curve, number>([
  [Curve.P256, 65],
  [Curve.P384, 97],
  [Curve.P521, 133],
  [Curve.ED25519, 32],
  [Curve.ED448, 57],
]);

/**
 * What the public half of a key says: PKCS#11 has it on public keys only, but then a signer has to keep two objects of each key. An attribute that
 * a client set is what it set it to.
 */
export function publicAttribute(key: StoredKey, type: number): Uint8Array | undefined {
  if (key.spki.length === 0) return undefined;
  switch (type) {
    case AttributeType.PUBLIC_KEY_INFO:
      return key.spki;
    case AttributeType.EC_PARAMS:
      return CURVE_PARAMETERS.get(key.curve);
    case AttributeType.EC_POINT: {
      const octets = POINT_OCTETS.get(key.curve);
      return octets === undefined ? undefined : octetString(key.spki.subarray(-octets));
    }
    case AttributeType.MODULUS:
    case AttributeType.PUBLIC_EXPONENT: {
      if (key.type !== KeyType.RSA_PRIVATE && key.type !== KeyType.RSA_PUBLIC) return undefined;
      const jwk = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' }).export({
        format: 'jwk',
      });
      return Buffer.from((type === AttributeType.MODULUS ? jwk.n : jwk.e) ?? '', 'base64url');
    }
    default:
      return undefined;
  }
}

/** What was set, else what the public half says. */
export function attributeValue(key: StoredKey, type: number): Uint8Array | undefined {
  return key.attributes.find((attribute) => attribute.type === type)?.value ?? publicAttribute(key, type);
}

/**
 * Attributes by which a key is found without looking at the others, the most telling first: clients look for the private half of a public key, and
 * for an id or a label.
 */
const LOOKED_UP = [
  AttributeType.PUBLIC_KEY_INFO,
  AttributeType.MODULUS,
  AttributeType.EC_POINT,
  AttributeType.ID,
  AttributeType.LABEL,
] as const;

/** Entries of the look-up table under which a key stands. */
export function lookUpEntries(key: StoredKey): Uint8Array[] {
  return LOOKED_UP.flatMap((type) => {
    const value = attributeValue(key, type);
    return value === undefined || value.length === 0 ? [] : [lookUpEntry(key.partition, type, value)];
  });
}

/** The entry that narrows a search down most; undefined when all keys have to be looked at. */
export function bestEntry(partition: number, attributes: readonly Attribute[]): Uint8Array | undefined {
  for (const type of LOOKED_UP) {
    const wanted = attributes.find((attribute) => attribute.type === type && attribute.value.length > 0);
    if (wanted) return lookUpEntry(partition, type, wanted.value);
  }
  return undefined;
}

function lookUpEntry(partition: number, type: number, value: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(partition, 0);
  head.writeUInt32BE(type, 4);
  return createHash('sha256').update(head).update(value).digest().subarray(0, 16);
}

/** DER; a point has fewer than 256 octets. */
function octetString(octets: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(octets.length < 128 ? [4, octets.length] : [4, 0x81, octets.length]), octets]);
}
