import { MalformedError, Reader } from '../wire/reader.ts';
import type { QueryView } from '../wire/query-view.ts';
import { TYPE } from '../wire/type-codes.ts';

/**
 * The serial that an IXFR request says the client has: that of the SOA in its authority section (RFC 1995 section 3).
 * @returns undefined when there is no such record, or it is malformed
 */
export function ixfrSerial(query: QueryView): number | undefined {
  const reader = new Reader(query.octets, query.questionEnd, query.length);
  const counts = new Reader(query.octets, 6, 12);
  const answers = counts.uint16();
  const authorities = counts.uint16();
  try {
    for (let i = 0; i < answers + authorities; i++) {
      reader.name();
      const type = reader.uint16();
      reader.take(6);
      const length = reader.uint16();
      const end = reader.at + length;
      if (i < answers || type !== TYPE.SOA) {
        reader.take(length);
        continue;
      }
      reader.name();
      reader.name();
      return reader.at + 20 === end ? reader.uint32() : undefined;
    }
    return undefined;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
