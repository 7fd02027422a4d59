import { serialAdd, serialLess } from '../base/serial.ts';

/**
 * Gives the SOA serial of a new signed version.
 * @param signed serial of the signed version before
 * @param unsigned serial of the unsigned version, when there is one apart from the signed one
 */
export type SerialMethod = (signed: number, unsigned: number | undefined) => number;

/**
 * `serial-update-method` of named and `-N` of dnssec-signzone. The result is always after `signed` (RFC 1982), because
 * secondaries and resolvers would not see the new version otherwise, and never before what the operator wrote in `unsigned`.
 * - increment: the unsigned serial when that is later, else one more
 * - unixtime: `now`, or one more when that is not later
 * - date: `now` as YYYYMMDD00 in UTC, or one more when that is not later
 * @param now Unix seconds
 */
export function serialMethod(method: 'increment' | 'unixtime' | 'date', now: number): SerialMethod {
  const ofTime = method === 'increment' ? undefined : method === 'unixtime' ? skipZero(now >>> 0) : dateSerial(now);
  return (signed, unsigned) => {
    const wanted = ofTime !== undefined && serialLess(signed, ofTime) ? ofTime : skipZero(serialAdd(signed, 1));
    // Only a serial after the signed one counts: an unsigned serial set back must not take the zone back.
    const isLater = unsigned !== undefined && serialLess(signed, unsigned) && serialLess(wanted, unsigned);
    return isLater ? skipZero(unsigned) : wanted;
  };
}

/** BIND never gives a zone the serial 0: some secondaries take it for "no zone". */
function skipZero(serial: number): number {
  return serial === 0 ? 1 : serial;
}

function dateSerial(now: number): number {
  const date = new Date(now * 1000);
  return date.getUTCFullYear() * 1000000 + (date.getUTCMonth() + 1) * 10000 + date.getUTCDate() * 100;
}
