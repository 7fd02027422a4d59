import fc from 'fast-check';
import { type Name, prependLabel, ROOT } from '../../src/wire/name.ts';

/** Names of any octets, labels of 1 to 63, at most 255 in all. */
export const anyName: fc.Arbitrary<Name> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 8 })
  .map((labels) => {
    let name: Name = ROOT;
    for (const label of labels) name = prependLabel(label, name) ?? name;
    return name;
  });
