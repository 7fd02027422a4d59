import { copyOctets } from '../base/octets.ts';
import { HEADER_LENGTH, SECTION, type Section } from '../wire/header.ts';
import { LOWER, MAX_NAME_LENGTH } from '../wire/name.ts';
import { RCODE, TYPE } from '../wire/type-codes.ts';
import { HEAD, type Arena, type NodeRef, type RRsetRef, type VersionRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import { FoldedName } from '../wire/folded-name.ts';
import { VERSION } from '../zone/store/version.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { AdditionalData } from './additional.ts';
import { afterName, copyName } from './name-copy.ts';
import type { CompiledView } from './compiled-tables.ts';
import { DenialProver, type ProofSink } from './denial.ts';
import { OWN_NAME, type ResponseBuilder } from './response-builder.ts';
import { ZoneFacts } from './zone-facts.ts';

/** CNAMEs and DNAMEs followed for one query. BIND 9.18: max-query-restarts 11. */
const MOST_RESTARTS = 11;

/** What is asked, for `ZoneAnswerer.answer`. */
export interface Question {
  type: number;
  /** DO: RFC 4035 section 3.1 */
  dnssecOk: boolean;
  overTcp: boolean;
  /** Leave out the zone's NS RRset in positive answers. */
  omitAuthority: boolean;
  /** Leave out addresses that are not glue. */
  omitAdditional: boolean;
  /** ANY and RRSIG over UDP get one RRset (RFC 8482 section 4.1). */
  minimalAny: boolean;
}

/** How the answer came out, for the header and the counters. */
export const OUTCOME = {
  SUCCESS: 0,
  NXRRSET: 1,
  NXDOMAIN: 2,
  REFERRAL: 3,
  /** DNAME substitution gives too long a name (RFC 6672 section 2.2). */
  YXDOMAIN: 4,
  /** No zone of ours (refused when it is the name asked for). */
  NOT_AUTHORITATIVE: 5,
  /** allow-query does not let the client in. */
  DENIED: 6,
  /** The zone is configured but has no version. */
  NOT_LOADED: 7,
  /** A chain of aliases without end in sight. */
  TOO_MANY_RESTARTS: 8,
} as const;

const NO_LIMIT = 0xffffffff;
const NAME_ROOM = MAX_NAME_LENGTH + 1;

/** Zones that a thread knows facts of, by slot; zones that share a place take turns. */
const FACTS = 61;

/** Three for each alias that a wildcard gave, and for the end. */
const MOST_PROOFS = 3 * (MOST_RESTARTS + 2);

/** Where an alias leads: the look-up goes on with `#name`. */
const FOLLOW = -1;

/**
 * Answers one question from the zones of a view: the algorithm of RFC 1034 section 4.3.2 with RFC 4592 (wildcards),
 * RFC 6672 (DNAME) and RFC 4035 section 3.1 (DNSSEC). One object a thread; nothing is allocated for a query.
 */
export class ZoneAnswerer implements ProofSink {
  readonly builder: ResponseBuilder;
  /** The first name asked for was in a zone of ours and not below a cut (AA of RFC 1035 section 4.1.1). */
  authoritative = false;
  /** Index of the zone asked last in its view; -1 for none. */
  zone = -1;
  /** The version that the zone asked last showed. */
  version: VersionRef = 0;
  versionId = 0;
  readonly #arena: Arena;
  readonly #table = Array.from({ length: FACTS }, () => new ZoneFacts());
  #facts = this.#table[0];
  readonly #reader: ZoneReader;
  readonly #denial: DenialProver;
  readonly #additional: AdditionalData;
  /** The name that is looked up: the question's, then the target of each alias. */
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 1);
  /** The same in the very case, at #spelt[#speltAt]: in the query, or in #name. */
  #spelt: Uint8Array = this.#name;
  #speltAt = 0;
  /** The same for look-ups: the query's, or #target. */
  #folded: FoldedName;
  readonly #target = new FoldedName();
  #length = 0;
  /** Where the message has #name; -1 when no pointer reaches it. */
  #nameOffset = 0;
  readonly #next = new Uint8Array(MAX_NAME_LENGTH + 1);
  /** The names that DNAMEs were applied to, NAME_ROOM octets each. */
  readonly #substituted = new Uint8Array((MOST_RESTARTS + 1) * NAME_ROOM);
  #substitutions = 0;
  readonly #rdata = new Uint8Array(65_536);
  readonly #wildcard = new Uint8Array(2 + MAX_NAME_LENGTH);
  readonly #proofNodes = new Uint32Array(MOST_PROOFS);
  readonly #proofTypes = new Uint16Array(MOST_PROOFS);
  #proofs = 0;
  /** The NSEC node that is known to cover the name; 0 when that is not known. */
  #covering: NodeRef = 0;
  #question!: Question;

  constructor(arena: Arena, builder: ResponseBuilder) {
    this.#arena = arena;
    this.builder = builder;
    this.#target.seed = arena.u32[HEAD.HASH_SEED];
    this.#folded = this.#target;
    this.#reader = new ZoneReader(arena);
    this.#denial = new DenialProver(this);
    this.#additional = new AdditionalData(builder);
    builder.lookedUp = this.#name;
  }

  /**
   * Writes the records that answer the question for the uncompressed name at name[at...], which the message has at
   * HEADER_LENGTH already.
   * @param folded the same name; its seed is the arena's
   * @returns an OUTCOME
   */
  answer(
    view: CompiledView,
    name: Uint8Array,
    at: number,
    folded: FoldedName,
    question: Question,
    client: Uint8Array,
    clientAt: number,
    clientLength: number,
    key: number,
  ): number {
    this.#question = question;
    this.#folded = folded;
    this.#spelt = name;
    this.#speltAt = at;
    this.#nameOffset = HEADER_LENGTH;
    this.#additional.begin();
    this.authoritative = false;
    this.#proofs = 0;
    this.#substitutions = 0;
    const zone = view.index.findName(this.#folded, question.type === TYPE.DS);
    this.zone = zone;
    if (zone < 0) return OUTCOME.NOT_AUTHORITATIVE;
    // One look at the slot: all of the answer is from one version.
    const version = Atomics.load(this.#arena.u32, view.slots[zone]);
    if (version === 0) return OUTCOME.NOT_LOADED;
    if (!view.allowQuery[zone].accepts(client, clientAt, clientLength, key)) return OUTCOME.DENIED;
    this.#open(version, view.slots[zone]);
    this.authoritative = true;
    this.#pointToApex();
    const outcome = this.#followAliases(view, zone);
    this.#writeProofs();
    if (!this.builder.truncated) this.#additional.write(this.#reader, !question.omitAdditional, clientLength > 4);
    return outcome;
  }

  /** Opens the version, unless it is open, and finds what is known of it. */
  #open(version: VersionRef, slot: number): void {
    const facts = this.#table[slot % FACTS];
    const id = this.#arena.u32[version + VERSION.ID];
    const isKnown = facts.version === version && facts.id === id;
    if (!isKnown) facts.forget(version, id);
    if (!isKnown || facts !== this.#facts) this.#reader.open(version);
    this.#facts = facts;
    this.version = version;
    this.versionId = id;
  }

  /** Tells the message where it has the apex, when the question spells it as the zone does. */
  #pointToApex(): void {
    const { starts, labels } = this.#folded;
    const left = labels - this.#reader.apexLabels;
    const apexAt = starts[left];
    if (!this.#reader.isApex(this.#spelt, this.#speltAt + apexAt)) return;
    this.builder.message.pointToApex(HEADER_LENGTH + apexAt, left === 0 ? 0 : HEADER_LENGTH + starts[left - 1]);
  }

  #followAliases(view: CompiledView, zone: number): number {
    for (let restarts = 0; restarts <= MOST_RESTARTS; restarts++) {
      const outcome = this.#lookUp(restarts);
      if (outcome !== FOLLOW) return outcome;
      // An alias is followed within its zone; what other zones of ours say is for whoever asks them (as BIND does).
      if (view.index.findName(this.#folded, this.#question.type === TYPE.DS) !== zone) return OUTCOME.SUCCESS;
    }
    return OUTCOME.TOO_MANY_RESTARTS;
  }

  /** Remembers a proof: the authority section can only be written when the answer section is complete. */
  addProof(node: NodeRef, type: number): void {
    if (this.#proofs === MOST_PROOFS) return;
    this.#proofNodes[this.#proofs] = node;
    this.#proofTypes[this.#proofs++] = type;
  }

  #writeProofs(): void {
    for (let i = 0; i < this.#proofs; i++) {
      const node = this.#proofNodes[i];
      this.#add(SECTION.AUTHORITY, node, this.#reader.rrset(node, this.#proofTypes[i]), false);
    }
  }

  #setName(from: Uint8Array, at: number, offset: number): void {
    this.#length = copyName(from, at, this.#name, 0);
    this.#target.set(this.#name, 0);
    this.#folded = this.#target;
    this.#spelt = this.#name;
    this.#speltAt = 0;
    this.#nameOffset = offset;
  }

  /** Copies the name out of the query, where it is not an alias's. */
  #copySpelt(): void {
    if (this.#spelt === this.#name) return;
    this.#length = copyName(this.#spelt, this.#speltAt, this.#name, 0);
    this.#spelt = this.#name;
    this.#speltAt = 0;
  }

  /** Where the rightmost `labels` labels of the name begin. */
  #suffixAt(labels: number): number {
    return this.#folded.starts[this.#folded.labels - labels];
  }

  #lookUp(restarts: number): number {
    const reader = this.#reader;
    this.#covering = this.#facts.gaps.find(reader, this.#folded);
    let node = this.#covering === 0 ? reader.encloserOf(this.#folded) : reader.apexNode;
    let enclosing = this.#covering === 0 ? reader.matchedLabels : reader.apexLabels;
    let flags = reader.nodeFlags(node);
    let occluded = false;
    while ((flags & NODE.OCCLUDED) !== 0) {
      // Data below a cut or a DNAME is not ours to answer with: what hides it decides.
      node = reader.find(this.#spelt, this.#speltAt + this.#suffixAt(--enclosing));
      flags = reader.nodeFlags(node);
      occluded = true;
    }
    const exact = !occluded && enclosing === this.#folded.labels;
    if (exact && restarts === 0 && this.#isSpeltAsAsked(node)) this.builder.askedNode = node;
    if ((flags & NODE.DELEGATION) !== 0 && !(exact && this.#isAnsweredByParent(node)))
      return this.#refer(node, enclosing, restarts);
    if (exact) return this.#answerFrom(node, -1);
    const dname = reader.rrset(node, TYPE.DNAME);
    if (dname !== 0) return this.#substitute(node, dname, enclosing);
    if ((flags & NODE.WILDCARD_CHILD) !== 0) {
      const wildcard = this.#findWildcard(enclosing);
      if (wildcard !== 0) return this.#answerFrom(wildcard, enclosing);
    }
    // BIND's zero-no-soa-ttl: whoever looks for the cut above a name shall not remember that there is none.
    this.#addSoa(this.#question.type === TYPE.SOA ? 0 : NO_LIMIT);
    if (this.#proves) {
      this.#denial.open(reader, this.#folded, this.#facts, this.#covering);
      this.#denial.nameError(node, enclosing);
    }
    return OUTCOME.NXDOMAIN;
  }

  /** True when the question writes the node's owner as the zone does, so that records can point to it. */
  #isSpeltAsAsked(node: NodeRef): boolean {
    const { apexAt } = this.builder.message;
    return apexAt > 0 && this.#reader.hasOwner(node, this.#spelt, this.#speltAt, apexAt - HEADER_LENGTH);
  }

  /** RFC 4035 section 3.1.4.1: DS belongs to the parent's side of a cut; so does the parent's own NSEC. */
  #isAnsweredByParent(cut: NodeRef): boolean {
    const { type } = this.#question;
    return type === TYPE.DS || (type === TYPE.NSEC && this.#reader.rrset(cut, TYPE.NSEC) !== 0);
  }

  get #proves(): boolean {
    return this.#question.dnssecOk && this.#reader.denial !== 'none';
  }

  /** "*" below the closest encloser, the source of synthesis (RFC 4592 section 3.3.1). */
  #findWildcard(enclosing: number): NodeRef {
    this.#wildcard[0] = 1;
    this.#wildcard[1] = 0x2a;
    copyName(this.#spelt, this.#speltAt + this.#suffixAt(enclosing), this.#wildcard, 2);
    return this.#reader.find(this.#wildcard);
  }

  /** @param enclosing labels of the closest encloser when the node is a wildcard, otherwise -1 */
  #answerFrom(node: NodeRef, enclosing: number): number {
    const reader = this.#reader;
    const type = this.#question.type;
    if (type === TYPE.ANY || type === TYPE.RRSIG) return this.#answerWithAll(node, enclosing);
    const rrset = reader.rrset(node, type);
    if (rrset !== 0) {
      this.#add(SECTION.ANSWER, node, rrset, enclosing >= 0);
      this.#additional.note(rrset, reader, this.#spelt, this.#speltAt);
      this.#finishPositive(enclosing);
      return OUTCOME.SUCCESS;
    }
    // RFC 4035 section 2.5 and RFC 3007: NSEC and KEY live beside a CNAME, so it does not stand for them.
    const cname = type === TYPE.NSEC || type === TYPE.KEY ? 0 : reader.rrset(node, TYPE.CNAME);
    if (cname !== 0) return this.#followCname(node, cname, enclosing);
    return this.#noData(node, enclosing);
  }

  #noData(node: NodeRef, enclosing: number): number {
    this.#addSoa(NO_LIMIT);
    if (this.#proves) {
      this.#denial.open(this.#reader, this.#folded, this.#facts, this.#covering);
      if (enclosing >= 0) this.#denial.wildcardNoData(node, enclosing);
      else this.#denial.noData(node);
    }
    return OUTCOME.NXRRSET;
  }

  /** What goes with an answer: the proof that a wildcard was right to answer, and the zone's name servers. */
  #finishPositive(enclosing: number): void {
    const reader = this.#reader;
    this.#proveExpansion(enclosing);
    if (this.#question.omitAuthority) return;
    const ns = reader.rrset(reader.apexNode, TYPE.NS);
    if (ns === 0 || this.builder.hasRRset(ns)) return;
    this.#add(SECTION.AUTHORITY, reader.apexNode, ns, false);
    this.#additional.note(ns, reader, reader.apex, 0);
  }

  #proveExpansion(enclosing: number): void {
    if (enclosing < 0 || !this.#proves) return;
    this.#denial.open(this.#reader, this.#folded, this.#facts, this.#covering);
    this.#denial.wildcardAnswer(enclosing);
  }

  /** ANY: all RRsets of the node with all their signatures; RRSIG: the signatures alone. */
  #answerWithAll(node: NodeRef, enclosing: number): number {
    const reader = this.#reader;
    const { minimalAny, overTcp, dnssecOk } = this.#question;
    const one = minimalAny && !overTcp;
    const any = this.#question.type === TYPE.ANY;
    let added = 0;
    this.builder.withSignatures = any && (dnssecOk || !one);
    const expanded = enclosing >= 0;
    for (let i = 0; i < reader.rrsetCount(node) && !(one && added > 0); i++) {
      const rrset = reader.rrsetAt(node, i);
      if (any) this.#add(SECTION.ANSWER, node, rrset, expanded);
      else if (reader.signatureCount(rrset) === 0) continue;
      else if (!this.builder.truncated)
        this.builder.truncated = !this.builder.addSignatures(
          SECTION.ANSWER,
          reader,
          node,
          rrset,
          expanded,
          this.#nameOffset,
        );
      added++;
    }
    this.builder.withSignatures = dnssecOk;
    if (added === 0) return this.#noData(node, enclosing);
    this.#finishPositive(enclosing);
    return OUTCOME.SUCCESS;
  }

  #followCname(node: NodeRef, cname: RRsetRef, enclosing: number): number {
    const reader = this.#reader;
    // A chain that comes back to where it was says nothing new.
    if (enclosing < 0 && this.builder.hasRRset(cname)) return OUTCOME.TOO_MANY_RESTARTS;
    this.#add(SECTION.ANSWER, node, cname, enclosing >= 0);
    const cnameAt = this.builder.firstRdataAt;
    this.#proveExpansion(enclosing);
    reader.copyRdata(reader.firstRdata(cname), this.#rdata, 0);
    this.#setName(this.#rdata, 0, this.builder.nameOffset(cnameAt));
    return FOLLOW;
  }

  /** RFC 6672 section 3.2: the DNAME, the CNAME it stands for, and on with the new name. */
  #substitute(node: NodeRef, dname: RRsetRef, enclosing: number): number {
    const reader = this.#reader;
    this.#copySpelt();
    // DNAMEs that lead to each other: the CNAME from here is in the message already, and so is all that follows.
    if (this.#wasSubstituted()) return OUTCOME.TOO_MANY_RESTARTS;
    this.#add(SECTION.ANSWER, node, dname, false);
    const targetLength = reader.rdataLength(reader.firstRdata(dname));
    reader.copyRdata(reader.firstRdata(dname), this.#rdata, 0);
    const prefix = this.#suffixAt(enclosing);
    if (prefix + targetLength > MAX_NAME_LENGTH) return OUTCOME.YXDOMAIN;
    copyOctets(this.#name, 0, prefix, this.#next, 0);
    copyOctets(this.#rdata, 0, targetLength, this.#next, prefix);
    if (!this.builder.truncated)
      this.builder.truncated = !this.builder.addSynthesizedCname(
        SECTION.ANSWER,
        this.#name,
        reader.ttl(dname),
        this.#next,
      );
    if (this.#isLookedUp(this.#next, 0, prefix + targetLength)) return OUTCOME.TOO_MANY_RESTARTS;
    // RFC 6672 section 3.2: the CNAME is what a question for CNAME, or for anything, wants.
    if (this.#question.type === TYPE.CNAME || this.#question.type === TYPE.ANY) {
      this.#finishPositive(-1);
      return OUTCOME.SUCCESS;
    }
    this.#setName(this.#next, 0, this.builder.nameOffset(this.builder.firstRdataAt));
    return FOLLOW;
  }

  /** RFC 1034 section 4.3.2 step 3b, with DS or the proof that there is none (RFC 4035 section 3.1.4). */
  #refer(cut: NodeRef, labels: number, restarts: number): number {
    const reader = this.#reader;
    if (restarts === 0) this.authoritative = false;
    const ns = reader.rrset(cut, TYPE.NS);
    this.#add(SECTION.AUTHORITY, cut, ns, false);
    // DS of a zone that is not signed helps nobody: there is no signature to believe it by.
    if (this.#proves) {
      const ds = reader.rrset(cut, TYPE.DS);
      if (ds !== 0) this.#add(SECTION.AUTHORITY, cut, ds, false);
      else {
        this.#denial.open(reader, this.#folded, this.#facts, this.#covering);
        this.#denial.insecureDelegation(cut, labels);
      }
    }
    this.#additional.noteReferral(cut, ns);
    return OUTCOME.REFERRAL;
  }

  /** RFC 2308 section 3: the SOA with the smaller of its TTL and its last field. */
  #addSoa(mostTtl: number): void {
    const reader = this.#reader;
    const soa = reader.rrset(reader.apexNode, TYPE.SOA);
    if (soa === 0 || this.builder.truncated) return;
    if (mostTtl === NO_LIMIT && !this.builder.hasRRset(soa) && this.builder.addSoaBlock(this.#facts.soa(reader), soa))
      return;
    const position = reader.firstRdata(soa);
    const end = reader.rdataLength(position);
    reader.copyRdata(position, this.#rdata, 0);
    const o = this.#rdata;
    const minimum = ((o[end - 4] << 24) | (o[end - 3] << 16) | (o[end - 2] << 8) | o[end - 1]) >>> 0;
    this.builder.truncated = !this.builder.addRRset(
      SECTION.AUTHORITY,
      reader,
      reader.apexNode,
      soa,
      false,
      OWN_NAME,
      Math.min(minimum, mostTtl),
    );
  }

  #add(section: Section, node: NodeRef, rrset: RRsetRef, expanded: boolean): void {
    if (this.builder.truncated) return;
    this.builder.truncated = !this.builder.addRRset(section, this.#reader, node, rrset, expanded, this.#nameOffset);
  }

  /** True when #name was substituted for this question before; otherwise remembers it. */
  #wasSubstituted(): boolean {
    for (let i = 0; i < this.#substitutions; i++) {
      const at = i * NAME_ROOM;
      if (this.#isLookedUp(this.#substituted, at, afterName(this.#substituted, at) - at)) return true;
    }
    copyName(this.#name, 0, this.#substituted, NAME_ROOM * this.#substitutions++);
    return false;
  }

  #isLookedUp(name: Uint8Array, at: number, length: number): boolean {
    if (length !== this.#length) return false;
    for (let i = 0; i < length; i++) if (LOWER[name[at + i]] !== LOWER[this.#name[i]]) return false;
    return true;
  }
}

/** The response code of each outcome; NOT_AUTHORITATIVE and DENIED are refused as BIND does. */
export const OUTCOME_RCODE: readonly number[] = [
  RCODE.NOERROR,
  RCODE.NOERROR,
  RCODE.NXDOMAIN,
  RCODE.NOERROR,
  RCODE.YXDOMAIN,
  RCODE.REFUSED,
  RCODE.REFUSED,
  RCODE.SERVFAIL,
  RCODE.SERVFAIL, // with what was found, as BIND does
];
