import { LOWER } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { SECTION } from '../wire/header.ts';
import { afterName, copyName } from './name-copy.ts';
import { OWN_NAME, type ResponseBuilder } from './response-builder.ts';

/** RRsets of one answer whose targets are looked up. */
const MOST_NOTED = 32;
/** An RRset of more records gets no addresses, so that a small query cannot cost thousands of look-ups (BIND 9.18: 13). */
const MOST_TARGETS = 13;
/** What is at or below a cut has addresses in the child zone. */
const NOT_OURS = NODE.OCCLUDED | NODE.DELEGATION;

/**
 * Finds the addresses of hosts that records in an answer name (RFC 1034 section 4.3.2 step 6), in the zone that the
 * records are from, and the glue of referrals. As with BIND, other zones are not looked into.
 */
export class AdditionalData {
  readonly #builder: ResponseBuilder;
  readonly #rrsets = new Uint32Array(MOST_NOTED);
  #noted = 0;
  #cut: NodeRef = 0;
  #cutNs: RRsetRef = 0;
  readonly #rdata = new Uint8Array(65_536);
  readonly #cutName = new Uint8Array(256);
  /** "*", and the closest encloser of a target. */
  readonly #wildcard = Uint8Array.from({ length: 2 + 256 }, (_, i) => (i === 0 ? 1 : i === 1 ? 0x2a : 0));

  constructor(builder: ResponseBuilder) {
    this.#builder = builder;
  }

  begin(): void {
    this.#noted = 0;
    this.#cut = 0;
  }

  /** Remembers an RRset of the message when its type names hosts. */
  note(rrset: RRsetRef, reader: ZoneReader): void {
    if (targetOffset(reader.type(rrset)) < 0 || this.#noted === MOST_NOTED) return;
    if (reader.rdataCount(rrset) > MOST_TARGETS) return;
    this.#rrsets[this.#noted++] = rrset;
  }

  /** The NS RRset of a cut: its name servers' addresses are needed whatever else is left out. */
  noteReferral(cut: NodeRef, ns: RRsetRef): void {
    this.#cut = cut;
    this.#cutNs = ns;
  }

  /**
   * Writes what there is room for.
   * @param wanted whether more than glue is wanted
   */
  write(reader: ZoneReader, wanted: boolean): void {
    if (this.#cut !== 0) this.#writeGlue(reader);
    if (!wanted) return;
    for (let i = 0; i < this.#noted; i++) this.#writeTargets(reader, this.#rrsets[i]);
  }

  /**
   * Addresses of a cut's name servers. RFC 9471 section 3: those below the cut cannot be found otherwise, so TC is set
   * when they do not fit; glue of sibling delegations is added while there is room. Names of the zone itself are not glue.
   */
  #writeGlue(reader: ZoneReader): void {
    reader.copyOwner(this.#cut, this.#cutName, 0);
    for (let pass = 0; pass < 2; pass++) {
      const required = pass === 0;
      for (let p = reader.firstRdata(this.#cutNs); p !== 0; p = reader.nextRdata(p)) {
        reader.copyRdata(p, this.#rdata, 0);
        if (isWithin(this.#rdata, this.#cutName) !== required) continue;
        const node = this.#nodeInZone(reader, this.#rdata);
        if (node === 0 || (reader.nodeFlags(node) & NODE.OCCLUDED) === 0) continue;
        if (this.#writeAddresses(reader, node)) continue;
        if (required) this.#builder.truncated = true;
        return;
      }
    }
  }

  #writeTargets(reader: ZoneReader, rrset: RRsetRef): void {
    const offset = targetOffset(reader.type(rrset));
    for (let p = reader.firstRdata(rrset); p !== 0; p = reader.nextRdata(p)) {
      reader.copyRdata(p, this.#rdata, 0);
      if (offset > 0) this.#rdata.copyWithin(0, offset, reader.rdataLength(p));
      const node = this.#nodeInZone(reader, this.#rdata);
      if (node === 0) {
        if (!this.#writeExpanded(reader)) return;
      } else if ((reader.nodeFlags(node) & NOT_OURS) === 0 && !this.#writeAddresses(reader, node)) return;
    }
  }

  /** Addresses that a wildcard has for the target in #rdata, which does not exist itself (RFC 4592 section 3.3.1). */
  #writeExpanded(reader: ZoneReader): boolean {
    if (!isWithin(this.#rdata, reader.apex)) return true;
    const encloser = reader.closestEncloser(this.#rdata);
    const flags = reader.nodeFlags(encloser);
    if ((flags & NODE.WILDCARD_CHILD) === 0 || (flags & NOT_OURS) !== 0 || reader.rrset(encloser, TYPE.DNAME) !== 0)
      return true;
    let labels = 0;
    let at = 0;
    let hash = 0;
    for (; this.#rdata[at] !== 0; at += this.#rdata[at] + 1) labels++;
    for (let i = 0; i < at; i++) hash = Math.imul(hash ^ LOWER[this.#rdata[i]], 0x01000193);
    for (at = 0; labels > reader.matchedLabels; labels--) at += this.#rdata[at] + 1;
    copyName(this.#rdata, at, this.#wildcard, 2);
    const wildcard = reader.find(this.#wildcard);
    if (wildcard === 0) return true;
    const { lookedUp } = this.#builder;
    this.#builder.lookedUp = this.#rdata;
    // No place in the message, but a number by which the RRset is in it once for each target.
    const isRoom = this.#writeAddresses(reader, wildcard, true, -2 - (hash & 0x3fff));
    this.#builder.lookedUp = lookedUp;
    return isRoom;
  }

  #nodeInZone(reader: ZoneReader, name: Uint8Array): NodeRef {
    return isWithin(name, reader.apex) ? reader.find(name) : 0;
  }

  #writeAddresses(reader: ZoneReader, node: NodeRef, expanded = false, expandedAt = OWN_NAME): boolean {
    const a = reader.rrset(node, TYPE.A);
    if (a !== 0 && !this.#builder.addRRset(SECTION.ADDITIONAL, reader, node, a, expanded, expandedAt)) return false;
    const aaaa = reader.rrset(node, TYPE.AAAA);
    return aaaa === 0 || this.#builder.addRRset(SECTION.ADDITIONAL, reader, node, aaaa, expanded, expandedAt);
  }
}

/** Where the RDATA of a type has the name of a host whose addresses help; -1 when it has none. */
function targetOffset(type: number): number {
  switch (type) {
    case TYPE.NS:
    case 3: // MD
    case 4: // MF
    case 7: // MB
      return 0;
    case TYPE.MX:
    case 18: // AFSDB
    case 21: // RT
    case 36: // KX
    case 64: // SVCB: RFC 9460 section 4.1
    case 65: // HTTPS
      return 2;
    case TYPE.SRV:
      return 6;
    default:
      return -1;
  }
}

function isWithin(name: Uint8Array, ancestor: Uint8Array): boolean {
  const length = afterName(name, 0);
  const start = length - afterName(ancestor, 0);
  let at = 0;
  while (at < start) at += name[at] + 1;
  if (at !== start) return false;
  for (let i = 0; start + i < length; i++) if (LOWER[name[start + i]] !== LOWER[ancestor[i]]) return false;
  return true;
}
