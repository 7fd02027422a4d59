import { algorithmText } from '../crypto/algorithm.ts';
import { isKsk, isZsk, type KeyPair } from '../keys/key-pair.ts';
import type { KeyCondition } from '../keys/key-state.ts';
import { formatCalendarTime } from '../keys/key-times.ts';

/** Text of `rndc dnssec -status`, as BIND 9.18 prints it. `now` is Unix seconds. */
export function keyStatusText(policy: string, keys: readonly KeyPair[], now: number): string {
  const head = `dnssec-policy: ${policy}\ncurrent time:  ${formatCalendarTime(now)}\n`;
  return head + keys.map((key) => keyText(key, now)).join('');
}

function keyText(key: KeyPair, now: number): string {
  const lines = [`\nkey: ${key.tag} (${algorithmText(key.algorithm)}), ${keyRole(key)}`];
  const { times, state } = key;
  lines.push(sinceLine('published:   ', state?.dnskey, times.publish, now));
  if (isKsk(key)) lines.push(sinceLine('key signing: ', state?.krrsig, times.publish, now));
  if (isZsk(key)) lines.push(sinceLine('zone signing:', state?.zrrsig, times.activate, now));
  lines.push('', rolloverLine(key, now));
  if (state?.goal !== undefined) lines.push(`  - goal:           ${state.goal}`);
  if (state?.dnskey !== undefined) lines.push(`  - dnskey:         ${state.dnskey}`);
  if (state?.ds !== undefined) lines.push(`  - ds:             ${state.ds}`);
  if (state?.zrrsig !== undefined) lines.push(`  - zone rrsig:     ${state.zrrsig}`);
  if (state?.krrsig !== undefined) lines.push(`  - key rrsig:      ${state.krrsig}`);
  return `${lines.join('\n')}\n`;
}

function sinceLine(what: string, condition: KeyCondition | undefined, time: number | undefined, now: number): string {
  const isVisible = condition === 'rumoured' || condition === 'omnipresent';
  if (isVisible) return `  ${what}   yes${time === undefined ? '' : ` - since ${formatCalendarTime(time)}`}`;
  const scheduled = time !== undefined && time > now ? `  - scheduled ${formatCalendarTime(time)}` : '';
  return `  ${what}   no${scheduled}`;
}

function rolloverLine({ times, state }: KeyPair, now: number): string {
  const { inactive } = times;
  if (inactive === undefined || state?.lifetime === 0) return '  No rollover scheduled';
  if (state?.goal === 'hidden')
    return `  Key has been retired, will be removed on ${formatCalendarTime(times.delete ?? now)}`;
  const word = inactive <= now ? 'Rollover is due since' : 'Next rollover scheduled on';
  return `  ${word} ${formatCalendarTime(inactive)}`;
}

/** CSK, KSK or ZSK, by what the key does. */
export function keyRole(key: KeyPair): 'CSK' | 'KSK' | 'ZSK' {
  if (!isKsk(key)) return 'ZSK';
  return isZsk(key) ? 'CSK' : 'KSK';
}
