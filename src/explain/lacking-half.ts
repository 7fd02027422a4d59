import { dsGoneSince, isKnown, signsKeys, signsZone, type PlannedKey } from '../policy/planned-key.ts';
import type { ExplainInput } from './explain-input.ts';
import type { Advice, LackingExplanation } from './explanation.ts';
import { momentOf } from './interval-text.ts';
import { keyName } from './key-words.ts';
import { checkdsCommand, loadkeysCommand } from './rndc-command.ts';
import { momentText } from './time-text.ts';

/** A key that a zone needs signatures of, and nobody can make them. */
export interface LackingHalf {
  /** Where the private half should be. */
  readonly file: string;
  /** Unix seconds: the end of the first signature that is served of this key; absent: there is none. */
  readonly end?: number;
}

/**
 * Keys that cannot sign, are to stay, and that the parent must not come to trust alone: nobody has seen the DS there, or another key that can
 * sign is trusted still.
 */
export function lostToStay(input: ExplainInput): readonly PlannedKey[] {
  const { keys, lacking, policy } = input;
  if (policy.keys.length === 0) return [];
  return keys.filter((key) => {
    if (lacking?.has(key.id) !== true || !signsKeys(key) || key.state?.goal !== 'omnipresent') return false;
    return key.state.ds !== 'omnipresent' || rescueFor(key, input) !== undefined;
  });
}

/** Another KSK that signs and that the parent may have a DS of. */
function rescueFor(lost: PlannedKey, { keys, lacking }: ExplainInput): PlannedKey | undefined {
  return keys.find(
    ({ id, state }) =>
      id !== lost.id &&
      lacking?.has(id) !== true &&
      isKnown(state?.ds) &&
      state?.krrsig === 'omnipresent' &&
      state.dnskey === 'omnipresent',
  );
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
  const rescue = lostToStay(input).includes(key) ? rescueFor(key, input) : undefined;
  if (rescue !== undefined) {
    const name = keyName(rescue, input.keys);
    const text = `let the parent have the DS of ${name} and none of this key; if it is lost for good, only "dnssec-policy insecure;" and a new beginning take it out of the zone`;
    return [...advice, { text }];
  }
  if (end === undefined || !isKnown(key.state?.ds) || dsGoneSince(key) !== undefined) return advice;
  const latest = end - policy.parentDsTtl - policy.parentPropagationDelay;
  const when = latest > now ? `before ${momentText(latest, now)}` : 'at once';
  const first = policy.keys.length === 0 ? '' : 'set "dnssec-policy insecure;", ';
  const text = `if it is lost for good: ${first}have the parent remove its DS ${when}, and say so when it is gone`;
  return [...advice, { text, command: checkdsCommand(key, 'withdrawn', input) }];
}
