import { TYPE } from '../wire/type-codes.ts';
import { NODE } from '../zone/store/layout.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { copyName } from './name-copy.ts';
import { Nsec3Hasher } from './nsec3-hash.ts';

/** Puts the RRset of `type` at a node, with its signatures, into the authority section; once if asked twice. */
export interface ProofSink {
  addProof(node: NodeRef, type: number): void;
}

/**
 * Chooses the NSEC (RFC 4035 section 3.1.3) or NSEC3 records (RFC 5155 section 7.2) that prove what an answer leaves
 * out: these and no others. `name` is the name asked for; `enclosing` the labels of its closest encloser.
 */
export class DenialProver {
  readonly #sink: ProofSink;
  readonly #hasher = new Nsec3Hasher();
  readonly #wildcard = new Uint8Array(2 + 255);
  readonly #owner = new Uint8Array(256);
  readonly #parameters = new Uint8Array(5 + 255);
  readonly #labelStart = new Uint8Array(128);
  #reader!: ZoneReader;
  #name!: Uint8Array;
  #labels = 0;

  constructor(sink: ProofSink) {
    this.#sink = sink;
  }

  /** Says what the next proofs are about. */
  open(reader: ZoneReader, name: Uint8Array): void {
    this.#reader = reader;
    this.#name = name;
    this.#labels = 0;
    for (let at = 0; name[at] !== 0; at += name[at] + 1) this.#labelStart[this.#labels++] = at;
    if (reader.denial === 'nsec3') this.#loadParameters();
  }

  /** The name exists (node), the type does not (RFC 4035 section 3.1.3.1; RFC 5155 sections 7.2.3, 7.2.4). */
  noData(node: NodeRef): void {
    if (this.#reader.denial === 'nsec') {
      if (this.#reader.rrset(node, TYPE.NSEC) !== 0) this.#sink.addProof(node, TYPE.NSEC);
      else this.#cover(this.#name, 0); // an empty non-terminal has no NSEC: the one before shows that it is empty
      return;
    }
    // Without an NSEC3 of its own (opt-out) the name is shown to lie in an opted-out span.
    if (!this.#matchHash(this.#name, 0)) this.#proveCloser(this.#labels - 1);
  }

  /** Neither the name nor a wildcard for it exists (RFC 4035 section 3.1.3.2; RFC 5155 section 7.2.2). */
  nameError(enclosing: number): void {
    if (this.#reader.denial === 'nsec') {
      this.#cover(this.#name, 0);
      this.#makeWildcard(enclosing);
      this.#cover(this.#wildcard, 0);
      return;
    }
    const provable = this.#proveCloser(enclosing);
    this.#makeWildcard(provable);
    this.#coverHash(this.#wildcard, 0);
  }

  /** A wildcard answered: no closer name exists (RFC 4035 section 3.1.3.3; RFC 5155 section 7.2.6). */
  wildcardAnswer(enclosing: number): void {
    if (this.#reader.denial === 'nsec') this.#cover(this.#name, 0);
    else this.#coverHash(this.#name, this.#suffixAt(enclosing + 1));
  }

  /** The wildcard lacks the type, and no closer name exists (RFC 4035 section 3.1.3.4; RFC 5155 section 7.2.5). */
  wildcardNoData(wildcard: NodeRef, enclosing: number): void {
    if (this.#reader.denial === 'nsec') {
      this.#makeWildcard(enclosing);
      if (this.#reader.rrset(wildcard, TYPE.NSEC) !== 0) this.#sink.addProof(wildcard, TYPE.NSEC);
      else this.#cover(this.#wildcard, 0);
      this.#cover(this.#name, 0);
      return;
    }
    const provable = this.#proveCloser(enclosing);
    this.#makeWildcard(provable);
    if (!this.#matchHash(this.#wildcard, 0)) this.#coverHash(this.#wildcard, 0);
  }

  /** The delegation at `cut`, which has `labels` labels, has no DS (RFC 4035 section 3.1.4; RFC 5155 section 7.2.7). */
  insecureDelegation(cut: NodeRef, labels: number): void {
    if (this.#reader.denial === 'nsec') {
      if (this.#reader.rrset(cut, TYPE.NSEC) !== 0) this.#sink.addProof(cut, TYPE.NSEC);
      return;
    }
    if (!this.#matchHash(this.#name, this.#suffixAt(labels))) this.#proveCloser(labels - 1);
  }

  /** The NSEC whose span holds the name at name[at...]. */
  #cover(name: Uint8Array, at: number): void {
    const reader = this.#reader;
    let node = reader.predecessor(name, at);
    while (node !== 0 && reader.rrset(node, TYPE.NSEC) === 0) {
      // Empty non-terminals and what is below a cut own no NSEC.
      reader.copyOwner(node, this.#owner, 0);
      node = (reader.nodeFlags(node) & NODE.OCCLUDED) === 0 ? reader.predecessor(this.#owner) : this.#cutAbove();
    }
    if (node !== 0) this.#sink.addProof(node, TYPE.NSEC);
  }

  /** The cut that #owner is below: it comes before all that it hides. */
  #cutAbove(): NodeRef {
    const reader = this.#reader;
    let at = 0;
    let node: NodeRef = 0;
    do {
      at += this.#owner[at] + 1;
      node = reader.find(this.#owner, at);
    } while (node !== 0 && (reader.nodeFlags(node) & NODE.OCCLUDED) !== 0);
    return node;
  }

  /**
   * Closest encloser proof (RFC 5155 section 7.2.1): the NSEC3 that matches the longest ancestor of at most `labels`
   * labels that has one, and the NSEC3 that covers the next closer name.
   * @returns labels of that ancestor
   */
  #proveCloser(labels: number): number {
    while (labels > this.#reader.apexLabels && !this.#matchHash(this.#name, this.#suffixAt(labels))) labels--;
    if (labels === this.#reader.apexLabels) this.#matchHash(this.#name, this.#suffixAt(labels));
    this.#coverHash(this.#name, this.#suffixAt(labels + 1));
    return labels;
  }

  #matchHash(name: Uint8Array, at: number): boolean {
    const node = this.#reader.findHash(this.#hasher.compute(name, at));
    if (node === 0) return false;
    this.#sink.addProof(node, TYPE.NSEC3);
    return true;
  }

  #coverHash(name: Uint8Array, at: number): void {
    const node = this.#reader.coveringHash(this.#hasher.compute(name, at));
    if (node !== 0) this.#sink.addProof(node, TYPE.NSEC3);
  }

  /** Where the rightmost `labels` labels of the name begin. */
  #suffixAt(labels: number): number {
    if (labels > 0) return this.#labelStart[this.#labels - labels];
    if (this.#labels === 0) return 0;
    const last = this.#labelStart[this.#labels - 1];
    return last + this.#name[last] + 1;
  }

  #makeWildcard(enclosing: number): void {
    this.#wildcard[0] = 1;
    this.#wildcard[1] = 0x2a;
    copyName(this.#name, this.#suffixAt(enclosing), this.#wildcard, 2);
  }

  /** Of the chain that is complete: NSEC3PARAM with flags 0 (RFC 5155 section 4.1.2). */
  #loadParameters(): void {
    const reader = this.#reader;
    const rrset = reader.rrset(reader.apexNode, TYPE.NSEC3PARAM);
    if (rrset === 0) return;
    for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
      if (reader.rdataLength(position) > this.#parameters.length) continue;
      reader.copyRdata(position, this.#parameters, 0);
      if (this.#parameters[0] !== 1 || this.#parameters[1] !== 0) continue;
      this.#hasher.iterations = (this.#parameters[2] << 8) | this.#parameters[3];
      this.#hasher.saltLength = this.#parameters[4];
      this.#hasher.salt.set(this.#parameters.subarray(5, 5 + this.#parameters[4]));
      return;
    }
  }
}
