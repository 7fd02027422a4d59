import type { Clock } from '../base/clock.ts';
import { equalOctets } from '../base/octets.ts';
import { algorithmByNumber, verifyingRefusal } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG, DNSKEY_PROTOCOL, dnskeyFlags, isRevoked } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { proveNoDs } from '../validate/delegation-proof.ts';
import { KeyCircle } from '../validate/key-circle.ts';
import { type ExpectedSigner, RecordVerifier } from '../validate/record-verifier.ts';
import type { Message, Question } from '../wire/message.ts';
import { equalNames, labelCount, nameKey, parentName, rightmostLabels, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { decodeDs } from '../wire/rdata/ds.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { Answered } from './dns-client.ts';

/** Where a chain of trust begins. */
export interface Anchor {
  readonly name: Name;
  readonly kind: 'key' | 'ds';
  /** Of a DNSKEY or a DS. */
  readonly rdata: Uint8Array;
}

export interface DsValidatorOptions {
  readonly anchors: readonly Anchor[];
  /** DNSKEY RRset of a zone that this server signs itself; empty for others. */
  readonly localKeys: (zone: Name) => readonly Uint8Array[];
}

/**
 * secure: proved; unproved: no anchor is above the zone, or the chain from it ends at an unsigned delegation, so there is nothing to
 * prove with; bogus: it should be proved and is not.
 */
export type DsVerdict =
  { readonly kind: 'secure' } | { readonly kind: 'unproved' } | { readonly kind: 'bogus'; readonly fault: string };

/** Asks for what the chain needs besides; never rejects. */
export type AskForProof = (question: Question) => Promise<Answered>;

const SECURE: DsVerdict = { kind: 'secure' };
const UNPROVED: DsVerdict = { kind: 'unproved' };

/** DNSKEYs of one zone that are tried: more are an attempt to keep us busy. */
const MOST_KEYS = 32;
/** Questions for one chain, about two for each label of the zone's name. */
const MOST_QUESTIONS = 40;
/** Seconds that proved keys are kept, and how many zones' at most. */
const KEYS_KEPT = 300;
const MOST_ZONES = 1000;

interface ProvedKeys {
  readonly keys: KeyCircle;
  readonly until: number;
}

/** Validates DS answers (RFC 4035 section 5) from the closest anchor above the zone down to it. */
export class DsValidator {
  readonly #options: DsValidatorOptions;
  readonly #clock: Clock;
  readonly #proved = new Map<string, ProvedKeys>();

  constructor(options: DsValidatorOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options;
    this.#clock = clock;
  }

  /** @param answer to DS? `zone`, already judged to be an answer */
  async validate(zone: Name, answer: Message, ask: AskForProof): Promise<DsVerdict> {
    const start = this.#anchorAbove(zone);
    if (start === undefined) return UNPROVED;
    let asked = 0;
    const bounded: AskForProof = async (question) =>
      ++asked > MOST_QUESTIONS ? { fault: 'the chain of trust is too long' } : ask(question);
    const first = await this.#keysOfAnchor(start, bounded);
    return 'kind' in first ? first : this.#walk(zone, answer, { zone: start, keys: first.keys }, bounded);
  }

  /** The closest name above `zone` that is trusted without a proof. */
  #anchorAbove(zone: Name): Name | undefined {
    if (zone.length === 1) return undefined;
    for (let name = parentName(zone); ; name = parentName(name)) {
      const isAnchor = this.#options.anchors.some((anchor) => equalNames(anchor.name, name));
      if (isAnchor || this.#options.localKeys(name).length > 0) return name;
      if (name.length === 1) return undefined;
    }
  }

  async #walk(zone: Name, answer: Message, start: ExpectedSigner, ask: AskForProof): Promise<DsVerdict> {
    const signer = signerOf(zone, answer);
    let above = start;
    for (let labels = labelCount(start.zone) + 1; ; labels++) {
      const name = rightmostLabels(zone, labels);
      const isLast = equalNames(name, zone);
      if (isLast || (signer !== undefined && equalNames(signer, above.zone))) return this.#judge(zone, answer, above);
      const step = await this.#step(name, above, ask);
      if (step === 'no cut') continue;
      if ('kind' in step) return step;
      above = step;
    }
  }

  /** The answer itself, in the zone that must have signed it. */
  #judge(zone: Name, answer: Message, above: ExpectedSigner): DsVerdict {
    const now = this.#clock.now();
    const answers = new RecordVerifier(answer.answers, now);
    if (answers.rrset(zone, TYPE.DS).length > 0) {
      const verdict = answers.verify(zone, TYPE.DS, above);
      return verdict === 'good' ? SECURE : bogus(`the signature of the DS RRset by ${text(above.zone)} is ${verdict}`);
    }
    const proof = proveNoDs(zone, answer.authorities, new RecordVerifier(answer.authorities, now), above);
    if (proof.kind === 'no DS') return SECURE;
    return bogus(proof.kind === 'fault' ? proof.fault : `${text(zone)} is not delegated in ${text(above.zone)}`);
  }

  /** From a proved zone to the next cut below it, if there is one at `name`. */
  async #step(name: Name, above: ExpectedSigner, ask: AskForProof): Promise<ExpectedSigner | DsVerdict | 'no cut'> {
    const answered = await ask({ name, type: TYPE.DS, class: CLASS.IN });
    if ('fault' in answered) return bogus(`the DS of ${text(name)} cannot be had: ${answered.fault}`);
    const { answers, authorities } = answered.message;
    const now = this.#clock.now();
    const verifier = new RecordVerifier(answers, now);
    const ds = verifier.rrset(name, TYPE.DS);
    if (ds.length === 0) {
      const proof = proveNoDs(name, authorities, new RecordVerifier(authorities, now), above);
      if (proof.kind === 'no DS') return UNPROVED;
      return proof.kind === 'no cut' ? proof.kind : bogus(`no chain to ${text(name)}: ${proof.fault}`);
    }
    const verdict = verifier.verify(name, TYPE.DS, above);
    if (verdict !== 'good') return bogus(`the signature of the DS of ${text(name)} is ${verdict}`);
    const trusted = ds.map((rdata): Anchor => ({ name, kind: 'ds', rdata }));
    const keys = await this.#keysBy(trusted, name, ask);
    return 'kind' in keys ? keys : { zone: name, keys: keys.keys };
  }

  async #keysOfAnchor(name: Name, ask: AskForProof): Promise<ProvedKeys | DsVerdict> {
    const local = this.#options.localKeys(name);
    if (local.length > 0) return { keys: new KeyCircle(local), until: 0 };
    return this.#keysBy(
      this.#options.anchors.filter((anchor) => equalNames(anchor.name, name)),
      name,
      ask,
    );
  }

  /** The DNSKEY RRset, signed by one of its keys that an anchor or a DS names (RFC 4035 section 5.2). */
  async #keysBy(trusted: readonly Anchor[], name: Name, ask: AskForProof): Promise<ProvedKeys | DsVerdict> {
    const usable = trusted.filter(isUsable);
    // RFC 4035 section 5.2: with no algorithm that is known, the zone is as good as unsigned.
    if (usable.length === 0) return UNPROVED;
    const cacheKey = `${nameKey(name)} ${usable.map(({ rdata }) => Buffer.from(rdata).toString('base64')).join()}`;
    const now = this.#clock.now();
    const kept = this.#proved.get(cacheKey);
    if (kept !== undefined && kept.until > now) return kept;
    const answered = await ask({ name, type: TYPE.DNSKEY, class: CLASS.IN });
    if ('fault' in answered) return bogus(`the DNSKEY RRset of ${text(name)} cannot be had: ${answered.fault}`);
    const verifier = new RecordVerifier(answered.message.answers, now);
    const all = verifier.rrset(name, TYPE.DNSKEY).filter(isZoneKey).slice(0, MOST_KEYS);
    const entries = all.filter((dnskey) => usable.some((anchor) => isNamedBy(dnskey, anchor)));
    if (entries.length === 0)
      return bogus(`no DNSKEY of ${text(name)} is one that is trusted: look whether the trust anchor is out of date`);
    const verdict = verifier.verify(name, TYPE.DNSKEY, { zone: name, keys: new KeyCircle(entries) });
    if (verdict !== 'good') return bogus(`the signature of the DNSKEY RRset of ${text(name)} is ${verdict}`);
    const proved = { keys: new KeyCircle(all), until: now + KEYS_KEPT };
    if (this.#proved.size >= MOST_ZONES) this.#proved.clear();
    this.#proved.set(cacheKey, proved);
    return proved;
  }
}

/** The zone that says to have signed what the answer is about; undefined: nobody does. */
function signerOf(zone: Name, { answers, authorities }: Message): Name | undefined {
  const [ofDs] = new RecordVerifier(answers, 0).signatures(zone, TYPE.DS);
  if (ofDs !== undefined) return ofDs.signer;
  const denial = authorities.find(({ type }) => isDenial(type));
  if (denial === undefined) return undefined;
  return new RecordVerifier(authorities, 0).signatures(denial.owner, denial.type)[0]?.signer;
}

const isDenial = (type: number): boolean => type === TYPE.NSEC || type === TYPE.NSEC3;

function isZoneKey(dnskey: Uint8Array): boolean {
  const isZone = (dnskeyFlags(dnskey) & DNSKEY_FLAG.ZONE) !== 0;
  return isZone && dnskey[2] === DNSKEY_PROTOCOL && !isRevoked(dnskey);
}

function isUsable({ kind, rdata }: Anchor): boolean {
  const algorithm = kind === 'key' ? rdata[3] : decodeDs(rdata).algorithm;
  if (algorithmByNumber(algorithm) === undefined || verifyingRefusal(algorithm) !== undefined) return false;
  return kind === 'key' || [2, 4].includes(decodeDs(rdata).digestType);
}

function isNamedBy(dnskey: Uint8Array, { name, kind, rdata }: Anchor): boolean {
  return equalOctets(kind === 'key' ? dnskey : dsRdata(name, dnskey, decodeDs(rdata).digestType), rdata);
}

const text = (name: Name): string => nameToShortText(name);

function bogus(fault: string): DsVerdict {
  return { kind: 'bogus', fault };
}
