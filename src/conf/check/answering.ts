import type { AnswerConfiguration } from '../configuration.ts';
import { ANSWER_DEFAULTS, SERVER_DEFAULTS } from '../defaults.ts';
import { fieldOf, numberField } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { checkMatchList } from './match-lists.ts';
import { rateLimitSetting } from './rate-limit.ts';
import { inherited, type Scope } from './settings.ts';

/** BIND 9.18 takes any number and keeps it within these bounds. Octets. */
const UDP_SIZES = [512, 4096] as const;
const NOCOOKIE_SIZES = [128, 4096] as const;
const MOST_PADDING = 512;

/** What options and views say about the form of answers. */
export function checkAnswering(scope: Scope, context: CheckContext): AnswerConfiguration {
  return {
    ednsUdpSize: sizeSetting(scope, 'edns-udp-size', ANSWER_DEFAULTS.ednsUdpSize, UDP_SIZES),
    maxUdpSize: sizeSetting(scope, 'max-udp-size', ANSWER_DEFAULTS.maxUdpSize, UDP_SIZES),
    nocookieUdpSize: sizeSetting(scope, 'nocookie-udp-size', ANSWER_DEFAULTS.nocookieUdpSize, NOCOOKIE_SIZES),
    requireServerCookie: flagSetting(scope, 'require-server-cookie') ?? false,
    minimalAny: flagSetting(scope, 'minimal-any') ?? SERVER_DEFAULTS.minimalAny,
    minimalResponses: minimalResponses(scope),
    padding: paddingSetting(scope, context),
    rateLimit: rateLimitSetting(scope, context),
  };
}

function sizeSetting(scope: Scope, name: string, fallback: number, [least, most]: readonly [number, number]): number {
  const value = inherited(scope, name)?.value;
  return value?.kind === 'number' ? Math.min(most, Math.max(least, value.value)) : fallback;
}

function flagSetting(scope: Scope, name: string): boolean | undefined {
  const value = inherited(scope, name)?.value;
  return value?.kind === 'boolean' ? value.value : undefined;
}

function minimalResponses(scope: Scope): AnswerConfiguration['minimalResponses'] {
  const value = inherited(scope, 'minimal-responses')?.value;
  if (value?.kind === 'boolean') return value.value ? 'yes' : 'no';
  if (value?.kind === 'text') return value.text === 'no-auth' ? 'no-auth' : 'no-auth-recursive';
  return ANSWER_DEFAULTS.minimalResponses;
}

function paddingSetting(scope: Scope, context: CheckContext): AnswerConfiguration['padding'] {
  const value = inherited(scope, 'response-padding')?.value;
  const clients = value && fieldOf(value, 'clients');
  if (!value || !clients) return undefined;
  const blockSize = Math.min(MOST_PADDING, numberField(value, 'block-size') ?? 0);
  return { clients: checkMatchList(clients, context), blockSize };
}
