import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { latin1Text } from '../base/octets.ts';
import type { Random } from '../base/random.ts';
import type { Configuration, ParentConfiguration, RemoteServer, ZoneConfiguration } from '../conf/configuration.ts';
import { parseAddress } from '../net/address.ts';
import type { Agent, AgentAnswer, AgentAsker } from '../parent/agent.ts';
import { NetworkAsker, type NetworkAskerOptions } from '../parent/network-asker.ts';
import { ParentWatch, type ParentWatchOptions, type ZoneParent } from '../parent/parent-watch.ts';
import { resolversOf } from '../parent/resolv-conf.ts';
import type { Name } from '../wire/name.ts';
import { mustName } from '../wire/name-text.ts';
import type { TsigAlgorithm, TsigKey } from '../wire/tsig.ts';
import { agentTls } from './agent-tls.ts';

export interface KeyParentsOptions {
  readonly family: 'both' | 'ipv4' | 'ipv6';
  readonly watch?: ParentWatchOptions;
  readonly client?: NetworkAskerOptions['client'];
  /** Where the host's resolvers are named. */
  readonly resolvConf?: string;
  /** Port of resolvers and of name servers that are found; DNS's, but for tests. */
  readonly port?: number;
}

export interface KeyParentsDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly random: Random;
  /** DNSKEY RRset of a zone that this server signs and serves; empty for others. */
  readonly localKeys: (zone: Name) => readonly Uint8Array[];
}

const NOT_IN_USE = 'its address family is not in use: look at -4 and -6 of the command line';

const RESOLV_CONF = '/etc/resolv.conf';

/** The parents of the zones of one configuration: who is asked, with which keys, from where, and what is validated. */
export class KeyParents implements AsyncDisposable, AgentAsker {
  readonly #options: KeyParentsOptions;
  readonly #dependencies: KeyParentsDependencies;
  readonly #watch: ParentWatch;
  #configuration: Configuration | undefined;
  #asker: NetworkAsker | undefined;

  constructor(options: KeyParentsOptions, dependencies: KeyParentsDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#watch = new ParentWatch(options.watch ?? {}, { ...dependencies, asker: this });
  }

  /** Takes over a configuration, before zones of it are opened. Parents that are open keep the agents that they have. */
  configure(configuration: Configuration): void {
    const { client, port } = this.#options;
    const { localKeys } = this.#dependencies;
    const anchors = configuration.trustAnchors?.map(({ name, kind, rdata }) => ({ name: mustName(name), kind, rdata }));
    const families = this.#families();
    this.#configuration = configuration;
    this.#asker = new NetworkAsker(
      {
        ...(client && { client }),
        ...(anchors && { validation: { anchors, localKeys } }),
        finder: { families, resolvers: () => this.#resolvers(), ...(port !== undefined && { port }) },
      },
      this.#dependencies,
    );
  }

  /**
   * The parent of a zone of the configuration; undefined where nobody is to be asked.
   * @param changed called when what is known has changed
   */
  open(zone: ZoneConfiguration, label: string, changed: () => void): ZoneParent | undefined {
    const { parent, name } = zone;
    if (parent === undefined) return undefined;
    const agents = parent.checkds === 'explicit' ? { agents: this.#agents(parent) } : {};
    return this.#watch.open({ apex: mustName(name), label, sources: parent, ...agents }, changed);
  }

  ask(zone: Name, agent: Agent, signal: AbortSignal): Promise<AgentAnswer> {
    return this.#configured().ask(zone, agent, signal);
  }

  findAgents(zone: Name, signal: AbortSignal): ReturnType<AgentAsker['findAgents']> {
    return this.#configured().findAgents(zone, signal);
  }

  #families(): readonly (4 | 6)[] {
    const { family } = this.#options;
    return family === 'both' ? [4, 6] : [family === 'ipv4' ? 4 : 6];
  }

  #configured(): NetworkAsker {
    if (this.#asker === undefined) throw new TypeError('parents are asked before there is a configuration');
    return this.#asker;
  }

  #agents({ agents }: ParentConfiguration): Agent[] {
    return agents.map((server) => {
      const [bare, scope] = server.address.split('%', 2);
      const address = parseAddress(bare) ?? new Uint8Array(4);
      const { key, unusable } = this.#key(server);
      const secured = this.#tls(server);
      const unreachable = this.#families().includes(address.length === 4 ? 4 : 6) ? undefined : NOT_IN_USE;
      return {
        address,
        port: server.port,
        ...(scope !== undefined && { scope }),
        ...(key && { key }),
        ...secured,
        ...(unusable !== undefined && { unusable }),
        ...(unreachable !== undefined && { unusable: unreachable }),
      };
    });
  }

  #key({ key: name }: RemoteServer): { readonly key?: TsigKey; readonly unusable?: string } {
    if (name === undefined) return {};
    const wanted = canonical(name);
    const statement = this.#configuration?.keys.find((one) => canonical(one.name) === wanted);
    // Checked with the configuration; never ask without the signature that was wanted.
    if (statement === undefined) return { unusable: `there is no key '${name}'` };
    const { algorithm, secret } = statement;
    return { key: { name: mustName(canonical(statement.name)), algorithm: algorithm as TsigAlgorithm, secret } };
  }

  #tls({ tls: name }: RemoteServer): Pick<Agent, 'tls' | 'unusable'> {
    if (name === undefined) return {};
    try {
      return { tls: agentTls(this.#configuration?.tls.get(name), this.#dependencies.disk) };
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      return { tls: {}, unusable: error.message };
    }
  }

  /** Read each time: the host may have moved. */
  #resolvers(): Agent[] {
    try {
      const octets = this.#dependencies.disk.read(this.#options.resolvConf ?? RESOLV_CONF);
      const resolvers = octets === undefined ? [] : resolversOf(latin1Text(octets));
      return resolvers.map((resolver) => ({ ...resolver, port: this.#options.port ?? resolver.port }));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
  }
}

/** Absolute, in small letters. */
function canonical(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower : `${lower}.`;
}
