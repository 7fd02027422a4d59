import type { Name } from '../name.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';

/**
 * Where RDATA in presentation form comes from: the tokens of one record in a master file, or of a string. Allocates
 * nothing for a token: `next` moves `start` and `end` over `octets`.
 */
export interface RdataTokens {
  readonly octets: Uint8Array;
  /** The current token without its quotes: octets[start, end), escapes still in it. */
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
  /** Moves to the next token of this record. @param expected words for the error when there is none */
  next(expected: string): void;
  /** True when another token of this record follows. */
  more(): boolean;
  /** What relative names are under. */
  readonly origin: Name | undefined;
  /** Refuses the current token: the error says file:line:column, the token, and `expected`. */
  fail(expected: string): never;
}

/** How RDATA is put into a message: names of the types RFC 3597 section 4 lists may be compressed. */
export interface MessageWriter extends Writer {
  compressedName(name: Name): void;
}

/** How long RDATA in text is broken. */
export interface TextStyle {
  /** Spread over lines in brackets with comments (SOA fields, "; KSK; alg = ..."), as dnssec-signzone writes. */
  readonly multiline: boolean;
  /** Octets of base 64 or hex text in a chunk, chunks apart by `chunkSeparator`; 0 for one word. */
  readonly chunk: number;
  readonly chunkSeparator: string;
  /** Names below it are written relative to it; without it all names are absolute. */
  readonly origin?: Name;
  /** Comments behind long fields ("; KSK; alg = ..."). Default: as `multiline`. */
  readonly comments?: boolean;
}

/**
 * One record type. RDATA is a value in uncompressed wire form everywhere in the product; these operations are its
 * edges. The order read, write, canonical, toText, fromText is the same in every file of this folder.
 */
export interface RecordType {
  /** Number in the IANA registry. */
  readonly code: number;
  /** Mnemonic in capitals. */
  readonly mnemonic: string;
  /** Reads `length` octets of a message as RDATA of this type, checks them, and appends the uncompressed form. */
  read(reader: Reader, length: number, out: Writer): void;
  /** Appends RDATA to a message, compressing names where RFC 3597 section 4 allows it. */
  write(rdata: Uint8Array, out: MessageWriter): void;
  /** Canonical form (RFC 4034 section 6.2, corrected by RFC 6840 section 5.1); the same array when nothing changes. */
  canonical(rdata: Uint8Array): Uint8Array;
  /** Presentation form as BIND 9.18 prints it. */
  toText(rdata: Uint8Array, style?: TextStyle): string;
  /** Parses presentation form and appends the wire form. The "\#" form of RFC 3597 is handled before this is called. */
  fromText(tokens: RdataTokens, out: Writer): void;
}
