import { defineType } from './define-type.ts';
import { characterString, LISTED, name, uint16 } from './fields.ts';

/** Naming authority pointer (RFC 3403 section 4.1). */
export const NAPTR = defineType({
  code: 35,
  fields: [
    uint16('order'),
    uint16('preference'),
    characterString('flags'),
    characterString('services'),
    characterString('regular expression'),
    name('replacement', LISTED),
  ],
});
