import type { Random } from '../base/random.ts';
import type { CookieConfiguration, RateLimitConfiguration } from '../conf/configuration.ts';
import {
  createRateLimitMemory,
  type RateLimits,
  type RateLimitTable,
  SECRET_OCTETS,
} from '../server/rate-limit-table.ts';
import type { CookieSecrets } from '../server/server-tables.ts';

/** What responder threads share besides zones, and what lives on when the configuration is read again. */
export class AnswerMemory {
  readonly #random: Random;
  #cookieSecret: Uint8Array | undefined;
  #tables = 0;
  /** By the name of the view. */
  readonly #rateLimits = new Map<string, RateLimitTable>();

  constructor(dependencies: { readonly random: Random }) {
    this.#random = dependencies.random;
  }

  /** Without a configured secret one is made, which is good until the server ends. */
  cookies(configured: CookieConfiguration | undefined): CookieSecrets | undefined {
    if (configured === undefined) return undefined;
    if (configured.secrets.length > 0) return { secrets: configured.secrets };
    this.#cookieSecret ??= this.#random.fill(new Uint8Array(SECRET_OCTETS));
    return { secrets: [this.#cookieSecret] };
  }

  /** The table of a view; the counts of before where the limits are those of before. */
  rateLimit(view: string, configured: RateLimitConfiguration): RateLimitTable {
    const limits = limitsOf(configured);
    const { exemptClients } = configured;
    const before = this.#rateLimits.get(view);
    const isSame = before !== undefined && JSON.stringify(before.limits) === JSON.stringify(limits);
    const table: RateLimitTable = {
      id: isSame ? before.id : ++this.#tables,
      limits,
      ...(exemptClients && { exemptClients }),
      memory: isSame
        ? before.memory
        : createRateLimitMemory(limits.maxTableSize, this.#random.fill(new Uint8Array(SECRET_OCTETS))),
    };
    this.#rateLimits.set(view, table);
    return table;
  }
}

function limitsOf(configured: RateLimitConfiguration): RateLimits {
  const { responsesPerSecond, referralsPerSecond, nodataPerSecond } = configured;
  const { nxdomainsPerSecond, errorsPerSecond, allPerSecond } = configured;
  const { window, slip, qpsScale, ipv4PrefixLength, ipv6PrefixLength, maxTableSize, logOnly } = configured;
  return {
    // In the order of RATE_KIND.
    perSecond: [
      responsesPerSecond,
      referralsPerSecond,
      nodataPerSecond,
      nxdomainsPerSecond,
      errorsPerSecond,
      allPerSecond,
    ],
    window,
    slip,
    qpsScale,
    ipv4PrefixLength,
    ipv6PrefixLength,
    maxTableSize,
    logOnly,
  };
}
