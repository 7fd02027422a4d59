import type { KeyWait, WaitReason } from '../policy/key-wait.ts';
import type { Condition, KeyRecord } from '../policy/planned-key.ts';
import type { Advice } from './explanation.ts';
import { listText, STEP_TEXTS } from './key-words.ts';

/*
 * Every reason for a wait in words: why the step cannot be taken yet, and what helps. There is one row for each reason; a new
 * one does not compile without its row.
 */

/** What the words of a wait are made from. */
export interface WaitContext {
  readonly wait: KeyWait;
  /** The key that waits, and those that it waits for, as people call them. */
  readonly name: string;
  readonly others: readonly string[];
  /** Commands for this key; `rndc` and its arguments. */
  readonly checkds: (what: 'published' | 'withdrawn') => string;
  /** undefined: a rollover would be refused now. */
  readonly rollover: () => string | undefined;
  readonly step: () => string;
  /** What is asked for begins only by `step`. */
  readonly isManual: boolean;
}

interface ReasonTexts {
  readonly cause: (context: WaitContext) => string;
  readonly advice: (context: WaitContext) => readonly Advice[];
}

const REASONS: Readonly<Record<WaitReason, ReasonTexts>> = {
  time: {
    cause: timeCause,
    advice: ({ wait, rollover, step, isManual }) => {
      const command = isRolloverAhead(wait) ? rollover() : undefined;
      if (command === undefined) return [];
      const then = { text: 'and then, as the policy has manual-mode', command: step() };
      return [{ text: 'to roll the key over before that', command }, ...(isManual ? [then] : [])];
    },
  },
  'ds not seen at parent': {
    cause: () => 'the DS has not been seen at all servers of the parent yet',
    advice: ({ checkds }) => [
      { text: 'give the parent the DS; where named asks parental agents it sees it there by itself' },
      { text: 'else say so once all servers of the parent have it', command: checkds('published') },
    ],
  },
  'ds still at parent': {
    cause: () => 'no one has seen yet that all servers of the parent are without the DS',
    advice: ({ checkds }) => [
      { text: 'have the parent remove the DS; where named asks parental agents it sees that by itself' },
      { text: 'else say so once no server of the parent has it', command: checkds('withdrawn') },
    ],
  },
  'dnskey not known everywhere': {
    cause: (context) => `caches may have the DNSKEY RRset without ${whose(context)}`,
    advice: () => [],
  },
  'signatures not known everywhere': {
    cause: (context) => `caches may have records without the signatures of ${whose(context)}`,
    advice: () => [],
  },
  'successor not ready': {
    cause: (context) =>
      context.others.length === 0
        ? 'there is no other key that could take its place yet'
        : `some resolvers would have nothing to validate with: ${listText(context.others)} cannot take its place yet`,
    advice: () => [],
  },
  'zone still secure': {
    cause: (context) =>
      context.wait.record === 'ds' && context.wait.to === 'rumoured'
        ? `caches may still have the DNSKEY of ${whose(context)}, which signs the zone no more`
        : context.others.length === 0
          ? 'its own DS, at the parent or in a cache, still leads to it'
          : `${context.wait.record === 'zrrsig' ? 'the DNSKEY or ' : ''}the DS of ${listText(context.others)} at the parent or in a cache still leads to the zone`,
    advice: () => [],
  },
  'rollover under way': {
    cause: ({ others }) =>
      others.length === 0
        ? 'another rollover of its kind has to end first'
        : `the rollover of ${listText(others)} has to end first`,
    advice: () => [],
  },
  'manual step': {
    cause: () => 'the policy has manual-mode: named begins nothing before an operator says so',
    advice: ({ step }) => [{ text: 'to have this begin, with all else that waits for an operator', command: step() }],
  },
};

export function causeOf(context: WaitContext): string {
  return REASONS[context.wait.reason].cause(context);
}

export function adviceOf(context: WaitContext): readonly Advice[] {
  return REASONS[context.wait.reason].advice(context);
}

/** What happens when the wait is over. */
export function stepOf({ record, from, to }: KeyWait): string {
  if (record !== undefined) return STEP_TEXTS[record][to];
  if (from === 'hidden' && to === 'hidden') return 'its files are removed';
  return to === 'hidden' ? 'its withdrawal begins' : 'its introduction begins';
}

function whose({ others, name }: WaitContext): string {
  return listText(others.length === 0 ? [name] : others);
}

const isRolloverAhead = ({ record, from, to }: KeyWait): boolean =>
  record === undefined && from === 'omnipresent' && to === 'hidden';

/** What time has to bring about. */
const TIME_CAUSES: Readonly<Record<KeyRecord, Readonly<Record<Condition, string>>>> = {
  dnskey: {
    rumoured: 'its time of publication has not come',
    omnipresent: 'caches may have the DNSKEY RRset without it',
    unretentive: 'caches may have signatures that need it',
    hidden: 'caches may have the DNSKEY RRset with it',
  },
  zrrsig: {
    rumoured: 'its time of activation has not come',
    omnipresent: 'caches may have records without its signatures',
    unretentive: 'its time of inactivation has not come',
    hidden: 'the zone or caches may have signatures by it',
  },
  krrsig: {
    rumoured: 'its time of publication has not come',
    omnipresent: 'caches may have the DNSKEY RRset without its signature',
    unretentive: 'caches may have a DS that leads to it',
    hidden: 'caches may have its signature of the DNSKEY RRset',
  },
  ds: {
    rumoured: 'its DNSKEY and the signatures that it leads to are not known everywhere',
    omnipresent: 'caches may have the DS RRset without it',
    unretentive: 'the DS that takes its place is not known everywhere',
    hidden: 'caches may have the DS RRset with it',
  },
};

function timeCause({ wait, others }: WaitContext): string {
  const { record, from, to } = wait;
  // RFC 6781 section 4.1.4: signatures of an algorithm stay until no cache has a DNSKEY of it.
  if (others.length > 0)
    return `caches may have the DNSKEY of ${listText(others)}, whose algorithm has to sign everything`;
  if (record !== undefined) return TIME_CAUSES[record][to];
  if (isRolloverAhead(wait)) return 'its lifetime has not come that far';
  return from === 'hidden' ? 'purge-keys keeps the files for a while' : 'its time has not come';
}
