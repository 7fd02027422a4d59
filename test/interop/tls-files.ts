import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Makes NAME.pem and NAME.key in the directory, as docs/operating.md shows it. */
export function makeCertificate(directory: string, name: string, host = 'ns.example'): void {
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host},IP:127.0.0.1`];
  const files = ['-keyout', path.join(directory, `${name}.key`), '-out', path.join(directory, `${name}.pem`)];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, '-days', '30', ...subject, ...files], { stdio: 'pipe' });
}

export const ZONE = `$TTL 300
@ SOA ns.example. h.example. 1 3600 600 86400 200
@ NS ns
ns A 192.0.2.1
www 77 A 192.0.2.2
`;
