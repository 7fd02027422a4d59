import { noteDs, requestRollover } from '../../../src/policy/requests.ts';
import { bogusMix, type CachedMix, type Validator } from './caches.ts';
import { Daemon, PlanFault, type Kill, type Planner } from './daemon.ts';
import type { History, HistoryEvent } from './history.ts';
import { Parent } from './parent.ts';
import { nameOf, ServedZone, type Moment } from './served-zone.ts';
import { keysAtStart, signersAtStart } from './starting-keys.ts';

/** What went wrong, and when by the true clock. */
export interface Failure {
  readonly at: number;
  readonly why: string;
  /** The answer that is bogus. */
  readonly mix?: CachedMix;
}

/** Told of all that happens, for a timeline; a run that nobody watches builds no text. */
export interface Watcher {
  note(world: World, what: () => string): void;
}

/** More looks than this in one history are a planner that does not come to rest. */
const MOST_LOOKS = 1000;

/** Looks after the last event in which the zone must come to what its policy wants. */
const LOOKS_TO_SETTLE = 200;

/** Seconds: longer than any step waits under a policy that does not have the numbers of a built-in one. */
const LONG_WAIT = 10_000;

export const START = 1_000_000;

/** @returns what went wrong; undefined: at no moment was an answer bogus, and in the end the zone was what its policy wants */
export function runHistory(history: History, planner: Planner): Failure | undefined {
  return new World(history, planner, undefined).run();
}

/** The same, watched; `world` is as it was in the end. */
export function watchHistory(
  history: History,
  planner: Planner,
  watcher: Watcher,
): { readonly failure: Failure | undefined; readonly world: World } {
  const world = new World(history, planner, watcher);
  return { failure: world.run(), world };
}

class Bogus extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.why);
    this.failure = failure;
  }
}

/** One zone, its daemon, its parent and the resolvers of the world, on one clock. */
export class World {
  now = START;
  readonly history: History;
  readonly zone: ServedZone;
  readonly parent: Parent;
  readonly daemon: Daemon;
  readonly #watcher: Watcher | undefined;
  #validator: Validator = 'strict';
  /** The daemon's clock minus the true one. */
  #offset = 0;
  #forwardLeft: number;
  /** Seconds of all jumps forward together. */
  #jumped = 0;
  /** The daemon is down until then. */
  #downUntil = -Infinity;
  #kill: (Kill & { readonly down: number }) | undefined;
  /** When a change at the parent is noticed. */
  #notice = Infinity;
  /** Keys whose DS the operator said is there. */
  readonly #toldDs = new Set<string>();
  #looks = 0;

  constructor(history: History, planner: Planner, watcher: Watcher | undefined) {
    this.history = history;
    this.#watcher = watcher;
    const keys = keysAtStart(history, START);
    const signers = signersAtStart(history, keys);
    this.zone = new ServedZone(history, keys.map(nameOf), signers, this.#moment);
    this.parent = new Parent(history, this.zone, signers.keys);
    for (const { id } of signers.keys) this.#toldDs.add(id);
    this.daemon = new Daemon(history, planner, this.zone, this.parent, keys);
    this.#forwardLeft = Math.min(...history.policies.map((one) => Math.min(one.publishSafety, one.retireSafety)));
  }

  run(): Failure | undefined {
    try {
      this.#live();
      return undefined;
    } catch (fault) {
      if (fault instanceof Bogus) return fault.failure;
      if (fault instanceof PlanFault) return { at: this.now, why: fault.message };
      return { at: this.now, why: `something was thrown: ${fault instanceof Error ? fault.stack : String(fault)}` };
    }
  }

  #live(): void {
    this.#look('starts');
    for (const event of this.history.events) {
      this.#pass(this.now + event.after);
      this.#happen(event);
    }
    this.#settle();
  }

  get #moment(): Moment {
    return { at: this.now, told: this.now + this.#offset };
  }

  /** Lives until `end`, which is included only for what happens before the event at that moment. */
  #pass(end: number): void {
    for (;;) {
      const next = this.#next();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.#step();
    }
    this.now = end;
  }

  #next(): number {
    return Math.min(this.parent.next, this.#nextOfDaemon());
  }

  #nextOfDaemon(): number {
    return Math.max(this.#downUntil, Math.min(this.daemon.nextLook - this.#offset, this.#notice));
  }

  #step(): void {
    if (this.parent.next <= this.now) {
      const { keys } = this.parent;
      const refusal = this.parent.act(this.#moment);
      if (refusal !== undefined) this.#fail(refusal);
      if (this.parent.keys !== keys) this.#parentChanged(keys);
    } else this.#look(this.#downUntil === this.now ? 'is back' : 'looks');
  }

  #parentChanged(before: Parent['keys']): void {
    if (this.parent.keys === before) return;
    this.#note(() => 'the parent changes the DS RRset');
    this.#notice = Math.min(this.#notice, this.now + this.history.noticedAfter);
    this.#check();
  }

  #look(what: string): void {
    if (this.#looks++ > MOST_LOOKS) this.#fail(`the daemon looked at its keys ${MOST_LOOKS} times`);
    if (this.now >= this.#notice) {
      this.#notice = this.parent.isSteady ? Infinity : this.parent.next;
      if (!this.history.watchesParent && this.parent.isSteady) this.#tellDs();
    }
    this.daemon.ask(this.#moment.told);
    const kill = this.#kill;
    this.#kill = undefined;
    const lives = this.daemon.look(this.#moment, kill);
    this.parent.zoneChanged(this.now);
    if (!lives) this.#takeDown(kill!.down);
    this.#note(() => `the daemon ${what}${lives ? '' : `, and is killed for ${kill!.down} s`}`);
    this.#check();
    // A question that the plan raised, and its answer.
    if (!lives) return;
    if (!this.history.watchesParent) {
      if (this.#isAnswerDue && this.parent.isSteady)
        this.#notice = Math.min(this.#notice, this.now + this.history.noticedAfter);
    } else if (this.daemon.ask(this.#moment.told)) this.#look('hears from the parent');
  }

  /** The operator says with `rndc dnssec -checkds` what the parent has: what is waited for, or whatever changed. */
  #tellDs(): void {
    const { told } = this.#moment;
    for (const { id, state } of this.daemon.files) {
      const isThere = this.parent.keys.some((key) => key.id === id);
      const isChanged = this.history.tells === 'everything' && isThere !== this.#toldDs.has(id);
      if (state?.ds === undefined || !(isChanged || this.daemon.awaits(id, isThere))) continue;
      const what = isThere ? 'published' : 'withdrawn';
      if (isThere) this.#toldDs.add(id);
      else this.#toldDs.delete(id);
      const isDone = this.daemon.command(noteDs(this.daemon.files, id, what, told, told));
      this.#note(() => `the operator says that the DS of ${id} is ${what}${isDone ? '' : ': refused'}`);
    }
  }

  /** The plan waits for what the parent has already: the operator will say so. */
  get #isAnswerDue(): boolean {
    return this.daemon.files.some(({ id }) =>
      this.daemon.awaits(
        id,
        this.parent.keys.some((key) => key.id === id),
      ),
    );
  }

  #happen(event: HistoryEvent): void {
    const { history, daemon } = this;
    switch (event.kind) {
      case 'policy':
        daemon.policy = history.policies[event.index % history.policies.length];
        this.#note(() => `policy ${event.index % history.policies.length}: ${daemon.policy.name}`);
        return this.#wake('is reconfigured');
      case 'ttl':
        // A zone that is not loaded cannot change.
        if (this.#isDown) return;
        this.zone.setTtl(this.zone.lanes[event.lane], event.ttl, this.#moment);
        this.#note(() => `the TTL of RRset ${event.lane} becomes ${event.ttl}`);
        this.#check();
        return this.#wake('looks');
      case 'ds ttl':
        this.parent.setTtl(history.watchesParent ? event.ttl : Math.min(event.ttl, history.dsTtl), this.#moment);
        this.#note(() => `the TTL of the DS RRset becomes ${this.parent.ds.current.ttl}`);
        this.#check();
        return this.#wake('looks');
      case 'crash':
        this.#kill = event;
        this.#note(() => `the daemon will be killed after ${event.writes} writes${event.torn ? ', torn' : ''}`);
        return undefined;
      case 'restart':
        if (this.#isDown) return;
        this.#takeDown(event.down);
        return this.#note(() => `the daemon is down for ${this.#downUntil - this.now} s`);
      case 'clock':
        return this.#jump(event.by);
      case 'parent':
        this.parent.follow(event.reacts, event.manner, this.now);
        return this.#note(
          () =>
            `the parent ${event.reacts === undefined ? 'sleeps' : `reacts after ${event.reacts} s: ${event.manner}`}`,
        );
      case 'order':
        return this.#order(event.what);
      case 'rollover':
        return this.#roll(event.which, event.in);
      case 'step':
        this.#letBegin();
        return undefined;
      case 'look':
        return this.#wake('is asked to look');
    }
  }

  get #isDown(): boolean {
    return this.#downUntil > this.now;
  }

  #takeDown(seconds: number): void {
    this.#downUntil = this.now + seconds;
    this.daemon.restart();
    this.daemon.nextLook = -Infinity;
  }

  #wake(what: string): void {
    if (!this.#isDown) this.#look(what);
  }

  #jump(by: number): void {
    // What signatures and the planner wait for is shortened by all jumps forward together.
    const forward = Math.min(Math.max(by, 0), this.#forwardLeft);
    this.#forwardLeft -= forward;
    this.#jumped += forward;
    const jump = by < 0 ? by : forward;
    this.#offset += jump;
    this.#note(() => `the daemon's clock jumps by ${jump} s`);
    this.#wake('looks');
  }

  #order(what: Extract<HistoryEvent, { kind: 'order' }>['what']): void {
    const { keys } = this.parent;
    // Who announces an algorithm too early has broken it for strict validators himself.
    if (this.parent.order(what, this.#moment)) this.#validator = 'lenient';
    this.#note(() => `the operator orders the parent: ${what}`);
    this.#parentChanged(keys);
  }

  #roll(which: number, wait: number): void {
    if (this.#isDown) return;
    const { daemon } = this;
    const { told } = this.#moment;
    const key = daemon.files[which % Math.max(1, daemon.files.length)];
    if (key === undefined) return;
    const answer = requestRollover(daemon.policy, daemon.files, key.id, told + wait, told);
    const isDone = daemon.command(answer);
    this.#note(() => `the operator rolls ${key.id}${isDone ? '' : ': refused'}`);
    if (isDone) this.#look('looks');
  }

  /** @returns true when something waited for it */
  #letBegin(): boolean {
    if (this.#isDown) return false;
    const steps = this.daemon.allowSteps();
    this.#note(() => `the operator lets begin what waits for him: ${steps} steps`);
    if (steps > 0) this.#look('looks');
    return steps > 0;
  }

  /** The outside does its part, and the zone must come to what the policy wants. */
  #settle(): void {
    this.parent.follow(1, 'replace', this.now);
    this.#kill = undefined;
    for (let looks = 0; looks < LOOKS_TO_SETTLE; looks++) {
      if (this.#isSettled) return;
      if (this.daemon.policy.manualMode === true && this.#letBegin()) continue;
      const next = this.#next();
      if (next === Infinity) break;
      this.now = Math.max(this.now, next);
      this.#step();
    }
    // Keys of short lives may roll thousands of times while one step waits for what was served under the built-in policy's numbers.
    if (this.daemon.waitsUntil < this.#moment.told + LONG_WAIT)
      this.#fail('the zone never becomes what its policy wants');
  }

  get #isSettled(): boolean {
    const { policy } = this.daemon;
    if (policy.keys.length === 0) return !this.zone.isSigned && this.parent.keys.length === 0;
    const algorithms = (keys: readonly { readonly algorithm: number }[]): string =>
      [...new Set(keys.map(({ algorithm }) => algorithm))].sort((a, b) => a - b).join();
    const wanted = algorithms(policy.keys);
    return algorithms(this.parent.keys) === wanted && algorithms(this.zone.dnskey.current.rrset.keys) === wanted;
  }

  #check(): void {
    const { zone, parent } = this;
    const caches = { ds: parent.ds, dnskey: zone.dnskey, data: zone.lanes.map(({ served }) => served) };
    const found = bogusMix(caches, this.now, this.#validator, this.#jumped);
    if (found !== undefined) this.#fail(`bogus: ${found.why}`, found);
    if (zone.isSigned) this.#checkSigning();
  }

  /** RFC 4035 section 2.2: what one server has at one moment is signed by each algorithm of the DNSKEY RRset. */
  #checkSigning(): void {
    const { keys } = this.zone.dnskey.current.rrset;
    for (const { algorithm } of keys) {
      for (const { served } of this.zone.lanes) {
        const isSigned = served.current.rrset.signers.some((key) => key.algorithm === algorithm);
        if (!isSigned) this.#fail(`data have no signature of algorithm ${algorithm}, which is in the DNSKEY RRset`);
      }
    }
  }

  #note(what: () => string): void {
    this.#watcher?.note(this, what);
  }

  #fail(why: string, mix?: CachedMix): never {
    throw new Bogus({ at: this.now, why, ...(mix && { mix }) });
  }
}
