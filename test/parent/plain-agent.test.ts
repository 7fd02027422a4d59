import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { SystemRandom } from '../../src/base/random.ts';
import type { AgentAnswer } from '../../src/parent/agent.ts';
import type { DsValidatorOptions } from '../../src/parent/ds-validator.ts';
import { NetworkAsker } from '../../src/parent/network-asker.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { SignedZone } from './signed-zones.ts';
import { answerTo, type Behaviour, record, TestAgent } from './test-agent.ts';

/* A parental agent that takes no EDNS: what it says counts where nothing can be validated, and not where something should be. */

const ZONE = mustName('child.example.');
const DS = record(ZONE, TYPE.DS, Uint8Array.of(0, 1, 13, 2, ...new Uint8Array(32)));
const PATIENT = { udpWait: 60_000, udpAttempts: 3, streamLimit: 60_000 };

const withoutEdns: Behaviour = ({ message }) => {
  const { edns, ...plain } = message;
  return [
    answerTo({ message: plain }, edns === undefined ? { answers: [DS] } : { rcode: RCODE.FORMERR, questions: [] }),
  ];
};

async function ask(validation?: DsValidatorOptions): Promise<AgentAnswer> {
  await using server = await TestAgent.start(withoutEdns);
  const asker = new NetworkAsker(
    { client: PATIENT, finder: { resolvers: () => [], families: [4] }, ...(validation && { validation }) },
    { clock: new SystemClock(), random: new SystemRandom() },
  );
  return await asker.ask(ZONE, server.agent, new AbortController().signal);
}

test('RFC 6891 section 7 an agent without EDNS: its DS is seen', async () => {
  const answer = await ask();
  assert.ok(answer.kind === 'DS', JSON.stringify(answer));
  assert.deepEqual([answer.ds, answer.isValidated], [[DS.rdata], false]);
});

test('RFC 6891 section 7 an agent without EDNS where a chain of trust is expected: the fault says what is missing', async () => {
  const parent = new SignedZone('example.');
  const answer = await ask({
    anchors: [],
    localKeys: (zone) => (zone.length === parent.apex.length ? [parent.dnskey] : []),
  });
  assert.deepEqual(answer, {
    kind: 'fault',
    fault: 'its answer does not validate: it takes no EDNS (RFC 6891), without which it sends no signatures',
  });
});
