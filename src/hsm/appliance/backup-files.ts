import { SignetError } from '../../base/error.ts';
import type { Attribute } from '../device/crypto-device.ts';
import { ALL_KEY_FLAGS } from '../hal-constants.ts';

/*
 * The vendor's JSON forms of a backup, which other appliances and the vendor's tools read. Base64 is one text or a list of lines.
 */

export interface Kekek {
  /** On the destination. */
  readonly uuid: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

export type BackupKey = {
  readonly uuid: string;
  readonly flags: number;
  readonly attributes: readonly Attribute[];
} & (
  | { readonly kind: 'private'; readonly pkcs8: Uint8Array; readonly kek: Uint8Array }
  | { readonly kind: 'public'; readonly spki: Uint8Array }
);

export interface Backup {
  readonly kekek: Kekek;
  readonly keys: readonly BackupKey[];
}

/** Octets of a file that is looked at: a key takes some 10 kB with its attributes. */
export const LARGEST_BACKUP = 256 << 20;
/** A PKCS#11 attribute is never longer. */
const LONGEST_VALUE = 65_536;
const MOST_ATTRIBUTES = 256;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function writeBackupSetup(kekek: Kekek): Uint8Array {
  return Buffer.from(`${JSON.stringify(setupOf(kekek, 'KEKEK public key'), null, 2)}\n`);
}

export function writeBackup(kekek: Kekek, keys: readonly BackupKey[]): Uint8Array {
  const file = { ...setupOf(kekek, 'Cryptech Alpha encrypted key backup'), keys: keys.map(keyOf) };
  return Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
}

function setupOf({ uuid, publicKey }: Kekek, comment: string): Record<string, unknown> {
  return { comment, kekek_uuid: uuid, kekek_pubkey: lines(publicKey) };
}

function keyOf(key: BackupKey): Record<string, unknown> {
  const { uuid, flags } = key;
  const attributes = Object.fromEntries(key.attributes.map(({ type, value }) => [String(type), base64(value)]));
  return key.kind === 'private'
    ? { comment: 'Encrypted private key', pkcs8: lines(key.pkcs8), kek: lines(key.kek), uuid, flags, attributes }
    : { comment: 'Public key', spki: lines(key.spki), uuid, flags, attributes };
}

/** @throws SignetError BACKUP_FILE that names what is wrong */
export function readBackupSetup(octets: Uint8Array): Kekek {
  return kekekOf(parse(octets, 'setup.json'), 'setup.json');
}

/** @throws SignetError BACKUP_FILE that names what is wrong */
export function readBackup(octets: Uint8Array): Backup {
  const file = parse(octets, 'export.json');
  const { keys } = file;
  if (!Array.isArray(keys)) throw refuse('export.json', 'it has no list of keys');
  return { kekek: kekekOf(file, 'export.json'), keys: keys.map((key, i) => readKey(key, `key ${i + 1}`)) };
}

function parse(octets: Uint8Array, name: string): Record<string, unknown> {
  if (octets.length > LARGEST_BACKUP) throw refuse(name, `it has more than ${LARGEST_BACKUP} octets`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8'));
  } catch (cause) {
    throw refuse(name, 'it is no JSON', cause);
  }
  if (!isObject(value)) throw refuse(name, 'it is no JSON object');
  return value;
}

function kekekOf(file: Record<string, unknown>, name: string): Kekek {
  const uuid = file['kekek_uuid'];
  if (typeof uuid !== 'string' || !UUID.test(uuid.toLowerCase())) throw refuse(name, 'kekek_uuid is no UUID');
  return { uuid: uuid.toLowerCase(), publicKey: octetsOf(file['kekek_pubkey'], name, 'kekek_pubkey') };
}

function readKey(value: unknown, which: string): BackupKey {
  const name = 'export.json';
  if (!isObject(value)) throw refuse(name, `${which} is no object`);
  const { uuid, flags } = value;
  if (typeof uuid !== 'string' || !UUID.test(uuid.toLowerCase())) throw refuse(name, `the uuid of ${which} is none`);
  if (!Number.isInteger(flags) || ((flags as number) & ~ALL_KEY_FLAGS) !== 0)
    throw refuse(name, `the flags of ${which} are none`);
  const common = {
    uuid: uuid.toLowerCase(),
    flags: flags as number,
    attributes: readAttributes(value['attributes'], which),
  };
  if (value['spki'] !== undefined)
    return { kind: 'public', ...common, spki: octetsOf(value['spki'], name, `the spki of ${which}`) };
  const pkcs8 = octetsOf(value['pkcs8'], name, `the pkcs8 of ${which}`);
  return { kind: 'private', ...common, pkcs8, kek: octetsOf(value['kek'], name, `the kek of ${which}`) };
}

function readAttributes(value: unknown, which: string): Attribute[] {
  if (value === undefined) return [];
  const refused = (what: string): SignetError => refuse('export.json', `the attributes of ${which} ${what}`);
  if (!isObject(value)) throw refused('are no object');
  const entries = Object.entries(value);
  if (entries.length > MOST_ATTRIBUTES) throw refused(`are more than ${MOST_ATTRIBUTES}`);
  return entries.map(([type, content]) => {
    if (!/^\d{1,10}$/.test(type) || Number(type) > 0xffffffff) throw refused(`have '${type}', which is no number`);
    // The vendor's tool writes numbers as such: a CK_ULONG of a client on x86-64.
    if (typeof content === 'number' || typeof content === 'boolean')
      return {
        type: Number(type),
        value: numberOctets(content, () => refused(`have a number at ${type} that is none`)),
      };
    const octets = octetsOf(content, 'export.json', `attribute ${type} of ${which}`, true);
    if (octets.length > LONGEST_VALUE) throw refused(`have more than ${LONGEST_VALUE} octets at ${type}`);
    return { type: Number(type), value: octets };
  });
}

function numberOctets(value: number | boolean, refused: () => SignetError): Uint8Array {
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0);
  if (!Number.isSafeInteger(value) || value < 0) throw refused();
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64LE(BigInt(value));
  return octets;
}

function octetsOf(value: unknown, name: string, what: string, mayBeEmpty = false): Uint8Array {
  const text = Array.isArray(value) && value.every((line) => typeof line === 'string') ? value.join('') : value;
  if (typeof text !== 'string') throw refuse(name, `${what} is missing or no text`);
  const plain = text.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain) || plain.length % 4 !== 0) throw refuse(name, `${what} is no base64`);
  if (plain === '' && !mayBeEmpty) throw refuse(name, `${what} is empty`);
  return Buffer.from(plain, 'base64');
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64');
}

function lines(octets: Uint8Array): readonly string[] {
  return base64(octets).match(/.{1,64}/g) ?? [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(name: string, what: string, cause?: unknown): SignetError {
  return new SignetError('BACKUP_FILE', `${name}: ${what}; nothing was done`, { file: name }, cause);
}
