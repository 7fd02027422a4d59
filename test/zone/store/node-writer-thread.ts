import { parentPort, workerData } from 'node:worker_threads';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { Arena } from '../../../src/zone/store/arena.ts';
import { NodeWriter, type WriterClaim, type WrittenExtents } from '../../../src/zone/store/node-writer.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';

/* Signs, in a way: copies the nodes of a slice of a version and adds a signature to each RRset and an NSEC record. */

export interface WriterTask {
  readonly shared: SharedArrayBuffer;
  readonly version: number;
  readonly from: number;
  readonly to: number;
  readonly claim: WriterClaim;
}

export interface WriterResult {
  readonly nodes: Uint32Array;
  readonly hashNodes: Uint32Array;
  readonly written: WrittenExtents;
}

export function signatureOf(type: number, ttl: number, signer: Uint8Array): Uint8Array {
  return Uint8Array.from([
    type >> 8,
    type,
    13,
    2,
    0,
    0,
    ttl >> 8,
    ttl,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    0,
    ...signer,
    5,
    5,
    5,
  ]);
}

function write(task: WriterTask): WriterResult {
  const arena = Arena.attach(task.shared);
  const reader = new ZoneReader(arena).open(task.version);
  const writer = new NodeWriter(arena, task.claim);
  const nodes = new Uint32Array(task.to - task.from);
  const hashNodes = new Uint32Array(task.to - task.from);
  reader.seekIndex(task.from);
  for (let i = task.from; i < task.to; i++) {
    const node = reader.next();
    writer.beginNodeLike(node);
    for (let j = 0; j < reader.rrsetCount(node); j++) {
      const rrset = reader.rrsetAt(node, j);
      writer.beginRRsetLike(rrset);
      writer.signature(signatureOf(reader.type(rrset), reader.ttl(rrset), task.claim.apex));
      writer.endRRset();
    }
    writer.writeRRset(TYPE.NSEC, 60, [Uint8Array.from([...reader.owner(node), 0, 1, 0x40])]);
    nodes[i - task.from] = writer.endNode();
    const hash = new Uint8Array(20);
    new DataView(hash.buffer).setUint32(0, i);
    writer.beginHashed(hash);
    writer.beginRRset(TYPE.NSEC3, 60);
    writer.rdata(Uint8Array.of(1, 0, 0, 0, i));
    writer.endRRset();
    hashNodes[i - task.from] = writer.endNode();
  }
  return { nodes, hashNodes, written: writer.written() };
}

if (workerData) parentPort?.postMessage(write(workerData as WriterTask));
