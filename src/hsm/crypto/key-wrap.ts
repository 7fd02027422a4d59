import { createCipheriv, createDecipheriv } from 'node:crypto';
import { HalError, HalStatus } from '../hal-status.ts';

/** AES-256 key wrap with padding, RFC 5649, as OpenSSL computes it (the check of the integrity value takes constant time). */

const CIPHER = 'id-aes256-wrap-pad';
/** The constant half of the alternative initial value (section 3). */
const AIV = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

export const WRAPPING_KEY_OCTETS = 32;
/** Far above any key; RFC 5649 allows 2^32 - 1. */
const MAX_PLAIN_OCTETS = 1 << 24;

/** `kek`: 32 octets; `plain`: at least one. Octets of the result: those of `plain` in whole eights, and eight more. */
export function wrapKey(kek: Uint8Array, plain: Uint8Array): Uint8Array {
  checkWrappingKey(kek);
  if (plain.length === 0 || plain.length > MAX_PLAIN_OCTETS)
    throw new HalError(HalStatus.KEYWRAP_BAD_LENGTH, `${plain.length} octets cannot be wrapped`);
  const cipher = createCipheriv(CIPHER, kek, AIV);
  return joined(cipher.update(plain), cipher.final());
}

/**
 * The caller clears the result.
 * @throws HalError KEYWRAP_BAD_LENGTH, and KEYWRAP_BAD_MAGIC for everything else: the status tells nothing about what was inside
 */
export function unwrapKey(kek: Uint8Array, wrapped: Uint8Array): Uint8Array {
  checkWrappingKey(kek);
  if (wrapped.length < 16 || wrapped.length % 8 !== 0 || wrapped.length > MAX_PLAIN_OCTETS + 8)
    throw new HalError(HalStatus.KEYWRAP_BAD_LENGTH, `${wrapped.length} octets are no wrapped key`);
  try {
    const decipher = createDecipheriv(CIPHER, kek, AIV);
    return joined(decipher.update(wrapped), decipher.final());
  } catch {
    const message = 'the wrapped key was changed, or is wrapped under another key';
    throw new HalError(HalStatus.KEYWRAP_BAD_MAGIC, message);
  }
}

function checkWrappingKey(kek: Uint8Array): void {
  if (kek.length !== WRAPPING_KEY_OCTETS)
    throw new HalError(
      HalStatus.MASTERKEY_BAD_LENGTH,
      `a key-encryption key has ${WRAPPING_KEY_OCTETS} octets, not ${kek.length}`,
    );
}

/** In memory of its own; what it came from is cleared. */
function joined(first: Buffer, last: Buffer): Uint8Array {
  const whole = new Uint8Array(first.length + last.length);
  whole.set(first);
  whole.set(last, first.length);
  first.fill(0);
  last.fill(0);
  return whole;
}
