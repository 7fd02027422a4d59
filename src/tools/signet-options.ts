import { Refusal } from './signet-context.ts';

/** How an option is written and what it does. `argument` is what its argument is called; absent: it takes none. */
export interface OptionForm {
  readonly argument?: string;
  /** It may be given more than once. */
  readonly isRepeated?: boolean;
  readonly help: string;
}

/** A subcommand's options by their names, without the dashes. */
export type OptionForms = Readonly<Record<string, OptionForm>>;

/** What a command line says. */
export interface SignetOptions {
  has(name: string): boolean;
  /** The argument of an option that may be given once. */
  value(name: string): string | undefined;
  /** The arguments of one that may be repeated, in order. */
  values(name: string): readonly string[];
  readonly operands: readonly string[];
}

/** Letters for options that other commands have under one letter, too. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ['-c', '--config'],
  ['-h', '--help'],
]);

/**
 * Options `--name`, `--name ARGUMENT` and `--name=ARGUMENT`, anywhere between the operands; `--` ends them.
 * @throws Refusal for an unknown option, one that lacks its argument or is there twice
 */
export function parseOptions(words: readonly string[], forms: OptionForms): SignetOptions {
  const found = new Map<string, string[]>();
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = SHORT.get(words[at]) ?? words[at];
    if (word === '--') {
      operands.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    const [, name = '', inWord] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (form === undefined) throw new Refusal(`${word}: no such option; there are ${optionList(forms)}`);
    if (form.argument === undefined && inWord !== undefined) throw new Refusal(`--${name} takes no argument`);
    const isApart = form.argument !== undefined && inWord === undefined;
    const argument = isApart ? words[++at] : inWord;
    if (form.argument !== undefined && argument === undefined)
      throw new Refusal(`--${name} needs an argument: ${form.argument}`);
    const before = found.get(name) ?? [];
    if (before.length > 0 && form.isRepeated !== true) throw new Refusal(`--${name} may be given once only`);
    found.set(name, [...before, argument ?? '']);
  }
  return {
    has: (name) => found.has(name),
    value: (name) => found.get(name)?.[0],
    values: (name) => found.get(name) ?? [],
    operands,
  };
}

function optionList(forms: OptionForms): string {
  return Object.keys(forms)
    .map((name) => `--${name}`)
    .join(', ');
}

/** One line an option, for usage texts. */
export function optionHelp(forms: OptionForms): string {
  const lines = Object.entries(forms).map(([name, { argument, help }]) => {
    const short = [...SHORT].find(([, long]) => long === `--${name}`)?.[0];
    const form = `${short === undefined ? '' : `${short}, `}--${name}${argument === undefined ? '' : ` ${argument}`}`;
    return { form, help };
  });
  const width = Math.max(...lines.map(({ form }) => form.length));
  return lines.map(({ form, help }) => `  ${form.padEnd(width)}  ${help}\n`).join('');
}

/** The only operand. @throws Refusal when there is none or more than one */
export function oneOperand(options: SignetOptions, what: string): string {
  if (options.operands.length !== 1)
    throw new Refusal(`${options.operands.length === 0 ? 'missing' : 'one only'}: ${what}`);
  return options.operands[0];
}
