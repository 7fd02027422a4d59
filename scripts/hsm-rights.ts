/** Makes docs/hsm-rights.md from the tables that hsmd asks. With --check it only compares. */
import fs from 'node:fs';
import { COMMAND_RIGHTS, NEED_RIGHTS } from '../src/hsm/appliance/rights.ts';
import { FUNCTIONS } from '../src/hsm/protocol/functions.ts';

export const RIGHTS_PAGE = 'docs/hsm-rights.md';

const AGAIN = {
  none: '',
  wheel: 'so and wheel; without the two-person rule wheel',
  both: 'so and wheel; without the two-person rule nobody',
  so: 'so; without the two-person rule nobody',
} as const;

export function rightsPage(): string {
  const commands = COMMAND_RIGHTS.map(
    ({ command, wheel, so, again, what }) =>
      `| \`${command}\` | ${what} | ${yes(wheel)} | ${yes(so)} | ${AGAIN[again]} |`,
  );
  const functions = Object.entries(FUNCTIONS).map(([name, { code, needs }]) => {
    const { nobody, user, so, wheel } = NEED_RIGHTS[needs];
    return `| ${code >= 0x5000 ? `0x${code.toString(16)}` : code} | ${name} | ${nobody} | ${user} | ${so} | ${wheel} |`;
  });
  return `# Who may do what

Made by \`scripts/hsm-rights.ts\` from the tables that hsmd itself asks (\`src/hsm/appliance/rights.ts\`, \`src/hsm/protocol/functions.ts\`); tests
try every line.

## At the console

\`wheel\` runs the HSM. \`so\` logs in only where ENABLE_SO_CONSOLE is set, and then sees what wheel sees and sets the PIN of \`user\`. \`user\` never
logs in to the console. A command stands for those that begin with its words, unless these have a line of their own.

The last column says whose PINs are entered again right before. The two-person rule is on unless ENABLE_TWO_PERSON_RULE is FALSE; as long as
so has no PIN, as in the first set-up, wheel alone enters his.

| command | what it does | wheel | so | PINs again |
|---|---|---|---|---|
${commands.join('\n')}

## By the RPC port

Everything is refused while the HSM is locked or tampered with, but for the lines that say so. Keys are those of the partition of the login.
Keys are made and used by \`user\` and \`wheel\`; \`so\` sees public objects only, as somebody who is not logged in does.

| code | function | not logged in | user | so | wheel |
|---|---|---|---|---|---|
${functions.join('\n')}
`;
}

function yes(is: boolean): string {
  return is ? 'yes' : 'no';
}

if (import.meta.main) {
  const made = rightsPage();
  if (!process.argv.includes('--check')) fs.writeFileSync(RIGHTS_PAGE, made);
  else if (made !== fs.readFileSync(RIGHTS_PAGE, 'utf8')) {
    console.error(`${RIGHTS_PAGE} is not what the tables say: run node scripts/hsm-rights.ts`);
    process.exit(1);
  }
}
