import type {
  HistoryEvent,
  HistoryFacts,
  HistoryKey,
  HistoryKind,
  HistoryZone,
} from '../../src/history/history-event.ts';

export const ZONE: HistoryZone = { zone: 'example.org', view: '_default' };
export const KSK: HistoryKey = { id: 'Kexample.org.+013+12345', tag: 12_345, algorithm: 13, role: 'KSK' };
export const ZSK: HistoryKey = { id: 'Kexample.org.+013+00678', tag: 678, algorithm: 13, role: 'ZSK' };

/** One of each kind: a kind without a sample does not compile. */
export const SAMPLES: { readonly [K in HistoryKind]: Extract<HistoryFacts, { kind: K }> } = {
  state: { kind: 'state', record: 'ds', from: 'hidden', to: 'rumoured' },
  generate: { kind: 'generate', policy: 'default', bits: 256, predecessor: 678 },
  adopt: { kind: 'adopt', policy: 'default' },
  update: { kind: 'update', times: { inactive: 1_800_000_000 }, successor: 679 },
  goal: { kind: 'goal', to: 'hidden' },
  purge: { kind: 'purge', after: 7_776_000 },
  publish: { kind: 'publish', serial: 4_294_967_295, what: 'DNSKEY 12345 appears' },
  refusal: { kind: 'refusal', what: 'rollover of key 12345', reason: 'another is under way' },
  ds: { kind: 'ds', agent: '192.0.2.1#53', seen: 'absent', ttl: 3600, detail: 'validated' },
  ttl: { kind: 'ttl', rrset: 'zone', ttl: 86_400 },
  command: { kind: 'command', command: 'dnssec -rollover -key 12345', by: 'rndc-key', result: 'ok' },
  policy: { kind: 'policy', from: 'default', to: 'custom', changes: ['dnskey-ttl 3600 -> 600'] },
  start: { kind: 'start', version: '0.1.0' },
  stop: { kind: 'stop' },
  gap: { kind: 'gap', lost: 3, reason: 'disk full' },
};

/** An event of a zone's key. */
export function event(at: number, facts: HistoryFacts = SAMPLES.state, more: Partial<HistoryEvent> = {}): HistoryEvent {
  return { at, about: ZONE, key: KSK, ...facts, ...more } as HistoryEvent;
}
