import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { main as journalprint } from '../../src/tools/named-journalprint.ts';
import { Arena, type VersionRef } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { FULL_FORMAT, printZoneToFile } from '../../src/zone/print-zone.ts';
import { Journal } from '../../src/zone/journal/journal.ts';
import { appendDiff, rollForward } from '../../src/zone/journal/roll-forward.ts';
import { until } from './named-process.ts';
import { freePort, HOST } from './serve-peers.ts';

/* Journals both ways: Debian's named and named-journalprint read ours, we read theirs. */

const APEX = mustName('dyn.example.');
const ZONE = `$TTL 300
@ IN SOA ns.dyn.example. h.dyn.example. 10 3600 600 86400 300
@ IN NS ns
ns IN A 127.0.0.1
a IN A 192.0.2.1
`;
const disk = new NodeDisk();
const directories: string[] = [];
after(() => {
  for (const directory of directories) fs.rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'journal-peer-'));
  directories.push(directory);
  return directory;
}

/** The records of ZONE in our store. */
function loadText(): { arena: Arena; store: ZoneStore; version: VersionRef } {
  const arena = Arena.create(8 << 20);
  const store = new ZoneStore({ apex: APEX }, { arena, extents: new ExtentPool(arena) });
  const loader = store.load();
  const add = (owner: string, type: number, text: string): void => {
    const rdata = rdataFromText(type, text, APEX);
    loader.add(mustName(owner, APEX), 0, type, 300, rdata, 0, rdata.length);
  };
  add('@', TYPE.SOA, 'ns.dyn.example. h.dyn.example. 10 3600 600 86400 300');
  add('@', TYPE.NS, 'ns');
  add('ns', TYPE.A, '127.0.0.1');
  add('a', TYPE.A, '192.0.2.1');
  return { arena, store, version: loader.finish() };
}

function addresses(arena: Arena, version: VersionRef): string[] {
  const reader = new ZoneReader(arena).open(version);
  const lines: string[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    const rrset = reader.rrset(node, TYPE.A);
    for (const rdata of rrset === 0 ? [] : reader.rdataAll(rrset))
      lines.push(`${nameToText(reader.owner(node))} ${reader.ttl(rrset)} ${rdata.join('.')}`);
  }
  return lines;
}

/** named with the zone in `directory`, until it answers; ended when disposed of. */
async function startNamed(
  directory: string,
  statements = '',
): Promise<{ port: number; child: ChildProcess } & AsyncDisposable> {
  const port = await freePort();
  fs.writeFileSync(
    path.join(directory, 'named.conf'),
    `options { directory "${directory}"; listen-on port ${port} { ${HOST}; }; listen-on-v6 { none; };
       pid-file none; session-keyfile none; recursion no; dnssec-validation no; };
     controls { };
     dnssec-policy csk { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; nsec3param iterations 0; };
     zone "dyn.example" { type primary; file "dyn.db"; allow-update { any; }; allow-transfer { any; }; ${statements} };\n`,
  );
  const child = spawn('named', ['-g', '-c', path.join(directory, 'named.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (piece: Buffer) => (log += piece.toString('latin1')));
  const ended = once(child, 'exit');
  await until(() => / running\n/.test(log) || child.exitCode !== null, 'named runs');
  assert.match(log, / running\n/);
  assert.doesNotMatch(log, /address in use/);
  return {
    port,
    child,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function command(program: string, args: readonly string[], input?: string): string {
  const run = spawnSync(program, args, { input, timeout: 120_000, encoding: 'latin1' });
  assert.equal(run.status, 0, `${program} ${args.join(' ')}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

function ours(...argv: string[]): string {
  let text = '';
  const output = {
    print: (piece: string | Uint8Array) => (text += typeof piece === 'string' ? piece : Buffer.from(piece).toString()),
    complain: (piece: string) => (text += piece),
  };
  assert.equal(journalprint(argv, { output, disk }), 0, text);
  return text;
}

/** Three versions with a journal that leads to the last. */
function writeJournal(file: string): { arena: Arena; last: VersionRef } {
  const { arena, store, version } = loadText();
  const journal = Journal.openOrCreate(file, { disk });
  let last = version;
  for (let serial = 11; serial <= 13; serial++) {
    const edit = store.edit(last);
    edit.setRRset(APEX, TYPE.SOA, 300, [rdataFromText(TYPE.SOA, `ns h ${serial} 3600 600 86400 300`, APEX)]);
    edit.setRRset(mustName(`n${serial}`, APEX), TYPE.A, 60, [Uint8Array.of(10, 0, 0, serial)]);
    edit.deleteRRset(mustName('a', APEX), TYPE.A);
    const text = rdataFromText(TYPE.TXT, `"long ${'x'.repeat(200)}" "serial ${serial}"`, APEX);
    edit.setRRset(mustName('A.rather.long.owner', APEX), TYPE.TXT, serial, [text]);
    const next = edit.commit();
    appendDiff(journal, arena, last, next, { sourceSerial: serial });
    last = next;
  }
  journal.close();
  return { arena, last };
}

test('named-journalprint of BIND reads ours, and ours prints the same lines', () => {
  const file = path.join(newDirectory(), 'dyn.db.jnl');
  writeJournal(file);
  for (const options of [[], ['-x']])
    assert.equal(ours(...options, file), command('named-journalprint', [...options, file]));
  const lines = ours(file);
  command('named-journalprint', ['-d', file]);
  assert.equal(ours(file), lines);
  assert.match(ours('-x', file), /Journal format = BIND LOG V9\n/);
  ours('-u', file);
  assert.equal(command('named-journalprint', [file]), lines);
  ours('-d', file);
  assert.equal(command('named-journalprint', ['-x', file]), ours('-x', file));
  ours('-c', '12', file);
  assert.match(command('named-journalprint', ['-x', file]), /Start serial = 12\nEnd serial = 13\n/);
});

test('named rolls a zone forward by our journal', async () => {
  const directory = newDirectory();
  fs.writeFileSync(path.join(directory, 'dyn.db'), ZONE);
  const { arena, last } = writeJournal(path.join(directory, 'dyn.db.jnl'));
  await using named = await startNamed(directory);
  const dig = ['-p', String(named.port), `@${HOST}`, '+tcp', '+noall', '+answer', 'dyn.example', 'AXFR'];
  const transfer = command('dig', dig).trim().split('\n');
  const served = transfer
    .map((line) => line.split(/\s+/))
    .filter(([, , , type]) => type === 'A')
    .map(([owner, ttl, , , address]) => `${owner} ${ttl} ${address}`);
  assert.deepEqual(served.toSorted(), addresses(arena, last).toSorted());
  assert.match(transfer[0], / 13 3600 600 86400 300$/);
});

test('a zone rolls forward by the journal that named wrote, killed after its last update', async () => {
  const directory = newDirectory();
  fs.writeFileSync(path.join(directory, 'dyn.db'), ZONE);
  {
    await using named = await startNamed(directory);
    for (let i = 1; i <= 3; i++) {
      const lines = [
        `server ${HOST} ${named.port}`,
        'zone dyn.example',
        `update add n${i}.dyn.example 60 A 10.0.0.${i}`,
        'update delete a.dyn.example A',
        `update add N1.dyn.example ${60 + i} A 10.0.1.${i}`,
        'send',
        '',
      ];
      command('nsupdate', [], lines.join('\n'));
    }
  }
  const journal = Journal.open(path.join(directory, 'dyn.db.jnl'), { disk })!;
  const { arena, store, version } = loadText();
  const rolled = rollForward(journal, store, arena, version);
  assert.equal(new ZoneReader(arena).open(rolled).serial, journal.endSerial);
  // An owner's letters are those of whoever wrote it first.
  assert.deepEqual(
    addresses(arena, rolled).map((line) => line.toLowerCase()),
    [
      'n1.dyn.example. 63 10.0.0.1',
      'n1.dyn.example. 63 10.0.1.1',
      'n1.dyn.example. 63 10.0.1.2',
      'n1.dyn.example. 63 10.0.1.3',
      'n2.dyn.example. 60 10.0.0.2',
      'n3.dyn.example. 60 10.0.0.3',
      'ns.dyn.example. 300 127.0.0.1',
    ],
  );
  assert.equal(ours(journal.path), command('named-journalprint', [journal.path]));
  journal.close();
});

test('a zone that named signed is what its journal makes of the unsigned zone', async () => {
  const directory = newDirectory();
  fs.writeFileSync(path.join(directory, 'dyn.db'), ZONE);
  const file = path.join(directory, 'rolled.db');
  await using _ = await startNamed(directory, 'dnssec-policy csk; inline-signing yes; max-journal-size unlimited;');
  // named signs in steps, each a transaction; dnssec-verify says when the last is there.
  await until(() => {
    const journal = Journal.open(path.join(directory, 'dyn.db.signed.jnl'), { disk });
    if (journal === undefined) return false;
    const { arena, store, version } = loadText();
    const rolled = rollForward(journal, store, arena, version);
    journal.close();
    printZoneToFile(file, rolled, FULL_FORMAT, { arena, disk });
    const run = spawnSync('dnssec-verify', ['-z', '-o', 'dyn.example', file], { encoding: 'latin1', timeout: 120_000 });
    return (run.stdout + run.stderr).includes('Zone fully signed');
  }, 'the zone is fully signed');
  assert.match(fs.readFileSync(file, 'latin1'), /NSEC3PARAM/);
});
