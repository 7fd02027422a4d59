import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { allTables, tableModule } from '../../scripts/iana-tables.ts';
import { classCode, classText } from '../../src/wire/class-text.ts';
import { opcodeText, rcodeText, tsigErrorText } from '../../src/wire/code-text.ts';
import { RR_TYPES } from '../../src/wire/tables/rr-types.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { isMetaType, typeCode, typeText } from '../../src/wire/type-text.ts';

describe('tables of the registries', () => {
  test('the committed modules are what the CSV files make', () => {
    const tables = allTables();
    assert.ok(tables.size >= 10);
    for (const [file, text] of tables) assert.equal(fs.readFileSync(file, 'utf8'), text, path.basename(file));
  });

  test('a bad row is an error that names file and line', () => {
    assert.throws(() => tableModule('x.csv', '# c\n1,A,RFC\nx,B,RFC\n'), /x\.csv:3: not a row: x,B,RFC/);
  });

  test('numbers and mnemonics occur once', () => {
    assert.equal(new Set(RR_TYPES.map(([code]) => code)).size, RR_TYPES.length);
    assert.equal(new Set(RR_TYPES.map(([, mnemonic]) => mnemonic)).size, RR_TYPES.length);
  });

  test('the constants in type-codes.ts agree with the tables', () => {
    for (const [mnemonic, code] of Object.entries(TYPE))
      if (mnemonic !== 'SIGNING') assert.equal(typeText(code), mnemonic);
    for (const [mnemonic, code] of Object.entries(CLASS)) assert.equal(classText(code), mnemonic);
  });
});

describe('RFC 3597 section 5: TYPE and CLASS with a number', () => {
  test('types', () => {
    assert.deepEqual(
      ['a', 'Aaaa', 'nsap-ptr', 'TYPE1', 'type65535', 'Type0'].map((text) => typeCode(text)),
      [1, 28, 23, 1, 65535, 0],
    );
    for (const text of ['', 'TYPE', 'TYPE65536', 'TYPE-1', 'TYPE1x', 'TYPEA', 'B', 'AAAAA'])
      assert.equal(typeCode(text), -1, text);
    for (let code = 0; code < 65536; code += 7) assert.equal(typeCode(typeText(code)), code);
    const octets = Buffer.from('xx RRSIG yy');
    assert.equal(typeCode(octets, 3, 8), TYPE.RRSIG, 'part of octets');
  });

  test('classes', () => {
    assert.deepEqual(
      ['in', 'CH', 'chaos', 'hs', 'CLASS1', 'class65535', 'any', 'none'].map((text) => classCode(text)),
      [1, 3, 3, 4, 1, 65535, 255, 254],
    );
    assert.deepEqual([1, 3, 4, 254, 255, 2].map(classText), ['IN', 'CH', 'HS', 'NONE', 'ANY', 'CLASS2']);
    for (const text of ['', 'CLASS', 'CLASS65536', 'IM']) assert.equal(classCode(text), -1, text);
  });

  test('RFC 6895 section 3.1: meta types', () => {
    assert.deepEqual([0, 1, 41, 127, 128, 252, 255, 256, 65535].map(isMetaType), [
      false,
      false,
      true,
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

test('codes in words, and numbers where there are none', () => {
  assert.deepEqual([0, 4, 5, 7].map(opcodeText), ['QUERY', 'NOTIFY', 'UPDATE', 'RESERVED7']);
  assert.deepEqual([0, 3, 16, 23, 12].map(rcodeText), ['NOERROR', 'NXDOMAIN', 'BADVERS', 'BADCOOKIE', 'RESERVED12']);
  assert.deepEqual([0, 16, 18, 4711].map(tsigErrorText), ['NOERROR', 'BADSIG', 'BADTIME', '4711']);
});
