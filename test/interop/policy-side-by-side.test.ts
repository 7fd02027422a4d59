import { test } from 'node:test';
import { check } from './kasp-check.ts';
import { SCENARIOS } from './kasp-scenarios.ts';

/*
 * BIND's named and ours keep the same zone by the same policy under one clock, through whole rollovers: at each event the key files,
 * DNSKEY, CDS and CDNSKEY and who signs have to be the same, to the second, and so has what `rndc dnssec -status` says of each key.
 */

test("two of Debian's named agree, so what differs is not the harness", async () => {
  await check(SCENARIOS['a ZSK and a KSK rollover with intervals that all differ'], 'debian', 'debian');
});

/** Titles, by the names of scenarios. */
const TITLES: Readonly<Record<string, string>> = {
  'the policy default': 'S-031 the policy default',
  'ZSK and KSK rollovers': 'S-069 (part) S-070 (part) S-071 (part) S-082 (part) S-085 (part) ZSK and KSK rollovers',
  'a ZSK and a KSK rollover with intervals that all differ':
    'S-055 (part) S-056 (part) S-057 (part) intervals that all differ',
  'short lifetimes': 'S-070 (part) S-071 (part) short lifetimes',
  'a CSK rollover': 'S-072 (part) a CSK rollover',
  'a KSK rollover that the parent never follows': 'S-071 (part) a KSK rollover that the parent never follows',
  'rollovers that an operator asks for': 'S-083 (part) rollovers that an operator asks for',
  'a CSK rollover that an operator asks for': 'S-084 (part) a CSK rollover that an operator asks for',
};

for (const [name, title] of Object.entries(TITLES))
  test(`${title}: states, times, files, records and status as with BIND`, () =>
    check(SCENARIOS[name], 'debian', 'ours'));
