import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/base/command-line.ts';

test('bundled flags, arguments in the same and in the next word', () => {
  assert.deepEqual(parseCommandLine(['-qv', '-Kdir', '-K', 'other', 'zone', '-q'], 'K:qv'), {
    options: [
      { kind: 'flag', letter: 'q' },
      { kind: 'flag', letter: 'v' },
      { kind: 'value', letter: 'K', argument: 'dir' },
      { kind: 'value', letter: 'K', argument: 'other' },
    ],
    operands: ['zone', '-q'],
  });
});

test('a flag may be bundled before an option with an argument', () => {
  assert.deepEqual(parseCommandLine(['-qKdir'], 'K:q').options, [
    { kind: 'flag', letter: 'q' },
    { kind: 'value', letter: 'K', argument: 'dir' },
  ]);
});

test('an argument may look like an option', () => {
  assert.deepEqual(parseCommandLine(['-K', '-q'], 'K:q').options, [{ kind: 'value', letter: 'K', argument: '-q' }]);
});

test('unknown letters and missing arguments are named and end the options', () => {
  assert.deepEqual(parseCommandLine(['-Zq', 'a'], 'K:q'), {
    options: [{ kind: 'invalid', letter: 'Z', reason: 'unknown' }],
    operands: ['a'],
  });
  assert.deepEqual(parseCommandLine(['-K'], 'K:q').options, [
    { kind: 'invalid', letter: 'K', reason: 'argument missing' },
  ]);
  assert.equal(parseCommandLine(['-:'], 'K:q').options[0].kind, 'invalid');
  assert.equal(parseCommandLine(['--long'], 'K:q').options[0].letter, '-');
});

test('"--" ends the options and "-" is an operand', () => {
  assert.deepEqual(parseCommandLine(['--', '-q'], 'q').operands, ['-q']);
  assert.deepEqual(parseCommandLine(['-q', '-', 'x'], 'q').operands, ['-', 'x']);
});
