import type { Disk } from '../base/disk.ts';
import { labelCount, nameKey, rightmostLabels, ROOT, uncheckedName, type Name } from '../wire/name.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { FULL_STYLE, MasterFilePrinter, RELATIVE_STYLE, type PrinterStyle } from '../zonefile/printer.ts';
import { RawWriter, type RawHeader } from '../zonefile/raw-writer.ts';
import type { Arena, NodeRef, RRsetRef, VersionRef } from './store/arena.ts';
import { ZoneReader } from './store/zone-reader.ts';

/** How a zone is written: as text in a style, or raw. */
export type PrintFormat =
  | { readonly kind: 'text'; readonly style: PrinterStyle; readonly header?: string }
  | { readonly kind: 'raw'; readonly header: RawHeader };

export const FULL_FORMAT: PrintFormat = { kind: 'text', style: FULL_STYLE };
export const RELATIVE_FORMAT: PrintFormat = { kind: 'text', style: RELATIVE_STYLE };

/** Writes a version to a file, replacing it in one step, durably. @throws DiskError */
export function printZoneToFile(
  file: string,
  version: VersionRef,
  format: PrintFormat,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
  zoneClass: number = CLASS.IN,
): void {
  const pieces: Uint8Array[] = [];
  printZone(version, format, dependencies.arena, (piece) => pieces.push(piece), zoneClass);
  dependencies.disk.replace(file, pieces);
}

/** Writes a version piece by piece: owners in canonical order, NSEC3 owners behind the others, as BIND does. */
export function printZone(
  version: VersionRef,
  format: PrintFormat,
  arena: Arena,
  write: (piece: Uint8Array) => void,
  zoneClass: number = CLASS.IN,
): void {
  const reader = new ZoneReader(arena).open(version);
  if (format.kind === 'raw') printRaw(reader, new RawWriter(format.header, write, zoneClass));
  else printText(reader, format, new MasterFilePrinter({ style: format.style, zoneClass }, write));
}

/** Calls `visit` for each node that has records, in the order of a zone file. */
function forEachNode(reader: ZoneReader, visit: (node: NodeRef, owner: Name, hashed: boolean) => void): void {
  const scratch = new Uint8Array(256);
  const call = (node: NodeRef, hashed: boolean): void => {
    if (reader.rrsetCount(node) === 0) return;
    const length = reader.copyOwner(node, scratch, 0);
    visit(node, uncheckedName(scratch.subarray(0, length)), hashed);
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) call(node, false);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) call(node, true);
}

/** The RRsets of a node as BIND prints them: SOA, NS, then by type. */
function forEachRRset(reader: ZoneReader, node: NodeRef, visit: (rrset: RRsetRef) => void): void {
  const count = reader.rrsetCount(node);
  const soa = reader.rrset(node, TYPE.SOA);
  const ns = reader.rrset(node, TYPE.NS);
  if (soa !== 0) visit(soa);
  if (ns !== 0) visit(ns);
  for (let i = 0; i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    if (rrset !== soa && rrset !== ns) visit(rrset);
  }
}

const RDATA_SPACE = 65536;

function printText(
  reader: ZoneReader,
  format: { readonly style: PrinterStyle; readonly header?: string },
  printer: MasterFilePrinter,
): void {
  const rdata = new Uint8Array(RDATA_SPACE);
  const origins = format.style.relative ? new Origins(reader) : undefined;
  if (format.header !== undefined) printer.line(format.header);
  forEachNode(reader, (node, owner, hashed) => {
    const origin = origins?.next(owner, hashed);
    if (origin !== undefined) printer.origin(origin);
    printer.node(owner);
    forEachRRset(reader, node, (rrset) => printRRset(reader, rrset, rdata, printer));
  });
  printer.finish();
}

function printRRset(reader: ZoneReader, rrset: RRsetRef, rdata: Uint8Array, printer: MasterFilePrinter): void {
  const type = reader.type(rrset);
  const ttl = reader.ttl(rrset);
  for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
    printer.record(type, ttl, rdata, 0, reader.copyRdata(position, rdata, 0));
  }
  for (let position = reader.firstSignature(rrset); position !== 0; position = reader.nextSignature(position)) {
    printer.record(TYPE.RRSIG, ttl, rdata, 0, reader.copyRdata(position, rdata, 0));
  }
  printer.endSignatures();
}

function printRaw(reader: ZoneReader, writer: RawWriter): void {
  const rdata = new Uint8Array(RDATA_SPACE);
  forEachNode(reader, (node, owner) => {
    forEachRRset(reader, node, (rrset) => {
      const type = reader.type(rrset);
      const ttl = reader.ttl(rrset);
      let covered = -1;
      for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
        const end = reader.copyRdata(position, rdata, 0);
        const covers = type === TYPE.SIG ? (rdata[0] << 8) | rdata[1] : 0;
        if (covers !== covered) writer.rrset(owner, type, covers, ttl);
        covered = covers;
        writer.record(rdata, 0, end);
      }
      if (reader.signatureCount(rrset) > 0) writer.rrset(owner, TYPE.RRSIG, type, ttl);
      for (let position = reader.firstSignature(rrset); position !== 0; position = reader.nextSignature(position)) {
        writer.record(rdata, 0, reader.copyRdata(position, rdata, 0));
      }
    });
  });
  writer.finish();
}

/**
 * Where BIND's relative style changes $ORIGIN: to the closest ancestor that has a node of its own in BIND's tree of trees.
 * There are nodes for all owners, for the parents of wildcards, and wherever two owners part; the apex is under the root.
 */
class Origins {
  readonly #apexLabels: number;
  readonly #ancestors: Set<string>;
  #origin: string | undefined;
  #hashed = false;

  constructor(reader: ZoneReader) {
    this.#apexLabels = reader.apexLabels;
    this.#ancestors = branchingNames(reader);
  }

  /** The origin for this owner when it is not the one before. */
  next(owner: Name, hashed: boolean): Name | undefined {
    const origin = this.#originOf(owner);
    const key = nameKey(origin);
    // BIND walks NSEC3 owners in a tree of their own, and says the origin again when it begins.
    if (key === this.#origin && hashed === this.#hashed) return undefined;
    this.#origin = key;
    this.#hashed = hashed;
    return origin.slice() as Name;
  }

  #originOf(owner: Name): Name {
    const labels = labelCount(owner);
    for (let depth = labels - 1; depth > this.#apexLabels; depth--) {
      const ancestor = rightmostLabels(owner, depth);
      if (this.#ancestors.has(nameKey(ancestor))) return ancestor;
    }
    return labels > this.#apexLabels ? rightmostLabels(owner, this.#apexLabels) : ROOT;
  }
}

/** Proper ancestors of owners that are nodes in BIND's tree: owners themselves, parents of "*", points where owners part. */
function branchingNames(reader: ZoneReader): Set<string> {
  const names = new Set<string>();
  let before: Name | undefined;
  forEachNode(reader, (_node, scratch, hashed) => {
    if (hashed) return;
    const owner = uncheckedName(scratch.slice());
    for (let labels = labelCount(owner); labels > reader.apexLabels; labels--) {
      const here = rightmostLabels(owner, labels);
      if (here[0] !== 1 || here[1] !== 0x2a) continue;
      names.add(nameKey(here));
      names.add(nameKey(rightmostLabels(owner, labels - 1)));
    }
    if (before !== undefined) names.add(nameKey(commonAncestor(before, owner)));
    before = owner;
  });
  return names;
}

/** The deepest name that both are at or below. */
function commonAncestor(a: Name, b: Name): Name {
  const shared = Math.min(labelCount(a), labelCount(b));
  for (let labels = shared; labels > 0; labels--) {
    const candidate = rightmostLabels(a, labels);
    if (nameKey(candidate) === nameKey(rightmostLabels(b, labels))) return candidate;
  }
  return ROOT;
}
