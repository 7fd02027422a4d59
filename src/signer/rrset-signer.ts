import { serialLess } from '../base/serial.ts';
import { SignetError } from '../base/error.ts';
import { equalOctets, readUint32 } from '../base/octets.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { LocalSigner } from '../crypto/local-signer.ts';
import { RRSIG_FIXED_LENGTH, SigningInput, type SignedRRset } from '../crypto/signing-input.ts';
import { Verifier } from '../crypto/verify.ts';
import { equalNames, uncheckedName, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { emptyStatistics, type SigningKey, type SigningParameters } from './signing-parameters.ts';

/**
 * Whether a key signs RRsets of a type. A revoked key signs the DNSKEY RRset only, so that its revocation is believed (RFC 5011
 * section 2.1); nobody may trust it with what the parent zone shall do.
 */
export function signsType(key: SigningKey, type: number): boolean {
  if (!isKeyType(type)) return key.signsZone;
  return key.signsKeys && (type === TYPE.DNSKEY || !isRevoked(key.dnskey));
}

/** Types that KSKs sign. */
export function isKeyType(type: number): boolean {
  return type === TYPE.DNSKEY || type === TYPE.CDS || type === TYPE.CDNSKEY;
}

/** Keys whose signatures over key RRsets cannot be made anew, as "algorithm/tag". */
export function lackingSigners({ lacking = [] }: SigningParameters): ReadonlySet<string> {
  return new Set(lacking.map((dnskey) => `${dnskey[3]}/${keyTag(dnskey)}`));
}

/** A key ready for use in this thread. */
interface ReadyKey {
  readonly key: SigningKey;
  readonly signer: LocalSigner;
  /** Whether signatures of this key in a version that we made need no check. */
  readonly trusted: boolean;
  verifier?: Verifier;
}

/** A key whose good signatures stay for a while in the place of others. */
interface RetiringKey {
  readonly dnskey: Uint8Array;
  readonly algorithm: number;
  readonly tag: number;
  readonly trusted: boolean;
}

/** Where signatures that may be kept are found: an RRset with the same owner, type, TTL and RDATA as the one to sign. */
export interface Candidates {
  readonly reader: ZoneReader;
  readonly rrset: RRsetRef;
}

export interface RRsetSignerOptions {
  readonly apex: Name;
  readonly parameters: SigningParameters;
  /**
   * DNSKEY RRset of the version that candidates come from when it is one of our own, so that its signatures are known to be
   * good; undefined when they come from outside and each has to be verified.
   */
  readonly trustedDnskeys: readonly Uint8Array[] | undefined;
  /** Any 32 bits; decides the jitter. */
  readonly jitterSeed: number;
  /** Puts off making a signature: told what to sign with which key, it returns that many octets in the signature's place. */
  readonly defer?: (key: SigningKey, octets: Uint8Array, length: number) => Uint8Array;
}

/** Stands for the index of a key that cannot sign. */
const IRREPLACEABLE = Number.MAX_SAFE_INTEGER;

/** No signature is longer than a 4096-bit RSA one. */
const MAX_RRSIG_LENGTH = RRSIG_FIXED_LENGTH + 255 + 512;

/**
 * Makes the RRSIGs of one RRset after the other, keeping those that are still good. Give the RDATA to `input` (after
 * `input.clear()`), call `sign`, and read RRSIG i as octets[starts[i], starts[i + 1]) until the next call.
 */
export class RRsetSigner {
  readonly input = new SigningInput();
  readonly statistics = emptyStatistics();
  octets = new Uint8Array(4 * MAX_RRSIG_LENGTH);
  readonly starts: number[] = [0];
  count = 0;
  /** Earliest expiration of all signatures given so far, Unix seconds; Infinity for none. */
  earliest = Infinity;

  readonly #options: RRsetSignerOptions;
  readonly #keyKeys: ReadyKey[];
  readonly #syncKeys: ReadyKey[];
  readonly #zoneKeys: ReadyKey[];
  readonly #retiring: readonly RetiringKey[];
  /** "algorithm/tag" of keys that cannot make their signatures anew. */
  readonly #lacking: ReadonlySet<string>;
  /** By algorithm: signatures of retiring keys that were kept for the RRset at hand, each of which saves making one. */
  readonly #standIns = new Uint8Array(256);
  readonly #oldVerifiers = new Map<Uint8Array, Verifier>();
  readonly #now: number;
  #random: number;
  #isBuilt = false;

  /** @throws SignetError when a private key cannot be used; it names the key */
  constructor(options: RRsetSignerOptions, signers: SignerCache = new SignerCache()) {
    this.#options = options;
    const { parameters } = options;
    this.#now = parameters.now ?? parameters.inception;
    this.#random = options.jitterSeed | 0 || 1;
    if (parameters.keys.length > MAX_SIGNING_KEYS) throw tooManyKeys(parameters.keys.length, options.apex);
    const ready = parameters.keys.map((key): ReadyKey => ({
      key,
      signer: signers.signer(key, this.#legacy.labLegacy),
      trusted: isTrusted(key.dnskey, options.trustedDnskeys),
    }));
    this.#keyKeys = ready.filter(({ key }) => signsType(key, TYPE.DNSKEY));
    this.#syncKeys = ready.filter(({ key }) => signsType(key, TYPE.CDS));
    this.#zoneKeys = ready.filter(({ key }) => signsType(key, TYPE.SOA));
    this.#retiring = (parameters.retiring ?? []).map((dnskey) => ({
      dnskey,
      algorithm: dnskey[3],
      tag: keyTag(dnskey),
      trusted: isTrusted(dnskey, options.trustedDnskeys),
    }));
    this.#lacking = lackingSigners(parameters);
  }

  /** Starts another RRset: RDATA then goes to `input`. */
  begin(): void {
    this.input.clear();
    this.#isBuilt = false;
    this.count = 0;
  }

  sign(rrset: SignedRRset, candidates?: Candidates): void {
    const keys = this.#keysFor(rrset.type);
    let signedBy = 0;
    if (candidates) signedBy = this.#keepGood(rrset, candidates, keys);
    const hasStandIns = candidates !== undefined && this.#retiring.length > 0 && !isKeyType(rrset.type);
    if (hasStandIns) this.#keepStandIns(rrset, candidates, keys, signedBy);
    for (let i = 0; i < keys.length; i++) {
      if ((signedBy & (1 << i)) !== 0) continue;
      const { algorithm } = keys[i].key;
      if (hasStandIns && this.#standIns[algorithm] > 0) this.#standIns[algorithm]--;
      else this.#generate(rrset, keys[i]);
    }
  }

  /** Keeps signatures of retiring keys that are not due, at most one for each signature that is missing in their algorithm. */
  #keepStandIns(
    rrset: SignedRRset,
    { reader, rrset: found }: Candidates,
    keys: readonly ReadyKey[],
    signedBy: number,
  ): void {
    this.#standIns.fill(0);
    for (let at = reader.firstSignature(found); at !== 0; at = reader.nextSignature(at)) {
      const algorithm = reader.signatureAlgorithm(at);
      let missing = 0;
      for (let i = 0; i < keys.length; i++)
        if (keys[i].key.algorithm === algorithm && (signedBy & (1 << i)) === 0) missing++;
      if (this.#standIns[algorithm] >= missing) continue;
      const length = reader.rdataLength(at);
      this.#room(length);
      const start = this.starts[this.count];
      reader.copyRdata(at, this.octets, start);
      if (!this.#isStandIn(rrset, start, start + length)) continue;
      this.#standIns[algorithm]++;
      this.statistics.dropped--;
      this.statistics.retained++;
      this.#take(length, reader.signatureExpiration(at));
    }
  }

  #isStandIn(rrset: SignedRRset, start: number, end: number): boolean {
    const o = this.octets;
    if (!this.#agrees(rrset, start, end)) return false;
    if (serialLess(readUint32(o, start + 8), this.#options.parameters.refreshBefore >>> 0)) return false;
    const tag = (o[start + 16] << 8) | o[start + 17];
    for (const key of this.#retiring) {
      if (key.algorithm !== o[start + 2] || key.tag !== tag) continue;
      if (key.trusted || this.#verifies(rrset, start, end, this.#oldVerifier(key.dnskey))) return true;
    }
    return false;
  }

  #keysFor(type: number): readonly ReadyKey[] {
    if (!isKeyType(type)) return this.#zoneKeys;
    return type === TYPE.DNSKEY ? this.#keyKeys : this.#syncKeys;
  }

  /** @returns a bit for each key whose signature was kept */
  #keepGood(rrset: SignedRRset, { reader, rrset: found }: Candidates, keys: readonly ReadyKey[]): number {
    let signedBy = 0;
    for (let at = reader.firstSignature(found); at !== 0; at = reader.nextSignature(at)) {
      const length = reader.rdataLength(at);
      this.#room(length);
      const start = this.starts[this.count];
      reader.copyRdata(at, this.octets, start);
      const index = this.#keeper(rrset, start, start + length, keys, signedBy);
      if (index < 0) {
        this.statistics.dropped++;
        continue;
      }
      if (index < keys.length) signedBy |= 1 << index;
      this.statistics.retained++;
      // What nobody can renew is no reason to look at the zone before it ends.
      this.#take(length, index === IRREPLACEABLE ? Infinity : reader.signatureExpiration(at));
    }
    return signedBy;
  }

  /**
   * The index of the signing key that made a good signature; keys.length when it is another's to be kept; IRREPLACEABLE when
   * nobody could make it anew; -1 to drop it.
   */
  #keeper(rrset: SignedRRset, start: number, end: number, keys: readonly ReadyKey[], signedBy: number): number {
    const o = this.octets;
    const algorithm = o[start + 2];
    const tag = (o[start + 16] << 8) | o[start + 17];
    if (isKeyType(rrset.type) && this.#lacking.has(`${algorithm}/${tag}`)) return IRREPLACEABLE;
    if (!this.#agrees(rrset, start, end)) return -1;
    const expiration = readUint32(o, start + 8);
    for (let i = 0; i < keys.length; i++) {
      const { key, trusted } = keys[i];
      if (key.algorithm !== algorithm || key.tag !== tag || (signedBy & (1 << i)) !== 0) continue;
      // The one rule of refresh: what ends before `refreshBefore` is made anew.
      if (serialLess(expiration, this.#options.parameters.refreshBefore >>> 0)) continue;
      if (trusted || this.#verifies(rrset, start, end, this.#verifier(keys[i]))) return i;
    }
    return this.#keepsOld(rrset, start, end, algorithm, tag) ? keys.length : -1;
  }

  /** RFC 4035 section 5.3.1, for signatures of any key. */
  #agrees(rrset: SignedRRset, start: number, end: number): boolean {
    const o = this.octets;
    const signerEnd = start + RRSIG_FIXED_LENGTH + rrset.signer.length;
    if (end <= signerEnd || o[start + 3] !== rrset.labels || readUint32(o, start + 4) !== rrset.originalTtl)
      return false;
    if (serialLess(this.#now >>> 0, readUint32(o, start + 12))) return false;
    const signer = uncheckedName(o.subarray(start + RRSIG_FIXED_LENGTH, signerEnd));
    return equalNames(signer, uncheckedName(rrset.signer));
  }

  /** Signatures by keys that do not sign now: kept while they are valid when the parameters say so. */
  #keepsOld(rrset: SignedRRset, start: number, end: number, algorithm: number, tag: number): boolean {
    const { parameters } = this.#options;
    if (!parameters.oldSignatures || serialLess(readUint32(this.octets, start + 8), this.#now >>> 0)) return false;
    if (parameters.keys.some((key) => key.algorithm === algorithm && key.tag === tag)) return false;
    const published = parameters.keyRRsets.dnskey.filter((rdata) => rdata[3] === algorithm && keyTag(rdata) === tag);
    if (published.length === 0) return parameters.oldSignatures.keepUnpublished;
    if (!parameters.oldSignatures.keepInactive) return false;
    return published.some((rdata) => this.#verifies(rrset, start, end, this.#oldVerifier(rdata)));
  }

  #verifier(ready: ReadyKey): Verifier {
    return (ready.verifier ??= new Verifier(ready.key.dnskey, this.#legacy));
  }

  #oldVerifier(dnskey: Uint8Array): Verifier {
    const known = this.#oldVerifiers.get(dnskey);
    if (known) return known;
    const verifier = new Verifier(dnskey, this.#legacy);
    this.#oldVerifiers.set(dnskey, verifier);
    return verifier;
  }

  get #legacy(): { labLegacy: boolean } {
    return { labLegacy: this.#options.parameters.labLegacy ?? false };
  }

  #verifies(rrset: SignedRRset, start: number, end: number, verifier: Verifier): boolean {
    this.#build(rrset);
    const o = this.octets;
    this.input.setKey(o[start + 2], (o[start + 16] << 8) | o[start + 17]);
    this.input.setTimes(readUint32(o, start + 8), readUint32(o, start + 12));
    const signature = o.subarray(start + RRSIG_FIXED_LENGTH + rrset.signer.length, end);
    const good = verifier.verify(this.input.octets(), signature);
    if (good) this.statistics.verified++;
    else this.statistics.refuted++;
    return good;
  }

  #generate(rrset: SignedRRset, { key, signer }: ReadyKey): void {
    const expiration = this.#expiration(rrset.type);
    this.#build(rrset);
    this.input.setKey(key.algorithm, key.tag);
    this.input.setTimes(expiration, this.#options.parameters.inception);
    const { defer } = this.#options;
    const octets = this.input.octets();
    const signature = defer ? defer(key, octets, signer.signatureLength) : signer.sign(octets);
    const head = this.input.head();
    const start = this.starts[this.count];
    this.#room(head.length + signature.length);
    this.octets.set(head, start);
    this.octets.set(signature, start + head.length);
    this.statistics.generated++;
    this.#take(head.length + signature.length, expiration);
  }

  #build(rrset: SignedRRset): void {
    if (!this.#isBuilt) this.input.build(rrset);
    this.#isBuilt = true;
  }

  /** Jitter spreads later refreshes. The SOA and the key RRsets have none: they are signed anew all the time anyway. */
  #expiration(type: number): number {
    const { expiration, expirationDnskey, jitter } = this.#options.parameters;
    if (isKeyType(type)) return expirationDnskey;
    if (type === TYPE.SOA || jitter <= 0) return expiration;
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return expiration - ((this.#random >>> 0) % (jitter + 1));
  }

  #room(length: number): void {
    const needed = this.starts[this.count] + length;
    if (needed <= this.octets.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.octets.subarray(0, this.starts[this.count]));
    this.octets = larger;
  }

  #take(length: number, expiration: number): void {
    this.starts[this.count + 1] = this.starts[this.count] + length;
    this.count++;
    if (expiration < this.earliest) this.earliest = expiration;
  }
}

/** Imported private keys, which are costly to make: one a key and thread. */
export class SignerCache {
  readonly #signers: { readonly key: SigningKey; readonly signer: LocalSigner }[] = [];

  signer(key: SigningKey, labLegacy: boolean): LocalSigner {
    const known = this.#signers.find(({ key: other }) => isSameKey(other, key));
    if (known) return known.signer;
    const signer = new LocalSigner(key.private, { labLegacy });
    this.#signers.push({ key, signer });
    if (this.#signers.length > CACHED_KEYS) this.#signers.shift();
    return signer;
  }
}

/** One bit each says which keys have signed. No resolver would take a zone with that many (KeyTrap, CVE-2023-50387). */
const MAX_SIGNING_KEYS = 30;
const CACHED_KEYS = 2 * MAX_SIGNING_KEYS;

function tooManyKeys(count: number, apex: Name): SignetError {
  const zone = nameToShortText(apex);
  const message = `zone ${zone}: ${count} signing keys are more than ${MAX_SIGNING_KEYS}; retire some of them first`;
  return new SignetError('TOO_MANY_KEYS', message, { zone, count });
}

/** The private half counts too: the operator may have put the right file in the place of a wrong one. */
function isSameKey(a: SigningKey, b: SigningKey): boolean {
  if (!equalOctets(a.dnskey, b.dnskey)) return false;
  const fields = Object.keys(a.private.fields) as (keyof typeof a.private.fields)[];
  return fields.every((field) => {
    const other = b.private.fields[field];
    return other !== undefined && equalOctets(a.private.fields[field]!, other);
  });
}

/** Tags are not unique: only when the key, and no other with its tag, was in that version's DNSKEY RRset is it clear. */
function isTrusted(dnskey: Uint8Array, dnskeys: readonly Uint8Array[] | undefined): boolean {
  const tag = keyTag(dnskey);
  const alike = dnskeys?.filter((rdata) => rdata[3] === dnskey[3] && keyTag(rdata) === tag);
  return alike?.length === 1 && equalOctets(alike[0], dnskey);
}
