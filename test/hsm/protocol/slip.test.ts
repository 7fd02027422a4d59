import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { frameOf, mostFramed, SlipDecoder } from '../../../src/hsm/protocol/slip.ts';

const MOST = 600;
const run = { seed: 5, numRuns: 300 };

/** All frames of a stream, octets after the last END left out. */
function framesOf(decoder: SlipDecoder, chunks: readonly Uint8Array[]): { octets: Buffer; state: string }[] {
  const frames: { octets: Buffer; state: string }[] = [];
  for (const chunk of chunks)
    for (let at = decoder.read(chunk, 0); at >= 0; at = decoder.read(chunk, at)) {
      const state = decoder.isMalformed ? 'malformed' : decoder.isOverflow ? 'overflow' : 'good';
      frames.push({ octets: Buffer.from(decoder.frame), state });
    }
  return frames;
}

/** The same octets in chunks of `size`. */
function chunksOf(octets: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) chunks.push(octets.subarray(at, at + size));
  return chunks;
}

suite('RFC 1055 SLIP on the RPC port', () => {
  test('frames as RFC 1055 draws them, leading and trailing END, empty ones ignored', () => {
    const decoder = new SlipDecoder(() => MOST);
    const stream = Buffer.from('c0c0c0010203c0c004dbdc05dbdd06c007c0', 'hex');
    const frames = framesOf(decoder, [stream]);
    assert.deepEqual(
      frames.map(({ octets }) => octets.toString('hex')),
      ['010203', '04c005db06', '07'],
    );
    assert.ok(!decoder.isInside);
    assert.equal(frameOf(Buffer.from('04c005db06', 'hex')).toString('hex'), 'c004dbdc05dbdd06c0');
  });

  test('what is framed comes back whole, in chunks of any size, one octet each included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: MOST }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        (contents, size) => {
          const stream = Buffer.concat(contents.map((content) => frameOf(content)));
          const frames = framesOf(new SlipDecoder(() => MOST), chunksOf(stream, size));
          assert.deepEqual(
            frames.map(({ octets, state }) => [octets.toString('hex'), state]),
            contents.map((content) => [Buffer.from(content).toString('hex'), 'good']),
          );
          for (const content of contents) assert.ok(frameOf(content).length <= mostFramed(content.length));
        },
      ),
      run,
    );
  });

  test('a frame that is too long is told once, with its beginning, and the next one is read', () => {
    const decoder = new SlipDecoder(() => MOST);
    const long = frameOf(Buffer.alloc(50 * MOST, 0xc0));
    const frames = framesOf(decoder, [long, frameOf(Buffer.from('next'))]);
    assert.deepEqual(
      frames.map(({ octets, state }) => [octets.length, state]),
      [
        [MOST, 'overflow'],
        [4, 'good'],
      ],
    );
  });

  test('an ESC with nothing to escape makes a frame malformed, and only that one', () => {
    const frames = framesOf(new SlipDecoder(() => MOST), [Buffer.from('c001db02c003dbc004c0dbc0', 'hex')]);
    assert.deepEqual(
      frames.map(({ state }) => state),
      ['malformed', 'malformed', 'good', 'malformed'],
    );
  });

  test('octets without END take the memory of one frame; random octets never break it', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), (chunks) => {
        const decoder = new SlipDecoder(() => MOST);
        for (const { octets } of framesOf(decoder, chunks)) assert.ok(octets.length <= MOST);
        assert.ok(decoder.frame.length <= MOST);
      }),
      run,
    );
  });

  test('clear leaves nothing of a PIN behind', () => {
    const decoder = new SlipDecoder(() => MOST);
    decoder.read(frameOf(Buffer.from('secret')), 0);
    const { frame } = decoder;
    decoder.clear();
    assert.deepEqual([...frame], [0, 0, 0, 0, 0, 0]);
  });
});
