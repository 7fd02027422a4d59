import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { SUPPORTED_OPTIONS } from '../../src/conf/check/supported.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import { parseDuration } from '../../src/conf/duration.ts';
import { printDefaults } from '../../src/conf/print-defaults.ts';
import { printPolicy } from '../../src/conf/print-policy.ts';
import { good, policyOf } from './configurations.ts';

/** Rows of the table in docs/policy-default.md: option to its other columns. */
function documentedValues(): Map<string, string[]> {
  const page = fs.readFileSync(new URL('../../docs/policy-default.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| [a-z0-9-]+ \|/.test(line));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  return new Map(cells.filter(([, option]) => option !== 'option').map(([, option, ...rest]) => [option, rest]));
}

const SECONDS: Readonly<Record<string, number>> = {
  'dnskey-ttl': DEFAULT_POLICY.dnskeyTtl,
  'signatures-validity': DEFAULT_POLICY.signaturesValidity,
  'signatures-validity-dnskey': DEFAULT_POLICY.signaturesValidityDnskey,
  'signatures-refresh': DEFAULT_POLICY.signaturesRefresh,
  'signatures-jitter': DEFAULT_POLICY.signaturesJitter,
  'publish-safety': DEFAULT_POLICY.publishSafety,
  'retire-safety': DEFAULT_POLICY.retireSafety,
  'zone-propagation-delay': DEFAULT_POLICY.zonePropagationDelay,
  'max-zone-ttl': DEFAULT_POLICY.maxZoneTtl,
  'parent-ds-ttl': DEFAULT_POLICY.parentDsTtl,
  'parent-propagation-delay': DEFAULT_POLICY.parentPropagationDelay,
  'purge-keys': DEFAULT_POLICY.purgeKeys,
};

test('S-033 the documented default policy is the one in the code', () => {
  const documented = documentedValues();
  for (const [option, seconds] of Object.entries(SECONDS)) {
    const [value, inSeconds] = documented.get(option) ?? [];
    assert.equal(Number(inSeconds), seconds, option);
    const duration = parseDuration(value);
    assert.ok(typeof duration === 'object' && duration.seconds === seconds, option);
  }
  assert.equal(documented.get('keys')?.[0], 'csk key-directory lifetime unlimited algorithm 13');
  assert.deepEqual(DEFAULT_POLICY.keys, [{ role: 'csk', lifetime: 0, algorithm: 13, bits: 256 }]);
  assert.equal(documented.get('nsec3param')?.[0], 'none: NSEC');
  assert.equal(DEFAULT_POLICY.nsec3, undefined);
  assert.equal(documented.get('cds-digest-types')?.[0], DEFAULT_POLICY.cdsDigestTypes.join(' '));
  assert.equal(documented.get('cdnskey')?.[0], DEFAULT_POLICY.cdnskey ? 'yes' : 'no');
  const inCode = [...Object.keys(SECONDS), 'keys', 'nsec3param', 'cds-digest-types', 'cdnskey'];
  assert.deepEqual([...documented.keys()].toSorted(), inCode.toSorted());
});

test('S-067 the default policy printed under another name means the same', () => {
  const text = printPolicy(DEFAULT_POLICY, 'copy');
  assert.deepEqual(good(text).policies.get('copy'), { ...DEFAULT_POLICY, name: 'copy' });
});

test('S-067 any policy printed as a block means the same', () => {
  const body =
    'keys { ksk lifetime P1Y algorithm 8 3072; zsk lifetime 60d algorithm 8; };' +
    'nsec3param iterations 0 optout yes salt-length 8; cdnskey no; cds-digest-types { 2; 4; };';
  const policy = policyOf(body);
  assert.deepEqual(good(printPolicy(policy)).policies.get('p'), policy);
});

test('S-065 S-066 the built-in policies are there without being written', () => {
  const { policies } = good('');
  assert.deepEqual(policies.get('insecure'), INSECURE_POLICY);
  assert.deepEqual(INSECURE_POLICY.keys, []);
  assert.equal(policies.get('none'), undefined);
});

/** What named -C prints, with the built-in policies under names of their own: as they are, they need not be written. */
function pasted(): string {
  return printDefaults().replaceAll(/^dnssec-policy "(\w+)"/gm, 'dnssec-policy "my-$1"');
}

test('S-033 S-067 the defaults that are printed are those in force, and the policies in them mean what the built-in ones mean', () => {
  const zones = ['dnssec-policy default; inline-signing yes;', 'auto-dnssec maintain; inline-signing yes;', ''];
  const zoneText = zones.map((body, i) => `zone z${i} { type primary; file "z${i}"; ${body} };`).join('');
  const { policies: written, views: writtenViews, ...explicit } = good(pasted() + zoneText);
  const { policies, views, ...implicit } = good(zoneText);
  const places = { file: '', line: 0, column: 0 };
  const zonesOf = (all: typeof views): unknown => all[0].zones.map((zone) => ({ ...zone, position: places }));
  assert.deepEqual(explicit, implicit);
  assert.deepEqual(zonesOf(writtenViews), zonesOf(views));
  assert.deepEqual([...policies.keys()], ['default', 'insecure']);
  for (const [name, policy] of policies) assert.deepEqual(written.get(`my-${name}`), { ...policy, name: `my-${name}` });
});

test('every clause of options that is acted on is among the defaults that are printed', () => {
  const named = new Set(
    printDefaults()
      .match(/^[#\t]+([a-z0-9-]+)/gm)
      ?.map((start) => start.replace(/^[#\t]+/, '')),
  );
  for (const clause of Object.keys(SUPPORTED_OPTIONS)) assert.ok(named.has(clause), clause);
});
