import { SignetError } from '../../base/error.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, VersionRef } from '../store/arena.ts';
import { diffVersions } from '../store/zone-diff.ts';
import { ZoneReader } from '../store/zone-reader.ts';
import type { ZoneStore } from '../store/zone-store.ts';
import type { AppendOptions, Journal } from './journal.ts';
import { TransactionWriter } from './journal-records.ts';

/** Appends what makes one version into the other. @throws SignetError as Journal.append */
export function appendDiff(
  journal: Journal,
  arena: Arena,
  from: VersionRef,
  to: VersionRef,
  options?: AppendOptions,
): void {
  const transaction = new TransactionWriter();
  diffVersions(arena, from, to, transaction);
  journal.append(transaction, options);
}

/**
 * The version that the journal leads to: `loaded` itself when it has the journal's end serial, or the journal is empty;
 * otherwise a new one, with all transactions applied from the loaded serial on. Releases nothing.
 * @throws SignetError JOURNAL_RANGE when the loaded serial is not in the journal, JOURNAL_MISMATCH when a record that is
 *   to be deleted is not in the zone, JOURNAL_CORRUPT
 */
export function rollForward(journal: Journal, store: ZoneStore, arena: Arena, loaded: VersionRef): VersionRef {
  const { serial } = new ZoneReader(arena).open(loaded);
  if (journal.isEmpty || serial === journal.endSerial) return loaded;
  const edit = store.edit(loaded);
  for (const transaction of journal.transactions(serial))
    for (const { isAdded, owner, type, ttl, rdata } of journal.records(transaction)) {
      if (isAdded) edit.addRecord(owner, type, ttl, rdata);
      else if (!edit.deleteRecord(owner, type, rdata)) mismatch(journal, nameToText(owner), type, transaction.start);
    }
  return edit.commit();
}

function mismatch(journal: Journal, owner: string, type: number, serial: number): never {
  const what = type === TYPE.SOA ? 'SOA record' : `record of type ${type}`;
  throw new SignetError(
    'JOURNAL_MISMATCH',
    `${journal.path}: the transaction from serial ${serial} deletes a ${what} of ${owner} that the zone has not: ` +
      `the zone file was changed without a new serial, or is older than the journal; put back the right file`,
    { file: journal.path, owner, type, serial },
  );
}
