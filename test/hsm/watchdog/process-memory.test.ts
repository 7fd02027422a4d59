import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { countAllInMemory, tracesOfKey } from './process-memory.ts';

const KEY = createHash('sha256').update('a master key').digest();

test('S-371 (part) the search for a key knows any 16 octets of it, in any form that it was ever seen in', () => {
  const traces = Object.values(tracesOfKey(KEY));
  const isTraced = (octets: Buffer): boolean => traces.some((trace) => octets.includes(trace));
  for (let at = 0; at <= 16; at++) {
    const part = KEY.subarray(at, at + 16);
    const digits = part.toString('hex');
    const forms = [digits, digits.toUpperCase(), part.toString('base64'), part.toString('base64url')].map((text) => Buffer.from(text)); // prettier-ignore
    for (const form of [part, ...forms, Buffer.from(digits, 'utf16le')]) assert.ok(isTraced(form), `${at}: ${form.toString('hex')}`); // prettier-ignore
  }
  const groups = KEY.toString('hex').match(/.{8}/g)!.join(' ');
  for (let at = 0; at + 35 <= groups.length; at++)
    assert.ok(isTraced(Buffer.from(groups.slice(at, at + 35))), groups.slice(at, at + 35));
  assert.ok(!isTraced(createHash('sha256').update('another one').digest()));
});

test('S-371 (part) the search finds what a process has, wherever it begins', (t) => {
  if (process.getuid?.() !== 0) {
    t.diagnostic('not root: only how a key is taken apart was judged');
    return;
  }
  const held = Array.from({ length: 64 }, (_, shift) =>
    Buffer.concat([Buffer.alloc(1 << 14), Buffer.alloc(shift), KEY]),
  );
  const after = countAllInMemory(process.pid, Object.values(tracesOfKey(KEY)));
  // Eight octets each, four pieces.
  for (let i = 0; i < 4; i++) assert.ok(after[i] >= held.length, `${after[i]} of ${held.length}`);
});
