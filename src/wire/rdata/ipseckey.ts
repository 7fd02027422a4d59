import { MalformedError, type Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { base64Rest, base64Text } from './base64-text.ts';
import { within } from './define-type.ts';
import { nextNumber } from './fields.ts';
import { gatewayEnd, gatewayFromText, gatewayText, readGateway } from './gateway.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { chunked, LINE_STYLE } from './text-style.ts';

/*
 * IPSECKEY RDATA (RFC 4025 section 2.1): precedence (8), gateway type (8), algorithm (8), gateway, public key
 */
const GATEWAY_AT = 3;

/** Public key for IPsec (RFC 4025). */
export const IPSECKEY: RecordType = {
  code: 45,
  mnemonic: 'IPSECKEY',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      const [precedence, type, algorithm] = reader.take(GATEWAY_AT);
      out.uint8(precedence);
      out.uint8(type);
      out.uint8(algorithm);
      readGateway(type, reader, out);
      if (reader.remaining === 0) throw new MalformedError('public key is missing', reader.at);
      out.bytes(reader.rest());
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    const head = `${rdata[0]} ${rdata[1]} ${rdata[2]} ${gatewayText(rdata[1], rdata, GATEWAY_AT)}`;
    const key = chunked(base64Text(rdata, gatewayEnd(rdata[1], rdata, GATEWAY_AT), rdata.length), style);
    return style.multiline ? `( ${head}${style.chunkSeparator}${key} )` : `${head} ${key}`;
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    out.uint8(nextNumber(tokens, 255, 'precedence (0 to 255)'));
    const type = nextNumber(tokens, 3, 'gateway type (0 to 3)');
    out.uint8(type);
    out.uint8(nextNumber(tokens, 255, 'algorithm (0 to 255)'));
    gatewayFromText(type, tokens, out);
    base64Rest(tokens, out, 'public key in base 64');
  },
};
