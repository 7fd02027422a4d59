import path from 'node:path';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import { latin1Text } from '../base/octets.ts';
import type { TlsConfiguration } from '../conf/configuration.ts';
import { TLS13_SUITES } from '../net/tls-material.ts';

/** RFC 7858: the protocol name of DNS over TLS. */
const DOT = ['dot'];

/**
 * How a server is asked over TLS with a `tls` block. As with BIND, the certificate counts only where the block says by whom it is to be
 * signed (`ca-file`) or whose it is to be (`remote-hostname`; authorities are then the system's); else anybody's will do, and
 * the block keeps eavesdroppers out and no more. @param block undefined for `ephemeral` @throws SignetError TLS_UNUSABLE
 */
export function agentTls(block: TlsConfiguration | undefined, disk: Disk): ConnectionOptions {
  if (block === undefined) return { rejectUnauthorized: false, ALPNProtocols: DOT };
  const { caFile, certFile, keyFile, remoteHostname, minVersion, maxVersion, ciphers } = block;
  const options: ConnectionOptions = {
    rejectUnauthorized: caFile !== undefined || remoteHostname !== undefined,
    ALPNProtocols: DOT,
    minVersion,
    maxVersion,
    ...(ciphers !== undefined && { ciphers: `${TLS13_SUITES}:${ciphers}` }),
    ...(remoteHostname !== undefined && { servername: remoteHostname }),
    ...(caFile !== undefined && { ca: read(block, 'ca-file', caFile, disk) }),
    ...(certFile !== undefined && { cert: read(block, 'cert-file', certFile, disk) }),
    ...(keyFile !== undefined && { key: read(block, 'key-file', keyFile, disk) }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const { reason, code, message } = cause as { reason?: string; code?: string; message: string };
    throw unusable(block, `ca-file, cert-file and key-file cannot be used together (${reason ?? code ?? message})`);
  }
  return options;
}

/** The path of a key is not told: logs are read by more people than the key's directory. */
function read(block: TlsConfiguration, clause: string, file: string, disk: Disk): string {
  const where = clause === 'key-file' ? '' : ` ${path.resolve(file)}`;
  const fail = (reason: string): SignetError =>
    unusable(block, `${clause}${where} cannot be read (${reason}): check that it exists and that named may read it`);
  try {
    const octets = disk.read(path.resolve(file));
    if (octets === undefined) throw fail('ENOENT');
    return latin1Text(octets);
  } catch (error) {
    if (error instanceof DiskError) throw fail(String(error.facts['reason']));
    throw error;
  }
}

function unusable({ name }: TlsConfiguration, what: string): SignetError {
  return new SignetError('TLS_UNUSABLE', `tls '${name}': ${what}`, { name });
}
