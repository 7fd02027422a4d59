import fs from 'node:fs';
import path from 'node:path';

/**
 * Makes src/wire/tables/*.ts from the *.csv beside them. Each CSV line is `code,mnemonic,reference[,octets]`; lines that
 * begin with "#" are comments, the first of which becomes the comment of the table.
 *
 * `npm run tables` writes; with `--check` it only says whether what is committed differs.
 */
const FOLDER = path.join(import.meta.dirname, '../src/wire/tables');

interface Row {
  readonly code: number;
  readonly mnemonic: string;
  readonly reference: string;
  readonly octets: number | undefined;
}

/** The text of the module that belongs to one CSV file. @throws Error that names the file and line of a bad row */
export function tableModule(file: string, csv: string): string {
  const lines = csv.split('\n');
  const comments = lines.filter((line) => line.startsWith('#')).map((line) => line.slice(1).trim());
  const rows = lines.flatMap((line, index) =>
    line === '' || line.startsWith('#') ? [] : [parseRow(file, line, index)],
  );
  const name = path.basename(file, '.csv').replaceAll('-', '_').toUpperCase();
  const shape = rows[0].octets === undefined ? 'code, mnemonic' : 'code, mnemonic, octets';
  const type = rows[0].octets === undefined ? '[number, string]' : '[number, string, number]';
  const body = rows.map(
    (row) => `  [${[row.code, `'${row.mnemonic}'`, row.octets ?? []].flat().join(', ')}], // ${row.reference}\n`,
  );
  return (
    `// Made by scripts/iana-tables.ts from ${path.basename(file)}: change that file and run "npm run tables".\n\n` +
    `/** ${comments[0]} Rows are ${shape}. */\n` +
    `export const ${name}: readonly (readonly ${type})[] = [\n${body.join('')}];\n`
  );
}

function parseRow(file: string, line: string, index: number): Row {
  const [code, mnemonic, reference, octets] = line.split(',');
  if (!/^\d+$/.test(code) || !mnemonic || !reference) throw new Error(`${file}:${index + 1}: not a row: ${line}`);
  return { code: Number(code), mnemonic, reference, octets: octets === undefined ? undefined : Number(octets) };
}

/** Module file to its text, for every CSV file. */
export function allTables(folder = FOLDER): Map<string, string> {
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.csv'));
  return new Map(
    names.map((name) => {
      const file = path.join(folder, name);
      return [file.replace(/\.csv$/, '.ts'), tableModule(file, fs.readFileSync(file, 'utf8'))];
    }),
  );
}

function main(): void {
  for (const [file, text] of allTables()) {
    const committed = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    if (committed === text) continue;
    if (process.argv.includes('--check')) {
      process.stderr.write(`${path.relative(process.cwd(), file)} is out of date: run "npm run tables"\n`);
      process.exitCode = 1;
    } else {
      fs.writeFileSync(file, text);
    }
  }
}

if (import.meta.main) main();
