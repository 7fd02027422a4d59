import { isIPv6 } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { formatAddress, parseAddress } from '../../net/address.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Role } from '../hal-constants.ts';
import { applianceEvent } from './events.ts';
import { LoginQueues } from './login-queues.ts';
import type { LoginAttempt, LoginGuard } from './parts.ts';

/** Who failed how often. Keys are "peer console 10.0.0.7" and "role rpc 0 user". */
interface Bucket {
  failures: number;
  /** Unix times. */
  last: number;
  until: number;
  /** Attempts that were turned away while it had to wait, since the last one that was looked at. */
  turnedAway: number;
}

interface GuardFile {
  readonly buckets: Readonly<
    Record<string, { readonly failures: number; readonly last: number; readonly until: number }>
  >;
  readonly good: Readonly<Record<string, number>>;
}

interface Growth {
  /** Wrong PINs that cost nothing: people mistype. */
  readonly free: number;
  /** Longest delay, seconds; it doubles from 2 on. */
  readonly longestDelay: number;
  /** From so many wrong PINs on it is a lock-out. */
  readonly lockOutAt: number;
  /** Seconds of the first lock-out; it doubles, up to `longest`. */
  readonly lockOut: number;
  readonly longest: number;
}

const PEER: Growth = { free: 2, longestDelay: 60, lockOutAt: 10, lockOut: 900, longest: 86_400 };
/** Somebody who wants wheel out must not be able to keep it out: its lock-outs on the console stay short, and it has none by role. */
const CONSOLE_WHEEL_PEER: Growth = { ...PEER, longest: 900 };
const ROLE: Growth = { free: 9, longestDelay: 30, lockOutAt: 50, lockOut: 3600, longest: 86_400 };
const CONSOLE_WHEEL_ROLE: Growth = { ...ROLE, lockOutAt: Infinity };

/** Seconds after the last wrong PIN until they are forgotten. */
const PEER_MEMORY = 86_400;
const ROLE_MEMORY = 3600;
/** Seconds for which a peer that knew a role's PIN does not have to wait for what others do to that role. */
const GOOD_MEMORY = 30 * 86_400;
const MOST_BUCKETS = 1024;
const MOST_GOOD = 256;
/** Milliseconds of wrong PINs that a crash may make forgotten. */
const WRITE_DELAY = 500;

/** The guard before all logins. What it knows is kept in one file, so that a restart lifts nothing. */
export class DurableLoginGuard implements LoginGuard, AsyncDisposable {
  readonly #file: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #audit: AuditLog;
  readonly #buckets = new Map<string, Bucket>();
  /** "rpc 0 user 10.0.0.9" to when it last knew the PIN; least recent first. */
  readonly #good = new Map<string, number>();
  readonly #queues = new LoginQueues();
  #pendingWrite: Timer | undefined;

  private constructor(
    file: string,
    dependencies: { readonly disk: Disk; readonly clock: Clock; readonly log: Log; readonly audit: AuditLog },
  ) {
    this.#file = file;
    this.#disk = dependencies.disk;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#audit = dependencies.audit;
  }

  /** @throws SignetError LOGIN_GUARD_FILE when the file has a fault: to go on without it would lift all lock-outs */
  static open(
    file: string,
    dependencies: { readonly disk: Disk; readonly clock: Clock; readonly log: Log; readonly audit: AuditLog },
  ): DurableLoginGuard {
    const guard = new DurableLoginGuard(file, dependencies);
    guard.#read();
    return guard;
  }

  async attempt(who: LoginAttempt, login: () => Promise<void>): Promise<void> {
    const peer = peerKey(who);
    const concurrency = this.#good.has(goodKey(who)) ? 8 : 1;
    await this.#queues.run(peer, concurrency, async () => {
      await this.#refuseWaiting(who);
      // A login that cannot be recorded is none: no PIN is looked at for it.
      await this.#audit.ready();
      try {
        await login();
      } catch (error) {
        if (error instanceof HalError && error.status === HalStatus.PIN_INCORRECT) throw await this.#fail(who, error);
        await this.#audit.append({
          kind: 'login refused',
          by: byOf(who),
          role: who.role,
          facts: { why: (error as Error).message },
        });
        throw error;
      }
      this.#succeed(who);
      await this.#audit.append({ kind: 'login', by: byOf(who), role: who.role, facts: partitionFact(who) });
    });
  }

  /** Who has to wait, or would have to soon; the most recent first. */
  list(): readonly { readonly what: string; readonly failures: number; readonly until: number }[] {
    this.#forgetOld();
    return [...this.#buckets]
      .map(([what, { failures, until }]) => ({ what, failures, until }))
      .toSorted((a, b) => b.until - a.until);
  }

  /** Forgets wrong PINs: of a role, of a peer, or all when neither is given. Returns of how many. */
  async lift(of: { readonly role?: Role; readonly peer?: string }, by: string): Promise<number> {
    const peer = of.peer === undefined ? undefined : networkOf(of.peer);
    const lifted = [...this.#buckets.keys()].filter((key) => {
      const words = key.split(' ');
      if (of.role === undefined && peer === undefined) return true;
      return words[0] === 'role' ? words[3] === of.role : words[2] === peer;
    });
    for (const key of lifted) this.#buckets.delete(key);
    this.#write();
    if (lifted.length > 0)
      await this.#audit.append({ kind: 'lock-out lifted', by, facts: { what: lifted.join(', ') } });
    return lifted.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pendingWrite !== undefined) this.#write();
  }

  async #refuseWaiting(who: LoginAttempt): Promise<void> {
    const now = this.#clock.now();
    const isKnown = (this.#good.get(goodKey(who)) ?? -Infinity) > now - GOOD_MEMORY;
    const keys = isKnown ? [peerKey(who)] : [peerKey(who), roleKey(who)];
    for (const key of keys) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) continue;
      const wait = this.#waitOf(bucket, now);
      if (wait <= 0) continue;
      // An attempt that nothing was done for makes no audit line of its own: these would come as fast as the network is.
      bucket.turnedAway++;
      throw refusal(who, key, bucket, wait);
    }
  }

  async #fail(who: LoginAttempt, error: HalError): Promise<HalError> {
    const isConsoleWheel = who.face === 'console' && who.role === 'wheel';
    const peer = this.#count(peerKey(who), isConsoleWheel ? CONSOLE_WHEEL_PEER : PEER, PEER_MEMORY);
    const role = this.#count(roleKey(who), isConsoleWheel ? CONSOLE_WHEEL_ROLE : ROLE, ROLE_MEMORY);
    const facts = { failures: peer.bucket.failures, turnedAway: peer.turnedAway, ...partitionFact(who) };
    await this.#audit.append({ kind: 'login refused', by: byOf(who), role: who.role, facts });
    for (const [key, { bucket, isLockOut }] of [
      [peerKey(who), peer],
      [roleKey(who), role],
    ] as const) {
      if (!isLockOut) continue;
      this.#log.write(applianceEvent.lockedOut(key, bucket.failures, bucket.until));
      const lockOut = { what: key, failures: bucket.failures, until: timeText(bucket.until) };
      await this.#audit.append({ kind: 'lock-out', by: byOf(who), role: who.role, facts: lockOut });
    }
    this.#evict();
    this.#writeSoon();
    const wait = Math.max(peer.bucket.until, role.bucket.until) - this.#clock.now();
    const text = wait > 0 ? `${error.message}; wait ${seconds(wait)} before the next try` : error.message;
    return new HalError(error.status, text, { ...error.facts, wait }, error);
  }

  #count(
    key: string,
    growth: Growth,
    memory: number,
  ): { readonly bucket: Bucket; readonly isLockOut: boolean; readonly turnedAway: number } {
    const now = this.#clock.now();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined || now - bucket.last > memory)
      bucket = { failures: 0, last: now, until: 0, turnedAway: 0 };
    const { turnedAway } = bucket;
    bucket.turnedAway = 0;
    bucket.failures++;
    bucket.last = now;
    bucket.until = now + delayOf(bucket.failures, growth);
    this.#buckets.delete(key); // the map is in the order of the last failures
    this.#buckets.set(key, bucket);
    return { bucket, isLockOut: bucket.failures >= growth.lockOutAt, turnedAway };
  }

  #succeed(who: LoginAttempt): void {
    const good = goodKey(who);
    // Only days matter; the file is not written for each login of a busy client.
    const isNews = (this.#good.get(good) ?? 0) < this.#clock.now() - 86_400;
    this.#good.delete(good);
    this.#good.set(good, this.#clock.now());
    if (this.#good.size > MOST_GOOD) this.#good.delete(this.#good.keys().next().value!);
    const hadFailures = this.#buckets.delete(peerKey(who));
    if (isNews || hadFailures) this.#writeSoon();
  }

  /** Seconds. A clock that was set back makes nobody wait longer than a lock-out can last. */
  #waitOf(bucket: Bucket, now: number): number {
    return Math.min(bucket.until - now, PEER.longest);
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [key, bucket] of this.#buckets) {
      const memory = key.startsWith('role ') ? ROLE_MEMORY : PEER_MEMORY;
      if (now - bucket.last > memory && bucket.until <= now) this.#buckets.delete(key);
    }
  }

  /** Bounded memory: peers that failed longest ago go first, those that need not wait before those that do; roles are few and stay. */
  #evict(): void {
    if (this.#buckets.size <= MOST_BUCKETS) return;
    this.#forgetOld();
    const now = this.#clock.now();
    const peers = [...this.#buckets].filter(([key]) => key.startsWith('peer '));
    const order = [...peers.filter(([, one]) => one.until <= now), ...peers.filter(([, one]) => one.until > now)];
    for (const [key] of order.slice(0, Math.max(0, this.#buckets.size - MOST_BUCKETS))) this.#buckets.delete(key);
  }

  #read(): void {
    const octets = this.#disk.read(this.#file);
    if (octets === undefined) return;
    try {
      const { buckets, good } = JSON.parse(Buffer.from(octets).toString('utf8')) as GuardFile;
      for (const [key, { failures, last, until }] of Object.entries(buckets)) {
        if (![failures, last, until].every(Number.isSafeInteger)) throw new TypeError(`'${key}' has no numbers`);
        this.#buckets.set(key, { failures, last, until, turnedAway: 0 });
      }
      for (const [key, at] of Object.entries(good)) this.#good.set(key, at);
    } catch (cause) {
      throw new SignetError(
        'LOGIN_GUARD_FILE',
        `${this.#file} is damaged (${(cause as Error).message}): it counts wrong PINs; remove it to begin with none`,
        { file: this.#file },
        cause,
      );
    }
  }

  #writeSoon(): void {
    this.#pendingWrite ??= this.#clock.after(WRITE_DELAY, () => this.#write());
  }

  #write(): void {
    this.#pendingWrite?.cancel();
    this.#pendingWrite = undefined;
    const buckets = [...this.#buckets].map(([key, { failures, last, until }]) => [key, { failures, last, until }]);
    const file = { buckets: Object.fromEntries(buckets), good: Object.fromEntries(this.#good) };
    try {
      this.#disk.replace(this.#file, Buffer.from(`${JSON.stringify(file)}\n`), 0o600);
    } catch (error) {
      // A full disk must not stop logins; the counts in memory go on.
      this.#log.write(applianceEvent.notKept(this.#file, (error as Error).message));
    }
  }
}

/** Seconds to wait after so many wrong PINs. */
function delayOf(failures: number, growth: Growth): number {
  if (failures <= growth.free) return 0;
  if (failures >= growth.lockOutAt)
    return Math.min(growth.longest, growth.lockOut * 2 ** (failures - growth.lockOutAt));
  return Math.min(growth.longestDelay, 2 ** (failures - growth.free));
}

function refusal(who: LoginAttempt, key: string, { failures, until }: Bucket, wait: number): HalError {
  const what = key.startsWith('role ') ? `the PIN of ${who.role}` : `PINs from ${who.peer}`;
  const lift = who.face === 'console' && who.role === 'wheel' ? '' : ", or lift it at the console with 'lockout clear'";
  return new HalError(
    HalStatus.FORBIDDEN,
    `no login for ${seconds(wait)}: ${failures} wrong tries of ${what}; wait until ${timeText(until)}${lift}`,
    { wait, failures, role: who.role },
  );
}

function peerKey({ face, peer }: LoginAttempt): string {
  return `peer ${face} ${networkOf(peer)}`;
}

function roleKey({ face, partition, role }: LoginAttempt): string {
  return `role ${face} ${partition} ${role}`;
}

function goodKey({ face, partition, role, peer }: LoginAttempt): string {
  return `${face} ${partition} ${role} ${networkOf(peer)}`;
}

/** The address; of IPv6 the first 64 bits, because whoever has one address there has all of them (RFC 4291 section 2.5.4). */
function networkOf(peer: string): string {
  const octets = parseAddress(peer.replace(/%.*$/, ''));
  if (octets === undefined) return isIPv6(peer) ? peer : peer.replaceAll(/\s/g, '_');
  if (octets.length === 4) return formatAddress(octets);
  return `${formatAddress(octets.fill(0, 8))}/64`;
}

function byOf({ face, peer }: LoginAttempt): string {
  return `${face} ${peer}`;
}

function partitionFact({ partition }: LoginAttempt): { readonly partition?: number } {
  return partition === 0 ? {} : { partition };
}

function seconds(count: number): string {
  if (count < 120) return `${count} second${count === 1 ? '' : 's'}`;
  return count < 7200 ? `${Math.ceil(count / 60)} minutes` : `${Math.ceil(count / 3600)} hours`;
}

function timeText(unix: number): string {
  return new Date(unix * 1000).toISOString().replace('.000', '');
}
