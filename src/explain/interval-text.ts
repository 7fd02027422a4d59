import { durationText } from '../base/duration-text.ts';
import { isoTime } from '../base/iso-time.ts';
import type { WaitInterval } from '../policy/key-wait.ts';
import type { Moment, RuleExplanation } from './explanation.ts';
import { distanceText } from './time-text.ts';

/** Terms of RFC 7583, "DNSSEC Key Rollover Timing Considerations", with the section that introduces them, and our own. */
const MEANINGS: Readonly<Record<string, string>> = {
  Ipub: 'publication interval (RFC 7583 section 3.2.1): until every cache that has the DNSKEY RRset has it with the new key',
  IpubC:
    'publication interval in the child (RFC 7583 section 3.3.1): until every cache that has the DNSKEY RRset has it with the new key',
  IpubP:
    'publication interval in the parent (RFC 7583 section 3.3.2): until every cache that has the DS RRset has it with the new DS',
  Iret: 'retire interval (RFC 7583 sections 3.2.1 and 3.3.1): until caches have dropped what was there before the change',
  'Dprp + TTLkey':
    'propagation delay and TTL of the DNSKEY RRset (RFC 7583 section 3.2.1): until no cache has the RRset with the key',
  Lzsk: 'lifetime of the ZSK (RFC 7583 section 3.2.1), less the time that its successor needs to become known',
  Lksk: 'lifetime of the KSK (RFC 7583 section 3.3.1), less the time that its successor needs to become known',
  Lcsk: 'lifetime of the CSK, less the time that its successor needs to become known',
  'purge-keys': 'time that the policy keeps the files of a key of which no cache has anything',
};

/** The terms that have a meaning here. */
export const RULE_TERMS: readonly string[] = Object.keys(MEANINGS);

export function momentOf(unix: number, now: number): Moment {
  return { unix, utc: isoTime(unix), distance: distanceText(unix, now) };
}

/** The interval with its sum written out. */
export function explainInterval({ term, since, parts }: WaitInterval, now: number): RuleExplanation {
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  const sum = parts.map(partText).join('').replace(/^ \+ /, '').replace(/^ - /, '-');
  const meaning = MEANINGS[term];
  // The sum of one part is that part.
  const total = parts.length === 1 ? '' : ` = ${durationText(Math.abs(seconds))}`;
  const count = seconds < 0 ? ` before ${isoTime(since)}` : `, counted from ${isoTime(since)}`;
  const isNamedAlike = parts.length === 1 && parts[0].name === term;
  return {
    term,
    ...(meaning !== undefined && { meaning }),
    since: momentOf(since, now),
    parts: parts.map(({ name, seconds: length }) => ({ name, seconds: length })),
    seconds,
    text: `${isNamedAlike ? '' : `${term} = `}${sum}${total}${count}`,
  };
}

/** A part that is subtracted comes with negative seconds (a validity less its refresh). */
function partText({ name, seconds }: { readonly name: string; readonly seconds: number }): string {
  const length = durationText(Math.abs(seconds));
  return `${seconds < 0 ? ' - ' : ' + '}${name} ${length}`;
}
