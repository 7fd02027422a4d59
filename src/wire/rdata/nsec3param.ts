import { readUint16 } from '../../base/octets.ts';
import { defineType } from './define-type.ts';
import { uint16, uint8 } from './fields.ts';
import { hashAlgorithm, salt } from './nsec3-fields.ts';

/** Parameters of the NSEC3 chain that the zone has (RFC 5155 section 4). */
export const NSEC3PARAM = defineType({
  code: 51,
  fields: [hashAlgorithm, uint8('flags'), uint16('iterations'), salt],
});

/** NSEC3PARAM RDATA taken apart. */
export interface Nsec3Param {
  readonly hashAlgorithm: number;
  readonly flags: number;
  readonly iterations: number;
  readonly salt: Uint8Array;
}

/** @param rdata checked NSEC3PARAM RDATA; the salt is a view of it */
export function decodeNsec3Param(rdata: Uint8Array): Nsec3Param {
  return { hashAlgorithm: rdata[0], flags: rdata[1], iterations: readUint16(rdata, 2), salt: rdata.subarray(5) };
}

export function encodeNsec3Param(param: Nsec3Param): Uint8Array<ArrayBuffer> {
  const rdata = new Uint8Array(5 + param.salt.length);
  rdata.set([param.hashAlgorithm, param.flags, param.iterations >> 8, param.iterations, param.salt.length]);
  rdata.set(param.salt, 5);
  return rdata;
}
