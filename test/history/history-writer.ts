/** A process that writes batches of three events to the history in its argument, and says so, until it is killed. */
import fs from 'node:fs';
import { SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { SqliteHistory } from '../../src/history/sqlite-history.ts';
import { event, SAMPLES } from './sample-events.ts';

/** Who kills it may be late on a busy machine: no more than the test reads back. */
const MOST_BATCHES = 600;
// The test knows its events by the process id.
const one = event(process.pid, SAMPLES.ttl);
const log = { write: ({ text }: { text: string }) => fs.writeSync(2, `${text}\n`) };
const history = SqliteHistory.open(
  { path: process.argv[2], maxAge: 1e10 },
  { disk: new NodeDisk(), clock: new SystemClock(), log },
);
for (let batch = 0; batch < MOST_BATCHES; batch++) {
  history.record([one, one, one]);
  fs.writeSync(1, 'told\n');
}
setTimeout(() => undefined, 120_000);
