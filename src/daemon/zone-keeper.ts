import path from 'node:path';
import type { Timer } from '../base/clock.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import type { DnssecPolicy, ManualKeys, ZoneConfiguration } from '../conf/configuration.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import { refreshMargin } from '../policy/signature-times.ts';
import { exactNextRefresh, nextRefresh } from '../signer/next-refresh.ts';
import { isSignedAhead } from '../signer/stale-signatures.ts';
import { serialMethod } from '../signer/serial-method.ts';
import type { SigningStatistics } from '../signer/signing-parameters.ts';
import { signZone } from '../signer/sign-zone.ts';
import type { SigningPool } from '../signer/signing-pool.ts';
import { updateSignedZone } from '../signer/update-zone.ts';
import { mustName } from '../wire/name-text.ts';
import type { Name } from '../wire/name.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import type { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';
import type { DirectoryLocks } from './directory-locks.ts';
import { zoneEvent, zoneLabel } from './events.ts';
import { InheritedZone } from './inherited-zone.ts';
import type { KeyRequest, KeyRequestOutcome } from './key-requests.ts';
import { KeyUpkeep, type KeyDecision, suspension } from './key-upkeep.ts';
import { SignedFiles } from './signed-files.ts';
import { TimedKeyUpkeep } from './timed-key-upkeep.ts';
import { UnsignedFile } from './unsigned-file.ts';
import { withSerial } from './with-serial.ts';
import { ZoneUpkeep, type ZoneUpkeepDependencies } from './zone-upkeep.ts';

export interface ZoneKeeperOptions {
  readonly zone: ZoneConfiguration;
  readonly view: string;
  /** Undefined for a zone that is served as it is written. */
  readonly policy: DnssecPolicy | undefined;
  /** Working directory that the zone's paths are under. */
  readonly directory: string;
}

export interface ZoneKeeperDependencies extends ZoneUpkeepDependencies {
  readonly arena: Arena;
  readonly extents: ExtentPool;
  readonly pool: SigningPool;
  readonly locks: DirectoryLocks;
  /** Told after a version was published that secondaries have not seen. */
  readonly published: (keeper: ZoneKeeper) => void;
}

/** As `refreshMargin`, for keys without a policy: their times leave more than this. */
const MANUAL_REFRESH_MARGIN = 3600;
/** Seconds after which the times are looked at again however far the next event is: clocks are set, hosts are suspended. */
const LONGEST_WAIT = 3600;
/** Seconds until what failed for a reason outside (disk full, key file missing) is tried again. */
const RETRY = 30;

/** What is to be done next; requests join. */
interface Work {
  file: boolean;
  keys: boolean;
}

/**
 * One zone's life: loads it, keeps its keys by policy or by their own times, signs, makes every change durable, publishes it, and refreshes
 * signatures in time. Work on the zone is done one piece after the other; a failure leaves what is served as it is.
 */
export class ZoneKeeper implements AsyncDisposable {
  readonly apex: Name;
  readonly view: string;
  readonly store: ZoneStore;
  /** Unix seconds of the last load of the operator's file. */
  lastLoaded = 0;
  /** Serial in the operator's file, as last loaded. */
  unsignedSerial: number | undefined;
  /** The zone's keys under its policy, as of the last look at them. */
  keys: readonly KeyPair[] = [];
  /** What they wait for, under a policy. */
  waits: readonly KeyWait[] = [];
  /** What keys cannot do for want of their files, and what to do about it. */
  troubles: readonly string[] = [];
  nextKeyEvent: number | undefined;

  #options: ZoneKeeperOptions;
  readonly #dependencies: ZoneKeeperDependencies;
  #file: UnsignedFile;
  #files: SignedFiles | undefined;
  #upkeep: ZoneUpkeep | undefined;
  /** Of a zone that a policy signed before and that has none now. */
  #inherited: ManualKeys | undefined;
  /** What the operator's file holds and the signed version does not yet. */
  #unsigned: VersionRef = 0;
  #work: Work = { file: false, keys: false };
  #running: Promise<void> = Promise.resolve();
  #isQueued = false;
  #timer: Timer | undefined;
  #isEnded = false;
  /** Why the last attempt failed; said once. */
  #trouble: string | undefined;
  #retryAt: number | undefined;
  /** Why the zone is served unsigned for want of keys; said once. */
  #waiting: string | undefined;
  /** A look at the keys has not been carried through to its end. */
  #isUnfinished = false;

  constructor(options: ZoneKeeperOptions, dependencies: ZoneKeeperDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.apex = mustName(options.zone.name);
    this.view = options.view;
    this.store = new ZoneStore({ apex: this.apex }, dependencies);
    this.#file = new UnsignedFile(this.#path, options.zone, dependencies);
    if (this.isMaintained) this.#prepareSigning();
  }

  get zone(): ZoneConfiguration {
    return this.#options.zone;
  }

  /** "example.org/IN". */
  get label(): string {
    return zoneLabel(this.zone.name, this.view);
  }

  get policyName(): string {
    return this.#options.policy?.name ?? 'none';
  }

  get policy(): DnssecPolicy | undefined {
    return this.#options.policy;
  }

  get now(): number {
    return this.#dependencies.clock.now();
  }

  get isLoaded(): boolean {
    return this.store.current() !== 0;
  }

  /** True when this server signs the zone. */
  get isMaintained(): boolean {
    return isMaintained(this.#options) || this.#inherited !== undefined;
  }

  /** Set when the zone is signed by keys that follow their own times. */
  get manualKeys(): ManualKeys | undefined {
    return this.zone.manualKeys ?? this.#inherited;
  }

  /** Where files of the zone are written. */
  get directories(): string[] {
    const { keyDirectory, keyDirectories } = this.zone;
    const keys = keyDirectories?.own ?? [keyDirectory];
    return [path.dirname(this.#path), ...keys.map((one) => path.resolve(this.#options.directory, one))];
  }

  /** A reader of the published version: valid until the next await. */
  read(): ZoneReader {
    return new ZoneReader(this.#dependencies.arena).open(this.store.current());
  }

  /** First load. Never rejects: what is wrong is in the log. */
  start(): Promise<void> {
    return this.#request({ file: true, keys: true });
  }

  /** `rndc reload zone`: looks at the file soon. */
  requestReload(): 'queued' | 'up-to-date' {
    if (this.isLoaded && this.#file.isUnchanged()) return 'up-to-date';
    void this.#request({ file: true, keys: false });
    return 'queued';
  }

  /** `rndc loadkeys`: looks at keys and signatures soon. */
  requestKeys(): void {
    this.#upkeep?.askParentNow();
    void this.#request({ file: false, keys: true });
  }

  /** `rndc dnssec`: obeyed between two pieces of work, before the reply; the keys are looked at soon. @throws DiskError */
  requestKeyChange(request: KeyRequest): Promise<KeyRequestOutcome> {
    return this.#command((keys) => {
      const outcome = keys.obey(request, this.now);
      return { outcome, isDone: outcome.kind === 'done' };
    });
  }

  /** `rndc dnssec -step`. @returns what begins, for people @throws DiskError */
  requestSteps(): Promise<readonly string[]> {
    return this.#command((keys) => {
      const outcome = keys.allowSteps(this.keys);
      return { outcome, isDone: outcome.length > 0 };
    });
  }

  #command<T>(obey: (keys: KeyUpkeep) => { readonly outcome: T; readonly isDone: boolean }): Promise<T> {
    const done = this.#running.then(() => {
      const keys = this.#upkeep?.keys;
      if (!(keys instanceof KeyUpkeep)) throw suspension('the zone has no policy any more', this.zone.name);
      this.#dependencies.locks.take(path.dirname(this.#path));
      const { outcome, isDone } = obey(keys);
      if (isDone) void this.#request({ file: false, keys: true });
      return outcome;
    });
    this.#running = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** For the history of a zone under a policy. `by` is the name of a key of the control channel. */
  rememberCommand(command: string, by: string, result: string): void {
    this.#upkeep?.rememberCommand(command, by, result);
  }

  /** `rndc sign`: as `requestKeys`, also for keys that change on command only. */
  requestSigning(): void {
    if (this.#upkeep?.keys instanceof TimedKeyUpkeep) this.#upkeep.keys.ask();
    this.requestKeys();
  }

  /** Takes over changed settings that leave files and role as they are. */
  reconfigure(zone: ZoneConfiguration, policy: DnssecPolicy | undefined): void {
    this.#options = { ...this.#options, zone, policy };
    if (this.isMaintained) this.#prepareSigning();
    this.requestKeys();
  }

  /** Resolves when there is nothing to do at this moment. */
  async idle(): Promise<void> {
    while (this.#isQueued) await this.#running;
    await this.#running;
  }

  /** Writes the served version into the signed file; `clean` removes the journal too. @throws DiskError */
  async sync(clean: boolean): Promise<void> {
    await this.idle();
    const version = this.store.current();
    // What has never been signed is in the operator's file as it is.
    if (this.#files?.isSigned !== true || version === 0) return;
    this.#files.write(version, clean, this.unsignedSerial);
  }

  /** As `sync` at the end of the server, where a failure costs only time at the next start. */
  async flush(): Promise<void> {
    try {
      if (this.#files?.hasJournal === true) await this.sync(false);
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      this.#dependencies.log.write(zoneEvent.flushFailed(this.#side('signed'), error.message));
    }
  }

  /** Tells the secondaries the serial again. */
  notifySecondaries(): void {
    if (this.isLoaded) this.#dependencies.published(this);
  }

  /** Ends upkeep; what is published stays readable until `dispose`. */
  async stop(): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#upkeep?.close();
    await this.idle();
    this.#files?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.store.dispose();
  }

  get #path(): string {
    return path.resolve(this.#options.directory, this.zone.file);
  }

  /** The policy's own limit holds for the zones it signs: key timing counts on it (RFC 7583 section 3.2.1). 0 is none. */
  get #maxTtl(): number | undefined {
    const { zone, policy } = this.#options;
    return zone.maxZoneTtl ?? ((this.isMaintained && policy?.maxZoneTtl) || undefined);
  }

  #side(side: 'signed' | 'unsigned'): string {
    return zoneLabel(this.zone.name, this.view, this.isMaintained ? side : undefined);
  }

  #prepareSigning(): void {
    const label = this.#side('signed');
    const file = `${this.#path}.signed`;
    this.#files ??= new SignedFiles({ file, label }, this.#dependencies);
    const { apex, view, manualKeys } = this;
    this.#upkeep ??= new ZoneUpkeep({ apex, view, label, ttlFile: `${file}.ttls` }, this.#dependencies, () => {
      void this.#request({ file: false, keys: true });
    });
    this.#upkeep.configure({ ...this.#options, manualKeys });
  }

  #request(work: Work): Promise<void> {
    this.#work.file ||= work.file;
    this.#work.keys ||= work.keys;
    if (this.#isQueued || this.#isEnded) return this.#running;
    this.#isQueued = true;
    this.#running = this.#running.then(() => this.#attempt());
    return this.#running;
  }

  /** Does what has been asked for; sees to it that it is tried again when it failed. */
  async #attempt(): Promise<void> {
    this.#isQueued = false;
    const work = this.#work;
    this.#work = { file: false, keys: false };
    this.#timer?.cancel();
    this.#retryAt = undefined;
    try {
      await this.#do(work);
      if (this.#retryAt === undefined) this.#relief();
    } catch (error) {
      // A file that was asked for and not taken in is asked for again.
      if (this.#unsigned === 0) this.#work.file ||= work.file;
      this.#fail(error instanceof SignetError ? error : internalError(error));
    }
    this.#schedule();
  }

  async #do(work: Work): Promise<void> {
    if (!this.isMaintained && !this.#inherits()) return this.#keepPlain(work);
    if (this.store.current() === 0) this.#recover();
    if (work.file) this.#loadFile();
    if (this.store.current() === 0 && this.#unsigned === 0) return;
    await this.#keepSigned(work.keys);
  }

  /** A zone that is served as it is written: presigned or unsigned. */
  #keepPlain({ file }: Work): void {
    if (!file) return;
    this.#loadFile();
    if (this.#unsigned === 0) return;
    const version = this.#unsigned;
    this.#unsigned = 0;
    this.#publish(version);
  }

  /** RFC 6781 section 4.4: a zone with a DS in its parent becomes bogus when it just loses its signatures. */
  #inherits(): boolean {
    if (this.isLoaded) return false;
    const { zone, label, apex } = this;
    const file = `${this.#path}.signed`;
    const inherited = new InheritedZone({ zone, apex, label, file }, this.#dependencies);
    this.#inherited = inherited.manualKeys(this.store);
    if (this.#inherited === undefined) return false;
    this.#prepareSigning();
    return true;
  }

  #recover(): void {
    const version = this.#files?.recover(this.store);
    if (version === undefined) return;
    this.store.publish(version);
    const reader = this.read();
    this.#dependencies.log.write(zoneEvent.loaded(this.#side('signed'), reader.serial, reader.denial !== 'none'));
    this.#dependencies.published(this);
  }

  #loadFile(): void {
    const { log } = this.#dependencies;
    const label = this.#side('unsigned');
    const loaded = this.#file.load(this.store, label, this.#maxTtl);
    if (loaded === undefined) {
      log.write(zoneEvent.notLoaded(label));
      if (this.isLoaded) log.write(zoneEvent.keepingOld(this.#side('signed'), this.read().serial));
      return;
    }
    const { serial } = loaded;
    if (this.unsignedSerial !== undefined && !this.isMaintained) this.#compareSerials(serial, this.unsignedSerial);
    if (this.#unsigned !== 0) this.store.release(this.#unsigned);
    this.#unsigned = loaded.version;
    this.unsignedSerial = serial;
    this.lastLoaded = this.now;
    log.write(zoneEvent.loaded(label, serial, !this.isMaintained && loaded.isSigned));
  }

  #compareSerials(serial: number, before: number): void {
    const { log } = this.#dependencies;
    if (serial === before) log.write(zoneEvent.serialUnchanged(this.label, serial));
    else if (((serial - before) | 0) < 0) log.write(zoneEvent.serialWentBack(this.label, serial, before));
  }

  async #keepSigned(keysAsked: boolean): Promise<void> {
    const { log } = this.#dependencies;
    const label = this.#side('signed');
    const now = this.now;
    const before = this.store.current();
    const isAsked = keysAsked || this.#unsigned !== 0 || this.#isUnfinished;
    const isDue = isAsked || this.#keysAreDue(now) || this.#signaturesAreDue(now);
    const upkeep = this.#upkeep?.keys;
    if (!isDue || upkeep === undefined) return;
    this.#dependencies.locks.take(path.dirname(this.#path));
    const isRepeated = this.#trouble !== undefined && !keysAsked;
    const followsFiles = !(upkeep instanceof TimedKeyUpkeep) || upkeep.followsFiles;
    if (followsFiles && !isRepeated && (keysAsked || this.#keysAreDue(now)))
      log.write(zoneEvent.reconfiguringKeys(label));
    this.#isUnfinished = true;
    if (before !== 0) this.#upkeep?.note(this.read());
    const decision = this.#decide(upkeep, now);
    this.keys = decision.keys;
    this.waits = decision.waits ?? [];
    this.troubles = decision.troubles ?? [];
    const nextEvent = this.#nextLook(decision.nextEvent, now);
    const isNews = nextEvent !== this.nextKeyEvent;
    this.nextKeyEvent = nextEvent;
    if (nextEvent !== undefined && (isNews || keysAsked)) log.write(zoneEvent.nextKeyEvent(label, nextEvent));
    if (decision.suspended !== undefined) throw suspension(decision.suspended, this.zone.name);
    if (decision.waiting !== undefined) return this.#waitForKeys(decision.waiting);
    this.#waiting = undefined;
    const signed = await this.#sign(decision, now);
    if (signed !== 'unchanged') this.#commit(before, signed.version, signed.statistics);
    if (this.#unsigned !== 0) {
      this.store.release(this.#unsigned);
      this.#upkeep?.hasNewData();
    }
    this.#unsigned = 0;
    const reader = this.read();
    this.#upkeep?.note(reader);
    decision.published(this.now, reader.serial);
    this.#isUnfinished = false;
  }

  #decide(upkeep: KeyUpkeep | TimedKeyUpkeep, now: number): KeyDecision {
    const signed = this.#files?.isSigned === true ? this.read() : undefined;
    if (upkeep instanceof KeyUpkeep) return upkeep.decide(now, signed);
    return upkeep.decide(now, signed, new ZoneReader(this.#dependencies.arena).open(this.#toSign));
  }

  /** What is signed when the zone has never been: the version that waits for it, else the one that is served unsigned. */
  get #toSign(): VersionRef {
    return this.#unsigned === 0 ? this.store.current() : this.#unsigned;
  }

  /** The next time that the key directory is looked at: dnssec-loadkeys-interval bounds what the key files say. */
  #nextLook(nextEvent: number | undefined, now: number): number | undefined {
    const { loadKeysInterval } = this.zone;
    const { manualKeys } = this;
    if (loadKeysInterval === undefined || manualKeys?.mode === 'allow') return nextEvent;
    return Math.min(nextEvent ?? Infinity, now + loadKeysInterval);
  }

  /** A zone that no key is active for yet answers with what its operator wrote. */
  #waitForKeys(why: string): void {
    if (this.#waiting !== why) this.#dependencies.log.write(zoneEvent.waitsForKeys(this.#side('signed'), why));
    this.#waiting = why;
    this.#isUnfinished = false;
    const version = this.#unsigned;
    this.#unsigned = 0;
    if (version !== 0) {
      this.#publish(version);
      this.#upkeep?.hasNewData();
    }
    if (this.isLoaded) this.#upkeep?.note(this.read());
  }

  async #sign(
    decision: KeyDecision,
    now: number,
  ): Promise<{ version: VersionRef; statistics: SigningStatistics } | 'unchanged'> {
    const { pool, random } = this.#dependencies;
    const refreshBefore = now + this.#refreshSpan + 2 * this.#refreshMargin;
    const parameters = { ...decision.parameters, refreshBefore };
    const serial = serialMethod(this.zone.serialUpdateMethod, now);
    const current = this.store.current();
    if (current !== 0 && this.#files?.isSigned === true) {
      const unsigned = this.#unsigned === 0 ? undefined : this.#unsigned;
      return updateSignedZone(this.store, current, unsigned, parameters, { pool, random, serial });
    }
    // Never signed before: the first signed version comes after what may have been served unsigned.
    const base = withSerial(this.store, this.#dependencies.arena, this.#toSign, serial);
    try {
      return await signZone(this.store, base, parameters, { pool, random });
    } finally {
      this.store.release(base);
    }
  }

  /** Makes the version durable, then publishes it. A version that cannot be written is never seen. */
  #commit(before: VersionRef, version: VersionRef, statistics: SigningStatistics): void {
    const { arena, log } = this.#dependencies;
    const reader = new ZoneReader(arena).open(version);
    const { serial } = reader;
    try {
      if (this.#files?.isSigned === true) this.#files.append(before, version, this.unsignedSerial);
      else this.#files?.write(version, true, this.unsignedSerial);
    } catch (error) {
      this.store.release(version);
      throw error;
    }
    this.#publish(version);
    const label = this.#side('signed');
    if (reader.denial === 'none') log.write(zoneEvent.isUnsigned(label, this.policyName, serial));
    else log.write(zoneEvent.signed(label, this.policy?.name, serial, this.unsignedSerial, statistics));
    this.#files?.compactIfWorthwhile(version, this.unsignedSerial);
  }

  #publish(version: VersionRef): void {
    const before = this.store.current();
    this.store.publish(version);
    if (before !== 0) this.store.release(before);
    this.store.compactIfWorthwhile();
    this.#dependencies.published(this);
  }

  get #refreshSpan(): number {
    return this.policy?.signaturesRefresh ?? this.manualKeys?.signaturesRefresh ?? 0;
  }

  get #refreshMargin(): number {
    return this.policy === undefined ? MANUAL_REFRESH_MARGIN : refreshMargin(this.policy);
  }

  #keysAreDue(now: number): boolean {
    return this.nextKeyEvent !== undefined && this.nextKeyEvent <= now;
  }

  /** The bound of nextRefresh may be early after updates; when it is reached the zone itself is looked at. */
  #signaturesAreDue(now: number): boolean {
    const version = this.store.current();
    if (version === 0 || this.#files?.isSigned !== true) return this.#unsigned !== 0;
    if (isSignedAhead(this.read(), now)) return true;
    const limit = now + this.#refreshSpan + this.#refreshMargin;
    const bound = nextRefresh(this.#dependencies.arena, version);
    if (bound === undefined || bound > limit) return false;
    const exact = exactNextRefresh(this.#dependencies.arena, version);
    return exact !== undefined && exact <= limit;
  }

  /** First says why, once; what has been published goes on being served. */
  #fail(error: SignetError): void {
    const { log } = this.#dependencies;
    this.#retryAt = this.now + RETRY;
    this.#serveUnsignedMeanwhile();
    if (this.#trouble === error.message) return;
    this.#trouble = error.message;
    const label = this.#side('signed');
    if (error.code === 'SIGNING_SUSPENDED') log.write(zoneEvent.signingSuspended(label, error.message));
    else if (error instanceof DiskError) log.write(zoneEvent.writeFailed(label, error.message, RETRY));
    else log.write(zoneEvent.upkeepFailed(label, error.message, RETRY));
  }

  /**
   * A zone that has never been signed by us answers with what its operator wrote until it can be signed. The file is read
   * again for that: the version that waits to be signed stays as it is.
   */
  #serveUnsignedMeanwhile(): void {
    if (this.store.current() !== 0 || this.#unsigned === 0) return;
    const loaded = this.#file.load(this.store, this.#side('signed'), this.#maxTtl);
    if (loaded !== undefined) this.#publish(loaded.version);
  }

  #relief(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#dependencies.log.write(zoneEvent.recovered(this.#side('signed')));
  }

  #schedule(): void {
    if (this.#isEnded || this.#isQueued || (!this.isMaintained && this.#retryAt === undefined)) return;
    const now = this.now;
    const moments = [now + LONGEST_WAIT];
    if (this.#retryAt !== undefined) moments.push(this.#retryAt);
    else if (this.isLoaded) {
      const expiry = nextRefresh(this.#dependencies.arena, this.store.current());
      if (expiry !== undefined) moments.push(expiry - this.#refreshSpan - this.#refreshMargin);
      if (this.nextKeyEvent !== undefined) moments.push(this.nextKeyEvent);
    }
    // A bound that is early must not make us spin.
    const wait = Math.max(1, Math.min(...moments) - now);
    this.#timer = this.#dependencies.clock.after(wait * 1000, () => void this.#request({ file: false, keys: false }));
  }
}

/** True when this server signs the zone, or takes its signatures away: by a policy, or with keys that a person manages. */
export function isMaintained({ zone, policy }: Pick<ZoneKeeperOptions, 'zone' | 'policy'>): boolean {
  return policy !== undefined || zone.manualKeys !== undefined;
}

/** A fault of this program in one zone's upkeep must not end the service of all zones. */
function internalError(cause: unknown): SignetError {
  const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return new SignetError('INTERNAL', `internal error, please report it: ${detail}`, {}, cause);
}
