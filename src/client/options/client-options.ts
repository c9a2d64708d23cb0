/**
 * What a client is given. Everything is checked when the client is made: what is wrong throws a UsageError that names
 * the option, the value and what to do. Each default stands with its reason in entries.ts.
 */
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { QoS } from '../../codec/control-packet.js'
import type { SessionStore } from '../../store/session-store.js'
import type { ClientEvents, HandlerErrorAction, Message, MessageHandler } from '../surface/client-surface.js'
import type { ServerProfile } from './server-profile.js'

export type {
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
export type { PublishRate, ServerProfile } from './server-profile.js'

/** A listener for each event that is of interest. */
export type EventListeners = {
  readonly [Name in keyof ClientEvents]?: ((...event: ClientEvents[Name]) => void) | undefined
}

/** One of several servers that share the sessions. */
export interface ServerOptions {
  /** A name or an address; IPv6 with or without brackets, with a zone if need be (`fe80::1%eth0`). */
  readonly host: string
  /** 1 to 65,535. Default 1883, with TLS 8883 (both registered with IANA, section 4.2). */
  readonly port?: number | undefined
  /** Default: whether `ClientOptions.tls` is given. The options of TLS are the same for all servers. */
  readonly tls?: boolean | undefined
}

/** The message that the server publishes when the connection ends without DISCONNECT (section 3.1.2.5). */
export interface WillOptions {
  /** A Topic Name: no wildcards. */
  readonly topic: string
  /** At most 65,535 bytes, because of its length field (section 3.1.3.3). A string is encoded as UTF-8. */
  readonly payload: string | Uint8Array
  /** Default 0. */
  readonly qos?: QoS | undefined
  /** Default false. */
  readonly retain?: boolean | undefined
}

/** With what a client introduces itself. What is absent falls back to the option of the same name. */
export interface Credentials {
  /** The Client Identifier, at most 65,535 bytes of UTF-8 (section 3.1.3.1). */
  readonly clientId?: string | undefined
  /** The User Name, at most 65,535 bytes of UTF-8 (section 3.1.3.4). */
  readonly username?: string | undefined
  /** At most 65,535 bytes; a string is encoded as UTF-8. Needs a user name. */
  readonly password?: string | Uint8Array | undefined
  /**
   * What the stored session belongs to. Default: the Client Identifier. Give it where that changes with each
   * attempt although the session stays the same (a signature inside it, for example).
   */
  readonly sessionId?: string | undefined
}

/** What `credentials` is told about the attempt that it is asked for. */
export interface CredentialsAttempt {
  /** Aborts when the attempt is given up: time-out, `end()` or `destroy()`. */
  readonly signal: AbortSignal
  /** Why the attempt or the connection before this one ended. */
  readonly lastError?: Error | undefined
}

/**
 * When to try again. The longest wait goes back to `minDelayMs` after a connection that stayed up for 30 s and did not end because
 * of what the server sent. After Return Codes 4 and 5 and after certificate errors the wait is `maxDelayMs`.
 */
export interface ReconnectOptions {
  /** Milliseconds, 1 to 2,147,483,647: the most that the first wait takes (each is drawn from 0 to the longest; full jitter). Default 1,000, or `maxDelayMs` if that is less. */
  readonly minDelayMs?: number | undefined
  /** Milliseconds, `minDelayMs` to 2,147,483,647: the most that any wait takes. Default 60,000, or `minDelayMs` if that is more. */
  readonly maxDelayMs?: number | undefined
  /** 1 or more: by how much the longest wait grows from one failure to the next. Default 2. */
  readonly factor?: number | undefined
  /** 1 or more, or Infinity: the client ends once so many attempts in a row got no CONNACK with Return Code 0. Default Infinity. */
  readonly maxAttempts?: number | undefined
  /** 1 or more, or Infinity: attempts within any 60 seconds. Default: `profile.connectsPerMinute`, else Infinity. */
  readonly maxAttemptsPerMinute?: number | undefined
  /** Whether the very first attempt is repeated too, instead of rejecting `connect()` with its cause. Default false. */
  readonly retryInitial?: boolean | undefined
}

/** The one ordered queue of outgoing messages, online or not. A message leaves it when it gets on its way. */
export interface QueueOptions {
  /** Messages, 1 or more. Default 10,000. */
  readonly maxMessages?: number | undefined
  /** Bytes of topics and payloads, 1 or more. Default 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined
  /** Milliseconds, 1 to 2,147,483,647: after so long a message that still waits is rejected. Default: never. */
  readonly maxAgeMs?: number | undefined
  /** Who gets the QueueFullError: the newcomer (`'reject'`, the default) or the oldest that waits. */
  readonly overflow?: 'reject' | 'drop-oldest' | undefined
  /** Whether QoS 0 messages wait for a connection. Default false: they are rejected, as old readings seldom help. */
  readonly offlineQos0?: boolean | undefined
}

/**
 * Everything that a client can be told. Only where to connect has to be said; the rest has defaults, each with its
 * reason in the README.
 */
export interface ClientOptions {
  // Where to: exactly one of `url`, `host`, `servers` and `stream`.

  /**
   * `mqtt://host[:port]` or `mqtts://host[:port]`; IPv6 in brackets. May hold a user name and a password,
   * percent-encoded; the options of these names go before them.
   */
  readonly url?: string | undefined
  /** A name or an address; IPv6 with or without brackets, with a zone if need be (`fe80::1%eth0`). */
  readonly host?: string | undefined
  /** 1 to 65,535, with `host` only. Default 1883, with TLS 8883. */
  readonly port?: number | undefined
  /** The only address family to use; 0, the default, tries IPv6 first and IPv4 shortly after. */
  readonly family?: 0 | 4 | 6 | undefined
  /** Servers that share the sessions, each a URL or an object; tried in turn on each reconnection. At least one. */
  readonly servers?: readonly (string | ServerOptions)[] | undefined
  /**
   * TLS from version 1.2, with the server's certificate verified; an object is handed to `tls.connect` untouched.
   * Default: true for `mqtts://`, else false. False with `mqtts://` is a UsageError, and so is an object or true with
   * `mqtt://`.
   */
  readonly tls?: boolean | ConnectionOptions | undefined
  /**
   * Opens any other ordered, lossless pipe of bytes (section 4.2): a proxy, a WebSocket, a test. Is called for each attempt. It
   * stands in for the network: `url`, `host`, `port`, `family`, `servers` and `tls` beside it are a UsageError.
   */
  readonly stream?: ((options: { readonly signal: AbortSignal }) => Duplex | Promise<Duplex>) | undefined

  // Who we are (section 3.1.3).

  /**
   * The Client Identifier, at most 65,535 bytes of UTF-8. Default, for a clean session only: one that is made up, 23
   * characters of 0-9, a-z and A-Z, which every server must accept. Empty asks the server to make one up.
   */
  readonly clientId?: string | undefined
  /** The User Name, at most 65,535 bytes of UTF-8 (section 3.1.3.4). Default: none, or the one in `url`. */
  readonly username?: string | undefined
  /** At most 65,535 bytes; a string is encoded as UTF-8. Without a user name it is a UsageError (section 3.1.2.9). */
  readonly password?: string | Uint8Array | undefined
  /** Is asked before every CONNECT, so that what expires can be made anew; its answer has precedence over the options. */
  readonly credentials?: ((attempt: CredentialsAttempt) => Credentials | Promise<Credentials>) | undefined

  // The session and the connection (sections 3.1.2 and 4.1).

  /**
   * Whether the server starts afresh with each connection (section 3.1.2.4). Default true; false with a durable `store`. False
   * needs a Client Identifier, from `clientId` or `credentials`; true with a durable store is a UsageError.
   */
  readonly cleanSession?: boolean | undefined
  /** Seconds, 0 to 65,535; 0 turns it off (section 3.1.2.10). Default 60, or the nearest that `profile.keepAlive` allows. */
  readonly keepAlive?: number | undefined
  /**
   * What the server publishes for us when the connection ends without DISCONNECT (section 3.1.2.5). Default: nothing.
   */
  readonly will?: WillOptions | undefined
  /** Milliseconds, 1 to 2,147,483,647: from the start of an attempt to CONNACK, credentials and TLS included. Default 30,000. */
  readonly connectTimeoutMs?: number | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647: how long PINGREQ may go without a byte from the server. While output is leaving, as a large
   * payload does over a slow link, it counts from when some last left. Default 10,000, or Keep Alive if that is less.
   */
  readonly pingTimeoutMs?: number | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647: after so long without the answer to a PUBLISH or PUBREL the connection is ended and resumed.
   * The time it takes to upload the packet does not count, as long as some of it leaves. Default 60,000.
   */
  readonly ackTimeoutMs?: number | undefined
  /** Milliseconds, 1 to 2,147,483,647: after so long without SUBACK or UNSUBACK the call rejects with a TimeoutError. Default 30,000. */
  readonly operationTimeoutMs?: number | undefined
  /** False ends the client with its first connection. */
  readonly reconnect?: false | ReconnectOptions | undefined

  // Limits. Every queue has one in bytes or messages.

  /**
   * Unacknowledged outgoing messages of QoS 1 and 2, 1 to 65,535. Default 100, or `profile.maxInFlight` if that is less, and of these
   * at most 20 at QoS 2: mosquitto has room for no more unless it is told otherwise, and loses the rest in silence.
   */
  readonly maxInFlight?: number | undefined
  /** Incoming messages whose handlers run at the same time, 1 to 65,535; 1 handles one after the other. Default 64. */
  readonly receiveWindow?: number | undefined
  /** Bytes of incoming messages that wait for a handler, 1 or more; when they are full, the socket is not read. Default 1,048,576. */
  readonly receiveBufferBytes?: number | undefined
  /**
   * Bytes up to which the socket is read on although `receiveBufferBytes` are full, so that a handler may await what it asks of its own
   * client: while a publish, a subscribe or a `ping()` of the program is open and no handler has ended for 100 ms. At least
   * `receiveBufferBytes`. Beyond it, and only when no handler ends for a second (four times the slowest one if that is longer),
   * messages are not kept that a persistent session brings again; after ten seconds those too that it does not: see `stats.dropped`.
   * Default 16,777,216, or `receiveBufferBytes` if that is more.
   */
  readonly receiveBufferMaxBytes?: number | undefined
  /** Bytes of one incoming packet, its fixed header included, 5 to 268,435,460. A longer one ends the connection before it is buffered. Default 16,777,216. */
  readonly maxPacketBytes?: number | undefined
  /**
   * How much may wait to be sent, for how long, and what happens beyond. Default: 10,000 messages and 64 MiB, then
   * rejected.
   */
  readonly queue?: QueueOptions | undefined

  // What is kept, what the server allows, who handles what.

  /** Where the session outlives the process. Default: memory. */
  readonly store?: SessionStore | undefined
  /** What this kind of server allows, where MQTT has no way to say it. Default: no limits but those of MQTT. */
  readonly profile?: ServerProfile | undefined
  /**
   * Routes by Topic Filter that exist from the start, without SUBSCRIBE: for what a resumed session delivers right after
   * CONNACK.
   */
  readonly handlers?: Readonly<Record<string, MessageHandler>> | undefined
  /**
   * Milliseconds, 1 to 2,147,483,647. With `cleanSession: false` and without `onMessage`, what a resumed session delivers behind the
   * first CONNACK and matches no route is kept aside, unacknowledged, until a route takes it: for this long if none is ever added, for
   * two seconds behind the last one that is, for a minute at most, and no longer than `receiveBufferBytes` have room. Default 10,000.
   */
  readonly unclaimedAfterMs?: number | undefined
  /** Gets what no route claims. Without it such messages are acknowledged, counted, and warned of once. */
  readonly onMessage?: MessageHandler | undefined
  /**
   * Answers what becomes of a message whose handler threw. `'acknowledge'`: it counts as handled. `'redeliver'`: the connection is
   * dropped and resumed, so that the server sends it again; needs `cleanSession: false`. `'close'`: the client
   * ends with a HandlerError and the message stays unacknowledged. Default `'close'`, so that nothing is lost in silence.
   */
  readonly onHandlerError?: ((error: unknown, message: Message) => HandlerErrorAction) | undefined
  /** Listeners that are registered before anything happens, so that they hear the first connection too. */
  readonly on?: EventListeners | undefined
  /** Ends the client: as `destroy(signal.reason)`. */
  readonly signal?: AbortSignal | null | undefined
}
