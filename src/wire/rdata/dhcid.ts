import { readUint16 } from '../../base/octets.ts';
import { defineType } from './define-type.ts';
import { base64 } from './fields.ts';
import { hasComments } from './text-style.ts';

/** Which DHCP client a name belongs to (RFC 4701 section 3.1). */
export const DHCID = defineType({
  code: 49,
  fields: [base64('DHCID')],
  layout(texts, style, rdata) {
    // Identifier type, digest type, length of the digest.
    const hasHead = hasComments(style) && rdata.length >= 3;
    const comment = hasHead ? ` ; ${readUint16(rdata, 0)} ${rdata[2]} ${rdata.length - 3}` : '';
    return `( ${texts[0]} )${comment}`;
  },
});
