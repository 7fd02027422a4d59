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

function rolloverLine({ times, state }: KeyPair, policy: DnssecPolicy, now: number): string {
  const { inactive } = times;
  const isLeaving = state?.goal === 'hidden';
  if (isLeaving && !isShown(state.dnskey)) return '  Key has been removed from the zone';
  if (isLeaving && !isShown(state.zrrsig) && !isShown(state.krrsig))
    return `  Key is retired, will be removed on ${formatCalendarTime(times.delete ?? now)}`;
  if (inactive === undefined) return '  No rollover scheduled';
  const coming = isLeaving ? 'Key will retire on' : 'Next rollover scheduled on';
  // A rollover begins with the publication of the next key.
  const time = isLeaving ? inactive : inactive - dnskeyInterval(policy);
  return `  ${time <= now ? 'Rollover is due since' : coming} ${formatCalendarTime(time)}`;
}

const isShown = (condition: KeyCondition | undefined): boolean =>
  condition === 'rumoured' || condition === 'omnipresent';
