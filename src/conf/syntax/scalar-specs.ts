import { fromBase64 } from '../../base/base64.ts';
import { parseDuration } from '../duration.ts';
import type { Printer } from './printer.ts';
import type { Spec } from './spec.ts';
import type { TreeReader } from './tree-reader.ts';
import type { Token } from './scanner.ts';
import type { Value } from './tree.ts';

/** A word or a quoted string; printed in quotes. */
export const text: Spec = { read: (reader) => readText(reader), print: printQuoted };

/** A string that must stand in quotes. */
export const quotedText: Spec = {
  read(reader) {
    if (reader.peek().kind !== 'quoted') throw reader.fault('expected quoted string');
    return readText(reader);
  },
  print: printQuoted,
};

/** A word, which must stand without quotes. */
export const unquotedText: Spec = {
  read(reader) {
    if (reader.peek().kind !== 'word') throw reader.fault('expected unquoted string');
    return readText(reader);
  },
  print: printBare,
};

/** A word or a quoted string; printed bare where that reads back. */
export const bareText: Spec = { read: (reader) => readText(reader), print: printBare };

/** The secret of a key: base 64, replaced by question marks when secrets are hidden. */
export const secret: Spec = {
  read(reader) {
    const value = readText(reader);
    // White space is not part of base 64, but long secrets are folded over lines.
    if (fromBase64(value.text.replaceAll(/\s/g, '')) === undefined)
      reader.faults.error('CONF_VALUE', value.position, 'bad base64 encoding');
    return value;
  },
  print: printSecret,
};

/** A secret whose form is checked later; replaced by question marks when secrets are hidden. */
export const hiddenText: Spec = { read: (reader) => readText(reader), print: printSecret };

/** A 32-bit number: decimal, octal with a leading 0, hexadecimal with 0x. */
export const integer: Spec = { read: readInteger, print: printNumber };

export const port: Spec = {
  read(reader) {
    const value = readInteger(reader);
    if (value.kind === 'number' && value.value > 65535)
      reader.faults.error('CONF_VALUE', value.position, `port value '${value.value}' is out of range`);
    return value;
  },
  print: printNumber,
};

export const boolean: Spec = {
  read(reader) {
    const value = tryBoolean(reader);
    if (!value) throw reader.fault('boolean expected');
    return value;
  },
  print(value, printer) {
    if (value.kind === 'boolean') printer.write(value.value ? 'yes' : 'no');
  },
};

/** ISO 8601 or TTL-style. */
export const duration: Spec = { read: readDuration, print: printDuration };

export const durationOrUnlimited: Spec = {
  read: (reader) => tryWord(reader, ['unlimited']) ?? readDuration(reader),
  print: printDuration,
};

/** Octets with k, m or g, as sizes of files. */
export const size: Spec = { read: readSize, print: printSize };

export function sizeOr(...words: string[]): Spec {
  return { read: (reader) => tryWord(reader, words) ?? readSize(reader), print: printSize };
}

/** `default`, `unlimited`, a size or a percentage. */
export const sizeOrPercentage: Spec = {
  read: (reader) => tryWord(reader, ['default', 'unlimited']) ?? tryPercentage(reader) ?? readSize(reader),
  print: printSize,
};

export const percentageOrUnlimited: Spec = {
  read(reader) {
    const value = tryWord(reader, ['unlimited']) ?? tryPercentage(reader);
    if (!value) throw reader.fault('expected percentage');
    return value;
  },
  print: printBare,
};

/** A number with at most two decimals, as fractions of a quota. */
export const fixedPoint: Spec = {
  read(reader) {
    const token = reader.peek();
    const parts = token.kind === 'word' ? /^(\d{1,5})(?:\.(\d{1,2}))?$/.exec(token.text) : null;
    if (!parts) throw reader.fault('expected fixed point number');
    reader.next();
    const hundredths = Number(parts[1]) * 100 + Number((parts[2] ?? '0').padEnd(2, '0'));
    const printed = `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}`;
    return { kind: 'number', value: hundredths / 100, text: printed, position: token.position };
  },
  print: printNumber,
};

/** One of these words, in any case. */
export function word(...words: string[]): Spec {
  return {
    read(reader) {
      const value = tryWord(reader, words);
      if (!value) throw reader.unexpected();
      return value;
    },
    print: printBare,
  };
}

/** One of these words, or a boolean. */
export function wordOrBoolean(...words: string[]): Spec {
  return {
    read(reader) {
      const value = tryWord(reader, words) ?? tryBoolean(reader);
      if (!value) throw reader.fault('boolean expected');
      return value;
    },
    print: (value, printer) => (value.kind === 'boolean' ? boolean.print(value, printer) : printBare(value, printer)),
  };
}

/** One of these words, or what `other` reads. */
export function wordOr(words: readonly string[], other: Spec): Spec {
  const isWord = (value: Value): boolean => value.kind === 'text' && value.isKeyword === true;
  return {
    read: (reader) => tryWord(reader, words) ?? other.read(reader),
    print: (value, printer) => (isWord(value) ? printBare(value, printer) : other.print(value, printer)),
  };
}

/** A clause that is nothing but its name. */
export const nothing: Spec = {
  read: (reader) => ({ kind: 'void', position: reader.peek().position }),
  print: () => undefined,
};

function readText(reader: TreeReader): Extract<Value, { kind: 'text' }> {
  const token = reader.peek();
  if (token.kind !== 'word' && token.kind !== 'quoted') throw reader.fault('expected string');
  reader.next();
  return { kind: 'text', text: token.text, position: token.position };
}

/** Words of the grammar are kept in lower case: their case means nothing. */
function tryWord(reader: TreeReader, words: readonly string[]): Value | undefined {
  const token = reader.peek();
  const lower = token.text.toLowerCase();
  if (token.kind !== 'word' || !words.includes(lower)) return undefined;
  reader.next();
  return { kind: 'text', text: lower, isKeyword: true, written: token.text, position: token.position };
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
]);

function tryBoolean(reader: TreeReader): Value | undefined {
  const token = reader.peek();
  const value = token.kind === 'word' ? BOOLEANS.get(token.text.toLowerCase()) : undefined;
  if (value === undefined) return undefined;
  reader.next();
  return { kind: 'boolean', value, position: token.position };
}

/** The value of a token as strtoul(3) has it with base 0, or undefined. */
export function numberOf(token: Token): number | undefined {
  if (token.kind !== 'word' || token.text.length > 20) return undefined;
  if (/^0x[0-9a-f]+$/i.test(token.text)) return Number.parseInt(token.text.slice(2), 16);
  if (/^0[0-7]+$/.test(token.text)) return Number.parseInt(token.text, 8);
  return /^(?:0|[1-9]\d*)$/.test(token.text) ? Number(token.text) : undefined;
}

function readInteger(reader: TreeReader): Value {
  const token = reader.peek();
  const value = numberOf(token);
  if (value === undefined) throw reader.fault('expected number');
  if (value > 0xffffffff) throw reader.fault('out of range');
  reader.next();
  return { kind: 'number', value, position: token.position };
}

function readDuration(reader: TreeReader): Value {
  const token = reader.peek();
  const value = token.kind === 'word' ? parseDuration(token.text) : undefined;
  if (value === undefined || value === 'range') throw reader.fault('expected ISO 8601 duration or TTL value');
  reader.next();
  return { kind: 'duration', seconds: value.seconds, text: value.text, position: token.position };
}

const SIZE_UNITS: Readonly<Record<string, bigint>> = { '': 1n, k: 1024n, m: 1024n ** 2n, g: 1024n ** 3n };

function readSize(reader: TreeReader, otherwise = ''): Value {
  const token = reader.peek();
  const parts = token.kind === 'word' ? /^(\d{1,20})([kmg]?)$/i.exec(token.text) : null;
  const value = parts && BigInt(parts[1]) * SIZE_UNITS[parts[2].toLowerCase()];
  if (value === null || value >= 1n << 64n) throw reader.fault(`expected integer and optional unit${otherwise}`);
  reader.next();
  return { kind: 'size', value, position: token.position };
}

function tryPercentage(reader: TreeReader): Value | undefined {
  const token = reader.peek();
  const parts = token.kind === 'word' ? /^(\d{1,5})%$/.exec(token.text) : null;
  if (!parts) return undefined;
  reader.next();
  return { kind: 'number', value: Number(parts[1]), text: `${Number(parts[1])}%`, position: token.position };
}

function printQuoted(value: Value, printer: Printer): void {
  if (value.kind === 'text') printer.quoted(value.text);
}

function printBare(value: Value, printer: Printer): void {
  if (value.kind === 'number') printNumber(value, printer);
  if (value.kind !== 'text') return;
  const written = value.written ?? value.text;
  if (/^[^\s{};/!"#]+$/.test(written)) printer.write(written);
  else printer.quoted(value.text);
}

function printNumber(value: Value, printer: Printer): void {
  if (value.kind === 'number') printer.write(value.text ?? String(value.value));
}

function printDuration(value: Value, printer: Printer): void {
  if (value.kind === 'duration') printer.write(value.text);
  else printBare(value, printer);
}

function printSize(value: Value, printer: Printer): void {
  if (value.kind === 'size') printer.write(String(value.value));
  else printBare(value, printer);
}

function printSecret(value: Value, printer: Printer): void {
  if (value.kind !== 'text') return;
  if (printer.hideSecrets) printer.quoted('?'.repeat(value.text.length));
  else printer.quoted(value.text);
}
