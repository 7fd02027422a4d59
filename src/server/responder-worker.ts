import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../base/clock.ts';
import { silentLog, type Log } from '../base/log.ts';
import { SignetError } from '../base/error.ts';
import { chooseUdpAdapter } from '../net/udp-adapter.ts';
import { Arena } from '../zone/store/arena.ts';
import { type ControlRequest, Responder } from './responder.ts';
import type { FromResponder, ResponderWorkerData, ToResponder } from './responder-protocol.ts';
import { CounterRow } from './statistics.ts';

/* Entry of a responder thread: a Responder that the control thread steers by messages. */

/** Messages that wait for the control thread at most; more are dropped, as a full socket buffer would drop them. */
const MOST_WAITING = 1000;

const port = parentPort;
if (port === null)
  throw new SignetError('NOT_A_WORKER', 'responder-worker.ts is the entry of a worker thread, not a program');

const data = workerData as ResponderWorkerData;
const waiting = new Map<number, (answer: Uint8Array | undefined) => void>();
let asked = 0;

const post = (message: FromResponder): void => port.postMessage(message);

function toControl(request: ControlRequest): Promise<Uint8Array | undefined> {
  if (waiting.size >= MOST_WAITING) return Promise.resolve(undefined);
  const id = asked++;
  post({ kind: 'control', id, ...request });
  return new Promise((resolve) => waiting.set(id, resolve));
}

const log: Log = { write: (record) => post({ kind: 'log', record }) };
// All threads choose alike; one of them says what.
const udp = chooseUdpAdapter({ log: data.row === 0 ? log : silentLog });

const responder = new Responder(data.options, {
  arena: Arena.attach(data.arena),
  clock: new SystemClock(),
  log,
  bindUdp: (listen, reusePort) => udp.bind({ ...listen, reusePort }),
  counters: CounterRow.at(data.counters, data.row),
  onReader: (readerId, isOpen) => post({ kind: 'reader', readerId, isOpen }),
  toControl,
});

async function obey(message: Exclude<ToResponder, { kind: 'answer' }>): Promise<void> {
  const { request } = message;
  try {
    switch (message.kind) {
      case 'tables':
        responder.setTables(message.tables);
        post({ kind: 'done', request });
        return;
      case 'listen':
        post({ kind: 'done', request, addresses: await responder.listen(message.addresses, message.streams) });
        return;
      case 'counters':
        responder.refreshCounters();
        post({ kind: 'done', request });
        return;
      case 'close':
        await responder[Symbol.asyncDispose]();
        post({ kind: 'done', request });
        port?.close();
    }
  } catch (error) {
    if (!(error instanceof SignetError)) throw error;
    post({ kind: 'failed', request, error: { code: error.code, message: error.message, facts: error.facts } });
  }
}

port.on('message', (message: ToResponder) => {
  if (message.kind !== 'answer') {
    void obey(message);
    return;
  }
  waiting.get(message.id)?.(message.octets);
  waiting.delete(message.id);
});

post({ kind: 'reader', readerId: responder.readerId, isOpen: true });
post({ kind: 'started' });
