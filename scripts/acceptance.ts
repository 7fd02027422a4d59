/**
 * Fills the state column of docs/acceptance.md: the test files whose titles name the row. A title that names it with "(part)" behind,
 * as in 'S-010 (part) states survive a restart', proves only part of the row; what is missing is then written in the page by hand.
 * With --check it only compares.
 */
import fs from 'node:fs';

const PAGE = 'docs/acceptance.md';

/** What the titles say of one row. */
export interface Proof {
  readonly files: readonly string[];
  /** True when at least one title claims the whole row. */
  readonly whole: boolean;
}

/** The page with its state column made true. @throws when titles and page do not fit together */
export function acceptancePage(page: string, proofs: ReadonlyMap<string, Proof> = readProofs()): string {
  const unknown = new Set(proofs.keys());
  const lines = page.split('\n').map((line) => {
    const row = /^\| (S-\d{3}) \| (.*) \| ([^|]*) \|$/.exec(line);
    if (!row) return line;
    const [, id, feature, state] = row;
    unknown.delete(id);
    return `| ${id} | ${feature} | ${stateOf(id, state, proofs.get(id))} |`;
  });
  if (unknown.size > 0) throw new Error(`test titles name rows that ${PAGE} does not have: ${[...unknown].join(' ')}`);
  return lines.join('\n');
}

function stateOf(id: string, before: string, proof: Proof | undefined): string {
  const missing = /missing: (.*)$/.exec(before)?.[1];
  if (!proof) return `missing: ${missing ?? 'a test'}`;
  const files = proof.files.map((file) => `\`${file}\``).join(', ');
  if (proof.whole) return files;
  if (missing === undefined || missing === 'a test')
    throw new Error(`tests prove only part of ${id}: write "missing: <what>" as its state into ${PAGE}`);
  return `part: ${files}; missing: ${missing}`;
}

/** Row id to what the titles of all tests say of it; files in order. */
function readProofs(): Map<string, Proof> {
  const rows = new Map<string, Proof>();
  for (const file of fs.globSync('test/**/*.test.ts').sort())
    for (const [id, whole] of claims(fs.readFileSync(file, 'utf8'))) {
      const before = rows.get(id);
      rows.set(id, { files: [...(before?.files ?? []), file], whole: whole || (before?.whole ?? false) });
    }
  return rows;
}

/** The rows that titles in this text name; true for those that one of them claims whole. */
export function claims(text: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  // Titles kept in tables begin with their row.
  for (const [, , title] of text.matchAll(/(?:\b(?:test|it|describe|suite)\(\s*|(?=['"`]S-\d{3} ))(['"`])(.*?)\1/gs))
    for (const [, id, part] of title.matchAll(/(S-\d{3})( \(part\))?/g))
      found.set(id, (found.get(id) ?? false) || part === undefined);
  return found;
}

if (import.meta.main) {
  const page = fs.readFileSync(PAGE, 'utf8');
  const made = acceptancePage(page);
  if (!process.argv.includes('--check')) fs.writeFileSync(PAGE, made);
  else if (made !== page) {
    console.error(`${PAGE} is not what the tests say: run node scripts/acceptance.ts`);
    process.exit(1);
  }
}
