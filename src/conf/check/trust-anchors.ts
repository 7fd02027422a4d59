import { fromBase64 } from '../../base/base64.ts';
import { fromHex } from '../../base/octets.ts';
import type { TrustAnchor } from '../configuration.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, numberField, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, MapValue, Value } from '../syntax/tree.ts';
import { normalizeZoneName } from '../zone-name.ts';

/** RFC 4034 section 2.1.2. */
const DNSKEY_PROTOCOL = 3;
/** The Zone Key flag (RFC 4034 section 2.1.1). */
const ZONE_KEY = 0x0100;
/** Octets of the digests of a DS by its type (IANA); others prove nothing. */
const DIGEST_OCTETS: ReadonlyMap<number, number> = new Map([
  [1, 20],
  [2, 32],
  [4, 48],
]);

/**
 * `trust-anchors` with static keys and digests. None are used with `dnssec-validation no`. Entries that could never verify anything are
 * errors here; BIND 9.18 finds out when it starts.
 */
export function checkTrustAnchors(
  clauses: readonly Clause[],
  options: MapValue,
  faults: FaultList,
): TrustAnchor[] | undefined {
  const elements = clauses.flatMap(({ value }) => (value as ListValue).elements);
  const anchors = elements.flatMap((element) => checkAnchor(element, faults) ?? []);
  const validation = clauseNamed(options, 'dnssec-validation')?.value;
  return validation?.kind === 'boolean' && !validation.value ? undefined : anchors;
}

function checkAnchor(element: Value, faults: FaultList): TrustAnchor | undefined {
  const written = textField(element, 'name') ?? '';
  const kind = textField(element, 'anchor');
  const data = textField(element, 'data') ?? '';
  const [first, second, third] = ['flags', 'protocol', 'algorithm'].map((field) => numberField(element, field) ?? 0);
  const fault = (text: string): undefined =>
    faults.error('CONF_VALUE', element.position, `trust-anchors '${written}': ${text}`) as undefined;
  const name = normalizeZoneName(written);
  if (name === undefined) return fault('is not a valid name');
  if (kind !== 'static-ds' && kind !== 'static-key') return undefined; // told of as not supported
  const anchor = (kind === 'static-ds' ? dsAnchor : keyAnchor)(name, [first, second, third], data, fault);
  if (anchor !== undefined && isRootKey(anchor)) {
    const text =
      'static entry for the root zone WILL FAIL after key rollover - use trust-anchors with initial-key or initial-ds instead.';
    faults.warning('CONF_VALUE', element.position, text);
  }
  return anchor;
}

/** The key of 2017 of the root that everybody knows, tag 20326, or its DS. */
function isRootKey({ name, kind, rdata }: TrustAnchor): boolean {
  if (name !== '.') return false;
  const begin = kind === 'ds' ? [0x4f, 0x66, 8] : [1, 1, 3, 8, 3, 1, 0, 1, 0xac, 0xff, 0xb4, 0x09];
  return begin.every((octet, i) => rdata[i] === octet);
}

type Numbers = readonly [number, number, number];

/** `static-key flags protocol algorithm "base64"` */
function keyAnchor(
  name: string,
  [flags, protocol, algorithm]: Numbers,
  data: string,
  fault: (text: string) => undefined,
): TrustAnchor | undefined {
  if (flags > 0xffff) return fault(`flags too big: ${flags}`);
  if (protocol !== DNSKEY_PROTOCOL) return fault(`protocol is ${protocol}, not ${DNSKEY_PROTOCOL}`);
  if (algorithm > 0xff) return fault(`algorithm too big: ${algorithm}`);
  if ((flags & ZONE_KEY) === 0) return fault(`flags ${flags} are not those of a zone key: use 257 or 256`);
  const key = fromBase64(data.replaceAll(/\s/g, ''));
  if (key === undefined || key.length === 0) return fault('the key is not in base64');
  return { name, kind: 'key', rdata: Uint8Array.of(flags >> 8, flags & 0xff, protocol, algorithm, ...key) };
}

/** `static-ds tag algorithm digest-type "hex"` */
function dsAnchor(
  name: string,
  [tag, algorithm, digestType]: Numbers,
  data: string,
  fault: (text: string) => undefined,
): TrustAnchor | undefined {
  if (tag > 0xffff) return fault(`key tag too big: ${tag}`);
  if (algorithm > 0xff) return fault(`algorithm too big: ${algorithm}`);
  const octets = DIGEST_OCTETS.get(digestType);
  if (octets === undefined) return fault(`digest type ${digestType} is not supported: use 2 (SHA-256) or 4 (SHA-384)`);
  const digest = fromHex(data.replaceAll(/\s/g, ''));
  if (digest?.length !== octets) return fault(`a digest of type ${digestType} has ${octets} octets in hexadecimal`);
  return { name, kind: 'ds', rdata: Uint8Array.of(tag >> 8, tag & 0xff, algorithm, digestType, ...digest) };
}
