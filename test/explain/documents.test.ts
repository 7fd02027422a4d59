import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { WAIT_REASONS } from '../../src/policy/key-wait.ts';
import { firstDifference, readDocument, runSignet } from './documents.ts';

const ROOT = path.join(import.meta.dirname, '../..');
/** Unix seconds; commands of documents say --from. */
const NOW = 1_790_000_000;

describe('S-068 docs/policy.md: each claim is what the simulator says', () => {
  const text = fs.readFileSync(path.join(ROOT, 'docs/policy.md'), 'utf8');
  const { files, commands } = readDocument(text);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-documents-'));
  after(() => fs.rmSync(directory, { recursive: true }));
  for (const [name, content] of files) fs.writeFileSync(path.join(directory, name), content);

  it('has configurations and commands', () => assert.ok(files.size > 0 && commands.length >= 10));

  it('every chapter that advises has a command that shows it', () => {
    const chapters = text.split(/^## /m).slice(1);
    const silent = chapters.filter((chapter) => !chapter.includes('\n$ signet simulate '));
    assert.deepEqual(
      silent.map((chapter) => chapter.split('\n')[0]),
      ['What cannot be simulated'],
    );
  });

  for (const { words, expected, line } of commands)
    it(`line ${line}: ${words.join(' ')}`, () => {
      assert.equal(words[0], 'signet');
      const printed = runSignet(words.slice(1), directory, NOW);
      assert.equal(firstDifference(printed, expected), undefined, printed.join('\n'));
    });

  it('each command shows something', () => {
    for (const { expected, line } of commands)
      assert.ok(
        expected.some((shown) => shown !== '...'),
        `line ${line}`,
      );
  });

  it('the comparison sees what is different', () => {
    const printed = ['a', 'b', 'c', 'd'];
    for (const good of [
      printed,
      ['...'],
      ['...', 'd'],
      ['a', '...'],
      ['a', '...', 'c', '...'],
      ['a', 'b', '...', 'c', 'd'],
    ])
      assert.equal(firstDifference(printed, good), undefined);
    for (const [bad, first] of [
      [['a', 'b', 'c'], 'd'],
      [['b', '...'], 'b'],
      [['a', 'c', '...'], 'c'],
      [['...', 'c', 'b'], 'b'],
      [['...', 'e', '...'], 'e'],
    ] as const)
      assert.equal(firstDifference(printed, bad), first);
  });
});

describe('docs/explain.md', () => {
  const text = fs.readFileSync(path.join(ROOT, 'docs/explain.md'), 'utf8');

  it('S-164 (part) has a form for each kind of parent, and each form is one that is shown', () => {
    const table = text.split(/^## /m).find((chapter) => chapter.startsWith('Giving the DS to the parent\n'))!;
    const [example] = text.split(/^## /m);
    for (const form of ['as a form', 'as a key', 'IN DS']) {
      assert.ok(table.includes(`\`${form}\``), `the table names ${form}`);
      assert.ok(example.includes(form), `the example shows ${form}`);
    }
    assert.ok(table.includes('CDS') && table.includes('dsFields') && table.includes('keyFields'));
  });

  it('has a row for each reason', () => {
    for (const reason of WAIT_REASONS) assert.ok(text.includes(`\n| \`${reason}\` |`), reason);
  });
});

describe('docs/explain.md: the example is what signet explain prints', () => {
  const { commands } = readDocument(fs.readFileSync(path.join(ROOT, 'docs/explain.md'), 'utf8'));
  const data = path.join(ROOT, 'test/data/explain');

  it('has examples', () => assert.notEqual(commands.length, 0));

  for (const { words, expected, line } of commands)
    it(`line ${line}: ${words.join(' ')}`, () => {
      const [, time] = / at (\S+Z)$/.exec(expected[0]) ?? [];
      assert.ok(time, 'the first line says when that was');
      const printed = runSignet(words.slice(1), data, Date.parse(time) / 1000);
      assert.equal(firstDifference(printed, expected), undefined, printed.join('\n'));
    });
});
