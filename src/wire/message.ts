import { decodeOptions, type Edns, encodeOptions } from './edns.ts';
import { FLAG, OPCODE_MASK, OPCODE_SHIFT, RCODE_MASK, SECTION, type Section } from './header.ts';
import { MessageBuilder } from './message-writer.ts';
import type { Name } from './name.ts';
import { recordTypeInClass } from './rdata/registry.ts';
import { MalformedError, Reader } from './reader.ts';
import { CLASS, OPCODE, TYPE } from './type-codes.ts';
import { Writer } from './writer.ts';

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord {
  readonly owner: Name;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  /** Uncompressed wire form. Empty in the prerequisites and deletions of UPDATE (RFC 2136 sections 2.4 and 2.5). */
  readonly rdata: Uint8Array;
}

/**
 * A DNS message as a value (RFC 1035 section 4), for everything that is not the hot path. OPT and TSIG are taken out of
 * the additional section.
 */
export interface Message {
  readonly id: number;
  /** The header's second word without opcode and rcode: see FLAG. */
  readonly flags: number;
  readonly opcode: number;
  /** All twelve bits where there is EDNS. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns;
  /** The TSIG record, and where it begins in the octets that were read (RFC 8945 needs both). */
  readonly tsig?: { readonly record: ResourceRecord; readonly at: number };
}

/** Reads a message whole. @throws MalformedError */
export function parseMessage(octets: Uint8Array): Message {
  const reader = new Reader(octets);
  const id = reader.uint16();
  const word = reader.uint16();
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()];
  const opcode = (word & OPCODE_MASK) >> OPCODE_SHIFT;
  const questions: Question[] = [];
  for (let i = 0; i < counts[0]; i++)
    questions.push({ name: reader.name(), type: reader.uint16(), class: reader.uint16() });
  const special: Special = {};
  const answers = readSection(reader, counts[1], opcode);
  const authorities = readSection(reader, counts[2], opcode);
  const additionals = readSection(reader, counts[3], opcode, special);
  return {
    id,
    flags: word & ~OPCODE_MASK & ~RCODE_MASK,
    opcode,
    rcode: (word & RCODE_MASK) | ((special.extendedRcode ?? 0) << 4),
    questions,
    answers,
    authorities,
    additionals,
    ...(special.edns === undefined ? {} : { edns: special.edns }),
    ...(special.tsig === undefined ? {} : { tsig: special.tsig }),
  };
}

/** Reads a message from someone else: the fault is a value. */
export function readMessage(octets: Uint8Array): Message | MalformedError {
  try {
    return parseMessage(octets);
  } catch (error) {
    if (error instanceof MalformedError) return error;
    throw error;
  }
}

interface Special {
  edns?: Edns;
  extendedRcode?: number;
  tsig?: { record: ResourceRecord; at: number };
}

function readSection(reader: Reader, count: number, opcode: number, special?: Special): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (let i = 0; i < count; i++) {
    const at = reader.at;
    // RFC 8945 section 5.1: TSIG is the last record of the message, if at all.
    if (special?.tsig !== undefined) throw new MalformedError('record behind TSIG', at);
    const record = readRecord(reader, opcode);
    if (record.type === TYPE.OPT) takeOpt(record, at, special);
    else if (record.type === TYPE.TSIG) takeTsig(record, at, special);
    else records.push(record);
  }
  return records;
}

function takeOpt(record: ResourceRecord, at: number, special: Special | undefined): void {
  // RFC 6891 section 6.1.1: one OPT at most, in the additional section, owned by the root.
  if (special === undefined || special.edns !== undefined) throw new MalformedError('OPT is out of place', at);
  if (record.owner.length !== 1) throw new MalformedError('owner of OPT is not the root', at);
  special.extendedRcode = record.ttl >>> 24;
  special.edns = {
    udpSize: record.class,
    version: (record.ttl >>> 16) & 0xff,
    dnssecOk: (record.ttl & 0x8000) !== 0,
    options: decodeOptions(record.rdata),
  };
}

function takeTsig(record: ResourceRecord, at: number, special: Special | undefined): void {
  if (special === undefined) throw new MalformedError('TSIG is out of place', at);
  // RFC 8945 section 4.2: class ANY, TTL 0.
  if (record.class !== CLASS.ANY || record.ttl !== 0) throw new MalformedError('TSIG has a wrong class or TTL', at);
  special.tsig = { record, at };
}

const SCRATCH = new Writer(1024);

function readRecord(reader: Reader, opcode: number): ResourceRecord {
  const owner = reader.name();
  const type = reader.uint16();
  const klass = reader.uint16();
  const ttl = reader.uint32();
  const length = reader.uint16();
  if (length === 0 && opcode === OPCODE.UPDATE) return { owner, type, class: klass, ttl, rdata: new Uint8Array(0) };
  SCRATCH.reset();
  recordTypeInClass(type, klass).read(reader, length, SCRATCH);
  return { owner, type, class: klass, ttl, rdata: SCRATCH.finish() };
}

// Only used within one call of writeMessage.
const BUFFER = new Uint8Array(65535);
const BUILDER = new MessageBuilder(BUFFER);

/**
 * The message in wire form, names compressed. TSIG is not written: see tsig.ts.
 * @param limit octets; when it does not fit, whole records are left out from the end on and TC is set (RFC 2181 section 9)
 */
export function writeMessage(message: Message, limit = 65535): Uint8Array<ArrayBuffer> {
  const builder = BUILDER;
  const options = message.edns && encodeOptions(message.edns.options);
  builder.begin(limit - (options === undefined ? 0 : 11 + options.length));
  const word = message.flags | (message.opcode << OPCODE_SHIFT) | (message.rcode & RCODE_MASK);
  builder.header(message.id, word);
  for (const question of message.questions) builder.question(question.name, 0, question.type, question.class);
  const isWhole =
    writeSection(builder, SECTION.ANSWER, message.answers) &&
    writeSection(builder, SECTION.AUTHORITY, message.authorities) &&
    writeSection(builder, SECTION.ADDITIONAL, message.additionals);
  if (!isWhole) builder.setFlags(word | FLAG.TC);
  builder.limit = limit;
  if (message.edns) {
    const position = builder.at;
    builder.opt(message.edns.udpSize, message.rcode, message.edns.dnssecOk, options);
    builder.octets[position + 6] = message.edns.version;
  }
  return Uint8Array.from(BUFFER.subarray(0, builder.end()));
}

function writeSection(builder: MessageBuilder, section: Section, records: readonly ResourceRecord[]): boolean {
  return records.every((record) =>
    builder.record(section, record.owner, record.type, record.class, record.ttl, record.rdata),
  );
}

/** A query with one question. @param edns left out: without OPT */
export function makeQuery(id: number, question: Question, flags = 0, edns?: Edns): Message {
  return {
    id,
    flags,
    opcode: OPCODE.QUERY,
    rcode: 0,
    questions: [question],
    answers: [],
    authorities: [],
    additionals: [],
    ...(edns === undefined ? {} : { edns }),
  };
}
