import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { FUNCTION_NAMES, FUNCTIONS, functionByCode, isOwn } from '../../../src/hsm/protocol/functions.ts';
import { readArguments, readResults, writeArguments } from '../../../src/hsm/protocol/message.ts';
import { XdrReader, XdrWriter } from '../../../src/hsm/protocol/xdr.ts';
import { makeUuid, uuidOctets, uuidText } from '../../../src/hsm/uuid.ts';
import { SeededRandom } from '../../../src/base/random.ts';

const run = { seed: 5, numRuns: 500 };

suite('RFC 4506 XDR on the RPC port', () => {
  test('numbers and octets as drawn, with zeros up to a multiple of four', () => {
    const writer = new XdrWriter(4);
    writer.u32(0xfedcba98);
    writer.opaque(Buffer.from('fnord'));
    writer.opaque(Buffer.alloc(0));
    assert.equal(Buffer.from(writer.written).toString('hex'), 'fedcba9800000005666e6f726400000000000000');
    const reader = new XdrReader(writer.written);
    assert.equal(reader.u32(), 0xfedcba98);
    assert.equal(Buffer.from(reader.opaque()).toString(), 'fnord');
    assert.equal(reader.opaque().length, 0);
    assert.equal(reader.verdict, HalStatus.OK);
  });

  test('what does not fit is XDR_BUFFER_OVERFLOW, what is left over BAD_ARGUMENTS', () => {
    for (const hex of ['', '000000', '00000005666e6f72', '00000005666e6f7264', 'ffffffff', '7fffffff00000000']) {
      const reader = new XdrReader(Buffer.from(hex, 'hex'));
      assert.equal(reader.opaque().length, 0);
      assert.equal(reader.verdict, HalStatus.XDR_BUFFER_OVERFLOW, hex);
      assert.equal(reader.u32(), 0);
    }
    const longer = new XdrReader(Buffer.alloc(8));
    longer.u32();
    assert.equal(longer.verdict, HalStatus.BAD_ARGUMENTS);
  });

  test('random octets as arguments or results of every function: a verdict, never more items than there are words', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FUNCTION_NAMES),
        fc.uint8Array({ maxLength: 400 }),
        fc.boolean(),
        (name, octets, isBare) => {
          for (const { status, values } of [readArguments(name, octets), readResults(name, octets, 0, isBare)]) {
            assert.equal(typeof status, 'number');
            for (const value of Object.values(values)) {
              if (Array.isArray(value)) assert.ok(value.length <= octets.length / 4 + 1);
              if (value instanceof Uint8Array) assert.ok(value.length <= octets.length);
            }
          }
        },
      ),
      run,
    );
  });

  test('numbers of items that the message cannot hold end at once', () => {
    const { status, values } = readArguments(
      'PKEY_GET_ATTRIBUTES',
      Buffer.concat([Buffer.alloc(12), Buffer.alloc(4, 0xff), Buffer.alloc(64)]),
    );
    assert.equal(status, HalStatus.XDR_BUFFER_OVERFLOW);
    assert.ok(values.types.length < 20);
  });
});

suite('The table of functions', () => {
  test('no code is given twice, ours are in their range, libhal numbers are where they belong', () => {
    const codes = FUNCTION_NAMES.map((name) => FUNCTIONS[name].code);
    assert.equal(new Set(codes).size, codes.length);
    for (let code = 0; code <= 31; code++) assert.ok(functionByCode(code), `${code}`);
    for (const code of [66, 1979, 1980, 1981, 1982, 1983, 1984, 1985]) assert.ok(functionByCode(code), `${code}`);
    for (const name of FUNCTION_NAMES)
      assert.equal(isOwn(FUNCTIONS[name].code), /^(HSM|PARTITION|KEY|DATA)_/.test(name), name);
    assert.equal(functionByCode(32), undefined);
  });

  test('arguments are written and read alike', () => {
    const uuid = makeUuid(new SeededRandom(1));
    const writer = new XdrWriter();
    writer.u32(FUNCTIONS.PKEY_MATCH.code);
    writer.u32(0);
    const values = {
      session: 0x40000001,
      type: 1,
      curve: 0,
      mask: 8,
      flags: 8,
      attributes: [{ type: 3, value: Buffer.from('label') }],
      state: 0,
      most: 64,
      previous: uuid,
    };
    writeArguments('PKEY_MATCH', values, writer);
    const decoded = readArguments('PKEY_MATCH', Buffer.from(writer.written));
    assert.equal(decoded.status, HalStatus.OK);
    assert.deepEqual(decoded.values, values);
  });

  test('a UUID of another length is KEY_NAME_TOO_LONG', () => {
    const writer = new XdrWriter();
    for (const word of [14, 0, 0]) writer.u32(word);
    writer.opaque(Buffer.alloc(15));
    assert.equal(readArguments('PKEY_OPEN', writer.written).status, HalStatus.KEY_NAME_TOO_LONG);
  });
});

suite('RFC 9562 UUIDs', () => {
  test('version 4, text and octets are one, texts order as octets', () => {
    const random = new SeededRandom(7);
    let last: { text: string; octets: Uint8Array } | undefined;
    for (let i = 0; i < 200; i++) {
      const text = makeUuid(random);
      assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const octets = uuidOctets(text);
      assert.equal(uuidText(octets), text);
      if (last !== undefined) assert.equal(text < last.text, Buffer.compare(octets, last.octets) < 0);
      last = { text, octets };
    }
    assert.throws(() => uuidOctets('not a uuid'), RangeError);
  });
});
