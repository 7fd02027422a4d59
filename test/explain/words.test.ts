import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { explainInterval } from '../../src/explain/interval-text.ts';
import { checkdsCommand, loadkeysCommand, rolloverCommand } from '../../src/explain/rndc-command.ts';
import { isoTime } from '../../src/base/iso-time.ts';
import { durationText } from '../../src/base/duration-text.ts';
import { distanceText, momentText } from '../../src/explain/time-text.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { nameFromText, nameToShortText } from '../../src/wire/name-text.ts';
import { mustName } from '../../src/wire/name-text.ts';

const HOUR = 3600;
const DAY = 86_400;

const key = (id: string, tag: number, algorithm = 13): PlannedKey => ({
  id,
  tag,
  algorithm,
  bits: 256,
  flags: 257,
  times: {},
});

describe('explain: times and durations', () => {
  for (const [seconds, text] of [
    [0, '0 seconds'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, '1 minute'],
    [HOUR + 60, '1 hour 1 minute'],
    [HOUR + 59, '1 hour'],
    [DAY + HOUR, '1 day 1 hour'],
    [DAY + 59 * 60, '1 day'],
    [60 * DAY, '60 days'],
    [3650 * DAY + 23 * HOUR, '3650 days 23 hours'],
  ] as const)
    it(`${seconds} seconds are ${text}`, () => assert.equal(durationText(seconds), text));

  it('a moment is UTC, with its distance', () => {
    assert.equal(isoTime(0), '1970-01-01T00:00:00Z');
    assert.equal(momentText(1_790_000_000, 1_790_000_000 - 3 * DAY), '2026-09-21T14:13:20Z (in 3 days)');
    assert.equal(distanceText(100, 100), 'now');
    assert.equal(distanceText(0, 90), '1 minute 30 seconds ago');
  });

  it('a time that no calendar has is shown as the last that it has', () => {
    assert.equal(isoTime(Number.MAX_SAFE_INTEGER), '9999-12-31T23:59:59Z');
    assert.equal(isoTime(-1), '1970-01-01T00:00:00Z');
  });

  it('a duration never says more than there is, and less by a hundredth of a day at most', () => {
    const sizes: Readonly<Record<string, number>> = { day: DAY, hour: HOUR, minute: 60, second: 1 };
    fc.assert(
      fc.property(fc.nat(20 * 365 * DAY), (seconds) => {
        const words = durationText(seconds).split(' ');
        let sum = 0;
        for (let i = 0; i < words.length; i += 2) sum += Number(words[i]) * sizes[words[i + 1].replace(/s$/, '')];
        assert.ok(sum <= seconds && seconds - sum < Math.max(1, seconds / 24), `${seconds}: ${words.join(' ')}`);
      }),
    );
  });
});

describe('explain: RFC 7583 intervals', () => {
  it('writes the sum out and adds it up', () => {
    const parts = [
      { name: 'max-zone-ttl', seconds: DAY },
      { name: 'zone-propagation-delay', seconds: 300 },
      { name: 'retire-safety', seconds: HOUR },
    ];
    const rule = explainInterval({ term: 'Iret', since: 1_790_000_000, parts }, 1_790_000_000);
    assert.equal(rule.seconds, DAY + 300 + HOUR);
    assert.equal(
      rule.text,
      'Iret = max-zone-ttl 1 day + zone-propagation-delay 5 minutes + retire-safety 1 hour = 1 day 1 hour, counted from 2026-09-21T14:13:20Z',
    );
    assert.match(rule.meaning!, /RFC 7583 sections? 3\.2\.1/);
  });

  it('subtracts what is negative', () => {
    const parts = [
      { name: 'signatures-validity', seconds: 14 * DAY },
      { name: 'signatures-refresh', seconds: -5 * DAY },
    ];
    const { text, seconds } = explainInterval({ term: 'Iret', since: 0, parts }, 0);
    assert.equal(seconds, 9 * DAY);
    assert.match(text, /^Iret = signatures-validity 14 days - signatures-refresh 5 days = 9 days, /);
  });

  it('counts back from a moment that is ahead', () => {
    const parts = [
      { name: 'dnskey-ttl', seconds: -HOUR },
      { name: 'publish-safety', seconds: -60 },
    ];
    const { text } = explainInterval({ term: 'Ipub', since: 1_790_000_000, parts }, 0);
    assert.equal(
      text,
      'Ipub = -dnskey-ttl 1 hour - publish-safety 1 minute = 1 hour 1 minute before 2026-09-21T14:13:20Z',
    );
  });

  it('says nothing about a term that it does not know', () => {
    const rule = explainInterval({ term: 'Ixyz', since: 0, parts: [{ name: 'a', seconds: 1 }] }, 0);
    assert.equal('meaning' in rule, false);
  });
});

describe('explain: commands', () => {
  const apex = mustName('example.org.');
  const one = key('a', 1000);

  it('name the key by its tag, and by its algorithm where the tag is not enough', () => {
    const place = { apex, view: '_default', keys: [one, key('b', 1001)] };
    assert.equal(checkdsCommand(one, 'published', place), 'rndc dnssec -checkds -key 1000 published example.org');
    assert.equal(rolloverCommand(one, place), 'rndc dnssec -rollover -key 1000 example.org');
    const twins = { ...place, keys: [one, key('b', 1000, 8)] };
    assert.equal(
      checkdsCommand(one, 'withdrawn', twins),
      'rndc dnssec -checkds -key 1000 -alg 13 withdrawn example.org',
    );
  });

  it('name class and view where there are views', () => {
    const place = { apex, view: 'inside', keys: [one] };
    assert.equal(loadkeysCommand(place), 'rndc loadkeys example.org IN inside');
  });

  it('are taken by a shell word by word, whatever the name of the zone holds', () => {
    const labels = fc.array(fc.string({ minLength: 1, maxLength: 12, unit: 'binary-ascii' }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(labels, (texts) => {
        const escaped = texts.map((text) => text.replaceAll(/[^a-z0-9]/g, (octet) => decimal(octet.charCodeAt(0))));
        const name = nameFromText(`${escaped.join('.')}.`);
        if (typeof name === 'string') return;
        const command = loadkeysCommand({ apex: name, view: "it's $HOME `view`", keys: [] });
        const words = command.replace(/^rndc/, 'printf "%s\\n"');
        const { stdout } = spawnSync('/bin/sh', ['-c', words], { encoding: 'utf8' });
        assert.deepEqual(stdout, ['loadkeys', nameToShortText(name), 'IN', "it's $HOME `view`", ''].join('\n'));
      }),
      { numRuns: 50 },
    );
  });
});

const decimal = (octet: number): string => `\\${String(octet).padStart(3, '0')}`;
