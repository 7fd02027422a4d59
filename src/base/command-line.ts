/**
 * Command lines as BIND's commands read them (`isc_commandline_parse`): one-letter options, bundled (`-qv`), an argument
 * in the same word (`-Kdir`) or the next (`-K dir`), all before the first operand; `--` ends the options.
 */

/** One option in the order given. What comes after an invalid one is not looked at, because BIND prints its usage there. */
export type ParsedOption =
  | { readonly kind: 'flag'; readonly letter: string }
  | { readonly kind: 'value'; readonly letter: string; readonly argument: string }
  | { readonly kind: 'invalid'; readonly letter: string; readonly reason: 'unknown' | 'argument missing' };

export interface ParsedCommandLine {
  readonly options: readonly ParsedOption[];
  /** What follows the options. Words after the first operand are operands even when they begin with "-". */
  readonly operands: readonly string[];
}

/**
 * @param argv words after the command's name
 * @param letters every option letter, followed by ":" when it takes an argument: `"K:qv"`
 */
export function parseCommandLine(argv: readonly string[], letters: string): ParsedCommandLine {
  const options: ParsedOption[] = [];
  let at = 0;
  while (at < argv.length) {
    const word = argv[at];
    // A lone "-" is an operand: standard input or output.
    if (!word.startsWith('-') || word === '-') break;
    at++;
    if (word === '--') break;
    for (let i = 1; i < word.length; i++) {
      const letter = word[i];
      const known = letter === ':' ? -1 : letters.indexOf(letter);
      if (known < 0) {
        options.push({ kind: 'invalid', letter, reason: 'unknown' });
        return { options, operands: argv.slice(at) };
      }
      if (letters[known + 1] !== ':') {
        options.push({ kind: 'flag', letter });
        continue;
      }
      const inWord = word.slice(i + 1);
      if (inWord === '' && at >= argv.length) {
        options.push({ kind: 'invalid', letter, reason: 'argument missing' });
        return { options, operands: [] };
      }
      options.push({ kind: 'value', letter, argument: inWord === '' ? argv[at++] : inWord });
      break;
    }
  }
  return { options, operands: argv.slice(at) };
}

/** Where a command prints. Tests give one that keeps what was printed. */
export interface CommandOutput {
  /** Standard output. */
  print(text: string | Uint8Array): void;
  /** Standard error. */
  complain(text: string): void;
}
