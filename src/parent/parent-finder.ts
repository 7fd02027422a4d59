import { FLAG } from '../wire/header.ts';
import type { Message, ResourceRecord } from '../wire/message.ts';
import { equalNames, parentName, uncheckedName, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { rcodeText } from '../wire/code-text.ts';
import { CLASS, RCODE, TYPE } from '../wire/type-codes.ts';
import type { Agent } from './agent.ts';
import { agentText } from './agent.ts';
import type { Answered } from './dns-client.ts';

/** Asks a question of one server; never rejects. */
export type AskServer = (name: Name, type: number, server: Agent) => Promise<Answered>;

export interface ParentFinderOptions {
  /** The resolvers as they are now, asked in this order until one answers. */
  readonly resolvers: () => readonly Agent[];
  /** Port of the servers that are found: DNS's, but for tests. */
  readonly port?: number;
  readonly families: readonly (4 | 6)[];
}

const DNS_PORT = 53;
/** Name servers of the parent whose addresses are looked up; the root and most parents have 13 at most. */
const MOST_SERVERS = 16;
/** Addresses of one name server that are asked. */
const MOST_ADDRESSES = 4;

type Found = { readonly agents: readonly Agent[] } | { readonly fault: string };

/** Finds the name servers of the zone above another, with the help of resolvers (`checkds yes`). */
export class ParentFinder {
  readonly #options: ParentFinderOptions;

  constructor(options: ParentFinderOptions) {
    this.#options = options;
  }

  /** All addresses of the parent's name servers: each of them has to be asked. */
  async find(zone: Name, ask: AskServer): Promise<Found> {
    if (zone.length === 1) return { fault: 'the root has no parent' };
    if (this.#options.resolvers().length === 0)
      return { fault: 'no resolver is known: /etc/resolv.conf names none, or cannot be read' };
    // A name above that is no zone has no NS: go on upwards, at most to the root.
    for (let name = parentName(zone); ; name = parentName(name)) {
      const answered = await this.#ask(name, TYPE.NS, ask);
      if ('fault' in answered) return answered;
      const servers = namesOf(answered.message, name);
      if (servers.length > 0) return this.#addresses(name, servers, ask);
      if (name.length === 1) return { fault: `no zone above ${nameToShortText(zone)} was found` };
    }
  }

  async #addresses(parent: Name, servers: readonly Name[], ask: AskServer): Promise<Found> {
    if (servers.length > MOST_SERVERS)
      return {
        fault: `${nameToShortText(parent)} has ${servers.length} name servers, more than ${MOST_SERVERS} are not asked`,
      };
    const agents: Agent[] = [];
    for (const server of servers) {
      const found = await this.#addressesOf(server, ask);
      if ('fault' in found) return found;
      // A server that is not asked might be the one that lacks the DS.
      if (found.agents.length === 0)
        return { fault: `the name server ${nameToShortText(server)} of the parent has no address` };
      agents.push(...found.agents);
    }
    return { agents: withoutDoubles(agents) };
  }

  async #addressesOf(server: Name, ask: AskServer): Promise<Found> {
    const agents: Agent[] = [];
    let hasAddress = false;
    for (const [type, length] of [[TYPE.A, 4] as const, [TYPE.AAAA, 16] as const]) {
      const answered = await this.#ask(server, type, ask);
      if ('fault' in answered) return answered;
      const addresses = ofType(answered.message, type).filter(({ rdata }) => rdata.length === length);
      hasAddress ||= addresses.length > 0;
      if (!this.#options.families.includes(length === 4 ? 4 : 6)) continue;
      for (const { rdata } of addresses.slice(0, MOST_ADDRESSES))
        agents.push({ address: rdata, port: this.#options.port ?? DNS_PORT });
    }
    if (hasAddress && agents.length === 0)
      return {
        fault: `this host cannot reach the addresses of ${nameToShortText(server)}: their address family is not in use`,
      };
    return { agents };
  }

  /** The answer of the first resolver that has one; NXDOMAIN is one. */
  async #ask(name: Name, type: number, ask: AskServer): Promise<Answered> {
    const faults: string[] = [];
    for (const resolver of this.#options.resolvers()) {
      const answered = await ask(name, type, resolver);
      const fault = 'fault' in answered ? answered.fault : unusable(answered.message);
      if (fault === undefined) return answered;
      faults.push(`${agentText(resolver)}: ${fault}`);
    }
    return { fault: `no resolver helps with ${nameToShortText(name)} (${faults.join('; ')})` };
  }
}

function unusable({ rcode, flags }: Message): string | undefined {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return `it answers ${rcodeText(rcode)}`;
  return (flags & FLAG.RA) === 0 ? 'it is no resolver' : undefined;
}

function namesOf({ answers }: Message, owner: Name): Name[] {
  const records = answers.filter(({ type, class: klass }) => type === TYPE.NS && klass === CLASS.IN);
  return records.flatMap((record) => (equalNames(record.owner, owner) ? uncheckedName(record.rdata) : []));
}

/** Resolvers put what an alias leads to behind it: every address of the answer is the server's. */
function ofType({ answers }: Message, wanted: number): ResourceRecord[] {
  return answers.filter(({ type, class: klass }) => type === wanted && klass === CLASS.IN);
}

function withoutDoubles(agents: readonly Agent[]): Agent[] {
  return [...new Map(agents.map((agent) => [agentText(agent), agent])).values()];
}
