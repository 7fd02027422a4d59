import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { DnssecPolicy, ManualKeys, ZoneConfiguration } from '../conf/configuration.ts';
import type { HistoryZone } from '../history/history-event.ts';
import type { HistorySink } from '../history/key-history.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { AskedParent } from './asked-parent.ts';
import { KeyUpkeep, type KeyUpkeepOptions } from './key-upkeep.ts';
import { policyChanges } from './policy-changes.ts';
import { ServedVersions } from './served-versions.ts';
import { TimedKeyUpkeep } from './timed-key-upkeep.ts';

/** A zone whose parent is asked. */
export interface ParentOf {
  readonly apex: Name;
  readonly label: string;
  readonly zone: ZoneConfiguration;
}

export interface ZoneUpkeepOptions {
  readonly apex: Name;
  readonly view: string;
  /** For log lines. */
  readonly label: string;
  /** Where the TTLs that were served are kept. */
  readonly ttlFile: string;
}

export interface ZoneUpkeepDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly random: Random;
  readonly keyStore: KeyStore;
  readonly history: HistorySink;
  /** Asks the parent of a zone whose configuration wants that. `changed` is called when the answers are others than before. */
  readonly askParent?: (zone: ParentOf, changed: () => void) => AskedParent | undefined;
}

/** What decides how a zone is signed. */
export interface UpkeepSettings {
  readonly zone: ZoneConfiguration;
  readonly policy: DnssecPolicy | undefined;
  /** Of a zone without a policy. */
  readonly manualKeys: ManualKeys | undefined;
  /** Working directory that the zone's paths are under. */
  readonly directory: string;
}

/** Who says what signs a zone, with what is known beside the keys: TTLs that were served, and the parent's DS. */
export class ZoneUpkeep {
  /** Undefined for a zone that nobody signs. */
  keys: KeyUpkeep | TimedKeyUpkeep | undefined;
  readonly #options: ZoneUpkeepOptions;
  readonly #dependencies: ZoneUpkeepDependencies;
  readonly #changed: () => void;
  #policy: DnssecPolicy | undefined;
  #served: ServedVersions | undefined;
  #parent: AskedParent | undefined;

  /** @param changed called when the keys should be looked at because of news from the parent */
  constructor(options: ZoneUpkeepOptions, dependencies: ZoneUpkeepDependencies, changed: () => void) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#changed = changed;
  }

  /** Takes over settings, at first or changed ones. */
  configure({ zone, policy, manualKeys, directory }: UpkeepSettings): void {
    const { apex, label } = this.#options;
    const keyDirectory = path.resolve(directory, zone.keyDirectory);
    if (policy !== undefined) this.#followPolicy(zone, policy, directory);
    else if (manualKeys !== undefined)
      this.keys = new TimedKeyUpkeep({ apex, label, manualKeys, keyDirectory }, this.#dependencies);
  }

  /** The next version that is noted may have other data than the one before. */
  hasNewData(): void {
    this.#served?.hasNewData();
  }

  /** This version is served since now. @throws DiskError */
  note(reader: ZoneReader): void {
    if (this.#policy === undefined) return;
    const { signaturesValidity, signaturesRefresh } = this.#policy;
    const now = this.#dependencies.clock.now();
    this.#served?.note(reader, now, signaturesValidity - signaturesRefresh, this.#parent?.highestTtl);
  }

  askParentNow(): void {
    this.#parent?.askNow();
  }

  /** For the history of a zone under a policy. `by` is the name of a key of the control channel. */
  rememberCommand(command: string, by: string, result: string): void {
    if (this.#policy === undefined) return;
    const { clock, history } = this.#dependencies;
    history.record([{ kind: 'command', at: clock.now(), about: this.#about, command, by, result }]);
  }

  close(): void {
    this.#parent?.close();
  }

  #followPolicy(zone: ZoneConfiguration, policy: DnssecPolicy, directory: string): void {
    const { apex, label, ttlFile } = this.#options;
    const before = this.#policy;
    const changes = before && policyChanges(before, policy);
    this.#policy = policy;
    this.#openParent(zone);
    // What was told once is told again only when something is new.
    if (this.keys instanceof KeyUpkeep && changes?.length === 0) {
      this.keys.parent = this.#parent;
      return;
    }
    const about = this.#about;
    if (before !== undefined && changes !== undefined) {
      const { clock, history } = this.#dependencies;
      history.record([{ kind: 'policy', at: clock.now(), about, from: before.name, to: policy.name, changes }]);
    }
    this.#served ??= new ServedVersions({ file: ttlFile, label, about }, this.#dependencies);
    this.keys = new KeyUpkeep(
      { apex, label, about, policy, ...keyPlaces(zone, directory) },
      { ...this.#dependencies, served: this.#served.ttls, parent: this.#parent, lookAgain: this.#changed },
    );
  }

  /** Keys and addresses of the parent's servers may be others than before. */
  #openParent(zone: ZoneConfiguration): void {
    const { apex, label } = this.#options;
    this.#parent?.close();
    const { askParent } = this.#dependencies;
    this.#parent = zone.parent === undefined ? undefined : askParent?.({ apex, label, zone }, this.#changed);
  }

  get #about(): HistoryZone {
    return { zone: nameToShortText(this.#options.apex).toLowerCase(), view: this.#options.view };
  }
}

function keyPlaces(zone: ZoneConfiguration, directory: string): Pick<KeyUpkeepOptions, 'keyDirectory' | 'directoryOf'> {
  const absolute = (written: string): string => path.resolve(directory, written);
  const { keyDirectory, keyDirectories } = zone;
  if (keyDirectories === undefined) return { keyDirectory: absolute(keyDirectory) };
  return {
    keyDirectory: keyDirectories.own.map(absolute).join(', '),
    directoryOf: ({ keyStore }) => absolute(keyStore?.directory ?? keyDirectory),
  };
}
