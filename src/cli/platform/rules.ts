/** What the platform takes and what it does not, as far as one packet of a connected device can tell. */

import type { ControlPacket, PublishPacket, SubscribePacket } from '../../codec/control-packet.js'
import { limits, topicExcess } from './limits.js'

export const breakages = ['signature', 'connack', 'suback', 'puback', 'pingresp', 'delivery'] as const

/**
 * What the platform, on purpose, gets wrong. `signature`: every signature counts as wrong. Of the others, what is named never
 * leaves the platform; `delivery` is every PUBLISH to a device.
 */
export type Breakage = (typeof breakages)[number]

export interface Rules {
  /** Seconds. */
  readonly keepAlive: { readonly min: number; readonly max: number }
  readonly broken: Breakage | undefined
  /** Whether the limits are kept. */
  readonly limited: boolean
  /** Milliseconds after which a connection that registers is closed. */
  readonly registrationMs: number
}

/** Whether a packet to the device stays inside, because the platform is broken in this way. */
export function isSwallowed({ broken }: Rules, { type }: ControlPacket): boolean {
  return broken === 'delivery' ? type === 'publish' : broken === type
}

/** Why a PUBLISH closes the connection, or undefined. The documentation gives no reaction, so the hardest is taken. */
export function publishFault({ limited }: Rules, { qos, retain, topic, payload }: PublishPacket): string | undefined {
  if (qos === 2) return 'QoS 2 is not supported'
  if (retain) return 'retained messages are not supported'
  if (!limited) return undefined
  return payload.length > limits.payloadBytes ? 'a payload of more than 256 KiB' : topicExcess(topic)
}

/** Why a SUBSCRIBE closes the connection, or undefined. */
export function subscribeFault({ limited }: Rules, { subscriptions }: SubscribePacket): string | undefined {
  return limited && subscriptions.length > limits.filtersPerSubscribe
    ? `more than ${limits.filtersPerSubscribe} filters in one SUBSCRIBE`
    : undefined
}

/** Why a Topic Filter is refused, or undefined. `held` are the filters that the device has already. */
export function filterFault(
  { limited }: Rules,
  filter: string,
  held: ReadonlyMap<string, unknown>,
): string | undefined {
  if (!limited) return undefined
  const isOneTooMany = held.size >= limits.subscriptions && !held.has(filter)
  return isOneTooMany ? `more than ${limits.subscriptions} subscriptions` : topicExcess(filter)
}
