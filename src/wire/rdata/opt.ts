import { within } from './define-type.ts';
import { genericType } from './generic.ts';
import type { RecordType } from './record-type.ts';

/** EDNS(0) options (RFC 6891 section 6.1.2): option code (16 bits), length (16 bits), octets; again and again. */
export const OPT: RecordType = {
  ...genericType(41),
  read(reader, length, out) {
    within(reader, length, () => {
      while (reader.remaining > 0) {
        out.uint16(reader.uint16());
        const size = reader.uint16();
        out.uint16(size);
        out.bytes(reader.take(size));
      }
    });
  },
};
