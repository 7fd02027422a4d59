import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddressMatch, Configuration } from '../../src/conf/configuration.ts';
import { listenAddresses } from '../../src/daemon/listen-addresses.ts';
import type { InterfaceAddress } from '../../src/net/interfaces.ts';

const OWN: InterfaceAddress[] = [
  { interface: 'lo', text: '127.0.0.1', address: Uint8Array.of(127, 0, 0, 1), prefixLength: 8 },
  { interface: 'eth0', text: '192.0.2.2', address: Uint8Array.of(192, 0, 2, 2), prefixLength: 24 },
];

const host = (...address: number[]): AddressMatch => ({
  kind: 'prefix',
  negated: false,
  address: Uint8Array.from(address),
  length: 32,
});

function listening(...addresses: AddressMatch[]): string[] {
  const configuration = {
    port: 53,
    listenOn: [{ port: 5300, isDefaultPort: false, transport: 'plain', addresses }],
    listenOnV6: [],
  };
  const options = { family: 'both', ports: {} } as const;
  return listenAddresses(configuration as unknown as Configuration, OWN, options).map(
    (one) => `${one.interface} ${one.address}#${one.port}`,
  );
}

test('listen-on takes the addresses of the host that match', () => {
  assert.deepEqual(listening({ kind: 'any', negated: false }), ['lo 127.0.0.1#5300', 'eth0 192.0.2.2#5300']);
  assert.deepEqual(listening(host(192, 0, 2, 2)), ['eth0 192.0.2.2#5300']);
  assert.deepEqual(listening(host(192, 0, 2, 3)), []);
});

test('listen-on takes every address of the loopback network that it names', () => {
  assert.deepEqual(listening(host(127, 0, 0, 9), host(127, 0, 0, 1)), ['lo 127.0.0.1#5300', 'lo 127.0.0.9#5300']);
  assert.deepEqual(listening({ kind: 'list', negated: false, list: [host(127, 1, 2, 3)] }), ['lo 127.1.2.3#5300']);
  assert.deepEqual(listening({ ...host(127, 0, 0, 9), negated: true }, { kind: 'any', negated: false }), [
    'lo 127.0.0.1#5300',
    'eth0 192.0.2.2#5300',
  ]);
});

test('-p is for statements that name no port; what is spoken there decides which', () => {
  const any: AddressMatch[] = [{ kind: 'any', negated: false }];
  const statements = [
    { port: 53, isDefaultPort: true, transport: 'plain', addresses: any },
    { port: 853, isDefaultPort: true, transport: 'tls', tls: 'a', addresses: any },
    { port: 443, isDefaultPort: true, transport: 'https', tls: 'a', http: 'h', addresses: any },
    { port: 8853, isDefaultPort: false, transport: 'tls', tls: 'a', addresses: any },
  ];
  const configuration = { port: 53, listenOn: statements, listenOnV6: [] } as unknown as Configuration;
  const found = listenAddresses(configuration, OWN.slice(0, 1), { family: 'both', ports: { plain: 5300, tls: 5853 } });
  assert.deepEqual(
    found.map(({ port, transport, tls, http }) => [port, transport, tls, http]),
    [
      [5300, 'plain', undefined, undefined],
      [5853, 'tls', 'a', undefined],
      [443, 'https', 'a', 'h'],
      [8853, 'tls', 'a', undefined],
    ],
  );
});
