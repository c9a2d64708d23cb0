/**
 * The options of a client, parsed: every value checked, every default filled in, grouped by who uses it. What comes out is a
 * copy, so that later changes to the caller's objects have no effect, and it has no absent values that code further down would
 * have to decide about.
 */
import type { Will } from '../../codec/control-packet.js'
import { quote } from '../../codec/field-checks.js'
import { topicNameLength, validateTopicFilter, validateTopicName } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import type { SessionStore } from '../../store/session-store.js'
import type { MessageHandler } from '../surface/client-surface.js'
import {
  anything,
  atLeastOne,
  type Checks,
  callable,
  fieldBytes,
  flag,
  group,
  groupOf,
  isRecord,
  milliseconds,
  oneOf,
  only,
  twoBytes,
  whole,
} from './checks.js'
import type { ClientOptions, QueueOptions, WillOptions } from './client-options.js'
import { clientDefaults as defaults } from './defaults.js'
import { type IdentitySettings, identityFor, parseIdentity } from './identity.js'
import { type NetworkSettings, networkChecks, parseNetwork } from './network.js'
import { beyond, parseServerProfile, requirePublishable, withinLimit } from './profile-limits.js'
import { parseReconnect, type ReconnectSettings, reconnectChecks } from './reconnect.js'
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

const willChecks: Checks<WillOptions> = {
  topic: anything,
  payload: anything,
  // [MQTT-3.1.2-14] a will has QoS 0, 1 or 2
  qos: oneOf([0, 1, 2], 'MQTT-3.1.2-14'),
  retain: flag,
}

const queueChecks: Checks<QueueOptions> = {
  maxMessages: atLeastOne,
  maxBytes: atLeastOne,
  maxAgeMs: milliseconds,
  overflow: oneOf(['reject', 'drop-oldest']),
  offlineQos0: flag,
}

/** In the order in which an error lists them. */
export const clientChecks: Checks<ClientOptions> = {
  ...networkChecks,
  clientId: anything,
  username: anything,
  password: anything,
  credentials: callable,
  cleanSession: flag,
  keepAlive: whole(0, 65_535),
  will: groupOf(willChecks),
  connectTimeoutMs: milliseconds,
  pingTimeoutMs: milliseconds,
  ackTimeoutMs: milliseconds,
  operationTimeoutMs: milliseconds,
  reconnect: (name, value) => (value === false ? value : groupOf(reconnectChecks)(name, value)),
  maxInFlight: twoBytes,
  receiveWindow: twoBytes,
  receiveBufferBytes: atLeastOne,
  // From the longest acknowledgement, SUBACK for one filter, to the largest packet of the standard.
  maxPacketBytes: whole(5, 268_435_460),
  queue: groupOf(queueChecks),
  store: only<SessionStore>(
    'a SessionStore, as from fileStore() or memoryStore()',
    (store) =>
      isRecord(store) &&
      typeof store.durable === 'boolean' &&
      [store.open, store.append, store.close].every((method) => typeof method === 'function'),
  ),
  profile: anything,
  handlers: only<object>('an object of functions by Topic Filter', isRecord),
  onMessage: callable,
  onHandlerError: callable,
  signal: only<AbortSignal>('an AbortSignal', (signal) => signal instanceof AbortSignal),
}

const sharedSession = new SharedSettings<SessionSettings>()
const sharedConnection = new SharedSettings<ConnectionSettings>()
const sharedQueue = new SharedSettings<QueueSettings>()
const sharedDelivery = new SharedSettings<DeliverySettings>()

/** Reads the options of a client; `random` gives numbers from 0 up to but not including 1. @throws UsageError */
export function parseClientOptions(given: ClientOptions, random: () => number): ClientSettings {
  const options = group('the argument', given, clientChecks, '')
  // [MQTT-7.0.0-2] Nothing is assumed of a server beyond the standard, unless a profile says so.
  const profile = options.profile === undefined ? undefined : parseServerProfile(options.profile)
  const { store, signal } = options
  const cleanSession = parseCleanSession(options.cleanSession, store)
  const network = parseNetwork(options)
  const identity = parseIdentity(options, { cleanSession, profile }, random)
  if (identity.credentials === undefined) {
    const logins = network.kind === 'servers' ? network.servers : [undefined]
    for (const login of logins) identityFor(identity, { cleanSession, profile }, login, undefined)
  }
  const keepAliveSeconds = parseKeepAlive(options.keepAlive, profile)
  const maxInFlight = withinLimit(profile, 'maxInFlight', 'maxInFlight', options.maxInFlight, defaults.maxInFlight)
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
    signal,
  }
}

function parseCleanSession(given: boolean | undefined, store: SessionStore | undefined): boolean {
  const durable = store?.durable ?? false
  if (durable && given === true) {
    throw new UsageError('cleanSession is true, which throws away what a durable store keeps: leave out one of them')
  }
  return given ?? !durable
}

function parseKeepAlive(keepAlive: number | undefined, profile: ServerProfile | undefined): number {
  const range = profile?.keepAlive
  if (profile === undefined || range === undefined) return keepAlive ?? defaults.keepAliveSeconds
  if (keepAlive === undefined) return Math.min(Math.max(defaults.keepAliveSeconds, range.min), range.max)
  if (keepAlive >= range.min && keepAlive <= range.max) return keepAlive
  throw beyond(profile, 'keepAlive', `keepAlive is ${keepAlive}`, `${range.min} to ${range.max} seconds`)
}

function parseWill(given: WillOptions | undefined, profile: ServerProfile | undefined): Will<Buffer> | undefined {
  if (given === undefined) return undefined
  if (profile?.will === false) throw beyond(profile, 'will', 'will is given', 'none')
  const { topic, qos = 0, retain = false } = given
  // [MQTT-3.1.3-10] the Will Topic is a string that UTF-8 can express, and a Topic Name
  topicNameLength(topic, 'will.topic', 'MQTT-3.1.3-10')
  validateTopicName(topic)
  const payload = fieldBytes('will.payload', given.payload, '3.1.3.3')
  const will = { topic, payload, qos, retain }
  if (profile !== undefined) requirePublishable(profile, 'will', { ...will, payloadBytes: payload.length })
  return will
}

function parseConnection(options: ClientOptions, keepAliveSeconds: number): ConnectionSettings {
  const keepAliveMs = keepAliveSeconds === 0 ? defaults.pingTimeoutMs : keepAliveSeconds * 1000
  const {
    connectTimeoutMs = defaults.connectTimeoutMs,
    pingTimeoutMs = Math.min(defaults.pingTimeoutMs, keepAliveMs),
    ackTimeoutMs = defaults.ackTimeoutMs,
    operationTimeoutMs = defaults.operationTimeoutMs,
    maxPacketBytes = defaults.maxPacketBytes,
  } = options
  return { connectTimeoutMs, pingTimeoutMs, ackTimeoutMs, operationTimeoutMs, maxPacketBytes }
}

function parseQueue({
  maxMessages = defaults.queueMaxMessages,
  maxBytes = defaults.queueMaxBytes,
  maxAgeMs = Number.POSITIVE_INFINITY,
  overflow = defaults.queueOverflow,
  offlineQos0 = defaults.queueOfflineQos0,
}: QueueOptions = {}): QueueSettings {
  return sharedQueue.of({ maxMessages, maxBytes, maxAgeMs, overflow, offlineQos0 })
}

function parseDelivery(options: ClientOptions): DeliverySettings {
  const {
    receiveWindow = defaults.receiveWindow,
    receiveBufferBytes = defaults.receiveBufferBytes,
    onMessage,
    onHandlerError,
  } = options
  const handlers = parseHandlers(options.handlers)
  const settings = { receiveWindow, receiveBufferBytes, handlers, onMessage, onHandlerError }
  const plain = handlers === noHandlers && onMessage === undefined && onHandlerError === undefined
  return plain ? sharedDelivery.of(settings) : settings
}

/** For all clients that were given none. */
const noHandlers: ReadonlyMap<string, MessageHandler> = new Map()

function parseHandlers(given: ClientOptions['handlers']): ReadonlyMap<string, MessageHandler> {
  if (given === undefined) return noHandlers
  const handlers = new Map(Object.entries(given))
  for (const [filter, handler] of handlers) {
    validateTopicFilter(filter)
    if (typeof handler !== 'function') {
      throw new UsageError(`handlers[${quote(filter)}] has to be a function, not ${quote(handler)}`)
    }
  }
  return handlers
}
