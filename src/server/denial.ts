import { TYPE } from '../wire/type-codes.ts';
import { NODE } from '../zone/store/layout.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { FoldedName } from '../wire/folded-name.ts';
import { copyName } from './name-copy.ts';
import { Nsec3Hasher } from './nsec3-hash.ts';
import type { ZoneFacts } from './zone-facts.ts';

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
  #reader!: ZoneReader;
  #asked!: FoldedName;
  #name!: Uint8Array;
  #labels = 0;
  #facts!: ZoneFacts;
  /** The NSEC node that covers the name asked for, if that is known; 0 if not. */
  #covering: NodeRef = 0;
  /** Generation of the facts that the hasher's parameters are from, and whose they are. */
  #parametersOf: ZoneFacts | undefined;
  #generation = 0;

  constructor(sink: ProofSink) {
    this.#sink = sink;
  }

  /**
   * Says what the next proofs are about: the name that the reader's `encloserOf` was asked for last.
   * @param covering what `KnownGaps` found for it; if it did, `encloserOf` need not have been asked
   */
  open(reader: ZoneReader, name: FoldedName, facts: ZoneFacts, covering: NodeRef): void {
    this.#covering = covering;
    this.#reader = reader;
    this.#asked = name;
    this.#name = name.octets;
    this.#labels = name.labels;
    this.#facts = facts;
    if (reader.denial !== 'nsec3' || (this.#parametersOf === facts && this.#generation === facts.generation)) return;
    this.#loadParameters();
    this.#parametersOf = facts;
    this.#generation = facts.generation;
  }

  /** The name exists (node), the type does not (RFC 4035 section 3.1.3.1; RFC 5155 sections 7.2.3, 7.2.4). */
  noData(node: NodeRef): void {
    if (this.#reader.denial === 'nsec') {
      if (this.#reader.rrset(node, TYPE.NSEC) !== 0) this.#sink.addProof(node, TYPE.NSEC);
      else this.#coverAsked(); // an empty non-terminal has no NSEC: the one before shows that it is empty
      return;
    }
    // Without an NSEC3 of its own (opt-out) the name is shown to lie in an opted-out span.
    if (!this.#matchHash(this.#name, 0)) this.#proveCloser(this.#labels - 1);
  }

  /** Neither the name nor a wildcard for it exists (RFC 4035 section 3.1.3.2; RFC 5155 section 7.2.2). */
  nameError(encloser: NodeRef, enclosing: number): void {
    const facts = this.#facts;
    // Floods of names that are not there share their closest encloser: what does not depend on the name is found once.
    if (facts.encloser !== encloser) this.#findWildcardProof(encloser, enclosing);
    if (this.#reader.denial === 'nsec') this.#coverAsked();
    else {
      this.#add(facts.matching, TYPE.NSEC3);
      this.#coverHash(this.#name, this.#suffixAt(facts.provable + 1));
    }
    this.#add(facts.coveringWildcard, this.#reader.denial === 'nsec' ? TYPE.NSEC : TYPE.NSEC3);
  }

  #findWildcardProof(encloser: NodeRef, enclosing: number): void {
    const facts = this.#facts;
    facts.encloser = encloser;
    facts.matching = 0;
    facts.provable = enclosing;
    if (this.#reader.denial === 'nsec3') {
      facts.provable = this.#provableLabels(enclosing);
      facts.matching = this.#matchingHash(this.#name, this.#suffixAt(facts.provable));
    }
    this.#makeWildcard(facts.provable);
    facts.coveringWildcard =
      this.#reader.denial === 'nsec'
        ? this.#withNsec(this.#reader.predecessor(this.#wildcard))
        : this.#coveringHash(this.#wildcard, 0);
  }

  #add(node: NodeRef, type: number): void {
    if (node !== 0) this.#sink.addProof(node, type);
  }

  /** A wildcard answered: no closer name exists (RFC 4035 section 3.1.3.3; RFC 5155 section 7.2.6). */
  wildcardAnswer(enclosing: number): void {
    if (this.#reader.denial === 'nsec') this.#coverAsked();
    else this.#coverHash(this.#name, this.#suffixAt(enclosing + 1));
  }

  /** The wildcard lacks the type, and no closer name exists (RFC 4035 section 3.1.3.4; RFC 5155 section 7.2.5). */
  wildcardNoData(wildcard: NodeRef, enclosing: number): void {
    if (this.#reader.denial === 'nsec') {
      this.#makeWildcard(enclosing);
      if (this.#reader.rrset(wildcard, TYPE.NSEC) !== 0) this.#sink.addProof(wildcard, TYPE.NSEC);
      else this.#add(this.#withNsec(this.#reader.predecessor(this.#wildcard)), TYPE.NSEC);
      this.#coverAsked();
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

  /** The NSEC whose span holds the name that was asked for. */
  #coverAsked(): void {
    if (this.#covering === 0) this.#covering = this.#searchCovering();
    this.#add(this.#covering, TYPE.NSEC);
  }

  #searchCovering(): NodeRef {
    const reader = this.#reader;
    const before = reader.predecessorOfAsked();
    const behind = reader.followerOfAsked();
    const nsec = this.#withNsec(before);
    this.#facts.gaps.keep(reader, this.#asked, nsec, before, behind);
    return nsec;
  }

  /** The node itself or the last one before it that has an NSEC. */
  #withNsec(node: NodeRef): NodeRef {
    const reader = this.#reader;
    while (node !== 0 && reader.rrset(node, TYPE.NSEC) === 0) {
      // Empty non-terminals and what is below a cut own no NSEC.
      reader.copyOwner(node, this.#owner, 0);
      node = (reader.nodeFlags(node) & NODE.OCCLUDED) === 0 ? reader.predecessor(this.#owner) : this.#cutAbove();
    }
    return node;
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
    const provable = this.#provableLabels(labels);
    this.#add(this.#matchingHash(this.#name, this.#suffixAt(provable)), TYPE.NSEC3);
    this.#coverHash(this.#name, this.#suffixAt(provable + 1));
    return provable;
  }

  /** Labels of the longest ancestor of at most `labels` labels that has an NSEC3; the apex is taken to have one. */
  #provableLabels(labels: number): number {
    const { apexLabels } = this.#reader;
    while (labels > apexLabels && this.#matchingHash(this.#name, this.#suffixAt(labels)) === 0) labels--;
    return labels;
  }

  #matchHash(name: Uint8Array, at: number): boolean {
    const node = this.#matchingHash(name, at);
    this.#add(node, TYPE.NSEC3);
    return node !== 0;
  }

  #coverHash(name: Uint8Array, at: number): void {
    this.#add(this.#coveringHash(name, at), TYPE.NSEC3);
  }

  #matchingHash(name: Uint8Array, at: number): NodeRef {
    return this.#reader.findHash(this.#hasher.compute(name, at));
  }

  #coveringHash(name: Uint8Array, at: number): NodeRef {
    return this.#reader.coveringHash(this.#hasher.compute(name, at));
  }

  /** Where the rightmost `labels` labels of the name begin. */
  #suffixAt(labels: number): number {
    return this.#asked.starts[this.#labels - labels];
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
