/** The types of the parameters and results of a client: messages, handlers, subscriptions, events and counters. */
import type { PacketName, QoS } from '../../codec/control-packet.js'

/**
 * An Application Message from the server. Its payload is a copy that nothing else writes to. A program that keeps a payload keeps at
 * most a block of 8 KiB in memory (of 32 KiB if the payload has 4 to 8 KiB).
 */
export interface Message {
  /** The Topic Name, 1 to 65,535 bytes of UTF-8 (section 4.7); see `topicFault`. */
  readonly topic: string
  /**
   * Set if this client could not publish to the topic: `has the wildcard "+"`, `is empty`, or `holds` a discouraged character such as
   * `U+0007`. Some servers deliver such messages. The wildcards of the Topic Filters work as ever; those in a Topic Name are ordinary
   * characters. With `strict: true`, only discouraged characters get so far.
   */
  readonly topicFault?: string | undefined
  /** The payload: 0 to 268,435,455 bytes, less the other fields of the packet (section 3.3.3). */
  readonly payload: Buffer
  /** The QoS of this delivery: the QoS of the publisher or the granted QoS, whichever is lower (section 3.8.4). */
  readonly qos: QoS
  /** True if the server had retained the message and sends it because of a new subscription (section 3.3.1.3). */
  readonly retain: boolean
  /** True if the server may have sent this packet before. Neither value proves anything (section 3.3.1.1). */
  readonly dup: boolean
  /** The payload as UTF-8 text; ill-formed bytes become U+FFFD. */
  text(): string
  /**
   * The payload, parsed as JSON. Nothing checks that the value is a `T`.
   * @throws SyntaxError if the payload is not JSON
   */
  json<T = unknown>(): T
}

/**
 * Is called with each message of a route. The client awaits what the handler returns, and acknowledges a message of QoS 1 or 2 when
 * all its handlers have finished. If a handler throws or rejects, `onHandlerError` decides what happens to the message.
 */
export type MessageHandler = (message: Message) => unknown

/** What happens to a message whose handler failed; see `ClientOptions.onHandlerError`. */
export type HandlerErrorAction = 'acknowledge' | 'redeliver' | 'close'

/** One Topic Filter with its own QoS, instead of the QoS in the options of the call. */
export interface FilterRequest {
  /** A Topic Filter, 1 to 65,535 bytes of UTF-8 (section 4.7). */
  readonly filter: string
  /** The highest QoS at which the server may deliver. Default: the QoS in the options of the call. */
  readonly qos?: QoS | undefined
}

/**
 * One Topic Filter, or several. A SUBSCRIBE has at most 1,000 of them, or as many as the profile says. More go in several, one in a
 * turn of the event loop, and what is published meanwhile may be sent between them.
 */
export type Filters = string | readonly (string | FilterRequest)[]

/** The options of `connect()`. */
export interface ConnectOptions {
  /** Stops the attempt: `connect()` rejects with `signal.reason`, and the client closes. */
  readonly signal?: AbortSignal | null | undefined
}

/** The options of `publish()`. */
export interface PublishOptions {
  /** Default 0, which needs no answer of the server (section 4.3). */
  readonly qos?: QoS | undefined
  /** Asks the server to keep the message for later subscribers (section 3.3.1.3). Default false. */
  readonly retain?: boolean | undefined
  /**
   * Withdraws the message if it has no Packet Identifier yet. A message with a Packet Identifier is still delivered. In both cases
   * `publish` rejects with `signal.reason`, which has no `delivery`: only the errors of this package have it.
   */
  readonly signal?: AbortSignal | null | undefined
  /**
   * The moment at which `publish` resolves. `'acknowledged'`, the default: at QoS 0 when the message is accepted for writing, at QoS 1
   * with PUBACK, at QoS 2 with PUBCOMP. `'stored'`: when the session store has the message; the client then delivers it later, also
   * after a restart of the program. `'stored'` is a UsageError at QoS 0 and without a durable store, because the message would not be
   * stored.
   */
  readonly until?: 'acknowledged' | 'stored' | undefined
}

/** The options of `subscribe()`. */
export interface SubscribeOptions {
  /** The highest QoS at which the server may deliver (section 3.8.4). Default 0, as for `publish`. */
  readonly qos?: QoS | undefined
  /** `subscribe` rejects with `signal.reason`. If the server grants the filters later, the client unsubscribes them. */
  readonly signal?: AbortSignal | null | undefined
}

/** The options of `messages()`. */
export interface MessagesOptions extends SubscribeOptions {
  /**
   * The number of messages that may wait for the loop, 1 to 65,535. Further messages stay unacknowledged in the backlog of the client.
   * Default: `receiveWindow`.
   */
  readonly limit?: number | undefined
}

/** The options of `ping()`. */
export interface PingOptions {
  /** `ping()` rejects with `signal.reason`. */
  readonly signal?: AbortSignal | null | undefined
  /** The longest time until PINGRESP in milliseconds, 1 to 2,147,483,647. Default: `pingTimeoutMs` of the client. */
  readonly timeoutMs?: number | undefined
}

/** The options of `end()`. */
export interface EndOptions {
  /** The longest time in milliseconds, 0 to 2,147,483,647, for messages and requests that are not finished. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** One Topic Filter that the server granted. */
export interface GrantedFilter {
  /** The Topic Filter of the request. */
  readonly filter: string
  /** The highest QoS at which the server will deliver; it may be lower than the requested QoS (section 3.9.3). */
  readonly qos: QoS
}

/** The result of `subscribe`. `await using` unsubscribes at the end of the block. */
export interface Subscription extends AsyncDisposable {
  /** In the order of the requested filters. */
  readonly granted: readonly GrantedFilter[]
  /**
   * Ends this subscription. The client sends UNSUBSCRIBE for each filter that no other subscription has; until UNSUBACK messages still
   * come. If `unsubscribe` rejects, the subscription goes on, and the program may call `unsubscribe` again.
   */
  unsubscribe(): Promise<void>
}

/** The result of `messages`. At its end the loop acknowledges its last message and unsubscribes. */
export type MessageStream = Subscription & AsyncIterableIterator<Message>

/**
 * A client is used once: `idle` -> `connecting` -> `online` <-> `offline` -> `closing` -> `closed`; each state can go straight to
 * `closed`. `offline` is the wait before a reconnection, and also the attempt to reconnect.
 */
export type ClientState = 'idle' | 'connecting' | 'online' | 'offline' | 'closing' | 'closed'

/** The argument of `online`. */
export interface OnlineEvent {
  /** True if the server had kept the session and resumes it (section 3.2.2.2). */
  readonly sessionPresent: boolean
}

/** The argument of `offline`. */
export interface OfflineEvent {
  /** The reason why the connection, or the attempt to connect, ended. */
  readonly error: Error
  /** Milliseconds until the next attempt. */
  readonly retryInMs: number
}

/** The argument of `refused`. */
export interface RefusedEvent {
  /** Topic Filters that the server granted before, and that it refused when the client subscribed them again. */
  readonly filters: readonly string[]
}

/** The argument of `attempt`. */
export interface AttemptEvent {
  /** 1 for the first attempt since the client was made, or since it was last online. */
  readonly number: number
  /** The server of this attempt, for example `[::1]:8883`; undefined with the option `stream`. */
  readonly host: string | undefined
}

/** The argument of `abandoned`. */
export interface AbandonedEvent {
  /** The Topic Name of the message. */
  readonly topic: string
  /** The QoS of the message. */
  readonly qos: QoS
  /** The payload of the message, which the client keeps no longer. */
  readonly payload: Uint8Array
  /** A `ConnectionLostError` with reason `refused-by-closing`. */
  readonly error: Error
}

/** The argument of `close`. */
export interface CloseEvent {
  /** The error that ended the client; absent after `end()` and after `destroy()` without an error. */
  readonly error?: Error | undefined
}

/** The events of a client with the arguments of their listeners. */
export interface ClientEvents {
  /** An attempt to connect begins. */
  attempt: [event: AttemptEvent]
  /** CONNACK has come, and every SUBSCRIBE that this connection needs is written. */
  online: [event: OnlineEvent]
  /** There is no connection, and the client will try again. With `retryInitial` this event also comes before the first connection. */
  offline: [event: OfflineEvent]
  /** The server refused subscriptions that it had granted before; their routes stay. */
  refused: [event: RefusedEvent]
  /**
   * The client has given up a message, because the server closes the connection at it: see `ClientOptions.abandonAfter`. Its publish
   * rejects, and the session store does not have it any more. Without a listener, a process warning tells of the first one.
   */
  abandoned: [event: AbandonedEvent]
  /** The client has ended. This is the last event. */
  close: [event: CloseEvent]
}

/** The number of Control Packets of each type, under the names of the standard in lower case. */
export type PacketCounts = Readonly<Record<PacketName, number>>

/** Numbers of a client at this moment. Totals count from the construction of the client. */
export interface ClientStats {
  /** Control Packets that were received and decoded. */
  readonly packetsIn: PacketCounts
  /** Control Packets that were encoded for the transport. */
  readonly packetsOut: PacketCounts
  /** Received bytes of MQTT, without the overhead of TLS and TCP. */
  readonly bytesIn: number
  /** Bytes of MQTT that the transport has taken, without the overhead of TLS and TCP. */
  readonly bytesOut: number
  /** Messages that wait in the outgoing queue. */
  readonly queued: number
  /** Bytes of the messages that wait in the outgoing queue: topics, payloads, and an estimate of the memory beside them. */
  readonly queuedBytes: number
  /** Outgoing messages of QoS 1 and 2 that have a Packet Identifier and are not yet fully acknowledged. */
  readonly inFlight: number
  /** Incoming messages whose handlers have started and not finished. */
  readonly running: number
  /** Bytes of incoming messages whose handlers have not started. */
  readonly backlogBytes: number
  /** Connections after the first one that got CONNACK with Return Code 0. */
  readonly reconnects: number
  /** Outgoing packets that were sent again on a later connection. */
  readonly resent: number
  /** `publish` calls that rejected, and stored messages that the client dropped when their promises had resolved (`queue`, `abandonAfter`). */
  readonly rejected: number
  /** Incoming messages for which there was neither a route nor `onMessage`. */
  readonly unclaimed: number
  /**
   * Incoming messages that the client did not keep, because the backlog was at `receiveBufferMaxBytes` and no handler finished. With a
   * persistent session the server sends them again at QoS 1 and 2; the others are lost.
   */
  readonly dropped: number
  /** Acknowledgements for an unknown Packet Identifier, and other faults of the server that a client may ignore. */
  readonly anomalies: number
  /** Messages that had to wait because of `profile.publishesPerSecond`. */
  readonly paced: number
  /** Milliseconds between the latest acknowledged packet and its acknowledgement; undefined before the first one. */
  readonly roundTripMs: number | undefined
}
