import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { HsmdProcess, LIMIT, type Program, setUp } from './hsmd-process.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** Of capabilities(7): CAP_NET_BIND_SERVICE, for ports below 1024. */
const ONLY_LOW_PORTS = 1n << 10n;

/** What is shown to everybody anyway may be copied from where it lies; nobody but the user enters the directory. */
const PUBLIC = ['serial-number', 'audit/audit-key.pub', 'tls/certificate.pem'];

/** A process as /proc shows it. */
interface Seen {
  readonly name: string;
  readonly pid: number;
  readonly status: ReadonlyMap<string, string>;
}

test(
  '--user: all processes are that user and stay it, show their memory to nobody, and keep what they write to themselves',
  { timeout: 900_000 },
  async (t) => {
    const isRoot = process.getuid?.() === 0;
    const { username, uid, gid } = isRoot ? accountOf('nobody') : os.userInfo();
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-program-'));
    try {
      if (!isRoot) {
        t.diagnostic(
          `not root: judged as ${username}, who started it; that it is put into the hands of another user was not tried`,
        );
        refusesAnother(directory);
      }
      const program =
        isRoot && !canRead(uid, path.join(ROOT, 'src/daemon/hsmd.ts')) ? copyOfProgram(directory) : undefined;
      await using hsmd = await HsmdProcess.startFor(username, { uid, gid }, program);
      assert.match(await setUp(hsmd), /Success/);
      const processes = [
        see('hsmd', hsmd.pid),
        ...[0, 1].map((index) => see(`device ${index}`, hsmd.deviceProcess(index))),
        ...[0, 1].map((index) => see(`watchdog ${index}`, hsmd.watchdogProcess(index))),
      ];
      for (const one of processes) {
        isOnly(one, uid, gid);
        if (isRoot) hasNoWayBack(one);
        showsNothing(one);
        if (one.name.startsWith('watchdog')) locksItsKey(one, hsmd.output);
      }
      keepsItsFiles(hsmd.state, uid);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  },
);

/** Real, effective, saved and file system ids; no group but its own. */
function isOnly({ name, status }: Seen, uid: number, gid: number): void {
  assert.deepEqual(numbers(status.get('Uid')), [uid, uid, uid, uid], name);
  assert.deepEqual(numbers(status.get('Gid')), [gid, gid, gid, gid], name);
  assert.ok(!numbers(status.get('Groups')).includes(0), `${name} is in root's group`);
}

/** No program that it starts can give it more, and it has no right itself but to open low ports. */
function hasNoWayBack({ name, status }: Seen): void {
  assert.equal(status.get('NoNewPrivs'), '1', name);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.equal(BigInt(`0x${status.get(set)}`) & ~ONLY_LOW_PORTS, 0n, `${name}: ${set} ${status.get(set)}`);
}

/** prctl(2) PR_SET_DUMPABLE 0: what /proc has of the process belongs to root, and no other process of the user may look; no core files. */
function showsNothing({ name, pid }: Seen): void {
  assert.equal(fs.statSync(`/proc/${pid}/maps`).uid, 0, `${name} can be read by its user`);
  assert.match(fs.readFileSync(`/proc/${pid}/limits`, 'latin1'), /^Max core file size +0 +0 /m, name);
}

/** mlock(2), or the log says that it was refused. */
function locksItsKey({ name, status }: Seen, log: string): void {
  const isLocked = numbers(status.get('VmLck'))[0] > 0;
  assert.ok(isLocked || /cannot be kept from swap/.test(log), `${name} has locked nothing, and says nothing of it`);
}

function keepsItsFiles(state: string, uid: number): void {
  const entries = fs.readdirSync(state, { recursive: true, withFileTypes: true });
  const files = [state, ...entries.map((entry) => path.join(entry.parentPath, entry.name))];
  assert.ok(files.length > 15, files.join('\n'));
  for (const file of files) {
    const facts = fs.lstatSync(file, { throwIfNoEntry: false });
    if (facts === undefined) continue; // replaced just now
    assert.equal(facts.uid, uid, file);
    const others = PUBLIC.includes(path.relative(state, file)) ? 0o033 : 0o077;
    assert.equal(facts.mode & others, 0, `${file} has mode ${(facts.mode & 0o777).toString(8)}`);
  }
}

/** Who is not root can become nobody else, and is told so. */
function refusesAnother(directory: string): void {
  const words = ['--state', path.join(directory, 'state'), '--user', 'root'];
  const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'src/daemon/hsmd.ts'), ...words], {
    encoding: 'utf8',
    timeout: LIMIT,
  });
  assert.equal(status, 1);
  assert.match(stderr, /cannot become user 'root': start hsmd as root or as that user/);
}

function see(name: string, pid: number): Seen {
  const lines = fs.readFileSync(`/proc/${pid}/status`, 'latin1').split('\n');
  return { name, pid, status: new Map(lines.map((line) => [line.split(':')[0], line.slice(line.indexOf(':') + 1).trim()])) }; // prettier-ignore
}

function numbers(words = ''): number[] {
  return words === '' ? [] : words.split(/\s+/).map((word) => parseInt(word, 10));
}

function accountOf(username: string): { readonly username: string; readonly uid: number; readonly gid: number } {
  const id = (option: string): number => Number(spawnSync('id', [option, username], { encoding: 'latin1' }).stdout);
  const [uid, gid] = [id('-u'), id('-g')];
  assert.ok(uid > 0 && gid > 0, `there is no user '${username}'`);
  return { username, uid, gid };
}

function canRead(uid: number, file: string): boolean {
  return spawnSync('setpriv', [`--reuid=${uid}`, '--clear-groups', '--', 'test', '-r', file]).status === 0;
}

/** A checkout in somebody's home: the user gets a copy. */
function copyOfProgram(directory: string): Program {
  for (const name of ['package.json', 'src', 'node_modules', '.build/native']) {
    const to = path.join(directory, name);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    assert.equal(spawnSync('cp', ['-a', path.join(ROOT, name), to]).status, 0, `${name} cannot be copied`);
  }
  assert.equal(spawnSync('chmod', ['-R', 'a+rX', directory]).status, 0);
  const node = path.join(directory, path.relative(ROOT, process.execPath));
  return { node, hsmd: path.join(directory, 'src/daemon/hsmd.ts') };
}
