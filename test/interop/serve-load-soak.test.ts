import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { soak } from '../../bench/soak-run.ts';
import { builtModule, MODULE_FILE } from '../net/built-module.ts';
import { freePorts } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* The short form of `npm run soak:serve`. */

test('malformed messages at full rate beside good ones: no crash, no growth, all good ones answered', async () => {
  using directory = temporaryDirectory();
  builtModule();
  const { dns, control } = await freePorts();
  const seed = Number(process.env['SIGNET_SEED'] ?? 7583);
  const { faults, good, malformed, overStreams } = await soak({
    seconds: 30,
    named: [process.execPath, path.resolve(import.meta.dirname, '../../src/daemon/main.ts')],
    module: MODULE_FILE,
    directory: directory.path,
    port: dns,
    tlsPort: control,
    seed,
    // A leak of a hundred octets a message shows in this time; for less there is the long form.
    growth: 96 * 2 ** 20,
  });
  assert.deepEqual(faults, [], `seed ${seed}`);
  const { answered } = good;
  const { connections } = overStreams;
  const figures = `${answered} answers, ${malformed.sent} datagrams, ${connections} connections`;
  assert.ok(answered > 1000 && malformed.sent > 20_000 && connections > 40, `hardly anything was asked: ${figures}`);
});
