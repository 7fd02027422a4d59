import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { earliestBound, exactEarliest } from './expiry-summary.ts';

/**
 * Earliest expiration (Unix seconds) of any signature of the version; undefined when it has none. Costs nothing for a version
 * that the signer made with `signZone`; after incremental updates it may be the expiration of a signature replaced since,
 * and is then early, never late. Only a version from elsewhere is looked through, once.
 */
export function nextRefresh(arena: Arena, version: VersionRef): number | undefined {
  const earliest = earliestBound(arena, version);
  return earliest === Infinity ? undefined : earliest;
}

/** The same without earliness: looks at the zone when need be. */
export function exactNextRefresh(arena: Arena, version: VersionRef): number | undefined {
  const earliest = exactEarliest(arena, version);
  return earliest === Infinity ? undefined : earliest;
}
