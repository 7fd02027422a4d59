import { readUint16 } from '../../base/octets.ts';
import { Mnemonics } from '../mnemonics.ts';
import { RR_TYPES } from '../tables/rr-types.ts';
import { defineType, type Layout } from './define-type.ts';
import { base64, type Field, LISTED, name, time, typeField, uint16, uint32, uint8 } from './fields.ts';
import { algorithm } from './key-fields.ts';

const TYPES = new Mnemonics(RR_TYPES);

/** BIND prints types without a mnemonic as plain numbers here. */
const covered: Field = {
  ...typeField('type covered'),
  toText: (rdata, at) => TYPES.text(readUint16(rdata, at)) ?? String(readUint16(rdata, at)),
};

const layout: Layout = ([type, alg, labels, originalTtl, expiration, inception, tag, signer, signature], style) => {
  const separator = style.chunkSeparator;
  const head = `${type} ${alg} ${labels} ${originalTtl} ${expiration} (${separator}`;
  return `${head}${inception} ${tag} ${signer}${separator}${signature} )`;
};

/** Signature of old: today only of transactions (RFC 2535 section 4, RFC 2931), where the type covered is 0. */
export const SIG = defineType({
  code: 24,
  fields: [
    covered,
    algorithm,
    uint8('labels'),
    uint32('original TTL'),
    time('signature expiration'),
    time('signature inception'),
    uint16('key tag'),
    name("signer's name", LISTED),
    base64('signature'),
  ],
  layout,
});
