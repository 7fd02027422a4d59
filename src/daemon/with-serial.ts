import { withSoaSerial } from '../wire/rdata/soa.ts';
import type { SerialMethod } from '../signer/serial-method.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';

/** A version that differs from `version` in its SOA serial only, which is the method's after the present one. */
export function withSerial(store: ZoneStore, arena: Arena, version: VersionRef, method: SerialMethod): VersionRef {
  const reader = new ZoneReader(arena).open(version);
  const rrset = reader.rrset(reader.apexNode, TYPE.SOA);
  const soa = reader.rdataAll(rrset)[0];
  const edit = store.edit(version);
  edit.setRRset(store.apex, TYPE.SOA, reader.ttl(rrset), [withSoaSerial(soa, method(reader.serial, undefined))]);
  return edit.commit();
}
