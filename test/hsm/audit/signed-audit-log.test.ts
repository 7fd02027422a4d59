import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { openAuditKey } from '../../../src/hsm/audit/audit-key.ts';
import { auditFiles } from '../../../src/hsm/audit/audit-files.ts';
import { SignedAuditLog } from '../../../src/hsm/audit/signed-audit-log.ts';
import { type AuditVerdict, verifyAudit } from '../../../src/hsm/audit/verify-audit.ts';

const START = Date.UTC(2026, 10, 21) / 1000;
const disk = new NodeDisk();

suite('S-357 (part) The audit log', () => {
  let directory: string;
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-audit-'))));
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  const open = (rotateAt?: number): SignedAuditLog =>
    SignedAuditLog.open(
      { directory, ...(rotateAt !== undefined && { rotateAt }) },
      { disk, clock: new SimulatedClock(START), log: new MemoryLog() },
    );

  const check = (isWhole = true): AuditVerdict => {
    const files = auditFiles(directory, disk).map((name) => ({ name, octets: disk.read(name)! }));
    const head = disk.read(path.join(directory, 'audit.head'));
    return verifyAudit(files, openAuditKey(directory, disk).publicKey, head, isWhole);
  };

  const write = async (count: number, rotateAt?: number): Promise<void> => {
    await using log = open(rotateAt);
    for (let i = 0; i < count; i++)
      await log.append({ kind: 'login', by: `console 10.0.0.${i}`, role: 'wheel', facts: { i, text: 'Grüße' } });
  };

  test('goes on over restarts and files, and is whole', async () => {
    await write(5);
    await write(7, 1000);
    await write(3);
    const verdict = check();
    assert.deepEqual(verdict.faults, []);
    assert.equal(verdict.lines, 15);
    assert.equal(verdict.last, 15);
    assert.ok(auditFiles(directory, disk).length > 2, 'it was rotated');
  });

  test('acknowledges events of one turn together, in order', async () => {
    await using log = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => log.append({ kind: 'key made', by: 'rpc 10.0.0.1', facts: { i } })),
    );
    const lines = fs.readFileSync(path.join(directory, 'audit.log'), 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { facts: { i: number } }).facts.i),
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.deepEqual(check().faults, []);
  });

  test('finds a line that was changed, deleted, inserted, moved or cut, wherever it is', async () => {
    await write(12);
    const file = path.join(directory, 'audit.log');
    const good = fs.readFileSync(file, 'utf8');
    const lines = good.trimEnd().split('\n');
    const at = fc.nat({ max: lines.length - 1 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.record({
            kind: fc.constant('change' as const),
            at,
            place: fc.nat(),
            by: fc.integer({ min: 1, max: 255 }),
          }),
          fc.record({ kind: fc.constant('delete' as const), at }),
          fc.record({ kind: fc.constant('insert' as const), at, from: at }),
          fc.record({ kind: fc.constant('swap' as const), at, from: at }),
          fc.record({ kind: fc.constant('cut' as const), at }),
          fc.record({ kind: fc.constant('tear' as const), place: fc.nat() }),
        ),
        (what) => {
          let text: string;
          const changed = [...lines];
          switch (what.kind) {
            case 'change': {
              const octets = Buffer.from(good);
              const place = what.place % octets.length;
              octets[place] ^= what.by;
              fs.writeFileSync(file, octets);
              assert.notDeepEqual(check().faults, []);
              return;
            }
            case 'delete':
              changed.splice(what.at, 1);
              break;
            case 'insert':
              changed.splice(what.at, 0, lines[what.from]);
              break;
            case 'swap':
              fc.pre(what.at !== what.from);
              [changed[what.at], changed[what.from]] = [lines[what.from], lines[what.at]];
              break;
            case 'cut':
              changed.length = what.at;
              break;
            case 'tear':
              text = good.slice(0, what.place % good.length);
              fs.writeFileSync(file, text);
              assert.notDeepEqual(check().faults, []);
              return;
          }
          fs.writeFileSync(file, changed.map((line) => `${line}\n`).join(''));
          assert.notDeepEqual(check().faults, []);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
    fs.writeFileSync(file, good);
    assert.deepEqual(check().faults, []);
  });

  test('says which lines are missing, and that lines were cut off at the end', async () => {
    await write(6);
    const file = path.join(directory, 'audit.log');
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    fs.writeFileSync(file, `${[...lines.slice(0, 2), ...lines.slice(4)].join('\n')}\n`);
    assert.match(check().faults[0].text, /number 5: lines number 3 to 4 are missing before it/);
    fs.writeFileSync(file, `${lines.slice(0, 4).join('\n')}\n`);
    assert.match(check().faults[0].text, /lines number 5 to 6 were cut off at the end/);
  });

  test('lines of another appliance are none of this one', async () => {
    await write(3);
    const other = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-audit-'));
    try {
      const { publicKey } = openAuditKey(other, disk);
      const octets = disk.read(path.join(directory, 'audit.log'))!;
      const { faults } = verifyAudit([{ name: 'audit.log', octets }], publicKey, undefined, true);
      assert.equal(faults.length, 3);
      assert.match(faults[0].text, /signature does not fit/);
    } finally {
      fs.rmSync(other, { recursive: true });
    }
  });

  test('a line that a crash left unfinished is cut off, and nothing that was acknowledged is lost', async () => {
    await write(4);
    const file = path.join(directory, 'audit.log');
    const good = fs.readFileSync(file);
    fs.appendFileSync(file, '{"n":5,"at":"2026-11-21T00:0');
    await write(1);
    assert.deepEqual(check().faults, []);
    assert.equal(check().last, 5);
    assert.ok(fs.readFileSync(file).subarray(0, good.length).equals(good));
  });

  test('a head that a crash tore or left behind is no fault', async () => {
    await write(4);
    const head = path.join(directory, 'audit.head');
    const octets = fs.readFileSync(head);
    // Line 4 stands in the first slot.
    fs.writeFileSync(head, Buffer.concat([octets.subarray(0, 10), Buffer.alloc(246, 0x20), octets.subarray(256)]));
    assert.deepEqual(check().faults, []);
    await write(1);
    assert.deepEqual(check().faults, []);
  });

  test('a log that was cut while hsmd was away is put aside, and the new one says so', async () => {
    await write(4);
    const file = path.join(directory, 'audit.log');
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    fs.writeFileSync(file, `${lines.slice(0, 2).join('\n')}\n`);
    await using log = open();
    assert.match(log.fault ?? '', /lines 3 to 4 were missing at the end/);
    assert.equal(fs.readdirSync(directory).filter((name) => name.startsWith('audit-damaged-')).length, 1);
    await log.append({ kind: 'start', by: 'hsmd', facts: { fault: log.fault ?? '' } });
    // The chain goes on from the head, which knew the line before.
    assert.equal(check(false).faults.length, 0);
    assert.equal(check(false).first, 5);
  });

  test('a log that was taken away is missed', async () => {
    await write(4);
    fs.rmSync(path.join(directory, 'audit.log'));
    await using log = open();
    assert.match(log.fault ?? '', /missing or empty/);
  });

  test('a full disk refuses the event, leaves no half line, and later ones are written', async () => {
    class FullDisk extends NodeDisk {
      isFull = false;
      override openAppend(file: string, mode?: number): ReturnType<NodeDisk['openAppend']> {
        const handle = super.openAppend(file, mode);
        return {
          ...handle,
          append: (octets) => {
            handle.append(this.isFull ? octets.subarray(0, 20) : octets);
            if (this.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
          },
        };
      }
    }
    const full = new FullDisk();
    const log = new MemoryLog();
    const clock = new SimulatedClock(START);
    await using audit = SignedAuditLog.open({ directory }, { disk: full, clock, log });
    const troubles: (string | undefined)[] = [];
    audit.watch(() => troubles.push(audit.trouble));
    await audit.append({ kind: 'start', by: 'hsmd' });
    await audit.ready();
    full.isFull = true;
    const refusal = {
      code: 'HAL_KEYSTORE_ACCESS',
      message: /the audit log cannot be written \(no space left\).*make room/,
    };
    await assert.rejects(audit.append({ kind: 'key made', by: 'rpc 10.0.0.1' }), refusal);
    await assert.rejects(audit.ready(), refusal);
    await assert.rejects(audit.append({ kind: 'login', by: 'console 10.0.0.1' }), refusal);
    assert.equal(log.records.length, 1, 'told once');
    assert.match(log.records[0].text, /cannot be written/);
    full.isFull = false;
    await audit.append({ kind: 'key deleted', by: 'rpc 10.0.0.1' });
    await audit.ready();
    assert.match(log.records[1].text, /can be written again; 2 events could not be recorded/);
    assert.match(fs.readFileSync(path.join(directory, 'audit.log'), 'utf8'), /"kind":"audit resumed".*"notRecorded":2/);
    // By itself, too, when nobody asks.
    full.isFull = true;
    await assert.rejects(audit.append({ kind: 'login', by: 'console 10.0.0.1' }), refusal);
    await clock.advance(4);
    assert.ok(audit.trouble !== undefined);
    full.isFull = false;
    await clock.advance(4);
    assert.equal(audit.trouble, undefined);
    assert.deepEqual(
      troubles.map((trouble) => trouble !== undefined),
      [true, false, true, false],
    );
    const verdict = check();
    assert.deepEqual(verdict.faults, []);
    assert.equal(verdict.last, 4);
  });

  test('a full file that cannot be changed for a new one is so when there is room, and no line is lost or twice', async () => {
    class FullDisk extends NodeDisk {
      isFull = false;
      override openAppend(file: string, mode?: number): ReturnType<NodeDisk['openAppend']> {
        if (this.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        return super.openAppend(file, mode);
      }
    }
    const small = new FullDisk();
    const clock = new SimulatedClock(START);
    await using audit = SignedAuditLog.open(
      { directory, rotateAt: 1200 },
      { disk: small, clock, log: new MemoryLog() },
    );
    small.isFull = true;
    let written = 0;
    for (let i = 0; i < 20 && audit.trouble === undefined; i++)
      await audit.append({ kind: 'login', by: `console 10.0.0.${i}` }).then(
        () => written++,
        () => undefined,
      );
    assert.ok(audit.trouble !== undefined && written > 0);
    await assert.rejects(audit.ready());
    small.isFull = false;
    await audit.ready();
    await audit.append({ kind: 'logout', by: 'console 10.0.0.1' });
    const files = fs.readdirSync(directory).filter((name) => /^audit.*\.log$/.test(name));
    assert.equal(files.length, 2);
    const numbers = files
      .toSorted()
      .flatMap((name) => [...fs.readFileSync(path.join(directory, name), 'utf8').matchAll(/"n":(\d+)/g)])
      .map(([, n]) => Number(n))
      .toSorted((a, b) => a - b);
    assert.deepEqual(
      numbers,
      Array.from({ length: written + 2 }, (_, i) => i + 1),
    );
  });

  test('a key that others may read is refused', async () => {
    await write(1);
    fs.chmodSync(path.join(directory, 'audit-key.pem'), 0o644);
    assert.throws(() => open(), /others may read it: chmod 600/);
  });
});

suite('docs/verify-hsm-audit.py, which knows nothing of our code,', () => {
  let directory: string;
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-audit-'))));
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  test('agrees that a log is whole, and finds each kind of forgery', async () => {
    {
      const dependencies = { disk, clock: new SimulatedClock(START), log: new MemoryLog() };
      await using log = SignedAuditLog.open({ directory, rotateAt: 1200 }, dependencies);
      for (let i = 0; i < 9; i++) await log.append({ kind: 'login', by: `console 10.0.0.${i}`, role: 'wheel' });
    }
    const files = auditFiles(directory, disk);
    assert.ok(files.length > 1);
    const run = (): number | null => {
      const script = new URL('../../../docs/verify-hsm-audit.py', import.meta.url).pathname;
      const key = path.join(directory, 'audit-key.pub');
      return spawnSync('python3', [script, key, '--head', path.join(directory, 'audit.head'), ...files]).status;
    };
    assert.equal(run(), 0);
    for (const forge of [
      (lines: string[]) => lines.with(1, lines[1].replace('wheel', 'so')),
      (lines: string[]) => lines.toSpliced(1, 1),
      (lines: string[]) => lines.toSpliced(1, 0, lines[0]),
      (lines: string[]) => lines.with(0, lines[1]).with(1, lines[0]),
      (lines: string[]) => lines.slice(0, -1),
      (lines: string[]) => lines.with(lines.length - 1, lines.at(-1)!.replace('wheel', 'so')),
    ]) {
      for (const file of [files[0], files.at(-1)!]) {
        const good = fs.readFileSync(file, 'utf8');
        const lines = good.trimEnd().split('\n');
        if (lines.length < 2) continue;
        fs.writeFileSync(file, `${forge(lines).join('\n')}\n`);
        assert.equal(run(), 1, String(forge));
        fs.writeFileSync(file, good);
      }
    }
    assert.equal(run(), 0);
  });
});
