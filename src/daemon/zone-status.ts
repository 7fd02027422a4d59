import { nameToShortText } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import { typeText } from '../wire/type-text.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** Text of `rndc zonestatus` for a zone that is loaded, as BIND 9.18 prints it. */
export function zoneStatusText(keeper: ZoneKeeper): string {
  const { zone } = keeper;
  const reader = keeper.read();
  const isSecure = isSigned(reader);
  const lines = [`name: ${nameToShortText(keeper.apex)}`, 'type: primary', `files: ${zone.file}`];
  lines.push(`serial: ${keeper.isMaintained ? (keeper.unsignedSerial ?? reader.serial) : reader.serial}`);
  if (keeper.isMaintained && isSecure) lines.push(`signed serial: ${reader.serial}`);
  lines.push(`nodes: ${reader.nodeCount}`);
  if (keeper.lastLoaded !== 0) lines.push(`last loaded: ${httpTime(keeper.lastLoaded)}`);
  lines.push(`secure: ${isSecure ? 'yes' : 'no'}`);
  if (isSecure) lines.push(...signingLines(keeper, reader));
  lines.push('dynamic: no', 'reconfigurable via modzone: no');
  return lines.join('\n');
}

function signingLines(keeper: ZoneKeeper, reader: ZoneReader): string[] {
  const lines = [`inline signing: ${keeper.zone.inlineSigning ? 'yes' : 'no'}`];
  const isOnCommand = keeper.manualKeys?.mode === 'allow';
  lines.push(`key maintenance: ${isOnCommand ? 'on command' : keeper.isMaintained ? 'automatic' : 'none'}`);
  if (keeper.nextKeyEvent !== undefined) lines.push(`next key event: ${httpTime(keeper.nextKeyEvent)}`);
  const next = keeper.isMaintained ? nextToResign(reader) : undefined;
  if (next !== undefined) {
    lines.push(`next resign node: ${next.owner}/${typeText(next.type)}`);
    lines.push(
      `next resign time: ${httpTime(next.expiration - (keeper.policy ?? keeper.manualKeys)!.signaturesRefresh)}`,
    );
  }
  return lines;
}

function isSigned(reader: ZoneReader): boolean {
  const keys = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  return keys !== 0 && reader.denial !== 'none';
}

/** The RRset whose signature expires first. Looks at the whole zone: for people who ask. */
function nextToResign(reader: ZoneReader): { owner: string; type: number; expiration: number } | undefined {
  let best = { node: 0, type: 0, expiration: Infinity };
  const look = (node: number): void => {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        const expiration = reader.signatureExpiration(at);
        if (expiration < best.expiration) best = { node, type: reader.type(rrset), expiration };
      }
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  if (best.node === 0) return undefined;
  return { owner: nameToShortText(reader.owner(best.node)), type: best.type, expiration: best.expiration };
}

/** "Sat, 21 Nov 2026 08:08:21 GMT", as BIND prints times in status texts. */
export function httpTime(time: number): string {
  return new Date(time * 1000).toUTCString();
}
