import { type Random, randomBelow } from '../../../src/base/random.ts';
import { FLAG } from '../../../src/wire/header.ts';
import { EDNS_OPTION } from '../../../src/wire/edns.ts';
import {
  compareCanonicalNames,
  labelCount,
  type Name,
  nameKey,
  parentName,
  prependLabel,
  rightmostLabels,
} from '../../../src/wire/name.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../../src/wire/type-codes.ts';
import { scanZone } from '../../server/zone-fixture.ts';
import { type EdnsPart, makeQuestion, option, type Question } from './query.ts';
import type { ZoneFile } from './servers.ts';

/* Random questions about the names of zones, and about names near them. */

const TYPES = [
  TYPE.A, TYPE.A, TYPE.A, TYPE.AAAA, TYPE.AAAA, TYPE.NS, TYPE.MX, TYPE.TXT, TYPE.CNAME, TYPE.DNAME, TYPE.SOA, TYPE.DS,
  TYPE.DS, TYPE.DNSKEY, TYPE.NSEC, TYPE.SRV, TYPE.NAPTR, TYPE.PTR, TYPE.NSEC3PARAM, TYPE.NSEC3, TYPE.ANY, TYPE.RRSIG,
  TYPE.KEY, TYPE.SIG, TYPE.CDS, TYPE.TLSA, 13, 17, 18, 21, 29, 36, 37, 44, 64, 65, 256, 257, 999, 65_280, 65_535, 0,
  62_347,
]; // prettier-ignore

const SIZES = [512, 512, 1232, 1232, 1232, 4096, 4096, 0, 511, 700, 1400, 65_535];

const LABELS = [
  'a', 'a', 'www', 'WWW', '*', 'zz', 'ns1', 'x', 'A\u0000', 'wild', '0', '~', '\u00ff', 'q'.repeat(63), 'no.dot', '_tcp',
]; // prettier-ignore

export class QuestionMaker {
  readonly #random: Random;
  readonly #names: readonly Name[];

  /** @param random all that is random in the questions comes from it */
  constructor(zones: readonly ZoneFile[], random: Random) {
    this.#random = random;
    const owners = zones.flatMap(({ apex, text }) => scanZone(apex, text).map(({ owner }) => owner));
    // dnssec-signzone writes names in the order its threads finish them: sorted, a seed gives the same questions always.
    // Hashed owners depend on nothing but names, salt and iterations.
    this.#names = [...new Map(owners.map((owner) => [nameKey(owner), owner])).values()].sort(compareCanonicalNames);
  }

  get nameCount(): number {
    return this.#names.length;
  }

  /** The hand-made ones, then names in turn, so that all are asked for; the rest at random. */
  make(count: number): Question[] {
    return [...HAND_MADE.map(handMade), ...this.#make(count - HAND_MADE.length)];
  }

  #make(count: number): Question[] {
    return Array.from({ length: count }, (_, i) => {
      let name = this.#names[i % this.#names.length];
      if (i >= this.#names.length) for (let steps = this.#below(4); steps > 0; steps--) name = this.#vary(name);
      const type = this.#one(TYPES);
      const edns = this.#below(6) === 0 ? undefined : this.#edns();
      return makeQuestion({ name, type, class: CLASS.IN, flags: this.#flags(), edns, tcp: this.#below(12) === 0 });
    });
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit);
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)];
  }

  #flags(): number {
    let flags = this.#below(2) === 0 ? FLAG.RD : 0;
    if (this.#below(8) === 0) flags |= FLAG.CD;
    if (this.#below(8) === 0) flags |= FLAG.AD;
    // Bits that have no meaning in a query: the last one has none at all (RFC 6895 section 2).
    if (this.#below(24) === 0) flags |= this.#one([FLAG.AA, FLAG.TC, FLAG.RA, Z_BIT]);
    return flags;
  }

  #edns(): EdnsPart {
    const options: Uint8Array[] = [];
    if (this.#below(16) === 0) options.push(option(this.#one([65_001, 4, 26_946, 15]), this.#octets()));
    if (this.#below(24) === 0) options.push(option(EDNS_OPTION.NSID, []));
    if (this.#below(24) === 0) options.push(option(EDNS_OPTION.PAD, new Uint8Array(this.#below(40))));
    return {
      udpSize: this.#one(SIZES),
      dnssecOk: this.#below(3) > 0,
      version: this.#below(40) === 0 ? this.#one([1, 2, 255]) : 0,
      z: this.#below(24) === 0 ? this.#below(0x8000) : 0,
      options: Buffer.concat(options),
    };
  }

  #octets(): Uint8Array {
    return this.#random.fill(new Uint8Array(this.#below(12)));
  }

  #vary(name: Name): Name {
    const label = Buffer.from(this.#one(LABELS), 'latin1');
    const labels = labelCount(name);
    switch (this.#below(5)) {
      case 0:
        return prependLabel(label, name) ?? name;
      case 1:
        return labels > 1 ? parentName(name) : name;
      case 2:
        return (labels > 2 && prependLabel(label, parentName(name))) || name;
      case 3: // the same labels in another zone
        return this.#moved(name, labels);
      default:
        return this.#inOtherCase(name);
    }
  }

  #moved(name: Name, labels: number): Name {
    const apex = mustName(
      this.#one(['nsec.test.', 'nsec3.test.', 'optout.test.', 'plain.test.', 'tld.', 'child.nsec.test.']),
    );
    if (labels < 3) return apex;
    const moved = Buffer.concat([name.subarray(0, name.length - rightmostLabels(name, 2).length), apex]);
    return moved.length <= 255 ? (Uint8Array.from(moved) as Name) : name;
  }

  /** 0x20 (draft-vixie-dnsext-dns0x20): each letter in one case or the other. */
  #inOtherCase(name: Name): Name {
    const other = Uint8Array.from(name) as Name;
    for (let at = 0; other[at] !== 0; at += other[at] + 1)
      for (let i = at + 1; i <= at + other[at]; i++)
        if (((other[i] | 0x20) - 0x61) >>> 0 < 26 && this.#below(2) === 0) other[i] ^= 0x20;
    return other;
  }
}

const SVCB = 64;

function handMade([name, type, dnssecOk]: (typeof HAND_MADE)[number]): Question {
  const edns = { udpSize: 1232, dnssecOk, version: 0, z: 0, options: new Uint8Array(0) };
  return makeQuestion({ name: mustName(name), type, class: CLASS.IN, flags: 0, edns, tcp: false });
}

/** Z of RFC 1035 section 4.1.1, of which RFC 2535 left one bit. */
const Z_BIT = 0x40;

/** What random questions seldom come to: each is an argument of argued.ts that has to be true. */
const HAND_MADE: readonly (readonly [name: string, type: number, dnssecOk: boolean])[] = [
  ['x.wildent2.nsec.test.', TYPE.A, true],
  ['x.wildent3.nsec.test.', TYPE.MX, true],
  ['x.dnowhere.nsec.test.', TYPE.ANY, true],
  ['x.dnowhere.plain.test.', TYPE.ANY, false],
  [`${'q'.repeat(63)}.long.nsec3.test.`, TYPE.A, true],
  [`${'q'.repeat(63)}.${'r'.repeat(63)}.long.plain.test.`, TYPE.A, false],
  ['x.www.nsec.test.', TYPE.NSEC, true],
  ['bind1.nsec3.test.', SVCB, true],
  ['manysrv.nsec.test.', TYPE.SRV, true],
];
