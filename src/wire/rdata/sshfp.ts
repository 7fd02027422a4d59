import { bracketTail, defineType } from './define-type.ts';
import { digest } from './digest-field.ts';
import { uint8 } from './fields.ts';

/** Octets of the fingerprints by type: SHA-1 (RFC 4255 section 3.1.2), SHA-256 (RFC 6594 section 2.1). */
const LENGTHS = new Map([
  [1, 20],
  [2, 32],
]);

/** Fingerprint of a host's SSH key (RFC 4255 section 3). */
export const SSHFP = defineType({
  code: 44,
  fields: [uint8('algorithm'), uint8('fingerprint type'), digest(LENGTHS, 0)],
  layout: bracketTail(2),
});
