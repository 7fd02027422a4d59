import { bitmapTypes } from '../wire/rdata/type-bitmap.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { equalNames, nameLengthAt, uncheckedName, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { FaultList } from './fault-list.ts';
import { expectedTypes, isPresent, type Standing } from './standing.ts';

/** Checks the NSEC of one name: its being there and its bitmap now, its next name when that name is known. */
export class NsecVerifier {
  readonly #reader: ZoneReader;
  readonly #faults: FaultList;
  /** What the NSEC before said, until the next name with one comes. */
  #open: { readonly owner: Name; readonly next: Name } | undefined;

  constructor(reader: ZoneReader, faults: FaultList) {
    this.#reader = reader;
    this.#faults = faults;
  }

  /** True while a name waits to be compared with the one that its NSEC names. */
  get waits(): boolean {
    return this.#open !== undefined;
  }

  /** @param inZone whether the zone has an NSEC chain; otherwise there must be no NSEC at all */
  verify(node: NodeRef, owner: Name, standing: Standing, inZone: boolean): void {
    const isThere = isPresent(this.#reader, node, TYPE.NSEC);
    if (standing === 'empty' || standing === 'occluded' || !inZone) {
      if (isThere) this.#fault('STRAY_NSEC', owner, `unexpected NSEC RRset at ${nameToShortText(owner)}`);
      return;
    }
    this.arrive(owner);
    if (!isThere) return this.#fault('NSEC_MISSING', owner, `Missing NSEC record for ${nameToShortText(owner)}`);
    const rdatas = this.#reader.rdataAll(this.#reader.rrset(node, TYPE.NSEC));
    if (rdatas.length > 1)
      return this.#fault('NSEC_MULTIPLE', owner, `Multiple NSEC records for ${nameToShortText(owner)}`);
    this.#verifyRdata(node, owner, standing, rdatas[0]);
  }

  #verifyRdata(node: NodeRef, owner: Name, standing: Standing, rdata: Uint8Array): void {
    const length = nameLengthAt(rdata);
    const types = bitmapTypes(rdata, length);
    if (!isSameList(types, expectedTypes(this.#reader, node, standing)))
      this.#fault('NSEC_TYPES', owner, `Bad NSEC record for ${nameToShortText(owner)}, bit map mismatch`);
    this.#open = { owner, next: uncheckedName(rdata.slice(0, length)) };
  }

  /** The next name in canonical order that has an NSEC is `owner`. */
  arrive(owner: Name): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open || equalNames(open.next, owner)) return;
    const [at, expected, found] = [open.owner, owner, open.next].map(nameToShortText);
    const text = `Bad NSEC record for ${at}, next name mismatch (expected:${expected}, found:${found})`;
    this.#fault('NSEC_NEXT_NAME', open.owner, text);
  }

  #fault(
    code: 'STRAY_NSEC' | 'NSEC_MISSING' | 'NSEC_MULTIPLE' | 'NSEC_TYPES' | 'NSEC_NEXT_NAME',
    owner: Name,
    text: string,
  ) {
    this.#faults.add({ code, severity: 'error', owner: nameToShortText(owner), type: TYPE.NSEC, text });
  }
}

export function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}
