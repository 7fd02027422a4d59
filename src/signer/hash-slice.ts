import { nsec3Owner } from './nsec3-owner.ts';
import { NSEC3_HASH_LENGTH } from '../crypto/nsec3-hash.ts';
import { signedLabels } from '../crypto/signing-input.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { NodeWriter } from '../zone/store/node-writer.ts';
import { nsec3Head } from './apex-rrsets.ts';
import { copyRecordHash, HASH_RECORD_WORDS, HASHED_DELEGATION } from './hash-records.ts';
import { isParentSideType } from './node-role.ts';
import { RefList } from './ref-list.ts';
import { isSameRdataAs } from './same-rdata.ts';
import type { SliceTools } from './slice-signer.ts';
import { MAX_BITMAP_LENGTH, TypeSet } from './type-set.ts';

/** NSEC3 opt-out flag (RFC 5155 section 3.1.2.1). */
export const OPT_OUT = 1;

/** Signs a run of the sorted NSEC3 chain: one NSEC3 node for each record. */
export class HashSlice {
  readonly #tools: SliceTools;
  readonly #writer: NodeWriter;
  readonly #records: Uint32Array;
  readonly #types = new TypeSet();
  readonly #hash = new Uint8Array(NSEC3_HASH_LENGTH);
  readonly #rdata: Uint8Array;
  readonly #headLength: number;
  readonly #nodes = new RefList();

  constructor(tools: SliceTools, writer: NodeWriter) {
    this.#tools = tools;
    this.#writer = writer;
    this.#records = new Uint32Array(tools.plan.hashes!);
    const { denial } = tools.plan.parameters;
    if (denial.kind !== 'nsec3') throw new RangeError('a slice of hashes needs NSEC3 parameters');
    const head = nsec3Head(denial.optOut ? OPT_OUT : 0, denial.iterations, denial.salt);
    this.#headLength = head.length;
    this.#rdata = new Uint8Array(head.length + 1 + NSEC3_HASH_LENGTH + MAX_BITMAP_LENGTH);
    this.#rdata.set(head);
    this.#rdata[head.length] = NSEC3_HASH_LENGTH;
  }

  sign(from: number, to: number): { nodes: Uint32Array; hashes: Uint32Array } {
    for (let index = from; index < to; index++) this.#write(index);
    return { nodes: this.#nodes.finish(), hashes: new Uint32Array(0) };
  }

  #write(index: number): void {
    const { signer, source, previous, plan } = this.#tools;
    const writer = this.#writer;
    copyRecordHash(this.#records, index, this.#hash, 0);
    const rdata = this.#rdata.subarray(0, this.#fillRdata(index));
    const ttl = plan.denialTtl;
    const owner = nsec3Owner(this.#hash, source.apex);
    signer.begin();
    signer.input.addRdata(TYPE.NSEC3, rdata);
    const candidate = this.#candidate(ttl, rdata);
    signer.sign(
      { owner, type: TYPE.NSEC3, labels: signedLabels(owner), originalTtl: ttl, signer: source.apex },
      candidate === 0 ? undefined : { reader: previous, rrset: candidate },
    );
    writer.beginHashed(this.#hash);
    writer.beginRRset(TYPE.NSEC3, ttl);
    writer.rdata(rdata);
    for (let i = 0; i < signer.count; i++) writer.signature(signer.octets, signer.starts[i], signer.starts[i + 1]);
    writer.endRRset();
    this.#nodes.add(writer.endNode());
  }

  /** RFC 5155 section 3.2; the hash after the last is the first. */
  #fillRdata(index: number): number {
    const count = this.#records.length / HASH_RECORD_WORDS;
    const nextAt = this.#headLength + 1;
    copyRecordHash(this.#records, index + 1 === count ? 0 : index + 1, this.#rdata, nextAt);
    const node = this.#records[index * HASH_RECORD_WORDS + 5];
    const isCut = (this.#records[index * HASH_RECORD_WORDS + 6] & HASHED_DELEGATION) !== 0;
    this.#collect(node, isCut);
    return this.#types.write(this.#rdata, nextAt + NSEC3_HASH_LENGTH);
  }

  /** RFC 5155 section 7.1: all types of the signed node; RRSIG only where something is signed; none for an empty one. */
  #collect(node: number, isCut: boolean): void {
    const reader = this.#tools.source;
    this.#types.clear();
    if (node === 0) return;
    let isSigned = false;
    const count = reader.rrsetCount(node);
    for (let i = 0; i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      if (isCut && type !== TYPE.NS && !isParentSideType(type)) continue;
      this.#types.add(type);
      isSigned ||= reader.signatureCount(rrset) > 0;
    }
    if (isSigned) this.#types.add(TYPE.RRSIG);
  }

  #candidate(ttl: number, rdata: Uint8Array): RRsetRef {
    const { previous } = this.#tools;
    const node = previous.findHash(this.#hash);
    const found = node === 0 ? 0 : previous.rrset(node, TYPE.NSEC3);
    if (found === 0 || previous.signatureCount(found) === 0) return 0;
    return previous.ttl(found) === ttl && isSameRdataAs(previous, found, [rdata]) ? found : 0;
  }
}
