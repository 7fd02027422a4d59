import { ROLES, type Role } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { CommandContext } from './command.ts';
import { masterKeyText, parseMasterKey, warning } from './console-text.ts';

/** Questions that several commands ask. */

/** Wrong PINs in one question before it is given up; what comes between two tries, the login guard says. */
const TRIES = 3;

/**
 * Asks again for the PINs that the rights matrix wants before a command, the other person's first.
 * @returns false when the person gave it up
 */
export async function confirmPins({ terminal, operator, say }: CommandContext, typed: string): Promise<boolean> {
  for (const role of operator.requiredFor(typed)) {
    terminal.write(
      warning([
        'WARNING!',
        `You will need to re-enter the '${role}' password to complete this operation.`,
        'An empty line gives it up.',
      ]),
    );
    if (!(await enterPin(role, (pin) => operator.confirm(typed, role, pin)))) {
      say('Given up: nothing was changed.');
      return false;
    }
  }
  return true;

  async function enterPin(role: Role, use: (pin: Uint8Array) => Promise<void>): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      const pin = await terminal.readSecret(`\nPassword of '${role}': `);
      if (pin === undefined || pin.length === 0) return false;
      try {
        await use(pin);
        return true;
      } catch (error) {
        if (!(error instanceof HalError) || error.status !== HalStatus.PIN_INCORRECT || tries === TRIES) throw error;
        say(error.message);
      } finally {
        pin.fill(0);
      }
    }
  }
}

/** A new PIN, twice. undefined: given up, or it cannot be one: the person was told. */
export async function readNewPin({ terminal, say }: CommandContext, role: Role): Promise<Uint8Array | undefined> {
  const pin = await terminal.readSecret(`\nEnter the new '${role}' PIN: `);
  if (pin === undefined || pin.length === 0) {
    say('Given up: the PIN was not changed.');
    return undefined;
  }
  const fault = faultOfPin(pin);
  if (fault !== undefined) {
    pin.fill(0);
    say(`${fault} PIN not accepted.`);
    return undefined;
  }
  const again = await terminal.readSecret(`\nConfirm the new '${role}' PIN: `);
  const isSame = again !== undefined && Buffer.compare(pin, again) === 0;
  again?.fill(0);
  if (isSame) return pin;
  pin.fill(0);
  say('Sorry, but the PIN does not match. PIN not accepted.');
  return undefined;
}

/** Why it cannot be a PIN that is typed on a console. */
export function faultOfPin(pin: Uint8Array): string | undefined {
  if (pin.some((octet) => octet === 0x20 || octet === 0x09))
    return 'Sorry, but the PIN cannot contain any white space characters.';
  if (pin.length < 4) return 'Sorry, but the PIN must have at least 4 characters.';
  if (pin.length > 4096) return 'Sorry, but the PIN may have at most 4096 octets.';
  return undefined;
}

export function parseRole(word: string): Role | undefined {
  return ROLES.find((role) => role === word.toLowerCase());
}

/** Asks for the key; blank is a random one. The PINs were confirmed before. */
export async function askMasterKey(context: CommandContext): Promise<void> {
  const { terminal, say } = context;
  say('Please enter the master key or leave it blank to set it to a random value (it is not shown)');
  const typed = await terminal.readSecret(`\n  ${Array.from({ length: 8 }, () => '--------').join(' ')}\n> `);
  if (typed === undefined) return say('Given up: the master key was not changed.');
  const isBlank = typed.every((octet) => octet === 0x20);
  const key = parseMasterKey(typed);
  typed.fill(0);
  if (isBlank) return setMasterKey(context, undefined);
  if (key === undefined)
    return say('Error: a master key has 64 hexadecimal digits; spaces between them do not matter.');
  return setMasterKey(context, key);
}

export async function setMasterKey({ operator, say }: CommandContext, key: Uint8Array | undefined): Promise<void> {
  const isRandom = key === undefined;
  say('Setting master key on all devices.');
  const { isSet, made, set, failed } = await operator.setMasterKey(key);
  if (isSet) {
    // One word for what holds for some devices only would be taken for all of them.
    const kind = `${isRandom ? 'Random' : 'Parsed'} key:`;
    say(failed.length === 0 ? `Success:${kind}` : `The master key is set on ${set.length} of ${set.length + failed.length} devices. ${kind}`); // prettier-ignore
    if (made !== undefined) {
      say(masterKeyText(made));
      made.fill(0);
      say('It is shown this one time only. To be able to recover the keys after a tamper event, write it down');
      say('and keep it in a safe place.');
    } else say('(as entered)');
  }
  if (isSet && failed.length > 0) for (const device of set) say(`Device ${device}: set`);
  for (const { device, why } of failed) say(`Device ${device}: ${set.includes(device) ? '' : 'not set: '}${why}`);
  if (!isSet) {
    // What passes by itself says for how long to wait; a wrong key does not become right by waiting.
    say(
      set.length === 0
        ? 'There was an error setting the master key: no device has the new one.'
        : 'There was an error setting the master key: not all devices are as they were before.',
    );
    say('Please try again using the "masterkey set" command.');
  }
}
