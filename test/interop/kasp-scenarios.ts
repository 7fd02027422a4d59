import { DAY, HOUR, type Order, type Scenario } from './kasp-side-by-side.ts';

/* Lives of zones that BIND's named and ours go through side by side. */

const split = (ksk: string, zsk: string, rest = ''): string =>
  `keys { ksk lifetime ${ksk} algorithm 13; zsk lifetime ${zsk} algorithm 13; }; ${rest}`;

const policy = (body: string, name = 'first'): string => `dnssec-policy ${name} { ${body} };`;

/** The zone gets another policy. */
function changeTo(after: number, policies: string, name: string): Order {
  return {
    after,
    give: (server, zone) => server.reconfigure({ policies, zones: new Map([[zone, `dnssec-policy ${name};`]]) }),
  };
}

/** A command for one key of the zone; the label stands for its tag. */
function command(after: number, label: string, verb: string, ...words: string[]): Order {
  return {
    after,
    give: async (server, zone) => {
      const outcome = await server.rndc('dnssec', verb, '-key', server.tagOf(zone, label), ...words, zone);
      if (outcome.code !== 0) throw new Error(`${server.maker}: rndc dnssec ${verb}: ${outcome.stderr}`);
    },
  };
}

const one = (name: string): string => `dnssec-policy ${name};`;
const CSK_13 = 'keys { csk lifetime unlimited algorithm 13; };';
const CSK_14 = 'keys { csk lifetime unlimited algorithm 14; };';
const SPLIT_14 = 'keys { ksk lifetime unlimited algorithm 14; zsk lifetime unlimited algorithm 14; };';
const UNLIMITED = split('unlimited', 'unlimited');

/** All intervals differ, so that one in the place of another is seen. */
const DISTINCT = `dnskey-ttl 350; publish-safety 1100; retire-safety 1900; zone-propagation-delay 200; max-zone-ttl 700;
  parent-ds-ttl 800; parent-propagation-delay 3000; signatures-validity 20d; signatures-refresh 4d; signatures-jitter 1h;
  purge-keys 40d;`;

/** Intervals of minutes, so that several keys are on their way at a time. */
const SHORT = `dnskey-ttl 10m; max-zone-ttl 20m; publish-safety 5m; retire-safety 7m; parent-ds-ttl 30m;
  parent-propagation-delay 11m; signatures-validity 2d; signatures-validity-dnskey 2d; signatures-refresh P1DT18H;
  signatures-jitter 0; purge-keys 0;`;

const SIGNATURES_FIRST = 'BIND shows a new algorithm with its signatures; ours signs first (RFC 6781 section 4.1.4)';

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'the policy default': {
    policies: '',
    zone: one('default'),
    end: 100 * DAY,
    parentDelay: 7 * HOUR,
    made: ['CSK1'],
  },
  'ZSK and KSK rollovers': {
    policies: policy(split('130d', '60d')),
    zone: one('first'),
    end: 310 * DAY,
    parentDelay: 7 * HOUR,
    made: ['KSK1', 'KSK2', 'KSK3', 'ZSK1', 'ZSK2', 'ZSK3', 'ZSK4', 'ZSK5', 'ZSK6'],
  },
  'a ZSK and a KSK rollover with intervals that all differ': {
    policies: policy(split('50d', '30d', DISTINCT)),
    zone: one('first'),
    end: 58 * DAY,
    parentDelay: 3 * DAY,
    made: ['KSK1', 'KSK2', 'ZSK1', 'ZSK2'],
  },
  'short lifetimes': {
    policies: policy(split('2d', '36h', SHORT)),
    zone: one('first'),
    end: 6 * DAY,
    parentDelay: 13 * 60,
    made: ['KSK1', 'KSK2', 'KSK3', 'KSK4', 'ZSK1', 'ZSK2', 'ZSK3', 'ZSK4', 'ZSK5'],
  },
  'a CSK rollover': {
    policies: policy('keys { csk lifetime 100d algorithm 13; };'),
    zone: one('first'),
    end: 130 * DAY,
    parentDelay: 2 * DAY,
    made: ['CSK1', 'CSK2'],
  },
  'a KSK rollover that the parent never follows': {
    policies: policy(split('30d', 'unlimited')),
    zone: one('first'),
    // Then BIND begins a third one, though nobody has seen the DS of the second.
    end: 59 * DAY,
    orders: [command(2 * DAY, 'KSK1', '-checkds', 'published')],
    made: ['KSK1', 'KSK2', 'ZSK1'],
  },
  'another algorithm for a CSK': {
    onlyTheEnd: SIGNATURES_FIRST,
    policies: policy(CSK_13),
    zone: one('first'),
    end: 130 * DAY,
    parentDelay: 7 * HOUR,
    orders: [changeTo(10 * DAY, policy(CSK_14, 'second'), 'second')],
    made: ['CSK1', 'CSK2'],
  },
  'another algorithm for KSK and ZSK': {
    onlyTheEnd: SIGNATURES_FIRST,
    policies: policy(UNLIMITED),
    zone: one('first'),
    end: 130 * DAY,
    parentDelay: 7 * HOUR,
    orders: [changeTo(10 * DAY, policy(SPLIT_14, 'second'), 'second')],
    made: ['KSK1', 'KSK2', 'ZSK1', 'ZSK2'],
  },
  'another size of a CSK': {
    policies: policy('keys { csk lifetime unlimited algorithm 8 1024; };'),
    zone: one('first'),
    end: 30 * DAY,
    parentDelay: HOUR,
    orders: [changeTo(10 * DAY, policy('keys { csk lifetime unlimited algorithm 8 2048; };'), 'first')],
    made: ['CSK1', 'CSK2'],
  },
  'other intervals in the middle of a ZSK rollover': {
    policies: policy(split('unlimited', '30d')),
    zone: one('first'),
    end: 50 * DAY,
    parentDelay: HOUR,
    orders: [changeTo(35 * DAY, policy(split('unlimited', '30d', 'max-zone-ttl 2d; publish-safety 2h;')), 'first')],
    made: ['KSK1', 'ZSK1', 'ZSK2'],
  },
  'back to unsigned': {
    policies: policy(UNLIMITED),
    zone: one('first'),
    end: 130 * DAY,
    parentDelay: 7 * HOUR,
    orders: [changeTo(10 * DAY, policy(UNLIMITED), 'insecure')],
    made: ['KSK1', 'ZSK1'],
  },
  'from one CSK to KSK and ZSK': {
    policies: policy(CSK_13),
    zone: one('first'),
    end: 130 * DAY,
    parentDelay: 7 * HOUR,
    orders: [changeTo(10 * DAY, policy(UNLIMITED, 'second'), 'second')],
    made: ['CSK1', 'KSK1', 'ZSK1'],
  },
  'rollovers that an operator asks for': {
    policies: policy(UNLIMITED),
    zone: one('first'),
    end: 160 * DAY,
    parentDelay: 7 * HOUR,
    orders: [
      command(10 * DAY, 'ZSK1', '-rollover'),
      command(30 * DAY, 'KSK1', '-rollover'),
      command(35 * DAY, 'ZSK2', '-rollover', '-when', '20300501000000'),
    ],
    made: ['KSK1', 'KSK2', 'ZSK1', 'ZSK2', 'ZSK3'],
  },
  'a CSK rollover that an operator asks for': {
    policies: '',
    zone: one('default'),
    end: 130 * DAY,
    parentDelay: 7 * HOUR,
    orders: [command(10 * DAY, 'CSK1', '-rollover')],
    made: ['CSK1', 'CSK2'],
  },
};

/**
 * Not compared: what BIND 9.18.49 does here depends on the order of key tags, and now and then it serves the zone without signatures
 * while the parent has its DS (docs/decisions/0017).
 */
export const SPLIT_TO_CSK: Scenario = {
  policies: policy(UNLIMITED),
  zone: one('first'),
  end: 130 * DAY,
  parentDelay: 7 * HOUR,
  orders: [changeTo(10 * DAY, policy(CSK_13, 'second'), 'second')],
  made: ['CSK1', 'KSK1', 'ZSK1'],
};
