import type { Clock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import { tsigErrorText } from '../wire/code-text.ts';
import { nameKey, type Name, uncheckedName } from '../wire/name.ts';
import { nameToShortText, nameToText } from '../wire/name-text.ts';
import {
  appendTsigError,
  signTsig,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  type TsigFacts,
  type TsigKey,
  TsigStreamSigner,
  verifyTsig,
} from '../wire/tsig.ts';
import { RCODE } from '../wire/type-codes.ts';
import { NO_KEY } from './address-match.ts';
import type { TsigKey as TableKey } from './server-tables.ts';

/** Octets of a TSIG record besides its names and MAC: type to RDLENGTH, the fixed fields, and 6 of other data. */
const FIXED_OCTETS = 10 + 16 + 6;

interface KnownKey {
  /** In ServerTables.keys. */
  readonly index: number;
  readonly key: TsigKey;
}

/** Verifies signed requests and signs their answers (RFC 8945). Holds what is known of the request being answered. */
export class TransactionKeys {
  /** Index of the key that the request is signed with, or NO_KEY. */
  key = NO_KEY;
  /** Whether the answer gets a TSIG record. */
  active = false;
  /** Octets to keep free for it. */
  reserved = 0;
  readonly #clock: Clock;
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  #facts: TsigFacts | undefined;
  #signingKey: TsigKey | undefined;
  #error = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws SignetError TSIG_ALGORITHM_UNKNOWN */
  setKeys(keys: readonly TableKey[]): void {
    const known = new Map<string, KnownKey>();
    for (const [index, key] of keys.entries()) {
      const name = uncheckedName(key.name);
      known.set(nameKey(name), { index, key: toWireKey(name, key) });
    }
    this.#keys = known;
  }

  /** Forgets the request before. */
  begin(): void {
    this.key = NO_KEY;
    this.active = false;
    this.reserved = 0;
    this.#facts = undefined;
    this.#signingKey = undefined;
    this.#error = 0;
  }

  /** @returns NOERROR, FORMERR, or NOTAUTH: then the answer's TSIG says why (RFC 8945 section 5.2) */
  verify(octets: Uint8Array, length: number): number {
    const verdict = verifyTsig(octets.slice(0, length), {
      now: this.#clock.now(),
      keyByName: (name) => this.#keys.get(nameKey(name))?.key,
    });
    if (verdict.kind === 'malformed' || verdict.kind === 'unsigned') return RCODE.FORMERR;
    this.#facts = verdict.facts;
    this.#signingKey = verdict.key;
    this.active = true;
    this.reserved = roomFor(verdict.facts, verdict.key);
    if (verdict.kind === 'refused') {
      this.#error = verdict.error;
      return RCODE.NOTAUTH;
    }
    this.key = this.#keys.get(nameKey(verdict.facts.keyName))?.index ?? NO_KEY;
    return RCODE.NOERROR;
  }

  /** Name of the key that the request is signed with; undefined when it is not signed, or not well. */
  get keyName(): string | undefined {
    return this.key === NO_KEY || this.#facts === undefined ? undefined : nameToShortText(this.#facts.keyName);
  }

  /** Why the signature of the request is not taken, in BIND's words; undefined when nothing is wrong with it. */
  get failure(): string | undefined {
    if (this.#error === 0 || this.#facts === undefined) return undefined;
    const reason = this.#error === RCODE.BADTIME ? 'clocks are unsynchronized' : 'tsig verify failure';
    return `TSIG ${nameToShortText(this.#facts.keyName)}: ${reason} (${tsigErrorText(this.#error)})`;
  }

  /** Adds TSIG to the answer in octets[0, length); returns its new length. */
  sign(octets: Uint8Array, length: number): number {
    if (this.#facts === undefined) return length;
    const plain = octets.slice(0, length);
    const signed =
      this.#signingKey === undefined
        ? appendTsigError(plain, this.#facts, this.#error)
        : signTsig(plain, this.#signingKey, {
            now: this.#clock.now(),
            requestMac: this.#facts.rdata.mac,
            error: this.#error,
            requestTime: this.#facts.rdata.timeSigned,
          }).message;
    octets.set(signed);
    return signed.length;
  }

  /** Signs the messages of a transfer, in order; undefined when the request was not signed. */
  streamSigner(): ((message: Uint8Array) => Uint8Array) | undefined {
    if (this.#signingKey === undefined || this.#facts === undefined) return undefined;
    const signer = new TsigStreamSigner(this.#signingKey, this.#facts.rdata.mac);
    return (message) => signer.sign(message, this.#clock.now());
  }
}

function roomFor(facts: TsigFacts, key: TsigKey | undefined): number {
  const mac = key === undefined ? 0 : TSIG_ALGORITHMS[key.algorithm].length;
  return facts.keyName.length + facts.rdata.algorithm.length + mac + FIXED_OCTETS;
}

/** "hmac-sha256-128" is hmac-sha256 with a MAC of 128 bits. */
function toWireKey(name: Name, key: TableKey): TsigKey {
  const [, algorithm, bits] = /^(hmac-[a-z0-9]+)(?:-(\d+))?$/.exec(key.algorithm.toLowerCase()) ?? [];
  if (algorithm === undefined || !Object.hasOwn(TSIG_ALGORITHMS, algorithm))
    throw new SignetError(
      'TSIG_ALGORITHM_UNKNOWN',
      `key "${nameToText(name)}" has the algorithm ${key.algorithm}: use one of ${Object.keys(TSIG_ALGORITHMS).join(', ')}`,
      { key: nameToText(name), algorithm: key.algorithm },
    );
  const known = { name, algorithm: algorithm as TsigAlgorithm, secret: key.secret };
  return bits === undefined ? known : { ...known, macLength: Number(bits) / 8 };
}
