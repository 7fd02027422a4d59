import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration } from '../../src/conf/configuration.ts';
import { printPolicy } from '../../src/conf/print-policy.ts';
import { faultsOf, good } from './configurations.ts';

const csk = (name: string, store: string): string =>
  `dnssec-policy "${name}" { keys { csk ${store} lifetime unlimited algorithm 13; }; };`;
const zone = (policy: string, more = ''): string =>
  `zone "example" { type primary; file "${policy}.db"; dnssec-policy ${policy}; inline-signing yes; ${more} };`;
const views = (...zones: readonly string[]): string => zones.map((one, i) => `view v${i} { ${one} };`).join('\n');
const store = (name: string, directory?: string): string =>
  `key-store "${name}" { ${directory === undefined ? '' : `directory "${directory}";`} };`;
const FILES = { '/zones/one/.keep': '', '/zones/two/.keep': '', '/zones/keys/.keep': '' };
const errors = (text: string): string[] =>
  faultsOf(`options { directory "/zones"; };\n${text}`, FILES).filter((fault) => !fault.startsWith('warning'));
const placesOf = ({ views: all }: Configuration): unknown[] =>
  all.flatMap(({ zones }) => zones.map(({ keyDirectories }) => keyDirectories));

test('S-060 (part) each line of a policy may have a store of its own', () => {
  const { policies, views: all } = good(
    `${store('one', 'one')} ${store('two', 'two')}
     dnssec-policy "p" { keys {
       ksk key-store "one" lifetime unlimited algorithm 13; zsk key-store two lifetime unlimited algorithm 13; }; };
     ${zone('p', 'key-directory "keys";')}`,
    FILES,
  );
  const policy = policies.get('p')!;
  assert.deepEqual(
    policy.keys.map(({ keyStore }) => keyStore),
    [
      { name: 'one', directory: 'one' },
      { name: 'two', directory: 'two' },
    ],
  );
  assert.deepEqual(all[0].zones[0].keyDirectories, { own: ['one', 'two'], others: ['keys'] });
  assert.match(printPolicy(policy), /ksk key-store "one" lifetime/);
});

test('S-060 (part) the store key-directory, and one without directory, stand for the key directory of the zone', () => {
  const text = `${store('plain')} ${csk('p', 'key-store "key-directory"')} ${csk('q', 'key-store "plain"')}
    ${views(zone('p', 'key-directory "keys";'), zone('q', 'key-directory "one";'))}`;
  const configuration = good(text, FILES);
  assert.ok(!('keyStore' in configuration.policies.get('p')!.keys[0]));
  assert.deepEqual(placesOf(configuration), [
    { own: ['keys'], others: [] },
    { own: ['one'], others: [] },
  ]);
});

test('S-060 (part) without key-store nothing is different', () => {
  assert.deepEqual(placesOf(good(`${csk('p', 'key-directory')} ${zone('p')}`)), [undefined]);
});

test('S-060 (part) what is left of another policy is looked for, but not what the same zone of another view has', () => {
  const text = `${store('one', 'one')} ${store('two', 'two')} ${csk('p', 'key-store "one"')} ${csk('q', 'key-store "two"')}`;
  assert.deepEqual(placesOf(good(`${text} ${views(zone('p'), zone('q'))}`, FILES)), [
    { own: ['one'], others: ['.'] },
    { own: ['two'], others: ['.'] },
  ]);
  assert.deepEqual(placesOf(good(`${text} ${zone('insecure')}`, FILES)), [{ own: ['.'], others: ['one', 'two'] }]);
});

test('S-060 (part) mistakes with stores have the words of BIND 9.20', () => {
  const use = csk('p', 'key-store "one"');
  const cases: readonly [text: string, fault: RegExp][] = [
    [csk('p', 'key-store "ks404"'), /dnssec-policy: keystore ks404 does not exist$/],
    [`${store('one', 'one')} ${store('one', 'two')} ${use}`, /key-store: duplicate key-store found 'one'$/],
    [store('key-directory', 'one'), /name 'key-directory' not allowed$/],
    [
      `key-store "hsm" { pkcs11-uri "pkcs11:token=bind"; }; ${csk('p', 'key-store hsm')}`,
      /'pkcs11-uri' is known but not/,
    ],
    [`${store('one', 'one/.keep')} ${use}`, /key-store directory: 'one\/\.keep': not a directory/],
    [
      `${store('one', 'one')} ${store('two', 'one')} ${use} ${csk('q', 'key-store two')} ${views(zone('p'), zone('q'))}`,
      /key-store directory 'one' already in use by zone example\. with policy p: named\.conf:\d+$/,
    ],
    [
      `${store('one', '.')} ${use} ${csk('q', 'key-directory')} ${views(zone('p'), zone('q', 'key-directory ".";'))}`,
      /key-directory '\.' already in use by zone example\. with policy p/,
    ],
  ];
  for (const [text, fault] of cases) assert.match(errors(text).join('\n'), fault);
  assert.match(faultsOf(`${store('one', 'nowhere')} ${use}`).join(), /^warning: .*'nowhere' does not exist$/);
});
