import { toBase32Hex } from '../base/base32hex.ts';
import { NSEC3_HASH_LENGTH, nsec3Hash } from '../crypto/nsec3-hash.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { isWithin, type Name } from '../wire/name.ts';
import { bitmapTypes } from '../wire/rdata/type-bitmap.ts';
import { TYPE } from '../wire/type-codes.ts';
import { Writer } from '../wire/writer.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { FaultList } from './fault-list.ts';
import { isSameList } from './nsec-verifier.ts';
import { expectedTypes, type Standing } from './standing.ts';

/** NSEC3 RDATA (RFC 5155 section 3.2): algorithm, flags, iterations, salt, next hash, bitmap. */
const FLAGS_AT = 1;
const OPT_OUT = 1;

/** Octets of NSEC3PARAM RDATA, with which NSEC3 RDATA begins but for the flags. */
function isOfChain(nsec3: Uint8Array, param: Uint8Array): boolean {
  for (let i = 0; i < param.length; i++) if (i !== FLAGS_AT && nsec3[i] !== param[i]) return false;
  return nsec3[param.length] === NSEC3_HASH_LENGTH;
}

/** The NSEC3 of a node that belongs to the chain with these parameters. */
export function nsec3At(reader: ZoneReader, node: NodeRef, param: Uint8Array): Uint8Array | undefined {
  const rrset = node === 0 ? 0 : reader.rrset(node, TYPE.NSEC3);
  return rrset === 0 ? undefined : reader.rdataAll(rrset).find((rdata) => isOfChain(rdata, param));
}

/** Checks that names have the NSEC3 that they need in one chain, and that its bitmap is right. */
export class Nsec3Verifier {
  readonly #reader: ZoneReader;
  readonly #faults: FaultList;
  readonly #param: Uint8Array;
  readonly #iterations: number;
  readonly #salt: Uint8Array;
  /** Empty non-terminals without NSEC3, outermost first: right only if opt-out covers all that they lead to. */
  readonly #pending: { readonly owner: Name; readonly hash: Uint8Array }[] = [];
  readonly #accounted = new Writer(4096);

  constructor(reader: ZoneReader, faults: FaultList, param: Uint8Array) {
    this.#reader = reader;
    this.#faults = faults;
    this.#param = param;
    this.#iterations = (param[2] << 8) | param[3];
    this.#salt = param.subarray(5, 5 + param[4]);
  }

  verify(node: NodeRef, owner: Name, standing: Standing): void {
    this.pass(owner, standing);
    if (standing === 'occluded') return;
    const hash = nsec3Hash(owner, this.#salt, this.#iterations);
    const found = nsec3At(this.#reader, this.#reader.findHash(hash), this.#param);
    if (!found) return this.#verifyAbsence(owner, standing, hash);
    this.#accounted.bytes(hash);
    const types = bitmapTypes(found, this.#param.length + 1 + NSEC3_HASH_LENGTH);
    if (isSameList(types, expectedTypes(this.#reader, node, standing))) return;
    const text = `Bad NSEC3 record for ${nameToShortText(owner)}, bit map mismatch`;
    this.#faults.add({ code: 'NSEC3_TYPES', severity: 'error', owner: nameToShortText(owner), type: TYPE.NSEC3, text });
  }

  /** RFC 5155 section 7.1: with opt-out, insecure delegations and what only leads to them may go without. */
  #verifyAbsence(owner: Name, standing: Standing, hash: Uint8Array): void {
    const mayLack = standing === 'insecure cut' || standing === 'empty';
    if (!mayLack || !this.#isCoveredByOptOut(hash)) return this.#missing(owner, hash);
    if (standing === 'empty') this.#pending.push({ owner, hash });
  }

  #isCoveredByOptOut(hash: Uint8Array): boolean {
    const covering = nsec3At(this.#reader, this.#reader.coveringHash(hash), this.#param);
    return covering !== undefined && (covering[FLAGS_AT] & OPT_OUT) !== 0;
  }

  /** Hashes that names of the slice account for, 20 octets each. */
  accounted(): Uint8Array {
    return this.#accounted.finish();
  }

  /** True while an empty non-terminal waits to be told what it leads to. */
  get waits(): boolean {
    return this.#pending.length > 0;
  }

  /** The next name in canonical order: tells empty non-terminals above it what they lead to. */
  pass(owner: Name, standing: Standing): void {
    while (this.#pending.length > 0 && !isWithin(owner, this.#pending[this.#pending.length - 1].owner))
      this.#pending.pop();
    if (standing !== 'authoritative' && standing !== 'secure cut') return;
    for (const { owner: ancestor, hash } of this.#pending) this.#missing(ancestor, hash);
    this.#pending.length = 0;
  }

  #missing(owner: Name, hash: Uint8Array): void {
    const short = nameToShortText(owner);
    const apex = nameToShortText(this.#reader.apex);
    const text = `Missing NSEC3 record for ${short} (${toBase32Hex(hash).toUpperCase()}.${apex})`;
    this.#faults.add({ code: 'NSEC3_MISSING', severity: 'error', owner: short, type: TYPE.NSEC3, text });
  }
}
