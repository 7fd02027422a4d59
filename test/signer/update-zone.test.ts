import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { serialMethod } from '../../src/signer/serial-method.ts';
import { signZone } from '../../src/signer/sign-zone.ts';
import type { Denial } from '../../src/signer/signing-parameters.ts';
import { updateSignedZone } from '../../src/signer/update-zone.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { loadLines, NOW, recordLines, signingKey, signingParameters, testZone } from './fixture.ts';
import { zoneHistory } from './random-zone.ts';

const KEYS = [signingKey('ksk'), signingKey('zsk')];
const SALT = Uint8Array.of(0xab, 0xcd);
const DENIALS: readonly Denial[] = [
  { kind: 'nsec' },
  { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false },
  { kind: 'nsec3', iterations: 1, salt: SALT, optOut: true },
];

const serial = serialMethod('increment', NOW);

for (const denial of DENIALS) {
  const name = denial.kind === 'nsec3' ? `nsec3${denial.optOut ? ' with opt-out' : ''}` : denial.kind;
  test(`S-022 ${name}: mending a signed version gives the records of signing it anew, and verifies`, async () => {
    const parameters = signingParameters(KEYS, { denial });
    const history = fc.asyncProperty(zoneHistory, async ([first, ...later]) => {
      const zone = testZone();
      let { version: signed } = await signZone(zone.store, loadLines(zone, first), parameters, zone);
      for (const lines of later) {
        const unsigned = loadLines(zone, lines);
        const anew = await signZone(zone.store, unsigned, parameters, zone);
        const updated = await updateSignedZone(zone.store, signed, unsigned, parameters, { ...zone, serial });
        const version = updated === 'unchanged' ? signed : updated.version;
        assert.deepEqual(recordLines(zone.arena, version), recordLines(zone.arena, anew.version));
        const verdict = await verifyZone(zone.arena, version, { now: NOW });
        assert.deepEqual(verdict.faults, []);
        signed = version;
      }
    });
    await fc.assert(history, { numRuns: 80 });
  });
}
