import { formatAddress } from '../base/address-text.ts';
import type { ConnectionOptions } from 'node:tls';
import type { SocketAddress } from '../net/address.ts';
import type { Name } from '../wire/name.ts';
import type { TsigKey } from '../wire/tsig.ts';

/** A server that is asked for the DS of a zone. */
export interface Agent {
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** Zone of a link-local address (RFC 4007 section 11). */
  readonly scope?: string;
  readonly port: number;
  /** Signs queries; answers without its signature do not count. */
  readonly key?: TsigKey;
  /** DNS over TLS (RFC 7858) in place of UDP and TCP. Secrets may be in it: never logged. */
  readonly tls?: ConnectionOptions;
  /** Where queries leave from; absent: the system's choice. Port 0 is any. */
  readonly source?: SocketAddress;
  /** Why it cannot be asked as it is configured. */
  readonly unusable?: string;
}

/** Where queries leave from, by address family. */
export interface AgentSources {
  readonly source?: SocketAddress;
  readonly sourceV6?: SocketAddress;
}

/** The agent, asked from the source of its address family. */
export function askedFrom(agent: Agent, { source, sourceV6 }: AgentSources): Agent {
  const own = agent.address.length === 4 ? source : sourceV6;
  return own === undefined ? agent : { ...agent, source: own };
}

/** "192.0.2.1#53", as BIND's log has servers. */
export function agentText({ address, scope, port }: Agent): string {
  return `${hostOf({ address, ...(scope !== undefined && { scope }) })}#${port}`;
}

/** The address as node's functions take it. */
export function hostOf({ address, scope }: Pick<Agent, 'address' | 'scope'>): string {
  return formatAddress(address) + (scope === undefined ? '' : `%${scope}`);
}

/** What an agent says of the DS RRset of a zone, or why its answer does not count. */
export type AgentAnswer =
  | {
      readonly kind: 'DS';
      /** RDATA; empty: the parent has no DS for the zone. */
      readonly ds: readonly Uint8Array[];
      /** Seconds that the answer may be kept: the RRset's TTL, or the negative one of RFC 2308 section 5. */
      readonly ttl: number;
      /** Proved by a chain from a trust anchor. */
      readonly isValidated: boolean;
    }
  | { readonly kind: 'fault'; readonly fault: string };

/** Who asks. Nothing here rejects: what goes wrong is a value. */
export interface AgentAsker {
  ask(zone: Name, agent: Agent, signal: AbortSignal): Promise<AgentAnswer>;
  /** The name servers of the parent zone, at least one, or why none is known. */
  findAgents(zone: Name, signal: AbortSignal): Promise<readonly Agent[] | { readonly fault: string }>;
}
