import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import type { TextPosition } from '../base/error.ts';
import { LOWER, MAX_NAME_LENGTH, uncheckedName, type Name } from '../wire/name.ts';
import { NAME_FAULTS, nameToShortText, parseName } from '../wire/name-text.ts';
import { classCode, classText } from '../wire/class-text.ts';
import { parseTtl } from '../wire/number-text.ts';
import { MalformedError } from '../wire/reader.ts';
import { genericFromText } from '../wire/rdata/generic.ts';
import { recordTypeInClass } from '../wire/rdata/registry.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { isMetaType, typeCode } from '../wire/type-text.ts';
import { Writer } from '../wire/writer.ts';
import { GenerateTemplate, parseGenerateRange } from './generate.ts';
import { EntryFault, MasterFileFault, type FaultSeverity, type MasterFileFaultCode } from './master-file-fault.ts';
import { MasterFileTokens } from './tokens.ts';

/** Where a record stands, for a sink that looks into records. Valid during `record` only. */
export interface RecordPlace {
  /** Where the last token of the record begins. */
  position(): TextPosition;
  /** The last token of the record as it was written. */
  tokenText(): string;
  /** Adds a fault to the scanner's, at the place of this record. */
  report(severity: FaultSeverity, code: MasterFileFaultCode, what: string, result?: string): void;
}

/**
 * Takes the records. `owner[0, ownerLength)` and `rdata[0, rdataLength)` are wire form in scratch space that the next
 * record overwrites; TTLs are seconds.
 */
export interface RecordSink {
  record(
    owner: Uint8Array,
    ownerLength: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    rdataLength: number,
    place: RecordPlace,
  ): void;
}

export interface ScanOptions {
  /** Name of the file for messages. */
  readonly file: string;
  /** What relative names are under before the first $ORIGIN. */
  readonly origin: Name;
  /** Records outside this zone are left out with a warning, and SOA may stand at its apex only. Without it all pass. */
  readonly zone?: Name;
  /** The class that all records must have. Default: IN. */
  readonly zoneClass?: number;
  /** TTL of records that have none, before the first $TTL; without it the rules of RFC 1035 and of BIND hold. */
  readonly defaultTtl?: number;
  /** A larger TTL is an error (named.conf: max-zone-ttl). */
  readonly maxTtl?: number;
  /** After so many errors the rest is not read. Default: 100. */
  readonly maxErrors?: number;
  /** Warnings beyond so many are only counted. Default: 1000. */
  readonly maxWarnings?: number;
  /** The text is a piece of a file, where directives are errors: they would hold for the pieces behind it, too. */
  readonly recordsOnly?: boolean;
}

export interface ScanResult {
  readonly records: number;
  readonly errors: number;
  readonly warnings: number;
  /** In the order of the text. */
  readonly faults: readonly MasterFileFault[];
}

/** Its octets would silently become part of the first name. */
const BYTE_ORDER_MARK = 'the file begins with a byte order mark: save it as UTF-8 without one';

/** RFC 2181 section 8: a TTL has 31 bits. */
const MAX_TTL = 0x7fffffff;

/** Files open at once: more is no operator's intention. */
const MAX_INCLUDE_DEPTH = 32;

/** Files read in all: a few files that include one another twice each would otherwise be read without end. */
const MAX_INCLUDES = 65_536;

/** A $GENERATE of more records than this is a mistake in the range. */
const MAX_GENERATED = 1 << 24;

/**
 * The first TTL of each RRset of a run of records, by type, and of RRSIGs by type covered. One table for all scanners of the
 * thread, since it is larger than most zones: what it holds belongs to the run whose number stands beside it.
 */
class RRsetTtls {
  readonly #runs = new Uint32Array(0x20000);
  readonly #ttls = new Uint32Array(0x20000);
  #run = 0;

  /** A number that no run has had, or, after four thousand million runs, that none has any more. */
  newRun(): number {
    if (this.#run === 0xffffffff) {
      this.#runs.fill(0);
      this.#run = 0;
    }
    return ++this.#run;
  }

  /** The TTL of the RRset, which is `ttl` when this is its first record. */
  ofRun(run: number, isSignature: boolean, type: number, ttl: number): number {
    const index = isSignature ? 0x10000 + type : type;
    if (this.#runs[index] === run) return this.#ttls[index];
    this.#runs[index] = run;
    this.#ttls[index] = ttl;
    return ttl;
  }
}

const RRSET_TTLS = new RRsetTtls();

/**
 * Reads a master file (RFC 1035 section 5, RFC 2308 section 4, RFC 3597 section 5, and BIND's $GENERATE) and hands every
 * record to the sink. A fault ends its entry only; reading goes on to find more. The loop over records allocates nothing.
 */
export class MasterFileScanner implements RecordPlace {
  readonly #options: ScanOptions;
  readonly #disk: Disk;
  readonly #sink: RecordSink;
  readonly #tokens = new MasterFileTokens();
  readonly #rdata = new Writer(2048);
  readonly #zoneClass: number;
  readonly #maxErrors: number;
  readonly #maxWarnings: number;
  readonly #faults: MasterFileFault[] = [];
  readonly #openFiles: string[] = [];
  #includes = 0;
  #errors = 0;
  #warnings = 0;
  #records = 0;
  #stopped = false;

  // The owner of the current entry, and whether it is to be left out because it is not in the zone. Length 0: no owner yet.
  #owner = new Uint8Array(MAX_NAME_LENGTH + 1);
  #ownerLength = 0;
  #firstOwner: Uint8Array<ArrayBuffer> | undefined;
  #outOfZone = false;
  /** The owner in this file was wrong: records that leave their owner out belong to it and are passed over. */
  #ownerBroken = false;
  #spareOwner = new Uint8Array(MAX_NAME_LENGTH + 1);

  // TTLs: $TTL, and the last one that a record had.
  #defaultTtl = -1;
  #lastTtl = -1;
  #warnedOfLastTtl = false;
  #missedTtl = false;

  /** RRsets of consecutive records with one owner: all records of an RRset have one TTL (RFC 2181 section 5.2). */
  #run = RRSET_TTLS.newRun();

  constructor(options: ScanOptions, dependencies: { readonly disk: Disk; readonly sink: RecordSink }) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#sink = dependencies.sink;
    this.#zoneClass = options.zoneClass ?? CLASS.IN;
    this.#maxErrors = options.maxErrors ?? 100;
    this.#maxWarnings = options.maxWarnings ?? 1000;
    this.#defaultTtl = options.defaultTtl ?? -1;
    this.#tokens.origin = options.origin;
  }

  /** Reads the whole text. Can be called once. */
  scan(text: Uint8Array): ScanResult {
    this.#readFile(text, this.#options.file);
    if (this.#warnings > this.#maxWarnings) {
      const left = this.#warnings - this.#maxWarnings;
      this.#faults.push(this.#makeFault('warning', 'MASTER_FILE_TOO_MANY', `${left} more warnings are not shown`));
    }
    return { records: this.#records, errors: this.#errors, warnings: this.#warnings, faults: this.#faults };
  }

  /** What relative names are under now. */
  get origin(): Name | undefined {
    return this.#tokens.origin;
  }

  /** The $TTL that holds now, in seconds. */
  get defaultTtl(): number | undefined {
    return this.#defaultTtl < 0 ? undefined : this.#defaultTtl;
  }

  /** The owner that was read first; undefined before that. */
  get firstOwner(): Uint8Array<ArrayBuffer> | undefined {
    return this.#firstOwner;
  }

  /** The owner that a record without one would have; undefined before the first. */
  get lastOwner(): Uint8Array<ArrayBuffer> | undefined {
    return this.#ownerLength === 0 ? undefined : this.#owner.slice(0, this.#ownerLength);
  }

  position(): TextPosition {
    return this.#tokens.tokenPosition();
  }

  tokenText(): string {
    return this.#tokens.tokenText();
  }

  report(severity: FaultSeverity, code: MasterFileFaultCode, what: string, result?: string): void {
    this.#add(this.#makeFault(severity, code, what, result));
  }

  #makeFault(severity: FaultSeverity, code: MasterFileFaultCode, what: string, result?: string): MasterFileFault {
    return new MasterFileFault(severity, code, this.#tokens.tokenPosition(), what, result);
  }

  #add(fault: MasterFileFault): void {
    if (fault.severity === 'warning') {
      if (++this.#warnings <= this.#maxWarnings) this.#faults.push(fault);
      return;
    }
    if (this.#stopped) return;
    this.#faults.push(fault);
    if (++this.#errors < this.#maxErrors) return;
    this.#stopped = true;
    const what = `too many errors (${this.#errors}), the rest is not read`;
    this.#faults.push(new MasterFileFault('error', 'MASTER_FILE_TOO_MANY', fault.position, what, 'too many errors'));
  }

  #readFile(text: Uint8Array, file: string): void {
    this.#openFiles.push(file);
    this.#tokens.open(text, file);
    if (text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf)
      this.#add(this.#makeFault('error', 'MASTER_FILE_NAME', BYTE_ORDER_MARK, BYTE_ORDER_MARK));
    else this.#readEntries();
    if (!this.#stopped && this.#tokens.endsWithoutNewline()) {
      const position = this.#tokens.position();
      this.#add(new MasterFileFault('warning', 'MASTER_FILE_END', position, 'file does not end with newline'));
    }
    this.#openFiles.pop();
  }

  #readEntries(): void {
    while (!this.#stopped) {
      try {
        while (this.#readEntry());
        return;
      } catch (thrown) {
        this.#addThrown(thrown);
        if (!this.#tokens.abandonEntry()) this.#addUnbalanced();
      }
    }
  }

  /** The bracket that the faulty entry opened took in the rest of the file. */
  #addUnbalanced(): void {
    const what = 'unbalanced parentheses: ")" is missing';
    const position = this.#tokens.position();
    this.#add(new MasterFileFault('error', 'MASTER_FILE_BALANCE', position, what, 'unbalanced parentheses'));
  }

  /** What reading one entry may throw is a fault of the text; anything else goes on upwards. */
  #addThrown(thrown: unknown): void {
    if (thrown instanceof EntryFault) this.#add(thrown.fault);
    else if (thrown instanceof MalformedError) {
      this.report('error', 'MASTER_FILE_RDATA', `near '${this.tokenText()}': ${thrown.message}`, 'bad record data');
    } else throw thrown;
  }

  /** False at the end of the file. */
  #readEntry(): boolean {
    const tokens = this.#tokens;
    switch (tokens.startEntry()) {
      case 'end of file':
        return false;
      case 'blank':
        return true;
      case 'owner omitted':
        if (this.#ownerBroken) {
          tokens.abandonEntry();
          return true;
        }
        if (this.#ownerLength === 0) tokens.refuse('MASTER_FILE_OWNER', 'no current owner name', 'no owner');
        break;
      case 'owner':
        if (tokens.octets[tokens.start] === 0x24 && !tokens.quoted) return this.#readDirective();
        this.#readOwner();
        break;
    }
    if (!tokens.advance())
      tokens.refuse('MASTER_FILE_END', 'unexpected end of line, expected a record type', 'unexpected end of input');
    this.#readRecord();
    tokens.endEntry();
    this.#finishRecord();
    return !this.#stopped;
  }

  /** Makes the current token the owner. */
  #readOwner(): void {
    const tokens = this.#tokens;
    const length = parseName(tokens.octets, tokens.start, tokens.end, tokens.origin, this.#spareOwner);
    if (length < 0) {
      this.#ownerBroken = true;
      const what = NAME_FAULTS[-1 - length];
      tokens.refuse('MASTER_FILE_NAME', `near '${tokens.tokenText()}': ${what}`, what, true);
    }
    this.#ownerBroken = false;
    const same = length === this.#ownerLength && equalIgnoringCase(this.#owner, this.#spareOwner, length);
    const before = this.#owner;
    this.#owner = this.#spareOwner;
    this.#spareOwner = before;
    if (!same) {
      this.#ownerLength = length;
      this.#firstOwner ??= this.#owner.slice(0, length);
      this.#run = RRSET_TTLS.newRun();
      const zone = this.#options.zone;
      this.#outOfZone = zone !== undefined && !isWithinZone(this.#owner, length, zone);
    }
    if (!this.#outOfZone) return;
    this.report('warning', 'MASTER_FILE_OUT_OF_ZONE', `ignoring out-of-zone data (${this.#ownerText()})`);
  }

  #ownerText(): string {
    return nameToShortText(uncheckedName(this.#owner.subarray(0, this.#ownerLength)));
  }

  // Set by #readRecord for #finishRecord.
  #type = 0;
  /** -1: the record has none of its own. */
  #explicitTtl = -1;

  /** [TTL] [class] type RDATA, or class before TTL (RFC 1035 section 5.1). The current token is the one after the owner. */
  #readRecord(): void {
    const tokens = this.#tokens;
    let ttl = this.#readTtl();
    const rrClass = classCode(tokens.octets, tokens.start, tokens.end);
    if (rrClass >= 0 && typeCode(tokens.octets, tokens.start, tokens.end) < 0) {
      if (rrClass !== this.#zoneClass) this.#refuseClass();
      tokens.next('a record type');
      if (ttl < 0) ttl = this.#readTtl();
    }
    this.#explicitTtl = ttl;
    const type = typeCode(tokens.octets, tokens.start, tokens.end);
    if (type < 0)
      tokens.refuse('MASTER_FILE_TYPE', `unknown RR type '${tokens.tokenText()}'`, 'unknown class/type', true);
    this.#type = type;
    this.#checkType(type);
    this.#rdata.reset();
    if (tokens.takeGenericMark()) genericFromText(recordTypeInClass(type, this.#zoneClass), tokens, this.#rdata);
    else recordTypeInClass(type, this.#zoneClass).fromText(tokens, this.#rdata);
  }

  /** The TTL in the current token, after which the next one becomes current; -1 when the token is no TTL. */
  #readTtl(): number {
    const tokens = this.#tokens;
    const first = tokens.octets[tokens.start];
    if (first < 0x30 || first > 0x39) return -1;
    const ttl = parseTtl(tokens.octets, tokens.start, tokens.end);
    if (ttl < 0) return -1;
    const limited = this.#limitTtl(ttl);
    tokens.next('a record type');
    return limited;
  }

  /** RFC 2181 section 8: a TTL with the highest bit set is taken as zero. */
  #limitTtl(ttl: number): number {
    if (ttl <= MAX_TTL) return ttl;
    this.report('warning', 'MASTER_FILE_TTL', `TTL ${ttl} > MAXTTL, setting TTL to 0`);
    return 0;
  }

  #refuseClass(): never {
    const word = this.#tokens.tokenText().toUpperCase();
    const what = `class '${word}' != zone class '${classText(this.#zoneClass)}'`;
    return this.#tokens.refuse('MASTER_FILE_CLASS', what, 'bad class', true);
  }

  #checkType(type: number): void {
    const tokens = this.#tokens;
    // RFC 6895 section 3.1: types 128 to 255 and OPT exist in messages only; 0 is reserved.
    if (type === 0 || isMetaType(type)) {
      const what = `type '${tokens.tokenText().toUpperCase()}': invalid use of a meta type`;
      tokens.refuse('MASTER_FILE_TYPE', what, 'invalid use of a meta type', true);
    }
    // RFC 1035 section 3.3.4 and 3.3.5: MD and MF are obsolete, MX replaces them.
    if (type === 3 || type === 4) {
      tokens.refuse('MASTER_FILE_TYPE', `type '${tokens.tokenText().toUpperCase()}': obsolete`, 'obsolete', true);
    }
    const zone = this.#options.zone;
    if (type === TYPE.SOA && zone !== undefined && !this.#outOfZone && this.#ownerLength !== zone.length) {
      tokens.refuse(
        'MASTER_FILE_SOA',
        `SOA record not at top of zone (${this.#ownerText()})`,
        'not at top of zone',
        true,
      );
    }
  }

  /** The whole entry was good: settles the TTL and hands the record over. */
  #finishRecord(): void {
    const { octets, at } = this.#rdata;
    const type = this.#type;
    let ttl = this.#settleTtl(type, octets, at);
    if (this.#outOfZone || ttl < 0) return;
    const { maxTtl } = this.#options;
    if (maxTtl !== undefined && ttl > maxTtl) {
      const what = `TTL ${ttl} exceeds configured max-zone-ttl ${maxTtl}`;
      this.report('error', 'MASTER_FILE_TTL', what, 'out of range');
      return;
    }
    ttl = this.#ttlOfRRset(type, octets, ttl);
    this.#records++;
    this.#sink.record(this.#owner, this.#ownerLength, type, ttl, octets, at, this);
  }

  /** The record's own TTL, else $TTL (RFC 2308 section 4), else the last one (RFC 1035 section 5.1), else SOA minimum, else -1. */
  #settleTtl(type: number, rdata: Uint8Array, end: number): number {
    if (this.#explicitTtl >= 0) {
      this.#lastTtl = this.#explicitTtl;
      return this.#explicitTtl;
    }
    if (this.#defaultTtl >= 0) return this.#defaultTtl;
    if (this.#lastTtl >= 0) {
      if (!this.#warnedOfLastTtl) this.report('warning', 'MASTER_FILE_TTL', 'using RFC1035 TTL semantics');
      this.#warnedOfLastTtl = true;
      return this.#lastTtl;
    }
    if (type !== TYPE.SOA) {
      if (!this.#missedTtl) this.report('error', 'MASTER_FILE_TTL', 'no TTL specified; zone rejected', 'no ttl');
      this.#missedTtl = true;
      return -1;
    }
    this.report('warning', 'MASTER_FILE_TTL', 'no TTL specified; using SOA MINTTL instead');
    const minimum = new DataView(rdata.buffer, rdata.byteOffset, end).getUint32(end - 4);
    this.#lastTtl = this.#defaultTtl = this.#limitTtl(minimum);
    return this.#defaultTtl;
  }

  #ttlOfRRset(type: number, rdata: Uint8Array, ttl: number): number {
    const isSignature = type === TYPE.RRSIG || type === TYPE.SIG;
    const index = isSignature ? (rdata[0] << 8) | rdata[1] : type;
    const prior = RRSET_TTLS.ofRun(this.#run, isSignature, index, ttl);
    if (prior !== ttl) this.report('warning', 'MASTER_FILE_TTL', `TTL set to prior TTL (${prior})`);
    return prior;
  }

  /** The current token begins with a dollar sign. Always true: the file goes on. */
  #readDirective(): boolean {
    const tokens = this.#tokens;
    if (this.#options.recordsOnly === true)
      tokens.refuse('MASTER_FILE_DIRECTIVE', 'a directive in a piece of a file', 'syntax error', true);
    const word = tokens.tokenText().toUpperCase();
    if (word === '$ORIGIN') this.#readOrigin();
    else if (word === '$TTL') this.#readDefaultTtl();
    else if (word === '$INCLUDE') this.#readInclude();
    else if (word === '$GENERATE') this.#readGenerate();
    else if (word === '$DATE') {
      const what = 'the $DATE directive of cache dumps is not supported: remove it, TTLs are then read as written';
      tokens.refuse('MASTER_FILE_DIRECTIVE', what, 'syntax error', true);
    } else {
      tokens.refuse('MASTER_FILE_DIRECTIVE', `unknown $ directive '${tokens.tokenText()}'`, 'syntax error', true);
    }
    return !this.#stopped;
  }

  #readOrigin(): void {
    const tokens = this.#tokens;
    tokens.next('a domain name');
    const origin = this.#nameInToken();
    tokens.endEntry();
    tokens.origin = origin;
  }

  #nameInToken(): Name {
    const tokens = this.#tokens;
    const length = parseName(tokens.octets, tokens.start, tokens.end, tokens.origin, this.#spareOwner);
    if (length >= 0) return uncheckedName(this.#spareOwner.slice(0, length));
    const what = NAME_FAULTS[-1 - length];
    return tokens.refuse('MASTER_FILE_NAME', `near '${tokens.tokenText()}': ${what}`, what, true);
  }

  #readDefaultTtl(): void {
    const tokens = this.#tokens;
    tokens.next('a TTL');
    const ttl = parseTtl(tokens.octets, tokens.start, tokens.end);
    if (ttl < 0) tokens.refuse('MASTER_FILE_TTL', `near '${tokens.tokenText()}': expected a TTL`, 'bad ttl', true);
    const limited = this.#limitTtl(ttl);
    tokens.endEntry();
    this.#defaultTtl = limited;
  }

  /** $INCLUDE file [origin]: origin and owner come back after the file (RFC 1035 section 5.1), $TTL does not. */
  #readInclude(): void {
    const tokens = this.#tokens;
    tokens.next('a file name');
    const file = Buffer.from(tokens.octets.subarray(tokens.start, tokens.end)).toString('utf8');
    const originBefore = tokens.origin;
    let origin = originBefore;
    if (tokens.advance()) origin = this.#nameInToken();
    const text = this.#openInclude(file);
    tokens.endEntry();
    const state = tokens.save();
    const owner = this.#owner.slice(0, this.#ownerLength);
    const { ownerBroken, outOfZone } = { ownerBroken: this.#ownerBroken, outOfZone: this.#outOfZone };
    tokens.origin = origin;
    this.#readFile(text, file);
    tokens.restore(state);
    tokens.origin = originBefore;
    this.#owner.set(owner);
    this.#ownerLength = owner.length;
    this.#ownerBroken = ownerBroken;
    this.#outOfZone = outOfZone;
    this.#run = RRSET_TTLS.newRun();
  }

  #openInclude(file: string): Uint8Array {
    const refuse = (what: string, result: string): never =>
      this.#tokens.refuse('MASTER_FILE_INCLUDE', `${file}: ${what}`, result, true);
    if (this.#openFiles.includes(file)) refuse('the file includes itself', 'include loop');
    if (this.#openFiles.length >= MAX_INCLUDE_DEPTH) {
      refuse(`more than ${MAX_INCLUDE_DEPTH} files include one another`, 'too many open files');
    }
    if (++this.#includes > MAX_INCLUDES) refuse(`more than ${MAX_INCLUDES} files are included`, 'too many open files');
    let text: Uint8Array | undefined;
    try {
      text = this.#disk.read(file);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      return refuse(cause.message, 'file not readable');
    }
    return text ?? refuse('file not found', 'file not found');
  }

  #readGenerate(): void {
    const tokens = this.#tokens;
    const at = tokens.tokenPosition();
    const refuse = (what: string, result: string): never => tokens.refuse('MASTER_FILE_GENERATE', what, result, true);
    tokens.next('a range');
    const rangeText = tokens.tokenText();
    const range = parseGenerateRange(rangeText);
    if (range === undefined) return refuse(`$GENERATE: invalid range '${rangeText}'`, 'syntax error');
    const count = Math.floor((range.stop - range.start) / range.step) + 1;
    if (count > MAX_GENERATED) refuse(`$GENERATE: ${count} records are more than ${MAX_GENERATED}`, 'out of range');
    tokens.next('an owner name');
    const owner = this.#templateInToken();
    tokens.next('a record type');
    const middle: number[] = [0x20];
    for (; typeCode(tokens.octets, tokens.start, tokens.end) < 0; tokens.next('a record type')) {
      if (!this.#isTtlOrClass()) refuse(`$GENERATE: unknown RR type '${tokens.tokenText()}'`, 'unknown class/type');
      middle.push(...tokens.octets.subarray(tokens.start, tokens.end), 0x20);
    }
    middle.push(...tokens.octets.subarray(tokens.start, tokens.end), 0x20);
    tokens.next('RDATA');
    const rdata = this.#templateInToken();
    tokens.endEntry();
    const state = tokens.save();
    const ownerBefore = this.#owner.slice(0, this.#ownerLength);
    const outOfZone = this.#outOfZone;
    for (let number = range.start; number <= range.stop && !this.#stopped; number += range.step) {
      const text: number[] = [];
      const fits = owner.expand(number, text) && (text.push(...middle), rdata.expand(number, text));
      tokens.open(Uint8Array.from(text), at.file, at);
      const errors = this.#errors;
      if (fits) this.#readEntries();
      else this.report('error', 'MASTER_FILE_GENERATE', '$GENERATE: out of range', 'out of range');
      if (this.#errors > errors) break;
    }
    tokens.restore(state);
    this.#owner.set(ownerBefore);
    this.#ownerLength = ownerBefore.length;
    this.#outOfZone = outOfZone;
    this.#run = RRSET_TTLS.newRun();
  }

  #isTtlOrClass(): boolean {
    const { octets, start, end } = this.#tokens;
    return parseTtl(octets, start, end) >= 0 || classCode(octets, start, end) >= 0;
  }

  #templateInToken(): GenerateTemplate {
    const tokens = this.#tokens;
    const { octets, start, end } = tokens;
    const text = tokens.quoted ? withoutQuoteEscapes(octets.subarray(start, end)) : octets.subarray(start, end);
    const template = GenerateTemplate.parse(text, 0, text.length);
    if (template !== undefined) return template;
    const what = `$GENERATE: near '${tokens.tokenText()}': expected \${offset[,width[,base]]}`;
    return tokens.refuse('MASTER_FILE_GENERATE', what, 'syntax error', true);
  }
}

/** A quoted template is read as a text of its own, in which its escaped quotes are quotes. */
function withoutQuoteEscapes(text: Uint8Array): Uint8Array {
  return Uint8Array.from(text.filter((octet, i) => !(octet === BACKSLASH && text[i + 1] === QUOTE)));
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

function equalIgnoringCase(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[i] && LOWER[a[i]] !== LOWER[b[i]]) return false;
  return true;
}

function isWithinZone(owner: Uint8Array, length: number, zone: Name): boolean {
  const start = length - zone.length;
  if (start < 0) return false;
  let at = 0;
  while (at < start) at += owner[at] + 1;
  if (at !== start) return false;
  for (let i = 0; i < zone.length; i++) if (LOWER[owner[start + i]] !== LOWER[zone[i]]) return false;
  return true;
}
