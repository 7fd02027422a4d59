import { randomBelow } from '../base/random.ts';
import { serialLess } from '../base/serial.ts';
import type { Name } from '../wire/name.ts';
import type { VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { changedBetween, changedNames } from './content-diff.ts';
import { earliestBound, rememberEarliest } from './expiry-summary.ts';
import { isCovered, rememberCoverage, SignerCheck } from './key-coverage.ts';
import { lackingSigners } from './rrset-signer.ts';
import type { SerialMethod } from './serial-method.ts';
import { denialTtlOf, signVersion, type SignedVersion, type SigningDependencies } from './sign-zone.ts';
import { apexChanges, hasDenial, hasZoneKeys, keyTypesToSign } from './signed-state.ts';
import type { SigningParameters } from './signing-parameters.ts';
import { findStale, isSignedAhead, type StaleSignatures } from './stale-signatures.ts';
import { VersionUpdate } from './version-update.ts';

export interface UpdateDependencies extends SigningDependencies {
  readonly serial: SerialMethod;
  /**
   * The unsigned version that `signed` was made of, when it is still held and `unsigned` was made from it by edits: then only
   * what differs between the two is looked at. Without it both versions are walked through.
   */
  readonly previousUnsigned?: VersionRef;
}

/**
 * Brings a signed version of ours up to date: to the data of `unsigned` (undefined: as they are), to the wanted keys and
 * denial, and without signatures that expire before `refreshBefore`. Only RRsets that changed are signed, and the NSEC or
 * NSEC3 records around names that came or went are mended. When most of the zone needs signing (other zone keys, another
 * chain, a mass of changes) the whole zone is gone through, and signatures that are still good are kept.
 *
 * The caller publishes and releases versions. `signed` must be our own work: its signatures are not verified.
 * @throws SignetError as signZone
 */
export async function updateSignedZone(
  store: ZoneStore,
  signed: VersionRef,
  unsigned: VersionRef | undefined,
  parameters: SigningParameters,
  dependencies: UpdateDependencies,
): Promise<SignedVersion | 'unchanged'> {
  const { arena } = dependencies.pool;
  const before = new ZoneReader(arena).open(signed);
  const wanted = new ZoneReader(arena).open(unsigned ?? signed);
  const serial = (): number => dependencies.serial(before.serial, unsigned === undefined ? undefined : wanted.serial);
  const signAll = (): Promise<SignedVersion> =>
    signVersion(store, { parameters, source: wanted.version, previous: signed, serial: serial() }, dependencies);

  const denialTtl = parameters.denialTtl ?? denialTtlOf(wanted);
  if (!hasDenial(before, parameters, denialTtl)) return signAll();

  const most = massOf(before);
  const touched = touchedNames(before, wanted, unsigned, dependencies.previousUnsigned, most);
  const stale = staleSignatures(before, parameters, most);
  if (touched.length > most || stale.rrsets.length > most) return signAll();

  const apex = apexChanges(before, parameters);
  const keyTypes = keyTypesToSign(before, parameters);
  // The SOA, signed in every version anew, shows which keys sign from now on, although nothing else may be due yet.
  const soa = hasZoneKeys(before, parameters) ? 0 : 1;
  const work = soa + touched.length + stale.rrsets.length + apex.set.length + apex.remove.length + keyTypes.length;
  // An operator who raises nothing but the serial wants secondaries to transfer.
  const isRaised = unsigned !== undefined && serialLess(before.serial, wanted.serial);
  if (work === 0 && !isRaised) {
    rememberEarliest(arena, signed, stale.earliestOfRest, false);
    rememberCoverage(arena, signed, parameters);
    return 'unchanged';
  }
  const update = new VersionUpdate(
    { before, wanted, parameters, denialTtl, serial: serial(), jitterSeed: randomBelow(dependencies.random, 2 ** 32) },
    { store, pool: dependencies.pool },
  );
  const result = await update.make({ touched, stale: stale.rrsets, apex, keyTypes });
  rememberEarliest(arena, result.version, Math.min(stale.earliestOfRest, result.earliest), false);
  rememberCoverage(arena, result.version, parameters);
  return { version: result.version, statistics: result.statistics };
}

/** With more changes than this, one pass over the zone in all threads is cheaper than mending name by name. */
function massOf(reader: ZoneReader): number {
  return Math.max(LEAST_MASS, reader.nodeCount >> 3);
}

const LEAST_MASS = 256;

function touchedNames(
  before: ZoneReader,
  wanted: ZoneReader,
  unsigned: VersionRef | undefined,
  previousUnsigned: VersionRef | undefined,
  most: number,
): readonly Name[] {
  if (unsigned === undefined || unsigned === previousUnsigned) return [];
  if (previousUnsigned !== undefined) return changedBetween(before, previousUnsigned, unsigned);
  return changedNames(before, wanted, most);
}

/**
 * The zone is looked through only when the earliest expiration that is known of comes too soon, the clock went back, or other
 * keys than before are to sign.
 */
function staleSignatures(reader: ZoneReader, parameters: SigningParameters, most: number): StaleSignatures {
  const bound = earliestBound(reader.arena, reader.version);
  const now = parameters.now ?? parameters.inception;
  const check = isCovered(reader, parameters) ? undefined : new SignerCheck(parameters);
  if (check === undefined && bound >= parameters.refreshBefore && !isSignedAhead(reader, now))
    return { rrsets: [], earliestOfRest: bound };
  const lacking = (parameters.lacking ?? []).length === 0 ? undefined : lackingSigners(parameters);
  return findStale(reader, parameters.refreshBefore, most, now, check, lacking);
}
