import { Mnemonics } from '../mnemonics.ts';
import { parseDecimal } from '../number-text.ts';
import { MalformedError } from '../reader.ts';
import { IP_PROTOCOLS } from '../tables/ip-protocols.ts';
import { WKS_SERVICES } from '../tables/wks-services.ts';
import { defineType } from './define-type.ts';
import { type Field, ipv4, mnemonic, nextWord } from './fields.ts';

const SERVICES = new Mnemonics(WKS_SERVICES);
const EXPECTED = 'port (0 to 65535) or name of a service';

/** One bit a port, from the left (RFC 1035 section 3.4.2). */
const ports: Field = {
  read(reader, out) {
    if (reader.remaining > 8192) throw new MalformedError('port map is longer than 8192 octets', reader.at);
    const at = reader.at;
    const map = reader.rest();
    if (map.at(-1) === 0) throw new MalformedError('port map ends in a zero octet', at);
    out.bytes(map);
  },
  end: (rdata) => rdata.length,
  toText(rdata, at, end) {
    const texts: string[] = [];
    for (let port = 0; port < (end - at) * 8; port++)
      if (rdata[at + (port >> 3)] & (0x80 >> (port & 7))) texts.push(String(port));
    return texts.join(' ');
  },
  fromText(tokens, out) {
    const map = new Uint8Array(8192);
    let length = 0;
    while (tokens.more()) {
      nextWord(tokens, EXPECTED);
      let port = parseDecimal(tokens.octets, tokens.start, tokens.end, 0xffff);
      if (port < 0) port = SERVICES.code(tokens.octets, tokens.start, tokens.end);
      if (port < 0) tokens.fail(EXPECTED);
      map[port >> 3] |= 0x80 >> (port & 7);
      length = Math.max(length, (port >> 3) + 1);
    }
    out.bytes(map.subarray(0, length));
  },
};

/** Well-known services, obsolete (RFC 1035 section 3.4.2, RFC 1123 section 2.2). */
export const WKS = defineType({
  code: 11,
  fields: [ipv4, mnemonic('protocol', 8, new Mnemonics(IP_PROTOCOLS), false), ports],
});
