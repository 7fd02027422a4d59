/**
 * `npm run soak:serve [-- --minutes 5]`: malformed messages at full rate over UDP, TCP and TLS against our named from its bundle, beside
 * good queries that all have to be answered rightly; memory, descriptors and log are watched. soak-run.ts says how they are judged.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { printTable } from './measure.ts';
import { buildBundle, mib, soak } from './soak-run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    port: { type: 'string', default: '5380' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
  },
});
const [minutes, port, seed] = [Number(values.minutes), Number(values.port), Number(values.seed)];
if (!(minutes >= 0.4)) throw new Error('--minutes wants 0.4 at least: half of it, but 10 s, is for warming up');
if (!Number.isInteger(port) || port < 1 || port > 65_534)
  throw new Error('--port wants a port that is free, as the next is');
if (!Number.isInteger(seed)) throw new Error('--seed wants a whole number');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-soak-'));
try {
  const bundle = buildBundle(directory);
  const result = await soak({ ...bundle, directory, port, tlsPort: port + 1, seed, seconds: minutes * 60 });
  const { good, malformed, overStreams, memory, heap } = result;
  const rows: [string, string][] = [
    ['malformed datagrams sent', String(malformed.sent)],
    ['answers to them', String(malformed.answers)],
    ['connections, over TCP and TLS', String(overStreams.connections)],
    ['pieces sent over them', String(overStreams.sent)],
    ['good queries', String(good.asked)],
    ['answered rightly', String(good.answered - good.wrong.length)],
    ['asked again', String(good.repeated + good.reconnected)],
    ['resident memory, first and last', `${mib(memory[0])}  ${mib(memory[1])}`],
    ['heaps after full collections', `${mib(heap[0])}  ${mib(heap[1])}`],
    ['lines of log', String(result.logLines)],
  ];
  printTable(`Soak of ${minutes} minutes, seed ${seed}`, ['', ''], rows);
  for (const fault of result.faults) console.error(`FAULT: ${fault}`);
  process.exitCode = result.faults.length === 0 ? 0 : 1;
} finally {
  fs.rmSync(directory, { recursive: true });
}
