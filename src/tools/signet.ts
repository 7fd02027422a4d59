import { SignetError } from '../base/error.ts';
import { productVersion } from '../base/product-version.ts';
import { EXIT, processSignetContext } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { explainCommand } from './signet-explain.ts';
import { historyCommand } from './signet-history.ts';
import { planCommand } from './signet-plan.ts';
import { simulateCommand } from './signet-simulate.ts';
import { watchCommand } from './signet-watch.ts';

interface Subcommand {
  readonly help: string;
  readonly run: (words: readonly string[], context: SignetContext) => number;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  simulate: { help: 'what becomes of keys, DS records and signatures over years, and why', run: simulateCommand },
  plan: { help: 'what a configuration would do to the keys of zones, before it is in use', run: planCommand },
  explain: { help: 'what the keys of a zone wait for, until when and why, and what helps', run: explainCommand },
  history: { help: 'what happened to the keys of a zone', run: historyCommand },
  watch: { help: 'tells when a parent should get or remove a DS: by mail, a webhook, any program', run: watchCommand },
};

const USAGE = `usage: signet SUBCOMMAND [options]

${Object.entries(SUBCOMMANDS)
  .map(([name, { help }]) => `  ${name.padEnd(9)} ${help}\n`)
  .join('')}
"signet SUBCOMMAND --help" tells its options. "signet --version" tells the version.
`;

/** signet(1): what BIND has no command for. Exit codes: 0 good, 1 something is wrong, 2 no answer. */
export function main(argv: readonly string[], context: SignetContext): number {
  const { output } = context;
  const [name, ...words] = argv;
  if (name === undefined) {
    output.complain(USAGE);
    return EXIT.refused;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    output.print(USAGE);
    return EXIT.good;
  }
  if (name === '--version' || name === '-V') {
    output.print(`signet ${productVersion()}\n`);
    return EXIT.good;
  }
  if (!Object.hasOwn(SUBCOMMANDS, name)) {
    const known = Object.keys(SUBCOMMANDS).join(', ');
    output.complain(`signet: ${name}: no such subcommand; there are ${known}\n`);
    return EXIT.refused;
  }
  try {
    return SUBCOMMANDS[name].run(words, context);
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    output.complain(`signet ${name}: ${fault.message}\n`);
    return EXIT.refused;
  }
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2), processSignetContext());
