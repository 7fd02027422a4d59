import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fromBase64 } from '../../src/base/base64.ts';
import { SimulatedClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { dnskeyRdata } from '../../src/crypto/dnskey.ts';
import { parentRecords } from '../../src/explain/parent-records.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { removeDirectory, runPeer, temporaryDirectory } from './keys-peer.ts';

const ZONE = mustName('parent-form.example.');
const POLICY = { ...DEFAULT_POLICY, cdsDigestTypes: [2, 4], dnskeyTtl: 300, parentDsTtl: 7200, cdnskey: true };

describe('explain: what a parent asks for', () => {
  const directory = temporaryDirectory();
  after(() => removeDirectory(directory));
  for (const algorithm of ['RSASHA256', 'ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519', 'ED448'])
    mustRun('dnssec-keygen', ['-a', algorithm, '-f', 'KSK', '-L', '300', 'parent-form.example'], directory);
  const store = new FileKeyStore({ directory }, { disk: new NodeDisk(), clock: new SimulatedClock(0), log: silentLog });
  const { keys } = store.list(ZONE);

  it('S-130 (part), S-158 (part) DS and CDS are those that BIND makes of the key', () => {
    assert.equal(keys.length, 5);
    for (const { fileBase, dnskey } of keys) {
      const { ds, cds } = parentRecords(ZONE, dnskey, POLICY);
      const theirs = (argv: readonly string[]): string[] =>
        ['-2', '-aSHA-384'].flatMap((digest) =>
          mustRun('dnssec-dsfromkey', [digest, ...argv, fileBase], directory)
            .trim()
            .split('\n'),
        );
      assert.deepEqual(ds, theirs(['-T', '7200']));
      assert.deepEqual(cds, theirs(['-C', '-T', '300']));
    }
  });

  it('S-162 (part) the fields of a form and of a key are those of the records, in the forms that registrars ask for', () => {
    for (const { dnskey, tag, algorithm } of keys) {
      const { ds, dsFields, keyFields, cdnskey } = parentRecords(ZONE, dnskey, POLICY);
      assert.deepEqual(
        dsFields.map((field) => `parent-form.example. 7200 IN DS ${Object.values(field).join(' ')}`),
        ds,
      );
      assert.deepEqual([dsFields[0].keyTag, dsFields[0].algorithm, dsFields[0].digestType], [tag, algorithm, 2]);
      assert.match(dsFields[0].digest, /^[0-9A-F]{64}$/);
      assert.match(dsFields[1].digest, /^[0-9A-F]{96}$/);
      const { flags, protocol, algorithm: number, publicKey } = keyFields;
      assert.equal(protocol, 3);
      assert.deepEqual(dnskeyRdata(flags, number, fromBase64(publicKey)!), dnskey);
      assert.equal(cdnskey, `parent-form.example. 300 IN CDNSKEY ${Object.values(keyFields).join(' ')}`);
    }
  });

  it('S-162 (part) all lines can be put into a zone as they are', () => {
    const lines = keys.flatMap(({ dnskey }) => {
      const { ds, cds, cdnskey } = parentRecords(ZONE, dnskey, POLICY);
      return [...ds.map((line) => line.replace('parent-form', 'child.parent-form')), ...cds, cdnskey!];
    });
    const head = '@ 300 IN SOA ns. host. 1 3600 900 86400 300\n@ 300 IN NS ns.\nchild 300 IN NS ns.\n';
    const dnskeys = keys.map(({ fileBase }) => fs.readFileSync(path.join(directory, `${fileBase}.key`), 'utf8'));
    fs.writeFileSync(path.join(directory, 'zone.db'), `${head}${lines.join('\n')}\n${dnskeys.join('')}`);
    const output = mustRun('named-checkzone', ['-k', 'fail', 'parent-form.example', 'zone.db'], directory);
    assert.match(output, /\nOK\n$/);
  });

  it('gives no CDNSKEY where the policy publishes none', () => {
    assert.equal('cdnskey' in parentRecords(ZONE, keys[0].dnskey, { ...POLICY, cdnskey: false }), false);
  });
});

/** What Debian's program prints. */
function mustRun(program: string, argv: readonly string[], directory: string): string {
  const { code, stdout, stderr } = runPeer(program, argv, directory);
  assert.equal(code, 0, `${program} ${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
