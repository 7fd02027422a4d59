/** Serial number arithmetic, SERIAL_BITS = 32 (RFC 1982), for SOA serials and RRSIG times (RFC 4034 section 3.1.5). */

/** True when `a` comes before `b`. Both false and its mirror are false for numbers exactly 2^31 apart. */
export function serialLess(a: number, b: number): boolean {
  const distance = (b - a) >>> 0;
  return distance !== 0 && distance < 0x80000000;
}

export function serialAdd(serial: number, increment: number): number {
  return (serial + increment) >>> 0;
}

/** Unix time closest to `near` whose lowest 32 bits are `time32`: how RRSIG times are read after 2106. */
export function expandTime32(time32: number, near: number): number {
  return near + ((time32 - near) | 0);
}
