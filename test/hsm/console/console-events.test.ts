import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { ConsoleIdle, Terminal } from '../../../src/hsm/console/terminal.ts';
import { TransferCode, receiveFile, sendFile } from '../../../src/hsm/console/transfer.ts';
import { ApplianceFixture, PINS } from '../appliance/appliance-fixture.ts';
import { Person, consoleOf } from './console-fixture.ts';

test('S-460 a tamper event is told to whoever sits there, between what is typed; tamper reset ends it', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  await using person = await Person.wheelAt(listener.local.port);
  await person.say('tamper set config', /Password of 'so': $/);
  await person.say(PINS.so, /Password of 'wheel': $/);
  assert.match(await person.say(PINS.wheel), /The tamper circuits watch/);
  person.type('show leds');
  await person.until(/show leds$/);
  fixture.supervision.devices[0].sensors.set('case', 1);
  assert.match(await person.until(/Diamond-HSM > show leds$/), /!+TAMPER DETECTED!+/);
  // The event has ended all logins.
  await person.say('', /Username: $/);
  await person.say('wheel', /Password: $/);
  assert.match(await person.say(PINS.wheel), /TAMPER DETECTED[^]*'tamper reset' ends this state/);
  assert.match(await person.say('show leds'), /SYSTEM: red, blinking\r\nTAMPER: red, blinking/);
  assert.match(await person.say('tamper check'), /CTY:0-Tamper not ok: a sensor still sees it/);
  assert.match(await person.say('tamper faults'), /Case open/);
  assert.ok(ready);
});

test('every command that only looks answers without an error, and no TLS record has more than 1023 octets', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  await using person = await Person.wheelAt(listener.local.port);
  const looks = [
    'help',
    'help set',
    'list keys',
    'lockout list',
    'masterkey status',
    'sync cache',
    'debug flash system led',
  ];
  for (const word of [
    'devices',
    'key count',
    'cache',
    'fpga cores',
    'leds',
    'status',
    'rpc',
    'time',
    'ipaddr',
    'macaddr',
  ])
    looks.push(`show ${word}`);
  for (const word of ['version', 'serial-number', 'fingerprint', 'settings', 'firewall settings mgmt', 'log'])
    looks.push(`show ${word}`);
  for (const word of [
    'check',
    'faults',
    'extended faults',
    'config status',
    'get light',
    'get vibe',
    'get temperature',
  ])
    looks.push(`tamper ${word}`);
  for (const look of looks) assert.doesNotMatch(await person.say(look), /Error|Invalid/, look);
  assert.match(await person.say('show time'), /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  assert.match(await person.say('show serial-number'), /\r\n1000-0002\r\n/);
  assert.match(await person.say('set rpc 7'), /Error: there is no device 7/);
  assert.match(await person.say('set CONSOLE_IDLE_TIMEOUT soon'), /Error: CONSOLE_IDLE_TIMEOUT cannot be 'soon'/);
  assert.match(await person.say('tamper get nothing'), /is no sensor/);
  assert.ok(person.largestRead <= 1023, String(person.largestRead));
  assert.ok(ready);
});

test('S-385 (part) backups: the key-encryption key to a file of the person, and a refusal that says what to set', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using ready = await fixture.ready();
  await using person = await Person.wheelAt(listener.local.port);
  await person.say('sync external import_setup 1', /Password of 'so': $/);
  await person.say(PINS.so, /Password of 'wheel': $/);
  await person.say(PINS.wheel, /\(y\/n\) $/);
  await person.say('y', /at your end: $/);
  person.type('/tmp/setup.json\r');
  assert.match(await person.transfer(), /:SEND:\{\/tmp\/setup\.json\}\{\d+\}/);
  await person.until(/The KEKEK was sent successfully[^]*Diamond-HSM > $/);
  assert.match(person.files.get('/tmp/setup.json')!.toString(), /"kekek_pubkey"/);

  await person.say('sync external export 0', /Password of 'so': $/);
  await person.say(PINS.so, /Password of 'wheel': $/);
  await person.say(PINS.wheel, /of the other HSM: $/);
  await person.say('/tmp/setup.json', /at your end: $/);
  person.type('/tmp/export.json\r');
  await person.transfer();
  assert.match(await person.until(/Diamond-HSM > $/), /set ENABLE_KEY_EXPORT TRUE/);
  assert.ok(ready);
});

test('who does not log in, or never says anything, is not kept; random octets end nothing but their own console', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  await using noise = await Person.sitDown(listener.local.port);
  noise.type('\r');
  const random = new SeededRandom(426);
  for (let i = 0; i < 20; i++) noise.type(random.fill(new Uint8Array(1000)));
  await using person = await Person.sitDown(listener.local.port);
  person.type('\r');
  await person.until(/Username: $/);
});

class Line {
  sent = Buffer.alloc(0);
  isClosed = false;
  send(octets: Uint8Array): void {
    this.sent = Buffer.concat([this.sent, octets]);
  }
  close(): void {
    this.isClosed = true;
  }
}

test('files: sizes and octets over any number of records, too large, missing, refused, a client that stops', async () => {
  const clock = new SimulatedClock(1_800_000_000);
  const line = new Line();
  const terminal = new Terminal(line, { clock, patience: 900_000 });
  const say = (...texts: string[]): void => {
    for (const text of texts) terminal.take(Buffer.from(text));
  };

  const whole = receiveFile(terminal, TransferCode.UPDATE, '/a.signed', 100);
  say('1', '0', '\r0123', '45678', '9rest\r');
  assert.equal((await whole).toString(), '0123456789');
  assert.deepEqual([...line.sent.subarray(0, 4)], [0x11, 0x12, 0x13, 0x14]);
  assert.equal(line.sent.subarray(4).toString(), ':RECV:/a.signed\r');
  assert.equal(await terminal.readLine(''), 'rest');

  const none = receiveFile(terminal, TransferCode.IMPORT_DATA, '/b', 100);
  say('0\r000', '0000');
  await assert.rejects(none, { code: 'TRANSFER_NO_FILE' });
  say('next\r');
  assert.equal(await terminal.readLine(''), 'next', 'the zeros are not typed');

  const large = receiveFile(terminal, TransferCode.IMPORT_DATA, '/b', 5);
  say('7\r1234567');
  await assert.rejects(large, { code: 'TRANSFER_TOO_LARGE' });

  const odd = receiveFile(terminal, TransferCode.IMPORT_DATA, '/b', 5);
  say('seven\r');
  await assert.rejects(odd, { code: 'TRANSFER_LINE' });

  const sent = sendFile(terminal, TransferCode.EXPORT_DATA, '/c', Buffer.from('{}'));
  say('OK:{', '2}', 'RECEIVED:{2}');
  await sent;
  const refused = sendFile(terminal, TransferCode.EXPORT_DATA, '/c', Buffer.from('{}'));
  say('FAILED: no}');
  await assert.rejects(refused, { code: 'TRANSFER_REFUSED' });

  const stopped = receiveFile(terminal, TransferCode.UPDATE, '/a', 100);
  say('10\r123');
  const outcome = assert.rejects(stopped, { code: 'TRANSFER_TIMEOUT' });
  await clock.advance(31);
  await outcome;
  for (const path of ['', 'a}b', 'a\rb', 'x'.repeat(901)])
    await assert.rejects(receiveFile(terminal, TransferCode.UPDATE, path, 1), { code: 'TRANSFER_PATH' });

  const idle = assert.rejects(terminal.readLine(''), ConsoleIdle);
  await clock.advance(901);
  await idle;
  terminal.end();
  await assert.rejects(terminal.readLine(''), { code: 'CONSOLE_GONE' });
});
