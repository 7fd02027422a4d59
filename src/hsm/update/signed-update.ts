import { createHash, createPublicKey, sign, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzipSync } from 'node:zlib';
import { SignetError } from '../../base/error.ts';
import { parseVersion } from './version.ts';
import { readTar, type TarFile, writeTar } from './tar.ts';

/*
 * An update, `DKEY-HSM-UPDATE-yy.mm.vv.tar.gz.signed`:
 *
 *   tar.gz | signature of RSA-4096 (512 octets) or RSA-2048 (256), PKCS#1 v1.5 over SHA-512
 *   tar.gz | signature of Ed25519 (64 octets) | "ED25519\n"
 *
 * The key that this appliance trusts says which. Nothing is unpacked before the signature was found good. The archive holds manifest.json and
 * the files of the parts, each under the name of its part.
 */

export const UPDATE_PARTS = ['software', 'firmware', 'bootloader', 'fpga', 'tamper'] as const;
export type UpdatePartName = (typeof UPDATE_PARTS)[number];

export interface UpdateManifest {
  readonly format: 1;
  /** "2026-11-21-01 - 1.2.3.4" */
  readonly version: string;
  /** "2026-11-21": of the version. */
  readonly date: string;
  /** Every file of the archive but the manifest. */
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

export interface Update {
  readonly manifest: UpdateManifest;
  readonly files: readonly TarFile[];
  readonly parts: readonly UpdatePartName[];
}

export const LARGEST_UPDATE = 256 << 20;
const LARGEST_UNPACKED = 512 << 20;
const ED25519_MARK = Buffer.from('ED25519\n');
const MANIFEST = 'manifest.json';

/**
 * Checks the signature, then reads.
 * @param keys public keys that are trusted
 * @throws SignetError UPDATE_SIGNATURE, UPDATE_ARCHIVE, UPDATE_SIZE
 */
export async function readUpdate(octets: Uint8Array, keys: readonly KeyObject[]): Promise<Update> {
  if (octets.length > LARGEST_UPDATE)
    throw new SignetError('UPDATE_SIZE', `the update has ${octets.length} octets; at most ${LARGEST_UPDATE} are taken`);
  const archive = keys.map((key) => signedPart(octets, key)).find((part) => part !== undefined);
  if (archive === undefined)
    throw new SignetError(
      'UPDATE_SIGNATURE',
      'Unable to verify update: no key that this HSM trusts made its signature, or the file was changed; nothing was changed',
    );
  let tar: Uint8Array;
  try {
    tar = await promisify(gunzip)(archive, { maxOutputLength: LARGEST_UNPACKED });
  } catch (cause) {
    throw bad(`it cannot be unpacked (${(cause as Error).message})`, cause);
  }
  return readContent(readTar(tar));
}

/** Makes an update of `files`, signed by a private key. @param at Unix time */
export function makeUpdate(version: string, files: readonly TarFile[], key: KeyObject, at: number): Uint8Array {
  if (parseVersion(version) === undefined)
    throw new SignetError('UPDATE_VERSION', `'${version}' is no version: it must look like '2026-11-21-01 - 1.2.3.4'`);
  for (const { name } of files) partOf(name);
  const manifest: UpdateManifest = {
    format: 1,
    version,
    date: version.slice(0, 10),
    files: Object.fromEntries(files.map(({ name, octets }) => [name, { size: octets.length, sha256: sha256(octets) }])),
  };
  const first = { name: MANIFEST, octets: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) };
  const archive = gzipSync(writeTar([first, ...files], at), { level: 9 });
  return Buffer.concat([archive, ...signatureOf(archive, key)]);
}

/** PEM texts of one or more public keys, one after the other. @throws SignetError UPDATE_KEY */
export function readUpdateKeys(pem: string, file: string): readonly KeyObject[] {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g) ?? [];
  const refuse = (what: string, cause?: unknown): SignetError =>
    new SignetError('UPDATE_KEY', `update key ${file}: ${what}`, { file }, cause);
  if (blocks.length === 0) throw refuse('there is no public key in PEM in it');
  return blocks.map((block) => {
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch (cause) {
      throw refuse('it is no public key in PEM', cause);
    }
    if (signatureLength(key) === undefined) throw refuse('it must be RSA of 2048 or 4096 bits, or Ed25519');
    return key;
  });
}

/** Octets of a signature with its mark; undefined: a key that updates are not signed with. */
function signatureLength(key: KeyObject): number | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 64 + ED25519_MARK.length;
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === 2048 || bits === 4096 ? bits / 8 : undefined;
}

/** What the key signed, when it did. */
function signedPart(octets: Uint8Array, key: KeyObject): Uint8Array | undefined {
  const length = signatureLength(key);
  if (length === undefined || octets.length <= length) return undefined;
  const archive = octets.subarray(0, octets.length - length);
  const end = octets.subarray(octets.length - length);
  if (key.asymmetricKeyType === 'rsa') return verify('sha512', archive, key, end) ? archive : undefined;
  if (!ED25519_MARK.equals(end.subarray(64))) return undefined;
  return verify(null, archive, key, end.subarray(0, 64)) ? archive : undefined;
}

function signatureOf(archive: Uint8Array, key: KeyObject): readonly Uint8Array[] {
  if (signatureLength(key) === undefined)
    throw new SignetError('UPDATE_KEY', 'the key must be RSA of 2048 or 4096 bits, or Ed25519');
  return key.asymmetricKeyType === 'rsa' ? [sign('sha512', archive, key)] : [sign(null, archive, key), ED25519_MARK];
}

function readContent(entries: readonly TarFile[]): Update {
  const manifest = readManifest(entries.find(({ name }) => name === MANIFEST)?.octets);
  const files = entries.filter(({ name }) => name !== MANIFEST);
  const listed = Object.keys(manifest.files);
  for (const { name, octets } of files) {
    const facts = Object.hasOwn(manifest.files, name) ? manifest.files[name] : undefined;
    if (facts?.size !== octets.length || facts.sha256 !== sha256(octets))
      throw bad(`'${name}' is not what the manifest says`);
  }
  if (files.length !== listed.length) throw bad('the manifest names files that are not there');
  const parts = UPDATE_PARTS.filter((part) => files.some(({ name }) => partOf(name) === part));
  if (parts.length === 0) throw bad('it has no part at all');
  return { manifest, files, parts };
}

function readManifest(octets: Uint8Array | undefined): UpdateManifest {
  if (octets === undefined) throw bad(`it has no ${MANIFEST}`);
  let value: Partial<UpdateManifest> | null;
  try {
    value = JSON.parse(Buffer.from(octets).toString('utf8')) as Partial<UpdateManifest> | null;
  } catch (cause) {
    throw bad(`its ${MANIFEST} is no JSON`, cause);
  }
  if (value?.format !== 1) throw bad(`its ${MANIFEST} is of a form that this version does not know`);
  const { version, date, files } = value;
  if (typeof version !== 'string' || parseVersion(version) === undefined) throw bad('its version is none');
  if (typeof date !== 'string' || date !== version.slice(0, 10)) throw bad('its date is not that of its version');
  if (typeof files !== 'object' || files === null) throw bad(`its ${MANIFEST} lists no files`);
  return { format: 1, version, date, files };
}

function partOf(name: string): UpdatePartName {
  const part = UPDATE_PARTS.find((one) => name.startsWith(`${one}/`));
  if (part === undefined) throw bad(`'${name}' belongs to no part (${UPDATE_PARTS.join(', ')})`);
  return part;
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

function bad(what: string, cause?: unknown): SignetError {
  return new SignetError(
    'UPDATE_ARCHIVE',
    `the update's archive cannot be used: ${what}; nothing was changed`,
    {},
    cause,
  );
}
