/** Fills the state column of docs/acceptance.md: the test files whose titles name the row. With --check it only compares. */
import fs from 'node:fs';

const PAGE = 'docs/acceptance.md';

/** Row id to the test files that have it in a title, in order. */
function provenRows(): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const file of fs.globSync('test/**/*.test.ts').sort()) {
    const titles = fs.readFileSync(file, 'utf8').matchAll(/\b(?:test|it|describe|suite)\(\s*(['"`])(.*?)\1/gs);
    const ids = new Set([...titles].flatMap((title) => title[2].match(/S-\d{3}/g) ?? []));
    for (const id of ids) rows.set(id, [...(rows.get(id) ?? []), file]);
  }
  return rows;
}

/** The page with its state column made true. @throws when a title names a row that the page does not have */
export function acceptancePage(page: string): string {
  const proven = provenRows();
  const lines = page.split('\n').map((line) => {
    const row = /^\| (S-\d{3}) \| (.*) \| ([^|]*) \|$/.exec(line);
    if (!row) return line;
    const [, id, feature, state] = row;
    const files = proven.get(id);
    proven.delete(id);
    if (files) return `| ${id} | ${feature} | ${files.map((file) => `\`${file}\``).join(', ')} |`;
    return state.startsWith('missing') ? line : `| ${id} | ${feature} | missing: a test |`;
  });
  if (proven.size > 0)
    throw new Error(`test titles name rows that ${PAGE} does not have: ${[...proven.keys()].join(' ')}`);
  return lines.join('\n');
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
