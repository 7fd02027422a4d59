import { MalformedError, type Reader } from '../reader.ts';
import { nameLengthAt, uncheckedName } from '../name.ts';
import { nameToText } from '../name-text.ts';
import type { Writer } from '../writer.ts';
import { ipv4Text, ipv6Text } from './address-text.ts';
import { ipv4, ipv6, nameFromTokens, nextWord, readPlainName } from './fields.ts';
import type { RdataTokens } from './record-type.ts';

/** Gateway or relay of IPSECKEY (RFC 4025 section 2.5) and AMTRELAY (RFC 8777 section 4.2.3), by its type. */
export const GATEWAY = { NONE: 0, IPV4: 1, IPV6: 2, NAME: 3 } as const;

export function readGateway(type: number, reader: Reader, out: Writer): void {
  if (type === GATEWAY.IPV4) out.bytes(reader.take(4));
  else if (type === GATEWAY.IPV6) out.bytes(reader.take(16));
  else if (type === GATEWAY.NAME) readPlainName(reader, out);
  else if (type !== GATEWAY.NONE) throw new MalformedError('gateway type is unknown', reader.at);
}

/** Where the gateway that begins at `at` ends. */
export function gatewayEnd(type: number, rdata: Uint8Array, at: number): number {
  if (type === GATEWAY.IPV4) return at + 4;
  if (type === GATEWAY.IPV6) return at + 16;
  return type === GATEWAY.NAME ? at + nameLengthAt(rdata, at) : at;
}

/** Names are absolute in every style, as BIND prints them. */
export function gatewayText(type: number, rdata: Uint8Array, at: number): string {
  if (type === GATEWAY.IPV4) return ipv4Text(rdata, at);
  if (type === GATEWAY.IPV6) return ipv6Text(rdata, at);
  return type === GATEWAY.NAME ? nameToText(uncheckedName(rdata.subarray(at))) : '.';
}

export function gatewayFromText(type: number, tokens: RdataTokens, out: Writer): void {
  if (type === GATEWAY.IPV4) ipv4.fromText(tokens, out);
  else if (type === GATEWAY.IPV6) ipv6.fromText(tokens, out);
  else if (type === GATEWAY.NAME) nameFromTokens(tokens, out, 'gateway');
  else {
    nextWord(tokens, '"." for no gateway');
    if (tokens.end - tokens.start !== 1 || tokens.octets[tokens.start] !== 0x2e) tokens.fail('"." for no gateway');
  }
}
