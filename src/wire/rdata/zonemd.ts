import { bracketTail, defineType } from './define-type.ts';
import { digest } from './digest-field.ts';
import { uint32, uint8 } from './fields.ts';

/** Octets of the digests by hash algorithm (RFC 8976 section 2.2.3: SHA-384, SHA-512); others have at least 12. */
const LENGTHS = new Map([
  [1, 48],
  [2, 64],
]);

/** Digest of the zone's content (RFC 8976 section 2). */
export const ZONEMD = defineType({
  code: 63,
  fields: [uint32('serial'), uint8('scheme'), uint8('hash algorithm'), digest(LENGTHS, 12)],
  layout: bracketTail(3),
});
