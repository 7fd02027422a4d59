import { withSoaSerial } from '../wire/rdata/soa.ts';
import { nsec3Hash } from '../crypto/nsec3-hash.ts';
import { signedLabels } from '../crypto/signing-input.ts';
import { isWithin, MAX_NAME_LENGTH, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { NodeWriter } from '../zone/store/node-writer.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { apexRRsets, type OwnRRset } from './apex-rrsets.ts';
import { HASHED_DELEGATION, HashRecords } from './hash-records.ts';
import { isOwnedBySigner, isParentSideType, roleOf, type NodeRole } from './node-role.ts';
import { RefList } from './ref-list.ts';
import { isSameRdata, isSameRdataAs } from './same-rdata.ts';
import type { SliceTools } from './slice-signer.ts';
import { MAX_BITMAP_LENGTH, TypeSet } from './type-set.ts';

/**
 * Signs a run of names in canonical order: each node is read from the source version and written with its signatures and, in
 * an NSEC zone, its NSEC. An NSEC needs the next name that has one, so a node is written when that one has been seen;
 * those between (empty non-terminals, occluded names) follow it.
 */
export class NameSlice {
  readonly #tools: SliceTools;
  readonly #source: ZoneReader;
  readonly #writer: NodeWriter;
  readonly #nodes = new RefList();
  readonly #hashes = new HashRecords();
  readonly #types = new TypeSet();
  readonly #rdata = new Uint8Array(MAX_NAME_LENGTH + MAX_BITMAP_LENGTH);
  readonly #isNsec: boolean;
  readonly #isNsec3: boolean;
  readonly #optOut: boolean;
  /** Empty non-terminals above the current name that have no NSEC3 yet, outermost first. */
  readonly #pending: Name[] = [];

  constructor(tools: SliceTools, writer: NodeWriter) {
    this.#tools = tools;
    this.#source = tools.source;
    this.#writer = writer;
    const { denial } = tools.plan.parameters;
    this.#isNsec = denial.kind === 'nsec';
    this.#isNsec3 = denial.kind === 'nsec3';
    this.#optOut = denial.kind === 'nsec3' && denial.optOut;
  }

  sign(from: number, to: number): { nodes: Uint32Array; hashes: Uint32Array } {
    const source = this.#source;
    source.seekIndex(from);
    if (this.#isNsec) this.#signWithNsec(to - from);
    else this.#signPlain(to - from);
    return { nodes: this.#nodes.finish(), hashes: this.#hashes.finish() };
  }

  #signPlain(count: number): void {
    for (let i = 0; i < count; i++) {
      const node = this.#source.next();
      const role = roleOf(this.#source, node);
      const owner = this.#source.owner(node);
      const written = this.#write(node, role, owner, 0);
      if (this.#isNsec3) this.#addHash(owner, role, written);
    }
    this.#settleLastPending();
  }

  #signWithNsec(count: number): void {
    const between = new RefList();
    let current: NodeRef = 0;
    let role: NodeRole = 'empty';
    for (let i = 0; ; i++) {
      const node = this.#source.next();
      // Past the slice only the next name is wanted; past the zone's end it is the apex.
      if (node === 0 || (i >= count && current === 0)) break;
      const nextRole = roleOf(this.#source, node);
      if (nextRole === 'empty' || nextRole === 'occluded') {
        if (i < count) between.add(node);
        continue;
      }
      this.#flush(current, role, between, node);
      current = 0;
      if (i >= count) return;
      current = node;
      role = nextRole;
    }
    this.#flush(current, role, between, this.#source.apexNode);
  }

  #flush(current: NodeRef, role: NodeRole, between: RefList, next: NodeRef): void {
    if (current !== 0) this.#write(current, role, this.#source.owner(current), next);
    for (let i = 0; i < between.length; i++) {
      const node = between.at(i);
      this.#write(node, roleOf(this.#source, node), this.#source.owner(node), 0);
    }
    between.clear();
  }

  /** @param next node that the NSEC names, 0 for no NSEC */
  #write(node: NodeRef, role: NodeRole, owner: Name, next: NodeRef): NodeRef {
    // The store adds empty non-terminals by itself; a name that only had what signing owns must not become one.
    if (role === 'empty') return 0;
    const source = this.#source;
    const writer = this.#writer;
    const atApex = (source.nodeFlags(node) & NODE.APEX) !== 0;
    const own: OwnRRset[] = atApex ? apexRRsets(this.#tools.plan.parameters) : [];
    if (next !== 0) insertByType(own, this.#nsec(node, role, next, own));
    writer.beginNode(owner);
    const labels = signedLabels(owner);
    let ownAt = 0;
    const count = source.rrsetCount(node);
    for (let i = 0; i < count; i++) {
      const rrset = source.rrsetAt(node, i);
      const type = source.type(rrset);
      if (isOwnedBySigner(type, atApex) || source.rdataCount(rrset) === 0) continue;
      while (ownAt < own.length && own[ownAt].type < type) this.#writeOwn(own[ownAt++], node, owner, labels);
      this.#writeData(rrset, type, role, node, owner, labels);
    }
    while (ownAt < own.length) this.#writeOwn(own[ownAt++], node, owner, labels);
    const written = writer.endNode();
    this.#nodes.add(written);
    return written;
  }

  #writeData(rrset: RRsetRef, type: number, role: NodeRole, node: NodeRef, owner: Name, labels: number): void {
    const source = this.#source;
    const { serial } = this.#tools.plan;
    const isSigned = role === 'authoritative' || (role === 'secure delegation' && type === TYPE.DS);
    if (!isSigned) {
      if (source.signatureCount(rrset) === 0) return this.#writer.copyRRset(rrset);
      this.#tools.signer.statistics.dropped += source.signatureCount(rrset);
      this.#writer.beginRRsetLike(rrset);
      return this.#writer.endRRset();
    }
    if (type === TYPE.SOA && serial !== undefined) {
      const soa = withSoaSerial(source.rdataAll(rrset)[0], serial);
      return this.#writeOwn({ type, ttl: source.ttl(rrset), rdatas: [soa] }, node, owner, labels);
    }
    const { signer } = this.#tools;
    signer.begin();
    for (let at = source.firstRdata(rrset); at !== 0; at = source.nextRdata(at)) {
      const length = source.rdataLength(at);
      signer.input.room(length);
      source.copyRdata(at, signer.input.scratch, signer.input.scratchAt);
      signer.input.add(type, length);
    }
    this.#writer.beginRRsetLike(rrset);
    this.#sign(owner, type, source.ttl(rrset), labels, this.#candidateFor(rrset, type, owner));
    this.#writer.endRRset();
  }

  #writeOwn(own: OwnRRset, node: NodeRef, owner: Name, labels: number): void {
    const { signer } = this.#tools;
    const writer = this.#writer;
    signer.begin();
    writer.beginRRset(own.type, own.ttl);
    for (const rdata of own.rdatas) {
      signer.input.addRdata(own.type, rdata);
      writer.rdata(rdata);
    }
    this.#sign(owner, own.type, own.ttl, labels, this.#candidateForOwn(own, node, owner));
    writer.endRRset();
  }

  #sign(owner: Name, type: number, ttl: number, labels: number, candidate: RRsetRef): void {
    const { signer, previous } = this.#tools;
    const candidates = candidate === 0 ? undefined : { reader: previous, rrset: candidate };
    signer.sign({ owner, type, labels, originalTtl: ttl, signer: this.#source.apex }, candidates);
    for (let i = 0; i < signer.count; i++)
      this.#writer.signature(signer.octets, signer.starts[i], signer.starts[i + 1]);
  }

  /** The RRset whose signatures may be kept for a source RRset. */
  #candidateFor(rrset: RRsetRef, type: number, owner: Name): RRsetRef {
    const { source, previous } = this.#tools;
    if (source === previous) return source.signatureCount(rrset) > 0 ? rrset : 0;
    const node = previous.find(owner);
    const found = node === 0 ? 0 : previous.rrset(node, type);
    if (found === 0 || previous.signatureCount(found) === 0) return 0;
    if (found === rrset) return found;
    return previous.ttl(found) === source.ttl(rrset) && isSameRdata(source, rrset, previous, found) ? found : 0;
  }

  #candidateForOwn(own: OwnRRset, node: NodeRef, owner: Name): RRsetRef {
    const { source, previous } = this.#tools;
    const other = source === previous ? node : previous.find(owner);
    const found = other === 0 ? 0 : previous.rrset(other, own.type);
    if (found === 0 || previous.signatureCount(found) === 0) return 0;
    if (previous.ttl(found) === own.ttl && isSameRdataAs(previous, found, own.rdatas)) return found;
    if (source === previous) this.#tools.signer.statistics.dropped += previous.signatureCount(found);
    return 0;
  }

  /** RFC 4034 section 4.1: the next name, its case kept (RFC 6840 section 5.1), and the types at this one. */
  #nsec(node: NodeRef, role: NodeRole, next: NodeRef, own: readonly OwnRRset[]): OwnRRset {
    const source = this.#source;
    const types = this.#types;
    collectTypes(source, node, role, types);
    for (const { type } of own) types.add(type);
    types.add(TYPE.NSEC);
    types.add(TYPE.RRSIG);
    const name = source.owner(next);
    this.#rdata.set(name);
    const end = types.write(this.#rdata, name.length);
    return { type: TYPE.NSEC, ttl: this.#tools.plan.denialTtl, rdatas: [this.#rdata.subarray(0, end)] };
  }

  #addHash(owner: Name, role: NodeRole, written: NodeRef): void {
    if (role === 'occluded') return;
    this.#forgetPendingBeside(owner);
    // An empty one has an NSEC3 when a name below it has one (RFC 5155 section 7.1; for opt-out errata 3441).
    if (role === 'empty') this.#pending.push(owner);
    if (!this.#isHashed(role)) return;
    for (const ancestor of this.#pending) this.#hash(ancestor, 0, 0);
    this.#pending.length = 0;
    this.#hash(owner, written, role === 'authoritative' ? 0 : HASHED_DELEGATION);
  }

  #isHashed(role: NodeRole): boolean {
    return (
      role === 'authoritative' || role === 'secure delegation' || (role === 'insecure delegation' && !this.#optOut)
    );
  }

  /** Names below an empty non-terminal follow it: when a name is not below, no more will come. */
  #forgetPendingBeside(owner: Name): void {
    while (this.#pending.length > 0 && !isWithin(owner, this.#pending[this.#pending.length - 1])) this.#pending.pop();
  }

  /** What the last empty non-terminals of the slice lead to is told by names after the slice. */
  #settleLastPending(): void {
    while (this.#pending.length > 0) {
      const node = this.#source.next();
      if (node === 0) return;
      const owner = this.#source.owner(node);
      this.#forgetPendingBeside(owner);
      const role = roleOf(this.#source, node);
      if (!this.#isHashed(role)) continue;
      for (const ancestor of this.#pending) this.#hash(ancestor, 0, 0);
      return;
    }
  }

  #hash(owner: Name, node: NodeRef, flags: number): void {
    const { denial } = this.#tools.plan.parameters;
    if (denial.kind === 'nsec3') this.#hashes.add(nsec3Hash(owner, denial.salt, denial.iterations), node, flags);
  }
}

/** The data types that a bitmap shows at a name. */
export function collectTypes(reader: ZoneReader, node: NodeRef, role: NodeRole, types: TypeSet): void {
  types.clear();
  const atApex = (reader.nodeFlags(node) & NODE.APEX) !== 0;
  const isCut = role === 'insecure delegation' || role === 'secure delegation';
  const count = reader.rrsetCount(node);
  for (let i = 0; i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    const type = reader.type(rrset);
    if (isOwnedBySigner(type, atApex) || reader.rdataCount(rrset) === 0) continue;
    // RFC 4035 section 2.3: at a cut only NS and what the parent is authoritative for.
    if (isCut && type !== TYPE.NS && !isParentSideType(type)) continue;
    types.add(type);
  }
}

function insertByType(list: OwnRRset[], one: OwnRRset): void {
  let at = list.length;
  while (at > 0 && list[at - 1].type > one.type) at--;
  list.splice(at, 0, one);
}
