import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { execute, freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { freePort, HOST } from './serve-peers.ts';
import { makeCertificate, ZONE } from './tls-files.ts';

function newDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-xot-'));
  after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Our primary; transfers go over TLS alone. `authority`: clients need a certificate from it. */
async function primary(authority?: string): Promise<{ named: NamedProcess; tls: number; directory: string }> {
  const directory = newDirectory();
  makeCertificate(directory, 'a');
  fs.writeFileSync(path.join(directory, 'z.db'), ZONE);
  const ports = await freePorts();
  const tls = await freePort();
  const mutual = authority === undefined ? '' : `ca-file "${authority}";`;
  const blocks = `tls a { cert-file "a.pem"; key-file "a.key"; ${mutual} };`;
  const options = `listen-on port ${tls} tls a { ${HOST}; }; allow-transfer port ${tls} transport tls { ${HOST}; };`;
  writeConfiguration(directory, ports, `${blocks} zone "example" { type primary; file "z.db"; };`, { options });
  return { named: await NamedProcess.start(directory, ports), tls, directory };
}

/** Debian's BIND as the secondary, with this `tls` block. */
async function secondary(port: number, block: string): Promise<NamedProcess> {
  const directory = newDirectory();
  const zone = `zone "example" { type secondary; file "z.bk"; masterfile-format text; primaries { ${HOST} port ${port} tls x; }; };`;
  const ports = await freePorts();
  writeConfiguration(directory, ports, `tls x { ${block} }; ${zone}`);
  return NamedProcess.start(directory, ports, 'debian');
}

describe('zone transfers over TLS (XoT)', { timeout: 500_000 }, () => {
  test('RFC 9103: a BIND secondary, opportunistic and strict, gets the zone and its changes', async () => {
    const { named, tls, directory } = await primary();
    await using _ = named;
    await using loose = await secondary(tls, 'protocols { TLSv1.3; };');
    await using strict = await secondary(tls, `ca-file "${directory}/a.pem"; remote-hostname "ns.example";`);
    for (const peer of [loose, strict])
      await until(async () => (await peer.dig('www.example', 'A')).includes('192.0.2.2'), 'the secondary has the zone');
    fs.writeFileSync(
      path.join(directory, 'z.db'),
      ZONE.replace(' 1 3600', ' 2 3600').replace('192.0.2.2', '192.0.2.3'),
    );
    await named.rndcUntil(/zone example\/IN: loaded serial 2/, 'reload', 'example');
    for (const peer of [loose, strict]) {
      await peer.rndc('refresh', 'example');
      await until(
        async () => (await peer.dig('www.example', 'A')).includes('192.0.2.3'),
        'the secondary has the change',
      );
    }
  });

  test('RFC 9103 section 9.3.3: mutual TLS, only with a certificate of the authority', async () => {
    const known = newDirectory();
    makeCertificate(known, 'client');
    makeCertificate(known, 'stranger');
    const { named, tls, directory } = await primary(path.join(known, 'client.pem'));
    await using _ = named;
    // BIND shows its own certificate only to servers whose certificate it checks.
    const strict = `ca-file "${directory}/a.pem"; remote-hostname "ns.example";`;
    const files = (name: string): string =>
      `cert-file "${known}/${name}.pem"; key-file "${known}/${name}.key"; ${strict}`;
    await using friend = await secondary(tls, files('client'));
    await until(async () => (await friend.dig('www.example', 'A')).includes('192.0.2.2'), 'the secondary has the zone');
    await using stranger = await secondary(tls, files('stranger'));
    await stranger.line(/transfer of 'example\/IN' from .*(?:failed|Transfer status)|refresh: (?:failure|retry limit)/);
    assert.doesNotMatch(await stranger.dig('www.example', 'A'), /192\.0\.2\.2/);
  });

  test('allow-transfer port and transport: elsewhere it is refused, and the log says so', async () => {
    const { named, tls } = await primary();
    await using _ = named;
    const over = (...how: string[]) => execute('dig', [`@${HOST}`, ...how, 'example', 'AXFR']);
    assert.match((await over('-p', String(tls), '+tls')).stdout, /XFR size: 5 records/);
    assert.match((await over('-p', String(named.ports.dns))).stdout, /Transfer failed/);
    await named.line(/zone transfer 'example\/AXFR\/IN' denied/);
    // Without the token "dot" (RFC 9103 section 7.1) BIND's client itself gives up; kdig sends it.
    const kdig = await execute('kdig', [`@${HOST}`, '-p', String(tls), '+tls', 'example', 'AXFR']);
    assert.match(kdig.stdout, /5 records/);
  });
});
