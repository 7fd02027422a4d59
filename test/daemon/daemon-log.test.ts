import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../../src/base/log.ts';
import type { LogChannel, LoggingConfiguration } from '../../src/conf/configuration.ts';
import { DaemonLog } from '../../src/daemon/daemon-log.ts';
import { logLine, logTime, syslogPriority } from '../../src/daemon/log-line.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0, 7);
const RECORD: LogRecord = { category: 'zoneload', severity: 'info', text: 'zone example/IN: loaded serial 1' };

function channel(name: string, over: Partial<LogChannel> = {}): LogChannel {
  const to = { kind: 'file', path: `${name}.log`, versions: undefined, size: undefined, suffix: 'increment' } as const;
  const plain = { printTime: 'none', printSeverity: false, printCategory: false, buffered: false } as const;
  return { name, to, severity: 'info', ...plain, ...over };
}

interface Written {
  readonly log: DaemonLog;
  readonly disk: MemoryDisk;
  readonly stderr: string[];
  readonly syslog: string[];
  lines(file: string): string[];
}

function makeLog(options: { stderrOnly?: boolean; debugLevel?: number } = {}): Written {
  const disk = new MemoryDisk();
  disk.put('/var/keep', '');
  const stderr: string[] = [];
  const syslog: string[] = [];
  const log = new DaemonLog(
    { stderrOnly: options.stderrOnly ?? false, logFile: undefined, debugLevel: options.debugLevel ?? 0 },
    {
      disk,
      milliseconds: () => NOON,
      stderr: (text) => stderr.push(text),
      systemCalls: () => ({
        changeRoot: () => undefined,
        trimHeap: () => undefined,
        overwriteFreed: () => undefined,
        acknowledgeNow: () => undefined,
        openSystemLog: (identity, facility) => syslog.push(`open ${identity} ${facility}`),
        writeSystemLog: (priority, text) => syslog.push(`${priority} ${text}`),
      }),
    },
  );
  const lines = (file: string): string[] =>
    Buffer.from(disk.files.get(`/var/${file}`)?.octets ?? [])
      .toString()
      .split('\n')
      .slice(0, -1);
  return { log, disk, stderr, syslog, lines };
}

function configuration(channels: LogChannel[], categories: Record<string, string[]>): LoggingConfiguration {
  return { channels, categories: new Map(Object.entries(categories)) };
}

test('lines have time, category and severity where BIND has them', () => {
  const style = { printTime: 'iso8601-utc', printSeverity: true, printCategory: true } as const;
  assert.equal(logLine(RECORD, style, NOON), `2026-11-21T12:00:00.007Z zoneload: info: ${RECORD.text}`);
  assert.equal(
    logLine(RECORD, { ...style, printTime: 'none', printSeverity: false }, NOON),
    `zoneload: ${RECORD.text}`,
  );
  assert.match(logTime(NOON, 'local'), /^2[012]-Nov-2026 \d\d:00:00\.007$|^2[012]-Nov-2026 \d\d:\d\d:00\.007$/);
  assert.match(logTime(NOON, 'iso8601'), /^2026-11-2\dT\d\d:\d\d:00\.007[+-]\d\d:\d\d$/);
});

test('a text from outside cannot begin a line of its own', () => {
  const line = logLine(
    { ...RECORD, text: 'a\nb\r\u0000c\td' },
    { printTime: 'none', printSeverity: false, printCategory: false },
    0,
  );
  assert.equal(line, 'a\\010b\\013\\000c\td');
});

test('categories go to their channels, the rest to default, and severities keep out what is less severe', () => {
  const { log, lines } = makeLog();
  const channels = [channel('zones'), channel('rest', { severity: 'warning' })];
  log.configure(configuration(channels, { zoneload: ['zones', 'null'], default: ['rest'] }), '/var');
  log.write(RECORD);
  log.write({ category: 'general', severity: 'info', text: 'quiet' });
  log.write({ category: 'general', severity: 'error', text: 'loud' });
  assert.deepEqual(lines('zones.log'), [RECORD.text]);
  assert.deepEqual(lines('rest.log'), ['loud']);
});

test('severity dynamic follows the debug level, and default_debug is silent at level 0', () => {
  const { log, lines, syslog } = makeLog();
  log.configure(configuration([channel('d', { severity: 'dynamic' })], { x: ['d'] }), '/var');
  const debug = { category: 'x', severity: 'debug 3', text: 'detail' } as const;
  log.write(debug);
  log.write({ ...debug, category: 'other' });
  assert.deepEqual([lines('d.log'), lines('named.run')], [[], []]);
  log.debugLevel = 3;
  log.write(debug);
  log.write({ ...debug, category: 'other' });
  assert.equal(lines('d.log').length, 1);
  assert.equal(lines('named.run').length, 1);
  assert.deepEqual(syslog, []);
});

test('without logging statement records go to syslog as daemon.info and so on', () => {
  const { log, syslog } = makeLog();
  log.write(RECORD);
  log.write({ ...RECORD, severity: 'critical' });
  assert.deepEqual(syslog, [
    `open named ${3 << 3}`,
    `${(3 << 3) | 6} ${RECORD.text}`,
    `${(3 << 3) | 2} ${RECORD.text}`,
  ]);
  assert.deepEqual(
    ['critical', 'error', 'warning', 'notice', 'info', 'debug 1'].map((one) => syslogPriority(one as 'info')),
    [2, 3, 4, 5, 6, 7],
  );
});

test('-g: everything to standard error with its time, whatever the configuration says', () => {
  const { log, stderr, lines } = makeLog({ stderrOnly: true });
  log.configure(configuration([channel('zones')], { zoneload: ['zones'] }), '/var');
  log.write(RECORD);
  assert.equal(stderr.length, 1);
  assert.ok(stderr[0].endsWith(`:00.007 ${RECORD.text}\n`));
  assert.deepEqual(lines('zones.log'), []);
});

test('a file with versions and size is rolled, and the oldest goes', () => {
  const { log, lines, disk } = makeLog();
  const to = { kind: 'file', path: 'v.log', versions: 2, size: 10, suffix: 'increment' } as const;
  log.configure(configuration([channel('v', { to })], { default: ['v'] }), '/var');
  for (const text of ['first line', 'second line', 'third line', 'fourth line']) {
    log.write({ category: 'x', severity: 'info', text });
  }
  assert.deepEqual(['v.log', 'v.log.0', 'v.log.1'].map(lines), [['fourth line'], ['third line'], ['second line']]);
  assert.ok(!disk.files.has('/var/v.log.2'));
});

test('a file with a size and no versions is full when it is full', () => {
  const { log, lines } = makeLog();
  const to = { kind: 'file', path: 'v.log', versions: undefined, size: 10, suffix: 'increment' } as const;
  log.configure(configuration([channel('v', { to })], { default: ['v'] }), '/var');
  for (const text of ['first line', 'second line']) log.write({ category: 'x', severity: 'info', text });
  assert.deepEqual(lines('v.log'), ['first line']);
});

test('old versions by time: as many are kept as asked for', () => {
  const { log, disk } = makeLog();
  for (const time of ['20260101000000000', '20260201000000000', '20260301000000000'])
    disk.put(`/var/t.log.${time}`, '');
  const to = { kind: 'file', path: 't.log', versions: 2, size: 1, suffix: 'timestamp' } as const;
  log.configure(configuration([channel('t', { to })], { default: ['t'] }), '/var');
  for (const text of ['one', 'two']) log.write({ category: 'x', severity: 'info', text });
  const kept = [...disk.files.keys()].filter((name) => name.startsWith('/var/t.log.')).toSorted();
  assert.deepEqual(kept, ['/var/t.log.20260301000000000', '/var/t.log.20261121120000007']);
});

test('a channel that is not there and a file that cannot be opened are errors, and logging goes on as before', () => {
  const { log, lines, disk } = makeLog();
  log.configure(configuration([channel('good')], { default: ['good'] }), '/var');
  assert.throws(
    () => log.configure(configuration([], { default: ['missing'] }), '/var'),
    /undefined channel 'missing'/,
  );
  disk.refusal = 'EACCES';
  assert.throws(
    () => log.configure(configuration([channel('other')], { default: ['other'] }), '/var'),
    /other\.log: EACCES/,
  );
  disk.refusal = undefined;
  log.write(RECORD);
  assert.deepEqual(lines('good.log'), [RECORD.text]);
});

test('a full disk does not end the service: said once, and logging goes on when there is room', () => {
  const { log, lines, disk, stderr } = makeLog();
  log.configure(configuration([channel('good')], { default: ['good'] }), '/var');
  disk.refusal = 'ENOSPC';
  log.write(RECORD);
  log.write(RECORD);
  assert.equal(stderr.length, 1);
  assert.match(stderr[0], /logging channel 'good'.*ENOSPC/);
  disk.refusal = undefined;
  log.write(RECORD);
  assert.deepEqual(lines('good.log'), [RECORD.text]);
});
