import { isIPv4, isIPv6 } from 'node:net';
import { nameLengthAt, uncheckedName, type Name } from '../../wire/name.ts';
import { nameToShortText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { MasterFileFaultCode } from '../../zonefile/master-file-fault.ts';
import type { RecordPlace, RecordSink } from '../../zonefile/scanner.ts';
import type { CheckMode, ZoneCheckOptions } from './check-options.ts';
import { findBadName, isBadOwner } from './host-names.ts';

/** The checks that look at one record and so can say where it stands. Good records go on to the next sink. */
export class RecordChecks implements RecordSink {
  readonly #options: ZoneCheckOptions;
  readonly #zone: Name;
  readonly #now: number | undefined;
  readonly #next: RecordSink;
  #soa: Uint8Array<ArrayBuffer> | undefined;
  #nsCount = 0;
  #hasAlias = false;
  #toldOfExpiry = false;
  #toldOfOldDnssec = false;

  /** @param now Unix seconds, to tell of expired signatures; without it they are not looked at */
  constructor(options: { checks: ZoneCheckOptions; zone: Name; now: number | undefined }, next: RecordSink) {
    this.#options = options.checks;
    this.#zone = options.zone;
    this.#now = options.now;
    this.#next = next;
  }

  /** RDATA of the SOA record; undefined before it. */
  get soa(): Uint8Array<ArrayBuffer> | undefined {
    return this.#soa;
  }

  /** SOA records at the apex so far: one is right (RFC 1035 section 5.2). */
  get soaCount(): number {
    return this.#soa === undefined ? 0 : 1;
  }

  /** NS records at the apex so far: at least one is needed. */
  get nsCount(): number {
    return this.#nsCount;
  }

  /** True when there was a CNAME or DNAME, which must not stand beside others: without one `findOwnerConflicts` finds nothing. */
  get hasAlias(): boolean {
    return this.#hasAlias;
  }

  record(
    owner: Uint8Array,
    ownerLength: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    rdataLength: number,
    place: RecordPlace,
  ): void {
    const { innerWildcards, hostNames } = this.#options;
    if (innerWildcards !== 'ignore' && hasInnerWildcard(owner)) {
      const what = `warning: ownername '${nameAt(owner, 0)}' contains an non-terminal wildcard`;
      place.report('warning', CHECK, what);
    }
    if (!this.#checkType(owner, ownerLength, type, rdata, rdataLength, place)) return;
    if (hostNames !== 'ignore' && !this.#checkHostNames(owner, ownerLength, type, rdata, place)) return;
    this.#next.record(owner, ownerLength, type, ttl, rdata, rdataLength, place);
  }

  /** False when the record is refused. */
  #checkHostNames(
    owner: Uint8Array,
    ownerLength: number,
    type: number,
    rdata: Uint8Array,
    place: RecordPlace,
  ): boolean {
    const mode = this.#options.hostNames;
    if (isBadOwner(owner, type)) {
      const result = 'bad owner name (check-names)';
      if (report(mode, place, `${nameAt(owner, 0)}: ${result}`, result)) return false;
    }
    const at = findBadName(owner, ownerLength, type, rdata);
    if (at < 0) return true;
    const result = 'bad name (check-names)';
    const what = `${nameAt(rdata, at)}: ${result}`;
    return !report(mode, place, mode === 'warn' ? `warning: ${what}` : what, result);
  }

  #checkType(
    owner: Uint8Array,
    ownerLength: number,
    type: number,
    rdata: Uint8Array,
    rdataLength: number,
    place: RecordPlace,
  ): boolean {
    switch (type) {
      case TYPE.SOA:
        return this.#checkSoa(rdata, rdataLength, place);
      case TYPE.NS:
        if (isWildcard(owner)) return refuseWildcard(owner, 'invalid NS owner name (wildcard)', place);
        if (ownerLength === this.#zone.length) this.#nsCount++;
        return this.#checkNsAddress(rdata, place);
      case TYPE.MX:
        return this.#checkMxAddress(rdata, place);
      case TYPE.NSEC3:
        return !isWildcard(owner) || refuseWildcard(owner, 'invalid NSEC3 owner name (wildcard)', place);
      case TYPE.CNAME:
      case TYPE.DNAME:
        this.#hasAlias = true;
        return true;
      case TYPE.RRSIG:
        this.#checkExpiry(rdata, place);
        return true;
      case TYPE.NXT:
        this.#tellOldDnssec(place);
        return true;
      default:
        return true;
    }
  }

  #checkSoa(rdata: Uint8Array, length: number, place: RecordPlace): boolean {
    if (this.#soa === undefined) {
      this.#soa = rdata.slice(0, length);
      return true;
    }
    const same = this.#soa.length === length && this.#soa.every((octet, i) => octet === rdata[i]);
    const result = 'multiple RRs of singleton type';
    if (!same) place.report('error', 'MASTER_FILE_SOA', `${nameToShortText(this.#zone)}: ${result}`, result);
    return false;
  }

  #checkNsAddress(rdata: Uint8Array, place: RecordPlace): boolean {
    const mode = this.#options.nsAddress;
    if (mode === 'ignore' || !mayBeAddress(rdata, 0) || !isAddressText(place.tokenText())) return true;
    return !report(mode, place, `NS record '${place.tokenText()}' appears to be an address`, 'NS is an address');
  }

  #checkMxAddress(rdata: Uint8Array, place: RecordPlace): boolean {
    const mode = this.#options.mxAddress;
    if (mode === 'ignore' || !mayBeAddress(rdata, 2) || !isAddressText(place.tokenText())) return true;
    const what = `'${place.tokenText()}': MX is an address`;
    return !report(mode, place, mode === 'warn' ? `warning: ${what}` : `near ${what}`, 'MX is an address');
  }

  /** NXT is what NSEC replaced (RFC 3755 section 3). Told once a zone. */
  #tellOldDnssec(place: RecordPlace): void {
    if (!this.#toldOfOldDnssec) place.report('warning', CHECK, 'old style DNSSEC  zone detected');
    this.#toldOfOldDnssec = true;
  }

  /** RFC 4034 section 3.1.5: expiration is compared by serial arithmetic. Told once a zone, as BIND does. */
  #checkExpiry(rdata: Uint8Array, place: RecordPlace): void {
    if (this.#toldOfExpiry || this.#now === undefined) return;
    const expiration = (rdata[8] << 24) | (rdata[9] << 16) | (rdata[10] << 8) | rdata[11];
    if (((expiration - this.#now) | 0) >= 0) return;
    this.#toldOfExpiry = true;
    place.report('warning', CHECK, 'signature has expired');
  }
}

const CHECK: MasterFileFaultCode = 'MASTER_FILE_CHECK';

/** Reports by the mode; true when the record is refused. */
function report(mode: CheckMode, place: RecordPlace, what: string, result: string): boolean {
  place.report(mode === 'fail' ? 'error' : 'warning', CHECK, what, result);
  return mode === 'fail';
}

function refuseWildcard(owner: Uint8Array, result: string, place: RecordPlace): false {
  place.report('error', CHECK, `${nameAt(owner, 0)}: ${result}`, result);
  return false;
}

function nameAt(octets: Uint8Array, at: number): string {
  return nameToShortText(uncheckedName(octets.subarray(at, at + nameLengthAt(octets, at))));
}

const ASTERISK = 0x2a;

function isWildcard(owner: Uint8Array): boolean {
  return owner[0] === 1 && owner[1] === ASTERISK;
}

/** A label "*" that is not the first: the name does not work as a wildcard (RFC 4592 section 2.1.1). */
function hasInnerWildcard(owner: Uint8Array): boolean {
  if (owner[0] === 0) return false;
  for (let at = owner[0] + 1; owner[at] !== 0; at += owner[at] + 1) {
    if (owner[at] === 1 && owner[at + 1] === ASTERISK) return true;
  }
  return false;
}

/** False for nearly all names, without making a text: that of an address begins with a digit or has a colon before a dot. */
function mayBeAddress(rdata: Uint8Array, at: number): boolean {
  const first = rdata[at + 1];
  if (first >= 0x30 && first <= 0x39) return true;
  for (let i = at + 1, end = at + rdata[at]; i <= end; i++) if (rdata[i] === 0x3a) return true;
  return false;
}

/** An address where a name belongs, with or without the final dot of a name. */
function isAddressText(text: string): boolean {
  const first = text.charCodeAt(0);
  const mayBe = (first >= 0x30 && first <= 0x39) || text.includes(':');
  if (!mayBe) return false;
  const address = text.endsWith('.') ? text.slice(0, -1) : text;
  return isIPv4(address) || isIPv6(address);
}
