import { MalformedError, Reader } from '../reader.ts';
import { typeText } from '../type-text.ts';
import type { Writer } from '../writer.ts';
import { type Field, lowerInto, writeCompressed } from './fields.ts';
import type { MessageWriter, RdataTokens, RecordType, TextStyle } from './record-type.ts';
import { hasComments, LINE_STYLE } from './text-style.ts';

/** Puts the texts of the fields together where the style is multiline. `rdata` is for comments. */
export type Layout = (texts: readonly string[], style: TextStyle, rdata: Uint8Array) => string;

export interface TypeDefinition {
  readonly code: number;
  readonly fields: readonly Field[];
  /** Default: one line in every style. */
  readonly layout?: Layout;
  /** What is printed behind a record on one line when the style has comments. */
  readonly comment?: (rdata: Uint8Array) => string;
  /** What is wrong with RDATA octets[start, end) whose fields are right each by itself, or undefined. Allocates nothing. */
  readonly fault?: (octets: Uint8Array, start: number, end: number) => string | undefined;
}

/** The record type that its fields, in order, make. */
export function defineType(definition: TypeDefinition): RecordType {
  const { code, fields, fault } = definition;
  const compresses = fields.some((field) => field.name?.compressible);
  const lowers = fields.some((field) => field.name?.lowered);
  return {
    code,
    mnemonic: typeText(code),
    read(reader: Reader, length: number, out: Writer): void {
      const at = reader.at;
      const start = out.at;
      within(reader, length, () => {
        for (let i = 0; i < fields.length; i++) fields[i].read(reader, out);
      });
      const wrong = fault?.(out.octets, start, out.at);
      if (wrong !== undefined) throw new MalformedError(wrong, at);
    },
    write(rdata: Uint8Array, out: MessageWriter): void {
      if (compresses) writeFields(fields, rdata, out);
      else out.bytes(rdata);
    },
    canonical: (rdata) => (lowers ? lowered(fields, rdata) : rdata),
    toText: (rdata, style = LINE_STYLE) => textOf(definition, rdata, style),
    fromText(tokens: RdataTokens, out: Writer): void {
      const start = out.at;
      for (let i = 0; i < fields.length; i++) fields[i].fromText(tokens, out);
      const wrong = fault?.(out.octets, start, out.at);
      if (wrong !== undefined) tokens.fail(`consistent RDATA (${wrong})`);
    },
  };
}

/** Runs `work` with the reader confined to the next `length` octets, all of which it must read. */
export function within(reader: Reader, length: number, work: () => void): void {
  const start = reader.at;
  const end = reader.end;
  if (length > end - start) throw new MalformedError(`RDATA of ${length} octets is cut off`, start);
  reader.end = start + length;
  try {
    work();
  } finally {
    reader.end = end;
  }
  if (reader.at !== start + length) throw new MalformedError('RDATA has octets left over', reader.at);
}

function writeFields(fields: readonly Field[], rdata: Uint8Array, out: MessageWriter): void {
  let at = 0;
  for (const field of fields) {
    const end = field.end(rdata, at);
    if (field.name?.compressible) writeCompressed(rdata, at, end, out);
    else for (let i = at; i < end; i++) out.uint8(rdata[i]);
    at = end;
  }
}

function lowered(fields: readonly Field[], rdata: Uint8Array): Uint8Array {
  const canonical = rdata.slice();
  let at = 0;
  for (const field of fields) {
    const end = field.end(rdata, at);
    if (field.name?.lowered) lowerInto(rdata, at, end, canonical);
    at = end;
  }
  return canonical;
}

function textOf(definition: TypeDefinition, rdata: Uint8Array, style: TextStyle): string {
  const texts: string[] = [];
  let at = 0;
  for (const field of definition.fields) {
    const end = field.end(rdata, at);
    const text = field.toText(rdata, at, end, style);
    if (text !== '') texts.push(text);
    at = end;
  }
  if (style.multiline && definition.layout) return definition.layout(texts, style, rdata);
  const comment = hasComments(style) && definition.comment ? definition.comment(rdata) : '';
  return texts.join(' ') + comment;
}

/** `a b c (` data `)`: DS, TLSA, CERT. Nothing in brackets when there are no more than `head` texts. */
export function bracketTail(head: number): Layout {
  return (texts, style) =>
    texts.length <= head
      ? texts.join(' ')
      : `${texts.slice(0, head).join(' ')} (${style.chunkSeparator}${texts.slice(head).join(' ')} )`;
}

/** `( data )`: OPENPGPKEY, EID. */
export const bracketAll: Layout = (texts) => `( ${texts.join(' ')} )`;
