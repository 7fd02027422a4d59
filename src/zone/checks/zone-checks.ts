import { CLASS, TYPE } from '../../wire/type-codes.ts';
import type { ZoneReader } from '../store/zone-reader.ts';
import { AddressChecks, type OutsideName } from './address-checks.ts';
import type { ZoneCheckOptions } from './check-options.ts';
import { checkDuplicates } from './duplicate-checks.ts';
import { FaultList } from './fault-list.ts';
import { checkApexKeys } from './key-checks.ts';
import type { ZoneFault } from './zone-fault.ts';

export interface ZoneCheckResult {
  readonly faults: ZoneFault[];
  readonly hasErrors: boolean;
  /** Names outside the zone whose addresses are still to be looked up (modes full and full-sibling). */
  readonly outside: readonly OutsideName[];
}

/** The checks of a loaded zone as a whole, in the order in which BIND makes them. */
export function checkZone(
  reader: ZoneReader,
  options: ZoneCheckOptions,
  zoneClass: number = CLASS.IN,
): ZoneCheckResult {
  const faults = new FaultList(reader.apex, zoneClass);
  // Addresses are a matter of class IN: in others NS and A mean something else, or nothing.
  const outside = zoneClass === CLASS.IN ? new AddressChecks(reader, options, faults).run() : [];
  checkDuplicates(reader, options.duplicates, faults);
  checkApexKeys(reader, faults);
  return { faults: faults.all(), hasErrors: faults.hasErrors, outside };
}

/** True when the zone shows keys and a chain of denial: BIND says "(DNSSEC signed)". */
export function isSigned(reader: ZoneReader): boolean {
  if (reader.rrset(reader.apexNode, TYPE.DNSKEY) === 0) return false;
  return reader.rrset(reader.apexNode, TYPE.NSEC) !== 0 || reader.rrset(reader.apexNode, TYPE.NSEC3PARAM) !== 0;
}
