import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

const conf = (isManual: boolean): string => `dnssec-policy "p" { ${isManual ? 'manual-mode yes;' : ''}
  dnskey-ttl 1; max-zone-ttl 1; publish-safety 0; retire-safety 0; zone-propagation-delay 1;
  keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };
zone "example" { type primary; file "example.db"; dnssec-policy p; inline-signing yes; };`;

test(
  "S-062 (part) BIND's rndc steps our named through a first signing and a rollover",
  { timeout: 500_000 },
  async () => {
    using temporary = temporaryDirectory();
    const directory = temporary.path;
    const text = '$TTL 1\n@ SOA ns1 host 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.1\n';
    fs.writeFileSync(path.join(directory, 'example.db'), text);
    const ports = await freePorts();
    writeConfiguration(directory, ports, conf(true));
    await using named = await NamedProcess.start(directory, ports);
    const ask = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await named.rndc('dnssec', ...words, 'example');
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const keys = (): string[] => fs.readdirSync(directory).filter((name) => /^Kexample.*\.key$/.test(name));
    await named.line(/keymgr-manual-mode: block new key generation for zone example \(policy p\)/);
    assert.deepEqual(keys(), []);
    assert.match(await ask('-status'), /to have it begin: rndc dnssec -step example/);
    assert.match(await ask('-step'), /^Begins now:\n/);
    await until(async () => (await named.rndc('zonestatus', 'example')).stdout.includes('secure: yes'), 'signed');
    assert.equal(keys().length, 2);

    const zsk = /key: (\d+) \(ECDSAP256SHA256\), ZSK/.exec(await ask('-status'))![1];
    await ask('-rollover', '-key', zsk);
    await named.line(
      new RegExp(`keymgr-manual-mode: block ZSK rollover for key example/ECDSAP256SHA256/${zsk} \\(policy p\\)`),
    );
    assert.equal(keys().length, 2);
    assert.match(await ask('-step'), new RegExp(`key ${zsk} .*its rollover waits`));
    await until(() => keys().length === 3, 'a successor');
    await named.line(
      /keymgr-manual-mode: block transition ZSK example\/ECDSAP256SHA256\/\d+ type ZRRSIG state HIDDEN to state RUMOURED/,
    );

    writeConfiguration(directory, ports, conf(false));
    assert.equal((await named.rndc('reconfig')).code, 0);
    await named.line(new RegExp(`DNSKEY example/ECDSAP256SHA256/${zsk} \\(ZSK\\) is now inactive by policy p`));
    assert.match(await ask('-step'), /has no manual-mode: nothing waits for this command/);
    const missing = await named.rndc('dnssec', '-step');
    assert.notEqual(missing.code, 0);
  },
);
