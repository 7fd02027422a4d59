import { FLAG, OPCODE_SHIFT, SECTION } from '../wire/header.ts';
import { MessageBuilder } from '../wire/message-writer.ts';
import { equalNames, uncheckedName, type Name } from '../wire/name.ts';
import { QueryView, VERDICT } from '../wire/query-view.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../wire/type-codes.ts';

const NOTIFY_OCTETS = 1024;

/** NOTIFY(SOA) of RFC 1996 section 3.7, with the new SOA as a hint. @param soa RDATA @param ttl of the SOA */
export function notifyRequest(id: number, zone: Name, soa: Uint8Array, ttl: number): Uint8Array<ArrayBuffer> {
  const message = new MessageBuilder(new Uint8Array(NOTIFY_OCTETS));
  message.begin(NOTIFY_OCTETS);
  message.header(id, (OPCODE.NOTIFY << OPCODE_SHIFT) | FLAG.AA);
  message.question(zone, 0, TYPE.SOA, CLASS.IN);
  message.record(SECTION.ANSWER, zone, TYPE.SOA, CLASS.IN, ttl, soa);
  return message.octets.slice(0, message.end());
}

/** What a NOTIFY that came in is about, and the response code it deserves. */
export interface ReceivedNotify {
  readonly zone: Name | undefined;
  readonly rcode: number;
}

/**
 * Judges a NOTIFY that came to a primary (RFC 1996 section 3.8 to 3.10): zones of ours are acknowledged, since nothing
 * is to be fetched; others are NOTAUTH; other questions than for an SOA are malformed, as with BIND.
 */
export function judgeNotify(request: Uint8Array, isOurs: (zone: Name) => boolean): ReceivedNotify {
  const query = new QueryView();
  const verdict = query.parse(request);
  if (verdict !== VERDICT.OK || query.nameLength === 0) return { zone: undefined, rcode: RCODE.FORMERR };
  const zone = uncheckedName(request.slice(query.nameAt, query.nameAt + query.nameLength));
  if (query.type !== TYPE.SOA || query.class !== CLASS.IN) return { zone, rcode: RCODE.FORMERR };
  return { zone, rcode: isOurs(zone) ? RCODE.NOERROR : RCODE.NOTAUTH };
}

/** The answer to a request of any opcode without records: header, and the question when it could be read. */
export function emptyResponse(request: Uint8Array, rcode: number): Uint8Array<ArrayBuffer> {
  const query = new QueryView();
  query.parse(request);
  const message = new MessageBuilder(new Uint8Array(NOTIFY_OCTETS));
  message.begin(NOTIFY_OCTETS);
  const authoritative = query.opcode === OPCODE.NOTIFY && rcode === RCODE.NOERROR ? FLAG.AA : 0;
  const kept = query.flags & (FLAG.RD | FLAG.CD);
  message.header(query.id, FLAG.QR | (query.opcode << OPCODE_SHIFT) | authoritative | kept | (rcode & 15));
  if (query.nameLength > 0) message.question(request, query.nameAt, query.type, query.class);
  if (query.hasEdns) message.opt(1232, rcode, query.dnssecOk);
  return message.octets.slice(0, message.end());
}

/** Response code of the answer to the NOTIFY with this id and zone; undefined when the octets are not that answer. */
export function notifyAnswerRcode(octets: Uint8Array, id: number, zone: Name): number | undefined {
  if (octets.length < 12 || ((octets[0] << 8) | octets[1]) !== id || (octets[2] & 0x80) === 0) return undefined;
  if (((octets[2] >> 3) & 15) !== OPCODE.NOTIFY) return undefined;
  const questions = (octets[4] << 8) | octets[5];
  if (questions === 0) return octets[3] & 15; // some servers repeat no question
  const name = uncheckedName(octets.subarray(12, 12 + zone.length));
  return name.length === zone.length && equalNames(name, zone) ? octets[3] & 15 : undefined;
}
