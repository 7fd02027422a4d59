import { fromBase64 } from '../../base/base64.ts';
import type { TsigKeyStatement } from '../configuration.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import { previous } from './match-lists.ts';

/** Digest bits by algorithm (RFC 8945 section 6). */
const DIGEST_BITS: ReadonlyMap<string, number> = new Map([
  ['hmac-md5', 128],
  ['hmac-md5.sig-alg.reg.int', 128],
  ['hmac-sha1', 160],
  ['hmac-sha224', 224],
  ['hmac-sha256', 256],
  ['hmac-sha384', 384],
  ['hmac-sha512', 512],
]);

/** The keys that can be used; the others are faults. */
export function checkKeys(clauses: readonly Clause[], faults: FaultList): TsigKeyStatement[] {
  const seen = new Map<string, Clause>();
  return clauses.flatMap((clause) => {
    const name = textField(clause.value, 'name') ?? '';
    const before = seen.get(canonicalKeyName(name));
    if (before) faults.error('CONF_DUPLICATE', clause.position, `key '${name}': already exists ${previous(before)}`);
    else seen.set(canonicalKeyName(name), clause);
    const key = checkKey(name, clause, faults);
    return key && !before ? [key] : [];
  });
}

function checkKey(name: string, clause: Clause, faults: FaultList): TsigKeyStatement | undefined {
  const body = fieldOf(clause.value, 'body') as MapValue;
  const algorithm = clauseNamed(body, 'algorithm')?.value;
  const secret = clauseNamed(body, 'secret')?.value;
  if (algorithm?.kind !== 'text' || secret?.kind !== 'text') {
    faults.error('CONF_VALUE', clause.position, `key '${name}' must have both 'secret' and 'algorithm' defined`);
    return undefined;
  }
  const checked = checkAlgorithm(name, algorithm.text, algorithm.position, faults);
  const octets = fromBase64(secret.text.replaceAll(/\s/g, ''));
  return checked !== undefined && octets ? { name, algorithm: checked, secret: octets } : undefined;
}

/** `hmac-sha256`, or `hmac-sha256-128` for a digest cut to that many bits (RFC 8945 section 5.2.2.1). */
function checkAlgorithm(key: string, written: string, at: Clause['position'], faults: FaultList): string | undefined {
  const fault = (text: string): undefined => faults.error('CONF_VALUE', at, text) as undefined;
  const lower = written.toLowerCase();
  if (DIGEST_BITS.has(lower)) return lower === 'hmac-md5.sig-alg.reg.int' ? 'hmac-md5' : lower;
  const parts = /^(.*)-(\d{1,5})$/.exec(lower);
  const full = parts && DIGEST_BITS.get(parts[1]);
  if (!parts || !full) return fault(`unknown algorithm '${written}'`);
  const bits = Number(parts[2]);
  const least = Math.max(80, full / 2);
  if (bits > full) return fault(`key '${key}' digest-bits too large [${least}..${full}]`);
  if (bits % 8 !== 0) return fault(`key '${key}' digest-bits not multiple of 8`);
  if (bits < least) return fault(`key '${key}' digest-bits too small [${least}..${full}]`);
  if (bits === full) return parts[1];
  return fault(`algorithm '${written}': truncated digests are known but not supported by this version`);
}
