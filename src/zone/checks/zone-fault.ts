import { SignetError } from '../../base/error.ts';
import { classText } from '../../wire/class-text.ts';
import type { Name } from '../../wire/name.ts';
import { nameToShortText } from '../../wire/name-text.ts';

export type ZoneFaultCode =
  | 'ZONE_APEX'
  | 'ZONE_JOURNAL'
  | 'ZONE_ADDRESS'
  | 'ZONE_DUPLICATE'
  | 'ZONE_KEYS'
  | 'ZONE_NSEC3PARAM'
  | 'ZONE_SPF'
  | 'ZONE_FILE';

/** Something wrong with a zone as a whole. The message is BIND's: `zone example/IN: what`. */
export class ZoneFault extends SignetError {
  readonly severity: 'error' | 'warning';
  readonly what: string;

  constructor(severity: 'error' | 'warning', code: ZoneFaultCode, zone: Name, what: string, zoneClass = 1) {
    const zoneText = `${zoneName(zone)}/${classText(zoneClass)}`;
    super(code, `zone ${zoneText}: ${what}`, { zone: zoneText, severity });
    this.name = 'ZoneFault';
    this.severity = severity;
    this.what = what;
  }
}

/** A zone's name as BIND's messages have it: no final dot, "." for the root. */
function zoneName(zone: Name): string {
  return nameToShortText(zone);
}
