import { type CommandReply, fail, RESULT, succeed } from '../control/results.ts';
import { algorithmByName } from '../crypto/algorithm.ts';
import { parseKeyTime } from '../keys/key-times.ts';
import type { KeyRequest, KeyRequestOutcome } from './key-requests.ts';
import { logTime } from './log-line.ts';

/*
 * rndc(8): dnssec -status zone | -rollover -key id [-alg algorithm] [-when time] zone |
 *          -step zone (BIND 9.21) | -checkds [-key id [-alg algorithm]] [-when time] published|withdrawn zone, with BIND 9.18's errors in its order.
 */

/** A command of `rndc dnssec`, with the words that name the zone. */
export type KeyCommand =
  | { readonly kind: 'status'; readonly zone: readonly string[] }
  | { readonly kind: 'step'; readonly zone: readonly string[] }
  | { readonly kind: 'request'; readonly request: Wanted; readonly zone: readonly string[] };

/** A request whose time is not said yet: "now" is when it is obeyed. */
export type Wanted = Omit<KeyRequest, 'when'> & { readonly when: number | undefined } & (
    { readonly kind: 'rollover' } | { readonly kind: 'checkds'; readonly seen: 'published' | 'withdrawn' }
  );

/** @param words those after "dnssec" */
export function readKeyCommand(words: readonly string[]): KeyCommand | CommandReply {
  const [option, ...rest] = words;
  switch (option?.toLowerCase()) {
    case undefined:
      return fail(RESULT.unexpectedEnd);
    case '-status':
      return rest.length === 0 ? fail(RESULT.unexpectedEnd, 'Zone not found') : { kind: 'status', zone: rest };
    case '-step':
      return rest.length === 0 ? fail(RESULT.unexpectedEnd, 'Zone not found') : { kind: 'step', zone: rest };
    case '-rollover':
      return readRequest('rollover', rest);
    case '-checkds':
      return readRequest('checkds', rest);
    default:
      return fail(RESULT.syntax);
  }
}

interface Options {
  tag: number | undefined;
  algorithm: number | undefined;
  when: number | undefined;
}

function readRequest(kind: 'rollover' | 'checkds', words: readonly string[]): KeyCommand | CommandReply {
  const options: Options = { tag: undefined, algorithm: undefined, when: undefined };
  let at = 0;
  for (; words[at]?.startsWith('-'); at += 2) {
    const refusal = readOption(options, words[at], words[at + 1]);
    if (refusal !== undefined) return refusal;
  }
  const word = words[at]?.toLowerCase();
  if (word === undefined) return fail(RESULT.unexpectedEnd, 'Bad format');
  if (kind === 'rollover') {
    if (options.tag === undefined) return fail(RESULT.syntax, 'Key id is required when scheduling rollover');
    return { kind: 'request', request: { kind, ...options }, zone: words.slice(at) };
  }
  if (word !== 'published' && word !== 'withdrawn') return fail(RESULT.syntax);
  if (options.algorithm !== undefined && options.tag === undefined)
    return fail(RESULT.syntax, 'Key id is required when setting algorithm');
  const zone = words.slice(at + 1);
  if (zone.length === 0) return fail(RESULT.unexpectedEnd, 'Zone not found');
  return { kind: 'request', request: { kind, seen: word, ...options }, zone };
}

/** Options may be cut short, as BIND takes them: "-k" is "-key". */
function readOption(options: Options, word: string, value: string | undefined): CommandReply | undefined {
  const isShortOf = (name: string): boolean => name.startsWith(word.slice(1).toLowerCase());
  if (isShortOf('alg')) {
    if (value === undefined) return fail(RESULT.unexpectedEnd, 'No key algorithm specified');
    options.algorithm = readAlgorithm(value);
    return options.algorithm === undefined ? fail(RESULT.syntax, 'Bad algorithm') : undefined;
  }
  if (isShortOf('key')) {
    if (value === undefined) return fail(RESULT.unexpectedEnd, 'No key identifier specified');
    if (!/^\d+$/.test(value)) return fail(RESULT.badNumber);
    options.tag = Number(value);
    return options.tag > 0xffff ? fail(RESULT.range) : undefined;
  }
  if (isShortOf('when')) {
    if (value === undefined) return fail(RESULT.unexpectedEnd, 'No time specified');
    if (!/^\d{14}$/.test(value)) return fail(RESULT.syntax);
    options.when = parseKeyTime(value);
    return options.when === undefined ? fail(RESULT.range) : undefined;
  }
  return fail(RESULT.syntax, 'Unknown option');
}

function readAlgorithm(text: string): number | undefined {
  const known = algorithmByName(text)?.number;
  if (known !== undefined) return known;
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}

/** What rndc prints of a request that was obeyed or refused: BIND refuses those with exit code 0, too. */
export function requestReply(request: KeyRequest, outcome: KeyRequestOutcome): CommandReply {
  switch (outcome.kind) {
    case 'ambiguous':
      return succeed(
        `Error: multiple possible keys found, retry command with -key id\n${outcome.candidates.join('\n')}`,
      );
    case 'refused':
      return succeed(`Error executing ${request.kind} command: ${outcome.text}`);
    case 'done': {
      const time = logTime(request.when * 1000, 'local');
      if (request.kind === 'rollover') return succeed(`Key ${request.tag}: Rollover scheduled on ${time}`);
      const which = request.tag === undefined ? '' : `KSK ${request.tag}: `;
      return succeed(`${which}Marked DS as ${request.seen} since ${time}`);
    }
  }
}
