/** The DNS message in a URI's query (RFC 8484 section 4.1.1), or undefined where there is none or it is malformed. */
export function dnsParameter(query: string): Uint8Array | undefined {
  let found: string | undefined;
  // As BIND: other parameters are ignored, and of several the last counts.
  for (const part of query.split('&')) if (part.startsWith(NAME)) found = part.slice(NAME.length);
  if (found === undefined || !BASE64URL.test(found) || found.length % 4 === 1) return undefined;
  return Buffer.from(found, 'base64url');
}

const NAME = 'dns=';
/** RFC 4648 section 5; RFC 8484 section 6: without padding. */
const BASE64URL = /^[A-Za-z0-9_-]+$/;
