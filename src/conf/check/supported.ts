import type { FaultList } from '../fault.ts';
import { textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';

/** A clause that is obeyed only with some values, because what the others ask for is not there yet. */
export type ObeyedWhen = (clause: Clause) => boolean;

/** Clause name to `true` when all its values are obeyed. What is missing is known but not supported. */
export type SupportTable = Readonly<Record<string, true | ObeyedWhen>>;

const isNo: ObeyedWhen = ({ value }) => value.kind === 'boolean' && !value.value;
const isYes: ObeyedWhen = ({ value }) => value.kind === 'boolean' && value.value;
const isZero: ObeyedWhen = ({ value }) => value.kind === 'number' && value.value === 0;
const isWord =
  (word: string): ObeyedWhen =>
  ({ value }) =>
    value.kind === 'text' && value.text === word;
const isNobody: ObeyedWhen = ({ value }) =>
  value.kind === 'list' &&
  (value.elements.length === 0 ||
    (value.elements.length === 1 &&
      value.elements[0].kind === 'text' &&
      value.elements[0].text.toLowerCase() === 'none'));

/** Keys that change by themselves (RFC 5011) are not there yet. */
const isStatic: ObeyedWhen = ({ value }) =>
  value.kind === 'list' && value.elements.every((one) => textField(one, 'anchor')?.startsWith('static-') ?? false);

/** Clauses of zones that views and options may give for all zones. */
export const SUPPORTED_ZONE_DEFAULTS: SupportTable = {
  'allow-query': true,
  'allow-query-on': true,
  'allow-transfer': true,
  'also-notify': true,
  'auto-dnssec': true,
  'dnskey-sig-validity': true,
  'dnssec-loadkeys-interval': true,
  'dnssec-policy': true,
  'key-directory': true,
  'masterfile-format': true,
  'max-zone-ttl': true,
  notify: true,
  'parental-source': true,
  'parental-source-v6': true,
  'serial-update-method': true,
  'sig-validity-interval': true,
  'zone-statistics': true,
  // What these values ask for is what a server without the feature does.
  'allow-notify': isNobody,
  'allow-update': isNobody,
  'allow-update-forwarding': isNobody,
  dialup: isNo,
  'dnssec-dnskey-kskonly': isYes,
  'dnssec-secure-to-insecure': isNo,
  'ixfr-from-differences': isNo,
  'notify-to-soa': isNo,
  'update-check-ksk': isYes,
  'zero-no-soa-ttl': isYes,
};

/** The form of answers, for all views or one. */
const SUPPORTED_ANSWERING: SupportTable = {
  'edns-udp-size': true,
  'max-udp-size': true,
  'minimal-any': true,
  'minimal-responses': true,
  'nocookie-udp-size': true,
  'rate-limit': true,
  'require-server-cookie': true,
  'response-padding': true,
};

/** Recursion is not there yet, so what limits it holds. */
const WITHOUT_RECURSION: SupportTable = {
  'allow-query-cache': true,
  'allow-recursion': true,
  'dnssec-validation': true,
  recursion: isNo,
  'stale-answer-enable': isNo,
  'stale-cache-enable': isNo,
};

export const SUPPORTED_VIEW: SupportTable = {
  ...SUPPORTED_ZONE_DEFAULTS,
  ...SUPPORTED_ANSWERING,
  ...WITHOUT_RECURSION,
  'allow-new-zones': isNo,
  key: true,
  'match-clients': true,
  'match-destinations': true,
  'match-recursive-only': true,
  zone: true,
};

export const SUPPORTED_OPTIONS: SupportTable = {
  ...SUPPORTED_ZONE_DEFAULTS,
  ...SUPPORTED_ANSWERING,
  ...WITHOUT_RECURSION,
  'allow-new-zones': isNo,
  'answer-cookie': true,
  'cookie-algorithm': isWord('siphash24'),
  'cookie-secret': true,
  directory: true,
  dscp: true,
  hostname: true,
  'http-listener-clients': true,
  'http-port': true,
  'http-streams-per-connection': true,
  'https-port': true,
  'keep-response-order': isNobody,
  'listen-on': true,
  'listen-on-v6': true,
  'pid-file': true,
  port: true,
  querylog: true,
  'server-id': true,
  'session-keyfile': true,
  'statistics-file': true,
  'suppress-initial-notify': true,
  'tcp-advertised-timeout': true,
  'tcp-clients': true,
  'tcp-idle-timeout': true,
  'tcp-initial-timeout': true,
  'tcp-keepalive-timeout': true,
  'tcp-listen-queue': true,
  'tcp-receive-buffer': isZero,
  'tcp-send-buffer': isZero,
  'tls-port': true,
  version: true,
};

export const SUPPORTED_ZONE: SupportTable = {
  ...SUPPORTED_ZONE_DEFAULTS,
  checkds: true,
  file: true,
  'inline-signing': true,
  'parental-agents': true,
  type: true,
};

export const SUPPORTED_TOP: SupportTable = {
  acl: true,
  controls: true,
  'dnssec-policy': true,
  http: true,
  key: true,
  'key-store': true,
  logging: true,
  masters: true,
  options: true,
  'parental-agents': true,
  primaries: true,
  'statistics-channels': true,
  tls: true,
  'trust-anchors': isStatic,
  view: true,
  zone: true,
};

/** A fault for each clause that is part of the grammar and not acted on. */
export function checkSupport(map: MapValue, table: SupportTable, faults: FaultList): void {
  for (const clause of map.clauses) {
    const support = Object.hasOwn(table, clause.name) ? table[clause.name] : undefined;
    if (support === undefined) unsupported(clause, `'${clause.name}'`, faults);
    else if (support !== true && !support(clause)) unsupported(clause, `'${clause.name}' with this value`, faults);
  }
}

function unsupported(clause: Clause, what: string, faults: FaultList): void {
  faults.error('CONF_UNSUPPORTED', clause.position, `${what} is known but not supported by this version`);
}
