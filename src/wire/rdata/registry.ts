import { A } from './a.ts';
import { AAAA } from './aaaa.ts';
import { AFSDB } from './afsdb.ts';
import { AVC } from './avc.ts';
import { BRID } from './brid.ts';
import { CDNSKEY } from './cdnskey.ts';
import { CDS } from './cds.ts';
import { CERT } from './cert.ts';
import { CNAME } from './cname.ts';
import { CSYNC } from './csync.ts';
import { DHCID } from './dhcid.ts';
import { DNAME } from './dname.ts';
import { DNSKEY } from './dnskey.ts';
import { DLV, DS, TA } from './ds.ts';
import { DSYNC } from './dsync.ts';
import { EID } from './eid.ts';
import { genericType } from './generic.ts';
import { GPOS } from './gpos.ts';
import { HHIT } from './hhit.ts';
import { HINFO } from './hinfo.ts';
import { ISDN } from './isdn.ts';
import { KEY } from './key.ts';
import { KX } from './kx.ts';
import { L32 } from './l32.ts';
import { LP } from './lp.ts';
import { MB } from './mb.ts';
import { MD } from './md.ts';
import { MF } from './mf.ts';
import { MG } from './mg.ts';
import { MINFO } from './minfo.ts';
import { MR } from './mr.ts';
import { MX } from './mx.ts';
import { NAPTR } from './naptr.ts';
import { NIMLOC } from './nimloc.ts';
import { NINFO } from './ninfo.ts';
import { NS } from './ns.ts';
import { NSAP_PTR } from './nsap-ptr.ts';
import { NSEC } from './nsec.ts';
import { NSEC3 } from './nsec3.ts';
import { NSEC3PARAM } from './nsec3param.ts';
import { NULL } from './null.ts';
import { OPENPGPKEY } from './openpgpkey.ts';
import { OPT } from './opt.ts';
import { PTR } from './ptr.ts';
import { PX } from './px.ts';
import type { RecordType } from './record-type.ts';
import { RESINFO } from './resinfo.ts';
import { RKEY } from './rkey.ts';
import { RP } from './rp.ts';
import { RRSIG } from './rrsig.ts';
import { RT } from './rt.ts';
import { SIG } from './sig.ts';
import { SINK } from './sink.ts';
import { SMIMEA } from './smimea.ts';
import { SOA } from './soa.ts';
import { SPF } from './spf.ts';
import { SRV } from './srv.ts';
import { SSHFP } from './sshfp.ts';
import { TALINK } from './talink.ts';
import { TLSA } from './tlsa.ts';
import { TXT } from './txt.ts';
import { URI } from './uri.ts';
import { WALLET } from './wallet.ts';
import { ZONEMD } from './zonemd.ts';

/** Names of types are read and printed by the table alone; kept here too since whoever has a type has its name. */
export { isMetaType, typeCode, typeText } from '../type-text.ts';

/** Every type that has a form of its own, one file each. */
export const KNOWN_TYPES: readonly RecordType[] = [
  A,
  AAAA,
  AFSDB,
  AVC,
  BRID,
  CDNSKEY,
  CDS,
  CERT,
  CNAME,
  CSYNC,
  DHCID,
  DLV,
  DNAME,
  DNSKEY,
  DS,
  DSYNC,
  EID,
  GPOS,
  HHIT,
  HINFO,
  ISDN,
  KEY,
  KX,
  L32,
  LP,
  MB,
  MD,
  MF,
  MG,
  MINFO,
  MR,
  MX,
  NAPTR,
  NIMLOC,
  NINFO,
  NS,
  NSAP_PTR,
  NSEC,
  NSEC3,
  NSEC3PARAM,
  NULL,
  OPENPGPKEY,
  OPT,
  PTR,
  PX,
  RESINFO,
  RKEY,
  RP,
  RRSIG,
  RT,
  SIG,
  SINK,
  SMIMEA,
  SOA,
  SPF,
  SRV,
  SSHFP,
  TA,
  TALINK,
  TLSA,
  TXT,
  URI,
  WALLET,
  ZONEMD,
];

const TYPES = new Map(KNOWN_TYPES.map((type) => [type.code, type]));

/** The operations of the record type with this number; types not known have those of RFC 3597. */
export function recordType(code: number): RecordType {
  const known = TYPES.get(code);
  if (known !== undefined) return known;
  const generic = genericType(code);
  TYPES.set(code, generic); // at most 65,536 of them
  return generic;
}
