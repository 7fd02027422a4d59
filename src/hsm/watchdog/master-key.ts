import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { KernelKey, ProcessSecrets } from '../../base/process-secrets.ts';
import { HalError, HalStatus } from '../hal-status.ts';

export const MASTER_KEY_OCTETS = 32;

/** The master key memory: 32 octets that are nowhere else. */
export interface MasterKeyMemory {
  readonly keptIn: 'process' | 'kernel keyring';
  isSet(): boolean;
  set(key: Uint8Array): void;
  /** Nothing happens when there is none. */
  clear(): void;
  /** The key must not outlive `work`. @throws HalError MASTERKEY_NOT_SET */
  use<T>(work: (key: Uint8Array) => T): T;
}

/** Pages of the process's own: gone when the process ends. */
export class ProcessKeyMemory implements MasterKeyMemory {
  readonly keptIn = 'process';
  /** Whether the pages are kept from swap. */
  readonly isLocked: boolean;
  readonly #key: Uint8Array;
  #isSet = false;

  constructor(secrets: ProcessSecrets) {
    ({ octets: this.#key, isLocked: this.isLocked } = secrets.allocateSecret(MASTER_KEY_OCTETS));
  }

  isSet(): boolean {
    return this.#isSet;
  }

  set(key: Uint8Array): void {
    this.#key.set(key);
    this.#isSet = true;
  }

  clear(): void {
    this.#key.fill(0);
    this.#isSet = false;
  }

  use<T>(work: (key: Uint8Array) => T): T {
    if (!this.#isSet) throw notSet();
    return work(this.#key);
  }
}

/** The kernel's memory: outlives the process, is gone with the host. Each use copies the key for as long as it takes. */
export class KeyringMemory implements MasterKeyMemory {
  readonly keptIn = 'kernel keyring';
  readonly #kernelKey: KernelKey;
  readonly #copy: Uint8Array;

  /** @param description what the key is called in the keyring: of one state directory and one device */
  constructor(secrets: ProcessSecrets, description: string) {
    this.#kernelKey = secrets.keyring(description);
    this.#copy = secrets.allocateSecret(MASTER_KEY_OCTETS).octets;
  }

  isSet(): boolean {
    return this.#kernelKey.isSet();
  }

  set(key: Uint8Array): void {
    this.#kernelKey.set(key);
  }

  clear(): void {
    this.#kernelKey.clear();
  }

  use<T>(work: (key: Uint8Array) => T): T {
    if (!this.#kernelKey.read(this.#copy)) throw notSet();
    try {
      return work(this.#copy);
    } finally {
      this.#copy.fill(0);
    }
  }
}

function notSet(): HalError {
  return new HalError(
    HalStatus.MASTERKEY_NOT_SET,
    'the master key is not set: enter it at the console (masterkey set)',
  );
}

/** RFC 5649 section 3. */
const ALTERNATIVE_INITIAL_VALUE = Buffer.from('a65959a6', 'hex');

/** AES-256 key wrap with padding, RFC 5649. @throws HalError BAD_ARGUMENTS when there is nothing to wrap */
export function wrapKey(key: Uint8Array, plain: Uint8Array): Uint8Array {
  if (plain.length === 0) throw new HalError(HalStatus.BAD_ARGUMENTS, 'nothing to wrap: keys have at least one octet');
  const cipher = createCipheriv('id-aes256-wrap-pad', key, ALTERNATIVE_INITIAL_VALUE);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/**
 * RFC 5649 section 3 asks for one outcome for all that is not authentic: which check failed would tell an attacker something.
 * @throws HalError KEYWRAP_BAD_LENGTH, KEYWRAP_BAD_MAGIC
 */
export function unwrapKey(key: Uint8Array, wrapped: Uint8Array): Uint8Array {
  if (wrapped.length < 16 || wrapped.length % 8 !== 0)
    throw new HalError(HalStatus.KEYWRAP_BAD_LENGTH, `a wrapped key has 16, 24, 32 ... octets, not ${wrapped.length}`);
  const decipher = createDecipheriv('id-aes256-wrap-pad', key, ALTERNATIVE_INITIAL_VALUE);
  let plain: Buffer;
  try {
    plain = decipher.update(wrapped);
    decipher.final();
  } catch {
    throw new HalError(HalStatus.KEYWRAP_BAD_MAGIC, 'a wrapped key is not authentic: it was altered, or wrapped under another master key'); // prettier-ignore
  }
  return plain;
}

/** HKDF-SHA-256 without salt (RFC 5869), at most 32 octets. Not node:crypto's, which keeps a copy of the key until it is collected. */
export function deriveKey(key: Uint8Array, info: string, octets: number): Uint8Array {
  const extracted = createHmac('sha256', new Uint8Array(32)).update(key).digest();
  const derived = createHmac('sha256', extracted)
    .update(info)
    .update(new Uint8Array([1]))
    .digest();
  extracted.fill(0);
  return derived.subarray(0, octets);
}
