/**
 * Parses the options of a client: checks every value, fills in the defaults, and groups the settings by the part of the client that
 * uses them. The settings are copies, so the program may change its objects later. Each value has its default, so no other code has to
 * know the defaults.
 */
import type { Will } from '../../codec/control-packet.js'
import { outline, quote } from '../../codec/field-checks.js'
import { topicNameLength, validateTopicFilter, validateTopicName } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { isRecord } from '../../option-names.js'
import type { SessionStore } from '../../store/session-store.js'
import type { MessageHandler } from '../surface/client-surface.js'
import {
  abortSignal,
  type Checks,
  callable,
  fieldBytes,
  flag,
  group,
  groupOf,
  oneOf,
  only,
  unchecked,
} from './checks.js'
import type { ClientOptions, EventListeners, QueueOptions, WillOptions } from './client-options.js'
import {
  connectionEntries,
  engineEntries,
  keepAlive,
  maxInFlightQos2,
  queueEntries,
  type SettingsOf,
  settingsFrom,
  unclaimedAfterMs,
} from './entries.js'
import { type IdentitySettings, identityFor, parseIdentity } from './identity.js'
import { type NetworkSettings, networkChecks, parseNetwork } from './network.js'
import {
  forbiddenByProfile,
  parseServerProfile,
  requirePublishable,
  requireTopicWithin,
  withinLimit,
} from './profile-limits.js'
import { parseReconnect, type ReconnectSettings, reconnectChecks } from './reconnect.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'
import { eventAdvice } from './unknown-names.js'

/** The fields of CONNECT that are the same for each attempt. */
export interface SessionSettings {
  readonly cleanSession: boolean
  readonly keepAliveSeconds: number
  readonly will: Will<Buffer> | undefined
}

/** The numbers of the engine: its entries, and the limit for the messages in flight at QoS 2. */
export interface EngineOptions extends SettingsOf<typeof engineEntries> {
  readonly maxInFlightQos2: number
}

/** The handlers of incoming messages. */
export interface DeliverySettings {
  readonly handlers: ReadonlyMap<string, MessageHandler>
  readonly onMessage: MessageHandler | undefined
  readonly onHandlerError: ClientOptions['onHandlerError']
  /** Whether messages without a route are kept aside after the first CONNACK, and for how long if the program adds no route. */
  readonly keepsAside: boolean
  readonly unclaimedAfterMs: number
}

export interface ClientSettings {
  readonly network: NetworkSettings
  readonly identity: IdentitySettings
  readonly session: SessionSettings
  readonly connection: SettingsOf<typeof connectionEntries>
  readonly engine: EngineOptions
  /** Undefined: the client ends with its first connection. */
  readonly reconnect: ReconnectSettings | undefined
  readonly queue: SettingsOf<typeof queueEntries>
  readonly delivery: DeliverySettings
  /** Undefined: the session is kept in memory. */
  readonly store: SessionStore | undefined
  readonly profile: ServerProfile | undefined
  readonly signal: AbortSignal | undefined
  readonly on: EventListeners
}

const willChecks: Checks<WillOptions> = {
  topic: unchecked,
  payload: unchecked,
  // [MQTT-3.1.2-14] a will has QoS 0, 1 or 2
  qos: oneOf([0, 1, 2], 'MQTT-3.1.2-14'),
  retain: flag,
}

const listenerChecks: Checks<EventListeners> = {
  attempt: callable,
  online: callable,
  offline: callable,
  refused: callable,
  abandoned: callable,
  close: callable,
}

/** The check of every option. An error for an unknown name lists the options in this order. */
export const clientChecks: Checks<ClientOptions> = {
  ...networkChecks,
  clientId: unchecked,
  username: unchecked,
  password: unchecked,
  credentials: callable,
  cleanSession: flag,
  keepAlive,
  will: groupOf(willChecks),
  ...connectionEntries,
  ...engineEntries,
  reconnect: (name, value) => (value === false ? value : groupOf(reconnectChecks)(name, value)),
  queue: groupOf<QueueOptions>(queueEntries),
  store: only<SessionStore>(
    'a SessionStore, as from fileStore() or memoryStore()',
    (store) =>
      isRecord(store) &&
      typeof store.durable === 'boolean' &&
      [store.open, store.append, store.close].every((method) => typeof method === 'function'),
  ),
  profile: unchecked,
  unclaimedAfterMs,
  handlers: only<object>('an object of functions by Topic Filter', isRecord),
  onMessage: callable,
  onHandlerError: callable,
  on: groupOf(listenerChecks, eventAdvice),
  signal: abortSignal,
}

const sharedSession = new SharedSettings<SessionSettings>()
const sharedConnection = new SharedSettings<ClientSettings['connection']>()
const sharedEngine = new SharedSettings<EngineOptions>()
const sharedQueue = new SharedSettings<ClientSettings['queue']>()
const sharedDelivery = new SharedSettings<DeliverySettings>()

const noListeners: EventListeners = {}

/** `random` returns a number from 0 up to but not including 1. @throws UsageError */
export function parseClientOptions(given: ClientOptions, random: () => number): ClientSettings {
  const options = group('the argument', given, clientChecks, '')
  // [MQTT-7.0.0-2] Without a profile the client assumes only what the standard says about servers.
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
  const will = parseWill(options.will, profile)
  const session = { cleanSession, keepAliveSeconds, will }
  return {
    network,
    identity,
    session: will === undefined ? sharedSession.of(session) : session,
    connection: parseConnection(options, keepAliveSeconds),
    engine: parseEngineOptions(options, profile),
    reconnect: parseReconnect(options.reconnect, profile),
    queue: sharedQueue.of(settingsFrom(queueEntries, options.queue ?? {})),
    delivery: parseDelivery(options, cleanSession),
    // A clean session ends with its connection, so there is nothing to keep. (With a durable store it is refused above.)
    store: cleanSession ? undefined : store,
    profile,
    signal: signal ?? undefined,
    on: options.on ?? noListeners,
  }
}

function parseCleanSession(given: boolean | undefined, store: SessionStore | undefined): boolean {
  const durable = store?.durable ?? false
  if (durable && given === true) {
    throw new UsageError(
      'cleanSession is true, so the session in the durable store would be lost: leave out one of them',
    )
  }
  return given ?? !durable
}

function parseKeepAlive(given: number | undefined, profile: ServerProfile | undefined): number {
  const range = profile?.keepAlive
  if (profile === undefined || range === undefined) return given ?? keepAlive.defaultValue
  if (given === undefined) return Math.min(Math.max(keepAlive.defaultValue, range.min), range.max)
  if (given >= range.min && given <= range.max) return given
  throw forbiddenByProfile(profile, 'keepAlive', `keepAlive is ${given}`, `${range.min} to ${range.max} seconds`)
}

function parseWill(given: WillOptions | undefined, profile: ServerProfile | undefined): Will<Buffer> | undefined {
  if (given === undefined) return undefined
  if (profile?.will === false) throw forbiddenByProfile(profile, 'will', 'will is given', 'none')
  const { topic, qos = 0, retain = false } = given
  // [MQTT-3.1.3-10] the Will Topic is a string with a UTF-8 form, and a Topic Name
  topicNameLength(topic, 'will.topic', 'MQTT-3.1.3-10')
  validateTopicName(topic)
  const payload = fieldBytes('will.payload', given.payload, '3.1.3.3')
  const will = { topic, payload, qos, retain }
  if (profile !== undefined) {
    requirePublishable(profile, 'will', { qos, retain, payloadBytes: payload.length })
    requireTopicWithin(profile, 'will', topic)
  }
  return will
}

function parseConnection(options: ClientOptions, keepAliveSeconds: number): ClientSettings['connection'] {
  const { defaultValue } = connectionEntries.pingTimeoutMs
  const keepAliveMs = keepAliveSeconds === 0 ? defaultValue : keepAliveSeconds * 1000
  const { pingTimeoutMs = Math.min(defaultValue, keepAliveMs) } = options
  return sharedConnection.of(settingsFrom(connectionEntries, options, { pingTimeoutMs }))
}

function parseEngineOptions(options: ClientOptions, profile: ServerProfile | undefined): EngineOptions {
  const { defaultValue } = engineEntries.maxInFlight
  const maxInFlight = withinLimit(profile, 'maxInFlight', 'maxInFlight', options.maxInFlight, defaultValue)
  const { receiveBufferBytes = 0 } = options
  const receiveBufferMaxBytes =
    options.receiveBufferMaxBytes ?? Math.max(receiveBufferBytes, engineEntries.receiveBufferMaxBytes.defaultValue)
  const engine = settingsFrom(engineEntries, options, { maxInFlight, receiveBufferMaxBytes })
  if (engine.receiveBufferMaxBytes < engine.receiveBufferBytes) {
    throw new UsageError(
      `receiveBufferMaxBytes is ${engine.receiveBufferMaxBytes}: it has to be at least receiveBufferBytes, which is ${engine.receiveBufferBytes}`,
    )
  }
  return sharedEngine.of({
    ...engine,
    maxInFlightQos2: options.maxInFlight ?? Math.min(maxInFlight, maxInFlightQos2),
  })
}

function parseDelivery(options: ClientOptions, cleanSession: boolean): DeliverySettings {
  const { onMessage, onHandlerError } = options
  const handlers = parseHandlers(options.handlers)
  const keepsAside = !cleanSession && onMessage === undefined
  const unclaimedMs = options.unclaimedAfterMs ?? unclaimedAfterMs.defaultValue
  const settings = { handlers, onMessage, onHandlerError, keepsAside, unclaimedAfterMs: unclaimedMs }
  const plain = handlers === noHandlers && onMessage === undefined && onHandlerError === undefined
  return plain ? sharedDelivery.of(settings) : settings
}

/** All clients without the option `handlers` share this map. */
const noHandlers: ReadonlyMap<string, MessageHandler> = new Map()

function parseHandlers(given: ClientOptions['handlers']): ReadonlyMap<string, MessageHandler> {
  if (given === undefined) return noHandlers
  const handlers = new Map(Object.entries(given))
  for (const [filter, handler] of handlers) {
    validateTopicFilter(filter)
    if (typeof handler !== 'function') {
      throw new UsageError(`handlers[${quote(filter)}] has to be a function, not ${outline(handler)}`)
    }
  }
  return handlers
}
