import { readUint16 } from '../../base/octets.ts';
import { nameLengthAt, type Name, uncheckedName } from '../name.ts';
import { TSIG_ERRORS } from '../code-text.ts';
import { Writer } from '../writer.ts';
import { defineType } from './define-type.ts';
import { type Field, LISTED, mnemonic, MODERN, name, nextNumber, uint16 } from './fields.ts';
import { countedBase64 } from './counted-base64.ts';

/*
 * TSIG RDATA (RFC 8945 section 4.2)
 *
 *   algorithm name | time signed (48) | fudge (16) | MAC size (16) | MAC | original id (16) | error (16)
 *   other length (16) | other data
 */

/** Unix seconds in 48 bits, printed as number. */
const time48: Field = {
  read: (reader, out) => out.bytes(reader.take(6)),
  end: (_, at) => at + 6,
  toText: (rdata, at) => String(readUint48(rdata, at)),
  fromText(tokens, out) {
    const value = nextNumber(tokens, 0xffffffffffff, 'time signed in seconds (48 bits)');
    out.uint16(Math.floor(value / 0x100000000));
    out.uint32(value >>> 0);
  },
};

function readUint48(rdata: Uint8Array, at: number): number {
  return readUint16(rdata, at) * 0x100000000 + readUint16(rdata, at + 2) * 0x10000 + readUint16(rdata, at + 4);
}

/** Transaction signature (RFC 8945): only at the end of messages. */
export const TSIG = defineType({
  code: 250,
  fields: [
    name('algorithm name', { ...MODERN, decompressed: LISTED.decompressed }),
    time48,
    uint16('fudge'),
    countedBase64('MAC'),
    uint16('original id'),
    mnemonic('error', 16, TSIG_ERRORS, true),
    countedBase64('other data'),
  ],
});

export interface TsigRdata {
  readonly algorithm: Name;
  /** Unix seconds, 48 bits. */
  readonly timeSigned: number;
  /** Seconds. */
  readonly fudge: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  /** See tsigErrorText. */
  readonly error: number;
  readonly otherData: Uint8Array;
}

/** @param rdata checked TSIG RDATA; names and octets are views of it */
export function decodeTsig(rdata: Uint8Array): TsigRdata {
  const at = nameLengthAt(rdata);
  const macEnd = at + 10 + readUint16(rdata, at + 8);
  return {
    algorithm: uncheckedName(rdata.subarray(0, at)),
    timeSigned: readUint48(rdata, at),
    fudge: readUint16(rdata, at + 6),
    mac: rdata.subarray(at + 10, macEnd),
    originalId: readUint16(rdata, macEnd),
    error: readUint16(rdata, macEnd + 2),
    otherData: rdata.subarray(macEnd + 6),
  };
}

export function encodeTsig(tsig: TsigRdata): Uint8Array<ArrayBuffer> {
  const out = new Writer(128);
  out.name(tsig.algorithm);
  out.uint16(Math.floor(tsig.timeSigned / 0x100000000));
  out.uint32(tsig.timeSigned >>> 0);
  out.uint16(tsig.fudge);
  out.uint16(tsig.mac.length);
  out.bytes(tsig.mac);
  out.uint16(tsig.originalId);
  out.uint16(tsig.error);
  out.uint16(tsig.otherData.length);
  out.bytes(tsig.otherData);
  return out.finish();
}
