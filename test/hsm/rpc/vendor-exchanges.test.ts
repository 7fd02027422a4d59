import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import { DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { FUNCTION_NAMES, FUNCTIONS } from '../../../src/hsm/protocol/functions.ts';
import { frameOf } from '../../../src/hsm/protocol/slip.ts';
import { uuidText } from '../../../src/hsm/uuid.ts';
import { FakeDevice } from '../fake-device.ts';
import { USER_PIN, SO_PIN } from '../pool/pool-fixture.ts';
import { message, type RawClient, startRpc } from './rpc-fixture.ts';

/*
 * What libhal's client programs send and get, octet for octet, each octet a TLS record of its own. Numbers are those of the functions; every
 * request has client word 0 unless it says otherwise.
 */

const USER = 1;
const SO = 2;
const WHEEL = 3;
const SESSION = 0x40000001;
const TOKEN_KEY = 0x08 | 0x01 | 0x20;
const NIL = Buffer.alloc(16);
const covered = new Set<number>();

/** The reply's words and octets behind `func, client`, 00000000 for OK first. */
async function ask(
  client: RawClient,
  code: number,
  ...words: readonly (number | string | Uint8Array)[]
): Promise<string> {
  covered.add(code);
  const reply = await client.ask(code, 0, ...words);
  assert.equal(reply.slice(0, 16), message(code, 0).toString('hex'), 'func and client are echoed');
  return reply.slice(16);
}

const hex = (...words: readonly (number | string | Uint8Array)[]): string => message(...words).toString('hex');

/** The status; a failure is three words exactly. */
async function status(
  client: RawClient,
  code: number,
  ...words: readonly (number | string | Uint8Array)[]
): Promise<number> {
  const reply = await ask(client, code, ...words);
  const value = Number.parseInt(reply.slice(0, 8), 16);
  if (value !== HalStatus.OK) assert.equal(reply.length, 8, 'an error reply has three words');
  return value;
}

/** A key's handle and UUID. */
async function keyFrom(
  reply: string,
): Promise<{ readonly handle: number; readonly uuid: Buffer; readonly text: string }> {
  assert.match(reply, /^00000000[0-9a-f]{8}00000010[0-9a-f]{32}$/);
  const uuid = Buffer.from(reply.slice(24), 'hex');
  return { handle: Number.parseInt(reply.slice(8, 16), 16), uuid, text: uuidText(uuid) };
}

suite("libhal's functions, octet for octet", () => {
  test('LOGIN of the vendor: frames as seen on its wire', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    assert.equal(client.socket.getProtocol(), 'TLSv1.2');
    const wheel = pinFrame(WHEEL, DEFAULT_WHEEL_PIN);
    client.drip(wheel);
    assert.equal((await client.reply())?.toString('hex'), '000000030000000000000000');
    // Another client sets the PIN that the capture has.
    const wire = 'c00000000200000000000000010000000'.concat('5666e6f7264000000c0');
    client.drip(Buffer.from(wire, 'hex'));
    assert.equal((await client.reply())?.toString('hex'), '000000020000000000000000');
    const before = client.received.length;
    client.drip(Buffer.from('c000000003000000000000000100000005666e6f7264000000c0', 'hex'));
    assert.ok(await client.reply());
    assert.equal(client.received.subarray(before).toString('hex'), 'c0000000030000000000000000c0');
    assert.deepEqual(
      rpc.attempts.map(({ face, peer, partition, role }) => [face, peer, partition, role]),
      [
        ['rpc', '127.0.0.1', 0, 'wheel'],
        ['rpc', '127.0.0.1', 0, 'user'],
      ],
    );
  });

  test('GET_VERSION, GET_RANDOM, client word echoed', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    assert.equal(await ask(client, 0), hex(0, 0x01010100));
    assert.equal(await client.ask(0, 0xdeadc0db), hex(0, 0xdeadc0db, 0, 0x01010100));
    assert.equal(await ask(client, 1, 0), hex(0, 0));
    assert.equal(await ask(client, 1, 5), hex(0, Buffer.alloc(5, 0x5a)));
    assert.equal((await ask(client, 1, 16_368)).length, 2 * (4 + 4 + 16_368));
    assert.equal(await status(client, 1, 16_369), HalStatus.RPC_PACKET_OVERFLOW);
    assert.equal(await status(client, 1, 0xffffffff), HalStatus.RPC_PACKET_OVERFLOW);
  });

  test('SET_PIN, LOGIN, LOGOUT, LOGOUT_ALL, IS_LOGGED_IN', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    assert.equal(await status(client, 2, USER, 'whatever'), HalStatus.FORBIDDEN);
    assert.equal(await status(client, 3, USER, 'abc'), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 3, USER, Buffer.alloc(4097, 0x41)), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 3, 0, USER_PIN), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 3, 4, USER_PIN), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 3, USER, 'wrong-pin'), HalStatus.PIN_INCORRECT);
    for (const role of [USER, SO, WHEEL]) assert.equal(await status(client, 6, role), HalStatus.FORBIDDEN);
    assert.equal(await status(client, 6, 9), HalStatus.BAD_ARGUMENTS);
    assert.equal(await ask(client, 3, SO, SO_PIN), hex(0));
    assert.equal(await ask(client, 6, SO), hex(0));
    assert.equal(await status(client, 6, USER), HalStatus.FORBIDDEN);
    assert.equal(await ask(client, 2, USER, 'new-user-pin'), hex(0));
    assert.equal(await status(client, 2, SO, 'new-so-pin'), HalStatus.FORBIDDEN);
    assert.equal(await status(client, 5), HalStatus.FORBIDDEN);
    assert.equal(await ask(client, 4), hex(0));
    assert.equal(await status(client, 6, SO), HalStatus.FORBIDDEN);
    assert.equal(await ask(client, 4), hex(0), 'a second LOGOUT is no error');
    assert.equal(await ask(client, 3, USER, 'new-user-pin'), hex(0));
    using other = await rpc.raw();
    assert.equal(await ask(other, 3, WHEEL, DEFAULT_WHEEL_PIN), hex(0));
    assert.equal(await ask(other, 5), hex(0));
    assert.equal(await status(client, 6, USER), HalStatus.FORBIDDEN);
    assert.ok(
      rpc.audit.events.some(({ kind, by, role }) => kind === 'pin set' && by === 'rpc 127.0.0.1' && role === 'so'),
    );
    assert.doesNotMatch(JSON.stringify([rpc.audit.events, rpc.pool.log.records]), /pin-1|user-pin|wrong-pin|YouReally/);
  });

  test('HASH_*: all algorithms, SHA-224 too, HMAC, lengths only, handles', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    const names = ['', 'sha1', 'sha224', 'sha256', 'sha512-224', 'sha512-256', 'sha384', 'sha512'];
    const data = Buffer.from('abcdefgh');
    for (let algorithm = 1; algorithm <= 7; algorithm++) {
      const digest = createHash(names[algorithm]).update(data).update(data).digest();
      assert.equal(await ask(client, 7, algorithm), hex(0, digest.length));
      const begun = await ask(client, 10, SESSION, algorithm, '');
      const handle = Number.parseInt(begun.slice(8), 16);
      assert.ok(handle > 0 && handle < 0x80000000, 'no HMAC bit');
      assert.equal(await ask(client, 9, handle), hex(0, algorithm));
      assert.equal(await ask(client, 11, handle, data), hex(0));
      assert.equal(await ask(client, 11, handle, ''), hex(0));
      assert.equal(await ask(client, 11, handle, data), hex(0));
      assert.equal(await status(client, 12, handle, digest.length - 1), HalStatus.BAD_ARGUMENTS);
      assert.equal(await ask(client, 12, handle, digest.length), hex(0, digest));
      assert.equal(await status(client, 12, handle, digest.length), HalStatus.BAD_ARGUMENTS, 'the handle is gone');
      const keyed = Number.parseInt((await ask(client, 10, SESSION, algorithm, 'key')).slice(8), 16);
      assert.ok(keyed > 0x80000000, 'HMAC bit');
      assert.equal(await ask(client, 11, keyed, data), hex(0));
      const mac = createHmac(names[algorithm], 'key').update(data).digest();
      assert.equal(await ask(client, 12, keyed, 64), hex(0, mac));
    }
    const identifier = Buffer.from('300d06096086480165030402010500', 'hex');
    assert.equal(await ask(client, 8, 3, 64), hex(0, identifier));
    assert.equal(await ask(client, 8, 3, 0), hex(0, identifier.length));
    assert.equal(await status(client, 8, 3, 14), HalStatus.RESULT_TOO_LONG);
    for (const algorithm of [0, 8, 0xffffffff]) {
      assert.equal(await status(client, 7, algorithm), HalStatus.BAD_ARGUMENTS);
      assert.equal(await status(client, 10, SESSION, algorithm, ''), HalStatus.BAD_ARGUMENTS);
    }
    assert.equal(await status(client, 9, 0), HalStatus.BAD_ARGUMENTS);
    const open: string[] = [];
    for (;;) {
      const reply = await ask(client, 10, SESSION, 3, '');
      if (!reply.startsWith('00000000')) {
        assert.equal(reply, hex(HalStatus.ALLOCATION_FAILURE));
        break;
      }
      open.push(reply);
      assert.ok(open.length <= 64);
    }
    assert.equal(open.length, 64);
  });

  test('keys: generate, open, close, type, flags, curve, public key, sign, verify, delete', async () => {
    await using rpc = await startRpc();
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    using client = await rpc.raw();
    assert.equal(await status(client, 16, SESSION, 1, TOKEN_KEY), HalStatus.FORBIDDEN);
    assert.equal(await status(client, 14, SESSION, NIL), HalStatus.FORBIDDEN, 'OPEN asks for a login first');
    await ask(client, 3, USER, USER_PIN);
    const made = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    assert.ok(made.handle > 0x80000000, 'token bit');
    assert.equal(await ask(client, 19, made.handle), hex(0, 3));
    assert.equal(await ask(client, 20, made.handle), hex(0, TOKEN_KEY));
    assert.equal(await ask(client, 26, made.handle), hex(0, 1));
    const spki = FakeDevice.publicKeyOf(made.text);
    assert.equal(await ask(client, 21, made.handle), hex(0, spki.length));
    assert.equal(await ask(client, 22, made.handle, spki.length), hex(0, spki));
    assert.equal(await status(client, 22, made.handle, spki.length - 1), HalStatus.RESULT_TOO_LONG);
    assert.equal(await ask(client, 21, 12345), hex(0, 0), 'no public key: length 0 and OK');
    // Sign with input, and with a hash, which is gone then.
    const digest = createHash('sha256').update('x').digest();
    const signature = FakeDevice.signatureOf(made.text, 0x1041, digest);
    assert.equal(await ask(client, 23, made.handle, 0, digest, 512), hex(0, signature));
    const hash = Number.parseInt((await ask(client, 10, SESSION, 3, '')).slice(8), 16);
    await ask(client, 11, hash, 'x');
    assert.equal(await ask(client, 23, made.handle, hash, '', 512), hex(0, signature));
    assert.equal(await status(client, 23, made.handle, hash, '', 512), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 23, made.handle, 0, '', 512), HalStatus.BAD_ARGUMENTS, 'neither');
    const both = Number.parseInt((await ask(client, 10, SESSION, 3, '')).slice(8), 16);
    assert.equal(await status(client, 23, made.handle, both, digest, 512), HalStatus.BAD_ARGUMENTS, 'both');
    assert.equal(await status(client, 23, made.handle, 0, digest, 63), HalStatus.RESULT_TOO_LONG);
    assert.equal(await ask(client, 24, made.handle, 0, digest, signature), hex(0));
    assert.equal(await status(client, 24, made.handle, 0, digest, 'forged'), HalStatus.INVALID_SIGNATURE);
    // A second handle; closing one leaves the other.
    const again = Number.parseInt((await ask(client, 14, SESSION, made.uuid)).slice(8), 16);
    assert.notEqual(again, made.handle);
    assert.equal(await ask(client, 17, again), hex(0));
    assert.equal(await status(client, 17, again), HalStatus.BAD_ARGUMENTS, 'a dead handle');
    assert.equal(await status(client, 14, SESSION, NIL), HalStatus.KEY_NOT_FOUND);
    assert.equal(await status(client, 14, SESSION, Buffer.alloc(15)), HalStatus.KEY_NAME_TOO_LONG);
    assert.equal(await ask(client, 18, made.handle), hex(0));
    assert.equal(await status(client, 17, made.handle), HalStatus.BAD_ARGUMENTS, 'deleting lets the handle go');
    assert.equal(await status(client, 14, SESSION, made.uuid), HalStatus.KEY_NOT_FOUND);
    const kinds = rpc.audit.events.map(({ kind }) => kind);
    assert.ok(kinds.includes('key made') && kinds.includes('key deleted'));
  });

  test('RSA with a hash signs DigestInfo; bad bits, curves and flags are refused', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    const rsa = await keyFrom(await ask(client, 15, SESSION, 2048, Buffer.from('010001', 'hex'), TOKEN_KEY));
    const hash = Number.parseInt((await ask(client, 10, SESSION, 3, '')).slice(8), 16);
    const digest = createHash('sha256').digest();
    const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest]);
    assert.equal(
      await ask(client, 23, rsa.handle, hash, '', 512),
      hex(0, FakeDevice.signatureOf(rsa.text, 0x0001, info)),
    );
    assert.equal(
      await status(client, 15, SESSION, 2047, Buffer.from('010001', 'hex'), TOKEN_KEY),
      HalStatus.BAD_ARGUMENTS,
    );
    for (const curve of [0, 4, 5, 77])
      assert.equal(await status(client, 16, SESSION, curve, TOKEN_KEY), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 16, SESSION, 1, 0x40), HalStatus.BAD_ARGUMENTS);
    await keyFrom(await ask(client, 31, SESSION, 1, 5, 4, TOKEN_KEY));
    for (const [levels, lms, lmots] of [
      [0, 5, 4],
      [9, 5, 4],
      [1, 4, 4],
      [1, 10, 4],
      [1, 5, 0],
      [1, 5, 5],
    ])
      assert.equal(await status(client, 31, SESSION, levels, lms, lmots, TOKEN_KEY), HalStatus.BAD_ARGUMENTS);
  });

  test('S-428 S-432 ENABLE_EXPORTABLE_PRIVATE_KEYS: only keys that are made while it is set get the flag, KEKEKs never', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    const flagsOf = async (flags: number): Promise<number> => {
      const { handle } = await keyFrom(await ask(client, 16, SESSION, 1, flags));
      return Number.parseInt((await ask(client, 20, handle)).slice(8), 16);
    };
    assert.equal(await flagsOf(0x09), 0x09);
    assert.equal(await flagsOf(0x29), 0x09, 'a client does not decide what may leave');
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    assert.equal(await flagsOf(0x09), 0x29);
    assert.equal(await flagsOf(0x29), 0x29);
    assert.equal(await flagsOf(0x0a), 0x0a);
    assert.equal(await flagsOf(0x0d), 0x0d);
  });

  test('PKEY_LOAD gives a new UUID; public session objects need no login', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    const der = Buffer.from('30030101ff', 'hex');
    assert.equal(await status(client, 13, SESSION, der, 0x29), HalStatus.FORBIDDEN);
    const loose = await keyFrom(await ask(client, 13, SESSION, der, 0x31));
    assert.ok(loose.handle < 0x80000000);
    await ask(client, 3, USER, USER_PIN);
    const first = await keyFrom(await ask(client, 13, SESSION, der, 0x29));
    const second = await keyFrom(await ask(client, 13, SESSION, der, 0x29));
    assert.notEqual(first.text, second.text);
    assert.equal(await status(client, 13, SESSION, '', 0x29), HalStatus.ASN1_PARSE_FAILED);
  });

  test('PKEY_SET_ATTRIBUTES and PKEY_GET_ATTRIBUTES: lengths, values, deletion, missing ones', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    const { handle } = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    assert.equal(await status(client, 28, handle, 1, 3, 0), HalStatus.ATTRIBUTE_NOT_FOUND, 'no attributes at all');
    const id = Buffer.from('0100000000000000', 'hex');
    assert.equal(await ask(client, 27, handle, 2, 3, 'label', 0x102, id), hex(0));
    assert.equal(await ask(client, 28, handle, 3, 3, 0x102, 0x99, 0), hex(0, 3, 3, 5, 0x102, 8, 0x99, 0));
    assert.equal(await ask(client, 28, handle, 2, 0x102, 3, 13), hex(0, 2, 0x102, id, 3, 'label'));
    assert.equal(await status(client, 28, handle, 2, 0x102, 3, 12), HalStatus.RESULT_TOO_LONG);
    assert.equal(await status(client, 28, handle, 2, 3, 0x99, 64), HalStatus.ATTRIBUTE_NOT_FOUND);
    assert.equal(await ask(client, 27, handle, 1, 3, 0xffffffff), hex(0));
    assert.equal(await ask(client, 28, handle, 1, 3, 0), hex(0, 1, 3, 0));
    assert.equal(await status(client, 27, handle + 1, 1, 3, 'x'), HalStatus.BAD_ARGUMENTS);
  });

  test('PKEY_MATCH: pages in order over token and volatile keys, full until the end', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    const all = [SESSION, 0, 0, 0, 0, 0] as const;
    assert.equal(await ask(client, 25, ...all, 0, 10, NIL), hex(0, 3, 0), 'not logged in: no keys, no error');
    await ask(client, 3, USER, USER_PIN);
    const token: string[] = [];
    const volatile: string[] = [];
    for (let i = 0; i < 5; i++) token.push((await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY))).text);
    for (let i = 0; i < 4; i++) volatile.push((await keyFrom(await ask(client, 16, SESSION, 1, 0x01))).text);
    const expected = [...token.sort(), ...volatile.sort()];
    for (let most = 1; most <= 11; most++) {
      const found: string[] = [];
      let state = 0;
      let previous = NIL;
      for (let page = 0; page < 20; page++) {
        const reply = Buffer.from(await ask(client, 25, ...all, state, most, previous), 'hex');
        state = reply.readUInt32BE(4);
        const count = reply.readUInt32BE(8);
        assert.equal(reply.length, 12 + 20 * count);
        for (let i = 0; i < count; i++) {
          previous = reply.subarray(16 + 20 * i, 32 + 20 * i);
          found.push(uuidText(previous));
        }
        if (count < most) break;
      }
      assert.deepEqual(found, expected, `pages of ${most}`);
      assert.equal(state, 3);
    }
    const countOf = async (...words: readonly (number | string | Uint8Array)[]): Promise<number> =>
      Number.parseInt((await ask(client, 25, SESSION, ...words)).slice(16, 24), 16);
    assert.equal(await countOf(0, 0, 8, 8, 0, 0, 818, NIL), 5, 'token keys only');
    assert.equal(await countOf(0, 0, 8, 0, 0, 0, 818, NIL), 4, 'volatile keys only');
    assert.equal(await countOf(3, 1, 0, 0, 0, 0, 100_000, NIL), 9, 'as many as an application asks for');
    assert.equal(await countOf(1, 0, 0, 0, 0, 0, 100, NIL), 0, 'RSA');
    assert.equal(await countOf(0, 0, 0, 0, 0, 0, 0xffffffff, NIL), 9);
    assert.equal(await countOf(0, 0, 0, 0, 1, 3, 'nobody has it', 0, 100, NIL), 0);
    assert.equal(await status(client, 25, ...all, 0, 0, NIL), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 25, ...all, 4, 1, NIL), HalStatus.BAD_ARGUMENTS);
    assert.equal(await ask(client, 25, ...all, 3, 1, NIL), hex(0, 3, 0));
    // The last one was deleted meanwhile: the search goes on behind it.
    const [first] = expected;
    const open = Number.parseInt((await ask(client, 14, SESSION, uuidOf(first))).slice(8), 16);
    await ask(client, 18, open);
    const rest = await ask(client, 25, ...all, 1, 100, uuidOf(first));
    assert.equal(Number.parseInt(rest.slice(16, 24), 16), 8);
  });

  test('PKEY_EXPORT and PKEY_IMPORT only where ENABLE_KEY_EXPORT is set, with handles of this connection', async () => {
    await using rpc = await startRpc();
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    using client = await rpc.raw();
    using other = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    await ask(other, 3, USER, USER_PIN);
    const kekek = await keyFrom(await ask(client, 15, SESSION, 2048, Buffer.from('010001', 'hex'), 0x0a | 0x20));
    const key = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = false;
    const alone = await keyFrom(await ask(client, 16, SESSION, 1, 0x09));
    assert.equal(await status(client, 29, key.handle, kekek.handle, 6000, 600), HalStatus.FORBIDDEN);
    rpc.settings.ENABLE_KEY_EXPORT = true;
    assert.equal(await status(other, 29, key.handle, kekek.handle, 6000, 600), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 29, key.handle, kekek.handle, 6000, 32), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(client, 29, key.handle, kekek.handle, 10, 600), HalStatus.RESULT_TOO_LONG);
    assert.equal(
      await status(client, 29, alone.handle, kekek.handle, 6000, 600),
      HalStatus.FORBIDDEN,
      'not exportable',
    );
    const wrapped = Buffer.from((await ask(client, 29, key.handle, kekek.handle, 6000, 600)).slice(8), 'hex');
    const length = wrapped.readUInt32BE(0);
    const pkcs8 = wrapped.subarray(4, 4 + length);
    const imported = await keyFrom(await ask(client, 30, SESSION, kekek.handle, pkcs8, `kek ${kekek.text}`, TOKEN_KEY));
    assert.notEqual(imported.text, key.text);
    assert.ok(rpc.audit.events.some(({ kind }) => kind === 'key exported'));
    rpc.settings.ENABLE_KEY_EXPORT = false;
    assert.equal(await status(client, 30, SESSION, kekek.handle, pkcs8, 'kek', TOKEN_KEY), HalStatus.FORBIDDEN);
  });

  test('CHECK_TAMPER, GET_HSM_STATE, GET_IP; what only the inside may do is FORBIDDEN and changes nothing', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    assert.equal(await ask(client, 66), hex(0));
    assert.equal(await ask(client, 1979), hex(0, 2, 'Active - Ready', 'Active - Ready'));
    assert.equal(await ask(client, 1980), hex(0, '127.0.0.1'));
    assert.equal(await status(client, 1981, 0), HalStatus.FORBIDDEN);
    for (const code of [1982, 1983, 1984, 1985]) assert.equal(await status(client, code), HalStatus.FORBIDDEN);
  });

  test('unknown codes get 30, arguments that do not fit 27, octets left over 1; the connection lives on', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    for (const code of [32, 33, 65, 67, 73, 1978, 1986, 0x4fff, 0x6000, 0xffffffff])
      assert.equal(await client.status(code, 0), HalStatus.RPC_BAD_FUNCTION);
    assert.equal(await status(client, 1), HalStatus.XDR_BUFFER_OVERFLOW);
    assert.equal(await status(client, 0, 1), HalStatus.BAD_ARGUMENTS);
    // Empty frames and frames shorter than func and client are ignored.
    client.drip(Buffer.from('c0c0c001c000000001000000c0', 'hex'));
    client.drip(frameOf(Buffer.alloc(7)));
    assert.equal(await ask(client, 0), hex(0, 0x01010100));
    // Too long: told, skipped, and the next one is served.
    client.socket.write(frameOf(Buffer.concat([message(11, 7), Buffer.alloc(20_000, 0x41)])));
    assert.equal((await client.reply())?.toString('hex'), hex(11, 7, HalStatus.RPC_PACKET_OVERFLOW));
    client.socket.write(Buffer.from('c00000000000000005db00c0', 'hex'));
    assert.equal((await client.reply())?.toString('hex'), hex(0, 5, HalStatus.RPC_PROTOCOL_ERROR));
    assert.equal(await ask(client, 0), hex(0, 0x01010100));
  });

  test('a handle of one connection means nothing on another', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    using thief = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    await ask(thief, 3, USER, USER_PIN);
    const { handle } = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    const hash = Number.parseInt((await ask(client, 10, SESSION, 3, '')).slice(8), 16);
    for (const code of [17, 18, 19, 20, 26]) assert.equal(await status(thief, code, handle), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(thief, 23, handle, 0, Buffer.alloc(32), 512), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(thief, 9, hash), HalStatus.BAD_ARGUMENTS);
    assert.equal(await status(thief, 11, hash, 'x'), HalStatus.BAD_ARGUMENTS);
    assert.equal(await ask(client, 19, handle), hex(0, 3));
  });

  test('LOGOUT and the end of a connection delete its volatile keys; token keys stay', async () => {
    await using rpc = await startRpc();
    using client = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    const token = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    const first = await keyFrom(await ask(client, 16, SESSION, 1, 0x01));
    await ask(client, 4);
    assert.equal(await status(client, 19, first.handle), HalStatus.BAD_ARGUMENTS);
    await ask(client, 3, USER, USER_PIN);
    assert.equal(await status(client, 14, SESSION, first.uuid), HalStatus.KEY_NOT_FOUND);
    const second = await keyFrom(await ask(client, 16, SESSION, 1, 0x01));
    client.socket.destroy();
    const volatileKeys = async (): Promise<number> => {
      const statuses = await Promise.all(rpc.pool.devices.map((device) => device.getStatus()));
      return statuses.reduce((sum, one) => sum + one.volatileKeys, 0);
    };
    for (let i = 0; i < 20_000 && (await volatileKeys()) > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await volatileKeys(), 0);
    using later = await rpc.raw();
    await ask(later, 3, USER, USER_PIN);
    assert.equal(await status(later, 14, SESSION, second.uuid), HalStatus.KEY_NOT_FOUND);
    assert.match(await ask(later, 14, SESSION, token.uuid), /^00000000/);
  });

  test('S-342 handles go on when a device dies, login included; a key that was there alone gives IO_OS_ERROR until it is back', async () => {
    await using rpc = await startRpc();
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    using client = await rpc.raw();
    await ask(client, 3, USER, USER_PIN);
    const mirrored = await keyFrom(await ask(client, 16, SESSION, 1, TOKEN_KEY));
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = false;
    const alone = await keyFrom(await ask(client, 16, SESSION, 1, 0x09));
    const home = rpc.pool.devices.findIndex(({ tokenKeys }) => tokenKeys.includes(alone.text));
    const digest = Buffer.alloc(32, 3);
    const sign = (handle: number): Promise<string> => ask(client, 23, handle, 0, digest, 512);
    const signature = hex(0, FakeDevice.signatureOf(mirrored.text, 0x1041, digest));
    for (const index of [home, 1 - home]) {
      rpc.pool.kill(index);
      for (let i = 0; i < 4; i++) assert.equal(await sign(mirrored.handle), signature);
      if (index === home) assert.equal(await sign(alone.handle), hex(HalStatus.IO_OS_ERROR));
      await rpc.pool.restore(index);
    }
    assert.equal(await sign(alone.handle), hex(0, FakeDevice.signatureOf(alone.text, 0x1041, digest)));
    assert.equal(await ask(client, 6, USER), hex(0));
  });

  test('every function of libhal and of the vendor was exchanged above', () => {
    for (const name of FUNCTION_NAMES) {
      const { code } = FUNCTIONS[name];
      if (code < 0x5000) assert.ok(covered.has(code), name);
    }
  });
});

function pinFrame(role: number, pin: string): Buffer {
  return frameOf(message(3, 0, role, pin));
}

function uuidOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}
