import type { CryptoDevice, KeyInfo } from '../device/crypto-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { KeyType } from '../hal-constants.ts';
import type { KeyLine } from './appliance.ts';

/** Keys that are asked for at a time. */
const PAGE = 256;

const CKA_LABEL = 0x0003;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [KeyType.RSA_PRIVATE]: 'RSA private',
  [KeyType.RSA_PUBLIC]: 'RSA public',
  [KeyType.EC_PRIVATE]: 'EC private',
  [KeyType.EC_PUBLIC]: 'EC public',
  [KeyType.HASHSIG_PRIVATE]: 'hash-based private',
  [KeyType.HASHSIG_PUBLIC]: 'hash-based public',
  [KeyType.ED_PRIVATE]: 'Edwards private',
  [KeyType.ED_PUBLIC]: 'Edwards public',
  [KeyType.DATA]: 'data',
};

/** Every token key of the device, in UUID order, in all partitions. @param client logged in as wheel */
export async function* listTokenKeys(device: CryptoDevice, client: number): AsyncGenerator<KeyInfo> {
  for await (const uuids of pages(device))
    for (const info of await Promise.all(uuids.map((uuid) => openIfThere(device, client, uuid))))
      if (info !== undefined) yield info;
}

/** The same for a person; without a master key only the UUIDs can be told. */
export async function describeTokenKeys(device: CryptoDevice, client: number): Promise<KeyLine[]> {
  const lines: KeyLine[] = [];
  for await (const uuids of pages(device))
    for (const line of await Promise.all(uuids.map((uuid) => describe(device, client, uuid))))
      if (line !== undefined) lines.push(line);
  return lines;
}

async function* pages(device: CryptoDevice): AsyncGenerator<readonly string[]> {
  let after: string | undefined;
  for (;;) {
    const heads = await device.listRecords(after, PAGE);
    yield heads.filter(({ isDeleted }) => !isDeleted).map(({ uuid }) => uuid);
    if (heads.length < PAGE) return;
    after = heads.at(-1)?.uuid;
  }
}

async function describe(device: CryptoDevice, client: number, uuid: string): Promise<KeyLine | undefined> {
  try {
    const info = await openIfThere(device, client, uuid);
    if (info === undefined) return undefined;
    const [label] = await device.getAttributes(client, uuid, [CKA_LABEL]);
    const { type, flags } = info;
    const text = label === undefined ? '' : Buffer.from(label.value).toString('utf8');
    return { uuid, type: TYPE_NAMES[type] ?? `type ${type}`, flags, label: printable(text) };
  } catch (error) {
    if (!(error instanceof HalError)) throw error;
    return { uuid, type: `cannot be read: ${error.message}`, flags: 0, label: '' };
  }
}

/** undefined: it was deleted meanwhile. */
async function openIfThere(device: CryptoDevice, client: number, uuid: string): Promise<KeyInfo | undefined> {
  try {
    return await device.openKey(client, uuid);
  } catch (error) {
    if (error instanceof HalError && error.status === HalStatus.KEY_NOT_FOUND) return undefined;
    throw error;
  }
}

/** Labels come from clients: what could drive a terminal is not shown. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 80);
}
