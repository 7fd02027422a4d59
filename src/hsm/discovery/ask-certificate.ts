import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { SignetError } from '../../base/error.ts';

/**
 * The certificate that a port of an HSM shows. Nothing of it is checked here, and nothing is sent but the handshake.
 * @param timeout milliseconds
 * @throws SignetError HSM_UNREACHABLE
 */
export function askCertificate(
  to: { readonly ip: string; readonly port: number; readonly servername: string },
  timeout: number,
): Promise<X509Certificate> {
  const { ip, port, servername } = to;
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => {
      const message = `${ip} port ${port} cannot be reached by TLS: ${why}; the HSM must be on and its firewall must accept this host`;
      reject(new SignetError('HSM_UNREACHABLE', message, { ip, port }));
      socket.destroy();
    };
    // The vendor's own appliances know TLS 1.2 at most.
    const options = { host: ip, port, rejectUnauthorized: false, minVersion: 'TLSv1.2', timeout } as const;
    const socket = tls.connect({ ...options, ...(net.isIP(servername) === 0 && { servername }) });
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return refuse('it shows no certificate');
      resolve(certificate);
      socket.destroy();
      return undefined;
    });
    socket.once('timeout', () => refuse('it does not answer'));
    socket.on('error', (cause) => refuse(cause.message));
  });
}
