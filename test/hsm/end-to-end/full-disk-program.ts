/**
 * A whole hsmd on a disk that gets full: run by full-disk.test.ts in a mount namespace of its own, with its temporary files on a file system of
 * some megabytes. Ends with exit code 0 when all is as it should be.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, KeyType } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, PINS, setUp, until } from './hsmd-process.ts';
import { generate, type Key, lights, MIRRORED, sign } from './load.ts';

const ballast = path.join(os.tmpdir(), 'ballast');
const FULL = /the audit log cannot be written \(ENOSPC\).*make room|the disk is full.*make room/;

await using hsmd = await HsmdProcess.start();
await setUp(hsmd);
await hsmd.setMirroring(true);
const client = await hsmd.rpc('user');
await using _client = client;
const told: Key[] = [await generate(client, MIRRORED)];
using terminal = await hsmd.console();
await terminal.login();

fill();
// What is left of the last pages is used up by keys and logins.
let refusal: HalError | undefined;
for (let i = 0; i < 200 && refusal === undefined; i++) refusal = await tryToMake();
assert.ok(refusal !== undefined, 'keys were made on a full disk');
assert.equal(refusal.status, HalStatus.KEYSTORE_ACCESS);
assert.match(refusal.message, FULL);
let noLogin: unknown;
for (let i = 0; i < 200 && noLogin === undefined; i++) noLogin = await tryToLogIn();
assert.ok(noLogin instanceof HalError, String(noLogin));
assert.match(noLogin.message, /the audit log cannot be written \(ENOSPC\).*make room/);

// It says so, and what needs no record goes on.
const status = await hsmd.until(({ troubles }) => troubles.length > 0, 'the page tells of the trouble');
assert.deepEqual(lights(status), ['yellow blinks', 'green']);
assert.match(status.troubles[0], /^The audit log cannot be written \(ENOSPC\)/);
assert.equal(status.isLocked, false);
for (const key of told) await sign(client, key);
assert.match(await terminal.run('show status'), /The audit log cannot be written/);
assert.match(await terminal.run('set pin user 9999'), /Error: the audit log cannot be written/);
assert.match(await terminal.run('set ENABLE_ZEROCONF FALSE'), /Error: the audit log cannot be written/);
{
  using other = await hsmd.console();
  await other.expect(/Username: /);
  other.type('wheel');
  await other.expect(/Password: /);
  other.type(PINS.wheel);
  assert.match(await other.expect(/Password: |Username: /), /the audit log cannot be written/);
}

// There is room: all goes on by itself, the PIN is the one of before, and no key is there that nobody was told of.
fs.rmSync(ballast);
await hsmd.until((now) => now.troubles.length === 0 && lights(now).join() === 'green,green', 'it has recovered');
await (await hsmd.rpc('user'))[Symbol.asyncDispose]();
await until(async () => (await findAll(client)).join() === uuids().join(), 'exactly the keys are there that were told');
assert.match(await terminal.run('show settings'), /ENABLE_ZEROCONF[^\r\n]*TRUE/);
told.push(await generate(client, MIRRORED));

// Killed on a full disk it does not start, and says why; with room it is locked, and has all keys.
fill();
for (let i = 0; i < 200 && (await tryToMake()) === undefined; i++);
for (let i = 0; i < 200 && (await tryToLogIn()) === undefined; i++);
await hsmd.kill();
await assert.rejects(hsmd.boot(), /ENOSPC/);
fs.rmSync(ballast);
await hsmd.boot();
assert.equal((await hsmd.status()).isLocked, true);
await assert.rejects(hsmd.rpc('user'), (error: HalError) => error.status === HalStatus.FORBIDDEN);
{
  using again = await hsmd.console();
  await again.login();
}
await hsmd.until(
  ({ isLocked, devices }) => !isLocked && devices.every(({ condition }) => condition === 'up'),
  'it is up',
);
await using last = await hsmd.rpc('user');
for (const key of told) await sign(last, key);
const found = await findAll(last);
for (const uuid of uuids()) assert.ok(found.includes(uuid), `${uuid} is lost`);
await hsmd.stop();
const audit = hsmd.auditVerify();
assert.equal(audit.status, 0, audit.output);
assert.match(fs.readFileSync(path.join(hsmd.state, 'audit/audit.log'), 'utf8'), /"kind":"audit resumed"/);

function fill(): void {
  const file = fs.openSync(ballast, 'w');
  const page = Buffer.alloc(4096, 1);
  try {
    for (;;) fs.writeSync(file, page);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    fs.closeSync(file);
  }
}

/** What was refused; undefined: it was made, and is one of those that must be there. */
async function tryToMake(): Promise<HalError | undefined> {
  try {
    told.push(await generate(client, MIRRORED));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof HalError, String(error));
    return error;
  }
}

async function tryToLogIn(): Promise<unknown> {
  try {
    const other: HsmClient = await hsmd.rpc('user');
    await other[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error;
  }
}

function uuids(): string[] {
  return told.map(({ uuid }) => uuid).sort();
}

async function findAll(one: HsmClient): Promise<string[]> {
  const query = { partition: 0, type: KeyType.NONE, curve: Curve.NONE, mask: 0, flags: 0, attributes: [] };
  return [...(await one.call('KEY_MATCH', { ...query, after: undefined, most: 1000 })).uuids];
}
