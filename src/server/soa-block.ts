import { SECTION } from '../wire/header.ts';
import { labelDigest, type MessageBuilder } from '../wire/message-writer.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

const LARGEST = 1024;
const POINTER_OCTETS = 2;
/** Type, class, TTL and RDATA length behind an owner. */
const FIXED_OCTETS = 10;
/** The numbers at the end of SOA RDATA (RFC 1035 section 3.3.13). */
const SOA_NUMBERS = 20;
const MOST_POINTERS = 16;

/**
 * The SOA RRset with its signatures as negative answers have it (RFC 2308 section 3), ready to be copied: only the pointers to the
 * apex differ between answers. A zone whose SOA names end otherwise, or share more than the apex, has no such block; its answers
 * are written record by record, with the same result.
 */
export class SoaBlock {
  readonly #octets = new Uint8Array(LARGEST);
  readonly #view = new DataView(this.#octets.buffer);
  readonly #pointers = new Uint16Array(MOST_POINTERS);
  #pointerCount = 0;
  #pointersUnsigned = 0;
  #length = 0;
  #lengthUnsigned = 0;
  #signatures = 0;
  #isUsable = false;
  // The two names of the SOA: where they stand in the block, and a digest of their label next to the apex; -1 for the apex itself.
  #serverAt = 0;
  #serverDigest = -1;
  #mailboxAt = 0;
  #mailboxDigest = -1;
  #apexLength = 0;

  /** Makes the block for the version that the reader has open. */
  build(reader: ZoneReader): void {
    this.#isUsable = this.#build(reader);
  }

  #build(reader: ZoneReader): boolean {
    const soa = reader.rrset(reader.apexNode, TYPE.SOA);
    if (soa === 0) return false;
    const position = reader.firstRdata(soa);
    const end = reader.copyRdata(position, RDATA, 0);
    if (end > LARGEST / 2) return false;
    this.#apexLength = reader.copyOwner(reader.apexNode, APEX, 0);
    const rdata = RDATA;
    const minimum = ((rdata[end - 4] << 24) | (rdata[end - 3] << 16) | (rdata[end - 2] << 8) | rdata[end - 1]) >>> 0;
    const ttl = Math.min(reader.ttl(soa), minimum);
    this.#length = this.#pointerCount = 0;
    const rdataAt = this.#head(TYPE.SOA, ttl);
    this.#serverAt = this.#length;
    this.#serverDigest = this.#name(0);
    let mailbox = 0;
    while (rdata[mailbox] !== 0) mailbox += rdata[mailbox] + 1;
    mailbox++;
    this.#mailboxAt = this.#length;
    this.#mailboxDigest = this.#name(mailbox);
    if (this.#serverDigest === OUTSIDE || this.#mailboxDigest === OUTSIDE) return false;
    if (this.#serverDigest >= 0 && this.#serverDigest === this.#mailboxDigest) return false;
    this.#copy(rdata, end - SOA_NUMBERS, end);
    this.#endRecord(rdataAt);
    this.#lengthUnsigned = this.#length;
    this.#pointersUnsigned = this.#pointerCount;
    return this.#addSignatures(reader, soa, ttl);
  }

  #addSignatures(reader: ZoneReader, soa: number, ttl: number): boolean {
    this.#signatures = 0;
    for (let p = reader.firstSignature(soa); p !== 0; p = reader.nextSignature(p)) {
      const room = POINTER_OCTETS + FIXED_OCTETS + reader.rdataLength(p);
      if (this.#length + room > LARGEST || this.#pointerCount === MOST_POINTERS) return false;
      const rdataAt = this.#head(TYPE.RRSIG, ttl);
      this.#copy(RDATA, 0, reader.copyRdata(p, RDATA, 0));
      this.#endRecord(rdataAt);
      this.#signatures++;
    }
    return true;
  }

  /** Owner and fixed fields of a record; returns where its RDATA begin. */
  #head(type: number, ttl: number): number {
    this.#pointer();
    const octets = this.#octets;
    for (const number of [type, CLASS.IN, ttl >>> 16, ttl & 0xffff, 0]) {
      octets[this.#length++] = number >> 8;
      octets[this.#length++] = number;
    }
    return this.#length;
  }

  #endRecord(rdataAt: number): void {
    const length = this.#length - rdataAt;
    this.#octets[rdataAt - 2] = length >> 8;
    this.#octets[rdataAt - 1] = length;
  }

  /** A pointer to the apex: filled in for each answer. */
  #pointer(): void {
    this.#pointers[this.#pointerCount++] = this.#length;
    this.#length += POINTER_OCTETS;
  }

  /** Labels of the name at rdata[at], then the apex; returns the digest of the last label, -1 for none, or OUTSIDE. */
  #name(at: number): number {
    const rdata = RDATA;
    let last = -1;
    let here = at;
    while (!this.#isApex(here)) {
      if (rdata[here] === 0) return OUTSIDE;
      last = here;
      here += rdata[here] + 1;
    }
    this.#copy(rdata, at, here);
    this.#pointer();
    return last < 0 ? -1 : labelDigest(rdata, last);
  }

  #isApex(at: number): boolean {
    for (let i = 0; i < this.#apexLength; i++) if (RDATA[at + i] !== APEX[i]) return false;
    return true;
  }

  #copy(octets: Uint8Array, start: number, end: number): void {
    while (start < end) this.#octets[this.#length++] = octets[start++];
  }

  /** @returns false when the records have to be written one by one; nothing is written then */
  append(message: MessageBuilder, withSignatures: boolean): boolean {
    const { apexAt } = message;
    const length = withSignatures ? this.#length : this.#lengthUnsigned;
    const start = message.at;
    if (!this.#isUsable || apexAt === 0 || start + length > message.limit) return false;
    if (!message.canKeepBelow(this.#serverDigest, this.#mailboxDigest)) return false;
    message.copyFrom(this.#octets, this.#view, 0, length);
    const pointers = withSignatures ? this.#pointerCount : this.#pointersUnsigned;
    for (let i = 0; i < pointers; i++) message.patchUint16(start + this.#pointers[i], 0xc000 | apexAt);
    if (this.#serverDigest >= 0) message.keepBelow(start + this.#serverAt, this.#serverDigest);
    if (this.#mailboxDigest >= 0) message.keepBelow(start + this.#mailboxAt, this.#mailboxDigest);
    message.counts[SECTION.AUTHORITY] += withSignatures ? 1 + this.#signatures : 1;
    return true;
  }
}

const OUTSIDE = -2;

/** Of the block that is being made. */
const RDATA = new Uint8Array(65_536);
const APEX = new Uint8Array(256);
