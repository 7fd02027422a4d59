import { serialAdd, serialLess } from '../base/serial.ts';

/**
 * Gives the SOA serial of a new signed version.
 * @param signed serial of the signed version before
 * @param unsigned serial of the unsigned version, when there is one apart from the signed one
 */
export type SerialMethod = (signed: number, unsigned: number | undefined) => number;

/**
 * `serial-update-method` of named and `-N` of dnssec-signzone. The result is always after `signed` (RFC 1982), because
 * secondaries and resolvers would not see the new version otherwise.
 * - increment: what the operator wrote in the unsigned zone when that is later, else one more
 * - unixtime: `now`, or one more when that is not later
 * - date: `now` as YYYYMMDD00 in UTC, or one more when that is not later
 * @param now Unix seconds
 */
export function serialMethod(method: 'increment' | 'unixtime' | 'date', now: number): SerialMethod {
  if (method === 'increment')
    return (signed, unsigned) =>
      unsigned !== undefined && serialLess(signed, unsigned) ? skipZero(unsigned) : skipZero(serialAdd(signed, 1));
  const wanted = method === 'unixtime' ? now >>> 0 : dateSerial(now);
  return (signed) => (serialLess(signed, wanted) ? wanted : skipZero(serialAdd(signed, 1)));
}

/** BIND never gives a zone the serial 0: some secondaries take it for "no zone". */
function skipZero(serial: number): number {
  return serial === 0 ? 1 : serial;
}

function dateSerial(now: number): number {
  const date = new Date(now * 1000);
  return date.getUTCFullYear() * 1000000 + (date.getUTCMonth() + 1) * 10000 + date.getUTCDate() * 100;
}
