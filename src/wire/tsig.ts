import { createHmac, timingSafeEqual } from 'node:crypto';
import { equalNames, lowerName, type Name } from './name.ts';
import { mustName } from './name-text.ts';
import { type Message, readMessage } from './message.ts';
import { decodeTsig, encodeTsig, type TsigRdata } from './rdata/tsig.ts';
import { MalformedError } from './reader.ts';
import { CLASS, RCODE, TYPE } from './type-codes.ts';
import { Writer } from './writer.ts';

/** Algorithms of RFC 8945 section 6, by the names that named.conf and tsig-keygen use. */
export const TSIG_ALGORITHMS = {
  'hmac-md5': algorithm('hmac-md5.sig-alg.reg.int.', 'md5', 16),
  'hmac-sha1': algorithm('hmac-sha1.', 'sha1', 20),
  'hmac-sha224': algorithm('hmac-sha224.', 'sha224', 28),
  'hmac-sha256': algorithm('hmac-sha256.', 'sha256', 32),
  'hmac-sha384': algorithm('hmac-sha384.', 'sha384', 48),
  'hmac-sha512': algorithm('hmac-sha512.', 'sha512', 64),
} as const;
export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS;

function algorithm(text: string, hash: string, length: number): { name: Name; hash: string; length: number } {
  return { name: mustName(text), hash, length };
}

/** A shared secret. */
export interface TsigKey {
  readonly name: Name;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
  /** Octets of MAC that are sent and the fewest that are accepted (hmac-sha256-128: 16). Default: all. */
  readonly macLength?: number;
}

/** Seconds that clocks may differ (RFC 8945 section 10). */
const TSIG_FUDGE = 300;

/** What signing needs to know besides the message. */
export interface TsigContext {
  /** Unix seconds. */
  readonly now: number;
  readonly fudge?: number;
  /** MAC of the request, when the message answers one (RFC 8945 section 4.3.1). */
  readonly requestMac?: Uint8Array;
  /** Error to send with the answer; the signature of a BADTIME answer carries our time (RFC 8945 section 5.2.3). */
  readonly error?: number;
  /** Time signed of the request, for BADTIME. */
  readonly requestTime?: number;
}

export interface SignedMessage {
  readonly message: Uint8Array;
  readonly mac: Uint8Array;
}

/** The message with TSIG added. @param message wire form without TSIG */
export function signTsig(message: Uint8Array, key: TsigKey, context: TsigContext): SignedMessage {
  const isBadTime = context.error === RCODE.BADTIME;
  const tsig: TsigRdata = {
    algorithm: TSIG_ALGORITHMS[key.algorithm].name,
    timeSigned: isBadTime ? (context.requestTime ?? context.now) : context.now,
    fudge: context.fudge ?? TSIG_FUDGE,
    mac: new Uint8Array(0),
    originalId: (message[0] << 8) | message[1],
    error: context.error ?? 0,
    otherData: isBadTime ? time48(context.now) : new Uint8Array(0),
  };
  const parts = [...macPrefix(context.requestMac), message, variables(key.name, tsig)];
  const mac = hmac(key, parts);
  return { message: appendTsig(message, key.name, { ...tsig, mac }), mac };
}

/**
 * The answer with a TSIG that has an error and no MAC: BADKEY and BADSIG cannot be signed (RFC 8945 section 5.3.2).
 * @param request TSIG of the request, whose name and algorithm are returned
 */
export function appendTsigError(message: Uint8Array, request: TsigFacts, error: number): Uint8Array {
  return appendTsig(message, request.keyName, {
    ...request.rdata,
    mac: new Uint8Array(0),
    originalId: (message[0] << 8) | message[1],
    error,
    otherData: new Uint8Array(0),
  });
}

/** What TSIG of a message says, whether or not it is right. */
export interface TsigFacts {
  readonly keyName: Name;
  readonly rdata: TsigRdata;
}

/** What came of checking TSIG. `rcode` is for the header, `error` for the TSIG of the answer. */
export type TsigVerdict =
  | { readonly kind: 'unsigned'; readonly message: Message }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'valid'; readonly message: Message; readonly key: TsigKey; readonly facts: TsigFacts }
  | {
      readonly kind: 'refused';
      readonly message: Message;
      readonly error: number;
      readonly facts: TsigFacts;
      /** The key, where the answer can be signed with it (BADTIME, BADTRUNC). */
      readonly key?: TsigKey;
    };

export interface TsigCheck {
  /** Unix seconds. */
  readonly now: number;
  readonly requestMac?: Uint8Array;
  readonly keyByName: (name: Name) => TsigKey | undefined;
}

/** Checks a message in the order of RFC 8945 section 5.2: key, MAC, time, truncation. */
export function verifyTsig(octets: Uint8Array, check: TsigCheck): TsigVerdict {
  const message = readMessage(octets);
  if (message instanceof MalformedError) return { kind: 'malformed', reason: message.message };
  if (message.tsig === undefined) return { kind: 'unsigned', message };
  const rdata = decodeTsig(message.tsig.record.rdata);
  const facts: TsigFacts = { keyName: message.tsig.record.owner, rdata };
  const key = check.keyByName(facts.keyName);
  if (key === undefined || !equalNames(TSIG_ALGORITHMS[key.algorithm].name, rdata.algorithm))
    return { kind: 'refused', message, error: RCODE.BADKEY, facts };
  if (!isAllowedLength(key, rdata.mac.length)) return { kind: 'malformed', reason: 'TSIG MAC has a forbidden length' };
  const parts = [
    ...macPrefix(check.requestMac),
    withoutTsig(octets, message.tsig.at, rdata.originalId),
    variables(facts.keyName, rdata),
  ];
  if (!hasMac(key, parts, rdata.mac)) return { kind: 'refused', message, error: RCODE.BADSIG, facts };
  return afterMac(message, key, facts, check.now);
}

function afterMac(message: Message, key: TsigKey, facts: TsigFacts, now: number): TsigVerdict {
  const { rdata } = facts;
  if (Math.abs(now - rdata.timeSigned) > rdata.fudge)
    return { kind: 'refused', message, error: RCODE.BADTIME, facts, key };
  if (rdata.mac.length < (key.macLength ?? TSIG_ALGORITHMS[key.algorithm].length))
    return { kind: 'refused', message, error: RCODE.BADTRUNC, facts, key };
  return { kind: 'valid', message, key, facts };
}

/** RFC 8945 section 5.2.2.1: at most the hash's length, at least half of it and 10 octets. */
function isAllowedLength(key: TsigKey, length: number): boolean {
  const full = TSIG_ALGORITHMS[key.algorithm].length;
  return length <= full && length >= Math.max(10, full / 2);
}

/** Signs the messages of one long answer (RFC 8945 section 5.3.1): each MAC covers the one before. */
export class TsigStreamSigner {
  readonly #key: TsigKey;
  readonly #fudge: number;
  #priorMac: Uint8Array;
  #isFirst = true;

  constructor(key: TsigKey, requestMac: Uint8Array, fudge = TSIG_FUDGE) {
    this.#key = key;
    this.#priorMac = requestMac;
    this.#fudge = fudge;
  }

  /** The next message with TSIG. Every message is signed; receivers must cope with that. */
  sign(message: Uint8Array, now: number): Uint8Array {
    const tsig: TsigRdata = {
      algorithm: TSIG_ALGORITHMS[this.#key.algorithm].name,
      timeSigned: now,
      fudge: this.#fudge,
      mac: new Uint8Array(0),
      originalId: (message[0] << 8) | message[1],
      error: 0,
      otherData: new Uint8Array(0),
    };
    const tail = this.#isFirst ? variables(this.#key.name, tsig) : timers(tsig);
    const mac = hmac(this.#key, [...macPrefix(this.#priorMac), message, tail]);
    this.#priorMac = mac;
    this.#isFirst = false;
    return appendTsig(message, this.#key.name, { ...tsig, mac });
  }
}

/** Unsigned messages that may follow one another (RFC 8945 section 5.3.1). */
const MOST_UNSIGNED = 99;

/** Checks the messages of one long answer; some may be unsigned, but not the first or the last. */
export class TsigStreamVerifier {
  readonly #key: TsigKey;
  #priorMac: Uint8Array;
  #unsigned: Uint8Array[] = [];
  #isFirst = true;

  constructor(key: TsigKey, requestMac: Uint8Array) {
    this.#key = key;
    this.#priorMac = requestMac;
  }

  /** Checks the next message. 'pending' ones are good only when a later one is 'valid'. */
  verify(octets: Uint8Array, now: number): TsigVerdict | { readonly kind: 'pending'; readonly message: Message } {
    const message = readMessage(octets);
    if (message instanceof MalformedError) return { kind: 'malformed', reason: message.message };
    if (message.tsig === undefined) return this.#pend(octets, message);
    const rdata = decodeTsig(message.tsig.record.rdata);
    const facts: TsigFacts = { keyName: message.tsig.record.owner, rdata };
    if (
      !equalNames(facts.keyName, this.#key.name) ||
      !equalNames(rdata.algorithm, TSIG_ALGORITHMS[this.#key.algorithm].name)
    )
      return { kind: 'refused', message, error: RCODE.BADKEY, facts };
    if (!isAllowedLength(this.#key, rdata.mac.length))
      return { kind: 'malformed', reason: 'TSIG MAC has a forbidden length' };
    const parts = [
      ...macPrefix(this.#priorMac),
      ...this.#unsigned,
      withoutTsig(octets, message.tsig.at, rdata.originalId),
      this.#isFirst ? variables(facts.keyName, rdata) : timers(rdata),
    ];
    if (!hasMac(this.#key, parts, rdata.mac)) return { kind: 'refused', message, error: RCODE.BADSIG, facts };
    this.#priorMac = rdata.mac;
    this.#unsigned = [];
    this.#isFirst = false;
    return afterMac(message, this.#key, facts, now);
  }

  /** True when nothing received is without a signature over it: the stream may end here. */
  get isComplete(): boolean {
    return !this.#isFirst && this.#unsigned.length === 0;
  }

  #pend(octets: Uint8Array, message: Message): TsigVerdict | { kind: 'pending'; message: Message } {
    if (this.#isFirst || this.#unsigned.length >= MOST_UNSIGNED) return { kind: 'unsigned', message };
    this.#unsigned.push(Uint8Array.from(octets));
    return { kind: 'pending', message };
  }
}

/** Length (16 bits) and octets of the MAC that comes before (RFC 8945 section 4.3.1). */
function macPrefix(mac: Uint8Array | undefined): Uint8Array[] {
  return mac === undefined ? [] : [Uint8Array.of(mac.length >> 8, mac.length), mac];
}

/** TSIG variables (RFC 8945 section 4.3.3); names in canonical form. */
function variables(keyName: Name, tsig: TsigRdata): Uint8Array {
  const out = new Writer(128);
  out.name(lowerName(keyName));
  out.uint16(CLASS.ANY);
  out.uint32(0);
  out.name(lowerName(tsig.algorithm));
  out.bytes(timers(tsig));
  out.uint16(tsig.error);
  out.uint16(tsig.otherData.length);
  out.bytes(tsig.otherData);
  return out.finish();
}

/** Time signed and fudge alone (RFC 8945 section 5.3.1). */
function timers(tsig: TsigRdata): Uint8Array {
  const octets = new Uint8Array(8);
  octets.set(time48(tsig.timeSigned));
  octets.set([tsig.fudge >> 8, tsig.fudge], 6);
  return octets;
}

function time48(time: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(6);
  const view = new DataView(octets.buffer);
  view.setUint16(0, Math.floor(time / 0x100000000));
  view.setUint32(2, time >>> 0);
  return octets;
}

function hmac(key: TsigKey, parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac(TSIG_ALGORITHMS[key.algorithm].hash, key.secret);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest()).subarray(0, key.macLength ?? TSIG_ALGORITHMS[key.algorithm].length);
}

/** RFC 8945 section 5.2.2.1: a truncated MAC is compared with as many octets of the right one. */
function hasMac(key: TsigKey, parts: readonly Uint8Array[], mac: Uint8Array): boolean {
  const right = hmac({ ...key, macLength: mac.length }, parts);
  return right.length === mac.length && timingSafeEqual(right, mac);
}

/** The message as it was signed: without TSIG, one additional record less, with the original id. */
function withoutTsig(octets: Uint8Array, at: number, originalId: number): Uint8Array {
  const copy = Uint8Array.from(octets.subarray(0, at));
  const additionals = ((copy[10] << 8) | copy[11]) - 1;
  copy.set([originalId >> 8, originalId]);
  copy.set([additionals >> 8, additionals], 10);
  return copy;
}

function appendTsig(message: Uint8Array, keyName: Name, tsig: TsigRdata): Uint8Array {
  const rdata = encodeTsig(tsig);
  const out = new Writer(message.length + keyName.length + rdata.length + 10);
  out.bytes(message);
  out.name(keyName);
  out.uint16(TYPE.TSIG);
  out.uint16(CLASS.ANY);
  out.uint32(0);
  out.uint16(rdata.length);
  out.bytes(rdata);
  out.patchUint16(10, ((message[10] << 8) | message[11]) + 1);
  return out.finish();
}
