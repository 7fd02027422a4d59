import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFixedAddress } from '../../../src/hsm/appliance/fixed-address.ts';

const GOOD = {
  IP_ADDRESS: '192.0.2.20',
  IP_NETMASK: '255.255.255.0',
  IP_BROADCAST: '192.0.2.255',
  IP_GATEWAY: '192.0.2.1',
};

test('S-409 (part) addresses that fit each other, with and without broadcast and gateway, up to the ends of a net', () => {
  for (const good of [
    GOOD,
    { ...GOOD, IP_BROADCAST: undefined, IP_GATEWAY: undefined },
    { ...GOOD, IP_ADDRESS: '192.0.2.254' },
    { IP_ADDRESS: '10.255.0.1', IP_NETMASK: '255.0.0.0', IP_BROADCAST: '10.255.255.255', IP_GATEWAY: '10.0.0.1' },
    { IP_ADDRESS: '192.0.2.0', IP_NETMASK: '255.255.255.254', IP_BROADCAST: undefined, IP_GATEWAY: '192.0.2.1' },
    { IP_ADDRESS: '223.0.0.2', IP_NETMASK: '128.0.0.0', IP_BROADCAST: '255.255.255.255', IP_GATEWAY: '128.0.0.1' },
  ])
    checkFixedAddress(good);
});

test('S-409 (part) of addresses that do not fit each other the one that is wrong is named, with what it should be', () => {
  for (const [change, text] of [
    [{ IP_ADDRESS: undefined }, /^IP_ADDRESS is missing/],
    [{ IP_NETMASK: undefined }, /^IP_NETMASK is missing/],
    [{ IP_ADDRESS: '192.0.2.0' }, /^IP_ADDRESS .* name of the network 192\.0\.2\.0\/24/],
    [{ IP_ADDRESS: '192.0.2.255' }, /^IP_ADDRESS .* broadcast address/],
    [{ IP_ADDRESS: '127.0.0.5' }, /^IP_ADDRESS .* no host/],
    [{ IP_ADDRESS: '224.0.0.5' }, /^IP_ADDRESS .* no host/],
    [{ IP_BROADCAST: '192.0.2.127' }, /^IP_BROADCAST .* 192\.0\.2\.0\/24 is 192\.0\.2\.255/],
    [{ IP_GATEWAY: '192.0.3.1' }, /^IP_GATEWAY .* not in the network 192\.0\.2\.0\/24 of 192\.0\.2\.20/],
    [{ IP_GATEWAY: '192.0.2.20' }, /^IP_GATEWAY .* the HSM itself/],
    [{ IP_GATEWAY: '192.0.2.0' }, /^IP_GATEWAY .* no host/],
    [{ IP_GATEWAY: '192.0.2.255' }, /^IP_GATEWAY .* no host/],
    [{ IP_NETMASK: '255.255.255.240', IP_BROADCAST: undefined }, /^IP_GATEWAY .* 192\.0\.2\.16\/28/],
  ] as const)
    assert.throws(() => checkFixedAddress({ ...GOOD, ...change }), { code: 'FIXED_ADDRESS', message: text });
});
