import {
  ANSWER_DEFAULTS,
  DEFAULT_POLICY,
  HTTP_DEFAULTS,
  INSECURE_POLICY,
  MANUAL_KEYS_DEFAULTS,
  SERVER_DEFAULTS,
  STREAM_DEFAULTS,
  ZONE_DEFAULTS,
} from './defaults.ts';
import { printPolicy } from './print-policy.ts';

const MINUTE = 60;
const DAY = 86_400;

/**
 * All defaults as named.conf(5), which `named -C` prints: `options` with every clause that is acted on, then the built-in
 * policies. What has no value that could be written, or means something else once it is written, stands in a comment.
 */
export function printDefaults(): string {
  return [
    '# Built-in default values. This is NOT the run-time configuration!\n',
    optionsBlock(),
    '#\n#  Built-in DNSSEC key and signing policies. Copy one, give it another name, and change what you want.\n#\n',
    printPolicy(DEFAULT_POLICY),
    '\n',
    printPolicy(INSECURE_POLICY),
  ].join('');
}

function optionsBlock(): string {
  const blocks = [serverLines(), ['', '/* view */', ...viewLines()], ['', '/* zone */', ...zoneLines()]];
  const lines = blocks.flat().map((line) => (line === '' || line.startsWith('#') ? line : `\t${line}`));
  return `options {\n${lines.join('\n')}\n};\n`;
}

function serverLines(): string[] {
  return [
    'answer-cookie yes;',
    'cookie-algorithm siphash24;',
    '#\tcookie-secret <made at the start>',
    '#\tdirectory <where named was started>',
    '#\tdscp <obsolete>',
    '#\thostname <name of the host>',
    `http-listener-clients ${HTTP_DEFAULTS.listenerClients};`,
    `http-port ${SERVER_DEFAULTS.httpPort};`,
    `http-streams-per-connection ${HTTP_DEFAULTS.streamsPerConnection};`,
    `https-port ${SERVER_DEFAULTS.httpsPort};`,
    'keep-response-order { none; };',
    'listen-on { any; };',
    'listen-on-v6 { any; };',
    `pid-file "${SERVER_DEFAULTS.pidFile}";`,
    `port ${SERVER_DEFAULTS.port};`,
    '#\tquerylog <yes when the category queries has channels>',
    'server-id none;',
    `session-keyfile "${SERVER_DEFAULTS.sessionKeyFile}";`,
    `statistics-file "${SERVER_DEFAULTS.statisticsFile}";`,
    '#\tsuppress-initial-notify <obsolete>',
    `tcp-advertised-timeout ${STREAM_DEFAULTS.timeout};`,
    `tcp-clients ${STREAM_DEFAULTS.clients};`,
    `tcp-idle-timeout ${STREAM_DEFAULTS.timeout};`,
    `tcp-initial-timeout ${STREAM_DEFAULTS.timeout};`,
    `tcp-keepalive-timeout ${STREAM_DEFAULTS.timeout};`,
    `tcp-listen-queue ${STREAM_DEFAULTS.listenQueue};`,
    'tcp-receive-buffer 0;',
    'tcp-send-buffer 0;',
    `tls-port ${SERVER_DEFAULTS.tlsPort};`,
    '#\tversion <name and version of this program>',
  ];
}

function viewLines(): string[] {
  return [
    'allow-new-zones no;',
    '#\tallow-query-cache <no recursion yet>',
    '#\tallow-recursion <no recursion yet>',
    '#\tdnssec-validation <no recursion yet>',
    `edns-udp-size ${ANSWER_DEFAULTS.ednsUdpSize};`,
    `max-udp-size ${ANSWER_DEFAULTS.maxUdpSize};`,
    `minimal-any ${yesOrNo(SERVER_DEFAULTS.minimalAny)};`,
    `minimal-responses ${ANSWER_DEFAULTS.minimalResponses};`,
    `nocookie-udp-size ${ANSWER_DEFAULTS.nocookieUdpSize};`,
    '#\trate-limit <none>',
    'recursion no;',
    'require-server-cookie no;',
    '#\tresponse-padding <none>',
    'stale-answer-enable no;',
    'stale-cache-enable no;',
  ];
}

function zoneLines(): string[] {
  const { signaturesValidity, loadKeysInterval } = MANUAL_KEYS_DEFAULTS;
  return [
    'allow-notify { none; };',
    'allow-query { any; };',
    '#\tallow-query-on <any>',
    'allow-transfer { any; };',
    'allow-update { none; };',
    'allow-update-forwarding { none; };',
    '#\talso-notify <none>',
    '#\tauto-dnssec off;',
    '#\tdialup no; /* deprecated */',
    '#\tdnskey-sig-validity 0; /* with auto-dnssec; as sig-validity-interval */',
    'dnssec-dnskey-kskonly yes;',
    `#\tdnssec-loadkeys-interval ${loadKeysInterval / MINUTE}; /* with auto-dnssec; with a policy when a key event is due */`,
    'dnssec-policy "none";',
    'dnssec-secure-to-insecure no;',
    'ixfr-from-differences no;',
    '#\tkey-directory <directory>',
    `masterfile-format ${ZONE_DEFAULTS.masterfileFormat};`,
    'max-zone-ttl unlimited;',
    `notify ${ZONE_DEFAULTS.notify};`,
    'notify-to-soa no;',
    'parental-source *;',
    'parental-source-v6 *;',
    `serial-update-method ${ZONE_DEFAULTS.serialUpdateMethod};`,
    `#\tsig-validity-interval ${signaturesValidity / DAY}; /* with auto-dnssec; days */`,
    'update-check-ksk yes;',
    'zero-no-soa-ttl yes;',
    `zone-statistics ${ZONE_DEFAULTS.statistics};`,
  ];
}

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no');
