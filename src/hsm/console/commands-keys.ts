import { secretText } from '../../base/secret-octets.ts';
import type { ConsoleCommand } from './command.ts';
import { parseMasterKey, warning } from './console-text.ts';
import { askMasterKey, faultOfPin, parseRole, readNewPin, setMasterKey } from './dialogues.ts';

/** PINs, master key and keystore. */
export const KEY_COMMANDS: readonly ConsoleCommand[] = [
  ...(['wheel', 'so', 'user'] as const).map((role): ConsoleCommand => ({
    words: `set pin ${role}`,
    usage: '[<pin>]',
    help: `changes the PIN of ${role}`,
    arity: [0, 1],
    isSecret: true,
    run: async (context, [inline]) => {
      const { operator, say } = context;
      const typed = inline === undefined ? undefined : secretText(inline);
      const fault = typed && faultOfPin(typed);
      if (fault !== undefined) {
        typed?.fill(0);
        return say(`${fault} PIN not accepted.`);
      }
      const pin = typed ?? (await readNewPin(context, role));
      if (pin === undefined) return;
      await operator.setPin(role, pin);
      say(`The PIN of '${role}' was changed on all devices.`);
    },
  })),
  {
    words: 'set pin',
    usage: '<wheel|so|user> [<pin>]',
    help: 'changes a PIN',
    arity: [0, 2],
    isSecret: true,
    choices: ['wheel', 'so', 'user'],
    run: async ({ say }, [name]) => {
      if (name === undefined || parseRole(name) === undefined) say("<user> must be 'wheel', 'so', or 'user'");
    },
  },
  {
    words: 'masterkey status',
    usage: '',
    help: 'tells on which devices a master key is set',
    run: async ({ operator, say }) => {
      for (const { device, status, keptIn } of await operator.masterKeyStatus()) {
        say(`CTY ${device}:`);
        say(`   volatile: ${status}`);
        say(`   kept in:  ${keptIn}`);
      }
    },
  },
  {
    words: 'masterkey set',
    usage: '[<8 groups of 8 hex digits>]',
    help: 'sets the master key; a random one if none is given',
    arity: [0, 64],
    isSecret: true,
    run: async (context, args) => {
      const { terminal, appliance, say } = context;
      if (args.length > 0) {
        const digits = secretText(args.join(''));
        const key = parseMasterKey(digits);
        digits.fill(0);
        if (key === undefined)
          return say('Error: a master key has 64 hexadecimal digits; spaces between them do not matter.');
        return setMasterKey(context, key);
      }
      const hasKeys = appliance.getState().devices.some(({ status }) => (status?.tokenKeys ?? 0) > 0);
      if (hasKeys) {
        terminal.write(
          warning([
            'MASTER KEY WARNING!',
            'There are keys on this HSM. They can be used under the master key that they were made under only.',
          ]),
        );
        if (!(await terminal.confirm('Are you sure you want to set the master key?')))
          return say('The master key was not changed.');
        return askMasterKey(context);
      }
      return setMasterKey(context, undefined);
    },
  },
  {
    words: 'masterkey erase',
    usage: 'YesIAmSure',
    help: 'clears the master key of all devices',
    arity: [1, 1],
    choices: ['YesIAmSure'],
    run: async ({ operator, say }, [word]) => {
      if (word !== 'YesIAmSure') return say("Nothing was erased: type 'masterkey erase YesIAmSure'.");
      await operator.eraseMasterKey();
      say('The master key was erased. The keys can be used again when the same one is set.');
    },
  },
  {
    words: 'keystore erase',
    usage: 'YesIAmSure [preservePINs]',
    help: 'deletes all keys, and PINs unless they are preserved',
    arity: [1, 2],
    choices: ['YesIAmSure'],
    run: async ({ operator, say }, [word, option]) => {
      if (word !== 'YesIAmSure') return say("Nothing was erased: type 'keystore erase YesIAmSure [preservePINs]'.");
      if (option !== undefined && option.toLowerCase() !== 'preservepins')
        return say(`Nothing was erased: '${option}' is not 'preservePINs'.`);
      say('Clearing the keystore.');
      await operator.eraseKeystore(option !== undefined);
      say(
        option === undefined
          ? 'keystore cleared. The PINs are those of the factory: please log in again.'
          : 'keystore cleared.',
      );
    },
  },
  {
    words: 'restore',
    usage: '[preservePINs] [preserveKEYs]',
    help: 'goes back to the settings of the factory',
    // The vendor's later software has `restore ERASE-ALL YesIAmSure`.
    arity: [0, 2],
    choices: ['preservePINs', 'preserveKEYs'],
    run: async ({ terminal, operator, say }, args) => {
      const words = args
        .map((word) => word.toLowerCase())
        .filter((word) => word !== 'erase-all' && word !== 'yesiamsure');
      const unknown = words.find((word) => word !== 'preservepins' && word !== 'preservekeys');
      if (unknown !== undefined)
        return say(`Nothing was changed: '${unknown}' is neither 'preservePINs' nor 'preserveKEYs'.`);
      const preserve = { pins: words.includes('preservepins'), keys: words.includes('preservekeys') };
      terminal.write(
        warning([
          'RESTORE TO FACTORY SETTINGS WARNING!',
          `This resets all settings${preserve.keys ? '' : ', deletes all keys'}${preserve.pins ? '' : ', and resets all PINs'}.`,
        ]),
      );
      if (!(await terminal.confirm('Are you sure you want to restore the factory settings?')))
        return say('Nothing was changed.');
      await operator.restore(preserve);
      say('Restore complete.');
      if (!preserve.pins) say('The PIN of wheel is the one of the factory again: please log in and change it.');
    },
  },
];
