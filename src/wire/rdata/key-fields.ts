import { Mnemonics } from '../mnemonics.ts';
import { uncheckedName, nameLengthAt } from '../name.ts';
import { nameToShortText } from '../name-text.ts';
import { parseDecimal } from '../number-text.ts';
import { DNSSEC_ALGORITHMS } from '../tables/dnssec-algorithms.ts';
import { KEY_FLAGS } from '../tables/key-flags.ts';
import { KEY_PROTOCOLS } from '../tables/key-protocols.ts';
import { type Field, mnemonic, nextWord, uint16 } from './fields.ts';

/** What KEY, DNSKEY, CDNSKEY and RKEY share: flags (16 bits), protocol (8), algorithm (8), public key. */

export const ALGORITHMS = new Mnemonics(DNSSEC_ALGORITHMS);
const PROTOCOLS = new Mnemonics(KEY_PROTOCOLS);
const FLAGS = new Mnemonics(KEY_FLAGS);
const PIPE = 0x7c;
const PRIVATEDNS = 253;

/** DNSSEC algorithm: number or mnemonic in text, printed as number. */
export const algorithm: Field = mnemonic('algorithm', 8, ALGORITHMS, false);

export const protocol: Field = mnemonic('protocol', 8, PROTOCOLS, false);

const FLAGS_EXPECTED = 'flags (0 to 65535, hexadecimal behind 0x, or words with "|" between)';

/** Flags: decimal, 0x hexadecimal, or the words of RFC 2535 with "|" between; printed as number. */
export const flags: Field = {
  ...uint16('flags'),
  fromText(tokens, out) {
    nextWord(tokens, FLAGS_EXPECTED);
    const value = parseFlags(tokens.octets, tokens.start, tokens.end);
    if (value < 0) tokens.fail(FLAGS_EXPECTED);
    out.uint16(value);
  },
};

function parseFlags(octets: Uint8Array, start: number, end: number): number {
  const decimal = parseDecimal(octets, start, end, 0xffff);
  if (decimal >= 0) return decimal;
  const text = Buffer.from(octets.subarray(start, end)).toString('latin1');
  if (/^0x[0-9a-f]{1,4}$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  let value = 0;
  for (let at = start; at <= end; at++) {
    let stop = at;
    while (stop < end && octets[stop] !== PIPE) stop++;
    const flag = FLAGS.code(octets, at, stop);
    if (flag < 0) return -1;
    value |= flag;
    at = stop;
  }
  return value;
}

/**
 * Key tag of RFC 4034 appendix B over whole RDATA. For algorithm 1 this is not the tag of appendix B.1, but it is the
 * one that BIND prints in comments.
 */
export function checksumTag(rdata: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < rdata.length; i++) sum += i & 1 ? rdata[i] : rdata[i] << 8;
  return (sum + (sum >>> 16)) & 0xffff;
}

/** "alg = ECDSAP256SHA256 ; key id = 1234", as BIND comments keys. */
export function keyComment(rdata: Uint8Array): string {
  return `alg = ${algorithmName(rdata)} ; key id = ${checksumTag(rdata)}`;
}

function algorithmName(rdata: Uint8Array): string {
  const number = rdata[3];
  // RFC 4034 appendix A.1.1: the key of a private algorithm begins with the name that stands for it.
  const length = number === PRIVATEDNS ? nameLengthAt(rdata, 4) : -1;
  if (length > 0) return nameToShortText(uncheckedName(rdata.subarray(4, 4 + length)));
  return ALGORITHMS.text(number) ?? String(number);
}

/** RFC 4034 appendix A.1.1: a key of algorithm 253 begins with the uncompressed name that stands for the algorithm. */
export function keyFault(octets: Uint8Array, start: number, end: number): string | undefined {
  const isWrong = octets[start + 3] === PRIVATEDNS && end > start + 4 && nameLengthAt(octets, start + 4, end) < 0;
  return isWrong ? 'the key of algorithm PRIVATEDNS does not begin with a name' : undefined;
}
