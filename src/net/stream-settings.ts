/** What limits streams (TCP, TLS, HTTPS) in all threads. Times are milliseconds. */
export interface StreamSettings {
  /** Connections at once over TCP and TLS; 0: no limit. */
  readonly clients: number;
  /** Connections that wait for a place, for each address; 0: as many as the system has room for. */
  readonly listenQueue: number;
  /** Until the first whole message of a connection, the TLS handshake included. */
  readonly initialTimeout: number;
  /** Between two messages. */
  readonly idleTimeout: number;
  /** Between two messages of a client that asked for edns-tcp-keepalive (RFC 7828). */
  readonly keepaliveTimeout: number;
  /** What edns-tcp-keepalive promises to a client. */
  readonly advertisedTimeout: number;
}

/** BIND 9.18: tcp-clients 150, tcp-listen-queue 10, the timeouts 300 (tenths of a second). */
export const STREAM_SETTINGS: StreamSettings = {
  clients: 150,
  listenQueue: 10,
  initialTimeout: 30_000,
  idleTimeout: 30_000,
  keepaliveTimeout: 30_000,
  advertisedTimeout: 30_000,
};

/** Settings that a reconfiguration changes for connections that exist, too. */
export interface LiveSettings {
  current: StreamSettings;
}
