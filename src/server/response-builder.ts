import { HEADER_LENGTH, type Section } from '../wire/header.ts';
import { hasName, MessageBuilder } from '../wire/message-writer.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { copyName } from './name-copy.ts';
import type { SoaBlock } from './soa-block.ts';

/** Owner of an RRset: the node's own name, rather than a place in the message. */
export const OWN_NAME = -1;

/** A name that no pointer reaches: it stands behind the first 16 KiB of a message (RFC 1035 section 4.1.4). */
const UNREACHABLE = -1;
const POINTER_LIMIT = 0x4000;

/** RRsets that one message remembers, so that none is in it twice. */
const MOST_RRSETS = 1024;
const LONGEST_RDATA = 65_535;

/** Puts whole RRsets of the zone store into a message: all of an RRset and its signatures, or nothing of it. */
export class ResponseBuilder {
  readonly message = new MessageBuilder(new Uint8Array(0));
  /** Whether signatures go with their RRsets (the DO bit). */
  withSignatures = false;
  /** An RRset that belongs into the answer did not fit. */
  truncated = false;
  /** There was no room for all addresses, and the client's family said which went first. */
  dependsOnFamily = false;
  /** The name that is looked up: owner of what a wildcard is expanded to when no pointer reaches it. */
  lookedUp: Uint8Array = new Uint8Array(1);
  readonly #rrsets = new Uint32Array(MOST_RRSETS);
  readonly #owners = new Int32Array(MOST_RRSETS);
  #rrsetCount = 0;
  readonly #owner = new Uint8Array(256);
  readonly #rdata = new Uint8Array(LONGEST_RDATA);

  begin(octets: Uint8Array, limit: number, withSignatures: boolean, whole?: DataView): void {
    this.message.writeTo(octets, whole);
    this.message.begin(limit);
    this.withSignatures = withSignatures;
    this.truncated = false;
    this.dependsOnFamily = false;
    this.askedNode = 0;
    this.#rrsetCount = 0;
  }

  /**
   * Adds an RRset with its signatures.
   * @param expandedAt OWN_NAME, or where the message has the name that a wildcard stands for (UNREACHABLE is written out)
   * @param ttlLimit largest TTL that is written
   * @returns false when it does not fit; then nothing of it is written
   */
  addRRset(
    section: Section,
    reader: ZoneReader,
    node: NodeRef,
    rrset: RRsetRef,
    expanded = false,
    expandedAt = OWN_NAME,
    ttlLimit = 0xffffffff,
  ): boolean {
    const key = expanded ? expandedAt & 0xffff : OWN_NAME;
    if (this.#has(rrset, key)) return true;
    const ttl = Math.min(reader.ttl(rrset), ttlLimit);
    const mark = this.message.at;
    const count = this.message.counts[section];
    let owner = this.#addOwner(reader, node, expanded, expandedAt);
    owner = this.#addAll(section, reader, reader.type(rrset), ttl, reader.firstRdata(rrset), owner);
    if (this.withSignatures) this.#addAll(section, reader, TYPE.RRSIG, ttl, reader.firstSignature(rrset), owner);
    if (!this.#complete(mark, section, count)) return false;
    this.ownerAt = owner;
    this.#keep(rrset, key);
    return true;
  }

  /** Where the message has the owner of the RRset that was added last; negative when no pointer reaches it. */
  ownerAt = UNREACHABLE;

  /** Adds the signatures of an RRset without it: what a question for type RRSIG is answered with. */
  addSignatures(
    section: Section,
    reader: ZoneReader,
    node: NodeRef,
    rrset: RRsetRef,
    expanded: boolean,
    expandedAt: number,
  ): boolean {
    const mark = this.message.at;
    const count = this.message.counts[section];
    const owner = this.#addOwner(reader, node, expanded, expandedAt);
    this.#addAll(section, reader, TYPE.RRSIG, reader.ttl(rrset), reader.firstSignature(rrset), owner);
    return this.#complete(mark, section, count);
  }

  /** RRsets that the message remembers, for `goBack`. */
  get rrsetCount(): number {
    return this.#rrsetCount;
  }

  /** Takes back all RRsets of a section that were added since the message was at octet `mark` and had `rrsets` of them. */
  goBack(section: Section, mark: number, count: number, rrsets: number): void {
    this.message.rollback(mark, section, count);
    this.#rrsetCount = rrsets;
  }

  /** True when the RRset is in the message under its own name. */
  hasRRset(rrset: RRsetRef): boolean {
    return this.#has(rrset, OWN_NAME);
  }

  /**
   * Adds the CNAME that a DNAME stands for (RFC 6672 section 3.1), unsigned.
   * @returns false when it does not fit
   */
  addSynthesizedCname(section: Section, owner: Uint8Array, ttl: number, target: Uint8Array): boolean {
    const { message } = this;
    const mark = message.at;
    const count = message.counts[section];
    const position = message.beginRecord(owner, 0, TYPE.CNAME, CLASS.IN, ttl);
    message.compressedNameAt(target, 0);
    message.endRecord(position, section);
    this.firstRdataAt = position;
    return this.#complete(mark, section, count);
  }

  /** Where the RDATA of the first record of the RRset added last begins. */
  firstRdataAt = 0;

  /** Where a pointer to the name at `position` of the message should point: there, or where that name's pointer does. */
  nameOffset(position: number): number {
    const { octets } = this.message;
    if (octets[position] >= 0xc0) return ((octets[position] & 0x3f) << 8) | octets[position + 1];
    return position < POINTER_LIMIT ? position : UNREACHABLE;
  }

  /**
   * Adds the SOA as negative answers have it.
   * @returns false when it has to be added by addRRset
   */
  addSoaBlock(block: SoaBlock, soa: RRsetRef): boolean {
    if (!block.append(this.message, this.withSignatures)) return false;
    this.#keep(soa, OWN_NAME);
    return true;
  }

  /** The node whose owner is the question's name, octet for octet; 0 for none. */
  askedNode: NodeRef = 0;

  /** @returns where the message has the owner already, or UNREACHABLE with what it is in #ownerNode or #owner */
  #addOwner(reader: ZoneReader, node: NodeRef, expanded: boolean, expandedAt: number): number {
    this.#ownerNode = 0;
    if (expanded) {
      if (expandedAt >= 0) return expandedAt;
      copyName(this.lookedUp, 0, this.#owner, 0);
      return UNREACHABLE;
    }
    if (node === this.askedNode) return HEADER_LENGTH;
    if (node === reader.apexNode && this.message.apexAt > 0) return this.message.apexAt;
    this.#ownerNode = node;
    return UNREACHABLE;
  }
  #ownerNode: NodeRef = 0;

  /** Begins the first record of an RRset whose owner has to be written. */
  #beginFirst(reader: ZoneReader, type: number, ttl: number): number {
    const { message } = this;
    const node = this.#ownerNode;
    if (node !== 0) {
      if (reader.writeOwner(node, message)) return message.fixedFields(type, CLASS.IN, ttl);
      reader.copyOwner(node, this.#owner, 0);
    }
    return message.beginRecord(this.#owner, 0, type, CLASS.IN, ttl);
  }

  /** Writes records until the message is full; returns where their owner is. */
  #addAll(section: Section, reader: ZoneReader, type: number, ttl: number, first: number, owner: number): number {
    const { message } = this;
    for (let position = first; position !== 0; position = reader.nextRdata(position)) {
      const at = message.at;
      const rdataAt =
        owner >= 0 ? message.beginRecordAt(owner, type, CLASS.IN, ttl) : this.#beginFirst(reader, type, ttl);
      this.#addRdata(reader, type, position);
      if (!message.endRecord(rdataAt, section)) return owner;
      if (position === first && type !== TYPE.RRSIG) this.firstRdataAt = rdataAt;
      if (owner < 0) owner = this.nameOffset(at);
    }
    return owner;
  }

  #addRdata(reader: ZoneReader, type: number, position: number): void {
    const { message } = this;
    if (hasName(type)) {
      const length = reader.copyRdata(position, this.#rdata, 0);
      message.rdata(type, this.#rdata, 0, length);
    } else reader.writeRdata(position, message);
  }

  #complete(mark: number, section: Section, count: number): boolean {
    if (!this.message.overflowed) return true;
    this.message.rollback(mark, section, count);
    return false;
  }

  /** True when the RRset is in the message under that owner. */
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
