import { readUint32 } from '../../base/octets.ts';
import { nameLengthAt, type Name, uncheckedName } from '../name.ts';
import { durationInWords } from '../number-text.ts';
import { defineType, type Layout } from './define-type.ts';
import { CLASSIC, name, ttl, uint32 } from './fields.ts';
import { hasComments } from './text-style.ts';

const LABELS = ['serial', 'refresh', 'retry', 'expire', 'minimum'];

/** Each number on its own line with its meaning. */
const layout: Layout = (texts, style) => {
  const separator = style.chunkSeparator;
  const numbers = texts.slice(2);
  if (!hasComments(style)) return `${texts[0]} ${texts[1]} (${separator}${numbers.join(separator)} )`;
  const lines = numbers.map((text, i) => {
    const words = i === 0 ? '' : ` (${durationInWords(Number(text))})`;
    return `${text.padEnd(10)} ; ${LABELS[i]}${words}`;
  });
  return `${texts[0]} ${texts[1]} (${separator}${lines.join(separator)}${separator})`;
};

/** Start of a zone of authority (RFC 1035 section 3.3.13). */
export const SOA = defineType({
  code: 6,
  fields: [
    name('primary server', CLASSIC),
    name('mailbox', CLASSIC),
    uint32('serial'),
    ttl('refresh'),
    ttl('retry'),
    ttl('expire'),
    ttl('minimum'),
  ],
  layout,
});

/** SOA RDATA taken apart. Durations are seconds. */
export interface Soa {
  readonly primary: Name;
  readonly mailbox: Name;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** TTL of negative answers (RFC 2308 section 4). */
  readonly minimum: number;
}

/** @param rdata checked SOA RDATA; the names are views of it */
export function decodeSoa(rdata: Uint8Array): Soa {
  const mailboxAt = nameLengthAt(rdata);
  const at = mailboxAt + nameLengthAt(rdata, mailboxAt);
  return {
    primary: uncheckedName(rdata.subarray(0, mailboxAt)),
    mailbox: uncheckedName(rdata.subarray(mailboxAt, at)),
    serial: readUint32(rdata, at),
    refresh: readUint32(rdata, at + 4),
    retry: readUint32(rdata, at + 8),
    expire: readUint32(rdata, at + 12),
    minimum: readUint32(rdata, at + 16),
  };
}

export function encodeSoa(soa: Soa): Uint8Array<ArrayBuffer> {
  const at = soa.primary.length + soa.mailbox.length;
  const rdata = new Uint8Array(at + 20);
  rdata.set(soa.primary);
  rdata.set(soa.mailbox, soa.primary.length);
  const view = new DataView(rdata.buffer, at);
  [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum].forEach((value, i) => view.setUint32(4 * i, value));
  return rdata;
}

/** Serial of SOA RDATA: its five numbers are the last 20 octets. */
export function soaSerial(rdata: Uint8Array): number {
  return readUint32(rdata, rdata.length - 20);
}

/** The RDATA with another serial, as a copy. */
export function withSoaSerial(rdata: Uint8Array, serial: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(rdata);
  new DataView(copy.buffer).setUint32(copy.length - 20, serial);
  return copy;
}
