import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../../../src/base/log.ts';
import type { SignatureTaker } from '../../../src/hsm/device/crypto-device.ts';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { FUNCTIONS } from '../../../src/hsm/protocol/functions.ts';
import { writeArguments } from '../../../src/hsm/protocol/message.ts';
import { XdrWriter } from '../../../src/hsm/protocol/xdr.ts';
import { perform, readHead, writeReply } from '../../../src/hsm/rpc/dispatch.ts';
import type { RpcSession } from '../../../src/hsm/rpc/rpc-session.ts';
import { performSign, writeSignature } from '../../../src/hsm/rpc/sign-call.ts';
import { uuidOctets, uuidText } from '../../../src/hsm/uuid.ts';

const run = { seed: 5, numRuns: 2000 };
const LOGGED_IN_TO = 3;

/** Signs with everything that it is asked with. */
function signatureOf(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${client} ${uuid} ${mechanism} `), data]);
}

const session = {
  client: 7,
  requirePartition(partition: number): void {
    if (partition !== LOGGED_IN_TO) throw new HalError(HalStatus.FORBIDDEN, `not ${partition}`);
  },
  services: { log: silentLog },
  pool: {
    sign: (...asked: Parameters<typeof signatureOf>) => Promise.resolve(signatureOf(...asked)),
    signFor(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, taker: SignatureTaker): void {
      taker.signed(signatureOf(client, uuid, mechanism, data));
    },
  },
} as unknown as RpcSession;

/** The reply that the table and its handler give. */
async function generalReply(message: Buffer): Promise<Buffer> {
  const writer = new XdrWriter();
  await new Promise<void>((resolve) =>
    perform(session, 'KEY_SIGN', message, (failure, results) => {
      writeReply(readHead(message), 'KEY_SIGN', failure, results, writer);
      resolve();
    }),
  );
  return Buffer.from(writer.written);
}

/** undefined: it leaves the message to the general way. */
function directReply(message: Buffer): Buffer | undefined {
  const writer = new XdrWriter();
  const isDone = performSign(session, readHead(message), message, {
    replySignature: (head, signature) => writeSignature(head, signature, writer),
    replyRefusal: (head, failure) => writeReply(head, 'KEY_SIGN', failure, undefined, writer),
  });
  assert.equal(isDone, writer.length > 0);
  return isDone ? Buffer.from(writer.written) : undefined;
}

const request = fc
  .record({
    partition: fc.constantFrom(LOGGED_IN_TO, LOGGED_IN_TO, 0, 0xffffffff),
    uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(uuidText),
    mechanism: fc.constantFrom(Mechanism.ECDSA, Mechanism.RSA_PKCS, Mechanism.EDDSA, 0x99 as Mechanism),
    data: fc.uint8Array({ maxLength: 70 }),
    head: fc.tuple(fc.nat(), fc.nat()),
  })
  .map(({ head, ...values }) => {
    const writer = new XdrWriter();
    for (const word of [FUNCTIONS.KEY_SIGN.code, ...head]) writer.u32(word);
    writeArguments('KEY_SIGN', values, writer);
    return Buffer.from(writer.written);
  });

suite('KEY_SIGN by hand is KEY_SIGN of the table', () => {
  test('whole requests: the same reply, octet for octet', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (message) => {
        const direct = directReply(message);
        assert.ok(direct);
        assert.deepEqual(direct, await generalReply(message));
      }),
      run,
    );
  });

  test('requests that are cut, longer or altered: the same reply, or it is left to the table, which refuses it', async () => {
    const altered = fc
      .tuple(request, fc.nat({ max: 200 }), fc.nat({ max: 200 }), fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 9 }))
      .map(([message, end, place, octet, more]) => {
        // The head is read before: function, client, request.
        const body = Buffer.concat([message.subarray(0, Math.max(12, end)), more]);
        if (place >= 12 && place < body.length) body[place] = octet;
        return body;
      });
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(altered, async (message) => {
        const general = await generalReply(message);
        const direct = directReply(message);
        if (direct) return assert.deepEqual(direct, general);
        refusals++;
        assert.notEqual(general.readUInt32BE(12), HalStatus.OK);
      }),
      run,
    );
    assert.ok(refusals > 100);
  });
});

suite('UUIDs', () => {
  test('text and octets of each other; what is no lower-case text is refused', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat({ max: 35 }),
        fc.string(),
        (octets, at, odd) => {
          const text = uuidText(octets);
          const hex = Buffer.from(octets).toString('hex');
          assert.equal(text, hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
          assert.deepEqual(uuidOctets(text), Uint8Array.from(octets));
          const changed = text.slice(0, at) + odd + text.slice(at + 1);
          if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(changed))
            assert.throws(() => uuidOctets(changed), RangeError);
          else assert.equal(uuidText(uuidOctets(changed)), changed);
        },
      ),
      run,
    );
    for (const text of ['', 'ABCDEF00-0000-4000-8000-000000000000', '00000000x0000-4000-8000-000000000000'])
      assert.throws(() => uuidOctets(text), RangeError);
  });
});
