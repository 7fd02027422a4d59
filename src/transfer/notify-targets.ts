import { equalNames, type Name, uncheckedName } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';

/** Who is told of a new version. */
export interface NotifyTargets {
  /** Addresses (4 or 16 octets) that the zone's data give for its name servers. */
  readonly addresses: readonly Uint8Array[];
  /** Name servers whose addresses are not in the zone: to be looked up elsewhere. */
  readonly unresolved: readonly Name[];
}

/**
 * The name servers of the apex without the primary that the SOA names (RFC 1996 section 2.1, "notify set"), with their
 * addresses from the zone itself.
 */
export function notifyTargets(arena: Arena, version: VersionRef): NotifyTargets {
  const reader = new ZoneReader(arena).open(version);
  const primary = primaryName(reader);
  const addresses: Uint8Array[] = [];
  const unresolved: Name[] = [];
  const ns = reader.rrset(reader.apexNode, TYPE.NS);
  for (const rdata of ns === 0 ? [] : reader.rdataAll(ns)) {
    const host = uncheckedName(rdata);
    if (primary !== undefined && equalNames(host, primary)) continue;
    const found = addressesOf(reader, host);
    if (found.length > 0) addresses.push(...found);
    else unresolved.push(host);
  }
  return { addresses, unresolved };
}

function primaryName(reader: ZoneReader): Name | undefined {
  const soa = reader.rrset(reader.apexNode, TYPE.SOA);
  if (soa === 0) return undefined;
  const [rdata] = reader.rdataAll(soa);
  let end = 0;
  while (rdata[end] !== 0) end += rdata[end] + 1;
  return uncheckedName(rdata.subarray(0, end + 1));
}

function addressesOf(reader: ZoneReader, host: Name): Uint8Array[] {
  const node = reader.find(host);
  if (node === 0) return [];
  return [TYPE.A, TYPE.AAAA].flatMap((type) => {
    const rrset = reader.rrset(node, type);
    return rrset === 0 ? [] : reader.rdataAll(rrset);
  });
}
