import { latin1Octets } from '../base/octets.ts';
import { equalNames, uncheckedName } from '../wire/name.ts';
import { mustName } from '../wire/name-text.ts';
import type { ServerIdentity } from './server-tables.ts';

/** Names of class CH that servers tell about themselves under; each is the apex of a small zone, as with BIND. */
export const CHAOS = { VERSION: 0, HOSTNAME: 1, ID: 2, AUTHORS: 3, NONE: -1 } as const;

const NAMES = [
  [mustName('version.bind.'), CHAOS.VERSION],
  [mustName('version.server.'), CHAOS.VERSION], // RFC 4892 section 3: the name that is nobody's product
  [mustName('hostname.bind.'), CHAOS.HOSTNAME],
  [mustName('id.server.'), CHAOS.ID],
  [mustName('authors.bind.'), CHAOS.AUTHORS],
] as const;

/** Which of the names it is, or CHAOS.NONE. */
export function chaosName(octets: Uint8Array, at: number, length: number): number {
  const name = uncheckedName(octets.subarray(at, at + length));
  for (const [known, which] of NAMES) if (equalNames(known, name)) return which;
  return CHAOS.NONE;
}

/** RDATA of the TXT record for each CHAOS name, undefined where the operator told us to say nothing. */
export function chaosTexts(identity: ServerIdentity): readonly (Uint8Array | undefined)[] {
  return [identity.version, identity.hostname, identity.serverId, undefined].map((text) =>
    text === undefined ? undefined : txtRdata(text),
  );
}

/** One character string (RFC 1035 section 3.3.14) for each 255 octets. */
function txtRdata(text: string): Uint8Array {
  const octets = latin1Octets(Buffer.from(text, 'utf8').toString('latin1'));
  const strings = Math.max(1, Math.ceil(octets.length / 255));
  const rdata = new Uint8Array(octets.length + strings);
  for (let i = 0, to = 0; i < strings; i++) {
    const part = octets.subarray(255 * i, 255 * i + 255);
    rdata[to] = part.length;
    rdata.set(part, to + 1);
    to += part.length + 1;
  }
  return rdata;
}
