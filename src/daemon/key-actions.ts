import type { Log } from '../base/log.ts';
import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { actionEvents } from '../history/action-events.ts';
import type { HistoryZone } from '../history/history-event.ts';
import type { HistorySink } from '../history/key-history.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { KeyAction } from '../policy/plan.ts';
import type { Name } from '../wire/name.ts';
import { zoneEvent } from './events.ts';
import { historyKey, keyName, plannedKey, withSchedule } from './managed-key.ts';

export interface KeyActionsOptions {
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  readonly about: HistoryZone;
  readonly policy: DnssecPolicy;
  /** Absolute path that the files of a key of this line go to; absent: the key store has only one directory. */
  readonly directoryOf?: (line: PolicyKey) => string;
}

export interface KeyActionsDependencies {
  readonly keyStore: KeyStore;
  readonly log: Log;
  readonly history: HistorySink;
  /** Has the keys looked at again, soon. */
  readonly lookAgain?: () => void;
}

/** Does what a plan wants of the key store before anything is published. Each action is durable before the next begins. */
export class KeyActions {
  readonly #options: KeyActionsOptions;
  readonly #dependencies: KeyActionsDependencies;

  constructor(options: KeyActionsOptions, dependencies: KeyActionsDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /**
   * Makes, adopts and purges keys; updates are for later, when the zone shows them.
   * @param shown DNSKEY RDATA of the zone that is served
   * @returns the keys that there are then
   * @throws DiskError
   */
  carryOut(
    actions: readonly KeyAction[],
    pairs: readonly KeyPair[],
    shown: readonly Uint8Array[],
    now: number,
  ): KeyPair[] {
    let result = [...pairs];
    for (const action of actions) {
      if (action.kind === 'generate') result.push(this.#generate(action, result, shown, now));
      else if (action.kind === 'adopt') result = result.map((pair) => this.#adopt(action, pair, now));
      else if (action.kind === 'purge') result = result.filter((pair) => !this.#purge(action, pair, now));
    }
    return result;
  }

  #generate(
    action: KeyAction & { kind: 'generate' },
    pairs: readonly KeyPair[],
    shown: readonly Uint8Array[],
    now: number,
  ): KeyPair {
    const { keyStore, log, lookAgain } = this.#dependencies;
    const { apex, label, policy, directoryOf } = this.#options;
    const { role, algorithm, bits, tagRange } = action.line;
    const { predecessor, successor: _, ...state } = action.state;
    const before = pairs.find(({ fileBase }) => fileBase === action.predecessor)?.tag ?? predecessor;
    const pair = keyStore.generate({
      zone: apex,
      algorithm,
      flags: DNSKEY_FLAG.ZONE | (role === 'zsk' ? 0 : DNSKEY_FLAG.SEP),
      bits,
      ttl: action.dnskeyTtl,
      times: action.times,
      state,
      ...(before !== undefined && { predecessor: before }),
      ...(tagRange && { tagRange }),
      ...(directoryOf && { directory: directoryOf(action.line) }),
      // Keys of the zone whose files are elsewhere must stay apart from it, too, and so must those that were related to others.
      avoidTags: [...shown.map(keyTag), ...pairs.flatMap(relatedTags)],
      onCollision: (tag) => log.write(zoneEvent.keyCollision(tag, label)),
      ...(lookAgain && { onFound: lookAgain }),
    });
    log.write(zoneEvent.keyCreated(keyName(pair, true), policy.name));
    this.#tell(action, pair, undefined, now, before);
    return pair;
  }

  #adopt(action: KeyAction & { kind: 'adopt' }, pair: KeyPair, now: number): KeyPair {
    if (pair.fileBase !== action.key) return pair;
    const { keyStore, log } = this.#dependencies;
    const adopted = withSchedule(pair, action);
    keyStore.save(adopted);
    log.write(zoneEvent.keyAdopted(keyName(adopted, true), this.#options.policy.name));
    this.#tell(action, adopted, pair, now);
    return adopted;
  }

  #purge(action: KeyAction & { kind: 'purge' }, pair: KeyPair, now: number): boolean {
    if (pair.fileBase !== action.key) return false;
    const { keyStore, log } = this.#dependencies;
    keyStore.remove(pair);
    log.write(zoneEvent.keyPurged(keyName(pair, true), this.#options.policy.name));
    this.#tell(action, pair, pair, now);
    return true;
  }

  #tell(action: KeyAction, pair: KeyPair, before: KeyPair | undefined, at: number, predecessor?: number): void {
    const { about, policy } = this.#options;
    this.#dependencies.history.record(
      actionEvents(action, {
        at,
        about,
        key: historyKey(pair),
        policy,
        ...(before !== undefined && { before: plannedKey(before) }),
        ...(predecessor !== undefined && { predecessor }),
      }),
    );
  }
}

/** A key that got the tag of a purged one would be taken for the predecessor of others. */
function relatedTags({ predecessor, successor }: KeyPair): number[] {
  return [predecessor, successor].filter((tag) => tag !== undefined);
}
