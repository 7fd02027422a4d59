import { A } from './a.ts';
import { A6 } from './a6.ts';
import { AAAA } from './aaaa.ts';
import { AFSDB } from './afsdb.ts';
import { AMTRELAY } from './amtrelay.ts';
import { APL } from './apl.ts';
import { ATMA } from './atma.ts';
import { AVC } from './avc.ts';
import { BRID } from './brid.ts';
import { CAA } from './caa.ts';
import { CDNSKEY } from './cdnskey.ts';
import { CDS } from './cds.ts';
import { CERT } from './cert.ts';
import { CNAME } from './cname.ts';
import { CSYNC } from './csync.ts';
import { DHCID } from './dhcid.ts';
import { DNAME } from './dname.ts';
import { DNSKEY } from './dnskey.ts';
import { DOA } from './doa.ts';
import { DLV, DS, TA } from './ds.ts';
import { DSYNC } from './dsync.ts';
import { EID } from './eid.ts';
import { EUI48 } from './eui48.ts';
import { EUI64 } from './eui64.ts';
import { genericType } from './generic.ts';
import { GPOS } from './gpos.ts';
import { HHIT } from './hhit.ts';
import { HINFO } from './hinfo.ts';
import { HIP } from './hip.ts';
import { HTTPS } from './https.ts';
import { IPSECKEY } from './ipseckey.ts';
import { ISDN } from './isdn.ts';
import { KEY } from './key.ts';
import { KX } from './kx.ts';
import { L32 } from './l32.ts';
import { L64 } from './l64.ts';
import { LOC } from './loc.ts';
import { LP } from './lp.ts';
import { MB } from './mb.ts';
import { MD } from './md.ts';
import { MF } from './mf.ts';
import { MG } from './mg.ts';
import { MINFO } from './minfo.ts';
import { MR } from './mr.ts';
import { MX } from './mx.ts';
import { NAPTR } from './naptr.ts';
import { NID } from './nid.ts';
import { NIMLOC } from './nimloc.ts';
import { NINFO } from './ninfo.ts';
import { NS } from './ns.ts';
import { NSAP } from './nsap.ts';
import { NSAP_PTR } from './nsap-ptr.ts';
import { NSEC } from './nsec.ts';
import { NSEC3 } from './nsec3.ts';
import { NSEC3PARAM } from './nsec3param.ts';
import { NULL } from './null.ts';
import { NXT } from './nxt.ts';
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
import { SVCB } from './svcb.ts';
import { TALINK } from './talink.ts';
import { TKEY } from './tkey.ts';
import { TLSA } from './tlsa.ts';
import { TSIG } from './tsig.ts';
import { TXT } from './txt.ts';
import { CLASS } from '../type-codes.ts';
import { URI } from './uri.ts';
import { WALLET } from './wallet.ts';
import { WKS } from './wks.ts';
import { X25 } from './x25.ts';
import { ZONEMD } from './zonemd.ts';

/** Names of types are read and printed by the table alone; kept here too since whoever has a type has its name. */
export { isMetaType, typeCode, typeText } from '../type-text.ts';

/** Every type that has a form of its own, one file each. */
export const KNOWN_TYPES: readonly RecordType[] = [
  A,
  A6,
  AAAA,
  AFSDB,
  AMTRELAY,
  APL,
  ATMA,
  AVC,
  BRID,
  CAA,
  CDNSKEY,
  CDS,
  CERT,
  CNAME,
  CSYNC,
  DHCID,
  DLV,
  DNAME,
  DNSKEY,
  DOA,
  DS,
  DSYNC,
  EID,
  EUI48,
  EUI64,
  GPOS,
  HHIT,
  HINFO,
  HIP,
  HTTPS,
  IPSECKEY,
  ISDN,
  KEY,
  KX,
  L32,
  L64,
  LOC,
  LP,
  MB,
  MD,
  MF,
  MG,
  MINFO,
  MR,
  MX,
  NAPTR,
  NID,
  NIMLOC,
  NINFO,
  NS,
  NSAP,
  NSAP_PTR,
  NSEC,
  NSEC3,
  NSEC3PARAM,
  NULL,
  NXT,
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
  SVCB,
  TA,
  TALINK,
  TKEY,
  TLSA,
  TSIG,
  TXT,
  URI,
  WALLET,
  WKS,
  X25,
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

/** Types whose RDATA are defined for class IN alone: the same number means something else in other classes. */
const INTERNET_ONLY = new Set([1, 11, 22, 23, 26, 28, 31, 32, 33, 34, 36, 38, 42, 49, 64, 65]);

/** As `recordType`, for a record of class `klass`: Chaosnet's A is not an address of the Internet. */
export function recordTypeInClass(code: number, klass: number): RecordType {
  const isInternet = klass === CLASS.IN || klass === CLASS.HS || klass === CLASS.NONE || klass === CLASS.ANY;
  return isInternet || !INTERNET_ONLY.has(code) ? recordType(code) : genericType(code);
}
