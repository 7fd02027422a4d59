import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import type { KeyDirectoryList, KeyStoreStatement, ViewConfiguration, ZoneConfiguration } from '../configuration.ts';
import { directoryFault } from '../directory.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { zoneNameKey } from '../zone-name.ts';
import type { CheckContext } from './context.ts';

/** The store that is always there: the key directory of each zone. */
export const KEY_DIRECTORY = 'key-directory';

/** @param directory what relative paths are under */
export function checkKeyStores(
  clauses: readonly Clause[],
  directory: string,
  { disk, faults }: { readonly disk: Disk; readonly faults: FaultList },
): Map<string, KeyStoreStatement> {
  const stores = new Map<string, KeyStoreStatement>();
  for (const { value, position } of clauses) {
    const name = textField(value, 'name') ?? '';
    const body = fieldOf(value, 'body') as MapValue;
    const pkcs11 = clauseNamed(body, 'pkcs11-uri');
    if (pkcs11) {
      const text = `key-store '${name}': 'pkcs11-uri' is known but not supported by this version; use directory`;
      faults.error('CONF_UNSUPPORTED', pkcs11.position, text);
    }
    if (name === KEY_DIRECTORY) faults.error('CONF_VALUE', position, `key-store: name '${KEY_DIRECTORY}' not allowed`);
    else if (stores.has(name))
      faults.error('CONF_DUPLICATE', position, `key-store: duplicate key-store found '${name}'`);
    else stores.set(name, { name, directory: storeDirectory(body, directory, disk, faults) });
  }
  return stores;
}

function storeDirectory(body: MapValue, under: string, disk: Disk, faults: FaultList): string | undefined {
  const clause = clauseNamed(body, 'directory');
  if (clause?.value.kind !== 'text') return undefined;
  const { text } = clause.value;
  const fault = directoryFault(disk, path.resolve(under, text));
  if (fault?.isMissing)
    faults.warning('CONF_NO_FILE', clause.position, `key-store directory: '${text}' does not exist`);
  else if (fault) faults.error('CONF_VALUE', clause.position, `key-store directory: '${text}': ${fault.text}`);
  return text;
}

/** Where the zone's policy has keys made; the key directory when it has none made. */
export function ownDirectories(zone: ZoneConfiguration, { policies }: Pick<CheckContext, 'policies'>): string[] {
  const lines = (zone.policy === undefined ? undefined : policies.get(zone.policy)?.keys) ?? [];
  const directories = lines.map(({ keyStore }) => keyStore?.directory ?? zone.keyDirectory);
  return directories.length === 0 ? [zone.keyDirectory] : [...new Set(directories)];
}

/**
 * Tells each zone where keys of it may be: also in the stores of policies that it had before, so that a policy can change its store
 * and the zone keeps its keys. What belongs to the same zone in another view is left out.
 */
export function withKeyDirectories(
  views: readonly ViewConfiguration[],
  stores: ReadonlyMap<string, KeyStoreStatement>,
  context: CheckContext,
): readonly ViewConfiguration[] {
  if (stores.size === 0) return views;
  const absolute = (directory: string): string => path.resolve(context.directory, directory);
  const all = [...stores.values()].flatMap(({ directory }) => directory ?? []);
  const owners = new Map<string, Set<string>>();
  for (const zone of views.flatMap(({ zones }) => zones)) {
    const key = zoneNameKey(zone.name);
    const known = owners.get(key) ?? new Set();
    for (const directory of ownDirectories(zone, context)) known.add(absolute(directory));
    owners.set(key, known);
  }
  const listOf = (zone: ZoneConfiguration): KeyDirectoryList => {
    const own = ownDirectories(zone, context);
    const taken = owners.get(zoneNameKey(zone.name))!;
    const others = [zone.keyDirectory, ...all].filter((one) => !taken.has(absolute(one)));
    return { own, others: [...new Set(others)] };
  };
  return views.map((view) => ({
    ...view,
    // Keys that a person manages are in the key directory.
    zones: view.zones.map((zone) => (zone.manualKeys ? zone : { ...zone, keyDirectories: listOf(zone) })),
  }));
}
