import type { Clock } from '../../base/clock.ts';
import type { Appliance, Operator } from '../appliance/appliance.ts';
import type { Completion } from './line-editor.ts';
import type { Terminal } from './terminal.ts';

/** What a command has to work with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly operator: Operator;
  readonly appliance: Appliance;
  readonly clock: Clock;
  /** The address at which the person has reached the appliance. */
  readonly localAddress: string;
  /** All of them, for help. */
  readonly commands: readonly ConsoleCommand[];
  /** A line of output. */
  say(line: string): void;
}

export interface ConsoleCommand {
  /** What it begins with: "set pin". */
  readonly words: string;
  /** Its arguments as help shows them: "<wheel|so|user> [<pin>]"; empty: it takes none. */
  readonly usage: string;
  readonly help: string;
  /** The command of the rights matrix that it is, where that has other words. */
  readonly right?: string;
  /** What its first argument may be, for completion. */
  readonly choices?: readonly string[];
  /** How many arguments it takes; default 0 to 0. */
  readonly arity?: readonly [number, number];
  /** What is typed after the words may be secret: such a line is not kept in the history. */
  readonly isSecret?: boolean;
  /** The PINs that the rights matrix asks for were entered before. What rejects is shown to the person. */
  run(context: CommandContext, args: readonly string[]): Promise<void>;
}

export type ParsedLine =
  | { readonly kind: 'empty' }
  | { readonly kind: 'unknown'; readonly candidates: readonly ConsoleCommand[] }
  | { readonly kind: 'wrong arguments'; readonly command: ConsoleCommand }
  | { readonly kind: 'command'; readonly command: ConsoleCommand; readonly args: readonly string[] };

/** The command whose words are the longest beginning of the line. Words are taken in any case. */
export function parseLine(commands: readonly ConsoleCommand[], line: string): ParsedLine {
  const typed = wordsOf(line);
  if (typed.length === 0) return { kind: 'empty' };
  let best: ConsoleCommand | undefined;
  let length = 0;
  for (const command of commands) {
    const own = command.words.split(' ');
    if (own.length > length && beginsWith(typed, own)) {
      best = command;
      length = own.length;
    }
  }
  if (best === undefined) {
    const candidates = commands.filter(({ words }) => words.split(' ')[0] === typed[0].toLowerCase());
    return { kind: 'unknown', candidates };
  }
  const args = typed.slice(length);
  const [least, most] = best.arity ?? [0, 0];
  if (args.length < least || args.length > most) return { kind: 'wrong arguments', command: best };
  return { kind: 'command', command: best, args };
}

/** Completes the word that is being typed, of a command or of its first argument. */
export function completeLine(commands: readonly ConsoleCommand[], line: string): Completion {
  const typed = wordsOf(line);
  const isNewWord = line === '' || line.endsWith(' ');
  const done = isNewWord ? typed : typed.slice(0, -1);
  const begun = isNewWord ? '' : typed[typed.length - 1];
  const next = new Set<string>();
  for (const { words, choices = [] } of commands) {
    const own = words.split(' ');
    const all = done.length < own.length ? [own[done.length]] : done.length === own.length ? choices : [];
    if (done.length <= own.length && beginsWith(done, own.slice(0, done.length)))
      for (const word of all) if (word.toLowerCase().startsWith(begun.toLowerCase())) next.add(word);
  }
  const choices = [...next].sort();
  if (choices.length === 0) return { line: undefined, choices: [] };
  const common = commonBeginning(choices);
  const isWhole = choices.length === 1;
  if (!isWhole && common.length <= begun.length) return { line: undefined, choices };
  return { line: [...done, common].join(' ') + (isWhole ? ' ' : ''), choices };
}

/** ` . set pin <wheel|so|user> [<pin>]      changes a PIN` */
export function usageLine({ words, usage, help }: ConsoleCommand): string {
  const typed = ` . ${words} ${usage}`.trimEnd();
  // What is longer has the text on a line of its own, so that all texts stand below each other.
  return typed.length < USAGE_COLUMNS
    ? `${typed.padEnd(USAGE_COLUMNS)}${help}`
    : `${typed}\n${' '.repeat(USAGE_COLUMNS)}${help}`;
}

const USAGE_COLUMNS = 42;

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

function beginsWith(typed: readonly string[], own: readonly string[]): boolean {
  return own.every((word, i) => typed[i]?.toLowerCase() === word.toLowerCase());
}

function commonBeginning(words: readonly string[]): string {
  let [common] = words;
  for (const word of words) while (!word.startsWith(common)) common = common.slice(0, -1);
  return common;
}
