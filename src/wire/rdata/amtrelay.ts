import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { within } from './define-type.ts';
import { nextNumber } from './fields.ts';
import { GATEWAY, gatewayFromText, gatewayText, readGateway } from './gateway.ts';
import { genericText } from './generic.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE } from './text-style.ts';

/*
 * AMTRELAY RDATA (RFC 8777 section 4.2): precedence (8), discovery optional (1) and type (7), relay
 */
const RELAY_AT = 2;
const typeOf = (rdata: Uint8Array): number => rdata[1] & 0x7f;

/** Relay for automatic multicast tunnels (RFC 8777). Relays of unknown types are kept as they are. */
export const AMTRELAY: RecordType = {
  code: 260,
  mnemonic: 'AMTRELAY',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      out.uint8(reader.uint8());
      const second = reader.uint8();
      out.uint8(second);
      if ((second & 0x7f) > GATEWAY.NAME) out.bytes(reader.rest());
      else readGateway(second & 0x7f, reader, out);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    const type = typeOf(rdata);
    if (type > GATEWAY.NAME) return genericText(rdata, style);
    return `${rdata[0]} ${rdata[1] >> 7} ${type} ${gatewayText(type, rdata, RELAY_AT)}`;
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    out.uint8(nextNumber(tokens, 255, 'precedence (0 to 255)'));
    const discovery = nextNumber(tokens, 1, 'discovery optional (0 or 1)');
    const type = nextNumber(tokens, 3, 'relay type (0 to 3; others only as "\\#")');
    out.uint8((discovery << 7) | type);
    gatewayFromText(type, tokens, out);
  },
};
