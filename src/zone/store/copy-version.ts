import type { Arena, NodeRef, VersionRef } from './arena.ts';
import { nodeHeadFlags, nodeOwnerAt, nodeOwnerLength, nodeRRsetCount } from './layout.ts';
import type { RecordWriter } from './record-writer.ts';
import { TreeCursor } from './tree-cursor.ts';
import { VERSION } from './version.ts';
import { buildVersion } from './version-builder.ts';

/** Copies all that a version needs into the writer's space. The records lie in canonical order afterwards. */
export function copyVersion(arena: Arena, version: VersionRef, writer: RecordWriter): VersionRef {
  const { u32 } = arena;
  const nodes = copyNodes(arena, u32[version + VERSION.TREE], u32[version + VERSION.NODES], writer);
  const hashed = copyNodes(arena, u32[version + VERSION.HASH_TREE], u32[version + VERSION.HASHES], writer);
  return buildVersion(writer, nodes, hashed);
}

function copyNodes(arena: Arena, root: number, count: number, writer: RecordWriter): Uint32Array {
  const copies = new Uint32Array(count);
  const cursor = new TreeCursor(arena);
  cursor.root = root;
  cursor.first();
  for (let i = 0; i < count; i++) copies[i] = copyNode(arena, cursor.next(), writer);
  return copies;
}

const RRSETS: number[] = [];

function copyNode(arena: Arena, node: NodeRef, writer: RecordWriter): NodeRef {
  const { u8, u32 } = arena;
  const head = u32[node];
  const count = nodeRRsetCount(head);
  RRSETS.length = 0;
  for (let i = 1; i <= count; i++) RRSETS.push(writer.copyRRset(u32[node + i]));
  return writer.writeNode(nodeHeadFlags(head), u8, nodeOwnerAt(node, head), nodeOwnerLength(head), RRSETS, count);
}
