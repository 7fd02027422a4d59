import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpText } from '../../src/status/dump-text.ts';
import { statisticsJson, type StatisticsPart } from '../../src/status/json.ts';
import { PrometheusMetrics } from '../../src/status/prometheus.ts';
import { statisticsXml } from '../../src/status/xml.ts';
import { counter, snapshot, zone } from './snapshots.ts';

const json = (part?: StatisticsPart): Record<string, never> =>
  JSON.parse([...statisticsJson(snapshot(), part)].join('')) as Record<string, never>;
const xml = (part?: StatisticsPart): string => [...statisticsXml(snapshot(), part)].join('');

test('rndc stats: BIND 9.18 sections in order, numbers in twenty columns, nothing that is 0', () => {
  const text = dumpText(snapshot());
  assert.match(text, /^\+\+\+ Statistics Dump \+\+\+ \(1800000002\)\n/);
  assert.match(text, /\n--- Statistics Dump --- \(1800000002\)\n$/);
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('++ ')),
    [
      '++ Incoming Requests ++',
      '++ Incoming Queries ++',
      '++ Outgoing Rcodes ++',
      '++ Outgoing Queries ++',
      '++ Name Server Statistics ++',
      '++ Zone Maintenance Statistics ++',
      '++ Resolver Statistics ++',
      '++ Cache Statistics ++',
      '++ Cache DB RRsets ++',
      '++ ADB stats ++',
      '++ Socket I/O Statistics ++',
      '++ Per Zone Query Statistics ++',
      '++ Per Zone Glue Cache Statistics ++',
    ],
  );
  assert.ok(
    text.includes('\n                   3 IPv4 requests received\n                   2 TCP connection high-water\n'),
  );
  assert.ok(text.includes('\n[example]\n                   2 queries resulted in successful answer\n'));
  assert.ok(!text.includes('IPv6 requests') && !text.includes('terse.example'));
  assert.ok(text.includes('[View: default]\n[View: inside]\n'));
});

test('rndc stats: a zone of a view is named with it', () => {
  const counters = () => ({ nameServer: [counter('QryUDP', 1, 'UDP queries received')], queryTypes: [] });
  const text = dumpText(snapshot({ views: [{ name: 'inside', zones: [zone('a.example', counters)] }] }));
  assert.ok(text.includes('\n[a.example (view: inside)]\n                   1 UDP queries received\n'));
});

test('json/v1 has the members of BIND 9.18 where it has them, in all and in parts', () => {
  const times = ['json-stats-version', 'boot-time', 'config-time', 'current-time', 'version'];
  const counters = ['opcodes', 'rcodes', 'qtypes', 'nsstats', 'zonestats'];
  assert.deepEqual(Object.keys(json()), [...times, ...counters, 'views', 'sockstats', 'memory', 'traffic']);
  assert.deepEqual(Object.keys(json('server')), [...times, ...counters, 'views']);
  assert.deepEqual(Object.keys(json('zones')), [...times, 'views']);
  assert.deepEqual(Object.keys(json('net')), [...times, 'sockstats']);
  assert.deepEqual(Object.keys(json('mem')), [...times, 'memory']);
  assert.deepEqual(Object.keys(json('traffic')), [...times, 'traffic']);
  assert.deepEqual(Object.keys(json('status')), times);
  assert.deepEqual(Object.keys(json('tasks')), times);
  const all = json();
  assert.equal(all['json-stats-version'], '1.7');
  assert.equal(all['boot-time'], '2027-01-15T08:00:00.250Z');
  assert.deepEqual(all['opcodes'], { QUERY: 3, IQUERY: 0 });
  assert.deepEqual(all['nsstats'], { Requestv4: 3, TCPConnHighWater: 2 });
  assert.deepEqual(all['views'], {
    _default: {
      zones: [
        { name: 'example', class: 'IN', serial: 7, type: 'primary', loaded: '2027-01-15T08:00:00Z', rcodes: { QrySuccess: 2 }, qtypes: { A: 2 } }, // prettier-ignore
        { name: 'terse.example', class: 'IN', serial: 7, type: 'primary', loaded: '2027-01-15T08:00:00Z' },
      ],
    },
    inside: {
      zones: [{ name: 'odd\\"&<zone>', class: 'IN', serial: 7, type: 'primary', loaded: '2027-01-15T08:00:00Z' }],
    },
  });
});

test('json/v1 and xml/v3 of thousands of zones come in pieces and are whole', () => {
  const zones = Array.from({ length: 3000 }, (_, i) => zone(`z${i}.example`));
  const many = snapshot({ views: [{ name: '_default', zones }] });
  const pieces = [...statisticsJson(many, 'zones')];
  assert.ok(pieces.length > 40 && Math.max(...pieces.map(({ length }) => length)) < 20_000);
  const { views } = JSON.parse(pieces.join('')) as { views: { _default: { zones: { name: string }[] } } };
  assert.deepEqual(
    views._default.zones.map(({ name }) => name),
    zones.map(({ name }) => name),
  );
  const text = [...statisticsXml(many, 'zones')];
  assert.ok(text.length > 40);
  assert.equal(text.join('').match(/<zone /g)?.length, 3000);
});

test('a zone that is not loaded has no serial', () => {
  const views = [{ name: '_default', zones: [{ ...zone('z'), serial: undefined, loaded: undefined }] }];
  assert.match(
    [...statisticsJson(snapshot({ views }), 'zones')].join(''),
    /\{"name":"z","class":"IN","type":"primary"\}/,
  );
  assert.match(
    [...statisticsXml(snapshot({ views }), 'zones')].join(''),
    /<type>primary<\/type><serial>-<\/serial><\/zone>/,
  );
});

test('xml/v3 has the elements of BIND 9.18 and escapes what names hold', () => {
  const all = xml();
  assert.match(
    all,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<statistics version="3\.13"><server><boot-time>2027-01-15T08:00:00\.250Z</,
  );
  assert.ok(
    all.includes('<counters type="nsstat"><counter name="Requestv4">3</counter><counter name="Requestv6">0</counter>'),
  );
  assert.ok(
    all.includes('<traffic><ipv4><udp><counters type="request-size"><counter name="16-31">3</counter></counters>'),
  );
  assert.ok(all.includes('<zone name="odd\\&quot;&amp;&lt;zone&gt;" rdataclass="IN">'));
  assert.ok(all.includes('<view name="inside"><zones>'));
  assert.ok(all.includes('<summary><TotalUse>100</TotalUse><InUse>40</InUse></summary>'));
  assert.ok(!xml('status').includes('counter'));
  assert.ok(xml('net').includes('<counters type="sockstat">') && !xml('net').includes('nsstat'));
  // Every element that is opened is closed.
  const open: string[] = [];
  for (const [, close, name, alone] of all.matchAll(/<(\/?)([a-zA-Z][\w-]*)[^>]*?(\/?)>/g)) {
    if (close === '/') assert.equal(open.pop(), name);
    else if (alone !== '/') open.push(name);
  }
  assert.deepEqual(open, []);
});

/** Lines of the Prometheus text format 0.0.4: comments, or a name with labels and a number. */
const SAMPLE = /^([a-z_]+)(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? (\d+(\.\d+)?)$/;

test('/metrics: every sample has help and type, a name of ours, and no zone', async () => {
  let reads = 0;
  const source = { snapshot: async () => (reads++, snapshot()) };
  const text = await new PrometheusMetrics(source).text();
  assert.equal(reads, 1, 'one snapshot for all');
  const types = new Map<string, string>();
  for (const line of text.trim().split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type) types.set(type[1], type[2]);
    if (line.startsWith('#')) continue;
    const sample = SAMPLE.exec(line);
    assert.ok(sample, line);
    assert.ok(sample[1].startsWith('signet_') && types.has(sample[1]), line);
    assert.equal(types.get(sample[1]) === 'counter', sample[1].endsWith('_total'), line);
  }
  assert.ok(!text.includes('example'));
  for (const line of [
    'signet_requests_total{opcode="QUERY"} 3',
    'signet_queries_total{type="A"} 2',
    'signet_responses_total{rcode="NXDOMAIN"} 1',
    'signet_name_server_events_total{counter="Requestv4"} 3',
    'signet_zone_maintenance_events_total{counter="NotifyOutv4"} 1',
    'signet_socket_events_total{counter="UDP4Open"} 1',
    'signet_sockets{kind="UDP4Active"} 1',
    'signet_tcp_connections_high_water 2',
    'signet_zones{state="loaded"} 1',
    'signet_zones{state="not loaded"} 1',
    'signet_zone_memory_bytes{state="used"} 10',
    'signet_start_time_seconds 1800000000.25',
    'signet_build_info{version="Signet 1.2.3"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test('/metrics shows what is new each time, and fails when it cannot be read', async () => {
  let value = 1;
  const metrics = new PrometheusMetrics({
    snapshot: async () => {
      if (value > 2) throw new Error('no memory');
      return snapshot({ opcodes: [counter('QUERY', value)] });
    },
  });
  assert.match(await metrics.text(), /signet_requests_total\{opcode="QUERY"\} 1\n/);
  value = 2;
  assert.match(await metrics.text(), /signet_requests_total\{opcode="QUERY"\} 2\n/);
  value = 3;
  await assert.rejects(metrics.text(), /statistics cannot be collected: .*no memory/);
});

test('where nobody tells the memory of the process, it is left out', async () => {
  const without = snapshot({ memory: { ...snapshot().memory, resident: undefined } });
  assert.match([...statisticsJson(without, 'mem')].join(''), /"memory":\{"InUse":40,/);
  assert.match([...statisticsXml(without, 'mem')].join(''), /<summary><InUse>40<\/InUse><\/summary>/);
  const text = await new PrometheusMetrics({ snapshot: async () => without }).text();
  assert.ok(!text.includes('\nsignet_resident_memory_bytes') && text.includes('\nsignet_zones'));
});
