import { isoTime } from '../base/iso-time.ts';
import type { HistoryEvent, HistoryKey } from './history-event.ts';

/** What an event says to people, in one line without time and zone. Made from its facts alone. */
export function historyText(event: HistoryEvent): string {
  const text = factsText(event);
  return event.key === undefined ? text : `${historyKeyText(event.key)}: ${text}`;
}

/** `KSK 12345 (algorithm 13)`. */
export function historyKeyText({ role, tag, algorithm }: HistoryKey): string {
  return `${role} ${tag} (algorithm ${algorithm})`;
}

const RECORD_NAMES = { dnskey: 'DNSKEY', zrrsig: 'zone RRSIG', krrsig: 'key RRSIG', ds: 'DS' } as const;
const RRSET_NAMES = { dnskey: 'the DNSKEY RRset', zone: 'the RRsets of the zone', ds: 'the DS RRset' } as const;
const DS_NAMES = {
  present: 'has the DS',
  absent: 'does not have the DS',
  'no answer': 'gave no usable answer',
} as const;

function factsText(event: HistoryEvent): string {
  switch (event.kind) {
    case 'state':
      return `${RECORD_NAMES[event.record]} ${event.from} -> ${event.to}`;
    case 'generate': {
      const follows = event.predecessor === undefined ? '' : `, to follow key ${event.predecessor}`;
      return `made for policy ${event.policy} (${event.bits} bits)${follows}`;
    }
    case 'adopt':
      return `taken up by policy ${event.policy}`;
    case 'update':
      return `new times: ${timesText(event.times, event.successor)}`;
    case 'goal':
      return event.to === 'hidden' ? 'is to be withdrawn' : `is to be ${event.to}`;
    case 'purge':
      return `files removed, ${event.after} seconds after its last record was gone`;
    case 'publish':
      return `serial ${event.serial} published: ${event.what}`;
    case 'refusal':
      return `${event.what} was not done: ${event.reason}`;
    case 'ds': {
      const ttl = event.ttl === undefined ? '' : ` (TTL ${event.ttl})`;
      return `${event.agent} ${DS_NAMES[event.seen]}${ttl}${event.detail === undefined ? '' : `: ${event.detail}`}`;
    }
    case 'ttl':
      return `highest TTL of ${RRSET_NAMES[event.rrset]} is ${event.ttl} now`;
    case 'command':
      return `${event.by}: ${event.command}: ${event.result}`;
    case 'policy': {
      const change = event.from === undefined ? `policy ${event.to}` : `policy ${event.from} -> ${event.to}`;
      return event.changes && event.changes.length > 0 ? `${change}: ${event.changes.join(', ')}` : change;
    }
    case 'start':
      return `named ${event.version} started`;
    case 'stop':
      return 'named ended';
    case 'gap':
      return `${event.lost} events before this one were lost: ${event.reason}`;
  }
}

function timesText(times: Readonly<Record<string, number>>, successor: number | undefined): string {
  const parts = Object.entries(times).map(([name, at]) => `${name} ${isoTime(at)}`);
  return [...parts, ...(successor === undefined ? [] : [`successor ${successor}`])].join(', ');
}
