import { SignetError } from '../../base/error.ts';
import type { Random } from '../../base/random.ts';
import type { Attribute, CryptoDevice, KeyInfo } from '../device/crypto-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { KeyFlag, KeyType } from '../hal-constants.ts';
import { makeUuid } from '../uuid.ts';
import { type BackupKey, readBackup, readBackupSetup, writeBackup, writeBackupSetup } from './backup-files.ts';
import { listTokenKeys } from './key-lists.ts';
import type { SupervisedDevice } from './parts.ts';

/*
 * A backup goes from one appliance to another under a key-encryption-key encryption key (KEKEK), an RSA key of the destination that never
 * leaves it:
 *
 *   destination: makeSetup  -- setup.json  (the KEKEK's public key) -->  source: exportKeys  -- export.json -->  destination: importKeys
 *
 * Each key goes under an AES key of its own, and that one under the KEKEK. Only keys with the flag EXPORTABLE leave.
 */

/** Marks the KEKEK among the keys of a device, so that it is used again and never exported itself: CKA_LABEL. */
const KEKEK_LABEL = 'KEKEK of backups';
const CKA_LABEL = 0x0003;
const RSA_65537 = Uint8Array.of(1, 0, 1);

const KEKEK_FLAGS = KeyFlag.KEY_ENCIPHERMENT | KeyFlag.TOKEN;

export interface BackupContext {
  readonly device: SupervisedDevice;
  /** Logged in as wheel. */
  readonly client: number;
  readonly random: Random;
}

/** The KEKEK's public key as setup.json; the key is made when the device has none yet. */
export async function makeSetup({ device: { device }, client, random }: BackupContext): Promise<Uint8Array> {
  let kekek = await findKekek(device, client);
  if (kekek === undefined) {
    kekek = makeUuid(random);
    const spec = { kind: 'rsa', bits: 2048, exponent: RSA_65537, flags: KEKEK_FLAGS } as const;
    await device.generateKey(client, kekek, 0, spec);
    await device.setAttributes(client, kekek, [{ type: CKA_LABEL, value: Buffer.from(KEKEK_LABEL) }]);
  }
  return writeBackupSetup({ uuid: kekek, publicKey: await device.getPublicKey(client, kekek) });
}

/** All exportable token keys of the device, under the KEKEK of `setup`, as export.json. */
export async function exportKeys(
  context: BackupContext,
  setup: Uint8Array,
  tell: (line: string) => void,
): Promise<Uint8Array> {
  const {
    device: { device },
    client,
    random,
  } = context;
  const destination = readBackupSetup(setup);
  const kekek = makeUuid(random);
  const loaded = await device.loadKey(client, kekek, 0, destination.publicKey, KeyFlag.KEY_ENCIPHERMENT);
  try {
    if (loaded.type !== KeyType.RSA_PUBLIC)
      throw new SignetError('BACKUP_KEKEK', 'the KEKEK in setup.json is no RSA public key: make the file anew');
    const keys: BackupKey[] = [];
    for await (const key of listTokenKeys(device, client)) {
      const exported = await exportKey(device, client, key, kekek);
      tell(`'${key.uuid}' was ${exported === undefined ? 'left out: it is not exportable' : 'processed.'}`);
      if (exported !== undefined) keys.push(exported);
    }
    return writeBackup(destination, keys);
  } finally {
    await device.deleteKey(client, kekek);
  }
}

/** Takes the keys of export.json under the UUIDs that they have there; those that are here already stay as they are. Resolves to how many came. */
export async function importKeys(
  { device: { device, name }, client }: BackupContext,
  backup: Uint8Array,
  tell: (line: string) => void,
): Promise<number> {
  const { kekek, keys } = readBackup(backup);
  const own = await findKekek(device, client);
  if (own !== kekek.uuid)
    throw new SignetError(
      'BACKUP_KEKEK',
      `this backup was made for the KEKEK ${kekek.uuid}, which ${name} does not have: make setup.json here and export again with it`,
      { kekek: kekek.uuid },
    );
  let count = 0;
  for (const key of keys) {
    try {
      await importKey(device, client, key, kekek.uuid);
    } catch (error) {
      if (!(error instanceof HalError) || error.status !== HalStatus.KEY_NAME_IN_USE) throw error;
      tell(`'${key.uuid}' is here already and stays as it is.`);
      continue;
    }
    count++;
    tell(`${key.kind === 'private' ? 'Imported' : 'Loaded'} ${key.uuid}`);
  }
  return count;
}

async function exportKey(
  device: CryptoDevice,
  client: number,
  key: KeyInfo,
  kekek: string,
): Promise<BackupKey | undefined> {
  const { uuid, flags, type } = key;
  const isHashBased = type === KeyType.HASHSIG_PRIVATE;
  // A state that two devices have would sign twice with one leaf.
  if ((flags & KeyFlag.EXPORTABLE) === 0 || isHashBased) return undefined;
  const attributes = await device.listAttributes(client, uuid);
  if (!PRIVATE_TYPES.includes(type))
    return { kind: 'public', uuid, flags, attributes, spki: await device.getPublicKey(client, uuid) };
  return { kind: 'private', uuid, flags, attributes, ...(await device.exportKey(client, uuid, kekek)) };
}

const PRIVATE_TYPES: readonly KeyType[] = [KeyType.RSA_PRIVATE, KeyType.EC_PRIVATE, KeyType.ED_PRIVATE];

async function importKey(device: CryptoDevice, client: number, key: BackupKey, kekek: string): Promise<void> {
  const { uuid, flags, attributes } = key;
  if (key.kind === 'private')
    await device.importKey(client, uuid, 0, kekek, { pkcs8: key.pkcs8, kek: key.kek }, flags | KeyFlag.TOKEN);
  else await device.loadKey(client, uuid, 0, key.spki, flags | KeyFlag.TOKEN);
  try {
    if (attributes.length > 0) await device.setAttributes(client, uuid, attributes);
  } catch (error) {
    // A key without its label is a key that nobody finds.
    await device.deleteKey(client, uuid);
    throw error;
  }
}

/** The key of the device that was made for backups, or undefined. */
async function findKekek(device: CryptoDevice, client: number): Promise<string | undefined> {
  const label: Attribute = { type: CKA_LABEL, value: Buffer.from(KEKEK_LABEL) };
  const found = await device.matchKeys(client, 0, {
    type: KeyType.RSA_PRIVATE,
    curve: 0,
    mask: KEKEK_FLAGS,
    flags: KEKEK_FLAGS,
    attributes: [label],
    after: undefined,
    limit: 1,
  });
  return found[0];
}
