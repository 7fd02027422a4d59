import { formatAddress } from '../../base/address-text.ts';
import type {
  AddressMatchList,
  StatisticsChannel,
  StatisticsConfiguration,
  ZoneConfiguration,
} from '../configuration.ts';
import { SERVER_DEFAULTS, ZONE_DEFAULTS } from '../defaults.ts';
import { clauseNamed, clausesNamed, fieldOf, numberField } from '../syntax/tree.ts';
import type { Clause, MapValue, Value } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { checkMatchList } from './match-lists.ts';
import { inherited, type Scope } from './settings.ts';

/** BIND 9.18: without `allow` everybody may look. */
const EVERYBODY: AddressMatchList = [{ kind: 'any', negated: false }];

/** `statistics-file` and `statistics-channels`; without the latter there is none. */
export function checkStatistics(
  channels: readonly Clause[],
  options: MapValue,
  context: CheckContext,
): StatisticsConfiguration {
  const file = clauseNamed(options, 'statistics-file')?.value;
  return {
    file: file?.kind === 'text' ? file.text : SERVER_DEFAULTS.statisticsFile,
    channels: channels.flatMap(({ value }) =>
      clausesNamed(value as MapValue, 'inet').map((inet) => checkChannel(inet.value, context)),
    ),
  };
}

function checkChannel(value: Value, context: CheckContext): StatisticsChannel {
  const address = fieldOf(value, 'address');
  const allow = fieldOf(value, 'allow');
  return {
    // `*` is every IPv4 address.
    address: address?.kind === 'address' ? formatAddress(address.octets) : '0.0.0.0',
    port: numberField(value, 'port') ?? SERVER_DEFAULTS.statisticsPort,
    allow: allow ? checkMatchList(allow, context) : EVERYBODY,
  };
}

/** `zone-statistics`: yes is full, no is none (BIND 9.10 and later). */
export function zoneStatisticsSetting(scope: Scope): ZoneConfiguration['statistics'] {
  const value = inherited(scope, 'zone-statistics')?.value;
  if (value?.kind === 'boolean') return value.value ? 'full' : 'none';
  if (value?.kind !== 'text') return ZONE_DEFAULTS.statistics;
  return value.text as ZoneConfiguration['statistics'];
}
