import type { Log } from '../base/log.ts';
import { SignetError } from '../base/error.ts';
import { equalOctets } from '../base/octets.ts';
import type { Random } from '../base/random.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { actionEvents } from '../history/action-events.ts';
import type { HistoryEvent, HistoryZone } from '../history/history-event.ts';
import type { HistorySink } from '../history/key-history.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { type KeyWait, manualSteps, stepName } from '../policy/key-wait.ts';
import type { Observations } from '../policy/observations.ts';
import { type KeyAction, plan, type Plan } from '../policy/plan.ts';
import { KEY_RECORDS } from '../policy/planned-key.ts';
import type { SigningParameters } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { apexKeyFacts, NO_KEY_FACTS, type ApexKeyFacts } from './apex-key-facts.ts';
import type { AskedParent } from './asked-parent.ts';
import { zoneEvent } from './events.ts';
import { KeyActions, type KeyActionsOptions } from './key-actions.ts';
import { keyNews } from './key-news.ts';
import {
  type PublicationContext,
  signaturesGoneBy,
  signingParameters,
  unchangedParameters,
} from './key-publication.ts';
import { obeyKeyRequest, type KeyRequest, type KeyRequestOutcome } from './key-requests.ts';
import {
  lackingAsShown,
  lackingFor,
  type LackingKey,
  type LackingKeys,
  lackingTexts,
  unableToSign,
  untrustworthy,
} from './key-lacking.ts';
import { borneOut, unaccountedKeys } from './key-reality.ts';
import { awaitedDs, blockText, parentWaits, stepCommand, waitCommand, waitText } from './key-waits.ts';
import { historyKey, keyName, plannedKey, withSchedule } from './managed-key.ts';
import { ParentNews } from './parent-news.ts';
import type { ServedTtls } from './served-ttls.ts';

export interface KeyUpkeepOptions {
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  /** For the history. */
  readonly about: HistoryZone;
  readonly policy: DnssecPolicy;
  /** For messages: absolute, or several with commas between. */
  readonly keyDirectory: string;
  readonly directoryOf?: KeyActionsOptions['directoryOf'];
}

export interface KeyUpkeepDependencies {
  readonly keyStore: KeyStore;
  readonly log: Log;
  readonly random: Random;
  readonly history: HistorySink;
  /** TTLs that caches may hold still. */
  readonly served: ServedTtls;
  /** Undefined: nobody asks the parent, and an operator tells what it has. */
  readonly parent: AskedParent | undefined;
  /** Has the keys looked at again, soon: a key that was looked for in the background is there. */
  readonly lookAgain?: () => void;
}

/** What a look at the keys came to. */
export interface KeyDecision {
  readonly keys: readonly KeyPair[];
  /** Unix seconds. */
  readonly nextEvent: number | undefined;
  /** What keys wait for under a policy. */
  readonly waits?: readonly KeyWait[];
  /** What keys cannot do, what goes on, how long, and what to do about it. */
  readonly troubles?: readonly string[];
  /** Why nothing may be signed at present; undefined: `parameters` may be used. */
  readonly suspended: string | undefined;
  /** Why a zone that has never been signed is served as it is written; absent for one that is to be signed. */
  readonly waiting?: string | undefined;
  readonly parameters: SigningParameters;
  /**
   * Writes down what the publication changed, and tells of it. Call it once the zone is published, with that time and serial: a
   * state that were saved before would count the time until then as if resolvers had seen the zone. @throws DiskError
   */
  readonly published: (at: number, serial: number) => void;
}

/** Rounds of planning: making keys is followed by a plan that takes them into account, which is the last. */
const MOST_ROUNDS = 4;

/** Why a key cannot be made now: a good tag has not been found. */
const WITHOUT_KEY: ReadonlySet<string> = new Set(['KEY_TAGS_EXHAUSTED', 'KEY_TAG_SOUGHT']);

/** Seconds until a free key tag is looked for again; a search may take half a second. */
const NEXT_SEARCH = 6 * 3600;

/** Seconds until files that are not there are looked for again. BIND 9.18: dnssec-loadkeys-interval, an hour. */
const NEXT_LOOK = 3600;

/** Seconds by which the clock moves on however soon the publication follows the decision. */
const CLOCK_STEP = 1;

/** Keeps the keys of a zone as its policy wants them and says what signs the zone. */
export class KeyUpkeep {
  readonly #options: KeyUpkeepOptions;
  readonly #dependencies: KeyUpkeepDependencies;
  readonly #actions: KeyActions;
  readonly #parentNews: ParentNews;
  parent: AskedParent | undefined;
  #isFirst = true;
  #told: ReadonlySet<string> = new Set();
  #toldWaits: readonly string[] = [];
  /** What waits for an operator since the last look, and which of it may begin. */
  #manual: readonly KeyWait[] = [];
  #allowed: ReadonlySet<string> = new Set();
  #toldBlocks: readonly string[] = [];

  constructor(options: KeyUpkeepOptions, dependencies: KeyUpkeepDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#actions = new KeyActions(options, dependencies);
    this.#parentNews = new ParentNews(options.about);
    this.parent = dependencies.parent;
  }

  /**
   * @param now Unix seconds
   * @param signed the version that is served and was made by signing, undefined when there is none yet
   * @throws DiskError when keys cannot be read, or a new one cannot be kept
   */
  decide(now: number, signed: ZoneReader | undefined): KeyDecision {
    const { apex, policy, keyDirectory } = this.#options;
    const before = signed && apexKeyFacts(signed);
    this.#finishRemovals();
    const { keys: listed, damaged, faults } = this.#dependencies.keyStore.list(apex);
    const news = this.#parentNews.eventsOf(this.parent?.report ?? [], listed);
    if (news.length > 0) this.#dependencies.history.record(news);
    const known = borneOut(listed, before, signed, policy, now);
    const planOf = (pairs: readonly KeyPair[]): Plan => plan(policy, pairs.map(plannedKey), this.#observations(), now);
    let pairs = known;
    let planned = planOf(pairs);
    const unaccounted = unaccountedKeys(known, damaged, planned.publication, before, keyDirectory);
    const context = { ...this.#options, now, signed, random: this.#dependencies.random };
    const lackingNow = (): LackingKeys => lackingFor(pairs, planned.publication, before);
    const hold = (why: readonly string[], more: readonly SignetError[] = []): KeyDecision =>
      this.#hold([...known, ...damaged], [...faults, ...more], why, lackingNow(), context);
    const mustHold = (): boolean => {
      if (before === undefined) return false;
      const lacking = lackingNow();
      const after = pairs.map((pair) => withUpdate(pair, planned.actions));
      return isBeyond(planned, lacking, pairs, before) || untrustworthy(lacking, after, policy).length > 0;
    };
    if (before !== undefined && (unaccounted.length > 0 || mustHold())) return hold(unaccounted);
    const troubles = this.#troubles(lackingNow(), NONE_LACKING, known, context);
    this.#correct(listed, known);
    try {
      for (let round = 0; round < MOST_ROUNDS && makesFiles(planned); round++) {
        pairs = this.#actions.carryOut(planned.actions, pairs, before?.dnskeys ?? [], now);
        planned = planOf(pairs);
        if (mustHold()) return hold([]);
      }
    } catch (error) {
      // A zone that can be signed without the new key goes on without it.
      if (before === undefined || !(error instanceof SignetError) || !WITHOUT_KEY.has(error.code)) {
        this.#complain(faults, troubles);
        throw error;
      }
      const why = `${error.message}; until then the zone's keys stay as they are`;
      if (error.code === 'KEY_TAGS_EXHAUSTED') return { ...hold([why]), nextEvent: now + NEXT_SEARCH };
      // Nothing is wrong, and what goes on in the background says by itself when it has come to something.
      return hold([], [new SignetError(error.code, why, { loses: 'nothing' })]);
    }
    this.#complain(faults, troubles);
    const { publication } = planned;
    const isUnsigned = !publication.isSigned || (policy.keys.length === 0 && pairs.length === 0);
    const after = pairs.map((pair) => withUpdate(pair, planned.actions));
    this.#sayBlocked(planned.waits, after);
    const isAwaited = signed === undefined && this.#manual.length > 0 && publication.dnskey.length === 0;
    const lacking = isUnsigned ? [] : lackingNow().keys;
    const parameters = {
      ...signingParameters(after, publication, context),
      ...(before !== undefined && lacking.length > 0 && keyRRsetsAsShown(before, lacking)),
    };
    const saved = new Set(pairs);
    return {
      keys: after,
      nextEvent: earliest(
        [
          planned.nextEvent,
          ...after.map((pair) => signaturesGoneBy(pair, policy)),
          lacking.length === 0 ? undefined : now + NEXT_LOOK,
        ],
        now,
      ),
      waits: planned.waits,
      troubles,
      suspended: isUnsigned || isAwaited ? undefined : unableToSign(after, publication, before, keyDirectory),
      waiting: isAwaited
        ? firstStepText(policy, nameToShortText(this.#options.apex))
        : signed === undefined && isUnsigned
          ? `policy '${policy.name}' has no keys`
          : undefined,
      parameters,
      published: (at, serial) => {
        this.#allowed = new Set();
        this.#record(after, saved, planned, now, at, known);
        this.#tell(after, parameters, before ?? NO_KEY_FACTS, at, serial);
        this.#watch(planned.waits, after);
      },
    };
  }

  /**
   * A key that the zone shows and whose files do not say what it is must come back: another in its place would not be trusted. The
   * zone goes on being signed as it is, if all that sign its data can; what only others can sign stays.
   */
  #hold(
    pairs: readonly KeyPair[],
    faults: readonly SignetError[],
    why: readonly string[],
    planned: LackingKeys,
    context: PublicationContext & { readonly signed: ZoneReader | undefined },
  ): KeyDecision {
    const before = context.signed === undefined ? NO_KEY_FACTS : apexKeyFacts(context.signed);
    const lost = lackingAsShown(pairs, before);
    const isSuspended = lost.zone.length > 0;
    const lacking = this.#troubles(planned, lost, pairs, context);
    const troubles = [...why, ...lacking];
    // What suspends all is told by who finds that nothing can be signed.
    this.#complain(faults, isSuspended ? why : troubles);
    return {
      keys: pairs,
      nextEvent: context.now + NEXT_LOOK,
      waits: [],
      troubles,
      suspended: isSuspended ? troubles.join('; ') : undefined,
      parameters: {
        ...unchangedParameters(pairs, before, context),
        ...keyRRsetsAsShown(before, lost.keys),
        ...(untrustworthy(planned, pairs, context.policy).length > 0 && withoutSync(before)),
      },
      published: () => undefined,
    };
  }

  #troubles(
    planned: LackingKeys,
    lost: LackingKeys,
    pairs: readonly KeyPair[],
    { now, signed }: PublicationContext,
  ): string[] {
    if (signed === undefined) return [];
    const zone = nameToShortText(this.#options.apex);
    return lackingTexts(planned, lost, { ...this.#options, zone, pairs, signed, before: apexKeyFacts(signed), now });
  }

  /** Once: what a process before this one left. */
  #finishRemovals(): void {
    if (!this.#isFirst) return;
    this.#dependencies.keyStore.finishRemovals(this.#options.apex);
    this.#isFirst = false;
  }

  /** Does what an operator asked for; the next decision draws the consequences. @throws DiskError */
  obey(request: KeyRequest, now: number): KeyRequestOutcome {
    return obeyKeyRequest(request, { ...this.#options, ...this.#dependencies }, now);
  }

  /** `rndc dnssec -step`: exactly what was said to wait for it may begin. @returns those steps, for people */
  allowSteps(pairs: readonly KeyPair[]): string[] {
    this.#allowed = new Set(this.#manual.map(stepName));
    return this.#manual.map((wait) => waitText(wait, pairs));
  }

  /** Says what manual-mode holds back when that is news. */
  #sayBlocked(waits: readonly KeyWait[], pairs: readonly KeyPair[]): void {
    this.#manual = manualSteps(waits);
    const { apex, label, policy } = this.#options;
    const told = this.#manual.map((wait) => blockText(wait, pairs, policy, nameToShortText(apex)));
    for (const text of told)
      if (!this.#toldBlocks.includes(text)) this.#dependencies.log.write(zoneEvent.stepBlocked(label, text));
    this.#toldBlocks = told;
  }

  #observations(): Observations {
    const { parent } = this;
    const { served } = this.#dependencies;
    return {
      served: served.all,
      allowedSteps: this.#allowed,
      ...(parent !== undefined && { dsSeen: parent.dsSeen, dsGone: parent.dsGone }),
    };
  }

  /** Says what is wrong when that is news: what is wrong with files, and what comes of it. */
  #complain(faults: readonly SignetError[], troubles: readonly string[]): void {
    const complaints = [
      ...faults.map(({ message, facts }) => ({ text: message, isWarning: facts.loses === 'nothing' })),
      ...troubles.map((text) => ({ text, isWarning: false })),
    ];
    const { log } = this.#dependencies;
    for (const { text, isWarning } of complaints)
      if (!this.#told.has(text)) log.write(zoneEvent.keyFault(this.#options.label, text, isWarning));
    this.#told = new Set(complaints.map(({ text }) => text));
  }

  /**
   * Saves states that the zone did not bear out, before anything is published: what is published now would bear them out. A moment
   * that is put off is nobody's fault, and not told.
   */
  #correct(listed: readonly KeyPair[], known: readonly KeyPair[]): void {
    const { keyStore, log } = this.#dependencies;
    for (const pair of known) {
      if (listed.includes(pair)) continue;
      keyStore.save(pair);
      const old = listed.find(({ fileBase }) => fileBase === pair.fileBase)?.state;
      if (KEY_RECORDS.every((record) => old?.[record] === pair.state?.[record])) continue;
      log.write(zoneEvent.keyNotBorneOut(this.#options.label, keyName(pair, true)));
    }
  }

  /** @param saved keys that are on the disk as they are; @param known keys before the plan */
  #record(
    after: readonly KeyPair[],
    saved: ReadonlySet<KeyPair>,
    planned: Plan,
    now: number,
    at: number,
    known: readonly KeyPair[],
  ): void {
    const { history, keyStore } = this.#dependencies;
    const { about, policy } = this.#options;
    const events: HistoryEvent[] = [];
    for (const pair of after) {
      const changed = at > now + CLOCK_STEP ? changedAt(pair, now, at) : pair;
      if (saved.has(changed)) continue;
      keyStore.save(changed);
      const action = planned.actions.find((one) => one.kind === 'update' && one.key === pair.fileBase);
      const old = known.find(({ fileBase }) => fileBase === pair.fileBase);
      if (action === undefined || old === undefined) continue;
      this.#tellUpdate(action, pair, old);
      events.push(...actionEvents(action, { at, about, key: historyKey(pair), before: plannedKey(old), policy }));
    }
    if (events.length > 0) history.record(events);
  }

  #tellUpdate(action: KeyAction, pair: KeyPair, old: KeyPair | undefined): void {
    if (action.kind !== 'update') return;
    const { log } = this.#dependencies;
    const { name } = this.#options.policy;
    if (action.state.goal === 'hidden' && old?.state?.goal !== 'hidden')
      log.write(zoneEvent.keyRetired(keyName(pair, true), name));
    for (const { record, from, to } of action.changes)
      log.write(
        zoneEvent.keyTransition(keyName(pair, true), record.toUpperCase(), from.toUpperCase(), to.toUpperCase(), name),
      );
  }

  /** Logs what the zone shows otherwise than before. */
  #tell(
    pairs: readonly KeyPair[],
    parameters: SigningParameters,
    before: ApexKeyFacts,
    at: number,
    serial: number,
  ): void {
    const { history, log } = this.#dependencies;
    const { apex, about, policy } = this.#options;
    const { keyRRsets } = parameters;
    // A key that signed and only lacks its private half has not become inactive.
    const lacking = (parameters.lacking ?? []).map((dnskey) => ({ dnskey, tag: keyTag(dnskey) }));
    const keys = [...parameters.keys, ...lacking];
    const digests = policy.cdsDigestTypes;
    const news = keyNews(pairs, before, { ...keyRRsets, keys }, { apex, policy: policy.name, digests });
    for (const record of news) log.write(record);
    const what = news.map(({ text }) => text).join('; ');
    if (what !== '') history.record([{ kind: 'publish', at, about, serial, what }]);
  }

  /** Says what waits for something outside when that is news, and has the parent asked about it. */
  #watch(waits: readonly KeyWait[], pairs: readonly KeyPair[]): void {
    const { parent } = this;
    const { log } = this.#dependencies;
    const { apex, label } = this.#options;
    const outside = parentWaits(waits);
    const told = outside.map((wait) => {
      const command = waitCommand(wait, pairs, nameToShortText(apex));
      const asked = parent === undefined ? '' : 'the parent is asked; ';
      return `${waitText(wait, pairs)}; ${asked}when that has changed: ${command}`;
    });
    for (const text of told) if (!this.#toldWaits.includes(text)) log.write(zoneEvent.keyWaits(label, text));
    this.#toldWaits = told;
    parent?.expect(
      outside.flatMap((wait) => {
        const pair = pairs.find(({ fileBase }) => fileBase === wait.key);
        const awaits = awaitedDs(wait);
        if (pair === undefined || awaits === undefined) return [];
        return { id: wait.key, name: keyName(pair, true), dnskey: pair.dnskey, awaits };
      }),
    );
  }
}

function firstStepText(policy: DnssecPolicy, zone: string): string {
  return `policy '${policy.name}' has manual-mode: ${stepCommand(zone)} lets its first keys be made`;
}

const NONE_LACKING: LackingKeys = { keys: [], zone: [] };

/**
 * True when what a plan wants cannot be signed: data by a key that is not at hand, or a DNSKEY RRset that is another than the one
 * with the lost key's signature.
 */
function isBeyond(
  { actions, publication }: Plan,
  { keys, zone }: LackingKeys,
  pairs: readonly KeyPair[],
  before: ApexKeyFacts,
): boolean {
  if (zone.length > 0) return true;
  if (keys.length === 0) return false;
  if (actions.some(({ kind }) => kind === 'generate') || !keys.every(({ dnskey }) => before.signs(dnskey, 'keys')))
    return true;
  const shown = pairs.filter(({ fileBase }) => publication.dnskey.includes(fileBase));
  const isThere = (one: KeyPair): boolean => before.dnskeys.some((rdata) => equalOctets(rdata, one.dnskey));
  return shown.length !== before.dnskeys.length || !shown.every(isThere);
}

/** The DNSKEY, CDS and CDNSKEY RRsets as they are, with the signatures that keys made which cannot make them anew. */
function keyRRsetsAsShown(
  { dnskeys, cds, cdnskey, ttl }: ApexKeyFacts,
  lacking: readonly LackingKey[],
): Pick<SigningParameters, 'keyRRsets' | 'lacking'> {
  return {
    keyRRsets: { dnskey: [...dnskeys], cds: [...cds], cdnskey: [...cdnskey], ttl },
    lacking: lacking.map(({ dnskey }) => dnskey),
  };
}

/** RFC 7344 section 4.1: without CDS and CDNSKEY the parent leaves the DS RRset as it is. */
function withoutSync({ dnskeys, ttl }: ApexKeyFacts): Pick<SigningParameters, 'keyRRsets'> {
  return { keyRRsets: { dnskey: [...dnskeys], cds: [], cdnskey: [], ttl } };
}

const makesFiles = ({ actions }: Plan): boolean => actions.some(({ kind }) => kind !== 'update');

function withUpdate(pair: KeyPair, actions: readonly KeyAction[]): KeyPair {
  const action = actions.find((one) => one.kind === 'update' && one.key === pair.fileBase);
  return action?.kind === 'update' ? withSchedule(pair, action) : pair;
}

/** What changed in the state by a plan at `now` was published at `at` only: signing a large zone takes its time. */
function changedAt(pair: KeyPair, now: number, at: number): KeyPair {
  const { state } = pair;
  const late = KEY_RECORDS.filter((record) => state?.[`${record}Change`] === now);
  if (state === undefined || late.length === 0) return pair;
  return { ...pair, state: { ...state, ...Object.fromEntries(late.map((record) => [`${record}Change`, at])) } };
}

function earliest(times: readonly (number | undefined)[], now: number): number | undefined {
  const coming = times.filter((time) => time !== undefined && time > now) as number[];
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** For callers that must tell a refusal to sign from other failures. */
export function suspension(why: string, zone: string): SignetError {
  return new SignetError('SIGNING_SUSPENDED', why, { zone });
}
