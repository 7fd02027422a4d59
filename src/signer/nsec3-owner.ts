import { latin1Octets } from '../base/octets.ts';
import { SignetError } from '../base/error.ts';
import { toBase32Hex } from '../base/base32hex.ts';
import { nameToText } from '../wire/name-text.ts';
import { prependLabel, type Name } from '../wire/name.ts';

/**
 * Owner of the NSEC3 with this hash: its base 32 form as one label before the apex (RFC 5155 section 3).
 * @throws SignetError NSEC3_OWNER_TOO_LONG when the apex leaves no room for the 33 octets
 */
export function nsec3Owner(hash: Uint8Array, apex: Name): Name {
  const owner = prependLabel(latin1Octets(toBase32Hex(hash)), apex);
  if (owner) return owner;
  const zone = nameToText(apex);
  const message = `zone ${zone}: its name leaves no room for NSEC3 owner names (RFC 5155 section 3): use NSEC`;
  throw new SignetError('NSEC3_OWNER_TOO_LONG', message, { zone });
}
