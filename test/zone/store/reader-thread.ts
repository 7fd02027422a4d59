import { parentPort, workerData } from 'node:worker_threads';
import { compareCanonicalNames, type Name } from '../../../src/wire/name.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { Arena } from '../../../src/zone/store/arena.ts';
import { ReaderEpoch } from '../../../src/zone/store/reader-epoch.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';

/*
 * A thread that reads whatever version is published until it is told to stop, and reports the first thing it finds wrong.
 * The writer keeps these promises for every version: `serial.` has an address that is the SOA serial, `count.` one that
 * is the number of nodes, and every other address is the hash of its owner.
 */

export interface ReaderTask {
  readonly shared: SharedArrayBuffer;
  readonly slot: number;
  /** Word 0: 0 go on, 1 stop; word 1: readers that have seen enough to tell. */
  readonly stop: SharedArrayBuffer;
  /** Versions and nodes that are enough. */
  readonly enough: Pick<ReaderReport, 'versions' | 'nodes'>;
  readonly serialOwner: Uint8Array;
  readonly countOwner: Uint8Array;
}

export interface ReaderReport {
  readonly fault: string | undefined;
  readonly versions: number;
  readonly nodes: number;
}

/** What the address of an owner must be. */
export function addressOf(owner: Uint8Array): number {
  let hash = 7;
  for (const octet of owner) hash = (Math.imul(hash, 31) + octet) | 0;
  return hash >>> 0;
}

function run(task: ReaderTask): ReaderReport {
  const arena = Arena.attach(task.shared);
  const stop = new Int32Array(task.stop);
  const epoch = new ReaderEpoch(arena);
  const reader = new ZoneReader(arena);
  const octets = new Uint8Array(4);
  const address = (owner: Uint8Array): number => {
    const node = reader.find(owner);
    const rrset = node === 0 ? 0 : reader.rrset(node, TYPE.A);
    if (rrset === 0 || reader.rdataLength(reader.firstRdata(rrset)) !== 4) return -1;
    reader.copyRdata(reader.firstRdata(rrset), octets, 0);
    return new DataView(octets.buffer).getUint32(0);
  };
  let versions = 0;
  let nodes = 0;
  let last = 0;
  const check = (): string | undefined => {
    const version = Atomics.load(arena.u32, task.slot);
    if (version !== last) versions++;
    last = version;
    reader.open(version);
    const { serial, nodeCount } = reader;
    if (address(task.serialOwner) !== serial) return `serial ${serial}, found ${address(task.serialOwner)}`;
    if (address(task.countOwner) !== nodeCount) return `${nodeCount} nodes, found ${address(task.countOwner)}`;
    let before: Name | undefined;
    const start = serial % Math.max(1, nodeCount - 40);
    reader.seekIndex(start);
    for (let i = start; i < Math.min(nodeCount, start + 40); i++, nodes++) {
      const node = reader.next();
      if (node === 0) return `${i} nodes instead of ${nodeCount}`;
      const owner = reader.owner(node);
      if (before !== undefined && compareCanonicalNames(before, owner) >= 0) return 'nodes are out of order';
      before = owner;
      if (reader.find(owner) !== node) return `node ${i} is not found by its name`;
      if (owner[0] < 5 && i > 0 && address(owner) !== addressOf(owner)) return `address of node ${i} is another`;
    }
    return undefined;
  };
  for (let isEnough = false; ;) {
    epoch.enter();
    const fault = check();
    epoch.leave();
    if (!isEnough && versions >= task.enough.versions && nodes >= task.enough.nodes) {
      isEnough = true;
      Atomics.add(stop, 1, 1);
    }
    if (fault === undefined && Atomics.load(stop, 0) === 0) continue;
    epoch.close();
    return { fault, versions, nodes };
  }
}

parentPort?.postMessage(run(workerData as ReaderTask));
