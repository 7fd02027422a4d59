import { LOWER, MAX_NAME_LENGTH } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { SECTION } from '../wire/header.ts';
import {
  hasTarget,
  isServedByOwner,
  isServiceBinding,
  servicePort,
  targetOffset,
  wantedType,
  writeServiceLabels,
} from './additional-targets.ts';
import { afterName, copyName } from './name-copy.ts';
import { OWN_NAME, type ResponseBuilder } from './response-builder.ts';

/** RRsets of one answer whose targets are looked up. */
const MOST_NOTED = 32;
/** An RRset of more records gets no addresses, so that a small query cannot cost thousands of look-ups (BIND 9.18: 13). */
const MOST_TARGETS = 13;
/** Service bindings that are followed after the first; the next one is sent and leads nowhere (as BIND 9.18 does it). */
const MOST_BINDINGS = 11;
/** What is at or below a cut has addresses in the child zone. */
const NOT_OURS = NODE.OCCLUDED | NODE.DELEGATION;
/** Addresses that can wait for their signatures. */
const MOST_UNSIGNED = 512;
const NAME_ROOM = MAX_NAME_LENGTH + 1;

/** What is written when the targets are gone through. */
const PASS = {
  /** Everything with its signatures. */
  ALL: 0,
  /** Where there is no room for everything, first A or AAAA, then the other, then their signatures, then the rest. */
  A: 1,
  AAAA: 2,
  REST: 3,
} as const;

/**
 * Finds what helps with the records of an answer (RFC 1034 section 4.3.2 step 6), in the zone that the records are from: addresses
 * of hosts, SRV of NAPTR, TLSA of services; and the glue of referrals. As with BIND, other zones are not looked into.
 */
export class AdditionalData {
  readonly #builder: ResponseBuilder;
  readonly #rrsets = new Uint32Array(MOST_NOTED);
  /** Owners of those that are service bindings, NAME_ROOM octets each. */
  readonly #owners = new Uint8Array(MOST_NOTED * NAME_ROOM);
  #noted = 0;
  #bindings = 0;
  #cut: NodeRef = 0;
  #cutNs: RRsetRef = 0;
  #pass: number = PASS.ALL;
  // Addresses in the message without signatures, and where their owners stand.
  readonly #unsigned = new Uint32Array(MOST_UNSIGNED);
  readonly #unsignedAt = new Uint16Array(MOST_UNSIGNED);
  #unsignedCount = 0;
  readonly #rdata = new Uint8Array(65_536);
  readonly #cutName = new Uint8Array(256);
  readonly #target = new Uint8Array(NAME_ROOM);
  /** A name below the target: two labels, of at most 12 octets together. */
  readonly #service = new Uint8Array(12 + NAME_ROOM);
  /** "*", and the closest encloser of a target. */
  readonly #wildcard = Uint8Array.from({ length: 2 + 256 }, (_, i) => (i === 0 ? 1 : i === 1 ? 0x2a : 0));

  constructor(builder: ResponseBuilder) {
    this.#builder = builder;
  }

  begin(): void {
    this.#noted = 0;
    this.#bindings = 0;
    this.#cut = 0;
  }

  /** Remembers an RRset of the message, whose owner is owner[ownerAt...], when its type has targets. */
  note(rrset: RRsetRef, reader: ZoneReader, owner: Uint8Array, ownerAt: number): void {
    if (!hasTarget(reader.type(rrset))) return;
    if (this.#noted === MOST_NOTED || reader.rdataCount(rrset) > MOST_TARGETS) return;
    for (let i = 0; i < this.#noted; i++) if (this.#rrsets[i] === rrset) return;
    if (isServiceBinding(reader.type(rrset))) copyName(owner, ownerAt, this.#owners, NAME_ROOM * this.#noted);
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
   * @param overIpv6 the client's own kind of address goes first where there is no room for both
   */
  write(reader: ZoneReader, wanted: boolean, overIpv6: boolean): void {
    if (this.#cut !== 0) this.#writeGlue(reader);
    if (!wanted || this.#noted === 0) return;
    const builder = this.#builder;
    const noted = this.#noted;
    const mark = builder.message.at;
    const count = builder.message.counts[SECTION.ADDITIONAL];
    const rrsets = builder.rrsetCount;
    if (this.#writeNoted(reader, noted, PASS.ALL)) return;
    builder.goBack(SECTION.ADDITIONAL, mark, count, rrsets);
    this.#writeInOrder(reader, noted, overIpv6);
  }

  /** As BIND does it: an address is more than a signature (RFC 4035 section 3.1.1 lets signatures go where there is no room). */
  #writeInOrder(reader: ZoneReader, noted: number, overIpv6: boolean): void {
    const builder = this.#builder;
    const { withSignatures } = builder;
    builder.dependsOnFamily = true;
    this.#unsignedCount = 0;
    builder.withSignatures = false;
    const isRoom =
      this.#writeNoted(reader, noted, overIpv6 ? PASS.AAAA : PASS.A) &&
      this.#writeNoted(reader, noted, overIpv6 ? PASS.A : PASS.AAAA);
    builder.withSignatures = withSignatures;
    if (isRoom && (!withSignatures || this.#signAddresses(reader))) this.#writeNoted(reader, noted, PASS.REST);
  }

  #signAddresses(reader: ZoneReader): boolean {
    for (let i = 0; i < this.#unsignedCount; i++) {
      const rrset = this.#unsigned[i];
      if (!this.#builder.addSignatures(SECTION.ADDITIONAL, reader, 0, rrset, true, this.#unsignedAt[i])) return false;
    }
    return true;
  }

  /** Goes through the first `noted` RRsets and those that they lead to; returns false when there is no more room. */
  #writeNoted(reader: ZoneReader, noted: number, pass: number): boolean {
    this.#pass = pass;
    this.#noted = noted;
    this.#bindings = 0;
    for (let i = 0; i < this.#noted; i++) if (!this.#writeTargets(reader, i)) return false;
    return true;
  }

  /**
   * Addresses of a cut's name servers. RFC 9471 section 3: those below the cut cannot be found otherwise, so TC is set
   * when they do not fit; glue of sibling delegations is added while there is room. Names of the zone itself are not glue.
   */
  #writeGlue(reader: ZoneReader): void {
    this.#pass = PASS.ALL;
    reader.copyOwner(this.#cut, this.#cutName, 0);
    for (let pass = 0; pass < 2; pass++) {
      const required = pass === 0;
      for (let p = reader.firstRdata(this.#cutNs); p !== 0; p = reader.nextRdata(p)) {
        reader.copyRdata(p, this.#rdata, 0);
        if (isWithin(this.#rdata, this.#cutName) !== required) continue;
        const node = isWithin(this.#rdata, reader.apex) ? reader.find(this.#rdata) : 0;
        if (node === 0 || (reader.nodeFlags(node) & NODE.OCCLUDED) === 0) continue;
        if (this.#writeAddresses(reader, node, OWN_NAME)) continue;
        if (required) this.#builder.truncated = true;
        return;
      }
    }
  }

  #writeTargets(reader: ZoneReader, index: number): boolean {
    const rrset = this.#rrsets[index];
    const type = reader.type(rrset);
    for (let p = reader.firstRdata(rrset); p !== 0; p = reader.nextRdata(p)) {
      reader.copyRdata(p, this.#rdata, 0);
      if (!this.#writeTarget(reader, type, NAME_ROOM * index)) return false;
    }
    return true;
  }

  /** Of the RDATA in #rdata. @param ownerAt where #owners has the owner of a service binding */
  #writeTarget(reader: ZoneReader, type: number, ownerAt: number): boolean {
    const rdata = this.#rdata;
    const wanted = wantedType(type, rdata);
    if (wanted === 0) return true;
    const offset = targetOffset(type, rdata);
    if (rdata[offset] !== 0) copyName(rdata, offset, this.#target, 0);
    else if (isServedByOwner(type, rdata, this.#owners, ownerAt)) copyName(this.#owners, ownerAt, this.#target, 0);
    else return true;
    const port = servicePort(type, rdata);
    return this.#writeOf(reader, this.#target, wanted) && (port < 0 || this.#writeTlsa(reader, port));
  }

  #writeTlsa(reader: ZoneReader, port: number): boolean {
    if (this.#pass === PASS.A || this.#pass === PASS.AAAA) return true;
    const length = afterName(this.#target, 0);
    const labels = writeServiceLabels(port, this.#service);
    if (labels + length > MAX_NAME_LENGTH) return true;
    copyName(this.#target, 0, this.#service, labels);
    return this.#writeOf(reader, this.#service, TYPE.TLSA);
  }

  /** What the name has of a type, by itself or by a wildcard (RFC 4592 section 3.3.1). @param wanted A for addresses of both kinds */
  #writeOf(reader: ZoneReader, name: Uint8Array, wanted: number): boolean {
    if (!isWithin(name, reader.apex)) return true;
    let node = reader.find(name);
    if (node !== 0)
      return (reader.nodeFlags(node) & NOT_OURS) !== 0 || this.#writeFound(reader, node, OWN_NAME, name, wanted);
    node = this.#findWildcard(reader, name);
    if (node === 0) return true;
    const { lookedUp } = this.#builder;
    this.#builder.lookedUp = name;
    const isRoom = this.#writeFound(reader, node, numberOf(name), name, wanted);
    this.#builder.lookedUp = lookedUp;
    return isRoom;
  }

  /** The wildcard that answers for a name that does not exist itself, or 0. */
  #findWildcard(reader: ZoneReader, name: Uint8Array): NodeRef {
    const encloser = reader.closestEncloser(name);
    const flags = reader.nodeFlags(encloser);
    if ((flags & NODE.WILDCARD_CHILD) === 0 || (flags & NOT_OURS) !== 0) return 0;
    if (reader.rrset(encloser, TYPE.DNAME) !== 0) return 0;
    let labels = 0;
    for (let at = 0; name[at] !== 0; at += name[at] + 1) labels++;
    let at = 0;
    for (; labels > reader.matchedLabels; labels--) at += name[at] + 1;
    copyName(name, at, this.#wildcard, 2);
    return reader.find(this.#wildcard);
  }

  #writeFound(reader: ZoneReader, node: NodeRef, expandedAt: number, name: Uint8Array, wanted: number): boolean {
    if (wanted === TYPE.A) return this.#writeAddresses(reader, node, expandedAt);
    const rrset = reader.rrset(node, wanted);
    // An alias of a service to a name without bindings leads to its addresses (RFC 9460 section 3).
    if (rrset === 0) return !isServiceBinding(wanted) || this.#writeAddresses(reader, node, expandedAt);
    if (wanted === TYPE.SRV || (isServiceBinding(wanted) && this.#bindings++ < MOST_BINDINGS))
      this.note(rrset, reader, name, 0);
    if (this.#pass === PASS.A || this.#pass === PASS.AAAA) return true;
    return this.#builder.addRRset(SECTION.ADDITIONAL, reader, node, rrset, expandedAt !== OWN_NAME, expandedAt);
  }

  #writeAddresses(reader: ZoneReader, node: NodeRef, expandedAt: number): boolean {
    const pass = this.#pass;
    if (pass === PASS.REST) return true;
    if (pass !== PASS.AAAA && !this.#writeAddress(reader, node, expandedAt, TYPE.A)) return false;
    return pass === PASS.A || this.#writeAddress(reader, node, expandedAt, TYPE.AAAA);
  }

  #writeAddress(reader: ZoneReader, node: NodeRef, expandedAt: number, type: number): boolean {
    const rrset = reader.rrset(node, type);
    if (rrset === 0) return true;
    const builder = this.#builder;
    const rrsets = builder.rrsetCount;
    if (!builder.addRRset(SECTION.ADDITIONAL, reader, node, rrset, expandedAt !== OWN_NAME, expandedAt)) return false;
    if (this.#pass !== PASS.ALL && builder.rrsetCount > rrsets) this.#leaveUnsigned(rrset, builder.ownerAt);
    return true;
  }

  /** What no pointer reaches is not signed: it is in an answer of more than 16 KiB that is full. */
  #leaveUnsigned(rrset: RRsetRef, ownerAt: number): void {
    if (ownerAt < 0 || this.#unsignedCount === MOST_UNSIGNED) return;
    this.#unsigned[this.#unsignedCount] = rrset;
    this.#unsignedAt[this.#unsignedCount++] = ownerAt;
  }
}

/** No place in a message, but a number by which an expanded RRset is in it once for each target. */
function numberOf(name: Uint8Array): number {
  const end = afterName(name, 0) - 1;
  let hash = 0;
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ LOWER[name[i]], 0x01000193);
  return -2 - (hash & 0x3fff);
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
