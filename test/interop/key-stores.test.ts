import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { main as keygen } from '../../src/tools/dnssec-keygen.ts';
import { main as signet } from '../../src/tools/signet.ts';
import { processSignetContext } from '../../src/tools/signet-context.ts';
import { runOurs } from './keys-peer.ts';
import { freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* BIND 9.20's key-store with our named, BIND's rndc, and the commands that read keys. */

const STORES = `key-store "ksks" { directory "ksks"; };
key-store "zsks" { directory "zsks"; };
key-store "more" { directory "more"; };
`;
const policy = (ksk: string, zsk: string, lifetime = 'unlimited'): string => `dnssec-policy "p" {
  dnskey-ttl 1; max-zone-ttl 1; publish-safety 0; retire-safety 0; zone-propagation-delay 1; keys {
  ksk ${ksk} lifetime unlimited algorithm 13 tag-range 0 32767;
  zsk ${zsk} lifetime ${lifetime} algorithm 13 tag-range 32768 65535; }; };
`;
const zone = (name: string): string =>
  `zone "example" { type primary; file "example.db"; dnssec-policy ${name}; inline-signing yes; key-directory "keys"; };`;
const ZONE_TEXT = '$TTL 1\n@ SOA ns1 host 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.1\n';

function basesIn(directory: string, store: string): string[] {
  return fs
    .readdirSync(path.join(directory, store))
    .filter((name) => name.endsWith('.key'))
    .map((name) => name.slice(0, -4));
}

function run(words: readonly string[]): string {
  let text = '';
  const print = (more: string | Uint8Array): void => void (text += Buffer.from(more).toString('latin1'));
  signet(words, { ...processSignetContext(), output: { print, complain: print } });
  return text;
}

function prepare(directory: string): void {
  for (const name of ['ksks', 'zsks', 'more', 'keys']) fs.mkdirSync(path.join(directory, name));
  fs.writeFileSync(path.join(directory, 'example.db'), ZONE_TEXT);
}

test(
  'S-060 (part) S-063 (part) keys are made, rolled, shown and explained in the stores of their lines',
  { timeout: 500_000 },
  async () => {
    using temporary = temporaryDirectory();
    const directory = temporary.path;
    prepare(directory);
    const ports = await freePorts();
    const configure = (text: string): void => writeConfiguration(directory, ports, text);
    configure(STORES + policy('key-store "ksks"', 'key-store "zsks"') + zone('p'));
    await using named = await NamedProcess.start(directory, ports);
    const isSigned = async (): Promise<boolean> =>
      (await named.rndc('zonestatus', 'example')).stdout.includes('secure: yes');
    await until(isSigned, 'signed');
    const [ksk] = basesIn(directory, 'ksks');
    const [zsk] = basesIn(directory, 'zsks');
    const tag = (base: string): number => Number(base.slice(-5));
    assert.ok(tag(ksk) <= 32_767 && tag(zsk) >= 32_768);
    assert.deepEqual([basesIn(directory, 'keys'), basesIn(directory, 'more')], [[], []]);

    // A command finds the key in its store, and what it changes is kept there.
    const rolled = await named.rndcUntil(
      /DNSKEY example\/ECDSAP256SHA256\/\d+ \(ZSK\) created/,
      'dnssec',
      '-rollover',
      '-key',
      String(tag(zsk)),
      'example',
    );
    assert.equal(rolled.code, 0, rolled.stderr);
    await until(() => basesIn(directory, 'zsks').length === 2, 'a successor in the same store');
    const status = (await named.rndc('dnssec', '-status', 'example')).stdout;
    for (const base of [ksk, ...basesIn(directory, 'zsks')]) assert.ok(status.includes(`key: ${tag(base)} `), status);

    // The commands that plan and explain see the same keys.
    const file = path.join(directory, 'named.conf');
    for (const words of [
      ['explain', 'example', '-c', file],
      ['plan', file],
      ['simulate', file, '--years', '1'],
    ]) {
      const text = run(words);
      assert.ok(text.includes(String(tag(ksk))), `${words.join(' ')}:\n${text}`);
    }

    // Another store for new keys: those that are there stay where they are, and go on signing.
    configure(STORES + policy('key-store "ksks"', 'key-store "more"') + zone('p'));
    assert.equal((await named.rndc('reconfig')).code, 0);
    await until(isSigned, 'signed');
    assert.equal(basesIn(directory, 'zsks').length, 2);
    assert.deepEqual(basesIn(directory, 'more'), []);
    const later = (await named.rndc('dnssec', '-status', 'example')).stdout;
    for (const base of [ksk, ...basesIn(directory, 'zsks')]) assert.ok(later.includes(`key: ${tag(base)} `), later);

    // A policy without keys finds them all the same, and the zone is not left without signatures.
    configure(STORES + zone('insecure'));
    await named.rndcUntil(/CDS \(DELETE\) for zone example is now published/, 'reconfig');
    assert.match(await named.dig('example', 'DNSKEY', '+dnssec'), /RRSIG/);
    assert.deepEqual(basesIn(directory, 'keys'), []);
  },
);

test('S-060 (part) S-063 (part) dnssec-keygen -k makes keys in the stores of their lines, with tags in their ranges', () => {
  using temporary = temporaryDirectory();
  const directory = temporary.path;
  prepare(directory);
  const at = (name: string): string => path.join(directory, name);
  const stores = STORES.replaceAll(/directory "(\w+)"/g, (_, name: string) => `directory "${at(name)}"`);
  const file = at('policy.conf');
  fs.writeFileSync(file, stores + policy('key-store "ksks"', 'key-directory'));
  const made = runOurs(keygen, ['-q', '-k', 'p', '-l', file, '-K', at('keys'), 'example'], directory, 1_795_000_000);
  assert.equal(made.code, 0, made.stderr);
  const [ksk, zsk] = made.stdout.trim().split('\n');
  assert.deepEqual([basesIn(directory, 'ksks'), basesIn(directory, 'keys')], [[ksk], [zsk]]);
  assert.ok(Number(ksk.slice(-5)) <= 32_767 && Number(zsk.slice(-5)) >= 32_768);
});
