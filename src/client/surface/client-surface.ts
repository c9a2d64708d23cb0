/** What the methods of a client take and give: messages, handlers, subscriptions, events and counters. */
import type { PacketName, QoS } from '../../codec/control-packet.js'

/**
 * An Application Message as it arrived. Its payload is a copy that nobody else writes to: keeping one keeps at most a block of
 * 8 KiB in memory (of 32 KiB, if the payload has 4 to 8 KiB).
 */
export interface Message {
  /** The Topic Name, 1 to 65,535 bytes of UTF-8 (section 4.7). */
  readonly topic: string
  /** The Application Message, 0 to 268,435,455 bytes less what else the packet holds (section 3.3.3). */
  readonly payload: Buffer
  /** The QoS of this delivery: the lower one of what was published and what the server granted (section 3.8.4). */
  readonly qos: QoS
  /** True if the message was kept by the server and sent because of a new subscription (section 3.3.1.3). */
  readonly retain: boolean
  /** The server says that it may have sent this packet before. It proves nothing either way (section 3.3.1.1). */
  readonly dup: boolean
  /** The payload read as UTF-8; ill-formed bytes become U+FFFD. */
  text(): string
  /**
   * The payload read as JSON. `T` is a claim of the caller, not a check.
   * @throws SyntaxError if the payload is no JSON
   */
  json<T = unknown>(): T
}

/**
 * Is called with each message of a route. What it returns is awaited: a message of QoS 1 or 2 is acknowledged once all
 * its handlers have finished. When it throws or rejects, `onHandlerError` decides what becomes of the message.
 */
export type MessageHandler = (message: Message) => unknown

/** What becomes of a message whose handler threw; see `ClientOptions.onHandlerError`. */
export type HandlerErrorAction = 'acknowledge' | 'redeliver' | 'close'

/** One Topic Filter with a QoS of its own, instead of the one in the options of the call. */
export interface FilterRequest {
  /** A Topic Filter, 1 to 65,535 bytes of UTF-8 (section 4.7). */
  readonly filter: string
  /** The highest QoS at which the server may deliver. Default: that of the options of the call. */
  readonly qos?: QoS | undefined
}

/** One Topic Filter, or several that are sent together in one SUBSCRIBE. */
export type Filters = string | readonly (string | FilterRequest)[]

/** How `connect()` can be given up. */
export interface ConnectOptions {
  /** Gives up the attempt: `connect()` rejects with `signal.reason` and the client closes. */
  readonly signal?: AbortSignal | null | undefined
}

/** How one message is published. */
export interface PublishOptions {
  /** Default 0: what a caller does not ask for costs no round trip (section 4.3). */
  readonly qos?: QoS | undefined
  /** Asks the server to keep the message for later subscribers (section 3.3.1.3). Default false. */
  readonly retain?: boolean | undefined
  /**
   * Withdraws the message as long as it has no Packet Identifier; later it only ends the wait. Either way `publish`
   * rejects with `signal.reason`, so look at `error.delivery` only on errors of this package.
   */
  readonly signal?: AbortSignal | null | undefined
  /**
   * When `publish` resolves. `'acknowledged'` (the default): QoS 0, accepted for writing; 1, PUBACK; 2, PUBCOMP.
   * `'stored'`: the session store has the message, and delivery goes on without the caller, across restarts too. At QoS 0, and
   * without a durable store, `'stored'` is a UsageError: nothing is stored then.
   */
  readonly until?: 'acknowledged' | 'stored' | undefined
}

/** How filters are subscribed. */
export interface SubscribeOptions {
  /** The highest QoS at which the server may deliver (section 3.8.4). Default 0, as for `publish`. */
  readonly qos?: QoS | undefined
  /** Ends the wait for SUBACK; a grant that comes later is unsubscribed again. */
  readonly signal?: AbortSignal | null | undefined
}

/** How filters are subscribed, and how many of their messages may wait for the loop. */
export interface MessagesOptions extends SubscribeOptions {
  /**
   * Messages, 1 to 65,535: how many may wait for the loop. Those behind them stay unacknowledged in the client's backlog.
   * Default: `receiveWindow`.
   */
  readonly limit?: number | undefined
}

/** How long `ping()` waits. */
export interface PingOptions {
  /** Ends the wait: `ping()` rejects with `signal.reason`. */
  readonly signal?: AbortSignal | null | undefined
  /** Milliseconds, 1 to 2,147,483,647: how long PINGRESP may take. Default: `pingTimeoutMs` of the client. */
  readonly timeoutMs?: number | undefined
}

/** How long `end()` waits. */
export interface EndOptions {
  /** Milliseconds, 0 to 2,147,483,647: how long what is in flight may take to finish. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** What the server granted for one Topic Filter. */
export interface GrantedFilter {
  /** The Topic Filter as it was asked for. */
  readonly filter: string
  /** The highest QoS at which the server will deliver; it may be lower than what was asked (section 3.9.3). */
  readonly qos: QoS
}

/** The result of `subscribe`. `await using` unsubscribes at the end of the block. */
export interface Subscription extends AsyncDisposable {
  /** In the order of the filters that were asked for. */
  readonly granted: readonly GrantedFilter[]
  /**
   * Ends this subscription. The server is told once no other subscription has the same filter; until UNSUBACK its messages still come.
   * When it rejects, the subscription goes on, and it can be called again.
   */
  unsubscribe(): Promise<void>
}

/** The result of `messages`: leaving the loop acknowledges the message in hand and unsubscribes. */
export type MessageStream = Subscription & AsyncIterableIterator<Message>

/**
 * A client is used once: `idle` -> `connecting` -> `online` <-> `offline` -> `closing` -> `closed`, and from each state
 * straight to `closed`. `offline` covers the wait before a reconnection and the attempt itself.
 */
export type ClientState = 'idle' | 'connecting' | 'online' | 'offline' | 'closing' | 'closed'

/** The argument of `online`. */
export interface OnlineEvent {
  /** True if the server resumed a session that it had kept (section 3.2.2.2). */
  readonly sessionPresent: boolean
}

/** The argument of `offline`. */
export interface OfflineEvent {
  /** Why the connection, or the attempt to get one, ended. */
  readonly error: Error
  /** Milliseconds until the next attempt. */
  readonly retryInMs: number
}

/** The argument of `refused`. */
export interface RefusedEvent {
  /** Topic Filters that were granted before and that the server refused on a resubscription. */
  readonly filters: readonly string[]
}

/** The argument of `attempt`. */
export interface AttemptEvent {
  /** 1 for the first attempt since the client was made, or since it was last online. */
  readonly number: number
  /** Where the attempt goes to, as in `[::1]:8883`; undefined with the option `stream`. */
  readonly host: string | undefined
}

/** The argument of `close`. */
export interface CloseEvent {
  /** The terminal error; absent after `end()` and after `destroy()` without an error. */
  readonly error?: Error | undefined
}

/** The events of a client with the arguments of their listeners. */
export interface ClientEvents {
  /** An attempt to connect begins. */
  attempt: [event: AttemptEvent]
  /** CONNACK came, and the SUBSCRIBEs that it called for are written. */
  online: [event: OnlineEvent]
  /** There is no connection; another attempt will be made. Before the first connection too, if it is retried. */
  offline: [event: OfflineEvent]
  /** The server took back subscriptions; their routes stay. */
  refused: [event: RefusedEvent]
  /** The end; nothing happens after it. */
  close: [event: CloseEvent]
}

/** How many Control Packets of each type, under the lower-case names of the standard. */
export type PacketCounts = Readonly<Record<PacketName, number>>

/** Plain numbers, taken at the moment of reading. Totals count from the construction of the client. */
export interface ClientStats {
  /** Control Packets that were read and decoded. */
  readonly packetsIn: PacketCounts
  /** Control Packets that were given to the transport. */
  readonly packetsOut: PacketCounts
  /** Bytes of MQTT, without what TLS and TCP add. */
  readonly bytesIn: number
  /** Bytes of MQTT that were given to the transport, without what TLS and TCP add. */
  readonly bytesOut: number
  /** Messages, and the bytes of their topics and payloads, that wait in the outgoing queue. */
  readonly queued: number
  /** The bytes of their topics and payloads, and about what each costs beside them. */
  readonly queuedBytes: number
  /** Outgoing messages of QoS 1 and 2 that have a Packet Identifier and are not yet settled. */
  readonly inFlight: number
  /** Incoming messages whose handlers have started and not finished. */
  readonly running: number
  /** Bytes of incoming messages whose handlers have not started. */
  readonly backlogBytes: number
  /** Connections after the first one that got CONNACK with Return Code 0. */
  readonly reconnects: number
  /** Outgoing packets that were sent again on a later connection. */
  readonly resent: number
  /** `publish` calls that rejected. */
  readonly rejected: number
  /** Incoming messages that no route and no `onMessage` took. */
  readonly unclaimed: number
  /**
   * Incoming messages that were not kept: the backlog was at `receiveBufferMaxBytes`, and no handler ended. The server sends those again
   * that a persistent session has at QoS 1 and 2; the others are lost.
   */
  readonly dropped: number
  /** Acknowledgements for no exchange, and other oddities that the standard lets a client ignore. */
  readonly anomalies: number
  /** Messages that `profile.publishesPerSecond` made wait. */
  readonly paced: number
  /** Milliseconds from the latest acknowledged packet to its answer; undefined until there was one. */
  readonly roundTripMs: number | undefined
}
