import type { PlannedKey, PlannedTimes } from './planned-key.ts';
import { publicationOf } from './publication.ts';
import type { Publication } from './publication.ts';

/*
 * Keys that no policy manages: they do what the times in their files say (dnssec-settime(8)), and nothing else decides.
 *
 *     Publish        Activate          Inactive        Delete
 *        |  in the zone  |  signs, in the zone |  in the zone  |
 *        '------------- Revoke: with the REVOKE bit, signs the DNSKEY RRset only --'
 */

/** A key and what its files hold. */
export interface TimedKey extends PlannedKey {
  /** False when the private half is missing: the key is shown and cannot sign. */
  readonly canSign: boolean;
  /** Made without any times (dnssec-keygen -C, ldns-keygen): it is published and active at once, as in BIND. */
  readonly isTimeless: boolean;
}

/** What the times of all keys come to at one moment. */
export interface TimedPlan {
  /** Only keys that can sign are among those that sign. */
  readonly publication: Publication;
  /** Shown with the REVOKE bit; they are among those that sign keys. */
  readonly revoked: readonly string[];
  /** Keys that should sign or be revoked by their times and lack the private half. */
  readonly unable: readonly string[];
  /**
   * Unable keys that nothing takes the place of: no other key of their algorithm and role can sign. What they signed must stay
   * as it is until they come back.
   */
  readonly missed: readonly string[];
  /** Unix time of the next change that a key file announces; undefined: none. */
  readonly nextEvent: number | undefined;
}

/** DNSKEY flags (RFC 4034 section 2.1.1, RFC 5011 section 7). */
const SEP = 0x0001;
const REVOKE = 0x0080;

/** What keys without a policy do at `now` (Unix seconds). Pure. */
export function planTimedKeys(keys: readonly TimedKey[], now: number): TimedPlan {
  const byTimes = keys.map(withoutPolicy);
  const shown = publicationOf(byTimes, now);
  const isShown = (key: PlannedKey): boolean => shown.dnskey.includes(key.id);
  const toRevoke = byTimes.filter((key) => isShown(key) && isToRevoke(key, now));
  const revoked = toRevoke.filter(({ canSign }) => canSign);
  const candidates = byTimes.filter((key) => !toRevoke.includes(key));
  const active = (ids: readonly string[]): TimedKey[] => candidates.filter(({ id }) => ids.includes(id));
  const ksks = active(shown.signsKeys);
  const zsks = active(shown.signsZone);
  const signers = shareRoles(ksks, zsks);
  const able = (list: readonly TimedKey[]): string[] => list.filter(({ canSign }) => canSign).map(({ id }) => id);
  return {
    publication: {
      dnskey: shown.dnskey,
      signsKeys: able([...signers.keys, ...revoked]),
      signsZone: able(signers.zone),
      sync: shown.sync.filter((id) => !toRevoke.some((key) => key.id === id)),
      syncDelete: false,
      isSigned: true,
    },
    revoked: able(revoked),
    unable: [...ksks, ...zsks, ...toRevoke].filter(({ canSign }) => !canSign).map(({ id }) => id),
    missed: [...missedIn(ksks), ...missedIn(zsks)],
    nextEvent: nextTime(byTimes, now),
  };
}

/**
 * named.conf(5), update-check-ksk: KSKs sign the DNSKEY RRset and ZSKs all else, unless an algorithm lacks one of the two;
 * then the keys it has do both, because each algorithm has to sign everything (RFC 4035 section 2.2).
 */
function shareRoles(ksks: readonly TimedKey[], zsks: readonly TimedKey[]): { keys: TimedKey[]; zone: TimedKey[] } {
  const lacks = (list: readonly TimedKey[], { algorithm }: TimedKey): boolean =>
    !list.some((key) => key.algorithm === algorithm);
  return {
    keys: [...ksks, ...zsks.filter((key) => lacks(ksks, key))],
    zone: [...zsks, ...ksks.filter((key) => lacks(zsks, key))],
  };
}

function missedIn(role: readonly TimedKey[]): string[] {
  const missed = role.filter(
    (key) => !key.canSign && !role.some((other) => other.canSign && other.algorithm === key.algorithm),
  );
  return missed.map(({ id }) => id);
}

/** The key with its times alone. A state is what a policy left behind; the times in its files hold on. */
function withoutPolicy(key: TimedKey): TimedKey {
  const { id, tag, algorithm, bits, flags, canSign, isTimeless } = key;
  return { id, tag, algorithm, bits, flags, canSign, isTimeless, times: effectiveTimes(key) };
}

/** A key that signs must be in the zone: activation publishes too. */
function effectiveTimes({ times, isTimeless }: TimedKey): PlannedTimes {
  const { activate } = isTimeless ? { activate: 0 } : times;
  const publish = isTimeless ? 0 : times.publish;
  const first = Math.min(publish ?? Infinity, activate ?? Infinity);
  return {
    ...times,
    ...(activate !== undefined && { activate }),
    ...(first !== Infinity && { publish: first }),
  };
}

function isToRevoke({ flags, times }: TimedKey, now: number): boolean {
  return (flags & REVOKE) !== 0 || (times.revoke !== undefined && times.revoke <= now);
}

const EVENTS = ['publish', 'activate', 'revoke', 'inactive', 'delete'] as const;
const SYNC_EVENTS = ['syncPublish', 'syncDelete'] as const;

function nextTime(keys: readonly TimedKey[], now: number): number | undefined {
  const times = keys.flatMap((key) => {
    const names = (key.flags & SEP) === 0 ? EVENTS : [...EVENTS, ...SYNC_EVENTS];
    return names.flatMap((name) => key.times[name] ?? []);
  });
  const next = Math.min(...times.filter((time) => time > now));
  return next === Infinity ? undefined : next;
}
