import { readUint16 } from '../../base/octets.ts';
import { toBase64 } from '../../base/base64.ts';
import { MalformedError, type Reader } from '../reader.ts';
import { nameLengthAt, uncheckedName } from '../name.ts';
import { nameToText } from '../name-text.ts';
import type { Writer } from '../writer.ts';
import { base64Token } from './base64-text.ts';
import { within } from './define-type.ts';
import { nameFromTokens, nextNumber, readPlainName } from './fields.ts';
import { hexText, hexToken } from './hex-text.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE } from './text-style.ts';

/*
 * HIP RDATA (RFC 8005 section 5)
 *
 *   HIT length (8) | public key algorithm (8) | public key length (16) | HIT | public key | rendezvous servers, names
 */
const HIT_AT = 4;

/** Host identity (RFC 8005). */
export const HIP: RecordType = {
  code: 55,
  mnemonic: 'HIP',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      const at = reader.at;
      const hitLength = reader.uint8();
      const algorithm = reader.uint8();
      const keyLength = reader.uint16();
      if (hitLength === 0 || keyLength === 0) throw new MalformedError('HIT or public key is empty', at);
      out.uint8(hitLength);
      out.uint8(algorithm);
      out.uint16(keyLength);
      out.bytes(reader.take(hitLength + keyLength));
      while (reader.remaining > 0) readPlainName(reader, out);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    const keyAt = HIT_AT + rdata[0];
    const serversAt = keyAt + readUint16(rdata, 2);
    const lines = [`${rdata[1]} ${hexText(rdata, HIT_AT, keyAt)}`, toBase64(rdata.subarray(keyAt, serversAt))];
    for (let at = serversAt; at < rdata.length; at += nameLengthAt(rdata, at))
      lines.push(nameToText(uncheckedName(rdata.subarray(at))));
    return style.multiline ? `( ${lines.join(style.chunkSeparator)} )` : lines.join(' ');
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    const at = out.at;
    const algorithm = nextNumber(tokens, 255, 'public key algorithm (0 to 255)');
    out.uint32(0);
    const hitLength = hexToken(tokens, out, 'HIT in hexadecimal');
    if (hitLength === 0 || hitLength > 255) tokens.fail('HIT of 1 to 255 octets');
    const keyLength = base64Token(tokens, out, 'public key in base 64');
    if (keyLength === 0 || keyLength > 65535) tokens.fail('public key of 1 to 65535 octets');
    out.octets[at] = hitLength;
    out.octets[at + 1] = algorithm;
    out.patchUint16(at + 2, keyLength);
    while (tokens.more()) nameFromTokens(tokens, out, 'rendezvous server');
  },
};
