import { readUint32 } from '../base/octets.ts';
import { RRSIG_FIXED_LENGTH, SigningInput, signedLabels } from '../crypto/signing-input.ts';
import { serialLess } from '../base/serial.ts';
import { equalNames, uncheckedName, type Name } from '../wire/name.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { KeyCircle } from './key-circle.ts';
import type { SignatureTrouble } from './zone-verdict.ts';

/** Troubles from the least to the most telling: of several signatures the last one's reason is told. */
const BY_WEIGHT: readonly SignatureTrouble[] = [
  'missing',
  'unknown key',
  'wrong signer',
  'wrong labels',
  'wrong TTL',
  'bogus',
  'not yet valid',
  'expired',
];

export interface RRsetVerdict {
  /** Algorithms of which no signature counts, each with the reason. */
  readonly lacking: { readonly algorithm: number; readonly trouble: SignatureTrouble }[];
}

/** Checks RRsets of one zone version against its keys. */
export class RRsetVerifier {
  readonly #reader: ZoneReader;
  readonly #keys: KeyCircle;
  readonly #algorithms: readonly number[];
  readonly #now: number;
  readonly #input = new SigningInput();
  #signature = new Uint8Array(2048);
  /** Signatures looked at with a key. */
  checked = 0;

  /** @param reader open on the version; @param now Unix seconds */
  constructor(reader: ZoneReader, keys: KeyCircle, algorithms: readonly number[], now: number) {
    this.#reader = reader;
    this.#keys = keys;
    this.#algorithms = algorithms;
    this.#now = now;
  }

  /** @returns the algorithms that lack a good signature; a shared empty list when the RRset is fully signed */
  verify(owner: Name, rrset: RRsetRef): RRsetVerdict['lacking'] {
    const reader = this.#reader;
    const troubles = new Map<number, SignatureTrouble | 'good'>();
    let built = -1;
    for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
      const algorithm = reader.signatureAlgorithm(at);
      if (!this.#algorithms.includes(algorithm) || troubles.get(algorithm) === 'good') continue;
      const length = this.#copySignature(at);
      let trouble: SignatureTrouble | 'good' | undefined = this.#checkFields(owner, rrset, length);
      if (trouble === undefined) {
        // Signatures of one RRset nearly always agree on its original TTL: the octets are built once for all of them.
        const originalTtl = readUint32(this.#signature, 4);
        if (built !== originalTtl) this.#build(owner, rrset, originalTtl);
        built = originalTtl;
        trouble = this.#checkSignature(length);
      }
      const before = troubles.get(algorithm);
      if (trouble === 'good' || before === undefined || BY_WEIGHT.indexOf(trouble) > BY_WEIGHT.indexOf(before as never))
        troubles.set(algorithm, trouble);
    }
    return this.#lacking(troubles);
  }

  #lacking(troubles: ReadonlyMap<number, SignatureTrouble | 'good'>): RRsetVerdict['lacking'] {
    let lacking = NONE;
    for (const algorithm of this.#algorithms) {
      const trouble = troubles.get(algorithm) ?? 'missing';
      if (trouble === 'good') continue;
      if (lacking === NONE) lacking = [];
      lacking.push({ algorithm, trouble });
    }
    return lacking;
  }

  #copySignature(at: number): number {
    const length = this.#reader.rdataLength(at);
    if (length > this.#signature.length) this.#signature = new Uint8Array(length);
    this.#reader.copyRdata(at, this.#signature, 0);
    return length;
  }

  /** RFC 4035 section 5.3.1: what an RRSIG must agree with before its signature is worth a look. */
  #checkFields(owner: Name, rrset: RRsetRef, length: number): SignatureTrouble | undefined {
    const s = this.#signature;
    const signerEnd = RRSIG_FIXED_LENGTH + this.#reader.apex.length;
    if (length <= signerEnd) return 'wrong signer';
    const signer = uncheckedName(s.subarray(RRSIG_FIXED_LENGTH, signerEnd));
    if (!equalNames(signer, this.#reader.apex)) return 'wrong signer';
    // In a zone no owner is expanded, so the labels field is exactly the owner's number of labels.
    if (s[3] !== signedLabels(owner)) return 'wrong labels';
    if (readUint32(s, 4) < this.#reader.ttl(rrset)) return 'wrong TTL';
    if (serialLess(readUint32(s, 8), this.#now >>> 0)) return 'expired';
    if (serialLess(this.#now >>> 0, readUint32(s, 12))) return 'not yet valid';
    return undefined;
  }

  #build(owner: Name, rrset: RRsetRef, originalTtl: number): void {
    const reader = this.#reader;
    const input = this.#input;
    const type = reader.type(rrset);
    input.clear();
    for (let at = reader.firstRdata(rrset); at !== 0; at = reader.nextRdata(at)) {
      const length = reader.rdataLength(at);
      input.room(length);
      reader.copyRdata(at, input.scratch, input.scratchAt);
      input.add(type, length);
    }
    input.build({ owner, type, labels: signedLabels(owner), originalTtl, signer: reader.apex });
  }

  #checkSignature(length: number): 'good' | SignatureTrouble {
    const s = this.#signature;
    const input = this.#input;
    const tag = (s[16] << 8) | s[17];
    input.setKey(s[2], tag);
    input.setTimes(readUint32(s, 8), readUint32(s, 12));
    this.checked++;
    const signature = s.subarray(RRSIG_FIXED_LENGTH + this.#reader.apex.length, length);
    return this.#keys.check(s[2], tag, input.octets(), signature);
  }
}

const NONE: RRsetVerdict['lacking'] = [];
