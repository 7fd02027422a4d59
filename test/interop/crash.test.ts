import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { execute, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* Real kills of a real process; the instants within one write are in test/daemon/crash-instants.test.ts. */

const ZONE =
  'zone "dnssec.example" { type primary; file "dnssec.example.db"; dnssec-policy default; inline-signing yes; };';
const KILLS = 12;

function zoneText(serial: number): string {
  const hosts = Array.from({ length: 50 }, (_, i) => `host${i} A 192.0.2.${(serial + i) % 250}`);
  return `$TTL 300\n@ SOA ns host ${serial} 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n${hosts.join('\n')}\n`;
}

test(`kill -9 ${KILLS} times while the zone changes: each start has a valid version, and no serial goes back`, async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  const file = path.join(directory.path, 'dnssec.example.db');
  fs.writeFileSync(file, zoneText(1));
  writeConfiguration(directory.path, ports, ZONE);
  let highest = 0;
  let key: string | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    await using named = await NamedProcess.start(directory.path, ports);
    const copy = path.join(directory.path, 'copy');
    fs.writeFileSync(copy, await named.dig('dnssec.example', 'AXFR', '+onesoa'));
    const verify = await execute('dnssec-verify', ['-z', '-o', 'dnssec.example', copy], directory.path);
    assert.equal(verify.code, 0, `${verify.stderr}\n${named.log}`);
    const serial = Number(/SOA\s+\S+ \S+ (\d+)/.exec(fs.readFileSync(copy, 'latin1'))?.[1]);
    assert.ok(serial >= highest, `${serial} after ${highest}\n${named.log}`);
    highest = serial;
    const keys = fs.readdirSync(directory.path).filter((name) => /^K.*\.key$/.test(name));
    assert.deepEqual(keys, [(key ??= keys[0])]);
    for (let change = 0; change < 3; change++) {
      // Written as editors do, so that the server never reads half of the operator's file.
      fs.writeFileSync(`${file}.new`, zoneText(highest + 1 + change));
      fs.renameSync(`${file}.new`, file);
      named.child.kill('SIGHUP');
      await delay(1 + ((kill * 7 + change * 13) % 23));
      const seen = /\(signed\): serial (\d+)[^]*$/.exec(
        named.log.slice(named.log.lastIndexOf('(signed): serial')),
      )?.[1];
      highest = Math.max(highest, Number(seen ?? 0));
    }
    await named.end('SIGKILL');
  }
});
