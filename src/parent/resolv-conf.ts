import { parseAddress } from '../net/address.ts';
import type { Agent } from './agent.ts';

const DNS_PORT = 53;
/** resolv.conf(5): MAXNS. */
const MOST_RESOLVERS = 3;

/** The resolvers that a text in the form of resolv.conf(5) names. Lines that are something else are passed over, as libc does. */
export function resolversOf(text: string): Agent[] {
  const resolvers = text.split('\n').flatMap((line) => {
    const written = /^nameserver[ \t]+(\S+)/.exec(line)?.[1];
    const address = written === undefined ? undefined : parseAddress(written);
    if (address === undefined) return [];
    const scope = written?.split('%')[1];
    return { address, port: DNS_PORT, ...(scope !== undefined && { scope }) };
  });
  return resolvers.slice(0, MOST_RESOLVERS);
}
