import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { readConfiguration } from '../../src/conf/read-configuration.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-listeners-'));
after(() => fs.rmSync(directory, { recursive: true }));

const C = 'cert-file "c.pem"; key-file "k.pem";';

/** One line each, so that lines are the same. */
const CASES = [
  'options { listen-on tls foo { any; }; };',
  'options { listen-on http default { any; }; };',
  'options { listen-on tls none http default { any; }; };',
  'options { listen-on tls none http foo { any; }; };',
  'options { listen-on tls ephemeral http default { any; }; };',
  'options { listen-on tls none { any; }; };',
  'options { listen-on-v6 tls foo { any; }; };',
  'tls a { key-file "x"; };',
  'tls a { cert-file "x"; };',
  `tls a { ${C} protocols { TLSv1.1; }; };`,
  `tls a { ${C} protocols { TLSv1.2; TLSv1.2; }; };`,
  `tls a { ${C} protocols { tlsv1.2; TLSv1.3; }; };`,
  `tls a { ${C} protocols { }; };`,
  `tls a { ${C} ciphers "foo"; };`,
  `tls a { ${C} ciphers "HIGH:!aNULL"; };`,
  `tls a { ${C} ciphers "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"; };`,
  `tls a { ${C} ciphers "TLS_AES_128_GCM_SHA256"; };`,
  `tls a { ${C} }; tls a { ${C} };`,
  `tls ephemeral { ${C} };`,
  `tls none { ${C} };`,
  'tls a { remote-hostname "x"; };',
  'tls a { ca-file "/nonexistent"; };',
  'http default { endpoints { "/x"; }; };',
  'http h { };',
  'http h { endpoints { }; };',
  'http h { endpoints { "foo"; "/dns-query"; "/a?b"; "/a#c"; ""; "/"; "//x"; "/a b"; "/a//b"; "/%41"; "/%4"; "/~a.b_c-d"; "/a:@!$&\'()*+,;=b"; }; };',
  'http h { listener-clients 0; streams-per-connection 0; }; http h { };',
  'options { http-listener-clients 0; http-streams-per-connection 0; tcp-clients 0; tcp-listen-queue 0; };',
  'options { tls-port 0; https-port 0; };',
  'options { allow-transfer port 853 transport tls { any; }; };',
];

test('tls, http and listen-on: what named-checkconf refuses is refused, in its words', () => {
  const file = path.join(directory, 'named.conf');
  for (const text of CASES) {
    fs.writeFileSync(file, text);
    const peer = spawnSync('named-checkconf', [file], { encoding: 'utf8', timeout: 120_000 });
    assert.equal(peer.error, undefined);
    const { faults } = readConfiguration(file, new NodeDisk(), { programVersion: 'x' });
    const errors = faults.filter(({ severity }) => severity === 'error');
    const expected = peer.stdout.split('\n').filter((line) => line !== '');
    assert.deepEqual(errors.map(({ position, message }) => `${position.file}:${position.line}: ${message}`), expected, text); // prettier-ignore
    assert.equal(errors.length > 0, peer.status !== 0, text);
  }
});
