import { isTakenUp, signsKeys, signsZone } from '../policy/planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from '../policy/planned-key.ts';
import type { KeyRole, KeyStage } from './explanation.ts';

/* Words for keys, their records and what these are in. */

export const RECORD_NAMES: Readonly<Record<KeyRecord, string>> = {
  dnskey: 'DNSKEY',
  zrrsig: 'zone signatures',
  krrsig: 'DNSKEY signatures',
  ds: 'DS',
};

/** What a condition of a record means for resolvers. */
export const CONDITION_TEXTS: Readonly<Record<KeyRecord, Readonly<Record<Condition, string>>>> = {
  dnskey: {
    hidden: 'is not in the zone, and no cache has it',
    rumoured: 'is in the zone, but caches may still have the DNSKEY RRset without it',
    omnipresent: 'is in the zone, and whoever has the DNSKEY RRset has it',
    unretentive: 'is not in the zone any more, but caches may still have it',
  },
  zrrsig: {
    hidden: 'does not sign the zone, and no cache has signatures by it',
    rumoured: 'signs the zone, but caches may still have records without its signatures',
    omnipresent: 'signs the zone, and whoever has a record has a signature by it',
    unretentive: 'does not sign the zone any more, but caches may still have signatures by it',
  },
  krrsig: {
    hidden: 'does not sign the DNSKEY RRset, and no cache has a signature by it',
    rumoured: 'signs the DNSKEY RRset, but caches may still have the RRset without its signature',
    omnipresent: 'signs the DNSKEY RRset, and whoever has the RRset has its signature',
    unretentive: 'does not sign the DNSKEY RRset any more, but caches may still have its signature',
  },
  ds: {
    hidden: 'is not at the parent, as far as we know',
    rumoured: 'is to be at the parent, but caches may still have the DS RRset without it',
    omnipresent: 'is at the parent, and whoever has the DS RRset has it',
    unretentive: 'is to leave the parent, and until then and in caches it may still be there',
  },
};

/** What happens when a record goes into a condition. */
export const STEP_TEXTS: Readonly<Record<KeyRecord, Readonly<Record<Condition, string>>>> = {
  dnskey: {
    rumoured: 'its DNSKEY is put into the zone',
    omnipresent: 'its DNSKEY counts as known everywhere',
    unretentive: 'its DNSKEY is taken out of the zone',
    hidden: 'its DNSKEY counts as forgotten everywhere',
  },
  zrrsig: {
    rumoured: 'it begins to sign the zone',
    omnipresent: 'its signatures of the zone count as known everywhere',
    unretentive: 'it ceases to sign the zone',
    hidden: 'its signatures of the zone count as forgotten everywhere',
  },
  krrsig: {
    rumoured: 'it begins to sign the DNSKEY RRset',
    omnipresent: 'its signature of the DNSKEY RRset counts as known everywhere',
    unretentive: 'it ceases to sign the DNSKEY RRset',
    hidden: 'its signature of the DNSKEY RRset counts as forgotten everywhere',
  },
  ds: {
    rumoured: 'its DS may be given to the parent (CDS and CDNSKEY are published)',
    omnipresent: 'its DS counts as known everywhere',
    unretentive: 'its DS may be taken from the parent (its CDS and CDNSKEY are withdrawn)',
    hidden: 'its DS counts as forgotten everywhere',
  },
};

export function roleOf(key: PlannedKey): KeyRole {
  if (!signsKeys(key)) return 'ZSK';
  return signsZone(key) ? 'CSK' : 'KSK';
}

export function stageOf(key: PlannedKey): KeyStage {
  if (!isTakenUp(key)) return 'not managed';
  const { goal, dnskey, zrrsig, krrsig, ds } = key.state ?? {};
  const conditions = [dnskey, zrrsig, krrsig, ds].filter((condition) => condition !== undefined);
  if (goal === 'hidden') return conditions.every((condition) => condition === 'hidden') ? 'gone' : 'going';
  return conditions.every((condition) => condition === 'omnipresent') ? 'in use' : 'coming';
}

/** `KSK 12345`, with the algorithm where another of these keys has the same tag. */
export function keyName(key: PlannedKey, keys: readonly PlannedKey[]): string {
  const name = `${roleOf(key)} ${key.tag}`;
  return hasNamesake(key, keys) ? `${name} (algorithm ${key.algorithm})` : name;
}

export function hasNamesake(key: PlannedKey, keys: readonly PlannedKey[]): boolean {
  return keys.some((other) => other.id !== key.id && other.tag === key.tag);
}

/** `a`, `a and b`, `a, b and c`. */
export function listText(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
