import path from 'node:path';
import { equalOctets, fromHex, latin1Text, toHex } from '../base/octets.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { nameFromText, nameToText } from '../wire/name-text.ts';
import { equalNames, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { EXPLICIT_TTL_STYLE, FULL_STYLE, MasterFilePrinter } from '../zonefile/printer.ts';
import { Fatal, type KeyToolContext } from './key-tool.ts';
import type { ZoneKey } from './dnssec-signzone-keys.ts';

/** dsset- and keyset- files: what goes to the parent zone. */

/** Writes dsset-<zone>, one line a key as BIND writes it, and keyset-<zone> when wanted. */
export function writeSetFiles(
  zone: Name,
  keys: readonly ZoneKey[],
  options: { readonly directory: string | undefined; readonly keyset: boolean; readonly ttl: number },
  context: KeyToolContext,
): void {
  const ksks = keys
    .filter((key) => key.isKsk && key.isPublished && key.isSigning && !isRevoked(key.dnskey))
    .toSorted((a, b) => keyTag(a.dnskey) - keyTag(b.dnskey));
  const directory = options.directory ?? '.';
  const lines = ksks.map(({ dnskey }) => dsLine(zone, dsRdata(zone, dnskey, 2)));
  context.disk.replace(
    path.join(directory, `dsset-${setFileName(zone)}`),
    Buffer.from(lines.join('')),
    context.publicMode,
  );
  if (!options.keyset) return;
  const pieces: Uint8Array[] = [];
  const printer = new MasterFilePrinter({ style: EXPLICIT_TTL_STYLE }, (piece) => pieces.push(piece));
  printer.node(zone);
  for (const { dnskey } of ksks) printer.record(TYPE.DNSKEY, options.ttl, dnskey);
  printer.finish();
  context.disk.replace(path.join(directory, `keyset-${setFileName(zone)}`), pieces, context.publicMode);
}

/** A slash in a name must not lead to another directory. */
function setFileName(zone: Name): string {
  return nameToText(zone).toLowerCase().replaceAll('/', '\\047');
}

function dsLine(zone: Name, ds: Uint8Array): string {
  const hex = toHex(ds.subarray(4)).toUpperCase();
  const digest = hex.length > 56 ? `${hex.slice(0, 56)} ${hex.slice(56)}` : hex;
  return `${nameToText(zone)}\t\tIN DS ${(ds[0] << 8) | ds[1]} ${ds[2]} ${ds[3]} ${digest}\n`;
}

/**
 * -g: the DS records of each delegation that has a dsset- file become those of the file; others keep what they have.
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
    const file = path.join(place, `dsset-${setFileName(owner)}`);
    const octets = context.disk.read(file);
    if (octets)
      edit.setRRset(owner, TYPE.DS, reader.ttl(reader.rrset(node, TYPE.NS)), parseDsset(file, octets, owner), []);
  }
  return edit.commit();
}

/** Lines "name [TTL] [IN] DS tag algorithm type digest ..."; comments and empty lines are skipped. */
function parseDsset(file: string, octets: Uint8Array, owner: Name): Uint8Array[] {
  const all: Uint8Array[] = [];
  latin1Text(octets)
    .split('\n')
    .forEach((line, i) => {
      const text = line.replace(/;.*/, '').trim();
      if (text === '') return;
      const match = /^(\S+)(?:\s+\d+)?(?:\s+IN)?\s+DS\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-f\s]+)$/i.exec(text);
      const name = match ? nameFromText(match[1]) : undefined;
      const digest = match ? fromHex(match[5].replaceAll(/\s/g, '')) : undefined;
      if (!match || typeof name !== 'object' || !digest || !equalNames(name, owner))
        throw new Fatal(`${file}:${i + 1}: a DS record of ${nameToText(owner)} was expected: make the file anew`);
      const ds = new Uint8Array(4 + digest.length);
      const tag = Number(match[2]);
      ds.set([tag >> 8, tag & 0xff, Number(match[3]), Number(match[4])]);
      ds.set(digest, 4);
      if (!all.some((one) => equalOctets(one, ds))) all.push(ds);
    });
  if (all.length === 0) throw new Fatal(`${file} holds no DS record: make the file anew or remove it`);
  return all;
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
