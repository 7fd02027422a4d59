/** Run in a network namespace of its own: a whole hsmd that looks after an interface. Ends with code 0 when all was as it should be. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HsmdProcess, setUp, until } from './hsmd-process.ts';

const ip = (words: string): string => execFileSync('ip', words.split(' '), { encoding: 'utf8' });
const lease = (how: 'add' | 'del', address: string): string => ip(`addr ${how} ${address}/24 dev hsm0`);

ip('link set lo up');
ip('link add hsm0 type veth peer name host0');
ip('link set hsm0 up');

const gpio = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-gpio-'));
for (const line of [5, 6, 26, 19]) fs.mkdirSync(path.join(gpio, `gpio${line}`));
/** SYSTEM and TAMPER: red and green of each. */
const lines = (): string =>
  [26, 19, 5, 6]
    .map((line) => {
      const file = path.join(gpio, `gpio${line}`, 'value');
      return fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : '-';
    })
    .join('');

// Without a cable there is no address, not even that of the fallback: SYSTEM blinks yellow, TAMPER is yellow, and no port is open (S-452, S-384).
const starting = HsmdProcess.start('--interface', 'hsm0', '--listen', '0.0.0.0', '--dhcp-wait', '1', '--gpio', gpio);
let isReady = false;
const watched = starting.then(() => (isReady = true));
for (const seen of ['0011', '1111', '0011', '1111'])
  await until(() => lines() === seen, `the lights are ${seen}`, lines);
assert.equal(isReady, false);
lease('add', '192.0.2.7');
ip('link set host0 up');
await using hsmd = await starting;
await watched;
await until(() => lines() === '0101', 'all lights are green', lines);

await setUp(hsmd);
const { uuid } = await (async () => {
  await using client = await hsmd.rpc('user');
  const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
  return await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
})();

/** Sets the mode at the console, restarts, and unlocks; the master key is not set again, and the key signs (S-434). */
async function become(way: string, answers: readonly string[]): Promise<void> {
  const file = path.join(hsmd.state, 'run/ports.json');
  const before = fs.statSync(file).mtimeMs;
  {
    using terminal = await hsmd.console();
    await terminal.login();
    terminal.type(`set ip ${way}`);
    for (const answer of answers) {
      await terminal.expect(/\) /);
      terminal.type(answer);
    }
    for (let i = 0; i < 2; i++) {
      await terminal.expect(/\(y\/n\) /);
      terminal.type('y');
    }
    await until(() => {
      const now = fs.statSync(file, { throwIfNoEntry: false });
      return now !== undefined && now.mtimeMs !== before;
    }, `it has restarted with ${way}`);
  }
  using terminal = await hsmd.console();
  await terminal.login();
  await using client = await hsmd.rpc('user');
  await client.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data: new Uint8Array(32) });
}

async function shown(address: string, how: RegExp): Promise<void> {
  using terminal = await hsmd.console();
  await terminal.login();
  const text = await terminal.run('show ipaddr');
  assert.match(text, how);
  assert.ok(text.includes(address), text);
  assert.equal(((await hsmd.status()) as unknown as { address: string }).address, address);
}

await become('DHCP', []);
await shown('192.0.2.7', /by DHCP/);
lease('del', '192.0.2.7');
lease('add', '192.0.2.9');
await shown('192.0.2.9', /by DHCP/);

await become('static', ['192.0.2.20', '255.255.255.0', '', '']);
await shown('192.0.2.20', /by static settings/);
assert.match(ip('addr show dev hsm0'), /192\.0\.2\.20\/24/);

await become('dhcp', []);
await shown('192.0.2.9', /by DHCP/);
assert.doesNotMatch(ip('addr show dev hsm0'), /192\.0\.2\.20/);

lease('del', '192.0.2.9');
await become('dhcp', []);
await shown('10.10.10.2', /net mask 255\.255\.255\.0, .*by DHCP/);
fs.rmSync(gpio, { recursive: true });
