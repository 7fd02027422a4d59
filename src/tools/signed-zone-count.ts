import { SignetError } from '../base/error.ts';
import type { Disk } from '../base/disk.ts';
import { isKeyType } from '../signer/rrset-signer.ts';
import { mustName } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import { NO_CHECKS } from '../zone/checks/check-options.ts';
import { Journal } from '../zone/journal/journal.ts';
import { rollForward } from '../zone/journal/roll-forward.ts';
import { loadZone } from '../zone/load-zone.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';

/** What one key has signed. */
export interface SignaturesOf {
  /** Over the DNSKEY, CDS and CDNSKEY RRsets. */
  keys: number;
  /** Over all else. */
  data: number;
  /** Unix seconds: when the first of all ends. */
  firstEnd: number;
}

/** The signatures of a signed zone, counted. */
export interface SignedZoneCount {
  /** By "algorithm/tag" of the signer. */
  readonly bySigner: ReadonlyMap<string, SignaturesOf>;
  readonly signatures: number;
  /** RRsets of zone data that have a signature. */
  readonly signedRRsets: number;
  /** Signatures over NSEC or NSEC3 records. */
  readonly chainSignatures: number;
  readonly denial: 'none' | 'nsec' | 'nsec3';
  /** RDATA at the apex. */
  readonly dnskeys: readonly Uint8Array[];
}

/**
 * Reads a signed zone with its journal, as the server keeps them, and counts; undefined when there is none.
 * @throws SignetError when it cannot be read
 */
export function countSignedZone(
  zone: string,
  file: string,
  { disk, makeArena }: { readonly disk: Disk; readonly makeArena: () => Arena },
): SignedZoneCount | undefined {
  const content = disk.read(file);
  if (content === undefined) return undefined;
  const arena = makeArena();
  const store = new ZoneStore({ apex: mustName(zone) }, { arena, extents: new ExtentPool(arena) });
  const result = loadZone(store, { file, content, format: 'raw', checks: NO_CHECKS }, { arena, disk });
  if (result.version === 0) {
    const reason = result.failure ?? result.faults.map(({ message }) => message).join('; ');
    throw new SignetError('SIGNED_FILE', `${file} cannot be read as a signed zone: ${reason}`, { file });
  }
  const version = withJournal(`${file}.jnl`, store, arena, result.version, disk);
  return count(new ZoneReader(arena).open(version));
}

function withJournal(file: string, store: ZoneStore, arena: Arena, loaded: VersionRef, disk: Disk): VersionRef {
  const journal = Journal.open(file, { disk });
  if (journal === undefined) return loaded;
  try {
    return rollForward(journal, store, arena, loaded);
  } finally {
    journal.close();
  }
}

function count(reader: ZoneReader): SignedZoneCount {
  const bySigner = new Map<string, SignaturesOf>();
  const total = { signatures: 0, signedRRsets: 0, chainSignatures: 0 };
  const look = (node: number): void => {
    for (let i = 0, rrsets = reader.rrsetCount(node); i < rrsets; i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      const isKeys = isKeyType(type);
      const signatures = reader.signatureCount(rrset);
      total.signatures += signatures;
      if (signatures > 0 && !isKeys) total.signedRRsets++;
      if (type === TYPE.NSEC || type === TYPE.NSEC3) total.chainSignatures += signatures;
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        const name = `${reader.signatureAlgorithm(at)}/${reader.signatureKeyTag(at)}`;
        const one = bySigner.get(name) ?? { keys: 0, data: 0, firstEnd: Infinity };
        one.firstEnd = Math.min(one.firstEnd, reader.signatureExpiration(at));
        if (isKeys) one.keys++;
        else one.data++;
        bySigner.set(name, one);
      }
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  const dnskey = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  return { bySigner, ...total, denial: reader.denial, dnskeys: dnskey === 0 ? [] : reader.rdataAll(dnskey) };
}
