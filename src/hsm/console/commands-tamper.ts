import type { ThresholdName } from '../watchdog/watchdog.ts';
import type { CommandContext, ConsoleCommand } from './command.ts';

/** Sensors and tamper circuits, of all devices at once. */
export const TAMPER_COMMANDS: readonly ConsoleCommand[] = [
  {
    words: 'tamper check',
    usage: '',
    help: 'tells whether a device was tampered with',
    run: (context) =>
      forEach(context, ({ status }) =>
        status.tamper === 'ok'
          ? ['Tamper ok']
          : [
              `Tamper not ok: ${status.tamper === 'lasts' ? 'a sensor still sees it' : "it is over, and waits for 'tamper reset'"}`,
            ],
      ),
  },
  {
    words: 'tamper faults',
    usage: '',
    help: 'tells what the sensors saw',
    run: (context) =>
      forEach(context, ({ status }) =>
        status.faults.length === 0
          ? ['No faults detected']
          : status.faults.map(({ sensor, value }) => `${FAULT_TEXTS[sensor] ?? sensor} ${value}`),
      ),
  },
  {
    words: 'tamper extended faults',
    usage: '',
    help: 'tells what the sensors saw, with values and times',
    run: (context) =>
      forEach(context, ({ status }) =>
        status.faults.length === 0
          ? ['No faults detected']
          : status.faults.map(
              ({ sensor, bit, value, at }) =>
                `${new Date(1000 * at).toISOString()} ${sensor} (bit 0x${bit.toString(16).padStart(2, '0')}): ${value}`,
            ),
      ),
  },
  {
    words: 'tamper config status',
    usage: '',
    help: 'tells whether the tamper circuits watch',
    run: (context) =>
      forEach(context, ({ status }) => [
        status.isArmed
          ? 'Config value is 85: the circuit watches'
          : "Config value is 0: the circuit does not watch ('tamper set config')",
        `Sensors enabled: 0x${status.enabledSensors.toString(16).padStart(2, '0')}`,
        ...Object.entries(status.thresholds).map(([name, value]) => `Threshold ${name}: ${value ?? 'not set'}`),
      ]),
  },
  {
    words: 'tamper get',
    usage: '<temperature|vibe|light>',
    help: 'reads a sensor',
    arity: [1, 1],
    choices: ['temperature', 'vibe', 'light'],
    run: async (context, [sensor]) => {
      switch (sensor.toLowerCase()) {
        case 'temperature':
          return forEach(context, ({ sensors }) => [`Temperature is ${sensors.temperature}`]);
        case 'light':
          return forEach(context, ({ sensors }) => [`Light is ${sensors.light}`]);
        case 'vibe':
          return forEach(context, ({ sensors: { vibe } }) => [
            'Vibe is',
            ` x = ${vibe.x}`,
            ` y = ${vibe.y}`,
            ` z = ${vibe.z}`,
          ]);
        default:
          return context.say(`'${sensor}' is no sensor: give temperature, vibe or light`);
      }
    },
  },
  {
    words: 'tamper set temperature',
    usage: '<low> <high>',
    help: 'sets the limits of the temperature, 0 to 255',
    arity: [2, 2],
    run: async (context, args) => {
      const [low, high] = args.map((text) => numberOf(context, text, 255));
      if (low === undefined || high === undefined) return;
      if (low >= high) return context.say(`Error: ${low} is not below ${high}`);
      await setTemperatures(context.operator, low, high);
      context.say(`The temperature has to stay between ${low} and ${high}.`);
    },
  },
  ...(['vibe', 'light'] as const).map((name) => threshold(name)),
  ...(['enable', 'disable'] as const).map((what): ConsoleCommand => ({
    words: `tamper set ${what}`,
    usage: '<mask>',
    help: `${what}s sensors: light 1, temperature 2, vibe 4, case 8, bus 16, low line 32`,
    arity: [1, 1],
    run: async (context, [text]) => {
      const mask = numberOf(context, text, 255);
      if (mask === undefined) return;
      await (what === 'enable' ? context.operator.enableSensors(mask) : context.operator.disableSensors(mask));
      context.say(`Sensors ${what}d: 0x${mask.toString(16).padStart(2, '0')}`);
    },
  })),
  {
    words: 'tamper set config',
    usage: '',
    help: 'arms the tamper circuits',
    run: async ({ operator, say }) => {
      await operator.armTamper();
      say('The tamper circuits watch.');
    },
  },
  {
    words: 'battery set',
    usage: '<enable|disable>',
    help: 'watches the battery, or not',
    arity: [1, 1],
    choices: ['enable', 'disable'],
    run: async ({ operator, say }, [word]) => {
      const isOn = word.toLowerCase() === 'enable';
      if (!isOn && word.toLowerCase() !== 'disable') return say(`'${word}' is neither enable nor disable`);
      await operator.setThreshold('battery', isOn ? 1 : 0);
      say(`The battery is ${isOn ? '' : 'not '}watched.`);
    },
  },
  {
    words: 'tamper test',
    usage: '',
    help: 'raises a tamper event, which clears the master keys',
    run: async ({ terminal, operator, say }) => {
      if (
        !(await terminal.confirm(
          'This clears the master key of all devices. Are you sure you want to test the tamper circuits?',
        ))
      )
        return say('Nothing was tested.');
      say('TESTING TAMPER');
      await operator.testTamper();
    },
  },
  {
    words: 'tamper reset',
    usage: '',
    help: 'ends the state after a tamper event',
    run: async ({ operator, say }) => {
      say('RESETTING TAMPER');
      await operator.resetTamper();
      say(
        "The tamper state is over. The HSM is locked: log in as wheel again ('logout') and set the same master key to use the keys.",
      );
    },
  },
];

const FAULT_TEXTS: Readonly<Record<string, string>> = {
  light: 'Light tamper value is',
  temperature: 'Temperature tamper value is',
  vibe: 'Vibe, value is',
  case: 'Case open,',
  line: 'Low line (battery),',
  bus: 'Sensors that do not answer:',
  test: 'Test,',
};

function threshold(name: ThresholdName & ('vibe' | 'light')): ConsoleCommand {
  return {
    words: `tamper set ${name}`,
    usage: '<value>',
    help: `sets the threshold of ${name}, 0 to 65535`,
    arity: [1, 1],
    run: async (context, [text]) => {
      const value = numberOf(context, text, 65_535);
      if (value === undefined) return;
      await context.operator.setThreshold(name, value);
      context.say(`The threshold of ${name} is ${value}.`);
    },
  };
}

/** Decimal, 0x or 0o. undefined: the person was told what is wrong. */
function numberOf({ say }: CommandContext, text: string, most: number): number | undefined {
  const value = /^(?:\d{1,9}|0x[0-9a-f]{1,8}|0o[0-7]{1,10})$/i.test(text) ? Number(text) : undefined;
  if (value === undefined) {
    say(`Error: ${text} entered is not a number`);
    return undefined;
  }
  if (value > most) {
    say(`Error: ${text} entered is greater than the maximum value of ${most}`);
    return undefined;
  }
  return value;
}

type Status = Awaited<ReturnType<CommandContext['operator']['tamperStatus']>>[number];

async function forEach({ operator, say }: CommandContext, lines: (status: Status) => readonly string[]): Promise<void> {
  for (const status of await operator.tamperStatus()) {
    const [first, ...rest] = lines(status);
    say('--------------');
    say(`CTY:${status.device}-${first}`);
    for (const line of rest) say(line);
  }
  say('--------------');
}

/** The lower limit has to stay below the higher one at each moment: which goes first depends on what they were. */
async function setTemperatures(operator: CommandContext['operator'], low: number, high: number): Promise<void> {
  const before = (await operator.tamperStatus()).map(({ status }) => status.thresholds['temperature high'] ?? Infinity);
  const isRaised = before.every((one) => low >= one);
  const steps = [['temperature low', low] as const, ['temperature high', high] as const];
  for (const [name, value] of isRaised ? steps.reverse() : steps) await operator.setThreshold(name, value);
}
