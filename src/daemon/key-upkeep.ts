import path from 'node:path';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { equalOctets } from '../base/octets.ts';
import type { Random } from '../base/random.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { keyBits } from '../crypto/public-key.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { type KeyAction, plan, type Plan } from '../policy/plan.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { Publication } from '../policy/publication.ts';
import { signatureTimes } from '../policy/signature-times.ts';
import type { Denial, SigningKey, SigningParameters } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { zoneEvent } from './events.ts';
import { keyRole } from './key-status.ts';

export interface KeyUpkeepOptions {
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  readonly policy: DnssecPolicy;
  readonly keyDirectory: string;
}

export interface KeyUpkeepDependencies {
  readonly keyStore: KeyStore;
  readonly log: Log;
  readonly random: Random;
}

/** What a look at the keys came to. */
export interface KeyDecision {
  readonly keys: readonly KeyPair[];
  /** Unix seconds. */
  readonly nextEvent: number | undefined;
  /** Why nothing may be signed at present; undefined: `parameters` may be used. */
  readonly suspended: string | undefined;
  /** Why a zone that has never been signed is served as it is written; absent for one that is to be signed. */
  readonly waiting?: string | undefined;
  readonly parameters: SigningParameters;
  /**
   * Writes down what the publication changed, and logs it. Call it once the zone is published: a state that were saved
   * before would count the time until then as if resolvers had seen the zone. @throws DiskError
   */
  readonly published: () => void;
}

/** Rounds of planning: making keys is followed by a plan that takes them into account, which is the last. */
const MOST_ROUNDS = 4;

/** Keeps the keys of a zone as its policy wants them and says what signs the zone. */
export class KeyUpkeep {
  readonly #options: KeyUpkeepOptions;
  readonly #dependencies: KeyUpkeepDependencies;
  #toldFaults = '';

  constructor(options: KeyUpkeepOptions, dependencies: KeyUpkeepDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /**
   * @param now Unix seconds
   * @param signed the signed version that is served, undefined when there is none yet
   * @throws DiskError when a new key cannot be kept
   */
  decide(now: number, signed: ZoneReader | undefined): KeyDecision {
    const { policy } = this.#options;
    let pairs = this.#list();
    let planned = plan(policy, pairs.map(plannedKey), {}, now);
    const lost = signed && (lostKeys(signed, pairs) ?? droppedKey(signed, pairs, planned.publication));
    // A key that the zone shows and whose files are gone must come back: another in its place would not be trusted.
    for (let round = 0; lost === undefined && round < MOST_ROUNDS && makesFiles(planned); round++) {
      pairs = this.#makeFiles(planned, pairs);
      planned = plan(policy, pairs.map(plannedKey), {}, now);
    }
    const { publication } = planned;
    const after = pairs.map((pair) => withUpdate(pair, planned.actions));
    return {
      keys: after,
      nextEvent: planned.nextEvent,
      suspended: lost ?? this.#unableToSign(after, publication),
      parameters: this.#parameters(after, publication, now, signed),
      published: this.#recorder(after, planned, signed, now),
    };
  }

  #list(): KeyPair[] {
    const { keyStore, log } = this.#dependencies;
    const { keys, faults } = keyStore.list(this.#options.apex);
    const told = faults.map(({ message }) => message).join('\n');
    if (told !== this.#toldFaults) {
      for (const fault of faults) {
        log.write(zoneEvent.keyFault(this.#options.label, fault.message, fault.facts.loses === 'nothing'));
      }
    }
    this.#toldFaults = told;
    return [...keys];
  }

  #makeFiles({ actions }: Plan, pairs: readonly KeyPair[]): KeyPair[] {
    const { keyStore, log } = this.#dependencies;
    const { apex, policy } = this.#options;
    const result = [...pairs];
    for (const action of actions) {
      if (action.kind === 'update' || action.kind === 'purge') continue;
      if (action.kind === 'adopt') {
        const at = result.findIndex((pair) => pair.fileBase === action.key);
        result[at] = { ...result[at], times: action.times, state: { ...result[at].state, ...action.state } };
        keyStore.save(result[at]);
        continue;
      }
      const { role, algorithm, bits } = action.line;
      const flags = DNSKEY_FLAG.ZONE | (role === 'zsk' ? 0 : DNSKEY_FLAG.SEP);
      const { times, state, dnskeyTtl: ttl } = action;
      const pair = keyStore.generate({ zone: apex, algorithm, flags, bits, ttl, times, state });
      log.write(zoneEvent.keyCreated(keyName(pair, true), policy.name));
      result.push(pair);
    }
    return result;
  }

  /** RFC 4035 section 2.2: each algorithm in the DNSKEY RRset signs all; without that the zone must stay as it is. */
  #unableToSign(pairs: readonly KeyPair[], publication: Publication): string | undefined {
    const { keyDirectory } = this.#options;
    const shown = pairs.filter((pair) => publication.dnskey.includes(pair.fileBase));
    if (shown.length === 0) return `there is no key for the zone in ${keyDirectory}`;
    for (const [signers, what] of [
      [publication.signsKeys, 'its DNSKEY RRset'] as const,
      [publication.signsZone, 'its records'] as const,
    ]) {
      if (signers.length === 0)
        return `no key of the zone signs ${what}: look at "rndc dnssec -status" and at the files in ${keyDirectory}`;
    }
    for (const { algorithm } of shown) {
      for (const signers of [publication.signsKeys, publication.signsZone]) {
        const able = shown.filter((pair) => pair.algorithm === algorithm && signers.includes(pair.fileBase));
        if (able.length > 0 && able.every((pair) => pair.private === undefined)) {
          const file = path.join(keyDirectory, `${able[0].fileBase}.private`);
          return `no private key for ${keyName(able[0], true)}: restore ${file}; what is published stays until then`;
        }
      }
    }
    return undefined;
  }

  #parameters(
    pairs: readonly KeyPair[],
    publication: Publication,
    now: number,
    signed: ZoneReader | undefined,
  ): SigningParameters {
    const { apex, policy } = this.#options;
    const inSync = pairs.filter((pair) => publication.sync.includes(pair.fileBase));
    const digests = policy.cdsDigestTypes;
    return {
      ...signatureTimes(policy, now),
      now,
      denial: this.#denial(signed),
      keyRRsets: {
        dnskey: pairs.filter((pair) => publication.dnskey.includes(pair.fileBase)).map((pair) => pair.dnskey),
        cds: inSync.flatMap((pair) => digests.map((digest) => dsRdata(apex, pair.dnskey, digest))),
        cdnskey: policy.cdnskey ? inSync.map((pair) => pair.dnskey) : [],
        ttl: policy.dnskeyTtl,
      },
      keys: pairs.flatMap((pair) => signingKey(pair, publication) ?? []),
      oldSignatures: { keepInactive: true, keepUnpublished: true },
    };
  }

  #denial(signed: ZoneReader | undefined): Denial {
    const { nsec3 } = this.#options.policy;
    if (nsec3 === undefined) return { kind: 'nsec' };
    const { iterations, optOut, saltLength } = nsec3;
    const salt = signed && presentSalt(signed, iterations);
    const fits = salt !== undefined && salt.length === saltLength;
    const fresh = (): Uint8Array => this.#dependencies.random.fill(new Uint8Array(saltLength));
    return { kind: 'nsec3', iterations, optOut, salt: fits ? salt : fresh() };
  }

  #recorder(pairs: readonly KeyPair[], planned: Plan, signed: ZoneReader | undefined, now: number): () => void {
    const { keyStore } = this.#dependencies;
    const changed = planned.actions.flatMap((action) => (action.kind === 'update' ? action.key : []));
    const before = shownRecords(signed);
    return () => {
      this.#tell(pairs, planned.publication, before);
      for (const pair of pairs) {
        const late = publishedLate(pair, planned.publication, before, now);
        if (late !== undefined) keyStore.save(late);
        else if (changed.includes(pair.fileBase)) keyStore.save(pair);
      }
    };
  }

  #tell(pairs: readonly KeyPair[], publication: Publication, before: ShownRecords): void {
    const { log } = this.#dependencies;
    const { policy } = this.#options;
    for (const pair of pairs) {
      const id = pair.fileBase;
      if (publication.dnskey.includes(id) && !before.shows('dnskey', pair.dnskey)) {
        log.write(zoneEvent.keyFetched(keyName(pair, true)));
        log.write(zoneEvent.keyPublished(keyName(pair, true), policy.name));
        const isActive = publication.signsKeys.includes(id) || publication.signsZone.includes(id);
        if (isActive) log.write(zoneEvent.keyActive(keyName(pair, true), policy.name));
      }
      const offered = publication.sync.includes(id);
      if (offered && !before.hasSync) {
        const name = keyName(pair, false);
        if (policy.cdnskey) log.write(zoneEvent.syncPublished('CDNSKEY', name, policy.name));
        if (policy.cdsDigestTypes.length > 0) log.write(zoneEvent.syncPublished('CDS', name, policy.name));
      }
    }
  }
}

const makesFiles = ({ actions }: Plan): boolean => actions.some(({ kind }) => kind === 'generate' || kind === 'adopt');

function plannedKey(pair: KeyPair): PlannedKey {
  const { fileBase: id, dnskey, tag, algorithm, flags, times, state } = pair;
  return { id, tag, algorithm, bits: keyBits(dnskey) ?? 0, flags, times, ...(state && { state }) };
}

function withUpdate(pair: KeyPair, actions: readonly KeyAction[]): KeyPair {
  const action = actions.find((one) => one.kind === 'update' && one.key === pair.fileBase);
  return action?.kind !== 'update' ? pair : { ...pair, times: action.times, state: { ...pair.state, ...action.state } };
}

/** "example.org/ECDSAP256SHA256/12345 (CSK)", as BIND's log has keys. */
export function keyName(pair: KeyPair, withRole: boolean): string {
  const name = `${nameToShortText(pair.zone)}/${algorithmText(pair.algorithm)}/${pair.tag}`;
  return withRole ? `${name} (${keyRole(pair)})` : name;
}

function signingKey(pair: KeyPair, publication: Publication): SigningKey | undefined {
  const signsKeys = publication.signsKeys.includes(pair.fileBase);
  const signsZone = publication.signsZone.includes(pair.fileBase);
  if (pair.private === undefined || (!signsKeys && !signsZone)) return undefined;
  return {
    dnskey: pair.dnskey,
    tag: pair.tag,
    algorithm: pair.algorithm,
    signsKeys,
    signsZone,
    private: pair.private,
  };
}

interface ShownRecords {
  shows(kind: 'dnskey', rdata: Uint8Array): boolean;
  readonly hasSync: boolean;
}

/** A copy of what the apex showed before: the version itself may be gone when it is asked for. */
function shownRecords(signed: ZoneReader | undefined): ShownRecords {
  const dnskeys = signed === undefined ? [] : apexRdata(signed, TYPE.DNSKEY);
  return {
    shows: (_kind, rdata) => dnskeys.some((one) => equalOctets(one, rdata)),
    hasSync: signed !== undefined && [TYPE.CDS, TYPE.CDNSKEY].some((type) => apexRdata(signed, type).length > 0),
  };
}

function apexRdata(reader: ZoneReader, type: number): Uint8Array[] {
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

/** Why the zone cannot be maintained: DNSKEYs that it shows and nobody has files of. */
function lostKeys(signed: ZoneReader, pairs: readonly KeyPair[]): string | undefined {
  const lost = apexRdata(signed, TYPE.DNSKEY).filter((rdata) => !pairs.some((pair) => equalOctets(pair.dnskey, rdata)));
  if (lost.length === 0) return undefined;
  const names = lost.map((rdata) => `${algorithmText(rdata[3])} key ${keyTag(rdata)}`);
  return `the zone shows DNSKEY records whose key files are not there (${names.join(', ')}): restore the files`;
}

/**
 * Why the zone cannot be maintained: a DNSKEY that it shows would vanish although nothing in the key's files says that it
 * may. A damaged or hand-made state file comes to that, and resolvers that trust the key would find the zone bogus.
 */
function droppedKey(signed: ZoneReader, pairs: readonly KeyPair[], { dnskey }: Publication): string | undefined {
  const shown = apexRdata(signed, TYPE.DNSKEY);
  const dropped = pairs.find(
    (pair) =>
      !dnskey.includes(pair.fileBase) &&
      pair.state?.dnskey === undefined &&
      pair.times.delete === undefined &&
      shown.some((rdata) => equalOctets(pair.dnskey, rdata)),
  );
  if (dropped === undefined) return undefined;
  return `the zone shows the DNSKEY of ${keyName(dropped, true)}, but its state file does not say so: restore ${dropped.fileBase}.state`;
}

function presentSalt(reader: ZoneReader, iterations: number): Uint8Array | undefined {
  const [parameters] = apexRdata(reader, TYPE.NSEC3PARAM);
  // RFC 5155 section 4.2: hash, flags, iterations in 16 bits, salt length, salt.
  if (parameters === undefined || ((parameters[2] << 8) | parameters[3]) !== iterations) return undefined;
  return parameters.slice(5, 5 + parameters[4]);
}

/** Seconds between making a key and publishing it that its times need not tell. */
const PROMPT = 60;

/**
 * A key that was made earlier than the zone could show it (the disk was full, say): its records are as new as the
 * publication, and RFC 7583 counts from there. Undefined for all others.
 */
function publishedLate(
  pair: KeyPair,
  publication: Publication,
  before: ShownRecords,
  now: number,
): KeyPair | undefined {
  const { state } = pair;
  const isNew = publication.dnskey.includes(pair.fileBase) && !before.shows('dnskey', pair.dnskey);
  if (!isNew || state?.dnskeyChange === undefined || now - state.dnskeyChange <= PROMPT) return undefined;
  const moved = { ...state, dnskeyChange: now };
  if (state.zrrsig === 'rumoured') moved.zrrsigChange = now;
  if (state.krrsig === 'rumoured') moved.krrsigChange = now;
  return { ...pair, state: moved, times: { ...pair.times, publish: now } };
}

/** For callers that must tell a refusal to sign from other failures. */
export function suspension(why: string, zone: string): SignetError {
  return new SignetError('SIGNING_SUSPENDED', why, { zone });
}
