/**
 * The options of a client. All options are checked when the client is made. For a wrong option the constructor throws a UsageError
 * with the option, the value and what to do. The defaults and their reasons are in entries.ts.
 */
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { QoS } from '../../codec/control-packet.js'
import type { SessionStore } from '../../store/session-store.js'
import type { ClientEvents, HandlerErrorAction, Message, MessageHandler } from '../surface/client-surface.js'
import type { ServerProfile } from './server-profile.js'

export type {
  AbandonedEvent,
  AttemptEvent,
  ClientEvents,
  ClientState,
  ClientStats,
  CloseEvent,
  ConnectOptions,
  EndOptions,
  FilterRequest,
  Filters,
  GrantedFilter,
  HandlerErrorAction,
  Message,
  MessageHandler,
  MessageStream,
  MessagesOptions,
  OfflineEvent,
  OnlineEvent,
  PacketCounts,
  PingOptions,
  PublishOptions,
  RefusedEvent,
  SubscribeOptions,
  Subscription,
} from '../surface/client-surface.js'
export type { PublishRate, ServerProfile, TopicCharacters } from './server-profile.js'

/** Listeners for the events of a client, each under the name of its event. */
export type EventListeners = {
  readonly [Name in keyof ClientEvents]?: ((...event: ClientEvents[Name]) => void) | undefined
}

/** One of several servers with the same sessions. */
export interface ServerOptions {
  /** A name or an address; IPv6 with or without brackets, and with a zone if it needs one (`fe80::1%eth0`). */
  readonly host: string
  /** 1 to 65,535. Default 1883, with TLS 8883 (both registered with IANA, section 4.2). */
  readonly port?: number | undefined
  /** Default: whether `ClientOptions.tls` is given. The options of TLS are the same for all servers. */
  readonly tls?: boolean | undefined
}

/** The message that the server publishes when the connection ends without DISCONNECT (section 3.1.2.5). */
export interface WillOptions {
  /** A Topic Name, without wildcards. */
  readonly topic: string
  /** At most 65,535 bytes, because its length field has two bytes (section 3.1.3.3). A string is encoded as UTF-8. */
  readonly payload: string | Uint8Array
  /** Default 0. */
  readonly qos?: QoS | undefined
  /** Default false. */
  readonly retain?: boolean | undefined
}

/** Certificates for the next connections, as in `tls.connect` of Node. */
export interface CertificateOptions {
  /** The certificate that the client shows to the server, in PEM, with the certificates between it and its root. */
  readonly cert?: ConnectionOptions['cert']
  /** The private key of the certificate, in PEM. */
  readonly key?: ConnectionOptions['key']
  /** The certificate and its private key in one file (PKCS#12), in place of `cert` and `key`. */
  readonly pfx?: ConnectionOptions['pfx']
  /** The passphrase of `key` or `pfx`. */
  readonly passphrase?: string | undefined
  /** The root certificates to trust, in place of those of `ClientOptions.tls`, or of Node. */
  readonly ca?: ConnectionOptions['ca']
}

/** The identity of a client for one connection. An absent value falls back to the option of the same name. */
export interface Credentials {
  /** The Client Identifier, at most 65,535 bytes of UTF-8 (section 3.1.3.1). */
  readonly clientId?: string | undefined
  /** The User Name, at most 65,535 bytes of UTF-8 (section 3.1.3.4). */
  readonly username?: string | undefined
  /** At most 65,535 bytes; a string is encoded as UTF-8. A password needs a user name. */
  readonly password?: string | Uint8Array | undefined
  /**
   * The name of the stored session. Default: the Client Identifier. Give a `sessionId` if the Client Identifier changes with each
   * attempt (it has a signature inside, for example) but the session stays the same.
   */
  readonly sessionId?: string | undefined
  /**
   * Renewed certificates, only with TLS. `cert`, `key`, `pfx` and `passphrase` together replace those of the option `tls`; `ca` alone
   * replaces its own. If they differ from those of the attempt before, no TLS session is resumed, so that the server sees them.
   */
  readonly tls?: CertificateOptions | undefined
}

/** The argument of `credentials`. */
export interface CredentialsAttempt {
  /** Is aborted when the client gives the attempt up: by a time-out, `end()` or `destroy()`. */
  readonly signal: AbortSignal
  /** The error of the attempt or connection before this attempt. */
  readonly lastError?: Error | undefined
}

/**
 * When to try again. Each wait is a random time between 0 and a longest wait (full jitter), which grows with each failure. The longest
 * wait is `minDelayMs` again after a connection that lasted 30 s and did not end because of what the server sent. After Return Codes 4
 * and 5 and after certificate errors the wait is `maxDelayMs`.
 */
export interface ReconnectOptions {
  /** The longest first wait in milliseconds, 1 to 2,147,483,647. Default 1,000, or `maxDelayMs` if that is less. */
  readonly minDelayMs?: number | undefined
  /** The longest of all waits in milliseconds, `minDelayMs` to 2,147,483,647. Default 60,000, or `minDelayMs` if that is more. */
  readonly maxDelayMs?: number | undefined
  /** After each failure the longest wait is multiplied by this factor, 1 or more. Default 2. */
  readonly factor?: number | undefined
  /** 1 or more, or Infinity: after so many attempts in a row without CONNACK with Return Code 0 the client ends. Default Infinity. */
  readonly maxAttempts?: number | undefined
  /** The most attempts within any 60 seconds, 1 or more, or Infinity. Default: `profile.connectsPerMinute`, else Infinity. */
  readonly maxAttemptsPerMinute?: number | undefined
  /**
   * True: the client tries again also if its first attempt fails. A certificate that is not valid yet is such a failure, and Return Codes
   * 4 and 5 are if `credentials` is a function (once after `minDelayMs`, then after `maxDelayMs` each time); what cannot heal ends the
   * client all the same. False, the default: then `connect()` rejects with the cause.
   */
  readonly retryInitial?: boolean | undefined
}

/** The queue of outgoing messages, for all QoS, online and offline. A message leaves the queue when the client sends it. */
export interface QueueOptions {
  /** Messages, 1 or more. Default 10,000. */
  readonly maxMessages?: number | undefined
  /** Bytes of topics and payloads, 1 or more. Default 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined
  /** Milliseconds, 1 to 2,147,483,647: a message that waits longer is rejected; after a restart the time begins anew. Default: no limit. */
  readonly maxAgeMs?: number | undefined
  /** The message that is rejected with a QueueFullError: the new one (`'reject'`, the default) or the oldest in the queue. */
  readonly overflow?: 'reject' | 'drop-oldest' | undefined
  /** Whether QoS 0 messages wait for a connection. Default false: they are rejected, because old values are seldom of use. */
  readonly offlineQos0?: boolean | undefined
}

/** All options of a client. Only a server or a stream is required; all other options have defaults, with their reasons in docs/limits.md. */
export interface ClientOptions {
  // The server: exactly one of `url`, `host`, `servers` and `stream`.

  /**
   * `mqtt://host[:port]` or `mqtts://host[:port]`; IPv6 in brackets. May have a user name and a password, percent-encoded; the options
   * `username` and `password` have precedence. `unix:path` is a local socket, without TLS (a named pipe on Windows).
   */
  readonly url?: string | undefined
  /** A name or an address; IPv6 with or without brackets, and with a zone if it needs one (`fe80::1%eth0`). */
  readonly host?: string | undefined
  /** 1 to 65,535, only with `host`. Default 1883, with TLS 8883. */
  readonly port?: number | undefined
  /**
   * The only address family to use; 0, the default, tries IPv6 first and IPv4 after one second. After each failed attempt an address of a
   * name gets twice the time, up to eight seconds and then from one second again, so a slow path connects at last.
   */
  readonly family?: 0 | 4 | 6 | undefined
  /** The address of this machine to connect from, IPv4 or IPv6; only addresses of its family are tried. Default: the system chooses. */
  readonly localAddress?: string | undefined
  /** At least one server, as a URL or an object. The servers share the sessions; each attempt takes the next server. */
  readonly servers?: readonly (string | ServerOptions)[] | undefined
  /**
   * TLS from version 1.2; the certificate of the server is verified. An object is passed to `tls.connect` unchanged. Default: true for
   * `mqtts://`, else false. False with `mqtts://` is a UsageError, and so is true or an object with `mqtt://`.
   */
  readonly tls?: boolean | ConnectionOptions | undefined
  /**
   * Opens another ordered, lossless byte stream (section 4.2): through a proxy, over a WebSocket, in a test. Is called for each
   * attempt. It replaces the network: `url`, `host`, `port`, `family`, `localAddress`, `servers` and `tls` beside it are a
   * UsageError.
   */
  readonly stream?: ((options: { readonly signal: AbortSignal }) => Duplex | Promise<Duplex>) | undefined

  // The identity (section 3.1.3).

  /**
   * The Client Identifier, at most 65,535 bytes of UTF-8. With an empty one the server makes one. Default, only for a clean session: a
   * random one of 23 characters from 0-9, a-z and A-Z, which every server must accept.
   */
  readonly clientId?: string | undefined
  /** The User Name, at most 65,535 bytes of UTF-8 (section 3.1.3.4). Default: the user name in `url`, else none. */
  readonly username?: string | undefined
  /** At most 65,535 bytes; a string is encoded as UTF-8. Without a user name it is a UsageError (section 3.1.2.9). */
  readonly password?: string | Uint8Array | undefined
  /** Is called before every CONNECT, for values that expire. What it returns has precedence over the options. */
  readonly credentials?: ((attempt: CredentialsAttempt) => Credentials | Promise<Credentials>) | undefined

  // The session and the connection (sections 3.1.2 and 4.1).

  /**
   * True: each connection starts a new session, which the server does not keep (section 3.1.2.4). Default true; false with a durable
   * `store`. False needs a Client Identifier, from `clientId` or `credentials`; true with a durable store is a UsageError.
   */
  readonly cleanSession?: boolean | undefined
  /** Seconds, 0 to 65,535; 0 turns Keep Alive off (section 3.1.2.10). Default 60, or the nearest value that `profile.keepAlive` allows. */
  readonly keepAlive?: number | undefined
  /** The message that the server publishes when the connection ends without DISCONNECT (section 3.1.2.5). Default: none. */
  readonly will?: WillOptions | undefined
  /** The longest time from the start of an attempt to CONNACK, with credentials and TLS, in milliseconds, 1 to 2,147,483,647. Default 30,000. */
  readonly connectTimeoutMs?: number | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647. If so long after PINGREQ no byte has come from the server, the connection is given up. While
   * output leaves (a large payload on a slow link, for example), the time starts again. Default 10,000, or Keep Alive if that is less.
   */
  readonly pingTimeoutMs?: number | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647. If the answer to a PUBLISH or PUBREL takes longer, the client gives the connection up and makes
   * a new one. The time of the upload does not count, as long as some output leaves. Default 60,000.
   */
  readonly ackTimeoutMs?: number | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647. If SUBACK or UNSUBACK takes longer, the call rejects with a TimeoutError. Only the time counts in
   * which the request was sent and unanswered, over all connections. Default 30,000.
   */
  readonly operationTimeoutMs?: number | undefined
  /** False: the client ends with its first connection. */
  readonly reconnect?: false | ReconnectOptions | undefined

  // Limits. Every queue has a limit in bytes or messages.

  /**
   * Unacknowledged outgoing messages of QoS 1 and 2, 1 to 65,535. Default 100, or `profile.maxInFlight` if that is less, with at most
   * 20 of them at QoS 2: mosquitto by default has room for 20, and loses the rest silently.
   */
  readonly maxInFlight?: number | undefined
  /** Incoming messages whose handlers run at the same time, 1 to 65,535; with 1, one message after the other. Default 64. */
  readonly receiveWindow?: number | undefined
  /** Bytes of incoming messages that wait for a handler, 1 or more; when they are full, the socket is not read. Default 1,048,576. */
  readonly receiveBufferBytes?: number | undefined
  /**
   * A second, higher limit for the bytes of incoming messages that wait, so that a handler may await its own client. Up to this limit
   * the socket is still read while a publish, a subscribe or a `ping()` of the program is pending and no handler has finished for
   * 100 ms. At this limit, if no handler finishes for one second (or four times the time of the slowest handler, if that is longer),
   * the client does not keep messages that a persistent session brings again; after ten seconds it does not keep the other messages
   * either: see `stats.dropped`. At least `receiveBufferBytes`. Default 16,777,216, or `receiveBufferBytes` if that is more.
   */
  readonly receiveBufferMaxBytes?: number | undefined
  /**
   * At how many strikes a message of QoS 1 or 2 is given up, 1 or more; Infinity: never. Default 5. A server can refuse a PUBLISH only by
   * closing the connection. So after two short connections the client sends one message at a time, on a quiet connection. A cut soon
   * after a message is a strike against it. After three strikes all other messages go first. When it has so many strikes, and others
   * were acknowledged since the first, its publish rejects with a `ConnectionLostError` (`refused-by-closing`), and the event
   * `abandoned` tells of it. A Topic Filter that is struck three times is refused, whatever this option says.
   */
  readonly abandonAfter?: number | undefined
  /**
   * Whether a violation by the server ends the connection although it has one safe reading. Default false: a message whose Topic Name
   * has a wildcard or is empty is delivered, with `topicFault`; one whose Topic Name is ill-formed UTF-8 or has U+0000 is acknowledged
   * and not delivered, with one warning; a Return Code of SUBACK above 0x80 is a refusal; DUP at QoS 0 is ignored; PUBACK settles a
   * message at QoS 2; a SUBACK for nothing is ignored; Session Present 1 after Clean Session 1 is read as 0; a Packet Identifier that is
   * used again too early means a new message. Each of these counts in `stats.anomalies`, and is published on the channel
   * `mqtt311:anomaly`. Faults of lengths and framing end the connection in any case.
   */
  readonly strict?: boolean | undefined
  /**
   * Whether a PINGREQ may follow the first answer to a burst of publishes, or SUBACK. A server with Nagle's algorithm (mosquitto as it is
   * shipped) holds the other answers, or retained messages, until it has an acknowledgement of TCP, which the PINGREQ brings 40 ms
   * sooner. The client first tries whether this helps: where it does not, it sends at most five. Default true.
   */
  readonly nudge?: boolean | undefined
  /** Bytes of one incoming packet with its fixed header, 5 to 268,435,460. A longer packet ends the connection before it is buffered. Default 16,777,216. */
  readonly maxPacketBytes?: number | undefined
  /**
   * True: bytes are read as soon as they come. Default false: in a stream of many small reads (at least three a millisecond, for two
   * milliseconds) the client reads every millisecond or two, which needs a fraction of the processor's time. A message of such a
   * stream may be up to 3 ms late, a message alone never, and no stream gets slower.
   */
  readonly lowLatency?: boolean | undefined
  /** The limits of the queue of outgoing messages. Default: 10,000 messages and 64 MiB; further messages are rejected. */
  readonly queue?: QueueOptions | undefined

  // The store, the profile of the server, and the handlers.

  /**
   * Keeps the session when the process ends. Default: the session is only in memory. A store that is not durable is not used with a
   * clean session, which ends with its connection.
   */
  readonly store?: SessionStore | undefined
  /** The limits of this kind of server; MQTT 3.1.1 cannot announce them. Default: only the limits of MQTT. */
  readonly profile?: ServerProfile | undefined
  /**
   * Handlers by Topic Filter, which exist from the start and send no SUBSCRIBE: for messages that a resumed session delivers right
   * after CONNACK.
   */
  readonly handlers?: Readonly<Record<string, MessageHandler>> | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647, only with `cleanSession: false` and without `onMessage`. After the first CONNACK a resumed
   * session may deliver messages for which the program has no route yet. The client keeps them, unacknowledged, until a route takes
   * them: for this time if the program adds no route, or until two seconds after the last new route; at most one minute, and only
   * while `receiveBufferBytes` have room. Default 10,000.
   */
  readonly unclaimedAfterMs?: number | undefined
  /** Gets each message for which there is no route. Without `onMessage` such messages are acknowledged and counted, with one warning. */
  readonly onMessage?: MessageHandler | undefined
  /**
   * Decides what happens to a message whose handler failed. `'acknowledge'`: the message counts as handled. `'redeliver'`: the client
   * closes the connection and resumes the session, so that the server sends the message again; needs `cleanSession: false`. `'close'`,
   * the default: the client ends with a HandlerError, and the message stays unacknowledged, so nothing is lost silently. For a message
   * with a `topicFault`, which the session would bring again at each start, the default is `'acknowledge'`, with one warning.
   */
  readonly onHandlerError?: ((error: unknown, message: Message) => HandlerErrorAction) | undefined
  /** Listeners that are added before the client does anything, so they get the events of the first connection too. */
  readonly on?: EventListeners | undefined
  /** When it is aborted, the client ends as with `destroy(signal.reason)`. */
  readonly signal?: AbortSignal | null | undefined
}
