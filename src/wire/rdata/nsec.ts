import { type Name, nameLengthAt, uncheckedName } from '../name.ts';
import { Writer } from '../writer.ts';
import { defineType } from './define-type.ts';
import { MODERN, name, typeBitmap } from './fields.ts';
import { bitmapHas, bitmapTypes, writeBitmap } from './type-bitmap.ts';

/** Next name and types of this one (RFC 4034 section 4). The next name keeps its letters (RFC 6840 section 5.1). */
export const NSEC = defineType({
  code: 47,
  fields: [name('next owner name', { ...MODERN, absolute: true }), typeBitmap(true)],
});

/** NSEC RDATA taken apart. */
export interface Nsec {
  readonly next: Name;
  /** Ascending. */
  readonly types: readonly number[];
}

/** @param rdata checked NSEC RDATA; the name is a view of it */
export function decodeNsec(rdata: Uint8Array): Nsec {
  const at = nameLengthAt(rdata);
  return { next: uncheckedName(rdata.subarray(0, at)), types: bitmapTypes(rdata, at) };
}

/** @param types in any order */
export function encodeNsec(next: Name, types: Iterable<number>): Uint8Array<ArrayBuffer> {
  const out = new Writer(next.length + 64);
  out.name(next);
  writeBitmap(types, out);
  return out.finish();
}

/** True when the NSEC says that its owner has the type. Allocates nothing. */
export function nsecHas(rdata: Uint8Array, type: number): boolean {
  return bitmapHas(rdata, nameLengthAt(rdata), rdata.length, type);
}
