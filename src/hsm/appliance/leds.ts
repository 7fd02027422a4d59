/** The three lights of the front panel as data (console, status page, API, GPIO). Blinking is 0.25 s on and 0.25 s off. */
export interface Leds {
  readonly power: Led;
  readonly system: Led;
  readonly tamper: Led;
}

export interface Led {
  readonly colour: 'off' | 'green' | 'yellow' | 'red';
  readonly isBlinking: boolean;
}

/** Milliseconds that a blinking light is on, and then off. */
export const BLINK_MILLISECONDS = 250;

/** Where the appliance is on its way up, or down. */
export type Stage = 'power on' | 'network' | 'probing' | 'starting' | 'ready' | 'shut down';

/** All that the lights depend on. */
export interface LedFacts {
  readonly stage: Stage;
  /** Devices that there should be. */
  readonly devices: number;
  /** Device processes that answer. */
  readonly devicesUp: number;
  /** Watchdogs that answer: the management side of a device. */
  readonly watchdogsUp: number;
  /** The audit log cannot be written: what has to be recorded is refused. */
  readonly hasAuditTrouble?: boolean;
  /** From a tamper event until it is reset. */
  readonly isTampered: boolean;
  /** An operator asked to see which appliance it is (`debug flash system led`). */
  readonly isFlashing: boolean;
}

const POWER = solid('green');

/** Diamond-HSM manual section 5: what the lights show. POWER is wired to the supply. */
export function ledsOf(facts: LedFacts): Leds {
  const [system, tamper] = systemAndTamper(facts);
  const isFlashing = facts.isFlashing && !facts.isTampered;
  return { power: POWER, system: isFlashing ? blinking('red') : system, tamper };
}

function systemAndTamper(facts: LedFacts): readonly [system: Led, tamper: Led] {
  // A tamper event is shown over everything else, until it is reset (5.2.3).
  if (facts.isTampered && facts.stage !== 'shut down') return [blinking('red'), blinking('red')];
  switch (facts.stage) {
    case 'power on':
    case 'shut down':
      return [solid('yellow'), solid('yellow')];
    case 'network':
      return [blinking('yellow'), solid('yellow')];
    case 'probing':
      return [blinking('yellow'), blinking('yellow')];
    case 'starting':
      return [blinking('green'), blinking('green')];
    case 'ready':
      return health(facts);
  }
}

function health({ devices, devicesUp, watchdogsUp, hasAuditTrouble }: LedFacts): readonly [system: Led, tamper: Led] {
  if (devicesUp === 0) return [blinking('red'), solid('yellow')];
  if (devicesUp < devices) return [blinking('yellow'), solid('green')];
  if (watchdogsUp === 0) return [blinking('red'), solid('green')];
  if (watchdogsUp < devices || hasAuditTrouble === true) return [blinking('yellow'), solid('green')];
  return [solid('green'), solid('green')];
}

function solid(colour: Led['colour']): Led {
  return { colour, isBlinking: false };
}

function blinking(colour: Led['colour']): Led {
  return { colour, isBlinking: true };
}
