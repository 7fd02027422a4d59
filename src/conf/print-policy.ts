import type { DnssecPolicy, PolicyKey } from './configuration.ts';
import { DEFAULT_POLICY } from './defaults.ts';

/**
 * A policy as a block of named.conf that means the same, with every value written out: the built-in `default` can be
 * printed, pasted under another name and changed.
 *
 * @param name the name to give it; default: its own
 */
export function printPolicy(policy: DnssecPolicy, name = policy.name): string {
  const lines = [
    ...durations(policy).map(([clause, seconds]) => `${clause} ${seconds};`),
    ...keyLines(policy.keys),
    ...(policy.nsec3 ? [nsec3Line(policy.nsec3)] : []),
    ...parentLines(policy),
    ...(policy.manualMode ? ['manual-mode yes;'] : []),
  ];
  return `dnssec-policy "${name}" {\n${lines.map((line) => `\t${line}\n`).join('')}};\n`;
}

function durations(policy: DnssecPolicy): [clause: string, seconds: number][] {
  return [
    ['dnskey-ttl', policy.dnskeyTtl],
    ['max-zone-ttl', policy.maxZoneTtl],
    ['parent-ds-ttl', policy.parentDsTtl],
    ['parent-propagation-delay', policy.parentPropagationDelay],
    ['publish-safety', policy.publishSafety],
    ['purge-keys', policy.purgeKeys],
    ['retire-safety', policy.retireSafety],
    ['signatures-jitter', policy.signaturesJitter],
    ['signatures-refresh', policy.signaturesRefresh],
    ['signatures-validity', policy.signaturesValidity],
    ['signatures-validity-dnskey', policy.signaturesValidityDnskey],
    ['zone-propagation-delay', policy.zonePropagationDelay],
  ];
}

/** Clauses that BIND has from 9.20 on only: in a comment where they say what goes without saying, so that 9.18 reads on. */
function parentLines({ cdnskey, cdsDigestTypes }: DnssecPolicy): string[] {
  const isDefault =
    cdnskey === DEFAULT_POLICY.cdnskey && String(cdsDigestTypes) === String(DEFAULT_POLICY.cdsDigestTypes);
  const mark = isDefault ? '# ' : '';
  return [
    `${mark}cdnskey ${cdnskey ? 'yes' : 'no'};`,
    `${mark}cds-digest-types { ${cdsDigestTypes.map((type) => `${type}; `).join('')}};`,
  ];
}

function keyLines(keys: readonly PolicyKey[]): string[] {
  return ['keys {', ...keys.map((key) => `\t${keyLine(key)}`), '};'];
}

function keyLine({ role, lifetime, algorithm, bits, keyStore, tagRange }: PolicyKey): string {
  const place = keyStore ? `key-store ${JSON.stringify(keyStore.name)}` : 'key-directory';
  const range = tagRange ? ` tag-range ${tagRange.low} ${tagRange.high}` : '';
  const length = algorithm <= 10 ? ` ${bits}` : '';
  return `${role} ${place} lifetime ${lifetime || 'unlimited'} algorithm ${algorithm}${range}${length};`;
}

function nsec3Line({ iterations, optOut, saltLength }: NonNullable<DnssecPolicy['nsec3']>): string {
  return `nsec3param iterations ${iterations} optout ${optOut ? 'yes' : 'no'} salt-length ${saltLength};`;
}
