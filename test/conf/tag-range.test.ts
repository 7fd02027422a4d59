import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printPolicy } from '../../src/conf/print-policy.ts';
import { faultsOf, policyOf } from './configurations.ts';

const policy = (range: string): string => `keys { csk lifetime unlimited algorithm 13 ${range}; };`;
const faults = (range: string): string[] => faultsOf(`dnssec-policy "p" { ${policy(range)} };`);

test('S-063 (part) tag-range is taken for each key, before the length', () => {
  const { keys } = policyOf(
    'keys { ksk lifetime unlimited algorithm 8 tag-range 0 32767 2048; zsk key-directory lifetime unlimited algorithm 8; };',
  );
  assert.deepEqual(keys[0].tagRange, { low: 0, high: 32_767 });
  assert.equal(keys[0].bits, 2048);
  assert.ok(!('tagRange' in keys[1]));
});

test('S-063 (part) a policy with tag ranges is printed as it is read', () => {
  for (const range of ['tag-range 0 65535', 'tag-range 32768 65535', '']) {
    const read = policyOf(policy(range));
    assert.deepEqual(
      policyOf(
        printPolicy(read, 'p')
          .replace(/^.*\{\n/, '')
          .replace(/\};\n$/, ''),
      ),
      read,
    );
  }
});

test('S-063 (part) a range in which no key has both of its tags is an error, one with few tags a warning', () => {
  assert.deepEqual(faults('tag-range 0 65535'), []);
  assert.deepEqual(faults('tag-range 1000 2151'), []);
  assert.match(
    faults('tag-range 1000 2150').join(),
    /^warning: .*leaves 1023 tags: about 65 keys are made for one that/,
  );
  assert.match(faults('tag-range 0 128').join(), /^warning: .*leaves 1 tags: about 65536 keys/);
  assert.match(faults('tag-range 0 127').join(), /^named.conf:1:\d+: dnssec-policy: tag-range 0 127 is too narrow/);
});
