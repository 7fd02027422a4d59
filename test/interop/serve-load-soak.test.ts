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
  const seed = Math.floor(Date.now() / 86_400_000);
  const { faults, good, malformed, overStreams } = await soak({
    seconds: 30,
    named: [process.execPath, path.resolve(import.meta.dirname, '../../src/daemon/main.ts')],
    module: MODULE_FILE,
    directory: directory.path,
    port: dns,
    tlsPort: control,
    seed,
  });
  assert.deepEqual(faults, [], `seed ${seed}`);
  assert.ok(
    good.answered > 3000 && malformed.sent > 100_000 && overStreams.connections > 200,
    'hardly anything was asked',
  );
});
