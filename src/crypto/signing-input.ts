import { compareOctets } from '../base/octets.ts';
import { LOWER, labelCount, uncheckedName } from '../wire/name.ts';
import { recordType } from '../wire/rdata/registry.ts';
import { CLASS } from '../wire/type-codes.ts';

/*
 * What a signature covers (RFC 4034 section 3.1.8.1):
 *
 *    RRSIG RDATA without its signature | RR(1) | RR(2) ...
 *
 *    RRSIG_RDATA: type covered (16) algorithm (8) labels (8) original TTL (32) expiration (32) inception (32)
 *                 key tag (16) signer's name (canonical)
 *    RR(i):       owner (canonical, "*." and the rightmost labels when expanded) type (16) class (16)
 *                 original TTL (32) RDATA length (16) RDATA (canonical), RRs in canonical order, no two alike
 */

/** Octets of RRSIG RDATA before the signer's name. */
export const RRSIG_FIXED_LENGTH = 18;

/** The RDATA fields of an RRSIG that are the same for every key. Times are Unix seconds of which the low 32 bits count. */
export interface SignedRRset {
  /** Owner name in wire form, any case. */
  readonly owner: Uint8Array;
  readonly type: number;
  /** Labels field: those of the owner without the root's and without a leading "*" (RFC 4034 section 3.1.3). */
  readonly labels: number;
  readonly originalTtl: number;
  /** Apex of the zone in wire form. */
  readonly signer: Uint8Array;
}

/**
 * Builds the octets that are signed or verified, in buffers that are used again for the next RRset. Order of calls: `clear`,
 * for each RDATA `room` and `add`, then `build`; `setKey` and `setTimes` as often as there are signatures.
 */
export class SigningInput {
  #rdata = new Uint8Array(4096);
  #rdataEnd = 0;
  #starts: number[] = [];
  #ends: number[] = [];
  #count = 0;
  #octets = new Uint8Array(8192);
  #length = 0;
  #headLength = 0;

  clear(): void {
    this.#rdataEnd = 0;
    this.#count = 0;
  }

  /** Where the next RDATA of `length` octets may be copied to: `scratch` from `scratchAt` on. */
  room(length: number): void {
    const needed = this.#rdataEnd + length;
    if (needed > this.#rdata.length) this.#rdata = enlarge(this.#rdata, needed);
  }

  get scratch(): Uint8Array {
    return this.#rdata;
  }

  get scratchAt(): number {
    return this.#rdataEnd;
  }

  /** Takes the `length` octets at `scratchAt` as the next RDATA and brings them into canonical form. */
  add(type: number, length: number): void {
    const start = this.#rdataEnd;
    const end = start + length;
    if (!isSignedAsItIs(type)) {
      const plain = this.#rdata.subarray(start, end);
      const canonical = recordType(type).canonical(plain);
      if (canonical !== plain) plain.set(canonical);
    }
    this.#starts[this.#count] = start;
    this.#ends[this.#count++] = end;
    this.#rdataEnd = end;
  }

  /** `room` and `add` for RDATA at hand. */
  addRdata(type: number, rdata: Uint8Array): void {
    this.room(rdata.length);
    this.#rdata.set(rdata, this.#rdataEnd);
    this.add(type, rdata.length);
  }

  build(rrset: SignedRRset): void {
    if (this.#count > 1) this.#sort();
    const { owner, signer, type, originalTtl } = rrset;
    const most = RRSIG_FIXED_LENGTH + signer.length + this.#count * (owner.length + 12) + this.#rdataEnd;
    if (most > this.#octets.length) this.#octets = new Uint8Array(most * 2);
    const o = this.#octets;
    putUint16(o, 0, type);
    o[3] = rrset.labels;
    putUint32(o, 4, originalTtl);
    let at = lowerInto(signer, 0, o, RRSIG_FIXED_LENGTH);
    this.#headLength = at;
    for (let i = 0; i < this.#count; i++) {
      at = putOwner(rrset, o, at);
      at = putUint16(o, at, type);
      at = putUint16(o, at, CLASS.IN);
      at = putUint32(o, at, originalTtl);
      const start = this.#starts[i];
      const end = this.#ends[i];
      at = putUint16(o, at, end - start);
      for (let from = start; from < end; from++) o[at++] = this.#rdata[from];
    }
    this.#length = at;
  }

  setKey(algorithm: number, tag: number): void {
    this.#octets[2] = algorithm;
    putUint16(this.#octets, 16, tag);
  }

  setTimes(expiration: number, inception: number): void {
    putUint32(this.#octets, 8, expiration);
    putUint32(this.#octets, 12, inception);
  }

  /** What is signed: a view, valid until the next `build`. */
  octets(): Uint8Array {
    return this.#octets.subarray(0, this.#length);
  }

  /** RRSIG RDATA without the signature: a view, valid until the next `build`. */
  head(): Uint8Array {
    return this.#octets.subarray(0, this.#headLength);
  }

  /** RFC 4034 section 6.3: RRs by their RDATA as left-justified octet sequences; duplicates count once. */
  #sort(): void {
    const rdata = this.#rdata;
    const views: Uint8Array[] = [];
    for (let i = 0; i < this.#count; i++) views.push(rdata.subarray(this.#starts[i], this.#ends[i]));
    views.sort(compareOctets);
    let kept = 0;
    for (let i = 0; i < views.length; i++) {
      if (i > 0 && compareOctets(views[i - 1], views[i]) === 0) continue;
      this.#starts[kept] = views[i].byteOffset - rdata.byteOffset;
      this.#ends[kept++] = views[i].byteOffset - rdata.byteOffset + views[i].length;
    }
    this.#count = kept;
  }
}

/** Number for the labels field of an RRSIG over this owner. */
export function signedLabels(owner: Uint8Array): number {
  return owner[0] === 1 && owner[1] === 0x2a ? labelCount(uncheckedName(owner)) - 1 : labelCount(uncheckedName(owner));
}

/** Types whose RDATA holds no name or one that keeps its case: by far the most RRsets of a zone. */
function isSignedAsItIs(type: number): boolean {
  // A, TXT, AAAA, DS, NSEC (RFC 6840 section 5.1), DNSKEY, NSEC3
  return type === 1 || type === 47 || type === 50 || type === 28 || type === 16 || type === 43 || type === 48;
}

function putOwner(rrset: SignedRRset, out: Uint8Array, at: number): number {
  const { owner } = rrset;
  // RFC 4035 section 5.3.2: fewer labels in the RRSIG than in the owner name mean that the owner was expanded from a
  // wildcard, whose name was signed: "*." plus the rightmost labels.
  if (rrset.labels >= signedLabels(owner)) return lowerInto(owner, 0, out, at);
  let from = 0;
  for (let drop = labelCount(uncheckedName(owner)) - rrset.labels; drop > 0; drop--) from += owner[from] + 1;
  out[at] = 1;
  out[at + 1] = 0x2a;
  return lowerInto(owner, from, out, at + 2);
}

function lowerInto(name: Uint8Array, from: number, out: Uint8Array, at: number): number {
  for (let i = from; i < name.length; i++) out[at++] = LOWER[name[i]];
  return at;
}

function putUint16(out: Uint8Array, at: number, value: number): number {
  out[at] = value >> 8;
  out[at + 1] = value;
  return at + 2;
}

function putUint32(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

function enlarge(octets: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(octets.length * 2, needed));
  larger.set(octets);
  return larger;
}
