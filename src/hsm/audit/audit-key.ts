import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';

/** The key that signs the audit log: Ed25519, made at the first start, kept for good. */
export interface AuditKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const AUDIT_KEY_FILE = 'audit-key.pem';
export const AUDIT_PUBLIC_KEY_FILE = 'audit-key.pub';

/** Reads the key of the audit directory, or makes it. @throws SignetError AUDIT_KEY when it is no Ed25519 key that only we may read */
export function openAuditKey(directory: string, disk: Disk): AuditKey {
  const file = path.join(directory, AUDIT_KEY_FILE);
  const octets = disk.read(file);
  if (octets === undefined) return makeKey(directory, file, disk);
  const refuse = (what: string, cause?: unknown): SignetError =>
    new SignetError('AUDIT_KEY', `audit key ${file}: ${what}`, { file }, cause);
  if (((disk.facts(file)?.mode ?? 0) & 0o077) !== 0) throw refuse('others may read it: chmod 600 it');
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(Buffer.from(octets));
  } catch (cause) {
    throw refuse(
      'it is no private key in PEM; restore it from a backup, or move the whole audit directory away',
      cause,
    );
  } finally {
    octets.fill(0);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') throw refuse('it is no Ed25519 key');
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function makeKey(directory: string, file: string, disk: Disk): AuditKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  try {
    disk.replace(file, pem, 0o600);
  } finally {
    pem.fill(0);
  }
  disk.replace(path.join(directory, AUDIT_PUBLIC_KEY_FILE), publicKeyPem(publicKey), 0o644);
  return { privateKey, publicKey };
}

export function publicKeyPem(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ type: 'spki', format: 'pem' }));
}

/** SHA-256 over the SubjectPublicKeyInfo, as a person compares it. */
export function auditKeyFingerprint(key: KeyObject): string {
  return `SHA256:${createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64')}`;
}
