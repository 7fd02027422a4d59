import assert from 'node:assert/strict';
import test from 'node:test';
import { faultsOf, good } from './configurations.ts';

const zone = (statements = ''): string => `zone a { type primary; file "a"; ${statements} };`;
const statisticsOf = (text: string): string => good(text).views[0].zones[0].statistics;

test('zone-statistics is inherited, and yes and no are full and none as in BIND 9.18', () => {
  assert.equal(statisticsOf(zone()), 'terse');
  assert.equal(statisticsOf(zone('zone-statistics yes;')), 'full');
  assert.equal(statisticsOf(zone('zone-statistics no;')), 'none');
  assert.equal(statisticsOf(zone('zone-statistics FULL;')), 'full');
  assert.equal(statisticsOf(`options { zone-statistics full; }; ${zone()}`), 'full');
  assert.equal(statisticsOf(`options { zone-statistics full; }; ${zone('zone-statistics none;')}`), 'none');
  assert.equal(
    statisticsOf(`options { zone-statistics full; }; view v { zone-statistics terse; ${zone()} };`),
    'terse',
  );
});

test('statistics-file is named.stats unless it is said', () => {
  assert.equal(good('').statistics.file, 'named.stats');
  assert.equal(good('options { statistics-file "/var/s"; };').statistics.file, '/var/s');
});

test('statistics-channels: every statement counts, port 80, for everybody unless allow says who', () => {
  assert.deepEqual(good('').statistics.channels, []);
  const text = `acl ours { 192.0.2/24; };
    statistics-channels { inet * ; inet ::1 port 8053 allow { ours; !any; }; };
    statistics-channels { inet 127.0.0.1 port 8054 allow { none; }; };`;
  const [all, six, third] = good(text).statistics.channels;
  assert.deepEqual(all, { address: '0.0.0.0', port: 80, allow: [{ kind: 'any', negated: false }] });
  assert.equal(six.address, '::1');
  assert.equal(six.port, 8053);
  assert.equal(six.allow.length, 2);
  assert.deepEqual(third, { address: '127.0.0.1', port: 8054, allow: [{ kind: 'none', negated: false }] });
});

test('a statistics channel with an unknown list is refused with its place', () => {
  const [fault] = faultsOf('statistics-channels {\n inet 127.0.0.1 allow { friends; };\n};');
  assert.match(fault, /^named\.conf:2:\d+: .*undefined ACL 'friends'/);
});
