import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  formatHsmConf,
  hsmConfFile,
  parseHsmConf,
  pinFingerprint,
  readHsmConf,
  sectionOf,
  writeHsmConf,
} from '../../../src/hsm/protocol/hsm-conf.ts';
import { SignetError } from '../../../src/base/error.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';

/** Diamond-HSM manual section 4.1. */
const SAMPLE = `<?xml version="1.0" encoding="utf-8" ?>
<diamondhsm>
  <cty>
    <IP>10.1.10.194</IP>
    <port>8081</port>
    <servername>dks-hsm</servername>
    <serial>1000-0002</serial>
  </cty>
  <rpc>
    <IP>10.1.10.194</IP>
    <port>8080</port>
    <servername>dks-hsm</servername>
    <serial>1000-0002</serial>
  </rpc>
</diamondhsm>
`;
const FINGERPRINT = Array.from({ length: 32 }, (_, i) => (i + 160).toString(16)).join(':');
const address = { ip: '10.1.10.194', servername: 'dks-hsm', serial: '1000-0002', fingerprint: undefined };
const whole = { cty: { ...address, port: 8081 }, rpc: { ...address, port: 8080 } };

const refusal = (text: string): string => {
  try {
    parseHsmConf(text, '/x/hsm.conf');
  } catch (cause) {
    assert.ok(cause instanceof SignetError && cause.code === 'HSM_CONF', String(cause));
    return cause.message;
  }
  return assert.fail('it was taken');
};

test('S-417 S-418 S-419 S-420 S-421 the sample of the manual is read as it is', () => {
  assert.deepEqual(parseHsmConf(SAMPLE, 'hsm.conf'), { ...whole, warnings: [] });
  assert.deepEqual(parseHsmConf(SAMPLE.replaceAll('\n', '\r\n'), 'hsm.conf'), { ...whole, warnings: [] });
});

test('S-417 a file in one line, with comments and a pin, is read', () => {
  const text = `<?xml version="1.0"?><diamondhsm><!-- <cty><port>1</port></cty> --><cty><IP>::1</IP><port>8081</port><servername>dks-hsm</servername><serial>7</serial><fingerprint>${FINGERPRINT.toUpperCase()}</fingerprint></cty></diamondhsm>`;
  const conf = parseHsmConf(text, 'hsm.conf');
  assert.deepEqual(conf.cty, { ip: '::1', port: 8081, servername: 'dks-hsm', serial: '7', fingerprint: FINGERPRINT });
  assert.equal(conf.rpc, undefined);
  assert.throws(() => sectionOf(conf, 'rpc', '/x/hsm.conf'), /\/x\/hsm.conf has no section <rpc>: run findHSM/);
});

test('S-417 faults name file and line', () => {
  assert.match(refusal(SAMPLE.replace('</IP>', '')), /^\/x\/hsm.conf:\d+: is not XML/);
  assert.match(refusal('hello'), /^\/x\/hsm.conf:1: is not XML/);
  assert.match(refusal('<?xml version="1.0"?><other></other>'), /:1: must have one element <diamondhsm>/);
  assert.match(refusal(SAMPLE.replace('8081', '0')), /:5: <port> in <cty> must be a port/);
  assert.match(refusal(SAMPLE.replace('8080', '65536')), /:11: <port> in <rpc> must be a port/);
  assert.match(refusal(SAMPLE.replace('<serial>1000-0002</serial>', '')), /:3: has no <serial> in <cty>/);
  assert.match(refusal(SAMPLE.replace('10.1.10.194', '10.1.10.900')), /:4: <IP> in <cty> must be an address/);
  assert.match(refusal(SAMPLE.replace('1000-0002', 'a&amp;b')), /:7: <serial> in <cty> must be a serial number/);
  assert.match(refusal(SAMPLE.replace('<rpc>', '<cty>').replace('</rpc>', '</cty>')), /:3: has more than one section/);
  assert.match(refusal(SAMPLE.replace('</serial>', '</serial><serial>2</serial>')), /:7: <serial> in <cty> must be/);
  assert.match(refusal(SAMPLE.replace('</serial>', '</serial><fingerprint>aa</fingerprint>')), /:7: <fingerprint>/);
  assert.match(refusal(`<!DOCTYPE a [<!ENTITY b "c">]>${SAMPLE.slice(SAMPLE.indexOf('<d'))}`), /declaration/);
  for (const name of ['constructor', '__proto__', 'hasOwnProperty']) {
    const { cty, rpc } = parseHsmConf(`<diamondhsm><${name}>1</${name}></diamondhsm>`, '/x/hsm.conf');
    assert.deepEqual([cty, rpc], [undefined, undefined], name);
  }
});

test('S-422 unusual ports and names are obeyed with a warning', () => {
  const { cty, warnings } = parseHsmConf(SAMPLE.replace('8081', '9081').replace('dks-hsm', 'my-hsm'), 'hsm.conf');
  assert.deepEqual([cty?.port, cty?.servername], [9081, 'my-hsm']);
  assert.deepEqual(warnings, [
    'hsm.conf:5: <port> in <cty> is 9081, not 8081 as every HSM has it',
    'hsm.conf:6: <servername> in <cty> is my-hsm, not dks-hsm as every HSM has it',
  ]);
});

test('S-379 a file that is not there is an error with its path', () => {
  const disk = new MemoryDisk();
  assert.throws(() => readHsmConf('/etc/dkey/hsm/hsm.conf', disk), /^SignetError: \/etc\/dkey\/hsm\/hsm.conf is missing: find the HSM with findHSM/); // prettier-ignore
  assert.equal(hsmConfFile({}), '/etc/dkey/hsm/hsm.conf');
  assert.equal(hsmConfFile({ DIAMOND_HSM_CONFIG_PATH: '' }), '/etc/dkey/hsm/hsm.conf');
  assert.equal(hsmConfFile({ DIAMOND_HSM_CONFIG_PATH: '/a' }), '/a/hsm.conf');
  assert.equal(hsmConfFile({ DIAMOND_HSM_CONFIG_PATH: '/a' }, '/b'), '/b/hsm.conf');
});

test('S-386 what is written is read again, in the form that the vendor’s programs look for', () => {
  const disk = new MemoryDisk();
  writeHsmConf('/hsm.conf', whole, disk);
  const text = Buffer.from(disk.read('/hsm.conf') ?? []).toString();
  assert.equal(text, SAMPLE.replaceAll('\n', '\r\n'));
  assert.deepEqual(readHsmConf('/hsm.conf', disk), { ...whole, warnings: [] });
  assert.throws(() => writeHsmConf('/hsm.conf', { ...whole, cty: { ...whole.cty, serial: '<b>' } }, disk), SignetError);
  assert.equal(Buffer.from(disk.read('/hsm.conf') ?? []).toString(), text);
});

test('S-340 (part) a fingerprint is noted beside the vendor’s elements, and all else stays', () => {
  const disk = new MemoryDisk();
  const commented = SAMPLE.replace('<rpc>', '<!-- <rpc><serial>3</serial> mine -->\n  <rpc>');
  disk.replace('/hsm.conf', Buffer.from(commented), 0o640);
  pinFingerprint('/hsm.conf', 'rpc', FINGERPRINT, disk);
  const text = Buffer.from(disk.read('/hsm.conf') ?? []).toString();
  assert.equal(readHsmConf('/hsm.conf', disk).rpc?.fingerprint, FINGERPRINT);
  assert.equal(readHsmConf('/hsm.conf', disk).cty?.fingerprint, undefined);
  assert.equal(text.replace(`\n    <fingerprint>${FINGERPRINT}</fingerprint>`, ''), commented);
  const other = FINGERPRINT.replace('a0', '00');
  pinFingerprint('/hsm.conf', 'rpc', other, disk);
  assert.equal(Buffer.from(disk.read('/hsm.conf') ?? []).toString(), text.replace(FINGERPRINT, other));
  assert.throws(() => pinFingerprint('/hsm.conf', 'cty', 'zz', disk), SignetError);
});

test('S-417 any text is read or refused with a line, never otherwise', () => {
  const piece = fc.constantFrom(
    '<cty>',
    '</cty>',
    '<rpc>',
    '</diamondhsm>',
    '<IP>',
    '<!--',
    '-->',
    '<![CDATA[',
    '&x;',
    '"',
    '<a b="',
    '\n',
  );
  const mutation = fc.record({ at: fc.nat(SAMPLE.length), cut: fc.nat(40), put: fc.oneof(piece, fc.string({ maxLength: 8 })) }); // prettier-ignore
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 4 }), (mutations) => {
      let text = SAMPLE;
      for (const { at, cut, put } of mutations) text = text.slice(0, at) + put + text.slice(at + cut);
      try {
        const conf = parseHsmConf(text, 'f');
        for (const one of [conf.cty, conf.rpc]) if (one) assert.ok(one.port > 0 && one.port < 65536 && one.ip !== '');
        const { cty, rpc } = parseHsmConf(formatHsmConf(conf), 'f');
        assert.deepEqual({ cty, rpc }, { cty: conf.cty, rpc: conf.rpc });
      } catch (cause) {
        assert.ok(cause instanceof SignetError, String((cause as Error).stack));
        assert.match(cause.message, /^f:\d+: /);
      }
    }),
    { seed: 5, numRuns: 2000 },
  );
});
