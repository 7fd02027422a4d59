import { toBase64 } from '../base/base64.ts';
import { readUint16, toHex } from '../base/octets.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { DNSKEY_HEADER } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import type { Name } from '../wire/name.ts';
import { nameToText } from '../wire/name-text.ts';
import type { DsFields, ParentRecords } from './explanation.ts';

/** What parents ask for comes in these forms: records, or the fields of a web form or an EPP object (RFC 5910). */
export function parentRecords(apex: Name, dnskey: Uint8Array, policy: DnssecPolicy): ParentRecords {
  const owner = nameToText(apex);
  const dsFields = policy.cdsDigestTypes.map((type) => fieldsOf(dsRdata(apex, dnskey, type)));
  const dsText = dsFields.map(({ keyTag, algorithm, digestType, digest }) =>
    [keyTag, algorithm, digestType, digest].join(' '),
  );
  const keyFields = {
    flags: readUint16(dnskey, 0),
    protocol: dnskey[2],
    algorithm: dnskey[3],
    publicKey: toBase64(dnskey.subarray(DNSKEY_HEADER)),
  };
  const { flags, protocol, algorithm, publicKey } = keyFields;
  return {
    ds: dsText.map((text) => `${owner} ${policy.parentDsTtl} IN DS ${text}`),
    cds: dsText.map((text) => `${owner} ${policy.dnskeyTtl} IN CDS ${text}`),
    ...(policy.cdnskey && {
      cdnskey: `${owner} ${policy.dnskeyTtl} IN CDNSKEY ${flags} ${protocol} ${algorithm} ${publicKey}`,
    }),
    dsFields,
    keyFields,
  };
}

function fieldsOf(ds: Uint8Array): DsFields {
  return {
    keyTag: readUint16(ds, 0),
    algorithm: ds[2],
    digestType: ds[3],
    digest: toHex(ds.subarray(4)).toUpperCase(),
  };
}
