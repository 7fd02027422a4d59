import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { equalOctets, fromHex } from '../../base/octets.ts';
import { KeyType } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { Der, DerFault, derElement, derSequence, Tag } from './der.ts';
import { keyTypeOf, readOuterKey } from './key-der.ts';

/**
 * EncryptedPrivateKeyInfo (RFC 5208 section 6) as the vendor's appliances exchange keys: the key under a key-encryption key (AES-256 key
 * wrap with padding), and that under the RSA key of the appliance that is to have it. Algorithm identifiers without parameters.
 */

const OIDS = {
  /** id-aes256-wrap-pad, RFC 5649. */
  'aes256-wrap-pad': fromHex('608648016503040130')!,
  /** rsaEncryption with PKCS#1 v1.5 padding. */
  rsa: fromHex('2a864886f70d010101')!,
} as const;
export type KeyEncryption = keyof typeof OIDS;

/** A wrapped RSA-4096 key has some 2,400 octets. */
const MAX_OCTETS = 16384;

export function encodeEncryptedKey(encryption: KeyEncryption, encrypted: Uint8Array): Uint8Array {
  return derSequence(derSequence(derElement(Tag.OID, OIDS[encryption])), derElement(Tag.OCTET_STRING, encrypted));
}

/** @throws HalError ASN1_PARSE_FAILED */
export function decodeEncryptedKey(encryption: KeyEncryption, der: Uint8Array): Uint8Array {
  try {
    if (der.length > MAX_OCTETS) throw new DerFault(`it has ${der.length} octets`);
    const outer = new Der(der);
    const body = outer.sequence();
    outer.end();
    const algorithm = body.sequence();
    if (!equalOctets(algorithm.take(Tag.OID), OIDS[encryption]))
      throw new DerFault(`it is not encrypted by ${encryption}`);
    if (!algorithm.isAtEnd && algorithm.take(Tag.NULL).length > 0) throw new DerFault('NULL is not empty');
    algorithm.end();
    const encrypted = body.take(Tag.OCTET_STRING);
    body.end();
    return encrypted;
  } catch (error) {
    if (!(error instanceof DerFault)) throw error;
    throw new HalError(
      HalStatus.ASN1_PARSE_FAILED,
      `the encrypted key is no EncryptedPrivateKeyInfo: ${error.message}`,
    );
  }
}

/** RSAES-PKCS1-v1_5 under the public key of a KEKEK (SubjectPublicKeyInfo). @throws HalError UNSUPPORTED_KEY, ASN1_PARSE_FAILED */
export function encryptToKekek(spki: Uint8Array, plain: Uint8Array): Uint8Array {
  if (keyTypeOf(readOuterKey(spki)) !== KeyType.RSA_PUBLIC)
    throw new HalError(HalStatus.UNSUPPORTED_KEY, 'keys are only encrypted to RSA keys');
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain);
}
