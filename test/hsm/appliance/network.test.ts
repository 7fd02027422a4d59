import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { SignetError } from '../../../src/base/error.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { GpioLeds } from '../../../src/hsm/appliance/gpio-leds.ts';
import { HsmLog } from '../../../src/hsm/appliance/hsm-log.ts';
import { ledsOf } from '../../../src/hsm/appliance/leds.ts';
import {
  ApplianceNetwork,
  type Interfaces,
  type InterfaceState,
  SystemInterfaces,
} from '../../../src/hsm/appliance/network.ts';
import { DEFAULT_SETTINGS } from '../../../src/hsm/appliance/settings-table.ts';
import type { Settings } from '../../../src/hsm/appliance/settings.ts';

const ETH0: InterfaceState = {
  address: '192.0.2.7',
  netmask: '255.255.255.0',
  hardwareAddress: '02:00:00:00:00:07',
  interface: 'eth0',
  label: 'eth0',
  isInternal: false,
};
const LO: InterfaceState = {
  ...ETH0,
  address: '127.0.0.1',
  netmask: '255.0.0.0',
  hardwareAddress: '00:00:00:00:00:00',
  interface: 'lo',
  label: 'lo',
  isInternal: true,
};

class FakeInterfaces implements Interfaces {
  readonly commands: string[] = [];
  addresses: InterfaceState[] = [LO];
  refused: RegExp | undefined;

  list(): readonly InterfaceState[] {
    return this.addresses;
  }

  gateway(name: string): string | undefined {
    return name === 'eth0' ? '192.0.2.1' : undefined;
  }

  hardwareAddress(): string {
    return ETH0.hardwareAddress;
  }

  async configure(words: readonly string[]): Promise<void> {
    this.commands.push(words.join(' '));
    if (this.refused?.test(words.join(' ')) === true) throw new SignetError('NETWORK', 'no route');
    const [what, how, address = ''] = words;
    if (what !== 'addr') return;
    this.addresses = this.addresses.filter((one) => one.address !== address.replace(/\/.*/, ''));
    if (how === 'replace')
      this.addresses.push({ ...ETH0, address: address.replace(/\/.*/, ''), label: words.at(-1) ?? '' });
  }
}

interface World {
  readonly network: ApplianceNetwork;
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  readonly interfaces: FakeInterfaces;
}

/** @param name null: none is given to it */
function world(settings: Partial<Settings>, name: string | null = 'eth0', listen = '0.0.0.0'): World {
  const clock = new SimulatedClock(1_800_000_000);
  const log = new MemoryLog();
  const interfaces = new FakeInterfaces();
  const network = new ApplianceNetwork(
    { interface: name ?? undefined, listen },
    { settings: () => ({ ...DEFAULT_SETTINGS, ...settings }), clock, log, interfaces },
  );
  return { network, clock, log, interfaces };
}

suite('The address of the appliance', () => {
  test("is the host's own when hsmd was given no interface: nothing is changed, and it says so without alarm", async () => {
    const { network, interfaces, log } = world({}, null);
    interfaces.addresses = [LO, ETH0];
    await network.start();
    assert.deepEqual(network.view(), {
      address: '192.0.2.7',
      netmask: '255.255.255.0',
      gateway: '192.0.2.1',
      hardwareAddress: '02:00:00:00:00:07',
      mode: 'host',
    });
    assert.deepEqual(interfaces.commands, []);
    assert.deepEqual(
      log.records.map(({ severity, text }) => [severity, /hsmd was given no interface/.test(text)]),
      [['notice', true]],
    );
  });

  test('S-437 (part) is the one that the ports listen on', () => {
    const { network, interfaces } = world({}, null, '127.0.0.1');
    interfaces.addresses = [ETH0, LO];
    assert.equal(network.view().address, '127.0.0.1');
  });

  test('S-383 (part) by DHCP is waited for, and known as it changes', async () => {
    const { network, clock, interfaces, log } = world({ IP_MODE: 'dhcp' });
    const started = network.start();
    await setImmediate();
    await clock.advance(20);
    interfaces.addresses = [LO, ETH0];
    await clock.advance(1);
    await started;
    assert.equal(network.view().address, '192.0.2.7');
    assert.match(log.records[0].text, /eth0 has the address 192\.0\.2\.7 by DHCP/);
    interfaces.addresses = [LO, { ...ETH0, address: '192.0.2.9' }];
    assert.equal(network.view().address, '192.0.2.9');
    assert.deepEqual(interfaces.commands, []);
  });

  test('S-389 S-390 S-450 of a factory-new HSM without DHCP is 10.10.10.2/24 after 90 seconds', async () => {
    const { network, clock, interfaces, log } = world({});
    let isDone = false;
    const started = network.start().then(() => (isDone = true));
    await setImmediate();
    await clock.advance(89);
    assert.deepEqual([isDone, interfaces.commands], [false, []]);
    await clock.advance(2);
    await started;
    assert.deepEqual(interfaces.commands, [
      'link set dev eth0 up',
      'addr replace 10.10.10.2/24 broadcast 10.10.10.255 dev eth0 label eth0:1',
    ]);
    assert.equal(network.view().address, '10.10.10.2');
    assert.match(log.records[0].text, /no address by DHCP within 90 s: eth0 has 10\.10\.10\.2\/24 now/);
  });

  test('S-409 (part) can be fixed', async () => {
    const fixed = {
      IP_MODE: 'static',
      IP_ADDRESS: '192.0.2.20',
      IP_NETMASK: '255.255.252.0',
      IP_GATEWAY: '192.0.2.1',
    } as const;
    const { network, interfaces } = world(fixed);
    await network.start();
    assert.deepEqual(interfaces.commands, [
      'link set dev eth0 up',
      'addr replace 192.0.2.20/22 broadcast + dev eth0 label eth0:1',
      'route replace default via 192.0.2.1 dev eth0',
    ]);
    assert.equal(network.view().mode, 'static');
  });

  test('that an earlier start has set is taken back, and taken for no lease; what others have set stays', async () => {
    const earlier = { ...ETH0, address: '192.0.2.20', label: 'eth0:1' };
    const byDhcp = world({ IP_MODE: 'dhcp' });
    byDhcp.interfaces.addresses = [LO, earlier, ETH0];
    await byDhcp.network.start();
    assert.deepEqual(byDhcp.interfaces.commands, ['addr del 192.0.2.20/24 dev eth0']);
    assert.equal(byDhcp.network.view().address, '192.0.2.7');

    const asItIs = world({ IP_MODE: 'host' });
    asItIs.interfaces.addresses = [LO, ETH0, earlier];
    await asItIs.network.start();
    assert.deepEqual(asItIs.interfaces.commands, ['addr del 192.0.2.20/24 dev eth0']);

    const fixed = world({ IP_MODE: 'static', IP_ADDRESS: '192.0.2.21', IP_NETMASK: '255.255.255.0' });
    fixed.interfaces.addresses = [LO, ETH0, earlier];
    await fixed.network.start();
    assert.equal(fixed.interfaces.commands[0], 'addr del 192.0.2.20/24 dev eth0');
    fixed.interfaces.commands.length = 0;
    await fixed.network.start();
    assert.ok(!fixed.interfaces.commands.some((words) => words.includes(' del ')), 'the same one stays');
  });

  test('S-452 (part) S-384 (part) is waited for as long as it takes', async () => {
    const { network, clock, interfaces } = world({ IP_MODE: 'host' });
    await network.start();
    let isThere = false;
    const waited = network.awaitAddress().then(() => (isThere = true));
    await clock.advance(1000);
    assert.equal(isThere, false);
    interfaces.addresses = [LO, ETH0];
    await clock.advance(2);
    await waited;
    assert.deepEqual(interfaces.commands, []);

    const ended = world({ IP_MODE: 'host' });
    const wait = ended.network.awaitAddress();
    ended.network[Symbol.dispose]();
    await wait;
  });

  test('S-390 fixed and incomplete, or refused: the address of the fallback, with the command that helps', async () => {
    const fixed = { IP_MODE: 'static', IP_ADDRESS: '192.0.2.20', IP_NETMASK: '255.255.255.0' } as const;
    const incomplete = world({ ...fixed, IP_NETMASK: undefined });
    const refused = world(fixed);
    refused.interfaces.refused = /192\.0\.2\.20/;
    for (const { network, log } of [incomplete, refused]) {
      await network.start();
      assert.equal(network.view().address, '10.10.10.2');
      assert.match(log.records.at(-1)!.text, /: eth0 has 10\.10\.10\.2\/24 now; use 'set ip static'/);
    }
    const away = world({ ...fixed, IP_GATEWAY: '198.51.100.1' });
    away.interfaces.refused = /via/;
    await away.network.start();
    assert.equal(away.network.view().address, '192.0.2.20');
    assert.match(away.log.records.at(-1)!.text, /the gateway 198\.51\.100\.1 was refused \(no route\)/);
  });

  test('set by settings without an interface to set it on is a warning, not a change', async () => {
    const { network, interfaces, log } = world(
      { IP_MODE: 'static', IP_ADDRESS: '192.0.2.20', IP_NETMASK: '255.255.255.0' },
      undefined,
    );
    const other = new ApplianceNetwork(
      { interface: undefined, listen: '0.0.0.0' },
      { settings: () => ({ ...DEFAULT_SETTINGS, IP_MODE: 'static' }), clock: new SimulatedClock(0), log, interfaces },
    );
    await other.start();
    assert.match(log.records[0].text, /no interface \(--interface\)/);
    assert.deepEqual(interfaces.commands, []);
    assert.equal(network.hasInterface, true);
    assert.equal(other.hasInterface, false);
  });

  test('says which command is missing, and what ip(8) said', async () => {
    const interfaces = new SystemInterfaces();
    const words = ['link', 'set', 'dev', 'signet-none', 'up'];
    await assert.rejects(
      interfaces.configure(words),
      /^SignetError: 'ip link set dev signet-none up' failed: .*signet-none/,
    );
    const { PATH } = process.env;
    process.env['PATH'] = '/nonexistent';
    try {
      await assert.rejects(interfaces.configure(words), /cannot be run: install the command ip \(package iproute2\)$/);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  test('S-388 S-391 S-392 in a network namespace without DHCP, a real interface has the fallback and a neighbour reaches it', () => {
    const script = path.resolve(import.meta.dirname, 'network-namespace.ts');
    const { status, stdout, stderr } = spawnSync('unshare', ['-rn', process.execPath, script], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      fallback: { address: '10.10.10.2', netmask: '255.255.255.0', mode: 'dhcp' },
      fixed: { address: '192.0.2.20', netmask: '255.255.255.0', gateway: '192.0.2.1', mode: 'static' },
      refused: true,
    });
  });
});

suite('The lines of the LEDs', () => {
  test('S-448 (part) are set by colour, blink, and are exported when they are not there', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-gpio-'));
    try {
      for (const line of [5, 6, 26, 19]) fs.mkdirSync(path.join(directory, `gpio${line}`));
      const clock = new SimulatedClock(0);
      const log = new MemoryLog();
      using leds = new GpioLeds(directory, { clock, log });
      const read = (): string =>
        [26, 19, 5, 6].map((line) => fs.readFileSync(path.join(directory, `gpio${line}`, 'value'), 'latin1')).join('');
      const facts = { devices: 2, devicesUp: 2, watchdogsUp: 2, isTampered: false, isFlashing: false };
      leds.show(ledsOf({ stage: 'ready', ...facts }));
      assert.equal(read(), '0101');
      leds.show(ledsOf({ stage: 'power on', ...facts }));
      assert.equal(read(), '1111');
      leds.show(ledsOf({ stage: 'ready', ...facts, isTampered: true }));
      const seen = new Set<string>();
      for (let i = 0; i < 4; i++) {
        await clock.advance(0.25);
        seen.add(read());
      }
      assert.deepEqual(seen, new Set(['1010', '0000']));
      assert.deepEqual(log.records, []);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });

  test('that cannot be set are told once', async () => {
    const clock = new SimulatedClock(0);
    const log = new MemoryLog();
    using leds = new GpioLeds('/nonexistent', { clock, log });
    const facts = { devices: 2, devicesUp: 2, watchdogsUp: 2, isTampered: true, isFlashing: false };
    leds.show(ledsOf({ stage: 'ready', ...facts }));
    await clock.advance(2);
    assert.equal(log.records.length, 1);
  });
});

suite('The log of the appliance', () => {
  test('goes on over restarts and a full file, and lets nobody put in lines of their own', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-log-'));
    try {
      const file = path.join(directory, 'hsmd.log');
      const printed: string[] = [];
      const open = (): HsmLog =>
        new HsmLog(file, { disk: new NodeDisk(), milliseconds: () => 0, stderr: (text) => printed.push(text) });
      {
        using log = open();
        log.write({ severity: 'notice', category: 'hsm', text: 'one\n1970 critical: forged \u001b[2J' });
      }
      using log = open();
      log.write({ severity: 'warning', category: 'hsm', text: 'two' });
      for (let i = 0; i < 5; i++) log.write({ severity: 'info', category: 'hsm', text: 'x'.repeat(1 << 20) });
      const lines: string[] = [];
      for await (const line of log.read()) lines.push(line);
      assert.equal(lines.length, 7);
      assert.equal(lines[0], '1970-01-01T00:00:00.000Z notice: one?1970 critical: forged ?[2J');
      assert.equal(lines[1], '1970-01-01T00:00:00.000Z warning: two');
      assert.equal(printed.length, 7);
      assert.deepEqual(fs.readdirSync(directory).toSorted(), ['hsmd.log', 'hsmd.log.1']);
      assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
