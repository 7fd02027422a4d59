import { algorithmText } from '../crypto/algorithm.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { dnskeyInterval } from '../conf/policy-intervals.ts';
import { isKsk, isZsk, type KeyPair } from '../keys/key-pair.ts';
import type { KeyCondition } from '../keys/key-state.ts';
import { formatCalendarTime } from '../keys/key-times.ts';
import { type KeyWait, manualSteps } from '../policy/key-wait.ts';
import { parentWaits, stepCommand, waitCommand, waitText } from './key-waits.ts';
import { keyRole } from './managed-key.ts';

export interface KeyStatus {
  readonly policy: DnssecPolicy;
  /** As an operator gives it to commands. */
  readonly zone: string;
  readonly keys: readonly KeyPair[];
  readonly waits: readonly KeyWait[];
  /** What keys cannot do for want of their files, in sentences. */
  readonly troubles?: readonly string[];
  /** Unix seconds. */
  readonly now: number;
}

/**
 * Text of `rndc dnssec -status`, as BIND 9.18 prints it. Behind it stands what BIND does not tell: what waits for the parent or, in
 * manual mode, for an operator, what lacks, and the command that helps.
 */
export function keyStatusText({ policy, zone, keys, waits, troubles = [], now }: KeyStatus): string {
  const head = `dnssec-policy: ${policy.name}\ncurrent time:  ${formatCalendarTime(now)}\n`;
  const told = parentWaits(waits).map(
    (wait) => `  ${waitText(wait, keys)}\n    when that has changed: ${waitCommand(wait, keys, zone)}\n`,
  );
  told.push(
    ...manualSteps(waits).map((wait) => `  ${waitText(wait, keys)}\n    to have it begin: ${stepCommand(zone)}\n`),
  );
  const lacks = troubles.length === 0 ? '' : `\nlacks:\n${troubles.map((text) => `  ${text}\n`).join('')}`;
  const tail = lacks + (told.length === 0 ? '' : `\nwaits:\n${told.join('')}`);
  return head + keys.map((key) => keyText(key, policy, now)).join('') + tail;
}

function keyText(key: KeyPair, policy: DnssecPolicy, now: number): string {
  const lines = [`\nkey: ${key.tag} (${algorithmText(key.algorithm)}), ${keyRole(key)}`];
  const { times, state } = key;
  lines.push(sinceLine('published:   ', state?.dnskey, times.publish, now));
  if (isKsk(key)) lines.push(sinceLine('key signing: ', state?.krrsig, times.publish, now));
  if (isZsk(key)) lines.push(sinceLine('zone signing:', state?.zrrsig, times.activate, now));
  lines.push('', rolloverLine(key, policy, now));
  if (state?.goal !== undefined) lines.push(`  - goal:           ${state.goal}`);
  if (state?.dnskey !== undefined) lines.push(`  - dnskey:         ${state.dnskey}`);
  if (state?.ds !== undefined) lines.push(`  - ds:             ${state.ds}`);
  if (state?.zrrsig !== undefined) lines.push(`  - zone rrsig:     ${state.zrrsig}`);
  if (state?.krrsig !== undefined) lines.push(`  - key rrsig:      ${state.krrsig}`);
  return `${lines.join('\n')}\n`;
}

function sinceLine(what: string, condition: KeyCondition | undefined, time: number | undefined, now: number): string {
  if (isShown(condition)) return `  ${what}   yes${time === undefined ? '' : ` - since ${formatCalendarTime(time)}`}`;
  const scheduled = time !== undefined && time > now ? `  - scheduled ${formatCalendarTime(time)}` : '';
  return `  ${what}   no${scheduled}`;
}

/**
 * As BIND has it: what tells how far a key is are its signatures of the zone, of one that signs no zone those of the DNSKEY RRset. The
 * latter is still to sign until its DNSKEY goes, which is when no cache has its DS any more.
 */
function rolloverLine(key: KeyPair, policy: DnssecPolicy, now: number): string {
  const { times, state } = key;
  const isLeaving = state?.goal === 'hidden';
  const signatures = isZsk(key) ? state?.zrrsig : state?.krrsig;
  if (isLeaving && !isShown(signatures)) {
    if (!isShown(state.dnskey)) return '  Key has been removed from the zone';
    return `  Key is retired, will be removed on ${formatCalendarTime(times.delete ?? now)}`;
  }
  const retire = isZsk(key) ? times.inactive : times.delete;
  if (retire === undefined) return '  No rollover scheduled';
  if (retire <= now) return `  Rollover is due since ${formatCalendarTime(retire)}`;
  if (isLeaving) return `  Key will retire on ${formatCalendarTime(retire)}`;
  // A rollover begins with the publication of the next key.
  return `  Next rollover scheduled on ${formatCalendarTime((times.inactive ?? retire) - dnskeyInterval(policy))}`;
}

const isShown = (condition: KeyCondition | undefined): boolean =>
  condition === 'rumoured' || condition === 'omnipresent';
