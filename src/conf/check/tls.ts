import { createSecureContext } from 'node:tls';
import type { HttpConfiguration, TlsConfiguration } from '../configuration.ts';
import { HTTP_DEFAULTS, TLS_DEFAULTS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, MapValue } from '../syntax/tree.ts';

/** Names of `tls` that stand for something without a block. */
const RESERVED_TLS = ['ephemeral', 'none'];
/** The name of `http` that needs no block. */
export const DEFAULT_HTTP = 'default';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

/** The `tls` blocks by name, in BIND's words for what is wrong with them. Files are read by the daemon. */
export function checkTls(clauses: readonly Clause[], faults: FaultList): Map<string, TlsConfiguration> {
  const blocks = new Map<string, TlsConfiguration>();
  const seen = new Map<string, Clause>();
  for (const clause of clauses) {
    const name = textField(clause.value, 'name') ?? '';
    const before = seen.get(name);
    if (RESERVED_TLS.includes(name))
      faults.error('CONF_VALUE', clause.position, `tls clause name '${name}' is reserved for internal use`);
    else if (before)
      faults.error('CONF_DUPLICATE', clause.position, `tls clause '${name}' is duplicated: ${also(before)}`);
    else {
      seen.set(name, clause);
      blocks.set(name, checkTlsBlock(name, clause, faults));
    }
  }
  return blocks;
}

function checkTlsBlock(name: string, clause: Clause, faults: FaultList): TlsConfiguration {
  const body = fieldOf(clause.value, 'body') as MapValue;
  const certFile = textOf(body, 'cert-file');
  const keyFile = textOf(body, 'key-file');
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const text = `tls '${name}': 'cert-file' and 'key-file' must both be specified, or both omitted`;
    faults.error('CONF_VALUE', clause.position, text);
  }
  const [minVersion, maxVersion] = checkProtocols(name, clauseNamed(body, 'protocols'), faults);
  return {
    name,
    certFile,
    keyFile,
    caFile: textOf(body, 'ca-file'),
    ...remoteHostname(body),
    dhparamFile: textOf(body, 'dhparam-file'),
    minVersion,
    maxVersion,
    ciphers: checkCiphers(name, clauseNamed(body, 'ciphers'), faults),
    preferServerCiphers: flagOf(body, 'prefer-server-ciphers') ?? TLS_DEFAULTS.preferServerCiphers,
    sessionTickets: flagOf(body, 'session-tickets') ?? TLS_DEFAULTS.sessionTickets,
    position: clause.position,
  };
}

function remoteHostname(body: MapValue): { remoteHostname?: string } {
  const name = textOf(body, 'remote-hostname');
  return name === undefined ? {} : { remoteHostname: name };
}

/** The lowest and the highest version. */
function checkProtocols(name: string, clause: Clause | undefined, faults: FaultList): [Version, Version] {
  if (clause === undefined) return ['TLSv1.2', 'TLSv1.3'];
  const found = new Set<Version>();
  for (const element of (clause.value as ListValue).elements) {
    const written = element.kind === 'text' ? element.text : '';
    const version = VERSIONS.find((one) => one.toLowerCase() === written.toLowerCase());
    if (version === undefined)
      faults.error('CONF_VALUE', element.position, `'${written}' is not a valid TLS protocol version`);
    else if (found.has(version))
      faults.error('CONF_VALUE', element.position, `'${written}' is specified more than once in '${name}'`);
    else found.add(version);
  }
  if (found.size === 0) {
    const text = `tls '${name}' does not contain any valid TLS protocol versions definitions`;
    faults.error('CONF_VALUE', clause.position, text);
  }
  return [found.has('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3', found.has('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2'];
}

/** Only OpenSSL knows what a list of ciphers may say. It is about TLS 1.2: suites of TLS 1.3 are none. */
function checkCiphers(name: string, clause: Clause | undefined, faults: FaultList): string | undefined {
  if (clause?.value.kind !== 'text') return undefined;
  const ciphers = clause.value.text;
  try {
    if (/(?:^|[:, ])TLS_/.test(ciphers)) throw new TypeError('suites of TLS 1.3');
    createSecureContext({ ciphers, maxVersion: 'TLSv1.2' });
  } catch {
    const text = `'ciphers' in the 'tls' clause '${name}' is not a valid cipher list string`;
    faults.error('CONF_VALUE', clause.position, text);
  }
  return ciphers;
}

/** The `http` blocks by name, `default` included. */
export function checkHttp(
  clauses: readonly Clause[],
  defaults: Pick<HttpConfiguration, 'listenerClients' | 'streamsPerConnection'>,
  faults: FaultList,
): Map<string, HttpConfiguration> {
  const builtIn = { name: DEFAULT_HTTP, endpoints: [HTTP_DEFAULTS.endpoint], ...defaults };
  const blocks = new Map<string, HttpConfiguration>([[DEFAULT_HTTP, builtIn]]);
  const seen = new Map<string, Clause>();
  for (const clause of clauses) {
    const name = textField(clause.value, 'name') ?? '';
    const before = seen.get(name);
    if (name === DEFAULT_HTTP) {
      const text = `'http' name cannot be '${DEFAULT_HTTP}' (which is a built-in configuration)`;
      faults.error('CONF_VALUE', clause.position, text);
    } else if (before) faults.error('CONF_DUPLICATE', clause.position, `http '${name}' is duplicated: ${also(before)}`);
    else {
      seen.set(name, clause);
      const body = fieldOf(clause.value, 'body') as MapValue;
      blocks.set(name, {
        name,
        endpoints: checkEndpoints(clauseNamed(body, 'endpoints'), faults),
        listenerClients: numberOf(body, 'listener-clients') ?? defaults.listenerClients,
        streamsPerConnection: numberOf(body, 'streams-per-connection') ?? defaults.streamsPerConnection,
      });
    }
  }
  return blocks;
}

/** RFC 3986 section 3.3: path-absolute; as in BIND, what follows a percent sign is not looked at. */
const ABSOLUTE_PATH = /^\/(?:[\w.~!$&'()*+,;=:@%-][\w.~!$&'()*+,;=:@%/-]*)?$/;

function checkEndpoints(clause: Clause | undefined, faults: FaultList): string[] {
  const endpoints: string[] = [];
  for (const element of (clause?.value as ListValue | undefined)?.elements ?? []) {
    const written = element.kind === 'text' ? element.text : '';
    if (ABSOLUTE_PATH.test(written)) endpoints.push(written);
    else faults.error('CONF_VALUE', element.position, `endpoint '${written}' is not a valid absolute HTTP path`);
  }
  return endpoints.length === 0 ? [HTTP_DEFAULTS.endpoint] : endpoints;
}

const also = ({ position }: Clause): string => `also defined at ${position.file}:${position.line}`;

function textOf(map: MapValue, name: string): string | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'text' ? value.text : undefined;
}

function flagOf(map: MapValue, name: string): boolean | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'boolean' ? value.value : undefined;
}

function numberOf(map: MapValue, name: string): number | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'number' ? value.value : undefined;
}
