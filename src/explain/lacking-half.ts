import { dsGoneSince, isKnown, signsZone, type PlannedKey } from '../policy/planned-key.ts';
import type { ExplainInput } from './explain-input.ts';
import type { Advice, LackingExplanation } from './explanation.ts';
import { momentOf } from './interval-text.ts';
import { checkdsCommand, loadkeysCommand } from './rndc-command.ts';
import { momentText } from './time-text.ts';

/** A key that a zone needs signatures of, and nobody can make them. */
export interface LackingHalf {
  /** Where the private half should be. */
  readonly file: string;
  /** Unix seconds: the end of the first signature that is served of this key; absent: there is none. */
  readonly end?: number;
}

/** What comes of it that a private half is not at hand, and what to do; undefined: it is, or is not needed. */
export function explainLacking(key: PlannedKey, input: ExplainInput): LackingExplanation | undefined {
  const half = input.lacking?.get(key.id);
  if (half === undefined) return undefined;
  const { file, end } = half;
  return {
    file,
    text: `its private half is not there or cannot be used: ${consequence(key, end, input)}`,
    ...(end !== undefined && { end: momentOf(end, input.now) }),
    advice: adviceOf(key, half, input),
  };
}

function consequence(key: PlannedKey, end: number | undefined, { now }: ExplainInput): string {
  if (end === undefined) return 'it cannot take its place, and no key comes or goes until it is there';
  const verb = end <= now ? 'ended' : 'ends';
  if (signsZone(key))
    return `nothing can be signed, and what is served stays; the first of its signatures ${verb} ${momentText(end, now)}`;
  return (
    'zone data are signed on, and the DNSKEY, CDS and CDNSKEY RRsets stay as they are; its signature over DNSKEY ' +
    `${verb} ${momentText(end, now)}, and then resolvers that trust this key alone refuse the zone`
  );
}

/** RFC 6781 section 4.3: a key that is lost for good is given up, in time, by way of a zone without a DS of it. */
function adviceOf(key: PlannedKey, { file, end }: LackingHalf, input: ExplainInput): Advice[] {
  const { policy, now } = input;
  const advice: Advice[] = [{ text: `restore ${file}, then have named look`, command: loadkeysCommand(input) }];
  if (end === undefined || !isKnown(key.state?.ds) || dsGoneSince(key) !== undefined) return advice;
  const latest = end - policy.parentDsTtl - policy.parentPropagationDelay;
  const when = latest > now ? `before ${momentText(latest, now)}` : 'at once';
  const first = policy.keys.length === 0 ? '' : 'set "dnssec-policy insecure;", ';
  const text = `if it is lost for good: ${first}have the parent remove its DS ${when}, and say so when it is gone`;
  return [...advice, { text, command: checkdsCommand(key, 'withdrawn', input) }];
}
