import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ruleAccepts, SettingsFirewall } from '../../../src/hsm/appliance/firewall.ts';
import { SettingsStore } from '../../../src/hsm/appliance/settings-store.ts';
import {
  DEFAULT_SETTINGS,
  formatSetting,
  parseSetting,
  SETTING_NAMES,
  settingNamed,
} from '../../../src/hsm/appliance/settings-table.ts';
import type { FirewallRule } from '../../../src/hsm/appliance/settings.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';

const FILE = '/state/settings.json';

function disk(): MemoryDisk {
  const made = new MemoryDisk();
  made.makeDirectory('/state');
  return made;
}

suite('Settings', () => {
  test('S-428 (part) ENABLE_EXPORTABLE_PRIVATE_KEYS is FALSE in the factory and takes its words in any case', () => {
    assert.equal(DEFAULT_SETTINGS.ENABLE_EXPORTABLE_PRIVATE_KEYS, false);
    for (const word of ['TRUE', 'true', 'True', ' tRUE '])
      assert.equal(parseSetting('ENABLE_EXPORTABLE_PRIVATE_KEYS', word), true);
    for (const word of ['FALSE', 'false']) assert.equal(parseSetting('ENABLE_EXPORTABLE_PRIVATE_KEYS', word), false);
  });

  test('a value that is none is refused with what it takes', () => {
    const refused: readonly (readonly [Parameters<typeof parseSetting>[0], string, RegExp])[] = [
      ['ENABLE_ZEROCONF', 'maybe', /ENABLE_ZEROCONF cannot be 'maybe': it takes TRUE or FALSE/],
      ['TLS_MIN_VERSION', '1.1', /1\.2 or 1\.3/],
      ['CONSOLE_IDLE_TIMEOUT', '-1', /from 0 to 86400/],
      ['CONSOLE_IDLE_TIMEOUT', '86401', /from 0 to 86400/],
      ['RPC_DEVICE', 'first', /auto, or the number of a device/],
      ['IP_MODE', 'bootp', /host or dhcp or static/],
      ['IP_ADDRESS', '10.0.0.256', /IPv4 address/],
      ['IP_ADDRESS', '::1', /IPv4 address/],
      ['IP_NETMASK', '255.0.255.0', /net mask/],
      ['IP_NETMASK', '0.0.0.0', /net mask/],
      ['FIREWALL_DATA', 'range 10.0.0.10 10.0.0.9', /range FIRST LAST/],
      ['FIREWALL_DATA', 'range 10.0.0.1 ::1', /range FIRST LAST/],
      ['FIREWALL_DATA', 'list', /list ADDRESS/],
      ['FIREWALL_DATA', 'accept 10.0.0.1', /accept, block/],
      ['FIREWALL_DATA', 'list 10.0.0.1 example.com', /list ADDRESS/],
    ];
    for (const [name, text, why] of refused) assert.throws(() => parseSetting(name, text), why, `${name} ${text}`);
  });

  test('every setting reads back what it writes', () => {
    for (const name of SETTING_NAMES)
      assert.deepEqual(parseSetting(name, formatSetting(name, DEFAULT_SETTINGS[name])), DEFAULT_SETTINGS[name], name);
    const rules: readonly FirewallRule[] = [
      { kind: 'accept' },
      { kind: 'block' },
      { kind: 'range', first: '10.0.0.9', last: '10.0.0.10' },
      { kind: 'list', addresses: ['10.0.0.1', '2001:db8::1'] },
    ];
    for (const rule of rules)
      assert.deepEqual(parseSetting('FIREWALL_MGMT', formatSetting('FIREWALL_MGMT', rule)), rule);
  });

  test('names are taken in any case, and as the vendor has them', () => {
    assert.equal(settingNamed('enable_zeroconf'), 'ENABLE_ZEROCONF');
    assert.equal(settingNamed('ZERO_CONFIG_ENABLED'), 'ENABLE_ZEROCONF');
    assert.equal(settingNamed('DATA_FIREWALL_SETTINGS'), 'FIREWALL_DATA');
    assert.equal(settingNamed('constructor'), undefined);
  });

  test('are durable when they are in force, for nobody else to read, and back in the factory after a reset', () => {
    const where = disk();
    const store = SettingsStore.open(FILE, where);
    const changed: string[] = [];
    store.watch((name) => changed.push(name));
    assert.deepEqual(store.set('FIREWALL_DATA', 'range 10.0.0.9 10.0.0.10'), { needsRestart: false });
    assert.deepEqual(store.set('IP_MODE', 'STATIC'), { needsRestart: true });
    assert.equal(where.facts(FILE)?.mode, 0o600);
    const again = SettingsStore.open(FILE, where.afterCrash());
    assert.deepEqual(again.current.FIREWALL_DATA, { kind: 'range', first: '10.0.0.9', last: '10.0.0.10' });
    assert.equal(again.current.IP_MODE, 'static');
    store.reset();
    assert.deepEqual(store.current, DEFAULT_SETTINGS);
    assert.deepEqual(SettingsStore.open(FILE, where).current, DEFAULT_SETTINGS);
    assert.deepEqual(changed, ['FIREWALL_DATA', 'IP_MODE', 'IP_MODE', 'FIREWALL_DATA']);
    // The ports take it over at once.
    assert.deepEqual(store.set('TLS_MIN_VERSION', '1.2'), { needsRestart: false });
  });

  test('a full disk changes nothing', () => {
    const where = disk();
    const store = SettingsStore.open(FILE, where);
    where.refusal = 'ENOSPC';
    assert.throws(() => store.set('ENABLE_ZEROCONF', 'false'), /ENOSPC/);
    assert.equal(store.current.ENABLE_ZEROCONF, true);
  });

  test('a file with a fault is refused with the fault', () => {
    for (const [text, why] of [
      ['{', /no JSON/],
      ['[]', /no JSON object/],
      ['{"ENABLE_ZEROCONF": true}', /the value of ENABLE_ZEROCONF is no text/],
      ['{"ENABLE_ZEROCONF": "maybe"}', /ENABLE_ZEROCONF cannot be 'maybe'/],
      ['{"ENABLE_EVERYTHING": "TRUE"}', /there is no setting 'ENABLE_EVERYTHING'/],
    ] as const)
      assert.throws(() => SettingsStore.open(FILE, new MemoryDisk({ [FILE]: text })), why, text);
  });
});

suite('The firewall', () => {
  test('compares addresses as numbers, with IPv6 and IPv4 apart', () => {
    const range: FirewallRule = { kind: 'range', first: '10.0.0.9', last: '10.0.1.2' };
    for (const inside of ['10.0.0.9', '10.0.0.10', '10.0.0.255', '10.0.1.0', '10.0.1.2', '::ffff:10.0.0.10'])
      assert.ok(ruleAccepts(range, inside), inside);
    for (const outside of ['10.0.0.8', '10.0.1.3', '9.0.0.10', '::a00:a', '2001:db8::1', 'nonsense', ''])
      assert.ok(!ruleAccepts(range, outside), outside);
    const six: FirewallRule = { kind: 'range', first: '2001:db8::9', last: '2001:db8::10' };
    assert.ok(ruleAccepts(six, '2001:0db8:0:0:0:0:0:a'));
    assert.ok(!ruleAccepts(six, '2001:db8::11'));
    const list: FirewallRule = { kind: 'list', addresses: ['10.0.0.1', '2001:db8::1'] };
    assert.ok(
      ruleAccepts(list, '10.0.0.1') && ruleAccepts(list, '2001:DB8::1') && ruleAccepts(list, '::ffff:10.0.0.1'),
    );
    assert.ok(!ruleAccepts(list, '10.0.0.2'));
    assert.ok(ruleAccepts({ kind: 'accept' }, '10.0.0.2') && !ruleAccepts({ kind: 'block' }, '10.0.0.2'));
  });

  test('accepts exactly what lies between', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    const number = (parts: readonly number[]): number => parts.reduce((sum, part) => sum * 256 + part, 0);
    fc.assert(
      fc.property(octets, octets, octets, (first, last, peer) => {
        fc.pre(number(first) <= number(last));
        const rule: FirewallRule = { kind: 'range', first: first.join('.'), last: last.join('.') };
        const isInside = number(first) <= number(peer) && number(peer) <= number(last);
        assert.equal(ruleAccepts(rule, peer.join('.')), isInside);
      }),
      { seed: 5 },
    );
  });

  test('takes each port from its own setting, as it is now', () => {
    const where = disk();
    const store = SettingsStore.open(FILE, where);
    const firewall = new SettingsFirewall(() => store.current);
    assert.ok(firewall.accepts('data', '10.0.0.1'));
    store.set('FIREWALL_DATA', 'block');
    store.set('FIREWALL_WEB', 'list 10.0.0.2');
    assert.deepEqual(
      (['mgmt', 'data', 'web'] as const).map((port) => firewall.accepts(port, '10.0.0.1')),
      [true, false, false],
    );
  });
});
