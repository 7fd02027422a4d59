import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { FLAG } from '../wire/header.ts';
import type { Message, Question } from '../wire/message.ts';
import type { Name } from '../wire/name.ts';
import { CLASS, RCODE, TYPE } from '../wire/type-codes.ts';
import type { Agent, AgentAnswer, AgentAsker } from './agent.ts';
import { type Answered, DnsClient, type DnsClientOptions } from './dns-client.ts';
import { judgeDsAnswer } from './ds-answer.ts';
import { DsValidator, type DsValidatorOptions } from './ds-validator.ts';
import { ParentFinder, type ParentFinderOptions } from './parent-finder.ts';

export interface NetworkAskerOptions {
  readonly client?: DnsClientOptions;
  /** Absent: nothing is validated. */
  readonly validation?: DsValidatorOptions;
  /** Of the host: to find the parent's name servers with, and what is missing of a chain of trust. */
  readonly finder: ParentFinderOptions;
}

/**
 * Seconds that a DS may be thought to be in caches: resolvers keep nothing for longer (RFC 8767 section 4), and a TTL of years
 * must not halt a rollover for years.
 */
const LONGEST_TTL = 7 * 86_400;

/** Asks over the network. */
export class NetworkAsker implements AgentAsker {
  readonly #client: DnsClient;
  readonly #validator: DsValidator | undefined;
  readonly #finder: ParentFinder;
  readonly #resolvers: () => readonly Agent[];

  constructor(options: NetworkAskerOptions, dependencies: { readonly clock: Clock; readonly random: Random }) {
    this.#client = new DnsClient(options.client ?? {}, dependencies);
    this.#validator = options.validation && new DsValidator(options.validation, dependencies);
    this.#finder = new ParentFinder(options.finder);
    this.#resolvers = options.finder.resolvers;
  }

  async ask(zone: Name, agent: Agent, signal: AbortSignal): Promise<AgentAnswer> {
    if (agent.unusable !== undefined) return { kind: 'fault', fault: agent.unusable };
    // Agents may be resolvers, as with BIND.
    const question = { name: zone, type: TYPE.DS, class: CLASS.IN };
    const answered = await this.#client.ask(question, agent, FLAG.RD, signal);
    if ('fault' in answered) return { kind: 'fault', fault: answered.fault };
    const judged = judgeDsAnswer(answered.message, zone);
    if (judged.kind === 'fault') return judged;
    const verdict = await this.#validator?.validate(zone, answered.message, (missing) =>
      this.#askForProof(missing, agent, signal),
    );
    if (verdict?.kind === 'bogus') {
      // RFC 3225: without EDNS nobody can ask for signatures.
      const why =
        answered.isPlain === true ? 'it takes no EDNS (RFC 6891), without which it sends no signatures' : verdict.fault;
      return { kind: 'fault', fault: `its answer does not validate: ${why}` };
    }
    const ds = judged.kind === 'DS' ? judged.records.map(({ rdata }) => rdata) : [];
    return { kind: 'DS', ds, ttl: boundedTtl(judged.ttl), isValidated: verdict?.kind === 'secure' };
  }

  async findAgents(zone: Name, signal: AbortSignal): Promise<readonly Agent[] | { readonly fault: string }> {
    const found = await this.#finder.find(zone, (name, type, server) =>
      this.#client.ask({ name, type, class: CLASS.IN }, server, FLAG.RD, signal),
    );
    return 'fault' in found ? found : found.agents;
  }

  /** What the agent itself does not have, the host's resolvers may: it is proved, whoever says it. */
  async #askForProof(question: Question, agent: Agent, signal: AbortSignal): Promise<Answered> {
    let last: Answered = { fault: 'nobody answers' };
    for (const server of [agent, ...this.#resolvers()]) {
      // RFC 4035 section 3.2.2: we validate ourselves.
      last = await this.#client.ask(question, server, FLAG.RD | FLAG.CD, signal);
      if (!('fault' in last) && isUsable(last.message)) return last;
    }
    return 'fault' in last ? last : { fault: 'neither the agent nor a resolver of this host has it' };
  }
}

function isUsable({ rcode, flags }: Message): boolean {
  return rcode === RCODE.NOERROR && (flags & (FLAG.AA | FLAG.RA)) !== 0;
}

/** RFC 2181 section 8: a TTL with the highest bit set is 0. */
function boundedTtl(ttl: number): number {
  return ttl > 0x7fffffff ? 0 : Math.min(ttl, LONGEST_TTL);
}
