import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustName } from '../../src/wire/name-text.ts';
import { scanText } from './scan-text.ts';

test('RFC 1035 5.3: the example of the RFC', () => {
  const text = `@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA
A       A       26.3.0.103
VENERA  A       10.1.0.52
        A       128.9.0.32
$INCLUDE <SUBSYS>ISI-MAILBOXES.TXT
`;
  const mailboxes = `MOE     MB      A.ISI.EDU.
STOOGES MG      MOE.ISI.EDU.
`;
  const origin = mustName('ISI.EDU.');
  const scanned = scanText(text, { origin, zone: origin }, { '<SUBSYS>ISI-MAILBOXES.TXT': mailboxes });
  assert.deepEqual(scanned.lines, [
    'ISI.EDU. 60 SOA VENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60',
    'ISI.EDU. 60 NS A.ISI.EDU.',
    'ISI.EDU. 60 NS VENERA.ISI.EDU.',
    'ISI.EDU. 60 MX 10 VENERA.ISI.EDU.',
    'A.ISI.EDU. 60 A 26.3.0.103',
    'VENERA.ISI.EDU. 60 A 10.1.0.52',
    'VENERA.ISI.EDU. 60 A 128.9.0.32',
    'MOE.ISI.EDU. 60 MB A.ISI.EDU.',
    'STOOGES.ISI.EDU. 60 MG MOE.ISI.EDU.',
  ]);
  assert.deepEqual(scanned.messages, ['zone.db:6:34: no TTL specified; using SOA MINTTL instead']);
});

test('TTL and class stand in either order, and either may be missing', () => {
  const scanned = scanText('$TTL 9\na 5 IN A 1.1.1.1\nb IN 6 A 1.1.1.1\nc IN A 1.1.1.1\nd 7 A 1.1.1.1\ne A 1.1.1.1\n');
  assert.deepEqual(
    scanned.lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['a.example. 5', 'b.example. 6', 'c.example. 9', 'd.example. 7', 'e.example. 9'],
  );
});

test('a word that is a TTL, a class or a type is an owner where an owner belongs', () => {
  const scanned = scanText('$TTL 9\n300 A 1.1.1.1\nIN A 1.1.1.2\nA A 1.1.1.3\n$TTL 5\n\\$TTL TXT x\n');
  assert.deepEqual(scanned.lines, [
    '300.example. 9 A 1.1.1.1',
    'IN.example. 9 A 1.1.1.2',
    'A.example. 9 A 1.1.1.3',
    '\\$TTL.example. 5 TXT "x"',
  ]);
});

test('brackets join lines; comments, tabs and CR LF are white space', () => {
  const scanned = scanText('$TTL 9\r\na\tTXT ( one ; 1\r\n\r\n  "two" ) three ; end\r\n(b A\n1.1.1.1)\n');
  assert.deepEqual(scanned.lines, ['a.example. 9 TXT "one" "two" "three"', 'b.example. 9 A 1.1.1.1']);
});

test('quoted strings keep spaces, semicolons and brackets', () => {
  const scanned = scanText('$TTL 9\na TXT "x ; y (z" "\\"" "" a\\ b\n');
  assert.deepEqual(scanned.lines, ['a.example. 9 TXT "x ; y (z" "\\"" "" "a b"']);
});

test('$ORIGIN and $INCLUDE nest: origin and owner come back, $TTL stays', () => {
  const text = '$TTL 9\na A 1.1.1.1\n$INCLUDE one sub\n TXT back\nb A 1.1.1.1\n';
  const files = {
    one: 'x A 1.1.1.1\n$ORIGIN deeper\n$include two\ny A 1.1.1.1\n',
    two: '$TTL 7\n@ A 2.2.2.2\n$ORIGIN q.\n',
  };
  const scanned = scanText(text, {}, files);
  assert.deepEqual(scanned.messages, []);
  assert.deepEqual(scanned.lines, [
    'a.example. 9 A 1.1.1.1',
    'x.sub.example. 9 A 1.1.1.1',
    'deeper.sub.example. 7 A 2.2.2.2',
    'y.deeper.sub.example. 7 A 1.1.1.1',
    'a.example. 7 TXT "back"',
    'b.example. 7 A 1.1.1.1',
  ]);
});

test('faults in an included file name that file', () => {
  const scanned = scanText('$TTL 9\n$INCLUDE one\nb A 1.1.1\n', {}, { one: 'a A 1.1.1.1\n\n  A 1.1\n' });
  assert.deepEqual(
    scanned.faults.map(({ position }) => [position.file, position.line, position.column]),
    [
      ['one', 3, 5],
      ['zone.db', 3, 5],
    ],
  );
});

test('an include that cannot be read, loops, or is too deep is an error of its line', () => {
  const missing = scanText('$TTL 9\n$INCLUDE nowhere\na A 1.1.1.1\n');
  assert.deepEqual(missing.messages, ['zone.db:2:10: nowhere: file not found']);
  assert.equal(missing.records, 1);
  assert.match(scanText('$INCLUDE secret\n', {}, { secret: '!' }).messages[0], /zone\.db:1:10: secret: .*EACCES/);
  assert.deepEqual(scanText('$INCLUDE loop\n', {}, { loop: '$INCLUDE zone.db\n' }).messages, [
    'loop:1:10: zone.db: the file includes itself',
  ]);
  const chain = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`f${i}`, `$INCLUDE f${i + 1}\n`]));
  assert.match(scanText('$INCLUDE f0\n', {}, chain).messages[0], /more than 32 files include one another/);
});

test('each error names file, line and column, and reading goes on behind it', () => {
  const text =
    '$TTL 9\na A 1.2.3\n  MX ten b\nc TXT "open\nd..e A 1.1.1.1\n TXT of-d\nf A 1.1.1.1 junk\ng A ( 1.1.1.1\n';
  const scanned = scanText(text);
  assert.deepEqual(
    scanned.faults.map(({ position, result }) => `${position.line}:${position.column} ${result}`),
    [
      '2:5 expected IPv4 address',
      '3:6 expected preference (0 to 65535)',
      '4:7 unbalanced quotes',
      '5:1 empty label',
      '7:13 extra input text',
      '9:1 unbalanced parentheses',
    ],
  );
  assert.equal(scanned.records, 0);
});

test('the rest of a faulty entry is passed with its brackets and strings', () => {
  const places = (text: string): string[] =>
    scanText(`$TTL 9\n${text}`).faults.map(({ position, result }) => `${position.line}:${position.column} ${result}`);
  assert.deepEqual(places('a A x ( b\n c "d ) (" )\ne A y\n'), [
    '2:5 expected IPv4 address',
    '4:5 expected IPv4 address',
  ]);
  assert.deepEqual(places('a A x "open\ne A y\n'), ['2:5 expected IPv4 address', '3:5 expected IPv4 address']);
  assert.deepEqual(places('a A x ; (\ne A y \\(\n'), ['2:5 expected IPv4 address', '3:5 expected IPv4 address']);
  assert.deepEqual(places('a A x (\ne A y\n'), ['2:5 expected IPv4 address', '4:1 unbalanced parentheses']);
});

test('after many errors the rest is not read', () => {
  const scanned = scanText(`$TTL 9\n${'a A x\n'.repeat(5000)}`, { maxErrors: 10 });
  assert.equal(scanned.errors, 10);
  assert.equal(scanned.faults.length, 11);
  assert.match(scanned.messages[10], /too many errors/);
});

test('warnings beyond the limit are only counted', () => {
  const scanned = scanText(`$TTL 9\n${Array.from({ length: 50 }, (_, i) => `a${i}.other. A 1.1.1.1\n`).join('')}`, {
    maxWarnings: 5,
  });
  assert.equal(scanned.warnings, 50);
  assert.equal(scanned.faults.length, 6);
  assert.match(scanned.messages[5], /45 more warnings are not shown/);
});

test('records outside the zone are left out with a warning, but checked', () => {
  const scanned = scanText('$TTL 9\na.other. A 1.1.1.1\nxexample. A 1.1.1.1\nb.other. A 1\n');
  assert.deepEqual(scanned.lines, []);
  assert.deepEqual(scanned.messages, [
    'zone.db:2:1: ignoring out-of-zone data (a.other)',
    'zone.db:3:1: ignoring out-of-zone data (xexample)',
    'zone.db:4:1: ignoring out-of-zone data (b.other)',
    "zone.db:4:12: near '1': expected IPv4 address",
  ]);
});

test('without a zone any owner is taken: key and dsset files', () => {
  const scanned = scanText('other. IN DS 1 8 1 00112233445566778899AABBCCDDEEFF00112233\n', {
    zone: undefined,
    defaultTtl: 60,
  });
  assert.deepEqual(scanned.lines, ['other. 60 DS 1 8 1 00112233445566778899AABBCCDDEEFF00112233']);
});

test('other classes, meta types and obsolete types are refused by name', () => {
  const results = (text: string): string[] => scanText(`$TTL 9\n${text}\n`).faults.map((fault) => fault.what);
  assert.deepEqual(results('a CH TXT x'), ["class 'CH' != zone class 'IN'"]);
  assert.deepEqual(results('a OPT \\# 0'), ["type 'OPT': invalid use of a meta type"]);
  assert.deepEqual(results('a AXFR x'), ["type 'AXFR': invalid use of a meta type"]);
  assert.deepEqual(results('a TYPE0 \\# 0'), ["type 'TYPE0': invalid use of a meta type"]);
  assert.deepEqual(results('a MD b'), ["type 'MD': obsolete"]);
  assert.deepEqual(results('a NOTYPE b'), ["unknown RR type 'NOTYPE'"]);
  assert.deepEqual(results('a SOA . . 1 2 3 4 5'), ['SOA record not at top of zone (a.example)']);
  assert.deepEqual(results('$DATE 20260101000000').length, 1);
  assert.deepEqual(results('$OTHER x'), ["unknown $ directive '$OTHER'"]);
});

test('a byte order mark is one error that says what to do, and nothing is read', () => {
  const { messages, lines } = scanText('\u00ef\u00bb\u00bf$TTL 9\na A 1.1.1.1\n');
  assert.deepEqual(messages, ['zone.db:1:1: the file begins with a byte order mark: save it as UTF-8 without one']);
  assert.deepEqual(lines, []);
});

test('a missing newline at the end is a warning', () => {
  assert.deepEqual(scanText('$TTL 9\na A 1.1.1.1').messages, ['zone.db:2:12: file does not end with newline']);
  assert.equal(scanText('').faults.length, 0);
});
