/** Worker thread that reads slices of a zone's text: the other side of slice-thread.ts. */
import { workerData } from 'node:worker_threads';
import { releaseOctets } from '../../base/octets.ts';
import { Arena } from '../store/arena.ts';
import { claimedSpace } from '../store/node-writer.ts';
import { RecordWriter } from '../store/record-writer.ts';
import { SliceScanner } from './slice-scanner.ts';
import type { FromSliceThread, SliceThreadData, ToSliceThread } from './slice-thread.ts';

const { port, awake, shared, claim, options } = workerData as SliceThreadData;
const space = claimedSpace(Arena.attach(shared), claim);
const scanner = new SliceScanner(options, () => new RecordWriter(space, claim.apex));

function tell(message: FromSliceThread): void {
  const moved = message.kind === 'read' && message.result !== undefined;
  port.postMessage(message, moved ? [message.result.nodes.buffer, message.result.hashNodes.buffer] : []);
  Atomics.add(awake, 0, 1);
  Atomics.notify(awake, 0);
}

port.on('message', (message: ToSliceThread) => {
  if (message.kind === 'end') {
    tell({
      kind: 'ended',
      written: { tag: claim.tag, extents: space.extents, lastUsed: space.usedInLast, unused: space.unused },
    });
    port.close();
    return;
  }
  const result = scanner.scan(message.text);
  // At once, not when garbage is collected: a thread holds two slices at most.
  releaseOctets(message.text);
  tell({ kind: 'read', slice: message.slice, result });
});
tell({ kind: 'ready' });
