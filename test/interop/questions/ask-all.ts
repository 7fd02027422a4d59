import { askOverTcp, askOverUdp, type Answers } from './ask.ts';
import { readReply, type Replies } from './compare.ts';
import type { Question } from './query.ts';
import { type Server, SERVERS } from './servers.ts';
import { type Asked, isTruncated } from './verdict.ts';

type Ports = Readonly<Record<Server, number>>;

/** Asks all four servers all questions, and over TCP again what one of them truncates. */
export async function askAll(ports: Ports, questions: readonly Question[]): Promise<Asked[]> {
  const overUdp = questions.filter(({ query }) => query?.tcp !== true);
  const overTcp = questions.filter(({ query }) => query?.tcp === true);
  const datagrams = await askEach(ports, overUdp, askOverUdp);
  const streams = await askEach(ports, overTcp, askOverTcp);
  const cut = overUdp.filter((_, i) => SERVERS.some((server) => isTruncated(datagrams[i][server])));
  const whole = new Map((await askEach(ports, cut, askOverTcp)).map((replies, i) => [cut[i], replies]));
  return [
    ...overUdp.map((question, i) => ({ question, replies: datagrams[i], overTcp: whole.get(question) })),
    ...overTcp.map((question, i) => ({ question, replies: streams[i], overTcp: undefined })),
  ];
}

/** Replies by question, from all servers at once. */
export async function askEach(
  ports: Ports,
  questions: readonly Question[],
  ask: (port: number, octets: readonly Uint8Array[]) => Promise<Answers>,
): Promise<Replies[]> {
  const octets = questions.map((question) => question.octets);
  const answers = await Promise.all(SERVERS.map((server) => ask(ports[server], octets)));
  return questions.map(
    (_, i) => Object.fromEntries(SERVERS.map((server, at) => [server, readReply(answers[at][i])])) as Replies,
  );
}
