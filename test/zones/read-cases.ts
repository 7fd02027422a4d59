import fs from 'node:fs';
import path from 'node:path';

/** The texts of one file of cases: lines of master files behind a good head. */
export function readCases(name: 'broken-lines' | 'questionable-zones'): string[] {
  const file = path.join(import.meta.dirname, 'cases', `${name}.json`);
  return (JSON.parse(fs.readFileSync(file, 'utf8')) as { cases: string[] }).cases;
}
