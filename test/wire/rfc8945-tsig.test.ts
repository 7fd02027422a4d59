import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { equalNames, type Name } from '../../src/wire/name.ts';
import { makeQuery, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import {
  appendTsigError,
  signTsig,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  type TsigKey,
  TsigStreamSigner,
  TsigStreamVerifier,
  verifyTsig,
} from '../../src/wire/tsig.ts';
import { decodeTsig } from '../../src/wire/rdata/tsig.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';

const NOW = 1_800_000_000;
const QUERY = writeMessage(makeQuery(0x1234, { name: mustName('example.'), type: TYPE.SOA, class: CLASS.IN }));
const secret = Uint8Array.from({ length: 32 }, (_, i) => i * 11);

const keyOf = (algorithm: TsigAlgorithm, macLength?: number): TsigKey => ({
  name: mustName('Key.Example.'),
  algorithm,
  secret,
  ...(macLength === undefined ? {} : { macLength }),
});
const KEY = keyOf('hmac-sha256');

function check(octets: Uint8Array, key: TsigKey = KEY, now = NOW, requestMac?: Uint8Array) {
  const keyByName = (name: Name): TsigKey | undefined => (equalNames(name, key.name) ? key : undefined);
  return verifyTsig(octets, { now, keyByName, ...(requestMac === undefined ? {} : { requestMac }) });
}

/** Error of a refused message; fails for any other verdict. */
function refusal(verdict: ReturnType<typeof check>): number {
  assert.equal(verdict.kind, 'refused');
  return verdict.kind === 'refused' ? verdict.error : -1;
}

describe('RFC 8945: one message', () => {
  for (const algorithm of Object.keys(TSIG_ALGORITHMS) as TsigAlgorithm[])
    test(`${algorithm}: signed, verified, and no octet can be changed`, () => {
      const key = keyOf(algorithm);
      const { message, mac } = signTsig(QUERY, key, { now: NOW });
      assert.equal(mac.length, TSIG_ALGORITHMS[algorithm].length);
      assert.equal(check(message, key).kind, 'valid');
      for (let at = 12; at < message.length; at += 3) {
        // Letters of names may change case (names are signed in canonical form), so bit 0 is changed.
        assert.notEqual(check(message.with(at, message[at] ^ 1), key).kind, 'valid', `octet ${at}`);
      }
    });

  test('the id may change on the way, since the original id is signed', () => {
    const { message } = signTsig(QUERY, KEY, { now: NOW });
    assert.equal(check(message.with(0, 0x99)).kind, 'valid');
  });

  test('an unsigned message is that', () => assert.equal(check(QUERY).kind, 'unsigned'));

  test('BADKEY: unknown name, or another algorithm', () => {
    const { message } = signTsig(QUERY, KEY, { now: NOW });
    assert.equal(refusal(check(message, { ...KEY, name: mustName('other.') })), RCODE.BADKEY);
    assert.equal(refusal(check(message, keyOf('hmac-sha512'))), RCODE.BADKEY);
  });

  test('BADSIG: another secret', () => {
    const { message } = signTsig(QUERY, { ...KEY, secret: new Uint8Array(32) }, { now: NOW });
    assert.equal(refusal(check(message)), RCODE.BADSIG);
  });

  test('BADTIME: later than the fudge, earlier too, not at the border', () => {
    const { message } = signTsig(QUERY, KEY, { now: NOW });
    assert.equal(check(message, KEY, NOW + 300).kind, 'valid');
    assert.equal(refusal(check(message, KEY, NOW + 301)), RCODE.BADTIME);
    assert.equal(refusal(check(message, KEY, NOW - 301)), RCODE.BADTIME);
  });

  test('section 5.2.2.1: truncated MACs where the key allows them, BADTRUNC elsewhere, and never below the half', () => {
    const short = signTsig(QUERY, keyOf('hmac-sha256', 16), { now: NOW });
    assert.equal(short.mac.length, 16);
    assert.equal(check(short.message, keyOf('hmac-sha256', 16)).kind, 'valid');
    assert.equal(refusal(check(short.message)), RCODE.BADTRUNC);
    assert.equal(check(signTsig(QUERY, keyOf('hmac-sha256', 15), { now: NOW }).message).kind, 'malformed');
    assert.equal(
      check(signTsig(QUERY, keyOf('hmac-md5', 9), { now: NOW }).message, keyOf('hmac-md5')).kind,
      'malformed',
    );
  });

  test('an answer is bound to its request', () => {
    const request = signTsig(QUERY, KEY, { now: NOW });
    const answer = signTsig(QUERY, KEY, { now: NOW, requestMac: request.mac });
    assert.equal(check(answer.message, KEY, NOW, request.mac).kind, 'valid');
    assert.equal(refusal(check(answer.message, KEY, NOW, answer.mac)), RCODE.BADSIG);
    assert.equal(refusal(check(answer.message)), RCODE.BADSIG);
  });

  test('section 5.2.3: a BADTIME answer is signed with the time of the request and carries ours', () => {
    const request = signTsig(QUERY, KEY, { now: NOW });
    const answer = signTsig(QUERY, KEY, {
      now: NOW + 9999,
      requestMac: request.mac,
      requestTime: NOW,
      error: RCODE.BADTIME,
    });
    assert.equal(check(answer.message, KEY, NOW, request.mac).kind, 'valid');
    const tsig = parseMessage(answer.message).tsig;
    assert.ok(tsig);
    const rdata = decodeTsig(tsig.record.rdata);
    assert.deepEqual([rdata.error, rdata.timeSigned], [RCODE.BADTIME, NOW]);
    assert.equal(Buffer.from(rdata.otherData).readUIntBE(0, 6), NOW + 9999);
  });

  test('section 5.3.2: BADKEY and BADSIG answers have no MAC', () => {
    const verdict = check(signTsig(QUERY, KEY, { now: NOW }).message, { ...KEY, name: mustName('other.') });
    assert.equal(verdict.kind, 'refused');
    if (verdict.kind !== 'refused') return;
    const tsig = parseMessage(appendTsigError(QUERY, verdict.facts, verdict.error)).tsig;
    assert.ok(tsig);
    assert.deepEqual(
      [decodeTsig(tsig.record.rdata).mac.length, decodeTsig(tsig.record.rdata).error],
      [0, RCODE.BADKEY],
    );
  });

  test('section 5.1: a record behind TSIG is a format error', () => {
    const { message } = signTsig(QUERY, KEY, { now: NOW });
    const behind = Uint8Array.of(...message, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4).with(11, 2);
    assert.equal(check(behind).kind, 'malformed');
  });
});

describe('RFC 8945 section 5.3.1: many messages', () => {
  const requestMac = signTsig(QUERY, KEY, { now: NOW }).mac;

  test('each signature covers the one before', () => {
    const signer = new TsigStreamSigner(KEY, requestMac);
    const messages = [0, 1, 2, 3].map((i) => signer.sign(QUERY.with(1, i), NOW + i));
    const verifier = new TsigStreamVerifier(KEY, requestMac);
    for (const message of messages) assert.equal(verifier.verify(message, NOW).kind, 'valid');
    assert.ok(verifier.isComplete);

    const swapped = new TsigStreamVerifier(KEY, requestMac);
    swapped.verify(messages[0], NOW);
    assert.equal(swapped.verify(messages[2], NOW).kind, 'refused');
  });

  test('unsigned messages between are covered by the next signature', () => {
    const signer = new TsigStreamSigner(KEY, requestMac);
    const first = signer.sign(QUERY, NOW);
    const verifier = new TsigStreamVerifier(KEY, requestMac);
    assert.equal(verifier.verify(first, NOW).kind, 'valid');
    assert.equal(verifier.verify(QUERY, NOW).kind, 'pending');
    assert.ok(!verifier.isComplete, 'must not end unsigned');
    // The signer signs every message, so this one does not cover the unsigned one that was slipped in.
    assert.equal(verifier.verify(signer.sign(QUERY, NOW), NOW).kind, 'refused');
  });

  test('the first message must be signed, and at most 99 in a row may be unsigned', () => {
    assert.equal(new TsigStreamVerifier(KEY, requestMac).verify(QUERY, NOW).kind, 'unsigned');
    const verifier = new TsigStreamVerifier(KEY, requestMac);
    verifier.verify(new TsigStreamSigner(KEY, requestMac).sign(QUERY, NOW), NOW);
    for (let i = 0; i < 99; i++) assert.equal(verifier.verify(QUERY, NOW).kind, 'pending');
    assert.equal(verifier.verify(QUERY, NOW).kind, 'unsigned');
  });
});
