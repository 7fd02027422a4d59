import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { SystemRandom } from '../../src/base/random.ts';
import type { AddressMatchList } from '../../src/conf/configuration.ts';
import { alistText } from '../../src/control/alist.ts';
import type { ControlKey } from '../../src/control/control-key.ts';
import { fail, RESULT, succeed } from '../../src/control/results.ts';
import { RndcChannel } from '../../src/control/rndc-channel.ts';
import { request, RndcClient, sendCommand } from './rndc-client.ts';

const KEY: ControlKey = { name: 'rndc-key', algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(7) };
const LOCAL: AddressMatchList = [{ kind: 'localhost', negated: false }];

async function withChannel(
  work: (port: number, log: MemoryLog, commands: string[]) => Promise<void>,
  options: { allow?: AddressMatchList; keys?: ControlKey[]; readOnly?: boolean } = {},
): Promise<void> {
  const log = new MemoryLog();
  const commands: string[] = [];
  await using channel = new RndcChannel(
    { address: '127.0.0.1', port: 0, allow: LOCAL, keys: [KEY], readOnly: false, ...options },
    {
      clock: new SystemClock(),
      random: new SystemRandom(),
      log,
      handler: async (text, isReadOnly) => {
        commands.push(isReadOnly ? `${text} (read-only)` : text);
        if (text === 'throw') throw new Error('the disk is full');
        return text === 'good' ? succeed('done') : fail(RESULT.unknownCommand);
      },
    },
  );
  await channel.listen();
  await work(channel.port, log, commands);
}

const texts = (log: MemoryLog): string[] => log.records.map(({ text }) => text.replace(/#\d+/, '#PORT'));

test('a signed command is obeyed after the nonce was fetched, and its result and text come back', () =>
  withChannel(async (port, _log, commands) => {
    assert.deepEqual(await sendCommand(port, KEY, 'good'), { result: 0, error: undefined, text: 'done' });
    assert.deepEqual(await sendCommand(port, KEY, 'bad'), { result: 172, error: 'unknown command', text: undefined });
    assert.deepEqual(await sendCommand(port, KEY, 'throw'), { result: 25, error: 'failure', text: 'the disk is full' });
    assert.deepEqual(commands, ['good', 'bad', 'throw']);
  }));

test('every HMAC of the controls statement works both ways', async () => {
  for (const digest of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']) {
    const key = { ...KEY, algorithm: `hmac-${digest}` };
    await withChannel(
      async (port) =>
        assert.deepEqual(await sendCommand(port, key, 'good'), { result: 0, error: undefined, text: 'done' }),
      { keys: [KEY, { ...key, secret: new Uint8Array(16).fill(3) }, key] },
    );
  }
});

test('the first message of a connection is never obeyed', () =>
  withChannel(async (port, _log, commands) => {
    const client = await RndcClient.connect(port, KEY);
    const reply = await client.exchange(request(KEY, 'good'));
    client.end();
    assert.ok(reply !== 'closed');
    assert.equal(alistText(reply.data, 'result'), '0');
    assert.match(alistText(reply.control, '_nonce') ?? '', /^\d+$/);
    assert.deepEqual(commands, []);
  }));

test('wrong key, algorithm, time, expiry and nonce are refused, logged as BIND logs them, and not obeyed', () =>
  withChannel(async (port, log, commands) => {
    const now = Math.floor(Date.now() / 1000);
    const refused: [string, Uint8Array][] = [
      ['bad auth', request({ ...KEY, secret: new Uint8Array(32).fill(8) }, 'good')],
      ['bad auth', request({ ...KEY, algorithm: 'hmac-sha1' }, 'good')],
      ['clock skew', request(KEY, 'good', { _tim: String(now - 400) })],
      ['clock skew', request(KEY, 'good', { _tim: String(now + 400) })],
      ['expired', request(KEY, 'good', { _exp: String(now - 1) })],
      ['failure', request(KEY, 'good', { _ser: undefined })],
      ['failure', request(KEY, 'good', { _tim: 'now' })],
    ];
    for (const [verdict, octets] of refused) {
      const client = await RndcClient.connect(port, KEY);
      assert.equal(await client.exchange(octets), 'closed');
      assert.equal(texts(log).at(-1), `invalid command from 127.0.0.1#PORT: ${verdict}`);
    }
    const client = await RndcClient.connect(port, KEY);
    await client.exchange(request(KEY, 'null'));
    assert.equal(await client.exchange(request(KEY, 'good', { _nonce: '1' })), 'closed');
    assert.equal(texts(log).at(-1), 'invalid command from 127.0.0.1#PORT: bad auth');
    assert.deepEqual(commands, []);
  }));

test('a recorded message is refused the second time', () =>
  withChannel(async (port, log) => {
    const recorded = request(KEY, 'null');
    const first = await RndcClient.connect(port, KEY);
    assert.notEqual(await first.exchange(recorded), 'closed');
    first.end();
    const second = await RndcClient.connect(port, KEY);
    assert.equal(await second.exchange(recorded), 'closed');
    assert.equal(texts(log).at(-1), 'invalid command from 127.0.0.1#PORT: duplicate');
  }));

test('lengths out of range and every cut or flipped message end the connection and nothing else', () =>
  withChannel(async (port, log, commands) => {
    const hostile: Uint8Array[] = [];
    for (const length of [0, 3, 32769, 0xffffffff]) {
      const head = new Uint8Array(8);
      new DataView(head.buffer).setUint32(0, length);
      hostile.push(head);
    }
    const good = request(KEY, 'good');
    for (let at = 4; at < good.length; at++) {
      const flipped = good.slice();
      flipped[at] ^= 0x41;
      hostile.push(flipped);
      const cut = good.slice(0, at);
      new DataView(cut.buffer).setUint32(0, at - 4);
      hostile.push(cut);
    }
    for (const octets of hostile) {
      const client = await RndcClient.connect(port, KEY);
      assert.equal(await client.exchange(octets), 'closed');
    }
    assert.equal(log.records.length, hostile.length + 1);
    assert.deepEqual(commands, []);
    assert.notEqual(await sendCommand(port, KEY, 'good'), 'closed');
  }));

test('who is not in the allow list is turned away before a word is read', () =>
  withChannel(
    async (port, log) => {
      const client = await RndcClient.connect(port, KEY);
      assert.equal(await client.exchange(request(KEY, 'null')), 'closed');
      assert.equal(texts(log).at(-1), 'rejected command channel message from 127.0.0.1#PORT');
    },
    { allow: [{ kind: 'none', negated: false }] },
  ));

test('a read-only channel says so to the handler', () =>
  withChannel(
    async (port, _log, commands) => {
      await sendCommand(port, KEY, 'good');
      assert.deepEqual(commands, ['good (read-only)']);
    },
    { readOnly: true },
  ));

test('an address in use is an error that names it', () =>
  withChannel(async (port) => {
    const second = new RndcChannel(
      { address: '127.0.0.1', port, allow: LOCAL, keys: [KEY], readOnly: false },
      { clock: new SystemClock(), random: new SystemRandom(), log: new MemoryLog(), handler: async () => succeed() },
    );
    await assert.rejects(second.listen(), {
      code: 'CONTROL_LISTEN',
      message: new RegExp(`127.0.0.1#${port}: EADDRINUSE`),
    });
  }));
