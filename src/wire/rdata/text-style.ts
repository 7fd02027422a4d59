import { isWithin, type Name, uncheckedName } from '../name.ts';
import { nameToText } from '../name-text.ts';
import type { TextStyle } from './record-type.ts';

/** One line a record, long fields in chunks of 56 characters, as BIND's "full" style and dig have it. */
export const LINE_STYLE: TextStyle = { multiline: false, chunk: 56, chunkSeparator: ' ' };

/** One line a record and one word a field: for comparing and for files that programs read. */
export const PLAIN_STYLE: TextStyle = { multiline: false, chunk: 0, chunkSeparator: ' ' };

/** Cuts a long word into the style's chunks. */
export function chunked(text: string, style: TextStyle): string {
  if (style.chunk === 0 || text.length <= style.chunk) return text;
  const chunks: string[] = [];
  for (let at = 0; at < text.length; at += style.chunk) chunks.push(text.slice(at, at + style.chunk));
  return chunks.join(style.chunkSeparator);
}

/** Whether comments are to be printed behind what the style brackets. */
export function hasComments(style: TextStyle): boolean {
  return style.comments ?? style.multiline;
}

/** The name rdata[at, end) as text, relative to the style's origin where it has one and the name is below it. */
export function nameText(rdata: Uint8Array, at: number, end: number, style: TextStyle): string {
  const name = uncheckedName(rdata.subarray(at, end));
  return style.origin === undefined ? nameToText(name) : relativeNameText(name, style.origin);
}

/**
 * The name as text relative to `origin`, without final dot, when it is below it in the very same letters; otherwise, and
 * for the origin itself, absolute. That is how BIND prints names in RDATA.
 */
function relativeNameText(name: Name, origin: Name): string {
  const length = name.length - origin.length;
  if (origin.length === 1 || length <= 0 || !isWithin(name, origin)) return nameToText(name);
  for (let i = 0; i < origin.length; i++) if (name[length + i] !== origin[i]) return nameToText(name);
  const relative = new Uint8Array(length + 1);
  relative.set(name.subarray(0, length));
  return nameToText(uncheckedName(relative)).slice(0, -1);
}
