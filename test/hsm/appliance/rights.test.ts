import assert from 'node:assert/strict';
import fs from 'node:fs';
import { suite, test } from 'node:test';
import { RIGHTS_PAGE, rightsPage } from '../../../scripts/hsm-rights.ts';
import {
  COMMAND_RIGHTS,
  commandRight,
  mayRun,
  mayUseConsole,
  rolesToConfirm,
} from '../../../src/hsm/appliance/rights.ts';
import { DEFAULT_SETTINGS } from '../../../src/hsm/appliance/settings-table.ts';
import { ROLES } from '../../../src/hsm/hal-constants.ts';

const WITH_SO = { ...DEFAULT_SETTINGS, ENABLE_SO_CONSOLE: true };
const ALONE = { ...DEFAULT_SETTINGS, ENABLE_TWO_PERSON_RULE: false };

suite('S-357 (part) The rights matrix', () => {
  test('docs/hsm-rights.md is what the tables say', () => {
    assert.equal(fs.readFileSync(RIGHTS_PAGE, 'utf8'), rightsPage());
  });

  test('S-359 (part) the console is for wheel; for so by setting; never for user', () => {
    assert.deepEqual(
      ROLES.map((role) => [mayUseConsole(role, DEFAULT_SETTINGS), mayUseConsole(role, WITH_SO)]),
      [
        [false, false],
        [false, true],
        [true, true],
      ],
    );
  });

  test('no line lets a role do what it may not log in for', () => {
    for (const right of COMMAND_RIGHTS) {
      assert.equal(mayRun(right, 'wheel', DEFAULT_SETTINGS), right.wheel);
      assert.equal(mayRun(right, 'so', DEFAULT_SETTINGS), false);
      assert.equal(mayRun(right, 'so', WITH_SO), right.so);
      assert.equal(mayRun(right, 'user', WITH_SO), false);
    }
  });

  test('S-363 (part) so reads, and sets the PIN of user alone', () => {
    const changes = COMMAND_RIGHTS.filter(
      ({ so, command }) => so && /^(set|masterkey set|keystore|restore|sync|update)/.test(command),
    );
    assert.deepEqual(
      changes.map(({ command }) => command),
      ['set pin user'],
    );
  });

  test('what is typed is the command with the most words of its own', () => {
    for (const [typed, command] of [
      ['set pin so 1234', 'set pin so'],
      ['set  ENABLE_KEY_EXPORT   TRUE', 'set ENABLE_KEY_EXPORT'],
      ['set ENABLE_ZEROCONF TRUE', 'set'],
      ['show fpga cores', 'show'],
      ['sync oneway 0 1 0', 'sync'],
      ['sync external export 0', 'sync external export'],
      ['tamper set light 5', 'tamper set'],
      ['shutdown restart YesIAmSure', 'shutdown'],
      ['update firmware', 'update firmware'],
    ] as const)
      assert.equal(commandRight(typed)?.command, command);
    for (const typed of ['', 'update', 'sets', 'tamper', 'constructor'])
      assert.equal(commandRight(typed), undefined, typed);
  });

  test('S-360 (part) wheel enters the PIN again for updates, with the two-person rule and without it', () => {
    for (const command of ['update HSM /x', 'update firmware', 'update bootloader', 'update fpga', 'update tamper']) {
      const right = commandRight(command)!;
      assert.deepEqual(rolesToConfirm(right, DEFAULT_SETTINGS, true), ['so', 'wheel']);
      assert.deepEqual(rolesToConfirm(right, ALONE, true), ['wheel']);
      assert.deepEqual(rolesToConfirm(right, DEFAULT_SETTINGS, false), ['wheel']);
    }
  });

  test('S-505 (part) what cannot be undone needs two persons', () => {
    for (const command of [
      'masterkey set',
      'masterkey erase',
      'keystore erase',
      'restore',
      'sync external import_setup',
      'sync external export',
      'sync external import',
      'tamper set',
      'tamper test',
      'tamper reset',
      'battery set',
      'set ENABLE_TWO_PERSON_RULE',
      'set ENABLE_KEY_EXPORT',
    ]) {
      const right = commandRight(command)!;
      assert.equal(right.command, command);
      assert.deepEqual(rolesToConfirm(right, DEFAULT_SETTINGS, true), ['so', 'wheel']);
      assert.deepEqual(rolesToConfirm(right, ALONE, true), []);
    }
  });
});
