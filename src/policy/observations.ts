/** What the outside knows that key files do not tell. Times are Unix seconds. */
export interface Observations {
  /** When the DS of a key was seen at all of the parent's servers, by key id; takes the place of an unset dsPublish. */
  readonly dsSeen?: ReadonlyMap<string, number>;
  /**
   * When all of the parent's servers were last seen without the DS of a key; takes the place of an unset dsRemoved. It counts only when it is
   * later than the second in which CDS ceased to ask for the DS.
   */
  readonly dsGone?: ReadonlyMap<string, number>;
  /** TTLs that were served and may still be in caches; the policy's numbers and these: the later one wins. */
  readonly served?: readonly ServedTtl[];
  /** Names (stepName) of steps that an operator lets begin under a policy in manual mode. */
  readonly allowedSteps?: ReadonlySet<string>;
}

export interface ServedTtl {
  /**
   * 'zone': the largest TTL (negative answers included) of all RRsets but DNSKEY; 'ds': the DS RRset at the parent; 'signatures': not
   * a TTL, but how long signatures of a retired key were kept at most (signatures-validity less signatures-refresh).
   */
  readonly rrset: 'dnskey' | 'zone' | 'ds' | 'signatures';
  /** Seconds. */
  readonly ttl: number;
  /** The last moment it was served; undefined: it still is. */
  readonly until: number | undefined;
}
