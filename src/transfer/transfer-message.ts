import { HEADER_LENGTH } from '../wire/header.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena, NodeRef } from '../zone/store/arena.ts';
import { ENTRY_NSEC, NODE, nodeHeadFlags, nodeOwnerAt, nodeOwnerLength } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/** Octets that any message fits. */
export const MESSAGE_BUFFER = 65_535;
/** A pointer has 14 bits (RFC 1035 section 4.1.4): only names in the first quarter of a long message can be pointed to. */
const POINTER_LIMIT = 0x4000;
/** What stands between owner and RDATA: type, class, TTL, length. */
const FIXED_OCTETS = 10;
/** Names in RDATA that are remembered in a message: the name servers that most of a registry's zone points to. */
const REMEMBERED = 256;

/**
 * Packs records of one version into messages for a transfer, straight from the store. A name is compressed where that takes
 * no search: an owner that is the one before it, the apex at the end of any name, and a name in RDATA that was written lately.
 * With a hash table of all suffixes (MessageBuilder) a registry's zone takes 8 % less octets and four times the CPU
 * time (`npm run bench:serve -- delegations`).
 */
export class TransferMessage {
  readonly octets = new Uint8Array(MESSAGE_BUFFER);
  at = 0;
  /** Records in the answer section. */
  records = 0;
  #limit = MESSAGE_BUFFER;
  readonly #reader: ZoneReader;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #apex: Uint8Array;

  /** Where the apex stands in this message, 0 for nowhere that a pointer reaches. */
  #apexAt = 0;
  // The node whose records are being written: its owner without the apex, and where that stands in this message.
  readonly #scratch = new Uint8Array(256);
  #owner: Uint8Array = this.#scratch;
  #ownerFrom = 0;
  #ownerLength = 0;
  #ownerAt = 0;
  // Names written in RDATA, by a hash: where each stands in the message, and the store's octets that it is made of.
  readonly #nameAt = new Uint16Array(REMEMBERED);
  readonly #nameFrom = new Uint32Array(REMEMBERED);
  readonly #nameLength = new Uint8Array(REMEMBERED);

  constructor(arena: Arena, reader: ZoneReader) {
    this.#reader = reader;
    this.#u8 = arena.u8;
    this.#u32 = arena.u32;
    this.#apex = reader.apex;
  }

  /** Begins a message. @param limit most octets of header, question and answers */
  begin(id: number, flags: number, limit: number): void {
    const { octets } = this;
    octets.fill(0, 0, HEADER_LENGTH);
    octets[0] = id >> 8;
    octets[1] = id;
    octets[2] = flags >> 8;
    octets[3] = flags;
    this.at = HEADER_LENGTH;
    this.records = 0;
    this.#limit = Math.min(limit, MESSAGE_BUFFER);
    this.#apexAt = this.#ownerAt = 0;
    this.#nameAt.fill(0);
  }

  /** Adds the question. `name` is in wire form, in the client's letters. */
  question(name: Uint8Array, type: number, klass: number): void {
    const { octets } = this;
    const apex = this.#apex;
    // Names are pointed to where their letters are the same in case too, so that nobody's spelling changes.
    let same = true;
    for (let i = 0; i < apex.length; i++) if (name[i] !== apex[i]) same = false;
    if (same) this.#apexAt = this.at;
    let at = this.at;
    let end = 0;
    while (name[end] !== 0) end += name[end] + 1;
    for (let i = 0; i <= end; i++) octets[at++] = name[i];
    octets[at] = type >> 8;
    octets[at + 1] = type;
    octets[at + 2] = klass >> 8;
    octets[at + 3] = klass;
    this.at = at + 4;
    octets[5] = 1;
  }

  /** Adds OPT behind the answers (RFC 6891 section 6.1.2); `limit` does not hold for it. */
  opt(udpSize: number, dnssecOk: boolean): void {
    const { octets, at } = this;
    octets.fill(0, at, at + 11);
    octets[at + 2] = TYPE.OPT;
    octets[at + 3] = udpSize >> 8;
    octets[at + 4] = udpSize;
    if (dnssecOk) octets[at + 7] = 0x80;
    this.at = at + 11;
    octets[11] = 1;
  }

  /** Fills in the count of answers. @returns the message, valid until the next `begin` */
  end(): Uint8Array {
    this.octets[6] = this.records >> 8;
    this.octets[7] = this.records;
    return this.octets.subarray(0, this.at);
  }

  /** Makes a node the owner of the records that follow. */
  setOwner(node: NodeRef): void {
    const head = this.#u32[node];
    if ((nodeHeadFlags(head) & NODE.HASHED) === 0) {
      this.#owner = this.#u8;
      this.#ownerFrom = nodeOwnerAt(node, head);
      this.#ownerLength = nodeOwnerLength(head);
    } else {
      this.#owner = this.#scratch;
      this.#ownerFrom = 0;
      this.#ownerLength = this.#reader.copyOwner(node, this.#scratch, 0) - this.#apex.length;
    }
    this.#ownerAt = 0;
  }

  /**
   * Adds the record whose RDATA is at `position` of the store. False when it does not fit; nothing of it is in the message
   * then. A record is taken to need what it would need without compression unless it is the first.
   */
  add(type: number, klass: number, ttl: number, position: number): boolean {
    const u8 = this.#u8;
    const head = ((u8[position] << 8) | u8[position + 1]) & 0x7fff;
    const isPlain = head < ENTRY_NSEC;
    const length = isPlain ? head : this.#reader.rdataLength(position);
    const most = this.#ownerLength + this.#apex.length + FIXED_OCTETS + length;
    if (this.at + most > this.#limit && (this.records > 0 || this.at + most > MESSAGE_BUFFER)) return false;
    const { octets } = this;
    const mark = this.at;
    let at = this.#writeOwner();
    octets[at] = type >> 8;
    octets[at + 1] = type;
    octets[at + 2] = klass >> 8;
    octets[at + 3] = klass;
    octets[at + 4] = ttl >>> 24;
    octets[at + 5] = ttl >>> 16;
    octets[at + 6] = ttl >>> 8;
    octets[at + 7] = ttl;
    const rdata = at + FIXED_OCTETS;
    if (isPlain) at = this.#writePlain(type, position + 2, length, rdata);
    else at = this.#reader.copyRdata(position, octets, rdata);
    octets[rdata - 2] = (at - rdata) >> 8;
    octets[rdata - 1] = at - rdata;
    if (at > this.#limit) {
      this.#ownerAt = 0;
      this.at = mark;
      return false;
    }
    this.at = at;
    this.records++;
    return true;
  }

  /** @returns the position behind the owner */
  #writeOwner(): number {
    const { octets } = this;
    let at = this.at;
    if (this.#ownerAt !== 0) {
      octets[at] = 0xc0 | (this.#ownerAt >> 8);
      octets[at + 1] = this.#ownerAt;
      return at + 2;
    }
    if (at < POINTER_LIMIT && this.#ownerLength > 0) this.#ownerAt = at;
    const owner = this.#owner;
    for (let from = this.#ownerFrom, end = from + this.#ownerLength; from < end;) octets[at++] = owner[from++];
    return this.#writeApex(at);
  }

  #writeApex(at: number): number {
    const { octets } = this;
    if (this.#apexAt !== 0) {
      octets[at] = 0xc0 | (this.#apexAt >> 8);
      octets[at + 1] = this.#apexAt;
      return at + 2;
    }
    const apex = this.#apex;
    if (at < POINTER_LIMIT && apex.length > 1) this.#apexAt = at;
    for (let i = 0; i < apex.length; i++) octets[at++] = apex[i];
    return at;
  }

  /** RDATA of the store's octets [from, from + length); names of RFC 1035's types are compressed (RFC 3597 section 4). */
  #writePlain(type: number, from: number, length: number, at: number): number {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
        return this.#writeName(from, from + length, at);
      case TYPE.MX:
        this.octets[at] = this.#u8[from];
        this.octets[at + 1] = this.#u8[from + 1];
        return this.#writeName(from + 2, from + length, at + 2);
      case TYPE.SOA: {
        const mailbox = this.#nameEnd(from);
        const numbers = this.#nameEnd(mailbox);
        at = this.#writeName(mailbox, numbers, this.#writeName(from, mailbox, at));
        return this.#copy(numbers, from + length, at);
      }
      default:
        return this.#copy(from, from + length, at);
    }
  }

  #nameEnd(at: number): number {
    while (this.#u8[at] !== 0) at += this.#u8[at] + 1;
    return at + 1;
  }

  #copy(from: number, end: number, at: number): number {
    const { octets } = this;
    const u8 = this.#u8;
    while (from < end) octets[at++] = u8[from++];
    return at;
  }

  /** The name in the store's octets [from, end). @returns the position behind it */
  #writeName(from: number, end: number, at: number): number {
    const u8 = this.#u8;
    const apex = this.#apex;
    let relative = end - apex.length;
    for (let i = 0; relative >= from && i < apex.length; i++) if (u8[relative + i] !== apex[i]) relative = -1;
    if (relative >= from && this.#isLabelStart(from, relative)) return this.#writeApex(this.#copy(from, relative, at));
    const length = end - from;
    if (length < 3) return this.#copy(from, end, at);
    const slot =
      (u8[from + 1] ^ (u8[from + 2] << 1) ^ (u8[from + 3] << 2) ^ (u8[from + u8[from] + 2] << 3) ^ length) & 255;
    const known = this.#nameAt[slot];
    if (known !== 0 && this.#nameLength[slot] === length) {
      let i = 0;
      for (const other = this.#nameFrom[slot]; i < length && u8[other + i] === u8[from + i];) i++;
      if (i === length) {
        this.octets[at] = 0xc0 | (known >> 8);
        this.octets[at + 1] = known;
        return at + 2;
      }
    }
    if (at < POINTER_LIMIT) {
      this.#nameAt[slot] = at;
      this.#nameFrom[slot] = from;
      this.#nameLength[slot] = length;
    }
    return this.#copy(from, end, at);
  }

  /** The octets of the apex at the end of a name could begin inside a label. */
  #isLabelStart(from: number, at: number): boolean {
    let here = from;
    while (here < at) here += this.#u8[here] + 1;
    return here === at;
  }
}
