import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFault } from '../../src/conf/fault.ts';
import { readRndcConfiguration, readRndcKey } from '../../src/conf/rndc-conf.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const EXAMPLE = `
options { default-server localhost; default-key samplekey; default-port 1953; };
server localhost { key samplekey; };
server testserver { key testkey; addresses { localhost port 5353; 192.0.2.1; }; };
key samplekey { algorithm hmac-sha256; secret "YWJj"; };
key testkey { algorithm hmac-sha512; secret "R3HI8P6BKw9ZwXwN3VZKuQ=="; };
`;

test('S-086 rndc.conf is read as its manual page has it', () => {
  const { value, faults } = readRndcConfiguration('rndc.conf', MemoryDisk.readOnly({ 'rndc.conf': EXAMPLE }));
  assert.deepEqual(faults, []);
  assert.equal(value?.defaultServer, 'localhost');
  assert.equal(value?.defaultKey, 'samplekey');
  assert.equal(value?.defaultPort, 1953);
  assert.deepEqual(
    value?.keys.map(({ name, algorithm }) => [name, algorithm]),
    [
      ['samplekey', 'hmac-sha256'],
      ['testkey', 'hmac-sha512'],
    ],
  );
  assert.deepEqual(value?.servers[1].addresses, [
    { address: 'localhost', port: 5353 },
    { address: '192.0.2.1', port: undefined },
  ]);
});

test('a key that is not there is a fault with its place', () => {
  const { value, faults } = readRndcConfiguration('c', MemoryDisk.readOnly({ c: 'options { default-key x; };' }));
  assert.equal(value, undefined);
  assert.deepEqual(faults.map(formatFault), ["c:1:11: unknown key 'x'"]);
});

test('rndc.key holds one key', () => {
  const disk = MemoryDisk.readOnly({ key: EXAMPLE.split('\n')[4], empty: '# nothing\n' });
  assert.deepEqual(readRndcKey('key', disk).value?.secret, Uint8Array.of(97, 98, 99));
  assert.match(formatFault(readRndcKey('empty', disk).faults[0]), /^empty:1:1: 'empty' has no key statement/);
  assert.match(formatFault(readRndcKey('none', disk).faults[0]), /^none:1:1: cannot open 'none': file not found/);
});
