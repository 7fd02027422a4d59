import path from 'node:path';
import { equalOctets, toHex } from '../base/octets.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { nameToText } from '../wire/name-text.ts';
import { equalNames, uncheckedName, type Name } from '../wire/name.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { typeText } from '../wire/type-text.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { EXPLICIT_TTL_STYLE, FULL_STYLE, MasterFilePrinter } from '../zonefile/printer.ts';
import { MasterFileScanner, type RecordSink } from '../zonefile/scanner.ts';
import { Fatal, setFileName, type KeyToolContext } from './key-tool.ts';
import type { ZoneKey } from './dnssec-signzone-keys.ts';

/** dsset- and keyset- files: what goes to the parent zone. */

/** Writes dsset-<zone>, one line a key as BIND writes it, and keyset-<zone> when wanted. */
export function writeSetFiles(
  zone: Name,
  keys: readonly ZoneKey[],
  options: { readonly directory: string | undefined; readonly keyset: boolean; readonly ttl: number },
  context: KeyToolContext,
): void {
  const ksks = entryKeys(keys);
  const directory = options.directory ?? '.';
  const lines = ksks.map(({ dnskey }) => dsLine(zone, dsRdata(zone, dnskey, 2)));
  context.disk.replace(
    path.join(directory, setFileName('dsset', zone)),
    Buffer.from(lines.join('')),
    context.publicMode,
  );
  if (!options.keyset) return;
  const pieces: Uint8Array[] = [];
  const printer = new MasterFilePrinter({ style: EXPLICIT_TTL_STYLE }, (piece) => pieces.push(piece));
  printer.node(zone);
  for (const { dnskey } of ksks) printer.record(TYPE.DNSKEY, options.ttl, dnskey);
  printer.finish();
  context.disk.replace(path.join(directory, setFileName('keyset', zone)), pieces, context.publicMode);
}

/** The KSKs, and the ZSKs of algorithms that have no KSK: what the parent zone has to point to. */
function entryKeys(keys: readonly ZoneKey[]): ZoneKey[] {
  const active = keys.filter((key) => key.isPublished && key.isSigning && !isRevoked(key.dnskey));
  const hasKsk = (algorithm: number): boolean => active.some((key) => key.isKsk && key.dnskey[3] === algorithm);
  return active
    .filter((key) => key.isKsk || !hasKsk(key.dnskey[3]))
    .toSorted((a, b) => keyTag(a.dnskey) - keyTag(b.dnskey));
}

/** Where BIND's tabs lead to. */
const CLASS_COLUMN = 24;

function dsLine(zone: Name, ds: Uint8Array): string {
  const hex = toHex(ds.subarray(4)).toUpperCase();
  const digest = hex.length > 56 ? `${hex.slice(0, 56)} ${hex.slice(56)}` : hex;
  const owner = nameToText(zone);
  const gap = owner.length < CLASS_COLUMN ? '\t'.repeat(Math.ceil((CLASS_COLUMN - owner.length) / 8)) : ' ';
  return `${owner}${gap}IN DS ${(ds[0] << 8) | ds[1]} ${ds[2]} ${ds[3]} ${digest}\n`;
}

/**
 * -g: the DS records of each delegation become those of its dsset- file, or of the keys in its keyset- file; those without
 * either file lose what they had.
 * @returns a version in place of the one given, which stays as it is
 */
export function takeChildDs(
  store: ZoneStore,
  arena: Arena,
  version: VersionRef,
  directory: string | undefined,
  context: KeyToolContext,
): VersionRef {
  const place = directory ?? '.';
  if (!context.disk.list(place)) throw new Fatal(`cannot open directory ${place}: file not found`);
  const reader = new ZoneReader(arena).open(version);
  const edit = store.edit(version);
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    if ((reader.nodeFlags(node) & NODE.DELEGATION) === 0) continue;
    const owner = reader.owner(node);
    const ds = childDs(place, owner, context);
    if (ds.length > 0) edit.setRRset(owner, TYPE.DS, reader.ttl(reader.rrset(node, TYPE.NS)), ds, []);
    else if (reader.rrset(node, TYPE.DS) !== 0) edit.deleteRRset(owner, TYPE.DS);
  }
  return edit.commit();
}

function childDs(place: string, owner: Name, context: KeyToolContext): Uint8Array[] {
  const dsset = readSetFile(path.join(place, setFileName('dsset', owner)), owner, TYPE.DS, context);
  if (dsset) return dsset;
  const keys = readSetFile(path.join(place, setFileName('keyset', owner)), owner, TYPE.DNSKEY, context) ?? [];
  return keys.map((dnskey) => dsRdata(owner, dnskey, 2));
}

/**
 * The records of `owner` and one type in a master file, each once; undefined when there is no such file.
 * @throws Fatal for a file with errors or without such records: BIND would make the delegation insecure, in silence
 */
function readSetFile(file: string, owner: Name, type: number, context: KeyToolContext): Uint8Array[] | undefined {
  const octets = context.disk.read(file);
  if (!octets) return undefined;
  const found: Uint8Array[] = [];
  const sink: RecordSink = {
    record: (name, nameLength, recordType, _ttl, rdata, rdataLength) => {
      if (recordType !== type || !equalNames(uncheckedName(name.subarray(0, nameLength)), owner)) return;
      const one = rdata.slice(0, rdataLength);
      if (!found.some((other) => equalOctets(other, one))) found.push(one);
    },
  };
  // The lines of a dsset- file have no TTL; that of the delegation is taken, whatever is given here.
  const options = { file, origin: owner, zoneClass: CLASS.IN, defaultTtl: 0 };
  const result = new MasterFileScanner(options, { disk: context.disk, sink }).scan(octets);
  const fault = result.faults.find(({ severity }) => severity === 'error');
  if (fault) throw new Fatal(`${fault.message}: make the file anew or remove it`);
  if (found.length === 0)
    throw new Fatal(
      `${file} holds no ${typeText(type)} record of ${nameToText(owner)}: make the file anew or remove it`,
    );
  return found;
}

/** -M: larger TTLs become `limit`. @returns a version in place of the one given */
export function limitTtls(store: ZoneStore, arena: Arena, version: VersionRef, limit: number): VersionRef {
  const reader = new ZoneReader(arena).open(version);
  const edit = store.edit(version);
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      if (reader.ttl(rrset) > limit && reader.rdataCount(rrset) > 0)
        edit.setRRset(reader.owner(node), reader.type(rrset), limit, reader.rdataAll(rrset), []);
    }
  }
  return edit.commit();
}

const DNSSEC_TYPES: readonly number[] = [TYPE.NSEC, TYPE.NSEC3, TYPE.NSEC3PARAM];

/** -D: only what signing adds, one record a line, for `$INCLUDE` in the unsigned file. */
export function printDnssecRecords(
  arena: Arena,
  version: VersionRef,
  options: { readonly header: string; readonly dnskeys: boolean },
  write: (piece: Uint8Array) => void,
): void {
  const reader = new ZoneReader(arena).open(version);
  const printer = new MasterFilePrinter({ style: { ...FULL_STYLE, resignComment: false } }, write);
  const types = options.dnskeys ? [...DNSSEC_TYPES, TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY] : DNSSEC_TYPES;
  printer.line(options.header);
  const print = (node: number): void => {
    printer.node(reader.owner(node));
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      if (types.includes(type))
        for (const rdata of reader.rdataAll(rrset)) printer.record(type, reader.ttl(rrset), rdata);
      for (const rrsig of reader.signaturesAll(rrset)) printer.record(TYPE.RRSIG, reader.ttl(rrset), rrsig);
      printer.endSignatures();
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) print(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) print(node);
  printer.finish();
}
