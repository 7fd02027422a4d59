import type { CookieConfiguration } from '../configuration.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, clausesNamed } from '../syntax/tree.ts';
import type { MapValue } from '../syntax/tree.ts';

/** Octets of a secret for SipHash-2-4 (RFC 9018 section 4.4). */
const SECRET_OCTETS = 16;

/** `answer-cookie` and `cookie-secret`; undefined: cookies are not answered. */
export function checkCookies(options: MapValue, faults: FaultList): CookieConfiguration | undefined {
  const answer = clauseNamed(options, 'answer-cookie')?.value;
  const secrets = clausesNamed(options, 'cookie-secret').flatMap((clause) => {
    const text = clause.value.kind === 'text' ? clause.value.text : '';
    const secret = new Uint8Array(Buffer.from(text, 'hex'));
    let fault: string | undefined;
    // The secret itself is in no message.
    if (!/^(?:[0-9a-f]{2})*$/i.test(text)) fault = 'cookie-secret: invalid hex string';
    else if (secret.length !== SECRET_OCTETS) fault = 'SipHash-2-4 cookie-secret must be 128 bits';
    if (fault !== undefined) faults.error('CONF_VALUE', clause.position, fault);
    return fault === undefined ? [secret] : [];
  });
  return answer?.kind === 'boolean' && !answer.value ? undefined : { secrets };
}
