import fs from 'node:fs';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { Journal } from '../../../src/zone/journal/journal.ts';
import { TransactionWriter } from '../../../src/zone/journal/journal-records.ts';
import { APEX, soaRecord } from '../store/model.ts';

/* Appends transactions to the journal argv[2] until it is killed; a line with the serial acknowledges each. */

const journal = Journal.openOrCreate(process.argv[2], { disk: new NodeDisk() });
let serial = journal.isEmpty ? 1 : journal.endSerial;
for (;;) {
  const transaction = new TransactionWriter();
  transaction.deleted(APEX, TYPE.SOA, 3600, soaRecord(serial).rdata);
  transaction.added(APEX, TYPE.SOA, 3600, soaRecord(++serial).rdata);
  // Of many sizes, so that writes end anywhere in a page.
  for (let i = 0; i < serial % 50; i++)
    transaction.added(APEX, TYPE.TXT, 60, Uint8Array.from([200, ...Buffer.alloc(200, serial), serial, i]));
  journal.append(transaction);
  fs.writeSync(1, `${serial}\n`);
  if (serial % 40 === 0) journal.compact(20_000, serial - 3);
}
