import { address, addressWithPort, matchList, parseAddress, portOrStar } from '../syntax/address-specs.ts';
import {
  bareText,
  boolean,
  duration,
  durationOrUnlimited,
  fixedPoint,
  integer,
  port,
  quotedText,
  size,
  text,
  word,
  wordOr,
} from '../syntax/scalar-specs.ts';
import { field, list, optional, required, trailing, tuple, unspecified } from '../syntax/structure-specs.ts';
import type { Part } from '../syntax/structure-specs.ts';
import type { Spec } from '../syntax/spec.ts';

/* Values that more than one statement has, by the names that named.conf(5) gives them. */

/** The class of a zone or view, a word that may be left out. */
export const className: Part = {
  name: 'class',
  optional: true,
  spec: {
    read: (reader) =>
      reader.peek().kind === 'word' ? bareText.read(reader) : { kind: 'void', position: reader.peek().position },
    print: bareText.print,
  },
};

export const failWarnIgnore = word('fail', 'warn', 'ignore');
export const textList = list(text);
export const quotedOrNone = wordOr(['none'], quotedText);
export const quotedOrNoneOrHostname = wordOr(['none', 'hostname'], quotedText);
export const nameWithList = tuple([field('name', text), field('list', textList)]);
export const numberPair = tuple([field('first', integer), trailing('second', integer)]);
export const quota = tuple([field('limit', integer), trailing('then', word('drop', 'fail'))]);
export const quotaParameters = tuple([
  field('interval', integer),
  field('low', fixedPoint),
  field('high', fixedPoint),
  field('discount', fixedPoint),
]);

/** `10.0.0.1 port 53 key k tls t;` or the name of another list. */
const remoteServer = tuple([
  field('server', addressOr(text)),
  optional('port', port),
  optional('key', text),
  optional('tls', text),
]);
const remoteServerList = field('servers', list(remoteServer));
export const remoteServers = tuple([optional('port', port), remoteServerList]);
export const namedRemoteServers = tuple([field('name', text), optional('port', port), remoteServerList]);

/** Addresses and names share a place; what reads as an address is one. */
function addressOr(other: Spec): Spec {
  const anyAddress = address([4, 6]);
  return {
    read: (reader) => (parseAddress(reader.peek().text) ? anyAddress : other).read(reader),
    print: (value, printer) => (value.kind === 'address' ? anyAddress : other).print(value, printer),
  };
}

export const forwarders = tuple([optional('port', port), field('servers', list(addressWithPort))]);
export const dualStackServers = tuple([
  optional('port', port),
  field('servers', list(tuple([field('server', addressOr(quotedText)), optional('port', port)]))),
]);
export const transferTo = tuple([optional('port', port), optional('transport', text), field('clients', matchList)], {
  gap: true,
});
export const listenOn = tuple(
  [optional('port', port), optional('tls', text), optional('http', text), field('addresses', matchList)],
  { gap: true },
);

/** `1024;` or `range 1024 65535;` */
const portRange: Spec = {
  read: (reader) => (reader.takeWord('range') ? rangeOfPorts : port).read(reader),
  print(value, printer) {
    if (value.kind !== 'tuple') return port.print(value, printer);
    printer.write('range ');
    rangeOfPorts.print(value, printer);
  },
};
const rangeOfPorts = tuple([field('low', port), field('high', port)]);
export const portRanges = list(portRange);

const anchorKind = word('static-key', 'initial-key', 'static-ds', 'initial-ds');
const keyNumbers = [field('flags', integer), field('protocol', integer), field('algorithm', integer)];
export const trustAnchors = list(
  tuple([field('name', text), field('anchor', anchorKind), ...keyNumbers, field('data', quotedText)]),
);
export const trustedKeys = list(tuple([field('name', text), ...keyNumbers, field('data', quotedText)]));

export const checkNamesOf = tuple([
  field('of', word('primary', 'master', 'secondary', 'slave', 'response')),
  field('then', failWarnIgnore),
]);
export const denyAddresses = tuple([field('list', matchList), optional('except-from', textList)]);
export const denyAliases = tuple([field('list', textList), optional('except-from', textList)]);
export const exclude = tuple([optional('exclude', textList)]);
export const secureBelow = tuple([field('name', text), field('required', boolean)]);
export const responsePadding = tuple([field('clients', matchList), required('block-size', integer)]);
export const rrsetOrder = list(
  tuple([
    optional('class', bareText),
    optional('type', bareText),
    optional('name', quotedText),
    field('keyword', word('order')),
    field('order', bareText),
  ]),
);
export const plugin = tuple([field('kind', word('query')), field('library', text), blockPart('parameters')]);
export const dyndb = tuple([field('name', text), field('library', quotedText), field('parameters', unspecified)]);
export const addressesOnly = list(address([4, 6]));
export const tlsDhKey = tuple([field('name', quotedText), field('id', integer)]);

/** A block at the end that may be left out. */
function blockPart(name: string): Part {
  const spec: Spec = {
    read(reader) {
      const token = reader.peek();
      if (token.kind === 'special' && token.text === '{') return unspecified.read(reader);
      return { kind: 'void', position: token.position };
    },
    print: (value, printer) => unspecified.print(value, printer),
  };
  return { name, spec };
}

const messageKind = word('all', 'auth', 'client', 'forwarder', 'resolver', 'update');
export const dnstap = list(tuple([field('kind', messageKind), trailing('direction', word('query', 'response'))]));
const unlimitedOrNumber = wordOr(['unlimited'], integer);
const fileGrowth = [
  optional('versions', unlimitedOrNumber),
  optional('size', wordOr(['unlimited'], size)),
  optional('suffix', word('increment', 'timestamp')),
];
export const logFile = tuple([field('path', quotedText), ...fileGrowth], { anyOrder: true });
export const dnstapOutput = tuple([field('mode', word('file', 'unix')), field('path', quotedText), ...fileGrowth], {
  anyOrder: true,
});

export const catalogZones = list(
  tuple(
    [
      field('keyword', word('zone')),
      field('zone', text),
      optional('default-primaries', remoteServers),
      optional('default-masters', remoteServers),
      optional('zone-directory', quotedText),
      optional('in-memory', boolean),
      optional('min-update-interval', duration),
    ],
    { anyOrder: true },
  ),
);

const policyWord = word('cname', 'disabled', 'drop', 'given', 'no-op', 'nodata', 'nxdomain', 'passthru');
const rewriting: Spec = {
  read: (reader) => (reader.peek().text.toLowerCase() === 'tcp-only' ? tcpOnly : policyWord).read(reader),
  print: (value, printer) => (value.kind === 'tuple' ? tcpOnly : policyWord).print(value, printer),
};
const tcpOnly = tuple([required('tcp-only', text)]);
const rewritingCommon = [
  optional('add-soa', boolean),
  optional('max-policy-ttl', duration),
  optional('min-update-interval', duration),
  optional('recursive-only', boolean),
  optional('nsip-enable', boolean),
  optional('nsdname-enable', boolean),
];
const policyZone = tuple(
  [
    field('keyword', word('zone')),
    field('zone', text),
    optional('log', boolean),
    optional('policy', rewriting),
    ...rewritingCommon,
  ],
  { anyOrder: true },
);
export const responsePolicy = tuple(
  [
    field('zones', list(policyZone)),
    ...rewritingCommon,
    optional('break-dnssec', boolean),
    optional('min-ns-dots', integer),
    optional('nsip-wait-recurse', boolean),
    optional('nsdname-wait-recurse', boolean),
    optional('qname-wait-recurse', boolean),
    optional('dnsrps-enable', boolean),
    optional('dnsrps-options', unspecified),
  ],
  { anyOrder: true },
);

export const controlPort = portOrStar;
export const ttlOrUnlimited = durationOrUnlimited;

const updateRule = word(
  '6to4-self',
  'external',
  'krb5-self',
  'krb5-selfsub',
  'krb5-subdomain',
  'krb5-subdomain-self-rhs',
  'ms-self',
  'ms-selfsub',
  'ms-subdomain',
  'ms-subdomain-self-rhs',
  'name',
  'self',
  'selfsub',
  'selfwild',
  'subdomain',
  'tcp-self',
  'wildcard',
  'zonesub',
);

/** Record types to the end of the statement; one may carry a count: `A(1)`. */
const typeList: Spec = {
  read(reader) {
    const elements = [];
    const position = reader.peek().position;
    while (reader.peek().kind === 'word' || reader.peek().kind === 'quoted') elements.push(text.read(reader));
    return { kind: 'list', elements, position };
  },
  print(value, printer) {
    if (value.kind !== 'list') return;
    value.elements.forEach((element, index) => {
      if (index > 0) printer.write(' ');
      text.print(element, printer);
    });
  },
};

/** The rule `zonesub` is about the whole zone and has no name. */
const updateGrant: Spec = {
  read(reader) {
    const head = grantHead.read(reader);
    const fields = new Map(head.kind === 'tuple' ? head.fields : []);
    const rule = fields.get('rule');
    if (rule?.kind === 'text' && rule.text !== 'zonesub' && reader.peek().text !== ';')
      fields.set('name', text.read(reader));
    fields.set('types', typeList.read(reader));
    return { kind: 'tuple', fields, position: head.position };
  },
  print: (value, printer) => grantWhole.print(value, printer),
};
const grantParts = [field('mode', word('grant', 'deny')), field('identity', text), field('rule', updateRule)];
const grantHead = tuple(grantParts);
const grantWhole = tuple([...grantParts, field('name', text), field('types', typeList)]);
const grants = list(updateGrant);

export const updatePolicy: Spec = {
  read: (reader) => (reader.peek().text === '{' ? grants : word('local')).read(reader),
  print: (value, printer) => (value.kind === 'list' ? grants : word('local')).print(value, printer),
};
