import { TYPE, CLASS } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { AnswerMessage, copyName, type Section } from './answer-message.ts';

/** Owner of an RRset: the node's own name, rather than a place in the message. */
export const OWN_NAME = -1;

/** RRsets that one message remembers, so that none is in it twice. */
const MOST_RRSETS = 1024;
const LONGEST_RDATA = 65_535;

/** Puts whole RRsets of the zone store into a message: all of an RRset and its signatures, or nothing of it. */
export class ResponseBuilder {
  readonly message = new AnswerMessage();
  /** Whether signatures go with their RRsets (the DO bit). */
  withSignatures = false;
  /** An RRset that belongs into the answer did not fit. */
  truncated = false;
  readonly #rrsets = new Uint32Array(MOST_RRSETS);
  readonly #owners = new Int32Array(MOST_RRSETS);
  #rrsetCount = 0;
  readonly #owner = new Uint8Array(256);
  readonly #rdata = new Uint8Array(LONGEST_RDATA);

  /** The name that is looked up: owner of what a wildcard is expanded to when no pointer reaches it. */
  lookedUp: Uint8Array = new Uint8Array(1);

  begin(octets: Uint8Array, limit: number, withSignatures: boolean): void {
    this.message.begin(octets, limit);
    this.withSignatures = withSignatures;
    this.truncated = false;
    this.#rrsetCount = 0;
  }

  /**
   * Adds an RRset with its signatures.
   * @param owner where the message has the owner already, or OWN_NAME
   * @param expanded whether that owner is not the node's: a wildcard stands for it
   * @param ttlLimit largest TTL that is written
   * @returns false when it does not fit; then nothing of it is written
   */
  addRRset(
    section: Section,
    reader: ZoneReader,
    node: NodeRef,
    rrset: RRsetRef,
    owner: number,
    expanded = false,
    ttlLimit = 0xffffffff,
  ): boolean {
    const key = expanded ? owner & 0xffff : OWN_NAME;
    if (this.#has(rrset, key)) return true;
    if (!this.#addWhole(section, reader, node, rrset, owner, expanded, ttlLimit, true, this.withSignatures))
      return false;
    this.#keep(rrset, key);
    return true;
  }

  /** Adds the signatures of an RRset without it: what a question for type RRSIG is answered with. */
  addSignatures(
    section: Section,
    reader: ZoneReader,
    node: NodeRef,
    rrset: RRsetRef,
    owner: number,
    expanded: boolean,
  ): boolean {
    return this.#addWhole(section, reader, node, rrset, owner, expanded, 0xffffffff, false, true);
  }

  #addWhole(
    section: Section,
    reader: ZoneReader,
    node: NodeRef,
    rrset: RRsetRef,
    owner: number,
    expanded: boolean,
    ttlLimit: number,
    withRdata: boolean,
    withSignatures: boolean,
  ): boolean {
    const message = this.message;
    const at = message.at;
    const mark = message.mark();
    const ttl = Math.min(reader.ttl(rrset), ttlLimit);
    if (owner < 0) {
      if (expanded) copyName(this.lookedUp, 0, this.#owner, 0);
      else reader.copyOwner(node, this.#owner, 0);
    }
    let count = 0;
    if (withRdata) {
      const type = reader.type(rrset);
      for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
        owner = this.#addRecord(reader, type, ttl, position, owner);
        if (message.overflow) break;
        count++;
      }
    }
    if (withSignatures && !message.overflow)
      for (let position = reader.firstSignature(rrset); position !== 0; position = reader.nextSignature(position)) {
        owner = this.#addRecord(reader, TYPE.RRSIG, ttl, position, owner);
        if (message.overflow) break;
        count++;
      }
    if (message.overflow) {
      message.rollback(at, mark);
      return false;
    }
    message.counts[section] += count;
    return true;
  }

  /** @returns where the owner is now, for the next record of the RRset */
  #addRecord(reader: ZoneReader, type: number, ttl: number, position: number, owner: number): number {
    const message = this.message;
    if (owner >= 0) message.pointer(owner);
    else {
      message.writeName(this.#owner);
      owner = message.nameOffset;
    }
    message.uint16(type);
    message.uint16(CLASS.IN);
    message.uint32(ttl);
    const lengthAt = message.at;
    message.uint16(0);
    const length = reader.rdataLength(position);
    if (hasCompressibleName(type)) {
      reader.copyRdata(position, this.#rdata, 0);
      message.writeRdata(type, this.#rdata, 0, length);
    } else {
      const at = message.at;
      if (message.claim(length)) reader.copyRdata(position, message.octets, at);
    }
    if (!message.overflow) message.patchUint16(lengthAt, message.at - lengthAt - 2);
    return owner;
  }

  /**
   * Adds the CNAME that a DNAME stands for (RFC 6672 section 3.1), unsigned.
   * @returns offset of the target in the message, -1 when a pointer cannot reach it, or -2 when it did not fit
   */
  addSynthesizedCname(
    section: Section,
    ownerName: Uint8Array,
    ownerOffset: number,
    ttl: number,
    target: Uint8Array,
  ): number {
    const message = this.message;
    const at = message.at;
    const mark = message.mark();
    if (ownerOffset >= 0) message.pointer(ownerOffset);
    else message.writeName(ownerName);
    message.uint16(TYPE.CNAME);
    message.uint16(CLASS.IN);
    message.uint32(ttl);
    const lengthAt = message.at;
    message.uint16(0);
    message.writeName(target);
    if (message.overflow) {
      message.rollback(at, mark);
      return -2;
    }
    message.patchUint16(lengthAt, message.at - lengthAt - 2);
    message.counts[section]++;
    return message.nameOffset;
  }

  /** True when the RRset is in the message under its own name. */
  hasRRset(rrset: RRsetRef): boolean {
    return this.#has(rrset, OWN_NAME);
  }

  #has(rrset: RRsetRef, owner: number): boolean {
    for (let i = 0; i < this.#rrsetCount; i++) if (this.#rrsets[i] === rrset && this.#owners[i] === owner) return true;
    return false;
  }

  #keep(rrset: RRsetRef, owner: number): void {
    if (this.#rrsetCount === MOST_RRSETS) return;
    this.#rrsets[this.#rrsetCount] = rrset;
    this.#owners[this.#rrsetCount++] = owner;
  }
}

/** The types of RFC 1035 whose RDATA holds a name (RFC 3597 section 4). */
function hasCompressibleName(type: number): boolean {
  return type > TYPE.A && type <= TYPE.MX && type !== 10 && type !== 11 && type !== 13; // not NULL, WKS, HINFO
}
