import { MalformedError } from '../reader.ts';
import { type Field, hexadecimalRest } from './fields.ts';
import { hexRest } from './hex-text.ts';

/**
 * The rest of RDATA as digest in hexadecimal, behind the octet that says which digest it is.
 * @param lengths octets of the digest by that number; others must have at least `least`
 */
export function digest(lengths: ReadonlyMap<number, number>, least = 1): Field {
  const rest = hexadecimalRest('digest');
  const wrong = (type: number, length: number): string | undefined => {
    const right = lengths.get(type);
    if (right === undefined) return length < least ? `digest of at least ${least} octets` : undefined;
    return right === length ? undefined : `digest of ${right} octets, which digest type ${type} has`;
  };
  return {
    end: rest.end,
    toText: rest.toText,
    read(reader, out) {
      const fault = wrong(reader.octets[reader.at - 1], reader.remaining);
      if (fault !== undefined) throw new MalformedError(`${fault} expected`, reader.at);
      out.bytes(reader.rest());
    },
    fromText(tokens, out) {
      const type = out.octets[out.at - 1];
      const length = least === 0 && !tokens.more() ? 0 : hexRest(tokens, out, 'digest in hexadecimal');
      const fault = wrong(type, length);
      if (fault !== undefined) tokens.fail(fault);
    },
  };
}
