import { isHostName } from '../zone/checks/host-names.ts';
import { TYPE } from '../wire/type-codes.ts';

/* What records name that is worth sending with them, as BIND 9.18 sees it (RFC 1034 section 4.3.2 step 6). */

const AFSDB = 18;
const RT = 21;
const KX = 36;
const SVCB = 64;
const HTTPS = 65;

/** Of DANE for mail (RFC 7672 section 2.2). */
const SMTP_PORT = 25;

/** True for types whose RDATA names something that is looked up. */
export function hasTarget(type: number): boolean {
  return type === TYPE.NAPTR || targetAt(type) >= 0;
}

/** SVCB and HTTPS (RFC 9460) have aliases and targets that depend on the owner. */
export function isServiceBinding(type: number): boolean {
  return type === SVCB || type === HTTPS;
}

/** Type that is looked up at the target of RDATA: A for addresses of both kinds, 0 for nothing. */
export function wantedType(type: number, rdata: Uint8Array): number {
  if (type === TYPE.NAPTR) return wantedByFlags(rdata);
  // RFC 9460 section 2.4.1: priority 0 is an alias.
  return isServiceBinding(type) && rdata[0] === 0 && rdata[1] === 0 ? type : TYPE.A;
}

/** RFC 3403 section 4.1: the flag "S" leads to SRV, "A" to addresses; the RDATA has flags behind order and preference. */
function wantedByFlags(rdata: Uint8Array): number {
  for (let i = 5; i < 5 + rdata[4]; i++) {
    const flag = rdata[i] | 0x20;
    if (flag === 0x73) return TYPE.SRV;
    if (flag === 0x61) return TYPE.A;
  }
  return 0;
}

/** Where the RDATA has the target. */
export function targetOffset(type: number, rdata: Uint8Array): number {
  if (type !== TYPE.NAPTR) return targetAt(type);
  // Behind order and preference: flags, services and regular expression (RFC 3403 section 4.1).
  let at = 4;
  for (let i = 0; i < 3; i++) at += rdata[at] + 1;
  return at;
}

function targetAt(type: number): number {
  switch (type) {
    case TYPE.NS:
    case 3: // MD
    case 4: // MF
    case 7: // MB
      return 0;
    case TYPE.MX:
    case AFSDB:
    case RT:
    case KX:
    case SVCB:
    case HTTPS:
      return 2;
    case TYPE.SRV:
      return 6;
    default:
      return -1;
  }
}

/** Port of the service at the target, whose TLSA records are of use (RFC 6698 section 3); -1 for none. */
export function servicePort(type: number, rdata: Uint8Array): number {
  if (type === TYPE.MX) return SMTP_PORT;
  return type === TYPE.SRV ? (rdata[4] << 8) | rdata[5] : -1;
}

/** True when the target "." of a service binding has addresses: those of the owner (RFC 9460 section 2.5.2), if it is a host. */
export function isServedByOwner(type: number, rdata: Uint8Array, owner: Uint8Array, ownerAt: number): boolean {
  return isServiceBinding(type) && wantedType(type, rdata) === TYPE.A && isHostName(owner, ownerAt, false);
}

/** Writes "_PORT._tcp" in wire form without an end; returns the position behind it. */
export function writeServiceLabels(port: number, out: Uint8Array): number {
  let digits = 1;
  for (let rest = port; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
  out[0] = digits + 1;
  out[1] = 0x5f;
  for (let i = digits; i > 0; i--, port = Math.trunc(port / 10)) out[1 + i] = 0x30 + (port % 10);
  let at = digits + 2;
  for (const octet of TCP) out[at++] = octet;
  return at;
}

const TCP = Uint8Array.of(4, 0x5f, 0x74, 0x63, 0x70);
