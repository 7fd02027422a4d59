import path from 'node:path';
import { DiskError } from '../base/disk.ts';
import { silentLog } from '../base/log.ts';
import type { Configuration, DnssecPolicy, KeyDirectoryList, ZoneConfiguration } from '../conf/configuration.ts';
import { formatFault } from '../conf/fault.ts';
import { readConfiguration } from '../conf/read-configuration.ts';
import { normalizeZoneName, zoneNameKey } from '../conf/zone-name.ts';
import { tagOfOtherRevocation } from '../crypto/key-tag.ts';
import { keyBits } from '../crypto/public-key.ts';
import { KeyDirectories } from '../keys/key-directories.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import { mustName } from '../wire/name-text.ts';
import type { SignetContext } from './signet-context.ts';
import { Refusal } from './signet-context.ts';

/** A zone of a configuration that a policy manages. */
export interface ManagedZone {
  readonly zone: ZoneConfiguration;
  readonly view: string;
  readonly policy: DnssecPolicy;
  /** "example.org." or, where there are views, "example.org. (view inside)". */
  readonly label: string;
  /** For messages: the directories that its keys are made in. */
  readonly keyDirectory: string;
  /** Absolute paths. */
  readonly keyDirectories: KeyDirectoryList;
  /** Where the signed zone is kept. */
  readonly signedFile: string;
}

/** @throws Refusal when it has faults; all are printed before */
export function loadConfiguration(file: string, { disk, output }: SignetContext): Configuration {
  const { configuration, faults } = readConfiguration(file, disk);
  for (const fault of faults) output.complain(`${fault.severity}: ${formatFault(fault)}\n`);
  if (configuration === undefined) throw new Refusal(`${file} has errors: mend them first`);
  return configuration;
}

/** Which of the zones are meant. */
export interface ZoneChoice {
  readonly zone: string | undefined;
  readonly view: string | undefined;
}

/** The zones with a dnssec-policy, or those that are meant. @throws Refusal when there is none */
export function managedZones(configuration: Configuration, choice: ZoneChoice): ManagedZone[] {
  const wanted = choice.zone === undefined ? undefined : zoneKey(choice.zone);
  if (choice.view !== undefined && !configuration.views.some(({ name }) => name === choice.view))
    throw new Refusal(`--view ${choice.view}: the configuration has no such view`);
  const meant = configuration.views
    .filter(({ name }) => choice.view === undefined || name === choice.view)
    .flatMap(({ name: view, zones }) => zones.map((zone) => ({ view, zone })))
    .filter(({ zone }) => wanted === undefined || zoneNameKey(zone.name) === wanted);
  if (meant.length === 0)
    throw new Refusal(choice.zone === undefined ? 'the configuration has no zones' : `there is no zone ${choice.zone}`);
  const managed = meant.flatMap(({ view, zone }) => managedZone(configuration, view, zone) ?? []);
  if (managed.length === 0) {
    const what = choice.zone === undefined ? 'no zone has' : `${choice.zone} has no`;
    throw new Refusal(`${what} dnssec-policy: nothing decides about keys there; set one in the zone, or in options`);
  }
  return managed;
}

function zoneKey(text: string): string {
  const name = normalizeZoneName(text);
  if (name === undefined) throw new Refusal(`${text}: this is no domain name`);
  return zoneNameKey(name);
}

/** A zone as the history names it: lower case, no final dot. @throws Refusal for what is no name */
export function historyZoneName(text: string): string {
  const name = zoneKey(text);
  return name === '.' ? name : name.slice(0, -1);
}

function managedZone(configuration: Configuration, view: string, zone: ZoneConfiguration): ManagedZone | undefined {
  const policy = zone.policy === undefined ? undefined : configuration.policies.get(zone.policy);
  if (policy === undefined) return undefined;
  const label = configuration.views.length === 1 ? zone.name : `${zone.name} (view ${view})`;
  const absolute = (written: string): string => path.resolve(configuration.directory, written);
  const { own, others } = zone.keyDirectories ?? { own: [zone.keyDirectory], others: [] };
  const keyDirectories = { own: own.map(absolute), others: others.map(absolute) };
  const keyDirectory = keyDirectories.own.join(', ');
  const signedFile = `${path.resolve(configuration.directory, zone.file)}.signed`;
  return { zone, view, policy, label, keyDirectory, keyDirectories, signedFile };
}

/** The keys in the zone's key directories. Files that cannot be used are told of. @throws Refusal without directory */
export function readKeys({ zone, label, keyDirectories }: ManagedZone, context: SignetContext): KeyPair[] {
  const { disk, clock, output } = context;
  const store = new KeyDirectories(keyDirectories, { disk, clock, log: silentLog });
  try {
    const { keys, faults } = store.list(mustName(zone.name));
    for (const fault of faults) output.complain(`warning: ${label}: ${fault.message}\n`);
    return [...keys];
  } catch (fault) {
    if (fault instanceof DiskError) throw new Refusal(`${label}: the key directory cannot be read: ${fault.message}`);
    throw fault;
  }
}

export function plannedKey(pair: KeyPair): PlannedKey {
  const { fileBase: id, dnskey, tag, algorithm, flags, times, predecessor, successor } = pair;
  const state = pair.state && {
    ...pair.state,
    ...(predecessor !== undefined && { predecessor }),
    ...(successor !== undefined && { successor }),
  };
  const revokedTag = tagOfOtherRevocation(dnskey);
  return { id, tag, revokedTag, algorithm, bits: keyBits(dnskey) ?? 0, flags, times, ...(state && { state }) };
}
