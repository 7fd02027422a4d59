/** A key whose next step depends on its DS. */
export interface AwaitedDs {
  /** Base of its file names. */
  readonly id: string;
  /** For log lines. */
  readonly name: string;
  /** RDATA. */
  readonly dnskey: Uint8Array;
  readonly awaits: 'published' | 'withdrawn';
}

/** What one server of the parent answered last. */
export interface ParentAnswer {
  /** "192.0.2.1#53" */
  readonly agent: string;
  readonly at: number;
  /** Why the answer does not count; undefined: it does. */
  readonly fault: string | undefined;
  /** Whether it has the DS of a key, by key id. */
  readonly has: ReadonlyMap<string, boolean>;
}

/** The parent of one zone, as somebody asks it (src/parent). Times are Unix seconds. */
export interface AskedParent {
  /** Asks about these keys, and no others, from now on. */
  expect(keys: readonly AwaitedDs[]): void;
  askNow(): void;
  /** When the DS of a key was first at all of the parent's servers, or last at none, by key id. */
  readonly dsSeen: ReadonlyMap<string, number>;
  readonly dsGone: ReadonlyMap<string, number>;
  /** Of the DS RRset, in seconds; undefined: none was seen. */
  readonly highestTtl: number | undefined;
  /** By server; empty before the first round. Absent: for the history nobody is told. */
  readonly report?: readonly ParentAnswer[];
  close(): void;
}
