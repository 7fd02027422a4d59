import { SignetError } from '../base/error.ts';
import { parseDuration } from '../conf/duration.ts';
import { parseMoment } from './moment.ts';

/*
 * What may go wrong around a zone, as `--fault` has it:
 *
 *     NAME[=VALUE][@TIME]       parent-late=30d   parent-never@+1y   daemon-down=10d@2027-03-01   clock-jump=-2d/6h@+90d
 */

/** Times are Unix seconds, the rest seconds. */
export type Fault =
  /** From `at` on the parent needs `delay` to follow a CDS RRset. */
  | { readonly kind: 'parent-late'; readonly delay: number; readonly at: number }
  /** From `at` on the parent changes nothing any more. */
  | { readonly kind: 'parent-never'; readonly at: number }
  /** From `at` on each change of the DS RRset is taken back and made again `times` times, `period` apart. */
  | { readonly kind: 'parent-flaps'; readonly period: number; readonly times: number; readonly at: number }
  | { readonly kind: 'daemon-down'; readonly length: number; readonly at: number }
  /** The clock of the daemon's host is wrong by `offset` for `length`. */
  | { readonly kind: 'clock-jump'; readonly offset: number; readonly length: number; readonly at: number }
  /** From `at` on a secondary is behind by `delay`, whatever zone-propagation-delay says. */
  | { readonly kind: 'slow-secondary'; readonly delay: number; readonly at: number }
  /** The DS RRset has this TTL, whatever parent-ds-ttl says. */
  | { readonly kind: 'ds-ttl'; readonly ttl: number; readonly at: number }
  /** Records of the zone have TTLs up to this, whatever max-zone-ttl says. */
  | { readonly kind: 'zone-ttl'; readonly ttl: number; readonly at: number };

export type FaultKind = Fault['kind'];

/** What each fault is written like, for usage and errors. */
export const FAULT_FORMS: Readonly<Record<FaultKind, string>> = {
  'parent-late': 'parent-late=DURATION[@TIME]',
  'parent-never': 'parent-never[@TIME]',
  'parent-flaps': 'parent-flaps=DURATION[xTIMES][@TIME]',
  'daemon-down': 'daemon-down=DURATION[@TIME]',
  'clock-jump': 'clock-jump=+DURATION|-DURATION[/LENGTH][@TIME]',
  'slow-secondary': 'slow-secondary=DURATION[@TIME]',
  'ds-ttl': 'ds-ttl=DURATION',
  'zone-ttl': 'zone-ttl=DURATION',
};

/** How often a parent flaps, and how long a wrong clock stays wrong, where a fault does not say so. */
const FLAPS = 3;
const MOST_FLAPS = 100;
const WRONG_CLOCK = 86_400;

/** @param start Unix time that the simulation begins at and `+` counts from. @throws SignetError FAULT_ARGUMENT */
export function parseFault(text: string, start: number): Fault {
  const [, kind = '', value, moment] = /^([^=@]*)(?:=([^@]*))?(?:@(.*))?$/s.exec(text) ?? [];
  if (!Object.hasOwn(FAULT_FORMS, kind)) {
    const known = Object.values(FAULT_FORMS).join(', ');
    throw new SignetError('FAULT_ARGUMENT', `--fault ${text}: no such fault; there are ${known}`, { text });
  }
  const fault = readFault(kind as FaultKind, value, momentOf(text, moment, start));
  if (fault === undefined) throw malformed(text, kind as FaultKind);
  return fault;
}

function momentOf(text: string, moment: string | undefined, start: number): number {
  if (moment === undefined) return start;
  const at = parseMoment(moment, start);
  if (at !== undefined) return at;
  const message = `--fault ${text}: '${moment}' is no time: write 2027-03-01, 2027-03-01T12:00:00Z or +90d`;
  throw new SignetError('FAULT_ARGUMENT', message, { text });
}

function readFault(kind: FaultKind, value: string | undefined, at: number): Fault | undefined {
  switch (kind) {
    case 'parent-never':
      return value === undefined ? { kind, at } : undefined;
    case 'parent-flaps':
      return readFlaps(value, at);
    case 'clock-jump':
      return readJump(value, at);
    case 'parent-late':
    case 'slow-secondary': {
      const delay = seconds(value);
      return delay === undefined ? undefined : { kind, delay, at };
    }
    case 'daemon-down': {
      const length = seconds(value);
      return length === undefined ? undefined : { kind, length, at };
    }
    case 'ds-ttl':
    case 'zone-ttl': {
      const ttl = seconds(value);
      return ttl === undefined ? undefined : { kind, ttl, at };
    }
  }
}

function readFlaps(value: string | undefined, at: number): Fault | undefined {
  const [, length, count] = /^([^x]*)(?:x(\d{1,3}))?$/.exec(value ?? '') ?? [];
  const period = seconds(length);
  const times = count === undefined ? FLAPS : Number(count);
  if (period === undefined || period === 0 || times < 1 || times > MOST_FLAPS) return undefined;
  return { kind: 'parent-flaps', period, times, at };
}

function readJump(value: string | undefined, at: number): Fault | undefined {
  const [, sign, by, span] = /^([+-])([^/]*)(?:\/(.*))?$/.exec(value ?? '') ?? [];
  const offset = seconds(by);
  const length = span === undefined ? WRONG_CLOCK : seconds(span);
  if (offset === undefined || length === undefined || length === 0) return undefined;
  return { kind: 'clock-jump', offset: sign === '-' ? -offset : offset, length, at };
}

function seconds(text: string | undefined): number | undefined {
  const duration = text === undefined ? undefined : parseDuration(text);
  return typeof duration === 'object' ? duration.seconds : undefined;
}

function malformed(text: string, kind: FaultKind): SignetError {
  return new SignetError('FAULT_ARGUMENT', `--fault ${text}: write ${FAULT_FORMS[kind]}`, { text, kind });
}
