import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { ApplianceFixture } from '../appliance/appliance-fixture.ts';
import { Person, consoleOf } from './console-fixture.ts';

const KEY = '01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF';

test('S-359 S-394 (part) S-396 S-397 S-398 S-399 S-405 S-435 first set-up: login, master key, three PINs, logout, login again', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using person = await Person.sitDown(listener.local.port);
  person.type('\r');
  assert.match(await person.until(/Username: $/), /Diamond HSM powered by CrypTech/);
  assert.match(await person.say('nobody', /Username: $/), /Invalid user name/);
  await person.say('wheel', /Password: $/);
  assert.match(await person.say('wrong-pin', /Username: $/), /Incorrect password/);
  await person.say('so', /Password: $/);
  assert.match(await person.say('1234', /Username: $/), /so may not log in to the console/);

  await person.say('wheel', /Password: $/);
  const welcome = await person.say(DEFAULT_WHEEL_PIN, /set it now\? \(y\/n\) $/);
  assert.match(welcome, /Checking the devices\.\r\nDevice 0: [^]*Device 1: /);
  assert.match(welcome, /the PIN of 'wheel' is the one of the factory/);
  // There is no so yet: wheel alone confirms.
  await person.say('y', /Password of 'wheel': $/);
  await person.say(DEFAULT_WHEEL_PIN, /> $/);
  const made = await person.say('', /Diamond-HSM > $/);
  const [, key] = /Success:Random key:\r\n((?:[0-9A-F]{8} ){7}[0-9A-F]{8})\r\n/.exec(made)!;

  assert.match(await person.say('set pin wheel password123456'), /The PIN of 'wheel' was changed/);
  assert.match(await person.say('set pin so password1234'), /The PIN of 'so' was changed/);
  await person.say('set pin user', /Enter the new 'user' PIN: $/);
  await person.say('123', /PIN not accepted\.[^]*Diamond-HSM > $/);
  await person.say('set pin user', /Enter the new 'user' PIN: $/);
  await person.say('1234', /Confirm the new 'user' PIN: $/);
  assert.match(await person.say('12345'), /does not match/);
  await person.say('set pin user', /Enter the new 'user' PIN: $/);
  await person.say('1234', /Confirm the new 'user' PIN: $/);
  assert.match(await person.say('1234'), /The PIN of 'user' was changed/);
  assert.match(await person.say('masterkey status'), /CTY 0:\r\n {3}volatile: Set[^]*CTY 1:\r\n {3}volatile: Set/);
  assert.match(await person.say('show status'), /The HSM is unlocked and ready\./);

  await person.say('logout', /Username: $/);
  await person.say('wheel', /Password: $/);
  assert.match(await person.say(DEFAULT_WHEEL_PIN, /Username: $/), /Incorrect password/);
  await person.say('wheel', /Password: $/);
  await person.say('password123456', /Diamond-HSM > $/);

  // No secret was ever shown but the key that was made, once; none is in the log.
  const log = fixture.log.records.map(({ text }) => text).join('\n') + JSON.stringify(fixture.events);
  for (const secret of ['wrong-pin', DEFAULT_WHEEL_PIN]) assert.ok(!person.all.includes(secret), secret);
  for (const secret of ['wrong-pin', DEFAULT_WHEEL_PIN, 'password1234', key]) assert.ok(!log.includes(secret), secret);
  assert.equal(person.all.split(key).length, 2);
  // S-435: what held a PIN is not in the history.
  const walked = await person.say('\x1b[A\x1b[A\x1b[A', /Diamond-HSM > $/);
  assert.ok(!walked.includes('password'), walked);
  assert.ok(person.largestRead <= 1023, `${person.largestRead} octets in one record`);
});

test('S-402 S-426 the master key as typed inline; wrong length and digits; S-505 so and wheel confirm it, in any order of lines', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  assert.equal(ready.role, 'wheel');
  await using person = await Person.wheelAt(listener.local.port, 'TLSv1.3');
  await person.say(`masterkey set ${KEY}`, /Password of 'so': $/);
  assert.match(await person.say(''), /Given up: nothing was changed/);
  await person.say(`masterkey set ${KEY}`, /Password of 'so': $/);
  assert.match(await person.say('wrong', /Password of 'so': $/), /PIN/);
  await person.say('password1234', /Password of 'wheel': $/);
  assert.match(await person.say('password123456'), /Success:Parsed key/);
  await person.say(`masterkey set ${KEY.slice(1)}`, /Password of 'so': $/);
  await person.say('password1234', /Password of 'wheel': $/);
  assert.match(await person.say('password123456'), /64 hexadecimal digits/);
  // One mistake makes nobody wait.
  await person.say('masterkey set', /Password of 'so': $/);
  await person.say('wrong', /Password of 'so': $/);
  await person.say('', /Given up[^]*Diamond-HSM > $/);
  assert.match(
    await person.say('lockout list'),
    /address 127\.0\.0\.1 at the console: 1 wrong PIN, may try again\r\n'so' at the console: 2 wrong PINs, may try again/,
  );
  // A wrong answer keeps none of those before it.
  await person.say('set ip static', /IP address\.[^)]*\) $/);
  await person.say('192.0.2.20', /net mask\.[^)]*\) $/);
  assert.match(await person.say('255.0.255.0'), /IP_NETMASK cannot be '255\.0\.255\.0'/);
  assert.equal(fixture.settings.current.IP_ADDRESS, undefined);
});

test('S-409 (part) set ip static: a gateway outside the network is refused, and it says which answer is wrong', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  await using person = await Person.wheelAt(listener.local.port);
  await person.say('set ip static', /IP address\.[^)]*\) $/);
  await person.say('192.0.2.20', /net mask\.[^)]*\) $/);
  await person.say('255.255.255.0', /broadcast address\.[^)]*\) $/);
  await person.say('', /gateway\.[^)]*\) $/);
  assert.match(
    await person.say('198.51.100.1'),
    /IP_GATEWAY cannot be 198\.51\.100\.1: it is not in the network 192\.0\.2\.0\/24 of 192\.0\.2\.20/,
  );
  assert.equal(fixture.settings.current.IP_ADDRESS, undefined, 'nothing was kept');
  await assert.rejects(ready.setSetting('IP_MODE', 'static'), /IP_ADDRESS is missing/);
  assert.equal(fixture.settings.current.IP_MODE, 'dhcp');
});

test('S-436 (part) show devices sends nobody who is logged in to the login: it says what is missing', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  assert.equal(ready.role, 'wheel');
  await using person = await Person.wheelAt(listener.local.port);
  await person.say('masterkey erase YesIAmSure', /Password of 'so': $/);
  await person.say('password1234', /Password of 'wheel': $/);
  await person.say('password123456');
  const shown = await person.say('show devices');
  assert.match(shown, /Device 0: Device not ready[^]*Device 1: Device not ready/);
  assert.match(shown, /The HSM is locked:\r\n - The master key is not set on device 0, device 1\. Enter it/);
  assert.doesNotMatch(shown, /Please login/);
});

test('S-403 (part) masterkey set tells by device what happened, and no success when one was tampered with', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  assert.equal(ready.role, 'wheel');
  await using person = await Person.wheelAt(listener.local.port);
  fixture.supervision.become(1, 'tampered');
  await person.until(/TAMPER/);
  person.type('\r');
  await person.until(/Username: $/);
  await person.say('wheel', /Password: $/);
  await person.say('password123456');
  await person.say(`masterkey set ${KEY}`, /Password of 'so': $/);
  await person.say('password1234', /Password of 'wheel': $/);
  const told = await person.say('password123456');
  assert.doesNotMatch(told, /Success/);
  assert.match(told, /The master key is set on 1 of 2 devices\. Parsed key:/);
  assert.match(told, /Device 0: set\r\n/);
  assert.match(told, /Device 1: not set: it was tampered with: end that with 'tamper reset', then/);
});

test('S-424 S-447 without YesIAmSure nothing is erased and nothing shut down; with it both PINs are asked for', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  assert.ok(ready.role);
  await using person = await Person.wheelAt(listener.local.port);
  assert.match(await person.say('keystore erase'), /Usage:\r\n \. keystore erase YesIAmSure/);
  assert.match(await person.say('shutdown'), /Usage:/);
  assert.deepEqual(fixture.shutDowns, []);
  await person.say('keystore erase YesIAmSure preservePINs', /Password of 'so': $/);
  await person.say('password1234', /Password of 'wheel': $/);
  assert.match(await person.say('password123456'), /keystore cleared\./);
  assert.match(await person.say('list keys'), /Device:0------------\r\n0 keys[^]*Device:1------------\r\n0 keys/);
  person.type('shutdown YesIAmSure\r');
  await person.until(/Shutting Down HSM/);
  await person.until(/Diamond-HSM > $/);
  assert.deepEqual(fixture.shutDowns, ['stop']);
});
