import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { FAULT_FORMS } from '../../src/simulate/fault.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { signet } from './signet-fixture.ts';

/* docs/simulate.md shows a configuration and what the command prints of it. */

const PAGE = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/simulate.md'), 'utf8');

/** The indented block behind a comment, without its indentation. */
function blockAfter(comment: string): string {
  const rest = PAGE.split(`<!-- ${comment} -->\n`)[1];
  const [, block] = /^\n((?: {4}.*\n|\n(?= {4}))+)/.exec(rest) ?? [];
  return block.replace(/^ {4}/gm, '');
}

for (const words of ['simulate named.conf --from 2027-01-01 --years 0.2', 'plan named.conf'])
  test(`docs/simulate.md shows what signet ${words} prints`, () => {
    const disk = new MemoryDisk({ '/named.conf': blockAfter('named.conf'), '/var/cache/bind/.keep': '' });
    const { code, out, err } = signet(disk, words.replace('named.conf', '/named.conf').split(' '));
    assert.deepEqual([code, err], [0, '']);
    assert.equal(blockAfter(`signet ${words}`), out);
  });

test('docs/simulate.md has an example of each fault', () => {
  for (const kind of Object.keys(FAULT_FORMS)) assert.match(PAGE, new RegExp(`^\\| \`${kind}[=@]`, 'm'), kind);
});
