import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf, good } from './configurations.ts';

/* Options on the form of answers, cookies and rates. test/interop/answer-options-peer.test.ts compares faults with BIND's. */

test('defaults are those of BIND 9.18, minimal-any aside', () => {
  const { answers, cookies, views } = good('options { };');
  assert.deepEqual(answers, {
    ednsUdpSize: 1232,
    maxUdpSize: 1232,
    nocookieUdpSize: 4096,
    requireServerCookie: false,
    minimalAny: true,
    minimalResponses: 'no-auth-recursive',
    padding: undefined,
    rateLimit: undefined,
  });
  assert.deepEqual(views[0].answers, answers);
  assert.deepEqual(cookies, { secrets: [] });
});

test('sizes are kept within bounds; minimal-responses has four values', () => {
  const small = good('options { edns-udp-size 1; max-udp-size 1; nocookie-udp-size 1; };').answers;
  assert.deepEqual([small.ednsUdpSize, small.maxUdpSize, small.nocookieUdpSize], [512, 512, 128]);
  const large = good('options { edns-udp-size 65535; max-udp-size 65535; nocookie-udp-size 65535; };').answers;
  assert.deepEqual([large.ednsUdpSize, large.maxUdpSize, large.nocookieUdpSize], [4096, 4096, 4096]);
  for (const [written, value] of [
    ['yes', 'yes'],
    ['no', 'no'],
    ['no-auth', 'no-auth'],
    ['no-auth-recursive', 'no-auth-recursive'],
  ])
    assert.equal(good(`options { minimal-responses ${written}; };`).answers.minimalResponses, value);
});

test('rate-limit: rates that are left out are those of responses; a block of a view stands alone; without rates there is none', () => {
  const { answers, views } =
    good(`options { rate-limit { responses-per-second 7; errors-per-second 3; exempt-clients { ::1; }; }; };
    view "own" { rate-limit { all-per-second 5; window 9; slip 0; log-only yes; }; };
    view "same" { };
    view "free" { rate-limit { slip 3; }; };`);
  const [own, same, free] = views.map((view) => view.answers.rateLimit);
  assert.deepEqual(answers.rateLimit, {
    responsesPerSecond: 7,
    referralsPerSecond: 7,
    nodataPerSecond: 7,
    nxdomainsPerSecond: 7,
    errorsPerSecond: 3,
    allPerSecond: 0,
    window: 15,
    slip: 2,
    qpsScale: 0,
    ipv4PrefixLength: 24,
    ipv6PrefixLength: 56,
    maxTableSize: 20_000,
    exemptClients: [
      {
        kind: 'prefix',
        address: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0)),
        length: 128,
        negated: false,
      },
    ],
    logOnly: false,
  });
  assert.deepEqual(same, answers.rateLimit);
  assert.equal(free, undefined);
  assert.deepEqual(
    [own?.allPerSecond, own?.responsesPerSecond, own?.window, own?.slip, own?.logOnly],
    [5, 0, 9, 0, true],
  );
  assert.equal(own?.exemptClients, undefined);
});

test('cookies: secrets in order, answer-cookie no, and faults that do not show a secret', () => {
  const secret = (digit: string): string => digit.repeat(32);
  const { cookies } = good(`options { cookie-secret "${secret('a')}"; cookie-secret "${secret('B')}"; };`);
  assert.deepEqual(cookies?.secrets, [new Uint8Array(16).fill(0xaa), new Uint8Array(16).fill(0xbb)]);
  assert.equal(good('options { answer-cookie no; };').cookies, undefined);
  assert.deepEqual(faultsOf(`options {\n cookie-secret "${secret('a')}aa";\n cookie-secret "12 34";\n};`), [
    'named.conf:2:2: SipHash-2-4 cookie-secret must be 128 bits',
    'named.conf:3:2: cookie-secret: invalid hex string',
  ]);
});

test('what is not obeyed is refused by name', () => {
  const refused = (text: string): string[] => faultsOf(`options { ${text} };`);
  for (const [text, what] of [
    ['cookie-algorithm aes;', "'cookie-algorithm' with this value"],
    ['zero-no-soa-ttl no;', "'zero-no-soa-ttl' with this value"],
    ['send-cookie no;', "'send-cookie'"],
  ])
    assert.ok(
      refused(text).some((fault) => fault.endsWith(`${what} is known but not supported by this version`)),
      text,
    );
  assert.deepEqual(refused('cookie-algorithm siphash24; zero-no-soa-ttl yes;'), []);
  assert.match(
    refused('rate-limit { responses-per-second 1; max-table-size 99999999; };')[0],
    /not supported by this version/,
  );
});
