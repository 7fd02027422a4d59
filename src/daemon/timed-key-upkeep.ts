import path from 'node:path';
import type { Log } from '../base/log.ts';
import type { ManualKeys } from '../conf/configuration.ts';
import { MANUAL_KEYS_DEFAULTS } from '../conf/defaults.ts';
import { DNSKEY_FLAG, dnskeyFlags, withFlags } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { signatureTimes, type SignaturePolicy } from '../policy/signature-times.ts';
import { planTimedKeys, type TimedKey, type TimedPlan } from '../policy/timed-keys.ts';
import type { SigningParameters } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { apexKeyFacts, isSamePublicKey, type ApexKeyFacts } from './apex-key-facts.ts';
import { zoneEvent } from './events.ts';
import { keyNews } from './key-news.ts';
import type { KeyDecision } from './key-upkeep.ts';
import { lackingAsShown, type LackingKey, type LackingKeys, lackingTexts } from './key-lacking.ts';
import { type KeyUse, signingKey, useAsShown } from './keys-as-shown.ts';
import { keyName } from './managed-key.ts';

export interface TimedKeyUpkeepOptions {
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  readonly manualKeys: ManualKeys;
  readonly keyDirectory: string;
}

export interface TimedKeyUpkeepDependencies {
  readonly keyStore: KeyStore;
  readonly log: Log;
}

/** DS digest type of CDS: SHA-256, as BIND 9.18 publishes it for keys without a policy (RFC 8624 section 3.3). */
const CDS_DIGEST = 2;
/** Seconds of life that upkeep in rounds of an hour, and that before the refresh time, need. */
const UPKEEP_MARGIN = 3 * 3600;

/**
 * Says what signs a zone whose keys a person manages (`auto-dnssec`). The key files are only read. Under `maintain` the
 * times in them decide at every look; under `allow` what the zone shows stays until `ask`.
 */
export class TimedKeyUpkeep {
  readonly #options: TimedKeyUpkeepOptions;
  readonly #dependencies: TimedKeyUpkeepDependencies;
  readonly #signatures: SignaturePolicy;
  #told: ReadonlySet<string> = new Set();
  #isAsked = false;

  constructor(options: TimedKeyUpkeepOptions, dependencies: TimedKeyUpkeepDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { manualKeys } = options;
    const spare = manualKeys.signaturesValidity - manualKeys.signaturesRefresh - UPKEEP_MARGIN;
    const signaturesJitter = Math.min(MANUAL_KEYS_DEFAULTS.signaturesJitter, Math.floor(spare / 2));
    this.#signatures = { ...manualKeys, signaturesJitter };
  }

  /** True when the next decision follows the key files. */
  get followsFiles(): boolean {
    return this.#isAsked || this.#options.manualKeys.mode === 'maintain';
  }

  /** `rndc sign`: the next decision that is published follows the key files. */
  ask(): void {
    this.#isAsked = true;
  }

  /**
   * @param now Unix seconds
   * @param signed the signed version that is served, undefined when there is none yet
   * @param unsigned the version to be signed for the first time; its SOA gives the TTL of keys whose files give none
   */
  decide(now: number, signed: ZoneReader | undefined, unsigned: ZoneReader): KeyDecision {
    const { keys: pairs, faults } = this.#dependencies.keyStore.list(this.#options.apex);
    const before = apexKeyFacts(signed ?? unsigned);
    const plan = planTimedKeys(pairs.map(timedKey), now);
    const useOfPlan = this.#useOf(pairs, plan, before);
    const asShown = useAsShown(pairs, before);
    const lost = signed === undefined ? NONE_LACKING : this.#lacking(pairs, plan, before);
    const isHeld = lost.keys.length > 0;
    const use = this.followsFiles && !isHeld ? useOfPlan : asShown;
    const complaints = faults.map(({ message, facts }) => ({ text: message, isWarning: facts.loses === 'nothing' }));
    if (this.followsFiles) complaints.push(...this.#complaints(pairs, plan, before));
    if (signed !== undefined && isHeld) complaints.push(...this.#lackingTexts(lost, pairs, signed, now));
    this.#complain(complaints);
    const isWaiting = signed === undefined && use.keys.length === 0 && plan.missed.length === 0;
    const ttls = use.dnskey.flatMap((rdata) => pairs.find((pair) => isSamePublicKey(pair.dnskey, rdata))?.ttl ?? []);
    const ttl = ttls.length === 0 || isHeld ? before.ttl : Math.min(...ttls);
    return {
      keys: pairs,
      nextEvent: this.#options.manualKeys.mode === 'maintain' ? plan.nextEvent : undefined,
      waiting: isWaiting ? this.#waiting() : undefined,
      suspended: isWaiting || isHeld ? undefined : this.#unableToSign(pairs, plan, use, before),
      parameters: { ...this.#parameters(use, ttl, now), lacking: lost.keys.map(({ dnskey }) => dnskey) },
      published: () => {
        // What was asked for is done when the lost key is back.
        if (isHeld) return;
        this.#isAsked = false;
        if (isWaiting) return;
        const news = { apex: this.#options.apex, policy: undefined, digests: [CDS_DIGEST] };
        for (const record of keyNews(pairs, before, use, news)) this.#dependencies.log.write(record);
      },
    };
  }

  /**
   * Lost keys that the DNSKEY RRset needs signatures of, where all that sign data can: then only that RRset has to stay as it is. None
   * where nothing is lost, or where too much is.
   */
  #lacking(pairs: readonly KeyPair[], plan: TimedPlan, before: ApexKeyFacts): LackingKeys {
    const shown = lackingAsShown(pairs, before);
    const signsData = useAsShown(pairs, before).keys.some((key) => key.signsZone);
    if (shown.zone.length > 0 || !signsData) return NONE_LACKING;
    const isNeeded = ({ pair }: LackingKey): boolean => pair === undefined || this.#isStillActive(pair.fileBase, plan);
    return shown.keys.some(isNeeded) ? shown : NONE_LACKING;
  }

  #lackingTexts(lost: LackingKeys, pairs: readonly KeyPair[], signed: ZoneReader, now: number): Complaint[] {
    const { apex, keyDirectory } = this.#options;
    const context = { zone: nameToShortText(apex), policy: undefined, keyDirectory, pairs, signed, now };
    const texts = lackingTexts(NONE_LACKING, lost, { ...context, before: apexKeyFacts(signed) });
    return texts.map((text) => ({ text, isWarning: false }));
  }

  #waiting(): string {
    const { keyDirectory, manualKeys } = this.#options;
    if (this.followsFiles) return `no key in ${keyDirectory} is active by its times`;
    return `auto-dnssec ${manualKeys.mode}: 'rndc sign' signs it with the keys in ${keyDirectory}`;
  }

  #parameters({ dnskey, cds, cdnskey, keys }: KeyUse, ttl: number, now: number): SigningParameters {
    return {
      ...signatureTimes(this.#signatures, now),
      now,
      // BIND takes NSEC3 parameters for such zones from `rndc signing -nsec3param` only.
      denial: { kind: 'nsec' },
      keyRRsets: { dnskey: [...dnskey], cds: [...cds], cdnskey: [...cdnskey], ttl },
      keys: [...keys],
    };
  }

  #useOf(pairs: readonly KeyPair[], plan: TimedPlan, before: ApexKeyFacts): KeyUse {
    const { publication, revoked } = plan;
    const rdataOf = ({ fileBase, dnskey }: KeyPair): Uint8Array =>
      revoked.includes(fileBase) ? withFlags(dnskey, dnskeyFlags(dnskey) | DNSKEY_FLAG.REVOKE) : dnskey;
    const sync = pairs.filter(({ fileBase }) => publication.sync.includes(fileBase));
    return {
      // What nobody has files of cannot be judged: it stays, as with dnssec-signzone -S.
      dnskey: [
        ...pairs.filter(({ fileBase }) => publication.dnskey.includes(fileBase)).map(rdataOf),
        ...withoutFiles(before.dnskeys, pairs),
      ],
      cds: sync.map(({ dnskey }) => dsRdata(this.#options.apex, dnskey, CDS_DIGEST)),
      cdnskey: sync.map(({ dnskey }) => dnskey),
      keys: pairs.flatMap((pair) =>
        signingKey(pair, rdataOf(pair), {
          signsKeys: publication.signsKeys.includes(pair.fileBase),
          signsZone: publication.signsZone.includes(pair.fileBase),
        }),
      ),
    };
  }

  #complaints(pairs: readonly KeyPair[], { unable }: TimedPlan, before: ApexKeyFacts): Complaint[] {
    const cannot = pairs
      .filter(({ fileBase }) => unable.includes(fileBase))
      .map((pair) => `DNSKEY ${keyName(pair, true)} is published and cannot sign: it has no private half`);
    const lost = withoutFiles(before.dnskeys, pairs).map(
      (rdata) =>
        `the DNSKEY with tag ${keyTag(rdata)} has no files in ${this.#options.keyDirectory}: it stays as it is; to ` +
        `remove it restore its files and set its deletion time`,
    );
    return [...cannot, ...lost].map((text) => ({ text, isWarning: true }));
  }

  /** Says what is wrong when that is news. */
  #complain(complaints: readonly Complaint[]): void {
    const { log } = this.#dependencies;
    for (const { text, isWarning } of complaints)
      if (!this.#told.has(text)) log.write(zoneEvent.keyFault(this.#options.label, text, isWarning));
    this.#told = new Set(complaints.map(({ text }) => text));
  }

  /** Why the zone must stay as it is: what is needed to keep it valid is not there. */
  #unableToSign(pairs: readonly KeyPair[], plan: TimedPlan, use: KeyUse, before: ApexKeyFacts): string | undefined {
    const { keyDirectory } = this.#options;
    const stay = 'what is published stays until then';
    const lost = withoutFiles(before.dnskeys, pairs).find(
      (rdata) => before.signs(rdata, 'keys') || before.signs(rdata, 'zone'),
    );
    if (lost)
      return `the key files of the DNSKEY with tag ${keyTag(lost)}, which signs, are gone: restore them; ${stay}`;
    const needed = pairs.find(
      ({ fileBase, dnskey, private: secret }) =>
        (this.followsFiles && plan.missed.includes(fileBase)) ||
        // Resolvers may know this one only: a DNSKEY RRset that it did not sign would be bogus for them.
        (secret === undefined && before.signs(dnskey, 'keys') && this.#isStillActive(fileBase, plan)),
    );
    if (needed) {
      const file = path.join(keyDirectory, `${needed.fileBase}.private`);
      return `no private key for ${keyName(needed, true)}: restore ${file}; ${stay}`;
    }
    if (use.keys.some((key) => key.signsKeys) && use.keys.some((key) => key.signsZone)) return undefined;
    return `no key in ${keyDirectory} is active by its times: add one or correct the times with dnssec-settime; ${stay}`;
  }

  #isStillActive(fileBase: string, { unable }: TimedPlan): boolean {
    return !this.followsFiles || unable.includes(fileBase);
  }
}

const NONE_LACKING: LackingKeys = { keys: [], zone: [] };

interface Complaint {
  readonly text: string;
  readonly isWarning: boolean;
}

function timedKey(pair: KeyPair): TimedKey {
  const { fileBase: id, tag, algorithm, flags, times } = pair;
  const isTimeless = pair.formatVersion === '1.2' && times.publish === undefined && times.activate === undefined;
  return { id, tag, algorithm, bits: 0, flags, times, canSign: pair.private !== undefined, isTimeless };
}

function withoutFiles(dnskeys: readonly Uint8Array[], pairs: readonly KeyPair[]): Uint8Array[] {
  return dnskeys.filter((rdata) => !pairs.some(({ dnskey }) => isSamePublicKey(dnskey, rdata)));
}
