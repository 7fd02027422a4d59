import fc from 'fast-check';
import type { DnssecPolicy, PolicyKey } from '../../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../../src/conf/defaults.ts';
import {
  dnskeyInterval,
  keySigningKeyRetireInterval,
  zoneKeyRetireInterval,
} from '../../../src/conf/policy-intervals.ts';

/*
 * All that happens to a zone from outside. Spans are seconds, and short: the planner knows no scale, and small numbers make
 * a failing history easy to read.
 */

export interface History {
  /** The first is in force at the start; the others are for `policy` events. */
  readonly policies: readonly DnssecPolicy[];
  /** For as long a slow secondary serves the version before; no policy's zone-propagation-delay is less. */
  readonly secondaryDelay: number;
  /** The same for the parent's servers and parent-propagation-delay. */
  readonly parentDelay: number;
  /** TTL of the DS RRset. Above a policy's parent-ds-ttl only where the daemon watches the parent. */
  readonly dsTtl: number;
  /** The daemon asks the parent's servers for DS; else the operator says what he sees there. */
  readonly watchesParent: boolean;
  /** Seconds from a change at the parent until it is noticed. */
  readonly noticedAfter: number;
  /** A watching daemon asks about what the plan waits for; or it tells of every key whether its DS is there. */
  readonly tells: 'what is awaited' | 'everything';
  /** When a new key's signatures take the place of its predecessor's (RFC 6781 section 4.1.1.1: Dsgn). */
  readonly signing: 'at once' | 'as they expire';
  /** TTLs of two RRsets of the zone while it was unsigned, and from just before it was signed. */
  readonly ttls: readonly [before: number, first: number, second: number];
  /** What the zone is like before. */
  readonly start: StartingPoint;
  readonly events: readonly HistoryEvent[];
}

/**
 * Unsigned; or signed for long by another server, with a DS at the parent, and keys of which key files tell the states, or nothing
 * but times.
 */
export type StartingPoint =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'states' | 'times'; readonly keys: readonly Omit<PolicyKey, 'lifetime'>[] };

/** What the parent does with CDS. */
export type ParentManner =
  | 'replace'
  | 'add, then remove'
  /** In between the zone is insecure. */
  | 'remove, then add'
  /** Goes to and fro between the DS RRset before and the one after; its servers do not agree until that is over. */
  | 'flaps'
  /** Asks a secondary that may be slow. */
  | 'reads old CDS';

export type HistoryEvent = { readonly after: number } & (
  | { readonly kind: 'policy'; readonly index: number }
  | { readonly kind: 'ttl'; readonly lane: 0 | 1; readonly ttl: number }
  | { readonly kind: 'ds ttl'; readonly ttl: number }
  /** The daemon is ended between two writes, or `torn`, in the middle of a key's files, and comes back after a while. */
  | { readonly kind: 'crash'; readonly writes: number; readonly torn: boolean; readonly down: number }
  | { readonly kind: 'restart'; readonly down: number }
  /** The clock of the daemon jumps; forward not beyond what publish-safety and retire-safety allow. */
  | { readonly kind: 'clock'; readonly by: number }
  /** From now on the parent follows CDS after that many seconds; undefined: never. */
  | { readonly kind: 'parent'; readonly reacts: number | undefined; readonly manner: ParentManner }
  /** The operator tells the parent something that CDS does not say; see `OPERATOR_ORDERS`. */
  | { readonly kind: 'order'; readonly what: OperatorOrder }
  | { readonly kind: 'rollover'; readonly which: number; readonly in: number }
  /** The operator lets begin what manual-mode holds back at that moment. */
  | { readonly kind: 'step' }
  /** The daemon looks at its keys although nothing is due. */
  | { readonly kind: 'look' }
);

/**
 * Orders that a signer must survive. Not among them, because then the operator breaks the zone: to leave at the parent only
 * DS records of keys that the zone has not, or not everywhere yet; and to say that a DS is there, or gone, when it is not.
 */
export const OPERATOR_ORDERS = [
  /** A DS of a key that is nowhere, beside the others. */
  'stray DS',
  /** The DS of each key in the DNSKEY RRset beside the others, though CDS does not ask for it. */
  'early DS',
  /** No DS at all: the zone is insecure until the parent sees CDS again. */
  'remove all DS',
] as const;
export type OperatorOrder = (typeof OPERATOR_ORDERS)[number];

const brief = fc.nat(20);
const span = fc.oneof(brief, fc.nat(120), fc.nat(700));
const ttl = fc.oneof({ weight: 4, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(150) });

/** Roles, algorithms and sizes; RSA comes in two sizes so that a policy may change nothing but that. */
const line = (role: PolicyKey['role'], algorithm: number, bits = 256): Omit<PolicyKey, 'lifetime'> => ({
  role,
  algorithm,
  bits,
});
const KEY_SETS = [
  [line('csk', 13)],
  [line('ksk', 13), line('zsk', 13)],
  [line('csk', 15)],
  [line('ksk', 8, 2048), line('zsk', 8, 2048)],
  [line('ksk', 8, 2048), line('zsk', 8, 3072)],
  [line('csk', 8, 3072)],
  [line('csk', 13), line('csk', 15)],
  [line('ksk', 8, 2048), line('zsk', 8, 2048), line('csk', 13)],
] as const;

/** Those whose roles can be told from flags: SEP means a KSK, or a CSK when it is the only key. */
const PLAIN_KEY_SETS = KEY_SETS.filter((keys) => keys.length === 1 || keys.every(({ role }) => role !== 'csk'));

/** The zone is to be unsigned: under the built-in policy, which has the numbers of the default, or at the pace of the others. */
const insecure = fc.constantFrom('insecure' as const, 'insecure at pace' as const);

/** A policy before it is fitted to the delays of the history. */
const policyFields = fc.record({
  keySet: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...KEY_SETS) }, { weight: 1, arbitrary: insecure }),
  /** Seconds beyond the least; 0: unlimited. */
  lifetimes: fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.integer({ min: 200, max: 2000 })), {
    minLength: 3,
    maxLength: 3,
  }),
  dnskeyTtl: ttl,
  publishSafety: fc.oneof(fc.constant(0), brief),
  retireSafety: fc.oneof(fc.constant(0), brief),
  secondaryExtra: brief,
  parentExtra: brief,
  maxZoneTtl: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 30 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  parentDsTtl: ttl,
  signaturesValidity: fc.integer({ min: 50, max: 100 }),
  signaturesRefresh: fc.integer({ min: 5, max: 40 }),
  purgeKeys: fc.oneof(fc.constant(0), fc.nat(60)),
  manualMode: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(true as const) },
  ),
});
type PolicyFields = typeof policyFields extends fc.Arbitrary<infer T> ? T : never;

const eventOf = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('policy' as const), after: span, index: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ttl' as const),
      after: span,
      lane: fc.constantFrom(0 as const, 1 as const),
      ttl,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ds ttl' as const), after: span, ttl }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      after: span,
      writes: fc.nat(6),
      torn: fc.boolean(),
      down: span,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), after: span, down: span }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), after: span, by: fc.integer({ min: -300, max: 20 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('parent' as const),
      after: span,
      reacts: fc.option(span, { nil: undefined }),
      manner: fc.constantFrom<ParentManner>(
        'replace',
        'add, then remove',
        'remove, then add',
        'flaps',
        'reads old CDS',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      after: span,
      what: fc.constantFrom<OperatorOrder>(...OPERATOR_ORDERS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('rollover' as const), after: span, which: fc.nat(3), in: brief }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('step' as const), after: span }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('look' as const), after: span }) },
);

/** Any history; the longest have a few dozen events. */
export const histories: fc.Arbitrary<History> = fc
  .record({
    policies: fc.array(policyFields, { minLength: 1, maxLength: 4 }),
    secondaryDelay: brief,
    parentDelay: brief,
    dsTtl: ttl,
    watchesParent: fc.boolean(),
    noticedAfter: fc.oneof(fc.constant(0), span),
    tells: fc.constantFrom('what is awaited' as const, 'everything' as const),
    signing: fc.constantFrom('at once' as const, 'as they expire' as const),
    ttls: fc.tuple(ttl, ttl, ttl),
    start: fc.oneof(
      { weight: 6, arbitrary: fc.constant({ kind: 'unsigned' } as const) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('states' as const), keys: fc.constantFrom(...KEY_SETS) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('times' as const), keys: fc.constantFrom(...PLAIN_KEY_SETS) }),
      },
    ),
    events: fc.array(eventOf, { maxLength: 18, size: 'max' }),
  })
  .map(({ policies, ...rest }) => ({
    ...rest,
    policies: policies.map((fields) => policyOf(fields, rest)),
  }));

function policyOf(fields: PolicyFields, history: Omit<History, 'policies'>): DnssecPolicy {
  const { keySet, lifetimes, secondaryExtra, parentExtra, manualMode, ...numbers } = fields;
  // It has the numbers of the default.
  if (keySet === 'insecure') return INSECURE_POLICY;
  const policy: DnssecPolicy = {
    ...DEFAULT_POLICY,
    ...numbers,
    ...(manualMode && { manualMode }),
    signaturesValidityDnskey: numbers.signaturesValidity,
    signaturesJitter: 0,
    name: keySet === 'insecure at pace' ? 'insecure' : 'tested',
    keys: [],
    zonePropagationDelay: history.secondaryDelay + secondaryExtra,
    parentPropagationDelay: history.parentDelay + parentExtra,
    parentDsTtl: history.watchesParent ? numbers.parentDsTtl : history.dsTtl + numbers.parentDsTtl,
  };
  if (keySet === 'insecure at pace') return policy;
  // named-checkconf asks for lifetimes that a rollover fits into.
  const least =
    1 + Math.max(dnskeyInterval(policy), zoneKeyRetireInterval(policy), keySigningKeyRetireInterval(policy));
  const keys = keySet.map((key, i) => ({ ...key, lifetime: lifetimes[i] === 0 ? 0 : least + lifetimes[i] }));
  return { ...policy, keys };
}
