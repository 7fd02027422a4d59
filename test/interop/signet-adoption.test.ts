import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { main } from '../../src/tools/signet.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { runPeer } from './keys-peer.ts';

/*
 * Zones whose keys were made by Debian's BIND and Knot, and as an exporter without times leaves them. `signet plan` promises that no
 * rollover will start, and the simulation of a year keeps it.
 */

const ZONE = 'dnssec.example';

const SPLIT = 'ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13;';
const CSK = 'csk lifetime unlimited algorithm 13;';

function inDirectory(keys: string, work: (directory: string) => void): void {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-adoption-'));
  try {
    fs.mkdirSync(path.join(directory, 'keys'));
    fs.writeFileSync(
      path.join(directory, 'named.conf'),
      `options { directory "${directory}"; key-directory "keys"; };
       dnssec-policy tested { keys { ${keys} }; };
       zone "${ZONE}" { type primary; file "${ZONE}.db"; dnssec-policy tested; inline-signing yes; };`,
    );
    work(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

/** Runs Debian's program among the keys. */
function peer(program: string, directory: string, ...words: readonly string[]): string {
  const { code, stdout, stderr } = runPeer(program, words, path.join(directory, 'keys'));
  assert.equal(code, 0, `${program} ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}

interface Answer {
  readonly keys: readonly { readonly name: string; readonly fate: string; readonly until: string | null }[];
  readonly problems: readonly string[];
  readonly result: { readonly kind: string };
  readonly events: readonly { readonly kind: string }[];
}

function ask(directory: string, ...words: readonly string[]): Answer {
  let [out, err] = ['', ''];
  const output = {
    print: (text: string | Uint8Array) => void (out += String(text)),
    complain: (text: string) => void (err += text),
  };
  const makeArena = (): Arena => Arena.create(1 << 24);
  const context = { output, disk: new NodeDisk(), clock: new SimulatedClock(Math.floor(Date.now() / 1000)), makeArena };
  const code = main([words[0], path.join(directory, 'named.conf'), ...words.slice(1), '--format', 'json'], context);
  assert.equal(code, 0, out + err);
  return (JSON.parse(out) as { zones: Answer[] }).zones[0];
}

function assertKept(directory: string, count: number): void {
  const { keys, problems, result } = ask(directory, 'plan');
  assert.deepEqual([result.kind, problems, keys.length], ['no rollover', [], count], JSON.stringify(keys));
  assert.ok(keys.every(({ fate, until }) => (fate === 'kept' || fate === 'taken up') && until === null));
  const { events } = ask(directory, 'simulate', '--years', '1');
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'key made' || kind === 'key retired'),
    [],
  );
}

/** Published and active for more than a year, as arguments of dnssec-keygen and dnssec-settime. */
const OLD = ['-P', 'now-400d', '-A', 'now-400d'];
const OLD_SYNC = ['-P', 'sync', 'now-399d'];

test("keys of BIND's dnssec-keygen with their times: no rollover will start", () =>
  inDirectory(SPLIT, (directory) => {
    peer('dnssec-keygen', directory, '-q', '-a', '13', '-f', 'KSK', ...OLD, ...OLD_SYNC, ZONE);
    peer('dnssec-keygen', directory, '-q', '-a', '13', ...OLD, ZONE);
    assertKept(directory, 2);
  }));

test("a key of BIND's dnssec-policy with its state: no rollover will start", () =>
  inDirectory(CSK, (directory) => {
    const key = peer('dnssec-keygen', directory, '-q', '-k', 'default', ...OLD, ZONE);
    const known = (letter: string): string[] => [letter, 'OMNIPRESENT', 'now-390d'];
    const states = [...known('-k'), ...known('-r'), ...known('-z'), ...known('-d')];
    peer('dnssec-settime', directory, '-s', '-g', 'OMNIPRESENT', ...states, key);
    assertKept(directory, 1);
  }));

test('keys that were exported without times, as signers with keys in a token do, once dnssec-settime has told them', () =>
  inDirectory(SPLIT, (directory) => {
    const ksk = peer('dnssec-keygen', directory, '-q', '-C', '-a', '13', '-f', 'KSK', ZONE);
    const zsk = peer('dnssec-keygen', directory, '-q', '-C', '-a', '13', ZONE);
    peer('dnssec-settime', directory, '-f', ...OLD, ...OLD_SYNC, ksk);
    peer('dnssec-settime', directory, '-f', ...OLD, zsk);
    assertKept(directory, 2);
  }));

test("keys of Knot's keymgr, converted to BIND's form: no rollover will start", () =>
  inDirectory(SPLIT, (directory) => {
    const storage = path.join(directory, 'knot');
    fs.mkdirSync(storage);
    const configuration = path.join(directory, 'knot.conf');
    fs.writeFileSync(
      configuration,
      `database:\n    storage: "${storage}"\npolicy:\n  - id: p\n    algorithm: ecdsap256sha256\nzone:\n  - domain: ${ZONE}\n    dnssec-policy: p\n`,
    );
    const times = ['created=t-400d', 'publish=t-400d', 'active=t-400d'];
    for (const role of ['ksk=yes', 'ksk=no'])
      peer('/usr/sbin/keymgr', directory, '-c', configuration, ZONE, 'generate', role, ...times);
    for (const line of peer('/usr/sbin/keymgr', directory, '-c', configuration, ZONE, 'list').split('\n')) {
      const [id, , role] = line.split(/\s+/);
      const pem = fs.readFileSync(path.join(storage, 'keys', 'keys', `${id}.pem`));
      const base = writeBindKey(path.join(directory, 'keys'), pem, role === 'KSK' ? 257 : 256);
      peer('dnssec-settime', directory, '-f', ...OLD, ...(role === 'KSK' ? OLD_SYNC : []), base);
    }
    assertKept(directory, 2);
  }));

/** A P-256 key in PKCS#8 as the files that `dnssec-keygen -C` would make of it; returns the base of their names. */
function writeBindKey(directory: string, pem: Buffer, flags: number): string {
  const { d, x, y } = createPrivateKey(pem).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')]);
  const rdata = Buffer.concat([Buffer.of(flags >> 8, flags & 0xff, 3, 13), point]);
  // RFC 4034 appendix B.
  const sum = rdata.reduce((total, octet, i) => total + (i % 2 === 0 ? octet << 8 : octet), 0);
  const tag = (sum + (sum >>> 16)) & 0xffff;
  const base = `K${ZONE}.+013+${String(tag).padStart(5, '0')}`;
  const secret = Buffer.from(d!, 'base64url').toString('base64');
  const text = `Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: ${secret}\n`;
  fs.writeFileSync(path.join(directory, `${base}.private`), text, { mode: 0o600 });
  fs.writeFileSync(
    path.join(directory, `${base}.key`),
    `${ZONE}. IN DNSKEY ${flags} 3 13 ${point.toString('base64')}\n`,
  );
  return base;
}

test('keys that start a rollover are announced: another algorithm than that of the policy', () =>
  inDirectory(SPLIT, (directory) => {
    peer('dnssec-keygen', directory, '-q', '-a', '15', '-f', 'KSK', ...OLD, ...OLD_SYNC, ZONE);
    peer('dnssec-keygen', directory, '-q', '-a', '15', ...OLD, ZONE);
    assert.equal(ask(directory, 'plan').result.kind, 'starts rollover');
    const { events } = ask(directory, 'simulate', '--years', '0.2');
    assert.equal(events.filter(({ kind }) => kind === 'key made').length, 2);
  }));
