/**
 * The options of the calls of a client, parsed: every name known, every value checked, and an absent signal undefined. That comes before
 * anything is kept, sent or routed, so that a call with a mistake in its options has done nothing.
 */
import type { QoS } from '../../codec/control-packet.js'
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
import { endTimeoutMs } from './entries.js'

const publishNames = namesOf<PublishOptions>({ qos: true, retain: true, signal: true, until: true })
/** For each filter of `subscribe` and `messages`. */
export const filterNames = namesOf<FilterRequest>({ filter: true, qos: true })

const connectNames = namesOf<ConnectOptions>({ signal: true })
const subscribeNames = namesOf<SubscribeOptions>({ qos: true, signal: true })
const messagesNames = namesOf<MessagesOptions>({ qos: true, signal: true, limit: true })
const pingNames = namesOf<PingOptions>({ signal: true, timeoutMs: true })
const endNames = namesOf<EndOptions>({ timeoutMs: true })

// [MQTT-3.8.3-4] A filter is subscribed at QoS 0, 1 or 2.
const qos = oneOf<QoS>([0, 1, 2], 'MQTT-3.8.3-4')

/**
 * Refuses options that `publish` does not have; their values it looks at itself. It does so for each message, so a name that is known
 * costs a comparison, and everything else goes the long way. @throws UsageError
 */
export function requirePublishOptions(given: PublishOptions): void {
  if (!isRecord(given)) return requireOptions('publish()', given, publishNames)
  for (const name in given) {
    const known = name === 'qos' || name === 'retain' || name === 'signal' || name === 'until'
    if (!known) return requireOptions('publish()', given, publishNames)
  }
}

/** What `connect` has to obey. @throws UsageError */
export function parseConnectOptions(given: ConnectOptions): { readonly signal: AbortSignal | undefined } {
  requireOptions('connect()', given, connectNames)
  return { signal: abortSignal('signal', given.signal) }
}

/** How filters are asked for. */
export interface SubscribeSettings {
  /** For the filters that name none. */
  readonly qos: QoS | undefined
  readonly signal: AbortSignal | undefined
}

/** What `subscribe` was told. @throws UsageError */
export function parseSubscribeOptions(given: SubscribeOptions): SubscribeSettings {
  requireOptions('subscribe()', given, subscribeNames)
  return settingsOf(given)
}

/** What `messages` was told; `window` is the limit where it was told none. @throws UsageError */
export function parseMessagesOptions(
  given: MessagesOptions,
  window: number,
): SubscribeSettings & { readonly limit: number } {
  requireOptions('messages()', given, messagesNames)
  return { ...settingsOf(given), limit: twoBytes('limit', given.limit) ?? window }
}

function settingsOf(given: SubscribeOptions): SubscribeSettings {
  return { qos: qos('qos', given.qos), signal: abortSignal('signal', given.signal) }
}

/** What `ping` was told; `timeoutMs` is that of the client where it was told none. @throws UsageError */
export function parsePingOptions(given: PingOptions, timeoutMs: number) {
  requireOptions('ping()', given, pingNames)
  return {
    signal: abortSignal('signal', given.signal),
    timeoutMs: milliseconds('timeoutMs', given.timeoutMs) ?? timeoutMs,
  }
}

/** The milliseconds that `end` may take. @throws UsageError */
export function parseEndOptions(given: EndOptions): number {
  requireOptions('end()', given, endNames)
  return integer('timeoutMs', given.timeoutMs, 0, maxTimerMs) ?? endTimeoutMs
}
