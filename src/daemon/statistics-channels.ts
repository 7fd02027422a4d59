import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Configuration, StatisticsChannel } from '../conf/configuration.ts';
import { matchesAddress } from '../control/match-address.ts';
import { parseAddress } from '../net/address.ts';
import type { StatisticsSource } from '../status/snapshot.ts';
import type { StatisticsHttp } from '../status/statistics-http.ts';
import { serverEvent } from './events.ts';

export interface StatisticsChannelsDependencies {
  readonly source: StatisticsSource;
  readonly log: Log;
}

interface OpenChannel {
  readonly identity: string;
  /** Changed in place, so that a new allow list needs no new socket. */
  channel: StatisticsChannel;
  readonly http: StatisticsHttp;
}

/** The module with the HTTP server, which is a bundle of its own. */
type HttpModule = typeof import('../status/statistics-http.ts');

/** The statistics channels of the configuration. */
export class StatisticsChannels implements AsyncDisposable {
  readonly #dependencies: StatisticsChannelsDependencies;
  #open: OpenChannel[] = [];

  constructor(dependencies: StatisticsChannelsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Opens what the configuration names and is not open yet, and closes the rest. A channel that fails is only logged. */
  async configure(configuration: Configuration): Promise<void> {
    const { channels } = configuration.statistics;
    const kept: OpenChannel[] = [];
    const fresh: StatisticsChannel[] = [];
    for (const channel of channels) {
      const known = this.#open.find(({ identity }) => identity === identityOf(channel));
      if (known === undefined || kept.includes(known)) fresh.push(channel);
      else {
        known.channel = channel;
        kept.push(known);
      }
    }
    await this.#closeAll(this.#open.filter((open) => !kept.includes(open)));
    this.#open = kept;
    for (const channel of fresh) await this.#listen(channel);
  }

  /** Where channels are, with their real ports. */
  get addresses(): readonly { readonly address: string; readonly port: number }[] {
    return this.#open.map(({ channel: { address }, http: { port } }) => ({ address, port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeAll(this.#open.splice(0));
  }

  async #listen(channel: StatisticsChannel): Promise<void> {
    const { address, port } = channel;
    const { log } = this.#dependencies;
    try {
      const { openStatisticsHttp } = await loadStatisticsHttp();
      const isAllowed = (client: string): boolean => {
        const octets = parseAddress(client);
        return octets !== undefined && matchesAddress(open.channel.allow, octets);
      };
      const open: OpenChannel = {
        identity: identityOf(channel),
        channel,
        http: await openStatisticsHttp({ address, port, isAllowed }, this.#dependencies),
      };
      this.#open.push(open);
      log.write(serverEvent.statisticsChannel(address, open.http.port));
    } catch (error) {
      // As BIND: the name service goes on without the channel.
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      log.write(serverEvent.noStatisticsChannel(address, port, reason));
    }
  }

  async #closeAll(channels: readonly OpenChannel[]): Promise<void> {
    for (const { channel, http } of channels) {
      this.#dependencies.log.write(serverEvent.noLongerStatistics(channel.address, http.port));
      await http.close();
    }
  }
}

/**
 * Loads the HTTP server; only here, so that a server without statistics channels has nothing of it in memory. What is
 * loaded stays loaded: before the root directory changes, this keeps it in reach.
 * @throws SignetError STATISTICS_MODULE
 */
export async function loadStatisticsHttp(): Promise<HttpModule> {
  const isSource = import.meta.url.endsWith('.ts');
  const file = new URL(isSource ? '../status/statistics-http.ts' : './statistics-http.js', import.meta.url);
  try {
    return (await import(file.href)) as HttpModule;
  } catch (cause) {
    const reason = (cause as Error).message;
    const text = `the HTTP server for statistics-channels cannot be loaded, install the package again: ${reason}`;
    throw new SignetError('STATISTICS_MODULE', text, { reason }, cause);
  }
}

function identityOf({ address, port }: StatisticsChannel): string {
  return `${address}#${port}`;
}
