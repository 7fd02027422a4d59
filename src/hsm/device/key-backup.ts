import type { Random } from '../../base/random.ts';
import { decodeEncryptedKey, encodeEncryptedKey, encryptToKekek } from '../crypto/encrypted-key.ts';
import { unwrapKey, wrapKey, WRAPPING_KEY_OCTETS } from '../crypto/key-wrap.ts';
import type { WrappedKey } from './crypto-device.ts';

/** A private key for another device, in the vendor's form: under a new key-encryption key, which goes under the RSA key of `spki`. */
export function wrapBackup(der: Uint8Array, spki: Uint8Array, random: Random): WrappedKey {
  const kek = Buffer.allocUnsafeSlow(WRAPPING_KEY_OCTETS);
  try {
    random.fill(kek);
    return {
      pkcs8: encodeEncryptedKey('aes256-wrap-pad', wrapKey(kek, der)),
      kek: encodeEncryptedKey('rsa', encryptToKekek(spki, kek)),
    };
  } finally {
    kek.fill(0);
  }
}

/**
 * The other way round. `decrypt` gives random octets for what is not rightly padded, so that all that is wrong ends in the same
 * place. @throws HalError ASN1_PARSE_FAILED, KEYWRAP_BAD_MAGIC, KEYWRAP_BAD_LENGTH
 */
export function unwrapBackup(
  { pkcs8, kek }: WrappedKey,
  decrypt: (encrypted: Uint8Array, length: number) => Uint8Array,
): Uint8Array {
  const wrapped = decodeEncryptedKey('aes256-wrap-pad', pkcs8);
  const key = decrypt(decodeEncryptedKey('rsa', kek), WRAPPING_KEY_OCTETS);
  try {
    return unwrapKey(key, wrapped);
  } finally {
    key.fill(0);
  }
}
