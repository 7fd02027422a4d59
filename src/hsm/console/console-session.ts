import { SignetError } from '../../base/error.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Appliance, ApplianceState, LoginOutcome, Operator } from '../appliance/appliance.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { completeLine, parseLine, usageLine, type CommandContext } from './command.ts';
import { CONSOLE_COMMANDS } from './commands.ts';
import { tellState } from './commands-show.ts';
import { BANNER, PROMPT, TAMPER_BANNER } from './console-text.ts';
import { askMasterKey, confirmPins, parseRole } from './dialogues.ts';
import { ConsoleGone, ConsoleIdle, type Terminal } from './terminal.ts';

export interface ConsoleSessionOptions {
  /** Address of the person's host, and the one at which the HSM was reached. */
  readonly peer: string;
  readonly localAddress: string;
}

export interface ConsoleSessionDependencies {
  readonly appliance: Appliance;
  readonly clock: Clock;
  readonly log: Log;
}

/** Milliseconds for which somebody who is not logged in may say nothing. */
export const LOGIN_PATIENCE = 120_000;
/** Names and PINs that one connection may try; what comes between two tries, the login guard says. */
const LOGIN_TRIES = 20;

/** One console from its first octet to its end: banner, login, what a restart asks for, commands. */
export class ConsoleSession {
  readonly #terminal: Terminal;
  readonly #options: ConsoleSessionOptions;
  readonly #dependencies: ConsoleSessionDependencies;

  constructor(terminal: Terminal, options: ConsoleSessionOptions, dependencies: ConsoleSessionDependencies) {
    this.#terminal = terminal;
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Resolves when the connection is over. */
  async run(): Promise<void> {
    const { appliance, log } = this.#dependencies;
    let wasTampered = isTampered(appliance.getState());
    const unwatch = appliance.watch((state) => {
      if (isTampered(state) && !wasTampered) this.#terminal.interrupt(`\n${TAMPER_BANNER}`);
      wasTampered = isTampered(state);
    });
    try {
      await this.#terminal.greet();
      while (await this.#oneLogin());
    } catch (error) {
      if (error instanceof ConsoleGone) return;
      if (error instanceof ConsoleIdle) return this.#terminal.say('Nobody has logged in: the console is closed.\n');
      log.write({ severity: 'error', category: 'general', text: `console ${this.#options.peer}: ${messageOf(error)}` });
      this.#terminal.say('The console is closed because of an error, which is in the log of the HSM.\n');
    } finally {
      unwatch();
      this.#terminal.close();
    }
  }

  /** @returns false when nobody can log in on this connection any more */
  async #oneLogin(): Promise<boolean> {
    const { appliance } = this.#dependencies;
    await using operator = appliance.openConsole(this.#options.peer);
    this.#terminal.setPatience(LOGIN_PATIENCE);
    const outcome = await this.#login(operator);
    if (outcome === undefined) return false;
    this.#terminal.setPatience(1000 * operator.getSettings().CONSOLE_IDLE_TIMEOUT);
    const context = this.#contextOf(operator);
    try {
      await this.#afterLogin(context, outcome);
      while (operator.role !== undefined) await this.#prompt(context);
      this.#terminal.say('Logged out.');
    } catch (error) {
      if (!(error instanceof ConsoleIdle)) throw error;
      await operator.logout();
      this.#terminal.say('Logged out: nobody has typed for as long as CONSOLE_IDLE_TIMEOUT says.');
    }
    return true;
  }

  async #login(operator: Operator): Promise<LoginOutcome | undefined> {
    const terminal = this.#terminal;
    terminal.write(`\n${BANNER}\n`);
    for (const why of this.#dependencies.appliance.getState().whyLocked) terminal.say(why);
    terminal.say("Please login using the 'wheel' user account password\n");
    for (let tries = 0; tries < LOGIN_TRIES; tries++) {
      const name = (await terminal.readLine('\nUsername: '))?.trim() ?? '';
      if (name === '') continue;
      const role = parseRole(name);
      if (role === undefined) {
        terminal.say('Invalid user name. Please try again\n');
        continue;
      }
      const pin = await terminal.readSecret('\nPassword: ');
      if (pin === undefined) continue;
      try {
        return await operator.login(role, pin);
      } catch (error) {
        if (!(error instanceof SignetError)) throw error;
        terminal.say(
          isWrongPin(error) ? `Incorrect password. Please try again\n${error.message}\n` : `${error.message}\n`,
        );
      } finally {
        pin.fill(0);
      }
    }
    terminal.say('Too many tries: the console is closed.\n');
    return undefined;
  }

  /** Devices, the PIN that everybody knows, the master key (Diamond-HSM manual sections 3.5 to 3.7). */
  async #afterLogin(
    context: CommandContext,
    { isFirstSinceStart, masterKeySet, hasDefaultPin }: LoginOutcome,
  ): Promise<void> {
    const { terminal, say, appliance } = context;
    say('Checking the devices.');
    await tellState(context);
    if (hasDefaultPin) {
      say(
        "\nWARNING: the PIN of 'wheel' is the one of the factory, which everybody knows. The HSM serves no application",
      );
      say("until it is changed: 'set pin wheel', then 'set pin so' and 'set pin user'.");
    }
    if (isTampered(appliance.getState()))
      say(`\n${TAMPER_BANNER}\nSee 'tamper faults'; 'tamper reset' ends this state.`);
    else if (isFirstSinceStart || !masterKeySet) {
      say(
        masterKeySet
          ? '\nThe master key is set. It needs to be entered again only if it was lost.'
          : '\nThe master key is not in volatile memory.\nThe HSM will not be operational and all incoming\noperations will fail until it is set.',
      );
      if (await terminal.confirm('Would you like to set it now?'))
        await this.#guarded(context, async () => {
          if (await confirmPins(context, 'masterkey set')) await askMasterKey(context);
        });
    }
    say("\n'help' lists the commands.");
  }

  async #prompt(context: CommandContext): Promise<void> {
    const { terminal, say, operator } = context;
    const line = await terminal.readLine(PROMPT, (typed) => completeLine(CONSOLE_COMMANDS, typed));
    if (line === undefined || operator.role === undefined) return;
    const parsed = parseLine(CONSOLE_COMMANDS, line);
    switch (parsed.kind) {
      case 'empty':
        return;
      case 'unknown': {
        terminal.remember(line.trim());
        if (parsed.candidates.length === 0) return say("Invalid command. 'help' lists the commands.");
        say('Invalid command. Usage:');
        for (const command of parsed.candidates) say(usageLine(command));
        return say('-------');
      }
      case 'wrong arguments':
        if (parsed.command.isSecret !== true) terminal.remember(line.trim());
        return say(`Usage:\n${usageLine(parsed.command)}`);
      case 'command': {
        const { command, args } = parsed;
        if (command.isSecret !== true || args.length === 0) terminal.remember(line.trim());
        return this.#guarded(context, async () => {
          if (await confirmPins(context, command.right ?? command.words)) await command.run(context, args);
        });
      }
    }
  }

  /** What a command rejects with is for the person: one message, and the console goes on. */
  async #guarded(context: CommandContext, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof ConsoleGone || error instanceof ConsoleIdle) throw error;
      const isOurs = error instanceof SignetError;
      context.say(
        isOurs ? `Error: ${error.message}` : 'Error: something failed that should not; it is in the log of the HSM.',
      );
      if (!isOurs)
        this.#dependencies.log.write({
          severity: 'error',
          category: 'general',
          text: `console ${this.#options.peer}: ${messageOf(error)}`,
        });
    }
  }

  #contextOf(operator: Operator): CommandContext {
    const { appliance, clock } = this.#dependencies;
    const terminal = this.#terminal;
    const { localAddress } = this.#options;
    const say = (line: string): void => terminal.say(line);
    return { terminal, operator, appliance, clock, localAddress, commands: CONSOLE_COMMANDS, say };
  }
}

function isTampered({ devices }: ApplianceState): boolean {
  return devices.some(({ condition }) => condition === 'tampered');
}

function isWrongPin(error: SignetError): boolean {
  return error instanceof HalError && error.status === HalStatus.PIN_INCORRECT;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
