import type { Clock } from '../base/clock.ts';
import { ConnectionQuota, limitsOf } from '../net/connection-quota.ts';
import { type ExchangeHandler, type HttpParameters, HttpsListener } from '../net/https-listener.ts';
import type { LiveSettings, StreamSettings } from '../net/stream-settings.ts';
import type { AcceptorDependencies } from '../net/tcp-acceptor.ts';
import { type MessageHandler, TcpListener } from '../net/tcp-listener.ts';
import type { TlsMaterial } from '../net/tls-material.ts';

/** What is spoken on an address instead of plain DNS. */
export type StreamTransport =
  | { readonly kind: 'tls'; readonly tls: TlsMaterial }
  | {
      readonly kind: 'http';
      readonly http: HttpParameters;
      /** Undefined: without TLS. */
      readonly tls?: TlsMaterial;
      /** Connections at once to this address, in all threads; 0: no limit. */
      readonly clients: number;
      /** Where all threads count them. ResponderPool makes it. */
      readonly quota?: SharedArrayBuffer;
    };

/** Where a thread counts its connections. */
export interface QuotaPlace {
  readonly shared: SharedArrayBuffer;
  readonly row: number;
}

export type StreamListener = TcpListener | HttpsListener;

export interface StreamHandlers {
  /** Over TCP and TLS. */
  readonly onMessage: MessageHandler;
  readonly onExchange: ExchangeHandler;
}

/** Opens listeners for streams in one thread, and keeps the places that they share. */
export class StreamEndpoints {
  readonly #clock: Clock;
  readonly #onConnection: AcceptorDependencies['onConnection'];
  readonly #live: LiveSettings;
  readonly #row: number;
  readonly #quota: ConnectionQuota;
  readonly #httpQuotas = new WeakMap<HttpsListener, ConnectionQuota>();

  constructor(settings: StreamSettings, place: QuotaPlace, dependencies: Omit<AcceptorDependencies, 'quota'>) {
    this.#clock = dependencies.clock;
    this.#onConnection = dependencies.onConnection;
    this.#live = { current: settings };
    this.#row = place.row;
    this.#quota = new ConnectionQuota(place.shared, place.row, limitsOf(settings.clients));
  }

  get settings(): StreamSettings {
    return this.#live.current;
  }

  /** Takes effect for connections that exist, too; the listen queue with the next listener. */
  set settings(settings: StreamSettings) {
    this.#live.current = settings;
    this.#quota.limits = limitsOf(settings.clients);
  }

  /** @throws SignetError TCP_BIND_FAILED */
  async open(
    listen: { readonly address: string; readonly port: number; readonly reusePort: boolean },
    transport: StreamTransport | undefined,
    handlers: StreamHandlers,
  ): Promise<StreamListener> {
    const shared = { clock: this.#clock, settings: this.#live, onConnection: this.#onConnection };
    if (transport?.kind !== 'http') {
      const tls = transport && { tls: transport.tls };
      return TcpListener.listen({ ...listen, ...tls }, { ...shared, quota: this.#quota }, handlers.onMessage);
    }
    const place = transport.quota ?? ConnectionQuota.share(this.#row + 1, 0);
    const quota = new ConnectionQuota(place, this.#row, limitsOf(transport.clients));
    const listener = await HttpsListener.listen({ ...listen, ...transport }, { ...shared, quota }, handlers.onExchange);
    this.#httpQuotas.set(listener, quota);
    return listener;
  }

  /** Gives a listener that stays what a reconfiguration has changed. */
  configure(listener: StreamListener, transport: StreamTransport | undefined): void {
    if (listener instanceof HttpsListener && transport?.kind === 'http') {
      listener.configure({ http: transport.http, ...(transport.tls && { tls: transport.tls }) });
      const quota = this.#httpQuotas.get(listener);
      if (quota !== undefined) quota.limits = limitsOf(transport.clients);
    } else if (listener instanceof TcpListener && transport?.kind === 'tls') listener.setTls(transport.tls);
  }
}

/** Whether a listener for one can go on for the other: HTTPS and HTTP differ, certificates and paths do not matter. */
export function speakAlike(one: StreamTransport | undefined, other: StreamTransport | undefined): boolean {
  return one?.kind === other?.kind && (one?.tls === undefined) === (other?.tls === undefined);
}
