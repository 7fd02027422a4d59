import { isWithin, LOWER, uncheckedName, type Name } from '../../wire/name.ts';
import { mustName } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';

/*
 * Host names are made of letters, digits and hyphens; no label begins or ends with a hyphen (RFC 952, RFC 1123 section 2.1).
 * BIND checks owners of records that only hosts have, and names in RDATA that are names of hosts or mailboxes.
 */

const isAlphanumeric = (octet: number): boolean =>
  (octet >= 0x30 && octet <= 0x39) || (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);

/** True when octets[at ...] is the name of a host. The root is one. @param wildcard whether the first label may be "*" */
export function isHostName(octets: Uint8Array, at: number, wildcard: boolean): boolean {
  let here = at;
  if (wildcard && octets[here] === 1 && octets[here + 1] === 0x2a) here += 2;
  for (; octets[here] !== 0; here += octets[here] + 1) {
    const last = here + octets[here];
    if (!isAlphanumeric(octets[here + 1]) || !isAlphanumeric(octets[last])) return false;
    for (let i = here + 2; i < last; i++) if (octets[i] !== 0x2d && !isAlphanumeric(octets[i])) return false;
  }
  return true;
}

/** True for a mailbox in RDATA (RFC 1035 section 8): any printable first label, then the name of a host. */
function isMailbox(octets: Uint8Array, at: number): boolean {
  const length = octets[at];
  if (length === 0) return true;
  for (let i = at + 1; i <= at + length; i++) if (octets[i] <= 0x20 || octets[i] >= 0x7f) return false;
  return isHostName(octets, at + length + 1, false);
}

/** Obsolete, but BIND still checks its names. */
const A6 = 38;
const WKS = 11;
const HTTPS = 65;
const SVCB = 64;
const MINFO = 14;
const RP = 17;
const AFSDB = 18;
const RT = 21;

/** True when records of this type belong to hosts and the owner is no name of a host. */
export function isBadOwner(owner: Uint8Array, type: number): boolean {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
    case A6:
      return !isHostName(owner, 0, true) && !isGlobalCatalog(owner);
    case TYPE.MX:
    case WKS:
      return !isHostName(owner, 0, true);
    case TYPE.NSEC3:
      return !isHashLabel(owner);
    default:
      return false;
  }
}

/** Active Directory's gc._msdcs.<forest> is let pass although it has an underscore. */
function isGlobalCatalog(owner: Uint8Array): boolean {
  for (let i = 0; i < GLOBAL_CATALOG.length; i++) if (LOWER[owner[i]] !== GLOBAL_CATALOG[i]) return false;
  return isHostName(owner, GLOBAL_CATALOG.length, false);
}
const GLOBAL_CATALOG = Uint8Array.from(Buffer.from('\x02gc\x06_msdcs', 'latin1'));

/** The first label of an NSEC3 owner is a hash in base 32 with extended hex alphabet (RFC 5155 section 3). */
function isHashLabel(owner: Uint8Array): boolean {
  for (let i = 1; i <= owner[0]; i++) {
    const octet = owner[i];
    const lower = octet | 0x20;
    if (!(octet >= 0x30 && octet <= 0x39) && !(lower >= 0x61 && lower <= 0x76)) return false;
  }
  return owner[0] > 0;
}

const REVERSE_TREES: readonly Name[] = [mustName('in-addr.arpa.'), mustName('ip6.arpa.'), mustName('ip6.int.')];

/** Where in RDATA a name stands that should be a host's or a mailbox, or -1 when all are good. */
export function findBadName(owner: Uint8Array, ownerLength: number, type: number, rdata: Uint8Array): number {
  switch (type) {
    case TYPE.NS:
      return host(rdata, 0);
    case TYPE.MX:
    case AFSDB:
    case RT:
      return host(rdata, 2);
    case TYPE.SRV:
      return host(rdata, 6);
    case TYPE.SOA: {
      const bad = host(rdata, 0);
      return bad >= 0 ? bad : mailbox(rdata, afterName(rdata, 0));
    }
    case MINFO: {
      const bad = mailbox(rdata, 0);
      return bad >= 0 ? bad : mailbox(rdata, afterName(rdata, 0));
    }
    case RP:
      return mailbox(rdata, 0);
    case SVCB:
    case HTTPS:
      // RFC 9460 section 2.4.2: priority 0 makes an alias, whose target may be any name.
      return rdata[0] === 0 && rdata[1] === 0 ? -1 : host(rdata, 2);
    case A6:
      return rdata[0] === 0 ? -1 : host(rdata, 1 + 16 - (rdata[0] >> 3));
    case TYPE.PTR:
      return isReverse(owner, ownerLength) ? host(rdata, 0) : -1;
    default:
      return -1;
  }
}

function isReverse(owner: Uint8Array, ownerLength: number): boolean {
  const name = uncheckedName(owner.subarray(0, ownerLength));
  return REVERSE_TREES.some((tree) => isWithin(name, tree));
}

function host(rdata: Uint8Array, at: number): number {
  return isHostName(rdata, at, false) ? -1 : at;
}

function mailbox(rdata: Uint8Array, at: number): number {
  return isMailbox(rdata, at) ? -1 : at;
}

function afterName(octets: Uint8Array, at: number): number {
  let here = at;
  while (octets[here] !== 0) here += octets[here] + 1;
  return here + 1;
}
