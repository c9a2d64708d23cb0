/**
 * Parses the options of the methods of a client: checks every name and every value. This happens before anything is stored, sent or
 * routed, so a call with a mistake in its options has no effect.
 */
import type { QoS } from '../../codec/control-packet.js'
import { kindOf } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { isRecord, namesOf, requireOptions } from '../../option-names.js'
import type {
  ConnectOptions,
  EndOptions,
  FilterRequest,
  MessagesOptions,
  PingOptions,
  PublishOptions,
  SubscribeOptions,
} from '../surface/client-surface.js'
import { abortSignal, integer, maxTimerMs, milliseconds, oneOf, twoBytes } from './checks.js'
import type { ClientOptions } from './client-options.js'
import { endTimeoutMs } from './entries.js'

const publishNames = namesOf<PublishOptions>({ qos: true, retain: true, signal: true, until: true })
/** The options of each filter of `subscribe` and `messages`. */
export const filterNames = namesOf<FilterRequest>({ filter: true, qos: true })

const connectNames = namesOf<ConnectOptions>({ signal: true })
const subscribeNames = namesOf<SubscribeOptions>({ qos: true, signal: true })
const messagesNames = namesOf<MessagesOptions>({ qos: true, signal: true, limit: true })
const pingNames = namesOf<PingOptions>({ signal: true, timeoutMs: true })
const endNames = namesOf<EndOptions>({ timeoutMs: true })

// [MQTT-3.8.3-4] A filter is subscribed at QoS 0, 1 or 2.
const qos = oneOf<QoS>([0, 1, 2], 'MQTT-3.8.3-4')

/**
 * Refuses names that are not options of `publish`; `publish` itself checks the values. This runs for each message, so a known name
 * costs only a few comparisons. @throws UsageError
 */
export function requirePublishOptions(given: PublishOptions): void {
  if (!isRecord(given)) return requireOptions('publish()', given, publishNames)
  for (const name in given) {
    const known = name === 'qos' || name === 'retain' || name === 'signal' || name === 'until'
    if (!known) return requireOptions('publish()', given, publishNames)
  }
}

/** @throws UsageError */
export function parseConnectOptions(given: ConnectOptions): { readonly signal: AbortSignal | undefined } {
  requireOptions('connect()', given, connectNames)
  return { signal: abortSignal('signal', given.signal) }
}

export interface SubscribeSettings {
  /** The QoS of the filters without their own QoS. */
  readonly qos: QoS | undefined
  readonly signal: AbortSignal | undefined
}

/** @throws UsageError */
export function parseSubscribeOptions(given: SubscribeOptions): SubscribeSettings {
  requireOptions('subscribe()', given, subscribeNames)
  return settingsOf(given)
}

/** `defaultLimit` is the limit if the program gives none. @throws UsageError */
export function parseMessagesOptions(
  given: MessagesOptions,
  defaultLimit: number,
): SubscribeSettings & { readonly limit: number } {
  requireOptions('messages()', given, messagesNames)
  return { ...settingsOf(given), limit: twoBytes('limit', given.limit) ?? defaultLimit }
}

function settingsOf(given: SubscribeOptions): SubscribeSettings {
  return { qos: qos('qos', given.qos), signal: abortSignal('signal', given.signal) }
}

/** `defaultTimeoutMs` is the time-out if the program gives none. @throws UsageError */
export function parsePingOptions(given: PingOptions, defaultTimeoutMs: number) {
  requireOptions('ping()', given, pingNames)
  return {
    signal: abortSignal('signal', given.signal),
    timeoutMs: milliseconds('timeoutMs', given.timeoutMs) ?? defaultTimeoutMs,
  }
}

/** The milliseconds that `end` may take. @throws UsageError */
export function parseEndOptions(given: EndOptions): number {
  requireOptions('end()', given, endNames)
  return integer('timeoutMs', given.timeoutMs, 0, maxTimerMs) ?? endTimeoutMs
}

/** The options of `connect(url, options)`, with the URL. @throws UsageError */
export function withUrl(url: string | object, options: ClientOptions = {}): ClientOptions {
  // The spread below would turn a value that is no object into an empty object, without an error.
  if (!isRecord(options)) throw new UsageError(`the options of connect() have to be an object, not ${kindOf(options)}`)
  if (options.url !== undefined)
    throw new UsageError('the url is given twice, as the first argument and in the options: give it once')
  // Not `instanceof`: the URL may be of another realm.
  if (isRecord(url)) throw new UsageError('the url is an object: give its text, which is its href')
  return { ...options, url }
}
