/**
 * The options of a client, parsed: every value checked, every default filled in, grouped by who uses it. What comes out is a
 * copy, so that later changes to the caller's objects have no effect, and it has no absent values that code further down would
 * have to decide about.
 */
import type { Will } from '../codec/control-packet.js'
import { quote } from '../codec/packet-field.js'
import { topicNameLength, validateTopicFilter, validateTopicName } from '../codec/topic.js'
import { UsageError } from '../errors.js'
import type { SessionStore } from '../store/session-store.js'
import { clientDefaults as defaults } from './client-defaults.js'
import { type IdentitySettings, identityFor, parseIdentity } from './client-identity.js'
import type { ClientOptions, QueueOptions, WillOptions } from './client-options.js'
import type { MessageHandler } from './client-surface.js'
import { type NetworkSettings, parseNetwork } from './network-settings.js'
import { callable, fieldBytes, flag, group, integer, isRecord, milliseconds, oneOf } from './option-checks.js'
import { beyond, parseServerProfile, requirePublishable } from './profile-limits.js'
import { parseReconnect, type ReconnectSettings } from './reconnect-settings.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'

/** What the session and CONNECT are made of. */
export interface SessionSettings {
  readonly cleanSession: boolean
  readonly keepAliveSeconds: number
  readonly will: Will<Buffer> | undefined
  readonly maxInFlight: number
  readonly maxInFlightQos2: number
}

/** How long a connection waits for what, and what it takes. */
export interface ConnectionSettings {
  readonly connectTimeoutMs: number
  readonly pingTimeoutMs: number
  readonly ackTimeoutMs: number
  readonly operationTimeoutMs: number
  readonly maxPacketBytes: number
}

export interface QueueSettings {
  readonly maxMessages: number
  readonly maxBytes: number
  /** Infinity: messages do not grow too old. */
  readonly maxAgeMs: number
  readonly overflow: 'reject' | 'drop-oldest'
  readonly offlineQos0: boolean
}

/** Who gets incoming messages, and how many at a time. */
export interface DeliverySettings {
  readonly receiveWindow: number
  readonly receiveBufferBytes: number
  readonly handlers: ReadonlyMap<string, MessageHandler>
  readonly onMessage: MessageHandler | undefined
  readonly onHandlerError: ClientOptions['onHandlerError']
}

export interface ClientSettings {
  readonly network: NetworkSettings
  readonly identity: IdentitySettings
  readonly session: SessionSettings
  readonly connection: ConnectionSettings
  /** Undefined: the client ends with its first connection. */
  readonly reconnect: ReconnectSettings | undefined
  readonly queue: QueueSettings
  readonly delivery: DeliverySettings
  /** Undefined: the session is kept in memory. */
  readonly store: SessionStore | undefined
  readonly profile: ServerProfile | undefined
  readonly signal: AbortSignal | undefined
}

const sharedSession = new SharedSettings<SessionSettings>()
const sharedConnection = new SharedSettings<ConnectionSettings>()
const sharedQueue = new SharedSettings<QueueSettings>()
const sharedDelivery = new SharedSettings<DeliverySettings>()

/** Reads the options of a client; `random` gives numbers from 0 up to but not including 1. @throws UsageError */
export function parseClientOptions(given: ClientOptions, random: () => number): ClientSettings {
  const options = group('the argument', given, 'client')
  // [MQTT-7.0.0-2] Nothing is assumed of a server beyond the standard, unless a profile says so.
  const profile = options.profile === undefined ? undefined : parseServerProfile(options.profile)
  const store = parseStore(options.store)
  const cleanSession = parseCleanSession(options.cleanSession, store)
  const network = parseNetwork(options)
  const identity = parseIdentity(options, { cleanSession, profile }, random)
  if (identity.credentials === undefined) {
    const logins = network.kind === 'servers' ? network.servers : [undefined]
    for (const login of logins) identityFor(identity, { cleanSession, profile }, login, undefined)
  }
  const keepAliveSeconds = parseKeepAlive(options.keepAlive, profile)
  const maxInFlight = parseMaxInFlight(options.maxInFlight, profile)
  const maxInFlightQos2 = options.maxInFlight ?? Math.min(maxInFlight, defaults.maxInFlightQos2)
  const will = parseWill(options.will, profile)
  const session = { cleanSession, keepAliveSeconds, will, maxInFlight, maxInFlightQos2 }
  return {
    network,
    identity,
    session: will === undefined ? sharedSession.of(session) : session,
    connection: sharedConnection.of(parseConnection(options, keepAliveSeconds)),
    reconnect: parseReconnect(options.reconnect, profile),
    queue: parseQueue(options.queue),
    delivery: parseDelivery(options),
    store,
    profile,
    signal: parseSignal(options.signal),
  }
}

function parseStore(store: SessionStore | undefined): SessionStore | undefined {
  if (store === undefined) return undefined
  const complete =
    isRecord(store) &&
    typeof store.durable === 'boolean' &&
    [store.open, store.append, store.close].every((method) => typeof method === 'function')
  if (complete) return store
  throw new UsageError(`store has to be a SessionStore, as from fileStore() or memoryStore(), not ${quote(store)}`)
}

function parseCleanSession(given: boolean | undefined, store: SessionStore | undefined): boolean {
  const durable = store?.durable ?? false
  const cleanSession = flag('cleanSession', given) ?? !durable
  if (durable && cleanSession) {
    throw new UsageError('cleanSession is true, which throws away what a durable store keeps: leave out one of them')
  }
  return cleanSession
}

function parseKeepAlive(given: number | undefined, profile: ServerProfile | undefined): number {
  const keepAlive = integer('keepAlive', given, 0, 65_535)
  const range = profile?.keepAlive
  if (profile === undefined || range === undefined) return keepAlive ?? defaults.keepAliveSeconds
  if (keepAlive === undefined) return Math.min(Math.max(defaults.keepAliveSeconds, range.min), range.max)
  if (keepAlive >= range.min && keepAlive <= range.max) return keepAlive
  throw beyond(profile, 'keepAlive', `keepAlive is ${keepAlive}`, `${range.min} to ${range.max} seconds`)
}

function parseMaxInFlight(given: number | undefined, profile: ServerProfile | undefined): number {
  const maxInFlight = integer('maxInFlight', given, 1, 65_535)
  const allowed = profile?.maxInFlight
  if (profile === undefined || allowed === undefined) return maxInFlight ?? defaults.maxInFlight
  if (maxInFlight === undefined) return Math.min(defaults.maxInFlight, allowed)
  if (maxInFlight <= allowed) return maxInFlight
  throw beyond(profile, 'maxInFlight', `maxInFlight is ${maxInFlight}`, `at most ${allowed}`)
}

function parseWill(given: WillOptions | undefined, profile: ServerProfile | undefined): Will<Buffer> | undefined {
  if (given === undefined) return undefined
  const options = group('will', given, 'will')
  if (profile?.will === false) throw beyond(profile, 'will', 'will is given', 'none')
  // [MQTT-3.1.3-10] the Will Topic is a string that UTF-8 can express, and a Topic Name
  topicNameLength(options.topic, 'will.topic', 'MQTT-3.1.3-10')
  validateTopicName(options.topic)
  const will = {
    topic: options.topic,
    payload: fieldBytes('will.payload', options.payload, '3.1.3.3'),
    // [MQTT-3.1.2-14] a will has QoS 0, 1 or 2
    qos: oneOf('will.qos', options.qos, [0, 1, 2], 'MQTT-3.1.2-14') ?? 0,
    retain: flag('will.retain', options.retain) ?? false,
  }
  if (profile !== undefined) requirePublishable(profile, 'will', { ...will, payloadBytes: will.payload.length })
  return will
}

function parseConnection(options: ClientOptions, keepAliveSeconds: number): ConnectionSettings {
  const keepAliveMs = keepAliveSeconds === 0 ? defaults.pingTimeoutMs : keepAliveSeconds * 1000
  return {
    connectTimeoutMs: milliseconds('connectTimeoutMs', options.connectTimeoutMs) ?? defaults.connectTimeoutMs,
    pingTimeoutMs:
      milliseconds('pingTimeoutMs', options.pingTimeoutMs) ?? Math.min(defaults.pingTimeoutMs, keepAliveMs),
    ackTimeoutMs: milliseconds('ackTimeoutMs', options.ackTimeoutMs) ?? defaults.ackTimeoutMs,
    operationTimeoutMs: milliseconds('operationTimeoutMs', options.operationTimeoutMs) ?? defaults.operationTimeoutMs,
    // From the longest acknowledgement, SUBACK for one filter, to the largest packet of the standard.
    maxPacketBytes: integer('maxPacketBytes', options.maxPacketBytes, 5, 268_435_460) ?? defaults.maxPacketBytes,
  }
}

function parseQueue(given: QueueOptions | undefined): QueueSettings {
  const options = given === undefined ? {} : group('queue', given, 'queue')
  const most = Number.MAX_SAFE_INTEGER
  return sharedQueue.of({
    maxMessages: integer('queue.maxMessages', options.maxMessages, 1, most) ?? defaults.queueMaxMessages,
    maxBytes: integer('queue.maxBytes', options.maxBytes, 1, most) ?? defaults.queueMaxBytes,
    maxAgeMs: milliseconds('queue.maxAgeMs', options.maxAgeMs) ?? Number.POSITIVE_INFINITY,
    overflow: oneOf('queue.overflow', options.overflow, ['reject', 'drop-oldest']) ?? defaults.queueOverflow,
    offlineQos0: flag('queue.offlineQos0', options.offlineQos0) ?? defaults.queueOfflineQos0,
  })
}

function parseDelivery(options: ClientOptions): DeliverySettings {
  const most = Number.MAX_SAFE_INTEGER
  const settings = {
    receiveWindow: integer('receiveWindow', options.receiveWindow, 1, 65_535) ?? defaults.receiveWindow,
    receiveBufferBytes:
      integer('receiveBufferBytes', options.receiveBufferBytes, 1, most) ?? defaults.receiveBufferBytes,
    handlers: parseHandlers(options.handlers),
    onMessage: callable('onMessage', options.onMessage),
    onHandlerError: callable('onHandlerError', options.onHandlerError),
  }
  const { handlers, onMessage, onHandlerError } = settings
  const plain = handlers === noHandlers && onMessage === undefined && onHandlerError === undefined
  return plain ? sharedDelivery.of(settings) : settings
}

/** For all clients that were given none. */
const noHandlers: ReadonlyMap<string, MessageHandler> = new Map()

function parseHandlers(given: ClientOptions['handlers']): ReadonlyMap<string, MessageHandler> {
  if (given === undefined) return noHandlers
  if (!isRecord(given))
    throw new UsageError(`handlers has to be an object of functions by Topic Filter, not ${quote(given)}`)
  const handlers = new Map<string, MessageHandler>()
  for (const [filter, handler] of Object.entries(given)) {
    validateTopicFilter(filter)
    if (typeof handler !== 'function') {
      throw new UsageError(`handlers[${quote(filter)}] has to be a function, not ${quote(handler)}`)
    }
    handlers.set(filter, handler)
  }
  return handlers
}

function parseSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw new UsageError(`signal has to be an AbortSignal, not ${quote(signal)}`)
}
