import { SignetError } from '../base/error.ts';

/** As node gives it for a failed system call: `code` is EADDRINUSE, EACCES ... */
export type SystemError = Error & { code?: string };

/** The error of an address that cannot be listened on, UDP_BIND_FAILED or TCP_BIND_FAILED, with what to do about it. */
export function bindError(
  protocol: 'UDP' | 'TCP',
  { address, port }: { readonly address: string; readonly port: number },
  cause: SystemError,
): SignetError {
  return new SignetError(
    `${protocol}_BIND_FAILED`,
    `cannot listen on ${address}#${port} over ${protocol} (${cause.code ?? cause.message}): ${remedy(cause.code)}`,
    { address, port, cause: cause.code },
    cause,
  );
}

function remedy(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'another program holds it: stop that program or choose another port';
  if (code === 'EACCES') return 'ports below 1024 need root or CAP_NET_BIND_SERVICE';
  return 'check that the address belongs to this host';
}
