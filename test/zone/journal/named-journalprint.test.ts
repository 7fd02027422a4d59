import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { main } from '../../../src/tools/named-journalprint.ts';
import { Journal } from '../../../src/zone/journal/journal.ts';
import { TransactionWriter } from '../../../src/zone/journal/journal-records.ts';
import { APEX, soaRecord } from '../store/model.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'journalprint-test-'));
after(() => fs.rmSync(directory, { recursive: true }));
const disk = new NodeDisk();

function run(...argv: string[]): { code: number; printed: string; complained: string } {
  let printed = '';
  let complained = '';
  const output = {
    print: (piece: string | Uint8Array) =>
      (printed += typeof piece === 'string' ? piece : Buffer.from(piece).toString()),
    complain: (piece: string) => (complained += piece),
  };
  return { code: main(argv, { output, disk }), printed, complained };
}

function journalFile(): string {
  const file = path.join(directory, 'zone.jnl');
  fs.rmSync(file, { force: true });
  using journal = Journal.openOrCreate(file, { disk });
  for (let serial = 1; serial < 4; serial++) {
    const transaction = new TransactionWriter();
    transaction.deleted(APEX, TYPE.SOA, 3600, soaRecord(serial).rdata);
    transaction.added(APEX, TYPE.SOA, 3600, soaRecord(serial + 1).rdata);
    transaction.added(mustName('host', APEX), TYPE.A, 60, Uint8Array.of(192, 0, 2, serial));
    journal.append(transaction);
  }
  return file;
}

test('prints each change on a line', () => {
  const { code, printed, complained } = run(journalFile());
  assert.equal(code, 0);
  assert.equal(complained, '');
  const lines = printed.split('\n');
  assert.equal(lines.length, 10);
  assert.equal(lines[0], 'del zone.example.\t\t3600\tIN\tSOA\tzone.example. zone.example. 1 0 0 0 0');
  assert.equal(lines[2], 'add host.zone.example.\t60\tIN\tA\t192.0.2.1');
});

test('drops what comes before a serial, and refuses one that is not there', () => {
  const file = journalFile();
  assert.equal(run('-c', '3', file).code, 0);
  assert.match(
    run('-x', file).printed,
    /^Journal format = BIND LOG V9.2\nHeader version = 2\nStart serial = 3\nEnd serial = 4\n/,
  );
  const { code, complained } = run('-c', '1', file);
  assert.equal(code, 1);
  assert.match(complained, /goes from serial 3 to 4 and has no transaction from 1/);
});

test('what is wrong with the command line or the file is said in a line', () => {
  const file = journalFile();
  assert.match(run().complained, /^Usage: named-journalprint/);
  assert.match(run(file, file).complained, /^Usage: named-journalprint/);
  assert.match(run('-Z', file).complained, /illegal option -- Z/);
  assert.match(run('-c').complained, /requires an argument -- c/);
  assert.match(run('-c', 'x', file).complained, /invalid serial: x/);
  assert.equal(run(path.join(directory, 'missing')).complained, 'no journal\n');
  fs.writeFileSync(file, 'no journal at all, but more than sixty-four octets of something else that is text');
  const { code, complained } = run(file);
  assert.equal(code, 1);
  assert.match(complained, /is not a journal of format V9 or V9.2/);
});
