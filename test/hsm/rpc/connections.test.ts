import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { SignetError } from '../../../src/base/error.ts';
import { KeyFlag, Curve, Mechanism, DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { FUNCTION_NAMES, FUNCTIONS } from '../../../src/hsm/protocol/functions.ts';
import { frameOf } from '../../../src/hsm/protocol/slip.ts';
import { RpcListener } from '../../../src/hsm/rpc/rpc-listener.ts';
import { FakeDevice } from '../fake-device.ts';
import { makeEphemeralCertificate } from '../../../src/net/ephemeral-certificate.ts';
import { pin, USER_PIN } from '../pool/pool-fixture.ts';
import { EXPECTED, HOST, material, message, openTcp, RawClient, type RpcFixture, startRpc } from './rpc-fixture.ts';

const VERSION = message(0, 0, 0, 0x01010100).toString('hex');

/** Milliseconds for anything that a test waits for: far more than it takes. */
const LIMIT = 300_000;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const begun = performance.now(); !(await condition()); await new Promise((resolve) => setTimeout(resolve, 2)))
    assert.ok(performance.now() - begun < LIMIT, `waited in vain for ${String(condition)}`);
}

suite('S-340 TLS', () => {
  test('plain TCP gets nothing and is closed; the server never speaks first', async () => {
    await using rpc = await startRpc();
    const plain = await openTcp(rpc.port);
    let received = 0;
    plain.on('data', (chunk: Buffer) => (received += chunk.length));
    plain.write(frameOf(message(0, 0)));
    await once(plain, 'close');
    assert.ok(received <= 7, 'an alert at most');
    using client = await rpc.raw();
    assert.equal(await client.ask(0, 0), VERSION);
    assert.equal(client.received.length, 18);
  });

  test('1.3 only by default; where 1.2 is allowed our clients have 1.3, others 1.2', async () => {
    await using strict = await startRpc({ tls: { minVersion: 'TLSv1.3' } });
    await assert.rejects(strict.raw());
    await using modern = await strict.connect();
    assert.ok(await modern.call('HSM_VERSION', {}));
    await using rpc = await startRpc();
    using vendor = await rpc.raw({ maxVersion: 'TLSv1.3' });
    assert.equal(vendor.socket.getProtocol(), 'TLSv1.2');
    using own = await rpc.raw({ maxVersion: 'TLSv1.3', ALPNProtocols: ['signet-hsm'] });
    assert.equal(own.socket.getProtocol(), 'TLSv1.3');
    assert.equal(await own.ask(0, 0), VERSION);
    // Another certificate is for new connections.
    rpc.listener.setTls({ ...material, minVersion: 'TLSv1.3' });
    assert.equal(await own.ask(0, 0), VERSION);
    await assert.rejects(rpc.raw());
  });

  test('our client refuses another key, name or serial number before it sends anything', async () => {
    await using rpc = await startRpc();
    const refusedAs = (words: RegExp) => (error: unknown) => {
      assert.ok(error instanceof SignetError);
      assert.equal(error.code, 'HSM_IDENTITY');
      assert.match(error.message, words);
      return true;
    };
    const { fingerprint } = material;
    const wrong = fingerprint.replace(/^../, (first) => (first === '00' ? '01' : '00'));
    await assert.rejects(rpc.connect({ expected: { ...EXPECTED, fingerprint: wrong } }), refusedAs(/another key/));
    await assert.rejects(
      rpc.connect({ expected: { ...EXPECTED, serial: '9999-9999', fingerprint } }),
      refusedAs(/serial number/),
    );
    await assert.rejects(
      rpc.connect({ expected: { ...EXPECTED, servername: 'other', fingerprint } }),
      refusedAs(/other/),
    );
    await assert.rejects(rpc.connect({ expected: { ...EXPECTED, fingerprint: undefined } }), refusedAs(/not pinned/));
    const shown: string[] = [];
    await using client = await rpc.connect({
      expected: { ...EXPECTED, fingerprint: undefined },
      isTrusted: (identity) => shown.push(identity.fingerprint) > 0,
    });
    assert.deepEqual(shown, [fingerprint]);
    assert.ok(await client.call('GET_VERSION', {}));
  });

  test('client certificates, where they are asked for', async () => {
    const own = await makeEphemeralCertificate(Math.floor(Date.now() / 1000), Buffer.alloc(8, 5));
    await using rpc = await startRpc({ tls: { authorities: own.certificate } });
    await assert.rejects(async () => {
      await using client = await rpc.connect();
      await client.call('GET_VERSION', {});
    });
    await using client = await rpc.connect(own);
    assert.deepEqual(await client.call('GET_VERSION', {}), { version: 0x01010100 });
  });
});

suite('the gate', () => {
  test('S-361 S-460 locked and tampered: every call gets the status, also of connections that exist', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    assert.equal(await client.ask(0, 0), VERSION);
    for (const status of [HalStatus.FORBIDDEN, HalStatus.MASTERKEY_NOT_SET, HalStatus.TAMPER]) {
      rpc.gate.status = status;
      for (const name of FUNCTION_NAMES) {
        const { code, needs } = FUNCTIONS[name];
        if (code < 0x5000) assert.equal(await client.ask(code, 0), message(code, 0, status).toString('hex'), name);
        else if (needs !== 'nothing, always') {
          const reply = await client.ask(code, 0, 7);
          assert.equal(reply.slice(0, 32), message(code, 0, 7, status).toString('hex'), name);
        }
      }
    }
    rpc.gate.status = HalStatus.OK;
    assert.equal(await client.ask(0, 0), VERSION);
  });

  test('S-504 the firewall turns addresses away before TLS', async () => {
    await using rpc = await startRpc();
    rpc.blocked.add(HOST);
    await assert.rejects(rpc.raw());
    rpc.blocked.clear();
    using client = await rpc.raw();
    assert.equal(await client.ask(0, 0), VERSION);
  });
});

suite('clients that are slow, silent, greedy or many', () => {
  test('octet by octet: each unfinished piece is acknowledged at once', async () => {
    const descriptors: number[] = [];
    await using rpc = await startRpc();
    (rpc.services as { acknowledgeNow?: unknown }).acknowledgeNow = (descriptor: number) =>
      descriptors.push(descriptor);
    using client = await rpc.raw();
    for (const octet of frameOf(message(0, 0)).subarray(0, 5)) {
      const before = descriptors.length;
      client.socket.write(Buffer.of(octet));
      await until(() => descriptors.length > before);
    }
    assert.ok(descriptors.every((descriptor) => descriptor > 2));
    client.drip(frameOf(message(0, 0)).subarray(5));
    assert.equal((await client.reply())?.toString('hex'), VERSION);
  });

  test('libhal requests that come before the reply wait for it, in order', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const device of rpc.pool.devices) device.faults.before = (call) => (call === 'random' ? promise : undefined);
    client.socket.write(Buffer.concat([1, 2, 3].map((mark) => frameOf(message(1, mark, 4)))));
    client.socket.write(frameOf(message(0, 4)));
    await until(() => rpc.pool.pool.underWay(0) + rpc.pool.pool.underWay(1) > 0);
    assert.equal(rpc.pool.pool.underWay(0) + rpc.pool.pool.underWay(1), 1);
    resolve();
    for (const mark of [1, 2, 3, 4]) assert.equal((await client.reply())?.readUInt32BE(4), mark);
  });

  test('a client that ends its side gets the replies that are under way', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    client.socket.allowHalfOpen = true;
    client.socket.end(Buffer.concat([frameOf(message(1, 0, 4)), frameOf(message(0, 0))]));
    assert.equal((await client.reply())?.length, 20);
    assert.equal((await client.reply())?.toString('hex'), VERSION);
    assert.equal(await client.reply(), undefined);
  });

  test('handshakes that do not go on, requests that do not end and silent beginners are closed; the idle are not', async () => {
    const clock = new SimulatedClock(1_800_000_000);
    let pieces = 0;
    await using rpc = await startRpc();
    const listener = await RpcListener.listen(
      { address: HOST, port: 0, tls: { ...material, minVersion: 'TLSv1.2' } },
      { ...rpc.services, clock, acknowledgeNow: () => pieces++ },
    );
    await using _listener = listener;
    const { port } = listener.local;
    const silent = await openTcp(port);
    using beginner = await RawClient.connect(port);
    using idle = await RawClient.connect(port);
    using half = await RawClient.connect(port);
    assert.equal(await idle.ask(0, 0), VERSION);
    assert.equal(await half.ask(0, 0), VERSION);
    const before = pieces;
    half.socket.write(frameOf(message(0, 0)).subarray(0, 6));
    await until(() => pieces > before && listener.connectionCount === 3);
    await clock.advance(31);
    assert.equal(await half.reply(), undefined);
    assert.equal(await idle.ask(0, 0), VERSION);
    await clock.advance(300);
    assert.equal(await beginner.reply(), undefined);
    if (!silent.closed) await once(silent, 'close');
    await clock.advance(1_000_000);
    assert.equal(await idle.ask(0, 0), VERSION);
  });

  test('who does not read its replies is left unread, and closed in the end', async () => {
    const clock = new SimulatedClock(1_800_000_000);
    await using rpc = await startRpc();
    await using listener = await RpcListener.listen(
      { address: HOST, port: 0, tls: { ...material, minVersion: 'TLSv1.2' } },
      { ...rpc.services, clock },
    );
    using client = await RawClient.connect(listener.local.port);
    client.socket.pause();
    // 128 MB of replies: no kernel keeps them all.
    const asked = 8000;
    client.socket.write(Buffer.concat(Array.from({ length: asked }, () => frameOf(message(1, 0, 16_000)))));
    // Time passes until the server has had enough; what it waits for is never later than that.
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await clock.advance(61);
      return listener.connectionCount === 0;
    });
    const served = rpc.pool.devices.reduce((sum, { calls }) => sum + (calls.get('random') ?? 0), 0);
    assert.ok(served < asked, `${served} calls for a client that reads nothing`);
  });

  test('limits: connections of all, of one peer', async () => {
    await using rpc = await startRpc({ limits: { connections: 10, perPeer: 4 } });
    const clients: RawClient[] = [];
    for (let i = 0; i < 4; i++) clients.push(await rpc.raw());
    await assert.rejects(rpc.raw());
    clients[0].socket.destroy();
    await until(() => rpc.listener.connectionCount === 3);
    clients.push(await rpc.raw());
    for (const client of clients.slice(1)) assert.equal(await client.ask(0, 0), VERSION);
    for (const client of clients) client[Symbol.dispose]();
  });

  test('key handles: 4096 on a connection, then NO_KEY_SLOTS_AVAILABLE, and nothing is made for nothing', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    client.socket.write(frameOf(message(3, 0, 1, USER_PIN)));
    await client.reply();
    client.socket.write(frameOf(message(16, 0, 1, 1, 0x29)));
    const made = await client.reply();
    assert.ok(made);
    const open = frameOf(message(14, 0, 1, made.subarray(20)));
    const handles = new Set<number>([made.readUInt32BE(12)]);
    for (let i = 0; i < 41; i++) {
      client.socket.write(Buffer.concat(Array.from({ length: 100 }, () => open)));
      for (let k = 0; k < 100; k++) {
        const reply = await client.reply();
        if (reply?.readUInt32BE(8) === HalStatus.OK) handles.add(reply.readUInt32BE(12));
        else assert.equal(reply?.readUInt32BE(8), HalStatus.NO_KEY_SLOTS_AVAILABLE);
      }
    }
    assert.equal(handles.size, 4096);
    const before = rpc.pool.devices[0].tokenKeys.length;
    assert.equal(await client.status(16, 0, 1, 1, 0x29), HalStatus.NO_KEY_SLOTS_AVAILABLE);
    assert.equal(rpc.pool.devices[0].tokenKeys.length, before);
  });

  test('a login that cannot be recorded is none', async () => {
    await using rpc = await startRpc();
    const full = new HalError(HalStatus.KEYSTORE_ACCESS, 'the audit log cannot be written');
    Object.assign(rpc.services.guard, {
      attempt: async (_who: unknown, login: () => Promise<void>) => {
        await login();
        throw full;
      },
    });
    await using client = await rpc.connect();
    const isFull = { code: 'HAL_KEYSTORE_ACCESS' };
    await assert.rejects(client.call('PARTITION_LOGIN', { partition: 0, role: 1, pin: pin(USER_PIN) }), isFull);
    assert.equal((await client.call('PARTITION_ROLE', {})).role, 0);
    const key = { partition: 0, curve: Curve.P256, flags: KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE };
    await assert.rejects(client.call('KEY_GENERATE_EC', key), { code: 'HAL_FORBIDDEN' });
  });

  test('what has to be recorded is not begun while nothing can be; keys go on signing', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    await client.call('PARTITION_LOGIN', { partition: 0, role: 3, pin: pin(DEFAULT_WHEEL_PIN) });
    rpc.settings.ENABLE_KEY_EXPORT = true;
    const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
    const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
    const counted = (): string => rpc.pool.devices.map(({ calls }) => JSON.stringify([...calls])).join();
    const full = new HalError(HalStatus.KEYSTORE_ACCESS, 'the audit log cannot be written: make room');
    Object.assign(rpc.audit, { ready: () => Promise.reject(full) });
    const before = counted();
    for (const refused of [
      client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags }),
      client.call('KEY_LOAD', { partition: 0, flags, der: Buffer.from('30030101ff', 'hex') }),
      client.call('PARTITION_SET_PIN', { partition: 0, role: 1, pin: pin('another') }),
      client.call('PARTITION_WRITE', { number: 7, label: 'seven' }),
      client.call('PARTITION_DELETE', { number: 7 }),
      client.call('KEY_EXPORT', { uuid, kekek: uuid }),
    ])
      await assert.rejects(refused, { code: 'HAL_KEYSTORE_ACCESS', message: /make room/ });
    assert.equal(counted(), before, 'no device was asked');
    await assert.rejects(client.call('KEY_DELETE', { uuid }), { code: 'HAL_KEYSTORE_ACCESS' });
    const signed = { partition: 0, uuid, mechanism: Mechanism.ECDSA, data: message(1) };
    assert.ok((await client.call('KEY_SIGN', signed)).signature.length > 0);
  });

  test('1,000 connections sign at once, while a device dies and comes back', async () => {
    await using rpc = await startRpc();
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    const maker = await rpc.connect();
    await maker.call('LOGIN', { role: 1, pin: pin(USER_PIN) });
    const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE | KeyFlag.EXPORTABLE;
    const { uuid } = await maker.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
    const clients = [maker];
    // So many handshakes at once as a slow machine does within the server's limit for one.
    while (clients.length < 1000)
      clients.push(...(await Promise.all(Array.from({ length: Math.min(25, 1000 - clients.length) }, () => rpc.connect())))); // prettier-ignore
    await until(() => rpc.listener.connectionCount === 1000);
    await Promise.all(clients.slice(1).map((client) => client.call('LOGIN', { role: 1, pin: pin(USER_PIN) })));
    const sign = (client: (typeof clients)[number], i: number): Promise<void> =>
      client
        .call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data: message(i) })
        .then(({ signature }) => {
          assert.deepEqual(Buffer.from(signature), FakeDevice.signatureOf(uuid, Mechanism.ECDSA, message(i)));
        });
    const work = clients.map(sign);
    await Promise.race(work);
    rpc.pool.kill(0);
    await Promise.all(work);
    await Promise.all(clients.map(sign));
    await rpc.pool.restore(0);
    await Promise.all(clients.map(sign));
    assert.ok((rpc.pool.devices[0].calls.get('sign') ?? 0) > 0);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await until(() => rpc.listener.connectionCount === 0);
    // The logins of closed connections go a moment later; the two of the fixture stay.
    for (const device of rpc.pool.devices) await until(async () => (await device.getStatus()).logins <= 2);
  });

  test('a client whose HSM goes away gets an error that says so', async () => {
    const rpc = await startRpc();
    const client = await rpc.connect();
    for (const device of rpc.pool.devices) device.faults.before = () => new Promise(() => undefined);
    const calls = [
      client.call('HSM_RANDOM', { count: 1 }),
      client.call('GET_RANDOM', { count: 1 }),
      client.call('GET_IP', {}),
    ];
    const outcomes = Promise.allSettled(calls);
    await until(() => rpc.pool.pool.underWay(0) + rpc.pool.pool.underWay(1) === 2);
    await rpc.listener[Symbol.asyncDispose]();
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.ok(outcome.reason instanceof HalError && outcome.reason.status === HalStatus.RPC_TRANSPORT);
      assert.match(outcome.reason.message, /127\.0\.0\.1 port \d+ is lost/);
    }
    await assert.rejects(client.call('GET_IP', {}));
    await client[Symbol.asyncDispose]();
  });
});

suite('fuzz', () => {
  /** Requests at random, good and broken; afterwards the connection lives, or is closed, and the server serves others. */
  async function survive(rpc: RpcFixture, stream: Uint8Array): Promise<void> {
    using client = await rpc.raw({ ALPNProtocols: ['signet-hsm'], maxVersion: 'TLSv1.3' });
    client.socket.write(stream);
    // END ends whatever was begun; then a good request must be answered, behind all others.
    client.socket.write(Buffer.concat([Buffer.of(0xc0), frameOf(message(0, 0xfeed))]));
    for (let i = 0; i < 1000; i++) {
      const reply = await client.reply();
      if (reply === undefined) return;
      assert.ok(reply.length >= 12);
      if (reply.readUInt32BE(0) === 0 && reply.readUInt32BE(4) === 0xfeed) return;
    }
    assert.fail('more replies than requests');
  }

  test('random octets, and random arguments for every function: a reply or a closed connection', async () => {
    await using rpc = await startRpc();
    rpc.settings.ENABLE_KEY_EXPORT = true;
    const word = fc.oneof(fc.nat(40), fc.constantFrom(0xffffffff, 0x80000000, 16, 0x01041, 4097), fc.nat());
    const item = fc.oneof(word, fc.uint8Array({ maxLength: 60 }), fc.constant(new Uint8Array(16)));
    const call = fc
      .tuple(
        fc.constantFrom(...FUNCTION_NAMES.map((name) => FUNCTIONS[name].code)),
        fc.array(item, { maxLength: 10 }),
        fc.nat(3),
      )
      .map(([code, items, cut]) => {
        const whole = message(code, 1, ...items);
        return frameOf(whole.subarray(0, whole.length - cut));
      });
    const wheel = frameOf(message(3, 0, 3, DEFAULT_WHEEL_PIN));
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof({ weight: 5, arbitrary: call }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) }),
          {
            maxLength: 30,
          },
        ),
        fc.boolean(),
        (parts, isLoggedIn) => survive(rpc, Buffer.concat([...(isLoggedIn ? [wheel] : []), ...parts])),
      ),
      { seed: 5, numRuns: 150 },
    );
    const faults = rpc.pool.log.records.filter(({ text }) => text.startsWith('RPC call'));
    assert.deepEqual(faults, [], 'no call ends in a fault of ours');
  });

  test('garbage after the handshake below TLS, and connections cut anywhere', async () => {
    await using rpc = await startRpc();
    for (let i = 0; i < 30; i++) {
      const socket = await openTcp(rpc.port);
      const tls = connectTls({ socket, rejectUnauthorized: false });
      tls.on('error', () => undefined);
      await once(tls, 'secureConnect');
      tls.write(frameOf(message(1, 0, 16_000)).subarray(0, i));
      if (i % 2 === 0) socket.write(Buffer.alloc(40, i));
      else socket.resetAndDestroy();
      if (!socket.closed) await once(socket, 'close');
    }
    using client = await rpc.raw();
    assert.equal(await client.ask(0, 0), VERSION);
    await until(() => rpc.listener.connectionCount === 1);
  });
});
