import { SigningInput } from '../../src/crypto/signing-input.ts';
import { Verifier } from '../../src/crypto/verify.ts';
import { compareOctets, equalOctets, latin1Text, readUint32 } from '../../src/base/octets.ts';
import type { Message, ResourceRecord } from '../../src/wire/message.ts';
import {
  compareCanonicalNames,
  equalNames,
  isWithin,
  labelCount,
  lowerName,
  type Name,
  nameKey,
  parentName,
  rightmostLabels,
  wildcardOf,
} from '../../src/wire/name.ts';
import { nameToText } from '../../src/wire/name-text.ts';
import { decodeNsec } from '../../src/wire/rdata/nsec.ts';
import { decodeNsec3 } from '../../src/wire/rdata/nsec3.ts';
import { decodeRrsig, type Rrsig } from '../../src/wire/rdata/rrsig.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { fromBase32Hex } from '../../src/base/base32hex.ts';
import { type AskedQuestion, hashOf, INCEPTION, markOf, type MixedZone } from './no-mixed-zones.ts';

/* What a validator and a suspicious reader would say of one answer of a zone of no-mixed-zones.ts. */

interface RRset {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly owner: Name;
  readonly type: number;
  readonly rdatas: Uint8Array[];
  readonly signatures: Rrsig[];
}

/** Signatures that verified before need not be computed again: their key is all octets that were verified. */
const MOST_REMEMBERED = 20_000;

export class AnswerChecker {
  readonly #verifiers: readonly Verifier[];
  readonly #input = new SigningInput();
  readonly #verified = new Set<string>();
  /** Signatures computed, apart from those that were seen before. */
  verifications = 0;

  constructor(dnskeys: readonly Uint8Array[]) {
    this.#verifiers = dnskeys.map((dnskey) => new Verifier(dnskey));
  }

  /**
   * @returns the serial that all of the answer is from
   * @throws Error saying what is wrong with it
   */
  check(zone: MixedZone, question: AskedQuestion, message: Message): number {
    const rrsets = rrsetsOf(message);
    for (const rrset of rrsets) this.#checkSignatures(zone, rrset, isSynthesized(rrset, rrsets));
    const serials = new Set(rrsets.flatMap(serialsOf));
    if (serials.size !== 1) throw new Error(`an answer of the versions ${[...serials].join(' and ')}`);
    const [serial] = serials;
    for (const rrset of rrsets) checkMark(rrset, serial);
    new Proof(zone, rrsets).check(question, message.rcode);
    return serial;
  }

  #checkSignatures(zone: MixedZone, rrset: RRset, synthesized: boolean): void {
    const { owner, type, section, rdatas, signatures } = rrset;
    const what = `${nameToText(owner)} ${typeText(type)}`;
    const isCut = section === 'authority' && type === TYPE.NS && !equalNames(owner, zone.apex);
    const isGlue = section === 'additional' && nameToText(owner).startsWith('ns.d');
    if (isCut || isGlue || synthesized) {
      if (signatures.length > 0) throw new Error(`${what} is signed`);
      return;
    }
    if (rdatas.length === 0) throw new Error(`${what} has a signature and no data`);
    if (signatures.length === 0) throw new Error(`${what} is not signed`);
    for (const signature of signatures)
      if (!this.#verifies(zone, rrset, signature)) throw new Error(`a signature of ${what} is not valid`);
  }

  #verifies(zone: MixedZone, { owner, type, rdatas }: RRset, rrsig: Rrsig): boolean {
    const input = this.#input;
    input.clear();
    for (const rdata of rdatas) input.addRdata(type, rdata);
    input.build({ owner, type, labels: rrsig.labels, originalTtl: rrsig.originalTtl, signer: zone.apex });
    input.setKey(rrsig.algorithm, rrsig.keyTag);
    input.setTimes(rrsig.expiration, rrsig.inception);
    const octets = input.octets();
    const key = latin1Text(octets) + latin1Text(rrsig.signature);
    if (this.#verified.has(key)) return true;
    this.verifications++;
    if (!this.#verifiers.some((verifier) => verifier.verify(octets, rrsig.signature))) return false;
    if (this.#verified.size >= MOST_REMEMBERED) this.#verified.clear();
    this.#verified.add(key);
    return true;
  }
}

function rrsetsOf(message: Message): RRset[] {
  const rrsets = new Map<string, RRset>();
  const sections = [
    ['answer', message.answers],
    ['authority', message.authorities],
    ['additional', message.additionals],
  ] as const;
  for (const [section, records] of sections) {
    const at = ({ owner }: ResourceRecord, type: number): RRset => {
      const key = `${section} ${type} ${nameKey(owner)}`;
      const known = rrsets.get(key);
      if (known !== undefined) return known;
      const rrset = { section, owner, type, rdatas: [], signatures: [] };
      rrsets.set(key, rrset);
      return rrset;
    };
    for (const record of records) {
      if (record.type !== TYPE.RRSIG) at(record, record.type).rdatas.push(record.rdata);
      else {
        const rrsig = decodeRrsig(record.rdata);
        at(record, rrsig.typeCovered).signatures.push(rrsig);
      }
    }
  }
  return [...rrsets.values()];
}

/** RFC 6672 section 3.1: the CNAME that a DNAME makes is not signed. */
function isSynthesized(rrset: RRset, all: readonly RRset[]): boolean {
  return (
    rrset.type === TYPE.CNAME && all.some(({ type, owner }) => type === TYPE.DNAME && isWithin(rrset.owner, owner))
  );
}

/** Serials that the data and the signatures of an RRset name. */
function serialsOf({ type, rdatas, signatures, owner }: RRset): number[] {
  const serials = signatures.map(({ inception }) => inception - INCEPTION);
  for (const rdata of rdatas) {
    if (type === TYPE.A) {
      if (rdata[0] !== 10) throw new Error(`${nameToText(owner)} has an address that no version has`);
      serials.push(readUint32(rdata, 0) & 0xffffff);
    } else if (type === TYPE.TXT) serials.push(Number(latin1Text(rdata, 1, 1 + rdata[0])));
    else if (type === TYPE.SOA) serials.push(readUint32(rdata, rdata.length - 20));
    else if (type === TYPE.DS) serials.push(readUint32(rdata, rdata.length - 4));
  }
  return serials;
}

/** The type that tells the version is in the bitmaps of all names that have data of their own but CNAME and NS. */
function checkMark({ type, rdatas }: RRset, serial: number): void {
  if (type !== TYPE.NSEC && type !== TYPE.NSEC3) return;
  for (const rdata of rdatas) {
    const { types } = type === TYPE.NSEC ? decodeNsec(rdata) : decodeNsec3(rdata);
    const marks = types.filter((one) => one >= 65_280);
    const isBare = types.length === 0 || types.includes(TYPE.CNAME);
    const isCut = types.includes(TYPE.NS) && !types.includes(TYPE.SOA);
    if (isBare || isCut ? marks.length > 0 : marks.length !== 1 || marks[0] !== markOf(serial))
      throw new Error(`a bitmap of another version than ${serial}: ${types.map(typeText).join(' ')}`);
  }
}

/** What the NSEC or NSEC3 records of one answer prove. */
class Proof {
  readonly #zone: MixedZone;
  readonly #rrsets: readonly RRset[];

  constructor(zone: MixedZone, rrsets: readonly RRset[]) {
    this.#zone = zone;
    this.#rrsets = rrsets;
  }

  check({ name, type }: AskedQuestion, rcode: number): void {
    const { asked, isAnswered } = this.#followAnswers(name, type);
    const cut = this.#rrsets.find((rrset) => rrset.section === 'authority' && rrset.type === TYPE.NS);
    if (rcode === 3) this.#absent(asked, type);
    else if (rcode !== 0) throw new Error(`rcode ${rcode}`);
    else if (isAnswered) return;
    else if (cut !== undefined && !equalNames(cut.owner, this.#zone.apex)) this.#referral(cut.owner, asked);
    else this.#noData(asked, type);
  }

  /** Goes along CNAMEs and DNAMEs; those and answers from a wildcard need a proof that nothing is closer. */
  #followAnswers(name: Name, type: number): { asked: Name; isAnswered: boolean } {
    let asked = name;
    const answers = this.#rrsets.filter(({ section }) => section === 'answer');
    for (let steps = 0; steps <= answers.length; steps++) {
      const own = answers.filter(({ owner }) => equalNames(owner, asked));
      for (const { signatures } of own)
        for (const { labels } of signatures) if (labels < labelCount(asked)) this.#nothingCloser(asked, labels);
      if (own.some((rrset) => rrset.type === type)) return { asked, isAnswered: true };
      const alias = own.find((rrset) => rrset.type === TYPE.CNAME);
      if (alias === undefined) {
        if (own.length > 0) throw new Error(`an answer of another type at ${nameToText(asked)}`);
        return { asked, isAnswered: false };
      }
      asked = lowerName(alias.rdatas[0] as Name);
    }
    throw new Error('more aliases than answers');
  }

  #nothingCloser(name: Name, labels: number): void {
    this.#covered(rightmostLabels(name, labels + 1), 'the next closer name of a wildcard');
  }

  #absent(name: Name, type: number): void {
    this.#covered(name, 'the name', true);
    const encloser = this.#closestEncloser(name);
    this.#covered(wildcardOf(encloser) as Name, `the wildcard (${typeText(type)})`);
  }

  #noData(name: Name, type: number): void {
    const types = this.#typesAt(name);
    if (types !== undefined) {
      if (types.includes(type) || types.includes(TYPE.CNAME)) throw new Error('the bitmap has what is said not to be');
      return;
    }
    if (this.#zone.denial === 'nsec' && this.#isEmptyNonTerminal(name)) return;
    const encloser = this.#closestEncloser(name);
    this.#covered(name, 'the name', true);
    const wild = this.#typesAt(wildcardOf(encloser) as Name);
    if (wild === undefined || wild.includes(type)) throw new Error(`no proof that the wildcard has no such type`);
  }

  #referral(cut: Name, asked: Name): void {
    if (!isWithin(asked, cut)) throw new Error(`a referral to ${nameToText(cut)}, which is elsewhere`);
    if (this.#rrsets.some(({ type, owner }) => type === TYPE.DS && equalNames(owner, cut))) return;
    const types = this.#typesAt(cut);
    if (types === undefined || !types.includes(TYPE.NS) || types.includes(TYPE.DS) || types.includes(TYPE.SOA))
      throw new Error(`no proof that ${nameToText(cut)} is insecure`);
  }

  #nsecs(): { owner: Name; next: Name; types: readonly number[] }[] {
    return this.#rrsets
      .filter(({ type }) => type === TYPE.NSEC)
      .flatMap(({ owner, rdatas }) => rdatas.map((rdata) => ({ owner, ...decodeNsec(rdata) })));
  }

  #nsec3s(): { hash: Uint8Array; next: Uint8Array; types: readonly number[] }[] {
    return this.#rrsets
      .filter(({ type }) => type === TYPE.NSEC3)
      .flatMap(({ owner, rdatas }) => {
        const hash = fromBase32Hex(latin1Text(owner, 1, 1 + owner[0])) as Uint8Array;
        return rdatas.map((rdata) => ({ hash, next: decodeNsec3(rdata).nextHash, types: decodeNsec3(rdata).types }));
      });
  }

  #typesAt(name: Name): readonly number[] | undefined {
    if (this.#zone.denial === 'nsec') return this.#nsecs().find(({ owner }) => equalNames(owner, name))?.types;
    const hash = hashOf(name);
    return this.#nsec3s().find((one) => equalOctets(one.hash, hash))?.types;
  }

  #isEmptyNonTerminal(name: Name): boolean {
    return this.#nsecs().some((nsec) => this.#covers(nsec, name) && isWithin(nsec.next, name));
  }

  #covers({ owner, next }: { owner: Name; next: Name }, name: Name): boolean {
    if (compareCanonicalNames(owner, name) >= 0) return false;
    return compareCanonicalNames(name, next) < 0 || equalNames(next, this.#zone.apex);
  }

  /** @param nextCloser whether with NSEC3 it is the next closer name that has to be covered (RFC 5155 section 8.3) */
  #covered(name: Name, what: string, nextCloser = false): void {
    const fault = (): never => {
      throw new Error(`no record covers ${what}, ${nameToText(name)}`);
    };
    if (this.#zone.denial === 'nsec') {
      const nsec = this.#nsecs().find((one) => this.#covers(one, name));
      if (nsec === undefined) return fault();
      if (nextCloser && isWithin(nsec.next, name)) throw new Error(`${nameToText(name)} is an empty non-terminal`);
      return;
    }
    const absent = nextCloser ? rightmostLabels(name, labelCount(this.#closestEncloser(name)) + 1) : name;
    const hash = hashOf(absent);
    const isCovering = this.#nsec3s().some(({ hash: from, next }) => {
      const isAfter = compareOctets(from, hash) < 0;
      const isBefore = compareOctets(hash, next) < 0;
      return compareOctets(from, next) < 0 ? isAfter && isBefore : isAfter || isBefore;
    });
    if (!isCovering) fault();
  }

  #closestEncloser(name: Name): Name {
    for (let encloser = parentName(name); isWithin(encloser, this.#zone.apex); encloser = parentName(encloser))
      if (this.#zone.denial === 'nsec3' ? this.#typesAt(encloser) !== undefined : this.#isAncestor(encloser, name))
        return encloser;
    throw new Error(`no closest encloser of ${nameToText(name)}`);
  }

  /** With NSEC, the closest encloser is what the covered name has in common with an end of the span. */
  #isAncestor(encloser: Name, name: Name): boolean {
    return this.#nsecs().some(
      (nsec) => this.#covers(nsec, name) && (isWithin(nsec.owner, encloser) || isWithin(nsec.next, encloser)),
    );
  }
}
