import assert from 'node:assert/strict';
import test from 'node:test';
import { SignetError } from '../../../src/base/error.ts';
import type { FoundPort } from '../../../src/hsm/discovery/finder.ts';
import { readHsmConf } from '../../../src/hsm/protocol/hsm-conf.ts';
import { findHsm, type FindHsmDependencies } from '../../../src/tools/findHSM.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';

const port = (kind: 'cty' | 'rpc', serial: string, ip: string): FoundPort => ({
  kind,
  serial,
  ip,
  port: kind === 'cty' ? 8081 : 8080,
  servername: 'dks-hsm',
  version: '2026-11-21-01 - 1.2.3.4',
});
const TWO = (['cty', 'rpc'] as const).flatMap((kind) => [port(kind, '1000-0001', '10.9.0.11'), port(kind, '1000-0002', '10.9.0.12')]); // prettier-ignore
const fingerprintOf = (serial: string): string => Array.from({ length: 32 }, () => serial.slice(-2)).join(':');

async function run(
  lines: readonly string[],
  options: { found?: readonly FoundPort[]; words?: readonly string[] } & Partial<FindHsmDependencies> = {},
) {
  const { found = TWO, words = [], ...rest } = options;
  let printed = '';
  let complained = '';
  const disk = new MemoryDisk();
  const left = [...lines];
  const code = await findHsm(words, {
    output: { print: (text) => void (printed += text as string), complain: (text) => void (complained += text) },
    disk,
    environment: {},
    ask: () => Promise.resolve(left.shift()),
    find: () => Promise.resolve(found),
    identify: ({ serial }) => Promise.resolve({ servernames: ['dks-hsm'], serial, fingerprint: fingerprintOf(serial) }),
    ...rest,
  });
  return { code, printed, complained, disk, left };
}

test('S-385 S-386 S-387 both HSMs are listed; the chosen one is written for console and operations, with its key', async () => {
  const { code, printed, disk, left } = await run(['1', '1', 'y']);
  assert.equal(code, 0);
  assert.match(printed, /^Searching for Diamond HSMs \.\.\.\.\n\n--Located CTY Diamond HSM ports\n0: serial 1000-0001 {2}10\.9\.0\.11 port 8081.*\n1: serial 1000-0002 {2}10\.9\.0\.12 port 8081/); // prettier-ignore
  assert.match(printed, /--Located RPC Diamond HSM ports\n0: serial 1000-0001 {2}10\.9\.0\.11 port 8080/);
  assert.ok(printed.includes(fingerprintOf('1000-0002')));
  assert.doesNotMatch(printed, /Warning/);
  assert.match(printed, /\/etc\/dkey\/hsm\/hsm.conf was written/);
  const one = { ip: '10.9.0.12', servername: 'dks-hsm', serial: '1000-0002', fingerprint: fingerprintOf('1000-0002') };
  assert.deepEqual(readHsmConf('/etc/dkey/hsm/hsm.conf', disk), {
    cty: { ...one, port: 8081 },
    rpc: { ...one, port: 8080 },
    warnings: [],
  });
  assert.deepEqual(left, []);
});

test('S-386 --config_path and DIAMOND_HSM_CONFIG_PATH change the place, in that order', async () => {
  const environment = { DIAMOND_HSM_CONFIG_PATH: '/env' };
  const byVariable = await run(['0', '0', 'yes'], { environment });
  assert.equal(readHsmConf('/env/hsm.conf', byVariable.disk).cty?.serial, '1000-0001');
  const byOption = await run(['0', '0', 'Y'], { environment, words: ['--config_path', '/option'] });
  assert.equal(readHsmConf('/option/hsm.conf', byOption.disk).rpc?.serial, '1000-0001');
  assert.equal(byOption.disk.read('/env/hsm.conf'), undefined);
});

test('S-387 different HSMs for console and operations: a warning, and both keys', async () => {
  const { printed, disk } = await run(['0', '1', 'y']);
  assert.match(printed, /Warning: console and operations are of different HSMs \(1000-0001 and 1000-0002\)/);
  assert.ok(printed.includes(fingerprintOf('1000-0001')) && printed.includes(fingerprintOf('1000-0002')));
  const conf = readHsmConf('/etc/dkey/hsm/hsm.conf', disk);
  assert.deepEqual([conf.cty?.fingerprint, conf.rpc?.fingerprint], [fingerprintOf('1000-0001'), fingerprintOf('1000-0002')]); // prettier-ignore
});

test('S-385 Q, the end of the input, and a fingerprint that is not right write nothing', async () => {
  for (const lines of [['Q'], ['q'], [], ['0', 'Q'], ['0'], ['0', '0', 'n'], ['0', '0', ''], ['0', '0']]) {
    const { code, printed, disk } = await run(lines);
    assert.equal(code, 0);
    assert.match(printed, /Nothing was written/, lines.join());
    assert.equal(disk.read('/etc/dkey/hsm/hsm.conf'), undefined);
  }
});

test('S-385 what is not on the list is asked again', async () => {
  const { code, printed, disk } = await run(['2', '-1', 'x\u001b[2J', '', '1', '1', 'y']);
  assert.equal(code, 0);
  assert.equal(printed.match(/is not on the list: a number from 0 to 1, or Q/g)?.length, 4);
  assert.ok(!printed.includes('\u001b'));
  assert.equal(readHsmConf('/etc/dkey/hsm/hsm.conf', disk).cty?.serial, '1000-0002');
});

test('S-377 nothing found, an HSM that is another one or away, a directory that may not be written: errors', async () => {
  const none = await run([], { found: [] });
  assert.equal(none.code, 1);
  assert.match(
    none.printed,
    /No Diamond HSMs were found\.\n[^]*write\nits address and serial number into hsm\.conf by hand\.\n$/,
  );
  const refusing = await run(['0', '0'], { identify: () => Promise.reject(new SignetError('HSM_IDENTITY', 'is the HSM with serial number 7')) }); // prettier-ignore
  assert.deepEqual([refusing.code, refusing.complained], [1, 'findHSM: is the HSM with serial number 7\n']);
  const disk = new MemoryDisk();
  disk.replace = () => {
    throw new Error('EACCES: /etc/dkey/hsm/hsm.conf');
  };
  const forbidden = await run(['0', '0', 'y'], { disk });
  assert.deepEqual([forbidden.code, forbidden.complained], [1, 'findHSM: EACCES: /etc/dkey/hsm/hsm.conf\n']);
  for (const words of [
    ['--seconds', '0'],
    ['--seconds', 'x'],
    ['--config_path', ''],
    ['--config_path'],
    ['--colour'],
    ['x'],
  ])
    assert.equal((await run([], { words })).code, 2, words.join(' '));
  const help = await run([], { words: ['--help'] });
  assert.deepEqual([help.code, help.printed.startsWith('usage: findHSM')], [0, true]);
});

test('S-377 an HSM that announces its console only, as the vendor’s: operations are where the vendor has them', async () => {
  const { disk } = await run(['0', '0', 'y'], { found: TWO.filter(({ kind }) => kind === 'cty') });
  const { rpc } = readHsmConf('/etc/dkey/hsm/hsm.conf', disk);
  assert.deepEqual([rpc?.ip, rpc?.port], ['10.9.0.11', 8080]);
});

test('S-385 --list lists and asks nothing', async () => {
  const { code, printed } = await run([], { words: ['--list'] });
  assert.equal(code, 0);
  assert.match(printed, /--Located CTY[^]*--Located RPC/);
});
