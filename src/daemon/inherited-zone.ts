import { DiskError } from '../base/disk-error.ts';
import type { ManualKeys, ZoneConfiguration } from '../conf/configuration.ts';
import { MANUAL_KEYS_DEFAULTS } from '../conf/defaults.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { zoneEvent } from './events.ts';
import { keyName } from './managed-key.ts';
import { SignedFiles, type SignedFilesDependencies } from './signed-files.ts';

export interface InheritedZoneOptions {
  readonly zone: ZoneConfiguration;
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  /** The signed file that a policy has left behind. */
  readonly file: string;
}

/** A zone without a policy that had one before (`dnssec-policy none` in its place): what is left of that decides. */
export class InheritedZone {
  readonly #options: InheritedZoneOptions;
  readonly #dependencies: SignedFilesDependencies & { readonly keyStore: KeyStore };

  constructor(options: InheritedZoneOptions, dependencies: SignedFilesDependencies & { readonly keyStore: KeyStore }) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /**
   * How the zone goes on being signed: with `inline-signing yes` its keys follow their own times, as in BIND 9.18. Undefined when
   * it is served as it is written; the log warns where that makes it bogus. @throws DiskError
   */
  manualKeys(store: ZoneStore): ManualKeys | undefined {
    const { zone, label, file } = this.#options;
    const files = new SignedFiles({ file, label }, this.#dependencies);
    if (!files.exists()) return undefined;
    if (zone.inlineSigning) {
      if (!this.#isSigned(files, store)) return undefined;
      this.#dependencies.log.write(zoneEvent.keptByTimes(label));
      const { signaturesValidity, refreshShare } = MANUAL_KEYS_DEFAULTS;
      return {
        mode: 'maintain',
        signaturesValidity,
        signaturesValidityDnskey: signaturesValidity,
        signaturesRefresh: signaturesValidity * refreshShare,
      };
    }
    const trusted = this.#trustedKey();
    if (trusted !== undefined) this.#dependencies.log.write(zoneEvent.wasSigned(label, keyName(trusted, true)));
    return undefined;
  }

  #isSigned(files: SignedFiles, store: ZoneStore): boolean {
    const version = files.recover(store);
    files.close();
    if (version === undefined) return false;
    const reader = new ZoneReader(this.#dependencies.arena).open(version);
    const isSigned = reader.rrset(reader.apexNode, TYPE.DNSKEY) !== 0;
    store.release(version);
    return isSigned;
  }

  /** A key whose DS the parent may have, as far as key files tell. */
  #trustedKey(): KeyPair | undefined {
    try {
      const { keys } = this.#dependencies.keyStore.list(this.#options.apex);
      return keys.find(({ state }) => state?.ds !== undefined && state.ds !== 'hidden');
    } catch (error) {
      // Without key files there is nothing to warn of, and the zone does not need them.
      if (error instanceof DiskError) return undefined;
      throw error;
    }
  }
}
