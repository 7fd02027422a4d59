import { parseCommandLine, type CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { classText } from '../wire/class-text.ts';
import { nameToText } from '../wire/name-text.ts';
import { recordTypeInClass } from '../wire/rdata/registry.ts';
import { typeText } from '../wire/type-text.ts';
import { Journal } from '../zone/journal/journal.ts';
import type { JournalFormat, TransactionHeader } from '../zone/journal/journal-format.ts';
import type { JournalRecord } from '../zone/journal/journal-records.ts';

const USAGE = 'Usage: named-journalprint [-dux] journal\n';
const RDATA_STYLE = { multiline: false, chunk: 56, chunkSeparator: ' ' } as const;
const PIECE = 1 << 16;

type Action =
  | { readonly kind: 'print'; readonly withDetails: boolean }
  | { readonly kind: 'rewrite'; readonly format: JournalFormat }
  | { readonly kind: 'compact'; readonly serial: number };

/** named-journalprint(1): prints a journal, or writes it again smaller or in another format. @returns the exit code */
export function main(argv: readonly string[], context: { output: CommandOutput; disk: Disk }): number {
  const { output } = context;
  const { options, operands } = parseCommandLine(argv, 'c:dux');
  let action: Action = { kind: 'print', withDetails: false };
  for (const option of options) {
    if (option.kind === 'invalid') {
      const problem = option.reason === 'unknown' ? 'illegal option' : 'option requires an argument';
      output.complain(`named-journalprint: ${problem} -- ${option.letter}\n${USAGE}`);
      return 1;
    }
    if (option.kind === 'value') {
      const serial = /^\d{1,10}$/.test(option.argument) ? Number(option.argument) : Number.NaN;
      if (!(serial <= 0xffffffff)) {
        output.complain(`invalid serial: ${option.argument}\n`);
        return 1;
      }
      action = { kind: 'compact', serial };
    } else if (option.letter === 'x') action = { kind: 'print', withDetails: true };
    else action = { kind: 'rewrite', format: option.letter === 'd' ? 'V9' : 'V9.2' };
  }
  if (operands.length !== 1) {
    output.complain(USAGE);
    return 1;
  }
  return withJournal(operands[0], context, (journal) => run(journal, action, output));
}

function withJournal(
  path: string,
  { output, disk }: { output: CommandOutput; disk: Disk },
  work: (journal: Journal) => void,
): number {
  try {
    const journal = Journal.open(path, { disk });
    if (journal === undefined) {
      output.complain('no journal\n');
      return 1;
    }
    try {
      work(journal);
    } finally {
      journal.close();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof SignetError)) throw error;
    output.complain(`named-journalprint: ${error.message}\n`);
    return 1;
  }
}

function run(journal: Journal, action: Action, output: CommandOutput): void {
  if (action.kind === 'rewrite') journal.rewrite(action.format);
  else if (action.kind === 'compact') journal.dropBefore(action.serial);
  else printJournal(journal, action.withDetails, output);
}

function printJournal(journal: Journal, withDetails: boolean, output: CommandOutput): void {
  let text = withDetails ? headerText(journal) : '';
  if (journal.sourceSerial !== undefined) text += `Source serial = ${journal.sourceSerial}\n`;
  for (const transaction of journal.isEmpty ? [] : journal.transactions()) {
    if (withDetails) text += transactionText(journal.format, transaction);
    for (const record of journal.records(transaction)) {
      text += recordText(record);
      if (text.length < PIECE) continue;
      output.print(text);
      text = '';
    }
  }
  output.print(text);
}

function headerText(journal: Journal): string {
  const { index, indexSize } = journal.header;
  return (
    `Journal format = BIND LOG ${journal.format}\n` +
    `Header version = ${formatNumber(journal.format)}\n` +
    `Start serial = ${journal.beginSerial}\n` +
    `End serial = ${journal.endSerial}\n` +
    `Index (size = ${indexSize}):\n` +
    `${index.map(({ offset }) => `${offset} `).join('')}\n`
  );
}

function transactionText(format: JournalFormat, transaction: TransactionHeader): string {
  const { offset, size, recordCount, start, end } = transaction;
  return (
    `Transaction: version ${formatNumber(format)} offset ${offset} size ${size} rrcount ${recordCount} ` +
    `start ${start} end ${end}\n`
  );
}

const formatNumber = (format: JournalFormat): number => (format === 'V9' ? 1 : 2);

/** `add` or `del` and the record in columns of 8, the owner having three; one blank where a field is too long. */
function recordText(record: JournalRecord): string {
  const { isAdded, owner, type, ttl, rdata } = record;
  const rdataText = recordTypeInClass(type, record.class).toText(rdata, RDATA_STYLE);
  let line = nameToText(owner);
  let column = 24;
  for (const field of [String(ttl), classText(record.class), typeText(type), rdataText]) {
    line += columnOf(line) < column ? '\t'.repeat(Math.ceil((column - columnOf(line)) / 8)) : ' ';
    line += field;
    column += 8;
  }
  return `${isAdded ? 'add' : 'del'} ${line}\n`;
}

/** The column behind a text with tabs every 8 columns. */
function columnOf(text: string): number {
  let column = 0;
  for (const character of text) column = character === '\t' ? (column & ~7) + 8 : column + 1;
  return column;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2), { output: processOutput, disk: new NodeDisk() });
