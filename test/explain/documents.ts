import { SimulatedClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { main } from '../../src/tools/signet.ts';
import { Arena } from '../../src/zone/store/arena.ts';

/*
 * Documents with what commands print. A fenced block `named.conf` begins with `// FILE` and is that file; in a block `console`
 * a line `$ command` is followed by what it prints, where a line `...` stands for any lines, also none.
 */

export interface DocumentCommand {
  readonly words: readonly string[];
  readonly expected: readonly string[];
  /** Of the command in the document, from 1. */
  readonly line: number;
}

export interface DocumentBlocks {
  readonly files: ReadonlyMap<string, string>;
  readonly commands: readonly DocumentCommand[];
}

export function readDocument(text: string): DocumentBlocks {
  const files = new Map<string, string>();
  const commands: DocumentCommand[] = [];
  for (const { language, lines, at } of fences(text)) {
    if (language === 'named.conf') {
      const [, file] = /^\/\/ (\S+)$/.exec(lines[0]) ?? [];
      if (file !== undefined) files.set(file, lines.join('\n'));
    }
    if (language === 'console') commands.push(...commandsOf(lines, at));
  }
  return { files, commands };
}

interface Fence {
  readonly language: string;
  readonly lines: readonly string[];
  readonly at: number;
}

function fences(text: string): Fence[] {
  const found: Fence[] = [];
  let open: { language: string; lines: string[]; at: number } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const [, language] = /^```(\S*)$/.exec(line) ?? [];
    if (language === undefined) open?.lines.push(line);
    else if (open) {
      found.push(open);
      open = undefined;
    } else open = { language, lines: [], at: i + 2 };
  }
  return found;
}

function commandsOf(lines: readonly string[], at: number): DocumentCommand[] {
  const starts = lines.flatMap((line, i) => (line.startsWith('$ ') ? i : []));
  return starts.map((start, i) => ({
    words: lines[start].slice(2).split(' '),
    expected: lines.slice(start + 1, starts[i + 1]),
    line: at + start,
  }));
}

/** What `signet` prints in a directory, line by line. @param now Unix seconds */
export function runSignet(words: readonly string[], directory: string, now: number): string[] {
  let text = '';
  const print = (part: string | Uint8Array): void => {
    text += typeof part === 'string' ? part : new TextDecoder().decode(part);
  };
  const output = { print, complain: () => undefined };
  const before = process.cwd();
  process.chdir(directory);
  try {
    const makeArena = (): Arena => Arena.create(1 << 24);
    main(words, { output, disk: new NodeDisk(), clock: new SimulatedClock(now), makeArena });
  } finally {
    process.chdir(before);
  }
  return text.replace(/\n$/, '').split('\n');
}

/** The first line of `expected` that `printed` does not have in its place; undefined: all is as it is written. */
export function firstDifference(printed: readonly string[], expected: readonly string[]): string | undefined {
  let at = 0;
  let isGap = false;
  for (const line of expected) {
    if (line === '...') {
      isGap = true;
      continue;
    }
    const found = isGap ? printed.indexOf(line, at) : printed[at] === line ? at : -1;
    if (found < 0) return line;
    at = found + 1;
    isGap = false;
  }
  return isGap || at === printed.length ? undefined : printed[at];
}
