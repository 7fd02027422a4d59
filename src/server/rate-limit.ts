import type { Log } from '../base/log.ts';
import type { ClientContext } from './answer.ts';
import { RateLimitLog, type LimitedAnswer } from './rate-limit-log.ts';
import {
  ENTRY_WORDS,
  HEADER_WORDS,
  QPS,
  RATE_KIND,
  type RateLimits,
  type RateLimitTable,
  SET_ENTRIES,
  setsFor,
} from './rate-limit-table.ts';
import { SipHash } from './siphash.ts';
import { credited, debited, elapsed, LONG_AGO } from './token-bucket.ts';

/** What becomes of an answer. */
export const RATE = {
  PASS: 0,
  DROP: 1,
  /** A short answer that makes a real client come back over TCP, or with a cookie. */
  SLIP: 2,
} as const;

/** Words of an entry. */
const KEY_LOW = 0;
const KEY_HIGH = 1;
const TIME = 2;
const BALANCE = 3;
const SLIPS = 4;
const LOGGED = 5;
const LOG_SECONDS = 6;

/** A line for a limit that goes on is repeated after so many seconds. BIND 9.18: 30 minutes. */
const LOG_AGAIN = 1800;
/** Longer than a running thread holds a lock: a few stores. */
const SPINS = 500;
/** Milliseconds that each wait for a thread takes that lost its core with the lock in hand. */
const LOCK_WAIT = 1;
/**
 * After so many of them that thread counts as dead. Schedulers hold a thread back for some tens of milliseconds, hosts of virtual
 * machines and cores with forty threads each for some hundreds. A thread that died within these few stores costs others that once.
 */
const LOCK_WAITS = 2000;
const LOCKED = 1;
const NO_ENTRY = -1;
const MAX_IDENTITY = 16 + 256;

/**
 * The limits of one view, `rate-limit` of BIND 9.18, in one thread. The table is in memory that all threads share:
 * SO_REUSEPORT spreads the ports of one client over the threads, and tables of their own would multiply the limit. An
 * answer is identified by a keyed hash of client network, kind, type and name; sets of eight entries take it, the one that
 * was idle longest gives way. `check` allocates nothing, save for lines of log.
 */
export class RateLimiter {
  /** As RateLimitTable.id. */
  readonly id: number;
  readonly #limits: RateLimits;
  readonly #words: Int32Array;
  readonly #sets: number;
  readonly #hash: SipHash;
  readonly #log: RateLimitLog;
  readonly #identity = new Uint8Array(MAX_IDENTITY);
  /** Of the answer being checked: what limits are multiplied with. */
  #scale = 1;

  constructor(table: RateLimitTable, dependencies: { readonly log: Log }) {
    this.id = table.id;
    this.#limits = table.limits;
    this.#words = new Int32Array(table.memory);
    this.#sets = setsFor(table.limits.maxTableSize);
    this.#hash = new SipHash(new Uint8Array(table.memory));
    this.#log = new RateLimitLog(table.limits, dependencies, (entry, low, high, now) =>
      this.#isCalm(entry, low, high, now),
    );
  }

  get logOnly(): boolean {
    return this.#limits.logOnly;
  }

  /** @returns one of RATE; what `logOnly` makes of it is the caller's */
  check(client: ClientContext, answer: LimitedAnswer): number {
    const { now } = client;
    const { perSecond } = this.#limits;
    this.#log.maintain(now);
    this.#scale = this.#limits.qpsScale === 0 ? 1 : this.#measureScale(now);
    if (client.overTcp) {
      if (this.#scale < 1) this.#noteTcp(client, now);
      return RATE.PASS;
    }
    if (this.#scale < 1 && this.#hasAskedOverTcp(client)) this.#scale = 1;
    let kind = answer.kind;
    let entry = NO_ENTRY;
    let verdict: number = RATE.PASS;
    if (perSecond[kind] !== 0) {
      this.#identify(client, kind, answer);
      entry = this.#lockEntry(now);
      verdict = this.#debit(entry, kind, client);
      this.#unlock(entry);
    }
    if (perSecond[RATE_KIND.ALL] !== 0) {
      const ofKind = entry;
      this.#identify(client, RATE_KIND.ALL, answer);
      entry = this.#lockEntry(now);
      const ofAll = this.#debit(entry, RATE_KIND.ALL, client);
      this.#unlock(entry);
      if (ofAll === RATE.PASS) entry = ofKind;
      else {
        kind = RATE_KIND.ALL;
        verdict = ofAll;
      }
    }
    if (verdict !== RATE.PASS) this.#tell(entry, kind, client, answer);
    return verdict;
  }

  /** Writes the identity of an answer and hashes it; limits without a name count what a network gets of a kind. */
  #identify(client: ClientContext, kind: number, answer: LimitedAnswer): void {
    const identity = this.#identity;
    const { address, addressAt, addressLength } = client;
    const { ipv4PrefixLength, ipv6PrefixLength } = this.#limits;
    const bits = addressLength === 4 ? ipv4PrefixLength : ipv6PrefixLength;
    identity.fill(0, 0, 16);
    identity[0] = kind;
    identity[1] = addressLength;
    for (let i = 0; 8 * i < bits; i++) {
      const spare = Math.max(0, 8 * (i + 1) - bits);
      identity[2 + i] = address[addressAt + i] & (0xff << spare);
    }
    let end = 16;
    if (kind === RATE_KIND.RESPONSE) {
      identity[10] = answer.type >> 8;
      identity[11] = answer.type;
    }
    if (kind <= RATE_KIND.NXDOMAIN) {
      identity[12] = answer.isWildcard ? 1 : 0;
      for (let i = 0; i < answer.nameLength; i++) identity[end++] = LOWER[answer.name[answer.nameAt + i]];
    }
    this.#hash.hash(identity, 0, end);
  }

  /** The entry of the identity hashed last, made if there is none. Its set is locked. */
  #lockEntry(now: number): number {
    const words = this.#words;
    const set = (this.#hash.high >>> 0) % this.#sets;
    this.#lock(set);
    const first = this.#entryAt(set);
    let oldest = first;
    let oldestAge = -1;
    for (let entry = first; entry < first + SET_ENTRIES * ENTRY_WORDS; entry += ENTRY_WORDS) {
      const isEmpty = words[entry + TIME] === 0;
      if (!isEmpty && words[entry + KEY_LOW] === this.#hash.low && words[entry + KEY_HIGH] === this.#hash.high)
        return entry;
      const age = isEmpty ? LONG_AGO : elapsed(words[entry + TIME] >>> 0, now);
      if (age > oldestAge) {
        oldest = entry;
        oldestAge = age;
      }
    }
    words.fill(0, oldest, oldest + ENTRY_WORDS);
    words[oldest + KEY_LOW] = this.#hash.low;
    words[oldest + KEY_HIGH] = this.#hash.high;
    return oldest;
  }

  #entryAt(set: number): number {
    return HEADER_WORDS + this.#sets + set * SET_ENTRIES * ENTRY_WORDS;
  }

  /**
   * A lock that spinning does not get belongs to a thread that lost its core: it is waited for. One that is still held
   * after that belongs to a dead thread, and is taken over. Should that thread live after all, the two may miscount, or mix
   * up two entries, which then start anew.
   */
  #lock(set: number): void {
    const lock = HEADER_WORDS + set;
    for (let i = 0; i < SPINS; i++) if (Atomics.compareExchange(this.#words, lock, 0, LOCKED) === 0) return;
    for (let i = 0; i < LOCK_WAITS; i++) {
      Atomics.wait(this.#words, lock, LOCKED, LOCK_WAIT);
      if (Atomics.compareExchange(this.#words, lock, 0, LOCKED) === 0) return;
    }
  }

  #unlock(entry: number): void {
    const set = Math.floor((entry - HEADER_WORDS - this.#sets) / (SET_ENTRIES * ENTRY_WORDS));
    Atomics.store(this.#words, HEADER_WORDS + set, 0);
  }

  /** Counts an answer. @returns one of RATE */
  #debit(entry: number, kind: number, client: ClientContext): number {
    const words = this.#words;
    const { perSecond, window, slip } = this.#limits;
    const { now } = client;
    const rate = this.#scaled(perSecond[kind]);
    const age = words[entry + TIME] === 0 ? LONG_AGO : elapsed(words[entry + TIME] >>> 0, now);
    if (age > 0) {
      if (age > window || words[entry + BALANCE] + rate * age > rate) words[entry + SLIPS] = 0;
      words[entry + BALANCE] = credited(words[entry + BALANCE], age, rate, window);
      words[entry + LOG_SECONDS] = Math.min(LOG_AGAIN, words[entry + LOG_SECONDS] + age);
    }
    words[entry + TIME] = now;
    words[entry + BALANCE] = debited(words[entry + BALANCE], rate, window);
    if (words[entry + BALANCE] >= 0) return RATE.PASS;
    // Errors, and what goes over the limit of all answers, is never sent truncated.
    if (slip === 0 || kind === RATE_KIND.ALL || kind === RATE_KIND.ERROR) return RATE.DROP;
    const slips = words[entry + SLIPS];
    words[entry + SLIPS] = slips + 1 >= this.#scaledSlip(slip) ? 0 : slips + 1;
    return slips === 0 ? RATE.SLIP : RATE.DROP;
  }

  #scaled(rate: number): number {
    return this.#scale < 1 ? Math.max(1, Math.floor(rate * this.#scale)) : rate;
  }

  /** Under a flood truncated answers are sent more often, at most every second. */
  #scaledSlip(slip: number): number {
    return slip > 2 && this.#scale < 1 ? Math.max(2, Math.floor(slip * this.#scale)) : slip;
  }

  /** qps-scale: limits are multiplied with this over all answers a second, when that is less than 1. */
  #measureScale(now: number): number {
    const words = this.#words;
    const { qpsScale, window } = this.#limits;
    const count = Atomics.add(words, QPS.COUNT, 1) + 1;
    const since = Atomics.load(words, QPS.SINCE) >>> 0;
    const seconds = since === 0 ? 0 : elapsed(since, now);
    let qps = Atomics.load(words, QPS.VALUE) / 256;
    if (since === 0) Atomics.store(words, QPS.SINCE, now);
    if (seconds > 0) {
      const measured = count / seconds;
      if (seconds >= window) {
        Atomics.store(words, QPS.VALUE, Math.min(0x7fffffff, measured * 256));
        Atomics.store(words, QPS.COUNT, 0);
        Atomics.store(words, QPS.SINCE, now);
        qps = measured;
      } else qps = Math.max(qps, measured);
    }
    return qps > qpsScale ? qpsScale / qps : 1;
  }

  #noteTcp(client: ClientContext, now: number): void {
    this.#identify(client, RATE_KIND.TCP, NOTHING);
    const entry = this.#lockEntry(now);
    this.#words[entry + TIME] = now;
    this.#unlock(entry);
  }

  /** A network that has asked over TCP of late has real addresses: its limits are not scaled. */
  #hasAskedOverTcp(client: ClientContext): boolean {
    this.#identify(client, RATE_KIND.TCP, NOTHING);
    const words = this.#words;
    const first = this.#entryAt((this.#hash.high >>> 0) % this.#sets);
    for (let entry = first; entry < first + SET_ENTRIES * ENTRY_WORDS; entry += ENTRY_WORDS)
      if (words[entry + KEY_LOW] === this.#hash.low && words[entry + KEY_HIGH] === this.#hash.high)
        return words[entry + TIME] !== 0 && elapsed(words[entry + TIME] >>> 0, client.now) < this.#limits.window;
    return false;
  }

  #tell(entry: number, kind: number, client: ClientContext, answer: LimitedAnswer): void {
    const words = this.#words;
    const isFirst = Atomics.compareExchange(words, entry + LOGGED, 0, 1) === 0;
    if (!isFirst && words[entry + LOG_SECONDS] < LOG_AGAIN) return;
    words[entry + LOG_SECONDS] = 0;
    const key = { entry, low: words[entry + KEY_LOW], high: words[entry + KEY_HIGH] };
    this.#log.limited(key, isFirst, kind, client, answer);
  }

  /** True when an entry that was logged is not limited any more: idle for a minute and without debt, or gone. */
  #isCalm(entry: number, low: number, high: number, now: number): boolean {
    const words = this.#words;
    if (words[entry + KEY_LOW] !== low || words[entry + KEY_HIGH] !== high) return true;
    const age = elapsed(words[entry + TIME] >>> 0, now);
    // Not more than a window of debt is ever there, at one token a second at least.
    const isPaid = words[entry + BALANCE] >= 0 || age > this.#limits.window;
    if (age < CALM_SECONDS || !isPaid) return false;
    words[entry + LOGGED] = 0;
    return true;
  }
}

/** BIND 9.18: so long after the last answer an end is told of. */
const CALM_SECONDS = 60;

const NOTHING: LimitedAnswer = {
  kind: RATE_KIND.TCP,
  type: 0,
  rcode: 0,
  name: new Uint8Array(1),
  nameAt: 0,
  nameLength: 0,
  shownAt: 0,
  isWildcard: false,
};

/** A to z for A to Z: names are the same in any case (RFC 4343). Lengths of labels are below 64, so stay as they are. */
const LOWER = Uint8Array.from({ length: 256 }, (_, octet) => (octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet));
