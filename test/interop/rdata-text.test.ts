import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SignetError } from '../../src/base/error.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { genericText } from '../../src/wire/rdata/generic.ts';
import type { TextStyle } from '../../src/wire/rdata/record-type.ts';
import { LINE_STYLE, PLAIN_STYLE } from '../../src/wire/rdata/text-style.ts';
import { rdataFromText, rdataToText } from '../../src/wire/rdata-text.ts';
import { RR_TYPES } from '../../src/wire/tables/rr-types.ts';
import { isMetaType } from '../../src/wire/type-text.ts';
import { type RdataCase, rdataCases } from '../wire/rdata-cases.ts';

const ORIGIN = mustName('t.');
/** What BIND's relative style breaks lines with. */
const RELATIVE_STYLE: TextStyle = { multiline: true, chunk: 44, chunkSeparator: '\n\t\t\t\t', origin: ORIGIN };
/** Refused by named-compilezone away from the apex, or at all: named-rrchecker judges them. */
const NOT_IN_ZONE = new Set(['SOA', 'MD', 'MF']);

function parse(one: RdataCase): Uint8Array | SignetError {
  try {
    return rdataFromText(one.code, one.text, ORIGIN);
  } catch (error) {
    if (error instanceof SignetError) return error;
    throw error;
  }
}

/** Debian's 9.18.49-1~deb12u3 refuses these and 9.18.49-1~deb12u1 does not: fewer labels than the signer has. */
const REFUSED_BY_NEWER_BIND: readonly string[] = [
  'RRSIG A 13 0 300 20300101000000 20200101000000 1234 foo. AAAA',
  'RRSIG \\# 25 00010D000000012C70DBD880400BE1C004D203666F6F000000',
];

/** BIND's answer to one record: its text, or undefined when it refuses it. */
function rrchecker(line: string, option: '-p' | '-u'): string | undefined {
  const result = spawnSync('named-rrchecker', [option, '-o', 't.'], { input: `IN ${line}\n`, encoding: 'latin1' });
  return result.status === 0 ? result.stdout.trimEnd().split('\t').slice(2).join('\t') : undefined;
}

test('the record types that BIND knows are in our table', () => {
  const { stdout } = spawnSync('named-rrchecker', ['-T'], { encoding: 'latin1' });
  const known = stdout.trim().split('\n');
  assert.ok(known.length > 50);
  const ours = new Set<string>(RR_TYPES.map(([, mnemonic]) => mnemonic));
  assert.deepEqual(
    known.filter((mnemonic) => !ours.has(mnemonic)),
    [],
  );
});

describe('RDATA text against BIND', () => {
  let folder: string;
  before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-rdata-'))));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const cases = rdataCases().filter((one) => one.code < 0 || !isMetaType(one.code));
  const good = cases.flatMap((one) => {
    const rdata = parse(one);
    return rdata instanceof Uint8Array ? [{ ...one, rdata }] : [];
  });
  const inZone = good.filter((one) => !NOT_IN_ZONE.has(one.mnemonic));

  /** What named-compilezone prints for each record, by owner. */
  function compile(style: 'full' | 'relative'): Map<string, string> {
    const zone = ['$TTL 3600', '@ SOA a b 1 2 3 4 5', '@ NS a', 'a A 192.0.2.1'];
    inZone.forEach((one, i) => {
      zone.push(`r${i} IN ${one.line}`, `g${i} IN TYPE${one.code} ${genericText(one.rdata, PLAIN_STYLE)}`);
    });
    const [input, output] = [path.join(folder, 't.db'), path.join(folder, `${style}.txt`)];
    fs.writeFileSync(input, `${zone.join('\n')}\n`, 'latin1');
    const ignore = ['-k', '-n', '-r', '-m', '-M', '-S'].flatMap((option) => [option, 'ignore']);
    const result = spawnSync('named-compilezone', [...ignore, '-i', 'none', '-s', style, '-o', output, 't', input]);
    assert.equal(
      result.status,
      0,
      `named-compilezone refuses what we took: ${String(result.stdout)}${String(result.stderr)}`,
    );
    const records = new Map<string, string>();
    let owner = '';
    for (const line of fs.readFileSync(output, 'latin1').split('\n')) {
      if (line === '' || ';$'.includes(line[0])) continue;
      const match = /^([rg]\d+)(?:\.t\.)?\s/.exec(line);
      if (match) owner = match[1];
      records.set(owner, match ? line : `${records.get(owner)}\n${line}`);
    }
    return records;
  }

  for (const [name, style] of [
    ['full', LINE_STYLE],
    ['relative', RELATIVE_STYLE],
  ] as const) {
    test(`every type prints as named-compilezone -s ${name} prints it, from text and from the \\# form`, () => {
      const printed = compile(name);
      inZone.forEach((one, i) => {
        const text = rdataToText(one.code, one.rdata, style);
        for (const owner of [`r${i}`, `g${i}`]) {
          const line = printed.get(owner);
          assert.ok(line !== undefined, `${one.line} is missing`);
          const behindType = line.replace(/^\S+\s+(?:3600 IN )?\S+[\t ]/, '').trimStart();
          assert.equal(behindType.trimEnd(), text.trimStart().trimEnd(), one.line);
        }
      });
    });
  }

  test('what we refuse BIND refuses', () => {
    for (const one of cases.filter(({ line }) => !REFUSED_BY_NEWER_BIND.includes(line)))
      if (parse(one) instanceof SignetError) assert.equal(rrchecker(one.line, '-p'), undefined, one.line);
  });

  test('the types that zones cannot hold print as named-rrchecker prints them', () => {
    for (const one of good.filter(({ mnemonic }) => NOT_IN_ZONE.has(mnemonic))) {
      assert.equal(rdataToText(one.code, one.rdata), rrchecker(one.line, '-p'), one.line);
      assert.equal(genericText(one.rdata, PLAIN_STYLE), rrchecker(one.line, '-u'), one.line);
    }
  });
});
