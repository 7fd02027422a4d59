import { KeyFlag, KeyType } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { KeyQuery } from './crypto-device.ts';
import type { Prover } from './key-record.ts';
import type { KeyEntry, KeyTable } from './key-table.ts';
import { type Client, hasKeysOf, maySee } from './logins.ts';
import { attributeValue, bestEntry } from './public-attributes.ts';

/** Keys looked at before others get their turn. */
const SLICE = 256;
export const MAX_MATCHES = 65_536;

/**
 * UUIDs of keys that match, in their order. Those with a look-up attribute (label, id, public key) are found without reading others. A record
 * that is not authentic matches nothing.
 */
export async function findKeys(
  who: { readonly number: number; readonly client: Client | undefined },
  partition: number,
  query: KeyQuery,
  { keys, prover }: { readonly keys: KeyTable; readonly prover: () => Prover },
): Promise<string[]> {
  const { limit } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_MATCHES)
    throw new HalError(
      HalStatus.BAD_ARGUMENTS,
      `between 1 and ${MAX_MATCHES} keys can be asked for at a time, not ${limit}`,
    );
  const isWanted = (entry: KeyEntry): boolean =>
    entry.key.partition === partition && matches(entry, query) && maySee(who.client, who.number, entry);
  const found = isTokenOnly(query, false)
    ? []
    : await findTokenKeys(who.client, partition, query, isWanted, { keys, prover });
  if (isTokenOnly(query, true)) return found;
  const volatile = who.client?.role === 'wheel' ? keys.allVolatile : keys.volatileOf(who.client?.volatile ?? []);
  for (const entry of volatile) if (isWanted(entry) && entry.key.uuid > (query.after ?? '')) found.push(entry.key.uuid);
  return found.sort().slice(0, limit);
}

async function findTokenKeys(
  client: Client | undefined,
  partition: number,
  query: KeyQuery,
  isWanted: (entry: KeyEntry) => boolean,
  { keys, prover }: { readonly keys: KeyTable; readonly prover: () => Prover },
): Promise<string[]> {
  const found: string[] = [];
  const entry = bestEntry(partition, query.attributes);
  const isPublicOnly = !hasKeysOf(client, partition);
  let after = query.after ?? '';
  for (;;) {
    const size = Math.min(SLICE, query.attributes.length === 0 ? query.limit - found.length : SLICE);
    const page = keys.findCandidates({
      ...query,
      partition,
      entry,
      isPublicOnly,
      after,
      limit: size,
    });
    for (const uuid of page) {
      const candidate = findOrSkip(keys, uuid, prover());
      if (candidate && isWanted(candidate) && found.push(uuid) === query.limit) return found;
    }
    if (page.length < size) return found;
    after = page[page.length - 1];
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The log was told of one that is not authentic. */
function findOrSkip(keys: KeyTable, uuid: string, prover: Prover): KeyEntry | undefined {
  try {
    return keys.find(uuid, prover);
  } catch (fault) {
    if (fault instanceof HalError && fault.status === HalStatus.KEYSTORE_BAD_CRC) return undefined;
    throw fault;
  }
}

/** The query says that keys have the flag TOKEN, or have it not. */
function isTokenOnly({ mask, flags }: KeyQuery, isToken: boolean): boolean {
  return (mask & KeyFlag.TOKEN) !== 0 && ((flags & KeyFlag.TOKEN) !== 0) === isToken;
}

function matches({ key }: KeyEntry, query: KeyQuery): boolean {
  if (query.type !== KeyType.NONE && key.type !== query.type) return false;
  if (query.curve !== 0 && key.curve !== query.curve) return false;
  if (((key.flags ^ query.flags) & query.mask) !== 0) return false;
  return query.attributes.every(({ type, value }) => {
    const has = attributeValue(key, type);
    return has !== undefined && Buffer.from(has.buffer, has.byteOffset, has.byteLength).equals(value);
  });
}
