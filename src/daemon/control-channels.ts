import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { checkKeys } from '../conf/check/keys.ts';
import type { Configuration, InetControl, TsigKeyStatement } from '../conf/configuration.ts';
import { FaultList, formatFault } from '../conf/fault.ts';
import { rndcKeyClauses } from '../conf/grammar/rndc-conf.ts';
import { readTree } from '../conf/syntax/read-tree.ts';
import { clausesNamed } from '../conf/syntax/tree.ts';
import type { CommandReply } from '../control/results.ts';
import { RndcChannel } from '../control/rndc-channel.ts';
import { serverEvent } from './events.ts';

export interface ControlChannelsDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Log;
  readonly handler: (command: string, isReadOnly: boolean, by: string) => Promise<CommandReply>;
}

/** BIND 9.18 on Debian. rndc looks for its key there too. */
export const RNDC_KEY_FILE = '/etc/bind/rndc.key';

/** The command channels of the configuration. */
export class ControlChannels implements AsyncDisposable {
  readonly #keyFile: string;
  readonly #dependencies: ControlChannelsDependencies;
  #open: { readonly identity: string; readonly control: InetControl; readonly channel: RndcChannel }[] = [];

  constructor(options: { readonly keyFile: string }, dependencies: ControlChannelsDependencies) {
    this.#keyFile = options.keyFile;
    this.#dependencies = dependencies;
  }

  /** Opens what the configuration names and is not open yet, and closes the rest. A channel that fails is only logged. */
  async configure(configuration: Configuration): Promise<void> {
    const wanted = configuration.controls.map((control) => ({
      control,
      identity: JSON.stringify([control, this.#keysOf(control, configuration).map((key) => [...key.secret])]),
    }));
    const kept = this.#open.filter(({ identity }) => wanted.some((other) => other.identity === identity));
    for (const { control, channel } of this.#open.filter((open) => !kept.includes(open))) {
      this.#dependencies.log.write(serverEvent.noLongerControl(control.address, channel.port));
      await channel[Symbol.asyncDispose]();
    }
    this.#open = kept;
    for (const { control, identity } of wanted) {
      if (kept.some((open) => open.identity === identity)) continue;
      const channel = await this.#listen(control, configuration);
      if (channel !== undefined) this.#open.push({ identity, control, channel });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { control, channel } of this.#open) {
      this.#dependencies.log.write(serverEvent.noLongerControl(control.address, channel.port));
      await channel[Symbol.asyncDispose]();
    }
    this.#open = [];
  }

  async #listen(control: InetControl, configuration: Configuration): Promise<RndcChannel | undefined> {
    const keys = this.#keysOf(control, configuration);
    if (keys.length === 0) return undefined;
    if (control.keys.length === 0) this.#dependencies.log.write(serverEvent.controlKeyFile(this.#keyFile));
    const { address, port, allow, readOnly } = control;
    const channel = new RndcChannel({ address, port, allow, keys, readOnly }, this.#dependencies);
    try {
      await channel.listen();
      return channel;
    } catch (error) {
      // As BIND: the name service goes on without a command channel.
      if (!(error instanceof SignetError)) throw error;
      this.#dependencies.log.write(serverEvent.fatal(error.message));
      return undefined;
    }
  }

  #keysOf({ keys }: InetControl, configuration: Configuration): readonly TsigKeyStatement[] {
    if (keys.length === 0) return this.#keyOfFile();
    return configuration.keys.filter(({ name }) => keys.some((wanted) => sameKeyName(wanted, name)));
  }

  #keyOfFile(): readonly TsigKeyStatement[] {
    const { disk, log } = this.#dependencies;
    const faults = new FaultList();
    try {
      const tree = readTree(this.#keyFile, rndcKeyClauses, {}, { disk, faults });
      const keys = tree === undefined ? [] : checkKeys(clausesNamed(tree, 'key'), faults);
      for (const fault of faults.all) log.write(serverEvent.noControlChannel(formatFault(fault)));
      return faults.hasErrors ? [] : keys;
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      log.write(serverEvent.noControlChannel(error.message));
      return [];
    }
  }
}

function sameKeyName(a: string, b: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/\.$/, '');
  return plain(a) === plain(b);
}
