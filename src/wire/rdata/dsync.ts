import { Mnemonics } from '../mnemonics.ts';
import { DSYNC_SCHEMES } from '../tables/dsync-schemes.ts';
import { defineType } from './define-type.ts';
import { mnemonic, MODERN, name, typeField, uint16 } from './fields.ts';

/** Where to notify a parent of changed CDS and CSYNC records (RFC 9859 section 2). */
export const DSYNC = defineType({
  code: 66,
  fields: [
    typeField('record type'),
    mnemonic('scheme', 8, new Mnemonics(DSYNC_SCHEMES), true),
    uint16('port'),
    name('target', MODERN),
  ],
});
