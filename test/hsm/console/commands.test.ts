import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMMAND_RIGHTS, commandRight } from '../../../src/hsm/appliance/rights.ts';
import { SETTING_NAMES } from '../../../src/hsm/appliance/settings-table.ts';
import { completeLine, parseLine } from '../../../src/hsm/console/command.ts';
import { consolePage } from '../../../src/hsm/console/commands-page.ts';
import { CONSOLE_COMMANDS } from '../../../src/hsm/console/commands.ts';
import { parseMasterKey, printableText } from '../../../src/hsm/console/console-text.ts';

test('S-357 (part) every command has its line in the rights matrix, and every line there is a command', () => {
  for (const { words, right = words } of CONSOLE_COMMANDS) assert.ok(commandRight(right), words);
  for (const { command } of COMMAND_RIGHTS) {
    const isThere = CONSOLE_COMMANDS.some(({ words, right = words }) => `${right} `.startsWith(`${command} `));
    assert.ok(isThere, command);
  }
});

test('every command of the manual, section 4.2, as it is written there', () => {
  const lines = [
    'keystore erase YesIAmSure preservePINs',
    'list keys',
    'masterkey set',
    'masterkey set 01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF',
    'restore preservePINs',
    'restore preservePINs preserveKEYs',
    'set ENABLE_EXPORTABLE_PRIVATE_KEYS TRUE',
    'set ip DHCP',
    'set ip STATIC',
    'set pin wheel',
    'set pin wheel password123456',
    'show devices',
    'show ipaddr',
    'show macaddr',
    'show time',
    'show version',
    'show serial-number',
    'sync cache',
    'update firmware',
    'update bootloader',
    'update HSM /home/dkey/Downloads/DKEY-HSM-UPDATE-18.12.b1.tar.gz.signed',
    'update fpga',
    'shutdown YesIAmSure',
  ];
  for (const line of lines) assert.equal(parseLine(CONSOLE_COMMANDS, line).kind, 'command', line);
});

test('the longest command counts; any case; too few and too many words', () => {
  const parsed = parseLine(CONSOLE_COMMANDS, 'SET PIN user 1234');
  assert.ok(parsed.kind === 'command' && parsed.command.words === 'set pin user' && parsed.args[0] === '1234');
  assert.equal(parseLine(CONSOLE_COMMANDS, 'tamper set temperature 5').kind, 'wrong arguments');
  assert.equal(parseLine(CONSOLE_COMMANDS, 'list keys now').kind, 'wrong arguments');
  assert.equal(parseLine(CONSOLE_COMMANDS, '   ').kind, 'empty');
  const unknown = parseLine(CONSOLE_COMMANDS, 'show nothing');
  assert.ok(unknown.kind === 'unknown' && unknown.candidates.every(({ words }) => words.startsWith('show ')));
  for (const name of SETTING_NAMES) assert.equal(parseLine(CONSOLE_COMMANDS, `set ${name} x`).kind, 'command');
});

test('S-423 completion: words, arguments, and what several have in common', () => {
  assert.equal(completeLine(CONSOLE_COMMANDS, 'li').line, 'list ');
  assert.equal(completeLine(CONSOLE_COMMANDS, 'list ').line, 'list keys ');
  assert.equal(completeLine(CONSOLE_COMMANDS, 'set ip d').line, 'set ip dhcp ');
  assert.deepEqual(completeLine(CONSOLE_COMMANDS, 'update f').choices, ['firmware', 'fpga']);
  assert.deepEqual(completeLine(CONSOLE_COMMANDS, 'nonsense ').choices, []);
  fc.assert(
    fc.property(fc.constantFrom(...CONSOLE_COMMANDS), fc.nat(40), ({ words }, length) => {
      const { line, choices } = completeLine(CONSOLE_COMMANDS, words.slice(0, length));
      if (line !== undefined) assert.ok(line.toLowerCase().startsWith(words.slice(0, length).toLowerCase()), line);
      else assert.notEqual(choices.length, 1);
    }),
    { seed: 423 },
  );
});

test('a master key is 64 hexadecimal digits, grouped as one likes', () => {
  assert.equal(parseMasterKey(Buffer.from(' 0123 '.repeat(16)))?.length, 32);
  for (const text of ['', '01'.repeat(31), '01'.repeat(33), `${'01'.repeat(31)}0g`])
    assert.equal(parseMasterKey(Buffer.from(text)), undefined);
});

test('texts of clients move no cursor', () => {
  assert.equal(printableText('a\x1b[2J\u202eb\r\n\x11'), 'a?[2J?b???');
});

test('docs/hsm-console.md is what the commands say', () => {
  assert.equal(fs.readFileSync('docs/hsm-console.md', 'utf8'), consolePage());
});
